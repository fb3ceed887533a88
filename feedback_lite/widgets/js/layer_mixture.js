import { button, figureFrame, html, keepDrawn, keeper, layerTint, onSliderKeys, percent, pointIn, say, setAttributes, setPressed, signed, stateSentence, stepControls, svg } from "./figure.js";
import { mixLayers, softmax } from "./mixture.js";

const STATE = ["step", "mixture", "weights"];
const LEARNED = "learned";
const EMBEDDING = "embedding only";
const LAST = "last layer only";
const SLIDERS = "sliders";

// ---- what is shown -------------------------------------------------------------------------------------------

/** The raw weights of the mixture that is shown. */
function rawWeights(model) {
  const learned = model.get("layer_weights");
  const only = (chosen) => learned.map((_, layer) => (layer === chosen ? 0 : -Infinity));
  return {
    [LEARNED]: learned,
    [EMBEDDING]: only(0),
    [LAST]: only(learned.length - 1),
    [SLIDERS]: model.get("weights"),
  }[model.get("mixture")];
}

/** The name under which Python recorded the accuracy. A softmax sees differences alone, so the smallest is 0. */
function accuracyKey(model) {
  if (model.get("mixture") !== SLIDERS) return model.get("mixture");
  const weights = model.get("weights");
  return weights.map((weight) => weight - Math.min(...weights)).join(",");
}

/** Where the sliders' thumbs are: at the weights, as far as the sliders go. */
function shownWeights(model) {
  const reach = model.get("reach");
  return rawWeights(model).map((weight) => Math.max(-reach, Math.min(reach, weight)));
}

/** The same in whole numbers, the only ones that can be set. */
function notches(model) {
  return shownWeights(model).map((weight) => Math.floor(weight + 0.5));
}

/** The whole number meant by a thumb that was moved: the nearest, but never none, however small the move. */
function nextNotch(before, after) {
  if (Math.abs(after - before) >= 0.5) return Math.floor(after + 0.5);
  return after > before ? Math.ceil(after) : Math.floor(after);
}

function describe(model) {
  const names = model.get("layer_names");
  const parts = softmax(rawWeights(model)).map((share, layer) => `${names[layer]} ${percent(share)}`);
  const which = model.get("mixture") === LEARNED ? "the learned" : "this";
  const accuracy = percent(model.get("accuracy")[accuracyKey(model)]);
  return (
    `Step ${model.get("step")}, ${model.get("tokens")[model.get("step") - 1]}: the memory vector is made of ${parts.join(", ")}. ` +
    `With ${which} mixture the trained model ${model.get("does")} in ${accuracy} of the steps.`
  );
}

// ---- the picture ---------------------------------------------------------------------------------------------

/** All positions, for a picture of this width; on a narrow one the names stand above their rows. */
function layOut(width, { layers, values, steps }) {
  const narrow = width < 560;
  const left = narrow ? 0 : 156;
  const above = narrow ? 22 : 0;
  const thick = narrow ? 34 : 44;
  const flow = 16;
  const right = width - (flow + thick + (narrow ? 84 : 88));
  const rowHeight = 26;
  const top = narrow ? 66 : 46;
  const rowY = (layer) => top + above + (layers - 1 - layer) * (rowHeight + above + (narrow ? 8 : 14));
  const memoryY = rowY(0) + rowHeight + 34 + above;
  const stripY = memoryY + thick + 36;
  const slotHeight = 2 * values;
  const pitch = (width - left) / steps;
  return {
    width, narrow, left, right, above, thick, flow, rowHeight, rowY, memoryY, stripY, slotHeight, pitch,
    cell: (right - left) / values,
    slotX: (step) => left + (step - 1) * pitch + 3,
    slotWidth: pitch - 6,
    height: stripY + slotHeight + (narrow ? 46 : 26),
  };
}

