import { button, buttonGroup, onKeys, setPressed, slider, stepper } from "./controls.js";
import { figureFrame, html, keepDrawn, keeper, setAttributes, svg } from "./figure.js";
import { oneOf, whole } from "./link.js";
import { pictureNode, pointIn } from "./picture.js";
import { largeResult, onOneScreen } from "./screen.js";
import { clamp, percent, range, say, signed, stateSentence, tell } from "./words.js";

/** @import { Model, Place, Words } from "./figure.js" */

/**
 * @typedef {object} Traits
 * @property {string[]} heads
 * @property {number[][][]} weights by head, number of slots and slot
 * @property {Record<string, { distance: number[][], mask: boolean[][] }>} tables by slots and tokens
 * @property {number} most_slots
 * @property {number} most_tokens
 * @property {string} plain what is shown where it is no head
 * @property {number} slots
 * @property {number} tokens
 * @property {number} query
 * @property {number} key
 * @property {string} shown
 * @property {Words} words
 */

const STATE = ["slots", "tokens", "query", "key", "shown"];

// ---- what is shown

/** @param {Model<Traits>} model */
function stateOf(model) {
  const [slots, tokens] = [model.get("slots"), model.get("tokens")];
  return {
    slots,
    tokens,
    query: model.get("query"),
    key: model.get("key"),
    ...model.get("tables")[`${slots},${tokens}`],
  };
}

/** @param {Model<Traits>} model */
function showsWeights(model) {
  return model.get("shown") !== model.get("plain") && model.get("tokens") === 1 && model.get("slots") > 0;
}

/**
 * The weight of the chosen head on a slot.
 *
 * @param {Model<Traits>} model
 * @param {number} key
 */
function headWeight(model, key) {
  return model.get("weights")[model.get("heads").indexOf(model.get("shown"))][model.get("slots") - 1][key];
}

/** @param {Model<Traits>} model */
function describe(model) {
  const { slots, tokens, query, key, distance, mask } = stateOf(model);
  if (distance[query].length === 0) return tell(model, "no key");
  const position = slots + query;
  const may = tell(model, "query", {
    position,
    count: mask[query].filter(Boolean).length,
    keys: distance[query].length,
  });
  const which = tell(model, key < slots ? "slot" : "token", { position: key });
  const verdict = mask[query][key] ? "allowed" : "future";
  const parts = [may, ...(tokens > 1 ? [] : [tell(model, "own")]), which];
  parts.push(tell(model, verdict, { query: position, key, distance: signed(distance[query][key]) }));
  if (showsWeights(model)) {
    parts.push(tell(model, "weight", { head: model.get("shown"), weight: percent(headWeight(model, key)) }));
  }
  return parts.join(" ");
}

// ---- the picture

/** @typedef {ReturnType<typeof layOut>} Layout */

/**
 * All places for a picture of this width. Time runs to the right; one row per query, one column per position.
 *
 * @param {number} width
 * @param {number} slots
 * @param {number} tokens
 */
function layOut(width, slots, tokens) {
  const left = width < 480 ? 52 : 96;
  const cell = Math.min(84, (width - left - 4) / (slots + tokens));
  const [rowHeight, top] = [44, 62];
  /** @param {number} position */
  const x = (position) => left + position * cell;
  /** @param {number} query */
  const y = (query) => top + query * rowHeight;
  return { width, left, cell, rowHeight, top, x, y, height: top + tokens * rowHeight + 34 };
}

/**
 * Memory slots are filled squares, tokens are rings; a tab on top says that this is a key.
 *
 * @param {Layout} place
 * @param {number} position
 * @param {boolean} isSlot
 * @param {boolean} isKey
 */
function columnHead(place, position, isSlot, isKey) {
  const middle = place.x(position) + place.cell / 2;
  const mark = isSlot
    ? svg("rect", { class: "fl-slot-mark", x: middle - 8, y: 24, width: 16, height: 16 })
    : svg("circle", { class: "fl-token-mark", cx: middle, cy: 32, r: 8 });
  const tab = isKey ? [svg("rect", { class: "fl-key-tab", x: middle - 4, y: 18, width: 8, height: 4 })] : [];
  return svg("g", {}, ...tab, mark, svg("text", { class: "fl-position", x: middle, y: 58 }, String(position)));
}

