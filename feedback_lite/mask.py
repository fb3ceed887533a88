"""Which keys a query may read."""

from collections.abc import Callable

from jaxtyping import Bool, Int
from torch import Tensor

from feedback_lite.config import Compat, check_integers


def causal_mask(distance: Int[Tensor, "i j"]) -> Bool[Tensor, "i j"]:
    """Return true where a key is not later than the query: ``mask[i, j] = distance[i, j] >= 0``.

    Memory slots lie in the past, so they are always allowed; a token may read itself (distance 0).
    """
    check_integers("distance", distance)
    return distance >= 0


def segment_rule(num_slots: int, num_tokens: int, segment_length: int) -> tuple[bool, int]:
    """Return whether tokens read their own segment, and the position at which the bias sees the first of them.

    Slots stand at the positions 0, 1, ..., and the segment right after them.
    """
    return segment_length > 1, num_slots


RULES: dict[Compat | None, Callable[[int, int, int], tuple[bool, int]]] = {None: segment_rule}
"""The rule of every ``compat``; `feedback_lite.lucidrains` adds that of the original."""
