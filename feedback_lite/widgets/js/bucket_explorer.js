import { button, figureFrame, html, keepDrawn, keeper, onSliderKeys, percent, pointIn, say, setAttributes, setAvailable, setPressed, signed, stateSentence, svg } from "./figure.js";

const STATE = ["num_buckets", "max_distance", "direction", "head", "slot"];
const NUMBERINGS = [
  { name: "counted", title: "Memory counted" },
  { name: "left out", title: "Memory left out (lucidrains)" },
];

// ---- what is shown -------------------------------------------------------------------------------------------

/** The setting with some changes, and the name under which Python stored what belongs to it. */
function setting(model, changes = {}) {
  const values = ["num_buckets", "max_distance", "direction"].map((name) => changes[name] ?? model.get(name));
  return values.join(", ");
}

function isPossible(model, changes) {
  return setting(model, changes) in model.get("rows");
}

function shown(model, name) {
  return model.get("rows")[setting(model)][name];
}

function chain(model, name) {
  const [slot, head] = [model.get("slot") - 1, model.get("head") - 1];
  const { buckets, weights } = shown(model, name);
  const bias = signed(model.get("table")[buckets[slot]][head], 2);
  const distance = signed(model.get("distances")[name][slot]);
  return `distance ${distance}, bucket ${buckets[slot]}, bias ${bias}, weight ${percent(weights[head][slot])}`;
}

function describe(model) {
  const [counted, leftOut] = NUMBERINGS.map(({ name }) => {
    const count = new Set(shown(model, name).buckets).size;
    return count === 1 ? "1 bucket" : `${count} buckets`;
  });
  return (
    `${model.get("num_buckets")} buckets, largest distance ${model.get("max_distance")}, ${model.get("direction")}, head ${model.get("head")}. ` +
    `Memory counted: the ${model.get("num_slots")} slots fall into ${counted}. Memory left out: into ${leftOut}. ` +
    `Slot ${model.get("slot")}: counted, ${chain(model, "counted")}; left out, ${chain(model, "left out")}.`
  );
}

// ---- the picture ---------------------------------------------------------------------------------------------

const HEIGHTS = { title: 24, slots: 46, distances: 22, buckets: 30, bars: 64, gap: 26 };

/** All positions, for a picture of this width; on a narrow one the names of the rows stand above them. */
function layOut(width, slots) {
  const narrow = width < 560;
  const left = narrow ? 4 : 150;
  const above = narrow ? 20 : 0;
  // One column for each slot and one for the query after them.
  const pitch = (width - left - 6) / (slots + 1);
  const rows = ["slots", "distances", "buckets", "bars"];
  const panel = HEIGHTS.title + rows.reduce((sum, row) => sum + HEIGHTS[row] + above, 0) + HEIGHTS.gap;
  const rowY = (index, row) => {
    const before = rows.slice(0, rows.indexOf(row)).reduce((sum, name) => sum + HEIGHTS[name] + above, 0);
    return index * panel + HEIGHTS.title + before + above;
  };
  return { width, narrow, left, pitch, rowY, panel, height: 2 * panel - HEIGHTS.gap + 4, middle: (column) => left + (column + 0.5) * pitch };
}

/** Slots that stand side by side in one bucket, as [bucket, first slot, number of slots]. */
function runsOf(buckets) {
  const runs = [];
  buckets.forEach((bucket, slot) => {
    const last = runs[runs.length - 1];
    if (last && last[0] === bucket) last[2] += 1;
    else runs.push([bucket, slot, 1]);
  });
  return runs;
}