/**
 * @param {number} from
 * @param {number} to
 * @param {string} className
 * @param {string} text
 */
function bracket(from, to, className, text) {
  const label = svg("text", { class: "fl-small fl-middle", x: (from + to) / 2, y: 10 }, text);
  return svg("g", {}, svg("path", { class: className, d: `M${from + 3} 16H${to - 3}` }), label);
}

/**
 * One pair of query and key; a frame marks the one that is looked at.
 *
 * @param {Model<Traits>} model
 * @param {Layout} place
 * @param {number} query
 * @param {number} key
 */
function pairCell(model, place, query, key) {
  const { distance, mask, ...chosen } = stateOf(model);
  const allowed = mask[query][key];
  const [x, y, width, height] = [place.x(key) + 1, place.y(query) + 2, place.cell - 2, place.rowHeight - 4];
  const box = { x, y, width, height, rx: 3 };
  const node = svg("g", { class: "fl-pair", "data-allowed": allowed }, svg("rect", { class: "fl-bed", ...box }));
  const at = { x: x + width / 2, y: y + height / 2 + 5 };
  const struck = `M${x + 4} ${y + height - 4}L${x + width - 4} ${y + 4}`;
  const strike = allowed ? [] : [svg("path", { class: "fl-struck", d: struck })];
  if (showsWeights(model)) {
    const weight = headWeight(model, key);
    const opacity = { "fill-opacity": (0.55 * weight).toFixed(3) };
    const number = svg("text", { class: place.cell < 44 ? "fl-number fl-tight" : "fl-number", ...at });
    say(number, percent(weight));
    node.append(svg("rect", { class: "fl-weight", ...box, ...opacity }), ...strike, number);
  } else {
    const number = svg("text", { class: "fl-number", ...at }, signed(distance[query][key]));
    node.append(svg("rect", { class: "fl-fill", ...box }), ...strike, number);
  }
  if (query === chosen.query && key === chosen.key) node.append(svg("rect", { class: "fl-frame", ...box }));
  return node;
}

/**
 * The column of a lone token: it asks, and is no key.
 *
 * @param {Layout} place
 * @param {number} position
 */
function noKey(place, position) {
  const [x, y] = [place.x(position), place.y(0)];
  const box = { x: x + 1, y: y + 2, width: place.cell - 2, height: place.rowHeight - 4, rx: 3 };
  const at = { x: x + place.cell / 2, y: y + place.rowHeight / 2 + 4 };
  return svg(
    "g",
    {},
    svg("rect", { class: "fl-no-key", ...box }),
    svg("text", { class: "fl-small fl-middle", ...at }, "–"),
  );
}

/**
 * One query before its row.
 *
 * @param {Layout} place
 * @param {number} row
 * @param {number} position
 * @param {boolean} chosen
 */
function queryName(place, row, position, chosen) {
  const y = place.y(row) + place.rowHeight / 2;
  const name = place.left > 90 ? `query ${position}` : String(position);
  return [
    svg("circle", { class: "fl-query-mark", "data-chosen": chosen, cx: 9, cy: y, r: 7 }),
    svg("text", { class: "fl-query-name", "data-chosen": chosen, x: 23, y: y + 5 }, name),
  ];
}

/**
 * Everything that is drawn of the present state, in the places of this layout.
 *
 * @param {Model<Traits>} model
 * @param {Layout} place
 */
