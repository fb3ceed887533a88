"""Generation with the memory in a ring: a step writes over the oldest slot, and nothing else moves."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor, nn

from feedback_lite.block import Block
from feedback_lite.engine import FEEDBACK, bias_of_slots, is_stock, name_of, wanted
from feedback_lite.memory import Memory


class Ring:
    """A memory that is written in place, and the steps of a model upon it, one token per sequence each.

    The token that is written as number ``i``, counted from 0, lies in slot ``i % num_slots``. Attention does not mind
    the order, as long as every slot gets the bias of its distance. Down from the newest slot to the first, and then on
    from the last one down, the distances are 1, 2, ..., ``num_slots``. So a table that holds the row of biases twice
    has those of any step in one slice, and the slice begins one place earlier with every step.

    Args:
        model: a model of which `reason_against` has nothing to say.
        memory: the memory to begin with; it is copied.
        num_steps: the most steps that will be made, at least 1.
    """

    @torch.inference_mode()
    def __init__(self, model: Any, memory: Memory, *, num_steps: int) -> None:
        config, batch = model.config, len(memory.keys)
        self.num_slots = min(config.memory_size, len(memory) + num_steps)
        self.num_filled, self.next_slot = len(memory), len(memory) % self.num_slots
        self.keys = memory.keys.new_empty(batch * config.num_heads, config.head_dim, self.num_slots)
        self.values = memory.keys.new_empty(batch * config.num_heads, self.num_slots, config.head_dim)
        self.keys[:, :, : len(memory)] = rearrange(memory.keys, "b m (h e) -> (b h) e m", h=config.num_heads)
        self.values[:, : len(memory)] = rearrange(memory.values, "b m (h e) -> (b h) m e", h=config.num_heads)
        self.biases = repeat(bias_of_slots(model, self.num_slots), "h m -> (b h) 1 (twice m)", b=batch, twice=2)
        self.embedding = model.embedding.weight
        self.layers = [Layer.of(block) for block in model.blocks if isinstance(block, Block)]
        self.shares = None
        if config.memory_from == "mixture":
            self.shares = rearrange(model.layer_weights.softmax(dim=0), "l -> 1 l")
        self.memory_norm = norm_of(model.memory_norm) if config.memory_norm else None
        self.to_key, self.to_value = (half.t().contiguous() for half in model.to_keys_values.linear.weight.chunk(2))
        self.output_norm = norm_of(model.output_norm)
        self.to_logits, self.logits_bias = model.to_logits.weight.t().contiguous(), model.to_logits.bias

    @torch.inference_mode()
    def advance(self, model: nn.Module, tokens: Int[Tensor, "b t"]) -> tuple[Float[Tensor, "b v"], "Ring"]:
        """Return the logits after the last token, and the ring, which now holds it."""
        hidden = F.embedding(tokens[:, -1], self.embedding)
        first = self.num_slots - self.next_slot
        keys, values = self.keys[:, :, : self.num_filled], self.values[:, : self.num_filled]
        biases = self.biases[:, :, first : first + self.num_filled]
        hiddens = [hidden]
        for layer in self.layers:
            if self.num_filled:
                hidden = layer.attend(hidden, keys, values, biases)
            hidden = layer.feed_forward(hidden)
            hiddens.append(hidden)
        self.write(hidden if self.shares is None else torch.mm(self.shares, torch.stack(hiddens).flatten(1)))
        normed = torch.layer_norm(hidden, hidden.shape[1:], *self.output_norm)
        return torch.addmm(self.logits_bias, normed, self.to_logits), self

    def write(self, mixture: Float[Tensor, "..."]) -> None:
        """Write the mixture's key and value over the oldest slot, or into the next one that is free."""
        mixture = mixture.view(-1, len(self.to_key))
        if self.memory_norm is not None:
            mixture = torch.layer_norm(mixture, mixture.shape[1:], *self.memory_norm)
        self.keys[:, :, self.next_slot] = torch.mm(mixture, self.to_key).view(-1, self.keys.shape[1])
        self.values[:, self.next_slot] = torch.mm(mixture, self.to_value).view(-1, self.keys.shape[1])
        self.num_filled = min(self.num_filled + 1, self.num_slots)
        self.next_slot = (self.next_slot + 1) % self.num_slots


