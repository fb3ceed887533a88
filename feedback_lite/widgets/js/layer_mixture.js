import { button, buttonGroup, onSliderKeys, setPressed, slider, stepControls, stepper } from "./controls.js";
import { figureFrame, html, keepDrawn, keeper, setAttributes, svg } from "./figure.js";
import { oneOf, several, whole } from "./link.js";
import { mixLayers, softmax } from "./mixture.js";
import { comeFrom, stepsOf } from "./motion.js";
import { layerChip, layerTint, pickerNode, pictureNode, pointIn } from "./picture.js";
import { largeResult, makeCaptions, onOneScreen } from "./screen.js";
import { clamp, percent, range, say, signed, stateSentence, tell } from "./words.js";

/** @import { Model, Place, Words } from "./figure.js" */

/**
 * @typedef {object} Traits
 * @property {number[][][]} hiddens by step, layer and number
 * @property {number[]} layer_weights as learned
 * @property {string[]} tokens
 * @property {string[]} layer_names
 * @property {Record<string, number>} accuracy by mixture
 * @property {string} does
 * @property {number} reach of the sliders
 * @property {number} scale the value that is drawn in full colour
 * @property {[learned: string, embedding: string, last: string, sliders: string]} choices of the mixture
 * @property {number} step
 * @property {string} mixture
 * @property {number[]} weights where the sliders stand
 * @property {Words} words
 * @property {string[]} captions
 */

/** @typedef {(number: number, readout: string) => void} ShowNumber */
/** @typedef {{ node: SVGElement, picker: SVGElement, update: ShowNumber }} MixturePicture */

const STATE = ["step", "mixture", "weights"];

// ---- what is shown

/** @param {Model<Traits>} model */
function isLearned(model) {
  return model.get("mixture") === model.get("choices")[0];
}

/** @param {Model<Traits>} model */
function isOfSliders(model) {
  return model.get("mixture") === model.get("choices")[3];
}

/**
 * The raw weights of the mixture that is shown.
 *
 * @param {Model<Traits>} model
 */
function rawWeights(model) {
  const learned = model.get("layer_weights");
  if (isLearned(model)) return learned;
  if (isOfSliders(model)) return model.get("weights");
  const only = model.get("mixture") === model.get("choices")[1] ? 0 : learned.length - 1;
  return learned.map((_, layer) => (layer === only ? 0 : -Infinity));
}

/**
 * The name under which Python recorded the accuracy. A softmax sees differences alone, so the smallest is 0.
 *
 * @param {Model<Traits>} model
 */
function accuracyKey(model) {
  if (!isOfSliders(model)) return model.get("mixture");
  const weights = model.get("weights");
  return weights.map((weight) => weight - Math.min(...weights)).join(",");
}

/**
 * Where the sliders' thumbs are: at the weights, as far as the sliders go.
 *
 * @param {Model<Traits>} model
 */
function shownWeights(model) {
  const reach = model.get("reach");
  return rawWeights(model).map((weight) => clamp(weight, -reach, reach));
}

/**
 * The whole number meant by a thumb that was moved: the nearest, but never none, however small the move.
 *
 * @param {number} before
 * @param {number} after
 */
function nextNotch(before, after) {
  if (Math.abs(after - before) >= 0.5) return Math.floor(after + 0.5);
  return after > before ? Math.ceil(after) : Math.floor(after);
}

/** @param {Model<Traits>} model */
function describe(model) {
  const [names, step] = [model.get("layer_names"), model.get("step")];
  const parts = softmax(rawWeights(model)).map((share, layer) => `${names[layer]} ${percent(share)}`).join(", ");
  const accuracy = percent(model.get("accuracy")[accuracyKey(model)]);
  const made = tell(model, "made", { step, token: model.get("tokens")[step - 1], parts });
  const does = { does: model.get("does"), accuracy };
  return `${made} ${tell(model, isLearned(model) ? "learned" : "other", does)}`;
}

// ---- the picture

/** @typedef {ReturnType<typeof layOut>} Layout */

/**
 * All positions, for a picture of this width; on a narrow one the names stand above their rows.
 *
 * @param {number} width
 * @param {{ layers: number, values: number, steps: number }} sizes
 */
