"""Train several models on one task under equal conditions, and record how each does: by examples, seconds, length.

Every model gets the same learning rates to choose from, and further ones while its best lies at an end of those tried;
the same fresh data and the same schedule. It is trained twice: for as many examples as all others, and for about as
many CPU seconds as the feedback model took.

From the command line::

    python -m feedback_lite.training compare shell-game --out compare-shell-game.json
"""

import json
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from tqdm import tqdm

from feedback_lite.config import check_choice, check_size
from feedback_lite.engine import chosen
from feedback_lite.tasks import Task, make_task
from feedback_lite.training.cards import MODELS, Config, usual_config, versions
from feedback_lite.training.evaluation import evaluate
from feedback_lite.training.loop import Recipe, train

LENGTHS = (20, 40, 80, 160)
LADDER = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""The learning rates that a model may be tried with."""
LEARNING_RATES = LADDER[2:5]
"""Those that every model is tried with."""
SEEDS = (0, 1, 2)
RECORD_EVALUATION = {"sequences": 500, "seed": 1_000_003}
SELECTION = {"sequences": 500, "seed": 2_000_003}
"""The data that a learning rate is chosen by: other sequences than those that the record tells about."""
CURVE = {"sequences": 200, "seed": 3_000_017}
POINTS = 20
LARGER = 4
"""How many times the parameters of the feedback model a larger opponent has, about."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A model that takes part in a study.

    Args:
        name: what tables and figures call it.
        says: what it is, in a few words.
        kind: a name in `feedback_lite.training.cards.MODELS`.
        config: its sizes and options.
        change: what is done to the fresh model before it is trained; it may also return another one.
    """

    name: str
    says: str
    kind: str
    config: Config
    change: Callable[[Any], nn.Module] | None = None

    def make(self, *, seed: int) -> nn.Module:
        """Return a freshly initialised model."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = MODELS[self.kind](self.config)
            return model if self.change is None else self.change(model)

    def parameters(self) -> int:
        """Return the number of parameters."""
        with torch.device("meta"):  # shapes without numbers
            return sum(parameter.numel() for parameter in self.make(seed=0).parameters())


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training of a study: who, for how long, how fast, and from which seed."""

    model: str
    steps: int
    learning_rate: float
    seed: int


@dataclass(frozen=True)
class Study:
    """A task, how many updates the feedback model gets, and who takes part."""

    task: str
    steps: int
    names: tuple[str, ...]
    length: int = 20
    batch_size: int = 64

    def recipe(self, run: Run) -> Recipe:
        """Return the recipe of one run."""
        return Recipe(
            steps=run.steps,
            length=self.length,
            batch_size=self.batch_size,
            learning_rate=run.learning_rate,
            seed=run.seed,
        )


FEEDBACK = "feedback"
WHOLE = max(LENGTHS)
FEEDBACK_VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    FEEDBACK: ("mixture of all layers, 16 slots", {}),
    "feedback, no recency start": ("as feedback; the position bias starts at zero", {"bias_init": "zeros"}),
    "feedback, last layer": ("memory holds the last layer alone", {"memory_from": "last"}),
    "feedback, one slot": ("memory holds the newest vector alone", {"memory_size": 1}),
    "feedback, whole memory": ("nothing is ever evicted", {"memory_size": WHOLE}),
    "feedback, whole memory, no recency start": (
        "nothing is ever evicted; the position bias starts at zero",
        {"memory_size": WHOLE, "bias_init": "zeros"},
    ),
}
"""What each feedback model is, in a few words, and how it differs from the usual configuration."""
ORDINARY = {
    "ordinary, 1 layer": (1, "zeros", 1),
    "ordinary, 2 layers": (2, "zeros", 1),
    "ordinary, 2 layers, recency start": (2, "recency", 1),
    "ordinary, 4 layers": (4, "zeros", 1),
    "ordinary, 4 layers, recency start": (4, "recency", 1),
    "ordinary, 1 layer, larger": (1, "zeros", LARGER),
    "ordinary, 2 layers, larger": (2, "zeros", LARGER),
    "ordinary, 4 layers, larger": (4, "zeros", LARGER),
}
"""Layers of each ordinary transformer, start of its position bias, and parameters in multiples of feedback's."""
RECURRENT = {"LSTM": "lstm", "GRU": "gru"}
EVERYONE = (*FEEDBACK_VARIANTS, *ORDINARY, *RECURRENT)
FEW = (
    FEEDBACK,
    "feedback, no recency start",
    "feedback, one slot",
    "ordinary, 2 layers",
    "ordinary, 2 layers, recency start",
    "ordinary, 4 layers",
    "LSTM",
)
BOTH_STARTS = (*FEW, "ordinary, 4 layers, recency start")
"""Few, and both starts of the position bias for every transformer."""
NEARLY_EVERYONE = tuple(name for name in EVERYONE if name not in BOTH_STARTS[-1:])
STUDIES = {
    study.task: study
    for study in (
        Study("shell-game", 500, NEARLY_EVERYONE),
        Study("s3-word", 300, NEARLY_EVERYONE),
        Study("program", 500, NEARLY_EVERYONE),
        Study("walk", 400, BOTH_STARTS),
        Study("copy", 300, FEW),
        Study("reverse", 300, BOTH_STARTS),
        Study("echo", 300, BOTH_STARTS),
        Study("parity", 300, BOTH_STARTS),
        Study("characters", 300, FEW),
        # How 120 permutations multiply is learned from short sequences first, if at all.
        Study("s5-word", 1000, BOTH_STARTS, length=4, batch_size=256),
    )
}


