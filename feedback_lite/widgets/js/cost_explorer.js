import { button, buttonGroup, setPressed, slider } from "./controls.js";
import { figureFrame, html, keepDrawn, keeper, svg } from "./figure.js";
import { oneOf, several, whole } from "./link.js";
import { largeResult, onOneScreen } from "./screen.js";
import { grouped, say, stateSentence, tell } from "./words.js";

/** @import { Model, Place, Words } from "./figure.js" */

/**
 * @typedef {object} Costs nested as the sizes are, for one layer and more
 * @property {number[][][][]} parameters by layers, width, heads and head width
 * @property {number[][][][]} memory by layers, heads, head width and slots
 * @property {number[][][]} pairs by layers, heads and head width
 */

/**
 * @typedef {object} Traits
 * @property {string[]} names what can be set
 * @property {number[][]} choices of every size
 * @property {Costs} costs
 * @property {[name: string, places: number[]][]} models
 * @property {number[]} places which choice is made of each size
 * @property {[forAll: string, perLayer: string]} inputs
 * @property {string} vectors which of the inputs is chosen
 * @property {number} fewest_in_megabytes
 * @property {Words} words
 */

/** @typedef {[shared: number, each: number]} Pair one matrix for all layers, and one for each */

const STATE = ["places", "vectors"];

// ---- what is shown

/**
 * Room for float32 numbers: four bytes each.
 *
 * @param {Model<Traits>} model
 * @param {number} numbers
 */
function bytes(model, numbers) {
  const size = 4 * numbers;
  if (size < model.get("fewest_in_megabytes")) return tell(model, "bytes", { size: grouped(size) });
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return tell(model, "megabytes", { size: (size / 1e6).toLocaleString("en-US", digits) });
}

/**
 * The sizes that are set, in the order of their names.
 *
 * @param {Model<Traits>} model
 */
function sizesOf(model) {
  const places = model.get("places");
  const [layers, width, heads, headWidth, slots] = model.get("choices").map((choice, index) => choice[places[index]]);
  return { layers, width, heads, headWidth, slots };
}

/**
 * Of each cost: that of one matrix for all layers, and that of one per layer. Looked up, never computed.
 *
 * @param {Model<Traits>} model
 * @returns {Record<keyof Costs, Pair>}
 */
function costsOf(model) {
  const { parameters, memory, pairs } = model.get("costs");
  const [layers, width, heads, headWidth, slots] = model.get("places");
  const inputs = model.get("vectors") === model.get("inputs")[0] ? 0 : layers;
  /** @param {number} layer */
  const kept = (layer) => memory[layer][heads][headWidth][slots];
  /** @param {number} layer */
  const made = (layer) => pairs[layer][heads][headWidth];
  return {
    parameters: [parameters[0][width][heads][headWidth], parameters[layers][width][heads][headWidth]],
    memory: [kept(inputs), kept(layers)],
    pairs: [made(inputs), made(layers)],
  };
}

/**
 * @param {Model<Traits>} model
 * @param {0 | 1} which
 */
function tellCosts(model, which) {
  const { parameters, memory, pairs } = costsOf(model);
  return {
    parameters: grouped(parameters[which]),
    kept: grouped(memory[which]),
    room: bytes(model, memory[which]),
    made: grouped(pairs[which]),
  };
}

/** @param {Model<Traits>} model */
function describe(model) {
  const { layers, width, heads, headWidth, slots } = sizesOf(model);
  const sizes = tell(model, "sizes", {
    layers: tell(model, "layers", { count: layers }),
    width,
    heads: tell(model, "heads", { count: heads }),
    head_width: headWidth,
    slots: grouped(slots),
    vectors: model.get("vectors"),
  });
  return `${sizes} ${tell(model, "shared", tellCosts(model, 0))} ${tell(model, "each", tellCosts(model, 1))}`;
}

/**
 * How the number of one block comes about.
 *
 * @param {Model<Traits>} model
 * @param {boolean} narrow
 */
function formulas(model, narrow) {
  const { width, heads, headWidth, slots } = sizesOf(model);
  const each = narrow ? `${headWidth} each` : `head width ${headWidth}`;
  const pair = `${narrow ? "" : "one block: "}2 × ${tell(model, "heads", { count: heads })} × ${each}`;
  return { parameters: `${pair} × width ${width}`, memory: `${pair} × ${grouped(slots)} slots`, pairs: pair };
}

// ---- the picture

/** @type {[cost: keyof Costs, title: string][]} */
const GROUPS = [
  ["parameters", "parameters"],
  ["memory", "numbers in a full memory"],
  ["pairs", "numbers computed per token"],
];

/** @type {[kind: "shared" | "each", label: string][]} */
const BARS = [["shared", "one matrix"], ["each", "matrix per layer"]];

