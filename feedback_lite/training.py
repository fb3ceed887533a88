"""Train a small model on a task, measure it on fresh data, and write weights with a card that tells how.

From the command line::

    python -m feedback_lite.training train shell-game --model feedback --out my-model
    python -m feedback_lite.training repeat my-model.json --out again
"""

import argparse
import hashlib
import json
import math
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn
from tqdm import trange

import feedback_lite
from feedback_lite.baseline import CausalTransformer
from feedback_lite.config import FeedbackConfig, check_choice, check_size
from feedback_lite.generation import evaluating
from feedback_lite.model import FeedbackTransformer
from feedback_lite.tasks import IGNORED, TASKS, Examples, Task, make_task

Model = FeedbackTransformer | CausalTransformer
MODELS: dict[str, type[Model]] = {"feedback": FeedbackTransformer, "ordinary": CausalTransformer}
EVALUATED_LENGTHS = (20, 40, 80)
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
        seed: starts both the weights and the data.
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

    def share_of_learning_rate(self, step: int) -> float:
        """Return the factor on the learning rate for the update number ``step``, counted from 0."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.final_share + (1 - self.final_share) * 0.5 * (1 + math.cos(math.pi * done))


def make_model(kind: str, config: FeedbackConfig, *, seed: int) -> Model:
    """Return a freshly initialised model; the caller's random state stays as it is."""
    check_choice("model", kind, tuple(MODELS))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS[kind](config)


