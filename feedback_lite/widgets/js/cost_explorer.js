import { button, figureFrame, html, keepDrawn, keeper, say, setAttributes, setPressed, stateSentence, svg } from "./figure.js";

const STATE = ["places", "vectors"];
const ONE_FOR_ALL = "one vector for all layers";
const ONE_PER_LAYER = "a vector per layer";

// ---- what is shown -------------------------------------------------------------------------------------------

const grouped = (number) => number.toLocaleString("en-US");
const count = (number, name) => (number === 1 ? `${number} ${name}` : `${number} ${name}s`);

/** Room for float32 numbers, as Python writes it. */
function bytes(numbers) {
  const size = 4 * numbers;
  if (size < 100_000) return `${grouped(size)} bytes`;
  const rounded = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return `${(size / 1e6).toLocaleString("en-US", rounded)} MB`;
}

/** The sizes that are set, by name. */
function sizesOf(model) {
  const [names, choices, places] = ["names", "choices", "places"].map((key) => model.get(key));
  return Object.fromEntries(names.map((name, index) => [name, choices[index][places[index]]]));
}

/** Of each cost: that of one matrix for all layers, and that of one per layer. Looked up, never computed. */
function costsOf(model) {
  const { parameters, memory, pairs } = model.get("costs");
  const [layers, width, heads, headWidth, slots] = model.get("places");
  const inputs = model.get("vectors") === ONE_FOR_ALL ? 0 : layers;
  const look = (layer) => [parameters[layer][width][heads][headWidth], memory[layer][heads][headWidth][slots], pairs[layer][heads][headWidth]];
  return {
    parameters: [look(0)[0], look(layers)[0]],
    memory: [look(inputs)[1], look(layers)[1]],
    pairs: [look(inputs)[2], look(layers)[2]],
  };
}

function describe(model) {
  const sizes = sizesOf(model);
  const { parameters, memory, pairs } = costsOf(model);
  return (
    `${count(sizes.layers, "layer")} of width ${sizes.width}, ${count(sizes.heads, "head")} of width ` +
    `${sizes["head width"]}, ${grouped(sizes.slots)} slots, ${model.get("vectors")}. One matrix for all layers: ${grouped(parameters[0])} parameters, ` +
    `${grouped(memory[0])} numbers (${bytes(memory[0])}) in a full memory, ${grouped(pairs[0])} computed per token. One matrix per layer: ` +
    `${grouped(parameters[1])} parameters, ${grouped(memory[1])} numbers (${bytes(memory[1])}), ${grouped(pairs[1])} per token.`
  );
}

/** How the number of one block comes about. */
function formulas(sizes, narrow) {
  const headWidth = sizes["head width"];
  const pair = `2 × ${count(sizes.heads, "head")} × ${narrow ? `${headWidth} each` : `head width ${headWidth}`}`;
  const start = narrow ? "" : "one block: ";
  return {
    parameters: `${start}${pair} × width ${sizes.width}`,
    memory: `${start}${pair} × ${grouped(sizes.slots)} slots`,
    pairs: `${start}${pair}`,
  };
}

// ---- the picture ---------------------------------------------------------------------------------------------

const GROUPS = [
  ["parameters", "parameters"],
  ["memory", "numbers in a full memory"],
  ["pairs", "numbers computed per token"],
];

/** A bar of equal blocks, one per matrix or vector; numbered where there is room. */
function bar(kind, blocks, x, y, width, height) {
  const group = svg("g", { class: `fl-bar fl-${kind}` });
  const size = width;
  for (let block = 0; block < blocks; block += 1) {
    const left = x + block * size;
    group.append(svg("rect", { class: "fl-block", x: left + 1, y, width: size - 2, height, rx: 2 }));
    if (kind === "each" && size >= 20) {
      group.append(svg("text", { class: "fl-block-number", x: left + size / 2, y: y + height / 2 + 4 }, String(block + 1)));
    }
  }
  return group;
}

