"""Where training runs: devices, and two real processes that train as one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import feedback_lite
from feedback_lite.tasks import IGNORED, PrintedProgram, ShellGame
from feedback_lite.training import Recipe, evaluate, make_model, processes, train, usual_config
from feedback_lite.training.__main__ import main
from feedback_lite.training.processes import check_divides, find_device, local_part

ROOT = Path(feedback_lite.__file__).parents[1]


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    arguments = ("train", "printed-program", "--model", "recurrent", "--steps", "12", "--length", "12")
    arguments = (*arguments, "--batch-size", "6", "--seed", "3")
    _, targets = PrintedProgram().sample(batch_size=6, length=12, generator=torch.Generator().manual_seed(3))
    answers = [int((half != IGNORED).sum()) for half in targets.split(3)]
    assert answers[0] != answers[1], "a mean of the processes' means would do as well"

    launch = ("-m", "torch.distributed.run", "--standalone", "--local-addr", "localhost", "--nproc-per-node", "2")
    done = subprocess.run(
        [sys.executable, *launch, "-m", "feedback_lite.training", *arguments, "--out", str(tmp_path / "two")],
        capture_output=True,
        text=True,
        timeout=400,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wrote") == 1  # the first process alone speaks
    assert done.stderr.count(" 0/12 [00:00<?") == 1  # and it alone draws a bar
    assert main([*arguments, "--out", str(tmp_path / "one")]) == 0
    one, two = (safetensors.torch.load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=0, atol=1e-6)
    assert card_of(tmp_path / "one.json") == card_of(tmp_path / "two.json")


def card_of(path: Path) -> dict[str, Any]:
    """Return a card without what rounding and the clock change."""
    card = json.loads(path.read_bytes())
    return {name: value for name, value in card.items() if name not in ("cpu_seconds", "sha256")}


def test_the_shares_of_all_processes_are_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = torch.arange(12).reshape(6, 2)
    assert torch.equal(local_part(batch), batch)
    monkeypatch.setattr(processes, "num_processes", lambda: 3)
    shares = []
    for number in range(3):
        monkeypatch.setattr(processes, "rank", lambda number=number: number)
        shares.append(local_part(batch))
    assert [len(part) for part in shares] == [2, 2, 2]
    assert torch.equal(torch.cat(shares), batch)


def test_a_batch_that_does_not_divide_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "num_processes", lambda: 4)
    check_divides(8)
    model = make_model("recurrent", usual_config("recurrent", ShellGame(), d_model=3), seed=0)
    with pytest.raises(ValueError, match="batch_size must be a multiple of the 4 processes, got 6"):
        train(model, ShellGame(), Recipe(steps=1, batch_size=6), progress=False)


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert find_device("cpu") == torch.device("cpu")
    assert find_device("mps") == torch.device("mps")
    assert find_device("cuda") == torch.device("cuda:0")
    assert find_device("cuda:1") == torch.device("cuda:1")
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert find_device("cuda") == torch.device("cuda:2")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gpu", "device must be 'cpu', 'cuda', a numbered one such as 'cuda:1', or 'mps', got 'gpu'"),
        ("cuda:", "got 'cuda:'"),
        ("cpu:0", "got 'cpu:0'"),
        ("cuda", "device 'cuda' is not there: PyTorch finds 0 CUDA devices"),
        ("cuda:2", "device 'cuda:2' is not there"),
        ("mps", "device 'mps' is not there: try 'cpu'"),
    ],
)
def test_a_device_that_is_not_there_ends_with_a_sentence(
    name: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=sentence):
        find_device(name)


def test_several_processes_cannot_share_mps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="device 'mps' is not there for several processes: try 'cpu'"):
        find_device("mps")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_sees_the_same_examples() -> None:
    game, recipe = ShellGame(cups=3), Recipe(steps=3, batch_size=4, length=5, warmup_steps=1)
    losses, accuracies = [], []
    for device in ("cpu", "cuda"):
        model = make_model("feedback", usual_config("feedback", game, d_model=8), seed=0).to(device)
        losses.append(train(model, game, recipe, progress=False))
        accuracies.append(evaluate(model, game, length=5, sequences=50, seed=1))
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.05)