def contenders(task: Task, names: Sequence[str] | None = None) -> dict[str, Contender]:
    """Return the models of a comparison by name; opponents of equal size have within a tenth of feedback's parameters.

    Args:
        task: what they are to be trained on.
        names: who takes part; none means everyone.

    Raises:
        ValueError: a name is unknown.
    """
    for name in names or ():
        check_choice("model", name, EVERYONE)
    parameters = feedback_variant(FEEDBACK, task).parameters()
    return {name: make_contender(name, task, parameters) for name in EVERYONE if names is None or name in names}


def make_contender(name: str, task: Task, parameters: int) -> Contender:
    """Return one model by its name; ``parameters`` is what the feedback model has."""
    if name in FEEDBACK_VARIANTS:
        return feedback_variant(name, task)
    return recurrent(name, task, parameters) if name in RECURRENT else ordinary(name, task, parameters)


def feedback_variant(name: str, task: Task) -> Contender:
    """Return the feedback model with one setting changed."""
    says, changes = FEEDBACK_VARIANTS[name]
    return Contender(name=name, says=says, kind="feedback", config=usual_config("feedback", task, **changes))


def ordinary(name: str, task: Task, parameters: int) -> Contender:
    """Return an ordinary transformer, as wide as brings it nearest to its multiple of this number of parameters."""
    layers, start, times = ORDINARY[name]
    says_start = ", recency start" if start == "recency" else ""

    def of_width(half: int) -> Contender:
        sizes = {"num_layers": layers, "d_model": 2 * half, "head_dim": half, "bias_init": start}
        return Contender(
            name=name,
            says=f"{layers} layer{'s' if layers > 1 else ''}, width {2 * half}{says_start}",
            kind="ordinary",
            config=usual_config("ordinary", task, **sizes),
        )

    return nearest(map(of_width, range(4, 97)), times * parameters)


def recurrent(name: str, task: Task, parameters: int) -> Contender:
    """Return a recurrent network of one layer, as wide as brings it nearest to this number of parameters."""

    def of_width(width: int) -> Contender:
        return Contender(
            name=name,
            says=f"one layer, width {width}",
            kind="recurrent",
            config=usual_config("recurrent", task, d_model=width, cell=RECURRENT[name]),
        )

    return nearest(map(of_width, range(8, 129)), parameters)


