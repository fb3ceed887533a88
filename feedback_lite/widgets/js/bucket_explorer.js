import { button, buttonRow, onSliderKeys, setAvailable, setPressed, stepper } from "./controls.js";
import { figureFrame, html, keepDrawn, keeper, setAttributes, svg } from "./figure.js";
import { oneOf, whole } from "./link.js";
import { onDrag, pickerNode, pictureNode, pointIn } from "./picture.js";
import { largeResult, onOneScreen } from "./screen.js";
import { clamp, percent, say, signed, stateSentence, tell } from "./words.js";

/** @import { Model, Picture, Place, Words } from "./figure.js" */

/** @typedef {Record<string, { buckets: number[], weights: number[][] }>} Rows by numbering */

/**
 * @typedef {object} Traits
 * @property {number[][]} table biases by bucket and head
 * @property {Record<string, Rows>} rows by setting
 * @property {Record<string, number[]>} distances by numbering
 * @property {[counted: string, leftOut: string]} numberings
 * @property {{ num_buckets: number[], max_distance: number[], direction: string[] }} choices
 * @property {number} num_slots
 * @property {number} num_buckets
 * @property {number} max_distance
 * @property {string} direction
 * @property {number} head
 * @property {number} slot
 * @property {Words} words
 */

/** @typedef {Partial<Pick<Traits, "num_buckets" | "max_distance" | "direction" | "head">>} Setting */

const STATE = ["num_buckets", "max_distance", "direction", "head", "slot"];
const TITLES = ["Memory counted", "Memory left out (lucidrains)"];

// ---- what is shown

/**
 * The name under which Python stored what belongs to the setting, with some changes.
 *
 * @param {Model<Traits>} model
 * @param {Setting} changes
 */
function settingKey(model, changes = {}) {
  const [num_buckets, max_distance] = [model.get("num_buckets"), model.get("max_distance")];
  return tell(model, "setting", { num_buckets, max_distance, direction: model.get("direction"), ...changes });
}

/**
 * @param {Model<Traits>} model
 * @param {Setting} changes
 */
function isPossible(model, changes) {
  return settingKey(model, changes) in model.get("rows");
}

/**
 * @param {Model<Traits>} model
 * @param {string} numbering
 */
function shown(model, numbering) {
  return model.get("rows")[settingKey(model)][numbering];
}

/**
 * Distance, bucket, bias and weight of the chosen slot.
 *
 * @param {Model<Traits>} model
 * @param {string} numbering
 */
function tellChain(model, numbering) {
  const [slot, head] = [model.get("slot") - 1, model.get("head") - 1];
  const { buckets, weights } = shown(model, numbering);
  return tell(model, "chain", {
    distance: signed(model.get("distances")[numbering][slot]),
    bucket: buckets[slot],
    bias: signed(model.get("table")[buckets[slot]][head], 2),
    weight: percent(weights[head][slot]),
  });
}

/** @param {Model<Traits>} model */
function describe(model) {
  const numberings = model.get("numberings");
  const [counted, leftOut] = numberings.map((numbering) =>
    tell(model, "buckets", { count: new Set(shown(model, numbering).buckets).size })
  );
  const [countedChain, leftOutChain] = numberings.map((numbering) => tellChain(model, numbering));
  return tell(model, "whole", {
    num_buckets: model.get("num_buckets"),
    max_distance: model.get("max_distance"),
    direction: model.get("direction"),
    head: model.get("head"),
    slots: model.get("num_slots"),
    counted,
    left_out: leftOut,
    slot: model.get("slot"),
    counted_chain: countedChain,
    left_out_chain: leftOutChain,
  });
}

// ---- the picture

const HEIGHTS = { title: 22, slots: 44, distances: 20, buckets: 30, bars: 46, gap: 12 };

/** @typedef {"slots" | "distances" | "buckets" | "bars"} Row */
/** @typedef {ReturnType<typeof layOut>} Layout */

/**
 * All positions, for a picture of this width; on a narrow one the names of the rows stand above them.
 *
 * @param {number} width
 * @param {number} slots
 */
function layOut(width, slots) {
  const narrow = width < 560;
  const left = narrow ? 4 : 122;
  const above = narrow ? 17 : 0;
  // One column for each slot and one for the query after them.
  const pitch = (width - left - 6) / (slots + 1);
  /** @type {Row[]} */
  const rows = ["slots", "distances", "buckets", "bars"];
  const panel = HEIGHTS.title + rows.reduce((sum, row) => sum + HEIGHTS[row] + above, 0) + HEIGHTS.gap;
  /** @type {(index: number, row: Row) => number} */
  const rowY = (index, row) => {
    const before = rows.slice(0, rows.indexOf(row)).reduce((sum, name) => sum + HEIGHTS[name] + above, 0);
    return index * panel + HEIGHTS.title + before + above;
  };
  /** @param {number} column */
  const middle = (column) => left + (column + 0.5) * pitch;
  return { width, narrow, left, pitch, rowY, panel, height: 2 * panel - HEIGHTS.gap + 4, middle };
}

