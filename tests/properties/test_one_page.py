"""The model of chapter 00, in one file with PyTorch alone, computes what the package computes."""

import inspect

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import feedback_lite
from book.feedback_transformer import FeedbackTransformer
from feedback_lite import FeedbackConfig, Memory, pretrained
from tests.drawing import assert_close
from tests.properties.strategies import models, seeds, tokens_for

SIZES = list(inspect.signature(FeedbackTransformer).parameters)
SHIPPED = [name for name in pretrained.names() if pretrained.card(name)["model"] == "feedback"]
# What the file leaves out.
PAPER = {"segment_length": 1, "memory_from": "mixture", "memory_norm": False}

pytestmark = pytest.mark.usefixtures("unchecked_module")


def alone(package: feedback_lite.FeedbackTransformer) -> FeedbackTransformer:
    """The file's model with the sizes and the weights of a model of the package."""
    model = FeedbackTransformer(**{name: getattr(package.config, name) for name in SIZES}).double()
    model.load_state_dict(package.state_dict())
    return model


def computed(
    model: FeedbackTransformer | feedback_lite.FeedbackTransformer, pieces: list[Tensor], seed: int
) -> list[Tensor]:
    """Logits and memory of a sequence in pieces, and the gradients of a random weighting of them, by name."""
    memory, parts = None, []
    for piece in pieces:
        logits, memory = model(piece, memory)
        parts.append(logits)
    assert memory is not None
    keys, values = (memory.keys, memory.values) if isinstance(memory, Memory) else memory
    outputs = [torch.cat(parts, dim=1), keys, values]
    generator = torch.Generator().manual_seed(seed)
    loss = sum((each * torch.randn(each.shape, generator=generator, dtype=each.dtype)).sum() for each in outputs)
    names, parameters = zip(*sorted(model.named_parameters()), strict=True)
    assert names == tuple(sorted(model.state_dict()))
    return [*outputs, *torch.autograd.grad(loss, parameters, materialize_grads=True, allow_unused=True)]


def check_that_they_agree(package: feedback_lite.FeedbackTransformer, pieces: list[Tensor], seed: int) -> None:
    for ours, expected in zip(computed(alone(package), pieces, seed), computed(package, pieces, seed), strict=True):
        assert_close(ours, expected)


@given(models(**PAPER), st.lists(st.integers(1, 6), min_size=1, max_size=4), seeds)
def test_logits_memory_and_gradients_are_the_packages_in_pieces_too(
    package: feedback_lite.FeedbackTransformer, pieces: list[int], seed: int
) -> None:
    tokens = tokens_for(package, 2, sum(pieces), seed)
    check_that_they_agree(package, list(tokens.split(pieces, dim=1)), seed)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_feedback_model_that_ships_loads_and_agrees(name: str) -> None:
    shipped = pretrained.load(name)
    # One of them shows a fault of the original. Its weights load too, and give what the package gives without it.
    config = FeedbackConfig(**{**pretrained.card(name)["config"], "compat": None})
    package = feedback_lite.FeedbackTransformer(config).double()
    package.load_state_dict(shipped.state_dict())
    tokens = tokens_for(package, 3, 41, seed=5)
    check_that_they_agree(package, list(tokens.split([1, 17, 23], dim=1)), seed=6)


@given(models(**PAPER), seeds)
def test_one_seed_starts_both_with_the_same_weights(package: feedback_lite.FeedbackTransformer, seed: int) -> None:
    torch.manual_seed(seed)
    ours = FeedbackTransformer(**{name: getattr(package.config, name) for name in SIZES})
    torch.manual_seed(seed)
    theirs = feedback_lite.FeedbackTransformer(package.config)
    assert all(torch.equal(*pair) for pair in zip(ours.parameters(), theirs.parameters(), strict=True))
