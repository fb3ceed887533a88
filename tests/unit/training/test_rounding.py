"""Weights of 8 bits: what they become, by hand, and that nothing is rounded twice."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from feedback_lite import pretrained
from feedback_lite.training.__main__ import main
from feedback_lite.training.rounding import round_weights, unit_of


class Holder(nn.Module):
    def __init__(self, *tensors: Tensor) -> None:
        super().__init__()
        self.held = nn.ParameterList(tensors)


@pytest.mark.parametrize(
    ("largest", "unit"),
    [(127.0, 1.0), (128.0, 2.0), (-127.0, 1.0), (1.0, 2**-6), (0.5, 2**-7), (0.0, 1.0), (3e-9, 2.0**-35)],
)
def test_unit_by_hand(largest: float, unit: float) -> None:
    assert unit_of(torch.tensor([0.0, largest, largest / 3])) == unit


def test_weights_by_hand() -> None:
    """Each tensor has a unit of its own: 1 and 1/64."""
    model = Holder(torch.tensor([100.4, -3.6, 0.2]), torch.tensor([[1.0, -0.02], [0.0, 0.33]]))
    round_weights(model)
    assert model.held[0].tolist() == [100.0, -4.0, 0.0]
    assert model.held[1].tolist() == [[1.0, -1 / 64], [0.0, 21 / 64]]


def test_rounded_weights_stay_as_they_are() -> None:
    torch.manual_seed(3)
    model = Holder(*(torch.randn(7, 5) * 10.0**power for power in range(-6, 6)), torch.zeros(3), torch.tensor([63.5]))
    before = [weights.detach().clone() for weights in model.held]
    round_weights(model)
    once = [weights.detach().clone() for weights in model.held]
    round_weights(model)
    for weights, first, original in zip(model.held, once, before, strict=True):
        assert torch.equal(weights, first)
        assert (first - original).abs().max() <= unit_of(original) / 2
        assert (first / unit_of(original)).abs().max() <= 127


def test_a_rounded_training_is_repeated_bit_for_bit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, again = tmp_path / "model", tmp_path / "again"
    sizes = ["--steps", "2", "--length", "3", "--batch-size", "2"]
    assert main(["train", "shell-game", *sizes, "--rounded", "--out", str(out)]) == 0
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["rounded"]
    assert main(["repeat", f"{out}.json", "--out", str(again)]) == 0
    assert f"the weights are those of {out}.json" in capsys.readouterr().out
    assert main(["train", "shell-game", *sizes, "--out", str(tmp_path / "exact")]) == 0
    exact = json.loads((tmp_path / "exact.json").read_text())
    assert "rounded" not in exact
    assert exact["sha256"] != card["sha256"]


@pytest.mark.parametrize("name", ["printed-program-feedback", "printed-program-ordinary"])
def test_models_of_the_printed_programs_are_rounded(name: str) -> None:
    assert pretrained.card(name)["rounded"]
    for weights in pretrained.load(name).parameters():
        whole = weights / unit_of(weights)
        assert torch.equal(whole, whole.round())
