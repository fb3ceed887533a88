import { button, figureFrame, html, keepDrawn, keeper, layerTint, onSliderKeys, pointIn, say, setAttributes, setAvailable, setPressed, stateSentence, svg } from "./figure.js";

const STATE = ["chosen", "years"];
const MARKED_YEAR = 2020;
const YEARS = { "all years": () => true, "until 2020": (year) => year <= MARKED_YEAR, "since 2021": (year) => year > MARKED_YEAR };
const SHORT_COLUMNS = ["never", "per segment", "every token"];

// ---- what is shown -------------------------------------------------------------------------------------------

/** The places of the works of these years. */
function counted(model, years = model.get("years")) {
  return model.get("works").flatMap(({ year }, place) => (YEARS[years](year) ? [place] : []));
}

/** The places of all works on the map: the marked one never leaves it. */
function onMap(model) {
  return [...new Set([...counted(model), model.get("marked")])].sort((one, other) => one - other);
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function describe(model) {
  const work = model.get("works")[model.get("chosen")];
  const parts = [`${work.title}, ${work.year}.`];
  if (work.again) parts.push(`${capital(work.column)} along the text, but again on the same token.`);
  else if (work.column !== model.get("columns")[0]) parts.push(`${capital(work.column)}, ${work.row}.`);
  parts.push(work.told);
  if (work.training) parts.push(`In training: ${work.training}.`);
  const runs = work.again ? " in each run" : "";
  parts.push(`In the small picture, the longest way runs through ${work.longest} layers${runs}.`);
  const places = counted(model);
  const marked = model.get("marked");
  const besides = places.includes(marked) ? "" : `, and the ${model.get("works")[marked].title}`;
  parts.push(`On the map: ${places.length} works, ${model.get("years")}${besides}.`);
  return parts.join(" ");
}

// ---- the map -------------------------------------------------------------------------------------------------

/** Positions of the map for one width. All years are laid out, so that nothing moves when some are left out. */
function layOutMap(model, width) {
  const narrow = width < 560;
  const [works, columns, rows] = ["works", "columns", "rows"].map((key) => model.get(key));
  const [pitch, head] = narrow ? [30, 26] : [24, 24];
  const shares = narrow ? [0.26, 0.35, 0.39] : [0.3, 0.34, 0.36];
  const lefts = shares.map((_, column) => width * shares.slice(0, column).reduce((sum, share) => sum + share, 0));
  const places = [];
  const bands = [];
  let y = 34;
  rows.forEach((row) => {
    const cells = columns.map((column) => works.flatMap((work, place) => (work.row === row && work.column === column ? [place] : [])));
    const lines = Math.max(...cells.map((cell) => cell.length));
    bands.push({ row, y, height: head + lines * pitch + 4 });
    cells.forEach((cell, column) => {
      cell.forEach((place, line) => { places[place] = { x: lefts[column], y: y + head + line * pitch, width: shares[column] * width - 2, height: pitch }; });
    });
    y += head + lines * pitch + 10;
  });
  return { width, narrow, lefts, bands, places, height: y - 4 };
}

function makeItem(model, place, index) {
  const work = model.get("works")[index];
  const { x, y, width, height } = place.places[index];
  const marked = index === model.get("marked");
  const middle = y + height / 2;
  const name = svg("text", { class: "fl-name", x: x + (marked ? 22 : 7), y: middle + 4.5 }, work.name);
  if (!place.narrow) name.append(svg("tspan", { class: "fl-year", dx: 6 }, String(work.year)));
  const node = svg("g", { class: "fl-work", "data-key": work.key }, svg("rect", { class: "fl-ring", x: x + 1, y: y + 1, width: width - 2, height: height - 2, rx: 6 }), name);
  if (marked) node.append(svg("rect", { class: "fl-memory-mark", x: x + 7, y: middle - 5.5, width: 11, height: 11 }));
  return node;
}

/** Build the map for one width; `update` fills it with the state. */
function makeMap(model, width, choose) {
  const place = layOutMap(model, width);
  const node = svg("svg", { class: "fl-picture fl-map", viewBox: `0 0 ${width} ${place.height}`, role: "group", "aria-label": "Works by what comes back, and how often" });
  node.append(svg("text", { class: "fl-small", x: 2, y: 12 }, place.narrow ? "how often it comes back →" : "how often something comes back along the text →"));
  model.get("columns").forEach((column, index) => {
    node.append(svg("text", { class: "fl-column", x: place.lefts[index] + 7, y: 29 }, place.narrow ? SHORT_COLUMNS[index] : column));
  });
  place.bands.forEach(({ row, y, height }) => {
    node.append(svg("rect", { class: "fl-band", x: 0.5, y: y + 2, width: width - 1, height, rx: 7 }), svg("text", { class: "fl-small", x: 7, y: y + 19 }, row));
  });
  const items = model.get("works").map((_, index) => makeItem(model, place, index));
  node.append(...items);

  const area = { x: 0, y: 34, width, height: place.height - 36 };
  const picker = svg(
    "g",
    { class: "fl-picker", role: "slider", tabindex: 0, "data-control": "work", "aria-label": "Work", "aria-valuemin": 1 },
    svg("rect", { class: "fl-hit", ...area }), svg("rect", { class: "fl-focus", ...area, rx: 8 }),
  );
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
    items.forEach((item, index) => setAttributes(item, { hidden: !shown.includes(index), "data-chosen": index === chosen }));
    const { title, year } = model.get("works")[chosen];
    setAttributes(picker, { "aria-valuemax": shown.length, "aria-valuenow": shown.indexOf(chosen) + 1, "aria-valuetext": `${title}, ${year}` });
  }
  return { node, picker, update };
}