/**
 * Slots that stand side by side in one bucket, as [bucket, first slot, number of slots].
 *
 * @param {number[]} buckets
 */
function runsOf(buckets) {
  /** @type {[bucket: number, first: number, count: number][]} */
  const runs = [];
  buckets.forEach((bucket, slot) => {
    const last = runs.at(-1);
    if (last && last[0] === bucket) last[2] += 1;
    else runs.push([bucket, slot, 1]);
  });
  return runs;
}

/**
 * One numbering: slots and query, distances, buckets, weights. `update` fills the last two.
 *
 * @param {Model<Traits>} model
 * @param {Layout} place
 * @param {number} index
 */
function makePanel(model, place, index) {
  const name = model.get("numberings")[index];
  const slots = model.get("num_slots");
  const apart = model.get("distances")[name];
  /** @param {Row} row */
  const y = (row) => place.rowY(index, row);
  const node = svg("g", { class: "fl-panel" });
  node.append(svg("text", { class: "fl-title", x: place.narrow ? 2 : 0, y: index * place.panel + 16 }, TITLES[index]));

  /** @type {[row: Row, text: string, down: number][]} */
  const named = [
    ["slots", "slots, oldest left", 18],
    ["distances", "distance", 15],
    ["buckets", "bucket", 19],
    ["bars", "attention weight", 18],
  ];
  named.forEach(([row, text, down]) => {
    const at = { x: place.narrow ? 2 : 0, y: y(row) + (place.narrow ? -5 : down) };
    node.append(svg("text", { class: "fl-name", ...at }, text));
  });

  const scaleAt = place.narrow ? { x: 122, y: y("bars") - 5 } : { x: 0, y: y("bars") + 36 };
  node.append(svg("text", { class: "fl-name", ...scaleAt }, "0 to 100 %"));

  // The query stands where its number puts it: after the newest slot, or on the oldest.
  const side = Math.min(18, place.pitch - 3);
  const queryX = place.middle(index === 0 ? slots : 0);
  const line = y("slots") + 14;
  apart.forEach((_, slot) => {
    const x = place.middle(slot);
    node.append(svg("rect", { class: "fl-slot", x: x - side / 2, y: line - side / 2, width: side, height: side }));
    node.append(svg("rect", { class: "fl-tab", x: x - side / 4, y: line - side / 2 - 4, width: side / 2, height: 4 }));
  });
  const labelX = clamp(queryX, place.left + 22, place.width - 22);
  node.append(svg("circle", { class: "fl-ring", cx: queryX, cy: line, r: Math.min(13, place.pitch / 2 + 1) }));
  node.append(svg("text", { class: "fl-query-text", x: labelX, y: line + 29 }, "query"));

  // Where columns are narrow, only every third distance is written, the newest slot's among them.
  const every = place.pitch < 26 ? 3 : 1;
  apart.forEach((distance, slot) => {
    if ((slots - 1 - slot) % every !== 0) return;
    const at = { x: place.middle(slot), y: y("distances") + 15 };
    node.append(svg("text", { class: "fl-distance", ...at }, signed(distance)));
  });

  const boxes = svg("g");
  const base = y("bars") + HEIGHTS.bars - 6;
  const full = HEIGHTS.bars - 10;
  const bars = apart.map((_, slot) => {
    const box = { x: place.left + slot * place.pitch + 2, width: place.pitch - 4 };
    const bar = svg("rect", { class: "fl-bar", ...box });
    node.append(svg("rect", { class: "fl-bar-bed", ...box, y: base - full, height: full }), bar);
    return bar;
  });
  node.append(
    boxes,
    svg("path", { class: "fl-base", d: `M${place.left} ${base}H${place.left + slots * place.pitch}` }),
  );

  function update() {
    const { buckets, weights } = shown(model, name);
    boxes.replaceChildren(
      ...runsOf(buckets).flatMap(([bucket, first, count]) => {
        const [x, width] = [place.left + first * place.pitch + 1, count * place.pitch - 2];
        const named = { class: "fl-bucket", "data-bucket": bucket, "data-slots": count };
        const kind = every === 1 ? "fl-bucket-number" : "fl-bucket-number fl-close";
        return [
          svg("rect", { ...named, x, y: y("buckets") + 2, width, height: 24, rx: 4 }),
          svg("text", { class: kind, x: x + width / 2, y: y("buckets") + 18.5 }, String(bucket)),
        ];
      }),
    );
    bars.forEach((bar, slot) => {
      const height = weights[model.get("head") - 1][slot] * full;
      setAttributes(bar, { y: (base - height).toFixed(2), height: height.toFixed(2) });
    });
  }
  return { node, update };
}

/**
 * Build the picture for one width; `update` fills it with the state.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 * @param {(slot: number) => void} choose
 * @returns {Picture}
 */
