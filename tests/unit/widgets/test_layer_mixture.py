"""The layer mixture: its shares, its words, and what it refuses."""

import math
from itertools import product

import pytest
import torch
from traitlets import TraitError

from feedback_lite import mix_layers
from feedback_lite.widgets import LayerMixture, accuracy_key, mixtures, softmax
from tests.kinds.layer_mixture import layer_mixture

STEPS, LAYERS, WIDTH = 7, 3, 5  # as layer_mixture() has them


def test_shares_are_those_of_torch() -> None:
    for raw in ([0.3, -2.0, 5.0], [0.0, -math.inf, -math.inf], [700.0, 700.0, -700.0]):
        assert softmax(raw) == pytest.approx(torch.tensor(raw, dtype=torch.float64).softmax(0).tolist(), abs=1e-15)


def test_keys_name_equal_mixtures_alike() -> None:
    assert accuracy_key([-3, 0, 2]) == accuracy_key([-2, 1, 3]) == "0,3,5"
    assert accuracy_key([2, 2]) == "0,0"


def test_mixtures_are_all_that_can_be_set() -> None:
    found = mixtures(torch.tensor([0.5, 0.25]))
    settings = {accuracy_key(setting) for setting in product(range(-3, 4), repeat=2)}
    assert set(found) == settings | {"learned", "embedding only", "last layer only"}
    assert found["learned"] == [0.5, 0.25]
    assert softmax(found["embedding only"]) == [1, 0]
    assert softmax(found["last layer only"]) == [0, 1]
    assert len({tuple(softmax(raw)) for raw in found.values()}) == len(found)


def test_one_hot_mixtures_pick_one_layer_in_the_model_too() -> None:
    hiddens = torch.randn(3, 1, 2, 5)
    raw = torch.tensor(mixtures([0.1, 0.2, 0.3])["last layer only"])
    assert torch.equal(mix_layers(hiddens, raw), hiddens[2])


def test_mixture_starts_with_what_was_learned() -> None:
    figure = layer_mixture()
    assert figure.sentence == (
        "Step 5, swap 4 and 5: the memory vector is made of embedding 20 %, layer 1 31 %, layer 2 (top) 49 %. "
        "With the learned mixture the trained model finds the ball in 50 % of the steps."
    )


def test_mixture_retells_what_a_kernel_sets() -> None:
    figure = layer_mixture(does="names the cup")
    figure.step = 1
    figure.mixture = "last layer only"
    assert figure.sentence == (
        "Step 1, ball under 3: the memory vector is made of embedding 0 %, layer 1 0 %, layer 2 (top) 100 %. "
        "With this mixture the trained model names the cup in 50 % of the steps."
    )
    figure.set_state({"weights": [0, -3, 3], "mixture": "sliders"})
    assert "embedding 5 %, layer 1 0 %, layer 2 (top) 95 %" in figure.sentence
    assert f"in {math.floor(100 * figure.accuracy['3,0,6'] + 0.5)} % of the steps" in figure.sentence


def test_full_colour_ignores_a_few_large_values() -> None:
    vectors = torch.full((10, 3, 10), 0.5)
    vectors[0, 0, 0] = 100.0
    weights = [0.0, 0.0, 0.0]
    accuracy = dict.fromkeys(mixtures(weights), 1.0)
    figure = LayerMixture(vectors, weights, ["a"] * 10, ["embedding", "layer 1", "layer 2"], accuracy)
    assert figure.scale == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": ["one"]}, "hiddens and tokens must have the same number of steps, got 7 and 1"),
        ({"layer_names": ["embedding"]}, "layer_names must name all 3 layers"),
        ({"layer_weights": [0.1]}, "layer_weights must hold the embedding and at least one layer, got 1"),
        ({"hiddens": torch.zeros(STEPS, 2, WIDTH)}, r"hiddens must be steps x 3 x width, got \[2\] layers"),
        ({"hiddens": torch.full((STEPS, LAYERS, WIDTH), math.nan)}, "must be finite"),
        ({"accuracy": {"learned": 1.0}}, "missing .*embedding only"),
        ({"accuracy": dict.fromkeys(mixtures([0, 0, 0]), 98.0)}, "accuracy must lie between 0 and 1"),
        ({"accuracy": dict.fromkeys([*mixtures([0, 0, 0]), "none"], 0.5)}, r"unknown \['none'\]"),
    ],
)
def test_sizes_that_do_not_agree_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer_mixture(**changes)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("step", 8, "step must be between 1 and 7, got 8"),
        ("step", 0, "step must be between 1 and 7, got 0"),
        ("weights", [0, 4, 0], "weights must be 3 whole numbers from -3 to 3"),
        ("weights", [0, 0], "weights must be 3 whole numbers from -3 to 3"),
    ],
)
def test_impossible_states_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(TraitError, match=message):
        setattr(layer_mixture(), name, value)
