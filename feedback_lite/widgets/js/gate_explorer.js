import { button, figureFrame, html, keepDrawn, keeper, onKeys, percent, pointIn, say, setAttributes, setPressed, stateSentence, stepControls, svg } from "./figure.js";

const STATE = ["step", "mode", "unit", "gate", "value"];
const MODES = { learned: "the learned gates", "all open": "all gates forced open", "all shut": "all gates forced shut" };
const FREE = -1;
const REACH = 50; // gate and value go from -REACH to REACH, in tenths
const COLUMNS = 16;
const LONGEST = 6; // a bar of this number fills its side

// ---- what is shown -------------------------------------------------------------------------------------------

/** gelu of a gate in tenths: read from the table that Python computed. */
function gelu(model, gate) {
  return model.get("curve")[gate + REACH];
}

/** A number with a true minus sign; halves go away from zero, as in Python. */
function rounded(number, digits) {
  const size = Math.floor(Math.abs(number) * 10 ** digits + 0.5);
  const text = (size / 10 ** digits).toFixed(digits);
  return number < 0 && size ? `−${text}` : text;
}

/** The gate and the value that are shown, in tenths: those of the unit, or the reader's own. */
function pointOf(model) {
  const unit = model.get("unit");
  if (unit === FREE) return [model.get("gate"), model.get("value")];
  const step = model.get("step") - 1;
  const width = model.get("gates")[0][0].length;
  const [layer, place] = [Math.floor(unit / width), unit % width];
  return [model.get("gates")[step][layer][place], model.get("values")[step][layer][place]];
}

/** By how much every unit's value is multiplied now, all layers in a row. */
function factorsOf(model) {
  const units = model.get("gates")[model.get("step") - 1].flat();
  if (model.get("mode") === "all open") return units.map(() => 1);
  if (model.get("mode") === "all shut") return units.map(() => 0);
  return units.map((gate) => gelu(model, gate));
}

function nameOf(model, unit) {
  if (unit === FREE) return "Your point";
  const width = model.get("gates")[0][0].length;
  return `Layer ${Math.floor(unit / width) + 1}, unit ${(unit % width) + 1}`;
}

function describe(model) {
  const [gate, value] = pointOf(model);
  const factor = gelu(model, gate);
  const factors = factorsOf(model);
  const open = factors.filter((one) => one >= model.get("open_from")).length;
  const shut = factors.filter((one) => Math.abs(one) < model.get("shut_below")).length;
  return (
    `${nameOf(model, model.get("unit"))}: gate ${rounded(gate / 10, 1)}, so the value ${rounded(value / 10, 1)} is multiplied by ` +
    `${rounded(factor, 2)} and becomes ${rounded((value / 10) * factor, 2)}. ` +
    `Step ${model.get("step")}, ${model.get("tokens")[model.get("step") - 1]}: with ${MODES[model.get("mode")]} ${open} of ` +
    `${factors.length} units are open and ${shut} shut; the trained model ${model.get("does")} in ` +
    `${percent(model.get("accuracy")[model.get("mode")])} of the steps.`
  );
}

// ---- the curve and the product -------------------------------------------------------------------------------

/** Positions of the upper picture for one width: the curve, and beside or below it three bars. */
function layOutCurve(width) {
  const narrow = width < 560;
  const curve = { x: 30, y: 26, width: (narrow ? width : width * 0.52) - 40, height: 200 };
  const bars = narrow
    ? { x: 4, y: curve.y + curve.height + 52, width: width - 8 }
    : { x: width * 0.56, y: 36, width: width * 0.44 - 4 };
  const height = narrow ? bars.y + 3 * 52 : curve.y + curve.height + 34;
  const acrossX = (gate) => curve.x + ((gate + REACH) / (2 * REACH)) * curve.width;
  const upY = (factor) => curve.y + curve.height - ((factor + 0.6) / 5.8) * curve.height;
  return { width, height, curve, bars, acrossX, upY };
}

