"""Answers with blanks: what is assembled, what is told of every combination, and what is refused."""

import random
from itertools import product
from textwrap import indent

import pytest
import torch

from feedback_lite.lesson import check
from feedback_lite.lesson.exercises import EXERCISES
from feedback_lite.lesson.filling import LINES, assemble, fill_all, function_name, head
from tests.kinds.fill_in import CHOICES, CODE

pytestmark = pytest.mark.usefixtures("unchecked_module")


def printed_by_check(name: str, source: str, capsys: pytest.CaptureFixture[str]) -> str:
    space = {"torch": torch}
    exec(source, space)
    check(name, space[function_name(name, EXERCISES[name])])
    return capsys.readouterr().out.removesuffix("\n")


def test_every_combination_is_told_what_check_prints(capsys: pytest.CaptureFixture[str]) -> None:
    table = fill_all("shares", CODE, CHOICES)
    places = list(product(*table.choices.values()))
    assert len(places) == len(table.combinations) == 9
    for texts, number in zip(places, table.combinations, strict=True):
        body = indent(assemble(CODE, dict(zip(table.choices, texts, strict=True))), "    ")
        source = f"def shares_of(layer_weights):\n{body}\n"
        assert table.verdicts[number] == printed_by_check("shares", source, capsys)


def test_the_table_is_as_computed_by_hand() -> None:
    table = fill_all("shares", CODE, CHOICES)
    told = dict(zip(product(*table.choices.values()), table.combinations, strict=True))
    assert table.verdicts[table.right] == "shares: right, on all 6 inputs."
    assert [texts for texts, number in told.items() if number == table.right] == [
        ("layer_weights.exp()", "powers.sum()")
    ]
    for texts, message in {
        ("layer_weights", "powers.sum()"): "The weights were divided by their sum",
        ("layer_weights.exp()", "1"): "These are positive, but they do not sum to one yet.",
        ("layer_weights.sigmoid()", "1"): "A sigmoid looks at each weight alone.",
        ("layer_weights.exp()", "layer_weights.sum()"): "The exponentials were divided by the sum of the raw weights.",
    }.items():
        assert message in table.verdicts[told[texts]]
    assert len(set(table.verdicts)) == len(table.verdicts)


def test_the_order_shown_depends_on_the_exercise_alone_and_gives_nothing_away() -> None:
    table = fill_all("shares", CODE, CHOICES)
    mixed = {name: random.Random(3).sample(texts, len(texts)) for name, texts in reversed(CHOICES.items())}
    assert fill_all("shares", CODE, mixed) == fill_all("shares", CODE, table.choices) == table
    assert list(table.choices) == ["powers", "total"]
    assert table.combinations[0] != table.right


def test_lines_and_quotes_are_assembled() -> None:
    code = "for one in range(2):\n    {body}\nreturn {text!}"
    filled = assemble(code, {"body": "a = 1\nb = 2", "text": "b n d"})
    assert filled == 'for one in range(2):\n    a = 1\n    b = 2\nreturn "b n d"'
    assert assemble("x = {text}", {"text": "{body}"}) == "x = {body}"


def test_the_head_has_the_name_of_the_stub_and_the_arguments_of_the_solution() -> None:
    assert head("mix-layers", EXERCISES["mix-layers"]) == "def mix(hiddens, layer_weights):"
    assert head("slots-held", EXERCISES["slots-held"]).startswith("def slots_held(")


def test_an_answer_that_stops_is_told_its_own_line(capsys: pytest.CaptureFixture[str]) -> None:
    choices = {**CHOICES, "total": ("powers.sum()", "powers.missing()", "powers[7]")}
    table = fill_all("shares", CODE, choices)
    stopped = [text for text in table.verdicts if "AttributeError" in text]
    assert stopped
    assert all("\n  in your line: return powers / powers.missing()\n" in text for text in stopped)
    check("shares", lambda layer_weights: 1 / 0)  # the exercise itself is untouched
    assert "ZeroDivisionError" in capsys.readouterr().out


SHORT = {"powers": ("layer_weights.exp()", "2 * layer_weights.exp()"), "total": ("powers.sum()", "1")}


@pytest.mark.parametrize(
    ("name", "code", "choices", "message"),
    [
        ("share", CODE, CHOICES, "name must be one of"),
        (
            "shares",
            "return {powers}",
            CHOICES,
            r"once, got \['powers'\]",
        ),
        ("shares", CODE + " + 0 * {total}", CHOICES, "once, got"),
        ("shares", "return {powers}", {"powers": CHOICES["powers"]}, "2 to 4 blanks, got 1"),
        ("shares", CODE, {**CHOICES, "total": ("1",)}, "total must be 2 to 4 different texts"),
        ("shares", CODE, {**CHOICES, "total": ("1", "1")}, "total must be 2 to 4 different texts"),
        ("shares", CODE, {**CHOICES, "total": tuple("12345")}, "total must be 2 to 4 different texts"),
        ("shares", CODE, {**CHOICES, "total": ("1", "2")}, "must have a right combination, got none"),
        ("shares", CODE, SHORT, "3 different messages"),
        ("shares", CODE, {**CHOICES, "total": ("powers.sum()", "powers.sum(")}, "every combination must be Python"),
        ("shares", CODE, {**CHOICES, "total": ("powers.sum()", "sum_of(powers)")}, "may not stop with NameError"),
        ("shares", CODE, {**CHOICES, "total": ("powers.sum()", "exit()")}, "may not stop with"),
        ("shares", CODE, {**CHOICES, "total": ("powers.sum()", "{}[object()]")}, "may not name an object's address"),
        (
            "shares",
            CODE + "\nreturn {idle}",
            {**CHOICES, "idle": ("1", "2")},
            "blank idle must make a difference",
        ),
        (
            "shares",
            "{wait}\n" + CODE,
            {**CHOICES, "wait": ("pass", "while True:\n    pass")},
            f"may run through {LINES} lines",
        ),
    ],
)
def test_what_teaches_nothing_or_harms_is_refused(
    name: str, code: str, choices: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fill_all(name, code, choices)


def test_too_many_combinations_are_refused_before_any_is_run() -> None:
    four = ("1", "2", "3", "4")
    choices = dict.fromkeys("abcd", four)
    with pytest.raises(ValueError, match="at most 150 combinations, got 256"):
        fill_all("shares", "return {a} + {b} + {c} + {d}", choices)


def test_random_numbers_of_others_stay_as_they_are() -> None:
    before = torch.get_rng_state()
    choices = {
        "powers": ("layer_weights.exp()", "torch.randn(2)"),
        "total": ("powers.sum()", "1", "layer_weights.sum()"),
    }
    once = fill_all("shares", CODE, choices)
    assert torch.equal(torch.get_rng_state(), before)
    torch.randn(3)
    assert fill_all("shares", CODE, choices) == once
