import { button, buttonGroup, choiceList, onSliderKeys, setAvailable } from "./controls.js";
import { figureFrame, html, keepDrawn, keeper, onPage, setAttributes, svg, widthOf } from "./figure.js";
import { oneOf, whole } from "./link.js";
import { layerChip, layerTint, pickerNode, pictureNode, pointIn, wayLegend } from "./picture.js";
import { largeResult, makeCaptions, onOneScreen } from "./screen.js";
import { capital, clamp, range, say, stateSentence, tell } from "./words.js";

/** @import { Box, Model, Picture, Place, Words } from "./figure.js" */

/** @typedef {[token: number, layer: number, entry: number, how: string]} Read what the last token's layers read */

/**
 * @typedef {object} Work
 * @property {string} key
 * @property {string} name
 * @property {string} title
 * @property {number} year
 * @property {string} column
 * @property {string} row
 * @property {string} recurs
 * @property {string} told
 * @property {string} training
 * @property {string} source
 * @property {number} every
 * @property {boolean} kept
 * @property {boolean} again
 * @property {Read[]} reads
 * @property {number} longest
 */

/**
 * @typedef {object} Traits
 * @property {Work[]} works
 * @property {string[]} columns
 * @property {string[]} rows
 * @property {number} tokens
 * @property {number} layers
 * @property {number} marked
 * @property {[name: string, first: number, last: number][]} spans of years
 * @property {number} chosen
 * @property {string} years
 * @property {Words} words
 * @property {string[]} captions
 */

const STATE = ["chosen", "years"];
const SHORT_COLUMNS = ["never", "per segment", "every token"];

// ---- what is shown

/**
 * The places of the works of these years.
 *
 * @param {Model<Traits>} model
 */
function counted(model, years = model.get("years")) {
  const [, first, last] = model.get("spans").find(([name]) => name === years) ?? [years, -Infinity, Infinity];
  return model.get("works").flatMap(({ year }, place) => (year >= first && year <= last ? [place] : []));
}

/**
 * The places of all works on the map: the marked one never leaves it.
 *
 * @param {Model<Traits>} model
 */
function onMap(model) {
  return [...new Set([...counted(model), model.get("marked")])].sort((one, other) => one - other);
}

/** @param {Model<Traits>} model */
function describe(model) {
  const work = model.get("works")[model.get("chosen")];
  const { title, year, row, training, longest } = work;
  const column = capital(work.column);
  const parts = [tell(model, "work", { title, year })];
  if (work.again) parts.push(tell(model, "again", { column }));
  else if (work.column !== model.get("columns")[0]) parts.push(tell(model, "back", { column, row }));
  parts.push(work.told);
  if (training) parts.push(tell(model, "training", { training }));
  parts.push(tell(model, work.again ? "longest of a run" : "longest", { longest }));
  const places = counted(model);
  const marked = model.get("marked");
  const shown = { count: places.length, years: model.get("years"), title: model.get("works")[marked].title };
  parts.push(tell(model, places.includes(marked) ? "map" : "map and marked", shown));
  return parts.join(" ");
}

// ---- the map

/** @typedef {ReturnType<typeof layOutMap>} MapLayout */

/**
 * Positions of the map for one width. All years are laid out, so that nothing moves when some are left out.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 */
function layOutMap(model, width) {
  const narrow = width < 560;
  const [works, columns] = [model.get("works"), model.get("columns")];
  const [pitch, head] = narrow ? [20, 21] : [21, 22];
  const shares = narrow ? [0.26, 0.35, 0.39] : [0.3, 0.34, 0.36];
  const lefts = shares.map((_, column) => width * shares.slice(0, column).reduce((sum, share) => sum + share, 0));
  /** @type {Box[]} */
  const places = [];
  let y = 34;
  const bands = model.get("rows").map((row) => {
    const top = y;
    const cells = columns.map((column) =>
      works.flatMap((work, place) => (work.row === row && work.column === column ? [place] : []))
    );
    // The name of a band stands over its first column, or in it where nothing else does.
    const down = cells[0].length > 0 ? head : 3;
    cells.forEach((cell, column) =>
      cell.forEach((place, line) => {
        const [x, wide] = [lefts[column], shares[column] * width - 2];
        places[place] = { x, y: top + down + line * pitch, width: wide, height: pitch };
      })
    );
    const height = down + Math.max(...cells.map((cell) => cell.length)) * pitch;
    y += height + 8;
    return { row, y: top, height: height + 4 };
  });
  /** @param {string} row */
  const headed = (row) => works.some((work) => work.row === row && work.column === columns[0]);
  return { width, narrow, lefts, bands, places, headed, height: y - 2 };
}

/**
 * @param {Model<Traits>} model
 * @param {MapLayout} place
 * @param {number} index
 */
