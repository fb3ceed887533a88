import { slider, stepControls } from "./controls.js";
import { figureFrame, html, keepDrawn, keeper, setAttributes, svg } from "./figure.js";
import { whole } from "./link.js";
import { comeFrom, stepsOf } from "./motion.js";
import { pictureNode } from "./picture.js";
import { onOneScreen } from "./screen.js";
import { percent, say, signed, stateSentence, tell } from "./words.js";

/** @import { Model, Place, Words } from "./figure.js" */

/** @typedef {{ name: string, kind: string, numbers: number[] }} Row one vector */
/** @typedef {{ names: string[], numbers: number[][], series: string[], unit: "share" | "logit" }} Bars */
/** @typedef {{ name: string, short: string, tell: string, rows: Row[], bars: Bars }} Station */

/**
 * @typedef {object} Traits
 * @property {Station[][]} walks by token
 * @property {string[]} tokens
 * @property {number} token
 * @property {number} station
 * @property {Words} words
 */

const STATE = ["token", "station"];

/** @param {Model<Traits>} model */
function describe(model) {
  const [token, station] = [model.get("token"), model.get("station")];
  const { name, tell: told } = model.get("walks")[token - 1][station - 1];
  return tell(model, "here", { token, word: model.get("tokens")[token - 1], name, told });
}

// ---- the picture

/**
 * The way: one mark per station, in one line or two, with the present one filled.
 *
 * @param {Station[]} stations
 * @param {number} present
 * @param {number} width
 */
function drawWay(stations, present, width) {
  const perLine = width < 560 ? Math.ceil(stations.length / 2) : stations.length;
  const pitch = width / perLine;
  const group = svg("g", { class: "fl-way" });
  stations.forEach(({ short }, index) => {
    const x = ((index % perLine) + 0.5) * pitch;
    const y = 14 + 48 * Math.floor(index / perLine);
    if (index % perLine > 0) group.append(svg("path", { class: "fl-line", d: `M${x - pitch + 11} ${y}H${x - 11}` }));
    const state = index + 1 === present ? "now" : index + 1 < present ? "done" : "waiting";
    group.append(svg(
      "g",
      { class: "fl-station", "data-state": state },
      svg("circle", { class: "fl-stop", cx: x, cy: y, r: 10 }),
      svg("text", { class: "fl-stop-number", x, y: y + 5 }, String(index + 1)),
      svg("text", { class: "fl-stop-name", x, y: y + 27 }, short),
    ));
  });
  return { group, pitch, height: 48 * Math.ceil(stations.length / perLine) };
}

/** @typedef {{ width: number, left: number, above: number, full: number }} Layout */

/**
 * One vector: a square per number, the stronger the colour the larger; grey with a dash means negative.
 *
 * @param {Row} row
 * @param {number} y
 * @param {Layout} place
 */
function drawRow({ name, kind, numbers }, y, place) {
  const group = svg("g", { class: `fl-row fl-of-${kind}` });
  const top = y + place.above;
  const cell = (place.width - place.left) / numbers.length;
  group.append(svg("text", { class: "fl-row-name", x: 0, y: place.above ? y + 15 : y + 16 }, name));
  group.append(svg("rect", { class: "fl-bed", x: place.left, y: top, width: place.width - place.left, height: 22 }));
  numbers.forEach((number, index) => {
    const x = place.left + index * cell;
    const box = { x, y: top, width: Math.max(1, cell - 1), height: 22 };
    const opacity = Math.min(1, Math.abs(number) / place.full).toFixed(3);
    group.append(svg("rect", { class: "fl-cell", ...box, "fill-opacity": opacity, "data-negative": number < 0 }));
    if (number < 0) {
      const [from, to] = [x + 0.25 * cell, x + 0.75 * cell - 1];
      group.append(svg("path", { class: "fl-minus", d: `M${from} ${top + 11}H${to}` }));
    }
  });
  return group;
}

/**
 * Horizontal bars: attention weights in per cent, one bar per head, filled or outlined in turn; or the logits.
 *
 * @param {Bars} bars
 * @param {number} y
 * @param {Layout} place
 */