def nearest(candidates: Iterable[Contender], parameters: int) -> Contender:
    """Return the candidate whose number of parameters is nearest; candidates come in growing size."""
    best: tuple[int, Contender] | None = None
    for candidate in candidates:
        distance = abs(candidate.parameters() - parameters)
        if best is not None and distance > best[0]:
            break
        best = (distance, candidate)
    assert best is not None
    return best[1]


Trainer = Callable[..., object]


def measure(
    contender: Contender, task: Task, recipe: Recipe, trainer: Trainer = train
) -> tuple[nn.Module, dict[str, Any]]:
    """Train a model from nothing; return it and what is kept of it: that of `follow`, and accuracy by length."""
    model, followed = follow(contender, task, recipe, trainer)
    return model, {
        **followed,
        "accuracy_by_length": {
            str(length): round(evaluate(model, task, length=length, **RECORD_EVALUATION), 4)
            for length in lengths_of(recipe.length)
        },
        "selection": round(evaluate(model, task, length=recipe.length, **SELECTION), 4),
    }


def follow(
    contender: Contender, task: Task, recipe: Recipe, trainer: Trainer = train
) -> tuple[nn.Module, dict[str, Any]]:
    """Train a model from nothing; return it, and its engine, CPU seconds and curve.

    Seconds are CPU seconds of the training alone: what the evaluations on the way take is not counted. ``trainer`` is
    `train`, or trains in another way.
    """
    model = contender.make(seed=recipe.seed)
    first = recipe.stage(0)
    engine = chosen(model.train(), torch.empty(first.batch_size, first.length)).name
    curve: dict[str, list[float]] = {"steps": [], "seconds": [], "accuracy": []}
    points = {round(recipe.steps * (point + 1) / POINTS) for point in range(POINTS)}
    spent, resumed = 0.0, time.process_time()

    def watch(step: int) -> None:
        nonlocal spent, resumed
        if step not in points:
            return
        spent += time.process_time() - resumed
        right = evaluate(model, task, length=recipe.length, **CURVE)
        for name, value in (("steps", step), ("seconds", round(spent, 2)), ("accuracy", round(right, 3))):
            curve[name].append(value)
        model.train()
        resumed = time.process_time()

    trainer(model, task, recipe, progress=False, watch=watch)
    return model, {"engine": engine, "cpu_seconds": round(spent, 2), "curve": curve}


def lengths_of(trained: int) -> tuple[int, ...]:
    """Return the lengths to evaluate at: 20, 40, 80 and 160, with the trained one among them."""
    return tuple(sorted({*LENGTHS, trained}))


def seconds_per_update(models: Sequence[Contender], task: Task, *, length: int, batch_size: int) -> dict[str, float]:
    """Return the CPU seconds of one update of every model: measured side by side, the least of several rounds."""
    updates = Recipe(steps=4, length=length, batch_size=batch_size)
    least = dict.fromkeys((model.name for model in models), float("inf"))
    for _ in range(4):
        for contender in models:
            model = contender.make(seed=0)
            started = time.process_time()
            train(model, task, updates, progress=False)
            least[contender.name] = min(least[contender.name], (time.process_time() - started) / updates.steps)
    return least


def steps_within(steps: int, faster: float) -> int:
    """Return how many updates fit into the seconds of so many of feedback's, for a model that is faster by a factor.

    Where the factor is less than a tenth away from 1, one training serves both budgets.
    """
    return steps if abs(faster - 1) < 0.1 else max(10, round(steps * faster / 10) * 10)


def steps_for(budget: str, contender: str, study: Study, seconds: dict[str, float]) -> int:
    """Return how many updates a model gets: as many as all, or as many as fit into feedback's seconds."""
    check_choice("budget", budget, BUDGETS)
    return study.steps if budget == "examples" else steps_within(study.steps, seconds[FEEDBACK] / seconds[contender])


BUDGETS = ("examples", "seconds")


