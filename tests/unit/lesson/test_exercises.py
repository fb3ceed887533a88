"""Every exercise: right answers of every make pass, wrong ones are told what is wrong with them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from feedback_lite.lesson import check
from feedback_lite.lesson.exercises import EXERCISES
from tests.answers import RIGHT_ANSWERS, STOPPING_ANSWERS

# A check of an answer runs models many times over, and shows the package's own errors.
pytestmark = pytest.mark.usefixtures("unchecked_module")

MISTAKES = [
    pytest.param(name, mistake, id=f"{name}-{number}")
    for name, exercise in EXERCISES.items()
    for number, mistake in enumerate(exercise.mistakes, start=1)
]

STOPPING = [
    pytest.param(name, answer, hint, id=answer.__name__)
    for name, answers in STOPPING_ANSWERS.items()
    for answer, hint in answers
]


CASES = [
    pytest.param(name, answer, id=f"{name}-{number}")
    for name, exercise in EXERCISES.items()
    for number, answer in enumerate([exercise.solution, exercise.specification, *RIGHT_ANSWERS[name]])
]


@pytest.mark.parametrize(("name", "answer"), CASES)
def test_right_answers_pass(name: str, answer: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    check(name, answer)
    assert capsys.readouterr().out.startswith(f"{name}: right, on ")


@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
def test_wrong_answers_are_told_what_is_wrong(name: str, mistake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    check(name, mistake.answer)
    printed = capsys.readouterr().out
    assert printed.startswith(f"{name}: not yet.")
    assert mistake.message in printed
    assert "expected: " in printed
    assert "came: " in printed


@pytest.mark.parametrize("fill", [-10.0, -20.0, -30.0, -100.0, -450.0])
def test_every_usual_score_in_place_of_minus_infinity_is_too_high(
    fill: float, capsys: pytest.CaptureFixture[str]
) -> None:
    check("masked-weights", lambda scores, mask: scores.masked_fill(~mask, fill).softmax(dim=-1))
    assert "A finite score is not low enough" in capsys.readouterr().out
    check("masked-weights", lambda scores, mask: (scores + fill * ~mask).softmax(dim=-1))
    assert "A finite score is not low enough" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "answer", "hint"), STOPPING)
def test_answers_that_stop_are_told_what_to_do(
    name: str, answer: Callable[..., Any], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(name, answer)
    printed = capsys.readouterr().out
    assert printed.startswith(f"{name}: not yet. Your function stopped with ")
    hints = [EXERCISES[name].error_hints[part] for part in EXERCISES[name].error_hints if part in printed]
    assert len(hints) == 1
    assert hint in hints[0]
    assert printed.endswith(f"{hints[0]}\n")


def test_every_hint_of_an_exercise_is_given_to_some_answer_that_stops() -> None:
    assert STOPPING_ANSWERS.keys() == {name for name, exercise in EXERCISES.items() if exercise.error_hints}
    for name, answers in STOPPING_ANSWERS.items():
        hints = EXERCISES[name].error_hints.values()
        assert [told for told in hints if not any(hint in told for _, hint in answers)] == []


@pytest.mark.parametrize("name", EXERCISES)
def test_every_exercise_knows_three_mistakes_and_two_other_right_answers(name: str) -> None:
    messages = [mistake.message for mistake in EXERCISES[name].mistakes]
    assert len(messages) == len(set(messages)) >= 3
    assert len(RIGHT_ANSWERS[name]) >= 2


@pytest.mark.parametrize("name", EXERCISES)
def test_cases_are_repeatable_and_fresh_for_another_seed(name: str) -> None:
    make_cases = EXERCISES[name].make_cases
    first, again, other = (repr(make_cases(torch.Generator().manual_seed(seed))) for seed in (1, 1, 2))
    assert first == again
    if "tensor" in first:
        assert first != other
