"""Exercises that are solved on the page: each stands above its stub, uses what its chapter has, and there are many."""

import ast
import builtins
import json
from itertools import pairwise
from pathlib import Path

import pytest

from book.tools.notebooks.notebook import chapters, is_code, read, tags, widget_models
from book.tools.notebooks.rules import to_python
from feedback_lite.lesson.exercises import EXERCISES
from feedback_lite.lesson.filling import assemble, blanks_in

LEAST = 30
WITHOUT = {"count-feed-forward"}
"""Exercises that may leave the book."""
BUILDING = [path for path in chapters() if "02" <= path.name[:2] <= "10"]
SOLVED_ON_PAGES = [name for name, exercise in EXERCISES.items() if exercise.blanks]


def test_there_are_enough() -> None:
    assert len(SOLVED_ON_PAGES) >= LEAST
    assert not WITHOUT & set(SOLVED_ON_PAGES)


def shown_in(path: Path) -> list[str]:
    """Return the names of the exercises that a chapter shows with blanks, each right above its stub."""
    _, notebook = read(path)
    cells, found = notebook["cells"], []
    for cell, after in pairwise(cells):
        if is_code(cell) and "FillIn(" in cell["source"]:
            (call,) = (
                node
                for node in ast.walk(ast.parse(cell["source"]))
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "FillIn"
            )
            name = ast.literal_eval(call.args[0])
            assert f'check("{name}", ' in after["source"]
            assert "solution" not in tags(after)
            found.append(name)
    return found


def test_every_exercise_with_blanks_stands_above_its_stub_once() -> None:
    assert sorted(name for path in BUILDING for name in shown_in(path)) == sorted(SOLVED_ON_PAGES)


@pytest.mark.parametrize("path", BUILDING, ids=lambda path: path.stem)
def test_right_code_uses_only_what_its_chapter_has(path: Path) -> None:
    """So that it runs when it is copied into the stub, whose function has the same name and arguments."""
    _, notebook = read(path)
    known: set[str] = set(dir(builtins))
    states = [model["state"] for model in widget_models(notebook).values() if "combinations" in model["state"]]
    exercises = {state["exercise"]: state for state in states}
    for cell in filter(is_code, notebook["cells"]):
        tree = ast.parse(to_python(cell["source"]))
        for name, state in exercises.items():
            if f'check("{name}", ' in cell["source"]:
                assert names_used(state) <= known, name
                assert state["head"] in cell["source"]
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                known |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        known |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert len(exercises) >= 2


def names_used(state: dict[str, object]) -> set[str]:
    """Return the names that a right combination reads and does not make itself."""
    known = dict(state["choices"])  # type: ignore[call-overload]
    choices = {name: list(known[name]) for name in blanks_in(str(state["code"]))}
    place = list(state["combinations"]).index(state["right"])  # type: ignore[call-overload]
    filling = {}
    for name in reversed(choices):
        place, choice = divmod(place, len(choices[name]))
        filling[name] = choices[name][choice]
    body = assemble(str(state["code"]), filling)
    source = f"{state['head']}\n" + "\n".join(f"    {line}" for line in body.splitlines())
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    made = {node.id for node in names if isinstance(node.ctx, ast.Store)} | {one.arg for one in function.args.args}
    return {node.id for node in names} - made


@pytest.mark.parametrize("path", BUILDING, ids=lambda path: path.stem)
def test_what_is_stored_keeps_to_its_limits(path: Path) -> None:
    _, notebook = read(path)
    states = [model["state"] for model in widget_models(notebook).values() if "combinations" in model["state"]]
    for state in states:
        stored = {key: value for key, value in state.items() if key not in ("_esm", "_css")}
        assert len(json.dumps(stored).encode()) <= 32_000
        assert len(state["combinations"]) <= 150
        assert state["combinations"][0] != state["right"]
        assert set(state["chosen"]) == {None}
        assert f"{state['exercise']}: right, on all " in state["verdicts"][state["right"]]
        assert all(text.startswith(f"{state['exercise']}: ") for text in state["verdicts"])