function makeItem(model, place, index) {
  const work = model.get("works")[index];
  const { x, y, width, height } = place.places[index];
  const marked = index === model.get("marked");
  const middle = y + height / 2;
  const name = svg("text", { class: "fl-name", x: x + (marked ? 22 : 7), y: middle + 4.5 }, work.name);
  if (!place.narrow) name.append(svg("tspan", { class: "fl-year", dx: 6 }, String(work.year)));
  const ring = { x: x + 1, y: y + 1, width: width - 2, height: height - 2, rx: 6 };
  const node = svg("g", { class: "fl-work", "data-key": work.key }, svg("rect", { class: "fl-ring", ...ring }), name);
  if (marked) node.append(svg("rect", { class: "fl-memory-mark", x: x + 7, y: middle - 5.5, width: 11, height: 11 }));
  return node;
}

/**
 * Build the map for one width; `update` fills it with the state.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 * @param {(place: number) => void} choose
 */
function makeMap(model, width, choose) {
  const place = layOutMap(model, width);
  const kind = { class: "fl-picture fl-map" };
  const node = pictureNode("Works by what comes back, and how often", width, place.height, kind);
  const often = place.narrow ? "how often it comes back →" : "how often something comes back along the text →";
  node.append(svg("text", { class: "fl-small", x: 2, y: 12 }, often));
  (place.narrow ? SHORT_COLUMNS : model.get("columns")).forEach((column, index) => {
    node.append(svg("text", { class: "fl-column", x: place.lefts[index] + 7, y: 29 }, column));
  });
  place.bands.forEach(({ row, y, height }) => {
    const band = { x: 0.5, y: y + 2, width: width - 1, height, rx: 7 };
    const [first, rest] = row.split(" to ");
    const lines = place.narrow && !place.headed(row) && rest ? [first, `to ${rest}`] : [row];
    const names = lines.map((line, index) => svg("text", { class: "fl-small", x: 7, y: y + 18 + 18 * index }, line));
    node.append(svg("rect", { class: "fl-band", ...band }), ...names);
  });
  const items = model.get("works").map((_, index) => makeItem(model, place, index));
  node.append(...items);

  const area = { x: 0, y: 34, width, height: place.height - 36 };
  const picker = pickerNode({ control: "work", label: "Work", area, ring: { ...area, rx: 8 } });
  picker.addEventListener("click", (event) => {
    const [x, y] = pointIn(node, event);
    const found = onMap(model).find((index) => {
      const box = place.places[index];
      return x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
    });
    if (found !== undefined) choose(found);
  });
  node.append(picker);

  function update() {
    const shown = onMap(model);
    const chosen = model.get("chosen");
    items.forEach((item, index) => {
      setAttributes(item, { hidden: !shown.includes(index), "data-chosen": index === chosen });
    });
    const { title, year } = model.get("works")[chosen];
    const limits = { "aria-valuemax": shown.length, "aria-valuenow": shown.indexOf(chosen) + 1 };
    setAttributes(picker, { ...limits, "aria-valuetext": `${title}, ${year}` });
  }
  return { node, picker, update };
}

// ---- the small picture

/** @typedef {ReturnType<typeof layOutSchema>} SchemaLayout */

/**
 * @param {number} width
 * @param {number} tokens
 * @param {number} layers
 */
function layOutSchema(width, tokens, layers) {
  const narrow = width < 560;
  const wide = Math.min(width, 460);
  const left = (narrow ? 0 : (width - wide) / 2) + 28;
  const pitch = (wide - 28 - 26) / tokens;
  const cell = { width: Math.min(46, pitch - 28), height: 26 };
  const top = narrow ? 68 : 40;
  /** @param {number} layer */
  const y = (layer) => top + (layers - layer) * 38 + cell.height / 2;
  /** @param {number} token */
  const x = (token) => left + (token - 0.5) * pitch;
  const bottom = y(0) + cell.height / 2;
  return { narrow, left, pitch, cell, top, x, y, bottom, bus: bottom + 16, height: bottom + 58 };
}

/**
 * An arrow's tip that points to the right.
 *
 * @param {number} x
 * @param {number} y
 */
function tip(x, y) {
  return svg("path", { class: "fl-tip", d: `M${x - 8} ${y - 5}L${x} ${y}L${x - 8} ${y + 5}z` });
}

/** @param {string} d */
function wayBack(d) {
  return svg("path", { class: "fl-way", "data-read": "memory", d });
}

/**
 * A slot of a memory, beside its token.
 *
 * @param {SchemaLayout} place
 * @param {number} token
 * @param {number} y
 */
function slot(place, token, y) {
  return svg("rect", {
    class: "fl-slot",
    x: place.x(token) + place.cell.width / 2 + 2,
    y: y - 6,
    width: 12,
    height: 12,
  });
}

