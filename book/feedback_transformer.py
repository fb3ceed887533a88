"""The Feedback Transformer of Fan et al. (2020), PyTorch alone.

From the book feedback-lite; MIT licence. Shapes are named by b sequences,
t tokens, m slots of memory, h heads of e numbers each, and d = d_model.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class FeedbackTransformer(nn.Module):
    """All layers read one memory; a step writes a mixture of its layers."""

    def __init__(
        self, *, vocab_size, d_model, num_layers, num_heads, head_dim,
        memory_size, num_buckets=32, max_distance=128, ff_mult=4,
    ):
        super().__init__()
        d, he, ff = d_model, num_heads * head_dim, ff_mult * d_model
        self.he, self.num_heads, self.memory_size = he, num_heads, memory_size
        self.max_distance = max_distance
        self.embedding = nn.Embedding(vocab_size, d)
        # One position table and one projection serve all layers.
        table = torch.zeros(num_buckets, num_heads)
        self.bias = nn.ParameterDict({"table": table})
        to_both = nn.Linear(d, 2 * he, bias=False)
        self.to_keys_values = nn.ModuleDict({"linear": to_both})
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
        # One weight per layer; layer 0 is the embedding.
        self.layer_weights = nn.Parameter(torch.zeros(num_layers + 1))
        self.output_norm = nn.LayerNorm(d)
        self.to_logits = nn.Linear(d, vocab_size)

    def forward(self, tokens, memory=None):
        """Return logits, (b, t, vocabulary), and the memory after the tokens.

        A memory is keys and values, (b, m, h e) each, oldest slot first.
        """
        embedded = self.embedding(tokens)  # (b, t, d)
        empty = embedded.new_zeros(len(tokens), 0, self.he)
        keys, values = (empty, empty) if memory is None else memory
        tops = []
        for x in embedded.split(1, dim=1):  # (b, 1, d): one after another
            hiddens, bias = [x], self.position_bias(keys.shape[1])
            for block in self.blocks:
                if keys.shape[1] > 0:  # else not even a bias is added
                    x = x + self.read(block, x, keys, values, bias)
                x = x + self.feed(block, x)
                hiddens.append(x)
            tops.append(x)
            both = self.to_keys_values.linear(self.mix(hiddens))
            key, value = both.chunk(2, dim=-1)  # (b, 1, h e) each
            keys = torch.cat((keys, key), dim=1)[:, -self.memory_size :]
            values = torch.cat((values, value), dim=1)[:, -self.memory_size :]
        logits = self.to_logits(self.output_norm(torch.cat(tops, dim=1)))
        return logits, (keys, values)

    def mix(self, hiddens):
        """Return the memory vector of a step, (b, 1, d)."""
        return torch.stack(hiddens, dim=-1) @ self.layer_weights.softmax(dim=0)

    def read(self, block, x, keys, values, bias):
        """Return what one layer reads from memory, (b, 1, d)."""
        queries = block.attention.to_queries(block.attention_norm(x))
        q, k, v = (
            each.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for each in (queries, keys, values)
        )  # (b, h, 1, e), then (b, h, m, e) twice
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias
        heads = scores.softmax(dim=-1) @ v  # (b, h, 1, e)
        return block.attention.to_output(heads.transpose(1, 2).flatten(2))

    def position_bias(self, slots):
        """Return a learned number per head and slot, (h, 1, m)."""
        table = self.bias.table  # the newest slot is at distance 1
        distance = torch.arange(slots, 0, -1, device=table.device)
        exact = len(table) // 2  # distances with a bucket of their own
        ratio = torch.log(distance.clamp(min=exact).float() / exact)
        ratio = ratio / math.log(self.max_distance / exact)
        shared = exact + (ratio * (len(table) - exact)).long()
        bucket = torch.where(distance < exact, distance, shared)
        return table[bucket.clamp(max=len(table) - 1)].T[:, None]

    def feed(self, block, x):
        """Return what the gated feed-forward layer adds, (b, 1, d)."""
        doubled = block.feedforward.widen(block.feedforward_norm(x))
        value, gate = doubled.chunk(2, dim=-1)
        return block.feedforward.narrow(value * F.gelu(gate))
