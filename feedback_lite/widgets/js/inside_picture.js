// The picture of one step: layers, mixture, memory and attention on one time axis, and the readings of one slot.

import { setAttributes, svg } from "./figure.js";
import { evictedNow, mostRead } from "./inside_moment.js";
import { comeFrom, stepsOf } from "./motion.js";
import { hatching, layerTint, pictureNode } from "./picture.js";
import { percent, range } from "./words.js";

/** @import { Answer, Game, Moment } from "./inside_moment.js" */
/** @import { Attributes } from "./figure.js" */

/** @typedef {ReturnType<typeof layOut>} Layout */

/**
 * Where everything stands in a picture of this width. The present token has the last column, behind a gap.
 *
 * @param {number} width
 * @param {Moment} moment
 */
function layOut(width, moment) {
  const { step, before, size, weights, answers } = moment;
  const narrow = width < 560;
  const [left, right, gap, rise] = narrow ? [0, 92, 18, 34] : [116, 190, 28, 28];
  const span = step - Math.min(before[0] ?? step, step) + 1;
  const count = Math.max(size + 1, span, narrow ? 0 : 20);
  const pitch = (width - left - right - gap) / count;
  /** @param {number} layer */
  const layerY = (layer) => (narrow ? 40 : 36) + (answers.length - 1 - layer) * rise;
  const tokenY = layerY(0) + (narrow ? 34 : 26);
  const mixtureY = layerY(0) + (narrow ? 32 : 28);
  const line = 16;
  const side = Math.min(pitch - 2, 22);
  const tall = Math.max(side, narrow ? 16 : 20);
  // The strip stands as deep as the vector that comes out of the mixture.
  const stripY = mixtureY + (answers.length + 1) * line + (narrow ? 24 : 4);
  const numberY = stripY + tall + 16;
  const rowHeight = narrow ? 34 : 20;
  /** @param {number} row */
  const rowY = (row) => numberY + (narrow ? 34 : 26) + row * rowHeight;
  const rows = weights.length * weights[0].length;
  /** @param {number} token */
  const x = (token) => left + (token - step + count - 0.5) * pitch + (token === step ? gap : 0);
  return {
    width,
    narrow,
    left,
    gap,
    count,
    pitch,
    side,
    tall,
    line,
    layerY,
    tokenY,
    mixtureY,
    stripY,
    numberY,
    rowY,
    x,
    first: step - count + 1,
    cell: narrow ? 15 : 17,
    now: x(step),
    readX: x(step) - (pitch + gap) / 2,
    busX: x(step) + (narrow ? 17 : 26),
    height: rowY(rows - 1) + 20,
  };
}

/** @type {(name: string, x: number, y: number, words: string, extra?: Attributes) => SVGTextElement} */
const text = (name, x, y, words, extra = {}) => svg("text", { class: name, x, y, ...extra }, words);

/** @param {Layout} place */
const columns = ({ first, count }) => range(count, first).filter((token) => token > 0);

/**
 * An arrow's head at a point, in the direction of dx and dy.
 *
 * @param {number} x
 * @param {number} y
 * @param {number} dx
 * @param {number} dy
 */
function arrowHead(x, y, dx, dy) {
  const [from, to] = [[x - 6 * dx - 4 * dy, y - 6 * dy - 4 * dx], [x - 6 * dx + 4 * dy, y - 6 * dy + 4 * dx]];
  return `M${from.join(" ")}L${x} ${y}L${to.join(" ")}`;
}

/**
 * Tokens by layers: past hidden vectors, which nothing reads any more, and those of the present token as rings.
 *
 * @param {Layout} place
 * @param {Moment} moment
 * @param {Game} game
 */
