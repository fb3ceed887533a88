// The trained models, run in the page: the forward pass of FeedbackTransformer (segment length 1) and of
// CausalTransformer, one token at a time, in double precision, in the order of the chapters and with Python's names.
// Vectors are Float64Arrays, and none is changed once it is made. What comes from Python keeps its spelling
// (config.d_model, block.attention.to_queries). Tests hold every number equal to PyTorch's.

import { mixLayers, softmax } from "./mixture.js";
import { readWeights } from "./weights.js";

/** @import { Affine, Attention, Block, Exported, Kind, Matrix, Projection } from "./weights.js" */

/** @typedef {{ key: Float64Array, value: Float64Array, writer: number }} Slot */

/**
 * What a model makes of one token.
 *
 * @typedef {object} Reading
 * @property {number} token
 * @property {Float64Array[]} hiddens by layer, 0 the embedding
 * @property {number[][][]} weights by layer, head and slot
 * @property {Float64Array[]} layerLogits what each layer would answer if it were the last one
 * @property {Float64Array} logits
 */

/** @typedef {Reading & { mixture: Float64Array, memoryBefore: Memory, memory: Memory }} FeedbackStep */
/** @typedef {Reading & { cacheBefore: Memory[], cache: Memory[] }} OrdinaryStep */

/**
 * @typedef {object} Interventions
 * @property {"mixture" | "uniform" | number} written
 * @property {number | null} memory_size
 * @property {boolean | null} memory_offset
 * @property {number[]} silent_layers
 * @property {number[][]} deleted pairs: the slot of this token is taken out before this step
 */

/**
 * `weight . input + bias`; the rows of the weight lie one after the other.
 *
 * @param {Float64Array} input
 * @param {Matrix & Partial<Affine>} matrix
 */
function linear(input, { weight, bias }) {
  const output = new Float64Array(weight.length / input.length);
  for (let row = 0, place = 0; row < output.length; row++) {
    let sum = 0;
    for (let column = 0; column < input.length; column++) sum += weight[place++] * input[column];
    output[row] = bias ? sum + bias[row] : sum;
  }
  return output;
}

/**
 * @param {Float64Array} one
 * @param {Float64Array} other
 */
function add(one, other) {
  return one.map((value, place) => value + other[place]);
}

// ---- 02 and 03: positions and attention

/**
 * The bias by head and key, for keys at positions 0, 1, ...; the table's last entry serves all that are farther.
 *
 * @param {number[][]} table
 * @param {number} queryPosition
 * @param {number} numKeys
 */
function relativePositionBias(table, queryPosition, numKeys) {
  const distances = Array.from({ length: numKeys }, (_, keyPosition) => Math.max(queryPosition - keyPosition, 0));
  return table.map((byDistance) => distances.map((distance) => byDistance[Math.min(distance, byDistance.length - 1)]));
}

/**
 * What the head whose numbers begin at `first` reads from each slot: `softmax(query . key / sqrt(width) + bias)`.
 *
 * @param {Float64Array} queries
 * @param {readonly Slot[]} slots
 * @param {number[]} bias
 * @param {number} first
 * @param {number} width
 */
function attentionWeights(queries, slots, bias, first, width) {
  const scores = slots.map(({ key }, slot) => {
    let product = 0;
    for (let place = first; place < first + width; place++) product += queries[place] * key[place];
    return product * width ** -0.5 + bias[slot];
  });
  return softmax(scores);
}

/**
 * What attention adds to a hidden vector, and its weights by head and slot. Where there is no key it adds nothing.
 *
 * @param {Float64Array} hidden
 * @param {readonly Slot[]} slots
 * @param {number[][]} bias
 * @param {Attention} attention
 * @param {boolean} silent
 */
function attend(hidden, slots, bias, attention, silent) {
  const queries = linear(hidden, attention.to_queries);
  const width = queries.length / bias.length;
  const weights = bias.map((ofHead, head) => attentionWeights(queries, slots, ofHead, head * width, width));
  if (slots.length === 0 || silent) return { read: new Float64Array(hidden.length), weights };
  const merged = queries.map((_, place) =>
    weights[Math.floor(place / width)].reduce((sum, weight, slot) => sum + weight * slots[slot].value[place], 0)
  );
  return { read: linear(merged, attention.to_output), weights };
}

// ---- 04 to 06: one key and one value, and the queue that keeps them

/**
 * A slot: key and value of a vector, heads merged, and the number of the token that wrote it, counted from 1.
 *
 * @param {Float64Array} vector
 * @param {Projection} toKeysValues
 * @param {number} writer
 * @returns {Slot}
 */
function makeSlot(vector, toKeysValues, writer) {
  const both = linear(vector, toKeysValues.linear);
  return { key: both.slice(0, both.length / 2), value: both.slice(both.length / 2), writer };
}

