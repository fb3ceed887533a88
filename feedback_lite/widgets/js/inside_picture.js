// The picture of one step: layers, mixture, memory and attention on one time axis, and the readings of one slot.

import { layerTint, percent, setAttributes, svg } from "./figure.js";
import { CUPS, evictedNow, follow, mostRead, shortName } from "./inside_game.js";

/** Where everything stands in a picture of this width. The present token has the last column, behind a gap. */
function layOut(width, moment) {
  const { step, before, size, weights, answers } = moment;
  const narrow = width < 560;
  const [left, right, gap, rise] = narrow ? [0, 92, 18, 42] : [106, 176, 30, 40];
  const span = step - Math.min(before[0] ?? step, step) + 1;
  const count = Math.max(size + 1, span, narrow ? 0 : 20);
  const pitch = (width - left - right - gap) / count;
  const layerY = (layer) => 48 + (answers.length - 1 - layer) * rise;
  const tokenY = layerY(0) + (narrow ? 36 : 30);
  const mixtureY = layerY(0) + (narrow ? 34 : 30);
  const line = narrow ? 15 : 16;
  const side = Math.min(pitch - 2, 22);
  const tall = Math.max(side, narrow ? 16 : 20);
  // The strip stands as deep as the vector that comes out of the mixture.
  const stripY = mixtureY + (answers.length + (narrow ? 1 : 2)) * line + (narrow ? 34 : 16);
  const numberY = stripY + tall + 15;
  const rowHeight = narrow ? 38 : 26;
  const rowY = (row) => numberY + (narrow ? 36 : 34) + row * rowHeight;
  const rows = weights.length * weights[0].length;
  const x = (token) => left + (token - step + count - 0.5) * pitch + (token === step ? gap : 0);
  return {
    width, narrow, left, gap, count, pitch, side, tall, line, layerY, tokenY, mixtureY, stripY, numberY, rowY, x,
    first: step - count + 1,
    cell: narrow ? 16 : 20,
    now: x(step),
    readX: x(step) - (pitch + gap) / 2,
    busX: x(step) + (narrow ? 17 : 26),
    height: rowY(rows - 1) + (narrow ? 18 : 24),
  };
}

const text = (name, x, y, words, extra = {}) => svg("text", { class: name, x, y, ...extra }, words);
const columns = ({ first, count }) => Array.from({ length: count }, (_, index) => first + index).filter((token) => token > 0);
const arrowHead = (x, y, dx, dy) => `M${x - 6 * dx - 4 * dy} ${y - 6 * dy - 4 * dx}L${x} ${y}L${x - 6 * dx + 4 * dy} ${y - 6 * dy + 4 * dx}`;

/** Tokens by layers: past hidden vectors, which nothing reads any more, and those of the present token as rings. */
function drawDepth(place, { answers, step, tokens, silent, before, shares, hidden }, vocabulary) {
  const group = svg("g", { class: "fl-depth" });
  const top = answers.length - 1;
  const ball = follow(tokens.slice(0, step));
  group.append(text("fl-small", place.busX + 12, 16, place.narrow ? "would say" : "each layer would say"));
  if (!place.narrow) group.append(text("fl-small", place.left, 16, "hidden vectors, layer by layer"));
  answers.forEach((answer, layer) => {
    const y = place.layerY(layer);
    const name = layer === 0 ? "embedding" : `layer ${layer}${layer === top ? ", top" : ""}`;
    group.append(text("fl-name", 0, place.narrow ? y - 12 : y + 4, name));
    columns(place).filter((token) => token < step).forEach((token) =>
      group.append(svg("circle", { class: "fl-past", cx: place.x(token), cy: y, r: Math.min(4, place.pitch / 3) })),
    );
    const one = svg("g", { class: "fl-of-layer", style: layerTint(layer, answers.length - 1) });
    one.append(
      svg("path", { class: "fl-into", d: `M${place.now + 9} ${y}H${place.busX}`, "stroke-width": 1 + 8 * shares[layer] }),
      svg("circle", { class: "fl-ring", cx: place.now, cy: y, r: 8 }),
      text("fl-in-ring", place.now, y + 4, String(layer)),
    );
    if (layer > 0) one.append(drawRead(place, y, silent.includes(layer), before.length === 0));
    one.append(...drawAnswer(place, y, answer, { hidden, ball }, vocabulary));
    group.append(one);
  });
  return group;
}

/** The arrow by which a layer reads the memory; crossed out where its attention is off. */
function drawRead(place, y, off, empty) {
  const [from, to] = [place.readX, place.now - 9];
  if (empty) return svg("g");
  const group = svg("g", { class: "fl-reads", "data-off": off }, svg("path", { d: `M${from} ${y}H${to}` }));
  if (off) group.append(svg("path", { class: "fl-struck", d: `M${(from + to) / 2 - 5} ${y - 6}l10 12m0 -12l-10 12` }));
  else group.append(svg("path", { d: arrowHead(to, y, 1, 0) }));
  return group;
}