function layOut(width, { layers, values, steps }) {
  const narrow = width < 560;
  const left = narrow ? 0 : 156;
  const above = narrow ? 20 : 0;
  const thick = narrow ? 30 : 38;
  const flow = 16;
  const right = width - (flow + thick + (narrow ? 92 : 100));
  const rowHeight = narrow ? 20 : 26;
  const top = narrow ? 52 : 30;
  /** @param {number} layer */
  const rowY = (layer) => top + above + (layers - 1 - layer) * (rowHeight + above + (narrow ? 3 : 8));
  const memoryY = rowY(0) + rowHeight + (narrow ? 16 : 24) + above;
  const stripY = memoryY + thick + 28;
  const slotHeight = 1.25 * values;
  const pitch = (width - left) / steps;
  /** @param {number} step */
  const slotX = (step) => left + (step - 1) * pitch + 3;
  const cell = (right - left) / values;
  const height = stripY + slotHeight + (narrow ? 40 : 22);
  const slots = { stripY, slotX, slotWidth: pitch - 6, slotHeight };
  return { width, narrow, left, right, thick, flow, rowHeight, rowY, memoryY, cell, height, ...slots };
}

/**
 * A row of cells, one per number of a vector. Grey with a bar means negative.
 *
 * @param {Layout} place
 * @param {number} y
 * @param {number} height
 * @param {number} values
 * @param {string} name
 */
function cellRow(place, y, height, values, name) {
  const whole = { x: place.left, y, width: place.right - place.left, height };
  const cells = range(values).map((index) => {
    const x = place.left + index * place.cell;
    const bar = `M${x + place.cell * 0.28} ${y + height / 2}h${place.cell * 0.44}`;
    return {
      cell: svg("rect", { class: "fl-cell", x, y, width: place.cell, height }),
      bar: svg("path", { class: "fl-minus", d: bar }),
    };
  });
  const row = svg(
    "g",
    { class: `fl-row ${name}` },
    svg("rect", { class: "fl-bed", ...whole }),
    ...cells.flatMap(({ cell, bar }) => [cell, bar]),
    svg("rect", { class: "fl-edge", ...whole }),
  );
  /** @type {(vector: number[], scale: number) => void} */
  const paint = (vector, scale) => vector.forEach((value, index) => paintCell(cells[index], value, scale));
  return { row, paint };
}

/**
 * @param {{ cell: Element, bar?: Element }} drawn
 * @param {number} value
 * @param {number} scale
 */
function paintCell({ cell, bar }, value, scale) {
  setAttributes(cell, { "fill-opacity": Math.min(Math.abs(value) / scale, 1).toFixed(3), "data-negative": value < 0 });
  if (bar) setAttributes(bar, { "data-negative": value < -0.02 * scale });
}

/**
 * A band as thick as its share: out of its layer's row, down beside it, and into the row of the memory.
 *
 * @param {Layout} place
 * @param {number} layer
 * @param {number} before
 * @param {number} thickness
 */
function bandPath(place, layer, before, thickness) {
  const start = place.right + 4;
  const middle = before + thickness / 2;
  const y = place.rowY(layer) + place.rowHeight / 2;
  const bend = thickness / 2 + 4;
  const inner = 6;
  const x = place.right + place.flow + middle;
  const end = place.memoryY + middle;
  return (
    `M${start} ${y}H${x - bend}A${bend} ${bend} 0 0 1 ${x} ${y + bend}V${place.memoryY - inner}` +
    `A${middle + inner} ${middle + inner} 0 0 1 ${place.right + place.flow - inner} ${end}H${start + 8}`
  );
}

/**
 * Words with the mark of the memory before them.
 *
 * @param {number} x
 * @param {number} y
 * @param {string} text
 */
function markedText(x, y, text) {
  const mark = svg("rect", { class: "fl-memory-mark", x, y: y - 10, width: 11, height: 11 });
  return svg("g", {}, mark, svg("text", { x: x + 19, y }, text));
}

/**
 * The row of one layer: its name, its vector, its share, and the band that leads into the memory.
 *
 * @param {Layout} place
 * @param {{ name: string, layer: number, layers: number, values: number }} what
 */