/** A bar from a zero line: how large a number is, and on which side. */
function makeBar(place, row, name) {
  const { x, width } = place.bars;
  const y = place.bars.y + row * 62 * (place.width < 560 ? 0.84 : 1);
  const middle = x + width / 2;
  const fill = svg("rect", { class: `fl-bar fl-bar-${row}`, y: y + 8, height: 16 });
  const number = svg("text", { class: "fl-number fl-end", x: x + width, y });
  const zero = svg("path", { class: "fl-zero", d: `M${middle} ${y + 4}v24` });
  const tip = svg("path", { class: `fl-bar fl-bar-${row}` }); // the number is larger than the bar can be
  const node = svg("g", {}, svg("text", { x, y }, name), number, fill, tip, zero);
  const show = (size, text) => {
    const room = width / 2 - 12;
    const length = Math.min(Math.abs(size) / LONGEST, 1) * room;
    const side = size < 0 ? -1 : 1;
    const end = middle + side * (room + 3);
    setAttributes(fill, { x: size < 0 ? middle - length : middle, width: length });
    setAttributes(tip, { d: Math.abs(size) > LONGEST ? `M${end} ${y + 8}v16l${side * 9} -8z` : "M0 0" });
    say(number, text);
  };
  return { node, show };
}

function makeCurve(model, width, chooseGate) {
  const place = layOutCurve(width);
  const { curve, acrossX, upY } = place;
  const points = model.get("curve").map((height, index) => `${acrossX(index - REACH).toFixed(1)} ${upY(height).toFixed(1)}`);
  const node = svg("svg", { class: "fl-picture", viewBox: `0 0 ${width} ${place.height}`, role: "img", "aria-label": "The curve gelu(gate) and three bars" });
  const ticks = [-40, -20, 20, 40].map((gate) => svg("text", { class: "fl-small fl-middle", x: acrossX(gate), y: upY(0) + 18 }, rounded(gate / 10, 0)));
  const heights = [1, 2, 3, 4, 5].map((factor) => svg("text", { class: "fl-small fl-end", x: curve.x - 6, y: upY(factor) + 4 }, String(factor)));
  const drop = svg("path", { class: "fl-drop" });
  const dot = svg("circle", { class: "fl-dot", r: 7 });
  node.append(
    svg("text", { x: curve.x - 26, y: 14 }, "factor = gelu(gate)"),
    svg("path", { class: "fl-axis", d: `M${curve.x} ${upY(0)}h${curve.width}M${acrossX(0)} ${curve.y}V${upY(-0.5)}` }),
    ...ticks, ...heights,
    svg("text", { class: "fl-small fl-end", x: curve.x + curve.width, y: upY(0) + 34 }, "gate"),
    svg("path", { class: "fl-curve", d: `M${points.join("L")}` }),
    drop, dot,
  );
  const bars = ["value", "factor, gelu(gate)", "what passes: value × factor"].map((name, row) => makeBar(place, row, name));
  node.append(...bars.map((bar) => bar.node));

  // The curve can be dragged as well; the slider below does the same by keyboard.
  const hit = svg("rect", { class: "fl-hit", x: curve.x, y: curve.y, width: curve.width, height: curve.height });
  const point = (event) => {
    const [x] = pointIn(node, event);
    const gate = Math.floor(((x - curve.x) / curve.width) * 2 * REACH - REACH + 0.5);
    chooseGate(Math.max(-REACH, Math.min(REACH, gate)));
  };
  hit.addEventListener("pointerdown", point);
  hit.addEventListener("pointermove", (event) => event.buttons && point(event));
  node.append(hit);

  function update() {
    const [gate, value] = pointOf(model);
    const factor = gelu(model, gate);
    setAttributes(dot, { cx: acrossX(gate), cy: upY(factor) });
    setAttributes(drop, { d: `M${acrossX(gate)} ${upY(0)}V${upY(factor)}` });
    bars[0].show(value / 10, rounded(value / 10, 1));
    bars[1].show(factor, rounded(factor, 2));
    bars[2].show((value / 10) * factor, rounded((value / 10) * factor, 2));
  }
  return { node, update };
}

// ---- the units of the model ----------------------------------------------------------------------------------

