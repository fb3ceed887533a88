"""The models that ship: whole, described by their cards, and as good as the cards say."""

import hashlib
from importlib.resources import files

import pytest
import torch

from feedback_lite import CausalTransformer, FeedbackTransformer, pretrained
from feedback_lite.tasks import make_task
from feedback_lite.training import evaluate


def test_what_ships() -> None:
    assert pretrained.names() == ("shell-feedback", "shell-ordinary")
    assert isinstance(pretrained.load("shell-feedback"), FeedbackTransformer)
    assert isinstance(pretrained.load("shell-ordinary"), CausalTransformer)


@pytest.mark.parametrize("name", pretrained.names())
def test_the_card_belongs_to_the_weights(name: str) -> None:
    card, model = pretrained.card(name), pretrained.load(name)
    weights = (files("feedback_lite") / "trained" / f"{name}.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == card["sha256"]
    assert len(weights) < 200_000
    assert sum(parameter.numel() for parameter in model.parameters()) == card["parameters"]
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", pretrained.names())
@pytest.mark.parametrize("length", [20, 40, 80])
def test_accuracy_on_fresh_games_is_that_of_the_card(name: str, length: int) -> None:
    card = pretrained.card(name)
    task = make_task(card["task"])
    fresh = evaluate(pretrained.load(name), task, length=length, sequences=300, seed=77_777)
    # Games differ in how long a model stays right, so 300 of them give the mean to about 0.02.
    assert fresh == pytest.approx(card["accuracy_by_length"][str(length)], abs=0.03)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="name must be one of 'shell-feedback', 'shell-ordinary', got 'shell'"):
        pretrained.load("shell")
