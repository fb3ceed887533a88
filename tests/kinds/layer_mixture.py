"""The layer mixture: all layers of a step become one vector."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from feedback_lite.widgets import LayerMixture, mixtures, softmax
from tests.drawing import GAME, drawn
from tests.kind import (
    LESS,
    MORE,
    Control,
    Kind,
    Look,
    Mark,
    Move,
    State,
    always,
    at,
    captions,
    click,
    minus,
    percent,
    point_at,
    step_controls,
    stepper,
)


def layer_mixture(**changes: Any) -> LayerMixture:
    """Seven steps of an embedding and two layers of width five."""
    weights = [-0.31, 0.12, 0.57]
    arguments = {
        "hiddens": drawn(7, 3, 5),
        "layer_weights": weights,
        "tokens": GAME,
        "layer_names": ["embedding", "layer 1", "layer 2 (top)"],
        "accuracy": {key: 0.5 + 0.001 * number for number, key in enumerate(mixtures(weights))},
    }
    return LayerMixture(**{**arguments, **changes})


LOOK = r"""(figure) => {
    const one = (selector) => figure.querySelector(selector);
    const text = (found) => found.textContent.replace(/\s/g, " ");
    const texts = (selector) => [...figure.querySelectorAll(selector)].map(text);
    const [, step, steps] = texts(".fl-now")[0].match(/^Step (\d+) of (\d+): ./).map(Number);
    const picker = one('[data-control="number"]');
    const look = {
        step, steps,
        slot: Number(one("[data-present]").dataset.step),
        filled: figure.querySelectorAll("[data-filled]").length,
        number: Number(picker.getAttribute("aria-valuenow")),
        numbers: Number(picker.getAttribute("aria-valuemax")),
        shares: texts(".fl-share"),
        pressed: texts('[aria-pressed="true"]'),
        picture: one("svg").innerHTML,
    };
    texts(".fl-layer .fl-small").forEach((drawn, layer) => {
        const row = one(`[data-control="weight ${layer}"]`).parentElement;
        look[`drawn ${layer}`] = drawn;
        look[`weight ${layer}`] = text(row.querySelector(".fl-value"));
    });
    return look;
}"""


def at_step(step: Callable[[Look], int]) -> Callable[[Look], Look]:
    """The step in words, and the slot of the memory strip in which it is written."""
    return lambda was: {"step": step(was), "slot": step(was), "filled": step(was)}


def number(
    mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int], first: tuple[str, ...] = ()
) -> Control:
    """The number that is looked at. Its words are the line under the picture, not the state sentence."""
    return Control("number", mouse, keys, lambda was: {"number": to(was)}, first, silent=True)


def preset(name: str, shares: Callable[[int], list[float]] | None = None, first: tuple[str, ...] = ()) -> Control:
    def seen(was: Look) -> Look:
        expected = {} if shares is None else {"shares": [percent(share) for share in shares(len(was["shares"]))]}
        return {"pressed": [name], **expected}

    return Control(f"preset {name}", click, (), seen, first)


def with_weight(layer: int, weight: int) -> Callable[[Look], Look]:
    """This layer's raw weight, in the picture and beside its slider, and no preset any more."""
    text = minus(str(weight))
    return always(**{f"weight {layer}": text, f"drawn {layer}": f"weight {text}", "pressed": []})


def sliders(layer: int) -> list[Control]:
    """From all weights at 0: to both ends, and one notch to either side."""
    ways: list[tuple[Move, tuple[str, ...], int]] = [
        (at(0.0), ("Home",), -3),
        (at(1.0), ("End",), 3),
        (at(1 / 3), ("ArrowLeft", "ArrowDown"), -1),
        (at(2 / 3), ("ArrowRight", "ArrowUp"), 1),
    ]
    first = ("preset equal shares",)
    return [Control(f"weight {layer}", mouse, keys, with_weight(layer, weight), first) for mouse, keys, weight in ways]


CONTROLS = (
    *step_controls(at_step),
    number(point_at(0.999), (), lambda was: was["numbers"]),
    number(at(1.0), ("End",), lambda was: was["numbers"]),
    number(None, MORE, lambda was: was["number"] + 1),
    number(at(0.0), ("Home",), lambda was: 1, first=("number",)),
    number(None, LESS, lambda was: was["number"] - 1, first=("number",)),
    *stepper("number", first=("number after",), silent=True),
    *captions(),
    preset("learned", first=("preset equal shares",)),
    preset("equal shares", lambda layers: [1 / layers] * layers),
    preset("embedding only", lambda layers: [1, *[0] * (layers - 1)]),
    preset("last layer only", lambda layers: [*[0] * (layers - 1), 1]),
    *(row for layer in range(3) for row in sliders(layer)),
)

MARKS = {
    "layer": Mark("number in a chip", ".fl-chip", "stroke", open=True, says=r"^\d"),
    "memory": Mark("filled square", "rect.fl-memory-mark"),
    "query": Mark("ring", "circle.fl-query-mark", "stroke", open=True),
}


def states(twin: LayerMixture) -> Iterator[State]:
    weights = [0] * len(twin.layer_weights)
    for step, mixture in product(range(1, len(twin.tokens) + 1), ("learned", "embedding only", "last layer only")):
        yield {"step": step, "mixture": mixture, "weights": weights}
    for number, chosen in enumerate(product(range(-3, 4), repeat=len(weights))):
        yield {"step": 1 + number % len(twin.tokens), "mixture": "sliders", "weights": list(chosen)}


def shows(twin: LayerMixture) -> Look:
    shares = softmax(twin.raw_weights())
    equal = "equal shares" if len(set(twin.weights)) == 1 else None
    pressed = equal if twin.mixture == "sliders" else twin.mixture
    place = {"step": twin.step, "slot": twin.step, "filled": twin.step}
    return {**place, "shares": [percent(share) for share in shares], "pressed": [pressed] if pressed else []}


ARGUMENTS = ("hiddens", "layer_weights", "tokens", "layer_names", "accuracy")

KIND = Kind(
    figure=LayerMixture,
    small=layer_mixture,
    pages=("chapters/05-feedback-memory.html",),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda state: LayerMixture(*(state[name] for name in ARGUMENTS), does=state["does"]),
    states=states,
    shows=shows,
)
