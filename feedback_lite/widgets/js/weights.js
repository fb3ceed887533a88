// Reads a trained model as feedback_lite.widgets.live.export writes it, and refuses what is not whole.

/** The modules of a model and the shapes of their weights. */
function layoutOf({ vocab_size, d_model, num_layers, num_heads, head_dim, ff_mult }, kind) {
  const [merged, wide] = [num_heads * head_dim, ff_mult * d_model];
  const affine = (outputs, inputs) => ({ weight: [outputs, inputs], bias: [outputs] });
  const norm = { weight: [d_model], bias: [d_model] };
  const projection = { linear: { weight: [2 * merged, d_model] } };
  const block = {
    attention_norm: norm,
    attention: { to_queries: { weight: [merged, d_model] }, to_output: affine(d_model, merged) },
    feedforward_norm: norm,
    feedforward: { widen: affine(2 * wide, d_model), narrow: affine(d_model, wide) },
  };
  const own = { to_keys_values: Array(num_layers).fill(projection) };
  return {
    embedding: { weight: [vocab_size, d_model] },
    blocks: Array(num_layers).fill(block),
    output_norm: norm,
    to_logits: affine(vocab_size, d_model),
    ...(kind === "feedback" ? { to_keys_values: projection, layer_weights: [num_layers + 1] } : own),
  };
}

/** All weights of an exported model, each where PyTorch has it: blocks[0].attention.to_queries.weight. */
export function readWeights(exported, kind) {
  const need = (holds, reason) => {
    if (!holds) throw new Error(`The weights of ${exported?.name ?? "the model"} could not be read: ${reason}.`);
  };
  const { config, bias, weights } = exported ?? {};
  need(config && bias && weights, "config, bias or weights are missing");
  need(exported.kind === kind, `the kind of model must be "${kind}", not "${exported.kind}"`);
  const sizes = ["vocab_size", "d_model", "num_layers", "num_heads", "head_dim", "memory_size", "ff_mult"];
  const wrong = sizes.find((name) => !(Number.isInteger(config[name]) && config[name] > 0));
  need(!wrong, `${wrong} must be a positive whole number`);
  need(config.segment_length === 1, `segment_length must be 1, not ${config.segment_length}`);
  const whole = (row) => row?.length === config.max_distance + 1 && row.every(Number.isFinite);
  const byHead = Array.isArray(bias) && bias.length === config.num_heads && bias.every(whole);
  need(byHead, "bias must hold a number for every head and distance");

  const read = (shape, name) => {
    if (!Array.isArray(shape)) {
      return Object.fromEntries(Object.entries(shape).map(([key, inner]) => [key, read(inner, `${name}.${key}`)]));
    }
    if (!Number.isInteger(shape[0])) return shape.map((inner, index) => read(inner, `${name}.${index}`));
    const { shape: given, base64 } = weights[name] ?? {};
    need(Array.isArray(given) && base64, `${name} is missing`);
    need(String(given) === String(shape), `${name} must have the shape ${shape.join(" x ")}, not ${given.join(" x ")}`);
    need(/^[A-Za-z0-9+/]*={0,2}$/.test(base64) && base64.length % 4 === 0, `${name} is not in base64`);
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const count = shape.reduce((product, size) => product * size);
    need(bytes.length === 4 * count, `${name} must hold ${4 * count} bytes, not ${bytes.length}`);
    const view = new DataView(bytes.buffer);
    const values = Float64Array.from({ length: count }, (_, place) => view.getFloat32(4 * place, true));
    need(values.every(Number.isFinite), `${name} holds a number that is not finite`);
    return values;
  };
  const layout = Object.entries(layoutOf(config, kind));
  return Object.fromEntries(layout.map(([name, shape]) => [name, read(shape, name)]));
}
