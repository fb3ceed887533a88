import { button, buttonGroup, setPressed, slider } from "./controls.js";
import { figureFrame, html, keepDrawn, keeper, setAttributes, svg } from "./figure.js";
import { oneOf, whole } from "./link.js";
import { pictureNode } from "./picture.js";
import { makeRoom, numberedMark, path } from "./plot.js";
import { onOneScreen } from "./screen.js";
import { capital, grouped, say, stateSentence, tell } from "./words.js";

/** @import { Box, Model, Place, Words } from "./figure.js" */
/** @import { Family, Point, Room } from "./plot.js" */

/** @typedef {"tokens" | "time" | "memory"} Quantity */

/**
 * What was measured of one contender at one setting, by length.
 *
 * @typedef {object} Line
 * @property {number[]} lengths
 * @property {number[]} tokens per second
 * @property {number[]} time in milliseconds
 * @property {(number | null)[]} memory in MiB
 * @property {Record<"time" | "memory", string>} growth the power of the length
 */

/** @typedef {"lines" | "own"} Whose of the record, or of one's own machine */
/** @typedef {{ name: string, lengths: number[] } & Record<Whose, Record<string, Line>>} Setting */

/**
 * @typedef {object} Traits
 * @property {Setting[]} settings
 * @property {[key: string, name: string, family: Family, about: string][]} contenders
 * @property {"resident_mib" | "held_mib"} memory
 * @property {string} source
 * @property {"ladder" | "time" | "memory"} view
 * @property {number} setting the place of the one that is shown
 * @property {number} length how many tokens are read, at most
 * @property {string} base
 * @property {Words} words
 */

/** @typedef {{ key: string, name: string, family: Family, about: string, number: number }} Contender */
/** @typedef {Contender & { value: number, text: string, more: string }} Rung */

const STATE = ["view", "setting", "length", "base"];

// ---- what is shown

/** @param {Model<Traits>} model */
function shownOf(model) {
  return model.get("settings")[model.get("setting")];
}

/** @param {Model<Traits>} model */
function positionOf(model) {
  const { lengths } = shownOf(model);
  return lengths.filter((one) => one <= model.get("length")).pop() ?? lengths[0];
}

/**
 * @param {Model<Traits>} model
 * @returns {Contender[]}
 */
function contendersOf(model) {
  return model.get("contenders").map(([key, name, family, about], index) => (
    { key, name, family, about, number: index + 1 }
  ));
}

/**
 * @param {Model<Traits>} model
 * @param {string} key
 */
function nameOf(model, key) {
  return contendersOf(model).find((one) => one.key === key)?.name ?? key;
}

/**
 * What a contender has at the length that is read; null where it was not measured.
 *
 * @param {Model<Traits>} model
 * @param {string} key
 * @param {Quantity} quantity
 * @param {Whose} whose
 */
function valueOf(model, key, quantity, whose = "lines") {
  const line = shownOf(model)[whose][key];
  return line?.[quantity][line.lengths.indexOf(positionOf(model))] ?? null;
}

/**
 * Three digits that count.
 *
 * @param {number} number
 */
function threeDigits(number) {
  const rounded = Number(number.toPrecision(3));
  return rounded >= 100 ? grouped(rounded) : rounded.toPrecision(3);
}

/**
 * How many times the base a number is: two decimals, from ten on one.
 *
 * @param {number} number
 * @param {number} base
 */
function times(number, base) {
  const ratio = number / base;
  const digits = ratio < 9.995 ? 2 : 1;
  return (Math.floor(10 ** digits * ratio + 0.5) / 10 ** digits).toFixed(digits);
}

/**
 * The contenders that are seen, with the value of each and what stands beside it.
 *
 * @param {Model<Traits>} model
 * @param {Whose} whose
 * @returns {Rung[]}
 */
function rungsOf(model, whose = "lines") {
  const view = model.get("view");
  const quantity = view === "ladder" ? "tokens" : view;
  const base = valueOf(model, model.get("base"), quantity, whose);
  const found = contendersOf(model).flatMap((one) => {
    const value = valueOf(model, one.key, quantity, whose);
    if (value === null) return [];
    const over = base === null ? "" : times(value, base);
    const more = quantity === "tokens" ? over : shownOf(model)[whose][one.key].growth[quantity];
    return [{ ...one, value, text: threeDigits(value), more }];
  });
  return view === "ladder" ? found.sort((one, other) => one.value - other.value) : found;
}

/**
 * What the best engine of the package gains over the base, and how many times; null where there is nothing to compare.
 *
 * @param {Model<Traits>} model
 */
