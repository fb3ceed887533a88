"""The gate of GEGLU: one unit that the reader moves, and the real gates of a trained model, token by token."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
import traitlets

from feedback_lite.widgets.figure import Figure, join_script, join_style, percent

REACH = 50  # gate and value go from -REACH to REACH, in tenths
MODES = ("learned", "all open", "all shut")
FREE = -1  # no unit of the model is looked at: the reader's own gate and value count
OPEN, SHUT = 0.5, 0.2  # from here up a gate counts as open; nearer to zero than this as shut

WORDS = {
    "own": "Your point",
    "unit": "Layer {layer}, unit {unit}",
    "learned": "the learned gates",
    "all open": "all gates forced open",
    "all shut": "all gates forced shut",
    "point": ("{name}: gate {gate}, so the value {value} is multiplied by {factor} and becomes {product}."),
    "units": (
        "Step {step}, {token}: with {which} {open} of {all} units are open and {shut} shut; "
        "the trained model {does} in {accuracy} of the steps."
    ),
}


def gelu_curve() -> list[float]:
    """Return gelu at every tenth from -REACH to REACH, in its exact erf form, to three decimals."""
    gates = torch.arange(-REACH, REACH + 1, dtype=torch.float64) / 10
    return [round(height, 3) for height in F.gelu(gates).tolist()]


class GateExplorer(Figure):
    """A gate, a value and their product; beside them which units of a trained model are open at each step.

    Args:
        gates: what the gates of a trained model held, steps x layers x units, before gelu.
        values: what they let through or not, of the same shape.
        tokens: what is read at each step, in words.
        accuracy: the model's measured accuracy, 0 to 1, in each of ``MODES``: with its learned gates, and with every
            factor gelu(gate) set to one or to zero.
        does: what the model does in the stated share of steps.
        step: the step that is shown first, counted from 1.
        unit: the unit that is looked at first, counted from 0 through all layers.

    Raises:
        ValueError: sizes that do not agree, numbers outside the figure's reach, a mode without accuracy.
    """

    _esm = join_script("gate_explorer")
    _css = join_style("gate_explorer")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    modes = traitlets.List(list(MODES), read_only=True).tag(sync=True)
    reach = traitlets.Int(REACH, read_only=True, help="how far gate and value go, in tenths").tag(sync=True)
    free = traitlets.Int(FREE, read_only=True, help="the unit that stands for none").tag(sync=True)
    curve = traitlets.List(traitlets.Float(), gelu_curve(), read_only=True, help="gelu at every tenth").tag(sync=True)
    gates: Any = traitlets.List(help="in tenths").tag(sync=True)
    values: Any = traitlets.List(help="in tenths").tag(sync=True)
    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    accuracy = traitlets.Dict().tag(sync=True)
    does = traitlets.Unicode().tag(sync=True)
    open_from = traitlets.Float(OPEN, read_only=True).tag(sync=True)
    shut_below = traitlets.Float(SHUT, read_only=True).tag(sync=True)
    step = traitlets.Int(1, help="the step that is shown, counted from 1").tag(sync=True)
    mode = traitlets.Enum(MODES, MODES[0]).tag(sync=True)
    unit = traitlets.Int(FREE, help="the unit that is looked at, or -1").tag(sync=True)
    gate = traitlets.Int(12, min=-REACH, max=REACH, help="the reader's gate, in tenths").tag(sync=True)
    value = traitlets.Int(20, min=-REACH, max=REACH, help="the reader's value, in tenths").tag(sync=True)

    def __init__(
        self,
        gates: Any,
        values: Any,
        tokens: Sequence[str],
        accuracy: Mapping[str, float],
        *,
        does: str = "finds the ball",
        step: int = 1,
        unit: int = FREE,
    ) -> None:
        in_tenths = _tenths("gates", gates), _tenths("values", values)
        _check(*in_tenths, tokens, accuracy)
        super().__init__(
            gates=in_tenths[0],
            values=in_tenths[1],
            tokens=list(tokens),
            accuracy={mode: round(float(accuracy[mode]), 3) for mode in MODES},
            does=does,
            step=step,
            unit=unit,
        )

    def point(self) -> tuple[int, int]:
        """Return the gate and the value that are shown, in tenths: those of the unit, or the reader's own."""
        if self.unit == FREE:
            return self.gate, self.value
        layers = self.gates[self.step - 1]
        layer, place = divmod(self.unit, len(layers[0]))
        return layers[layer][place], self.values[self.step - 1][layer][place]

    def factors(self) -> list[float]:
        """Return by how much each unit's value is multiplied at this step, in this mode, all layers in a row."""
        units = [gate for layer in self.gates[self.step - 1] for gate in layer]
        if self.mode != MODES[0]:
            return [1.0 if self.mode == MODES[1] else 0.0] * len(units)
        return [self._gelu(gate) for gate in units]

    def describe(self) -> str:
        """Return the point on the curve, what it does to the value, how many units are open, and the accuracy."""
        gate, value = self.point()
        factor = self._gelu(gate)
        factors = self.factors()
        point = self.tell(
            "point",
            name=self._who(),
            gate=_signed(gate / 10, 1),
            value=_signed(value / 10, 1),
            factor=_signed(factor, 2),
            product=_signed(value / 10 * factor, 2),
        )
        units = self.tell(
            "units",
            step=self.step,
            token=self.tokens[self.step - 1],
            which=self.tell(self.mode),
            open=sum(one >= OPEN for one in factors),
            shut=sum(abs(one) < SHUT for one in factors),
            all=len(factors),
            does=self.does,
            accuracy=percent(self.accuracy[self.mode]),
        )
        return f"{point} {units}"

    def _gelu(self, gate: int) -> float:
        height: float = self.curve[gate + REACH]
        return height

    def _who(self) -> str:
        layer, place = divmod(self.unit, len(self.gates[0][0]))
        return self.tell("own") if self.unit == FREE else self.tell("unit", layer=layer + 1, unit=place + 1)

    @traitlets.validate("step")
    def _check_step(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 1, len(self.tokens))

    @traitlets.validate("unit")
    def _check_unit(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, FREE, sum(len(layer) for layer in self.gates[0]) - 1)


