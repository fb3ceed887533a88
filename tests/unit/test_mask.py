"""The causal mask follows from distances alone."""

import torch

from feedback_lite import causal_mask, distances


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
