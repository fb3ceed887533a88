// What plots have in common: numbered marks, lines, and what is taken of the picture.

import { svg } from "./figure.js";

/** @typedef {"feedback" | "ordinary" | "recurrent" | "public"} Family whose colour, line and mark it has */
/** @typedef {[x: number, y: number]} Point */

/** Half of a numbered mark. */
export const HALF = 9.5;

/**
 * @param {Family} family
 * @param {number} x
 * @param {number} y
 */
function shapeOf(family, x, y) {
  if (family === "recurrent") return svg("path", { class: "fl-diamond", d: `M${x} ${y - 13}l13 13l-13 13l-13 -13z` });
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
  const text = svg("text", { class: "fl-mark-number", x, y: y + 5 }, String(number));
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

/** @typedef {ReturnType<typeof makeRoom>} Room */

/** Remembers what is taken of the picture: `take` says if a box was free, and takes it; `keepMark` does not ask. */
export function makeRoom() {
  /** @type {number[][]} */
  const taken = [];
  /** @type {(one: number[], other: number[]) => boolean} */
  const meets = (one, other) => one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
  /** @param {[left: number, top: number, right: number, bottom: number]} box */
  const take = (box) => {
    if (taken.some((other) => meets(box, other))) return false;
    taken.push(box);
    return true;
  };
  /** @type {(x: number, y: number) => [left: number, top: number, right: number, bottom: number]} */
  const boxOfMark = (x, y) => [x - HALF - 1, y - HALF - 1, x + HALF + 1, y + HALF + 1];
  /** @type {(x: number, y: number) => boolean} */
  const takeMark = (x, y) => take(boxOfMark(x, y));
  /** @type {(x: number, y: number) => void} */
  const keepMark = (x, y) => void taken.push(boxOfMark(x, y));
  return { take, takeMark, keepMark };
}
