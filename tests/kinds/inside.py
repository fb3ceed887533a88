"""The inside of a model: every number of it at every step, and what happens when it is changed."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from playwright.sync_api import Locator

from feedback_lite.widgets import ModelInside
from feedback_lite.widgets.inside import FIRST_LENGTH
from feedback_lite.widgets.live import drawn_game
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
    step_controls,
    stepper,
)

LOOK = r"""(figure) => {
    const text = (found) => found.textContent.replace(/\s/g, " ");
    const one = (name) => figure.querySelector(`[data-control="${name}"]`);
    const now = text(figure.querySelector(".fl-now")).match(/^Step (\d+) of (\d+)/);
    const [step, steps] = now.slice(1).map(Number);
    const marked = (mark) => figure.querySelectorAll(`.fl-slot[data-mark="${mark}"]`).length;
    const folds = [...figure.querySelectorAll("details")].map((fold) => fold.open);
    const said = [...figure.querySelectorAll(".fl-message")].map(text);
    const head = [".fl-head", ".fl-chosen"].map((part) => text(figure.querySelector(part)));
    const pictures = [...figure.querySelectorAll("svg")].map((picture) => picture.innerHTML);
    return {
        step, steps, folds,
        slot: Number(one("slot").getAttribute("aria-valuenow")),
        framed: figure.querySelector(".fl-picker .fl-frame").getAttribute("visibility") === "visible",
        written: marked("written"),
        held: marked("held"),
        evicted: marked("evicted"),
        deleted: marked("deleted"),
        source: one("written").value,
        slots: text(one("memory size").parentElement.querySelector(".fl-value")),
        counts: one("offset").checked,
        attention: [1, 2].map((layer) => one(`attention ${layer}`).checked),
        hides: one("hide answer").checked,
        hidden: figure.querySelector(".fl-answer").dataset.verdict === "hidden",
        changed: !figure.querySelector(".fl-changed").hidden,
        next: one("next token").selectedOptions[0].textContent,
        game: one("game").value,
        picture: [...head, ...said, folds, one("next token").value, ...pictures].join(),
    };
}"""


def typed(text: str) -> Move:
    """Type over what stands in a field, and press Enter."""

    def move(control: Locator) -> None:
        control.fill(text)
        control.press("Enter")

    return move


def select(name: str) -> Move:
    def move(control: Locator) -> None:
        control.select_option(label=name)

    return move


def inside(
    name: str,
    mouse: Move | None,
    keys: tuple[str, ...],
    seen: Callable[[Look], Look] | Look,
    first: tuple[str, ...] = (),
    silent: bool = False,
) -> Control:
    return Control(name, mouse, keys, seen if callable(seen) else always(**seen), first, silent=silent)


def at_step(step: Callable[[Look], int]) -> Callable[[Look], Look]:
    """The step in words, and the marks of a memory of 16 slots."""

    def seen(was: Look) -> Look:
        now = step(was)
        full = now > 16
        return {"step": now, "written": 1, "held": 15 if full else now - 1, "evicted": int(full)}

    return seen


GAME_FOLD, MODEL_FOLD = ("change the game",), ("change the model",)
CONTROLS = (
    *step_controls(at_step),
    inside("slot", at(0.999), ("End",), lambda was: {"slot": was["step"], "framed": True}, silent=True),
    inside("slot", at(0.2), (), lambda was: {"slot": was["step"] - 15, "framed": True}, silent=True),
    inside("slot", None, LESS, lambda was: {"slot": was["slot"] - 1}, silent=True),
    inside("slot", None, MORE, lambda was: {"slot": was["slot"] + 1}, silent=True),
    inside("slot", None, ("Home",), {"slot": 1, "framed": True}, silent=True),
    *stepper("slot", silent=True),
    *captions(),
    inside("readings", click, (), {"folds": [True, False, False]}, silent=True),
    inside("hide answer", click, (), {"hides": True, "hidden": True}),
    inside("show", click, (), {"hides": True, "hidden": False}, ("hide answer",)),
    inside("change the game", click, (), {"folds": [False, True, False]}, silent=True),
    inside("next token", select("swap 4 and 5"), ("End",), {"next": "swap 4 and 5"}, GAME_FOLD, silent=True),
    inside("add", click, (), lambda was: {"step": was["step"] + 1, "steps": was["step"] + 1}, GAME_FOLD),
    inside("game", typed("2 12 21"), (), {"step": 3, "steps": 3, "game": "2 12 12", "held": 2}, GAME_FOLD),
    inside("game", None, ("Enter",), at_step(lambda was: was["steps"]), GAME_FOLD),
    inside("use", click, (), at_step(lambda was: was["steps"]), GAME_FOLD),
    inside("change the model", click, (), {"folds": [False, False, True]}, silent=True),
    inside("written", select("the embedding alone"), (), {"source": "0", "changed": True}, MODEL_FOLD),
    inside("written", None, ("ArrowDown",), {"source": "uniform", "changed": True}, MODEL_FOLD),
    inside("written", None, ("End",), {"source": "2", "changed": True}, MODEL_FOLD),
    inside("memory size", at(0.0), ("Home",), {"slots": "1 slot", "held": 0, "evicted": 1}, MODEL_FOLD),
    inside("memory size", at(1.0), ("End",), {"slots": "24 slots", "held": 17, "evicted": 0}, MODEL_FOLD),
    inside("memory size", None, ("ArrowLeft",), {"slots": "15 slots", "held": 14}, MODEL_FOLD),
    inside("memory size", None, ("ArrowRight",), {"slots": "17 slots", "held": 16}, MODEL_FOLD),
    inside("offset", click, (), {"counts": False, "changed": True}, MODEL_FOLD),
    inside("attention 1", click, (), {"attention": [False, True], "changed": True}, MODEL_FOLD),
    inside("attention 2", click, (), {"attention": [True, False], "changed": True}, MODEL_FOLD),
    inside("delete", click, (), {"deleted": 1, "held": 14, "changed": True}, MODEL_FOLD),
    inside("bring back", click, (), {"deleted": 0, "held": 15, "changed": False}, (*MODEL_FOLD, "delete")),
    inside(
        "as trained",
        click,
        (),
        {"attention": [True, True], "counts": True, "deleted": 0, "changed": False},
        (*MODEL_FOLD, "attention 1", "offset", "delete"),
    ),
)

MARKS = {
    "layer": Mark("number", ".fl-share", says=r"\d"),
    "memory": Mark("filled square", '.fl-slot[data-mark="held"] rect.fl-square'),
    "key": Mark("tab on the square", "rect.fl-tab"),
    "evicted": Mark("hatched, leaving", ".fl-hatch", "stroke"),
    "right": Mark("check mark", '[data-verdict="right"] .fl-verdict', "color", says="✓"),
    "query": Mark("ring", "circle.fl-ring", "stroke", open=True),
}

GAME = list(drawn_game(FIRST_LENGTH))
AS_TRAINED: State = {
    "tokens": GAME,
    "step": 18,
    "slot": 17,
    "written": "mixture",
    "memory_size": 16,
    "memory_offset": True,
    "silent_layers": [],
    "deleted": [],
    "hide_answer": False,
    "shown": 0,
}


def states(_: ModelInside) -> Iterator[State]:
    """States of every kind, each control alone and together with others."""
    alone: list[dict[str, Any]] = [
        *({"step": step, "slot": min(step, 5)} for step in range(1, 25)),
        *({"slot": slot} for slot in (1, 2, 18, 24)),
        *({"written": written} for written in ("uniform", 0, 1, 2)),
        *({"memory_size": size} for size in (1, 2, 15, 17, 24)),
        {"memory_offset": False},
        *({"silent_layers": layers} for layers in ([1], [2], [1, 2], [2, 1])),
        *({"deleted": pairs} for pairs in ([[17, 18]], [[17, 19]], [[1, 2]], [[3, 5], [2, 18], [16, 17]], [[4, 23]])),
        {"memory_size": 1, "deleted": [[17, 18]]},
        {"hide_answer": True},
        {"hide_answer": True, "shown": 18, "written": 0},
        {"hide_answer": True, "shown": 17, "silent_layers": [1]},
        {"tokens": [4], "step": 1, "slot": 1},
        {"tokens": [0, *[7] * 40], "step": 41, "slot": 30, "written": 0, "memory_offset": False},
    ]
    draw = random.Random(7)
    for _ in range(40):
        length = draw.randint(1, 60)
        step = draw.randint(1, length)
        chosen = draw.sample(range(1, length + 1), k=min(length, draw.randint(0, 4)))
        alone.append(
            {
                "tokens": [draw.randrange(5), *(draw.randrange(5, 15) for _ in range(length - 1))],
                "step": step,
                "slot": draw.randint(1, length),
                "written": draw.choice(["mixture", "uniform", 0, 1, 2]),
                "memory_size": draw.choice([1, 3, 8, 16, 24]),
                "memory_offset": draw.random() < 0.7,
                "silent_layers": draw.choice([[], [], [1], [2]]),
                "deleted": [[slot, slot + draw.randint(1, 9)] for slot in chosen],
                "hide_answer": draw.random() < 0.2,
                "shown": draw.randint(0, step),
            }
        )
    for changes in alone:
        yield AS_TRAINED | changes


KIND = Kind(
    figure=ModelInside,
    small=ModelInside,
    pages=("chapters/09-whole-model.html", "chapters/10-generation.html"),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda _: ModelInside(),
    states=states,
)
