// What moves when a figure makes a step. Nothing does where the reader wants no motion.

const DURATION = 200; // milliseconds

/**
 * Let a part of a picture come from aside to where it stands, in the picture's own units; it may grow visible
 * meanwhile.
 *
 * @param {Element | null | undefined} node
 * @param {number} dx
 * @param {number} dy
 * @param {number} [opacity] at its start
 */
export function comeFrom(node, dx, dy, opacity = 1) {
  if (!node || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const frames = [{ transform: `translate(${dx}px, ${dy}px)`, opacity }, { transform: "none", opacity: 1 }];
  node.animate(frames, { duration: DURATION, easing: "ease-out" });
}

/** Remembers a step: returns by how much it has changed since the last time, 0 at first and where it has jumped. */
export function stepsOf() {
  /** @type {number | null} */
  let last = null;
  /** @param {number} step */
  return (step) => {
    const by = last === null ? 0 : step - last;
    last = step;
    return Math.abs(by) === 1 ? by : 0;
  };
}