function gainOf(model) {
  const [key, memory] = [model.get("base"), model.get("view") === "memory"];
  const quantity = memory ? "memory" : "tokens";
  const base = valueOf(model, key, quantity);
  /** @type {{ name: string, value: number } | null} */
  let best = null;
  for (const one of contendersOf(model)) {
    const value = valueOf(model, one.key, quantity);
    if (value === null || one.family !== "feedback" || one.key === key) continue;
    if (best === null || (memory ? value < best.value : value > best.value)) best = { name: one.name, value };
  }
  if (base === null || best === null) return null;
  const gained = memory ? times(base, best.value) : times(best.value, base);
  return { words: memory ? "smaller" : "faster", name: best.name, base: nameOf(model, key), times: gained };
}

/** @param {Model<Traits>} model */
function describe(model) {
  const where = `${shownOf(model).name}, ${tell(model, "tokens", { count: positionOf(model) })}`;
  const [gain, view, base] = [gainOf(model), model.get("view"), model.get("base")];
  const headline = gain === null ? "" : capital(tell(model, gain.words, gain));
  const start = tell(model, gain === null ? "start without" : "start", { headline, where });
  /** @param {Rung[]} rungs */
  const told = (rungs) =>
    rungs.map(({ key, name, text: value, more }) => {
      const alone = more === "" || (view === "ladder" && key === base);
      return tell(model, alone ? "alone" : "beside", { name, value, more });
    }).join("; ");
  const [rungs, own] = [rungsOf(model), rungsOf(model, "own")];
  if (rungs.length === 0) return `${start} ${tell(model, "nothing")}`;
  const kind = view === "memory" && model.get("memory") === "held_mib" ? "held" : view;
  const parts = [start, tell(model, kind, { base: nameOf(model, base), all: told(rungs) })];
  return [...parts, ...(own.length > 0 ? [tell(model, "own", { all: told(own) })] : [])].join(" ");
}

// ---- the picture

const WIDE = 560;
const LETTER = 7.4; // about the width of one

/**
 * @param {string} kind
 * @param {number} x
 * @param {number} y
 * @param {string} words
 */
function text(kind, x, y, words) {
  return svg("text", { class: kind, x, y: y.toFixed(1) }, words);
}

/**
 * A power of the length as the plots have it.
 *
 * @param {number} x
 * @param {number} y
 * @param {string} power
 */
function powerOf(x, y, power) {
  if (power === "") return text("fl-power fl-end", x, y, "–");
  const node = text("fl-end fl-power", x, y, "t");
  node.append(svg("tspan", { class: "fl-raised", dy: -4 }, power));
  return node;
}

/**
 * Slanting lines that fill a box.
 *
 * @param {Box} box
 */
function slanted({ x, y, width, height }) {
  const starts = Array.from({ length: Math.ceil(width / 6) }, (_, index) => 6 * index);
  const lines = starts.map((start) => {
    const along = Math.min(height, width - start);
    return `M${(x + start).toFixed(1)} ${y + height}l${along.toFixed(1)} ${(-along).toFixed(1)}`;
  });
  return svg("path", { class: "fl-slanted", d: lines.join("") });
}

/**
 * What the marks mean, side by side from the top down; returns the height that it takes as well.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 * @param {number} top
 */
function legend(model, width, top) {
  /** @type {[family: Family, words: string][]} */
  const named = [
    ["feedback", "this package"],
    ["public", "public implementation"],
    ["ordinary", "ordinary transformer"],
    ["recurrent", "recurrent network"],
  ];
  const present = named.filter(([family]) => contendersOf(model).some((one) => one.family === family));
  const own = Object.keys(shownOf(model).own).length > 0;
  const group = svg("g", { class: "fl-legend" });
  let [x, y] = [0, top];
  /** @type {(family: Family, words: string, mark: (x: number, y: number) => Node) => void} */
  const entry = (family, words, mark) => {
    const room = 30 + LETTER * words.length + 12;
    if (x > 0 && x + room > width + 12) [x, y] = [0, y + 24];
    group.append(svg("g", { "data-family": family }, mark(x + 11, y), text("fl-small", x + 28, y + 4.5, words)));
    x += room;
  };
  present.forEach(([family, words]) => entry(family, words, (left, middle) => numberedMark(family, "", left, middle)));
  if (own) {
    entry("feedback", "your machine", (left, middle) => {
      const box = { x: left - 10, y: middle - 6, width: 22, height: 12 };
      return svg("g", {}, svg("rect", { class: "fl-own", ...box }), slanted(box));
    });
  }
  return { group, height: y - top + 14 };
}

