"""The gate explorer: its curve, its words, and what it refuses."""

import math

import pytest
import torch
import torch.nn.functional as F
from traitlets import TraitError

from feedback_lite.widgets.gate_explorer import MODES, REACH, gelu_curve
from tests.kinds.gate_explorer import GATED, GATES, gate_explorer

STEPS, LAYERS, UNITS = GATES.shape


def test_curve_is_the_exact_gelu() -> None:
    curve = gelu_curve()
    assert len(curve) == 2 * REACH + 1
    for gate, height in zip(range(-REACH, REACH + 1), curve, strict=True):
        expected = gate / 10 * 0.5 * (1 + math.erf(gate / 10 / math.sqrt(2)))
        assert height == pytest.approx(expected, abs=5.1e-4)


def test_a_free_point_is_told_with_its_product() -> None:
    figure = gate_explorer()
    figure.set_state({"gate": -10, "value": 20})
    assert figure.sentence.startswith(
        "Your point: gate −1.0, so the value 2.0 is multiplied by −0.16 and becomes −0.32. Step 1, ball under 3: with "
        "the learned gates "
    )
    assert figure.sentence.endswith("the trained model finds the ball in 100 % of the steps.")


def test_a_unit_has_its_own_gate_and_value_at_every_step() -> None:
    figure = gate_explorer(unit=7)
    for step in range(1, STEPS + 1):
        figure.step = step
        found = (GATES[step - 1, 1, 2].item(), GATED[step - 1, 1, 2].item())
        assert figure.point() == tuple(math.floor(10 * number + 0.5) for number in found)
        assert figure.sentence.startswith("Layer 2, unit 3: ")


def test_open_and_shut_units_are_counted_as_torch_counts() -> None:
    gates = torch.tensor([[[-3.0, -0.7, 0.2, 0.3, 0.4], [0.6, 0.7, 0.8, 2.0, 4.9]]] * STEPS)
    figure = gate_explorer(gates=gates, values=gates)
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
    figure = gate_explorer()
    figure.mode = mode
    assert f"with {words}" in figure.sentence
    assert set(figure.factors()) == {1.0 if mode == "all open" else 0.0}


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
        gate_explorer(**changes)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("step", 4, "step must be between 1 and 3, got 4"),
        ("unit", 10, r"unit must be between -1 and 9, got 10"),
        ("gate", 51, "should not be greater than 50, but a value of 51"),
        ("mode", "ajar", "mode"),
    ],
)
def test_impossible_states_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(TraitError, match=message):
        setattr(gate_explorer(), name, value)
