// What all figures share: making elements, writing numbers, staying drawn, and the controls that are alike.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * A figure's state as a notebook or the page's host hands it over: one value for every trait that Python syncs.
 *
 * @template {object} State
 * @typedef {object} Model
 * @property {<Key extends keyof State>(key: Key) => State[Key]} get
 * @property {<Key extends keyof State>(key: Key, value: State[Key]) => void} set
 * @property {(name: string, listen: () => void) => void} on
 * @property {(name: string, listen: () => void) => void} off
 * @property {() => void} save_changes
 */

/**
 * @template {object} State
 * @typedef {{ model: Model<State>, el: HTMLElement }} Place
 */

/** @typedef {Record<string, string | [string, string]>} Words sentences with {places}; of a pair, the first is for 1 */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Attributes */
/** @typedef {{ x: number, y: number, width: number, height: number, rx?: number }} Box */
/** @typedef {{ node: SVGElement, picker?: SVGElement, update: () => void }} Picture */

/**
 * Set attributes; false, null and undefined take one away.
 *
 * @template {Element} Node
 * @param {Node} node
 * @param {Attributes} attributes
 */
export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  return node;
}

/**
 * An HTML element. Children that are strings become text, never markup.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...(Node | string)} children
 */
export function html(tag, attributes = {}, ...children) {
  const node = setAttributes(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

/**
 * An SVG element.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...(Node | string)} children
 */
export function svg(tag, attributes = {}, ...children) {
  const node = setAttributes(document.createElementNS(SVG_NAMESPACE, tag), attributes);
  node.append(...children);
  return node;
}

/**
 * The frame of a figure; `kind` names it for style sheets and tests.
 *
 * @param {string} kind
 * @param {string} label
 * @param {...Node} children
 */
export function figureFrame(kind, label, ...children) {
  const names = { class: `fl-figure fl-${kind}`, "data-figure": kind, role: "group", "aria-label": label };
  const frame = html("div", names, ...children);
  // JupyterLab would take Enter, arrow keys and letters for commands to its cells, unless the element that has the
  // focus says that they are its own.
  frame.addEventListener("focusin", ({ target }) => {
    if (target instanceof Element) setAttributes(target, { "data-lm-suppress-shortcuts": true });
  });
  return frame;
}

/**
 * Whether an element stands on a page of the book, and not in a notebook, whose address is not the figure's.
 *
 * @param {Element} el
 */
export function onPage(el) {
  return el.closest(".fl-place") !== null;
}

// ---- words and numbers

/** The line that says what is to be seen now. Screen readers read it out whenever it changes. */
export function stateSentence() {
  return html("p", { class: "fl-sentence", role: "status", "aria-live": "polite" });
}

/**
 * Write text only where it differs, so that nothing is read out twice. A number and its % stay on one line.
 *
 * @param {Element} node
 * @param {string} text
 */
export function say(node, text) {
  const unbroken = text.replaceAll(" %", "\u00a0%");
  if (node.textContent !== unbroken) node.textContent = unbroken;
}

/**
 * One of the figure's sentences, which Python holds, with its places filled in. A pair goes by `count`.
 *
 * @param {{ get: (key: "words") => Words }} model
 * @param {string} name
 * @param {Record<string, string | number | undefined>} [values]
 */
export function tell(model, name, values = {}) {
  const words = model.get("words")[name];
  const text = typeof words === "string" ? words : words[values.count === 1 ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (_, place) => String(values[place]));
}

/** @param {number} share */
export function percent(share) {
  return `${Math.floor(100 * share + 0.5)} %`;
}

/**
 * A number with a true minus sign, which is as wide as a plus.
 *
 * @param {number} number
 */
export function signed(number, digits = 0) {
  if (number === -Infinity) return "−∞";
  const size = Math.abs(number).toFixed(digits);
  return number < 0 && Number(size) !== 0 ? `−${size}` : size;
}

/**
 * A whole number with a comma after its thousands.
 *
 * @param {number} number
 */
export function grouped(number) {
  return number.toLocaleString("en-US");
}

/** @param {string} text */
export function capital(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}`;
}

/**
 * Whole numbers from `first` on.
 *
 * @param {number} count
 */
export function range(count, first = 0) {
  return Array.from({ length: count }, (_, index) => first + index);
}

/**
 * @param {number} number
 * @param {number} least
 * @param {number} most
 */
export function clamp(number, least, most) {
  return Math.max(least, Math.min(most, number));
}

// ---- controls

/**
 * A button. One that would do nothing now says so with aria-disabled: it keeps the focus, so that a reader who
 * moves by keyboard does not lose the place.
 *
 * @param {string} control
 * @param {string} text
 * @param {() => void} act
 * @param {Attributes} [extra]
 */
export function button(control, text, act, extra = {}) {
  const node = html("button", { type: "button", class: "fl-button", "data-control": control, ...extra }, text);
  node.addEventListener("click", () => {
    if (node.getAttribute("aria-disabled") !== "true") act();
  });
  return node;
}

/**
 * @param {Element} node
 * @param {boolean} available
 */
export function setAvailable(node, available) {
  setAttributes(node, { "aria-disabled": available ? null : "true" });
}

/**
 * A choice among others; the one that is made can still be focused, and pressing it again does nothing.
 *
 * @param {Element} node
 * @param {boolean} pressed
 */
export function setPressed(node, pressed) {
  setAttributes(node, { "aria-pressed": String(pressed) });
  setAvailable(node, !pressed);
}

/**
 * Buttons in a row under their heading.
 *
 * @param {string} heading
 * @param {Node[]} buttons
 */
export function buttonRow(heading, buttons) {
  const name = html("p", { class: "fl-heading" }, heading);
  return html("div", { role: "group", "aria-label": heading }, name, html("div", { class: "fl-buttons" }, ...buttons));
}

/**
 * A box to tick, and its words.
 *
 * @param {string} control
 * @param {string} text
 * @param {(checked: boolean) => void} change
 */
export function checkbox(control, text, change) {
  const input = html("input", { type: "checkbox", "data-control": control });
  input.addEventListener("change", () => change(input.checked));
  return { input, label: html("label", { class: "fl-check" }, input, html("span", {}, text)) };
}

/**
 * A slider between its label and its value in words. `name` is what a screen reader calls it, where that is not the
 * label. `show` moves it, and says the value: `told` to the eye, `spoken` to a screen reader.
 *
 * @param {object} what
 * @param {string} what.control
 * @param {string} what.label
 * @param {string} [what.name]
 * @param {number} what.first
 * @param {number} what.last
 * @param {(value: number) => void} what.change
 * @param {Attributes} [extra] of the whole row
 */
export function slider({ control, label, name = label, first, last, change }, extra = {}) {
  const limits = { type: "range", min: first, max: last, step: 1 };
  const input = html("input", { ...limits, "data-control": control, "aria-label": name });
  input.addEventListener("input", () => change(Number(input.value)));
  const value = html("span", { class: "fl-value" });
  const element = html("div", { class: "fl-slider", ...extra }, html("span", {}, label), input, value);
  /** @type {(number: number, told: string, spoken?: string) => void} */
  const show = (number, told, spoken = told) => {
    input.value = String(number);
    setAttributes(input, { "aria-valuetext": spoken });
    say(value, told);
  };
  return { element, input, show };
}

/**
 * What keys do while the focus is on an element or inside it.
 *
 * @param {Element} element
 * @param {Record<string, () => void>} acts
 */
export function onKeys(element, acts) {
  element.addEventListener("keydown", (event) => {
    if (!(event instanceof KeyboardEvent) || !Object.hasOwn(acts, event.key)) return;
    event.preventDefault();
    acts[event.key]();
  });
}

/**
 * The keys of a slider that is drawn: arrows to its neighbours, Home and End to its ends.
 *
 * @param {Element} element
 * @param {{ first: number, last: number, get: () => number, set: (value: number) => void }} what
 */
export function onSliderKeys(element, { first, last, get, set }) {
  const less = () => set(get() - 1);
  const more = () => set(get() + 1);
  const [toFirst, toLast] = [() => set(first), () => set(last)];
  onKeys(element, {
    ArrowLeft: less,
    ArrowDown: less,
    ArrowRight: more,
    ArrowUp: more,
    Home: toFirst,
    End: toLast,
  });
}

/**
 * Back, step, run, restart: the same four in every figure. Arrow keys do the same as back and step while the
 * focus is on one of them. `get` and `set` read and write the step, from `first` to `last`.
 *
 * @param {object} what
 * @param {string} what.label
 * @param {number} what.first
 * @param {number} what.last
 * @param {() => number} what.get
 * @param {(step: number) => void} what.set
 * @param {number} [what.pause] between two steps of a run, in milliseconds
 */
export function stepControls({ label, first, last, get, set, pause = 900 }) {
  /** @type {number | null} */
  let timer = null;

  /** @param {number} to */
  const move = (to) => {
    if (to >= first && to <= last && to !== get()) set(to);
  };
  const stop = () => {
    if (timer !== null) clearInterval(timer);
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
  /** @param {() => number} to */
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

// ---- pictures

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

// ---- state

/**
 * How a figure changes its state: several traits at once, then saved. `before` comes first, each time.
 *
 * @template {object} State
 * @param {Model<State>} model
 * @returns {(changes: Partial<State>) => void}
 */
export function keeper(model, before = () => {}) {
  return (changes) => {
    before();
    for (const key of /** @type {(keyof State)[]} */ (Object.keys(changes))) {
      model.set(key, /** @type {State[keyof State]} */ (changes[key]));
    }
    model.save_changes();
  };
}

/**
 * Listen to some traits; returns what ends that.
 *
 * @param {Pick<Model<object>, "on" | "off">} model
 * @param {readonly string[]} traits
 * @param {() => void} listen
 */
export function onTraits(model, traits, listen) {
  traits.forEach((trait) => model.on(`change:${trait}`, listen));
  return () => traits.forEach((trait) => model.off(`change:${trait}`, listen));
}

/**
 * The width at which a figure's box is seen, in whole pixels.
 *
 * @param {Element} box
 * @param {number} least
 */
export function widthOf(box, least) {
  return Math.round(clamp(box.clientWidth || 680, least, 720));
}

/**
 * Keep a figure drawn: now, whenever one of its traits changes, and whenever the width of `box` does. `make(width)`
 * builds the picture for the width at which it is seen, so that its words keep their size: its `node` goes into the
 * box, and its `picker`, where it has one, keeps the focus. `draw(picture)` fills it. Returns what ends all this.
 *
 * @template {{ node: SVGElement, picker?: SVGElement }} Drawn
 * @param {object} how
 * @param {Pick<Model<object>, "on" | "off">} how.model
 * @param {readonly string[]} how.traits
 * @param {Element} how.box
 * @param {number} how.least
 * @param {(width: number) => Drawn} how.make
 * @param {(picture: Drawn) => void} how.draw
 */
export function keepDrawn({ model, traits, box, least, make, draw }) {
  /** @type {Drawn | null} */
  let picture = null;
  let drawnFor = 0;
  const redraw = () => {
    if (picture !== null) draw(picture);
  };
  const fit = () => {
    const width = widthOf(box, least);
    if (width === drawnFor) return;
    const hadFocus = picture?.picker !== undefined && document.activeElement === picture.picker;
    picture = make(width);
    drawnFor = width;
    box.replaceChildren(picture.node);
    if (hadFocus) picture.picker?.focus();
    redraw();
  };
  const watcher = new ResizeObserver(fit);
  watcher.observe(box);
  fit();
  const stop = onTraits(model, traits, redraw);
  return () => {
    watcher.disconnect();
    stop();
  };
}
