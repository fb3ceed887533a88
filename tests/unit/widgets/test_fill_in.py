"""The exercise with blanks: what it says in each state, what it stores, and what it refuses."""

import json

import pytest
from traitlets import TraitError

from feedback_lite.lesson.exercises import EXERCISES
from feedback_lite.widgets import FillIn, fill_in
from tests.kinds.fill_in import CHOICES, CODE, shares

pytestmark = pytest.mark.usefixtures("unchecked_module")


def choose(figure: FillIn, *texts: str) -> None:
    figure.chosen = [choices.index(text) for choices, text in zip(figure.choices.values(), texts, strict=True)]


def test_it_asks_says_how_far_it_is_and_what_check_says() -> None:
    figure = shares()
    assert figure.sentence.startswith(
        "Fill in the blanks: def shares_of(layer_weights): powers = (1) return powers / (2). Blank 1: "
    )
    for texts in CHOICES.values():
        assert all(text in figure.sentence for text in texts)
    assert "\n" not in figure.sentence
    figure.chosen = [0, None]
    assert figure.sentence == "One of 2 blanks is filled."
    choose(figure, "layer_weights", "powers.sum()")
    assert figure.sentence == "All 2 blanks are filled. Check tries the code on all inputs."
    figure.checked = True
    assert figure.sentence.startswith("shares: not yet.\n  layer_weights = ")
    assert figure.sentence.endswith("but they may be negative. Take exp of each one first.")
    choose(figure, "layer_weights.exp()", "powers.sum()")
    assert figure.sentence == "shares: right, on all 6 inputs."
    assert figure.verdict == figure.right


def test_the_last_blank_changes_fastest() -> None:
    figure = shares()
    seen = []
    for first in range(3):
        for second in range(3):
            figure.chosen = [first, second]
            seen.append(figure.verdict)
    assert seen == figure.combinations
    assert len(set(seen)) > 3


def test_the_code_is_assembled_with_dots_for_what_is_empty() -> None:
    figure = shares()
    assert figure.assembled == "powers = ...\nreturn powers / ..."
    choose(figure, "layer_weights", "1")
    assert figure.assembled == "powers = layer_weights\nreturn powers / 1"


def test_a_store_may_change_the_order_of_the_blanks() -> None:
    figure = FillIn("mix-layers")
    whole = figure.choices
    figure.chosen = [whole["shares"].index("layer_weights"), 1, 2]
    before = (figure.assembled, figure.verdict)
    figure.set_state({"choices": dict(sorted(whole.items()))})
    assert list(figure.choices) != list(whole)
    assert (figure.assembled, figure.verdict) == before


def test_an_exercise_brings_its_own_blanks() -> None:
    own, given = FillIn("shares"), EXERCISES["shares"].blanks
    assert given is not None
    assert own.get_state(["code", "choices"]) == FillIn("shares", given.code, given.choices).get_state(
        ["code", "choices"]
    )


def test_what_is_stored_is_small() -> None:
    state = shares().get_state()
    stored = [state[key] for key in ("exercise", "head", "code", "choices", "verdicts", "combinations", "right")]
    assert len(json.dumps(stored)) < 2500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("share",), "exercise must be one of"),
        (("next-place",), "code and choices must be given for next-place"),
        (("shares", CODE), "given both or not at all"),
        (("shares", CODE, {"powers": ("1", "2")}), "once, got"),
    ],
)
def test_what_cannot_be_made_is_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FillIn(*arguments)  # type: ignore[arg-type]


def test_too_heavy_an_exercise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_in, "MOST_BYTES", 500)
    with pytest.raises(ValueError, match="may weigh 500 bytes, got "):
        shares()


@pytest.mark.parametrize("chosen", [[0], [0, 3], [0, -1], [0, 0, 0]])
def test_only_choices_can_be_chosen(chosen: list[int]) -> None:
    with pytest.raises(TraitError, match=r"for each blank, of \[3, 3\] choices, got"):
        shares().chosen = chosen