function layOutUnits(width, layers, units) {
  const narrow = width < 560;
  const gap = 24;
  const gridWidth = narrow ? width - 2 : (width - 2 - gap * (layers - 1)) / layers;
  const cell = gridWidth / COLUMNS;
  const rows = Math.ceil(units / COLUMNS);
  const top = 54;
  const gridHeight = rows * cell;
  const left = (layer) => 1 + (narrow ? 0 : layer * (gridWidth + gap));
  const above = (layer) => top + (narrow ? layer * (gridHeight + 34) : 0);
  const height = above(layers - 1) + gridHeight + 40;
  return { width, narrow, cell, rows, left, above, gridWidth, gridHeight, height };
}

function cellMark(x, y, size) {
  const cell = svg("rect", { class: "fl-cell", x: x + 1, y: y + 1, width: size - 2, height: size - 2, rx: 2 });
  const bar = svg("path", { class: "fl-closed", d: `M${x + size * 0.28} ${y + size / 2}h${size * 0.44}` });
  const paint = (factor, model) => {
    const kind = factor >= model.get("open_from") ? "open" : Math.abs(factor) < model.get("shut_below") ? "shut" : "between";
    setAttributes(cell, { "data-kind": kind, "fill-opacity": kind === "shut" ? 0 : Math.min(0.2 + 0.5 * factor, 1).toFixed(2) });
    setAttributes(bar, { "data-kind": kind });
  };
  return { cell, bar, paint };
}

function makeUnits(model, width, chooseUnit) {
  const layers = model.get("gates")[0].length;
  const units = model.get("gates")[0][0].length;
  const place = layOutUnits(width, layers, units);
  const node = svg("svg", { class: "fl-picture", viewBox: `0 0 ${width} ${place.height}`, role: "group", "aria-label": "Units of both layers" });
  const now = svg("text", { class: "fl-now", x: 20, y: 17 });
  node.append(svg("circle", { class: "fl-query-mark", cx: 7, cy: 12, r: 5.5 }), now);
  const corner = (unit) => {
    const [layer, index] = [Math.floor(unit / units), unit % units];
    return [place.left(layer) + (index % COLUMNS) * place.cell, place.above(layer) + Math.floor(index / COLUMNS) * place.cell];
  };
  const cells = Array.from({ length: layers * units }, (_, unit) => cellMark(...corner(unit), place.cell));
  const frame = svg("rect", { class: "fl-frame", width: place.cell, height: place.cell, rx: 3 });
  const last = layers - 1;
  const area = { x: place.left(0), y: place.above(0), width: place.left(last) + place.gridWidth - place.left(0), height: place.above(last) + place.gridHeight - place.above(0) };
  const ring = svg("rect", { class: "fl-focus", x: area.x - 1, y: area.y - 4, width: area.width + 2, height: area.height + 8, rx: 6 });
  const titles = Array.from({ length: layers }, (_, layer) => svg("text", { x: place.left(layer), y: place.above(layer) - 9 }, `layer ${layer + 1}`));
  const picker = svg("g", {
    class: "fl-picker", role: "slider", tabindex: 0, "data-control": "unit", "aria-label": "Unit of the model",
    "aria-valuemin": 1, "aria-valuemax": layers * units,
  }, svg("rect", { class: "fl-hit", ...area }), ring, ...cells.flatMap(({ cell, bar }) => [cell, bar]), frame);
  picker.addEventListener("pointerdown", (event) => {
    const [x, y] = pointIn(node, event);
    for (let layer = 0; layer < layers; layer += 1) {
      const column = Math.floor((x - place.left(layer)) / place.cell);
      const row = Math.floor((y - place.above(layer)) / place.cell);
      const inside = column >= 0 && column < COLUMNS && row >= 0 && row * COLUMNS + column < units;
      if (inside) chooseUnit(layer * units + row * COLUMNS + column);
    }
  });
  node.append(...titles, picker, legend(model, place.height - 24));

  function update() {
    const step = model.get("step");
    const unit = model.get("unit");
    const factors = factorsOf(model);
    say(now, `Step ${step} of ${model.get("tokens").length}: ${model.get("tokens")[step - 1]}`);
    cells.forEach((cell, index) => cell.paint(factors[index], model));
    const [x, y] = corner(Math.max(unit, 0));
    setAttributes(frame, { x, y, visibility: unit === FREE ? "hidden" : "visible" });
    setAttributes(picker, { "aria-valuenow": Math.max(unit, 0) + 1, "aria-valuetext": nameOf(model, unit) });
  }
  return { node, picker, update };
}

