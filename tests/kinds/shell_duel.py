"""The duel: two models and the reader follow a ball under cups."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from feedback_lite.widgets import ShellDuel
from feedback_lite.widgets.live import ball_of, drawn_game
from feedback_lite.widgets.shell_duel import LONGEST
from tests.kind import Control, Kind, Look, Mark, State, always, click

LOOK = r"""(figure) => {
    const all = (selector) => [...figure.querySelectorAll(selector)];
    const text = (found) => found.textContent.replace(/\s/g, " ");
    const place = (found, holds) => found.findIndex(holds) + 1;
    const [feedback, , reader] = all(".fl-score").map((score) => Number(text(score).split(" of ")[1] ?? 0));
    const kept = figure.querySelector('[data-control="keep open"]')?.checked;
    return {
        swaps: Number(text(figure.querySelector(".fl-count")).split(" ")[0]),
        open: all(".fl-spot[data-ball]").length === 1,
        picked: place(all(".fl-spot"), (spot) => spot.getAttribute("aria-pressed") === "true"),
        guess: place(all(".fl-guesses button"), (one) => "chosen" in one.dataset),
        answers: all("[data-player] .fl-answer").map(text),
        rounds: feedback,
        guesses: reader,
        kept,
        note: all(".fl-note").map(text).join(),
        picture: [kept, ...all("svg, .fl-note").map((one) => one.outerHTML)],
    };
}"""

CUPS = range(1, 6)
CLOSED = ["has answered", "has answered", "where is the ball?"]


def button(name: str, seen: Callable[[Look], Look], first: tuple[str, ...] = (), keys: tuple[str, ...] = ()) -> Control:
    """A button; with ``keys`` these alone, while it has the focus."""
    return Control(name, None if keys else click, keys, seen, first)


def silent(control: Control) -> Control:
    return replace(control, silent=True)


def cup(number: int, seen: Callable[[Look], Look], first: tuple[str, ...] = ()) -> Control:
    """A cup is drawn, and its script has the keys of a button."""
    return Control(f"cup {number}", click, ("Enter", "Space"), seen, first)


def picked(number: int) -> Callable[[Look], Look]:
    """What is picked is told under the cups, not in the state sentence."""
    return always(picked=number)


def more_swaps(count: int, **seen: Any) -> Callable[[Look], Look]:
    return lambda was: {
        "swaps": was["swaps"] + count,
        "open": False,
        "picked": 0,
        "answers": CLOSED,
        **seen,
    }


CONTROLS = (
    *(silent(cup(number, picked(number))) for number in CUPS),
    silent(cup(3, picked(0), first=("cup 3",))),
    *(silent(button("shuffle", picked(number), keys=(str(number),))) for number in CUPS),
    silent(button("reveal", picked(0), first=("cup 4",), keys=("4", "Escape"))),
    cup(5, more_swaps(1), first=("cup 2",)),
    button("reveal", more_swaps(1), first=("cup 2",), keys=("3",)),
    button("shuffle", more_swaps(10)),
    button("shuffle 1", more_swaps(1)),
    button("shuffle 50", more_swaps(50)),
    button("shuffle 1", lambda was: {"swaps": was["swaps"] + 1, "open": True, "rounds": 0}, first=("keep open",)),
    silent(button("replay", always(open=True), first=("shuffle", "reveal"))),
    *(
        button(f"guess {number}", always(open=True, guess=number, rounds=1, guesses=1), first=("shuffle",))
        for number in CUPS
    ),
    button("reveal", always(open=True, guess=0, rounds=1, guesses=0), first=("shuffle",)),
    button("new game", always(swaps=0, open=True, rounds=0), first=("shuffle 1",)),
    button("new game", always(swaps=0, open=True, rounds=1), first=("shuffle", "reveal")),
    button("keep open", always(kept=True, open=True, rounds=0), first=("shuffle",)),
    silent(button("keep open", always(kept=False), first=("keep open",))),
)

MARKS = {
    "memory": Mark("filled square", '[data-player="feedback"] .fl-sign'),
    "ordinary": Mark("open square, dashed", '[data-player="ordinary"] .fl-sign', "stroke", open=True, dashed=True),
    "right": Mark("check mark", '.fl-answer[data-verdict="right"]', "color", says="✓ right"),
    "query": Mark("thick outline", ".fl-cup[data-picked] .fl-rim", "stroke"),
}


def states(_: ShellDuel) -> Iterator[State]:
    """Games of many lengths, open and closed, with and without a guess and a score."""
    for number, swaps in enumerate([0, 1, 2, 3, 5, 8, 13, 18, 19, 20, 21, 34, 55, 80]):
        game = list(drawn_game(swaps + 1, seed=number))
        for guess, rounds, score in (
            (0, 0, [0, 0, 0, 0]),
            (0, 4, [4, 1, 0, 0]),
            (ball_of(game), 12, [12, 5, 7, 9]),
            (1 + ball_of(game) % 5, 1, [0, 0, 0, 1]),
        ):
            told = {"game": game, "rounds": rounds, "score": score}
            yield {**told, "guess": guess, "cups_open": True, "keep_open": False}
            yield {**told, "guess": 0, "cups_open": False, "keep_open": number % 2 == 0}
    longest = list(drawn_game(LONGEST + 1, seed=99))
    yield {"game": longest, "guess": 0, "cups_open": True, "keep_open": False}


KIND = Kind(
    figure=ShellDuel,
    small=ShellDuel,
    pages=("book/index.html", "chapters/01-why-feedback.html"),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda _: ShellDuel(),
    states=states,
)
