"""The Feedback Transformer in one file, PyTorch alone. Fan et al. (2020); from the book feedback-lite (MIT)."""

import math

import torch
import torch.nn.functional as F
from torch import nn

# Shapes: b sequences, t tokens, m slots of memory, h heads of e numbers each, d = d_model.


class FeedbackTransformer(nn.Module):
    """All layers read one memory of earlier steps; each step writes a mixture of its layers."""

    def __init__(
        self, *, vocab_size, d_model, num_layers, num_heads, head_dim, memory_size,
        num_buckets=32, max_distance=128, ff_mult=4,
    ):
        super().__init__()
        d, he, ff = d_model, num_heads * head_dim, ff_mult * d_model
        self.he, self.num_heads, self.memory_size = he, num_heads, memory_size
        self.max_distance = max_distance
        self.embedding = nn.Embedding(vocab_size, d)
        # One position table and one projection, for all layers.
        self.bias = nn.ParameterDict({"table": torch.zeros(num_buckets, num_heads)})
        self.to_keys_values = nn.ModuleDict({"linear": nn.Linear(d, 2 * he, bias=False)})
        self.blocks = nn.ModuleList(
            nn.ModuleDict({
                "attention_norm": nn.LayerNorm(d),
                "attention": nn.ModuleDict({
                    "to_queries": nn.Linear(d, he, bias=False),
                    "to_output": nn.Linear(he, d),
                }),
                "feedforward_norm": nn.LayerNorm(d),
                "feedforward": nn.ModuleDict({
                    "widen": nn.Linear(d, 2 * ff),
                    "narrow": nn.Linear(ff, d),
                }),
            })
            for _ in range(num_layers)
        )
        self.layer_weights = nn.Parameter(torch.zeros(num_layers + 1))  # layer 0: embedding
        self.output_norm = nn.LayerNorm(d)
        self.to_logits = nn.Linear(d, vocab_size)

    def forward(self, tokens, memory=None):
        """Return logits (b, t, vocabulary) and the memory after the last token.

        The memory is a pair: keys and values, (b, m, h e) each, oldest slot first.
        """
        embedded = self.embedding(tokens)  # (b, t, d)
        empty = embedded.new_zeros(len(tokens), 0, self.he)
        keys, values = (empty, empty) if memory is None else memory
        tops = []
        for x in embedded.split(1, dim=1):  # (b, 1, d); the loop that cannot run side by side
            hiddens, bias = [x], self.position_bias(keys.shape[1])
            for block in self.blocks:
                if keys.shape[1] > 0:  # the first token has nothing to read: not even a bias
                    x = x + self.read(block.attention, block.attention_norm(x), keys, values, bias)
                x = x + self.feed(block.feedforward, block.feedforward_norm(x))
                hiddens.append(x)
            tops.append(x)
            key, value = self.to_keys_values.linear(self.mix(hiddens)).chunk(2, dim=-1)
            keys = torch.cat((keys, key), dim=1)[:, -self.memory_size :]
            values = torch.cat((values, value), dim=1)[:, -self.memory_size :]
        return self.to_logits(self.output_norm(torch.cat(tops, dim=1))), (keys, values)

    def mix(self, hiddens):
        """Return the memory vector of a step, (b, 1, d): all layers, by their shares."""
        return torch.stack(hiddens, dim=-1) @ self.layer_weights.softmax(dim=0)

    def read(self, attention, x, keys, values, bias):
        """Return what one layer reads from memory: (b, 1, d)."""
        q, k, v = (
            each.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (b, h, 1 or m, e)
            for each in (attention.to_queries(x), keys, values)
        )
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias  # (b, h, 1, m)
        return attention.to_output((scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2))

    def position_bias(self, slots):
        """Return a learned number per head and slot, (h, 1, m), by the slot's distance."""
        distance = torch.arange(slots, 0, -1, device=self.bias.table.device)  # newest: 1
        num_buckets = len(self.bias.table)
        exact = num_buckets // 2  # nearer ones have a bucket each, the others share
        far = torch.log(distance.clamp(min=exact).float() / exact) / math.log(self.max_distance / exact)
        shared = (exact + (far * (num_buckets - exact)).long()).clamp(max=num_buckets - 1)
        return self.bias.table[torch.where(distance < exact, distance, shared)].T[:, None]

    def feed(self, feedforward, x):
        """Return the gated feed-forward layer's part: (b, 1, d)."""
        value, gate = feedforward.widen(x).chunk(2, dim=-1)
        return feedforward.narrow(value * F.gelu(gate))
