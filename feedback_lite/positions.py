"""Where a query stands relative to a key, and the learned bias that attention gets from it."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from feedback_lite.config import BiasInit, FeedbackConfig, check_buckets, check_choice, check_integers, check_size


def distances(query_positions: Int[Tensor, "i"], key_positions: Int[Tensor, "j"]) -> Int[Tensor, "i j"]:
    """Return how many steps each key lies before each query.

    ``distance[i, j] = query_positions[i] - key_positions[j]``: 0 is the query's own token, 1 the one before,
    negative values lie in the future.
    """
    return query_positions[:, None] - key_positions[None, :]


def relative_position_bucket(
    distance: Int[Tensor, "..."], *, num_buckets: int, max_distance: int, causal: bool = True
) -> Int[Tensor, "..."]:
    """Sort distances into buckets: near ones get a bucket each, far ones share buckets that widen logarithmically.

    With ``exact = num_buckets // 2`` the bucket is ``distance`` below ``exact``, and from there on
    ``exact + floor(log(distance / exact) / log(max_distance / exact) * (num_buckets - exact))``, at most
    ``num_buckets - 1``. With ``causal=True`` negative distances (the future) count as 0. With ``causal=False``
    the upper half of the buckets serves the future and each direction gets half as many.

    Args:
        distance: query position minus key position, in tokens, any shape.
        num_buckets: number of buckets, even, at least 2 (4 for both directions).
        max_distance: distance in tokens from which on everything falls into the last bucket.
        causal: whether only the past is told apart.

    Returns:
        Bucket numbers from 0 to ``num_buckets - 1``, in the shape of ``distance``.

    Source:
        Raffel et al., T5 (2020), as in feedback-transformer-pytorch 0.0.11. The logarithm is taken in float32,
        as there, so that both put every distance into the same bucket.
    """
    check_integers("distance", distance)
    check_buckets(num_buckets, max_distance, causal=causal)
    if causal:
        first_bucket = torch.zeros_like(distance)
        steps = distance.clamp(min=0)
    else:
        num_buckets //= 2
        first_bucket = torch.where(distance < 0, num_buckets, 0)
        steps = distance.abs()
    exact = num_buckets // 2
    ratio = torch.log(steps.clamp(min=exact).float() / exact) / math.log(max_distance / exact)
    shared = exact + (ratio * (num_buckets - exact)).long()
    return first_bucket + torch.where(steps < exact, steps, shared.clamp(max=num_buckets - 1))


class RelativePositionBias(nn.Module):
    """Add a learned number to every attention score that depends on the head and on the distance alone.

    ``bias[h, i, j] = table[bucket(distance[i, j]), h]``. One table serves all layers.

    Args:
        num_heads: number of attention heads, one column of the table each.
        num_buckets: rows of the table.
        max_distance: distance in tokens from which on all keys share the last bucket.
        init: "zeros", or "recency" to start at minus the bucket number.
    """

    def __init__(
        self, *, num_heads: int, num_buckets: int = 32, max_distance: int = 128, init: BiasInit = "zeros"
    ) -> None:
        super().__init__()
        check_size("num_heads", num_heads)
        check_buckets(num_buckets, max_distance)
        check_choice("init", init, ("zeros", "recency"))
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        table = torch.zeros(num_buckets, num_heads)
        if init == "recency":
            table -= torch.arange(num_buckets)[:, None]
        self.table = nn.Parameter(table)

    @classmethod
    def from_config(cls, config: FeedbackConfig) -> "RelativePositionBias":
        """Return the bias of a whole model."""
        sizes = {"num_heads": config.num_heads, "num_buckets": config.num_buckets}
        return cls(**sizes, max_distance=config.max_distance, init=config.bias_init)

    def forward(self, distance: Int[Tensor, "i j"]) -> Float[Tensor, "h i j"]:
        """Return the bias for every head, query and key."""
        buckets = relative_position_bucket(distance, num_buckets=self.num_buckets, max_distance=self.max_distance)
        return self.table.t()[:, buckets]
