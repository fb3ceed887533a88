"""Change one setting of the feedback model at a time, train it again, and record what that costs.

From the command line::

    python -m feedback_lite.training ablate segments --out ablate-segments.json
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from feedback_lite.config import check_choice, check_size
from feedback_lite.engine import Engine, use
from feedback_lite.interventions import set_layer_weights
from feedback_lite.memory import Memory
from feedback_lite.model import FeedbackTransformer
from feedback_lite.tasks import Task, make_task
from feedback_lite.training.cards import usual_config, versions
from feedback_lite.training.comparison import (
    RECORD_EVALUATION,
    SEEDS,
    WHOLE,
    Contender,
    Notes,
    Run,
    Trainer,
    lengths_of,
    measure,
    measure_all,
    shared_recipe,
)
from feedback_lite.training.loop import Recipe, train
from feedback_lite.training.opponents import SeparateKeysValues
from feedback_lite.training.shortcuts import Rarely, Watch, train_cut, train_growing, train_warm

LEARNING_RATE = 3e-3


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting of an ablation.

    Args:
        name: what tables and figures call it.
        task: what the model is trained on.
        steps: number of updates.
        learning_rate: the highest learning rate.
        length: tokens per sequence in training.
        engine: what computes the model; "auto" leaves the choice to `feedback_lite.engine.chosen`.
        changes: what differs from the usual configuration.
        surgery: a name in `SURGERIES`, for what no configuration can say.
        shortcut: a name in `SHORTCUTS`, for a cheaper way to train the model.
        asks_every: positions from one answer to the next, in training and afterwards.
    """

    name: str
    task: str = "shell-game"
    steps: int = 500
    learning_rate: float = LEARNING_RATE
    length: int = 20
    engine: Engine = "auto"
    changes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    surgery: str | None = None
    shortcut: str | None = None
    asks_every: int = 1

    def make_task(self) -> Task:
        """Return what the model is trained on and asked about."""
        task = make_task(self.task)
        return task if self.asks_every == 1 else Rarely(task, every=self.asks_every)

    def contender(self) -> Contender:
        """Return the model of this setting."""
        return Contender(
            name=self.name,
            says=self.name,
            kind="feedback",
            config=usual_config("feedback", make_task(self.task), **self.changes),
            change=None if self.surgery is None else SURGERIES[self.surgery],
        )


def fix_layer_weights(model: FeedbackTransformer, layer: int | None = None) -> FeedbackTransformer:
    """Freeze the shares of the layers in the memory: all equal, or one layer (0 is the embedding) alone."""
    set_layer_weights(model, layer=layer)
    model.layer_weights.requires_grad_(False)
    return model


