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
    python -m feedback_lite.training family --out family.json

Two processes that share every batch::

    torchrun --nproc-per-node 2 -m feedback_lite.training train shell-game --out my-model
"""

from feedback_lite.training.cards import (
    CONFIGS,
    MODELS,
    Config,
    Model,
    finished_card,
    from_card,
    make_model,
    save,
    to_card,
    usual_config,
)
from feedback_lite.training.comparison import contenders
from feedback_lite.training.evaluation import count_right, evaluate, expected_range
from feedback_lite.training.loop import Recipe, Stage, Training, train
from feedback_lite.training.opponents import RecurrentConfig, RecurrentNetwork

__all__ = [
    "CONFIGS",
    "Config",
    "MODELS",
    "Model",
    "Recipe",
    "RecurrentConfig",
    "RecurrentNetwork",
    "Stage",
    "Training",
    "contenders",
    "count_right",
    "evaluate",
    "expected_range",
    "finished_card",
    "from_card",
    "make_model",
    "save",
    "to_card",
    "train",
    "usual_config",
]
