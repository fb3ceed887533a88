import { button, choiceList, oneStop, onSliderKeys, setAvailable } from "./controls.js";
import { figureFrame, html, keepDrawn, keeper, setAttributes, svg } from "./figure.js";
import { oneOf, several, whole } from "./link.js";
import { onDrag, pickerNode, pictureNode, pointIn } from "./picture.js";
import { HALF, makeRoom, numberedMark, path } from "./plot.js";
import { largeResult, makeCaptions, onOneScreen } from "./screen.js";
import { capital, clamp, grouped, say, stateSentence, tell } from "./words.js";

/** @import { Model, Picture, Place, Words } from "./figure.js" */
/** @import { Point, Room } from "./plot.js" */

/** @typedef {"feedback" | "ordinary" | "recurrent"} Family */
/** @typedef {"examples" | "seconds"} Budget */
/** @typedef {Budget | "length"} Axis */
/** @typedef {{ step: number, notch: number, reach: number }} Scale */

/**
 * The runs of one model within one budget, by seed: shares of right answers in ten-thousandths, seconds in hundredths.
 *
 * @typedef {object} Runs
 * @property {number[]} examples seen at each measurement
 * @property {number[]} seconds the mean of all seeds
 * @property {number[][]} each_seconds
 * @property {number[][]} accuracy
 * @property {number[][]} by_length
 */

/**
 * @typedef {object} Study
 * @property {string} task
 * @property {string} title
 * @property {number} chance
 * @property {number[]} heuristic by length
 * @property {number[]} lengths
 * @property {number} trained the length of training
 * @property {number} seeds
 * @property {Record<Budget, Record<Budget, Scale>>} scales by budget and axis
 * @property {Record<string, { about: string, runs: Record<Budget, Runs> }>} models
 */

/**
 * @typedef {object} Traits
 * @property {Study[]} studies
 * @property {[name: string, family: Family][]} models
 * @property {number} whole how many parts of a share are one
 * @property {string} task
 * @property {string[]} shown
 * @property {Axis} axis
 * @property {Budget} budget
 * @property {number} place
 * @property {Words} words
 * @property {string[]} captions
 */

/** @typedef {{ name: string, family: Family, number: number }} Named a model, and its number in the figure */
/** @typedef {Named & { seeds: Point[][], points: Point[], at: Point, labelled: boolean }} Line */

const STATE = ["task", "shown", "axis", "budget", "place"];

// ---- what is shown

/** @param {Model<Traits>} model */
function studyOf(model, task = model.get("task")) {
  return model.get("studies").find((study) => study.task === task) ?? model.get("studies")[0];
}

/**
 * The models that are shown and that this task has.
 *
 * @param {Model<Traits>} model
 * @returns {Named[]}
 */
function drawnOf(model) {
  const [shown, study] = [model.get("shown"), studyOf(model)];
  const numbered = model.get("models").map(([name, family], index) => ({ name, family, number: index + 1 }));
  return numbered.filter(({ name }) => shown.includes(name) && name in study.models);
}

/**
 * @param {Model<Traits>} model
 * @param {string} name
 */
function runsOf(model, name) {
  return studyOf(model).models[name].runs[model.get("budget")];
}

/**
 * How many places of an axis can be read.
 *
 * @param {Study} study
 * @param {Axis} axis
 * @param {Budget} budget
 */
function placesOf(study, axis, budget) {
  if (axis === "length") return study.lengths.length;
  const { reach, notch } = study.scales[budget][axis];
  return reach / notch;
}

/** @typedef {ReturnType<typeof readingOf>} Reading */

/**
 * The scale of the axis that is shown, the place that is read, and what stands there.
 *
 * @param {Model<Traits>} model
 */
function readingOf(model) {
  const [study, axis, budget] = [studyOf(model), model.get("axis"), model.get("budget")];
  const places = placesOf(study, axis, budget);
  const place = Math.min(model.get("place"), places);
  const scale = axis === "length" ? null : study.scales[budget][axis];
  return { study, axis, scale, places, place, position: scale ? place * scale.notch : study.lengths[place - 1] };
}

