"""The gate explorer: what a gate lets through."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from playwright.sync_api import Locator

from feedback_lite.widgets import GateExplorer
from feedback_lite.widgets.gate_explorer import FREE, MODES, REACH, SHUT
from tests.drawing import GAME, drawn
from tests.kind import (
    IN_WORDS,
    Control,
    Kind,
    Look,
    Mark,
    Move,
    State,
    always,
    at,
    click,
    signed,
    step_controls,
    stepper,
)

# Three steps, two layers, five units.
GATES, GATED = drawn(2, 3, 2, 5).unbind()


def gate_explorer(**changes: Any) -> GateExplorer:
    """A free point beside random gates."""
    arguments = {
        "gates": GATES,
        "values": GATED,
        "tokens": GAME[:3],
        "accuracy": {"learned": 0.995, "all open": 0.2, "all shut": 0.175},
    }
    return GateExplorer(**{**arguments, **changes})


LOOK = r"""(figure) => {
    const text = (found) => found.textContent.replace(/\s/g, " ");
    const picker = figure.querySelector('[data-control="unit"]');
    const now = text(figure.querySelector(".fl-now")).match(/^Step (\d+) of (\d+)/);
    const [step, steps] = now.slice(1).map(Number);
    const pressed = [...figure.querySelectorAll('[aria-pressed="true"]')].map(text);
    const slider = (name) => figure.querySelector(`[data-control="${name}"]`).parentElement;
    const range = (name) => text(slider(name).querySelector(".fl-value"));
    return {
        step, steps, pressed,
        gate: range("gate"),
        value: range("value"),
        unit: Number(picker.getAttribute("aria-valuenow")),
        units: Number(picker.getAttribute("aria-valuemax")),
        framed: figure.querySelector(".fl-frame").getAttribute("visibility") === "visible",
        shut: figure.querySelectorAll('.fl-picker .fl-closed[data-kind="shut"]').length,
        picture: [...figure.querySelectorAll("svg")].map((one) => one.innerHTML).join(""),
    };
}"""


def at_step(step: Callable[[Look], int]) -> Callable[[Look], Look]:
    return lambda was: {"step": step(was)}


def to_end(name: str) -> list[Control]:
    """To both ends; the reader's own point is no unit of the model."""
    ways: list[tuple[Move, tuple[str, ...], float]] = [(at(0.0), ("Home",), -5), (at(1.0), ("End",), 5)]
    return [Control(name, mouse, keys, always(**{name: signed(end), "framed": False})) for mouse, keys, end in ways]


def one_tenth(name: str, key: str, step: int) -> Control:
    def seen(was: Look) -> Look:
        tenths = round(10 * float(was[name].replace("−", "-"))) + step
        return {name: signed(tenths / 10)}

    return Control(name, None, (key,), seen)


def unit(mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int]) -> Control:
    return Control("unit", mouse, keys, lambda was: {"unit": to(was), "framed": True})


def first_square(control: Locator) -> None:
    """Click at the upper left of the first layer."""
    control.click(position={"x": 12, "y": 14})


def mode(name: str, shut: int | None, first: tuple[str, ...] = ()) -> Control:
    seen = always(pressed=[name], **({} if shut is None else {"shut": shut}))
    return Control(f"mode {name}", click, (), seen, first)


CONTROLS = (
    *step_controls(at_step),
    *(row for name in ("gate", "value") for row in to_end(name)),
    *(one_tenth(name, key, step) for name in ("gate", "value") for key, step in (("ArrowLeft", -1), ("ArrowRight", 1))),
    unit(None, ("Home",), lambda was: 1),
    unit(None, ("End",), lambda was: was["units"]),
    unit(None, ("ArrowLeft",), lambda was: was["unit"] - 1),
    unit(None, ("ArrowRight",), lambda was: was["unit"] + 1),
    unit(None, ("ArrowUp",), lambda was: was["unit"] - 16),
    *stepper("unit"),
    unit(first_square, (), lambda was: 1),
    mode("learned", None, first=("mode all open",)),
    mode("all open", 0),
    mode("all shut", 192),
)

MARKS = {
    "layer": Mark(IN_WORDS, ".fl-bar-1", says=r"^factor, gelu\(gate\)"),
    "ordinary": Mark(IN_WORDS, ".fl-bar-0", says="^value"),
    "query": Mark("ring", "circle.fl-query-mark", "stroke", open=True),
}


def states(twin: GateExplorer) -> Iterator[State]:
    """Every seventh unit at every step, another of the seven at each; then points all over the curve."""
    units = sum(len(layer) for layer in twin.gates[0])
    for step, mode in product(range(1, len(twin.tokens) + 1), MODES):
        yield from ({"step": step, "mode": mode, "unit": unit} for unit in range(step % 7, units, 7))
    for gate, value in product(range(-REACH, REACH + 1), (-REACH, -17, 0, 3, REACH)):
        yield {"step": 1, "mode": MODES[gate % 3], "unit": FREE, "gate": gate, "value": value}


def shows(twin: GateExplorer) -> Look:
    gate, value = (signed(tenths / 10) for tenths in twin.point())
    shut = sum(abs(factor) < SHUT for factor in twin.factors())
    unit = {"unit": max(twin.unit, 0) + 1, "framed": twin.unit != FREE}
    return {"step": twin.step, "pressed": [twin.mode], "gate": gate, "value": value, "shut": shut, **unit}


def whole(nested: list[Any]) -> list[Any]:
    """Return numbers that a figure keeps in tenths as they were."""
    return [whole(one) if isinstance(one, list) else one / 10 for one in nested]


KIND = Kind(
    figure=GateExplorer,
    small=gate_explorer,
    pages=("chapters/07-feed-forward.html",),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda state: GateExplorer(whole(state["gates"]), whole(state["values"]), state["tokens"], state["accuracy"]),
    states=states,
    shows=shows,
)
