"""One small figure of every kind for the tests, made of hand-written or random numbers."""

from typing import Any

import torch
from torch import Tensor

from feedback_lite.widgets import (
    Arrangement,
    BucketExplorer,
    CostExplorer,
    Figure,
    GateExplorer,
    InformationFlow,
    LayerMixture,
    LineageMap,
    MaskExplorer,
    MemoryQueue,
    ModelInside,
    Predict,
    RunsExplorer,
    ShellDuel,
    TokenWalk,
    mixtures,
    walks,
)
from feedback_lite.widgets.mask_explorer import MOST_SLOTS
from tests.drawing import make_model
from tests.runs import RECORDS

GAME = ["ball under 3", *(f"swap {cup} and {cup + 1}" for cup in (1, 2, 3, 4, 1, 2))]


def drawn(*shape: int, seed: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return random numbers, the same on every call."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def prediction() -> Predict:
    return Predict("Where is the ball?", ["under 1", "under 2", "under 3"], 1, ["No: a.", "Yes: b.", "No: c."])


def layer_mixture(**changes: Any) -> LayerMixture:
    """Seven steps of an embedding and two layers of width five."""
    weights = [-0.31, 0.12, 0.57]
    arguments = {
        "hiddens": drawn(7, 3, 5),
        "layer_weights": weights,
        "tokens": GAME,
        "layer_names": ["embedding", "layer 1", "layer 2 (top)"],
        "accuracy": {key: 0.5 + 0.001 * number for number, key in enumerate(mixtures(weights))},
    }
    return LayerMixture(**{**arguments, **changes})


BUCKET_TABLE = drawn(16, 3, seed=5, dtype=torch.float64)


def bucket_explorer(**changes: Any) -> BucketExplorer:
    """Three heads with random biases."""
    return BucketExplorer(**{"table": BUCKET_TABLE, **changes})


def even_weights(most: int = MOST_SLOTS) -> list[list[float]]:
    """Return a head that reads all slots alike, with one slot up to ``most``."""
    return [[1 / slots] * slots for slots in range(1, most + 1)]


def mask_explorer(**changes: Any) -> MaskExplorer:
    """Two heads that read all slots alike."""
    weights = {"layer 1, head 1": even_weights(), "layer 1, head 2": even_weights()}
    return MaskExplorer(**{"weights": weights, **changes})


SMALL_COSTS = {"layers": 2, "width": 32, "heads": 2, "head width": 16, "slots": 16}
LARGE_COSTS = {"layers": 12, "width": 512, "heads": 8, "head width": 128, "slots": 8192}


def cost_explorer() -> CostExplorer:
    return CostExplorer({"small": SMALL_COSTS, "large": LARGE_COSTS})


QUEUE_SIZES = 3
QUEUE_TRIED = [4, 9, 9, 9, 9, 9, 9]


def queue_changes() -> list[list[list[int]]]:
    """Return counts by memory size, step and token, of which neighbours differ."""
    steps = range(len(GAME))
    return [[[(size + step + token) % 5 for token in steps] for step in steps] for size in range(QUEUE_SIZES)]


def memory_queue(**changes: Any) -> MemoryQueue:
    """Seven steps with up to three slots, of which the first is evicted."""
    arguments = {
        "tokens": GAME,
        "changed": queue_changes(),
        "tried": QUEUE_TRIED,
        "memory_size": 2,
        "step": 6,
        "token": 1,
    }
    return MemoryQueue(**{**arguments, **changes})


# Three steps, two layers, five units.
GATES, GATED = drawn(2, 3, 2, 5).unbind()


def gate_explorer(**changes: Any) -> GateExplorer:
    """A free point beside random gates."""
    arguments = {
        "gates": GATES,
        "values": GATED,
        "tokens": GAME[:3],
        "accuracy": {"learned": 0.995, "all open": 0.2, "all shut": 0.175},
    }
    return GateExplorer(**{**arguments, **changes})


ARRANGEMENTS = [
    Arrangement("ordinary"),
    Arrangement("cache", 3, 3),
    Arrangement("feedback"),
    Arrangement("segments", 3),
]


def information_flow(**changes: Any) -> InformationFlow:
    """Seven tokens and two layers, read in segments of three at first."""
    arguments = {"num_tokens": 7, "num_layers": 2, "token": 5, "layer": 1, "chosen": 3}
    return InformationFlow(**{"arrangements": ARRANGEMENTS, **arguments, **changes})


WALK_TOKENS = [3, 16, 0, 7, 7]
VOCABULARY = [f"word {number}" for number in range(17)]


def token_walk(**changes: Any) -> TokenWalk:
    """Five tokens through a random model with two slots of memory."""
    found = walks(make_model(memory_size=2).eval(), WALK_TOKENS, VOCABULARY)
    return TokenWalk(found, [VOCABULARY[token] for token in WALK_TOKENS], **changes)


def runs_explorer(**changes: Any) -> RunsExplorer:
    """Two tasks and five models of made-up records."""
    return RunsExplorer(**{"tasks": ("shell-game", "program"), "load": RECORDS.__getitem__, **changes})


def every_figure() -> list[Figure]:
    """Return one figure of every kind."""
    return [
        prediction(),
        bucket_explorer(),
        mask_explorer(),
        cost_explorer(),
        layer_mixture(),
        memory_queue(),
        gate_explorer(),
        information_flow(),
        LineageMap(),
        token_walk(),
        runs_explorer(),
        ShellDuel(),
        ModelInside(),
    ]
