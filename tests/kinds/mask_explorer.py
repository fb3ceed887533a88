"""The mask explorer: which keys a query may read."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from feedback_lite.widgets import MaskExplorer
from feedback_lite.widgets.mask_explorer import DISTANCES, MOST_SLOTS
from tests.kind import Control, Kind, Look, Mark, Move, State, always, at, click, minus, percent, point_at, stepper


def even_weights(most: int = MOST_SLOTS) -> list[list[float]]:
    """Return a head that reads all slots alike, with one slot up to ``most``."""
    return [[1 / slots] * slots for slots in range(1, most + 1)]


def mask_explorer(**changes: Any) -> MaskExplorer:
    """Two heads that read all slots alike."""
    weights = {"layer 1, head 1": even_weights(), "layer 1, head 2": even_weights()}
    return MaskExplorer(**{"weights": weights, **changes})


LOOK = r"""(figure) => {
    const text = (found) => found.textContent.replace(/\s/g, " ");
    const pairs = [...figure.querySelectorAll(".fl-pair")];
    const row = (name) => figure.querySelector(`[data-control="${name}"]`).parentElement;
    const value = (name) => row(name).querySelector(".fl-value");
    const tokens = Number(text(value("tokens")));
    const chosen = pairs.findIndex((pair) => pair.querySelector(".fl-frame"));
    return {
        tokens,
        slots: Number(text(value("slots"))),
        query: Math.floor(chosen / (pairs.length / tokens)),
        key: chosen % (pairs.length / tokens),
        pairs: pairs.length,
        future: figure.querySelectorAll(".fl-struck").length,
        weights: figure.querySelectorAll(".fl-weight").length,
        numbers: pairs.map((pair) => text(pair.querySelector(".fl-number"))),
        pressed: [...figure.querySelectorAll('[aria-pressed="true"]')].map(text),
        picture: figure.querySelector("svg").innerHTML,
    };
}"""


def pair(
    mouse: Move | None, keys: tuple[str, ...], seen: Callable[[Look], Look], first: tuple[str, ...] = ()
) -> Control:
    return Control("pair", mouse, keys, seen, first)


def sizes(name: str, smallest: Look, before: Look, after: Look, largest: Look) -> list[Control]:
    """From three slots and three tokens: to both ends, and one to either side."""
    ways: list[tuple[Move | None, tuple[str, ...], Look]] = [
        (at(0.0), ("Home",), smallest),
        (at(1.0), ("End",), largest),
        (None, ("ArrowLeft",), before),
        (None, ("ArrowRight",), after),
    ]
    return [Control(name, mouse, keys, always(**seen)) for mouse, keys, seen in ways]


def shown_head(layer: int, head: int) -> Control:
    name = f"layer {layer}, head {head}"
    return Control(f"show {name}", click, (), always(pressed=[name], tokens=1, slots=3, pairs=3, weights=3))


CONTROLS = (
    pair(point_at(0.001), (), always(query=1, key=0)),
    pair(at(0.0), ("Home",), always(query=1, key=0)),
    pair(None, ("ArrowLeft",), always(query=1, key=4)),
    pair(None, ("ArrowUp",), always(query=0, key=5)),
    pair(None, ("ArrowDown",), always(query=2, key=5)),
    pair(None, ("ArrowRight",), lambda was: {"query": 1, "key": was["key"] + 1}, ("pair",)),
    pair(None, ("End",), always(query=1, key=5), ("pair",)),
    *sizes(
        "slots",
        {"slots": 0, "pairs": 9, "future": 3, "key": 2},
        {"slots": 2, "pairs": 15, "future": 3, "key": 4},
        {"slots": 4, "pairs": 21, "future": 3, "key": 5},
        {"slots": 6, "pairs": 27, "future": 3, "key": 5},
    ),
    *sizes(
        "tokens",
        {"tokens": 1, "pairs": 3, "future": 0, "query": 0, "key": 2},
        {"tokens": 2, "pairs": 10, "future": 1, "query": 1, "key": 4},
        {"tokens": 4, "pairs": 28, "future": 6, "query": 1, "key": 5},
        {"tokens": 4, "pairs": 28, "future": 6, "query": 1, "key": 5},
    ),
    *stepper("query"),
    *stepper("key"),
    *(shown_head(layer, head) for layer in (1, 2) for head in (1, 2)),
    Control(
        "show distances",
        click,
        (),
        always(pressed=["distances"], tokens=1, weights=0, pairs=3),
        first=("show layer 2, head 1",),
    ),
)

MARKS = {
    "memory": Mark("filled square", "rect.fl-slot-mark"),
    "key": Mark("tab on top", "rect.fl-key-tab"),
    "query": Mark("ring", "circle.fl-query-mark[data-chosen]", "stroke", open=True),
}


def states(twin: MaskExplorer) -> Iterator[State]:
    for setting in twin.tables:
        slots, tokens = map(int, setting.split(","))
        keys = slots + (tokens if tokens > 1 else 0)
        for query, key, shown in product(range(tokens), range(max(keys, 1)), [DISTANCES, *twin.heads]):
            yield {"slots": slots, "tokens": tokens, "query": query, "key": key, "shown": shown}


def shows(twin: MaskExplorer) -> Look:
    distance, mask = twin.tables[f"{twin.slots},{twin.tokens}"].values()
    look = {"slots": twin.slots, "tokens": twin.tokens, "future": sum(row.count(False) for row in mask)}
    if not distance[0]:
        return {**look, "numbers": []}
    numbers = [minus(str(steps)) for row in distance for steps in row]
    if twin.shows_weights():
        weights = twin.weights[twin.heads.index(twin.shown)][twin.slots - 1]
        numbers = [percent(weight) for weight in weights]
    return {**look, "query": twin.query, "key": twin.key, "numbers": numbers}


KIND = Kind(
    figure=MaskExplorer,
    small=mask_explorer,
    pages=("chapters/03-causal-mask.html",),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda state: MaskExplorer(dict(zip(state["heads"], state["weights"], strict=True))),
    states=states,
    shows=shows,
)
