"""Multi-head attention, and the one projection that makes its keys and values."""

from einops import einsum, rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from feedback_lite.config import FeedbackConfig, check_probability, check_size


def split_heads(merged: Float[Tensor, "b n he"], *, num_heads: int) -> Float[Tensor, "b h n e"]:
    """Cut the last axis into ``num_heads`` heads and bring the heads to the front."""
    return rearrange(merged, "b n (h e) -> b h n e", h=num_heads)


def merge_heads(split: Float[Tensor, "b h n e"]) -> Float[Tensor, "b n he"]:
    """Undo `split_heads`: lay the heads side by side again."""
    return rearrange(split, "b h n e -> b n (h e)")


def attention_weights(
    queries: Float[Tensor, "b h i e"],
    keys: Float[Tensor, "b h j e"],
    *,
    bias: Float[Tensor, "h i j"] | None = None,
    mask: Bool[Tensor, "i j"] | None = None,
) -> Float[Tensor, "b h i j"]:
    """Return how much each query reads from each key.

    ``weights = softmax_j(queries . keys / sqrt(e) + bias)``, where keys with a false ``mask`` get weight 0.
    The scale belongs to the product alone, never to the bias. Every query needs at least one allowed key.
    """
    scale = queries.shape[-1] ** -0.5
    scores = einsum(queries * scale, keys, "b h i e, b h j e -> b h i j")
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(dim=-1)


def attend(weights: Float[Tensor, "b h i j"], values: Float[Tensor, "b h j e"]) -> Float[Tensor, "b h i e"]:
    """Return the weighted sum of the values for every query: ``sum_j weights[i, j] * values[j]``."""
    return einsum(weights, values, "b h i j, b h j e -> b h i e")


class KeyValueProjection(nn.Module):
    """Make one key and one value out of a vector, by a single matrix without bias.

    The feedback model owns one of these for all its layers: they all read the same memory.
    """

    def __init__(self, *, d_model: int, num_heads: int, head_dim: int) -> None:
        super().__init__()
        for name, value in (("d_model", d_model), ("num_heads", num_heads), ("head_dim", head_dim)):
            check_size(name, value)
        self.linear = nn.Linear(d_model, 2 * num_heads * head_dim, bias=False)

    @classmethod
    def from_config(cls, config: FeedbackConfig) -> "KeyValueProjection":
        """Return the projection of a whole model."""
        return cls(d_model=config.d_model, num_heads=config.num_heads, head_dim=config.head_dim)

    def forward(self, hidden: Float[Tensor, "b n d"]) -> tuple[Float[Tensor, "b n he"], Float[Tensor, "b n he"]]:
        """Return keys and values, heads still merged: this is the form in which memory stores them."""
        keys, values = self.linear(hidden).chunk(2, dim=-1)
        return keys, values


class Attention(nn.Module):
    """Read from given keys and values with learned queries.

    ``output = W_out . merge(attend(weights(W_q . hidden, keys), values)) + b_out``. Keys and values come from
    outside, because the memory and all layers share one projection. Where there is no key at all, the result is
    zero and the output bias is left out too: a token without a past gets nothing from attention.

    Args:
        d_model: width of the hidden vectors.
        num_heads: number of heads.
        head_dim: width of one head.
        dropout: probability of dropping an attention weight in training.
    """

    def __init__(self, *, d_model: int, num_heads: int, head_dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        for name, value in (("d_model", d_model), ("num_heads", num_heads), ("head_dim", head_dim)):
            check_size(name, value)
        check_probability("dropout", dropout)
        self.num_heads = num_heads
        self.to_queries = nn.Linear(d_model, num_heads * head_dim, bias=False)
        self.to_output = nn.Linear(num_heads * head_dim, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        hidden: Float[Tensor, "b n d"],
        keys: Float[Tensor, "b j he"],
        values: Float[Tensor, "b j he"],
        *,
        bias: Float[Tensor, "h n j"] | None = None,
        mask: Bool[Tensor, "n j"] | None = None,
    ) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b h n j"]]:
        """Return what attention adds to the hidden vectors, and the attention weights."""
        queries, keys, values = (
            split_heads(merged, num_heads=self.num_heads) for merged in (self.to_queries(hidden), keys, values)
        )
        weights = attention_weights(queries, keys, bias=bias, mask=mask)
        if keys.shape[-2] == 0:
            return hidden.new_zeros(hidden.shape), weights
        read = attend(self.dropout(weights), values)
        return self.to_output(merge_heads(read)), weights