function drawDepth(place, moment, game) {
  const { answers, step, silent, before, shares } = moment;
  const { narrow, busX } = place;
  const group = svg("g", { class: "fl-depth" });
  const top = answers.length - 1;
  group.append(text("fl-small", busX + 12, 16, narrow ? "would say" : "each layer would say"));
  if (!narrow) group.append(text("fl-small", place.left, 16, "hidden vectors, layer by layer"));
  answers.forEach((answer, layer) => {
    const y = place.layerY(layer);
    const name = layer === 0 ? "embedding" : `layer ${layer}${layer === top ? ", top" : ""}`;
    const past = columns(place).filter((token) => token < step);
    const r = Math.min(4, place.pitch / 3);
    const into = { d: `M${place.now + 9} ${y}H${busX}`, "stroke-width": 1 + 8 * shares[layer] };
    group.append(
      text("fl-name", 0, narrow ? y - 12 : y + 4, name),
      ...past.map((token) => svg("circle", { class: "fl-past", cx: place.x(token), cy: y, r })),
      svg(
        "g",
        { class: "fl-of-layer", style: layerTint(layer, top) },
        svg("path", { class: "fl-into", ...into }),
        svg("circle", { class: "fl-ring", cx: place.now, cy: y, r: 8 }),
        text("fl-in-ring", place.now, y + 4, String(layer)),
        ...(layer > 0 ? [drawRead(place, y, silent.includes(layer), before.length === 0)] : []),
        ...drawAnswer(place, y, answer, moment, game),
      ),
    );
  });
  return group;
}

/**
 * The arrow by which a layer reads the memory; crossed out where its attention is off.
 *
 * @param {Layout} place
 * @param {number} y
 * @param {boolean} off
 * @param {boolean} empty
 */
function drawRead(place, y, off, empty) {
  const [from, to] = [place.readX, place.now - 9];
  if (empty) return svg("g");
  const group = svg("g", { class: "fl-reads", "data-off": off }, svg("path", { d: `M${from} ${y}H${to}` }));
  if (off) group.append(svg("path", { class: "fl-struck", d: `M${(from + to) / 2 - 5} ${y - 6}l10 12m0 -12l-10 12` }));
  else group.append(svg("path", { d: arrowHead(to, y, 1, 0) }));
  return group;
}

/**
 * What a layer would answer if it were the last one: the cup, how sure it is, and a check where that is right.
 *
 * @param {Layout} place
 * @param {number} y
 * @param {Answer} answer
 * @param {Moment} moment
 * @param {Game} game
 */
function drawAnswer(place, y, [token, share], { hidden, tokens, step }, { rules, vocabulary }) {
  const x = place.busX + 12;
  const width = place.width - x;
  if (hidden) return [text("fl-answer-name", x, y + 4, "hidden")];
  const cup = token < rules.cups ? `cup ${token + 1}` : place.narrow ? "no cup" : vocabulary[token];
  const isRight = token === rules.ballAfter(tokens.slice(0, step));
  const check = isRight ? " ✓" : "";
  const words = place.narrow ? [`${cup}${check}`, percent(share)] : [`${cup}, ${percent(share)}${check}`];
  const bar = { x, y: y + (place.narrow ? 15 : 6), height: 5 };
  return [
    ...words.map((word, line) =>
      text("fl-answer-name", x, y + (place.narrow ? 13 * line - 2 : 1), word, { "data-right": isRight })
    ),
    svg("rect", { class: "fl-bed", ...bar, width }),
    svg("rect", { class: "fl-share", ...bar, width: width * share }),
  ];
}

/**
 * All layers into the mixture, one vector out of it, one key and one value into the newest slot.
 *
 * @param {Layout} place
 * @param {Moment} moment
 */
function drawMixture(place, { shares, written }) {
  const { busX, now, stripY, side, tall, narrow, line, mixtureY: y } = place;
  const learned = written === "mixture" ? "as learned" : "as you chose";
  const group = svg("g", { class: "fl-mixture" });
  const middle = stripY + tall / 2;
  const end = now + side / 2 + 3;
  group.append(
    svg("path", { class: "fl-bus", d: `M${busX} ${place.layerY(shares.length - 1)}V${y}` }),
    svg("path", { class: "fl-vector", d: `M${busX} ${y}V${middle}H${end}` }),
    svg("path", { class: "fl-vector", d: arrowHead(end, middle, -1, 0) }),
    svg("circle", { class: "fl-node", cx: busX, cy: y, r: 5 }),
    text("fl-name", busX + 12, y + 4, narrow ? "mixture" : `mixture, ${learned}`),
  );
  const [from, to] = [busX + 24, place.width - 44];
  shares.forEach((share, layer) => {
    const at = y + 4 + line * (layer + 1);
    const bar = { x: from, y: at - 10, height: 10 };
    const style = layerTint(layer, shares.length - 1);
    group.append(svg(
      "g",
      { class: "fl-of-layer", style, "data-share": percent(share) },
      text("fl-small", busX + 12, at, String(layer)),
      svg("rect", { class: "fl-bed", ...bar, width: to - from }),
      svg("rect", { class: "fl-share", ...bar, width: (to - from) * share }),
      text("fl-small fl-end", place.width, at, percent(share)),
    ));
  });
  const words = narrow ? ["key and", "value"] : ["one key, one value"];
  words.forEach((word, index) => {
    group.append(text("fl-key-name", busX + 12, middle + 4 + 14 * (index - (words.length - 1) / 2), word));
  });
  return group;
}

