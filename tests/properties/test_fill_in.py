"""Exercises with blanks, of any shape: every combination gets its own verdict, and what teaches nothing is refused."""

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product

import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_lite.lesson.exercises import EXERCISES, Exercise, Mistake
from feedback_lite.lesson.filling import MOST_COMBINATIONS, fill_all
from feedback_lite.widgets import FillIn
from feedback_lite.widgets.fill_in import MOST_BYTES

pytestmark = pytest.mark.usefixtures("unchecked_module")

BASE = 4  # as many choices as a blank may have, so that each sum tells its choices
FEW = settings(max_examples=15)


@dataclass(frozen=True)
class Sum:
    """An exercise whose answer is a sum with one blank for each of its terms."""

    name: str
    sizes: list[int]
    right: list[int]

    @property
    def code(self) -> str:
        return "return x + " + " + ".join(f"{{term{place}}}" for place in range(len(self.sizes)))

    @property
    def choices(self) -> dict[str, list[str]]:
        return {
            f"term{place}": [str(BASE**place * choice) for choice in range(size)]
            for place, size in enumerate(self.sizes)
        }

    @property
    def sums(self) -> list[int]:
        return [sum(map(int, texts)) for texts in product(*self.choices.values())]

    @property
    def total(self) -> int:
        return sum(BASE**place * choice for place, choice in enumerate(self.right))

    @property
    def known(self) -> list[int]:
        """The wrong sums that the exercise knows; to all others it says one thing."""
        return [each for each in self.sums if each != self.total][:3]

    def exercise(self) -> Exercise:
        def adding(number: int) -> Mistake:
            return Mistake(answer=lambda x: x + number, message=f"The sum is off: it was {number}.")

        return Exercise(
            specification=lambda x: x + self.total,
            make_cases=lambda generator: [(1,), (5,)],
            solution=lambda x: x + self.total,
            mistakes=tuple(map(adding, self.known)),
            otherwise="Add again.",
        )

    def message(self, number: int) -> str:
        if number == self.total:
            return f"{self.name}: right, on all 4 inputs."
        return f"The sum is off: it was {number}." if number in self.known else "Add again."


@st.composite
def sums(draw: st.DrawFn) -> Sum:
    sizes = draw(st.lists(st.integers(2, BASE), min_size=2, max_size=4).filter(lambda few: 4 < math.prod(few) <= 72))
    right = [draw(st.integers(0, size - 1)) for size in sizes]
    return Sum("random-" + draw(st.text("abcxyz", min_size=1, max_size=6)), sizes, right)


@contextmanager
def known_as(one: Sum) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXERCISES, one.name, one.exercise())
        yield


@FEW
@given(sums())
def test_every_combination_gets_its_own_verdict(one: Sum) -> None:
    with known_as(one):
        table = fill_all(one.name, one.code, one.choices)
    assert list(table.choices) == list(one.choices)
    assert {blank: sorted(texts) for blank, texts in table.choices.items()} == {
        blank: sorted(texts) for blank, texts in one.choices.items()
    }
    shown = [sum(map(int, texts)) for texts in product(*table.choices.values())]  # the last blank fastest
    assert len(table.combinations) == len(shown)
    for number, told in zip(shown, table.combinations, strict=True):
        assert one.message(number) in table.verdicts[told]
        assert (told == table.right) == (number == one.total)
    assert len(set(table.verdicts)) == len(table.verdicts)
    assert sorted(set(table.combinations)) == list(range(len(table.verdicts)))
    assert table.combinations[0] != table.right


@FEW
@given(sums(), st.randoms(use_true_random=False))
def test_the_order_shown_is_the_exercises_own(one: Sum, chance: random.Random) -> None:
    mixed = {blank: chance.sample(texts, len(texts)) for blank, texts in reversed(one.choices.items())}
    with known_as(one):
        assert fill_all(one.name, one.code, mixed) == fill_all(one.name, one.code, one.choices)


