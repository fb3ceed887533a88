// The picture of the duel on programs: the whole program as a strip, the lines around the present one, and the answers.

import { button, oneStop, onKeys, setAvailable } from "./controls.js";
import { html, setAttributes, svg, widthOf } from "./figure.js";
import { pickerNode, pictureNode, pointIn } from "./picture.js";
import { answerOf, countRight, PLAYERS, printsOf, truthAt } from "./program_words.js";
import { clamp, percent, range, say, tell } from "./words.js";

/** @import { Model } from "./figure.js" */
/** @import { Traits, View } from "./program_words.js" */

/** @typedef {(number: number) => void} Choose */

const LINES = 6;
const LINES_BEFORE = 4;

// ---- the whole program, from left to right

/**
 * @param {number} width
 * @param {number} count of statements
 */
function layOut(width, count) {
  const wide = width >= 480;
  const [left, right] = wide ? [132, width - 92] : [10, width - 10];
  const rows = wide ? [16, 46] : [36, 86];
  const legend = `${wide ? "one mark for each print: " : ""}a square is right, a cross wrong`;
  const pitch = (right - left) / Math.max(1, count);
  /** @param {number} number */
  const x = (number) => left + (number - 0.5) * pitch;
  return { width, wide, left, right, rows, legend, pitch, x, height: rows[1] + 38 };
}

/** @typedef {ReturnType<typeof layOut>} Layout */

/**
 * A print in a model's row: a square where it was right, a cross where it was wrong, a dot where that is not shown.
 *
 * @param {boolean | null} right
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
function printMark(right, x, y, size) {
  if (right === null) return svg("circle", { class: "fl-dot", cx: x, cy: y, r: 2.5 });
  const half = size / 2;
  if (right) return svg("rect", { class: "fl-square", x: x - half, y: y - half, width: size, height: size });
  const d = `M${x - half} ${y - half}L${x + half} ${y + half}M${x - half} ${y + half}L${x + half} ${y - half}`;
  return svg("path", { class: "fl-cross", d });
}

/**
 * The strip: a row of marks for each model, over the statements. With `choose` it is a slider that is drawn.
 *
 * @param {string[]} names
 * @param {Choose | undefined} choose
 */
function makeStrip(names, choose) {
  const node = pictureNode("The whole program, print by print");
  const ring = { x: 1.5, y: 1.5, width: 0, height: 0, rx: 6 };
  const what = { control: "statement", label: "Statement", area: ring, ring };
  const drawn = svg("g");
  const picker = choose ? pickerNode(what) : svg("g");
  node.append(drawn, picker);
  let [first, pitch, count, now] = [0, 1, 0, 0];
  if (choose) {
    /** @param {number} number */
    const go = (number) => {
      const to = clamp(number, Math.min(1, count), count);
      if (to !== now) choose(to);
    };
    /** @param {MouseEvent} event */
    const point = (event) => go(Math.floor((pointIn(node, event)[0] - first) / pitch) + 1);
    picker.addEventListener("pointerdown", point);
    const [less, more] = [() => go(now - 1), () => go(now + 1)];
    const ends = { Home: () => go(1), End: () => go(count) };
    onKeys(picker, { ArrowLeft: less, ArrowDown: less, ArrowRight: more, ArrowUp: more, ...ends });
  }

  /**
   * @param {View} view
   * @param {number} width
   */
  function draw(view, width) {
    const { statements, number, prints, shares } = view;
    const place = layOut(width, statements.length);
    [first, pitch, count, now] = [place.left, place.pitch, statements.length, number];
    setAttributes(node, { viewBox: `0 0 ${width} ${place.height}`, height: place.height });
    const all = printsOf(statements);
    const nearest = Math.min(...all.slice(1).map((print, index) => print - all[index]), 4);
    const size = clamp(nearest * pitch - 1.5, 3, 11);
    const rows = names.flatMap((name, player) => {
      const y = place.rows[player];
      const marks = all.map((print, index) => {
        const ofPrint = shares?.[player][index];
        return printMark(ofPrint ? answerOf(ofPrint) === truthAt(view, index) : null, place.x(print), y, size);
      });
      const told = shares && prints.length > 0 ? `${countRight(view, shares[player])} of ${prints.length}` : "";
      const label = place.wide ? y + 5 : y - 20;
      return [
        svg("path", { class: "fl-line", d: `M${place.left} ${y}H${place.right}` }),
        svg(
          "g",
          { "data-player": PLAYERS[player] },
          svg("rect", { class: "fl-square", x: 1, y: label - 10, width: 10, height: 10 }),
          svg("text", { x: 19, y: label }, name),
          svg("text", { class: "fl-count fl-end", x: width, y: label + 1 }, told),
          ...marks,
        ),
      ];
    });
    const at = place.x(Math.max(1, number));
    const rings = place.rows.map((y) => svg("circle", { class: "fl-ring", cx: at, cy: y, r: 9.5 }));
    const legend = svg("text", { class: "fl-small", x: place.left, y: place.height - 6 }, place.legend);
    drawn.replaceChildren(...rows, ...(count > 0 ? rings : []), legend);
    if (!choose) return;
    const area = { x: place.left, y: 0, width: place.right - place.left, height: place.height };
    picker.querySelectorAll("rect").forEach((rect) => setAttributes(rect, area));
    const text = count > 0 ? `${number} of ${count}, ${statements[number - 1].join(" ")}` : "no statement";
    const limits = { "aria-valuemin": Math.min(1, count), "aria-valuemax": count, "aria-valuenow": number };
    setAttributes(picker, { ...limits, "aria-valuetext": text });
  }
  return { node, draw };
}

