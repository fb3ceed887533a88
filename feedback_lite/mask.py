"""Which keys a query may read."""

from jaxtyping import Bool, Int
from torch import Tensor

from feedback_lite.config import check_integers


def causal_mask(distance: Int[Tensor, "i j"]) -> Bool[Tensor, "i j"]:
    """Return true where a key is not later than the query: ``mask[i, j] = distance[i, j] >= 0``.

    Memory slots lie in the past, so they are always allowed; a token may read itself (distance 0).
    """
    check_integers("distance", distance)
    return distance >= 0
