import { onSliderKeys, slider, stepControls, stepper } from "./controls.js";
import { figureFrame, html, keepDrawn, keeper, setAttributes, svg } from "./figure.js";
import { whole } from "./link.js";
import { comeFrom, stepsOf } from "./motion.js";
import { hatching, pickerNode, pictureNode, pointIn } from "./picture.js";
import { largeResult, onOneScreen } from "./screen.js";
import { clamp, grouped, range, say, stateSentence, tell } from "./words.js";

/** @import { Model, Picture, Place, Words } from "./figure.js" */

/**
 * @typedef {object} Traits
 * @property {string[]} tokens
 * @property {number[][][]} changed answers, by memory size, step and token
 * @property {number[]} tried
 * @property {number[][]} counts of paths, by memory size and distance
 * @property {number[][][]} shortest reads of a shortest path, by memory size and distance
 * @property {number} memory_size
 * @property {number} step
 * @property {number} token
 * @property {Words} words
 */

const STATE = ["step", "token", "memory_size"];

// ---- what is shown

/** @param {Model<Traits>} model */
function stateOf(model) {
  return { step: model.get("step"), token: model.get("token"), size: model.get("memory_size") };
}

/**
 * Where a slot is at the step now: still to come, being written, in memory, or evicted.
 *
 * @param {number} slot
 * @param {{ step: number, size: number }} state
 */
function placeOf(slot, { step, size }) {
  if (slot > step) return "waiting";
  if (slot === step) return "now";
  return step - slot <= size ? "held" : "evicted";
}

/** @param {Model<Traits>} model */
function tellMemory(model) {
  const { step, size } = stateOf(model);
  const first = Math.max(1, step - size);
  const held = step === 1 ? "empty" : step === first + 1 ? "one slot" : "slots";
  return tell(model, held, { step, token: model.get("tokens")[step - 1], first, last: step - 1 });
}

/** @param {Model<Traits>} model */
function tellToken(model) {
  const { step, token, size } = stateOf(model);
  const distance = step - token;
  if (distance < 0) return tell(model, "waiting", { token });
  if (distance === 0) return tell(model, "now", { token });
  const slot = { slot: token, token: model.get("tokens")[token - 1], left: token + size };
  const reads = tell(model, "reads", { count: model.get("shortest")[size - 1][distance].length });
  const changed = model.get("changed")[size - 1][step - 1][token - 1];
  return [
    tell(model, distance <= size ? "held" : "evicted", slot),
    tell(model, "paths", { count: model.get("counts")[size - 1][distance], step, reads }),
    tell(model, "effect", { token, changed, tried: model.get("tried")[token - 1] }),
  ].join(" ");
}

/** @param {Model<Traits>} model */
function describe(model) {
  return `${tellMemory(model)} ${tellToken(model)}`;
}

/**
 * The reads of one shortest path, as pairs of a slot and the step that reads it.
 *
 * @param {Model<Traits>} model
 */
function shortestReads(model) {
  const { step, token, size } = stateOf(model);
  if (step <= token) return [];
  let from = token;
  return model.get("shortest")[size - 1][step - token].map((distance) => {
    const read = [from, from + distance];
    from += distance;
    return read;
  });
}

// ---- the picture

/** @typedef {ReturnType<typeof layOut>} Layout */

/**
 * @param {number} width
 * @param {number} steps
 * @param {number} most slots
 */
function layOut(width, steps, most) {
  const pitch = width / steps;
  const side = Math.min(pitch - 4, 30);
  /** @param {number} distance */
  const rise = (distance) => 14 + 15 * distance;
  const slotY = 74 + rise(most) + 8;
  /** @param {number} slot */
  const x = (slot) => (slot - 0.5) * pitch;
  return { width, pitch, side, rise, slotY, x, wordY: slotY + side + 30, height: slotY + side + 132 };
}

