// The mathematics of the model, line by line as in Python. Tests hold it equal to PyTorch.

/** The shares of raw scores. The largest is taken off first, so that no power overflows; -Infinity gets 0. */
export function softmax(scores) {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** One memory vector from the hidden vectors of all layers, layer 0 the embedding. */
export function mixLayers(hiddens, layerWeights) {
  const shares = softmax(layerWeights);
  return hiddens[0].map((_, position) =>
    shares.reduce((sum, share, layer) => sum + share * hiddens[layer][position], 0),
  );
}
