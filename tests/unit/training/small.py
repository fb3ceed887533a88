"""What the tests of training train: a small game, small models, and a short recipe."""

import torch
from torch import nn

from feedback_lite.tasks import ShellGame
from feedback_lite.training import Model, Recipe, make_model, usual_config

GAME = ShellGame(cups=3)
TINY: dict[str, object] = {"d_model": 7, "num_layers": 1, "num_heads": 1, "head_dim": 5, "memory_size": 3}
TINY_SIZES = {"feedback": TINY, "ordinary": TINY, "recurrent": {"d_model": 7, "cell": "gru"}}
SHORT = Recipe(steps=5, batch_size=3, length=4, warmup_steps=2)


def tiny(kind: str = "feedback", seed: int = 0) -> Model:
    return make_model(kind, usual_config(kind, GAME, **TINY_SIZES[kind]), seed=seed)


def weights_of(model: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()
