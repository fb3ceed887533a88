"""Runs the code of chapters up to their last `agree` and prints what these calls prove, as JSON by chapter.

    python -m tests.notebooks.proofs chapters/05-feedback-memory.ipynb

A call of `agree` proves a function or method of the package where the second side, the package's, calls it itself and
the first, the one that is believed, does not reach it at all. A call from within another piece is no proof: if that
piece did not call it any more, nothing would fail.
"""

import ast
import contextlib
import functools
import inspect
import io
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import feedback_lite
from book.tools.notebooks import is_code, read, without_magics
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
    """Whether a piece is a class that only holds values. It is proven wherever one is made: they come with a result."""
    return inspect.isclass(piece) and not methods(piece)


def called_by_the_chapter(frame: FrameType) -> bool:
    """Whether the chapter's code or `agree` makes this call, and no piece of the package."""
    caller = frame.f_back
    while caller is not None:
        module = caller.f_globals.get("__name__", "")
        if module == "__main__" or module.startswith("feedback_lite."):
            return module == "__main__"
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


def up_to_the_last_proof(sources: Iterable[str]) -> list[str]:
    """Return the cells that have to run, as Python."""
    cells = [without_magics(source) for source in sources]
    proving = [number for number, cell in enumerate(cells, start=1) if "agree" in called_names(cell)]
    return cells[: max(proving, default=0)]


def called_names(source: str) -> set[str]:
    """Return the names of the functions that a piece of code calls."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {ast.unparse(call.func) for call in calls}


def proven_by(chapter: Path) -> list[str]:
    """Return the names of what the chapter proves, methods as ``Memory.push``."""
    proven: set[str] = set()

    def agree(specification: Callable[..., Any], package: Callable[..., Any], cases: Any, **options: Any) -> float:
        believed, tried = Calls(), Calls()
        largest = true_agree(believed.of(specification), tried.of(package), cases, **options)
        proven.update(tried.called - believed.reached)
        return largest

    _, notebook = read(chapter)
    true_agree, lesson.agree = lesson.agree, agree
    namespace: dict[str, Any] = {"__name__": "__main__"}
    try:
        for source in up_to_the_last_proof(cell["source"] for cell in notebook["cells"] if is_code(cell)):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(source, str(chapter), "exec"), namespace)
    finally:
        lesson.agree = true_agree
    return sorted(proven)


if __name__ == "__main__":
    print(json.dumps({path: proven_by(Path(path)) for path in sys.argv[1:]}))
