// The mathematics of the model, line by line as in Python. Tests hold it equal to PyTorch.

/** @typedef {number[] | Float64Array} Vector */

/**
 * The shares of raw scores. The largest is taken off first, so that no power overflows; -Infinity gets 0.
 *
 * @param {number[]} scores
 */
export function softmax(scores) {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/**
 * One memory vector from the hidden vectors of all layers, layer 0 the embedding.
 *
 * @template {Vector} Hidden
 * @param {Hidden[]} hiddens
 * @param {Vector} layerWeights
 */
export function mixLayers(hiddens, layerWeights) {
  const shares = softmax([...layerWeights]);
  /** @type {(position: number) => number} */
  const mixed = (position) => shares.reduce((sum, share, layer) => sum + share * hiddens[layer][position], 0);
  return /** @type {Hidden} */ (hiddens[0].map((_, position) => mixed(position)));
}