/**
 * A read: from the slot up and over to the step that reads it.
 *
 * @param {Layout} place
 * @param {number} from
 * @param {number} to
 */
function arc(place, from, to) {
  const [start, end] = [place.x(from), place.x(to)];
  const low = place.slotY - 4;
  const high = low - place.rise(to - from);
  return `M${start} ${low}C${start} ${high} ${end} ${high} ${end} ${low}`;
}

/**
 * @param {string} kind
 * @param {number} x
 * @param {number} y
 * @param {number} side
 */
function mark(kind, x, y, side) {
  const group = svg("g", { class: `fl-slot fl-mark-${kind}` });
  const box = { x: x - side / 2, y, width: side, height: side };
  if (kind === "now") group.append(svg("circle", { class: "fl-ring", cx: x, cy: y + side / 2, r: side / 2 - 1 }));
  else group.append(svg("rect", { class: "fl-square", ...box, rx: 2 }));
  if (kind === "evicted") {
    const struck = `M${box.x - 0.5} ${y + side / 2}H${box.x + side + 0.5}`;
    group.append(hatching(box), svg("path", { class: "fl-struck", d: struck }));
  }
  return group;
}

function legend() {
  const items = [["held", "in memory"], ["evicted", "evicted"], ["waiting", "to come"]]; // the ring stands above
  const group = svg("g", { class: "fl-legend" });
  let x = 8;
  items.forEach(([kind, text]) => {
    group.append(mark(kind, x, 44, 14), svg("text", { class: "fl-small", x: x + 12, y: 56 }, text));
    x += 36 + 7.4 * text.length;
  });
  return group;
}

/**
 * Build the picture for one width; `update` fills it with the state.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 * @param {(token: number) => void} choose
 * @returns {Picture}
 */
function makePicture(model, width, choose) {
  const tokens = model.get("tokens");
  const place = layOut(width, tokens.length, model.get("counts").length);
  const node = pictureNode("Slots, and the reads that lead on", width, place.height);
  const now = svg("text", { class: "fl-now", x: 20, y: 17 });
  const chosen = svg("text", { class: "fl-chosen", x: 20, y: 36 });
  node.append(
    svg("circle", { class: "fl-ring", cx: 8, cy: 12, r: 5.5 }),
    now,
    svg("rect", { class: "fl-frame", x: 2.5, y: 25.5, width: 11, height: 13, rx: 3 }),
    chosen,
    legend(),
  );
  const band = svg("rect", { class: "fl-band", y: place.slotY - 4, height: place.side + 8, rx: 5 });
  const arcs = svg("g", { class: "fl-arcs" });
  const slots = svg("g");
  const words = tokens.map((word, index) => {
    const x = place.x(index + 1);
    const number = svg("text", { class: "fl-number", x, y: place.slotY + place.side + 20 }, String(index + 1));
    const upright = { class: "fl-word", transform: `translate(${x + 4} ${place.wordY + 94}) rotate(-90)` };
    return svg("g", { class: "fl-token" }, number, svg("text", upright, word));
  });
  const area = { x: 0, y: place.slotY - 8, width, height: place.height - place.slotY + 6 };
  const ring = { x: 1.5, y: area.y - 3, width: width - 3, height: area.height + 5, rx: 6 };
  const frame = svg("rect", { class: "fl-frame", y: area.y + 1, width: place.pitch, height: area.height - 2, rx: 4 });
  const picker = pickerNode({ control: "token", label: "Chosen token", last: tokens.length, area, ring }, frame);
  picker.addEventListener("pointerdown", (event) => choose(Math.floor(pointIn(node, event)[0] / place.pitch) + 1));
  node.append(band, arcs, slots, ...words, picker);

  const moved = stepsOf();

  function drawArcs() {
    const { step, token, size } = stateOf(model);
    /** @type {(kind: string, from: number, to: number) => Element} */
    const read = (kind, from, to) =>
      svg("path", { class: kind, d: arc(place, from, to), "data-into-now": to === step });
    const all = range(Math.max(0, step - token), token).flatMap((from) =>
      range(Math.min(step - from, size), from + 1).map((to) => read("fl-read", from, to))
    );
    arcs.replaceChildren(...all, ...shortestReads(model).map(([from, to]) => read("fl-read fl-shortest", from, to)));
  }

  function update() {
    const state = stateOf(model);
    const { step, token, size } = state;
    say(now, `Step ${step} of ${tokens.length}: ${tokens[step - 1]}`);
    say(chosen, `Chosen: token ${token}, ${tokens[token - 1]}`);
    const first = Math.max(1, step - size);
    setAttributes(band, { x: (first - 1) * place.pitch, width: (step - first) * place.pitch });
    const marks = range(tokens.length, 1).map((slot) =>
      mark(placeOf(slot, state), place.x(slot), place.slotY, place.side)
    );
    slots.replaceChildren(...marks);
    words.forEach((word, index) => setAttributes(word, { "data-state": placeOf(index + 1, state) }));
    setAttributes(frame, { x: (token - 1) * place.pitch });
    setAttributes(picker, { "aria-valuenow": token, "aria-valuetext": `${token}, ${tokens[token - 1]}` });
    drawArcs();
    // The query goes on to the next token, behind it a slot is written, and the oldest one leaves to the left.
    const by = moved(step);
    if (by === 0) return;
    comeFrom(marks[step - 1], -by * place.pitch, 0);
    comeFrom(band, -by * place.pitch, 0);
    if (by > 0) [marks[step - 2], marks[step - size - 2]].forEach((slot, index) => comeFrom(slot, 8 * index, 0, 0.2));
  }
  return { node, picker, update };
}

