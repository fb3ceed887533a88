"""Any questions: what a prediction and a quiz take, what they refuse, and what they count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from feedback_lite.widgets import Predict, Question, Quiz

pytestmark = pytest.mark.usefixtures("unchecked_module")

texts = st.text(min_size=1, max_size=20).filter(str.strip)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    size = draw(st.integers(2, 4))
    options = draw(st.lists(texts, min_size=size, max_size=size, unique=True))
    because = draw(st.lists(texts, min_size=size, max_size=size, unique=True))
    answer = draw(st.integers(0, size - 1) | st.sampled_from(options))
    return Question(draw(texts), options, answer, because, draw(st.text(max_size=9)))


quizzes = st.lists(questions(), min_size=1, max_size=6, unique_by=lambda asked: asked.question)


@st.composite
def tries_of(draw: st.DrawFn, asked: Question) -> list[int]:
    order = draw(st.permutations(range(len(asked.options))))
    last = order.index(asked.answer)
    return list(order[: draw(st.integers(0, last + 1))])


@given(questions())
def test_an_answer_is_one_place_whichever_way_it_is_named(asked: Question) -> None:
    again = Question(asked.question, asked.options, asked.options[asked.answer], asked.because, asked.section)
    assert again == asked
    assert isinstance(asked.answer, int)


@given(questions(), texts)
def test_what_is_no_option_is_no_answer(asked: Question, text: str) -> None:
    with pytest.raises(ValueError, match=f"the index of an option, 0 to {len(asked.options) - 1}, got -1"):
        Question(asked.question, asked.options, -1, asked.because)
    with pytest.raises(ValueError, match="the index of an option"):
        Question(asked.question, asked.options, True, asked.because)
    if text not in asked.options:
        with pytest.raises(ValueError, match="answer must be one of the options"):
            Question(asked.question, asked.options, text, asked.because)


@given(questions(), st.data())
def test_a_question_is_whole_or_refused(asked: Question, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(asked.options) - 1))
    twice = [*asked.options, asked.options[place]]
    with pytest.raises(ValueError, match="options must be two or more different texts"):
        Question(asked.question, twice, asked.answer, [*asked.because, "one more"])
    with pytest.raises(ValueError, match="because must be one text or one per option"):
        Question(asked.question, asked.options, asked.answer, asked.because[:-1])
    emptied = [" " if each == place else reason for each, reason in enumerate(asked.because)]
    with pytest.raises(ValueError, match="because must not be empty"):
        Question(asked.question, asked.options, asked.answer, emptied)
    with pytest.raises(ValueError, match="question must not be empty"):
        Question("", asked.options, asked.answer, asked.because)
    with pytest.raises(TypeError, match="options must be a list of texts"):
        Question(asked.question, "yes or no", 0, asked.because)


@given(questions(), st.data())
def test_a_prediction_tells_what_was_chosen(asked: Question, data: st.DataObject) -> None:
    figure = Predict(asked.question, asked.options, asked.answer, asked.because)
    assert figure.choice is None
    assert all(text in figure.sentence for text in (asked.question, *asked.options))
    choice = data.draw(st.integers(0, len(asked.options) - 1))
    figure.choice = choice
    assert f"You predicted: {asked.options[choice]}. " in figure.sentence
    assert figure.sentence.endswith(asked.because[choice])
    assert ("That is right. " in figure.sentence) >= (choice == asked.answer)
    for wrong in (-1, len(asked.options)):
        with pytest.raises(TraitError, match="choice must be None or the index of an option"):
            figure.choice = wrong
    assert figure.choice == choice


@given(quizzes, st.data())
def test_a_quiz_counts_first_tries(asked: list[Question], data: st.DataObject) -> None:
    figure = Quiz(*asked)
    assert all(text in figure.sentence for one in asked for text in (one.question, *one.options))
    tries = [data.draw(tries_of(one)) for one in asked]
    figure.tries, figure.number = tries, data.draw(st.integers(1, len(asked)))
    if not any(tries):
        return
    right = [one.answer == tried[0] for one, tried in zip(asked, tries, strict=True) if tried]
    if all(one.answer in tried for one, tried in zip(asked, tries, strict=True)):
        assert figure.sentence.endswith(f" {sum(right)} of {len(asked)} right at the first try.")
    else:
        assert figure.sentence.endswith(f"So far {sum(right)} of {len(right)} right at the first try.")
    one, tried = asked[figure.number - 1], tries[figure.number - 1]
    if tried:
        verdict = "right." if tried[-1] == one.answer else "not so. Choose again."
        assert f": {verdict} {one.options[tried[-1]]}: {one.because[tried[-1]]} " in figure.sentence
    else:
        assert f"Question {figure.number} of {len(asked)} is not answered yet." in figure.sentence


@given(quizzes, st.data())
def test_a_quiz_takes_no_other_tries(asked: list[Question], data: st.DataObject) -> None:
    figure = Quiz(*asked)
    place = data.draw(st.integers(0, len(asked) - 1))
    one = asked[place]
    other = (one.answer + 1) % len(one.options)
    for tried in ([other, other], [one.answer, other], [-1], [len(one.options)]):
        tries: list[list[int]] = [[] for _ in asked]
        tries[place] = tried
        with pytest.raises(TraitError, match="none twice and none after the right one"):
            figure.tries = tries
    with pytest.raises(TraitError, match=f"for each of {len(asked)} questions"):
        figure.tries = [[]] * (len(asked) + 1)
    for number in (0, len(asked) + 1):
        with pytest.raises(TraitError, match=f"number must be between 1 and {len(asked)}, got {number}"):
            figure.number = number


@given(questions())
def test_a_quiz_refuses_what_it_cannot_ask(asked: Question) -> None:
    five = Question("How many?", list("vwxyz"), 0, list("mnopq"))
    with pytest.raises(ValueError, match="question 2 may have 4 options, got 5"):
        Quiz(asked, five)
    with pytest.raises(ValueError, match="question 1 must have a reason of its own for every option"):
        Quiz(Question(asked.question, asked.options, asked.answer, "One for all."))
    with pytest.raises(ValueError, match="questions must differ"):
        Quiz(asked, asked)
    with pytest.raises(ValueError, match="one or more, got none"):
        Quiz()
    with pytest.raises(TypeError, match="question 1 must be a Question, got str"):
        Quiz(asked.question)  # type: ignore[arg-type]
