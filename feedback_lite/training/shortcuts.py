"""Cheaper ways to train a feedback model, each of which changes what is learned: `ablations` measures how much.

The functions take what `feedback_lite.training.train` takes, and one number more.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from feedback_lite.baseline import CausalTransformer
from feedback_lite.config import check_size
from feedback_lite.engine import chosen
from feedback_lite.model import FeedbackTransformer
from feedback_lite.tasks import IGNORED, Examples, Task
from feedback_lite.training.loop import Recipe, Training, train

Watch = Callable[[int], None] | None


class Cut(Training):
    """A training in which gradients flow back to the beginning of a piece of the sequence and no further."""

    every: int = 1

    def logits(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t v"]:
        """Return the logits, which are those of the whole sequence; the memory is detached between pieces."""
        pieces, memory = [], None
        for piece in torch.split(tokens, self.every, dim=1):
            logits, memory = self.model(piece, None if memory is None else memory.detach())
            pieces.append(logits)
        return torch.cat(pieces, dim=1)


class Rarely:
    """A task that asks at every so many positions alone: what is read between must be kept without being asked for.

    Args:
        task: the task.
        every: positions from one answer to the next, at least 1.
    """

    def __init__(self, task: Task, *, every: int) -> None:
        check_size("every", every)
        self.task, self.every = task, every
        self.vocabulary, self.chance = task.vocabulary, task.chance

    @property
    def name(self) -> str:
        """The name of the task that asks everywhere."""
        return self.task.name

    def sample(self, *, batch_size: int, length: int, generator: torch.Generator) -> Examples:
        """Draw fresh examples of one length."""
        tokens, targets = self.task.sample(batch_size=batch_size, length=length, generator=generator)
        asked = (torch.arange(length) + 1) % self.every == 0
        return Examples(tokens, targets.masked_fill(~asked, IGNORED))


class Growing(Training):
    """A training whose sequences grow: its updates are divided into equal parts, one for each share of the length."""

    shares: Sequence[float] = (1.0,)

    def update(self, step: int) -> float:
        """Do the update number ``step`` with sequences of the length that is due."""
        whole = self.recipe
        share = self.shares[step * len(self.shares) // whole.steps]
        self.recipe = replace(whole, length=max(1, round(share * whole.length)))
        try:
            return super().update(step)
        finally:
            self.recipe = whole


def train_cut(
    model: FeedbackTransformer, task: Task, recipe: Recipe, *, every: int, progress: bool = True, watch: Watch = None
) -> list[float]:
    """Train with truncated backpropagation: the memory is detached after every so many tokens."""
    check_size("every", every)
    training = Cut(model, task, recipe)
    training.every = every
    return training.run(progress=progress, watch=watch)


def train_growing(
    model: nn.Module,
    task: Task,
    recipe: Recipe,
    *,
    shares: Sequence[float],
    progress: bool = True,
    watch: Watch = None,
) -> list[float]:
    """Train with a length curriculum: each share of the length for an equal part of the updates."""
    training = Growing(model, task, recipe)
    training.shares = tuple(shares)
    # The engine is that of the full length: the first lengths would choose another, and it stays.
    training.engine = chosen(model, torch.zeros(recipe.batch_size, recipe.length, dtype=torch.long)).name
    return training.run(progress=progress, watch=watch)


def train_warm(
    model: FeedbackTransformer, task: Task, recipe: Recipe, *, share: float, progress: bool = True, watch: Watch = None
) -> list[float]:
    """Train an ordinary transformer for a share of the updates, take over its weights, and train with feedback.

    Both trainings have a warm-up and a decay of their own. ``watch`` is called in the second.
    """
    first = round(share * recipe.steps)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        ordinary = CausalTransformer(model.config)
    # Other sequences than those of the second part.
    losses = train(ordinary, task, replace(recipe, steps=first, seed=recipe.seed + 1000), progress=progress)
    take_over(model, ordinary)
    rest = replace(recipe, steps=recipe.steps - first)
    shifted = None if watch is None else lambda step: watch(first + step)
    return losses + train(model, task, rest, progress=progress, watch=shifted)


@torch.no_grad()
def take_over(model: FeedbackTransformer, ordinary: CausalTransformer) -> None:
    """Start a feedback model from an ordinary one of the same sizes; keys and values are made by the layers' mean."""
    own = ordinary.state_dict()
    layers = [own.pop(f"to_keys_values.{layer}.linear.weight") for layer in range(model.config.num_layers)]
    own["to_keys_values.linear.weight"] = torch.stack(layers).mean(dim=0)
    if model.config.memory_from == "mixture":
        own["layer_weights"] = model.layer_weights.detach()
    model.load_state_dict(own)