/**
 * What comes back, where every layer reads its own kind: one line per layer.
 *
 * @param {SchemaLayout} place
 * @param {Read[]} reads
 * @param {boolean} kept
 * @param {number} tokens
 */
function straightLines(place, reads, kept, tokens) {
  const end = place.x(tokens) - place.cell.width / 2 - 1;
  const lines = reads.flatMap(([token, layer]) => {
    const y = place.y(layer);
    return [wayBack(`M${place.x(token)} ${y}H${end - 6}`), tip(end, y)];
  });
  const slots = kept ? reads.map(([token, layer]) => slot(place, token, place.y(layer))) : [];
  return [...lines, ...slots];
}

/**
 * What comes back otherwise: down beside its token, along under all tokens, and up to the layers that read it.
 *
 * @param {SchemaLayout} place
 * @param {Read[]} reads
 * @param {boolean} kept
 * @param {number} tokens
 */
function roundabout(place, reads, kept, tokens) {
  const [x, half] = [place.x(tokens), place.cell.width / 2];
  const riser = x - half - 11;
  const entries = [...new Set(reads.map(([, , entry]) => entry))];
  const sources = [...new Set(reads.map(([token]) => token))];
  const lines = sources.map((token) => {
    const down = place.x(token) + half + 8;
    const layers = [...new Set(reads.filter(([from]) => from === token).map(([, layer]) => layer))];
    const taps = layers.map((layer) => `M${place.x(token) + half} ${place.y(layer)}H${down}`).join("");
    return `${taps}M${down} ${place.y(Math.max(...layers))}V${place.bus}H${riser}`;
  });
  const up = `M${riser} ${place.bus}V${place.y(Math.max(...entries))}`;
  const into = entries.map((entry) => `M${riser} ${place.y(entry)}H${x - half - 6}`);
  const slots = kept ? sources.map((token) => slot(place, token, place.bus)) : [];
  const tips = entries.map((entry) => tip(x - half - 1, place.y(entry)));
  return [wayBack([...lines, up, ...into].join("")), ...slots, ...tips];
}

/**
 * The layers run again on the same token: from the last one back to the first.
 *
 * @param {SchemaLayout} place
 * @param {number} tokens
 * @param {number} layers
 */
function loop(place, tokens, layers) {
  const x = place.x(tokens) + place.cell.width / 2;
  const [high, low] = [place.y(layers), place.y(1)];
  const end = `M${x + 9} ${low - 5}L${x + 1} ${low}L${x + 9} ${low + 5}z`;
  return [wayBack(`M${x} ${high}H${x + 16}V${low}H${x + 7}`), svg("path", { class: "fl-tip", d: end })];
}

/**
 * @param {SchemaLayout} place
 * @param {number} tokens
 * @param {number} every
 */
function segmentFrames(place, tokens, every) {
  if (every < 2) return [];
  return range(Math.ceil(tokens / every)).map((segment) => {
    const x = place.x(1 + segment * every) - place.pitch / 2 + 2;
    const [width, height] = [every * place.pitch - 4, place.bottom - place.top + 16];
    return svg("rect", { class: "fl-segment", x, y: place.top - 8, width, height, rx: 7 });
  });
}

/**
 * One row of the small picture: the number of the layer, and its cells.
 *
 * @param {SchemaLayout} place
 * @param {number} layer
 * @param {number} layers
 * @param {number} tokens
 */
function schemaRow(place, layer, layers, tokens) {
  const { width, height } = place.cell;
  const style = layerTint(layer, layers);
  const [y, top] = [place.y(layer) + 5, place.y(layer) - height / 2];
  const cells = range(tokens, 1).map((token) =>
    svg("rect", { class: "fl-cell", x: place.x(token) - width / 2, y: top, width, height, rx: 5, style })
  );
  return [svg("g", { style }, ...layerChip(place.left - 27, y, layer)), ...cells];
}

/**
 * Build the small picture for one width; `update` draws the chosen work into it.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 */
