"""How well a model does: the share of right answers on fresh data, and what range to expect on other data."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from feedback_lite.config import check_size
from feedback_lite.generation import device_of, evaluating
from feedback_lite.tasks import IGNORED, Task, draw

MOST_PAIRS = 2**24
"""Pairs of positions in the sequences that a model reads at once: attention's weights take memory for each."""


def evaluate(model: nn.Module, task: Task, *, length: int, sequences: int, seed: int) -> float:
    """Return the share of right answers over all positions of fresh sequences that have an answer.

    Args:
        model: the model to ask, on the device where it is.
        task: what to ask.
        length: tokens per sequence.
        sequences: number of sequences.
        seed: starts the data; choose one that no training used.

    Raises:
        ValueError: no position has an answer.
    """
    right, asked = count_right(model, task, length=length, sequences=sequences, seed=seed)
    return (right.sum() / asked.sum()).item()


@torch.no_grad()
def count_right(
    model: nn.Module, task: Task, *, length: int, sequences: int, seed: int
) -> tuple[Float[Tensor, "b"], Float[Tensor, "b"]]:
    """Return for every fresh sequence how many answers were right and how many there were; see `evaluate`."""
    check_size("sequences", sequences)
    generator = torch.Generator().manual_seed(seed)
    examples = draw(task, batch_size=sequences, length=length, generator=generator)
    with evaluating(model):
        pieces = [
            model(tokens.to(device_of(model))).logits.argmax(dim=-1).cpu()
            for tokens in torch.split(examples.tokens, max(1, MOST_PAIRS // length**2))
        ]
    answers, asked = torch.cat(pieces), examples.targets != IGNORED
    return ((answers == examples.targets) & asked).sum(dim=1).double(), asked.sum(dim=1).double()


def expected_range(right: Float[Tensor, "b"], asked: Float[Tensor, "b"]) -> tuple[float, float]:
    """Return what accuracy to expect on as many other fresh sequences: the lowest and the highest.

    ``accuracy +- 4 s sqrt(2 / b) +- 5 / b``, with ``s`` the spread of the sequences. The first term is four standard
    deviations of the difference between two such accuracies; the second leaves room for mistakes that are so rare that
    these sequences may not show them.
    """
    accuracy, count = (right.sum() / asked.sum()).item(), len(right)
    spread = ((right - accuracy * asked) / asked.mean()).std(correction=0).item()
    margin = 4 * spread * math.sqrt(2 / count) + 5 / count
    return round(max(0.0, accuracy - margin), 4), round(min(1.0, accuracy + margin), 4)
