import { button, figureFrame, html, keepDrawn, keeper, onKeys, percent, pointIn, say, setAttributes, setPressed, signed, stateSentence, svg } from "./figure.js";

const STATE = ["slots", "tokens", "query", "key", "shown"];
const DISTANCES = "distances";

// ---- what is shown -------------------------------------------------------------------------------------------

function tables(model) {
  return model.get("tables")[`${model.get("slots")},${model.get("tokens")}`];
}

function showsWeights(model) {
  return model.get("shown") !== DISTANCES && model.get("tokens") === 1 && model.get("slots") > 0;
}

/** The weights of the chosen head on all slots. */
function headWeights(model) {
  return model.get("weights")[model.get("heads").indexOf(model.get("shown"))][model.get("slots") - 1];
}

function describe(model) {
  const [slots, tokens, query, key] = ["slots", "tokens", "query", "key"].map((name) => model.get(name));
  const { distance, mask } = tables(model);
  const at = slots + query;
  if (distance[query].length === 0) {
    return "Memory is empty, and the token at position 0 is no key. There is no key at all: attention adds nothing.";
  }
  const own = tokens > 1 ? "" : " The token itself is no key.";
  const count = `${mask[query].filter(Boolean).length} of ${distance[query].length} keys`;
  const kind = key < slots ? "a memory slot" : "a token of the segment";
  const verdict = mask[query][key] ? "allowed." : "below 0, in the future, not allowed.";
  const weight = showsWeights(model) ? ` Attention weight (${model.get("shown")}): ${percent(headWeights(model)[key])}.` : "";
  return (
    `The query at position ${at} may read ${count}.${own} The key at position ${key} is ${kind}. ` +
    `Distance: ${at} − ${key} = ${signed(distance[query][key])}, ${verdict}${weight}`
  );
}

// ---- the picture ---------------------------------------------------------------------------------------------

/** All places for a picture of this width. Time runs to the right; one row per query, one column per position. */
function layOut(width, slots, tokens) {
  const left = width < 480 ? 52 : 96;
  const cell = Math.min(84, (width - left - 4) / (slots + tokens));
  const rowHeight = 44;
  const top = 66;
  return {
    width, left, cell, rowHeight, top,
    x: (position) => left + position * cell,
    y: (query) => top + query * rowHeight,
    height: top + tokens * rowHeight + 34,
  };
}

/** Memory slots are filled squares, tokens are rings; a tab on top says that this is a key. */
function columnHead(place, position, isSlot, isKey) {
  const middle = place.x(position) + place.cell / 2;
  const mark = isSlot
    ? svg("rect", { class: "fl-slot-mark", x: middle - 8, y: 24, width: 16, height: 16 })
    : svg("circle", { class: "fl-token-mark", cx: middle, cy: 32, r: 8 });
  const tab = isKey ? [svg("rect", { class: "fl-key-tab", x: middle - 4, y: 18, width: 8, height: 4 })] : [];
  return svg("g", {}, ...tab, mark, svg("text", { class: "fl-position", x: middle, y: 58 }, String(position)));
}

function bracket(from, to, className, text) {
  const label = svg("text", { class: "fl-small fl-middle", x: (from + to) / 2, y: 10 }, text);
  return svg("g", {}, svg("path", { class: className, d: `M${from + 3} 16H${to - 3}` }), label);
}

/** One pair of query and key; a frame marks the one that is looked at. */
function pairCell(model, place, query, key, steps, allowed) {
  const [x, y, width, height] = [place.x(key) + 1, place.y(query) + 2, place.cell - 2, place.rowHeight - 4];
  const box = { x, y, width, height, rx: 3 };
  const node = svg("g", { class: "fl-pair", "data-allowed": allowed });
  const weights = showsWeights(model);
  const fill = svg("rect", { class: "fl-fill", ...box });
  if (weights) setAttributes(fill, { class: "fl-weight", "fill-opacity": (0.55 * headWeights(model)[key]).toFixed(3) });
  node.append(svg("rect", { class: "fl-bed", ...box }), fill);
  if (!allowed) node.append(svg("path", { class: "fl-struck", d: `M${x + 4} ${y + height - 4}L${x + width - 4} ${y + 4}` }));
  const text = weights ? percent(headWeights(model)[key]).replace(" ", "\u00a0") : signed(steps);
  const label = svg("text", { class: "fl-number", x: x + width / 2, y: y + height / 2 + 5 }, text);
  if (weights && place.cell < 44) setAttributes(label, { class: "fl-number fl-tight" });
  node.append(label);
  if (query === model.get("query") && key === model.get("key")) node.append(svg("rect", { class: "fl-frame", ...box }));
  return node;
}

