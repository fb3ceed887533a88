"""The quiz: it asks all, tells what came of each try, and counts what was right at the first one."""

import pytest
from traitlets import TraitError

from feedback_lite.widgets import Question, Quiz
from tests.kinds.quiz import quiz

pytestmark = pytest.mark.usefixtures("unchecked_module")


def test_it_asks_all_then_tells_and_counts() -> None:
    figure = quiz()
    assert figure.sentence == (
        "2 questions. 1. Where is the ball? (1) under 1; (2) under 2; (3) under 3. "
        "2. How many cups? (1) four; (2) five."
    )
    figure.tries = [[2], []]
    assert figure.sentence == (
        "Question 1 of 2: not so. Choose again. under 3: No: c. So far 0 of 1 right at the first try."
    )
    figure.tries = [[2, 1], []]
    assert figure.sentence == "Question 1 of 2: right. under 2: Yes: b. So far 0 of 1 right at the first try."
    figure.number = 2
    assert figure.sentence == "Question 2 of 2 is not answered yet. So far 0 of 1 right at the first try."
    figure.tries = [[2, 1], [1]]
    assert figure.sentence == "Question 2 of 2: right. five: Count them. 1 of 2 right at the first try."


def test_one_question_is_a_quiz() -> None:
    assert Quiz(Question("Why?", ["a", "b"], 0, ["x", "y"])).sentence == "One question. 1. Why? (1) a; (2) b."


def test_an_answer_may_be_computed() -> None:
    assert Question("How many?", ["3", "4"], f"{2 + 2}", ["No.", "Yes."]).answer == 1
    with pytest.raises(ValueError, match=r"answer must be one of the options \['3', '4'\], got '5'"):
        Question("How many?", ["3", "4"], f"{2 + 3}", ["No.", "Yes."])


@pytest.mark.parametrize("tries", [[[0]], [[0, 0], []], [[1, 0], []], [[3], []], [[-1], []], [[], [], []]])
def test_tries_that_cannot_be_are_refused(tries: list[list[int]]) -> None:
    with pytest.raises(TraitError, match="tries must hold, for each of 2 questions, the places of the options"):
        quiz().tries = tries


def test_a_text_is_no_list_of_options() -> None:
    with pytest.raises(TypeError, match="options must be a list of texts, got 'ab'"):
        Question("Why?", "ab", 0, ["x", "y"])
    with pytest.raises(TypeError, match="options must be a str, got int"):
        Question("Why?", [1, 2], 0, ["x", "y"])  # type: ignore[list-item]