/**
 * The mean of shares in ten-thousandths, in percent with one decimal, rounded as in Python.
 *
 * @param {number[]} shares
 */
function inTenths(shares) {
  const sum = shares.reduce((total, share) => total + share, 0);
  const tenths = Math.floor((sum + 5 * shares.length) / (10 * shares.length));
  return `${Math.floor(tenths / 10)}.${tenths % 10}`;
}

/**
 * What a model's seeds reach at what is read, and where its curve ended before; null before its start.
 *
 * @param {Model<Traits>} model
 * @param {string} name
 */
function readout(model, name) {
  const { study, axis, scale, position } = readingOf(model);
  const runs = runsOf(model, name);
  if (axis === "length" || scale === null) {
    return { shares: runs.by_length.map((seed) => seed[study.lengths.indexOf(position)]), end: null };
  }
  const along = runs[axis];
  const measured = along.filter((at) => at <= position).length;
  if (measured === 0) return null;
  const last = along[along.length - 1];
  const ended = axis === "examples" ? last : Math.floor((last + 5) / 10) * 10;
  const shares = runs.accuracy.map((seed) => seed[measured - 1]);
  return { shares, end: last < position - scale.notch ? ended : null };
}

/** @param {Model<Traits>} model */
function ruleOf(model) {
  const { study, axis, position } = readingOf(model);
  if (study.heuristic.length === 0) return null;
  return study.heuristic[study.lengths.indexOf(axis === "length" ? position : study.trained)];
}

/**
 * A number of examples, or of hundredths of a second.
 *
 * @param {Model<Traits>} model
 * @param {number} number
 */
function tellAmount(model, number) {
  if (model.get("axis") === "examples") return tell(model, "examples", { number: grouped(number) });
  return tell(model, "seconds", { number: number / 100 });
}

/** @param {Model<Traits>} model */
function tellWhere(model) {
  const { study, axis, position } = readingOf(model);
  if (axis !== "length") return tell(model, "after", { amount: tellAmount(model, position) });
  const length = position > study.trained ? "longer" : position === study.trained ? "as trained" : "shorter";
  return tell(model, length, { tokens: position });
}

/**
 * What a model reaches where it is read, as its row says it and as the state sentence does.
 *
 * @param {Model<Traits>} model
 * @param {string} name
 */
function tellModel(model, name) {
  const found = readout(model, name);
  if (found === null) {
    return { mean: "", range: "", end: "not measured yet", whole: tell(model, "unmeasured", { name }) };
  }
  const { shares } = found;
  const mean = inTenths(shares);
  const range = tell(model, "range", { low: inTenths([Math.min(...shares)]), high: inTenths([Math.max(...shares)]) });
  if (found.end === null) {
    return { mean: `${mean} %`, range, end: "", whole: tell(model, "measured", { name, mean, range }) };
  }
  const end = tell(model, "ended", { amount: tellAmount(model, found.end) });
  return { mean: `${mean} %`, range, end, whole: tell(model, "measured", { name, mean, range: `${range}, ${end}` }) };
}

/** @param {Model<Traits>} model */
function describe(model) {
  const { study } = readingOf(model);
  const { title } = study;
  const start = tell(model, "start", { title, budget: model.get("budget"), where: tellWhere(model) });
  const drawn = drawnOf(model);
  if (drawn.length === 0) return `${start} ${tell(model, "none")}`;
  const models = drawn.map(({ name }) => tellModel(model, name).whole).join("; ");
  const right = tell(model, "right", { seeds: tell(model, "seeds", { count: study.seeds }), models });
  const [chance, rule] = [inTenths([study.chance]), ruleOf(model)];
  const compared = rule === null
    ? tell(model, "chance", { chance })
    : tell(model, "chance and rule", { chance, rule: inTenths([rule]) });
  return `${start} ${right} ${compared}`;
}

// ---- the picture

