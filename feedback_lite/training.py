"""Train a small model on a task, measure it on fresh data, and write weights with a card that tells how.

From the command line::

    python -m feedback_lite.training train shell-game --model feedback --out my-model
    python -m feedback_lite.training repeat my-model.json --out again
    python -m feedback_lite.training train program --model recurrent --steps 2000 --length 40 --device cuda --out other

Ctrl-C stops after the update under way and writes a checkpoint; to go on, with the same result as without a stop::

    python -m feedback_lite.training resume my-model.checkpoint

Studies, whose records ship with the package::

    python -m feedback_lite.training compare shell-game --out compare-shell-game.json
    python -m feedback_lite.training ablate segments --out ablate-segments.json

Two processes that share every batch::

    torchrun --nproc-per-node 2 -m feedback_lite.training train shell-game --out my-model
"""

import hashlib
import json
import math
import platform
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time
from typing import Any

import safetensors.torch
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

import feedback_lite
from feedback_lite.baseline import CausalTransformer, RecurrentConfig, RecurrentNetwork
from feedback_lite.checkpoint import beside, write_whole
from feedback_lite.config import FeedbackConfig, check_choice, check_size
from feedback_lite.generation import evaluating
from feedback_lite.model import FeedbackTransformer
from feedback_lite.placement import add_gradients, check_divides, rank, share, total
from feedback_lite.tasks import IGNORED, Examples, Task, make_task

Model = FeedbackTransformer | CausalTransformer | RecurrentNetwork
Config = FeedbackConfig | RecurrentConfig
MODELS: dict[str, Callable[..., Model]] = {
    "feedback": FeedbackTransformer,
    "ordinary": CausalTransformer,
    "recurrent": RecurrentNetwork,
}
CONFIGS: dict[str, Callable[..., Config]] = {
    "feedback": FeedbackConfig,
    "ordinary": FeedbackConfig,
    "recurrent": RecurrentConfig,
}
EVALUATED_MULTIPLES = (1, 2, 4)
EVALUATION = {"sequences": 1000, "seed": 1_000_003}


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

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "length"):
            check_size(name, getattr(self, name))
        check_size("warmup_steps", self.warmup_steps, least=0)
        check_size("seed", self.seed, least=0)
        if self.seed >= 2**63:
            raise ValueError(f"seed must be below 2**63, got {self.seed}")

    def share_of_learning_rate(self, step: int) -> float:
        """Return the factor on the learning rate for the update number ``step``, counted from 0."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.final_share + (1 - self.final_share) * 0.5 * (1 + math.cos(math.pi * done))


def make_model(kind: str, config: Config, *, seed: int) -> Model:
    """Return a freshly initialised model; the caller's random state stays as it is."""
    check_choice("model", kind, tuple(MODELS))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS[kind](config)


class Training:
    """A training that may be stopped after any update and taken up again elsewhere, with the identical result.

    Randomness has two sources. The data comes from one generator on the CPU, so that all devices see the same examples;
    dropout is started anew in every update from the seed and the update's number. Several processes that
    `feedback_lite.placement.together` joined share every batch; their weights are those of one process but for rounding
    (and dropout, which each draws for itself), as long as their models start from the same weights.

    Args:
        model: the model to train, in place and on the device where it is.
        task: what to train it on.
        recipe: how.
    """

    def __init__(self, model: nn.Module, task: Task, recipe: Recipe) -> None:
        self.model, self.task, self.recipe = model, task, recipe
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay
        )
        self.losses: list[float] = []
        self.cpu_seconds = 0.0

    def run(self, *, progress: bool = True, watch: Callable[[int], None] | None = None) -> list[float]:
        """Do all updates that are still to be done and return the losses of all; `train` says more."""
        recipe = self.recipe
        steps = range(len(self.losses), recipe.steps)
        check_divides(recipe.batch_size)
        hidden = not progress or rank() > 0
        self.model.train()
        with tqdm(
            steps, f"training on {self.task.name}", recipe.steps, disable=hidden, initial=len(self.losses)
        ) as bar:
            for step in bar:
                started = process_time()
                self.losses.append(self.update(step))
                self.cpu_seconds += total(process_time() - started)
                bar.set_postfix(loss=f"{self.losses[-1]:.3f}", refresh=False)
                if watch is not None:
                    watch(step + 1)
        return self.losses

    def update(self, step: int) -> float:
        """Do the update number ``step``, counted from 0, and return the loss before it."""
        recipe, device = self.recipe, device_of(self.model)
        examples = draw(self.task, batch_size=recipe.batch_size, length=recipe.length, generator=self.generator)
        tokens, targets = (share(part).to(device) for part in examples)
        with dropout_seed(f"{recipe.seed} {step} {rank()}", device):
            logits, _ = self.model(tokens)
        answers = rearrange(targets, "b t -> (b t)")
        # The sum here, divided by the answers in the whole batch: processes may have more or fewer of them than others.
        loss = F.cross_entropy(rearrange(logits, "b t v -> (b t) v"), answers, ignore_index=IGNORED, reduction="sum")
        loss = loss / (examples.targets != IGNORED).sum().item()
        value = total(loss.item())
        self.check_finite("loss", value, step)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        add_gradients(self.model)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), recipe.max_norm)
        self.check_finite("gradient", norm.item(), step)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * recipe.share_of_learning_rate(step)
        self.optimizer.step()
        return value

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
            "losses": self.losses,
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where a training of the same model, task and recipe was."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
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
        answers = model(examples.tokens.to(device_of(model))).logits.argmax(dim=-1).cpu()
    asked = examples.targets != IGNORED
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


