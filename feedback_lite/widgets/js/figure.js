// What all figures share: making elements, writing numbers, and the four controls that move through time.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** Set attributes; false, null and undefined take one away. */
export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return node;
}

/** An HTML element. Children that are strings become text, never markup. */
export function html(tag, attributes = {}, ...children) {
  const node = setAttributes(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const node = setAttributes(document.createElementNS(SVG_NAMESPACE, tag), attributes);
  node.append(...children);
  return node;
}

/** The frame of a figure; `kind` names it for style sheets and tests. */
export function figureFrame(kind, label, ...children) {
  return html("div", { class: `fl-figure fl-${kind}`, "data-figure": kind, role: "group", "aria-label": label }, ...children);
}

/** The line that says what is to be seen now. Screen readers read it out whenever it changes. */
export function stateSentence() {
  return html("p", { class: "fl-sentence", role: "status", "aria-live": "polite" });
}

/** Write text only where it differs, so that nothing is read out twice. A number and its % stay on one line. */
export function say(node, text) {
  const unbroken = text.replaceAll(" %", "\u00a0%");
  if (node.textContent !== unbroken) node.textContent = unbroken;
}

export function percent(share) {
  return `${Math.floor(100 * share + 0.5)} %`;
}

/** A number with a true minus sign, which is as wide as a plus. */
export function signed(number, digits = 0) {
  if (number === -Infinity) return "−∞";
  const size = Math.abs(number).toFixed(digits);
  return number < 0 && Number(size) !== 0 ? `−${size}` : size;
}

/**
 * A button. One that would do nothing now says so with aria-disabled: it keeps the focus, so that a reader who
 * moves by keyboard does not lose the place.
 */
export function button(control, text, act, extra = {}) {
  const node = html("button", { type: "button", class: "fl-button", "data-control": control, ...extra }, text);
  node.addEventListener("click", () => {
    if (node.getAttribute("aria-disabled") !== "true") act();
  });
  return node;
}

export function setAvailable(node, available) {
  setAttributes(node, { "aria-disabled": available ? null : "true" });
}

/**
 * Back, step, run, restart: the same four in every figure. Arrow keys do the same as back and step while the
 * focus is on one of them. `get` and `set` read and write the step, from `first` to `last`.
 */
export function stepControls({ label, first, last, get, set, pause = 900 }) {
  let timer = null;

  const move = (to) => {
    if (to >= first && to <= last && to !== get()) set(to);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    update();
  };
  const advance = () => {
    move(get() + 1);
    if (get() >= last) stop();
  };
  const toggleRun = () => {
    if (timer !== null) return stop();
    timer = setInterval(advance, pause);
    advance();
    update();
  };
  const byHand = (to) => () => {
    stop();
    move(to());
  };

  const back = button("back", "Back", byHand(() => get() - 1));
  const step = button("step", "Step", byHand(() => get() + 1), { class: "fl-button fl-primary" });
  const run = button("run", "Run", toggleRun);
  const restart = button("restart", "Restart", byHand(() => first));
  const element = html("div", { class: "fl-steps", role: "group", "aria-label": label }, back, step, run, restart);
  const keys = { ArrowLeft: () => get() - 1, ArrowRight: () => get() + 1, Home: () => first, End: () => last };
  element.addEventListener("keydown", (event) => {
    if (!(event.key in keys)) return;
    event.preventDefault();
    byHand(keys[event.key])();
  });

  function update() {
    const now = get();
    setAvailable(back, now > first);
    setAvailable(step, now < last);
    setAvailable(run, now < last);
    setAvailable(restart, now > first);
    say(run, timer === null ? "Run" : "Pause");
  }
  return { element, update, stop };
}
