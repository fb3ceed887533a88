"""The exercise with blanks: choose, check, and be told what Python says of exactly this code."""

from collections.abc import Callable, Iterator
from itertools import product

from feedback_lite.widgets import FillIn
from tests.kind import Control, Kind, Look, Mark, State, always, click

CODE = "powers = {powers}\nreturn powers / {total}"
CHOICES = {
    "powers": ("layer_weights.exp()", "layer_weights", "layer_weights.sigmoid()"),
    "total": ("powers.sum()", "layer_weights.sum()", "1"),
}


def shares() -> FillIn:
    return FillIn("shares", CODE, CHOICES)


LOOK = r"""(figure) => {
    const chips = [...figure.querySelectorAll('[data-control="blank"]')];
    const panels = [...figure.querySelectorAll("fieldset")];
    const text = (node) => node.textContent.replace(/\u00a0/g, " ");
    return {
        current: chips.findIndex((chip) => chip.getAttribute("aria-pressed") === "true"),
        open: panels.findIndex((panel) => !panel.hidden),
        filled: chips.map((chip) => chip.hasAttribute("data-empty") ? null : text(chip.querySelector(".fl-text"))),
        chosen: panels.map((panel) => [...panel.querySelectorAll("input")].findIndex((radio) => radio.checked)),
        verdict: figure.dataset.verdict ?? null,
        whole: figure.querySelector(".fl-solved").hidden ? null : text(figure.querySelector(".fl-whole")),
        copied: text(figure.querySelector('[data-control="copy"]')),
        picture: figure.outerHTML,
    };
}"""


def chosen_first(place: int, choice: int) -> Callable[[Look], Look]:
    """One more blank is filled."""
    return lambda was: {
        "chosen": [choice if index == place else one for index, one in enumerate(was["chosen"])],
        "verdict": None,
    }


def at_blank(move: Callable[[int, int], int]) -> Callable[[Look], Look]:
    """Another blank is shown, and nothing else changes."""

    def to(was: Look) -> Look:
        now = move(was["current"], len(was["filled"]) - 1)
        return {"current": now, "open": now, "filled": was["filled"]}

    return to


def all_empty(was: Look) -> Look:
    return {"filled": [None for _ in was["filled"]], "verdict": None, "current": 0}


CONTROLS = (
    Control("blank", click, ("ArrowRight",), at_blank(lambda now, _: now + 1), which=0, silent=True),
    Control("blank", None, ("End",), at_blank(lambda _, last: last), which=0, silent=True),
    Control("blank", None, ("ArrowLeft",), at_blank(lambda now, _: now - 1), ("blank",), which=0, silent=True),
)