// ---- the figure

/** @param {Model<Traits>} model */
function link(model) {
  const last = model.get("tokens").length;
  return {
    rules: { step: whole(1, last), token: whole(1, last), memory_size: whole(1, model.get("changed").length) },
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const last = model.get("tokens").length;
    const keep = keeper(model);
    /** @param {number} to */
    const choose = (to) => keep({ token: clamp(to, 1, last) });
    const box = html("div", { class: "fl-picture-box" });
    const sentence = stateSentence();
    const time = stepControls({
      label: "Time step",
      first: 1,
      last,
      get: () => model.get("step"),
      set: (step) => keep({ step }),
    });
    const size = slider({
      control: "memory size",
      label: "Memory size",
      first: 1,
      last: model.get("counts").length,
      change: (memory_size) => keep({ memory_size }),
    });

    const ofToken = stepper({ control: "token", label: "Token", moveBy: (by) => choose(model.get("token") + by) });
    const result = largeResult();

    /** @param {Picture} picture */
    function draw(picture) {
      const slots = model.get("memory_size");
      size.show(slots, slots === 1 ? "1 slot" : `${slots} slots`);
      time.update();
      picture.update();
      const { step, token, size: held } = stateOf(model);
      const paths = step > token ? model.get("counts")[held - 1][step - token] : 0;
      result.show(paths === 1 ? "1 path" : `${grouped(paths)} paths`, `from token ${token} to step ${step}`);
      ofToken.update([token > 1, token < last]);
      say(sentence, describe(model));
    }

    onSliderKeys(box, { first: 1, last, get: () => model.get("token"), set: choose });
    const rows = [[time.element, ofToken.element], [result.element, size.element]];
    const screen = onOneScreen([box], rows.map((row) => html("div", { class: "fl-side" }, ...row)));
    el.append(figureFrame("memory-queue", "The memory as a queue", screen, sentence));
    /** @param {number} width */
    const make = (width) => makePicture(model, width, choose);
    const stop = keepDrawn({ model, traits: STATE, box, least: 240, make, draw });
    return () => {
      time.stop();
      stop();
    };
  },
};