const CHARACTER = 7.8; // about the width of a letter, in a wide font

/** @typedef {ReturnType<typeof layOut>} Layout */

/**
 * Positions of the picture for one width: the plot, the column of names or numbers at its right, words around it.
 *
 * @param {number} width
 * @param {number} whole
 */
function layOut(width, whole) {
  const wide = width >= 560;
  const plot = { x: 50, y: wide ? 28 : 44, width: width - 50 - (wide ? 212 : 34), height: width < 380 ? 200 : 236 };
  const [right, bottom] = [plot.x + plot.width, plot.y + plot.height];
  /** @param {number} share */
  const upY = (share) => bottom - (share / whole) * plot.height;
  return { width, wide, whole, plot, right, bottom, column: right + 22, height: bottom + 56, upY };
}

/**
 * From what is measured along the axis to its place across the picture.
 *
 * @param {Layout} place
 * @param {Reading} reading
 * @returns {(measured: number) => number}
 */
function acrossX(place, { study, scale }) {
  if (scale) return (number) => place.plot.x + (number / scale.reach) * place.plot.width;
  const [first, last] = [study.lengths[0], study.lengths[study.lengths.length - 1]].map(Math.log);
  const [inset, room] = [24, place.plot.width - 48];
  return (length) => place.plot.x + inset + ((Math.log(length) - first) / (last - first || 1)) * room;
}

/**
 * A name in lines of at most 22 letters, broken at its commas.
 *
 * @param {string} name
 */
function linesOf(name) {
  const [first, ...rest] = name.split(", ");
  const lines = [first];
  rest.forEach((part) => {
    const last = lines[lines.length - 1];
    if (`${last}, ${part}`.length <= 22) lines[lines.length - 1] = `${last}, ${part}`;
    else lines.splice(-1, 1, `${last},`, part);
  });
  return lines;
}

/**
 * The lines of one model: every seed and their mean, as points of the picture.
 *
 * @param {Model<Traits>} model
 * @param {string} name
 * @param {Layout} place
 * @param {Reading} reading
 * @param {number} shift
 */
function linesOfModel(model, name, place, reading, shift) {
  const { axis, study } = reading;
  const runs = runsOf(model, name);
  const x = acrossX(place, reading);
  /** @type {(along: number[], shares: number[]) => Point[]} */
  const trace = (along, shares) => along.map((at, index) => [x(at) + shift, place.upY(shares[index])]);
  /** @param {number[][]} seeds */
  const mean = (seeds) => seeds[0].map((_, index) => seeds.reduce((sum, seed) => sum + seed[index], 0) / seeds.length);
  if (axis === "length") {
    const seeds = runs.by_length.map((shares) => trace(study.lengths, shares));
    return { seeds, points: trace(study.lengths, mean(runs.by_length)) };
  }
  /** @param {number} seed */
  const along = (seed) => (axis === "examples" ? runs.examples : runs.each_seconds[seed]);
  const seeds = runs.accuracy.map((shares, seed) => trace(along(seed), shares));
  return { seeds, points: trace(runs[axis], mean(runs.accuracy)) };
}

/**
 * Where labels of these sizes stand in a column, each as near to its end as the others allow.
 *
 * @param {number[]} wanted
 * @param {number[]} sizes
 * @param {Layout} place
 */
function spread(wanted, sizes, place) {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b] || a - b);
  /** @type {number[]} */
  const middles = [];
  let above = place.plot.y - 10;
  order.forEach((index) => {
    middles[index] = Math.max(wanted[index], above + sizes[index] / 2);
    above = middles[index] + sizes[index] / 2;
  });
  let below = place.bottom + 10;
  [...order].reverse().forEach((index) => {
    middles[index] = Math.min(middles[index], below - sizes[index] / 2);
    below = middles[index] - sizes[index] / 2;
  });
  return middles;
}

/**
 * Names, or numbers alone, beside the ends of the lines, none over another.
 *
 * @param {Line[]} ends
 * @param {Layout} place
 * @param {Room} room
 */
