"""The opponent of the feedback model: an ordinary transformer made of the same parts."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from feedback_lite import engine
from feedback_lite.attention import KeyValueProjection
from feedback_lite.block import Block
from feedback_lite.config import FeedbackConfig, check_type
from feedback_lite.mask import causal_mask
from feedback_lite.memory import Memory
from feedback_lite.model import Output, Reading, check_tokens
from feedback_lite.positions import RelativePositionBias, distances


class CausalTransformer(nn.Module):
    """Predict tokens with the same blocks, without feedback: each layer reads the same layer of the past.

    All positions are computed side by side. Each layer owns a key/value projection and reads the tokens up to and
    including the current one; the position bias is shared by the layers, as in the feedback model.

    Args:
        config: sizes, as for `FeedbackTransformer`. The whole sequence is in view, so ``memory_size`` is not used.

    Raises:
        ValueError: the config sets an option that only feedback has: ``segment_length``, ``memory_from``,
            ``memory_norm`` or ``compat``.
    """

    def __init__(self, config: FeedbackConfig) -> None:
        super().__init__()
        check_type("config", config, FeedbackConfig)
        options = (("segment_length", 1), ("memory_from", "mixture"), ("memory_norm", False), ("compat", None))
        for name, neutral in options:
            given = getattr(config, name)
            if given != neutral:
                raise ValueError(
                    f"{name} belongs to the feedback model: a CausalTransformer needs {neutral!r}, got {given!r}"
                )
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.bias = RelativePositionBias.from_config(config)
        layers = range(config.num_layers)
        self.to_keys_values = nn.ModuleList(KeyValueProjection.from_config(config) for _ in layers)
        self.blocks = nn.ModuleList(Block(config) for _ in layers)
        self.output_norm = nn.LayerNorm(config.d_model)
        self.to_logits = nn.Linear(config.d_model, config.vocab_size)

    def forward(self, tokens: Int[Tensor, "b t"]) -> Output:
        """Return logits for every position, and an empty memory: nothing is carried from call to call.

        Args:
            tokens: token numbers from 0 to ``vocab_size - 1``.

        Raises:
            TypeError: ``tokens`` does not hold integers.
            ValueError: ``tokens`` is not of rank 2 or holds an unknown number.
        """
        check_tokens(tokens, vocab_size=self.config.vocab_size)
        embedded = self.embedding(tokens)
        memory = Memory.empty(self.to_keys_values[0], embedded)
        if (fastest := engine.chosen(self, tokens).name) == "plain":
            top = self.read(embedded).hiddens[-1]
        else:
            top, memory = engine.run(self, fastest, embedded, memory)
        return Output(self.to_logits(self.output_norm(top)), memory)

    def read(self, embedded: Float[Tensor, "b t d"]) -> Reading:
        """Send the embeddings of whole sequences through all blocks, each of which reads keys and values of its own."""
        positions = torch.arange(embedded.shape[1], device=embedded.device)
        distance = distances(positions, positions)
        bias, mask = self.bias(distance), causal_mask(distance)
        empty = Memory.empty(self.to_keys_values[0], embedded)
        hiddens, weights = [embedded], []
        for block, to_own_keys_values in zip(self.blocks, self.to_keys_values, strict=True):
            hidden, block_weights = block(
                hiddens[-1], empty, to_own_keys_values=to_own_keys_values, bias=bias, mask=mask
            )
            hiddens.append(hidden)
            weights.append(block_weights)
        return Reading(torch.stack(hiddens), weights)