/** What a layer would answer if it were the last one: the cup, how sure it is, and a check where that is right. */
function drawAnswer(place, y, [token, share], { hidden, ball }, vocabulary) {
  const x = place.busX + 12;
  const width = place.width - x;
  if (hidden) return [text("fl-answer-name", x, y + 4, "hidden")];
  const cup = token < CUPS ? `cup ${token + 1}` : place.narrow ? "no cup" : vocabulary[token];
  const right = token === ball ? " ✓" : "";
  const words = place.narrow ? [`${cup}${right}`, percent(share)] : [`${cup}, ${percent(share)}${right}`];
  return [
    ...words.map((word, line) => text("fl-answer-name", x, y + (place.narrow ? 13 * line - 2 : 1), word, { "data-right": right !== "" })),
    svg("rect", { class: "fl-bed", x, y: y + (place.narrow ? 15 : 7), width, height: 5 }),
    svg("rect", { class: "fl-share", x, y: y + (place.narrow ? 15 : 7), width: width * share, height: 5 }),
  ];
}

/** All layers into the mixture, one vector out of it, one key and one value into the newest slot. */
function drawMixture(place, { shares, written }) {
  const { busX, now, stripY, side, tall, narrow, line, mixtureY: y } = place;
  const group = svg("g", { class: "fl-mixture" });
  const middle = stripY + tall / 2;
  group.append(
    svg("path", { class: "fl-bus", d: `M${busX} ${place.layerY(shares.length - 1)}V${y}` }),
    svg("path", { class: "fl-vector", d: `M${busX} ${y}V${middle}H${now + side / 2 + 3}` }),
    svg("path", { class: "fl-vector", d: arrowHead(now + side / 2 + 3, middle, -1, 0) }),
    svg("circle", { class: "fl-node", cx: busX, cy: y, r: 5 }),
    text("fl-name", busX + 12, y + 4, "mixture"),
  );
  const [from, to] = [busX + 24, place.width - 44];
  shares.forEach((share, layer) => {
    const at = y + 4 + line * (layer + 1);
    const one = svg("g", { class: "fl-of-layer", style: layerTint(layer, shares.length - 1), "data-share": percent(share) });
    one.append(
      text("fl-small", busX + 12, at, String(layer)),
      svg("rect", { class: "fl-bed", x: from, y: at - 9, width: to - from, height: 9 }),
      svg("rect", { class: "fl-share", x: from, y: at - 9, width: (to - from) * share, height: 9 }),
      text("fl-small fl-end", place.width, at, percent(share)),
    );
    group.append(one);
  });
  const learned = written === "mixture" ? "same for every token" : "as you chose";
  if (!narrow) group.append(text("fl-small", busX + 12, y + 4 + line * (shares.length + 1), learned));
  const words = narrow ? ["key and", "value"] : ["one key, one value"];
  words.forEach((word, index) => group.append(text("fl-key-name", busX + 12, middle + 4 + 14 * (index - (words.length - 1) / 2), word)));
  return group;
}

/** One slot of the memory strip. */
function drawSlot(place, token, mark) {
  const { stripY: y, side, tall } = place;
  const x = place.x(token) - side / 2;
  const group = svg("g", { class: "fl-slot", "data-mark": mark, "data-slot": token });
  group.append(svg("rect", { class: "fl-square", x, y, width: side, height: tall, rx: 2 }));
  if (mark === "written" || mark === "held") {
    const tab = Math.max(2, side / 2 - 2);
    [x + 1, x + side - tab - 1].forEach((at) => group.append(svg("rect", { class: "fl-tab", x: at, y: y - 3, width: tab, height: 5 })));
  }
  if (mark === "evicted") {
    const hatch = [0.33, 0.67, 1].map((share) => `M${x} ${y + share * tall}L${x + share * side} ${y}`);
    const rest = [0.33, 0.67].map((share) => `M${x + share * side} ${y + tall}L${x + side} ${y + share * tall}`);
    group.append(svg("path", { class: "fl-hatch", d: [...hatch, ...rest].join("") }));
    group.append(svg("path", { class: "fl-leaves", d: `M${x + side} ${y + tall / 2}H${x - 8}${arrowHead(x - 9, y + tall / 2, -1, 0)}` }));
  }
  if (mark === "deleted") group.append(svg("path", { class: "fl-struck", d: `M${x} ${y}l${side} ${tall}m0 ${-tall}l${-side} ${tall}` }));
  return group;
}