// ---- the small picture ---------------------------------------------------------------------------------------

const SAMPLES = [["memory", "comes back"], ["below", "read at the layer below"], ["own", "the token's own way"]];

function layOutSchema(width, { tokens, layers }) {
  const narrow = width < 560;
  const wide = Math.min(width, 460);
  const left = (narrow ? 0 : (width - wide) / 2) + 28;
  const pitch = (wide - 28 - 26) / tokens;
  const cell = { width: Math.min(46, pitch - 28), height: 26 };
  const top = narrow ? 68 : 40;
  const step = 46;
  const y = (layer) => top + (layers - layer) * step + cell.height / 2;
  const bottom = y(0) + cell.height / 2;
  return { narrow, left, pitch, cell, top, y, bottom, bus: bottom + 16, height: bottom + 66, x: (token) => left + (token - 0.5) * pitch };
}

/** An arrow's tip that points to the right. */
function tip(x, y) {
  return svg("path", { class: "fl-tip", d: `M${x - 8} ${y - 5}L${x} ${y}L${x - 8} ${y + 5}z` });
}

/** A slot of a memory, beside its token. */
function slot(place, token, y) {
  return svg("rect", { class: "fl-slot", x: place.x(token) + place.cell.width / 2 + 2, y: y - 6, width: 12, height: 12 });
}

/** What comes back, where every layer reads its own kind: one line per layer. */
function straightLines(place, reads, kept, tokens) {
  const end = place.x(tokens) - place.cell.width / 2 - 1;
  const lines = reads.flatMap(([token, layer]) => {
    const y = place.y(layer);
    return [svg("path", { class: "fl-way", "data-read": "memory", d: `M${place.x(token)} ${y}H${end - 6}` }), tip(end, y)];
  });
  const slots = kept ? reads.map(([token, layer]) => slot(place, token, place.y(layer))) : [];
  return [...lines, ...slots];
}

/** What comes back otherwise: down beside its token, along under all tokens, and up to the layers that read it. */
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
  const into = entries.map((entry) => `M${riser} ${place.y(entry)}H${x - half - 6}`).join("");
  const slots = kept ? sources.map((token) => slot(place, token, place.bus)) : [];
  const way = svg("path", { class: "fl-way", "data-read": "memory", d: [...lines, up, into].join("") });
  return [way, ...slots, ...entries.map((entry) => tip(x - half - 1, place.y(entry)))];
}

/** The layers run again on the same token: from the last one back to the first. */
function loop(place, tokens, layers) {
  const x = place.x(tokens) + place.cell.width / 2;
  const [high, low] = [place.y(layers), place.y(1)];
  const way = svg("path", { class: "fl-way", "data-read": "memory", d: `M${x} ${high}H${x + 16}V${low}H${x + 7}` });
  return [way, svg("path", { class: "fl-tip", d: `M${x + 9} ${low - 5}L${x + 1} ${low}L${x + 9} ${low + 5}z` })];
}

function segmentFrames(place, tokens, every) {
  if (every < 2) return [];
  const frames = [];
  for (let first = 1; first <= tokens; first += every) {
    const x = place.x(first) - place.pitch / 2 + 2;
    frames.push(svg("rect", { class: "fl-segment", x, y: place.top - 8, width: every * place.pitch - 4, height: place.bottom - place.top + 16, rx: 7 }));
  }
  return frames;
}

