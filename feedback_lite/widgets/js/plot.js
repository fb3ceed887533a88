// What plots have in common: numbered marks, lines, and names beside the ends of lines.

import { svg } from "./figure.js";

/** @typedef {"feedback" | "ordinary" | "recurrent" | "public"} Family whose colour, line and mark it has */
/** @typedef {[x: number, y: number]} Point */

/** Half of a numbered mark. */
export const HALF = 8;

/**
 * @param {Family} family
 * @param {number} x
 * @param {number} y
 */
function shapeOf(family, x, y) {
  if (family === "recurrent") return svg("path", { class: "fl-diamond", d: `M${x} ${y - 11}l11 11l-11 11l-11 -11z` });
  if (family === "public") return svg("circle", { class: "fl-circle", cx: x, cy: y, r: HALF + 1 });
  return svg("rect", { class: "fl-square", x: x - HALF, y: y - HALF, width: 2 * HALF, height: 2 * HALF, rx: 1.5 });
}

/**
 * A model's number in the mark of its family: a square, a diamond of a recurrent network, a circle of what others made.
 *
 * @param {Family} family
 * @param {number | ""} number
 * @param {number} x
 * @param {number} y
 */
export function numberedMark(family, number, x, y) {
  const shape = shapeOf(family, x, y);
  const text = svg("text", { class: "fl-mark-number", x, y: y + 4 }, String(number));
  return svg("g", { class: "fl-mark", "data-family": family }, shape, text);
}

/**
 * The way through all points.
 *
 * @param {Point[]} points
 */
export function path(points) {
  return `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
}

/**
 * Where labels of these sizes stand in a column, each as near to its end as the others allow.
 *
 * @param {number[]} wanted
 * @param {number[]} sizes
 * @param {number} top
 * @param {number} bottom
 */
export function spread(wanted, sizes, top, bottom) {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b] || a - b);
  /** @type {number[]} */
  const middles = [];
  let above = top;
  order.forEach((index) => {
    middles[index] = Math.max(wanted[index], above + sizes[index] / 2);
    above = middles[index] + sizes[index] / 2;
  });
  let below = bottom;
  [...order].reverse().forEach((index) => {
    middles[index] = Math.min(middles[index], below - sizes[index] / 2);
    below = middles[index] - sizes[index] / 2;
  });
  return middles;
}
