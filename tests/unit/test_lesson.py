"""What the chapters teach with: proofs that can fail, and checks that never leave a learner with a traceback."""

import pytest
import torch

from feedback_lite import mix_layers
from feedback_lite.lesson import agree, check, difference, show, show_source


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


def test_show_source_shows_the_package_s_own_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr("feedback_lite.lesson.display", lambda data, raw: shown.append(data))
    show_source(mix_layers)
    (data,) = shown
    assert data["text/plain"].startswith("def mix_layers(")
    assert data["text/markdown"] == f"```python\n{data['text/plain']}```"


def test_show_is_short() -> None:
    assert show(torch.tensor([[0.12345]])) == "(1, 1) [[0.123]]"
    assert len(show(torch.zeros(40, 40))) < 200


def test_check_names_the_exercises_it_knows() -> None:
    with pytest.raises(ValueError, match=r"name must be one of .*'shares', .*, got 'share'"):
        check("share", double)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda layer_weights: ..., "nothing came back yet"),
        (lambda layer_weights: None, "nothing came back yet"),
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
