"""What a figure needs to run a trained model in the page: its weights as JSON, and the trait that carries them."""

from base64 import b64encode
from dataclasses import asdict
from typing import Any

import torch
import traitlets
from torch import Tensor

from feedback_lite import pretrained
from feedback_lite.tasks import make_task
from feedback_lite.widgets.figure import Figure


def export(name: str) -> dict[str, Any]:
    """Return a trained model as JSON, for the models of ``js/live.js``.

    Weights are the bytes of the model's float32 numbers, least significant first, in base64. The position bias stands
    as a table as well, by head and by distance from 0 to ``max_distance``; all farther keys share the last entry.

    Args:
        name: a model that ships with the package, such as "shell-feedback".

    Raises:
        ValueError: there is no such model; the message lists those that there are.
    """
    card, model = pretrained.card(name), pretrained.load(name)
    distances = torch.arange(model.config.max_distance + 1)
    with torch.no_grad():
        bias = model.bias(distances[None])[:, 0]
    return {
        "name": name,
        "kind": card["model"],
        "config": asdict(model.config),
        "vocabulary": list(make_task(card["task"]).vocabulary),
        "trained_length": card["recipe"]["length"],
        "sha256": card["sha256"],
        "bias": bias.tolist(),
        "weights": {name: _encode(weight) for name, weight in model.state_dict().items()},
    }


def _encode(weight: Tensor) -> dict[str, Any]:
    numbers = weight.numpy().astype("<f4")
    return {"shape": list(numbers.shape), "base64": b64encode(numbers.tobytes()).decode("ascii")}


class LiveFigure(Figure):
    """A figure that runs trained models in the page; its script imports them from ``live.js``."""

    models = traitlets.List(traitlets.Dict(), help="what `export` returns, one for each model").tag(sync=True)