/** The column of a lone token: it asks, and is no key. */
function noKey(place, position) {
  const [x, y] = [place.x(position), place.y(0)];
  return svg("g", {},
    svg("rect", { class: "fl-no-key", x: x + 1, y: y + 2, width: place.cell - 2, height: place.rowHeight - 4, rx: 3 }),
    svg("text", { class: "fl-small fl-middle", x: x + place.cell / 2, y: y + place.rowHeight / 2 + 4 }, "–"));
}

/** Build the picture for the present state and width. */
function makePicture(model, width) {
  const [slots, tokens, query, key] = ["slots", "tokens", "query", "key"].map((name) => model.get(name));
  const { distance, mask } = tables(model);
  const keys = distance[0].length;
  const place = layOut(width, slots, tokens);
  const parts = [];
  if (slots > 0) parts.push(bracket(place.x(0), place.x(slots), "fl-memory-line", slots > 1 ? "memory" : "mem."));
  const name = tokens > 1 ? "segment" : "token";
  parts.push(bracket(place.x(slots), place.x(slots + tokens), "fl-segment-line", name));
  parts.push(svg("text", { class: "fl-small", x: 0, y: 58 }, "position"));
  for (let position = 0; position < slots + tokens; position += 1) {
    parts.push(columnHead(place, position, position < slots, position < keys));
  }
  for (let row = 0; row < tokens; row += 1) {
    const y = place.y(row) + place.rowHeight / 2;
    const name = place.left > 90 ? `query ${slots + row}` : String(slots + row);
    parts.push(
      svg("circle", { class: "fl-query-mark", "data-chosen": row === query, cx: 9, cy: y, r: 7 }),
      svg("text", { class: "fl-query-name", "data-chosen": row === query, x: 23, y: y + 5 }, name),
    );
    for (let column = 0; column < keys; column += 1) {
      parts.push(pairCell(model, place, row, column, distance[row][column], mask[row][column]));
    }
  }
  if (tokens === 1) parts.push(noKey(place, slots));
  const row = { x: place.x(0) - 1, y: place.y(query), width: place.cell * (slots + tokens) + 2, height: place.rowHeight, rx: 5 };
  parts.push(svg("rect", { class: "fl-row-frame", ...row }));
  const what = showsWeights(model) ? "In each square: attention weight" : "In each square: distance";
  parts.push(svg("text", { class: "fl-small", x: 0, y: place.height - 8 }, `${what}${mask.flat().includes(false) ? "; struck out: future" : ""}`));
  return { place, parts, keys };
}

// ---- the figure ----------------------------------------------------------------------------------------------

