"""The causal mask follows from distances alone."""

import pytest
import torch

from feedback_lite import causal_mask, distances
from feedback_lite.mask import RULES, segment_rule
from tests.drawing import refused


def test_a_key_may_be_read_unless_it_is_later() -> None:
    mask = causal_mask(torch.tensor([[2, 1, 0, -1, -2]]))
    assert mask.tolist() == [[True, True, True, False, False]]
    assert mask.dtype == torch.bool


def test_memory_and_segment_together() -> None:
    # Two memory slots at positions 0 and 1, then a segment of three tokens at 2, 3 and 4.
    mask = causal_mask(distances(torch.arange(2, 5), torch.arange(5)))
    assert mask.int().tolist() == [
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
    ]


def test_memory_is_always_readable() -> None:
    assert causal_mask(distances(torch.arange(7, 10), torch.arange(7))).all()


def test_nothing_to_mask() -> None:
    assert causal_mask(torch.empty(3, 0, dtype=torch.long)).shape == (3, 0)
    assert causal_mask(torch.empty(0, 5, dtype=torch.long)).shape == (0, 5)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("distance", "message"),
    [
        ([[0]], "distance must be an integer tensor, got list"),
        (torch.zeros(1, 1), "distance must hold integers of torch.int64 or torch.int32, got torch.float32"),
    ],
    ids=["list", "fractions"],
)
def test_what_are_no_distances(distance: object, message: str) -> None:
    with refused(TypeError, message):
        causal_mask(distance)  # type: ignore[arg-type]


def test_tokens_read_their_segment_where_it_is_longer_than_one_and_stand_after_the_memory() -> None:
    assert segment_rule(num_slots=5, num_tokens=1, segment_length=1) == (False, 5)
    assert segment_rule(num_slots=5, num_tokens=1, segment_length=3) == (True, 5)


def test_the_original_goes_by_the_number_of_tokens_and_leaves_out_the_memory() -> None:
    original = RULES["lucidrains"]
    assert original(num_slots=5, num_tokens=1, segment_length=3) == (False, 0)
    assert original(num_slots=5, num_tokens=2, segment_length=3) == (True, 0)
