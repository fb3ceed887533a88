"""The gated feed-forward layer."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from feedback_lite.config import check_probability, check_size


def geglu(doubled: Float[Tensor, "... ff2"]) -> Float[Tensor, "... ff"]:
    """Gate the first half of the last axis with the second: ``value * gelu(gate)``, gelu in its exact erf form.

    Source:
        Shazeer, GLU Variants Improve Transformer (2020).
    """
    value, gate = doubled.chunk(2, dim=-1)
    return value * F.gelu(gate)


class FeedForward(nn.Module):
    """Widen every token's vector, gate it, and bring it back.

    ``output = W_2 . dropout(geglu(W_1 . hidden + b_1)) + b_2``.

    Args:
        d_model: width of the hidden vectors.
        mult: width of the gated layer in multiples of ``d_model``.
        dropout: probability of dropping a gated unit in training.
    """

    def __init__(self, *, d_model: int, mult: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        check_size("d_model", d_model)
        check_size("mult", mult)
        check_probability("dropout", dropout)
        self.widen = nn.Linear(d_model, 2 * mult * d_model)
        self.dropout = nn.Dropout(dropout)
        self.narrow = nn.Linear(mult * d_model, d_model)

    def forward(self, hidden: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Return what the feed-forward layer adds to the hidden vectors."""
        return self.narrow(self.dropout(geglu(self.widen(hidden))))
