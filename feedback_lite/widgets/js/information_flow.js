import { button, buttonGroup, onKeys, setPressed, stepper } from "./controls.js";
import { figureFrame, html, keepDrawn, keeper, setAttributes, svg } from "./figure.js";
import { whole } from "./link.js";
import { layerChip, layerTint, pickerNode, pictureNode, pointIn, wayLegend } from "./picture.js";
import { largeResult, onOneScreen } from "./screen.js";
import { capital, clamp, range, say, stateSentence, tell } from "./words.js";

/** @import { Model, Picture, Place, Words } from "./figure.js" */

/**
 * @typedef {object} Traits
 * @property {string[]} names of the arrangements
 * @property {number[]} segments
 * @property {number[]} rounds
 * @property {string[][]} ways per arrangement and cell: one sign per cell
 * @property {string[][]} reads per arrangement and cell: one sign per cell
 * @property {string} digits the signs of the numbers from 0 on
 * @property {string} nothing the sign of no way
 * @property {Record<string, string>} kinds of reads, by sign
 * @property {number} num_tokens
 * @property {number} num_layers
 * @property {number} chosen
 * @property {number} token
 * @property {number} layer
 * @property {Words} words
 */

const STATE = ["chosen", "token", "layer"];

// ---- what is shown

/**
 * Cells are counted from the embedding of token 1 on, layer after layer.
 *
 * @param {Model<Traits>} model
 * @param {number} token
 * @param {number} layer
 */
function cellIndex(model, token, layer) {
  return layer * model.get("num_tokens") + token - 1;
}

/**
 * @param {Model<Traits>} model
 * @param {"ways" | "reads"} table
 */
function chosenRow(model, table) {
  return model.get(table)[model.get("chosen")][cellIndex(model, model.get("token"), model.get("layer"))];
}

/** @param {Model<Traits>} model */
function describe(model) {
  const chosen = model.get("chosen");
  const cell = { token: model.get("token"), layer: model.get("layer"), name: capital(model.get("names")[chosen]) };
  const signs = [...chosenRow(model, "ways")].filter((sign) => sign !== model.get("nothing"));
  const longest = Math.max(0, ...signs.map((sign) => model.get("digits").indexOf(sign)));
  const reaching = tell(model, "cells", { count: signs.length });
  const reached = { ...cell, cells: reaching, layers: tell(model, "layers", { count: longest }) };
  const told = signs.length ? tell(model, "reached", reached) : tell(model, "embedding", cell);
  return `${told} ${tell(model, "rounds", { tokens: model.get("num_tokens"), rounds: model.get("rounds")[chosen] })}`;
}

// ---- the picture

/** @typedef {ReturnType<typeof layOut>} Layout */

/**
 * All positions, for a picture of this width; a narrow one has the numbers of the layers without their names.
 *
 * @param {number} width
 * @param {number} tokens
 * @param {number} layers
 */
function layOut(width, tokens, layers) {
  const narrow = width < 560;
  const left = narrow ? 26 : 112;
  const pitch = (width - left) / tokens;
  const cellHeight = narrow ? 28 : 32;
  const top = narrow ? 78 : 44;
  const rowHeight = cellHeight + (narrow ? 26 : 30);
  const bottom = top + layers * rowHeight + cellHeight;
  /** @param {number} token */
  const x = (token) => left + (token - 0.5) * pitch;
  /** @param {number} layer */
  const y = (layer) => top + (layers - layer) * rowHeight + cellHeight / 2;
  const cellWidth = Math.min(pitch - 6, 44);
  return { width, narrow, left, pitch, cellHeight, top, rowHeight, cellWidth, x, y, bottom, height: bottom + 50 };
}

/**
 * @param {Layout} place
 * @param {number} token
 * @param {number} layer
 * @param {number} layers
 */
function makeCell(place, token, layer, layers) {
  const [x, y] = [place.x(token) - place.cellWidth / 2, place.y(layer) - place.cellHeight / 2];
  const box = { x, y, width: place.cellWidth, height: place.cellHeight, rx: 5 };
  const number = svg("text", { class: "fl-number", x: place.x(token), y: place.y(layer) + 5 });
  const ring = svg("rect", { class: "fl-ring", ...box });
  const names = { class: "fl-flow-cell", style: layerTint(layer, layers) };
  return { node: svg("g", names, svg("rect", { class: "fl-box", ...box }), ring, number), number, token, layer };
}

/**
 * The bands behind the tokens that are computed side by side.
 *
 * @param {Layout} place
 * @param {number} tokens
 * @param {number} length
 */
function segmentBands(place, tokens, length) {
  if (length === 0) return [];
  return range(Math.ceil(tokens / length)).map((segment) => {
    const first = 1 + segment * length;
    const last = Math.min(tokens, first + length - 1);
    const x = place.x(first) - place.pitch / 2 + 1;
    const [width, height] = [(last - first + 1) * place.pitch - 2, place.bottom - place.top + 16];
    return svg("rect", { class: "fl-segment", x, y: place.top - 8, width, height, rx: 7 });
  });
}

/**
 * The number of a layer in its chip and, where there is room, its name.
 *
 * @param {Layout} place
 * @param {number} layer
 * @param {number} layers
 */
function layerName(place, layer, layers) {
  const y = place.y(layer) + 5;
  const row = svg("g", { style: layerTint(layer, layers) }, ...layerChip(1, y, layer));
  if (!place.narrow) row.append(svg("text", { x: 26, y }, layer === 0 ? "embedding" : `layer ${layer}`));
  return row;
}

