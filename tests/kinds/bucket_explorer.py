"""The bucket explorer: which distances share a bias."""

from collections.abc import Callable, Iterator
from itertools import groupby, product
from typing import Any

import torch

from feedback_lite.widgets import BucketExplorer
from tests.drawing import drawn
from tests.kind import LESS, MORE, Control, Kind, Look, Mark, Move, State, at, click, stepper

TABLE = drawn(16, 3, seed=5, dtype=torch.float64)


def bucket_explorer(**changes: Any) -> BucketExplorer:
    """Three heads with random biases."""
    return BucketExplorer(**{"table": TABLE, **changes})


LOOK = r"""(figure) => {
    const one = (selector) => figure.querySelector(selector);
    const runs = [...figure.querySelectorAll(".fl-bucket")].map((box) => Number(box.dataset.slots));
    return {
        pressed: [...figure.querySelectorAll('[aria-pressed="true"]')].map((found) => found.textContent),
        slot: Number(one('[data-control="slot"]').getAttribute("aria-valuenow")),
        slots: Number(one('[data-control="slot"]').getAttribute("aria-valuemax")),
        covered: runs.reduce((sum, count) => sum + count, 0),
        buckets: [...figure.querySelectorAll(".fl-bucket")].map((box) => Number(box.dataset.bucket)),
        picture: one("svg").innerHTML,
    };
}"""


def choice(row: int, name: str, text: str, first: tuple[str, ...] = ()) -> Control:
    """A button: afterwards it is the pressed one of its row, the rows in their order."""

    def seen(was: Look) -> Look:
        # The clicks in ``first`` have come before ``was`` was looked at.
        pressed = list(was["pressed"])
        pressed[row] = text
        return {"pressed": pressed, "covered": 2 * was["slots"]}

    return Control(name, click, (), seen, first)


def slot(mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int], first: tuple[str, ...] = ()) -> Control:
    return Control("slot", mouse, keys, lambda was: {"slot": to(was)}, first)


CONTROLS = (
    choice(0, "buckets 4", "4"),
    choice(0, "buckets 8", "8"),
    choice(0, "buckets 16", "16", first=("buckets 8",)),
    choice(1, "distance 8", "8", first=("buckets 8",)),
    choice(1, "distance 16", "16", first=("distance 32",)),
    choice(1, "distance 32", "32"),
    choice(2, "both directions", "both directions"),
    choice(2, "past only", "past only", first=("both directions",)),
    choice(3, "head 1", "head 1", first=("head 2",)),
    choice(3, "head 2", "head 2"),
    slot(at(0.0), ("Home",), lambda was: 1),
    slot(None, LESS, lambda was: was["slot"] - 1),
    slot(at(0.999), ("End",), lambda was: was["slots"], first=("slot",)),
    slot(None, MORE, lambda was: was["slot"] + 1, first=("slot",)),
    *stepper("slot"),
)

MARKS = {
    "memory": Mark("filled square", "rect.fl-slot"),
    "key": Mark("tab on the square", "rect.fl-tab"),
    "query": Mark("ring", "circle.fl-ring", "stroke", open=True),
}


def states(twin: BucketExplorer) -> Iterator[State]:
    heads, slots = range(1, len(twin.table[0]) + 1), range(1, twin.num_slots + 1)
    for setting, head, slot in product(twin.rows, heads, slots):
        num_buckets, max_distance, direction = setting.split(", ")
        sizes = {"num_buckets": int(num_buckets), "max_distance": int(max_distance)}
        yield {**sizes, "direction": direction, "head": head, "slot": slot}


def shows(twin: BucketExplorer) -> Look:
    shown = twin.rows[f"{twin.num_buckets}, {twin.max_distance}, {twin.direction}"]
    return {
        "pressed": [str(twin.num_buckets), str(twin.max_distance), twin.direction, f"head {twin.head}"],
        "slot": twin.slot,
        "buckets": [bucket for name in ("counted", "left out") for bucket, _ in groupby(shown[name]["buckets"])],
    }


KIND = Kind(
    figure=BucketExplorer,
    small=bucket_explorer,
    pages=("chapters/02-relative-positions.html",),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda state: BucketExplorer(state["table"], num_slots=state["num_slots"]),
    states=states,
    shows=shows,
)