function makeLayer(place, { name, layer, layers, values }) {
  const y = place.rowY(layer);
  const cells = cellRow(place, y, place.rowHeight, values, "fl-hidden");
  const labelY = place.narrow ? y - 7 : y + 18;
  const band = svg("path", { class: "fl-band", "data-layer": layer });
  const x = place.right + place.flow + place.thick + 10;
  const share = svg("text", { class: "fl-share", x, y: y + 12 });
  const raw = svg("text", { class: "fl-small", x, y: y + 27 });
  const node = svg(
    "g",
    { class: "fl-layer", style: layerTint(layer, layers - 1) },
    ...layerChip(1, labelY, layer),
    svg("text", { class: "fl-label", x: 26, y: labelY }, name),
    band,
    cells.row,
    share,
    raw,
  );
  return { node, paint: cells.paint, band, share, raw };
}

/**
 * Build the picture for one width; `update` fills it with the state.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 * @param {(number: number) => void} chooseNumber
 * @returns {MixturePicture}
 */
function makePicture(model, width, chooseNumber) {
  const hiddens = model.get("hiddens");
  const [steps, layers, values] = [hiddens.length, hiddens[0].length, hiddens[0][0].length];
  const place = layOut(width, { layers, values, steps });
  const scale = model.get("scale");
  const node = pictureNode("Layers, mixture and memory", width, place.height);

  // Above: the token now, and what the colours say.
  const now = svg("text", { class: "fl-now", x: 20, y: 17 });
  node.append(svg("circle", { class: "fl-query-mark", cx: 7, cy: 12, r: 5.5 }), now, legend(place, scale));

  // The layers, embedding at the bottom.
  const rows = model.get("layer_names").map((name, layer) => makeLayer(place, { name, layer, layers, values }));
  node.append(...rows.map((row) => row.node));

  // Below: the one vector, and the strip in which it is written.
  const memory = cellRow(place, place.memoryY, place.thick, values, "fl-memory-row");
  const arrow = `M${place.right + 3} ${place.memoryY + place.thick / 2}l10 ${-place.thick / 2}v${place.thick}z`;
  const written = svg("path", { class: "fl-written" });
  const writtenTip = svg("path", { class: "fl-memory-fill" });
  node.append(memory.row, svg("path", { class: "fl-memory-fill", d: arrow }), written, writtenTip);
  const slots = hiddens.map((_, index) => makeSlot(place, index + 1, values));
  node.append(...memoryLabels(place), ...slots.map((slot) => slot.node));

  // One number of every vector is looked at: a slider that covers all rows.
  const covered = [...range(layers).map((layer) => [place.rowY(layer), place.rowHeight]), [place.memoryY, place.thick]];
  const frames = covered.map(([y, height]) =>
    svg("rect", { class: "fl-frame", y: y - 1, height: height + 2, width: place.cell + 2 })
  );
  const top = place.rowY(layers - 1);
  const bottom = place.memoryY + place.thick;
  const area = { x: place.left, y: top, width: place.right - place.left, height: bottom - top };
  const ring = { x: area.x - 4, y: area.y - 5, width: area.width + 8, height: area.height + 10, rx: 6 };
  const picker = pickerNode({ control: "number", label: "Number of the vectors", last: values, area, ring }, ...frames);
  /** @param {PointerEvent} event */
  const point = (event) => chooseNumber(Math.floor((pointIn(node, event)[0] - place.left) / place.cell));
  picker.addEventListener("pointermove", point);
  picker.addEventListener("pointerdown", point);
  node.append(picker);

  const moved = stepsOf();

  /** @type {ShowNumber} */
  function update(number, readout) {
    const step = model.get("step");
    const raw = rawWeights(model);
    const shares = softmax(raw);
    say(now, `Step ${step} of ${steps}: ${model.get("tokens")[step - 1]}`);
    let before = 0;
    rows.forEach((row, layer) => {
      const thickness = shares[layer] * place.thick;
      row.paint(hiddens[step - 1][layer], scale);
      setAttributes(row.band, { d: bandPath(place, layer, before, thickness), "stroke-width": thickness.toFixed(2) });
      say(row.share, percent(shares[layer]));
      say(row.raw, `weight ${signed(raw[layer], isLearned(model) ? 2 : 0)}`);
      before += thickness;
    });
    memory.paint(mixLayers(hiddens[step - 1], raw), scale);
    slots.forEach((slot, index) => {
      slot.show(index < step ? mixLayers(hiddens[index], raw) : null, index + 1 === step, scale);
    });
    const goal = place.slotX(step) + place.slotWidth / 2;
    const from = clamp(goal, place.left + 8, place.right - 8);
    setAttributes(written, { d: `M${from} ${bottom + 2}v10H${goal}V${place.stripY - 8}` });
    setAttributes(writtenTip, { d: `M${goal} ${place.stripY - 2}l-5 -8h10z` });
    frames.forEach((frame) => setAttributes(frame, { x: place.left + number * place.cell - 1 }));
    setAttributes(picker, { "aria-valuenow": number + 1, "aria-valuetext": readout });
    // The memory vector comes down into its slot.
    if (moved(step) > 0) comeFrom(slots[step - 1].node, 0, bottom - place.stripY, 0.2);
  }
  return { node, picker, update };
}

