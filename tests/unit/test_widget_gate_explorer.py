"""The gate explorer: its curve, its words, and what it refuses."""

import json
import math

import pytest
import torch
import torch.nn.functional as F
from traitlets import TraitError

from feedback_lite.widgets import GateExplorer
from feedback_lite.widgets.gate_explorer import MODES, REACH, gelu_curve

STEPS, LAYERS, UNITS = 3, 2, 5
ACCURACY = {"learned": 0.995, "all open": 0.2, "all shut": 0.175}


def explorer(**changes: object) -> GateExplorer:
    generator = torch.Generator().manual_seed(3)
    arguments = {
        "gates": torch.randn(STEPS, LAYERS, UNITS, generator=generator),
        "values": torch.randn(STEPS, LAYERS, UNITS, generator=generator),
        "tokens": ["ball under 3", "swap 1 and 2", "swap 2 and 3"],
        "accuracy": ACCURACY,
    }
    return GateExplorer(**{**arguments, **changes})


def test_curve_is_the_exact_gelu() -> None:
    curve = gelu_curve()
    assert len(curve) == 2 * REACH + 1
    for gate, height in zip(range(-REACH, REACH + 1), curve, strict=True):
        expected = gate / 10 * 0.5 * (1 + math.erf(gate / 10 / math.sqrt(2)))
        assert height == pytest.approx(expected, abs=5.1e-4)


def test_a_free_point_is_told_with_its_product() -> None:
    figure = explorer()
    figure.set_state({"gate": -10, "value": 20})
    assert figure.sentence.startswith(
        "Your point: gate −1.0, so the value 2.0 is multiplied by −0.16 and becomes −0.32. Step 1, ball under 3: with "
        "the learned gates "
    )
    assert figure.sentence.endswith("the trained model finds the ball in 100 % of the steps.")


def test_a_unit_has_its_own_gate_and_value_at_every_step() -> None:
    figure = explorer(unit=7)
    for step in range(1, STEPS + 1):
        figure.step = step
        expected = math.floor(10 * figure_input("gates")[step - 1, 1, 2].item() + 0.5)
        assert figure.point()[0] == expected
        assert figure.sentence.startswith("Layer 2, unit 3: ")


def figure_input(name: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    drawn = {key: torch.randn(STEPS, LAYERS, UNITS, generator=generator) for key in ("gates", "values")}
    return drawn[name]


def test_open_and_shut_units_are_counted_as_torch_counts() -> None:
    gates = torch.tensor([[[-3.0, -0.7, 0.2, 0.3, 0.4], [0.6, 0.7, 0.8, 2.0, 4.9]]] * STEPS)
    figure = explorer(gates=gates, values=gates)
    factors = F.gelu(gates[0])
    opened, shut = (factors >= 0.5).sum().item(), (factors.abs() < 0.2).sum().item()
    assert f"{opened} of 10 units are open and {shut} shut" in figure.sentence


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (
            "all open",
            "all gates forced open 10 of 10 units are open and 0 shut; the trained model finds the ball in 20 %",
        ),
        (
            "all shut",
            "all gates forced shut 0 of 10 units are open and 10 shut; the trained model finds the ball in 18 %",
        ),
    ],
)
def test_forced_gates(mode: str, words: str) -> None:
    figure = explorer()
    figure.mode = mode
    assert f"with {words}" in figure.sentence
    assert set(figure.factors()) == {1.0 if mode == "all open" else 0.0}


def test_state_is_small_json_and_the_figure_speaks_for_itself() -> None:
    figure = explorer()
    data, _ = figure._repr_mimebundle_()
    assert data["text/plain"] == figure.sentence == figure.describe()
    state = {key: value for key, value in figure.get_state().items() if key != "_dom_classes"}
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert figure._esm.count("export default") == 1
    assert len(figure._esm) < 32_000
    assert len(repr(figure)) < 110


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": ["one"]}, "gates and tokens must have the same number of steps, got 3 and 1"),
        ({"values": torch.zeros(STEPS, LAYERS, 4)}, "gates and values must have the same shape"),
        ({"gates": torch.full((STEPS, LAYERS, UNITS), 5.1)}, "gates must lie between -5.0 and 5.0, got 5.09"),
        ({"values": torch.full((STEPS, LAYERS, UNITS), math.nan)}, "values must lie between -5.0 and 5.0, got nan"),
        ({"accuracy": {"learned": 1.0}}, "accuracy must have the keys"),
        ({"accuracy": {mode: 98.0 for mode in MODES}}, "accuracy must lie between 0 and 1"),
        (
            {"gates": torch.zeros(STEPS, LAYERS, 0), "values": torch.zeros(STEPS, LAYERS, 0)},
            "gates must be steps x layers x units",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explorer(**changes)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("step", 4, "step must be between 1 and 3, got 4"),
        ("unit", 10, r"unit must be between -1 \(none\) and 9, got 10"),
        ("gate", 51, "should not be greater than 50, but a value of 51"),
        ("mode", "ajar", "mode"),
    ],
)
def test_impossible_states_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(TraitError, match=message):
        setattr(explorer(), name, value)
