"""The quiz at the end of every chapter: five questions, no answer given away by its look, each reason its own."""

import ast
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from book.tools.notebooks.notebook import Json, chapters, is_code, model_ids, read, widget_models
from book.tools.notebooks.rules import to_python

QUESTIONS, MOST_WORDS = 5, 35
MOST_LONGEST = 2
"""In so many questions of a chapter the longest option may be the right one."""
HEADING = re.compile(r"^#{2,3} (.+)$", re.MULTILINE)


def quiz_of(path: Path) -> list[dict[str, Any]]:
    """Return the stored questions of a chapter's quiz, which is the last figure of it."""
    _, notebook = read(path)
    models = widget_models(notebook)
    shown = [model_id for cell in notebook["cells"] if is_code(cell) for model_id in model_ids(cell["outputs"])]
    states = [models[one]["state"] for one in shown if models[one].get("model_module") == "anywidget"]
    kinds = [state["_anywidget_id"].rpartition(".")[2] for state in states]
    assert kinds.count("Quiz") == 1
    assert kinds[-1] == "Quiz"
    assert states[-1]["tries"] == [[] for _ in states[-1]["questions"]]
    return list(states[-1]["questions"])


QUIZZES = {path.stem: quiz_of(path) for path in chapters()}
EVERY_CHAPTER = pytest.mark.parametrize("name", QUIZZES)


@EVERY_CHAPTER
def test_there_are_five_questions_with_two_to_four_options(name: str) -> None:
    assert len(QUIZZES[name]) == QUESTIONS
    for asked in QUIZZES[name]:
        assert 2 <= len(asked["options"]) <= 4
        assert len({option.strip().lower() for option in asked["options"]}) == len(asked["options"])
        assert asked["question"].endswith("?")


@EVERY_CHAPTER
def test_every_option_has_a_short_reason_of_its_own(name: str) -> None:
    reasons = [reason for asked in QUIZZES[name] for reason in asked["because"]]
    assert len(set(reasons)) == len(reasons)
    assert {reason for reason in reasons if len(reason.split()) > MOST_WORDS or not reason.endswith(".")} == set()


@EVERY_CHAPTER
def test_no_look_gives_an_answer_away(name: str) -> None:
    places = Counter(asked["answer"] for asked in QUIZZES[name])
    assert max(places.values()) <= 3
    longest = [max(asked["options"], key=len) == asked["options"][asked["answer"]] for asked in QUIZZES[name]]
    assert sum(longest) <= MOST_LONGEST


def test_right_answers_stand_at_all_places() -> None:
    asked = [one for questions in QUIZZES.values() for one in questions]
    for place in range(3):
        could = [one for one in asked if len(one["options"]) > place]
        expected = sum(1 / len(one["options"]) for one in could)
        assert abs(sum(one["answer"] == place for one in could) - expected) < 0.35 * expected
    longest = sum(max(one["options"], key=len) == one["options"][one["answer"]] for one in asked)
    assert longest < 0.4 * len(asked)


def test_no_question_is_asked_twice() -> None:
    texts = [asked["question"] for questions in QUIZZES.values() for asked in questions]
    guessed = [
        model["state"]["question"]
        for path in chapters()
        for model in widget_models(read(path)[1]).values()
        if model["state"].get("_anywidget_id", "").endswith(".Predict")
    ]
    assert len(set(texts + guessed)) == len(texts + guessed)


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_each_question_names_the_section_that_answers_it(path: Path) -> None:
    cells = read(path)[1]["cells"]
    at = next(place for place, cell in enumerate(cells) if is_quiz(cell))
    before = [cell["source"] for cell in cells[:at] if cell["cell_type"] == "markdown"]
    headings = HEADING.findall("\n".join(before))
    for asked in QUIZZES[path.stem]:
        assert headings.count(asked["section"]) == 1, asked["section"]


def is_quiz(cell: Json) -> bool:
    return is_code(cell) and re.search(r"^Quiz\(", cell["source"], re.MULTILINE) is not None


def calls_of(path: Path) -> list[ast.Call]:
    """Return the questions of a quiz as its cell makes them."""
    (cell,) = (cell for cell in read(path)[1]["cells"] if is_quiz(cell))
    calls = [node for node in ast.walk(ast.parse(to_python(cell["source"]))) if isinstance(node, ast.Call)]
    return [call for call in calls if ast.unparse(call.func) == "Question"]


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_right_numbers_are_computed(path: Path) -> None:
    """An answer with a number in it, where it is not the name of a layer, comes from the cell's code."""
    calls = calls_of(path)
    assert len(calls) == QUESTIONS
    computed = 0
    for call in calls:
        (answer,) = (keyword.value for keyword in call.keywords if keyword.arg == "answer")
        computed += not isinstance(answer, ast.Constant)
        if isinstance(answer, ast.Constant):
            assert isinstance(answer.value, str)
            assert not re.search(r"\d", re.sub(r"\blayer \d\b", "", answer.value))
    assert computed >= 1


@EVERY_CHAPTER
def test_no_text_needs_markup(name: str) -> None:
    """What is told is plain text: no markdown, no formula, no line break."""
    for asked in QUIZZES[name]:
        for text in (asked["question"], *asked["options"], *asked["because"]):
            assert not re.search(r"[`$\n]|\*\*|\]\(|<[a-z/]", text), text