/**
 * @param {Layout} place
 * @param {number} scale
 */
function legend(place, scale) {
  const y = place.narrow ? 26 : 2;
  const group = svg("g", { class: "fl-legend", transform: `translate(${place.narrow ? 0 : place.width - 288} ${y})` });
  [[-scale, 0], [0, 118], [scale, 170]].forEach(([value, x]) => {
    const box = { x: x + 0.5, y: 1, width: 16, height: 14 };
    const cell = svg("rect", { class: "fl-cell", ...box });
    const bar = svg("path", { class: "fl-minus", d: `M${x + 5} 8h7` });
    paintCell({ cell, bar }, value, scale);
    const more = value === 0 ? "0" : `${signed(value, 1)}${value > 0 ? " or more" : " or less"}`;
    group.append(svg("rect", { class: "fl-bed", ...box }), cell, bar, svg("rect", { class: "fl-edge", ...box }));
    group.append(svg("text", { class: "fl-small", x: x + 22, y: 13 }, more));
  });
  return group;
}

/** @param {Layout} place */
function memoryLabels(place) {
  const [rowLabel, stripLabel] = place.narrow
    ? [place.memoryY - 8, place.height - 6]
    : [place.memoryY + place.thick / 2 - 3, place.stripY + 14];
  if (place.narrow) {
    return [
      markedText(1, rowLabel, "memory vector"),
      markedText(1, stripLabel, "memory, one vector per step"),
      svg("text", { class: "fl-small fl-end", x: place.width - 2, y: stripLabel }, "time →"),
    ];
  }
  /** @type {(text: string, y: number) => Element} */
  const second = (text, y) => svg("text", { class: "fl-small", x: 20, y }, text);
  return [
    markedText(1, rowLabel, "memory vector"),
    second("of this step", rowLabel + 17),
    markedText(1, stripLabel, "memory"),
    second("one per step", stripLabel + 17),
    second("time →", place.stripY + place.slotHeight + 17),
  ];
}

/**
 * A slot of the memory: its vector stands upright, so that time can run to the right.
 *
 * @param {Layout} place
 * @param {number} step
 * @param {number} values
 */
function makeSlot(place, step, values) {
  const box = { x: place.slotX(step), y: place.stripY, width: place.slotWidth, height: place.slotHeight };
  const { x, y, width, height } = box;
  const tall = height / values;
  const cells = range(values).map((index) =>
    svg("rect", { class: "fl-cell", x, y: y + index * tall, width, height: tall })
  );
  const node = svg(
    "g",
    { class: "fl-slot", "data-step": step },
    svg("rect", { class: "fl-bed", ...box }),
    ...cells,
    svg("rect", { class: "fl-slot-edge", ...box }),
    svg("text", { class: "fl-slot-number", x: x + width / 2, y: y + height + 17 }, String(step)),
  );
  /** @type {(vector: number[] | null, present: boolean, scale: number) => void} */
  const show = (vector, present, scale) => {
    setAttributes(node, { "data-filled": vector !== null, "data-present": present });
    cells.forEach((cell, index) => paintCell({ cell }, vector === null ? 0 : vector[index], scale));
  };
  return { node, show };
}

// ---- the figure