def _signed(number: float, digits: int) -> str:
    """Write a number with a true minus sign; halves go away from zero, as in the figure's script."""
    size = math.floor(abs(number) * 10**digits + 0.5)
    text = f"{size / 10**digits:.{digits}f}"
    return f"−{text}" if number < 0 and size else text


def _tenths(name: str, numbers: Any) -> list[list[list[int]]]:
    nested = numbers.tolist() if hasattr(numbers, "tolist") else numbers
    every = [number for step in nested for layer in step for number in layer]
    outside = [number for number in every if not abs(10 * number) < REACH + 0.5]
    if outside:
        raise ValueError(f"{name} must lie between {-REACH / 10} and {REACH / 10}, got {outside[0]}")
    return [[[math.floor(10 * number + 0.5) for number in layer] for layer in step] for step in nested]


def _check(
    gates: list[list[list[int]]], values: list[list[list[int]]], tokens: Sequence[str], accuracy: Mapping[str, float]
) -> None:
    if len(gates) != len(tokens) or not tokens:
        raise ValueError(f"gates and tokens must have the same number of steps, got {len(gates)} and {len(tokens)}")
    shapes = [[[len(layer) for layer in step] for step in numbers] for numbers in (gates, values)]
    if shapes[0] != shapes[1]:
        raise ValueError("gates and values must have the same shape, steps x layers x units")
    widths = {width for step in shapes[0] for width in step}
    if len({len(step) for step in gates}) != 1 or len(widths) != 1 or 0 in widths:
        raise ValueError(f"gates must be steps x layers x units, got layers of widths {sorted(widths)}")
    if set(accuracy) != set(MODES):
        raise ValueError(f"accuracy must have the keys {MODES}, got {tuple(accuracy)}")
    wrong = {mode: share for mode, share in accuracy.items() if not 0 <= share <= 1}
    if wrong:
        raise ValueError(f"accuracy must lie between 0 and 1, got {wrong}")