/** What the squares say: a gate that is open, one between, one that is shut. */
function legend(model, y) {
  const group = svg("g", { class: "fl-legend", transform: `translate(0 ${y})` });
  [[1.2, 0, "open"], [0.3, 76, "between"], [0, 168, "shut"]].forEach(([factor, x, name]) => {
    const mark = cellMark(x, 0, 18);
    mark.paint(factor, model);
    group.append(mark.cell, mark.bar, svg("text", { class: "fl-small", x: x + 24, y: 13 }, name));
  });
  return group;
}

// ---- the figure ----------------------------------------------------------------------------------------------

/** A range from -5 to 5 in tenths, with its name before it and its number behind. */
function makeSlider(control, name, act) {
  const input = html("input", { type: "range", min: -REACH, max: REACH, step: 1, "data-control": control, "aria-label": name });
  input.addEventListener("input", () => act(Number(input.value)));
  const number = html("span", { class: "fl-value" });
  const row = html("div", { class: "fl-slider" }, html("span", {}, name), input, number);
  const show = (tenths) => {
    const text = rounded(tenths / 10, 1);
    input.value = tenths;
    setAttributes(input, { "aria-valuetext": text });
    say(number, text);
  };
  return { row, show };
}

export default {
  render({ model, el }) {
    const units = model.get("gates")[0].flat().length;
    const keep = keeper(model);
    const moveGate = (gate) => keep({ gate, value: pointOf(model)[1], unit: FREE });
    const moveValue = (value) => keep({ gate: pointOf(model)[0], value, unit: FREE });
    const chooseUnit = (unit) => {
      if (unit >= 0 && unit < units) keep({ unit });
    };

    const above = html("div", { class: "fl-frame-box" });
    const below = html("div", { class: "fl-frame-box" });
    const sentence = stateSentence();
    const gate = makeSlider("gate", "gate", moveGate);
    const value = makeSlider("value", "value", moveValue);
    const time = stepControls({
      label: "Time step", first: 1, last: model.get("tokens").length,
      get: () => model.get("step"), set: (step) => keep({ step }),
    });
    const modes = Object.keys(MODES).map((mode) => button(`mode ${mode}`, mode, () => keep({ mode })));

    function draw(pictures) {
      const [gateNow, valueNow] = pointOf(model);
      gate.show(gateNow);
      value.show(valueNow);
      modes.forEach((one) => setPressed(one, one.textContent === model.get("mode")));
      time.update();
      pictures.update();
      say(sentence, describe(model));
    }

    const moveBy = (units) => () => chooseUnit(model.get("unit") + units);
    onKeys(below, {
      ArrowLeft: moveBy(-1), ArrowRight: moveBy(1), ArrowUp: moveBy(-COLUMNS), ArrowDown: moveBy(COLUMNS),
      Home: () => chooseUnit(0), End: () => chooseUnit(units - 1),
    });

    // Both pictures have the same width: that of the upper one.
    const makePictures = (width) => {
      const [curve, grid] = [makeCurve(model, width, moveGate), makeUnits(model, width, chooseUnit)];
      const update = () => [curve, grid].forEach((picture) => picture.update());
      below.replaceChildren(grid.node);
      return { node: curve.node, picker: grid.picker, update };
    };

    el.append(figureFrame(
      "gate-explorer", "A gate, a value, and the gates of a trained model", above, gate.row, value.row,
      html("p", { class: "fl-heading" }, "The gates of the trained model"), below, time.element,
      html("div", { class: "fl-presets", role: "group", "aria-label": "Gates" }, ...modes), sentence,
    ));
    const stop = keepDrawn({ model, traits: STATE, box: above, least: 280, make: makePictures, draw });
    return () => {
      time.stop();
      stop();
    };
  },
};
