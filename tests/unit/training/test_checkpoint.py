"""Training that is stopped: taken up again it ends in the same weights, bit for bit; and files are whole or absent."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from feedback_lite.tasks import Echo, ShellGame, Task
from feedback_lite.training import MODELS, Recipe, Training, checkpoint, make_model, usual_config
from feedback_lite.training.checkpoint import read_checkpoint, write_checkpoint

# Trainings, which shape checks slow down; what is trained is checked with the model's own tests.
pytestmark = pytest.mark.usefixtures("unchecked_module")

SIZES = {"d_model": 7, "num_layers": 2, "num_heads": 1, "head_dim": 5}
DROPOUT = {"attn_dropout": 0.2, "ff_dropout": 0.2}
CHANGES: dict[str, dict[str, Any]] = {
    "feedback": {**SIZES, **DROPOUT, "memory_size": 3},
    "ordinary": {**SIZES, **DROPOUT},
    "recurrent": {"d_model": 7, "num_layers": 2},
}
RECIPE = Recipe(steps=8, batch_size=3, length=6, warmup_steps=3, seed=3)


def begin(kind: str, task: Task) -> Training:
    return Training(make_model(kind, usual_config(kind, task, **CHANGES[kind]), seed=RECIPE.seed), task, RECIPE)


class Stop(Exception):
    """Ends a training where a test wants it to end."""


def run_until(training: Training, last: int) -> None:
    def watch(done: int) -> None:
        if done == last:
            raise Stop

    with pytest.raises(Stop):
        training.run(progress=False, watch=watch)


def assert_same(one: Any, other: Any) -> None:
    """Compare two trees of dictionaries, lists, tensors and numbers, bit for bit."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_same(left, right)
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("seed", range(4))
def test_stopped_at_random_updates_it_ends_in_the_same_state(kind: str, seed: int, tmp_path: Path) -> None:
    task = Echo(symbols=3) if seed % 2 else ShellGame(cups=3)
    whole = begin(kind, task)
    whole.run(progress=False)
    training = begin(kind, task)
    for last in sorted(random.Random(seed).sample(range(1, RECIPE.steps + 1), k=2)):
        run_until(training, last)
        write_checkpoint(tmp_path / "kept", {"training": training.state_dict()})
        torch.manual_seed(last)  # whatever else happens in between
        seconds, training = training.cpu_seconds, begin(kind, task)
        training.load_state_dict(read_checkpoint(tmp_path / "kept")["training"])
        assert len(training.losses) == last
        assert training.cpu_seconds == seconds
    assert training.run(progress=False) == whole.losses
    one, other = training.state_dict(), whole.state_dict()
    assert one.pop("cpu_seconds") > 0
    assert other.pop("cpu_seconds") > 0
    assert_same(one, other)


class Unsafe:
    """What a pickle would run code for."""


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_broken_checkpoint_is_told_by_name(share: float, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_checkpoint(path, {"training": begin("recurrent", ShellGame(cups=3)).state_dict()})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match="kept is broken or no checkpoint"):
        read_checkpoint(path)


@pytest.mark.parametrize("contents", [{"weights": torch.ones(3)}, [1, 2], torch.ones(2), {"format": "another"}])
def test_a_foreign_file_of_tensors_is_no_checkpoint(contents: object, tmp_path: Path) -> None:
    torch.save(contents, tmp_path / "kept")
    with pytest.raises(ValueError, match="kept is not a checkpoint of this version of feedback_lite"):
        read_checkpoint(tmp_path / "kept")


def test_reading_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    torch.save({"format": checkpoint.FORMAT, "training": Unsafe()}, tmp_path / "kept")
    with pytest.raises(ValueError, match="kept is broken or no checkpoint"):
        read_checkpoint(tmp_path / "kept")