/** A row of cells, one per number of a vector. Grey with a bar means negative. */
function cellRow(place, y, height, values, name) {
  const cells = [];
  const row = svg("g", { class: `fl-row ${name}` });
  row.append(svg("rect", { class: "fl-bed", x: place.left, y, width: place.right - place.left, height }));
  for (let index = 0; index < values; index += 1) {
    const x = place.left + index * place.cell;
    const cell = svg("rect", { class: "fl-cell", x, y, width: place.cell, height });
    const bar = svg("path", { class: "fl-minus", d: `M${x + place.cell * 0.28} ${y + height / 2}h${place.cell * 0.44}` });
    row.append(cell, bar);
    cells.push({ cell, bar });
  }
  row.append(svg("rect", { class: "fl-edge", x: place.left, y, width: place.right - place.left, height }));
  return { row, paint: (vector, scale) => vector.forEach((value, index) => paintCell(cells[index], value, scale)) };
}

function paintCell({ cell, bar }, value, scale) {
  setAttributes(cell, { "fill-opacity": Math.min(Math.abs(value) / scale, 1).toFixed(3), "data-negative": value < 0 });
  if (bar) setAttributes(bar, { "data-negative": value < -0.02 * scale });
}

/** A band as thick as its share: out of its layer's row, down beside it, and into the row of the memory. */
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

/** Words with the mark of the memory before them. */
function markedText(x, y, text) {
  const mark = svg("rect", { class: "fl-memory-mark", x, y: y - 10, width: 11, height: 11 });
  return svg("g", {}, mark, svg("text", { x: x + 19, y }, text));
}

/** Build the picture for one width; `update` fills it with the state. */
function makePicture(model, width, chooseNumber) {
  const hiddens = model.get("hiddens");
  const [steps, layers, values] = [hiddens.length, hiddens[0].length, hiddens[0][0].length];
  const place = layOut(width, { layers, values, steps });
  const names = model.get("layer_names");
  const scale = model.get("scale");
  const node = svg("svg", { class: "fl-picture", viewBox: `0 0 ${width} ${place.height}`, role: "group", "aria-label": "Layers, mixture and memory" });

  // Above: the token now, and what the colours say.
  const now = svg("text", { class: "fl-now", x: 20, y: 17 });
  node.append(svg("circle", { class: "fl-query-mark", cx: 7, cy: 12, r: 5.5 }), now, legend(place, scale));

  // The layers, embedding at the bottom.
  const rows = names.map((name, layer) => {
    const y = place.rowY(layer);
    const group = svg("g", { class: "fl-layer", style: layerTint(layer, layers - 1) });
    const cells = cellRow(place, y, place.rowHeight, values, "fl-hidden");
    const labelY = place.narrow ? y - 7 : y + 18;
    const chip = svg("rect", { class: "fl-chip", x: 1, y: labelY - 13, width: 17, height: 17, rx: 4 });
    const band = svg("path", { class: "fl-band", "data-layer": layer });
    const textX = place.right + place.flow + place.thick + 10;
    const share = svg("text", { class: "fl-share", x: textX, y: y + 12 });
    const raw = svg("text", { class: "fl-small", x: textX, y: y + 27 });
    group.append(
      chip,
      svg("text", { class: "fl-chip-number", x: 9.5, y: labelY }, String(layer)),
      svg("text", { class: "fl-label", x: 26, y: labelY }, name),
      band, cells.row, share, raw,
    );
    node.append(group);
    return { ...cells, band, share, raw };
  });

  // Below: the one vector, and the strip in which it is written.
  const memory = cellRow(place, place.memoryY, place.thick, values, "fl-memory-row");
  const arrowX = place.right + 3;
  const arrow = svg("path", {
    class: "fl-memory-fill",
    d: `M${arrowX} ${place.memoryY + place.thick / 2}l10 ${-place.thick / 2}v${place.thick}z`,
  });
  const written = svg("path", { class: "fl-written" });
  const writtenTip = svg("path", { class: "fl-memory-fill" });
  node.append(memory.row, arrow, written, writtenTip, ...memoryLabels(place));
  const slots = hiddens.map((_, index) => makeSlot(place, index + 1, values));
  node.append(...slots.map((slot) => slot.node));

  // One number of every vector is looked at: a slider that covers all rows.
  const frames = [...names.map((_, layer) => [place.rowY(layer), place.rowHeight]), [place.memoryY, place.thick]].map(
    ([y, height]) => svg("rect", { class: "fl-frame", y: y - 1, height: height + 2, width: place.cell + 2 }),
  );
  const topY = place.rowY(layers - 1);
  const area = { x: place.left, y: topY, width: place.right - place.left, height: place.memoryY + place.thick - topY };
  const ring = svg("rect", { class: "fl-focus", x: area.x - 4, y: area.y - 5, width: area.width + 8, height: area.height + 10, rx: 6 });
  const picker = svg("g", {
    class: "fl-picker", role: "slider", tabindex: 0, "data-control": "number", "aria-label": "Number of the vectors",
    "aria-valuemin": 1, "aria-valuemax": values,
  }, svg("rect", { class: "fl-hit", ...area }), ring, ...frames);
  const point = (event) => chooseNumber(Math.floor((pointIn(node, event)[0] - place.left) / place.cell));
  picker.addEventListener("pointermove", point);
  picker.addEventListener("pointerdown", point);
  node.append(picker);

  function update(number, readout) {
    const step = model.get("step");
    const raw = rawWeights(model);
    const shares = softmax(raw);
    const exact = model.get("mixture") === LEARNED ? 2 : 0;
    say(now, `Step ${step} of ${steps}: ${model.get("tokens")[step - 1]}`);
    let before = 0;
    rows.forEach((row, layer) => {
      const thickness = shares[layer] * place.thick;
      row.paint(hiddens[step - 1][layer], scale);
      setAttributes(row.band, { d: bandPath(place, layer, before, thickness), "stroke-width": thickness.toFixed(2) });
      say(row.share, percent(shares[layer]));
      say(row.raw, `weight ${signed(raw[layer], exact)}`);
      before += thickness;
    });
    memory.paint(mixLayers(hiddens[step - 1], raw), scale);
    slots.forEach((slot, index) => {
      slot.show(index < step ? mixLayers(hiddens[index], raw) : null, index + 1 === step, scale);
    });
    const goal = place.slotX(step) + place.slotWidth / 2;
    const from = Math.max(place.left + 8, Math.min(place.right - 8, goal));
    const bottom = place.memoryY + place.thick;
    setAttributes(written, { d: `M${from} ${bottom + 2}v10H${goal}V${place.stripY - 8}` });
    setAttributes(writtenTip, { d: `M${goal} ${place.stripY - 2}l-5 -8h10z` });
    frames.forEach((frame) => setAttributes(frame, { x: place.left + number * place.cell - 1 }));
    setAttributes(picker, { "aria-valuenow": number + 1, "aria-valuetext": readout });
  }
  return { node, picker, update };
}

