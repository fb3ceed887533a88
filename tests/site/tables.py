"""What there is on the site: its pages, its figures, and every control of every figure.

A new page needs nothing here (the table of contents names it), a new figure a row in FIGURES, and a new control a row
in CONTROLS. Tests hold these tables complete.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Locator

ROOT = Path(__file__).parents[2]


def pages_of_the_book() -> list[str]:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    parts = contents.get("parts", [contents])
    names = [contents["root"], *(chapter["file"] for part in parts for chapter in part["chapters"])]
    return [f"{name}.html" for name in names]


PAGES = pages_of_the_book()
PAGES_OF_THE_TOOL = ["index.html", "genindex.html", "search.html"]

# page, kind of figure
FIGURES = [
    ("chapters/05-feedback-memory.html", "predict"),
    ("chapters/05-feedback-memory.html", "layer-mixture"),
]

# What is to be seen of a figure, read from the page.
LOOKS = {
    "predict": """(figure) => {
        const options = [...figure.querySelectorAll('[data-control="option"]')];
        const chosen = options.findIndex((option) => option.checked);
        return {
            chosen: chosen < 0 ? null : chosen,
            recorded: options.every((option) => option.disabled),
            picture: options.map((option) => `${option.checked} ${option.closest("label").dataset.verdict}`),
        };
    }""",
    "layer-mixture": """(figure) => {
        const one = (selector) => figure.querySelector(selector);
        const text = (found) => found.textContent.replace(/\\s/g, " ");
        const texts = (selector) => [...figure.querySelectorAll(selector)].map(text);
        const [, step, steps] = texts(".fl-now")[0].match(/^Step (\\d+) of (\\d+): ./).map(Number);
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
    }""",
}

Look = dict[str, Any]
Move = Callable[[Locator], None]


def click(control: Locator) -> None:
    control.click()


def at(share: float) -> Move:
    """Click so far along the control, from 0 at its left end to 1 at its right end."""

    def move(control: Locator) -> None:
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        assert box is not None
        inset = 2 + share * (box["width"] - 4)
        control.click(position={"x": inset, "y": box["height"] / 2})

    return move


def point_at(share: float) -> Move:
    """Move the mouse over the control without a click."""

    def move(control: Locator) -> None:
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        assert box is not None
        control.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)

    return move


@dataclass(frozen=True)
class Control:
    """One way to use a control: what moves it, and what must be seen afterwards.

    Args:
        figure: the kind of figure.
        control: the control's name, which the page has as ``data-control``.
        mouse: what the mouse does; None where another row has the mouse.
        keys: keys of which each does the same while the control has the focus.
        to: from what was seen before, what must be seen afterwards.
        first: controls to click before, so that this one can act.
        which: the place among several controls of this name.
        stays: what need not change although the control was moved.
    """

    figure: str
    control: str
    mouse: Move | None
    keys: tuple[str, ...]
    to: Callable[[Look], Look]
    first: tuple[str, ...] = ()
    which: int = 0
    stays: frozenset[str] = field(default_factory=frozenset)

    @property
    def ways(self) -> list[str]:
        return [*(["mouse"] if self.mouse else []), *self.keys]


def always(**seen: Any) -> Callable[[Look], Look]:
    return lambda _: seen


def at_step(step: Callable[[Look], int]) -> Callable[[Look], Look]:
    """The step in words, and the slot of the memory strip in which it is written."""
    return lambda was: {"step": step(was), "slot": step(was), "filled": step(was)}


def preset(name: str, shares: Callable[[Look], list[str]] | None = None, first: tuple[str, ...] = ()) -> Control:
    def seen(was: Look) -> Look:
        return {"pressed": [name], **({} if shares is None else {"shares": shares(was)})}

    return Control("layer-mixture", f"preset {name}", click, ("Enter", "Space"), seen, first)


def one_hot(chosen: Callable[[int], int]) -> Callable[[Look], list[str]]:
    def shares(was: Look) -> list[str]:
        layers = len(was["shares"])
        return ["100 %" if layer == chosen(layers) else "0 %" for layer in range(layers)]

    return shares


def equal_shares(was: Look) -> list[str]:
    layers = len(was["shares"])
    return [f"{math.floor(100 / layers + 0.5)} %"] * layers


def with_weight(layer: int, weight: int) -> Callable[[Look], Look]:
    """This layer's raw weight, in the picture and beside its slider, and no preset any more."""
    text = str(weight).replace("-", "−")
    return always(**{f"weight {layer}": text, f"drawn {layer}": f"weight {text}", "pressed": []})


def sliders(layer: int) -> list[Control]:
    """From all weights at 0: to both ends, and one notch to either side."""
    ways: list[tuple[Move, tuple[str, ...], int]] = [
        (at(0.0), ("Home",), -3),
        (at(1.0), ("End",), 3),
        (at(1 / 3), ("ArrowLeft", "ArrowDown"), -1),
        (at(2 / 3), ("ArrowRight", "ArrowUp"), 1),
    ]
    name = f"weight {layer}"
    return [
        Control("layer-mixture", name, mouse, keys, with_weight(layer, weight), first=("preset equal shares",))
        for mouse, keys, weight in ways
    ]


def number(
    mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int], first: tuple[str, ...] = ()
) -> Control:
    """The number that is looked at. Its words are the line under the picture, not the state sentence."""
    return Control(
        "layer-mixture", "number", mouse, keys, lambda was: {"number": to(was)}, first, stays=frozenset({"sentence"})
    )


CONTROLS = [
    Control("predict", "option", click, ("Space",), always(chosen=1, recorded=False), which=1),
    Control("predict", "record", click, ("Enter", "Space"), always(chosen=0, recorded=True), ("option",)),
    Control("predict", "again", click, ("Enter", "Space"), always(chosen=None, recorded=False), ("option", "record")),
    Control("layer-mixture", "back", click, ("Enter", "Space", "ArrowLeft"), at_step(lambda was: was["step"] - 1)),
    Control("layer-mixture", "step", click, ("Enter", "Space", "ArrowRight"), at_step(lambda was: was["step"] + 1)),
    Control("layer-mixture", "step", None, ("End",), at_step(lambda was: was["steps"])),
    Control("layer-mixture", "run", click, ("Enter", "Space"), at_step(lambda was: was["step"] + 3)),
    Control("layer-mixture", "restart", click, ("Enter", "Space", "Home"), at_step(lambda was: 1)),
    number(point_at(0.999), (), lambda was: was["numbers"]),
    number(at(1.0), ("End",), lambda was: was["numbers"]),
    number(None, ("ArrowRight", "ArrowUp"), lambda was: was["number"] + 1),
    number(at(0.0), ("Home",), lambda was: 1, first=("number",)),
    number(None, ("ArrowLeft", "ArrowDown"), lambda was: was["number"] - 1, first=("number",)),
    preset("learned", first=("preset equal shares",)),
    preset("equal shares", equal_shares),
    preset("embedding only", one_hot(lambda layers: 0)),
    preset("last layer only", one_hot(lambda layers: layers - 1)),
    *(row for layer in range(3) for row in sliders(layer)),
]
