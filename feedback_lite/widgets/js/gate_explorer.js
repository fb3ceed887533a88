import { button, buttonGroup, onKeys, setPressed, slider, stepControls, stepper } from "./controls.js";
import { figureFrame, html, keepDrawn, keeper, setAttributes, svg } from "./figure.js";
import { oneOf, whole } from "./link.js";
import { onDrag, pickerNode, pictureNode, pointIn } from "./picture.js";
import { largeResult, onOneScreen } from "./screen.js";
import { clamp, percent, range, say, stateSentence, tell } from "./words.js";

/** @import { Model, Picture, Place, Words } from "./figure.js" */

/**
 * @typedef {object} Traits
 * @property {number[]} curve gelu at every tenth of a gate, from -reach to reach
 * @property {number} reach of gate and value, in tenths
 * @property {number} free the unit that stands for none
 * @property {number[][][]} gates by step, layer and unit, in tenths
 * @property {number[][][]} values of the same shape
 * @property {string[]} tokens
 * @property {Record<string, number>} accuracy by mode
 * @property {string} does
 * @property {number} open_from
 * @property {number} shut_below
 * @property {[learned: string, open: string, shut: string]} modes
 * @property {number} step
 * @property {string} mode
 * @property {number} unit
 * @property {number} gate
 * @property {number} value
 * @property {Words} words
 */

const STATE = ["step", "mode", "unit", "gate", "value"];
const COLUMNS = 16;
const LONGEST = 6; // a bar of this number fills its side

// ---- what is shown

/**
 * gelu of a gate in tenths: read from the table that Python computed.
 *
 * @param {Model<Traits>} model
 * @param {number} gate
 */
function gelu(model, gate) {
  return model.get("curve")[gate + model.get("reach")];
}

/**
 * A number with a true minus sign; halves go away from zero, as in Python.
 *
 * @param {number} number
 * @param {number} digits
 */
function rounded(number, digits) {
  const size = Math.floor(Math.abs(number) * 10 ** digits + 0.5);
  const text = (size / 10 ** digits).toFixed(digits);
  return number < 0 && size ? `−${text}` : text;
}

/**
 * The layer of a unit and its place there, both counted from 0.
 *
 * @param {Model<Traits>} model
 * @param {number} unit
 */
function placeOf(model, unit) {
  const width = model.get("gates")[0][0].length;
  return [Math.floor(unit / width), unit % width];
}

/**
 * The gate and the value that are shown, in tenths: those of the unit, or the reader's own.
 *
 * @param {Model<Traits>} model
 */
function pointOf(model) {
  const unit = model.get("unit");
  if (unit === model.get("free")) return [model.get("gate"), model.get("value")];
  const step = model.get("step") - 1;
  const [layer, place] = placeOf(model, unit);
  return [model.get("gates")[step][layer][place], model.get("values")[step][layer][place]];
}

/**
 * By how much every unit's value is multiplied now, all layers in a row.
 *
 * @param {Model<Traits>} model
 */
function factorsOf(model) {
  const units = model.get("gates")[model.get("step") - 1].flat();
  const [, open, shut] = model.get("modes");
  if (model.get("mode") === open) return units.map(() => 1);
  if (model.get("mode") === shut) return units.map(() => 0);
  return units.map((gate) => gelu(model, gate));
}

/**
 * @param {Model<Traits>} model
 * @param {number} unit
 */
function nameOf(model, unit) {
  const [layer, place] = placeOf(model, unit);
  return unit === model.get("free") ? tell(model, "own") : tell(model, "unit", { layer: layer + 1, unit: place + 1 });
}

/** @param {Model<Traits>} model */
function describe(model) {
  const [gate, value] = pointOf(model);
  const factor = gelu(model, gate);
  const factors = factorsOf(model);
  const point = tell(model, "point", {
    name: nameOf(model, model.get("unit")),
    gate: rounded(gate / 10, 1),
    value: rounded(value / 10, 1),
    factor: rounded(factor, 2),
    product: rounded((value / 10) * factor, 2),
  });
  const units = tell(model, "units", {
    step: model.get("step"),
    token: model.get("tokens")[model.get("step") - 1],
    which: tell(model, model.get("mode")),
    open: factors.filter((one) => one >= model.get("open_from")).length,
    shut: factors.filter((one) => Math.abs(one) < model.get("shut_below")).length,
    all: factors.length,
    does: model.get("does"),
    accuracy: percent(model.get("accuracy")[model.get("mode")]),
  });
  return `${point} ${units}`;
}

