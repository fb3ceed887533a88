"""What tests know of one kind of figure. Each kind fills this in, in a file of its own in ``tests/kinds``."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from playwright.sync_api import Locator

from book.tools.notebooks.notebook import chapters
from feedback_lite.widgets import Figure

Look = dict[str, Any]
State = dict[str, Any]
Move = Callable[[Locator], None]

# What the scripts of every drawn slider do for a key. A button, a field or a box to tick gets its keys from the
# browser: one test presses them all, and no table names them.
LESS, MORE = ("ArrowLeft", "ArrowDown"), ("ArrowRight", "ArrowUp")

CHAPTERS = tuple(f"chapters/{path.stem}.html" for path in chapters())
"""The pages of all chapters, the one in one page first."""


@dataclass(frozen=True)
class Control:
    """One way to use a control: what moves it, and what must be seen afterwards.

    Args:
        name: the control's name, which the page has as ``data-control``.
        mouse: what the mouse does; None where another row has the mouse.
        keys: keys of which each does the same while the control has the focus.
        to: from what was seen before, what must be seen afterwards.
        first: controls to click before, so that this one can act; of a list, "task=program" chooses from it.
        which: the place among several controls of this name.
        silent: whether the state sentence may stay as it was.
        page: the only page whose figure has this control; None where all figures of the kind have it.
    """

    name: str
    mouse: Move | None
    keys: tuple[str, ...]
    to: Callable[[Look], Look]
    first: tuple[str, ...] = ()
    which: int = 0
    silent: bool = False
    page: str | None = None

    @property
    def ways(self) -> list[str]:
        return [*(["mouse"] if self.mouse else []), *self.keys]


@dataclass(frozen=True)
class Mark:
    """What carries a meaning where colour does not, and where to see it.

    Args:
        words: the mark, as one would describe it.
        drawn: a selector of what is drawn with it.
        paint: which part of that has the colour.
        open: whether its inside is left as the paper.
        dashed: whether its line is.
        says: a regular expression for the words on it or beside it.
    """

    words: str
    drawn: str
    paint: Literal["fill", "stroke", "color"] = "fill"
    open: bool = False
    dashed: bool = False
    says: str = ""


IN_WORDS = "its name in words beside it"


def no_states(_: Any) -> Iterable[State]:
    return ()


@dataclass(frozen=True)
class Kind:
    """One kind of figure.

    Args:
        figure: its class.
        small: makes a small one, of hand-written or random numbers.
        pages: where the site shows it; all its controls are tried on the first of them.
        look: a function in JavaScript: what is to be seen of a figure, and as ``picture`` all of what is drawn.
        controls: every control of it.
        marks: by meaning, the mark that goes with its colour.
        twin: makes one in Python from what a page stores.
        states: the states that its controls can set.
        shows: of a twin, those parts of the look that Python knows.
    """

    figure: type[Figure]
    small: Callable[[], Figure]
    pages: tuple[str, ...]
    look: str
    controls: tuple[Control, ...]
    marks: Mapping[str, Mark]
    twin: Callable[[State], Figure]
    states: Callable[[Any], Iterable[State]]
    shows: Callable[[Any], Look] = field(default=lambda _: {})

    @property
    def name(self) -> str:
        """The name that pages use, such as ``bucket-explorer``."""
        return self.figure.__module__.rpartition(".")[2].replace("_", "-")

    def controls_on(self, page: str) -> list[Control]:
        """Return the controls of a figure on this page."""
        return [control for control in self.controls if control.page in (None, page)]


# ---- moves


def click(control: Locator) -> None:
    control.click()


def at(share: float) -> Move:
    """Click so far along the control, from 0 at its left end to 1 at its right end."""

    def move(control: Locator) -> None:
        width, height = size_of(control)
        control.click(position={"x": 2 + share * (width - 4), "y": height / 2})

    return move


def point_at(share: float) -> Move:
    """Move the mouse over the control without a click."""

    def move(control: Locator) -> None:
        width, height = size_of(control)
        control.hover(position={"x": share * width, "y": height / 2})

    return move


def size_of(control: Locator) -> tuple[float, float]:
    box = control.bounding_box()
    assert box is not None
    return box["width"], box["height"]


def choose(value: str) -> Move:
    """Choose from a list."""

    def move(control: Locator) -> None:
        control.select_option(value)

    return move


# ---- what is seen afterwards


def always(**seen: Any) -> Callable[[Look], Look]:
    return lambda _: seen


def step_controls(
    to: Callable[[Callable[[Look], int]], Callable[[Look], Look]], step: str = "step", steps: str = "steps"
) -> list[Control]:
    """Back, step and restart with their keys; ``to`` gives what is seen at a step.

    What Run does is tested with a clock of the test's own.
    """
    return [
        Control("back", click, ("ArrowLeft",), to(lambda was: was[step] - 1)),
        Control("step", click, ("ArrowRight",), to(lambda was: was[step] + 1)),
        Control("step", None, ("End",), to(lambda was: was[steps])),
        Control("run", None, (), to(lambda was: was[step])),
        Control("restart", click, ("Home",), to(lambda was: 1)),
    ]


def captions() -> list[Control]:
    """Back and on through the captions; they are no part of the state."""
    return [
        Control("caption on", click, (), lambda was: {"caption": was["caption"] + 1}, silent=True),
        Control("caption back", click, (), lambda was: {"caption": 1}, first=("caption on",), silent=True),
    ]


def stepper(name: str, key: str = "", first: tuple[str, ...] = (), silent: bool = False) -> list[Control]:
    """The buttons beside a picture that lead to what stands before and after in it; the first one after the other."""
    seen = key or name

    def to(by: int) -> Callable[[Look], Look]:
        return lambda was: {seen: was[seen] + by}

    return [
        Control(f"{name} before", click, (), to(-1), first, silent=silent),
        Control(f"{name} after", click, (), to(1), (*first, f"{name} before"), silent=silent),
    ]


# ---- words


def percent(share: float) -> str:
    return f"{int(100 * share + 0.5)} %"


def minus(text: str) -> str:
    """Write the true minus sign."""
    return text.replace("-", "−")


def signed(number: float) -> str:
    """Write one decimal, without a minus before zero."""
    text = f"{number:.1f}"
    return minus(text) if float(text) else text.lstrip("-")