// ---- the lines around the present one

/**
 * @param {string} name
 * @param {string} key
 */
function headOf(name, key) {
  const square = svg("rect", { x: 1.5, y: 1.5, width: 9, height: 9 });
  const sign = svg("svg", { class: "fl-sign", viewBox: "0 0 12 12", "aria-hidden": "true" }, square);
  return html("span", { class: "fl-who", "data-player": key }, sign, html("span", { class: "fl-name" }, name));
}

/**
 * @param {View} view
 * @param {string[]} variables
 * @param {string[]} players
 */
function listingOf(view, variables, players) {
  const { statements, number, open, values, shares, prints } = view;
  const from = clamp(number - 1 - LINES_BEFORE, 0, Math.max(0, statements.length - LINES));
  const heads = [...variables, ...players.map((name, player) => headOf(name, PLAYERS[player]))];
  const head = html(
    "tr",
    {},
    html("td"),
    html("th", { scope: "col" }, "statement"),
    ...heads.map((one) => html("th", { scope: "col", class: "fl-cell" }, one)),
  );
  const lines = range(LINES, from).map((place) => {
    const statement = statements[place];
    const isDone = place < number;
    const shown = variables.map((name) => {
      if (!statement || !isDone) return "";
      return open ? String(values[place].get(name) ?? "–") : "?";
    });
    const print = prints.indexOf(place + 1);
    const answers = PLAYERS.map((_, player) => {
      if (!isDone || print < 0) return "";
      if (!shares) return "?";
      const answer = answerOf(shares[player][print]);
      return `${answer} ${answer === truthAt(view, print) ? "✓" : "✗"}`;
    });
    const cells = [...shown, ...answers].map((text) => html("td", { class: "fl-cell" }, text));
    const marks = { "data-now": place === number - 1, "data-done": isDone };
    const text = html("td", { class: "fl-code" }, statement ? `${statement.join(" ")} ;` : "\u00a0");
    return html("tr", marks, html("td", { class: "fl-number" }, statement ? String(place + 1) : ""), text, ...cells);
  });
  return html("table", { class: "fl-listing" }, html("thead", {}, head), html("tbody", {}, ...lines));
}

// ---- the answers at the present print

/**
 * A model's row: who answers, what, and a bar for the probability that it gives to this answer.
 *
 * @param {string} name
 * @param {string} key
 */
