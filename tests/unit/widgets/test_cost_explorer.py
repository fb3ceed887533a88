import json
from itertools import product

import pytest
import torch
from traitlets import TraitError

from feedback_lite import FeedbackConfig, FeedbackTransformer, KeyValueProjection
from feedback_lite.widgets import CostExplorer
from feedback_lite.widgets.cost_explorer import CHOICES, cost_tables
from tests.kinds.cost_explorer import LARGE_COSTS, SMALL_COSTS, cost_explorer


def test_first_model_is_shown() -> None:
    figure = cost_explorer()
    assert figure.sizes() == SMALL_COSTS
    assert figure.sentence == (
        "2 layers of width 32, 2 heads of width 16, 16 slots, one vector for all layers. "
        "One matrix for all layers: 2,048 parameters, 1,024 numbers (4,096 bytes) in a full memory, 64 computed per "
        "token. One matrix per layer: 4,096 parameters, 2,048 numbers (8,192 bytes), 128 per token."
    )


def test_a_vector_per_layer_saves_parameters_alone() -> None:
    figure = CostExplorer({"large": LARGE_COSTS})
    assert figure.shown_costs()["memory"] == (16_777_216, 201_326_592)
    assert "67.1 MB" in figure.sentence
    figure.vectors = "a vector per layer"
    costs = figure.shown_costs()
    assert costs["parameters"] == (1_048_576, 12_582_912)
    assert costs["memory"] == (201_326_592, 201_326_592)
    assert costs["pairs"] == (24_576, 24_576)
    assert "a vector per layer" in figure.sentence


def test_one_layer_costs_the_same_either_way() -> None:
    figure = CostExplorer({"one": {**SMALL_COSTS, "layers": 1, "heads": 1}})
    assert all(shared == each for shared, each in figure.shown_costs().values())
    assert figure.sentence.startswith("1 layer of width 32, 1 head of width 16")


def test_tables_hold_what_is_shown() -> None:
    tables, figure = cost_tables(), cost_explorer()
    for places in product(*(range(len(choices)) for choices in CHOICES.values())):
        figure.places = list(places)
        layers, width, heads, head_width, slots = places
        costs = figure.shown_costs()
        for index, layer in ((0, 0), (1, layers)):
            assert tables["parameters"][layer][width][heads][head_width] == costs["parameters"][index]
            assert tables["memory"][layer][heads][head_width][slots] == costs["memory"][index]
            assert tables["pairs"][layer][heads][head_width] == costs["pairs"][index]


def test_costs_are_those_of_real_modules() -> None:
    figure = cost_explorer()
    projection = KeyValueProjection(d_model=32, num_heads=2, head_dim=16)
    assert figure.shown_costs()["parameters"][0] == sum(weight.numel() for weight in projection.parameters())
    config = FeedbackConfig(vocab_size=5, d_model=32, num_layers=2, num_heads=2, head_dim=16, memory_size=16)
    memory = FeedbackTransformer(config)(torch.zeros(1, 20, dtype=torch.long)).memory
    assert figure.shown_costs()["memory"][0] == memory.keys.numel() + memory.values.numel()
    assert figure.shown_costs()["pairs"][0] == memory.keys.shape[-1] + memory.values.shape[-1]


def test_state_is_small() -> None:
    assert len(json.dumps(cost_explorer().costs)) < 16_000


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({}, "models must hold at least one model, got none"),
        ({"a": {"layers": 2}}, r"models\['a'\] must have the sizes .*, got \['layers'\]"),
        ({"a": {**SMALL_COSTS, "heads": 3}}, r"models\['a'\]\['heads'\] must be one of \(1, 2, 4, 8\), got 3"),
    ],
)
def test_impossible_models_are_refused(models: dict[str, dict[str, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CostExplorer(models)


@pytest.mark.parametrize("places", [[0, 0, 0, 0], [0, 0, 0, 0, 5], [-1, 0, 0, 0, 0]])
def test_impossible_places_are_refused(places: list[int]) -> None:
    with pytest.raises(TraitError, match="places must be 5 whole numbers"):
        cost_explorer().places = places


def test_inputs_are_one_or_one_per_layer() -> None:
    with pytest.raises(TraitError, match="vectors"):
        cost_explorer().vectors = "none"
