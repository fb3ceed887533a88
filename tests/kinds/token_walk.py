"""The walk of one token through the whole model."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from feedback_lite.widgets import TokenWalk, walks
from tests.drawing import make_model
from tests.kind import IN_WORDS, Control, Kind, Look, Mark, Move, State, at, percent, signed, step_controls

WALK_TOKENS = [3, 16, 0, 7, 7]
VOCABULARY = [f"word {number}" for number in range(17)]


def token_walk(**changes: Any) -> TokenWalk:
    """Five tokens through a random model with two slots of memory."""
    found = walks(make_model(memory_size=2).eval(), WALK_TOKENS, VOCABULARY)
    return TokenWalk(found, [VOCABULARY[token] for token in WALK_TOKENS], **changes)


LOOK = r"""(figure) => {
    const text = (selector) => figure.querySelector(selector).textContent.replace(/\s/g, " ");
    const [, station, stations] = text(".fl-now").match(/^(\d+) of (\d+): ./).map(Number);
    return {
        station, stations,
        marked: Number(text('.fl-station[data-state="now"] .fl-stop-number')),
        done: figure.querySelectorAll('.fl-station[data-state="done"]').length,
        token: Number(text(".fl-value").split(":")[0]),
        tokens: Number(figure.querySelector('[data-control="token"]').max),
        bars: [...figure.querySelectorAll(".fl-bar-number")].map((bar) => bar.textContent.replace(/\s/g, " ")),
        picture: figure.querySelector("svg").innerHTML,
    };
}"""


def at_station(station: Callable[[Look], int]) -> Callable[[Look], Look]:
    """The station in words, the one that is marked, and how many lie behind it."""
    return lambda was: {"station": station(was), "marked": station(was), "done": station(was) - 1}


def token(mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int], first: tuple[str, ...] = ()) -> Control:
    return Control("token", mouse, keys, lambda was: {"token": to(was)}, first)


CONTROLS = (
    *step_controls(at_station, "station", "stations"),
    token(at(0.0), ("Home",), lambda was: 1),
    token(None, ("ArrowLeft",), lambda was: was["token"] - 1),
    token(at(1.0), ("End",), lambda was: was["tokens"], first=("token",)),
    token(None, ("ArrowRight",), lambda was: was["token"] + 1, first=("token",)),
)

ROW = r"^\S"  # each row of numbers starts with its name
MARKS = {
    "layer": Mark(IN_WORDS, ".fl-of-layer .fl-cell:not([data-negative])", says=ROW),
    "query": Mark(IN_WORDS, ".fl-of-query .fl-cell:not([data-negative])", says=ROW),
    "memory": Mark(IN_WORDS, ".fl-of-memory .fl-cell:not([data-negative])", says=ROW),
    "key": Mark(IN_WORDS, ".fl-of-key .fl-cell:not([data-negative])", says=ROW),
}


def states(twin: TokenWalk) -> Iterator[State]:
    for token, station in product(range(1, len(twin.tokens) + 1), range(1, len(twin.walks[0]) + 1)):
        yield {"token": token, "station": station}


def shows(twin: TokenWalk) -> Look:
    bars = twin.walks[twin.token - 1][twin.station - 1]["bars"]
    numbers = [number for row in bars["numbers"] for number in row]
    written = [percent(number) if "logit" not in bars["series"] else signed(number) for number in numbers]
    place = {"station": twin.station, "marked": twin.station, "done": twin.station - 1, "token": twin.token}
    return {**place, "bars": written}


KIND = Kind(
    figure=TokenWalk,
    small=token_walk,
    pages=("chapters/09-whole-model.html",),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda state: TokenWalk(state["walks"], state["tokens"]),
    states=states,
    shows=shows,
)
