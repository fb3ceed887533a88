"""Every exercise: right answers of every make pass, wrong ones are told what is wrong with them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from feedback_lite.exercises import EXERCISES
from feedback_lite.lesson import check
from tests.answers import RIGHT_ANSWERS

MISTAKES = [
    pytest.param(name, mistake, id=f"{name}-{number}")
    for name, exercise in EXERCISES.items()
    for number, mistake in enumerate(exercise.mistakes, start=1)
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
