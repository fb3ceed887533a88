import json
import re
from itertools import product

import pytest
import torch
from traitlets import TraitError

from feedback_lite import FeedbackConfig, FeedbackTransformer, KeyValueProjection
from feedback_lite.widgets import CostExplorer
from feedback_lite.widgets.cost_explorer import CHOICES, cost_tables

SMALL = {"layers": 2, "width": 32, "heads": 2, "head width": 16, "slots": 16}
LARGE = {"layers": 12, "width": 512, "heads": 8, "head width": 128, "slots": 8192}


def explorer() -> CostExplorer:
    return CostExplorer({"small": SMALL, "large": LARGE})


def test_first_model_is_shown() -> None:
    figure = explorer()
    assert figure.sizes() == SMALL
    assert figure.sentence == (
        "2 layers of width 32, 2 heads of width 16, 16 slots, one vector for all layers. "
        "One matrix for all layers: 2,048 parameters, 1,024 numbers (4,096 bytes) in a full memory, 64 computed per "
        "token. One matrix per layer: 4,096 parameters, 2,048 numbers (8,192 bytes), 128 per token."
    )


def test_a_vector_per_layer_saves_parameters_alone() -> None:
    figure = CostExplorer({"large": LARGE})
    assert figure.shown_costs()["memory"] == (16_777_216, 201_326_592)
    assert "67.1 MB" in figure.sentence
    figure.vectors = "a vector per layer"
    costs = figure.shown_costs()
    assert costs["parameters"] == (1_048_576, 12_582_912)
    assert costs["memory"] == (201_326_592, 201_326_592)
    assert costs["pairs"] == (24_576, 24_576)
    assert "a vector per layer" in figure.sentence


def test_one_layer_costs_the_same_either_way() -> None:
    figure = CostExplorer({"one": {**SMALL, "layers": 1, "heads": 1}})
    assert all(shared == each for shared, each in figure.shown_costs().values())
    assert figure.sentence.startswith("1 layer of width 32, 1 head of width 16")


def test_tables_hold_what_is_shown() -> None:
    tables, figure = cost_tables(), explorer()
    for places in product(*(range(len(choices)) for choices in CHOICES.values())):
        figure.places = list(places)
        layers, width, heads, head_width, slots = places
        costs = figure.shown_costs()
        for index, layer in ((0, 0), (1, layers)):
            assert tables["parameters"][layer][width][heads][head_width] == costs["parameters"][index]
            assert tables["memory"][layer][heads][head_width][slots] == costs["memory"][index]
            assert tables["pairs"][layer][heads][head_width] == costs["pairs"][index]


def test_costs_are_those_of_real_modules() -> None:
    figure = explorer()
    projection = KeyValueProjection(d_model=32, num_heads=2, head_dim=16)
    assert figure.shown_costs()["parameters"][0] == sum(weight.numel() for weight in projection.parameters())
    config = FeedbackConfig(vocab_size=5, d_model=32, num_layers=2, num_heads=2, head_dim=16, memory_size=16)
    memory = FeedbackTransformer(config)(torch.zeros(1, 20, dtype=torch.long)).memory
    assert figure.shown_costs()["memory"][0] == memory.keys.numel() + memory.values.numel()
    assert figure.shown_costs()["pairs"][0] == memory.keys.shape[-1] + memory.values.shape[-1]


def test_script_and_state_keep_the_rules() -> None:
    figure = explorer()
    assert re.search(r"^\s*import\b", figure._esm, re.MULTILINE) is None
    assert figure._esm.count("export default") == 1
    assert len(figure._esm) < 32_000
    sheet = re.sub(r"/\*.*?\*/|\{[^{}]*\}", "", figure._css, flags=re.DOTALL)
    assert [name for name in re.findall(r"\.([a-z][\w-]*)", sheet) if not name.startswith("fl-")] == []
    bundle = figure._repr_mimebundle_()
    assert bundle is not None
    assert bundle[0]["text/plain"] == figure.sentence == figure.describe()
    assert len(repr(figure)) < 110
    state = {key: value for key, value in figure.get_state().items() if key != "_dom_classes"}
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert len(json.dumps(figure.costs)) < 16_000


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({}, "models must hold at least one model, got none"),
        ({"a": {"layers": 2}}, r"models\['a'\] must have the sizes .*, got \['layers'\]"),
        ({"a": {**SMALL, "heads": 3}}, r"models\['a'\]\['heads'\] must be one of \(1, 2, 4, 8\), got 3"),
    ],
)
def test_impossible_models_are_refused(models: dict[str, dict[str, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CostExplorer(models)


@pytest.mark.parametrize("places", [[0, 0, 0, 0], [0, 0, 0, 0, 5], [-1, 0, 0, 0, 0]])
def test_impossible_places_are_refused(places: list[int]) -> None:
    with pytest.raises(TraitError, match="places must be 5 whole numbers"):
        explorer().places = places


def test_inputs_are_one_or_one_per_layer() -> None:
    with pytest.raises(TraitError, match="vectors"):
        explorer().vectors = "none"