/**
 * A bar of equal blocks, one per matrix or vector; numbered where there is room.
 *
 * @param {string} kind
 * @param {number} blocks
 * @param {{ x: number, y: number, width: number, height: number }} first
 */
function bar(kind, blocks, { x, y, width, height }) {
  const group = svg("g", { class: `fl-bar fl-${kind}` });
  for (let block = 0; block < blocks; block += 1) {
    const left = x + block * width;
    group.append(svg("rect", { class: "fl-block", x: left + 1, y, width: width - 2, height, rx: 2 }));
    if (kind === "each" && width >= 20) {
      const at = { x: left + width / 2, y: y + height / 2 + 4 };
      group.append(svg("text", { class: "fl-block-number", ...at }, String(block + 1)));
    }
  }
  return group;
}

/**
 * Build the picture for one width; `update` fills it with the state.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 */
function makePicture(model, width) {
  const narrow = width < 380;
  const labelWidth = narrow ? 0 : 122;
  const numberWidth = narrow ? 0 : 96;
  const rowHeight = narrow ? 40 : 28;
  const groupHeight = 54 + 2 * rowHeight;
  const room = width - labelWidth - numberWidth - 2;
  const node = svg("svg", {
    class: "fl-picture",
    viewBox: `0 0 ${width} ${GROUPS.length * groupHeight - 14}`,
    "aria-hidden": "true",
  });

  function update() {
    const { layers } = sizesOf(model);
    const costs = costsOf(model);
    const formula = formulas(model, width < 520);
    node.replaceChildren();
    GROUPS.forEach(([key, title], index) => {
      const top = index * groupHeight;
      node.append(svg("text", { class: "fl-title", x: 0, y: top + 15 }, title));
      node.append(svg("text", { class: "fl-small", x: 0, y: top + 33 }, formula[key]));
      BARS.forEach(([kind, label], row) => {
        const y = top + 42 + row * rowHeight;
        const value = costs[key][row];
        const blocks = value === costs[key][1] && (kind === "each" || key !== "parameters") ? layers : 1;
        const textY = narrow ? y + 13 : y + 16;
        const number = { class: "fl-number fl-end", x: width - 1, y: textY, "data-cost": `${key} ${kind}` };
        const first = { x: labelWidth, y: narrow ? y + 18 : y, width: room / layers, height: narrow ? 18 : 22 };
        node.append(
          svg("text", { x: 0, y: textY }, label),
          svg("text", number, grouped(value)),
          bar(kind, blocks, first),
        );
      });
    });
  }
  return { node, update };
}

// ---- the figure

/** @param {Model<Traits>} model */
function link(model) {
  const counts = model.get("choices").map((choices) => choices.length);
  return {
    rules: {
      places: several(whole(0, Math.max(...counts)), counts.length, counts.length),
      vectors: oneOf(model.get("inputs")),
    },
    fits: (/** @type {Traits} */ { places }) => places.every((place, size) => place < counts[size]),
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const choices = model.get("choices");
    const keep = keeper(model);
    const frame = html("div", { class: "fl-frame-box" });
    const result = largeResult();
    const sentence = stateSentence();

    const presets = model.get("models").map(([name, places]) => ({
      places,
      node: button(`model ${name}`, name, () => keep({ places })),
    }));
    const inputs = model.get("inputs").map((vectors, index) => ({
      vectors,
      node: button(`vectors ${["shared", "own"][index]}`, vectors, () => keep({ vectors })),
    }));
    const sliders = model.get("names").map((name, index) => {
      /** @param {number} value */
      const change = (value) =>
        keep({ places: model.get("places").map((place, at) => (at === index ? value : place)) });
      return slider({ control: name, label: name, first: 0, last: choices[index].length - 1, change });
    });

    /** @param {{ update: () => void }} picture */
    function draw(picture) {
      const places = model.get("places");
      inputs.forEach(({ vectors, node }) => setPressed(node, vectors === model.get("vectors")));
      presets.forEach((preset) => setPressed(preset.node, String(preset.places) === String(places)));
      sliders.forEach(({ show }, index) => show(places[index], grouped(choices[index][places[index]])));
      picture.update();
      const [one, each] = [tellCosts(model, 0), tellCosts(model, 1)];
      result.show(one.room, `of memory, or ${each.room} with a matrix per layer`);
      say(sentence, describe(model));
    }

    el.append(figureFrame(
      "cost-explorer",
      "What keys and values cost",
      result.element,
      onOneScreen([frame], [
        buttonGroup("What goes through the matrix", inputs.map(({ node }) => node)),
        buttonGroup("Sizes", presets.map(({ node }) => node)),
        ...sliders.map(({ element }) => element),
      ], { beside: true }),
      sentence,
    ));
    /** @param {number} width */
    const make = (width) => makePicture(model, width);
    return keepDrawn({ model, traits: STATE, box: frame, least: 264, make, draw });
  },
};
