"""The models that ship: whole, described by their cards, and as good as the cards say."""

import hashlib
from importlib.resources import files

import pytest
import torch

from feedback_lite import CausalTransformer, FeedbackTransformer, pretrained
from feedback_lite.tasks import make_task
from feedback_lite.training import evaluate


def test_what_ships() -> None:
    assert pretrained.names() == (
        "echo-with-offset",
        "echo-without-offset",
        "printed-program-feedback",
        "printed-program-ordinary",
        "program-feedback",
        "s3-feedback",
        "shell-feedback",
        "shell-ordinary",
    )
    assert isinstance(pretrained.load("shell-feedback"), FeedbackTransformer)
    assert isinstance(pretrained.load("shell-ordinary"), CausalTransformer)


@pytest.mark.parametrize("name", pretrained.names())
def test_the_card_belongs_to_the_weights(name: str) -> None:
    card, model = pretrained.card(name), pretrained.load(name)
    weights = (files("feedback_lite") / "pretrained" / f"{name}.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == card["sha256"]
    assert len(weights) < 320_000
    assert sum(parameter.numel() for parameter in model.parameters()) == card["parameters"]
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("name", "length"),
    [(name, int(length)) for name in pretrained.names() for length in pretrained.card(name)["accuracy_by_length"]],
)
def test_accuracy_on_fresh_data_lies_where_the_card_expects_it(name: str, length: int) -> None:
    card = pretrained.card(name)
    low, high = card["expected_by_length"][str(length)]
    assert 0 <= high - low < 0.15
    sequences = card["evaluation"]["sequences"]
    fresh = evaluate(pretrained.load(name), make_task(card["task"]), length=length, sequences=sequences, seed=77_777)
    assert low <= fresh <= high


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"name must be one of 'echo-with-offset', .*, got 'shell'"):
        pretrained.load("shell")