function drawParts(model, place) {
  const { slots, tokens, query, distance, mask } = stateOf(model);
  const keys = range(distance[0].length);
  const frame = {
    x: place.x(0) - 1,
    y: place.y(query),
    width: place.cell * (slots + tokens) + 2,
    height: place.rowHeight,
    rx: 5,
  };
  const what = showsWeights(model) ? "In each square: attention weight" : "In each square: distance";
  const future = mask.flat().includes(false) ? "; struck out: future" : "";
  const memory = slots > 1 ? "memory" : "mem.";
  return [
    ...(slots > 0 ? [bracket(place.x(0), place.x(slots), "fl-memory-line", memory)] : []),
    bracket(place.x(slots), place.x(slots + tokens), "fl-segment-line", tokens > 1 ? "segment" : "token"),
    svg("text", { class: "fl-small", x: 0, y: 58 }, "position"),
    ...range(slots + tokens).map((position) => columnHead(place, position, position < slots, position < keys.length)),
    ...range(tokens).flatMap((row) => [
      ...queryName(place, row, slots + row, row === query),
      ...keys.map((key) => pairCell(model, place, row, key)),
    ]),
    ...(tokens === 1 ? [noKey(place, slots)] : []),
    svg("rect", { class: "fl-row-frame", ...frame }),
    svg("text", { class: "fl-small", x: 0, y: place.height - 8 }, `${what}${future}`),
  ];
}

/**
 * The picture. It stays while its parts are drawn anew, and so does its picker, which may have the focus.
 *
 * @param {Model<Traits>} model
 * @param {(query: number, key: number) => void} choose
 */
function makePicture(model, choose) {
  const names = { role: "slider", tabindex: 0, "data-control": "pair", "aria-label": "Pair of query and key" };
  const picker = svg("g", { class: "fl-picker", ...names, "aria-valuemin": 1 });
  const node = pictureNode("Queries, keys and what may be read");
  const parts = svg("g");
  node.append(parts, picker);
  let place = layOut(680, 0, 1);

  /** @param {PointerEvent} event */
  const point = (event) => {
    const [x, y] = pointIn(node, event);
    choose(Math.floor((y - place.top) / place.rowHeight), Math.floor((x - place.left) / place.cell));
  };
  picker.addEventListener("pointermove", point);
  picker.addEventListener("pointerdown", point);

  /** @param {number} width */
  function update(width) {
    const { slots, tokens, query, key, distance } = stateOf(model);
    const count = distance[0].length;
    place = layOut(width, slots, tokens);
    setAttributes(node, { viewBox: `0 0 ${width} ${place.height}` });
    parts.replaceChildren(...drawParts(model, place));
    const area = {
      x: place.left,
      y: place.top,
      width: place.cell * (slots + tokens),
      height: tokens * place.rowHeight,
    };
    const ring = { x: area.x - 3, y: area.y - 3, width: area.width + 6, height: area.height + 6, rx: 7 };
    picker.replaceChildren(svg("rect", { class: "fl-hit", ...area }), svg("rect", { class: "fl-focus", ...ring }));
    setAttributes(picker, {
      "aria-valuemax": Math.max(1, tokens * count),
      "aria-valuenow": query * count + key + 1,
      "aria-valuetext": describe(model),
      "aria-disabled": count === 0 ? "true" : null,
    });
  }
  return { node, picker, update };
}

// ---- the figure