/** Slots, oldest first, and how many tokens have written. Never changed, only replaced. */
export class Memory {
  /** @param {Slot[]} slots */
  constructor(slots = [], numTokens = 0) {
    this.slots = Object.freeze(slots);
    this.numTokens = numTokens;
    Object.freeze(this);
  }

  /** @param {Slot} slot */
  push(slot, memorySize = Infinity) {
    return new Memory([...this.slots, slot].slice(-memorySize), this.numTokens + 1);
  }

  /**
   * Take out the slots that these tokens wrote; older slots then stand nearer.
   *
   * @param {number[]} writers
   */
  without(writers) {
    return new Memory(this.slots.filter(({ writer }) => !writers.includes(writer)), this.numTokens);
  }
}

// ---- 07: feed-forward and block

/**
 * The error function to 1e-15: below 1.5 the series `2 x / sqrt(pi) exp(-x^2) sum_n (2 x^2)^n / (1 3 5 ... (2n + 1))`,
 * above it the continued fraction of `1 - erf(x)` (Abramowitz and Stegun, Handbook of Mathematical Functions, 1964,
 * 7.1.6 and 7.1.14).
 *
 * @param {number} x
 */
export function erf(x) {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  const front = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (size < 1.5) {
    let [sum, term] = [1, 1];
    for (let n = 1; term > 1e-17 * sum; n++) sum += term *= (2 * x * x) / (2 * n + 1);
    return 2 * x * front * sum;
  }
  let fraction = size;
  for (let level = 80; level > 0; level--) fraction = size + level / 2 / fraction;
  return Math.sign(x) * (1 - front / fraction);
}

/** @param {number} x */
function gelu(x) {
  return 0.5 * x * (1 + erf(x / Math.SQRT2));
}

/**
 * The first half gated with the second.
 *
 * @param {Float64Array} doubled
 */
function geglu(doubled) {
  const [value, gate] = [doubled.slice(0, doubled.length / 2), doubled.slice(doubled.length / 2)];
  return value.map((number, unit) => number * gelu(gate[unit]));
}

/**
 * @param {Float64Array} hidden
 * @param {Affine} scaleAndShift
 */
function layerNorm(hidden, { weight, bias }) {
  const mean = hidden.reduce((sum, value) => sum + value, 0) / hidden.length;
  const variance = hidden.reduce((sum, value) => sum + (value - mean) ** 2, 0) / hidden.length;
  const deviation = Math.sqrt(variance + 1e-5);
  return hidden.map((value, place) => ((value - mean) / deviation) * weight[place] + bias[place]);
}

/**
 * One layer: attention, then feed-forward; each sees its input normalised and adds its result to it.
 *
 * @param {Float64Array} hidden
 * @param {Float64Array} normed
 * @param {readonly Slot[]} slots
 * @param {number[][]} bias
 * @param {Block} block
 */
function runBlock(hidden, normed, slots, bias, block, silent = false) {
  const { read, weights } = attend(normed, slots, bias, block.attention, silent);
  const attended = add(hidden, read);
  const { widen, narrow } = block.feedforward;
  const gated = geglu(linear(layerNorm(attended, block.feedforward_norm), widen));
  return { hidden: add(attended, linear(gated, narrow)), weights };
}

// ---- 09 and 10: the models, one token at a time

class Model {
  /**
   * @param {Exported | undefined} exported
   * @param {Kind} kind
   */
  constructor(exported, kind) {
    this.weights = readWeights(exported, kind);
    const { config, bias } = /** @type {Exported} */ (exported);
    this.config = config;
    this.bias = bias;
  }

  /**
   * Send a token through all blocks. `see` gives the slots that a layer reads, from its normed input and its index.
   *
   * @param {number} token
   * @param {number[][]} bias
   * @param {(normed: Float64Array, layer: number) => readonly Slot[]} see
   * @param {number[]} silentLayers
   * @returns {Reading}
   */
  read(token, bias, see, silentLayers = []) {
    const { vocab_size, d_model } = this.config;
    const known = Number.isInteger(token) && token >= 0 && token < vocab_size;
    if (!known) throw new Error(`token must be a whole number from 0 to ${vocab_size - 1}, not ${token}`);
    const { embedding, blocks, output_norm, to_logits } = this.weights;
    const hiddens = [embedding.weight.slice(token * d_model, (token + 1) * d_model)];
    const weights = blocks.map((block, layer) => {
      const normed = layerNorm(hiddens[layer], block.attention_norm);
      const above = runBlock(hiddens[layer], normed, see(normed, layer), bias, block, silentLayers.includes(layer + 1));
      hiddens.push(above.hidden);
      return above.weights;
    });
    const layerLogits = hiddens.map((hidden) => linear(layerNorm(hidden, output_norm), to_logits));
    return { token, hiddens, weights, layerLogits, logits: layerLogits[blocks.length] };
  }
}

/** @type {Interventions} */
const NO_INTERVENTIONS = { written: "mixture", memory_size: null, memory_offset: null, silent_layers: [], deleted: [] };

