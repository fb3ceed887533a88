import { button, figureFrame, html, keepDrawn, keeper, onSliderKeys, pointIn, say, setAttributes, setAvailable, setPressed, stateSentence, svg } from "./figure.js";

const STATE = ["task", "shown", "axis", "budget", "place"];
const WHOLE = 10000; // shares of right answers come in ten-thousandths

// ---- what is shown -------------------------------------------------------------------------------------------

function studyOf(model, task = model.get("task")) {
  return model.get("studies").find((study) => study.task === task);
}

/** The models that are shown and that this task has, as [name, family, number]. */
function drawnOf(model) {
  const [shown, study] = [model.get("shown"), studyOf(model)];
  const numbered = model.get("models").map(([name, family], index) => [name, family, index + 1]);
  return numbered.filter(([name]) => shown.includes(name) && name in study.models);
}

function runsOf(model, name) {
  return studyOf(model).models[name].runs[model.get("budget")];
}

/** How many places of an axis can be read. */
function placesOf(study, axis, budget) {
  if (axis === "length") return study.lengths.length;
  const { reach, notch } = study.scales[budget][axis];
  return reach / notch;
}

/** The scale of the axis that is shown, the place that is read, and what stands there. */
function readingOf(model) {
  const [study, axis, budget] = [studyOf(model), model.get("axis"), model.get("budget")];
  const places = placesOf(study, axis, budget);
  const place = Math.min(model.get("place"), places);
  const scale = axis === "length" ? null : study.scales[budget][axis];
  return { study, axis, scale, places, place, position: scale ? place * scale.notch : study.lengths[place - 1] };
}

/** The mean of shares in ten-thousandths, as tenths of a percent, rounded as in Python. */
function tenths(shares) {
  const sum = shares.reduce((total, share) => total + share, 0);
  return Math.floor((sum + 5 * shares.length) / (10 * shares.length));
}

function inTenths(tenth) {
  return `${Math.floor(tenth / 10)}.${tenth % 10}`;
}

/** A model's mean, lowest and highest at what is read, and where its curve ended before; null before its start. */
function readout(model, name) {
  const { study, axis, scale, position } = readingOf(model);
  const runs = runsOf(model, name);
  let [shares, end] = [null, null];
  if (axis === "length") {
    shares = runs.by_length.map((seed) => seed[study.lengths.indexOf(position)]);
  } else {
    const along = runs[axis];
    const measured = along.filter((at) => at <= position).length;
    if (measured === 0) return null;
    shares = runs.accuracy.map((seed) => seed[measured - 1]);
    const last = along[along.length - 1];
    if (last < position - scale.notch) end = axis === "examples" ? last : Math.floor((last + 5) / 10) * 10;
  }
  return { mean: tenths(shares), low: tenths([Math.min(...shares)]), high: tenths([Math.max(...shares)]), end };
}

function ruleOf(model) {
  const { study, axis, position } = readingOf(model);
  if (study.heuristic.length === 0) return null;
  return tenths([study.heuristic[study.lengths.indexOf(axis === "length" ? position : study.trained)]]);
}

const grouped = (number) => number.toLocaleString("en-US");

function amount(axis, number) {
  return axis === "examples" ? `${grouped(number)} sequences` : `${number / 100} CPU seconds`;
}

function whereOf(model) {
  const { study, axis, position } = readingOf(model);
  if (axis !== "length") return `after ${amount(axis, position)}`;
  if (position > study.trained) return `at ${position} tokens, longer than any model trained on`;
  return `at ${position} tokens, ${position === study.trained ? "as trained" : "shorter than trained"}`;
}

/** What a model reaches where it is read, as its row says it and as the state sentence does. */
function told(model, name) {
  const found = readout(model, name);
  if (found === null) return { mean: "", range: "", end: "not measured yet", whole: "is not measured yet" };
  const [mean, low, high] = [found.mean, found.low, found.high].map(inTenths);
  const range = `${low} to ${high}`;
  const end = found.end === null ? "" : `ended after ${amount(model.get("axis"), found.end)}`;
  return { mean: `${mean} %`, range, end, whole: `${mean} % (${range}${end && `, ${end}`})` };
}

function describe(model) {
  const { study } = readingOf(model);
  const start = `${study.title}, equal ${model.get("budget")}, ${whereOf(model)}.`;
  const drawn = drawnOf(model);
  if (drawn.length === 0) return `${start} No model is chosen.`;
  const seeds = study.seeds === 1 ? "1 seed" : `${study.seeds} seeds`;
  const all = drawn.map(([name]) => `${name} ${told(model, name).whole}`).join("; ");
  const rule = ruleOf(model);
  const simple = rule === null ? "" : `; a simple rule ${inTenths(rule)} %`;
  return `${start} Right answers, mean of ${seeds} (lowest to highest): ${all}. Chance ${inTenths(tenths([study.chance]))} %${simple}.`;
}