/**
 * One slot of the memory strip.
 *
 * @param {Layout} place
 * @param {number} token
 * @param {ReturnType<typeof markOf>} mark
 */
function drawSlot(place, token, mark) {
  const { stripY: y, side, tall } = place;
  const x = place.x(token) - side / 2;
  const box = { x, y, width: side, height: tall };
  const group = svg("g", { class: "fl-slot", "data-mark": mark, "data-slot": token });
  group.append(svg("rect", { class: "fl-square", ...box, rx: 2 }));
  if (mark === "written" || mark === "held") {
    const width = Math.max(2, side / 2 - 2);
    [x + 1, x + side - width - 1].forEach((at) => {
      group.append(svg("rect", { class: "fl-tab", x: at, y: y - 3, width, height: 5 }));
    });
  }
  if (mark === "evicted") {
    const leaves = `M${x + side} ${y + tall / 2}H${x - 8}${arrowHead(x - 9, y + tall / 2, -1, 0)}`;
    group.append(hatching(box), svg("path", { class: "fl-leaves", d: leaves }));
  }
  if (mark === "deleted") {
    group.append(svg("path", { class: "fl-struck", d: `M${x} ${y}l${side} ${tall}m0 ${-tall}l${-side} ${tall}` }));
  }
  return group;
}

/**
 * @param {number} token
 * @param {Moment} moment
 */
function markOf(token, { step, before, after, struck, deleted }) {
  const doomed = deleted.some(([slot, moment]) => slot === token && moment === step + 1);
  if (struck.includes(token) || (doomed && after.includes(token))) return "deleted";
  if (token === step) return "written";
  if (before.includes(token)) return after.includes(token) ? "held" : "evicted";
  return "gone";
}

/**
 * One token over its slot: its cups side by side, or one under another where there is little room.
 *
 * @param {Layout} place
 * @param {number} token
 * @param {string} name
 * @param {boolean} now
 */
function drawToken(place, token, name, now) {
  const [x, y, state] = [place.x(token), place.tokenY + 3, { "data-now": now }];
  const ball = token === 1 ? [svg("circle", { class: "fl-ball", cx: x, cy: place.tokenY + 11, r: 3.5 })] : [];
  if (place.pitch >= 26) return [...ball, text("fl-token", x, y, [...name].join("-"), state)];
  return [...ball, ...[...name].map((cup, line) => text("fl-token", x, y + 14 * line, cup, state))];
}

/**
 * The memory strip, the line by which every layer reads it, and the tokens above their slots.
 *
 * @param {Layout} place
 * @param {Moment} moment
 * @param {Game} game
 */
function drawStrip(place, moment, { rules }) {
  const { tokens, step, before, after, size } = moment;
  const { stripY, narrow, readX, pitch, tokenY } = place;
  const group = svg("g", { class: "fl-strip" });
  const evicted = evictedNow(moment);
  if (before.length > 0) {
    const [start, top] = [place.x(before[0]) - pitch / 2 + 1, place.layerY(moment.answers.length - 1)];
    group.append(svg("path", { class: "fl-memory-bus", d: `M${start} ${stripY - 4}v-4H${readX}V${top}` }));
    group.append(text("fl-small fl-end", readX - 7, stripY - (narrow ? 28 : 15), "every layer reads it"));
  }
  const counted = `${after.length} of ${size}`;
  const leaving = () => svg("tspan", { class: "fl-gone" }, `slot ${evicted} leaves`);
  if (narrow) {
    const name = text("fl-name", 0, stripY - 13, `memory ${counted}`);
    if (evicted) name.append(", ", leaving());
    group.append(name, text("fl-name", 0, tokenY - 12, "token: cup, then swaps"));
  } else {
    const slots = `${counted} slot${size === 1 ? "" : "s"}`;
    group.append(text("fl-name", 0, stripY + 2, "memory"), text("fl-small", 0, stripY + 17, slots));
    if (evicted) group.append(svg("text", { class: "fl-small", x: 0, y: stripY + 32 }, leaving()));
    group.append(text("fl-name", 0, tokenY + 4, "token"));
  }
  const names = columns(place).map((token) => drawToken(place, token, rules.nameOf(tokens[token - 1]), token === step));
  group.append(...names.flat());
  return group;
}