function makeSchema(model, width) {
  const [tokens, layers] = [model.get("tokens"), model.get("layers")];
  const place = layOutSchema(width, tokens, layers);
  const kind = { class: "fl-picture fl-schema", role: "img" };
  const node = pictureNode("What the last token reads, in three layers", width, place.height, kind);
  const [behind, front] = [svg("g"), svg("g")];
  const legend = wayLegend(
    [["memory", "comes back"], ["below", "read at the layer below"], ["own", "the token's own way"]],
    place.narrow ? null : [0, 150, 380],
  );
  const [end, x] = [place.x(tokens) + place.pitch / 2, place.x(tokens)];
  node.append(
    ...legend,
    behind,
    ...range(layers + 1).flatMap((layer) => schemaRow(place, layer, layers, tokens)),
    ...range(tokens, 1).map((token) =>
      svg("text", { class: "fl-token", x: place.x(token), y: place.bottom + 40 }, String(token))
    ),
    svg("circle", { class: "fl-now-mark", cx: x, cy: place.bottom + 35, r: 9.5 }),
    front,
    svg("text", { class: "fl-small fl-end", x: end, y: place.height - 3 }, "tokens, time →"),
  );

  function update() {
    const work = model.get("works")[model.get("chosen")];
    /** @param {string} how */
    const of = (how) => work.reads.filter(([, , , sign]) => sign === how);
    /** @type {(how: string, read: Read) => Element} */
    const line = (how, [token, layer, entry]) => {
      const d = `M${place.x(token)} ${place.y(layer)}L${x} ${place.y(entry)}`;
      return svg("path", { class: "fl-way", "data-read": how, d });
    };
    const back = of("m");
    const itself = back.every(([, layer, entry]) => layer === entry);
    const lines = (itself ? straightLines : roundabout)(place, back, work.kept, tokens);
    behind.replaceChildren(
      ...segmentFrames(place, tokens, work.every),
      ...of("b").map((read) => line("below", read)),
      ...of("o").map((read) => line("own", read)),
      ...(itself ? lines : []),
    );
    front.replaceChildren(...(itself ? [] : lines), ...(work.again ? loop(place, tokens, layers) : []));
  }
  return { node, update };
}

// ---- the figure

/**
 * On the book's page a source is a link to the bibliography; elsewhere that page is not there.
 *
 * @param {Element} el
 * @param {Work} work
 */
function sourceLine(el, work) {
  const text = `Source: ${work.source}.`;
  if (!onPage(el)) return html("span", {}, text);
  const href = `../book/bibliography.html#${work.key}`;
  return html("a", { class: "fl-source", "data-control": "source", href }, text);
}

/** @param {Model<Traits>} model */
function link(model) {
  return {
    rules: {
      chosen: whole(0, model.get("works").length - 1),
      years: oneOf(model.get("spans").map(([name]) => name)),
    },
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const keep = keeper(model);
    /** @param {number} chosen */
    const choose = (chosen) => keep({ chosen });
    const place = () => onMap(model).indexOf(model.get("chosen"));
    /** @param {number} to */
    const go = (to) => {
      const shown = onMap(model);
      choose(shown[clamp(to, 0, shown.length - 1)]);
    };
    /** @param {string} years */
    const setYears = (years) => {
      const stays = counted(model, years).includes(model.get("chosen"));
      keep({ years, ...(stays ? {} : { chosen: model.get("marked") }) });
    };

    const mapBox = html("div", { class: "fl-frame-box" });
    const schemaBox = html("div", { class: "fl-frame-box" });
    const heading = largeResult();
    const recurs = html("p", { class: "fl-recurs" });
    const source = html("p", { class: "fl-source-line" });
    const sentence = stateSentence();
    const years = choiceList({
      control: "years",
      label: "",
      options: model.get("spans").map(([name]) => [name, name]),
      change: setYears,
    });
    setAttributes(years.select, { "aria-label": "Years" });
    const earlier = button("earlier", "Earlier", () => go(place() - 1));
    const later = button("later", "Later", () => go(place() + 1), { class: "fl-button fl-primary" });
    const steps = buttonGroup("Through the years", [earlier, later]);
    const controls = html("div", { class: "fl-controls" }, steps, years.element);

    /** @param {Picture} pictures */
    function draw(pictures) {
      const work = model.get("works")[model.get("chosen")];
      years.show(model.get("years"));
      setAvailable(earlier, place() > 0);
      setAvailable(later, place() < onMap(model).length - 1);
      pictures.update();
      heading.show(work.title, String(work.year));
      say(recurs, `What recurs: ${work.recurs}.`);
      source.replaceChildren(sourceLine(el, work));
      say(sentence, describe(model));
    }

    // One watcher for both pictures: where the map's width changes, that of the small one may do so too.
    /** @type {(width: number) => Picture} */
    const make = (width) => {
      const [map, schema] = [makeMap(model, width, choose), makeSchema(model, widthOf(schemaBox, 240))];
      schemaBox.replaceChildren(schema.node);
      const update = () => [map, schema].forEach((picture) => picture.update());
      return { node: map.node, picker: map.picker, update };
    };
    onSliderKeys(mapBox, { first: 0, last: Infinity, get: place, set: go });
    const label = "Works before and after the Feedback Transformer";
    const panel = [controls, heading.element, recurs, schemaBox, source];
    const screen = onOneScreen([mapBox], panel, { beside: true });
    el.append(figureFrame("lineage-map", label, makeCaptions(model), screen, sentence));
    return keepDrawn({ model, traits: STATE, box: mapBox, least: 260, make, draw });
  },
};