class Layer(NamedTuple):
    """A block as a single token needs it.

    With few rows the calls are what costs, and reading the weights: so there are products and views alone, no einops,
    and all matrices are transposed, which halves the time of such a product.
    """

    attention_norm: tuple[Tensor, Tensor]
    to_queries: Float[Tensor, "d he"]
    to_output: Float[Tensor, "he d"]
    output_bias: Float[Tensor, "d"]
    feedforward_norm: tuple[Tensor, Tensor]
    widen: Float[Tensor, "d ff2"]
    widen_bias: Float[Tensor, "ff2"]
    narrow: Float[Tensor, "ff d"]
    narrow_bias: Float[Tensor, "d"]

    @classmethod
    def of(cls, block: Block) -> "Layer":
        """Copy the weights of a block.

        The queries take the scale of the scores along. With ``widen`` and its bias scaled by ``sqrt(1/2)``, the gated
        unit ``value * gelu(gate)`` is ``value * gate * (1 + erf(gate))``: a sixth of a step is saved at batch 1.
        """
        attention, feedforward = block.attention, block.feedforward
        head_dim, root = len(attention.to_queries.weight) // attention.num_heads, 0.5**0.5
        return cls(
            norm_of(block.attention_norm),
            attention.to_queries.weight.t().contiguous() * head_dim**-0.5,
            attention.to_output.weight.t().contiguous(),
            attention.to_output.bias,
            norm_of(block.feedforward_norm),
            feedforward.widen.weight.t().contiguous() * root,
            feedforward.widen.bias * root,
            feedforward.narrow.weight.t().contiguous(),
            feedforward.narrow.bias,
        )

    def attend(
        self,
        hidden: Float[Tensor, "b d"],
        keys: Float[Tensor, "bh e m"],
        values: Float[Tensor, "bh m e"],
        biases: Float[Tensor, "bh 1 m"],
    ) -> Float[Tensor, "b d"]:
        """Add to the hidden vectors what they read from the memory."""
        normed = torch.layer_norm(hidden, hidden.shape[1:], *self.attention_norm)
        queries = torch.mm(normed, self.to_queries).view(len(keys), 1, keys.shape[1])
        weights = torch.baddbmm(biases, queries, keys).softmax(dim=-1)
        read = torch.bmm(weights, values).view(len(hidden), len(self.to_output))
        return torch.addmm(hidden, read, self.to_output).add_(self.output_bias)

    def feed_forward(self, hidden: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """Add to the hidden vectors what the feed-forward layer makes of them."""
        normed = torch.layer_norm(hidden, hidden.shape[1:], *self.feedforward_norm)
        value, gate = torch.addmm(self.widen_bias, normed, self.widen).chunk(2, dim=-1)
        gated = value * gate
        gated.addcmul_(gated, torch.erf(gate))
        return torch.addmm(hidden, gated, self.narrow).add_(self.narrow_bias)


def norm_of(norm: nn.LayerNorm) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a layer norm."""
    return norm.weight, norm.bias


def reason_against(model: Any, memory: Memory) -> str | None:
    """Return why a ring cannot take over from a memory, or None where it can."""
    if wanted.get() == "plain":
        return "the plain loop is asked for"
    if name_of(model) != FEEDBACK:
        return f"the model is a {type(model).__name__}"
    if model.config.segment_length != 1:
        return f"its segments are {model.config.segment_length} tokens long"
    if memory.keys.dtype != model.embedding.weight.dtype:
        return f"its weights are of {model.embedding.weight.dtype}, its memory of {memory.keys.dtype}"
    return is_stock(model)