function endLabels(ends, place, room) {
  const lines = ends.map(({ name }) => (place.wide ? linesOf(name) : []));
  const tall = lines.map((all) => Math.max(22, 15 * all.length + 3));
  const named = tall.reduce((sum, size) => sum + size, 0) <= place.plot.height + 16;
  const middles = spread(ends.map(({ at }) => at[1]), named ? tall : tall.map(() => 21), place);
  return ends.map(({ family, number, at }, index) => {
    const y = middles[index];
    room.keepMark(place.column, y);
    const texts = named ? lines[index] : [];
    const first = y + 4.5 - (15 * (texts.length - 1)) / 2;
    return svg(
      "g",
      { class: "fl-end-label", "data-family": family },
      svg("path", { class: "fl-leader", d: path([at, [place.column - HALF, y]]) }),
      numberedMark(family, number, place.column, y),
      ...texts.map((text, line) => svg("text", { x: place.column + 18, y: first + 15 * line }, text)),
    );
  });
}

/**
 * Numbered marks along a line, where nothing else stands.
 *
 * @param {Line} line
 * @param {number} index
 * @param {number} count
 * @param {Room} room
 */
function marksOnLine({ family, number, points: all, labelled, at }, index, count, room) {
  /** @type {Element[]} */
  const found = [];
  const points = labelled ? all.filter(([x]) => x < at[0] - 4 * HALF) : all;
  /** @param {Point} point */
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

/**
 * The mark at the end of a line that ends before the edge, with the model's name where there is room for it.
 *
 * @param {Line} line
 * @param {Layout} place
 * @param {Room} room
 */
function ending({ name, family, number, at: [x, y], labelled }, place, room) {
  if (labelled) return [];
  const spots = [0, 18, 36, -18, -36].map((down) => [x + (down ? 16 : 0), y + down]);
  /** @param {number} middle */
  const inside = (middle) => middle >= place.plot.y && middle <= place.bottom - HALF;
  const free = spots.find(([left, middle]) => inside(middle) && room.takeMark(left, middle));
  if (free === undefined) return [];
  const [left, base] = [free[0] + 18, free[1] + 4.5];
  const right = left + CHARACTER * name.length;
  const named = place.wide && right < place.width && room.take([left - 2, base - 12, right, base + 4]);
  const mark = numberedMark(family, number, free[0], free[1]);
  return [mark, ...(named ? [svg("text", { class: "fl-ending", x: left, y: base }, name)] : [])];
}

/**
 * How much of some lines runs through a box of left, top, right and bottom.
 *
 * @param {Point[][]} lines
 * @param {number[]} box
 */
function crossed(lines, [left, top, right, bottom]) {
  const points = lines.flatMap((line) =>
    line.slice(1).flatMap(([endX, endY], index) => {
      const [x, y] = line[index];
      return [0, 0.2, 0.4, 0.6, 0.8].map((at) => [x + at * (endX - x), y + at * (endY - y)]);
    })
  );
  return points.filter(([x, y]) => x > left && x < right && y > top && y < bottom).length;
}

/**
 * A level line, or one through all lengths, with its name where there is room and the fewest lines run.
 *
 * @param {string} kind
 * @param {string} name
 * @param {Point[]} points
 * @param {Layout} place
 * @param {Room} room
 * @param {Point[][]} lines
 */
function reference(kind, name, points, place, room, lines) {
  const [x, y] = points[0];
  const width = CHARACTER * name.length;
  const right = place.right - width - 4;
  /** @type {(spot: number[]) => [left: number, top: number, right: number, bottom: number]} */
  const boxAt = ([left, base]) => [left - 2, base - 11, left + width, base + 3];
  const spots = [[x + 4, y - 5], [x + 4, y + 14], [right, y - 5], [right, y + 14]]
    .filter(([, base]) => base + 3 < place.bottom)
    .map((spot) => ({ spot, count: crossed(lines, boxAt(spot)) }))
    .sort((one, other) => one.count - other.count)
    .map(({ spot }) => spot);
  const free = spots.find((spot) => room.take(boxAt(spot))) ?? spots[0];
  return svg(
    "g",
    { class: `fl-reference fl-${kind}` },
    svg("path", { d: path(points) }),
    svg("text", { class: "fl-small", x: free[0], y: free[1] }, name),
  );
}

/**
 * Grid, numbers and title of both axes; on the axis of lengths also where training ended.
 *
 * @param {Layout} place
 * @param {Reading} reading
 */
function axes(place, reading) {
  const { plot, right, bottom } = place;
  const group = svg("g", { class: "fl-axes" });
  /** @type {(x: number, y: number, words: string, kind?: string) => void} */
  const text = (x, y, words, kind = "") => group.append(svg("text", { class: `fl-small ${kind}`, x, y }, words));
  const x = acrossX(place, reading);
  [0, 25, 50, 75, 100].forEach((height) => {
    const y = place.upY((height / 100) * place.whole);
    group.append(svg("path", { class: "fl-grid", d: `M${plot.x} ${y}H${right}` }));
    text(plot.x - 6, y + 4, `${height} %`, "fl-end");
  });
  text(0, 14, "right answers");
  if (reading.scale) {
    const { step, reach } = reading.scale;
    /** @param {number} at */
    const written = (at) => (reading.axis === "examples" ? grouped(at) : String(at / 100));
    const every = Math.ceil((CHARACTER * written(reach).length + 12) / (x(step) - x(0)));
    for (let at = 0; at <= reach; at += every * step) text(x(at), bottom + 18, written(at), "fl-middle");
    const title = reading.axis === "examples" ? "sequences seen in training" : "CPU seconds of training";
    text(right, bottom + 48, title, "fl-end");
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
    const box = { x: start, y: plot.y, width: right - start, height: plot.height };
    group.prepend(svg("rect", { class: "fl-longer", ...box }));
    text(right, plot.y - 12, "longer than any model trained on", "fl-end");
  }
  return group;
}

/**
 * The line of chance and, where the task has one, that of a simple rule.
 *
 * @param {Layout} place
 * @param {Reading} reading
 * @param {Room} room
 * @param {Point[][]} lines
 */
function references(place, reading, room, lines) {
  const { study, axis } = reading;
  const x = acrossX(place, reading);
  /** @type {(share: number) => Point[]} */
  const level = (share) => [[place.plot.x, place.upY(share)], [place.right, place.upY(share)]];
  /** @type {() => Point[]} */
  const byLength = () => study.lengths.map((length, index) => [x(length), place.upY(study.heuristic[index])]);
  const chance = () => reference("chance", "chance", level(study.chance), place, room, lines);
  if (study.heuristic.length === 0) return [chance()];
  const rule = axis === "length" ? byLength() : level(study.heuristic[study.lengths.indexOf(study.trained)]);
  return [reference("rule", "a simple rule", rule, place, room, lines), chance()];
}

/**
 * Everything that is drawn of the state, but for the place that is read.
 *
 * @param {Model<Traits>} model
 * @param {Layout} place
 */
function content(model, place) {
  const reading = readingOf(model);
  const byLength = reading.axis === "length";
  const drawn = drawnOf(model);
  const room = makeRoom();
  const apart = Math.min(12, 44 / drawn.length); // so that equal points do not hide each other
  const lines = drawn.map((one, index) => {
    const shift = byLength ? (index - (drawn.length - 1) / 2) * apart : 0;
    const { seeds, points } = linesOfModel(model, one.name, place, reading, shift);
    const at = points[points.length - 1];
    return { ...one, seeds, points, at, labelled: byLength || at[0] > place.right - 0.1 * place.plot.width };
  });
  const labels = endLabels(lines.filter((line) => line.labelled), place, room);
  const levels = references(place, reading, room, lines.flatMap(({ seeds, points }) => [points, ...seeds]));
  const traces = lines.flatMap(({ family, seeds, points }) => {
    const names = { "data-family": family };
    const dots = byLength ? seeds.flat() : [];
    return [
      ...seeds.map((seed) => svg("path", { class: "fl-seed", ...names, d: path(seed) })),
      svg("path", { class: "fl-mean", ...names, d: path(points) }),
      ...dots.map(([cx, cy]) => svg("circle", { class: "fl-seed-dot", ...names, cx, cy, r: 2.5 })),
    ];
  });
  const endings = lines.flatMap((line) => ending(line, place, room));
  const marks = lines.flatMap((line, index) => marksOnLine(line, index, lines.length, room));
  return [axes(place, reading), ...traces, ...levels, ...labels, ...endings, ...marks];
}

/**
 * Build the picture for one width; `update` fills it with the state.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 * @param {(place: number) => void} choose
 * @returns {Picture}
 */
function makePicture(model, width, choose) {
  const place = layOut(width, model.get("whole"));
  const { plot } = place;
  const node = pictureNode("Right answers of the models", width, place.height);
  const drawing = svg("g");
  const cursor = svg("path", { class: "fl-cursor" });
  const ring = { x: plot.x - 3, y: plot.y - 3, width: plot.width + 6, height: plot.height + 6, rx: 6 };
  const picker = pickerNode({ control: "place", label: "Where the values are read", area: plot, ring }, cursor);
  onDrag(picker, (event) => {
    const reading = readingOf(model);
    const [at, x] = [pointIn(node, event)[0], acrossX(place, reading)];
    if (reading.scale) {
      const { reach, notch } = reading.scale;
      return choose(Math.round((((at - plot.x) / plot.width) * reach) / notch));
    }
    const away = reading.study.lengths.map((length) => Math.abs(x(length) - at));
    return choose(away.indexOf(Math.min(...away)) + 1);
  });
  node.append(drawing, picker);

  function update() {
    const reading = readingOf(model);
    const x = acrossX(place, reading)(reading.position).toFixed(1);
    drawing.replaceChildren(...content(model, place));
    setAttributes(cursor, { d: `M${x} ${plot.y}V${place.bottom}M${x} ${place.bottom}l-5 8h10z` });
    const limits = { "aria-valuemax": reading.places, "aria-valuenow": reading.place };
    setAttributes(picker, { ...limits, "aria-valuetext": tellWhere(model) });
  }
  return { node, picker, update };
}

// ---- the figure

/**
 * The row of one model: it switches its lines on and off, says what the model is, and what it reaches.
 *
 * @param {Model<Traits>} model
 * @param {[name: string, family: Family]} named
 * @param {number} index
 * @param {(changes: Partial<Traits>) => void} keep
 */
function makeRow(model, [name, family], index, keep) {
  const sample = svg(
    "svg",
    { class: "fl-sample", viewBox: "0 0 44 28", "aria-hidden": "true" },
    svg("path", { class: "fl-mean", "data-family": family, d: "M1 14H43" }),
    numberedMark(family, index + 1, 22, 14),
  );
  const spans = ["fl-about", "fl-value", "fl-range", "fl-ended"].map((kind) => html("span", { class: kind }));
  const [about, mean, range, end] = spans;
  const toggle = () => {
    const shown = model.get("shown");
    keep({ shown: shown.includes(name) ? shown.filter((one) => one !== name) : [...shown, name] });
  };
  const node = button(`model ${name}`, "", toggle, { class: "fl-button fl-model" });
  const values = html("span", { class: "fl-values" }, mean, range);
  node.append(sample, html("span", { class: "fl-name" }, name), values, about, end);

  function update() {
    const known = studyOf(model).models[name];
    const drawn = known !== undefined && model.get("shown").includes(name);
    const told = drawn ? tellModel(model, name) : { mean: "", range: "", end: "" };
    setAttributes(node, { "aria-pressed": String(drawn) });
    setAvailable(node, known !== undefined);
    say(about, known === undefined ? "not measured on this task" : known.about);
    say(mean, told.mean);
    say(range, told.range);
    say(end, told.end);
  }
  return { node, update };
}

/** @param {Model<Traits>} model */
function link(model) {
  const names = model.get("models").map(([name]) => name);
  return {
    rules: {
      task: oneOf(model.get("studies").map(({ task }) => task)),
      shown: several(oneOf(names), 0, names.length, { distinct: true }),
      axis: oneOf(["examples", "seconds", "length"]),
      budget: oneOf(["examples", "seconds"]),
      place: whole(1, 9999),
    },
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const keep = keeper(model);
    /** @param {number} to */
    const choose = (to) => {
      const place = clamp(to, 1, placesOf(studyOf(model), model.get("axis"), model.get("budget")));
      if (place !== readingOf(model).place) keep({ place });
    };
    /**
     * Another task, axis or budget: the same length is read as before, and a curve at its end.
     *
     * @param {Partial<Pick<Traits, "task" | "axis" | "budget">>} changes
     */
    const turnTo = (changes) => {
      const next = { task: model.get("task"), axis: model.get("axis"), budget: model.get("budget"), ...changes };
      const places = placesOf(studyOf(model, next.task), next.axis, next.budget);
      const stays = next.axis === "length" && model.get("axis") === "length";
      keep({ ...changes, place: stays ? Math.min(model.get("place"), places) : places });
    };

    /**
     * @template {"task" | "axis" | "budget"} Name
     * @param {Name} trait
     * @param {string} label
     * @param {[value: Traits[Name], text: string][]} options
     */
    const listOf = (trait, label, options) => {
      /** @param {string} value */
      const change = (value) => turnTo({ [trait]: value });
      const { element, show } = choiceList({ control: trait, label, options, change });
      return { element, update: () => show(model.get(trait)) };
    };
    /** @type {[value: string, text: string][]} */
    const tasks = model.get("studies").map(({ task, title }) => [task, title]);
    const choices = [
      ...(tasks.length > 1 ? [listOf("task", "Task", tasks)] : []),
      listOf("axis", "Right answers by", [
        ["examples", "sequences seen"],
        ["seconds", "CPU seconds"],
        ["length", "length"],
      ]),
      listOf("budget", "Every model has had", [["examples", "equal examples"], ["seconds", "equal seconds"]]),
    ];
    const rows = model.get("models").map((one, index) => makeRow(model, one, index, keep));
    const frame = html("div", { class: "fl-frame-box" });
    const best = largeResult();
    const now = html("p", { class: "fl-now" });
    const list = html("div", { class: "fl-models", role: "group", "aria-label": "Models" });
    list.append(...rows.map((row) => row.node));
    oneStop(list);
    const sentence = stateSentence();

    /** The model that is the best where it is read, among those that are shown. */
    function drawBest() {
      const told = drawnOf(model).map(({ name }) => ({ name, ...tellModel(model, name) }));
      const [first] = told.filter(({ mean }) => mean).sort((one, other) =>
        parseFloat(other.mean) - parseFloat(one.mean)
      );
      best.show(first?.mean ?? "–", first?.name ?? "");
    }

    /** @param {Picture} picture */
    function draw(picture) {
      choices.forEach((row) => row.update());
      rows.forEach((row) => row.update());
      picture.update();
      drawBest();
      say(now, capital(tellWhere(model)));
      say(sentence, describe(model));
    }

    onSliderKeys(frame, { first: 1, last: Infinity, get: () => readingOf(model).place, set: choose });
    const selects = html("div", { class: "fl-choices" }, ...choices.map(({ element }) => element));
    el.append(figureFrame(
      "runs-explorer",
      "Recorded trainings of several models",
      makeCaptions(model),
      onOneScreen([frame], [best.element, now, list], { beside: true, under: [selects] }),
      sentence,
    ));
    /** @param {number} width */
    const make = (width) => makePicture(model, width, choose);
    return keepDrawn({ model, traits: STATE, box: frame, least: 264, make, draw });
  },
};
