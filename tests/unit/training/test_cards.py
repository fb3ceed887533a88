"""Cards: all that is needed to make a model again, and the usual models."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from feedback_lite.tasks import ShellGame, Task
from feedback_lite.training import (
    MODELS,
    Config,
    Recipe,
    RecurrentNetwork,
    Training,
    finished_card,
    from_card,
    make_model,
    save,
    to_card,
    usual_config,
)
from tests.unit.training.small import SHORT, TINY_SIZES, tiny, weights_of


def trained(kind: str, task: Task, config: Config, recipe: Recipe) -> tuple[nn.Module, dict[str, Any]]:
    """Return a model that is trained to the end, and its card."""
    training = Training(make_model(kind, config, seed=recipe.seed), task, recipe)
    training.run(progress=False)
    return training.model, finished_card(to_card(kind, task, config, recipe), training)


def test_making_a_model_leaves_the_random_state_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    tiny(seed=9)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(("kind", "changes"), [*((kind, {}) for kind in MODELS), ("feedback", {"memory_norm": True})])
def test_a_card_holds_all_that_is_needed_to_train_again(kind: str, changes: dict[str, Any], tmp_path: Path) -> None:
    game = ShellGame()
    config = usual_config(kind, game, **(TINY_SIZES[kind] | changes))
    model, card = trained(kind, game, config, SHORT)
    checksum = save(model, card, tmp_path / "first.model")
    written = json.loads((tmp_path / "first.model.json").read_text())
    assert from_card(written)[2:] == (config, SHORT)
    save(*trained(*from_card(written)), tmp_path / "second")
    again = json.loads((tmp_path / "second.json").read_text())
    assert written.pop("cpu_seconds") > 0
    assert again.pop("cpu_seconds") > 0
    assert again == written
    weights = (tmp_path / "second.safetensors").read_bytes()
    assert (tmp_path / "first.model.safetensors").read_bytes() == weights
    assert hashlib.sha256(weights).hexdigest() == checksum == again["sha256"]
    assert set(card["accuracy_by_length"]) == {"4", "8", "16"}
    assert card["parameters"] == len(weights_of(model))


def test_a_card_from_before_there_was_a_norm_of_the_memory_is_read() -> None:
    made = to_card("feedback", ShellGame(), usual_config("feedback", ShellGame()), SHORT)
    del made["config"]["memory_norm"]
    assert not from_card(made)[2].memory_norm


def test_the_usual_recurrent_network() -> None:
    model = make_model("recurrent", usual_config("recurrent", ShellGame()), seed=0)
    assert isinstance(model, RecurrentNetwork)
    assert (model.config.d_model, model.config.cell) == (64, "lstm")


def test_the_usual_opponents_differ_by_less_than_a_tenth_in_parameters() -> None:
    sizes = [
        len(weights_of(make_model(kind, usual_config(kind, ShellGame()), seed=0))) for kind in ("feedback", "ordinary")
    ]
    assert max(sizes) < 1.1 * min(sizes)
