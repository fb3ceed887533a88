// Controls that are alike in all figures: buttons, boxes to tick, sliders, keys, and the four of time.

import { html, setAttributes } from "./figure.js";
import { say } from "./words.js";

/** @import { Attributes } from "./figure.js" */

/** @type {[before: string[], next: string[]]} */
const ARROWS = [["ArrowLeft", "ArrowUp"], ["ArrowRight", "ArrowDown"]];

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
  const group = node.closest("[data-one-stop]");
  if (pressed && group && !group.contains(document.activeElement)) stopAt(group, node);
}

/**
 * @param {Element} group
 * @param {EventTarget | null} stop
 */
function stopAt(group, stop) {
  group.querySelectorAll("button").forEach((one) => setAttributes(one, { tabindex: one === stop ? null : -1 }));
}

/**
 * Make a group of buttons one stop of the Tab key: it leads to the one that is pressed or had the focus last, and
 * these keys to the button before and the next one.
 *
 * @param {Element} group
 * @param {Element | null} [first]
 * @param {[before: string[], next: string[]]} [keys]
 */
export function oneStop(group, first = group.querySelector("button"), [before, next] = ARROWS) {
  setAttributes(group, { "data-one-stop": true });
  stopAt(group, first);
  group.addEventListener("focusin", ({ target }) => {
    if (target instanceof HTMLButtonElement) stopAt(group, target);
  });
  /** @param {number} by */
  const moveBy = (by) => () => {
    const all = [...group.querySelectorAll("button")].filter((one) => one.checkVisibility());
    const now = all.findIndex((one) => one === document.activeElement);
    if (now >= 0) all[(now + by + all.length) % all.length].focus(); // a box beside them is none of them
  };
  const acts = [...before.map((key) => [key, moveBy(-1)]), ...next.map((key) => [key, moveBy(1)])];
  onKeys(group, Object.fromEntries(acts));
}

/**
 * Buttons in a row under their heading.
 *
 * @param {string} heading
 * @param {Node[]} buttons
 */
export function buttonRow(heading, buttons) {
  const name = html("p", { class: "fl-heading" }, heading);
  return html("div", { class: "fl-button-row" }, name, buttonGroup(heading, buttons));
}

/**
 * Buttons side by side, one stop of the Tab key.
 *
 * @param {string} label
 * @param {Node[]} buttons
 */
export function buttonGroup(label, buttons) {
  const group = html("div", { class: "fl-buttons", role: "group", "aria-label": label }, ...buttons);
  oneStop(group);
  return group;
}

/**
 * Two buttons that lead to the one before and to the next one of what is too small in a picture to be touched.
 * `update` says whether there is one.
 *
 * @param {object} what
 * @param {string} what.control
 * @param {string} what.label
 * @param {(by: -1 | 1) => void} what.moveBy
 * @param {[before: string, after: string]} [signs]
 */
export function stepper({ control, label, moveBy }, signs = ["‹", "›"]) {
  const before = button(`${control} before`, signs[0], () => moveBy(-1), { "aria-label": `${label} before` });
  const after = button(`${control} after`, signs[1], () => moveBy(1), { "aria-label": `Next ${label.toLowerCase()}` });
  const element = buttonGroup(label, [before, after]);
  element.classList.add("fl-stepper");
  element.prepend(html("span", {}, label));
  /** @param {[isBefore: boolean, isAfter: boolean]} available */
  const update = ([isBefore, isAfter]) => {
    setAvailable(before, isBefore);
    setAvailable(after, isAfter);
  };
  return { element, update };
}

/**
 * A list to choose from, under its name. `show` says what is chosen.
 *
 * @param {object} what
 * @param {string} what.control
 * @param {string} what.label
 * @param {[value: string, text: string][]} what.options
 * @param {(value: string) => void} what.change
 */
export function choiceList({ control, label, options, change }) {
  const made = options.map(([value, text]) => html("option", { value }, text));
  const select = html("select", { class: "fl-select", "data-control": control }, ...made);
  select.addEventListener("change", () => change(select.value));
  const element = html("label", { class: "fl-choice" }, ...(label ? [html("span", {}, label)] : []), select);
  /** @param {string} value */
  const show = (value) => {
    select.value = value;
  };
  return { element, select, show };
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
 * Back, step, run, restart: the same four in every figure, one stop of the Tab key. While the focus is on one of them,
 * the arrows left and right do the same as back and step, and those up and down lead to the other buttons. `get` and
 * `set` read and write the step, from `first` to `last`.
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
  oneStop(element, step, [["ArrowUp"], ["ArrowDown"]]);

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