def device_of(model: nn.Module) -> torch.device:
    """Return the device that a model's parameters lie on; the CPU where it has none."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def draw(task: Task, *, batch_size: int, length: int, generator: torch.Generator) -> Examples:
    """Return fresh examples; raise where none of their positions has an answer."""
    examples = task.sample(batch_size=batch_size, length=length, generator=generator)
    if bool((examples.targets == IGNORED).all()):
        raise ValueError(
            f"no position of {batch_size} sequences of {task.name} has an answer at length {length}: "
            "choose a greater length"
        )
    return examples


def usual_config(kind: str, task: Task, **changes: Any) -> Config:
    """Return the small configuration that the book trains, with changes."""
    check_choice("model", kind, tuple(MODELS))
    if kind == "recurrent":
        return RecurrentConfig(**{"vocab_size": len(task.vocabulary), "d_model": 64, **changes})
    sizes = {"d_model": 32, "num_layers": 2, "num_heads": 2, "head_dim": 16, "ff_mult": 3}
    positions = {"num_buckets": 16, "max_distance": 16, "bias_init": "recency", "memory_size": 16}
    return FeedbackConfig(**{"vocab_size": len(task.vocabulary), **sizes, **positions, **changes})


def describe(kind: str, task: Task, config: Config, recipe: Recipe) -> dict[str, Any]:
    """Return how a model is made, as numbers, strings, lists and dictionaries; `from_card` reads it back."""
    return {"task": task.name, "model": kind, "config": asdict(config), "recipe": asdict(recipe)}


def make_card(made: dict[str, Any], training: Training) -> dict[str, Any]:
    """Return the card of a trained model: how it was made, what that took, and its accuracy on fresh data."""
    model, task = training.model, training.task
    lengths = [multiple * training.recipe.length for multiple in EVALUATED_MULTIPLES]
    counts = {str(length): count_right(model, task, length=length, **EVALUATION) for length in lengths}
    return {
        **made,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "cpu_seconds": round(training.cpu_seconds, 2),
        "accuracy_by_length": {
            length: round((right.sum() / asked.sum()).item(), 4) for length, (right, asked) in counts.items()
        },
        "expected_by_length": {length: expected_range(*count) for length, count in counts.items()},
        "evaluation": EVALUATION,
        "versions": {
            "feedback_lite": feedback_lite.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }


def save(model: nn.Module, card: dict[str, Any], path: Path) -> str:
    """Write ``path.safetensors`` and ``path.json``; return the checksum of the weights, which the card names too."""
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    serialized = safetensors.torch.save(weights)
    checksum = hashlib.sha256(serialized).hexdigest()
    write_whole(beside(path, ".safetensors"), serialized)
    write_whole(beside(path, ".json"), (json.dumps({**card, "sha256": checksum}, indent=1) + "\n").encode())
    return checksum


def from_card(card: dict[str, Any]) -> tuple[str, Task, Any, Recipe]:
    """Return what a card says of how its model was made: model kind, task, configuration of that kind, and recipe."""
    recipe = {**card["recipe"], "betas": tuple(card["recipe"]["betas"])}
    return card["model"], make_task(card["task"]), CONFIGS[card["model"]](**card["config"]), Recipe(**recipe)


if __name__ == "__main__":
    from feedback_lite.command_line import main

    sys.exit(main())
