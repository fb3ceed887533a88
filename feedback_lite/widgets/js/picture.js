// What pictures have in common: their frame, what is pointed at in them, and the marks of layers and slots.

import { svg } from "./figure.js";

/** @import { Attributes, Box } from "./figure.js" */

/**
 * An empty picture. One that holds a picker is a group of its parts, another is an image.
 *
 * @param {string} label
 * @param {number} [width]
 * @param {number} [height]
 * @param {Attributes} [extra]
 */
export function pictureNode(label, width, height, extra = {}) {
  const viewBox = width === undefined ? null : `0 0 ${width} ${height}`;
  return svg("svg", { class: "fl-picture", viewBox, role: "group", "aria-label": label, ...extra });
}

/**
 * A slider that is drawn: it takes the pointer within its area, and shows the ring when it has the focus.
 *
 * @param {{ control: string, label: string, last?: number, area: Box, ring: Box }} what
 * @param {...Node} children
 */
export function pickerNode({ control, label, last, area, ring }, ...children) {
  const limits = { "aria-valuemin": 1, "aria-valuemax": last };
  return svg(
    "g",
    { class: "fl-picker", role: "slider", tabindex: 0, "data-control": control, "aria-label": label, ...limits },
    svg("rect", { class: "fl-hit", ...area }),
    ...children,
    svg("rect", { class: "fl-focus", ...ring }),
  );
}

/**
 * Where a pointer is in a picture, in the picture's own units.
 *
 * @param {SVGSVGElement} picture
 * @param {{ clientX: number, clientY: number }} pointer
 */
export function pointIn(picture, { clientX, clientY }) {
  const box = picture.getBoundingClientRect();
  const scale = picture.viewBox.baseVal.width / box.width;
  return [(clientX - box.left) * scale, (clientY - box.top) * scale];
}

/**
 * Act where a pointer presses, and where it is dragged to.
 *
 * @param {Element} node
 * @param {(event: PointerEvent) => void} act
 */
export function onDrag(node, act) {
  node.addEventListener("pointerdown", (event) => {
    if (event instanceof PointerEvent) act(event);
  });
  node.addEventListener("pointermove", (event) => {
    if (event instanceof PointerEvent && event.buttons > 0) act(event);
  });
}

/**
 * The colour of a layer, from that of the embedding, layer 0, to that of the last one.
 *
 * @param {number} layer
 * @param {number} last
 */
export function layerTint(layer, last) {
  const height = (100 * layer) / last;
  return `--fl-layer: color-mix(in srgb, var(--fl-layer-high) ${height.toFixed(1)}%, var(--fl-layer-low))`;
}

/**
 * The number of a layer in its chip. The place is that of the chip's left edge and of the number's foot.
 *
 * @param {number} x
 * @param {number} y
 * @param {number} layer
 */
export function layerChip(x, y, layer) {
  return [
    svg("rect", { class: "fl-chip", x, y: y - 13, width: 17, height: 17, rx: 4 }),
    svg("text", { class: "fl-chip-number", x: x + 8.5, y }, String(layer)),
  ];
}

/**
 * The hatching of a slot that is evicted.
 *
 * @param {Box} slot
 */
export function hatching({ x, y, width, height }) {
  const upper = [0.33, 0.67, 1].map((share) => `M${x} ${y + share * height}L${x + share * width} ${y}`);
  const lower = [0.33, 0.67].map((share) => `M${x + share * width} ${y + height}L${x + width} ${y + share * height}`);
  return svg("path", { class: "fl-hatch", d: [...upper, ...lower].join("") });
}

/**
 * What the three kinds of lines mean, side by side from the given places on, or one under another.
 *
 * @param {[how: string, text: string][]} entries
 * @param {number[] | null} across
 */
export function wayLegend(entries, across) {
  return entries.map(([how, text], index) => {
    const [x, y] = across === null ? [0, 12 + 20 * index] : [across[index], 14];
    const sample = svg("path", { class: "fl-way", "data-read": how, d: `M${x + 1} ${y - 4}h26` });
    return svg("g", {}, sample, svg("text", { class: "fl-small", x: x + 34, y }, text));
  });
}
