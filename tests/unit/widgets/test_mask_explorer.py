"""The mask explorer: its words, its tables, and what it refuses."""

import json

import pytest
from traitlets import TraitError

from feedback_lite.widgets import MaskExplorer
from feedback_lite.widgets.mask_explorer import MOST_SLOTS, MOST_TOKENS, all_tables
from tests.kinds.mask_explorer import even_weights, mask_explorer


def test_it_starts_with_a_key_in_the_future() -> None:
    figure = mask_explorer()
    assert figure.sentence == (
        "The query at position 4 may read 5 of 6 keys. The key at position 5 is a token of the segment. "
        "Distance: 4 − 5 = −1, below 0, in the future, not allowed."
    )


def test_it_tells_of_slots_and_weights() -> None:
    figure = mask_explorer()
    figure.tokens = 1
    assert (figure.query, figure.key) == (0, 2)
    assert figure.sentence == (
        "The query at position 3 may read 3 of 3 keys. The token itself is no key. "
        "The key at position 2 is a memory slot. Distance: 3 − 2 = 1, allowed."
    )
    figure.shown = "layer 1, head 2"
    assert figure.sentence.endswith("allowed. Attention weight (layer 1, head 2): 33 %.")
    figure.tokens = 2
    assert "Attention weight" not in figure.sentence


def test_it_tells_when_there_is_no_key() -> None:
    figure = mask_explorer(slots=0, tokens=1, query=0, key=0)
    assert figure.sentence == (
        "Memory is empty, and the token at position 0 is no key. There is no key at all: attention adds nothing."
    )
    figure.shown = "layer 1, head 1"
    assert figure.sentence.endswith("attention adds nothing.")
    figure.slots = 1
    assert figure.sentence.endswith("Attention weight (layer 1, head 1): 100 %.")


def test_tables_hold_every_case() -> None:
    tables = all_tables()
    assert len(tables) == (MOST_SLOTS + 1) * MOST_TOKENS
    assert tables["1,3"] == {
        "distance": [[1, 0, -1, -2], [2, 1, 0, -1], [3, 2, 1, 0]],
        "mask": [[True, True, False, False], [True, True, True, False], [True, True, True, True]],
    }
    assert tables["2,1"] == {"distance": [[2, 1]], "mask": [[True, True]]}
    assert tables["0,1"] == {"distance": [[]], "mask": [[]]}


def test_state_is_small() -> None:
    assert len(json.dumps(mask_explorer().tables)) < 8_000


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "weights must name one head or more"),
        ({"distances": even_weights()}, "weights must name one head or more"),
        (
            {"a": even_weights(5)},
            r"weights of 'a' must have \[1, 2, 3, 4, 5, 6\] weights in their cases, got \[1, 2, 3, 4, 5\]",
        ),
        ({"a": [[1.5], *even_weights()[1:]]}, "weights of 'a' must lie between 0 and 1, got 1.5"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights: dict[str, list[list[float]]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MaskExplorer(weights)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("slots", 7, "slots must be between 0 and 6, got 7"),
        ("tokens", 0, "tokens must be between 1 and 4, got 0"),
        ("query", 3, "query must be between 0 and 2, got 3"),
        ("key", 6, "key must be between 0 and 5, got 6"),
        ("shown", "head 9", "shown must be one of .*got 'head 9'"),
    ],
)
def test_impossible_states_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(TraitError, match=message):
        setattr(mask_explorer(), name, value)
