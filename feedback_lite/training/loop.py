"""The training loop: one recipe, and a training that may stop after any update and go on with the same result."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import process_time
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

from feedback_lite.config import check_size
from feedback_lite.engine import Engine, chosen, use
from feedback_lite.generation import device_of
from feedback_lite.memory import Memory
from feedback_lite.model import FeedbackTransformer
from feedback_lite.tasks import IGNORED, Examples, Task, change, check_answers, draw
from feedback_lite.training.processes import (
    check_divides,
    check_pieces,
    local_part,
    rank,
    sum_gradients,
    sum_over_processes,
)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of a training that has sequences of its own.

    Args:
        steps: number of updates.
        batch_size: sequences per update.
        length: tokens per sequence.
        task: options of the task that are different in this stage, by name, as plain data.
        pieces: updates that read on in the same sequences, ``length`` tokens each, with the memory that the one before
            left; no gradient flows from one into another. 1 means that every update has sequences of its own.
    """

    steps: int
    batch_size: int
    length: int
    task: dict[str, Any] = field(default_factory=dict)
    pieces: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "length", "pieces"):
            check_size(name, getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train: AdamW with a linear warm-up, a cosine decay and clipped gradients, fresh data at every step.

    Args:
        steps: number of updates.
        batch_size: sequences per update.
        length: tokens per sequence.
        learning_rate: the highest learning rate, reached after the warm-up.
        warmup_steps: updates over which the learning rate grows from 0.
        final_share: share of the highest learning rate that the cosine ends at.
        weight_decay: AdamW's weight decay.
        betas: AdamW's decay rates of its two averages.
        max_norm: gradients are scaled down to this norm where they exceed it.
        seed: starts the weights, the data and dropout.
        stages: parts that follow each other within one warm-up and one decay; none means that all updates are alike.
            Their updates sum up to ``steps``, and the last one has ``batch_size`` sequences of ``length`` tokens.
    """

    steps: int
    batch_size: int = 64
    length: int = 20
    learning_rate: float = 3e-3
    warmup_steps: int = 100
    final_share: float = 0.05
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    max_norm: float = 1.0
    seed: int = 0
    stages: tuple[Stage, ...] = ()

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "length"):
            check_size(name, getattr(self, name))
        check_size("warmup_steps", self.warmup_steps, least=0)
        check_size("seed", self.seed, least=0)
        if self.seed >= 2**63:
            raise ValueError(f"seed must be below 2**63, got {self.seed}")
        together = sum(stage.steps for stage in self.stages)
        if self.stages and together != self.steps:
            raise ValueError(f"the steps of all stages must sum up to {self.steps}, got {together} in {self.stages}")
        last = self.stage(self.steps - 1)
        if (last.batch_size, last.length) != (self.batch_size, self.length):
            raise ValueError(
                f"the last stage must have batch_size={self.batch_size} and length={self.length}, got {last}"
            )

    @classmethod
    def of_stages(cls, stages: Sequence[Stage], **others: Any) -> "Recipe":
        """Return a recipe of these stages; ``others`` are its other settings.

        Raises:
            ValueError: there is no stage, or a setting is not allowed.
        """
        if not stages:
            raise ValueError("stages must be at least one, got none")
        steps, last = sum(stage.steps for stage in stages), stages[-1]
        return cls(steps=steps, batch_size=last.batch_size, length=last.length, stages=tuple(stages), **others)

    def stage(self, step: int) -> Stage:
        """Return the stage that the update number ``step`` belongs to, counted from 0."""
        stage, _ = self.place(step)
        return stage

    def place(self, step: int) -> tuple[Stage, int]:
        """Return the stage of the update number ``step``, and its number in this stage; both count from 0."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        return Stage(steps=self.steps, batch_size=self.batch_size, length=self.length), step

    def share_of_learning_rate(self, step: int) -> float:
        """Return the factor on the learning rate for the update number ``step``, counted from 0."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.final_share + (1 - self.final_share) * 0.5 * (1 + math.cos(math.pi * done))


class Training:
    """A training that may be stopped after any update and taken up again elsewhere, with the identical result.

    Randomness has two sources. The data comes from one generator on the CPU, so that all devices see the same examples;
    dropout is started anew in every update from the seed and the update's number. Several processes that
    `feedback_lite.training.processes.join_processes` joined share every batch; their weights are those of one process
    but for rounding (and dropout, which each draws for itself), as long as their models start from the same weights.
    Engines round differently too: the first update chooses one, and all later ones keep to ``training.engine``.

    Args:
        model: the model to train, in place and on the device where it is.
        task: what to train it on.
        recipe: how.
    """

    def __init__(self, model: nn.Module, task: Task, recipe: Recipe) -> None:
        self.model, self.task, self.recipe = model, task, recipe
        for stage in recipe.stages:
            change(task, stage.task)  # raises before the first update where a stage is impossible
            if stage.pieces > 1 and not isinstance(model, FeedbackTransformer):
                kind = type(model).__name__
                raise ValueError(f"pieces must be 1 for a model that carries no memory, got {stage.pieces} for {kind}")
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay
        )
        self.engine: Engine | None = None
        self.unread: Examples | None = None
        self.memory: Memory | None = None
        self.losses: list[float] = []
        self.cpu_seconds = 0.0

    def run(self, *, progress: bool = True, watch: Callable[[int], None] | None = None) -> list[float]:
        """Do all updates that are still to be done and return the losses of all; `train` says more."""
        recipe = self.recipe
        steps = range(len(self.losses), recipe.steps)
        for stage in recipe.stages or (recipe.stage(0),):
            check_divides(stage.batch_size)
            check_pieces(stage.pieces)
        hidden = not progress or rank() > 0
        self.model.train()
        with tqdm(
            steps, f"training on {self.task.name}", recipe.steps, disable=hidden, initial=len(self.losses)
        ) as bar:
            for step in bar:
                started = process_time()
                self.losses.append(self.update(step))
                self.cpu_seconds += sum_over_processes(process_time() - started)
                bar.set_postfix(loss=f"{self.losses[-1]:.3f}", refresh=False)
                if watch is not None:
                    watch(step + 1)
        return self.losses

    def update(self, step: int) -> float:
        """Do the update number ``step``, counted from 0, and return the loss before it."""
        recipe, device = self.recipe, device_of(self.model)
        examples = self.examples(step)
        tokens, targets = (local_part(part).to(device) for part in examples)
        if self.engine is None:
            self.engine = chosen(self.model, tokens).name
        with use(self.engine), dropout_seed(f"{recipe.seed} {step} {rank()}", device):
            logits = self.logits(tokens)
        answers = rearrange(targets, "b t -> (b t)")
        # The sum here, divided by the answers in the whole batch: processes may have more or fewer of them than others.
        loss = F.cross_entropy(rearrange(logits, "b t v -> (b t) v"), answers, ignore_index=IGNORED, reduction="sum")
        loss = loss / (examples.targets != IGNORED).sum().item()
        value = sum_over_processes(loss.item())
        self.check_finite("loss", value, step)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        sum_gradients(self.model)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), recipe.max_norm)
        self.check_finite("gradient", norm.item(), step)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * recipe.share_of_learning_rate(step)
        self.optimizer.step()
        return value

    def examples(self, step: int) -> Examples:
        """Return what the update number ``step`` reads: fresh sequences, or what follows in those of the one before."""
        stage, number = self.recipe.place(step)
        if number % stage.pieces == 0:
            task, length = change(self.task, stage.task), stage.pieces * stage.length
            self.unread = draw(task, batch_size=stage.batch_size, length=length, generator=self.generator)
            self.memory = None
        assert self.unread is not None
        read = Examples(*(part[:, : stage.length] for part in self.unread))
        rest = Examples(*(part[:, stage.length :] for part in self.unread))
        self.unread = rest if rest.tokens.shape[1] else None
        check_answers(read, self.task)
        return read

    def logits(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t v"]:
        """Return the model's logits for a batch, with the graph that the update goes back through."""
        logits: Tensor
        logits, memory = self.model(tokens) if self.memory is None else self.model(tokens, self.memory)
        self.memory = None if self.unread is None else memory.detach()
        return logits

    def check_finite(self, name: str, value: float, step: int) -> None:
        """Raise where a number shows that training has failed; the weights are still those before the update."""
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the {name} became {value} in update {step + 1} of {self.recipe.steps}: "
                f"try a smaller learning_rate than {self.recipe.learning_rate}"
            )

    def state_dict(self) -> dict[str, Any]:
        """Return all that the rest of the training depends on, beside the model's kind, the task and the recipe."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "engine": self.engine,
            "unread": None if self.unread is None else tuple(self.unread),
            "memory": None if self.memory is None else (self.memory.keys, self.memory.values),
            "losses": self.losses,
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where a training of the same model, task and recipe was."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.engine = state["engine"]
        self.unread = None if state["unread"] is None else Examples(*state["unread"])
        self.memory = None if state["memory"] is None else Memory(*state["memory"])
        self.losses = list(state["losses"])
        self.cpu_seconds = state["cpu_seconds"]


def train(
    model: nn.Module,
    task: Task,
    recipe: Recipe,
    *,
    progress: bool = True,
    watch: Callable[[int], None] | None = None,
) -> list[float]:
    """Train a model in place and return the loss of every step.

    The loss is the mean cross-entropy over the positions that have an answer, in nats.

    Args:
        model: the model to train, on the device where it is.
        task: what to train it on.
        recipe: how.
        progress: show a progress bar.
        watch: is called after every update with the number of updates done so far.

    Raises:
        ValueError: no position of a batch has an answer, or the processes cannot share a batch evenly.
        FloatingPointError: the loss or its gradient is not finite any more; the message names the update.
    """
    return Training(model, task, recipe).run(progress=progress, watch=watch)


@contextmanager
def dropout_seed(seed: str, device: torch.device) -> Iterator[None]:
    """Start dropout from a seed of its own; the caller's random state stays as it is."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(random.Random(seed).getrandbits(63))
        yield
