// Reads a trained model as feedback_lite.widgets.live.export writes it, and refuses what is not whole.

/** @typedef {"feedback" | "ordinary"} Kind */
/** @typedef {{ weight: Float64Array, bias: Float64Array }} Affine */
/** @typedef {{ weight: Float64Array }} Matrix */
/** @typedef {{ linear: Matrix }} Projection makes a key and a value of a vector */
/** @typedef {{ to_queries: Matrix, to_output: Affine }} Attention */
/** @typedef {{ widen: Affine, narrow: Affine }} FeedForward */

/**
 * @typedef {object} Block
 * @property {Affine} attention_norm
 * @property {Attention} attention
 * @property {Affine} feedforward_norm
 * @property {FeedForward} feedforward
 */

/**
 * All weights of a model, each where PyTorch has it. What reads keys and values, and whether layers are mixed, is a
 * matter of the kind.
 *
 * @typedef {object} Weights
 * @property {Matrix} embedding
 * @property {Block[]} blocks
 * @property {Affine} output_norm
 * @property {Affine} to_logits
 * @property {Projection | Projection[]} to_keys_values
 * @property {Float64Array} [layer_weights]
 */

/**
 * @typedef {object} Config
 * @property {number} vocab_size
 * @property {number} d_model
 * @property {number} num_layers
 * @property {number} num_heads
 * @property {number} head_dim
 * @property {number} memory_size
 * @property {number} segment_length
 * @property {number} max_distance
 * @property {number} ff_mult
 * @property {string | null} compat
 */

/**
 * @typedef {object} Exported a trained model as JSON
 * @property {string} name
 * @property {Kind} kind
 * @property {Config} config
 * @property {string[]} vocabulary
 * @property {number} trained_length
 * @property {number[][]} bias by head and distance
 * @property {Record<string, { shape: number[], unit?: number, base64: string }>} weights bytes, where there is a unit
 */

/**
 * The modules of a model and the shapes of their weights.
 *
 * @param {Config} config
 * @param {Kind} kind
 * @returns {Record<string, object>} nested as the modules are
 */
function layoutOf({ vocab_size, d_model, num_layers, num_heads, head_dim, ff_mult }, kind) {
  const [merged, wide] = [num_heads * head_dim, ff_mult * d_model];
  /** @type {(outputs: number, inputs: number) => object} */
  const affine = (outputs, inputs) => ({ weight: [outputs, inputs], bias: [outputs] });
  const norm = { weight: [d_model], bias: [d_model] };
  const projection = { linear: { weight: [2 * merged, d_model] } };
  const block = {
    attention_norm: norm,
    attention: { to_queries: { weight: [merged, d_model] }, to_output: affine(d_model, merged) },
    feedforward_norm: norm,
    feedforward: { widen: affine(2 * wide, d_model), narrow: affine(d_model, wide) },
  };
  return {
    embedding: { weight: [vocab_size, d_model] },
    blocks: Array(num_layers).fill(block),
    output_norm: norm,
    to_logits: affine(vocab_size, d_model),
    to_keys_values: kind === "feedback" ? projection : Array(num_layers).fill(projection),
    ...(kind === "feedback" ? { layer_weights: [num_layers + 1] } : {}),
  };
}

/**
 * All weights of an exported model, each where PyTorch has it: blocks[0].attention.to_queries.weight.
 *
 * @param {Exported | undefined} exported
 * @param {Kind} kind
 * @returns {Weights}
 */
export function readWeights(exported, kind) {
  /** @type {(holds: unknown, reason: string) => asserts holds} */
  const need = (holds, reason) => {
    if (!holds) throw new Error(`The weights of ${exported?.name ?? "the model"} could not be read: ${reason}.`);
  };
  need(exported?.config && exported.bias && exported.weights, "config, bias or weights are missing");
  const { config, bias, weights } = exported;
  need(exported.kind === kind, `the kind of model must be "${kind}", not "${exported.kind}"`);
  const sizes = /** @type {const} */ (
    ["vocab_size", "d_model", "num_layers", "num_heads", "head_dim", "memory_size", "ff_mult"]
  );
  const wrong = sizes.find((name) => !(Number.isInteger(config[name]) && config[name] > 0));
  need(!wrong, `${wrong} must be a positive whole number`);
  need(config.segment_length === 1, `segment_length must be 1, not ${config.segment_length}`);
  /** @param {unknown} row */
  const whole = (row) =>
    Array.isArray(row) && row.length === config.max_distance + 1 && row.every((number) => Number.isFinite(number));
  const byHead = Array.isArray(bias) && bias.length === config.num_heads && bias.every(whole);
  need(byHead, "bias must hold a number for every head and distance");

  /** @type {(shape: number[], name: string) => Float64Array} */
  const readTensor = (shape, name) => {
    const { shape: given, unit, base64 } = weights[name] ?? {};
    need(Array.isArray(given) && base64, `${name} is missing`);
    need(String(given) === String(shape), `${name} must have the shape ${shape.join(" x ")}, not ${given.join(" x ")}`);
    need(/^[A-Za-z0-9+/]*={0,2}$/.test(base64) && base64.length % 4 === 0, `${name} is not in base64`);
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const count = shape.reduce((product, size) => product * size);
    const size = unit === undefined ? 4 : 1;
    need(bytes.length === size * count, `${name} must hold ${size * count} bytes, not ${bytes.length}`);
    const view = new DataView(bytes.buffer);
    /** @param {number} place */
    const valueAt = (place) => unit === undefined ? view.getFloat32(4 * place, true) : unit * view.getInt8(place);
    const values = Float64Array.from({ length: count }, (_, place) => valueAt(place));
    need(values.every(Number.isFinite), `${name} holds a number that is not finite`);
    return values;
  };
  /** @type {(shapes: object, name: string) => unknown} */
  const read = (shapes, name) => {
    if (!Array.isArray(shapes)) {
      return Object.fromEntries(Object.entries(shapes).map(([key, inner]) => [key, read(inner, `${name}.${key}`)]));
    }
    if (isShape(shapes)) return readTensor(shapes, name);
    return shapes.map((inner, index) => read(inner, `${name}.${index}`));
  };
  const found = Object.entries(layoutOf(config, kind)).map(([name, shapes]) => [name, read(shapes, name)]);
  return Object.fromEntries(found);
}

/**
 * @param {unknown[]} shapes
 * @returns {shapes is number[]}
 */
function isShape(shapes) {
  return Number.isInteger(shapes[0]);
}