class Notes:
    """Results that are kept as they come, one JSON line each, so that an interrupted study goes on where it was.

    Args:
        path: the file; it is made where there is none.
        study: what the results belong to.
        measured: what was measured before the first run; where the file is there already, its own is kept.
        kind: what a run is, a dataclass.

    Raises:
        ValueError: the file belongs to another study.
    """

    def __init__(
        self, path: Path, study: dict[str, Any], measured: Callable[[], Any] = dict, *, kind: Any = Run
    ) -> None:
        self.path = path
        self.results: dict[Any, dict[str, Any]] = {}
        study = json.loads(json.dumps(study))
        if not path.exists():
            path.write_text(json.dumps({"study": study, "measured": measured()}) + "\n", encoding="utf-8")
        first, *lines = path.read_text(encoding="utf-8").split("\n")[:-1]  # a last line without its end was cut off
        head = json.loads(first)
        if head["study"] != study:
            raise ValueError(
                f"{path} holds results of another study, {head['study']}: move it away, or choose another --out"
            )
        self.measured = head["measured"]
        for line in lines:
            entry = json.loads(line)
            self.results[kind(**entry["run"])] = entry["result"]

    def add(self, run: Any, result: dict[str, Any]) -> None:
        """Keep one more result."""
        self.results[run] = result
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"run": asdict(run), "result": result}) + "\n")


Measurer = Callable[[Run], dict[str, Any]]


def measure_all(runs: Iterable[Run], notes: Notes, measurer: Measurer, *, jobs: int, title: str) -> None:
    """Measure all runs that have no result yet, in several processes, and note each result as it comes."""
    missing = [run for run in dict.fromkeys(runs) if run not in notes.results]
    if jobs == 1:
        for run in tqdm(missing, desc=title):
            notes.add(run, measurer(run))
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        futures = {pool.submit(measurer, run): run for run in missing}
        for future in tqdm(as_completed(futures), desc=title, total=len(futures)):
            notes.add(futures[future], future.result())


def measure_contender(study: Study, run: Run) -> dict[str, Any]:
    """Measure one run of a comparison; a process of its own can do it."""
    task = make_task(study.task)
    return measure(contenders(task, (run.model,))[run.model], task, study.recipe(run))[1]


def beyond(accuracy: Mapping[float, float]) -> list[float]:
    """Return the learning rates to try next: the one beyond each end that is best, and better than its neighbour.

    Args:
        accuracy: what was reached with each learning rate tried, at least two of `LADDER` that lie side by side.
    """
    best, tried = max(accuracy.values()), sorted(accuracy)
    lowest, highest = LADDER.index(tried[0]), LADDER.index(tried[-1])
    further = []
    if lowest > 0 and accuracy[tried[0]] == best > accuracy[tried[1]]:
        further.append(LADDER[lowest - 1])
    if highest + 1 < len(LADDER) and accuracy[tried[-1]] == best > accuracy[tried[-2]]:
        further.append(LADDER[highest + 1])
    return further


Key = tuple[str, str]
"""A model and a budget."""
AnyKey = TypeVar("AnyKey", bound=Hashable)


def sweep(
    keys: Iterable[AnyKey], run: Callable[[AnyKey, float], Run], notes: Notes, measure: Callable[[list[Run]], None]
) -> dict[AnyKey, dict[float, float]]:
    """Return the accuracy with every learning rate that was tried, for every model and budget, smallest rate first.

    Args:
        keys: who is tried.
        run: gives the run of a learning rate.
        notes: where results are.
        measure: measures those of these runs that have no result yet.
    """
    rates = {key: set(LEARNING_RATES) for key in keys}
    while True:
        measure([run(key, rate) for key, tried in rates.items() for rate in sorted(tried)])
        found = {
            key: {rate: notes.results[run(key, rate)]["selection"] for rate in sorted(tried)}
            for key, tried in rates.items()
        }
        further = {key: beyond(accuracy) for key, accuracy in found.items()}
        if not any(further.values()):
            return found
        for key, more in further.items():
            rates[key].update(more)