function markOf(token, { step, before, after, struck, deleted }) {
  const doomed = deleted.some(([slot, moment]) => slot === token && moment === step + 1);
  if (struck.includes(token) || (doomed && after.includes(token))) return "deleted";
  if (token === step) return "written";
  if (before.includes(token)) return after.includes(token) ? "held" : "evicted";
  return "gone";
}

/** The memory strip, the line by which every layer reads it, and the tokens above their slots. */
function drawStrip(place, moment) {
  const { tokens, step, before, after, size } = moment;
  const { stripY, narrow, readX, pitch } = place;
  const group = svg("g", { class: "fl-strip" });
  const evicted = evictedNow(moment);
  if (before.length > 0) {
    const [start, top] = [place.x(before[0]) - pitch / 2 + 1, place.layerY(moment.answers.length - 1)];
    group.append(svg("path", { class: "fl-memory-bus", d: `M${start} ${stripY - 4}v-4H${readX}V${top}` }));
    group.append(text("fl-small fl-end", readX - 7, stripY - (narrow ? 28 : 15), "every layer reads it"));
  }
  const counted = `${after.length} of ${size}`;
  const leaving = evicted ? `slot ${evicted} leaves` : "";
  const gone = (words) => svg("tspan", { class: "fl-gone" }, words);
  if (narrow) {
    const name = text("fl-name", 0, stripY - 13, `memory ${counted}`);
    if (evicted) name.append(", ", gone(leaving));
    group.append(name, text("fl-name", 0, place.tokenY - 12, "token: cup, then swaps"));
  } else {
    group.append(text("fl-name", 0, stripY + 2, "memory"), text("fl-small", 0, stripY + 17, `${counted} slot${size === 1 ? "" : "s"}`));
    if (evicted) group.append(svg("text", { class: "fl-small", x: 0, y: stripY + 32 }, gone(leaving)));
    group.append(text("fl-name", 0, place.tokenY + 4, "token"));
    group.append(text("fl-small", place.left, place.tokenY + 38, "all that is left of a past token: at most one slot"));
  }
  columns(place).forEach((token) => {
    const name = shortName(tokens[token - 1]);
    const state = { "data-now": token === step };
    if (token === 1) group.append(svg("circle", { class: "fl-ball", cx: place.x(1), cy: place.tokenY + 11, r: 3.5 }));
    if (pitch >= 20) group.append(text("fl-token", place.x(token), place.tokenY + 3, [...name].join("-"), state));
    else [...name].forEach((cup, line) => group.append(text("fl-token", place.x(token), place.tokenY + 3 + 12 * line, cup, state)));
  });
  return group;
}

/** The numbers of the columns, as many as there is room for; the present one is always there. */
function drawNumbers(place, { step }) {
  const wide = 7 * String(step).length + 4;
  const every = [1, 2, 5, 10, 20, 50].find((count) => count * place.pitch >= wide) ?? 100;
  return columns(place)
    .filter((token) => token === step || (token % every === 0 && place.now - place.x(token) >= wide))
    .map((token) => text("fl-number", place.x(token), place.numberY, String(token), { "data-now": token === step }));
}

/** One row per layer and head, over the slots that the step could read; the token's own column is empty. */
function drawAttention(place, { before, weights, silent }) {
  const cells = svg("g");
  const words = svg("g", { class: "fl-attention" });
  const [right, heading] = [place.now + place.pitch / 2 + 7, place.numberY + (place.narrow ? 18 : 22)];
  if (!place.narrow) words.append(text("fl-small", place.left, heading, "how much each head reads of each slot"));
  words.append(text("fl-small", right, heading, "most read"));
  weights.flat().forEach((row, index) => {
    const [layer, head] = [Math.floor(index / weights[0].length) + 1, (index % weights[0].length) + 1];
    const [y, off] = [place.rowY(index), silent.includes(layer)];
    const name = `layer ${layer}, head ${head}`;
    const cell = { y, width: place.pitch - 2, height: place.cell };
    row.forEach((weight, index) => {
      const told = `${name} reads slot ${before[index]}: ${percent(weight)}`;
      const at = { x: place.x(before[index]) - place.pitch / 2 + 1, ...cell };
      cells.append(
        svg("rect", { class: "fl-cell", ...at, "fill-opacity": off ? 0 : weight.toFixed(3), "data-off": off }, svg("title", {}, told)),
      );
    });
    const { place: best, weight } = mostRead([row]);
    const most = row.length === 0 ? ["nothing"] : off ? ["off"] : [`slot ${before[best]}`, percent(weight)];
    words.append(text("fl-name", 0, place.narrow ? y - 5 : y + 14, name));
    if (place.narrow) most.forEach((word, line) => words.append(text("fl-small", right, y + 3 + 14 * line, word)));
    else words.append(text("fl-small", right, y + 14, most.join(", ")));
  });
  return { cells, words };
}

