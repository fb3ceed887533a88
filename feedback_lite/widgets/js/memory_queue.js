import { figureFrame, html, keepDrawn, keeper, onSliderKeys, pointIn, say, setAttributes, stateSentence, stepControls, svg } from "./figure.js";

const STATE = ["step", "token", "memory_size"];

// ---- what is shown -------------------------------------------------------------------------------------------

/** Where a slot is at the step now: still to come, being written, in memory, or evicted. */
function stateOf(slot, step, size) {
  if (slot > step) return "waiting";
  if (slot === step) return "now";
  return step - slot <= size ? "held" : "evicted";
}

function tellMemory(model) {
  const step = model.get("step");
  const first = Math.max(1, step - model.get("memory_size"));
  const now = `Step ${step}, ${model.get("tokens")[step - 1]}`;
  if (step === 1) return `${now}: the memory is empty.`;
  if (step === first + 1) return `${now}: the memory holds slot ${first}.`;
  return `${now}: the memory holds slots ${first} to ${step - 1}.`;
}

function tellPaths(model, distance) {
  const size = model.get("memory_size");
  const step = model.get("step");
  const count = model.get("counts")[size - 1][distance];
  const reads = model.get("shortest")[size - 1][distance].length;
  const needs = reads === 1 ? "one read" : `${reads} reads`;
  if (count === 1) return `1 path leads from it to step ${step}, with ${needs}.`;
  return `${count} paths lead from it to step ${step}; the shortest has ${needs}.`;
}

function tellToken(model) {
  const [step, token, size] = STATE.map((key) => model.get(key));
  const distance = step - token;
  if (distance < 0) return `Step ${token} has not come yet.`;
  if (distance === 0) return `When the step ends, it writes slot ${token}.`;
  const slot = `Slot ${token} (${model.get("tokens")[token - 1]})`;
  const where = distance <= size ? `${slot} is still in memory.` : `${slot} was evicted at the end of step ${token + size}.`;
  const cases = model.get("changed")[size - 1][step - 1][token - 1];
  const effect =
    `With another token at step ${token}, the model's answer now changes in ${cases} of ` +
    `${model.get("tried")[token - 1]} cases.`;
  return `${where} ${tellPaths(model, distance)} ${effect}`;
}

function describe(model) {
  return `${tellMemory(model)} ${tellToken(model)}`;
}

/** The reads of one shortest path, as pairs of a slot and the step that reads it. */
function shortestReads(model) {
  const [step, token, size] = STATE.map((key) => model.get(key));
  if (step <= token) return [];
  let from = token;
  return model.get("shortest")[size - 1][step - token].map((distance) => {
    const read = [from, from + distance];
    from += distance;
    return read;
  });
}

// ---- the picture ---------------------------------------------------------------------------------------------

function layOut(width, steps, most) {
  const pitch = width / steps;
  const side = Math.min(pitch - 4, 30);
  const rise = (distance) => 14 + 15 * distance;
  const top = 74;
  const slotY = top + rise(most) + 8;
  return {
    width, pitch, side, rise, slotY,
    x: (slot) => (slot - 0.5) * pitch,
    wordY: slotY + side + 30,
    height: slotY + side + 132,
  };
}

/** A read: from the slot up and over to the step that reads it. */
function arc(place, from, to) {
  const [start, end] = [place.x(from), place.x(to)];
  const high = place.slotY - 4 - place.rise(to - from);
  const low = place.slotY - 4;
  return `M${start} ${low}C${start} ${high} ${end} ${high} ${end} ${low}`;
}

function mark(kind, x, y, side) {
  const group = svg("g", { class: `fl-slot fl-mark-${kind}` });
  if (kind === "now") group.append(svg("circle", { class: "fl-ring", cx: x, cy: y + side / 2, r: side / 2 - 1 }));
  else group.append(svg("rect", { class: "fl-square", x: x - side / 2, y, width: side, height: side, rx: 2 }));
  if (kind === "evicted") {
    const [left, right, low] = [x - side / 2, x + side / 2, y + side];
    const hatch = [0.33, 0.67, 1].map((share) => `M${left} ${y + share * side}L${left + share * side} ${y}`);
    const rest = [0.33, 0.67].map((share) => `M${left + share * side} ${low}L${right} ${y + share * side}`);
    group.append(svg("path", { class: "fl-hatch", d: [...hatch, ...rest].join("") }));
    group.append(svg("path", { class: "fl-struck", d: `M${left - 0.5} ${y + side / 2}H${right + 0.5}` }));
  }
  return group;
}

function legend() {
  const items = [["held", "in memory"], ["evicted", "evicted"], ["waiting", "to come"]]; // the ring stands above
  const group = svg("g", { class: "fl-legend" });
  let x = 8;
  items.forEach(([kind, text]) => {
    group.append(mark(kind, x, 44, 14), svg("text", { class: "fl-small", x: x + 12, y: 56 }, text));
    x += 34 + 6.4 * text.length;
  });
  return group;
}

