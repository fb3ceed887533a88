// A shell game and what a trained model does on it, step by step, in numbers and in words. The words are those of Python.

import { percent } from "./figure.js";
import { FeedbackTransformer } from "./live.js";
import { softmax } from "./mixture.js";

export const MAX_TOKENS = 300;
export const MAX_SLOTS = 24;
export const MAX_DELETED = 24;
export const CUPS = 5;

// ---- the game, in words and in numbers ---------------------------------------------------------------------------

/** The swaps, as pairs of cups counted from 1, in the order of the vocabulary. */
export const SWAPS = [1, 2, 3, 4, 5].flatMap((left) => [1, 2, 3, 4, 5].filter((right) => right > left).map((right) => [left, right]));

export const shortName = (token) => (token < CUPS ? String(token + 1) : SWAPS[token - CUPS].join(""));

/** The cup, counted from 0, that hides the ball after a game. */
export function follow(tokens) {
  return tokens.slice(1).reduce((ball, token) => {
    const [left, right] = SWAPS[token - CUPS].map((cup) => cup - 1);
    return ball === left ? right : ball === right ? left : ball;
  }, tokens[0]);
}

/** Read a game such as "3 12 45"; what cannot be read is an Error with a sentence for the reader. */
export function parseGame(text) {
  const words = text.trim().split(/[\s,.;]+/).filter((word) => word !== "");
  const shown = (word) => `“${word.length > 12 ? `${word.slice(0, 12)}…` : word}”`;
  if (words.length === 0) throw new Error("Type the ball's cup, then swaps, for example 3 12 45.");
  if (words.length > MAX_TOKENS) throw new Error(`A game has at most ${MAX_TOKENS} tokens. These are ${words.length}.`);
  if (!/^[1-5]$/.test(words[0])) throw new Error(`A game begins with the ball's cup, 1 to 5. ${shown(words[0])} is none.`);
  return words.map((word, place) => {
    if (place === 0) return Number(word) - 1;
    const [, one, other] = word.match(/^([1-5])-?([1-5])$/) ?? [];
    if (!one || one === other) throw new Error(`A swap is two different cups, such as 12. ${shown(word)} is none.`);
    const pair = [one, other].map(Number).sort();
    return CUPS + SWAPS.findIndex(([left, right]) => left === pair[0] && right === pair[1]);
  });
}

export const writeGame = (tokens, between = " ") => tokens.map(shortName).join(between);

// ---- the model, run ------------------------------------------------------------------------------------------------

/** Runs of one model, each kept for as long as the game goes on as it was. */
export class Runs {
  constructor(exported) {
    this.exported = exported;
    this.known = new Map();
    this.through([], {});
  }

  through(tokens, interventions) {
    const key = JSON.stringify(interventions);
    if (!this.known.has(key)) {
      if (this.known.size >= 8) this.known.delete(this.known.keys().next().value);
      this.known.set(key, { model: new FeedbackTransformer(this.exported, interventions), steps: [] });
    }
    const { model, steps } = this.known.get(key);
    if (steps.some(({ token }, place) => place < tokens.length && token !== tokens[place])) steps.length = 0;
    for (const token of tokens.slice(steps.length)) steps.push(model.step(token, steps.at(-1)?.memory));
    return { model, steps: steps.slice(0, tokens.length) };
  }
}

export const ownSize = (model) => model.get("models")[0].config.memory_size;

function interventionsOf(model) {
  const [written, size] = [model.get("written"), model.get("memory_size")];
  return {
    written,
    memory_size: size === ownSize(model) ? null : size,
    memory_offset: model.get("memory_offset") ? null : false,
    silent_layers: model.get("silent_layers"),
    deleted: model.get("deleted"),
  };
}

/** The likeliest token and its probability. */
function answerOf(logits) {
  const shares = softmax([...logits]);
  const share = Math.max(...shares);
  return [shares.indexOf(share), share];
}

const writersOf = (memory) => memory.slots.map(({ writer }) => writer);

/** All that the picture and the sentence show. */
export function momentOf(model, runs) {
  const [step, slot, deleted] = [model.get("step"), model.get("slot"), model.get("deleted")];
  const tokens = model.get("tokens").slice(0, step);
  const { model: changed, steps } = runs.through(tokens, interventionsOf(model));
  const now = steps[step - 1];
  const changes = tellChanges(model);
  const trace = steps.flatMap(({ memoryBefore, weights }, index) => {
    const place = writersOf(memoryBefore).indexOf(slot);
    return place < 0 ? [] : [{ step: index + 1, weights: weights.map((heads) => heads.map((row) => row[place])) }];
  });
  const moment = {
    tokens: model.get("tokens"),
    step,
    slot,
    size: model.get("memory_size"),
    written: model.get("written"),
    silent: model.get("silent_layers"),
    deleted,
    struck: deleted
      .filter(([token, before]) => token < before && before <= step && writersOf(steps[before - 2].memory).includes(token))
      .map(([token]) => token),
    hidden: model.get("hide_answer") && model.get("shown") !== step,
    answers: now.layerLogits.map(answerOf),
    trained: changes ? answerOf(runs.through(tokens, {}).steps[step - 1].logits) : null,
    changes,
    shares: softmax([...changed.layer_weights]),
    before: writersOf(now.memoryBefore),
    after: writersOf(now.memory),
    weights: now.weights,
    trace,
  };
  return { ...moment, sentence: describe(moment, model.get("models")[0].vocabulary) };
}

