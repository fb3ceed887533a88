import json
import math
from typing import Any

import pytest
import torch
from traitlets import TraitError

from feedback_lite import RelativePositionBias, distances, relative_position_bucket
from feedback_lite.widgets import BucketExplorer
from feedback_lite.widgets.bucket_explorer import is_possible, setting_key
from tests.kinds.bucket_explorer import TABLE, bucket_explorer

HEADS = TABLE.shape[1]


def test_explorer_starts_with_the_numbering_that_makes_the_point() -> None:
    figure = BucketExplorer(-torch.arange(16.0)[:, None].expand(16, 2))
    assert figure.sentence == (
        "16 buckets, largest distance 16, past only, head 1. Memory counted: the 16 slots fall into 15 buckets. "
        "Memory left out: into 1 bucket. Slot 16: counted, distance 1, bucket 1, bias −1.00, weight 63 %; "
        "left out, distance −15, bucket 0, bias 0.00, weight 6 %."
    )


def test_explorer_retells_what_a_kernel_sets() -> None:
    figure = bucket_explorer(num_slots=7, num_buckets=8, slot=2)
    assert "Memory counted: the 7 slots fall into 5 buckets. Memory left out: into 1 bucket." in figure.sentence
    figure.direction, figure.head = "both directions", 3
    # Half of the buckets is for the future now: distances 0 to 6 to the left take the buckets 0 (once), 5, 6 and 7.
    assert figure.sentence.startswith("8 buckets, largest distance 16, both directions, head 3.")
    assert "fall into 3 buckets. Memory left out: into 4 buckets. Slot 2: counted, distance 6" in figure.sentence


@pytest.mark.parametrize("direction", ["past only", "both directions"])
@pytest.mark.parametrize(("num_buckets", "max_distance"), [(4, 8), (8, 32), (16, 16)])
def test_rows_are_those_of_the_package(num_buckets: int, max_distance: int, direction: str) -> None:
    slots = 13
    rows = bucket_explorer(num_slots=slots).rows[setting_key(num_buckets, max_distance, direction)]
    for name, position in (("counted", slots), ("left out", 0)):
        apart = distances(torch.tensor([position]), torch.arange(slots))
        buckets = relative_position_bucket(
            apart, num_buckets=num_buckets, max_distance=max_distance, causal=direction == "past only"
        )[0]
        assert rows[name]["buckets"] == buckets.tolist()
        expected = torch.stack([TABLE[bucket] for bucket in buckets.tolist()]).T.softmax(dim=1)
        torch.testing.assert_close(torch.tensor(rows[name]["weights"]).double(), expected, rtol=0, atol=6e-4)


def test_weights_are_those_of_the_bias_alone() -> None:
    bias = RelativePositionBias(num_heads=HEADS, num_buckets=16, max_distance=16).double()
    bias.load_state_dict({"table": TABLE})
    weights = bias(distances(torch.tensor([16]), torch.arange(16)))[:, 0].softmax(dim=-1)
    shown = bucket_explorer().rows[setting_key(16, 16, "past only")]["counted"]["weights"]
    torch.testing.assert_close(torch.tensor(shown).double(), weights.detach(), rtol=0, atol=6e-4)


def test_every_possible_setting_is_stored_and_no_other() -> None:
    rows = bucket_explorer().rows
    assert setting_key(16, 8, "past only") not in rows
    assert setting_key(16, 8, "both directions") in rows
    assert not is_possible(16, 8, "past only")
    assert len(rows) == 17


def test_state_is_small() -> None:
    assert len(json.dumps(bucket_explorer().rows)) < 25_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"table": torch.zeros(8, 2)}, r"table must hold 16 buckets x heads, got shape \(8, 2\)"),
        ({"table": torch.zeros(16)}, r"got shape \(16,\)"),
        ({"table": torch.full((16, 2), math.inf)}, "table must be finite"),
        ({"table": torch.zeros(16, 2), "num_slots": 0}, "num_slots must be at least 1, got 0"),
    ],
)
def test_impossible_tables_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BucketExplorer(**arguments)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("slot", 17, "slot must be between 1 and 16, got 17"),
        ("slot", 0, "slot must be between 1 and 16, got 0"),
        ("head", HEADS + 1, "head must be between 1 and 3, got 4"),
        ("max_distance", 8, "max_distance must be greater than the buckets of one distance each"),
        ("num_buckets", 32, "num_buckets"),
    ],
)
def test_impossible_states_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(TraitError, match=message):
        setattr(bucket_explorer(), name, value)
