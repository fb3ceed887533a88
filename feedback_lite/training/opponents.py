"""What feedback is compared with beside an ordinary transformer: recurrent networks, and a memory for each layer."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from feedback_lite.attention import KeyValueProjection
from feedback_lite.config import check_choice, check_size
from feedback_lite.mask import causal_mask
from feedback_lite.memory import Memory
from feedback_lite.model import FeedbackTransformer, Output, check_tokens
from feedback_lite.positions import distances

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
        return Output(self.to_logits(states), Memory.empty(lambda vectors: (vectors, vectors), states))


class SeparateKeysValues(nn.Module):
    """The feedback model with one key/value projection, and so one memory, per layer instead of a shared one.

    All else is as in `FeedbackTransformer` with segments of one token.

    Args:
        model: a fresh model; its projection becomes that of the first layer, the others start on their own.
    """

    def __init__(self, model: FeedbackTransformer) -> None:
        super().__init__()
        config = model.config
        if config.segment_length != 1 or config.compat is not None:
            raise ValueError("separate keys and values need segment_length=1 and compat=None")
        self.config = config
        self.model = model
        self.others = nn.ModuleList(KeyValueProjection.from_config(config) for _ in range(config.num_layers - 1))

    def forward(self, tokens: Int[Tensor, "b t"]) -> Output:
        """Return logits for every position, and the first layer's memory."""
        check_tokens(tokens, vocab_size=self.config.vocab_size)
        embedded = self.model.embedding(tokens)
        projections = (self.model.to_keys_values, *self.others)
        memories = [Memory.empty(projection, embedded) for projection in projections]
        tops = []
        for token in embedded.split(1, dim=1):
            hiddens = self.read(token, memories)
            mixed = self.model.mix(hiddens)
            memories = [
                memory.push(*projection(mixed), memory_size=self.config.memory_size)
                for memory, projection in zip(memories, projections, strict=True)
            ]
            tops.append(hiddens[-1])
        return Output(self.model.head(torch.cat(tops, dim=1)), memories[0])

    def read(self, token: Float[Tensor, "b 1 d"], memories: list[Memory]) -> Float[Tensor, "l b 1 d"]:
        """Send one token through all blocks, each of which reads its own memory."""
        positions = torch.arange(len(memories[0]) + 1)
        distance = distances(positions[-1:], positions[:-1])
        bias, mask = self.model.bias(distance), causal_mask(distance)
        hiddens = [token]
        for block, memory in zip(self.model.blocks, memories, strict=True):
            hiddens.append(block(hiddens[-1], memory, bias=bias, mask=mask)[0])
        return torch.stack(hiddens)