// ---- the words -------------------------------------------------------------------------------------------------------

const joined = (numbers) => (numbers.length < 2 ? numbers.join("") : `${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)}`);
export const ordered = (numbers) => [...numbers].sort((one, other) => one - other);
const headWords = (head, weight) => `head ${head + 1}, ${percent(weight)}`;
const layerName = (layer) => (layer === 0 ? "the embedding" : `layer ${layer}`);
export const evictedNow = ({ before, after }) => before.find((slot) => !after.includes(slot));

export function answerName([token, share], vocabulary) {
  return `${token < CUPS ? `cup ${token + 1}` : vocabulary[token]}, ${percent(share)}`;
}

function tellAnswer({ tokens, step, hidden, answers }, vocabulary) {
  const token = `Step ${step}, ${vocabulary[tokens[step - 1]]}`;
  if (hidden) return `${token}: the answer is hidden until you ask for it.`;
  const ball = follow(tokens.slice(0, step));
  const answer = answers.at(-1);
  const [link, verdict] = answer[0] === ball ? ["and", "right"] : ["but", "wrong"];
  return `${token}: the ball is under cup ${ball + 1}, ${link} the model says ${answerName(answer, vocabulary)}, which is ${verdict}.`;
}

/** The head and the place of the largest weight. Equal slots can differ in the last digits: weights are compared in
 *  millionths, and the newest slot is named. */
export function mostRead(heads) {
  let best = { size: -1 };
  heads.forEach((row, head) =>
    row.forEach((weight, place) => {
      const size = Math.floor(1e6 * weight + 0.5);
      const larger = size > best.size || (size === best.size && place > best.place);
      if (larger) best = { size, place, head, weight };
    }),
  );
  return best;
}

function tellReading({ before, weights, silent }) {
  if (before.length === 0) return "The memory is empty, so attention adds nothing.";
  const told = [];
  weights.forEach((heads, index) => {
    const layer = index + 1;
    const { head, place, weight } = mostRead(heads);
    if (silent.includes(layer)) told.push(`layer ${layer}'s attention is off`);
    else if (told.some((part) => part.includes("reads"))) told.push(`layer ${layer} slot ${before[place]} (${headWords(head, weight)})`);
    else told.push(`layer ${layer} reads slot ${before[place]} the most (${headWords(head, weight)})`);
  });
  const text = told.join(", ");
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

function tellWriting(moment) {
  const evicted = evictedNow(moment);
  return `The step writes slot ${moment.step}${evicted ? ` and evicts slot ${evicted}` : ""}.`;
}

function tellChanges(model) {
  const [written, size, silent, deleted] = ["written", "memory_size", "silent_layers", "deleted"].map((key) => model.get(key));
  const told = [];
  if (written === "uniform") told.push("equal shares of all layers are written");
  else if (written !== "mixture") told.push(`${layerName(written)} alone is written`);
  if (size !== ownSize(model)) told.push(size === 1 ? "a memory of 1 slot" : `a memory of ${size} slots`);
  if (!model.get("memory_offset")) told.push("the memory does not count in the positions");
  if (silent.length) told.push(`no attention in layer ${joined(ordered(silent))}`);
  if (deleted.length === 1) told.push(`slot ${deleted[0][0]} deleted before step ${deleted[0][1]} reads`);
  else if (deleted.length) told.push(`slots ${joined(ordered(deleted.map(([token]) => token)))} deleted`);
  return told.join(", ");
}

function describe(moment, vocabulary) {
  const told = [tellAnswer(moment, vocabulary), tellReading(moment), tellWriting(moment)];
  if (moment.changes) {
    const trained = moment.hidden ? "" : `; as trained, the model says ${answerName(moment.trained, vocabulary)}`;
    told.push(`Changed: ${moment.changes}${trained}.`);
  }
  return told.join(" ");
}

/** Where the chosen slot is, and what became of it. */
export function tellSlot({ tokens, slot, step, before, after, trace, struck, deleted }, vocabulary) {
  const name = `Slot ${slot}, written at “${vocabulary[tokens[slot - 1]]}”`;
  if (slot > step) return `${name}: still to come.`;
  const doomed = deleted.find(([token, moment]) => token === slot && moment === step + 1 && after.includes(slot));
  if (doomed) return `${name}: deleted before step ${step + 1} reads.`;
  if (slot === step) return `${name}: the next step will read it.`;
  const last = trace.at(-1)?.step ?? slot;
  if (struck.includes(slot)) return `${name}: deleted before step ${last + 1} read.`;
  if (after.includes(slot)) return `${name}: in memory.`;
  return `${name}: evicted at the end of ${before.includes(slot) ? "this step" : `step ${last}`}.`;
}