/** Build the small picture for one width; `update` draws the chosen work into it. */
function makeSchema(model, width) {
  const [tokens, layers] = [model.get("tokens"), model.get("layers")];
  const place = layOutSchema(width, { tokens, layers });
  const node = svg("svg", { class: "fl-picture fl-schema", viewBox: `0 0 ${width} ${place.height}`, role: "img", "aria-label": "What the last token reads, in three layers" });
  SAMPLES.forEach(([how, text], index) => {
    const [x, y] = place.narrow ? [0, 12 + 20 * index] : [[0, 150, 380][index], 14];
    node.append(svg("path", { class: "fl-way", "data-read": how, d: `M${x + 1} ${y - 4}h26` }), svg("text", { class: "fl-small", x: x + 34, y }, text));
  });
  const [behind, front] = [svg("g", {}), svg("g", {})];
  node.append(behind);
  for (let layer = 0; layer <= layers; layer += 1) {
    const y = place.y(layer) + 5;
    const chip = svg("rect", { class: "fl-chip", x: place.left - 27, y: y - 13, width: 17, height: 17, rx: 4 });
    node.append(svg("g", { style: layerTint(layer, layers) }, chip, svg("text", { class: "fl-chip-number", x: place.left - 18.5, y }, String(layer))));
    for (let token = 1; token <= tokens; token += 1) {
      const box = { x: place.x(token) - place.cell.width / 2, y: place.y(layer) - place.cell.height / 2, ...place.cell, rx: 5 };
      node.append(svg("rect", { class: "fl-cell", ...box, style: layerTint(layer, layers) }));
    }
  }
  for (let token = 1; token <= tokens; token += 1) {
    node.append(svg("text", { class: "fl-token", x: place.x(token), y: place.bottom + 44 }, String(token)));
  }
  node.append(svg("circle", { class: "fl-now-mark", cx: place.x(tokens), cy: place.bottom + 40, r: 11 }));
  node.append(front, svg("text", { class: "fl-small fl-end", x: place.x(tokens) + place.pitch / 2, y: place.height - 3 }, "tokens, time →"));

  function update() {
    const work = model.get("works")[model.get("chosen")];
    const of = (how) => work.reads.filter(([, , , sign]) => sign === how);
    const line = (read, [token, layer, entry]) =>
      svg("path", { class: "fl-way", "data-read": read, d: `M${place.x(token)} ${place.y(layer)}L${place.x(tokens)} ${place.y(entry)}` });
    const back = of("m");
    const itself = back.every(([, layer, entry]) => layer === entry);
    const lines = itself ? straightLines(place, back, work.kept, tokens) : roundabout(place, back, work.kept, tokens);
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

// ---- the figure ----------------------------------------------------------------------------------------------

/** On the book's page a source is a link to the bibliography; elsewhere that page is not there. */
function sourceLine(el, work) {
  const text = `Source: ${work.source}.`;
  if (!el.closest(".fl-place")) return html("span", {}, text);
  const address = `../book/bibliography.html#${work.key}`;
  return html("a", { class: "fl-source", "data-control": "source", href: address }, text);
}

export default {
  render({ model, el }) {
    const keep = keeper(model);
    const choose = (chosen) => keep({ chosen });
    const place = () => onMap(model).indexOf(model.get("chosen"));
    const go = (to) => {
      const shown = onMap(model);
      choose(shown[Math.max(0, Math.min(shown.length - 1, to))]);
    };
    const setYears = (years) => () => {
      const stays = counted(model, years).includes(model.get("chosen"));
      keep({ years, ...(stays ? {} : { chosen: model.get("marked") }) });
    };

    const mapBox = html("div", { class: "fl-frame-box" });
    const schemaBox = html("div", { class: "fl-frame-box" });
    const heading = html("p", { class: "fl-now" });
    const recurs = html("p", { class: "fl-recurs" });
    const source = html("p", { class: "fl-source-line" });
    const sentence = stateSentence();
    const years = Object.keys(YEARS).map((name) => ({ name, node: button(`years ${name}`, name, setYears(name)) }));
    const earlier = button("earlier", "Earlier", () => go(place() - 1));
    const later = button("later", "Later", () => go(place() + 1), { class: "fl-button fl-primary" });
    const controls = html(
      "div", { class: "fl-controls" },
      html("div", { class: "fl-choices", role: "group", "aria-label": "Years" }, ...years.map(({ node }) => node)),
      html("div", { class: "fl-choices", role: "group", "aria-label": "Through the years" }, earlier, later),
    );

    function draw(pictures) {
      const work = model.get("works")[model.get("chosen")];
      years.forEach(({ name, node }) => setPressed(node, name === model.get("years")));
      setAvailable(earlier, place() > 0);
      setAvailable(later, place() < onMap(model).length - 1);
      pictures.update();
      say(heading, `${work.title}, ${work.year}`);
      say(recurs, `What recurs: ${work.recurs}.`);
      source.replaceChildren(sourceLine(el, work));
      say(sentence, describe(model));
    }

    // One watcher for both pictures: the small one is built for the width of the map.
    const make = (width) => {
      const [map, schema] = [makeMap(model, width, choose), makeSchema(model, width)];
      schemaBox.replaceChildren(schema.node);
      return { node: map.node, picker: map.picker, update: () => [map, schema].forEach((picture) => picture.update()) };
    };
    onSliderKeys(mapBox, { first: 0, last: Infinity, get: place, set: go });
    el.append(figureFrame("lineage-map", "Works before and after the Feedback Transformer", mapBox, controls, heading, recurs, schemaBox, source, sentence));
    return keepDrawn({ model, traits: STATE, box: mapBox, least: 260, make, draw });
  },
};
