// Words and numbers as all figures write them.

import { html } from "./figure.js";

/** @import { Words } from "./figure.js" */

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
