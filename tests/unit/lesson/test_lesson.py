"""What the chapters teach with: proofs that can fail, and checks that never leave a learner with a traceback."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from feedback_lite import mix_layers
from feedback_lite.lesson import agree, check, difference, show, show_source
from feedback_lite.lesson.exercises import EXERCISES


def double(number: torch.Tensor) -> torch.Tensor:
    return 2 * number


CASES = [(torch.tensor([1.0, 2.0], dtype=torch.float64),), (torch.zeros(0),)]


def test_agree_prints_how_many_cases_and_returns_the_difference(capsys: pytest.CaptureFixture[str]) -> None:
    assert agree(double, lambda number: number + number, CASES) == 0
    assert capsys.readouterr().out == "2 cases agree within 1e-10\n"
    assert agree(double, lambda number: 2 * number + 5e-11, CASES[:1]) == pytest.approx(1e-11)  # 5e-11 / (1 + 4)


@pytest.mark.parametrize(
    "other",
    [
        lambda number: 2 * number + 1e-9,
        lambda number: (2 * number)[None],
        lambda number: 2 * number * float("nan"),
        lambda number: "four",
        lambda number: (2 * number,),
        lambda number: None,
    ],
)
def test_agree_fails_where_two_functions_differ(other: object) -> None:
    with pytest.raises(AssertionError, match=r"case 1 differs.*\n  number = \(2,\) \[1.0, 2.0\]\n  expected: "):
        agree(double, other, CASES)


@pytest.mark.parametrize("last", [1, 2, 5])
def test_agree_finds_the_one_case_that_differs(last: int) -> None:
    cases = [(number, torch.ones(3)) for number in range(1, 6)]
    with pytest.raises(AssertionError, match=rf"case {last} differs by"):
        agree(lambda _, x: x, lambda number, x: x + (number == last), cases)


def test_agree_compares_every_result_of_a_tuple() -> None:
    pair, other = (lambda x: (x, 2 * x)), (lambda x: (x, 3 * x))
    with pytest.raises(AssertionError):
        agree(pair, other, CASES[:1])


def test_agree_needs_a_case() -> None:
    with pytest.raises(ValueError, match="cases must hold at least one case"):
        agree(double, double, [])


def test_difference_is_relative_to_the_largest_number() -> None:
    assert difference(torch.tensor([9.0, 0.0]), torch.tensor([9.0, 1.0])) == pytest.approx(0.1)
    assert difference(True, False) == difference(torch.ones(2), torch.ones(3)) == float("inf")
    assert difference([1.0, 2.0], torch.tensor([1.0, 2.0])) == 0


@pytest.mark.parametrize("one", [np.bool_(True), torch.tensor(True), torch.ones(2).all()])
def test_one_true_of_numpy_or_of_a_tensor_is_true(one: object) -> None:
    assert difference(True, one) == 0
    assert difference(False, one) == float("inf")


@pytest.mark.parametrize("other", [1, torch.tensor(1), torch.tensor([True]), torch.tensor(True, device="meta"), "True"])
def test_nothing_else_is_true(other: object) -> None:
    assert difference(True, other) == float("inf")


def test_nan_agrees_where_both_have_it_and_only_if_asked() -> None:
    one, two = torch.tensor([float("nan"), 1.0]), torch.tensor([float("nan"), 3.0])
    assert difference(one, one) == float("inf")
    assert difference((one,), (one,), nan_agrees=True) == 0
    assert difference(one, two, nan_agrees=True) == 1
    assert difference(one, torch.tensor([0.0, 1.0]), nan_agrees=True) == float("inf")


def test_show_source_shows_the_package_s_own_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr("feedback_lite.lesson.showing.display", lambda data, raw: shown.append(data))
    show_source(mix_layers)
    (data,) = shown
    assert data["text/plain"].startswith("def mix_layers(")
    assert data["text/markdown"] == f"```python\n{data['text/plain']}```"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (torch.tensor([[0.12345, 1.0]]), "(1, 2) [[0.123, 1.0]]"),
        (torch.tensor([1 / 3], dtype=torch.float64, requires_grad=True), "(1,) [0.333]"),
        (torch.tensor([0.25], dtype=torch.bfloat16), "(1,) [0.25]"),
        (torch.tensor([[True], [False]]), "(2, 1) [[True], [False]]"),
        (torch.tensor([2**53 + 1, -3]), "(2,) [9007199254740993, -3]"),
        (torch.tensor(7, dtype=torch.uint8), "() 7"),
        (torch.zeros(2, device="meta"), "(2,) without numbers, on meta"),
        ((torch.tensor([1]), torch.tensor([1.0])), "(1,) [1] and (1,) [1.0]"),
        (True, "True"),
    ],
)
def test_show_writes_numbers_as_what_they_are(value: object, shown: str) -> None:
    assert show(value) == shown


def test_show_is_short() -> None:
    assert len(show(torch.zeros(40, 40))) < 200


def test_true_and_false_are_not_shown_as_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    check("may-read", lambda num_slots, num_tokens: torch.ones(num_tokens, num_slots + num_tokens))
    expected, came = capsys.readouterr().out.splitlines()[3:5]
    assert expected == "  expected: (2, 3) [[True, True, False], [True, True, True]]"
    assert came == "  came:     (2, 3) [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]"


def test_check_names_the_exercises_it_knows() -> None:
    with pytest.raises(ValueError, match=r"name must be one of .*'shares', .*, got 'share'"):
        check("share", double)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda layer_weights: print(end=""), "nothing came back yet"),
        (lambda layer_weights: 1 / 0, "Your function stopped with ZeroDivisionError: division by zero"),
        (lambda: 1, "Your function stopped with TypeError"),
        (lambda layer_weights: "a word", "should be a tensor of shape (2,), and a str came"),
        (
            lambda layer_weights: layer_weights[None],
            "should be a tensor of shape (2,), and a tensor of shape (1, 2) came",
        ),
        (
            lambda layer_weights: (layer_weights, layer_weights),
            "should be a tensor of shape (2,), and 2 tensors of shape (2,) and (2,) came",
        ),
        (lambda layer_weights: layer_weights * float("nan"), "Work the example through by hand"),
        (lambda layer_weights: torch.zeros(2, device="meta"), "Work the example through by hand"),
    ],
)
def test_check_answers_anything_in_words(answer: object, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    check("shares", answer)
    printed = capsys.readouterr().out
    assert printed.startswith("shares: n")
    assert said in printed


def test_an_answer_may_change_its_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    def in_place(layer_weights: torch.Tensor) -> torch.Tensor:
        layer_weights -= layer_weights[0].clone()
        return layer_weights

    check("anchor-weights", in_place)
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("came", "line"),
    [
        (lambda layer_weights: layer_weights.softmax(dim=0) + 3e-4, "\nThe difference lies in later digits: 0.0003.\n"),
        (lambda layer_weights: layer_weights.softmax(dim=0) + 3e-2, None),
        (lambda layer_weights: torch.zeros(2), None),
    ],
)
def test_differences_in_later_digits_are_told(
    came: Callable[..., object], line: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = (torch.tensor([0.0, 0.0]),)
    monkeypatch.setitem(EXERCISES, "shares", replace(EXERCISES["shares"], make_cases=lambda generator: [case]))
    check("shares", came)
    printed = capsys.readouterr().out
    assert line in printed if line else "later digits" not in printed


def test_differences_behind_the_dots_are_told() -> None:
    zeros = torch.zeros(100)
    with pytest.raises(AssertionError, match=r"\nThe difference lies further on, where the dots are\.$"):
        agree(lambda numbers: numbers, lambda numbers: numbers + (torch.arange(100) == 99), [(zeros,)])


def test_differences_in_later_digits_of_a_pair_are_told() -> None:
    with pytest.raises(AssertionError, match=r"\nThe difference lies in later digits: 1e-05\.$"):
        agree(lambda x: (x, x), lambda x: (x, x + 1e-5), CASES[:1])


NO_STUBS = [
    "def answer(x):\n    print(x.softmax(dim=0))",
    "def answer(x):\n    x + 1",
    "def answer(x):\n    shares = x",
]
STUBS = ["def answer(x):\n    ...", 'def answer(x):\n    """What it does."""\n    ...', "def answer(x):\n    pass"]


@pytest.mark.parametrize("source", [*STUBS, *NO_STUBS])
def test_return_is_asked_for_where_something_was_written(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    written: dict[str, Callable[..., object]] = {}
    exec(source, written)
    check("shares", written["answer"])
    asked = (
        "shares: nothing came back yet. Replace the dots, and return the result. "
        "`print` shows a result, `return` hands it back.\n"
    )
    printed = capsys.readouterr().out
    assert printed.endswith(asked) if source in NO_STUBS else printed == ""


def test_an_answer_that_is_a_constant_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    check("shares", lambda layer_weights: 3)
    assert capsys.readouterr().out.startswith("shares: not yet.")


def test_the_learner_s_own_line_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def stops_below(read: Callable[..., torch.Tensor]) -> bool:
        straight = read(torch.ones(5), torch.ones(6, 4), torch.ones(6, 4))
        return bool(straight.any())

    check("sees-order", stops_below)
    lines = capsys.readouterr().out.splitlines()
    assert "  in your line: straight = read(torch.ones(5), torch.ones(6, 4), torch.ones(6, 4))" in lines
    check("sees-order", lambda: True)
    assert "in your line" not in capsys.readouterr().out


WHOLE = torch.tensor([[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda x: torch.cat((torch.ones(1, 2, 1), torch.ones(1, 1, 1))), "dim=1."),
        (lambda x: 1 if x > 0 else 2, "`if` takes one true or false."),
        (lambda x: torch.ones(6, 4) @ torch.ones(5), "the last axis of the first"),
        (lambda x: WHOLE.softmax(dim=0), "Whole numbers stand"),
        (lambda x: torch.allclose(x[:2].expand(2, 2), WHOLE), "Whole numbers stand"),
        (lambda x: torch.allclose(WHOLE, x[:2].expand(2, 2)), "Whole numbers stand"),
        (lambda x: torch.ones(2, 2) @ WHOLE, "Whole numbers stand"),
        (lambda x: WHOLE @ torch.ones(2, 2), "Whole numbers stand"),
        (lambda x: x.masked_fill(torch.ones_like(x), 0.0), "add `.bool()`."),
        (lambda x: ~torch.ones_like(x), "add `.bool()`."),
        (lambda x: torch.where(torch.ones_like(x), x, 0.0), "add `.bool()`."),
    ],
)
def test_common_errors_get_one_hint(
    answer: Callable[..., object], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check("shares", answer)
    last, before = capsys.readouterr().out.splitlines()[:-3:-1]
    assert hint in last
    assert before.startswith("  layer_weights = ")


def sees_order_without_atol(read: Callable[..., torch.Tensor]) -> bool:
    query, keys, values = torch.randn(4), torch.randn(6, 4), torch.randn(6, 4)
    return not torch.allclose(read(query, keys, values), read(query, keys.flip(0), values.flip(0)))


def behaves_without_atol(mix: Callable[..., torch.Tensor]) -> bool:
    hiddens, weights = torch.randn(3, 1, 1, 4), torch.randn(3)
    return torch.allclose(mix(hiddens, weights), mix(hiddens, weights + 1))


@pytest.mark.parametrize(
    ("name", "answer"), [("sees-order", sees_order_without_atol), ("catch-unused-softmax", behaves_without_atol)]
)
def test_a_verdict_is_the_same_every_time(
    name: str, answer: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    said = set()
    with torch.random.fork_rng(devices=[]):
        for seed in range(40):
            torch.manual_seed(seed)
            check(name, answer)
            said.add(capsys.readouterr().out)
    assert len(said) == 1


def test_a_check_leaves_random_numbers_as_they_are() -> None:
    before = torch.get_rng_state()
    check("sees-order", sees_order_without_atol)
    assert torch.equal(torch.get_rng_state(), before)