/**
 * The numbers of the columns, as many as there is room for; the present one is always there.
 *
 * @param {Layout} place
 * @param {Moment} moment
 */
function drawNumbers(place, { step }) {
  const wide = 8 * String(step).length + 5;
  const every = [1, 2, 5, 10, 20, 50].find((count) => count * place.pitch >= wide) ?? 100;
  return columns(place)
    .filter((token) => token === step || (token % every === 0 && place.now - place.x(token) >= wide))
    .map((token) => text("fl-number", place.x(token), place.numberY, String(token), { "data-now": token === step }));
}

/**
 * One row per layer and head, over the slots that the step could read; the token's own column is empty.
 *
 * @param {Layout} place
 * @param {Moment} moment
 */
function drawAttention(place, { before, weights, silent }) {
  const cells = svg("g");
  const words = svg("g", { class: "fl-attention" });
  const [right, heading] = [place.now + place.pitch / 2 + 7, place.numberY + (place.narrow ? 18 : 19)];
  if (!place.narrow) words.append(text("fl-small", place.left, heading, "how much each head reads of each slot"));
  words.append(text("fl-small", right, heading, "most read"));
  weights.flat().forEach((row, index) => {
    const [layer, head] = [Math.floor(index / weights[0].length) + 1, (index % weights[0].length) + 1];
    const [y, off] = [place.rowY(index), silent.includes(layer)];
    const name = `layer ${layer}, head ${head}`;
    row.forEach((weight, slot) => {
      const x = place.x(before[slot]) - place.pitch / 2 + 1;
      const box = { x, y, width: place.pitch - 2, height: place.cell };
      const told = svg("title", {}, `${name} reads slot ${before[slot]}: ${percent(weight)}`);
      const opacity = { "fill-opacity": off ? 0 : weight.toFixed(3), "data-off": off };
      cells.append(svg("rect", { class: "fl-cell", ...box, ...opacity }, told));
    });
    const { place: best, weight } = mostRead([row]);
    const most = row.length === 0 ? ["nothing"] : off ? ["off"] : [`slot ${before[best]}`, percent(weight)];
    words.append(text("fl-name", 0, place.narrow ? y - 5 : y + 14, name));
    if (place.narrow) words.append(...most.map((word, line) => text("fl-small", right, y + 3 + 14 * line, word)));
    else words.append(text("fl-small", right, y + 14, most.join(", ")));
  });
  return { cells, words };
}

/**
 * The picture. Its picker, the columns of memory and attention, stays the same element and so keeps the focus.
 *
 * @param {(slot: number) => void} choose
 * @param {Game} game
 */