/** Build the picture for one width; `update` fills it with the state. */
function makePicture(model, width) {
  const narrow = width < 520;
  const labelWidth = narrow ? 0 : 118;
  const numberWidth = narrow ? 0 : 104;
  const thick = 22;
  const rowHeight = narrow ? 44 : 30;
  const groupHeight = 48 + 2 * rowHeight;
  const height = GROUPS.length * groupHeight - 8;
  const room = width - labelWidth - numberWidth - 2;
  const node = svg("svg", { class: "fl-picture", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });

  function update() {
    const sizes = sizesOf(model);
    const costs = costsOf(model);
    const formula = formulas(sizes, narrow);
    const block = room / sizes.layers;
    node.replaceChildren();
    GROUPS.forEach(([key, title], index) => {
      const top = index * groupHeight;
      node.append(svg("text", { class: "fl-title", x: 0, y: top + 15 }, title));
      node.append(svg("text", { class: "fl-small", x: 0, y: top + 33 }, formula[key]));
      [["shared", "one matrix"], ["each", "matrix per layer"]].forEach(([kind, label], row) => {
        const y = top + 42 + row * rowHeight;
        const value = costs[key][row];
        const blocks = value === costs[key][1] && (kind === "each" || key !== "parameters") ? sizes.layers : 1;
        const barY = narrow ? y + 18 : y;
        const textY = narrow ? y + 13 : y + 16;
        node.append(svg("text", { x: 0, y: textY }, label));
        node.append(svg("text", { class: "fl-number fl-end", x: width - 1, y: textY, "data-cost": `${key} ${kind}` }, grouped(value)));
        node.append(bar(kind, blocks, labelWidth, barY, block, thick));
      });
    });
  }
  return { node, update };
}

// ---- the figure ----------------------------------------------------------------------------------------------

export default {
  render({ model, el }) {
    const names = model.get("names");
    const choices = model.get("choices");
    const keep = keeper(model);
    const frame = html("div", { class: "fl-frame-box" });
    const sentence = stateSentence();

    const presets = model.get("models").map(([name, places]) => ({
      places, node: button(`model ${name}`, name, () => keep({ places })),
    }));
    const inputs = [[ONE_FOR_ALL, "shared"], [ONE_PER_LAYER, "own"]].map(([vectors, name]) => ({
      vectors, node: button(`vectors ${name}`, vectors, () => keep({ vectors })),
    }));
    const sliders = names.map((name, index) => {
      const input = html("input", {
        type: "range", min: 0, max: choices[index].length - 1, step: 1, "data-control": name, "aria-label": name,
      });
      input.addEventListener("input", () => {
        keep({ places: model.get("places").map((place, at) => (at === index ? Number(input.value) : place)) });
      });
      const value = html("span", { class: "fl-value" });
      return { input, value, row: html("div", { class: "fl-slider" }, html("span", {}, name), input, value) };
    });
    const row = (label, nodes) =>
      html("div", { role: "group", "aria-label": label }, html("p", { class: "fl-heading" }, label), html("div", { class: "fl-presets" }, ...nodes));

    function draw(picture) {
      const places = model.get("places");
      inputs.forEach(({ vectors, node }) => setPressed(node, vectors === model.get("vectors")));
      presets.forEach((preset) => setPressed(preset.node, JSON.stringify(preset.places) === JSON.stringify(places)));
      sliders.forEach(({ input, value }, index) => {
        const text = grouped(choices[index][places[index]]);
        setAttributes(input, { "aria-valuetext": text });
        input.value = places[index];
        say(value, text);
      });
      picture.update();
      say(sentence, describe(model));
    }

    el.append(figureFrame(
      "cost-explorer", "What keys and values cost", frame,
      row("What goes through the matrix", inputs.map(({ node }) => node)),
      row("Sizes", presets.map(({ node }) => node)), ...sliders.map((slider) => slider.row), sentence,
    ));
    return keepDrawn({ model, traits: STATE, box: frame, least: 264, make: (width) => makePicture(model, width), draw });
  },
};
