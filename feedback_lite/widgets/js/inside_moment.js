// One step of the model in numbers and in words: what it reads, answers, writes and evicts, and what is changed.

import { FeedbackTransformer, runner } from "./live.js";
import { softmax } from "./mixture.js";
import { capital, percent, tell } from "./words.js";

/** @import { Model, Words } from "./figure.js" */
/** @import { FeedbackStep, Interventions, Memory } from "./live.js" */
/** @import { Exported } from "./weights.js" */
/** @import { Rules, ShellGame } from "./shell_game.js" */

/** @typedef {[token: number, share: number]} Answer the likeliest token and its probability */

/**
 * All that the picture and the sentence show. Python records one in the same form.
 *
 * @typedef {object} Moment
 * @property {number[]} tokens the whole game
 * @property {number} step
 * @property {number} slot
 * @property {number} size of the memory
 * @property {"mixture" | "uniform" | number} written
 * @property {number[]} silent
 * @property {number[][]} deleted
 * @property {number[]} struck slots that were deleted up to this step
 * @property {boolean} hidden
 * @property {Answer[]} answers by layer
 * @property {Answer | null} trained
 * @property {string} changes
 * @property {number[]} shares of the layers in the mixture
 * @property {number[]} before slots that the step could read
 * @property {number[]} after
 * @property {number[][][]} weights by layer, head and slot
 * @property {{ step: number, weights: number[][] }[]} trace how the slot was read at each step
 * @property {string} sentence
 */

/**
 * @typedef {object} Traits
 * @property {Exported[]} models
 * @property {Rules} rules
 * @property {{ tokens: number, slots: number, deleted: number }} limits
 * @property {Moment & { vocabulary: string[] }} recorded
 * @property {number[]} tokens
 * @property {number} step
 * @property {number} slot
 * @property {"mixture" | "uniform" | number} written
 * @property {number} memory_size
 * @property {boolean} memory_offset
 * @property {number[]} silent_layers
 * @property {number[][]} deleted
 * @property {boolean} hide_answer
 * @property {number} shown
 * @property {Words} words
 * @property {string[]} captions
 */

/** @typedef {{ rules: ShellGame, vocabulary: string[] }} Game what tokens mean */

const MOST_RUNS = 8; // kept side by side

// ---- the model, run

/** @typedef {{ model: FeedbackTransformer, through: (tokens: number[]) => FeedbackStep[] }} Run */

/** Runs of one model, each kept for as long as the game goes on as it was. */
export class Runs {
  /** @param {Exported | undefined} exported */
  constructor(exported) {
    /** @type {Exported | undefined} */
    this.exported = exported;
    /** @type {Map<string, Run>} */
    this.known = new Map();
    this.through([], {});
  }

  /**
   * @param {number[]} tokens
   * @param {Partial<Interventions>} interventions
   */
  through(tokens, interventions) {
    const key = JSON.stringify(interventions);
    const { model, through } = this.known.get(key) ?? this.start(key, interventions);
    return { model, steps: through(tokens) };
  }

  /**
   * @param {string} key
   * @param {Partial<Interventions>} interventions
   * @returns {Run}
   */
  start(key, interventions) {
    const [oldest] = this.known.keys();
    if (this.known.size >= MOST_RUNS) this.known.delete(oldest);
    const model = new FeedbackTransformer(this.exported, interventions);
    const run = { model, through: runner(model) };
    this.known.set(key, run);
    return run;
  }
}

/** @param {Model<Traits>} model */
export function ownSize(model) {
  return model.get("models")[0].config.memory_size;
}

/**
 * @param {Model<Traits>} model
 * @returns {Interventions}
 */
function interventionsOf(model) {
  const size = model.get("memory_size");
  return {
    written: model.get("written"),
    memory_size: size === ownSize(model) ? null : size,
    memory_offset: model.get("memory_offset") ? null : false,
    silent_layers: model.get("silent_layers"),
    deleted: model.get("deleted"),
  };
}

/**
 * @param {Float64Array} logits
 * @returns {Answer}
 */
function answerOf(logits) {
  const shares = softmax([...logits]);
  const share = Math.max(...shares);
  return [shares.indexOf(share), share];
}

/** @param {Memory} memory */
function writersOf(memory) {
  return memory.slots.map(({ writer }) => writer);
}

/**
 * @param {Model<Traits>} model
 * @param {Runs} runs
 * @param {Game} game
 * @returns {Moment}
 */
