"""The forward pass in segments longer than one token, with few copies of the memory."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from feedback_lite.config import FeedbackConfig
from feedback_lite.feedforward import geglu
from feedback_lite.mask import RULES, causal_mask
from feedback_lite.memory import Memory
from feedback_lite.positions import RelativePositionBias, distances

SEGMENTS_APART = 8
"""So many segments are kept apart from the older memory before they are joined to it."""


def bias_table(config: FeedbackConfig, bias: RelativePositionBias, *, num_slots: int) -> Float[Tensor, "h n j"]:
    """Return the biases of a whole segment after a memory of ``num_slots``: those of any shorter one are a slice."""
    _, start = RULES[config.compat](num_slots, config.segment_length, config.segment_length)
    positions = torch.arange(num_slots + config.segment_length, device=bias.table.device)
    return bias(distances(positions[start : start + config.segment_length], positions))


class Part(NamedTuple):
    """Keys and values of some neighbouring slots, heads split and laid beside the batch."""

    keys: Float[Tensor, "bh j e"]
    values: Float[Tensor, "bh j e"]

    @property
    def num_slots(self) -> int:
        """The number of slots."""
        return self.keys.shape[1]

    def newest(self, number: int) -> "Part":
        """Return the newest slots, at most so many; they are not copied."""
        oldest = max(0, self.num_slots - number)
        return Part(self.keys[:, oldest:], self.values[:, oldest:])

    def join(self, newer: "Part") -> "Part":
        """Return these slots and newer ones in one copy."""
        return Part(torch.cat((self.keys, newer.keys), dim=1), torch.cat((self.values, newer.values), dim=1))


def recur(
    config: FeedbackConfig,
    weights: Mapping[str, Tensor],
    embedded: Float[Tensor, "b t d"],
    memory: Memory,
    bias: Float[Tensor, "h n j"],
    shares: Float[Tensor, "l"],
    *,
    training: bool = False,
) -> tuple[Float[Tensor, "b t d"], Memory]:
    """Work through embedded tokens segment by segment; return their top hidden vectors and the memory after them.

    The numbers are those of `FeedbackTransformer.read` and ``write``. There every layer joins the memory's keys to its
    own and splits the heads, and backward keeps each copy. Here heads are split before the queue and *scores* are
    joined, not keys: all layers read the same memory. And it comes in two parts, so that the older and longer one is
    copied once in `SEGMENTS_APART` segments.

    Args:
        config: the model's config.
        weights: the model's parameters by name.
        embedded: embeddings of the tokens.
        memory: memory to begin with.
        bias: what `bias_table` gives for the longest memory that can be met.
        shares: share of every layer in the mixture.
        training: whether dropout is on.
    """
    rule, length = RULES[config.compat], config.segment_length
    _, longest = rule(bias.shape[2] - length, length, length)
    older = Part(split(memory.keys, config), split(memory.values, config))
    recent = older.newest(0)
    layers = [
        {name.removeprefix(f"blocks.{layer}."): weight for name, weight in weights.items()}
        for layer in range(config.num_layers)
    ]
    tops = []
    for segment in embedded.split(length, dim=1):  # type: ignore[no-untyped-call]
        num_slots, num_tokens = older.num_slots + recent.num_slots, segment.shape[1]
        reads_itself, start = rule(num_slots, num_tokens, length)
        num_keys = num_slots + (num_tokens if reads_itself else 0)
        positions = torch.arange(num_slots + num_tokens, device=bias.device)
        mask = causal_mask(distances(positions[num_slots:], positions[:num_keys]))
        biases = bias[:, :num_tokens, longest - start :][:, :, :num_keys].masked_fill(~mask, float("-inf"))
        biases = biases.repeat(len(segment), 1, 1)
        hiddens = [segment]
        for layer in layers:
            attended = attend(config, layer, hiddens[-1], [older, recent], biases, reads_itself, training=training)
            hiddens.append(feed_forward(config, layer, attended, training=training))
        tops.append(hiddens[-1])
        mixture = (rearrange(shares, "l -> l 1 1 1") * torch.stack(hiddens)).sum(dim=0)
        if config.memory_norm:
            mixture = norm(weights, "memory_norm", mixture)
        recent = recent.join(keys_and_values(config, weights, mixture))
        if recent.num_slots >= SEGMENTS_APART * length:
            older, recent = older.join(recent), recent.newest(0)
        recent = recent.newest(config.memory_size)
        older = older.newest(config.memory_size - recent.num_slots)
    keys, values = older.join(recent)
    return torch.cat(tops, dim=1), Memory(merge(keys, config), merge(values, config))


def attend(
    config: FeedbackConfig,
    weights: Mapping[str, Tensor],
    hidden: Float[Tensor, "b n d"],
    parts: list[Part],
    biases: Float[Tensor, "bh n j"],
    reads_itself: bool,
    *,
    training: bool,
) -> Float[Tensor, "b n d"]:
    """Add to the hidden vectors what they read from all parts and, where that is the rule, from their own segment."""
    if biases.shape[2] == 0:
        return hidden
    normed = norm(weights, "attention_norm", hidden)
    queries = split(F.linear(normed, weights["attention.to_queries.weight"]) * config.head_dim**-0.5, config)
    if reads_itself:
        parts = [*parts, keys_and_values(config, weights, normed)]
    scores = torch.cat([queries @ keys.mT for keys, _ in parts], dim=-1) + biases
    shares = F.dropout(scores.softmax(dim=-1), config.attn_dropout, training)
    of_parts = torch.split(shares, [part.num_slots for part in parts], dim=-1)
    reads = [share @ values for share, (_, values) in zip(of_parts, parts, strict=True)]
    read = merge(sum(reads[1:], reads[0]), config)
    return hidden + F.linear(read, weights["attention.to_output.weight"], weights["attention.to_output.bias"])


def feed_forward(
    config: FeedbackConfig, weights: Mapping[str, Tensor], hidden: Float[Tensor, "b n d"], *, training: bool
) -> Float[Tensor, "b n d"]:
    """Add to the hidden vectors what the feed-forward layer makes of them."""
    normed = norm(weights, "feedforward_norm", hidden)
    gated = geglu(F.linear(normed, weights["feedforward.widen.weight"], weights["feedforward.widen.bias"]))
    gated = F.dropout(gated, config.ff_dropout, training)
    return hidden + F.linear(gated, weights["feedforward.narrow.weight"], weights["feedforward.narrow.bias"])


def keys_and_values(config: FeedbackConfig, weights: Mapping[str, Tensor], hidden: Float[Tensor, "b n d"]) -> Part:
    """Return the keys and values of hidden vectors."""
    keys, values = F.linear(hidden, weights["to_keys_values.linear.weight"]).chunk(2, dim=-1)
    return Part(split(keys, config), split(values, config))


def norm(weights: Mapping[str, Tensor], name: str, hidden: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
    """Return the hidden vectors after a layer norm."""
    return F.layer_norm(hidden, hidden.shape[2:], weights[f"{name}.weight"], weights[f"{name}.bias"])


def split(merged: Float[Tensor, "b n he"], config: FeedbackConfig) -> Float[Tensor, "bh n e"]:
    """Split the heads and lay them beside the batch: a batched product then copies nothing."""
    return rearrange(merged, "b n (h e) -> (b h) n e", h=config.num_heads)


def merge(heads: Float[Tensor, "bh n e"], config: FeedbackConfig) -> Float[Tensor, "b n he"]:
    """Undo `split`."""
    return rearrange(heads, "(b h) n e -> b n (h e)", h=config.num_heads)
