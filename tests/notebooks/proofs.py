"""An extension of IPython that notes what the calls of `agree` in a chapter prove, while the chapter runs as it is.

A call of `agree` proves a function or method of the package where the second side, the package's, calls it itself and
the first, the one that is believed, does not reach it at all. A call from within another piece is no proof: if that
piece did not call it any more, nothing would fail.

Kernels load this file from an environment that has the built package and not the checkout, so it needs nothing else.
"""

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import feedback_lite
from feedback_lite import generation, lesson, model

# What only says what is wanted and computes nothing of the model: there is nothing to prove of it.
SETTINGS = ("FeedbackConfig", "Interventions")
# What the chapters build. `Reading` and `Step` are what public methods return. `RecurrentNetwork` is not among them: it
# is an opponent, and its cells are PyTorch's own.
PIECES: dict[str, Any] = {
    **{name: getattr(feedback_lite, name) for name in feedback_lite.__all__ if name not in SETTINGS},
    "Reading": model.Reading,
    "Step": generation.Step,
}
# The variable that names the file of the notes: one line for each call of `agree`, with a list of names.
VARIABLE = "FEEDBACK_LITE_PROOFS"


def methods(piece: Any) -> dict[str, Any]:
    """Return the public methods that a class defines itself; none for a function."""
    own = vars(piece) if inspect.isclass(piece) else {}
    return {name: each for name, each in own.items() if inspect.isfunction(each) and not name.startswith("_")}


def codes() -> dict[CodeType, str]:
    """Return the code of every function, method, and constructor of a plain value, with the name that it proves."""
    functions = {}
    for name, piece in PIECES.items():
        if is_value(piece):
            functions[name] = piece.__new__ if inspect.isfunction(piece.__new__) else piece.__init__
        elif inspect.isfunction(piece):
            functions[name] = piece
        functions |= {f"{name}.{method}": function for method, function in methods(piece).items()}
    # A decorator such as torch.no_grad has one code for all that it decorates.
    return {inspect.unwrap(function).__code__: name for name, function in functions.items()}


def is_value(piece: Any) -> bool:
    """Return whether a piece is a class that only holds values: proven wherever one is made, with a result."""
    return inspect.isclass(piece) and not methods(piece)


def called_by_the_chapter(frame: FrameType) -> bool:
    """Return whether the chapter's code or `agree` makes this call, and no piece of the package."""
    caller = frame.f_back
    while caller is not None:
        module = caller.f_globals.get("__name__", "")
        if module in ("__main__", __name__):
            return True
        if module.startswith("feedback_lite."):
            return False
        caller = caller.f_back  # PyTorch stands between the call of a module and its forward
    return False


CODES = codes()


class Calls:
    """Which pieces a function reaches while it runs, and which of them are called by the chapter's own code."""

    def __init__(self) -> None:
        self.reached: set[str] = set()
        self.called: set[str] = set()

    def of(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is watched."""

        @functools.wraps(function)
        def watched(*arguments: Any) -> Any:
            sys.setprofile(self.watch)
            try:
                return function(*arguments)
            finally:
                sys.setprofile(None)

        return watched

    def watch(self, frame: FrameType, event: str, argument: Any) -> None:
        """Take note of a call."""
        name = CODES.get(frame.f_code) if event == "call" else None
        if name is not None:
            self.reached.add(name)
            if is_value(PIECES.get(name)) or called_by_the_chapter(frame):
                self.called.add(name)


def noted(agree: Callable[..., float], notes: Path) -> Callable[..., float]:
    """Return an `agree` that does the same, and adds what it proved to the notes."""

    @functools.wraps(agree)
    def noting(
        specification: Callable[..., Any], package: Callable[..., Any], *arguments: Any, **options: Any
    ) -> float:
        believed, tried = Calls(), Calls()
        largest = agree(believed.of(specification), tried.of(package), *arguments, **options)
        with notes.open("a", encoding="utf-8") as file:
            print(json.dumps(sorted(tried.called - believed.reached)), file=file)
        return largest

    return noting


def load_ipython_extension(shell: object) -> None:
    """Begin the notes, so that their absence tells that nobody watched, and put the watch into the package."""
    notes = Path(os.environ[VARIABLE])
    notes.touch()
    lesson.agree = noted(lesson.agree, notes)
