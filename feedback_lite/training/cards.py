"""Cards: how a model was made, as plain data, and back again; and the kinds of models that can be made."""

import hashlib
import json
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

import feedback_lite
from feedback_lite.baseline import CausalTransformer
from feedback_lite.config import FeedbackConfig, check_choice
from feedback_lite.files import beside, write_whole
from feedback_lite.model import FeedbackTransformer
from feedback_lite.pretrained import TRANSFORMERS
from feedback_lite.tasks import Task, make_task
from feedback_lite.training.evaluation import count_right, expected_range
from feedback_lite.training.loop import Recipe, Stage, Training
from feedback_lite.training.opponents import RecurrentConfig, RecurrentNetwork

Model = FeedbackTransformer | CausalTransformer | RecurrentNetwork
Config = FeedbackConfig | RecurrentConfig
MODELS: dict[str, Callable[..., Model]] = {
    **TRANSFORMERS,
    "recurrent": RecurrentNetwork,
}
CONFIGS: dict[str, Callable[..., Config]] = {
    "feedback": FeedbackConfig,
    "ordinary": FeedbackConfig,
    "recurrent": RecurrentConfig,
}
EVALUATED_MULTIPLES = (1, 2, 4)
CARD_EVALUATION = {"sequences": 1000, "seed": 1_000_003}


def make_model(kind: str, config: Config, *, seed: int) -> Model:
    """Return a freshly initialised model; the caller's random state stays as it is."""
    check_choice("model", kind, tuple(MODELS))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS[kind](config)


def usual_config(kind: str, task: Task, **changes: Any) -> Config:
    """Return the small configuration that the book trains, with changes."""
    check_choice("model", kind, tuple(MODELS))
    if kind == "recurrent":
        return RecurrentConfig(**{"vocab_size": len(task.vocabulary), "d_model": 64, **changes})
    sizes = {"d_model": 32, "num_layers": 2, "num_heads": 2, "head_dim": 16, "ff_mult": 3}
    positions = {"num_buckets": 16, "max_distance": 16, "bias_init": "recency", "memory_size": 16}
    return FeedbackConfig(**{"vocab_size": len(task.vocabulary), **sizes, **positions, **changes})


def to_card(kind: str, task: Task, config: Config, recipe: Recipe) -> dict[str, Any]:
    """Return how a model is made, as numbers, strings, lists and dictionaries; `from_card` reads it back."""
    return {"task": task.name, "model": kind, "config": asdict(config), "recipe": asdict(recipe)}


def finished_card(made: dict[str, Any], training: Training) -> dict[str, Any]:
    """Return the card of a trained model: how it was made, what that took, and its accuracy on fresh data."""
    model, task = training.model, training.task
    counts = {
        str(length): count_right(model, task, length=length, **CARD_EVALUATION)
        for length in lengths_of(training.recipe)
    }
    return {
        **made,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "engine": training.engine,
        "cpu_seconds": round(training.cpu_seconds, 2),
        "accuracy_by_length": {
            length: round((right.sum() / asked.sum()).item(), 4) for length, (right, asked) in counts.items()
        },
        "expected_by_length": {length: expected_range(*count) for length, count in counts.items()},
        "evaluation": CARD_EVALUATION,
        "versions": versions(),
    }


def lengths_of(recipe: Recipe) -> list[int]:
    """Return the lengths that a card tells the accuracy at: those of the stages, or the trained one and multiples."""
    if recipe.stages:
        return sorted({stage.length for stage in recipe.stages})
    return [multiple * recipe.length for multiple in EVALUATED_MULTIPLES]


def versions() -> dict[str, str]:
    """Return the versions that a number was measured with."""
    return {
        "feedback_lite": feedback_lite.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
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
    stages = tuple(Stage(**stage) for stage in card["recipe"].get("stages", ()))  # older cards have none
    recipe = {**card["recipe"], "betas": tuple(card["recipe"]["betas"]), "stages": stages}
    return card["model"], make_task(card["task"]), CONFIGS[card["model"]](**card["config"]), Recipe(**recipe)


def made_as(card: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a card that says how its model was made, checked."""
    made = to_card(*from_card(card))
    return {**made, "rounded": True} if card.get("rounded") else made