export default {
  render({ model, el }) {
    let place = null;
    const keep = keeper(model);
    const keyCount = (slots, tokens) => slots + (tokens > 1 ? tokens : 0);
    const resizeTo = (slots, tokens) => keep({
      query: Math.min(model.get("query"), tokens - 1),
      key: Math.max(0, Math.min(model.get("key"), keyCount(slots, tokens) - 1)),
      slots, tokens,
    });

    const picker = svg("g", { class: "fl-picker", role: "slider", tabindex: 0, "data-control": "pair", "aria-label": "Pair of query and key", "aria-valuemin": 1 });
    const node = svg("svg", { class: "fl-picture", role: "group", "aria-label": "Queries, keys and what may be read" });
    const sentence = stateSentence();

    const choose = (query, key) => {
      const keys = keyCount(model.get("slots"), model.get("tokens"));
      if (keys === 0) return;
      const to = {
        query: Math.max(0, Math.min(model.get("tokens") - 1, query)),
        key: Math.max(0, Math.min(keys - 1, key)),
      };
      if (to.query !== model.get("query") || to.key !== model.get("key")) keep(to);
    };
    const point = (event) => {
      const [x, y] = pointIn(node, event);
      choose(Math.floor((y - place.top) / place.rowHeight), Math.floor((x - place.left) / place.cell));
    };
    picker.addEventListener("pointermove", point);
    picker.addEventListener("pointerdown", point);
    const moveBy = (down, right) => () => choose(model.get("query") + down, model.get("key") + right);
    const farthest = model.get("most_slots") + model.get("most_tokens");
    onKeys(picker, {
      ArrowLeft: moveBy(0, -1), ArrowRight: moveBy(0, 1), ArrowUp: moveBy(-1, 0), ArrowDown: moveBy(1, 0),
      Home: moveBy(0, -farthest), End: moveBy(0, farthest),
    });

    const slider = (control, label, least, most, get, set) => {
      const input = html("input", { type: "range", min: least, max: most, step: 1, "data-control": control, "aria-label": label });
      input.addEventListener("input", () => set(Number(input.value)));
      const value = html("span", { class: "fl-value" });
      const row = html("div", { class: "fl-slider" }, html("span", {}, label), input, value);
      const update = () => {
        input.value = get();
        say(value, String(get()));
      };
      return { row, update };
    };
    const sliders = [
      slider("slots", "Memory slots", 0, model.get("most_slots"), () => model.get("slots"), (slots) => resizeTo(slots, model.get("tokens"))),
      slider("tokens", "Tokens in the segment", 1, model.get("most_tokens"), () => model.get("tokens"), (tokens) => resizeTo(model.get("slots"), tokens)),
    ];
    // A head's weights belong to a model that reads one token at a time, so its button also sets what it needs.
    const show = (name) => {
      if (name !== DISTANCES) resizeTo(Math.max(1, model.get("slots")), 1);
      keep({ shown: name });
    };
    const shows = [DISTANCES, ...model.get("heads")].map((name) => [name, button(`show ${name}`, name, () => show(name))]);
    const settings = html("div", { class: "fl-settings", role: "group", "aria-label": "Settings" },
      ...sliders.map(({ row }) => row),
      html("p", { class: "fl-heading" }, "Show in the squares"),
      html("div", { class: "fl-shows" }, ...shows.map(([, one]) => one)),
      html("p", { class: "fl-note" }, "The weights are those of a trained model that reads one token at a time. These buttons set the segment to one token."),
    );

    function draw({ width }) {
      const { parts, keys: count, ...found } = makePicture(model, width);
      place = found.place;
      const [slots, tokens, query, key] = ["slots", "tokens", "query", "key"].map((name) => model.get(name));
      setAttributes(node, { viewBox: `0 0 ${width} ${place.height}` });
      const area = { x: place.left, y: place.top, width: place.cell * (slots + tokens), height: tokens * place.rowHeight };
      const ring = svg("rect", { class: "fl-focus", x: area.x - 3, y: area.y - 3, width: area.width + 6, height: area.height + 6, rx: 7 });
      picker.replaceChildren(svg("rect", { class: "fl-hit", ...area }), ring);
      setAttributes(picker, {
        "aria-valuemax": Math.max(1, tokens * count), "aria-valuenow": query * count + key + 1,
        "aria-valuetext": describe(model), "aria-disabled": count === 0 ? "true" : null,
      });
      // The picker stays in the document, so that it keeps the focus while the rest is drawn anew.
      [...node.childNodes].forEach((part) => part !== picker && part.remove());
      if (picker.parentNode === node) picker.before(...parts);
      else node.append(...parts, picker);
      sliders.forEach((one) => one.update());
      const active = showsWeights(model) ? model.get("shown") : DISTANCES;
      shows.forEach(([name, one]) => setPressed(one, name === active));
      say(sentence, describe(model));
    }

    const frame = html("div", { class: "fl-frame-box" });
    el.append(figureFrame("mask-explorer", "Which key may this query read?", frame, settings, sentence));
    return keepDrawn({ model, traits: STATE, box: frame, least: 240, make: (width) => ({ node, picker, width }), draw });
  },
};