def train(model: nn.Module, task: Task, recipe: Recipe, *, progress: bool = True) -> list[float]:
    """Train a model in place and return the loss of every step.

    The loss is the mean cross-entropy over the positions that have an answer, in nats.

    Raises:
        ValueError: no position of a batch has an answer.
        FloatingPointError: the loss is not finite any more; the message names the step.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, recipe.share_of_learning_rate)
    losses: list[float] = []
    model.train()
    steps = trange(recipe.steps, desc=f"training on {task.name}", disable=not progress)
    for step in steps:
        examples = draw(task, batch_size=recipe.batch_size, length=recipe.length, generator=generator)
        logits, _ = model(examples.tokens)
        answers = rearrange(examples.targets, "b t -> (b t)")
        loss = F.cross_entropy(rearrange(logits, "b t v -> (b t) v"), answers, ignore_index=IGNORED)
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(
                f"the loss became {losses[-1]} at step {step}: try a smaller learning_rate than {recipe.learning_rate}"
            )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), recipe.max_norm)
        optimizer.step()
        schedule.step()
        steps.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    return losses


@torch.no_grad()
def evaluate(model: nn.Module, task: Task, *, length: int, sequences: int, seed: int) -> float:
    """Return the share of right answers over all positions of fresh sequences that have an answer.

    Args:
        model: the model to ask.
        task: what to ask.
        length: tokens per sequence.
        sequences: number of sequences.
        seed: starts the data; choose one that no training used.

    Raises:
        ValueError: no position has an answer.
    """
    check_size("sequences", sequences)
    generator = torch.Generator().manual_seed(seed)
    examples = draw(task, batch_size=sequences, length=length, generator=generator)
    with evaluating(model):
        answers = model(examples.tokens).logits.argmax(dim=-1)
    right = answers == examples.targets
    return right[examples.targets != IGNORED].double().mean().item()


def draw(task: Task, *, batch_size: int, length: int, generator: torch.Generator) -> Examples:
    """Return fresh examples; raise where none of their positions has an answer."""
    examples = task.sample(batch_size=batch_size, length=length, generator=generator)
    if bool((examples.targets == IGNORED).all()):
        raise ValueError(
            f"no position of {batch_size} sequences of {task.name} has an answer at length {length}: "
            "choose a greater length"
        )
    return examples


def usual_config(kind: str, task: Task, **changes: Any) -> FeedbackConfig:
    """Return the small configuration that the book trains, with changes."""
    sizes = {"d_model": 32, "num_layers": 2, "num_heads": 2, "head_dim": 16, "ff_mult": 3}
    positions = {"num_buckets": 16, "max_distance": 16, "bias_init": "recency", "memory_size": 16}
    return FeedbackConfig(**{"vocab_size": len(task.vocabulary), **sizes, **positions, **changes})


def train_and_measure(
    kind: str, task: Task, config: FeedbackConfig, recipe: Recipe, *, progress: bool = True
) -> tuple[Model, dict[str, Any]]:
    """Train a model from nothing and return it with its card: everything needed to train it again, and its accuracy."""
    model = make_model(kind, config, seed=recipe.seed)
    train(model, task, recipe, progress=progress)
    accuracy = {
        str(length): round(evaluate(model, task, length=length, **EVALUATION), 4) for length in EVALUATED_LENGTHS
    }
    card = {
        "task": task.name,
        "model": kind,
        "config": asdict(config),
        "recipe": asdict(recipe),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "accuracy_by_length": accuracy,
        "evaluation": EVALUATION,
        "versions": {
            "feedback_lite": feedback_lite.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
    return model, card


def save(model: Model, card: dict[str, Any], path: Path) -> None:
    """Write ``path.safetensors`` and ``path.json``; the card also names the checksum of the weights."""
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    serialized = safetensors.torch.save(weights)
    card = {**card, "sha256": hashlib.sha256(serialized).hexdigest()}
    path.with_suffix(".safetensors").write_bytes(serialized)
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def from_card(card: dict[str, Any]) -> tuple[str, Task, FeedbackConfig, Recipe]:
    """Return what a card says of how its model was made: model kind, task, configuration and recipe."""
    recipe = {**card["recipe"], "betas": tuple(card["recipe"]["betas"])}
    return card["model"], make_task(card["task"]), FeedbackConfig(**card["config"]), Recipe(**recipe)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parsed = parse(arguments)
    # One thread: sums are then taken in one order, and the same command gives the same weights on one machine.
    torch.set_num_threads(1)
    try:
        check_writable(parsed.out)
        if parsed.command == "repeat":
            kind, task, config, recipe = from_card(json.loads(parsed.card.read_text(encoding="utf-8")))
        else:
            kind, task = parsed.model, make_task(parsed.task)
            config = usual_config(kind, task, **({"bias_init": "zeros"} if kind == "ordinary" else {}))
            recipe = Recipe(steps=parsed.steps, seed=parsed.seed, learning_rate=parsed.learning_rate)
        model, card = train_and_measure(kind, task, config, recipe)
        save(model, card, parsed.out)
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return 130
    except (FloatingPointError, OSError, KeyError, TypeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"parameters": card["parameters"], "accuracy_by_length": card["accuracy_by_length"]}))
    print(f"wrote {parsed.out.with_suffix('.safetensors')} and {parsed.out.with_suffix('.json')}")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m feedback_lite.training", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    train_command = commands.add_parser("train", help="train a model on a task")
    train_command.add_argument("task", choices=TASKS)
    train_command.add_argument("--model", choices=MODELS, default="feedback")
    train_command.add_argument("--steps", type=int, default=500, help="number of updates (default: %(default)s)")
    train_command.add_argument("--learning-rate", type=float, default=3e-3, help="highest one (default: %(default)s)")
    train_command.add_argument("--seed", type=int, default=0, help="starts weights and data (default: %(default)s)")
    repeat_command = commands.add_parser("repeat", help="train again exactly as a card says")
    repeat_command.add_argument("card", type=Path, help="the JSON card beside a model's weights")
    for command in (train_command, repeat_command):
        command.add_argument("--out", type=Path, required=True, help="path of the two files to write, without suffix")
    return parser.parse_args(arguments)


def check_writable(path: Path) -> None:
    """Raise before any work where the results could not be written afterwards."""
    if not path.parent.is_dir():
        raise OSError(f"--out must lie in an existing folder, got {path}")
    probe = path.with_suffix(".part")
    probe.touch()
    probe.unlink()


if __name__ == "__main__":
    sys.exit(main())