/**
 * Build the picture for one width; `update` fills it with the state.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 * @param {(token: number, layer: number) => void} choose
 */
function makePicture(model, width, choose) {
  const [tokens, layers] = [model.get("num_tokens"), model.get("num_layers")];
  const place = layOut(width, tokens, layers);
  const node = pictureNode("Tokens and layers", width, place.height);
  const [bands, ways] = [svg("g"), svg("g")];
  const cells = range(layers + 1).flatMap((layer) =>
    range(tokens, 1).map((token) => makeCell(place, token, layer, layers))
  );
  const legend = wayLegend(
    [["memory", "read from memory"], ["below", "read at the layer below"], ["own", "its own token"]],
    place.narrow ? null : [0, 210, 470],
  );
  node.append(
    bands,
    ways,
    ...legend,
    ...range(layers + 1).map((layer) => layerName(place, layer, layers)),
    ...cells.map((cell) => cell.node),
    ...range(tokens, 1).map((token) =>
      svg("text", { class: "fl-token", x: place.x(token), y: place.bottom + 24 }, String(token))
    ),
    svg("text", { class: "fl-small fl-end", x: width - 2, y: place.height - 6 }, "tokens, time →"),
  );

  const area = { x: place.left, y: place.top - 8, width: width - place.left, height: place.bottom - place.top + 16 };
  const ring = { ...area, rx: 8 };
  const picker = pickerNode({ control: "cell", label: "Chosen cell", last: cells.length, area, ring });
  picker.addEventListener("click", (event) => {
    const [x, y] = pointIn(node, event);
    const layer = layers - Math.round((y - place.y(layers)) / place.rowHeight);
    choose(1 + Math.floor((x - place.left) / place.pitch), layer);
  });
  node.append(picker);

  function update() {
    const [token, layer, nothing] = [model.get("token"), model.get("layer"), model.get("nothing")];
    const [row, reads] = [chosenRow(model, "ways"), chosenRow(model, "reads")];
    cells.forEach((cell, index) => {
      const reached = row[index] !== nothing;
      const now = cell.token === token && cell.layer === layer;
      setAttributes(cell.node, { "data-reached": reached, "data-now": now });
      say(cell.number, reached ? String(model.get("digits").indexOf(row[index])) : "");
    });
    const lines = cells.flatMap((cell, index) => {
      if (reads[index] === nothing) return [];
      const d = `M${place.x(cell.token)} ${place.y(cell.layer)}L${place.x(token)} ${place.y(layer)}`;
      return [svg("path", { class: "fl-way", "data-read": model.get("kinds")[reads[index]], d })];
    });
    bands.replaceChildren(...segmentBands(place, tokens, model.get("segments")[model.get("chosen")]));
    ways.replaceChildren(...lines);
    setAttributes(picker, {
      "aria-valuenow": cellIndex(model, token, layer) + 1,
      "aria-valuetext": `token ${token}, layer ${layer}`,
      "data-token": token,
      "data-layer": layer,
    });
  }
  return { node, picker, update };
}

// ---- the figure

/** @param {Model<Traits>} model */
function link(model) {
  return {
    rules: {
      chosen: whole(0, model.get("names").length - 1),
      token: whole(1, model.get("num_tokens")),
      layer: whole(0, model.get("num_layers")),
    },
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const [tokens, layers] = [model.get("num_tokens"), model.get("num_layers")];
    const keep = keeper(model);
    /** @type {(token: number, layer: number) => void} */
    const choose = (token, layer) => keep({ token: clamp(token, 1, tokens), layer: clamp(layer, 0, layers) });

    const frame = html("div", { class: "fl-frame-box" });
    const sentence = stateSentence();
    const buttons = model.get("names").map((name, chosen) =>
      button(`arrangement ${name}`, name, () => keep({ chosen }))
    );
    const result = largeResult();
    const ofToken = stepper({ control: "token", label: "Token", moveBy: (by) => moveBy(by, 0)() });
    const ofLayer = stepper({ control: "layer", label: "Layer", moveBy: (by) => moveBy(0, by)() });

    /** @param {Picture} picture */
    function draw(picture) {
      buttons.forEach((one, index) => setPressed(one, index === model.get("chosen")));
      picture.update();
      const signs = [...chosenRow(model, "ways")].filter((sign) => sign !== model.get("nothing"));
      const longest = Math.max(0, ...signs.map((sign) => model.get("digits").indexOf(sign)));
      result.show(tell(model, "layers", { count: longest }), "on the longest way to the chosen cell");
      const [token, layer] = [model.get("token"), model.get("layer")];
      ofToken.update([token > 1, token < tokens]);
      ofLayer.update([layer > 0, layer < layers]);
      say(sentence, describe(model));
    }

    /** @type {(right: number, up: number) => () => void} */
    const moveBy = (right, up) => () => choose(model.get("token") + right, model.get("layer") + up);
    onKeys(frame, {
      ArrowLeft: moveBy(-1, 0),
      ArrowRight: moveBy(1, 0),
      ArrowDown: moveBy(0, -1),
      ArrowUp: moveBy(0, 1),
      Home: moveBy(-tokens, 0),
      End: moveBy(tokens, 0),
    });
    const rows = [
      html("div", { class: "fl-side" }, result.element, ofToken.element, ofLayer.element),
      buttonGroup("How the model looks back", buttons),
    ];
    el.append(figureFrame("information-flow", "What reaches a cell", onOneScreen([frame], rows), sentence));
    /** @param {number} width */
    const make = (width) => makePicture(model, width, choose);
    return keepDrawn({ model, traits: STATE, box: frame, least: 260, make, draw });
  },
};