/** All layers read one memory and write their mixture to it. Interventions are Python's, as JSON, and all optional. */
export class FeedbackTransformer extends Model {
  /**
   * @param {Exported | undefined} exported
   * @param {Partial<Interventions>} interventions
   */
  constructor(exported, interventions = {}) {
    super(exported, "feedback");
    this.to_keys_values = /** @type {Projection} */ (this.weights.to_keys_values);
    this.layer_weights = /** @type {Float64Array} */ (this.weights.layer_weights);
    const unknown = Object.keys(interventions).find((name) => !(name in NO_INTERVENTIONS));
    if (unknown) throw new Error(`${unknown} is no intervention`);
    this.interventions = { ...NO_INTERVENTIONS, ...interventions };
    const { written, memory_size, memory_offset } = this.interventions;
    const allowed = ["mixture", "uniform", ...this.layer_weights.keys()];
    if (!allowed.includes(written)) throw new Error(`written must be one of ${allowed.join(", ")}, not ${written}`);
    if (written === "uniform") this.layer_weights.fill(0);
    else if (written !== "mixture") this.layer_weights.fill(-Infinity).fill(0, written, written + 1);
    this.memorySize = memory_size ?? this.config.memory_size;
    this.memoryOffset = memory_offset ?? this.config.compat !== "lucidrains";
  }

  /**
   * Read the memory, answer, write the memory; returns all that was computed on the way.
   *
   * @param {number} token
   * @returns {FeedbackStep}
   */
  step(token, memory = new Memory()) {
    const { deleted, silent_layers } = this.interventions;
    const number = memory.numTokens + 1;
    const memoryBefore = memory.without(deleted.filter(([, step]) => step === number).map(([writer]) => writer));
    const { slots } = memoryBefore;
    const bias = relativePositionBias(this.bias, this.memoryOffset ? slots.length : 0, slots.length);
    const reading = this.read(token, bias, () => slots, silent_layers);
    const mixture = mixLayers(reading.hiddens, this.layer_weights);
    const after = memoryBefore.push(makeSlot(mixture, this.to_keys_values, number), this.memorySize);
    return { ...reading, mixture, memoryBefore, memory: after };
  }

  /**
   * The step that comes after another one.
   *
   * @param {number} token
   * @param {FeedbackStep | undefined} last
   */
  next(token, last) {
    return this.step(token, last?.memory);
  }
}

/** Each layer reads keys and values of its own, the token's too: a cache is one memory without limit per layer. */
export class CausalTransformer extends Model {
  /**
   * @param {Exported | undefined} exported
   * @param {object} interventions
   */
  constructor(exported, interventions = {}) {
    super(exported, "ordinary");
    this.to_keys_values = /** @type {Projection[]} */ (this.weights.to_keys_values);
    if (Object.keys(interventions).length > 0) throw new Error("an ordinary transformer takes no interventions");
  }

  /**
   * @param {number} token
   * @returns {OrdinaryStep}
   */
  step(token, cacheBefore = this.weights.blocks.map(() => new Memory())) {
    const number = cacheBefore[0].numTokens + 1;
    const bias = relativePositionBias(this.bias, number - 1, number);
    /** @type {Memory[]} */
    const cache = [];
    /** @type {(normed: Float64Array, layer: number) => readonly Slot[]} */
    const see = (normed, layer) => {
      cache.push(cacheBefore[layer].push(makeSlot(normed, this.to_keys_values[layer], number)));
      return cache[layer].slots;
    };
    return { ...this.read(token, bias, see), cacheBefore, cache };
  }

  /**
   * The step that comes after another one.
   *
   * @param {number} token
   * @param {OrdinaryStep | undefined} last
   */
  next(token, last) {
    return this.step(token, last?.cache);
  }
}

/**
 * From tokens, the steps of a model through them. As long as they go on as before, only what is new is run.
 *
 * @template {Reading} Step
 * @param {{ next: (token: number, last: Step | undefined) => Step }} model
 * @returns {(tokens: number[]) => Step[]}
 */
export function runner(model) {
  /** @type {Step[]} */
  const steps = [];
  return (tokens) => {
    if (steps.some(({ token }, place) => place < tokens.length && token !== tokens[place])) steps.length = 0;
    for (const token of tokens.slice(steps.length)) steps.push(model.next(token, steps.at(-1)));
    return steps.slice(0, tokens.length);
  };
}

/**
 * The steps of an exported model of either kind through a sequence of tokens.
 *
 * @param {Exported | undefined} exported
 * @param {number[]} tokens
 * @param {Partial<Interventions>} [interventions]
 * @returns {Reading[]}
 */
export function run(exported, tokens, interventions) {
  if (exported?.kind === "ordinary") return runner(new CausalTransformer(exported, interventions))(tokens);
  return runner(new FeedbackTransformer(exported, interventions))(tokens);
}