/** Build the picture for one width; `update` fills it with the state. */
function makePicture(model, width, choose) {
  const tokens = model.get("tokens");
  const place = layOut(width, tokens.length, model.get("counts").length);
  const node = svg("svg", { class: "fl-picture", viewBox: `0 0 ${width} ${place.height}`, role: "group", "aria-label": "Slots, and the reads that lead on" });
  const now = svg("text", { class: "fl-now", x: 20, y: 17 });
  const chosen = svg("text", { class: "fl-chosen", x: 20, y: 36 });
  node.append(
    svg("circle", { class: "fl-ring", cx: 8, cy: 12, r: 5.5 }), now,
    svg("rect", { class: "fl-frame", x: 2.5, y: 25.5, width: 11, height: 13, rx: 3 }), chosen, legend(),
  );
  const band = svg("rect", { class: "fl-band", y: place.slotY - 4, height: place.side + 8, rx: 5 });
  const arcs = svg("g", { class: "fl-arcs" });
  const slots = svg("g");
  const words = tokens.map((word, index) => {
    const x = place.x(index + 1);
    const number = svg("text", { class: "fl-number", x, y: place.slotY + place.side + 20 }, String(index + 1));
    const token = svg("text", { class: "fl-word", transform: `translate(${x + 4} ${place.wordY + 94}) rotate(-90)` }, word);
    return svg("g", { class: "fl-token" }, number, token);
  });
  const area = { x: 0, y: place.slotY - 8, width, height: place.height - place.slotY + 6 };
  const frame = svg("rect", { class: "fl-frame", y: area.y + 1, width: place.pitch, height: area.height - 2, rx: 4 });
  const ring = svg("rect", { class: "fl-focus", x: 1.5, y: area.y - 3, width: width - 3, height: area.height + 5, rx: 6 });
  const picker = svg(
    "g",
    {
      class: "fl-picker", role: "slider", tabindex: 0, "data-control": "token", "aria-label": "Chosen token",
      "aria-valuemin": 1, "aria-valuemax": tokens.length,
    },
    svg("rect", { class: "fl-hit", ...area }), frame, ring,
  );
  picker.addEventListener("pointerdown", (event) => choose(Math.floor(pointIn(node, event)[0] / place.pitch) + 1));
  node.append(band, arcs, slots, ...words, picker);

  function drawArcs(step, token, size) {
    const paths = [];
    for (let from = token; from < step; from += 1) {
      for (let to = from + 1; to <= Math.min(step, from + size); to += 1) {
        paths.push(svg("path", { class: "fl-read", d: arc(place, from, to), "data-into-now": to === step }));
      }
    }
    const shortest = shortestReads(model).map(([from, to]) =>
      svg("path", { class: "fl-read fl-shortest", d: arc(place, from, to), "data-into-now": to === step }),
    );
    arcs.replaceChildren(...paths, ...shortest);
  }

  function update() {
    const [step, token, size] = STATE.map((key) => model.get(key));
    say(now, `Step ${step} of ${tokens.length}: ${tokens[step - 1]}`);
    say(chosen, `Chosen: token ${token}, ${tokens[token - 1]}`);
    const first = Math.max(1, step - size);
    setAttributes(band, { x: (first - 1) * place.pitch, width: (step - first) * place.pitch });
    slots.replaceChildren(
      ...tokens.map((_, index) => mark(stateOf(index + 1, step, size), place.x(index + 1), place.slotY, place.side)),
    );
    words.forEach((word, index) => setAttributes(word, { "data-state": stateOf(index + 1, step, size) }));
    setAttributes(frame, { x: (token - 1) * place.pitch });
    setAttributes(picker, { "aria-valuenow": token, "aria-valuetext": `${token}, ${tokens[token - 1]}` });
    drawArcs(step, token, size);
  }
  return { node, picker, update };
}

// ---- the figure ----------------------------------------------------------------------------------------------

export default {
  render({ model, el }) {
    const last = model.get("tokens").length;
    const most = model.get("counts").length;
    const keep = keeper(model);
    const choose = (to) => keep({ token: Math.max(1, Math.min(last, to)) });
    const box = html("div", { class: "fl-picture-box" });
    const sentence = stateSentence();
    const time = stepControls({
      label: "Time step", first: 1, last, get: () => model.get("step"), set: (step) => keep({ step }),
    });
    const input = html("input", {
      type: "range", min: 1, max: most, step: 1, "data-control": "memory size", "aria-label": "Memory size",
    });
    input.addEventListener("input", () => keep({ memory_size: Number(input.value) }));
    const value = html("span", { class: "fl-value" });
    const size = html("div", { class: "fl-slider" }, html("span", {}, "Memory size"), input, value);

    function draw(picture) {
      const slots = model.get("memory_size");
      const text = slots === 1 ? "1 slot" : `${slots} slots`;
      input.value = slots;
      setAttributes(input, { "aria-valuetext": text });
      say(value, text);
      time.update();
      picture.update();
      say(sentence, describe(model));
    }

    onSliderKeys(box, { first: 1, last, get: () => model.get("token"), set: choose });
    el.append(figureFrame("memory-queue", "The memory as a queue", box, time.element, size, sentence));
    const stop = keepDrawn({ model, traits: STATE, box, least: 240, make: (width) => makePicture(model, width, choose), draw });
    return () => {
      time.stop();
      stop();
    };
  },
};
