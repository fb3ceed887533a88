"""The small trained models that ship with the package."""

from importlib.resources import files
from typing import Any

import safetensors.torch

from feedback_lite.baseline import CausalTransformer
from feedback_lite.config import FeedbackConfig
from feedback_lite.files import json_names, load_json
from feedback_lite.model import FeedbackTransformer

TRANSFORMERS: dict[str, type[FeedbackTransformer] | type[CausalTransformer]] = {
    "feedback": FeedbackTransformer,
    "ordinary": CausalTransformer,
}
"""The kinds of models that ship, by the name that a card gives them."""


def names() -> tuple[str, ...]:
    """Return the names of all models that ship with the package."""
    return json_names("pretrained")


def card(name: str) -> dict[str, Any]:
    """Return a model's card: its task, recipe, accuracy by length, and the versions it was trained with.

    Raises:
        ValueError: there is no such model; the message lists those that there are.
    """
    return load_json("pretrained", name)


def load(name: str) -> FeedbackTransformer | CausalTransformer:
    """Return a trained model in evaluation mode, in float32 on the CPU.

    Args:
        name: for example "shell-feedback" or "shell-ordinary".

    Raises:
        ValueError: there is no such model; the message lists those that there are.
    """
    made = card(name)
    model = TRANSFORMERS[made["model"]](FeedbackConfig(**made["config"]))
    weights = files("feedback_lite").joinpath("pretrained", f"{name}.safetensors")
    model.load_state_dict(safetensors.torch.load(weights.read_bytes()))
    return model.eval()
