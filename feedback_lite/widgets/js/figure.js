// What all figures share: making elements, writing numbers, staying drawn, and the controls that are alike.

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
  const names = { class: `fl-figure fl-${kind}`, "data-figure": kind, role: "group", "aria-label": label };
  const frame = html("div", names, ...children);
  // JupyterLab would take Enter, arrow keys and letters for commands to its cells, unless the element that has the
  // focus says that they are its own.
  frame.addEventListener("focusin", ({ target }) => setAttributes(target, { "data-lm-suppress-shortcuts": true }));
  return frame;
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

/** The colour of a layer, from that of the embedding, layer 0, to that of the last one. */
export function layerTint(layer, last) {
  const height = (100 * layer) / last;
  return `--fl-layer: color-mix(in srgb, var(--fl-layer-high) ${height.toFixed(1)}%, var(--fl-layer-low))`;
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

/** A choice among others; the one that is made can still be focused, and pressing it again does nothing. */
export function setPressed(node, pressed) {
  setAttributes(node, { "aria-pressed": String(pressed) });
  setAvailable(node, !pressed);
}

/** What keys do while the focus is on an element or inside it. */
export function onKeys(element, acts) {
  element.addEventListener("keydown", (event) => {
    if (!(event.key in acts)) return;
    event.preventDefault();
    acts[event.key]();
  });
}

/** The keys of a slider that is drawn: arrows to its neighbours, Home and End to its ends. */
export function onSliderKeys(element, { first, last, get, set }) {
  const less = () => set(get() - 1);
  const more = () => set(get() + 1);
  onKeys(element, {
    ArrowLeft: less, ArrowDown: less, ArrowRight: more, ArrowUp: more, Home: () => set(first), End: () => set(last),
  });
}

/** Where a pointer is in a picture, in the picture's own units. */
export function pointIn(picture, { clientX, clientY }) {
  const box = picture.getBoundingClientRect();
  const scale = picture.viewBox.baseVal.width / box.width;
  return [(clientX - box.left) * scale, (clientY - box.top) * scale];
}

/** Returns how a figure changes its state: several traits at once, then saved. */
export function keeper(model) {
  return (changes) => {
    Object.entries(changes).forEach(([key, value]) => model.set(key, value));
    model.save_changes();
  };
}

/**
 * Keep a figure drawn: now, whenever one of its traits changes, and whenever the width of `box` does. `make(width)`
 * builds the picture for the width at which it is seen, so that its words keep their size: its `node` goes into the
 * box, and its `picker`, where it has one, keeps the focus. `draw(picture)` fills it. Returns what ends all this.
 */
export function keepDrawn({ model, traits, box, least, make, draw }) {
  let picture = null;
  let drawnFor = null;
  const redraw = () => draw(picture);
  const fit = () => {
    const width = Math.round(Math.max(least, Math.min(720, box.clientWidth || 680)));
    if (width === drawnFor) return;
    const hadFocus = picture !== null && document.activeElement === picture.picker;
    picture = make(width);
    drawnFor = width;
    box.replaceChildren(picture.node);
    if (hadFocus) picture.picker.focus();
    redraw();
  };
  const watcher = new ResizeObserver(fit);
  watcher.observe(box);
  fit();
  traits.forEach((trait) => model.on(`change:${trait}`, redraw));
  return () => {
    watcher.disconnect();
    traits.forEach((trait) => model.off(`change:${trait}`, redraw));
  };
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

  const earlier = byHand(() => get() - 1);
  const later = byHand(() => get() + 1);
  const toFirst = byHand(() => first);

  const back = button("back", "Back", earlier);
  const step = button("step", "Step", later, { class: "fl-button fl-primary" });
  const run = button("run", "Run", toggleRun);
  const restart = button("restart", "Restart", toFirst);
  const element = html("div", { class: "fl-steps", role: "group", "aria-label": label }, back, step, run, restart);
  onKeys(element, { ArrowLeft: earlier, ArrowRight: later, Home: toFirst, End: byHand(() => last) });

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