// ---- the curve and the product

/** @typedef {ReturnType<typeof layOutCurve>} CurveLayout */

/**
 * Positions of the upper picture for one width: the curve, and beside or below it three bars.
 *
 * @param {number} width
 * @param {number} reach
 */
function layOutCurve(width, reach) {
  const narrow = width < 560;
  const curve = { x: 30, y: 26, width: (narrow ? width : width * 0.52) - 40, height: narrow ? 120 : 128 };
  const bars = narrow
    ? { x: 4, y: curve.y + curve.height + 44, width: width - 8 }
    : { x: width * 0.56, y: 24, width: width * 0.44 - 4 };
  const height = narrow ? bars.y + 3 * 42 - 8 : curve.y + curve.height + 24;
  /** @param {number} gate */
  const acrossX = (gate) => curve.x + ((gate + reach) / (2 * reach)) * curve.width;
  /** @param {number} factor */
  const upY = (factor) => curve.y + curve.height - ((factor + 0.6) / 5.8) * curve.height;
  return { width, height, curve, bars, acrossX, upY };
}

/**
 * A bar from a zero line: how large a number is, and on which side.
 *
 * @param {CurveLayout} place
 * @param {number} row
 * @param {string} name
 */
function makeBar(place, row, name) {
  const { x, width } = place.bars;
  const y = place.bars.y + row * (place.width < 560 ? 42 : 50);
  const middle = x + width / 2;
  const fill = svg("rect", { class: `fl-bar fl-bar-${row}`, y: y + 8, height: 16 });
  const number = svg("text", { class: "fl-number fl-end", x: x + width, y });
  const zero = svg("path", { class: "fl-zero", d: `M${middle} ${y + 4}v24` });
  const tip = svg("path", { class: `fl-bar fl-bar-${row}` }); // the number is larger than the bar can be
  const node = svg("g", {}, svg("text", { x, y }, name), number, fill, tip, zero);
  /** @type {(size: number, text: string) => void} */
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

/**
 * @param {Model<Traits>} model
 * @param {number} width
 * @param {(gate: number) => void} chooseGate
 */
function makeCurve(model, width, chooseGate) {
  const reach = model.get("reach");
  const place = layOutCurve(width, reach);
  const { curve, acrossX, upY } = place;
  const points = model.get("curve").map((factor, index) =>
    `${acrossX(index - reach).toFixed(1)} ${upY(factor).toFixed(1)}`
  );
  const node = pictureNode("The curve gelu(gate) and three bars", width, place.height, { role: "img" });
  const ticks = [-40, -20, 20, 40].map((gate) =>
    svg("text", { class: "fl-small fl-middle", x: acrossX(gate), y: upY(0) + 18 }, rounded(gate / 10, 0))
  );
  const heights = [1, 3, 5].map((factor) =>
    svg("text", { class: "fl-small fl-end", x: curve.x - 6, y: upY(factor) + 4 }, String(factor))
  );
  const drop = svg("path", { class: "fl-drop" });
  const dot = svg("circle", { class: "fl-dot", r: 7 });
  const across = `M${curve.x} ${upY(0)}h${curve.width}`;
  node.append(
    svg("text", { x: curve.x - 26, y: 14 }, "factor = gelu(gate)"),
    svg("path", { class: "fl-axis", d: `${across}M${acrossX(0)} ${curve.y}V${upY(-0.5)}` }),
    ...ticks,
    ...heights,
    svg("text", { class: "fl-small fl-end", x: curve.x + curve.width, y: upY(0) + 33 }, "gate"),
    svg("path", { class: "fl-curve", d: `M${points.join("L")}` }),
    drop,
    dot,
  );
  const names = ["value", "factor, gelu(gate)", "what passes: value × factor"];
  const bars = names.map((name, row) => makeBar(place, row, name));
  node.append(...bars.map((bar) => bar.node));

  // The curve can be dragged as well; the slider below does the same by keyboard.
  const hit = svg("rect", { class: "fl-hit fl-drag", ...curve });
  onDrag(hit, (event) => {
    const [x] = pointIn(node, event);
    const gate = Math.floor(((x - curve.x) / curve.width) * 2 * reach - reach + 0.5);
    chooseGate(clamp(gate, -reach, reach));
  });
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

// ---- the units of the model

/**
 * @param {number} width
 * @param {number} layers
 * @param {number} units
 */
function layOutUnits(width, layers, units) {
  const narrow = width < 560;
  const gap = 24;
  const gridWidth = narrow ? width - 2 : (width - 2 - gap * (layers - 1)) / layers;
  const cell = gridWidth / COLUMNS;
  const tall = Math.min(cell, 18);
  const gridHeight = Math.ceil(units / COLUMNS) * tall;
  /** @param {number} layer */
  const left = (layer) => 1 + (narrow ? 0 : layer * (gridWidth + gap));
  /** @param {number} layer */
  const above = (layer) => 46 + (narrow ? layer * (gridHeight + 26) : 0);
  return { cell, tall, left, above, gridWidth, gridHeight, height: above(layers - 1) + gridHeight + (narrow ? 30 : 4) };
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
function cellMark(x, y, size, tall = size) {
  const cell = svg("rect", { class: "fl-cell", x: x + 1, y: y + 1, width: size - 2, height: tall - 2, rx: 2 });
  const bar = svg("path", { class: "fl-closed", d: `M${x + size * 0.28} ${y + tall / 2}h${size * 0.44}` });
  /** @type {(factor: number, model: Model<Traits>) => void} */
  const paint = (factor, model) => {
    const [open, shut] = [factor >= model.get("open_from"), Math.abs(factor) < model.get("shut_below")];
    const kind = open ? "open" : shut ? "shut" : "between";
    const opacity = kind === "shut" ? 0 : Math.min(0.2 + 0.5 * factor, 1).toFixed(2);
    setAttributes(cell, { "data-kind": kind, "fill-opacity": opacity });
    setAttributes(bar, { "data-kind": kind });
  };
  return { cell, bar, paint };
}

/**
 * @param {Model<Traits>} model
 * @param {number} width
 * @param {(unit: number) => void} chooseUnit
 */
function makeUnits(model, width, chooseUnit) {
  const layers = model.get("gates")[0].length;
  const units = model.get("gates")[0][0].length;
  const place = layOutUnits(width, layers, units);
  const node = pictureNode("Units of both layers", width, place.height);
  const now = svg("text", { class: "fl-now", x: 20, y: 17 });
  node.append(svg("circle", { class: "fl-query-mark", cx: 7, cy: 12, r: 5.5 }), now);
  /** @param {number} unit */
  const corner = (unit) => {
    const [layer, index] = placeOf(model, unit);
    const [column, row] = [index % COLUMNS, Math.floor(index / COLUMNS)];
    return { x: place.left(layer) + column * place.cell, y: place.above(layer) + row * place.tall };
  };
  const cells = range(layers * units).map((unit) => cellMark(corner(unit).x, corner(unit).y, place.cell, place.tall));
  const frame = svg("rect", { class: "fl-frame", width: place.cell, height: place.tall, rx: 3 });
  const [x, y, last] = [place.left(0), place.above(0), layers - 1];
  const [right, bottom] = [place.left(last) + place.gridWidth, place.above(last) + place.gridHeight];
  const area = { x, y, width: right - x, height: bottom - y };
  const ring = { x: x - 1, y: y - 4, width: area.width + 2, height: area.height + 8, rx: 6 };
  const titles = range(layers).map((layer) =>
    svg("text", { x: place.left(layer), y: place.above(layer) - 7 }, `layer ${layer + 1}`)
  );
  const picker = pickerNode(
    { control: "unit", label: "Unit of the model", last: layers * units, area, ring },
    ...cells.flatMap(({ cell, bar }) => [cell, bar]),
    frame,
  );
  picker.addEventListener("pointerdown", (event) => {
    const [x, y] = pointIn(node, event);
    for (let layer = 0; layer < layers; layer += 1) {
      const column = Math.floor((x - place.left(layer)) / place.cell);
      const row = Math.floor((y - place.above(layer)) / place.tall);
      const inside = column >= 0 && column < COLUMNS && row >= 0 && row * COLUMNS + column < units;
      if (inside) chooseUnit(layer * units + row * COLUMNS + column);
    }
  });
  node.append(...titles, picker, width < 560 ? legend(model, 0, place.height - 22) : legend(model, width - 250, 2));

  function update() {
    const step = model.get("step");
    const unit = model.get("unit");
    const factors = factorsOf(model);
    say(now, `Step ${step} of ${model.get("tokens").length}: ${model.get("tokens")[step - 1]}`);
    cells.forEach((cell, index) => cell.paint(factors[index], model));
    const shown = Math.max(unit, 0);
    setAttributes(frame, { ...corner(shown), visibility: unit === model.get("free") ? "hidden" : "visible" });
    setAttributes(picker, { "aria-valuenow": shown + 1, "aria-valuetext": nameOf(model, unit) });
  }
  return { node, picker, update };
}

/**
 * What the squares say: a gate that is open, one between, one that is shut.
 *
 * @param {Model<Traits>} model
 * @param {number} x
 * @param {number} y
 */
function legend(model, x, y) {
  const group = svg("g", { class: "fl-legend", transform: `translate(${x} ${y})` });
  /** @type {[factor: number, x: number, name: string][]} */
  const entries = [[1.2, 0, "open"], [0.3, 78, "between"], [0, 178, "shut"]];
  entries.forEach(([factor, left, name]) => {
    const mark = cellMark(left, 0, 18);
    mark.paint(factor, model);
    group.append(mark.cell, mark.bar, svg("text", { class: "fl-small", x: left + 24, y: 14 }, name));
  });
  return group;
}

// ---- the figure

/** @param {Model<Traits>} model */
function link(model) {
  const reach = model.get("reach");
  return {
    rules: {
      step: whole(1, model.get("tokens").length),
      mode: oneOf(model.get("modes")),
      unit: whole(model.get("free"), model.get("gates")[0].flat().length - 1),
      gate: whole(-reach, reach),
      value: whole(-reach, reach),
    },
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const units = model.get("gates")[0].flat().length;
    const [reach, free] = [model.get("reach"), model.get("free")];
    const keep = keeper(model);
    /** @param {number} gate */
    const moveGate = (gate) => keep({ gate, value: pointOf(model)[1], unit: free });
    /** @param {number} value */
    const moveValue = (value) => keep({ gate: pointOf(model)[0], value, unit: free });
    /** @param {number} unit */
    const chooseUnit = (unit) => {
      if (unit >= 0 && unit < units) keep({ unit });
    };

    const above = html("div", { class: "fl-frame-box" });
    const below = html("div", { class: "fl-frame-box" });
    const sentence = stateSentence();
    const result = largeResult();
    const [gate, value] = Object.entries({ gate: moveGate, value: moveValue }).map(([name, change]) =>
      slider({ control: name, label: name, first: -reach, last: reach, change }, { class: "fl-slider fl-tinted" })
    );
    const time = stepControls({
      label: "Time step",
      first: 1,
      last: model.get("tokens").length,
      get: () => model.get("step"),
      set: (step) => keep({ step }),
    });
    const modes = model.get("modes").map((mode) => ({
      mode,
      node: button(`mode ${mode}`, mode, () => keep({ mode })),
    }));

    /** @param {number} units */
    const moveBy = (units) => () => chooseUnit(model.get("unit") + units);
    const ofUnit = stepper({ control: "unit", label: "Unit", moveBy: (by) => moveBy(by)() });

    /** @param {Picture} pictures */
    function draw(pictures) {
      const [gateNow, valueNow] = pointOf(model);
      gate.show(gateNow, rounded(gateNow / 10, 1));
      value.show(valueNow, rounded(valueNow / 10, 1));
      modes.forEach(({ mode, node }) => setPressed(node, mode === model.get("mode")));
      time.update();
      ofUnit.update([model.get("unit") > 0, model.get("unit") < units - 1]);
      pictures.update();
      result.show(percent(model.get("accuracy")[model.get("mode")]), `of the steps: the model ${model.get("does")}`);
      say(sentence, describe(model));
    }

    onKeys(below, {
      ArrowLeft: moveBy(-1),
      ArrowRight: moveBy(1),
      ArrowUp: moveBy(-COLUMNS),
      ArrowDown: moveBy(COLUMNS),
      Home: () => chooseUnit(0),
      End: () => chooseUnit(units - 1),
    });

    // Both pictures have the same width: that of the upper one.
    /** @type {(width: number) => Picture} */
    const make = (width) => {
      const [curve, grid] = [makeCurve(model, width, moveGate), makeUnits(model, width, chooseUnit)];
      const update = () => [curve, grid].forEach((picture) => picture.update());
      below.replaceChildren(grid.node);
      return { node: curve.node, picker: grid.picker, update };
    };

    el.append(figureFrame(
      "gate-explorer",
      "A gate, a value, and the gates of a trained model",
      onOneScreen([above], [gate.element, value.element]),
      onOneScreen([below], [
        time.element,
        buttonGroup("Gates", modes.map(({ node }) => node)),
        html("div", { class: "fl-side" }, result.element, ofUnit.element),
      ]),
      sentence,
    ));
    const stop = keepDrawn({ model, traits: STATE, box: above, least: 280, make, draw });
    return () => {
      time.stop();
      stop();
    };
  },
};