function makePicture(model, width, choose) {
  const slots = model.get("num_slots");
  const place = layOut(width, slots);
  const node = pictureNode("Slots, distances, buckets and weights", width, place.height);
  const panels = TITLES.map((_, index) => makePanel(model, place, index));
  node.append(...panels.map((panel) => panel.node));

  // One slot is looked at, in both numberings: a slider that covers all slots.
  const top = place.rowY(0, "slots");
  const area = { x: place.left, y: top - 8, width: slots * place.pitch, height: place.height - top + 4 };
  const ring = { x: area.x - 3, y: area.y - 2, width: area.width + 6, height: area.height + 4, rx: 6 };
  const frames = TITLES.map((_, index) => {
    const [top, bottom] = [place.rowY(index, "distances"), place.rowY(index, "bars") + HEIGHTS.bars - 4];
    return svg("rect", { class: "fl-frame", y: top, width: place.pitch, height: bottom - top, rx: 4 });
  });
  const picker = pickerNode({ control: "slot", label: "Slot", last: slots, area, ring }, ...frames);
  onDrag(picker, (event) => choose(Math.floor((pointIn(node, event)[0] - place.left) / place.pitch) + 1));
  node.append(picker);

  function update() {
    const slot = model.get("slot");
    panels.forEach((panel) => panel.update());
    frames.forEach((frame) => setAttributes(frame, { x: place.left + (slot - 1) * place.pitch }));
    const spoken = `slot ${slot}: ${tellChain(model, model.get("numberings")[0])}`;
    setAttributes(picker, { "aria-valuenow": slot, "aria-valuetext": spoken });
  }
  return { node, picker, update };
}

// ---- the figure

/** @param {Model<Traits>} model */
function link(model) {
  const choices = model.get("choices");
  return {
    rules: {
      num_buckets: oneOf(choices.num_buckets),
      max_distance: oneOf(choices.max_distance),
      direction: oneOf(choices.direction),
      head: whole(1, model.get("table")[0].length),
      slot: whole(1, model.get("num_slots")),
    },
    fits: (/** @type {Setting} */ { num_buckets, max_distance, direction }) =>
      isPossible(model, { num_buckets, max_distance, direction }),
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const slots = model.get("num_slots");
    const keep = keeper(model);
    /** @param {number} to */
    const choose = (to) => {
      const slot = clamp(to, 1, slots);
      if (slot !== model.get("slot")) keep({ slot });
    };

    // One row of buttons for each choice; what is chosen, and what cannot be, is disabled.
    /**
     * @param {string} heading
     * @param {[control: string, text: string, changes: Setting][]} values
     */
    const rowOf = (heading, values) => {
      const buttons = values.map(([control, text, changes]) => ({
        changes,
        node: button(control, text, () => keep(changes)),
      }));
      return { buttons, group: buttonRow(heading, buttons.map(({ node }) => node)) };
    };
    const { num_buckets, max_distance, direction } = model.get("choices");
    const heads = model.get("table")[0].map((_, head) => head + 1);
    const choices = [
      rowOf("Number of buckets", num_buckets.map((value) => [`buckets ${value}`, `${value}`, { num_buckets: value }])),
      rowOf(
        "Largest distance",
        max_distance.map((value) => [`distance ${value}`, `${value}`, { max_distance: value }]),
      ),
      rowOf("Directions", direction.map((value) => [value, value, { direction: value }])),
      rowOf("Bias of", heads.map((head) => [`head ${head}`, `head ${head}`, { head }])),
    ];

    const frame = html("div", { class: "fl-frame-box" });
    const result = largeResult();
    const ofSlot = stepper({ control: "slot", label: "Slot", moveBy: (by) => choose(model.get("slot") + by) });
    const sentence = stateSentence();

    /** @param {Picture} picture */
    function draw(picture) {
      choices.flatMap(({ buttons }) => buttons).forEach(({ changes, node }) => {
        const names = /** @type {(keyof Setting)[]} */ (Object.keys(changes));
        setPressed(node, names.every((name) => model.get(name) === changes[name]));
        if (!isPossible(model, changes)) setAvailable(node, false);
      });
      picture.update();
      const [slot, [counted, leftOut]] = [model.get("slot"), model.get("numberings")];
      const [right, wrong] = [counted, leftOut].map((name) => shown(model, name).buckets[slot - 1]);
      result.show(`bucket ${right}`, `for slot ${slot}; with the memory left out, bucket ${wrong}`);
      ofSlot.update([slot > 1, slot < slots]);
      say(sentence, describe(model));
    }

    onSliderKeys(frame, { first: 1, last: slots, get: () => model.get("slot"), set: choose });
    const head = html("div", { class: "fl-side" }, result.element, ofSlot.element);
    const rows = html("div", { class: "fl-choices" }, ...choices.map(({ group }) => group));
    const screen = onOneScreen([frame], [head, rows]);
    el.append(figureFrame("bucket-explorer", "Distances, buckets and biases of memory slots", screen, sentence));
    /** @param {number} width */
    const make = (width) => makePicture(model, width, choose);
    return keepDrawn({ model, traits: STATE, box: frame, least: 280, make, draw });
  },
};