SURGERIES: dict[str, Callable[[FeedbackTransformer], nn.Module]] = {
    "equal shares": fix_layer_weights,
    "embedding alone": partial(fix_layer_weights, layer=0),
    "layer 1 alone": partial(fix_layer_weights, layer=1),
    "layer 2 alone": partial(fix_layer_weights, layer=2),
    "separate": SeparateKeysValues,
}
SHORTCUTS: dict[str, Trainer] = {
    **{f"cut every {every}": partial(train_cut, every=every) for every in (1, 5, 10)},
    "growing": partial(train_growing, shares=(0.25, 0.5, 0.75, 1.0)),
    "warm": partial(train_warm, share=0.5),
}
CIRCUMSTANCES: dict[str, dict[str, Any]] = {
    "as usual": {},
    "rate 0.01": {"learning_rate": 1e-2},
    "rate 0.03": {"learning_rate": 3e-2},
    "4 layers": {"changes": {"num_layers": 4}},
    "6 layers": {"changes": {"num_layers": 6}},
    "80 tokens": {"length": 80},
}
"""What may be hard on a memory that is not normed."""
ABLATIONS: dict[str, tuple[Setting, ...]] = {
    "layer-weights": (
        Setting(name="learned"),
        Setting(name="fixed, all equal", surgery="equal shares"),
    ),
    "fed-back": (
        Setting(name="mixture of all"),
        Setting(name="embedding alone", surgery="embedding alone"),
        Setting(name="layer 1 alone", surgery="layer 1 alone"),
        Setting(name="layer 2 (last) alone", surgery="layer 2 alone"),
    ),
    "segments": tuple(
        Setting(
            name=f"segments of {length}{', twice the updates' if steps > 600 else ''}",
            steps=steps,
            changes={"segment_length": length},
        )
        for length, steps in ((1, 600), (2, 600), (4, 600), (10, 600), (2, 1200), (4, 1200))
    ),
    "memory-size": (
        *(
            Setting(name=f"{slots} slot{'s' if slots > 1 else ''}", changes={"memory_size": slots})
            for slots in (1, 2, 4, 8)
        ),
        Setting(name="all slots", changes={"memory_size": WHOLE}),
        *(
            Setting(name=f"{slots} slots, no recency start", changes={"memory_size": slots, "bias_init": "zeros"})
            for slots in (2, 4, 8)
        ),
        Setting(name="all slots, no recency start", changes={"memory_size": WHOLE, "bias_init": "zeros"}),
    ),
    "memory-offset": tuple(
        Setting(
            name=f"{task}: {'without' if compat else 'with'} the offset",
            task=task,
            changes={"compat": compat},
        )
        for task in ("echo", "shell-game")
        for compat in (None, "lucidrains")
    ),
    "keys-values": (
        Setting(name="shared by the layers"),
        Setting(name="one per layer", surgery="separate"),
    ),
    "memory-norm": tuple(
        Setting(
            name=f"{circumstance}, memory {'normed' if norm else 'as it is'}",
            task="s3-word",
            steps=250,
            engine="torch",
            **{**given, "changes": {**given.get("changes", {}), **({"memory_norm": True} if norm else {})}},
        )
        for circumstance, given in CIRCUMSTANCES.items()
        for norm in (False, True)
    ),
    "truncation": tuple(
        Setting(
            name=f"{asked}: {shortcut or 'whole sequences'}",
            steps=500 * min(asks_every, 2),
            shortcut=shortcut,
            asks_every=asks_every,
        )
        for asked, asks_every in (("asked at every token", 1), ("asked at every third", 3))
        for shortcut in (None, "cut every 10", "cut every 5", "cut every 1")
    ),
    "curriculum": (
        Setting(name="full length"),
        Setting(name="length grows", shortcut="growing"),
        Setting(name="full length, as many tokens", steps=310),
    ),
    "warm-start": (
        Setting(name="500 updates"),
        Setting(name="250 updates", steps=250),
        Setting(name="250 ordinary, then 250", shortcut="warm"),
    ),
}
"""Every ablation by name, with its settings; the first setting is the usual model."""


def ablate(name: str, *, out: Path, jobs: int = 1) -> dict[str, Any]:
    """Run a whole ablation, three seeds for each setting, and return its record.

    Args:
        name: one of `ABLATIONS`.
        out: where the record will be written; ``out`` with the suffix ".notes" holds what is done so far.
        jobs: number of processes.
    """
    check_choice("ablation", name, tuple(ABLATIONS))
    check_size("jobs", jobs)
    settings = {setting.name: setting for setting in ABLATIONS[name]}
    runs = [run_of(setting, seed) for setting in settings.values() for seed in SEEDS]
    notes = Notes(out.with_suffix(".notes"), {"ablation": name, "settings": list(settings)})
    measure_all(runs, notes, partial(measure_setting, name), jobs=jobs, title=name)
    first = ABLATIONS[name][0]
    recipe = recipe_of(first, runs[0])
    return {
        "ablation": name,
        "command": f"python -m feedback_lite.training ablate {name} --out ablate-{name}.json",
        "trained_length": recipe.length,
        "lengths": list(lengths_of(recipe.length)),
        "evaluation": RECORD_EVALUATION,
        "recipe": shared_recipe(recipe) | {"learning_rate": recipe.learning_rate},
        "settings": [
            {
                "name": setting.name,
                "task": setting.task,
                "parameters": setting.contender().parameters(),
                "changes": dict(setting.changes),
                "surgery": setting.surgery,
                **({} if setting.shortcut is None else {"shortcut": setting.shortcut}),
                **({} if setting.asks_every == 1 else {"asks_every": setting.asks_every}),
                **({} if setting.learning_rate == recipe.learning_rate else {"learning_rate": setting.learning_rate}),
                **({} if setting.length == recipe.length else {"length": setting.length}),
            }
            for setting in settings.values()
        ],
        "chance": {task: round(make_task(task).chance, 4) for task in {setting.task for setting in settings.values()}},
        "runs": [run_entry(run, notes) for run in runs],
        "versions": versions(),
    }