def compare(study: Study, *, out: Path, jobs: int = 1) -> dict[str, Any]:
    """Run a whole comparison and return its record.

    Every model is trained with several learning rates from seed 0, for each budget: with all of `LEARNING_RATES`, and
    with the next of `LADDER` while the best lies at an end. The one with the best accuracy on the selection data is
    then used from the other seeds too. What is done is kept beside ``out`` until the end.

    Args:
        study: the task, the length of training, and who takes part.
        out: where the record will be written; ``out`` with the suffix ".notes" holds what is done so far.
        jobs: number of processes.
    """
    check_size("jobs", jobs)
    task = make_task(study.task)
    models = contenders(task, study.names)
    notes = Notes(
        out.with_suffix(".notes"),
        asdict(study),
        partial(seconds_per_update, tuple(models.values()), task, length=study.length, batch_size=study.batch_size),
    )
    seconds = notes.measured
    steps = {(name, budget): steps_for(budget, name, study, seconds) for name in models for budget in BUDGETS}
    measurer = partial(measure_contender, study)

    def run(key: Key, rate: float, seed: int = SEEDS[0]) -> Run:
        return Run(model=key[0], steps=steps[key], learning_rate=rate, seed=seed)

    def measure(runs: list[Run], *, title: str = "learning rates") -> None:
        measure_all(runs, notes, measurer, jobs=jobs, title=f"{study.task}: {title}")

    swept = sweep(steps, run, notes, measure)
    best = {key: max(accuracy, key=accuracy.__getitem__) for key, accuracy in swept.items()}
    chosen = [run(key, best[key], seed) for key in steps for seed in SEEDS]
    measure(chosen, title="all seeds")
    return {
        "task": study.task,
        "command": f"python -m feedback_lite.training compare {study.task} --out compare-{study.task}.json",
        "chance": round(task.chance, 4),
        "heuristic": heuristic_by_length(task, lengths_of(study.length)),
        "trained_length": study.length,
        "lengths": list(lengths_of(study.length)),
        "evaluation": RECORD_EVALUATION,
        "learning_rates": list(LEARNING_RATES),
        "recipe": shared_recipe(study.recipe(chosen[0])),
        "seconds_per_update": {name: round(value, 5) for name, value in seconds.items()},
        "models": [contender_entry(contender) for contender in models.values()],
        "sweep": [
            {"model": name, "budget": budget, "learning_rate": rate, "accuracy": right}
            for (name, budget), accuracy in swept.items()
            for rate, right in accuracy.items()
        ],
        "runs": [
            run_entry(
                found,
                [key[1] for key in steps if run(key, best[key], found.seed) == found],
                notes,
            )
            for found in dict.fromkeys(chosen)
        ],
        "versions": versions(),
    }


def contender_entry(contender: Contender) -> dict[str, Any]:
    """Return what a record tells about a model."""
    return {
        "name": contender.name,
        "says": contender.says,
        "kind": contender.kind,
        "parameters": contender.parameters(),
        "config": asdict(contender.config),
    }


def run_entry(run: Run, budgets: list[str], notes: Notes) -> dict[str, Any]:
    """Return what a record tells about one run."""
    kept = {name: value for name, value in notes.results[run].items() if name != "selection"}
    return {"model": run.model, "budgets": budgets, **asdict(run), **kept}


def shared_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return what all runs of a study have in common."""
    return {name: value for name, value in asdict(recipe).items() if name not in ("steps", "learning_rate", "seed")}


def heuristic_by_length(task: Task, lengths: Iterable[int]) -> dict[str, float] | None:
    """Return the accuracy of the task's simple rule at every length, or none where the task has no such rule."""
    if not hasattr(task, "heuristic"):
        return None
    found = {}
    for length in lengths:
        generator = torch.Generator().manual_seed(RECORD_EVALUATION["seed"])
        tokens, targets = task.sample(batch_size=RECORD_EVALUATION["sequences"], length=length, generator=generator)
        asked = targets >= 0
        found[str(length)] = round((task.heuristic(tokens) == targets)[asked].double().mean().item(), 4)
    return found