/** @param {Model<Traits>} model */
function link(model) {
  const [reach, layers] = [model.get("reach"), model.get("layer_weights").length];
  return {
    rules: {
      step: whole(1, model.get("tokens").length),
      mixture: oneOf(model.get("choices")),
      weights: several(whole(-reach, reach), layers, layers),
    },
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const names = model.get("layer_names");
    const hiddens = model.get("hiddens");
    const values = hiddens[0][0].length;
    const reach = model.get("reach");
    const [learned, embedding, last, fromSliders] = model.get("choices");
    let number = 0;
    /** @type {MixturePicture | null} */
    let picture = null;

    const keep = keeper(model);
    const frame = html("div", { class: "fl-frame-box" });
    const result = largeResult();
    const readout = html("p", { class: "fl-readout" });
    const sentence = stateSentence();
    const time = stepControls({
      label: "Time step",
      first: 1,
      last: hiddens.length,
      get: () => model.get("step"),
      set: (step) => keep({ step }),
    });

    // Presets and sliders, in the order of the picture: last layer on top.
    const equal = "equal shares";
    const presets = [
      { name: learned, changes: { mixture: learned } },
      { name: equal, changes: { weights: names.map(() => 0), mixture: fromSliders } },
      { name: embedding, changes: { mixture: embedding } },
      { name: last, changes: { mixture: last } },
    ].map(({ name, changes }) => ({ name, node: button(`preset ${name}`, name, () => keep(changes)) }));
    const sliders = names.map((name, layer) => {
      /** @param {number} value */
      const change = (value) => {
        const shown = shownWeights(model);
        const weights = shown.map((weight, other) =>
          other === layer ? nextNotch(weight, value) : Math.floor(weight + 0.5)
        );
        keep({ weights, mixture: fromSliders });
      };
      return slider(
        { control: `weight ${layer}`, label: name, name: `Raw weight of ${name}`, first: -reach, last: reach, change },
        { class: "fl-slider fl-tinted fl-long", style: layerTint(layer, names.length - 1) },
      );
    });
    const weights = html("div", { class: "fl-weights", role: "group", "aria-label": "Raw weights" });
    weights.append(...sliders.map(({ element }) => element).reverse());
    const ofNumber = stepper({ control: "number", label: "Number", moveBy: stepTo });
    const mixtures = buttonGroup("Mixture", presets.map(({ node }) => node));
    const panel = [
      html(
        "div",
        { class: "fl-now-and-result" },
        time.element,
        result.element,
        html("div", { class: "fl-one-number" }, readout, ofNumber.element),
      ),
      weights,
      mixtures,
    ];

    /** @param {number} to */
    function chooseNumber(to) {
      number = clamp(to, 0, values - 1);
      readout.setAttribute("aria-live", "off"); // the picker in the picture says it
      drawNumber();
    }

    /** @param {number} by */
    function stepTo(by) {
      number = clamp(number + by, 0, values - 1);
      readout.setAttribute("aria-live", "polite");
      drawNumber();
    }

    function drawNumber() {
      const raw = rawWeights(model);
      const layers = hiddens[model.get("step") - 1];
      const terms = softmax(raw).map((share, layer) => `${share.toFixed(2)} × ${signed(layers[layer][number], 2)}`);
      const sum = signed(mixLayers(layers, raw)[number], 2);
      const text = `Number ${number + 1} of ${values}: ${terms.join(" + ")} ≈ ${sum}`;
      say(readout, text);
      ofNumber.update([number > 0, number < values - 1]);
      picture?.update(number, text);
    }

    function activePreset() {
      if (!isOfSliders(model)) return model.get("mixture");
      return new Set(model.get("weights")).size === 1 ? equal : null;
    }

    function draw() {
      const raw = rawWeights(model);
      const active = activePreset();
      presets.forEach(({ name, node }) => setPressed(node, name === active));
      sliders.forEach(({ input, show }, layer) => {
        // Learned weights lie between the notches; whatever the reader sets lies on one.
        setAttributes(input, { step: isLearned(model) ? 0.01 : 1 });
        show(shownWeights(model)[layer], signed(raw[layer], isLearned(model) ? 2 : 0));
      });
      time.update();
      readout.setAttribute("aria-live", "off"); // the sentence says what changed
      drawNumber();
      result.show(percent(model.get("accuracy")[accuracyKey(model)]), `of the steps: the model ${model.get("does")}`);
      say(sentence, describe(model));
    }

    onSliderKeys(frame, { first: 0, last: values - 1, get: () => number, set: chooseNumber });
    const label = "Layer weights, softmax and one memory vector";
    el.append(figureFrame("layer-mixture", label, makeCaptions(model), onOneScreen([frame], panel), sentence));
    /** @param {number} width */
    const make = (width) => {
      picture = makePicture(model, width, chooseNumber);
      return picture;
    };
    const stop = keepDrawn({ model, traits: STATE, box: frame, least: 280, make, draw });
    return () => {
      time.stop();
      stop();
    };
  },
};