def run_of(setting: Setting, seed: int) -> Run:
    """Return one training of a setting."""
    return Run(model=setting.name, steps=setting.steps, learning_rate=setting.learning_rate, seed=seed)


def recipe_of(setting: Setting, run: Run) -> Recipe:
    """Return the recipe of one run of a setting."""
    return Recipe(steps=run.steps, length=setting.length, learning_rate=run.learning_rate, seed=run.seed)


def measure_setting(name: str, run: Run) -> dict[str, Any]:
    """Measure one run of an ablation; a process of its own can do it.

    A training that breaks off is measured as it then is, and "broke_off" counts the updates before.
    """
    setting = next(setting for setting in ABLATIONS[name] if setting.name == run.model)
    task, trainer = setting.make_task(), ToTheEnd(train if setting.shortcut is None else SHORTCUTS[setting.shortcut])
    with use(setting.engine):
        model, result = measure(setting.contender(), task, recipe_of(setting, run), trainer)
    return {
        **result,
        **({} if trainer.broke_off is None else {"broke_off": trainer.broke_off}),
        "layer_shares": learned_shares(model),
        "largest_hidden": largest_hidden(model, task, length=WHOLE) if isinstance(model, FeedbackTransformer) else None,
    }


class ToTheEnd:
    """A trainer after which a model can be measured even where its loss or gradient became infinite.

    ``broke_off`` is then the number of updates before, and None otherwise.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.broke_off: int | None = None

    def __call__(self, model: nn.Module, task: Task, recipe: Recipe, *, watch: Watch = None, **options: Any) -> None:
        """Train until the end or until numbers are not finite any more."""
        done = 0

        def count(step: int) -> None:
            nonlocal done
            done = step
            if watch is not None:
                watch(step)

        try:
            self.trainer(model, task, recipe, watch=count, **options)
        except FloatingPointError:
            self.broke_off = done


@torch.no_grad()
def largest_hidden(model: FeedbackTransformer, task: Task, *, length: int) -> float | None:
    """Return the largest number, its sign ignored, in any hidden vector of 32 fresh sequences; or none if infinite.

    Computed in float64, which holds numbers that float32 does not.
    """
    exact = copy.deepcopy(model).double().eval()
    generator = torch.Generator().manual_seed(RECORD_EVALUATION["seed"])
    embedded = exact.embedding(task.sample(batch_size=32, length=length, generator=generator).tokens)
    memory, largest = Memory.empty(exact.to_keys_values, embedded), torch.zeros((), dtype=embedded.dtype)
    for segment in embedded.split(model.config.segment_length, dim=1):
        hiddens = exact.read(segment, memory).hiddens
        memory, largest = exact.write(hiddens, memory), torch.maximum(largest, hiddens.abs().max())
    return float(f"{largest:.3g}") if largest.isfinite() else None


def learned_shares(model: nn.Module) -> list[float] | None:
    """Return the share of every layer in the memory, embedding first; none where training does not set them."""
    weights = getattr(model, "layer_weights", None)
    if not isinstance(weights, nn.Parameter) or not weights.requires_grad:
        return None
    return [round(share, 3) for share in weights.softmax(dim=0).tolist()]


def run_entry(run: Run, notes: Notes) -> dict[str, Any]:
    """Return what a record tells about one run."""
    kept = {name: value for name, value in notes.results[run].items() if name not in ("selection", "curve")}
    return {"setting": run.model, "steps": run.steps, "seed": run.seed, **kept}
