"""The Feedback Transformer: all layers of a step are mixed into a memory that every layer of later steps reads."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from feedback_lite import engine
from feedback_lite.attention import KeyValueProjection
from feedback_lite.block import Block
from feedback_lite.config import FeedbackConfig, check_integers, check_type
from feedback_lite.mask import RULES, causal_mask
from feedback_lite.memory import Memory, check_memory, mix_layers
from feedback_lite.positions import RelativePositionBias, distances


class Output(NamedTuple):
    """What a model returns: scores for every token and position, and the memory after the last one."""

    logits: Float[Tensor, "b t v"]
    memory: Memory


class Reading(NamedTuple):
    """What happened to one segment: hidden vectors of the embedding and all layers, and all attention weights."""

    hiddens: Float[Tensor, "l b n d"]
    weights: list[Float[Tensor, "b h n j"]]


class FeedbackTransformer(nn.Module):
    """Predict tokens with a transformer whose every layer reads one memory, made of all layers of the past.

    For each segment in turn: every block reads the memory (and, in segments longer than 1, the tokens of the
    segment up to each token itself); then the layers are mixed, ``m = sum_l softmax(w)_l x_l``, one shared
    projection turns ``m`` into a key and a value per token, and the queue of ``memory_size`` slots takes them.

    Args:
        config: all sizes and options; kept as ``model.config``.

    Source:
        Fan et al. (2020), arXiv 2002.09402, as built in feedback-transformer-pytorch 0.0.11. Segments, pre-norm of
        the query side alone, the logarithmic position buckets and the gated feed-forward are the latter's.
    """

    def __init__(self, config: FeedbackConfig) -> None:
        super().__init__()
        check_type("config", config, FeedbackConfig)
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.bias = RelativePositionBias.from_config(config)
        self.to_keys_values = KeyValueProjection.from_config(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        if config.memory_from == "mixture":
            self.layer_weights = nn.Parameter(torch.zeros(config.num_layers + 1))
        if config.memory_norm:
            self.memory_norm = nn.LayerNorm(config.d_model)
        self.output_norm = nn.LayerNorm(config.d_model)
        self.to_logits = nn.Linear(config.d_model, config.vocab_size)

    def forward(self, tokens: Int[Tensor, "b t"], memory: Memory | None = None) -> Output:
        """Return logits for every position and the memory after the last.

        A call always begins a new segment. So a sequence may be given in pieces, with the memory carried over,
        and nothing changes as long as the pieces end on segment boundaries. A piece that ends elsewhere closes
        its last segment early: the tokens after it then read those before it through the memory.

        Args:
            tokens: token numbers from 0 to ``vocab_size - 1``.
            memory: the memory that an earlier call returned; none means an empty one. It still carries its graph:
                cut it with ``memory.detach()`` where gradients are to stop.

        Raises:
            TypeError: ``tokens`` does not hold integers, or ``memory`` is not a `Memory`.
            ValueError: ``tokens`` is not of rank 2 or holds an unknown number; ``memory`` does not fit.
        """
        check_tokens(tokens, vocab_size=self.config.vocab_size)
        embedded = self.embedding(tokens)
        empty = Memory.empty(self.to_keys_values, embedded)
        if memory is None:
            memory = empty
        check_memory(memory, empty, memory_size=self.config.memory_size)
        if (fastest := engine.chosen(self, tokens).name) != "plain":
            top, memory = engine.run(self, fastest, embedded, memory)
            return Output(self.head(top), memory)
        tops = []
        for segment in embedded.split(self.config.segment_length, dim=1):
            hiddens = self.read(segment, memory).hiddens
            memory = self.write(hiddens, memory)
            tops.append(hiddens[-1])
        return Output(self.head(torch.cat(tops, dim=1)), memory)

    def read(self, segment: Float[Tensor, "b n d"], memory: Memory) -> Reading:
        """Send the embeddings of one segment through all blocks, which read the memory as it stands before it."""
        num_slots, num_tokens = len(memory), segment.shape[1]
        reads_itself, start = RULES[self.config.compat](num_slots, num_tokens, self.config.segment_length)
        positions = torch.arange(num_slots + num_tokens, device=segment.device)
        key_positions = positions if reads_itself else positions[:num_slots]
        bias = self.bias(distances(positions[start : start + num_tokens], key_positions))
        mask = causal_mask(distances(positions[num_slots:], key_positions))
        hiddens, weights = [segment], []
        for block in self.blocks:
            hidden, block_weights = block(
                hiddens[-1],
                memory,
                to_own_keys_values=self.to_keys_values if reads_itself else None,
                bias=bias,
                mask=mask,
            )
            hiddens.append(hidden)
            weights.append(block_weights)
        return Reading(torch.stack(hiddens), weights)

    def write(self, hiddens: Float[Tensor, "l b n d"], memory: Memory) -> Memory:
        """Return the memory after a segment: its layers mixed, projected once, and pushed into the queue."""
        keys, values = self.to_keys_values(self.mix(hiddens))
        return memory.push(keys, values, memory_size=self.config.memory_size)

    def mix(self, hiddens: Float[Tensor, "l b n d"]) -> Float[Tensor, "b n d"]:
        """Return the vectors that memory takes its keys and values from."""
        mixed = hiddens[-1] if self.config.memory_from == "last" else mix_layers(hiddens, self.layer_weights)
        return self.memory_norm(mixed) if self.config.memory_norm else mixed

    def head(self, hidden: Float[Tensor, "b n d"]) -> Float[Tensor, "b n v"]:
        """Return the logits that follow from hidden vectors."""
        return self.to_logits(self.output_norm(hidden))


def check_tokens(tokens: Tensor, *, vocab_size: int, name: str = "tokens") -> None:
    """Raise unless ``tokens`` is an integer tensor of rank 2 with numbers that the vocabulary holds."""
    check_integers(name, tokens)
    if tokens.ndim != 2:
        raise ValueError(f"{name} must have shape (batch, time), got shape {tuple(tokens.shape)}")
    if tokens.numel() == 0:
        return
    smallest, largest = (int(extreme) for extreme in tokens.aminmax())
    if smallest < 0 or largest >= vocab_size:
        wrong = smallest if smallest < 0 else largest
        raise ValueError(f"{name} must lie from 0 to {vocab_size - 1} (vocab_size - 1), got {wrong}")