// ---- the picture ---------------------------------------------------------------------------------------------

const HALF = 8; // of a numbered mark
const CHARACTER = 7.4; // about the width of a letter, in a wide font

/** Positions of the picture for one width: the plot, the column of names or numbers at its right, words around it. */
function layOut(width) {
  const wide = width >= 560;
  const plot = { x: 46, y: wide ? 28 : 44, width: width - 46 - (wide ? 196 : 34), height: 252 };
  const [right, bottom] = [plot.x + plot.width, plot.y + plot.height];
  return { width, wide, plot, right, bottom, column: right + 22, height: bottom + 56, upY: (share) => bottom - (share / WHOLE) * plot.height };
}

/** From what is measured along the axis to its place across the picture. */
function acrossX(place, { study, axis, scale }) {
  if (scale) return (number) => place.plot.x + (number / scale.reach) * place.plot.width;
  const [first, last] = [study.lengths[0], study.lengths[study.lengths.length - 1]].map(Math.log);
  const [inset, room] = [24, place.plot.width - 48];
  return (length) => place.plot.x + inset + ((Math.log(length) - first) / (last - first || 1)) * room;
}

/** A model's number in the mark of its family: a filled square, an open one, a filled diamond. */
function numberedMark(family, number, x, y) {
  const shape =
    family === "recurrent"
      ? svg("path", { class: "fl-diamond", d: `M${x} ${y - 11}l11 11l-11 11l-11 -11z` })
      : svg("rect", { class: "fl-square", x: x - HALF, y: y - HALF, width: 2 * HALF, height: 2 * HALF, rx: 1.5 });
  const text = svg("text", { class: "fl-mark-number", x, y: y + 4 }, String(number));
  return svg("g", { class: "fl-mark", "data-family": family }, shape, text);
}

