"""The opponents of the feedback model: an ordinary transformer of equal parts, and recurrent networks."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from feedback_lite.attention import KeyValueProjection
from feedback_lite.config import FeedbackConfig, check_choice, check_size
from feedback_lite.mask import causal_mask
from feedback_lite.memory import Memory
from feedback_lite.model import Output, Reading, check_tokens, make_blocks
from feedback_lite.positions import RelativePositionBias, distances


class CausalTransformer(nn.Module):
    """Predict tokens with the same blocks, without feedback: each layer reads the same layer of the past.

    All positions are computed side by side. Each layer owns a key/value projection and reads the tokens up to and
    including the current one; the position bias is shared by the layers, as in the feedback model.

    Args:
        config: sizes, as for `FeedbackTransformer`. The whole sequence is in view, so ``memory_size`` is not used.

    Raises:
        ValueError: the config sets an option that only feedback has: ``segment_length``, ``memory_from`` or ``compat``.
    """

    def __init__(self, config: FeedbackConfig) -> None:
        super().__init__()
        for name, neutral in (("segment_length", 1), ("memory_from", "mixture"), ("compat", None)):
            given = getattr(config, name)
            if given != neutral:
                raise ValueError(
                    f"{name} belongs to the feedback model: a CausalTransformer needs {neutral!r}, got {given!r}"
                )
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.bias = RelativePositionBias(
            num_heads=config.num_heads,
            num_buckets=config.num_buckets,
            max_distance=config.max_distance,
            init=config.bias_init,
        )
        self.to_keys_values = nn.ModuleList(
            KeyValueProjection(d_model=config.d_model, num_heads=config.num_heads, head_dim=config.head_dim)
            for _ in range(config.num_layers)
        )
        self.blocks = make_blocks(config)
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
        empty = Memory(*self.to_keys_values[0](embedded[:, :0]))
        top = self.read(embedded).hiddens[-1]
        return Output(self.to_logits(self.output_norm(top)), empty)

    def read(self, embedded: Float[Tensor, "b t d"]) -> Reading:
        """Send the embeddings of whole sequences through all blocks, each of which reads keys and values of its own."""
        positions = torch.arange(embedded.shape[1], device=embedded.device)
        distance = distances(positions, positions)
        bias, mask = self.bias(distance), causal_mask(distance)
        empty = Memory(*self.to_keys_values[0](embedded[:, :0]))
        hiddens, weights = [embedded], []
        for block, to_own_keys_values in zip(self.blocks, self.to_keys_values, strict=True):
            hidden, block_weights = block(
                hiddens[-1], empty, to_own_keys_values=to_own_keys_values, bias=bias, mask=mask
            )
            hiddens.append(hidden)
            weights.append(block_weights)
        return Reading(torch.stack(hiddens), weights)


Cell = Literal["lstm", "gru"]
CELLS: dict[Cell, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}


@dataclass(frozen=True, kw_only=True)
class RecurrentConfig:
    """Sizes of a recurrent network, checked once when it is made.

    Args:
        vocab_size: number of different tokens, for the embedding and for the logits.
        d_model: width of the embedding and of the state.
        num_layers: number of recurrent layers.
        cell: "lstm" or "gru".

    Raises:
        TypeError: a size is not an integer.
        ValueError: a value is not allowed; the message names the argument, the value and what is allowed.
    """

    vocab_size: int
    d_model: int
    num_layers: int = 1
    cell: Cell = "lstm"

    def __post_init__(self) -> None:
        for name in ("vocab_size", "d_model", "num_layers"):
            check_size(name, getattr(self, name))
        check_choice("cell", self.cell, get_args(Cell))


class RecurrentNetwork(nn.Module):
    """Predict tokens with an LSTM or a GRU: a state of fixed size that every token changes, and no attention.

    Args:
        config: all sizes; kept as ``model.config``.

    Source:
        PyTorch's own cells: Hochreiter and Schmidhuber (1997) and Cho et al. (2014).
    """

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.cell = CELLS[config.cell](config.d_model, config.d_model, config.num_layers, batch_first=True)
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
        states, _ = self.cell(self.embedding(tokens))
        return Output(self.to_logits(states), Memory(states[:, :0], states[:, :0]))