/**
 * One rung after another: mark, name, a bar as long as the tokens per second, these, and the factor.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 */
function ladder(model, width) {
  const wide = width >= WIDE;
  const [rungs, own] = [rungsOf(model), rungsOf(model, "own")];
  const base = nameOf(model, model.get("base"));
  const most = Math.max(...[...rungs, ...own].map(({ value }) => value));
  const factor = wide ? Math.max(72, LETTER * base.length + 24) : 58;
  const numbers = width - factor - 10;
  const [left, right] = wide ? [204, numbers - 72] : [0, width];
  let top = wide ? 20 : 22;
  const group = svg("g", { class: "fl-rungs" });
  if (wide) {
    group.append(text("fl-small fl-end", numbers, 12, "tokens per second"));
    group.append(text("fl-small fl-end", width, 12, `× ${base}`));
  } else group.append(text("fl-small fl-end", width, 12, `tokens per second, × ${base}`));
  /** @param {number} value */
  const long = (value) => Math.max(2, ((right - left) * value) / most);
  rungs.forEach(({ key, name, family, about, number, value, text: tokens, more }) => {
    const middle = top + (wide ? 14 : 10);
    const bar = { x: left, y: wide ? middle - 9 : top + 22, width: long(value), height: wide ? 18 : 11 };
    const rung = svg("g", { class: "fl-rung", "data-family": family, "data-rung": key });
    rung.append(numberedMark(family, number, 11, middle), text("fl-name", 28, wide ? middle - 2 : middle + 4.5, name));
    if (wide) rung.append(text("fl-about", 28, middle + 13, about));
    rung.append(
      svg("rect", { class: "fl-bar", ...bar, rx: 1.5 }),
      text("fl-value fl-end", numbers, middle + 4.5, tokens),
      text("fl-factor fl-end", width, middle + 6, key === model.get("base") ? "1" : more || "–"),
    );
    const yours = own.find((one) => one.key === key);
    if (yours !== undefined) {
      const box = { x: left, y: bar.y + bar.height + 2, width: long(yours.value), height: 11 };
      const base = box.y + 10;
      rung.append(
        svg("rect", { class: "fl-own", ...box }),
        slanted(box),
        ...(wide
          ? [
            text("fl-small fl-end", numbers, base, yours.text),
            text("fl-small fl-end", width, base, yours.more),
          ]
          : []),
      );
    }
    group.append(rung);
    top += (wide ? 33 : 38) + (yours === undefined ? 0 : 14);
  });
  const keys = legend(model, width, top + 14);
  group.append(keys.group);
  return { group, height: top + 14 + keys.height };
}

/**
 * An axis that goes by factors: a little more than the values need, and round numbers on it.
 *
 * @param {number[]} values
 */
function scaleOf(values) {
  const [low, high] = [Math.min(...values) / 1.3, Math.max(...values) * 1.3];
  const sizes = high / low > 100 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: 15 }, (_, index) => index - 4);
  const all = powers.flatMap((power) => sizes.map((size) => Number(`${size}e${power}`)));
  return { low, high, ticks: all.filter((one) => one >= low && one <= high) };
}

/**
 * The place on a line for its mark that is nearest to its end and free; where there is none, one beside its end.
 *
 * @param {Point[]} points
 * @param {Room} room
 */
function placeOnLine(points, room) {
  const last = points.length - 1;
  for (let back = 0; back <= 4 * last; back += 1) {
    const [after, share] = [last - Math.floor(back / 4), (back % 4) / 4];
    const [end, start] = [points[after], points[Math.max(0, after - 1)]];
    const [x, y] = [0, 1].map((axis) => end[axis] + share * (start[axis] - end[axis]));
    if (room.takeMark(x, y)) return [x, y];
  }
  const [x, y] = points[last];
  const aside = [20, -20, 40, -40, 60, -60, 80, -80].find((by) => room.takeMark(x + by, y)) ?? 0;
  return [x + aside, y];
}

/**
 * Time or memory by length: both axes go by factors, so that a power of the length is a straight line.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 */
