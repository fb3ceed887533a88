// What all figures share: making elements, keeping their state, and staying drawn.

import { figureBar } from "./present.js";

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
 * The frame of a figure; `kind` names it for style sheets and tests. Its bar follows it to the place where it is put.
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
  queueMicrotask(() => frame.after(figureBar(frame, label)));
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
  return Math.round(Math.max(least, Math.min(1000, box.clientWidth || 680)));
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
