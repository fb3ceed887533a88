"""The prediction: open until recorded, then told why; and what it refuses."""

import pytest
from traitlets import TraitError

from feedback_lite.widgets import Predict
from tests.kinds.predict import prediction


def test_prediction_is_open_until_recorded() -> None:
    figure = prediction()
    assert figure.choice is None
    assert figure.sentence == "Your prediction: Where is the ball? (1) under 1; (2) under 2; (3) under 3."


def test_prediction_tells_why() -> None:
    figure = prediction()
    figure.choice = 1
    assert figure.sentence == "You predicted: under 2. That is right. Yes: b."
    figure.choice = 2
    assert figure.sentence == "You predicted: under 3. That is not so. Right is: under 2. No: c."
    figure.choice = None
    assert figure.sentence.startswith("Your prediction")


def test_one_reason_serves_for_all() -> None:
    figure = Predict("Why?", ["a", "b"], 0, "Because.")
    figure.choice = 1
    assert figure.sentence == "You predicted: b. That is not so. Right is: a. Because."


@pytest.mark.parametrize(
    ("options", "answer", "because", "message"),
    [
        (["only"], 0, "x", "options must be two or more different texts"),
        (["a", "a"], 0, "x", "options must be two or more different texts"),
        (["a", "b"], 2, "x", "answer must be the index of an option, 0 to 1, got 2"),
        (["a", "b"], -1, "x", "answer must be the index of an option, 0 to 1, got -1"),
        (["a", "b"], 0, ["x"], "because must be one text or one per option: 1 came for 2"),
    ],
)
def test_impossible_predictions_are_refused(
    options: list[str], answer: int, because: list[str] | str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Predict("?", options, answer, because)


def test_choice_must_be_an_option() -> None:
    with pytest.raises(TraitError, match="choice must be None or the index of an option, 0 to 2, got 3"):
        prediction().choice = 3