function drawBars({ names, numbers, series, unit }, y, place) {
  const areShares = unit === "share";
  // Weights are what the query reads; logits are the answer of the model with feedback.
  const group = svg("g", { class: areShares ? "fl-bars fl-of-query" : "fl-bars fl-of-memory" });
  // One column for each head.
  const left = place.above ? 66 : 110;
  const column = (place.width - left) / series.length;
  const room = column - 56;
  const largest = areShares ? 1 : Math.max(...numbers.flat().map(Math.abs), 1e-9);
  let top = y;
  if (areShares) {
    series.forEach((name, index) => {
      const x = left + column * index;
      const box = { x, y: top + 3, width: 12, height: 12 };
      group.append(svg("rect", { class: "fl-bar", "data-series": index % 2, ...box }));
      group.append(svg("text", { class: "fl-bar-name", x: x + 18, y: top + 14 }, name));
    });
    top += 22;
  }
  names.forEach((name, row) => {
    group.append(svg("text", { class: "fl-bar-name", x: 0, y: top + 14 }, name));
    numbers[row].forEach((number, index) => {
      const length = (room * Math.abs(number)) / largest;
      const kind = { class: "fl-bar", "data-series": index % 2, "data-negative": number < 0 };
      const x = left + column * index;
      const box = { x, y: top + 2, width: Math.max(1, length), height: 14 };
      const text = areShares ? percent(number).replace(" ", "\u00a0") : signed(number, 1);
      const at = { x: x + length + 6, y: top + 14 };
      group.append(svg("rect", { ...kind, ...box }), svg("text", { class: "fl-bar-number", ...at }, text));
    });
    top += 19;
  });
  return { group, height: top - y };
}

/**
 * Build the picture for one width; `update` fills it with the state.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 */
function makePicture(model, width) {
  const narrow = width < 560;
  // One scale for all pictures: the colour is full for the largest fiftieth of the numbers.
  const all = model.get("walks").flat().flatMap(({ rows }) => rows.flatMap(({ numbers }) => numbers.map(Math.abs)));
  const full = all.sort((one, other) => one - other)[Math.floor(0.98 * (all.length - 1))];
  const place = { width, left: narrow ? 0 : 110, above: narrow ? 20 : 0, full };
  const node = pictureNode("", undefined, undefined, { role: "img" });
  const moved = stepsOf();

  function update() {
    const [token, station] = [model.get("token"), model.get("station")];
    const stations = model.get("walks")[token - 1];
    const { name, rows, bars } = stations[station - 1];
    const way = drawWay(stations, station, width);
    let y = way.height + 18;
    const title = svg("text", { class: "fl-now", x: 0, y }, `${station} of ${stations.length}: ${name}`);
    y += 12;
    const drawn = rows.map((row) => {
      const group = drawRow(row, y, place);
      y += 28 + place.above;
      return group;
    });
    const chart = drawBars(bars, y + 4, place);
    y += 4 + (bars.names.length ? chart.height : 0);
    setAttributes(node, { viewBox: `0 0 ${width} ${y}`, "aria-label": `${name} of token ${token}` });
    const by = moved(station);
    node.replaceChildren(way.group, title, ...drawn, ...(bars.names.length ? [chart.group] : []));
    // The mark goes on to the next station; there the vectors come in from above.
    if (by === 0) return;
    comeFrom(way.group.querySelector('[data-state="now"] .fl-stop'), -by * way.pitch, 0);
    drawn.forEach((row) => comeFrom(row, 0, -8 * by, 0));
  }
  return { node, update };
}

// ---- the figure

/** @param {Model<Traits>} model */
function link(model) {
  return {
    rules: { token: whole(1, model.get("tokens").length), station: whole(1, model.get("walks")[0].length) },
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const words = model.get("tokens");
    const keep = keeper(model);
    const box = html("div", { class: "fl-picture-box" });
    const sentence = stateSentence();
    const way = stepControls({
      label: "Station",
      first: 1,
      last: model.get("walks")[0].length,
      get: () => model.get("station"),
      set: (station) => keep({ station }),
    });
    const token = slider({
      control: "token",
      label: "Token",
      first: 1,
      last: words.length,
      change: (token) => keep({ token }),
    });

    /** @param {{ update: () => void }} picture */
    function draw(picture) {
      const now = model.get("token");
      token.show(now, `${now}: ${words[now - 1]}`, `${now}, ${words[now - 1]}`);
      way.update();
      picture.update();
      say(sentence, describe(model));
    }

    const screen = onOneScreen([box], [html("div", { class: "fl-side" }, way.element, token.element)]);
    el.append(
      figureFrame("token-walk", "One token's walk through the model", screen, sentence),
    );
    /** @param {number} width */
    const make = (width) => makePicture(model, width);
    const stop = keepDrawn({ model, traits: STATE, box, least: 240, make, draw });
    return () => {
      way.stop();
      stop();
    };
  },
};