function legend(place, scale) {
  const y = place.narrow ? 32 : 4;
  const group = svg("g", { class: "fl-legend", transform: `translate(${place.narrow ? 0 : place.width - 262} ${y})` });
  [[-scale, 0], [0, 108], [scale, 156]].forEach(([value, x]) => {
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

function memoryLabels(place) {
  const [rowLabel, stripLabel] = place.narrow
    ? [place.memoryY - 8, place.height - 6]
    : [place.memoryY + place.thick / 2 - 3, place.stripY + 14];
  const second = (text, y) => svg("text", { class: "fl-small", x: 20, y }, text);
  if (place.narrow) {
    return [
      markedText(1, rowLabel, "memory vector"),
      markedText(1, stripLabel, "memory, one vector per step"),
      svg("text", { class: "fl-small fl-end", x: place.width - 2, y: stripLabel }, "time →"),
    ];
  }
  return [
    markedText(1, rowLabel, "memory vector"),
    second("of this step", rowLabel + 17),
    markedText(1, stripLabel, "memory"),
    second("one vector per step", stripLabel + 17),
    second("time →", place.stripY + place.slotHeight + 17),
  ];
}

/** A slot of the memory: its vector stands upright, so that time can run to the right. */
function makeSlot(place, step, values) {
  const [x, y, width, height] = [place.slotX(step), place.stripY, place.slotWidth, place.slotHeight];
  const cells = Array.from({ length: values }, (_, index) => ({
    cell: svg("rect", { class: "fl-cell", x, y: y + index * (height / values), width, height: height / values }),
  }));
  const edge = svg("rect", { class: "fl-slot-edge", x, y, width, height });
  const number = svg("text", { class: "fl-slot-number", x: x + width / 2, y: y + height + 17 }, String(step));
  const bed = svg("rect", { class: "fl-bed", x, y, width, height });
  const node = svg("g", { class: "fl-slot", "data-step": step }, bed, ...cells.map(({ cell }) => cell), edge, number);
  const show = (vector, present, scale) => {
    setAttributes(node, { "data-filled": vector !== null, "data-present": present });
    cells.forEach((cell, index) => paintCell(cell, vector === null ? 0 : vector[index], scale));
  };
  return { node, show };
}

// ---- the figure ----------------------------------------------------------------------------------------------

export default {
  render({ model, el }) {
    const names = model.get("layer_names");
    const hiddens = model.get("hiddens");
    const values = hiddens[0][0].length;
    const reach = model.get("reach");
    let number = 0;
    let picture = null;

    const keep = keeper(model);
    const frame = html("div", { class: "fl-frame-box" });
    const readout = html("p", { class: "fl-readout" });
    const sentence = stateSentence();
    const time = stepControls({
      label: "Time step", first: 1, last: hiddens.length,
      get: () => model.get("step"), set: (step) => keep({ step }),
    });

    // Presets and sliders, in the order of the picture: last layer on top.
    const presets = [
      ["learned", { mixture: LEARNED }],
      ["equal shares", { weights: names.map(() => 0), mixture: SLIDERS }],
      ["embedding only", { mixture: EMBEDDING }],
      ["last layer only", { mixture: LAST }],
    ].map(([name, changes]) => button(`preset ${name}`, name, () => keep(changes)));
    const sliders = names.map((name, layer) => {
      const input = html("input", {
        type: "range", min: -reach, max: reach, step: 1, "data-control": `weight ${layer}`, "aria-label": `Raw weight of ${name}`,
      });
      input.addEventListener("input", () => {
        const weights = notches(model);
        weights[layer] = nextNotch(shownWeights(model)[layer], Number(input.value));
        keep({ weights, mixture: SLIDERS });
      });
      const value = html("span", { class: "fl-value" });
      const row = html("div", { class: "fl-slider", style: layerTint(layer, names.length - 1) }, html("span", {}, name), input, value);
      return { input, value, row };
    });
    const weights = html(
      "div", { class: "fl-weights", role: "group", "aria-label": "Layer weights" },
      html("p", { class: "fl-heading" }, "Raw weights"),
      html("div", { class: "fl-presets" }, ...presets),
      ...sliders.map(({ row }) => row).reverse(),
    );

    function chooseNumber(to) {
      number = Math.max(0, Math.min(values - 1, to));
      drawNumber();
    }

    function drawNumber() {
      const raw = rawWeights(model);
      const shares = softmax(raw);
      const layers = hiddens[model.get("step") - 1];
      const terms = shares.map((share, layer) => `${share.toFixed(2)} × ${signed(layers[layer][number], 2)}`);
      const sum = signed(mixLayers(layers, raw)[number], 2);
      const text = `Number ${number + 1} of ${values}: ${terms.join(" + ")} ≈ ${sum}`;
      say(readout, text);
      picture.update(number, text);
    }

    function draw() {
      const raw = rawWeights(model);
      const exact = model.get("mixture") === LEARNED ? 2 : 0;
      const now = JSON.stringify(softmax(raw));
      const uniform = JSON.stringify(softmax(names.map(() => 0)));
      const active = model.get("mixture") === SLIDERS ? (now === uniform ? "equal shares" : null) : model.get("mixture");
      presets.forEach((preset) => {
        setPressed(preset, preset.textContent === active);
      });
      sliders.forEach(({ input, value }, layer) => {
        const text = signed(raw[layer], exact);
        // Learned weights lie between the notches; whatever the reader sets lies on one.
        setAttributes(input, { "aria-valuetext": text, step: model.get("mixture") === LEARNED ? 0.01 : 1 });
        input.value = shownWeights(model)[layer];
        say(value, text);
      });
      time.update();
      drawNumber();
      say(sentence, describe(model));
    }

    onSliderKeys(frame, { first: 0, last: values - 1, get: () => number, set: chooseNumber });
    el.append(figureFrame("layer-mixture", "Layer weights, softmax and one memory vector", frame, readout, time.element, weights, sentence));
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
