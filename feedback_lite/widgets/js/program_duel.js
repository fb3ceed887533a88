// The duel on programs: what the reader writes, two models carry out, statement by statement.

import { button, checkbox, oneStop, setAvailable, stepControls } from "./controls.js";
import { guard, liveOrRecorded } from "./duel.js";
import { figureFrame, html, keeper, onTraits, setAttributes } from "./figure.js";
import { several, whole, written, yesOrNo } from "./link.js";
import { PrintedProgram } from "./printed_program.js";
import { makeBoard } from "./program_picture.js";
import { askedFirst, describe, makePlayers, printsOf, truthAt, viewOf } from "./program_words.js";
import { makeWriting } from "./program_writing.js";
import { onOneScreen } from "./screen.js";
import { say, stateSentence } from "./words.js";

/** @import { Model, Place } from "./figure.js" */
/** @import { Statement } from "./printed_program.js" */
/** @import { Score, State, Traits } from "./program_words.js" */

const KIND = "program-duel";
const STATE = ["program", "statement", "values_open", "ask", "guess", "score"];
const LENGTHS = [10, 30, 100];

// ---- the program in a link

/** @param {Model<Traits>} model */
function link(model) {
  const program = new PrintedProgram(model.get("rules"));
  const [count, guess] = [whole(0, 999_999), whole(0, model.get("rules").largest)];
  return {
    rules: {
      program: written(
        (/** @type {string} */ text) => program.writeShort(program.read(text)),
        (text) => program.write(program.readShort(text)),
      ),
      statement: count,
      values_open: yesOrNo(),
      ask: yesOrNo(),
      guess,
      score: several(count, 2, 2),
    },
    fits(/** @type {State} */ { program: text, statement, score }) {
      const { length } = program.read(text);
      return statement >= Math.min(1, length) && statement <= length && score[0] <= score[1];
    },
  };
}

// ---- the controls of time

/**
 * Back, step, run and restart, made anew for a program of another length.
 *
 * @param {() => number} get
 * @param {(number: number) => void} set
 */
function makeTime(get, set) {
  const make = (/** @type {number} */ last) =>
    stepControls({ label: "Statement", first: Math.min(1, last), last, get, set });
  let [length, time] = [0, make(0)];
  const element = html("div", { class: "fl-time" }, time.element);

  /** @param {number} last */
  function update(last) {
    if (last !== length) {
      time.stop();
      [length, time] = [last, make(last)];
      element.replaceChildren(time.element);
    }
    time.update();
  }
  return { element, update, stop: () => time.stop() };
}

// ---- without models

/**
 * The recorded program, where the models cannot be run.
 *
 * @param {Model<Traits>} model
 * @param {PrintedProgram} program
 * @param {Element} frame
 * @param {string} reason
 */
function showRecorded(model, program, frame, reason) {
  const { program: text, statement, shares } = model.get("recorded");
  const sentence = stateSentence();
  let number = statement;
  /** @param {number} to */
  const go = (to) => {
    number = to;
    draw();
  };
  const board = makeBoard(model, { choose: go });
  const time = makeTime(() => number, go);

  function draw() {
    /** @type {State} */
    const state = { program: text, statement: number, values_open: true, ask: false, guess: 0, score: [0, 0] };
    /** @param {Statement[]} soFar */
    const sharesOf = (soFar) => shares.map((ofPlayer) => ofPlayer.slice(0, printsOf(soFar).length));
    const view = { ...viewOf(model, program, state, sharesOf), trained: Infinity };
    board.draw(view);
    time.update(view.statements.length);
    say(sentence, describe(model, program, view));
  }
  const why = html("p", { class: "fl-note" }, `${reason} Here is a recorded program instead.`);
  frame.replaceChildren(why, board.node, time.element, sentence);
  board.resize();
  draw();
  return () => {
    time.stop();
    board.stop();
  };
}

// ---- the figure

/**
 * @param {Model<Traits>} model
 * @param {PrintedProgram} program
 * @param {HTMLElement} frame
 * @param {(error: unknown) => void} fail
 */