function makeModelRow(name, key) {
  const [value, verdict, share] = ["value", "verdict", "share"].map((part) => html("span", { class: `fl-${part}` }));
  const bar = svg("rect", { class: "fl-bar", x: 1, y: 1, height: 14 });
  const whole = svg("rect", { class: "fl-whole", x: 1, y: 1, height: 14 });
  const bars = svg("svg", { class: "fl-bars", height: 16, "aria-hidden": "true" }, whole, bar);
  const node = html("div", { class: "fl-row", "data-player": key }, headOf(name, key), value, verdict, bars, share);

  /** @type {(shares: number[] | null, truth: number, unknown: string) => void} */
  function draw(shares, truth, unknown) {
    const answer = shares ? answerOf(shares) : 0;
    const right = answer === truth;
    say(value, shares ? String(answer) : unknown);
    say(verdict, shares ? (right ? "✓ right" : "✗ wrong") : "");
    say(share, shares ? percent(shares[answer - 1]) : "");
    setAttributes(verdict, { "data-verdict": shares && (right ? "right" : "wrong") });
    bar.style.width = shares ? `calc(${(100 * shares[answer - 1]).toFixed(2)}% - 2px)` : "0";
  }
  return { node, draw };
}

/**
 * The reader's row: a button for each value.
 *
 * @param {number} largest
 * @param {(value: number) => void} guess
 */
function makeReaderRow(largest, guess) {
  const buttons = range(largest, 1).map((value) =>
    button(`guess ${value}`, String(value), () => guess(value), { "aria-label": `Guess ${value}` })
  );
  const group = html("div", { class: "fl-guesses", role: "group", "aria-label": "What is printed?" }, ...buttons);
  oneStop(group);
  const score = html("span", { class: "fl-score" });
  const node = html(
    "div",
    { class: "fl-row", "data-player": "reader" },
    html("span", { class: "fl-who" }, "You"),
    group,
  );
  node.append(score);

  /** @param {View} view */
  function draw({ open, isPrint, guess: guessed, score: [right, count] }, truth = 0) {
    say(score, count ? `${right} of ${count}` : "");
    buttons.forEach((one, place) => {
      const isChosen = truth > 0 && guessed === place + 1;
      setAvailable(one, !open && isPrint);
      setAttributes(one, { "data-here": truth === place + 1, "data-chosen": isChosen });
      say(one, isChosen ? `${place + 1} ${guessed === truth ? "✓" : "✗"}` : String(place + 1));
    });
  }
  return { node, draw };
}

/**
 * The picture in all its parts. What is not given cannot be done: a recorded program takes no guess.
 *
 * @param {Model<Traits>} model
 * @param {{ choose?: Choose, guess?: (value: number) => void }} acts
 */
export function makeBoard(model, { choose, guess }) {
  const { largest, names } = model.get("rules");
  const players = PLAYERS.map((key) => tell(model, key));
  const strip = makeStrip(players, choose);
  const box = html("div", { class: "fl-picture-box" }, strip.node);
  const [lines, result] = [html("div", {}), html("p", { class: "fl-result" })];
  const rows = players.map((name, player) => makeModelRow(name, PLAYERS[player]));
  const reader = guess ? makeReaderRow(largest, guess) : null;
  const node = html("div", { class: "fl-board" }, box, lines, result, ...rows.map((row) => row.node));
  let width = 0;
  /** @type {View | null} */
  let drawn = null;

  /** @param {View} view */
  function draw(view) {
    drawn = view;
    if (!width) return;
    const { statements, number, open, isPrint, prints, shares, values } = view;
    strip.draw(view, width);
    lines.replaceChildren(listingOf(view, names, players));
    const truth = isPrint && open ? truthAt(view, prints.length - 1) : 0;
    const all = names.map((name) => `${name} = ${values[number - 1]?.get(name) ?? "–"}`).join("  ");
    const shown = !open ? "?" : isPrint ? String(truth) : all;
    say(result, statements.length > 0 ? `${statements[number - 1].join(" ")}  →  ${shown}` : "no statement yet");
    const asked = isPrint && !open ? "?" : "";
    rows.forEach((row, player) => row.draw(isPrint && shares ? shares[player][prints.length - 1] : null, truth, asked));
    reader?.draw(view, truth);
  }

  // The picture is drawn at the size at which it is seen.
  function resize() {
    const now = widthOf(box, 220);
    if (now === width) return;
    width = now;
    if (drawn) draw(drawn);
  }
  const watcher = new ResizeObserver(resize);
  watcher.observe(box);
  return { node, answer: reader ? [reader.node] : [], draw, resize, stop: () => watcher.disconnect() };
}