def test_another_name_brings_another_order() -> None:
    orders = set()
    for name in ("random-a", "random-b", "random-c", "random-d"):
        one = Sum(name, [4, 4], [1, 1])
        with known_as(one):
            orders.add(str(fill_all(name, one.code, one.choices).choices))
    assert len(orders) > 1


@FEW
@given(sums(), st.data())
def test_a_figure_tells_the_verdict_of_what_is_chosen(one: Sum, data: st.DataObject) -> None:
    with known_as(one):
        figure = FillIn(one.name, one.code, one.choices)
    places = [data.draw(st.integers(0, size - 1)) for size in one.sizes]
    figure.chosen = list(places)
    texts = [figure.choices[blank][place] for blank, place in zip(one.choices, places, strict=True)]
    assert figure.assembled == "return x + " + " + ".join(texts)
    figure.checked = True
    assert one.message(sum(map(int, texts))) in figure.sentence
    emptied = data.draw(st.integers(0, len(places) - 1))
    figure.chosen = [None if place == emptied else choice for place, choice in enumerate(places)]
    assert figure.verdict is None
    assert f"{len(places) - 1} " in figure.sentence or figure.sentence.startswith("One of ")


@FEW
@given(st.permutations([4, 4, 4, 3]) | st.just([4, 4, 4, 4]))
def test_too_many_combinations_are_refused_unrun(sizes: list[int]) -> None:
    one = Sum("random-many", sizes, [0, 0, 0, 0])
    choices = {blank: [f"1 / 0 + {text}" for text in texts] for blank, texts in one.choices.items()}
    with (
        known_as(one),
        pytest.raises(ValueError, match=f"at most {MOST_COMBINATIONS} combinations, got {math.prod(sizes)}"),
    ):
        fill_all(one.name, one.code, choices)


@FEW
@given(sums(), st.integers(0, 3), st.booleans())
def test_a_blank_that_never_matters_is_refused(one: Sum, place: int, is_named: bool) -> None:
    sizes = one.sizes[:3]
    one = Sum(one.name, sizes, one.right[:3])
    idle = {"idle": ["0", "0 * x"] if is_named else ["7 - 7", "0"]}
    blanks = list(one.choices.items())
    choices = dict([*blanks[:place], *idle.items(), *blanks[place:]])
    with known_as(one), pytest.raises(ValueError, match="the blank idle must make a difference"):
        fill_all(one.name, one.code + " + {idle}", choices)


@FEW
@given(sums(), st.integers(1, 5).filter(lambda size: size in (1, 5)))
def test_too_few_and_too_many_choices_are_refused(one: Sum, size: int) -> None:
    choices = {**one.choices, "term0": [str(number) for number in range(size)]}
    with known_as(one), pytest.raises(ValueError, match="choices of term0 must be 2 to 4 different texts"):
        fill_all(one.name, one.code, choices)


@FEW
@given(sums(), st.integers(0, 3))
def test_too_heavy_a_figure_is_refused(one: Sum, place: int) -> None:
    blank = list(one.choices)[place % len(one.sizes)]
    heavy = [text + " + 0" * (MOST_BYTES // 6) for text in one.choices[blank]]
    with known_as(one), pytest.raises(ValueError, match=rf"may weigh {MOST_BYTES} bytes, got \d+"):
        FillIn(one.name, one.code, {**one.choices, blank: heavy})


@FEW
@given(sums(), st.data())
def test_what_is_no_choice_cannot_be_chosen(one: Sum, data: st.DataObject) -> None:
    with known_as(one):
        figure = FillIn(one.name, one.code, one.choices)
    places = [data.draw(st.integers(0, size - 1)) for size in one.sizes]
    wrong = data.draw(st.integers(0, len(places) - 1))
    places[wrong] = data.draw(st.sampled_from([-1, one.sizes[wrong]]))
    with pytest.raises(traitlets.TraitError, match="chosen must have None or the place of a choice"):
        figure.chosen = places
    with pytest.raises(traitlets.TraitError, match="chosen must have None or the place of a choice"):
        figure.chosen = [0] * (len(places) + 1)
