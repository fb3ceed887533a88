"""The small trained models that ship with the package."""

import json
from importlib.resources import files
from typing import Any

import safetensors.torch

from feedback_lite.baseline import CausalTransformer
from feedback_lite.model import FeedbackTransformer
from feedback_lite.training import MODELS, from_card

FOLDER = files("feedback_lite") / "trained"


def names() -> tuple[str, ...]:
    """Return the names of all models that ship with the package."""
    return tuple(sorted(file.name.removesuffix(".json") for file in FOLDER.iterdir() if file.name.endswith(".json")))


def card(name: str) -> dict[str, Any]:
    """Return a model's card: its task, recipe, accuracy by length, and the versions it was trained with.

    Raises:
        ValueError: there is no such model; the message lists those that there are.
    """
    if name not in names():
        raise ValueError(f"name must be one of {', '.join(map(repr, names()))}, got {name!r}")
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def load(name: str) -> FeedbackTransformer | CausalTransformer:
    """Return a trained model in evaluation mode, in float32 on the CPU.

    Args:
        name: for example "shell-feedback" or "shell-ordinary".

    Raises:
        ValueError: there is no such model; the message lists those that there are.
    """
    kind, _, config, _ = from_card(card(name))
    model = MODELS[kind](config)
    assert isinstance(model, FeedbackTransformer | CausalTransformer), "only transformers ship so far"
    model.load_state_dict(safetensors.torch.load((FOLDER / f"{name}.safetensors").read_bytes()))
    return model.eval()