function plot(model, width) {
  const wide = width >= WIDE;
  const quantity = model.get("view") === "memory" ? "memory" : "time";
  const [shown, position] = [shownOf(model), positionOf(model)];
  /**
   * @param {Line | undefined} line
   * @returns {[length: number, cost: number][]}
   */
  const measured = (line) =>
    (line?.[quantity] ?? []).flatMap((cost, index) => cost === null || !line ? [] : [[line.lengths[index], cost]]);
  const lines = contendersOf(model).map((one) => (
    { ...one, points: measured(shown.lines[one.key]), own: measured(shown.own[one.key]) }
  )).filter(({ points }) => points.length > 0);
  const group = svg("g", { class: "fl-plot" });
  if (lines.length === 0) {
    group.append(text("fl-small", 0, 14, tell(model, "nothing")));
    return { group, height: 60 };
  }

  const scale = scaleOf(lines.flatMap(({ points, own }) => [...points, ...own].map(([, cost]) => cost)));
  const left = 8 + 8 * Math.max(...scale.ticks.map((tick) => grouped(tick).length));
  const [right, top, high] = [wide ? width - 274 : width - 8, 30, wide ? 214 : 190];
  const bottom = top + high;
  const [shortest, longest] = [shown.lengths[0], shown.lengths[shown.lengths.length - 1]];
  /** @param {number} length */
  const acrossX = (length) => {
    const share = longest === shortest ? 0.5 : Math.log(length / shortest) / Math.log(longest / shortest);
    return left + 18 + share * (right - left - 36);
  };
  /** @param {number} cost */
  const upY = (cost) => bottom - (Math.log(cost / scale.low) / Math.log(scale.high / scale.low)) * high;
  /**
   * @param {[length: number, cost: number][]} points
   * @returns {Point[]}
   */
  const placed = (points) => points.map(([length, cost]) => [acrossX(length), upY(cost)]);

  const unit = quantity === "time" ? "milliseconds of a training step" : "MiB of memory";
  group.append(text("fl-small", 0, 12, wide ? `${unit}, by tokens of a sequence` : `${unit}, by tokens`));
  scale.ticks.forEach((tick) => {
    group.append(svg("path", { class: "fl-grid", d: `M${left} ${upY(tick).toFixed(1)}H${right}` }));
    group.append(text("fl-small fl-end", left - 6, upY(tick) + 4.5, grouped(tick)));
  });
  const room = makeRoom();
  [position, ...shown.lengths.filter((length) => length !== position)].forEach((length) => {
    const [middle, half] = [acrossX(length), 4 + 4 * grouped(length).length];
    if (!room.take([middle - half, bottom + 6, middle + half, bottom + 20])) return;
    const kind = `fl-small fl-middle${length === position ? " fl-read" : ""}`;
    group.append(text(kind, Number(middle.toFixed(1)), bottom + 18, grouped(length)));
  });
  const now = acrossX(position).toFixed(1);
  group.append(svg("path", { class: "fl-cursor", d: `M${now} ${top}V${bottom}` }));
  lines.forEach(({ key, family, points, own }) => {
    const names = { "data-family": family, "data-line": key };
    group.append(svg("path", { class: "fl-line", ...names, d: path(placed(points)) }));
    if (own.length === 0) return;
    group.append(svg("path", { class: "fl-own-line", ...names, d: path(placed(own)) }));
    placed(own).forEach(([x, y]) => {
      const box = { x: x - 6, y: y - 4, width: 12, height: 8 };
      group.append(svg("g", { "data-family": family }, svg("rect", { class: "fl-own", ...box }), slanted(box)));
    });
  });
  lines.forEach(({ family, number, points }) => {
    const [x, y] = placeOnLine(placed(points), room);
    group.append(numberedMark(family, number, Number(x.toFixed(1)), Number(y.toFixed(1))));
  });

  const head = wide ? 12 : bottom + 46;
  const rows = table(model, lines, quantity, { x: wide ? right + 26 : 11, head, width });
  const foot = wide ? bottom + 24 : rows.bottom;
  const keys = legend(model, width, foot + 16);
  group.append(rows.group, keys.group);
  return { group, height: foot + 16 + keys.height };
}

/**
 * Beside the lines or below them: what each contender takes at the length that is read, most first, and its growth.
 *
 * @param {Model<Traits>} model
 * @param {Contender[]} contenders
 * @param {"time" | "memory"} quantity
 * @param {{ x: number, head: number, width: number }} place
 */
