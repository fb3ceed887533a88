// What the duel on programs knows at a statement, and its words for it. Models answer at the ends of prints alone.

import { CausalTransformer, FeedbackTransformer, runner } from "./live.js";
import { softmax } from "./mixture.js";
import { percent, tell } from "./words.js";

/** @import { Model, Words } from "./figure.js" */
/** @import { PrintedProgram, Rules, Statement, Values } from "./printed_program.js" */
/** @import { Exported } from "./weights.js" */

/** @typedef {[right: number, guesses: number]} Score */

/**
 * @typedef {object} Traits
 * @property {Exported[]} models with feedback, and without
 * @property {Rules} rules
 * @property {{ program: string, statement: number, shares: number[][][] }} recorded shares by player, print and value
 * @property {string} program
 * @property {number} statement
 * @property {boolean} values_open
 * @property {boolean} ask
 * @property {number} guess
 * @property {Score} score
 * @property {Words} words
 */

/** @typedef {Pick<Traits, "program" | "statement" | "values_open" | "ask" | "guess" | "score">} State */

/**
 * A program at one of its statements, with what its readers know.
 *
 * @typedef {object} View
 * @property {Statement[]} statements
 * @property {number} number of the statement that is shown, from 1
 * @property {boolean} open
 * @property {Values[]} values after each statement
 * @property {number[]} prints up to this statement, by their numbers
 * @property {boolean} isPrint
 * @property {number[][][] | null} shares by player, print and value; null while they are hidden
 * @property {number} guess
 * @property {Score} score
 * @property {number} trained
 */

export const PLAYERS = ["feedback", "ordinary"];
const FIRST_ASKED = 6;

// ---- the models

/**
 * Both players, with feedback and without: from the first statements of a program, the probability of each value at
 * the end of each print. Throws where an export cannot be read.
 *
 * @param {Exported[]} exported
 * @param {PrintedProgram} program
 */
export function makePlayers([feedback, ordinary], program) {
  const runs = [runner(new FeedbackTransformer(feedback)), runner(new CausalTransformer(ordinary))];
  return runs.map((through) => (/** @type {Statement[]} */ statements) => {
    const steps = through(program.tokensOf(statements));
    let end = -1;
    return statements.flatMap((statement) => {
      end += statement.length + 1;
      if (statement[0] !== "print") return [];
      return [softmax([...steps[end].logits]).slice(0, program.rules.largest)];
    });
  });
}

/**
 * The value that a model names.
 *
 * @param {number[]} shares
 */
export function answerOf(shares) {
  return 1 + shares.indexOf(Math.max(...shares));
}

/**
 * What the print at this place among all prints prints.
 *
 * @param {View} view
 * @param {number} place
 */
export function truthAt({ statements, values, prints }, place) {
  const number = prints[place];
  return Number(values[number - 1].get(statements[number - 1][1]));
}

/**
 * At how many prints up to the present statement a player is right.
 *
 * @param {View} view
 * @param {number[][]} shares
 */
export function countRight(view, shares) {
  return shares.filter((ofPrint, place) => answerOf(ofPrint) === truthAt(view, place)).length;
}

/**
 * The print at which a program is asked about: the first one from the sixth statement on.
 *
 * @param {Statement[]} statements
 */
export function askedFirst(statements) {
  const from = statements.findIndex(([word], place) => word === "print" && place + 1 >= FIRST_ASKED);
  return from < 0 ? statements.length : from + 1;
}

/**
 * What is known of a program at one of its statements; `sharesOf` is asked where answers are to be seen.
 *
 * @param {Model<Traits>} model
 * @param {PrintedProgram} program
 * @param {State} state
 * @param {(statements: Statement[]) => number[][][]} sharesOf
 * @returns {View}
 */
export function viewOf(
  model,
  program,
  { program: text, statement: number, values_open: open, guess, score },
  sharesOf,
) {
  const statements = program.read(text);
  const soFar = statements.slice(0, number);
  const trained = Math.max(...model.get("models").map((exported) => exported?.trained_length ?? 0));
  return {
    statements,
    number,
    open,
    values: program.valuesAfter(statements),
    prints: printsOf(soFar),
    isPrint: soFar.at(-1)?.[0] === "print",
    shares: open ? sharesOf(soFar) : null,
    guess: open ? guess : 0,
    score,
    trained,
  };
}

/**
 * Which statements are prints, counted from 1.
 *
 * @param {Statement[]} statements
 */
export function printsOf(statements) {
  return statements.flatMap(([word], place) => (word === "print" ? [place + 1] : []));
}

// ---- what is shown, in words

/**
 * @param {Model<Traits>} model
 * @param {View} view
 * @param {Record<string, string | number>} now
 */
function tellPrint(model, view, now) {
  const last = view.prints.length - 1;
  const value = truthAt(view, last);
  /** @param {number} answer */
  const verdictOf = (answer) => tell(model, answer === value ? "right" : "wrong");
  const answers = (view.shares ?? []).map((ofPlayer, player) => {
    const answer = answerOf(ofPlayer[last]);
    const share = percent(ofPlayer[last][answer - 1]);
    return tell(model, "answer", {
      who: tell(model, PLAYERS[player]),
      value: answer,
      share,
      verdict: verdictOf(answer),
    });
  });
  const guess = view.guess ? [tell(model, "guess", { value: view.guess, verdict: verdictOf(view.guess) })] : [];
  return [tell(model, "print", { ...now, value }), ...answers, ...guess];
}

/**
 * @param {Model<Traits>} model
 * @param {View} view
 * @param {Record<string, string | number>} now
 */
function tellValues(model, { values, number }, now) {
  const told = model.get("rules").names.map((name) => {
    const value = values[number - 1].get(name);
    return tell(model, value === undefined ? "no value" : "value", { name, value });
  });
  return tell(model, "after", { ...now, values: told.join(", ") });
}

/**
 * @param {Model<Traits>} model
 * @param {PrintedProgram} program
 * @param {View} view
 */
export function describe(model, program, view) {
  const { statements, number, open, isPrint, prints, shares, score, trained } = view;
  if (statements.length === 0) return tell(model, "empty");
  const now = { number, count: statements.length, text: statements[number - 1].join(" ") };
  const told = [];
  if (!open) told.push(tell(model, isPrint ? "question" : "hidden", now));
  else if (isPrint) told.push(...tellPrint(model, view, now));
  else told.push(tellValues(model, view, now));
  if (open && shares && prints.length > 0) {
    const [feedback, ordinary] = shares.map((ofPlayer) => countRight(view, ofPlayer));
    told.push(tell(model, "score", { count: prints.length, feedback, ordinary }));
  }
  if (score[1]) told.push(tell(model, "reader", { right: score[0], count: score[1] }));
  if (program.tokensOf(statements.slice(0, number)).length > trained) told.push(tell(model, "longer"));
  return told.join(" ");
}