export function momentOf(model, runs, game) {
  const [step, slot, deleted] = [model.get("step"), model.get("slot"), model.get("deleted")];
  const tokens = model.get("tokens").slice(0, step);
  const { model: changed, steps } = runs.through(tokens, interventionsOf(model));
  const now = steps[step - 1];
  const changes = tellChanges(model);
  const trace = steps.flatMap(({ memoryBefore, weights }, index) => {
    const place = writersOf(memoryBefore).indexOf(slot);
    return place < 0 ? [] : [{ step: index + 1, weights: weights.map((heads) => heads.map((row) => row[place])) }];
  });
  const struck = deleted.filter(([token, before]) =>
    token < before && before <= step && writersOf(steps[before - 2].memory).includes(token)
  );
  const moment = {
    tokens: model.get("tokens"),
    step,
    slot,
    size: model.get("memory_size"),
    written: model.get("written"),
    silent: model.get("silent_layers"),
    deleted,
    struck: struck.map(([token]) => token),
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
  return { ...moment, sentence: describe(model, moment, game) };
}

// ---- the words

/**
 * @param {Model<Traits>} model
 * @param {number[]} numbers
 */
function joined(model, numbers) {
  const last = numbers[numbers.length - 1];
  return numbers.length < 2 ? String(last) : tell(model, "and", { rest: numbers.slice(0, -1).join(", "), last });
}

/** @param {number[]} numbers */
export function ordered(numbers) {
  return [...numbers].sort((one, other) => one - other);
}

/** @param {Pick<Moment, "before" | "after">} moment */
export function evictedNow({ before, after }) {
  return before.find((slot) => !after.includes(slot));
}

/**
 * @param {Answer} answer
 * @param {Game} game
 */
export function answerName([token, share], { rules, vocabulary }) {
  return `${token < rules.cups ? `cup ${token + 1}` : vocabulary[token]}, ${percent(share)}`;
}

/**
 * @param {Model<Traits>} model
 * @param {Omit<Moment, "sentence">} moment
 * @param {Game} game
 */
function tellAnswer(model, { tokens, step, hidden, answers }, game) {
  const token = game.vocabulary[tokens[step - 1]];
  const ball = game.rules.ballAfter(tokens.slice(0, step));
  const answer = answers[answers.length - 1];
  const name = hidden ? "hidden" : answer[0] === ball ? "right" : "wrong";
  return tell(model, name, { step, token, cup: ball + 1, answer: answerName(answer, game) });
}

/**
 * The head and the place of the largest weight. Equal slots can differ in the last digits: weights are compared in
 * millionths, and the newest slot is named.
 *
 * @param {number[][]} heads
 */
export function mostRead(heads) {
  let best = { size: -1, place: 0, head: 0, weight: 0 };
  heads.forEach((row, head) =>
    row.forEach((weight, place) => {
      const size = Math.floor(1e6 * weight + 0.5);
      const larger = size > best.size || (size === best.size && place > best.place);
      if (larger) best = { size, place, head, weight };
    })
  );
  return best;
}

/**
 * What each layer reads the most. That it reads is said of the first one that does.
 *
 * @param {Model<Traits>} model
 * @param {Omit<Moment, "sentence">} moment
 */
function tellReading(model, { before, weights, silent }) {
  if (before.length === 0) return tell(model, "empty");
  const layers = weights.map((_, index) => index + 1);
  const first = layers.find((layer) => !silent.includes(layer));
  const told = layers.map((layer) => {
    if (silent.includes(layer)) return tell(model, "off", { layer });
    const { head, place, weight } = mostRead(weights[layer - 1]);
    const read = { layer, slot: before[place], head: head + 1, share: percent(weight) };
    return tell(model, layer === first ? "reads" : "reads too", read);
  });
  return `${capital(told.join(", "))}.`;
}

/**
 * @param {Model<Traits>} model
 * @param {Omit<Moment, "sentence">} moment
 */
function tellWriting(model, moment) {
  const evicted = evictedNow(moment);
  return tell(model, evicted === undefined ? "writes" : "evicts", { step: moment.step, evicted });
}

/** @param {Model<Traits>} model */
function tellChanges(model) {
  const [written, size, silent] = [model.get("written"), model.get("memory_size"), model.get("silent_layers")];
  const deleted = ordered(model.get("deleted").map(([token]) => token));
  const told = [];
  if (written === "uniform") told.push(tell(model, "uniform"));
  else if (written === 0) told.push(tell(model, "embedding alone"));
  else if (written !== "mixture") told.push(tell(model, "layer alone", { layer: written }));
  if (size !== ownSize(model)) told.push(tell(model, "size", { count: size }));
  if (!model.get("memory_offset")) told.push(tell(model, "no offset"));
  if (silent.length) told.push(tell(model, "silent", { layers: joined(model, ordered(silent)) }));
  if (deleted.length === 1) {
    const [[slot, step]] = model.get("deleted");
    told.push(tell(model, "one deleted", { slot, step }));
  } else if (deleted.length) told.push(tell(model, "deleted", { slots: joined(model, deleted) }));
  return told.join(", ");
}

/**
 * @param {Model<Traits>} model
 * @param {Omit<Moment, "sentence">} moment
 * @param {Game} game
 */
function describe(model, moment, game) {
  const { changes, hidden, trained } = moment;
  const told = [tellAnswer(model, moment, game), tellReading(model, moment), tellWriting(model, moment)];
  if (trained && hidden) told.push(tell(model, "changed", { changes }));
  else if (trained) told.push(tell(model, "changed from", { changes, answer: answerName(trained, game) }));
  return told.join(" ");
}

/**
 * Where the chosen slot is, and what became of it.
 *
 * @param {Moment} moment
 * @param {string[]} vocabulary
 */
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
