import { button, figureFrame, html, keepDrawn, keeper, layerTint, onKeys, pointIn, say, setAttributes, setPressed, stateSentence, svg } from "./figure.js";

const STATE = ["chosen", "token", "layer"];
const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NOTHING = ".";
const READS = { o: "own", b: "below", m: "memory" };

// ---- what is shown -------------------------------------------------------------------------------------------

/** Cells are counted from the embedding of token 1 on, layer after layer. */
function cellIndex(model, token, layer) {
  return layer * model.get("num_tokens") + token - 1;
}

function chosenRow(model, table) {
  return model.get(table)[model.get("chosen")][cellIndex(model, model.get("token"), model.get("layer"))];
}

function describe(model) {
  const [chosen, token, layer] = STATE.map((key) => model.get(key));
  const name = model.get("names")[chosen];
  const start = `${name[0].toUpperCase()}${name.slice(1)}. Token ${token}, layer ${layer}`;
  const found = [...chosenRow(model, "ways")].filter((sign) => sign !== NOTHING).map((sign) => DIGITS.indexOf(sign));
  const longest = Math.max(0, ...found);
  const count = found.length === 1 ? "1 cell reaches" : `${found.length} cells reach`;
  const layers = longest === 1 ? "1 layer" : `${longest} layers`;
  const told = found.length
    ? `${start}: ${count} it, and the longest way to it runs through ${layers}.`
    : `${start} is an embedding: no cell reaches it.`;
  return `${told} All ${model.get("num_tokens")} tokens take ${model.get("rounds")[chosen]} rounds, one after another.`;
}

// ---- the picture ---------------------------------------------------------------------------------------------

/** All positions, for a picture of this width; a narrow one has the numbers of the layers without their names. */
function layOut(width, { tokens, layers }) {
  const narrow = width < 560;
  const left = narrow ? 26 : 112;
  const pitch = (width - left) / tokens;
  const cellHeight = narrow ? 28 : 32;
  const top = narrow ? 78 : 44;
  const rowHeight = cellHeight + (narrow ? 26 : 30);
  return {
    width, narrow, left, pitch, cellHeight, top, rowHeight,
    cellWidth: Math.min(pitch - 6, 44),
    x: (token) => left + (token - 0.5) * pitch,
    y: (layer) => top + (layers - layer) * rowHeight + cellHeight / 2,
    bottom: top + layers * rowHeight + cellHeight,
    height: top + layers * rowHeight + cellHeight + 50,
  };
}

function legend(place) {
  const entries = [
    ["memory", "read from memory"],
    ["below", "read at the layer below"],
    ["own", "its own token"],
  ];
  return entries.map(([how, text], index) => {
    const [x, y] = place.narrow ? [0, 12 + 20 * index] : [[0, 200, 440][index], 14];
    const sample = svg("path", { class: "fl-way", "data-read": how, d: `M${x + 1} ${y - 4}h26` });
    return svg("g", {}, sample, svg("text", { class: "fl-small", x: x + 34, y }, text));
  });
}

function makeCell(place, token, layer, layers) {
  const [x, y] = [place.x(token) - place.cellWidth / 2, place.y(layer) - place.cellHeight / 2];
  const box = { x, y, width: place.cellWidth, height: place.cellHeight, rx: 5 };
  const number = svg("text", { class: "fl-number", x: place.x(token), y: place.y(layer) + 5 });
  const ring = svg("rect", { class: "fl-ring", ...box });
  const node = svg("g", { class: "fl-flow-cell", style: layerTint(layer, layers) }, svg("rect", { class: "fl-box", ...box }), ring, number);
  return { node, number };
}

/** The bands behind the tokens that are computed side by side. */
function segmentBands(place, tokens, length) {
  if (length === 0) return [];
  const bands = [];
  for (let first = 1; first <= tokens; first += length) {
    const last = Math.min(tokens, first + length - 1);
    const x = place.x(first) - place.pitch / 2 + 1;
    const band = { x, y: place.top - 8, width: (last - first + 1) * place.pitch - 2, height: place.bottom - place.top + 16, rx: 7 };
    bands.push(svg("rect", { class: "fl-segment", ...band }));
  }
  return bands;
}