export function makePicture(choose, game) {
  const behind = svg("g");
  const picker = svg("g", { class: "fl-picker" });
  const front = svg("g", { class: "fl-front" });
  const node = pictureNode("Layers, memory and attention on one time axis");
  node.append(behind, picker, front);
  /** @type {Layout | null} */
  let place = null;
  const moved = stepsOf();

  picker.addEventListener("pointerdown", ({ clientX }) => {
    if (place === null) return;
    const box = node.getBoundingClientRect();
    const x = ((clientX - box.left) * place.width) / box.width;
    const shift = x > place.readX ? place.gap : 0;
    choose(Math.floor((x - place.left - shift) / place.pitch) + place.first);
  });

  /** @type {(moment: Moment, width: number) => void} */
  function update(moment, width) {
    const now = layOut(width, moment);
    place = now;
    const { stripY, height, pitch, left, first } = now;
    const { slot, step } = moment;
    const marks = columns(now).map((token) => drawSlot(now, token, markOf(token, moment)));
    const area = { x: left, y: stripY - 6, width: now.now + pitch / 2 - left, height: height - stripY + 4 };
    const column = { ...area, x: now.x(slot) - pitch / 2 - 0.5, width: pitch + 1, rx: 3 };
    const visibility = slot >= first && slot <= step ? "visible" : "hidden";
    const { cells, words } = drawAttention(now, moment);
    setAttributes(node, { viewBox: `0 0 ${width} ${height}` });
    behind.replaceChildren(drawStrip(now, moment, game), drawMixture(now, moment), drawDepth(now, moment, game));
    front.replaceChildren(...drawNumbers(now, moment), words);
    picker.replaceChildren(
      svg("rect", { class: "fl-hit", ...area }),
      svg("rect", { class: "fl-frame", ...column, visibility }),
      ...marks,
      cells,
      svg("rect", { class: "fl-focus", ...area, x: area.x - 3, width: area.width + 6, rx: 6 }),
    );
    // All slots move on by one to the left, and the new one is written from where the mixture comes in.
    const by = moved(step);
    if (by === 0) return;
    const written = by > 0 ? now.busX - now.now : -now.pitch;
    marks.forEach((mark, index) => {
      if (index === marks.length - 1) comeFrom(mark, written, 0, 0.2);
      else comeFrom(mark, by * now.pitch, 0);
    });
  }
  return { node, picker, update };
}

/**
 * The chosen slot: how much each layer and head reads it now, and has read it at every step since it was written.
 *
 * @param {Moment} moment
 * @param {number} width
 */
export function drawReadings({ weights, trace, step, size, before, slot, silent }, width) {
  const narrow = width < 560;
  const [left, bar, number] = narrow ? [100, 34, 42] : [116, 140, 50];
  const start = left + bar + number + (narrow ? 6 : 24);
  const cells = Math.max(size, trace.length);
  const pitch = Math.min((width - start) / cells, 26);
  const rows = weights.flat().length;
  const height = 22 + 24 * rows + 16;
  const kind = { class: "fl-picture fl-readings", role: "img" };
  const node = pictureNode("How much the chosen slot is read", width, height, kind);
  node.append(
    text("fl-small", left, 12, narrow ? "now" : "read now"),
    text("fl-small", start, 12, narrow ? "by step" : "read at each step since it was written"),
  );
  const here = before.indexOf(slot);
  weights.flat().forEach((row, index) => {
    const [layer, head] = [Math.floor(index / weights[0].length), index % weights[0].length];
    const y = 22 + 24 * index;
    const off = silent.includes(layer + 1);
    const now = here < 0 || off ? 0 : row[here];
    const bed = { x: left, y: y + 3, height: 14 };
    node.append(
      text("fl-name", 0, y + 14, `layer ${layer + 1}, head ${head + 1}`),
      svg("rect", { class: "fl-bed", ...bed, width: bar }),
      svg("rect", { class: "fl-now-read", ...bed, width: bar * now }),
      text("fl-reading", left + bar + 6, y + 14, off ? "off" : here < 0 ? "–" : percent(now)),
      ...range(cells).map((cell) => {
        const read = trace.at(cell);
        const weight = read && !off ? read.weights[layer][head] : 0;
        const told = `Step ${read?.step}, layer ${layer + 1}, head ${head + 1}: ${percent(weight)}`;
        const box = { x: start + cell * pitch, y, width: pitch - 1.5, height: 20 };
        const state = { "fill-opacity": weight.toFixed(3), "data-waiting": !read };
        return svg("rect", { class: "fl-cell", ...box, ...state }, svg("title", {}, read ? told : "not read yet"));
      }),
    );
  });
  const end = trace.length - 1;
  const under = height - 4;
  if (trace.length > 0) node.append(text("fl-number fl-start", start, under, `step ${trace[0].step}`));
  if (end * pitch > 60) node.append(text("fl-number", start + (end + 0.5) * pitch, under, String(trace[end].step)));
  if (trace.length > 0 && trace[end].step === step) {
    const last = { x: start + end * pitch - 1.5, y: 19, width: pitch + 1.5, height: 24 * rows, rx: 3 };
    node.append(svg("rect", { class: "fl-frame", ...last }));
  }
  return node;
}