function path(points) {
  return `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
}

/** Remembers what is taken of the picture: `take` says whether a box was free, and takes it. */
function makeRoom() {
  const taken = [];
  const meets = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  const take = (box) => {
    if (taken.some((other) => meets(box, other))) return false;
    taken.push(box);
    return true;
  };
  const takeMark = (x, y) => take([x - HALF - 1, y - HALF - 1, x + HALF + 1, y + HALF + 1]);
  return { take, takeMark };
}

/** A name in lines of at most 22 letters, broken at its commas. */
function linesOf(name) {
  return name.split(", ").reduce((lines, part) => {
    const last = lines[lines.length - 1];
    if (last !== undefined && `${last}, ${part}`.length <= 22) return [...lines.slice(0, -1), `${last}, ${part}`];
    return [...(last === undefined ? [] : [...lines.slice(0, -1), `${last},`]), part];
  }, []);
}

/** The lines of one model: every seed and their mean, as points of the picture. */
function linesOfModel(model, name, place, reading, shift) {
  const runs = runsOf(model, name);
  const x = acrossX(place, reading);
  const trace = (along, shares) => along.map((at, index) => [x(at) + shift, place.upY(shares[index])]);
  const mean = (seeds) => seeds[0].map((_, index) => seeds.reduce((sum, seed) => sum + seed[index], 0) / seeds.length);
  if (reading.axis === "length") {
    const { lengths } = reading.study;
    return { seeds: runs.by_length.map((shares) => trace(lengths, shares)), mean: trace(lengths, mean(runs.by_length)) };
  }
  const along = (seed) => (reading.axis === "examples" ? runs.examples : runs.each_seconds[seed]);
  return { seeds: runs.accuracy.map((shares, seed) => trace(along(seed), shares)), mean: trace(runs[reading.axis], mean(runs.accuracy)) };
}

/** Names, or numbers alone, beside the ends of the lines, none over another. */
function endLabels(ends, place, room) {
  const lines = ends.map(({ name }) => (place.wide ? linesOf(name) : []));
  const named = lines.reduce((sum, all) => sum + Math.max(18, 15 * all.length + 3), 0) <= place.plot.height + 16;
  const sizes = lines.map((all) => (named ? Math.max(18, 15 * all.length + 3) : 17));
  const order = ends.map((_, index) => index).sort((a, b) => ends[a].at[1] - ends[b].at[1] || a - b);
  let above = place.plot.y - 10;
  const middles = [];
  order.forEach((index) => {
    middles[index] = Math.max(ends[index].at[1], above + sizes[index] / 2);
    above = middles[index] + sizes[index] / 2;
  });
  let below = place.bottom + 10;
  [...order].reverse().forEach((index) => {
    middles[index] = Math.min(middles[index], below - sizes[index] / 2);
    below = middles[index] - sizes[index] / 2;
  });
  return ends.map(({ family, number, at }, index) => {
    const y = middles[index];
    room.takeMark(place.column, y);
    const texts = named ? lines[index] : [];
    const first = y + 4.5 - (15 * (texts.length - 1)) / 2;
    return svg(
      "g", { class: "fl-end-label", "data-family": family },
      svg("path", { class: "fl-leader", d: path([at, [place.column - HALF, y]]) }),
      numberedMark(family, number, place.column, y),
      ...texts.map((text, line) => svg("text", { x: place.column + 14, y: first + 15 * line }, text)),
    );
  });
}

/** Numbered marks along a line, where nothing else stands. */
function marksOnLine({ family, number, points: all, labelled, at }, index, count, room) {
  const found = [];
  const points = labelled ? all.filter(([x]) => x < at[0] - 4 * HALF) : all;
  const tryAt = ([x, y]) => {
    if (room.takeMark(x, y)) found.push(numberedMark(family, number, x, y));
    return found.length;
  };
  if (all.length <= 5) {
    points.forEach(tryAt);
    return found;
  }
  for (const half of [0, 1]) {
    const wanted = Math.floor((points.length * (half + (index + 0.5) / count)) / 2);
    const before = found.length;
    for (let off = 0; off < points.length / 4 && found.length === before; off += 1) {
      const candidates = [points[wanted + off], points[wanted - off]].filter((point) => point !== undefined);
      candidates.some((point) => tryAt(point) > before);
    }
  }
  return found;
}

/** The mark at the end of a line that ends before the edge, with the model's name where there is room for it. */
function ending({ name, family, number, at: [x, y], labelled }, place, room) {
  if (labelled) return [];
  const spots = [0, 18, 36, -18, -36].map((down) => [x + (down ? 16 : 0), y + down]);
  const free = spots.find(([left, middle]) => middle >= place.plot.y && room.takeMark(left, middle));
  if (free === undefined) return [];
  const [left, base] = [free[0] + 14, free[1] + 4.5];
  const right = left + CHARACTER * name.length;
  const named = place.wide && right < place.width && room.take([left - 2, base - 12, right, base + 4]);
  const mark = numberedMark(family, number, ...free);
  return [mark, ...(named ? [svg("text", { class: "fl-ending", x: left, y: base }, name)] : [])];
}

/** A level line, or one through all lengths, with its name where there is room. */
function reference(kind, name, points, place, room) {
  const [x, y] = points[0];
  const width = CHARACTER * name.length;
  const spots = [[x + 4, y - 5], [x + 4, y + 14], [place.right - width - 4, y - 5], [place.right - width - 4, y + 14]];
  const free = spots.find(([left, base]) => room.take([left - 2, base - 11, left + width, base + 3])) ?? spots[0];
  return svg(
    "g", { class: `fl-reference fl-${kind}` },
    svg("path", { d: path(points) }), svg("text", { class: "fl-small", x: free[0], y: free[1] }, name),
  );
}

/** Grid, numbers and title of both axes; on the axis of lengths also where training ended. */
function axes(place, reading) {
  const { plot, right, bottom } = place;
  const group = svg("g", { class: "fl-axes" });
  const text = (x, y, words, kind = "") => group.append(svg("text", { class: `fl-small ${kind}`, x, y }, words));
  const x = acrossX(place, reading);
  [0, 25, 50, 75, 100].forEach((height) => {
    const y = place.upY((height / 100) * WHOLE);
    group.append(svg("path", { class: "fl-grid", d: `M${plot.x} ${y}H${right}` }));
    text(plot.x - 6, y + 4, `${height} %`, "fl-end");
  });
  text(0, 14, "right answers");
  if (reading.scale) {
    const { step, reach } = reading.scale;
    const written = (at) => (reading.axis === "examples" ? grouped(at) : String(at / 100));
    const every = Math.ceil((CHARACTER * written(reach).length + 12) / (x(step) - x(0)));
    for (let at = 0; at <= reach; at += every * step) text(x(at), bottom + 18, written(at), "fl-middle");
    text(right, bottom + 48, reading.axis === "examples" ? "sequences seen in training" : "CPU seconds of training", "fl-end");
    return group;
  }
  const { lengths, trained } = reading.study;
  lengths.forEach((length) => text(x(length), bottom + 18, String(length), "fl-middle"));
  text(right, bottom + 50, "length of a sequence, in tokens", "fl-end");
  text(x(trained), bottom + 33, "trained", "fl-middle");
  group.append(svg("path", { class: "fl-trained", d: `M${x(trained)} ${plot.y}V${bottom + 5}` }));
  const longer = lengths.filter((length) => length > trained);
  if (longer.length > 0) {
    const start = (x(trained) + x(longer[0])) / 2;
    group.prepend(svg("rect", { class: "fl-longer", x: start, y: plot.y, width: right - start, height: plot.height }));
    text(right, plot.y - 12, "longer than any model trained on", "fl-end");
  }
  return group;
}

/** Everything that is drawn of the state, but for the place that is read. */
function content(model, place) {
  const reading = readingOf(model);
  const { study, axis } = reading;
  const drawn = drawnOf(model);
  const room = makeRoom();
  const x = acrossX(place, reading);
  const apart = Math.min(12, 44 / drawn.length); // so that equal points do not hide each other
  const lines = drawn.map(([name, family, number], index) => {
    const shift = axis === "length" ? (index - (drawn.length - 1) / 2) * apart : 0;
    const found = linesOfModel(model, name, place, reading, shift);
    const at = found.mean[found.mean.length - 1];
    return { name, family, number, ...found, points: found.mean, at, labelled: axis === "length" || at[0] > place.right - 0.1 * place.plot.width };
  });
  const labels = endLabels(lines.filter((line) => line.labelled), place, room);
  const chance = [[place.plot.x, place.upY(study.chance)], [place.right, place.upY(study.chance)]];
  const references = [];
  if (study.heuristic.length > 0) {
    const level = place.upY(study.heuristic[study.lengths.indexOf(study.trained)]);
    const rule = axis === "length" ? study.lengths.map((length, index) => [x(length), place.upY(study.heuristic[index])]) : [[place.plot.x, level], [place.right, level]];
    references.push(reference("rule", "a simple rule", rule, place, room));
  }
  references.push(reference("chance", "chance", chance, place, room));
  const traces = lines.flatMap(({ family, seeds, mean }) => [
    ...seeds.map((points) => svg("path", { class: "fl-seed", "data-family": family, d: path(points) })),
    svg("path", { class: "fl-mean", "data-family": family, d: path(mean) }),
    ...(axis === "length" ? seeds.flat().map(([cx, cy]) => svg("circle", { class: "fl-seed-dot", "data-family": family, cx, cy, r: 2.5 })) : []),
  ]);
  const endings = lines.flatMap((line) => ending(line, place, room));
  const marks = lines.flatMap((line, index) => marksOnLine(line, index, lines.length, room));
  return [axes(place, reading), ...traces, ...references, ...labels, ...endings, ...marks];
}

/** Build the picture for one width; `update` fills it with the state. */
function makePicture(model, width, choose) {
  const place = layOut(width);
  const { plot } = place;
  const node = svg("svg", { class: "fl-picture", viewBox: `0 0 ${width} ${place.height}`, role: "group", "aria-label": "Right answers of the models" });
  const drawing = svg("g", {});
  const cursor = svg("path", { class: "fl-cursor" });
  const ring = svg("rect", { class: "fl-focus", x: plot.x - 3, y: plot.y - 3, width: plot.width + 6, height: plot.height + 6, rx: 6 });
  const picker = svg(
    "g", { class: "fl-picker", role: "slider", tabindex: 0, "data-control": "place", "aria-label": "Where the values are read", "aria-valuemin": 1 },
    svg("rect", { class: "fl-hit", x: plot.x, y: plot.y, width: plot.width, height: plot.height }), ring, cursor,
  );
  const point = (event) => {
    const reading = readingOf(model);
    const [at, x] = [pointIn(node, event)[0], acrossX(place, reading)];
    if (reading.scale) return choose(Math.round((((at - plot.x) / plot.width) * reading.scale.reach) / reading.scale.notch));
    const away = reading.study.lengths.map((length) => Math.abs(x(length) - at));
    return choose(away.indexOf(Math.min(...away)) + 1);
  };
  picker.addEventListener("pointerdown", point);
  picker.addEventListener("pointermove", (event) => {
    if (event.buttons > 0) point(event);
  });
  node.append(drawing, picker);

  function update() {
    const reading = readingOf(model);
    const x = acrossX(place, reading)(reading.position).toFixed(1);
    drawing.replaceChildren(...content(model, place));
    setAttributes(cursor, { d: `M${x} ${plot.y}V${place.bottom}M${x} ${place.bottom}l-5 8h10z` });
    setAttributes(picker, { "aria-valuemax": reading.places, "aria-valuenow": reading.place, "aria-valuetext": whereOf(model) });
  }
  return { node, picker, update };
}

// ---- the figure ----------------------------------------------------------------------------------------------

/** The row of one model: it switches its lines on and off, says what the model is, and what it reaches. */
function makeRow(model, [name, family], index, keep) {
  const sample = svg(
    "svg", { class: "fl-sample", viewBox: "0 0 44 24", "aria-hidden": "true" },
    svg("path", { class: "fl-mean", "data-family": family, d: "M1 12H43" }), numberedMark(family, index + 1, 22, 12),
  );
  const [about, mean, range, end] = ["fl-about", "fl-value", "fl-range", "fl-ended"].map((kind) => html("span", { class: kind }));
  const node = button(`model ${name}`, "", () => {
    const shown = model.get("shown");
    keep({ shown: shown.includes(name) ? shown.filter((one) => one !== name) : [...shown, name] });
  }, { class: "fl-button fl-model" });
  node.append(sample, html("span", { class: "fl-name" }, name), html("span", { class: "fl-values" }, mean, range), about, end);

  function update() {
    const known = studyOf(model).models[name];
    const drawn = known !== undefined && model.get("shown").includes(name);
    const values = drawn ? told(model, name) : { mean: "", range: "", end: "" };
    setAttributes(node, { "aria-pressed": String(drawn) });
    setAvailable(node, known !== undefined);
    say(about, known === undefined ? "not measured on this task" : known.about);
    say(mean, values.mean);
    say(range, values.range);
    say(end, values.end);
  }
  return { node, update };
}

export default {
  render({ model, el }) {
    const keep = keeper(model);
    const state = () => [studyOf(model), model.get("axis"), model.get("budget")];
    const choose = (to) => {
      const place = Math.max(1, Math.min(placesOf(...state()), to));
      if (place !== readingOf(model).place) keep({ place });
    };
    /** Another task, axis or budget: the same length is read as before, and a curve at its end. */
    const turnTo = (changes) => {
      const next = { task: model.get("task"), axis: model.get("axis"), budget: model.get("budget"), ...changes };
      const places = placesOf(studyOf(model, next.task), next.axis, next.budget);
      const stays = next.axis === "length" && model.get("axis") === "length";
      keep({ ...changes, place: stays ? Math.min(model.get("place"), places) : places });
    };

    const rowOf = (trait, label, choices) => {
      const buttons = choices.map(([value, text]) => ({ value, node: button(`${trait} ${value}`, text, () => turnTo({ [trait]: value })) }));
      const group = html("div", { role: "group", "aria-label": label }, html("p", { class: "fl-heading" }, label), html("div", { class: "fl-row" }, ...buttons.map(({ node }) => node)));
      return { trait, buttons, group };
    };
    const tasks = model.get("studies").map(({ task, title }) => [task, title]);
    const choices = [
      ...(tasks.length > 1 ? [rowOf("task", "Task", tasks)] : []),
      rowOf("axis", "Right answers by", [["examples", "sequences seen"], ["seconds", "CPU seconds"], ["length", "length"]]),
      rowOf("budget", "Every model has had", [["examples", "equal examples"], ["seconds", "equal seconds"]]),
    ];
    const rows = model.get("models").map((one, index) => makeRow(model, one, index, keep));
    const frame = html("div", { class: "fl-frame-box" });
    const now = html("p", { class: "fl-now" });
    const sentence = stateSentence();

    function draw(picture) {
      choices.forEach(({ trait, buttons }) => buttons.forEach(({ value, node }) => setPressed(node, model.get(trait) === value)));
      rows.forEach((row) => row.update());
      picture.update();
      const where = whereOf(model);
      say(now, `${where[0].toUpperCase()}${where.slice(1)}`);
      say(sentence, describe(model));
    }

    onSliderKeys(frame, { first: 1, last: Infinity, get: () => readingOf(model).place, set: choose });
    el.append(figureFrame(
      "runs-explorer", "Recorded trainings of several models", frame,
      html("div", { class: "fl-choices" }, ...choices.map(({ group }) => group)), now,
      html("div", { class: "fl-models", role: "group", "aria-label": "Models" }, ...rows.map((row) => row.node)), sentence,
    ));
    return keepDrawn({ model, traits: STATE, box: frame, least: 264, make: (width) => makePicture(model, width, choose), draw });
  },
};