/** One numbering: slots and query, distances, buckets, weights. `update` fills the last two. */
function makePanel(model, place, index) {
  const { name, title } = NUMBERINGS[index];
  const slots = model.get("num_slots");
  const apart = model.get("distances")[name];
  const y = (row) => place.rowY(index, row);
  const node = svg("g", { class: "fl-panel" });
  node.append(svg("text", { class: "fl-title", x: place.narrow ? 2 : 0, y: index * place.panel + 16 }, title));

  const named = [["slots", "slots, oldest left", 18], ["distances", "distance", 15], ["buckets", "bucket", 19], ["bars", "attention weight", 28]];
  named.forEach(([row, text, down]) => {
    node.append(svg("text", { class: "fl-name", x: place.narrow ? 2 : 0, y: y(row) + (place.narrow ? -5 : down) }, text));
  });

  const scaleAt = place.narrow ? { x: 116, y: y("bars") - 5 } : { x: 0, y: y("bars") + 45 };
  node.append(svg("text", { class: "fl-name", ...scaleAt }, "0 to 100 %"));

  // The query stands where its number puts it: after the newest slot, or on the oldest.
  const side = Math.min(18, place.pitch - 3);
  const queryColumn = name === "counted" ? slots : 0;
  const line = y("slots") + 14;
  apart.forEach((_, slot) => {
    const x = place.middle(slot);
    node.append(svg("rect", { class: "fl-slot", x: x - side / 2, y: line - side / 2, width: side, height: side }));
    node.append(svg("rect", { class: "fl-tab", x: x - side / 4, y: line - side / 2 - 4, width: side / 2, height: 4 }));
  });
  const queryX = place.middle(queryColumn);
  const labelX = Math.max(place.left + 22, Math.min(place.width - 22, queryX));
  node.append(svg("circle", { class: "fl-ring", cx: queryX, cy: line, r: Math.min(13, place.pitch / 2 + 1) }));
  node.append(svg("text", { class: "fl-query-text", x: labelX, y: line + 29 }, "query"));

  // Where columns are narrow, only every third distance is written, the newest slot's among them.
  const every = place.pitch < 26 ? 3 : 1;
  apart.forEach((distance, slot) => {
    if ((slots - 1 - slot) % every !== 0) return;
    node.append(svg("text", { class: "fl-distance", x: place.middle(slot), y: y("distances") + 15 }, signed(distance)));
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
  node.append(boxes, svg("path", { class: "fl-base", d: `M${place.left} ${base}H${place.left + slots * place.pitch}` }));

  function update() {
    const { buckets, weights } = shown(model, name);
    boxes.replaceChildren(
      ...runsOf(buckets).flatMap(([bucket, first, count]) => {
        const x = place.left + first * place.pitch + 1;
        const width = count * place.pitch - 2;
        const box = svg("rect", { class: "fl-bucket", "data-bucket": bucket, "data-slots": count, x, y: y("buckets") + 2, width, height: 24, rx: 4 });
        return [box, svg("text", { class: every === 1 ? "fl-bucket-number" : "fl-bucket-number fl-close", x: x + width / 2, y: y("buckets") + 18.5 }, String(bucket))];
      }),
    );
    bars.forEach((bar, slot) => {
      const height = weights[model.get("head") - 1][slot] * full;
      setAttributes(bar, { y: (base - height).toFixed(2), height: height.toFixed(2) });
    });
  }
  return { node, update };
}

/** Build the picture for one width; `update` fills it with the state. */
function makePicture(model, width, choose) {
  const slots = model.get("num_slots");
  const place = layOut(width, slots);
  const node = svg("svg", { class: "fl-picture", viewBox: `0 0 ${width} ${place.height}`, role: "group", "aria-label": "Slots, distances, buckets and weights" });
  const panels = NUMBERINGS.map((_, index) => makePanel(model, place, index));
  node.append(...panels.map((panel) => panel.node));

  // One slot is looked at, in both numberings: a slider that covers all slots.
  const area = { x: place.left, y: place.rowY(0, "slots") - 8, width: slots * place.pitch, height: place.height - place.rowY(0, "slots") + 4 };
  const ring = svg("rect", { class: "fl-focus", x: area.x - 3, y: area.y - 2, width: area.width + 6, height: area.height + 4, rx: 6 });
  const frames = NUMBERINGS.map((_, index) => {
    const top = place.rowY(index, "distances");
    const bottom = place.rowY(index, "bars") + HEIGHTS.bars - 4;
    return svg("rect", { class: "fl-chosen", y: top, width: place.pitch, height: bottom - top, rx: 4 });
  });
  const picker = svg("g", {
    class: "fl-picker", role: "slider", tabindex: 0, "data-control": "slot", "aria-label": "Slot", "aria-valuemin": 1, "aria-valuemax": slots,
  }, svg("rect", { class: "fl-hit", ...area }), ring, ...frames);
  const point = (event) => choose(Math.floor((pointIn(node, event)[0] - place.left) / place.pitch) + 1);
  picker.addEventListener("pointermove", (event) => {
    if (event.buttons > 0) point(event);
  });
  picker.addEventListener("pointerdown", point);
  node.append(picker);

  function update() {
    const slot = model.get("slot");
    panels.forEach((panel) => panel.update());
    frames.forEach((frame) => setAttributes(frame, { x: place.left + (slot - 1) * place.pitch }));
    setAttributes(picker, { "aria-valuenow": slot, "aria-valuetext": `slot ${slot}: ${chain(model, "counted")}` });
  }
  return { node, picker, update };
}

// ---- the figure ----------------------------------------------------------------------------------------------

export default {
  render({ model, el }) {
    const slots = model.get("num_slots");
    const keep = keeper(model);
    const choose = (to) => {
      const slot = Math.max(1, Math.min(slots, to));
      if (slot !== model.get("slot")) keep({ slot });
    };

    // One row of buttons for each choice; what is chosen, and what cannot be, is disabled.
    const heads = model.get("table")[0].map((_, head) => head + 1);
    const choices = [
      ["num_buckets", "Number of buckets", [4, 8, 16], (value) => `buckets ${value}`, String],
      ["max_distance", "Largest distance", [8, 16, 32], (value) => `distance ${value}`, String],
      ["direction", "Directions", ["past only", "both directions"], String, String],
      ["head", "Bias of", heads, (value) => `head ${value}`, (value) => `head ${value}`],
    ].map(([name, heading, values, control, text]) => {
      const buttons = values.map((value) => ({ value, node: button(control(value), text(value), () => keep({ [name]: value })) }));
      const row = html("div", { class: "fl-row" }, ...buttons.map(({ node }) => node));
      return { name, buttons, group: html("div", { role: "group", "aria-label": heading }, html("p", { class: "fl-heading" }, heading), row) };
    });

    const frame = html("div", { class: "fl-frame-box" });
    const sentence = stateSentence();

    function draw(picture) {
      choices.forEach(({ name, buttons }) => {
        buttons.forEach(({ value, node }) => {
          setPressed(node, model.get(name) === value);
          if (!isPossible(model, { [name]: value })) setAvailable(node, false);
        });
      });
      picture.update();
      say(sentence, describe(model));
    }

    onSliderKeys(frame, { first: 1, last: slots, get: () => model.get("slot"), set: choose });
    el.append(
      figureFrame("bucket-explorer", "Distances, buckets and biases of memory slots", frame, html("div", { class: "fl-choices" }, ...choices.map(({ group }) => group)), sentence),
    );
    return keepDrawn({ model, traits: STATE, box: frame, least: 280, make: (width) => makePicture(model, width, choose), draw });
  },
};
