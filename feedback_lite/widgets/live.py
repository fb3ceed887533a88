"""What the live figures share: a trained model's weights as JSON for the page, the same model here, and its games."""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
import traitlets
from torch import Tensor

from feedback_lite import pretrained
from feedback_lite.tasks import ShellGame, make_task
from feedback_lite.training import Model
from feedback_lite.training.rounding import unit_of
from feedback_lite.widgets.figure import Figure


def export(name: str) -> dict[str, Any]:
    """Return a trained model as JSON, for the models of ``js/live.js``.

    Weights are the bytes of the model's float32 numbers, least significant first, in base64. Those of a model that was
    trained with ``--rounded`` are one byte each, with sign: how many times the unit beside them they are. The position
    bias stands as a table as well, by head and by distance from 0 to ``max_distance``; all farther keys share the last
    entry.

    Args:
        name: a model that ships with the package, such as "shell-feedback".

    Raises:
        ValueError: there is no such model; the message lists those that there are. Or it norms its memory.
    """
    card, model = pretrained.card(name), pretrained.load(name)
    if model.config.memory_norm:
        raise ValueError(f"name must be a model that the page can run, which knows no memory_norm, got {name!r}")
    distances = torch.arange(model.config.max_distance + 1)
    with torch.no_grad():
        bias = model.bias(distances[None])[:, 0]
    return {
        "name": name,
        "kind": card["model"],
        "config": card["config"],
        "vocabulary": list(make_task(card["task"]).vocabulary),
        "trained_length": card["recipe"]["length"],
        "sha256": card["sha256"],
        "bias": bias.tolist(),
        "weights": {name: _encode(weight, card.get("rounded", False)) for name, weight in model.state_dict().items()},
    }


def _encode(weight: Tensor, rounded: bool) -> dict[str, Any]:
    unit = {"unit": unit_of(weight)} if rounded else {}
    numbers = (weight / unit["unit"]).numpy().astype("i1") if rounded else weight.numpy().astype("<f4")
    return {"shape": list(numbers.shape), **unit, "base64": b64encode(numbers.tobytes()).decode("ascii")}


def shell_rules() -> dict[str, Any]:
    """Return the shell game as ``js/shell_game.js`` reads it: its cups, and each swap's two, counted from 0."""
    task = ShellGame()
    return {"cups": task.cups, "swaps": [list(pair) for pair in task.swaps]}


@cache
def exact_model(name: str) -> Model:
    """Return a model that ships with the package, in float64; it is loaded once."""
    return pretrained.load(name).double()


def drawn_game(length: int, *, seed: int = 0) -> tuple[int, ...]:
    """Return a shell game of the task's own making, as tokens."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(ShellGame().sample(batch_size=1, length=length, generator=generator).tokens[0].tolist())


def ball_of(game: Sequence[int]) -> int:
    """Return the cup that hides the ball at the end of a shell game, counted from 1."""
    task = ShellGame()
    ball, swaps = torch.tensor([game[0]]), torch.tensor([game[1:]], dtype=torch.long) - task.cups
    return int(task.follow(ball, swaps)[0, -1]) + 1


class LiveFigure(Figure):
    """A figure that runs trained models in the page; its script imports them from ``live.js``."""

    models = traitlets.List(traitlets.Dict(), help="what `export` returns, one for each model").tag(sync=True)