function table(model, contenders, quantity, { x, head, width }) {
  const found = new Map(rungsOf(model).map((rung) => [rung.key, rung]));
  const order = [...contenders].sort((one, other) =>
    (found.get(other.key)?.value ?? 0) - (found.get(one.key)?.value ?? 0)
  );
  const tokens = tell(model, "tokens", { count: positionOf(model) });
  const group = svg(
    "g",
    {},
    text("fl-small fl-end", width - 74, head, `at ${tokens}`),
    text("fl-small fl-end", width, head, "grows as"),
  );
  order.forEach(({ key, name, family, number }, index) => {
    const y = head + 26 + 26 * index;
    group.append(svg(
      "g",
      { "data-family": family, "data-rung": key },
      numberedMark(family, number, x, y),
      text("fl-name", x + 16, y + 4.5, name),
      text("fl-value fl-end", width - 74, y + 4.5, found.get(key)?.text ?? "–"),
      powerOf(width, y + 5.5, shownOf(model).lines[key].growth[quantity]),
    ));
  });
  return { group, bottom: head + 26 * order.length + 16 };
}

/**
 * Build the picture for one width; `update` fills it with the state.
 *
 * @param {Model<Traits>} model
 * @param {number} width
 */
function makePicture(model, width) {
  const node = pictureNode("What each contender takes", width, 100);
  function update() {
    const { group, height } = model.get("view") === "ladder" ? ladder(model, width) : plot(model, width);
    setAttributes(node, { viewBox: `0 0 ${width} ${Math.ceil(height)}` });
    node.replaceChildren(group);
  }
  return { node, update };
}

// ---- the figure

/** @type {[view: Traits["view"], text: string][]} */
const VIEWS = [["ladder", "The ladder"], ["time", "Time by length"], ["memory", "Memory by length"]];

/** @param {Model<Traits>} model */
function link(model) {
  return {
    rules: {
      view: oneOf(VIEWS.map(([view]) => view)),
      setting: whole(0, model.get("settings").length - 1),
      length: whole(1, 999_999),
      base: oneOf(model.get("contenders").map(([key]) => key)),
    },
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const keep = keeper(model);
    const contenders = contendersOf(model);
    const frame = html("div", { class: "fl-frame-box" });
    const result = html("p", { class: "fl-result" });
    const sentence = stateSentence();

    /**
     * By length there is little to see of a setting with one length: then the one with the most of them is shown.
     *
     * @param {Traits["view"]} view
     */
    const turnTo = (view) => {
      const counts = model.get("settings").map(({ lengths }) => lengths.length);
      const stays = view === "ladder" || counts[model.get("setting")] > 1;
      keep({ view, setting: stays ? model.get("setting") : counts.indexOf(Math.max(...counts)) });
    };
    const views = VIEWS.map(([view, words]) => ({ view, node: button(`view ${view}`, words, () => turnTo(view)) }));
    const setting = slider({
      control: "setting",
      label: "Setting",
      first: 0,
      last: model.get("settings").length - 1,
      change: (value) => keep({ setting: value }),
    }, { class: "fl-slider fl-setting" });
    const length = slider({
      control: "length",
      label: "Length",
      first: 0,
      last: 1,
      change: (value) => keep({ length: shownOf(model).lengths[value] }),
    });
    const base = slider({
      control: "base",
      label: "Against",
      first: 0,
      last: contenders.length - 1,
      change: (value) => keep({ base: contenders[value].key }),
    });

    /** The one number that the figure is about, large, within its words. */
    function drawResult() {
      const gain = gainOf(model);
      const words = gain === null ? "" : tell(model, gain.words, { ...gain, times: "\n" });
      const [before, after] = words.split("\n");
      result.replaceChildren(...(gain === null ? [] : [capital(before), html("strong", {}, gain.times), after]));
    }

    /** @param {{ update: () => void }} picture */
    function draw(picture) {
      const { name, lengths } = shownOf(model);
      const position = positionOf(model);
      views.forEach(({ view, node }) => setPressed(node, view === model.get("view")));
      setAttributes(length.input, { max: lengths.length - 1 });
      length.input.style.visibility = lengths.length > 1 ? "" : "hidden";
      setting.show(model.get("setting"), name);
      length.show(lengths.indexOf(position), tell(model, "tokens", { count: position }));
      const index = contenders.findIndex(({ key }) => key === model.get("base"));
      base.show(index, contenders[index].name);
      drawResult();
      picture.update();
      say(sentence, describe(model));
    }

    const source = model.get("source");
    el.append(figureFrame(
      "speed-ladder",
      "How fast a training step is, and what it holds",
      result,
      onOneScreen([frame], [
        buttonGroup("What is shown", views.map(({ node }) => node)),
        setting.element,
        html("div", { class: "fl-pair" }, base.element, length.element),
      ]),
      sentence,
      ...(source ? [html("p", { class: "fl-source" }, source)] : []),
    ));
    /** @param {number} width */
    const make = (width) => makePicture(model, width);
    return keepDrawn({ model, traits: STATE, box: frame, least: 264, make, draw });
  },
};