/** @param {Model<Traits>} model */
function link(model) {
  const [slots, tokens] = [model.get("most_slots"), model.get("most_tokens")];
  return {
    rules: {
      slots: whole(0, slots),
      tokens: whole(1, tokens),
      query: whole(0, tokens - 1),
      key: whole(0, slots + tokens - 1),
      shown: oneOf([model.get("plain"), ...model.get("heads")]),
    },
    fits: (/** @type {Traits} */ state) =>
      state.query < state.tokens && state.key < Math.max(1, state.slots + (state.tokens > 1 ? state.tokens : 0)),
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const keep = keeper(model);
    /** @type {(slots: number, tokens: number) => number} */
    const keyCount = (slots, tokens) => slots + (tokens > 1 ? tokens : 0);
    /** @type {(slots: number, tokens: number) => void} */
    const resizeTo = (slots, tokens) =>
      keep({
        query: Math.min(model.get("query"), tokens - 1),
        key: Math.max(0, Math.min(model.get("key"), keyCount(slots, tokens) - 1)),
        slots,
        tokens,
      });
    /** @type {(query: number, key: number) => void} */
    const choose = (query, key) => {
      const keys = keyCount(model.get("slots"), model.get("tokens"));
      if (keys === 0) return;
      const to = { query: clamp(query, 0, model.get("tokens") - 1), key: clamp(key, 0, keys - 1) };
      if (to.query !== model.get("query") || to.key !== model.get("key")) keep(to);
    };

    const picture = makePicture(model, choose);
    const sentence = stateSentence();
    /** @type {(down: number, right: number) => () => void} */
    const moveBy = (down, right) => () => choose(model.get("query") + down, model.get("key") + right);
    const farthest = model.get("most_slots") + model.get("most_tokens");
    onKeys(picture.picker, {
      ArrowLeft: moveBy(0, -1),
      ArrowRight: moveBy(0, 1),
      ArrowUp: moveBy(-1, 0),
      ArrowDown: moveBy(1, 0),
      Home: moveBy(0, -farthest),
      End: moveBy(0, farthest),
    });

    const long = { class: "fl-slider fl-long" };
    const slots = slider({
      control: "slots",
      label: "Memory slots",
      first: 0,
      last: model.get("most_slots"),
      change: (slots) => resizeTo(slots, model.get("tokens")),
    }, long);
    const tokens = slider({
      control: "tokens",
      label: "Tokens in the segment",
      first: 1,
      last: model.get("most_tokens"),
      change: (tokens) => resizeTo(model.get("slots"), tokens),
    }, long);
    // A head's weights belong to a model that reads one token at a time, so its button also sets what it needs.
    /** @param {string} name */
    const show = (name) => {
      if (name !== model.get("plain")) resizeTo(Math.max(1, model.get("slots")), 1);
      keep({ shown: name });
    };
    const shows = [model.get("plain"), ...model.get("heads")].map((name) => ({
      name,
      node: button(`show ${name}`, name, () => show(name)),
    }));
    const note = "The weights are those of a trained model that reads one token at a time. " +
      "These buttons set the segment to one token.";
    const result = largeResult();
    const ofQuery = stepper({ control: "query", label: "Query", moveBy: (by) => moveBy(by, 0)() });
    const ofKey = stepper({ control: "key", label: "Key", moveBy: (by) => moveBy(0, by)() });
    const settings = [
      html("div", { class: "fl-side" }, result.element, ofQuery.element, ofKey.element),
      html("div", { class: "fl-sizes" }, slots.element, tokens.element),
      buttonGroup("Show in the squares", shows.map(({ node }) => node)),
      html("p", { class: "fl-note" }, note),
    ];

    /** @param {{ width: number }} drawn */
    function draw({ width }) {
      picture.update(width);
      slots.show(model.get("slots"), String(model.get("slots")));
      tokens.show(model.get("tokens"), String(model.get("tokens")));
      const active = showsWeights(model) ? model.get("shown") : model.get("plain");
      shows.forEach(({ name, node }) => setPressed(node, name === active));
      const { query, key, mask } = stateOf(model);
      const keys = mask[query].length;
      const verdict = keys === 0 ? "no key" : mask[query][key] ? "may read" : "may not read";
      result.show(verdict, keys === 0 ? "" : `query ${model.get("slots") + query}, key ${key}`);
      ofQuery.update([query > 0, query < model.get("tokens") - 1]);
      ofKey.update([key > 0, key < keys - 1]);
      say(sentence, describe(model));
    }

    const frame = html("div", { class: "fl-frame-box" });
    el.append(figureFrame("mask-explorer", "Which key may this query read?", onOneScreen([frame], settings), sentence));
    /** @param {number} width */
    const make = (width) => ({ node: picture.node, picker: picture.picker, width });
    return keepDrawn({ model, traits: STATE, box: frame, least: 240, make, draw });
  },
};