/** Build the picture for one width; `update` fills it with the state. */
function makePicture(model, width, choose) {
  const [tokens, layers] = [model.get("num_tokens"), model.get("num_layers")];
  const place = layOut(width, { tokens, layers });
  const node = svg("svg", { class: "fl-picture", viewBox: `0 0 ${width} ${place.height}`, role: "group", "aria-label": "Tokens and layers" });
  const bands = svg("g", {});
  const ways = svg("g", {});
  const cells = [];
  for (let layer = 0; layer <= layers; layer += 1) {
    for (let token = 1; token <= tokens; token += 1) cells.push({ ...makeCell(place, token, layer, layers), token, layer });
  }
  node.append(bands, ways, ...legend(place));
  for (let layer = 0; layer <= layers; layer += 1) {
    const y = place.y(layer) + 5;
    const chip = svg("rect", { class: "fl-chip", x: 1, y: y - 13, width: 17, height: 17, rx: 4 });
    const row = svg("g", { style: layerTint(layer, layers) }, chip, svg("text", { class: "fl-chip-number", x: 9.5, y }, String(layer)));
    if (!place.narrow) row.append(svg("text", { x: 26, y }, layer === 0 ? "embedding" : `layer ${layer}`));
    node.append(row);
  }
  node.append(...cells.map((cell) => cell.node));
  for (let token = 1; token <= tokens; token += 1) {
    node.append(svg("text", { class: "fl-token", x: place.x(token), y: place.bottom + 24 }, String(token)));
  }
  node.append(svg("text", { class: "fl-small fl-end", x: width - 2, y: place.height - 6 }, "tokens, time →"));

  const area = { x: place.left, y: place.top - 8, width: width - place.left, height: place.bottom - place.top + 16 };
  const ring = svg("rect", { class: "fl-focus", ...area, rx: 8 });
  const picker = svg(
    "g",
    { class: "fl-picker", role: "slider", tabindex: 0, "data-control": "cell", "aria-label": "Chosen cell", "aria-valuemin": 1, "aria-valuemax": cells.length },
    svg("rect", { class: "fl-hit", ...area }), ring,
  );
  picker.addEventListener("click", (event) => {
    const [x, y] = pointIn(node, event);
    choose(1 + Math.floor((x - place.left) / place.pitch), layers - Math.round((y - place.y(layers)) / place.rowHeight));
  });
  node.append(picker);

  function update() {
    const [token, layer] = [model.get("token"), model.get("layer")];
    const [row, reads] = [chosenRow(model, "ways"), chosenRow(model, "reads")];
    const lines = [];
    cells.forEach((cell, index) => {
      const reached = row[index] !== NOTHING;
      const now = cell.token === token && cell.layer === layer;
      setAttributes(cell.node, { "data-reached": reached, "data-now": now });
      say(cell.number, reached ? String(DIGITS.indexOf(row[index])) : "");
      if (reads[index] !== NOTHING) {
        const d = `M${place.x(cell.token)} ${place.y(cell.layer)}L${place.x(token)} ${place.y(layer)}`;
        lines.push(svg("path", { class: "fl-way", "data-read": READS[reads[index]], d }));
      }
    });
    bands.replaceChildren(...segmentBands(place, tokens, model.get("segments")[model.get("chosen")]));
    ways.replaceChildren(...lines);
    setAttributes(picker, {
      "aria-valuenow": cellIndex(model, token, layer) + 1, "aria-valuetext": `token ${token}, layer ${layer}`,
      "data-token": token, "data-layer": layer,
    });
  }
  return { node, picker, update };
}

// ---- the figure ----------------------------------------------------------------------------------------------

export default {
  render({ model, el }) {
    const [tokens, layers] = [model.get("num_tokens"), model.get("num_layers")];
    const keep = keeper(model);
    const choose = (token, layer) =>
      keep({ token: Math.max(1, Math.min(tokens, token)), layer: Math.max(0, Math.min(layers, layer)) });

    const frame = html("div", { class: "fl-frame-box" });
    const sentence = stateSentence();
    const buttons = model.get("names").map((name, chosen) => button(`arrangement ${name}`, name, () => keep({ chosen })));
    const choices = html("div", { class: "fl-choices", role: "group", "aria-label": "How the model looks back" }, ...buttons);

    function draw(picture) {
      buttons.forEach((one, index) => setPressed(one, index === model.get("chosen")));
      picture.update();
      say(sentence, describe(model));
    }

    const moveBy = (right, up) => () => choose(model.get("token") + right, model.get("layer") + up);
    onKeys(frame, {
      ArrowLeft: moveBy(-1, 0), ArrowRight: moveBy(1, 0), ArrowDown: moveBy(0, -1), ArrowUp: moveBy(0, 1),
      Home: moveBy(-tokens, 0), End: moveBy(tokens, 0),
    });
    el.append(figureFrame("information-flow", "What reaches a cell", frame, choices, sentence));
    return keepDrawn({ model, traits: STATE, box: frame, least: 260, make: (width) => makePicture(model, width, choose), draw });
  },
};