/** The picture. Its picker, the columns of memory and attention, stays the same element and so keeps the focus. */
export function makePicture(choose) {
  const behind = svg("g");
  const picker = svg("g", { class: "fl-picker" });
  const front = svg("g", { class: "fl-front" });
  const node = svg("svg", { class: "fl-picture", role: "group", "aria-label": "Layers, memory and attention on one time axis" }, behind, picker, front);
  let place = null;

  picker.addEventListener("pointerdown", ({ clientX }) => {
    const box = node.getBoundingClientRect();
    const x = ((clientX - box.left) * place.width) / box.width;
    const shift = x > place.readX ? place.gap : 0;
    choose(Math.floor((x - place.left - shift) / place.pitch) + place.first);
  });

  function update(moment, vocabulary, width) {
    place = layOut(width, moment);
    const { stripY, height, pitch, now, left, first } = place;
    const marks = columns(place).map((token) => drawSlot(place, token, markOf(token, moment)));
    const area = { x: left, y: stripY - 6, width: now + pitch / 2 - left, height: height - stripY + 4 };
    const column = { ...area, x: place.x(moment.slot) - pitch / 2 - 0.5, width: pitch + 1 };
    const within = moment.slot >= first && moment.slot <= moment.step;
    setAttributes(node, { viewBox: `0 0 ${width} ${height}` });
    behind.replaceChildren(drawStrip(place, moment), drawMixture(place, moment), drawDepth(place, moment, vocabulary));
    const { cells, words } = drawAttention(place, moment);
    front.replaceChildren(...drawNumbers(place, moment), words);
    picker.replaceChildren(
      svg("rect", { class: "fl-hit", ...area }), svg("rect", { class: "fl-frame", ...column, rx: 3, visibility: within ? "visible" : "hidden" }),
      ...marks, cells,
      svg("rect", { class: "fl-focus", ...area, x: area.x - 3, width: area.width + 6, rx: 6 }),
    );
  }
  return { node, picker, update };
}

/** The chosen slot: how much each layer and head reads it now, and has read it at every step since it was written. */
export function drawReadings({ weights, trace, step, size, before, slot, silent }, width) {
  const narrow = width < 560;
  const [left, bar, number] = narrow ? [100, 34, 42] : [106, 150, 46];
  const start = left + bar + number + (narrow ? 6 : 24);
  const cells = Math.max(size, trace.length);
  const pitch = Math.min((width - start) / cells, 26);
  const rows = weights.flat().length;
  const height = 22 + 24 * rows + 16;
  const node = svg("svg", { class: "fl-readings", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "How much the chosen slot is read" });
  node.append(text("fl-small", left, 12, narrow ? "now" : "read now"), text("fl-small", start, 12, narrow ? "by step" : "read at each step since it was written"));
  const here = before.indexOf(slot);
  weights.flat().forEach((row, index) => {
    const [layer, head] = [Math.floor(index / weights[0].length), index % weights[0].length];
    const y = 22 + 24 * index;
    const off = silent.includes(layer + 1);
    const now = here < 0 || off ? 0 : row[here];
    node.append(
      text("fl-name", 0, y + 14, `layer ${layer + 1}, head ${head + 1}`),
      svg("rect", { class: "fl-bed", x: left, y: y + 3, width: bar, height: 14 }),
      svg("rect", { class: "fl-now-read", x: left, y: y + 3, width: bar * now, height: 14 }),
      text("fl-reading", left + bar + 6, y + 14, off ? "off" : here < 0 ? "–" : percent(now)),
    );
    for (let cell = 0; cell < cells; cell += 1) {
      const read = trace[cell];
      const weight = read && !off ? read.weights[layer][head] : 0;
      const told = read ? `Step ${read.step}, layer ${layer + 1}, head ${head + 1}: ${percent(weight)}` : "not read yet";
      node.append(
        svg(
          "rect",
          { class: "fl-cell", x: start + cell * pitch, y, width: pitch - 1.5, height: 20, "fill-opacity": weight.toFixed(3), "data-waiting": !read },
          svg("title", {}, told),
        ),
      );
    }
  });
  const end = trace.length - 1;
  const under = height - 4;
  if (trace.length > 0) node.append(text("fl-number fl-start", start, under, `step ${trace[0].step}`));
  if (end * pitch > 60) node.append(text("fl-number", start + (end + 0.5) * pitch, under, String(trace[end].step)));
  if (trace.length > 0 && trace[end].step === step) {
    node.append(svg("rect", { class: "fl-frame", x: start + end * pitch - 1.5, y: 19, width: pitch + 1.5, height: 24 * rows, rx: 3 }));
  }
  return node;
}
