"""The memory as a queue: what is held, what is evicted, and how far a token still reaches."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from feedback_lite.widgets import MemoryQueue
from tests.drawing import GAME
from tests.kind import LESS, MORE, Control, Kind, Look, Mark, Move, State, at, step_controls, stepper

SIZES = 3
TRIED = [4, 9, 9, 9, 9, 9, 9]


def queue_changes() -> list[list[list[int]]]:
    """Return counts by memory size, step and token, of which neighbours differ."""
    steps = range(len(GAME))
    return [[[(size + step + token) % 5 for token in steps] for step in steps] for size in range(SIZES)]


def memory_queue(**changes: Any) -> MemoryQueue:
    """Seven steps with up to three slots, of which the first is evicted."""
    arguments = {
        "tokens": GAME,
        "changed": queue_changes(),
        "tried": TRIED,
        "memory_size": 2,
        "step": 6,
        "token": 1,
    }
    return MemoryQueue(**{**arguments, **changes})


LOOK = r"""(figure) => {
    const text = (selector) => figure.querySelector(selector).textContent.replace(/\s/g, " ");
    const [, step, steps] = text(".fl-now").match(/^Step (\d+) of (\d+): ./).map(Number);
    const picker = figure.querySelector('[data-control="token"]');
    const count = (kind) => figure.querySelectorAll(`.fl-token[data-state="${kind}"]`).length;
    return {
        step, steps,
        now: Number(text('.fl-token[data-state="now"] .fl-number')),
        held: count("held"),
        evicted: count("evicted"),
        waiting: count("waiting"),
        token: Number(picker.getAttribute("aria-valuenow")),
        tokens: Number(picker.getAttribute("aria-valuemax")),
        slots: Number(text(".fl-value").split(" ")[0]),
        picture: figure.querySelector("svg").innerHTML,
    };
}"""


def at_step(step: Callable[[Look], int]) -> Callable[[Look], Look]:
    """The step now, and where all slots are at it: to come, in memory, evicted."""

    def seen(was: Look) -> Look:
        now = step(was)
        held = min(now - 1, was["slots"])
        return {"step": now, "now": now, "held": held, "evicted": now - 1 - held, "waiting": was["steps"] - now}

    return seen


def memory_size(mouse: Move | None, keys: tuple[str, ...], slots: Callable[[Look], int]) -> Control:
    def seen(was: Look) -> Look:
        size = slots(was)
        return {"slots": size, "held": min(size, was["step"] - 1), "evicted": max(0, was["step"] - 1 - size)}

    return Control("memory size", mouse, keys, seen)


def token(mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int], first: tuple[str, ...] = ()) -> Control:
    return Control("token", mouse, keys, lambda was: {"token": to(was)}, first)


CONTROLS = (
    *step_controls(at_step),
    memory_size(at(0.0), ("Home",), lambda was: 1),
    memory_size(at(1.0), ("End",), lambda was: 6),
    memory_size(None, ("ArrowLeft",), lambda was: was["slots"] - 1),
    memory_size(None, ("ArrowRight",), lambda was: was["slots"] + 1),
    *stepper("token", first=("token after",)),
    token(at(1.0), ("End",), lambda was: was["tokens"]),
    token(None, MORE, lambda was: was["token"] + 1),
    token(at(0.0), ("Home",), lambda was: 1, first=("token",)),
    token(None, LESS, lambda was: was["token"] - 1, first=("token",)),
)

MARKS = {
    "memory": Mark("filled square", ".fl-mark-held rect.fl-square"),
    "evicted": Mark("hatched and struck through", ".fl-mark-evicted .fl-hatch", "stroke"),
    "query": Mark("ring", "circle.fl-ring", "stroke", open=True),
}


def states(twin: MemoryQueue) -> Iterator[State]:
    sizes, steps = range(1, len(twin.changed) + 1), range(1, len(twin.tokens) + 1)
    for size, step, token in product(sizes, steps, steps):
        yield {"memory_size": size, "step": step, "token": token}


def shows(twin: MemoryQueue) -> Look:
    held = min(twin.step - 1, twin.memory_size)
    counts = {"held": held, "evicted": twin.step - 1 - held, "waiting": len(twin.tokens) - twin.step}
    return {"step": twin.step, "now": twin.step, "token": twin.token, "slots": twin.memory_size, **counts}


KIND = Kind(
    figure=MemoryQueue,
    small=memory_queue,
    pages=("chapters/06-memory-fifo.html",),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda state: MemoryQueue(state["tokens"], state["changed"], state["tried"]),
    states=states,
    shows=shows,
)
