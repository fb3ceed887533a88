"""The record of the original: it holds when the original runs again, and a changed one is told."""

from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from book.tools.original_record import RECORD, check, main
from book.tools.record_command import ROOT
from feedback_lite import load_lucidrains

RECORDED = safetensors.torch.load((ROOT / RECORD).read_bytes())


def test_the_committed_record_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == f"{len(RECORDED)} tensors hold\n"


def test_no_weight_is_zero_and_the_file_is_small() -> None:
    assert all(tensor.abs().min() > 0 for name, tensor in RECORDED.items() if name.startswith("weights."))
    assert (ROOT / RECORD).stat().st_size < 150_000


@pytest.mark.parametrize("segment_length", [1, 3])
def test_the_loaded_model_gives_its_logits(segment_length: int) -> None:
    weights = {name.removeprefix("weights."): kept for name, kept in RECORDED.items() if name.startswith("weights.")}
    model = load_lucidrains(weights, memory_size=int(RECORDED["memory_size"]), segment_length=segment_length)
    logits = model(RECORDED["tokens"]).logits
    torch.testing.assert_close(logits, RECORDED[f"logits.{segment_length}"], atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda record: record.pop("tokens"), "tokens is in one of the two alone"),
        (lambda record: record["logits.3"].add_(1e-6), "logits.3 is off by 1e-06"),
        (lambda record: record.update(memory_size=torch.tensor([6])), "memory_size is torch.int64"),
        (lambda record: record["weights.layer_weight"].fill_(float("nan")), "weights.layer_weight is off by nan"),
    ],
)
def test_a_changed_record_is_told(
    change: Callable[[dict[str, Tensor]], object], complaint: str, tmp_path: Path
) -> None:
    changed = {name: tensor.clone() for name, tensor in RECORDED.items()}
    change(changed)
    (tmp_path / RECORD).parent.mkdir(parents=True)
    (tmp_path / RECORD).write_bytes(safetensors.torch.save(changed))
    found = check(tmp_path, RECORDED)
    assert any(line.startswith(complaint) for line in found), found


def test_write_then_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / RECORD).parent.mkdir(parents=True)
    assert main(["write"], tmp_path) == 0
    assert main(["check"], tmp_path) == 0
    (tmp_path / RECORD).write_bytes(safetensors.torch.save({**RECORDED, "tokens": RECORDED["tokens"] + 1}))
    assert main(["check"], tmp_path) == 1
    assert "tokens is off by 1" in capsys.readouterr().err
