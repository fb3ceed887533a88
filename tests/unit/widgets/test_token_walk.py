"""The figure of one token's walk: its numbers are the model's, its words fit them, and what it refuses."""

from typing import Any

import pytest
import torch
from traitlets import TraitError

from feedback_lite import Stepper
from feedback_lite.widgets import TokenWalk, walks
from tests.drawing import make_model
from tests.kinds.token_walk import VOCABULARY, WALK_TOKENS, token_walk

NAMES = [
    "Embedding",
    "Layer 1, attention",
    "Layer 1, feed-forward",
    "Layer 2, attention",
    "Layer 2, feed-forward",
    "Output norm",
    "Logits",
    "Mixture",
    "Key and value",
]


def numbers(station: dict[str, Any], row: str) -> torch.Tensor:
    return torch.tensor(next(each["numbers"] for each in station["rows"] if each["name"] == row), dtype=torch.float64)


@pytest.mark.parametrize("changes", [{}, {"memory_from": "last"}, {"memory_size": 2}])
def test_the_numbers_are_those_of_the_stepper(changes: dict[str, Any]) -> None:
    model = make_model(**changes).eval()
    stepper = Stepper(model)
    for token, walk in zip(WALK_TOKENS, walks(model, WALK_TOKENS, VOCABULARY), strict=True):
        step = stepper.step(token)
        assert [station["name"] for station in walk] == NAMES
        expected = [
            (0, "layer 0", step.hiddens[0]),
            (1, "came in", step.hiddens[0]),
            (2, "layer 1", step.hiddens[1]),
            (3, "came in", step.hiddens[1]),
            (4, "layer 2", step.hiddens[2]),
            (5, "normed", model.output_norm(step.hiddens[2]).detach()),
            (7, "memory vector", step.mixture),
            (8, "key", step.memory.keys[0, -1]),
            (8, "value", step.memory.values[0, -1]),
        ]
        for place, row, vector in expected:
            torch.testing.assert_close(numbers(walk[place], row), vector, atol=0.006, rtol=0)
        for place in (1, 3):
            parts = numbers(walk[place], "came in") + numbers(walk[place], "added")
            torch.testing.assert_close(parts, numbers(walk[place], "goes on"), atol=0.016, rtol=0)
            shown = torch.tensor(walk[place]["bars"]["numbers"], dtype=torch.float64).reshape(-1, 2)
            torch.testing.assert_close(shown, step.weights[place // 2].T, atol=0.0006, rtol=0)
        best = int(step.logits.argmax())
        assert walk[6]["bars"]["names"][0] == f"word {best}"
        assert f'for "word {best}"' in walk[6]["tell"]


def test_first_token_reads_nothing_and_a_full_memory_evicts() -> None:
    figure = token_walk(token=1, station=2)
    assert figure.sentence == "Token 1, word 3. Layer 1, attention: the memory is empty, so attention adds nothing."
    figure.set_state({"station": 9})
    assert figure.sentence.endswith("they become the only slot.")
    figure.set_state({"token": 3})
    assert figure.sentence == (
        "Token 3, word 0. Key and value: made from the memory vector by one matrix, they become the newest of 2 slots. "
        "The oldest slot is evicted."
    )


def test_shares_of_a_model_that_stores_its_last_layer() -> None:
    walk = walks(make_model(memory_from="last").eval(), WALK_TOKENS[:1], VOCABULARY)[0]
    assert walk[7]["tell"] == "the memory vector is made of 0 % of layer 0, 0 % of layer 1, 100 % of layer 2."


def test_a_station_is_named_alike_on_its_mark_and_over_its_picture() -> None:
    stations = token_walk().walks[0]
    assert [station["short"] for station in stations] == [
        "embed", "read 1", "feed 1", "read 2", "feed 2", "norm", "logits", "mix", "slot",
    ]  # fmt: skip
    assert stations[6]["name"].lower() == stations[6]["short"]


def test_walks_that_do_not_fit_are_refused() -> None:
    found = walks(make_model().eval(), WALK_TOKENS[:2], VOCABULARY)
    with pytest.raises(ValueError, match="walks must have one list of stations per token, 1, got 2"):
        TokenWalk(found, ["word 3"])
    with pytest.raises(ValueError, match="the same stations"):
        TokenWalk([found[0], found[1][1:]], ["word 3", "word 16"])
    with pytest.raises(ValueError, match="model must have memory_norm=False"):
        walks(make_model(memory_norm=True), WALK_TOKENS[:2], VOCABULARY)


@pytest.mark.parametrize(("name", "value", "most"), [("token", 0, 5), ("token", 6, 5), ("station", 10, 9)])
def test_impossible_states_are_refused(name: str, value: int, most: int) -> None:
    with pytest.raises(TraitError, match=f"{name} must be between 1 and {most}, got {value}"):
        setattr(token_walk(), name, value)
