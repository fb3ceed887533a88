"""The flow of information: what reaches a cell, for each way to look back."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from feedback_lite.widgets import Arrangement, InformationFlow
from tests.kind import Control, Kind, Look, Mark, Move, State, always, at, click, stepper

ARRANGEMENTS = [
    Arrangement("ordinary"),
    Arrangement("cache", 3, 3),
    Arrangement("feedback"),
    Arrangement("segments", 3),
]


def information_flow(**changes: Any) -> InformationFlow:
    """Seven tokens and two layers, read in segments of three at first."""
    arguments = {"num_tokens": 7, "num_layers": 2, "token": 5, "layer": 1, "chosen": 3}
    return InformationFlow(**{"arrangements": ARRANGEMENTS, **arguments, **changes})


LOOK = r"""(figure) => {
    const picker = figure.querySelector('[data-control="cell"]');
    const pressed = [...figure.querySelectorAll('[aria-pressed="true"]')];
    return {
        token: Number(picker.dataset.token),
        layer: Number(picker.dataset.layer),
        pressed: pressed.map((button) => button.textContent),
        reached: figure.querySelectorAll("[data-reached]").length,
        picture: figure.querySelector("svg").innerHTML,
    };
}"""

WHY_FEEDBACK, SEGMENTS = "chapters/01-why-feedback.html", "chapters/08-segments.html"
ONE_PAGE = "chapters/00-in-one-page.html"


def arrangement(name: str, page: str, first: tuple[str, ...] = ()) -> Control:
    """How the model looks back; each page offers a choice of its own."""
    return Control(f"arrangement {name}", click, (), always(pressed=[name]), first, page=page)


def cell(mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], Look]) -> Control:
    """The cell that is chosen: a token and a layer. A click into the middle of the picture comes first."""
    return Control("cell", mouse, keys, to, first=("cell",))


CONTROLS = (
    arrangement("segments of 1", page=SEGMENTS),
    arrangement("segments of 2", page=SEGMENTS),
    arrangement("segments of 4", first=("arrangement ordinary",), page=SEGMENTS),
    arrangement("segments of 12", page=SEGMENTS),
    arrangement("ordinary", page=SEGMENTS),
    arrangement("ordinary", first=("arrangement feedback",), page=WHY_FEEDBACK),
    arrangement("cache, segments of 4", page=WHY_FEEDBACK),
    arrangement("feedback", page=WHY_FEEDBACK),
    arrangement("segments of 4", page=WHY_FEEDBACK),
    arrangement("ordinary", page=ONE_PAGE),
    arrangement("feedback", first=("arrangement ordinary",), page=ONE_PAGE),
    *stepper("token"),
    *stepper("layer"),
    cell(at(0.0), ("Home",), lambda was: {"token": 1, "layer": was["layer"]}),
    cell(at(1.0), ("End",), lambda was: {"token": 12, "layer": was["layer"]}),
    cell(None, ("ArrowRight",), lambda was: {"token": was["token"] + 1, "layer": was["layer"]}),
    cell(None, ("ArrowLeft",), lambda was: {"token": was["token"] - 1, "layer": was["layer"]}),
    cell(None, ("ArrowUp",), lambda was: {"token": was["token"], "layer": was["layer"] + 1}),
    cell(None, ("ArrowDown",), lambda was: {"token": was["token"], "layer": 0, "reached": 0}),
)

MARKS = {
    "layer": Mark("number in a chip", ".fl-chip", "stroke", open=True, says=r"^\d"),
    "memory": Mark("thin solid line", '.fl-way[data-read="memory"]', "stroke"),
    "key": Mark("dashed line", '.fl-way[data-read="below"]', "stroke", dashed=True),
    "query": Mark("ring", "[data-now] rect.fl-ring", "stroke", open=True),
}


def states(twin: InformationFlow) -> Iterator[State]:
    arrangements, layers, tokens = range(len(twin.names)), range(twin.num_layers + 1), range(1, twin.num_tokens + 1)
    for chosen, layer, token in product(arrangements, layers, tokens):
        yield {"chosen": chosen, "layer": layer, "token": token}


def shows(twin: InformationFlow) -> Look:
    row = twin.ways[twin.chosen][twin.layer * twin.num_tokens + twin.token - 1]
    reached = len(row) - row.count(".")
    return {"token": twin.token, "layer": twin.layer, "pressed": [twin.names[twin.chosen]], "reached": reached}


KIND = Kind(
    figure=InformationFlow,
    small=information_flow,
    pages=(WHY_FEEDBACK, SEGMENTS, ONE_PAGE),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda _: InformationFlow([Arrangement("ordinary")]),
    states=states,
    shows=shows,
)
