"""The speed ladder: what a training step costs, by engine, setting and length."""

from collections.abc import Callable, Iterator
from itertools import product

from feedback_lite.widgets import SpeedLadder
from feedback_lite.widgets.speed_ladder import LADDER, VIEWS
from tests.kind import LESS, MORE, Control, Kind, Look, Mark, Move, State, at, click
from tests.speeds import own, speed


def speed_ladder() -> SpeedLadder:
    """Three settings, seven contenders, two of them on another machine too."""
    return SpeedLadder(speed(), own())


LOOK = r"""(figure) => {
    const text = (found) => (found?.textContent ?? "").replace(/\s/g, " ");
    const place = (name) => figure.querySelector(`[data-control="${name}"]`);
    return {
        view: figure.querySelector('[aria-pressed="true"]').dataset.control.slice("view ".length),
        setting: Number(place("setting").value),
        settings: Number(place("setting").max),
        length: Number(place("length").value),
        lengths: Number(place("length").max),
        base: Number(place("base").value),
        bases: Number(place("base").max),
        result: text(figure.querySelector(".fl-result")),
        rungs: [...figure.querySelectorAll("[data-rung]")].map((rung) => [
            rung.dataset.rung,
            text(rung.querySelector(".fl-value")),
            text(rung.querySelector(".fl-factor, .fl-power")),
        ]),
        own: figure.querySelectorAll(".fl-rung .fl-own").length,
        lines: figure.querySelectorAll(".fl-line").length,
        picture: figure.querySelector(".fl-picture").innerHTML,
    };
}"""


def slide(
    name: str, mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int], first: tuple[str, ...] = ()
) -> Control:
    return Control(name, mouse, keys, lambda was: {name: to(was)}, first)


# By length the setting with the most lengths is shown: there is one to go to.
BY_LENGTH = ("view time",)
CONTROLS = (
    Control("view time", click, (), lambda _: {"view": "time"}),
    Control("view memory", click, (), lambda _: {"view": "memory"}),
    Control("view ladder", click, (), lambda _: {"view": "ladder"}, first=("view memory",)),
    slide("setting", at(1.0), ("End",), lambda was: was["settings"]),
    slide("setting", None, MORE[:1], lambda was: was["setting"] + 1),
    slide("setting", at(0.0), ("Home",), lambda was: 0),
    slide("setting", None, LESS[:1], lambda was: was["setting"] - 1),
    slide("base", at(1.0), ("End",), lambda was: was["bases"]),
    slide("base", None, MORE[:1], lambda was: was["base"] + 1),
    slide("base", at(0.0), ("Home",), lambda was: 0, first=("base",)),
    slide("base", None, LESS[:1], lambda was: was["base"] - 1, first=("base",)),
    slide("length", at(1.0), ("End",), lambda was: was["lengths"], first=(*BY_LENGTH, "length")),
    slide("length", at(0.0), ("Home",), lambda was: 0, first=BY_LENGTH),
    slide("length", None, LESS[:1], lambda was: was["length"] - 1, first=BY_LENGTH),
    slide("length", None, MORE[:1], lambda was: was["length"] + 1, first=(*BY_LENGTH, "length")),
)

MARKS = {
    "memory": Mark("number in a filled square, solid line", '[data-family="feedback"] rect.fl-square', says=r"^\d"),
    "ordinary": Mark(
        "number in an open square, dashed line",
        '[data-family="ordinary"] rect.fl-square',
        "stroke",
        open=True,
        says=r"^\d",
    ),
    "recurrent": Mark(
        "number in a filled diamond, line of dashes and dots", '[data-family="recurrent"] path.fl-diamond', says=r"^\d"
    ),
}


def states(twin: SpeedLadder) -> Iterator[State]:
    """Every setting, view and length, and a length between two, each with two contenders to compare with."""
    keys = [key for key, *_ in twin.contenders]
    number = 0
    for setting, view in product(range(len(twin.settings)), VIEWS):
        lengths = twin.settings[setting]["lengths"]
        for length in (1, *lengths, lengths[-1] + 1):
            number += 1
            yield {"setting": setting, "view": view, "length": length, "base": keys[0]}
            yield {"setting": setting, "view": view, "length": length, "base": keys[number % len(keys)]}


def shows(twin: SpeedLadder) -> Look:
    shown, rungs = twin.shown(), twin.rungs()
    quantity = "memory" if twin.view == "memory" else "time"
    lines = {key: shown["lines"][key] for key, *_ in twin.contenders if key in shown["lines"]}
    drawn = [key for key, line in lines.items() if any(cost is not None for cost in line[quantity])]
    if twin.view == LADDER:
        seen = [[key, value, "1" if key == twin.base else more or "–"] for key, value, more in rungs]
    else:
        known = {key: value for key, value, _ in rungs}
        order = sorted(drawn, key=lambda key: -(twin.value(key, quantity) or 0))
        powers = {key: shown["lines"][key]["growth"][quantity] for key in drawn}
        seen = [[key, known.get(key, "–"), f"t{powers[key]}" if powers[key] else "–"] for key in order]
    keys = [key for key, *_ in twin.contenders]
    told = twin.headline()
    return {
        "view": twin.view,
        "setting": twin.setting,
        "settings": len(twin.settings) - 1,
        "length": shown["lengths"].index(twin.position()),
        "lengths": len(shown["lengths"]) - 1,
        "base": keys.index(twin.base),
        "bases": len(keys) - 1,
        "result": told[:1].upper() + told[1:],
        "rungs": seen,
        "own": len({key for key, *_ in rungs} & {key for key, *_ in twin.rungs("own")}) if twin.view == LADDER else 0,
        "lines": 0 if twin.view == LADDER else len(drawn),
    }


KIND = Kind(
    figure=SpeedLadder,
    small=speed_ladder,
    pages=("chapters/12-making-it-fast.html",),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda state: speed_ladder(),
    states=states,
    shows=shows,
)