function showLive(model, program, frame, fail) {
  /** @type {ReturnType<typeof makePlayers> | null} */
  let players = null;
  let [many, writes] = [LENGTHS[0], false];
  const keep = keeper(model);
  const { guarded, soon, stop } = guard(fail);

  /**
   * Both models' probabilities at each print of these first statements. Those of the recorded program are at hand
   * before the models run.
   *
   * @param {Statement[]} soFar
   */
  function sharesOf(soFar) {
    const recorded = model.get("recorded");
    if (!players && recorded.program.startsWith(program.write(soFar))) {
      return recorded.shares.map((ofPlayer) => ofPlayer.slice(0, printsOf(soFar).length));
    }
    players ??= makePlayers(model.get("models"), program);
    return players.map((play) => play(soFar));
  }

  // ---- what the reader does

  /** @returns {State} */
  const read = () => ({
    program: model.get("program"),
    statement: model.get("statement"),
    values_open: model.get("values_open"),
    ask: model.get("ask"),
    guess: model.get("guess"),
    score: model.get("score"),
  });
  const viewNow = () => viewOf(model, program, read(), sharesOf);
  /** @param {() => void} change */
  const act = (change) =>
    guarded(() => {
      say(note, "");
      change();
      drawSoon();
    });
  /** @type {(statements: Statement[], statement: number, open?: boolean) => void} */
  function show(statements, statement, open = !(model.get("ask") && statements[statement - 1]?.[0] === "print")) {
    keep({ program: program.write(statements), statement, values_open: open, guess: 0 });
  }
  /** @param {number} to */
  const go = (to) => act(() => show(program.read(model.get("program")), to));
  const takeRandom = () =>
    act(() => {
      const statements = program.draw(many);
      show(statements, askedFirst(statements), false);
    });
  /** @param {Statement[]} statements */
  const use = (statements) => act(() => show(statements, statements.length));
  const reveal = () => act(() => keep({ values_open: true }));
  /** @param {number} value */
  const guess = (value) =>
    act(() => {
      const view = { ...viewNow(), open: true };
      const [right, count] = view.score;
      /** @type {Score} */
      const score = [right + Number(truthAt(view, view.prints.length - 1) === value), count + 1];
      keep({ guess: value, values_open: true, score });
    });

  // ---- the controls

  const board = makeBoard(model, { choose: go, guess });
  const time = makeTime(() => model.get("statement"), go);
  const revealer = button("reveal", "Reveal", reveal);
  const asker = checkbox("ask", "Ask me at every print", (ask) => act(() => keep({ ask })));
  const random = button("random", "Random program", takeRandom);
  const lengths = LENGTHS.map((count) => ({
    count,
    node: button(`length ${count}`, String(count), () => act(() => void (many = count)), {
      "aria-label": `${count} statements`,
    }),
  }));
  const names = { class: "fl-lengths", role: "group", "aria-label": "Statements of a random program" };
  const writing = makeWriting(program, use);
  const writer = button("write", "Write a program", () =>
    act(() => {
      writes = !writes;
    }));
  const note = html("p", { class: "fl-note", "aria-live": "polite" });
  const amounts = html("div", names, ...lengths.map(({ node }) => node));
  oneStop(amounts);
  const controls = [
    html("div", { class: "fl-controls" }, time.element, revealer, asker.label),
    html(
      "div",
      { class: "fl-controls" },
      random,
      amounts,
      writer,
    ),
  ];
  const sentence = stateSentence();

  function draw() {
    const view = viewNow();
    board.draw(view);
    time.update(view.statements.length);
    setAvailable(revealer, !view.open);
    asker.input.checked = model.get("ask");
    lengths.forEach(({ count, node }) => setAttributes(node, { "aria-pressed": String(count === many) }));
    setAttributes(writer, { "aria-expanded": String(writes) });
    writing.show(writes);
    writing.update(view.statements);
    say(sentence, describe(model, program, view));
  }
  const drawSoon = soon(draw);

  frame.replaceChildren(onOneScreen([board.node], [...board.answer, ...controls, writing.element, note]), sentence);
  board.resize();
  draw();
  const unlisten = onTraits(model, STATE, drawSoon);
  // Once the first picture stands, the models are made ready for the reader's first move.
  const first = setTimeout(() =>
    guarded(() => {
      players ??= makePlayers(model.get("models"), program);
      sharesOf(program.read(model.get("program")).slice(0, model.get("statement")));
    }), 50);

  return () => {
    stop();
    clearTimeout(first);
    time.stop();
    board.stop();
    unlisten();
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const program = new PrintedProgram(model.get("rules"));
    const frame = figureFrame(KIND, "Programs: two models and you");
    el.append(frame);
    return liveOrRecorded(
      (fail) => showLive(model, program, frame, fail),
      (reason) => showRecorded(model, program, frame, reason),
    );
  },
};
