"""Recorded trainings of several models: how often each is right, by examples seen, by CPU seconds, by length."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import traitlets

from feedback_lite.tasks import TASKS
from feedback_lite.training import records
from feedback_lite.widgets.figure import Figure, join_script, join_style

EXAMPLES, SECONDS, LENGTH = "examples", "seconds", "length"
AXES = (EXAMPLES, SECONDS, LENGTH)
BUDGETS = (EXAMPLES, SECONDS)
FAMILIES = ("feedback", "ordinary", "recurrent")
SHOWN = ("feedback", "ordinary, 2 layers", "ordinary, 4 layers, larger", "LSTM")
PREFIX = "compare-"
MOST_TICKS = 5
NOTCHES = 10  # places from one number on the axis to the next
WHOLE = 10_000  # shares of right answers are kept in ten-thousandths
WORDS = {
    "examples": "{number} sequences",
    "seconds": "{number} CPU seconds",
    "after": "after {amount}",
    "longer": "at {tokens} tokens, longer than any model trained on",
    "as trained": "at {tokens} tokens, as trained",
    "shorter": "at {tokens} tokens, shorter than trained",
    "start": "{title}, equal {budget}, {where}.",
    "none": "No model is chosen.",
    "seeds": ["1 seed", "{count} seeds"],
    "range": "{low} to {high}",
    "ended": "ended after {amount}",
    "measured": "{name} {mean} % ({range})",
    "unmeasured": "{name} is not measured yet",
    "right": "Right answers, mean of {seeds} (lowest to highest): {models}.",
    "chance": "Chance {chance} %.",
    "chance and rule": "Chance {chance} %; a simple rule {rule} %.",
}
CAPTIONS = (
    "Each thick line is one model, the mean of its seeds: how often it is right.",
    "Drag across the picture: the list says what each model reaches there.",
    "By “length”: who is right on sequences longer than any in training?",
)

Record = Mapping[str, Any]


def recorded_tasks() -> tuple[str, ...]:
    """Return the tasks whose comparison ships with the package, in the order of `feedback_lite.tasks.TASKS`."""
    return tuple(task for task in TASKS if PREFIX + task in records.names())


def in_words(task: str) -> str:
    """Return the name of a task as a heading has it, such as "Shell game"."""
    words = task.replace("-", " ")
    return words[0].upper() + words[1:]


def tenths(shares: Sequence[int]) -> int:
    """Return the mean of shares in ten-thousandths, as tenths of a percent; halves go up."""
    return (sum(shares) + 5 * len(shares)) // (10 * len(shares))


def in_tenths(share: int) -> str:
    """Write tenths of a percent, without the sign."""
    return f"{share // 10}.{share % 10}"


def ticks(reach: int) -> tuple[int, int]:
    """Return how far apart the numbers on an axis stand, and how far it goes: at least to ``reach``.

    The distance is 1, 2 or 5 times a power of ten, and one place in `NOTCHES` of it can be read.
    """
    step = min(
        size * 10**power for size in (1, 2, 5) for power in range(1, 13) if reach <= size * 10**power * MOST_TICKS
    )
    notch = step // NOTCHES
    return step, -(-reach // notch) * notch


class RunsExplorer(Figure):
    """Accuracy of several models, every seed, as they were recorded; two budgets, three things to set them against.

    Models of a family share a colour, a line and a mark, and the mark holds the model's number.

    Args:
        tasks: the comparisons to choose from; none means all that ship with the package.
        task: the task that is shown first; none means the first one.
        shown: the models that are shown first; none means those of `SHOWN` that there are.
        axis: what goes along the picture first: "examples" seen, CPU "seconds", or "length" of the sequences.
        budget: whose runs are shown first: those with equal "examples" or those with equal "seconds".
        place: the place on the axis that is read first, counted from 1; none means the last one.
        load: gives a record by its name.

    Raises:
        ValueError: no task, a model that no task has, or a record that lacks runs.
    """

    _esm = join_script("runs_explorer")
    _css = join_style("runs_explorer")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    captions = traitlets.List(list(CAPTIONS), read_only=True).tag(sync=True)
    whole = traitlets.Int(WHOLE, read_only=True, help="how many parts of a share are one").tag(sync=True)
    studies: Any = traitlets.List(help="what was recorded, task by task").tag(sync=True)
    models: Any = traitlets.List(help="name and family of every model, in the order of their numbers").tag(sync=True)
    task = traitlets.Unicode().tag(sync=True)
    shown: Any = traitlets.List(traitlets.Unicode(), help="names of the models that are drawn").tag(sync=True)
    axis = traitlets.Enum(AXES, EXAMPLES).tag(sync=True)
    budget = traitlets.Enum(BUDGETS, EXAMPLES).tag(sync=True)
    place = traitlets.Int(1, min=1, help="the place that is read, from 1; beyond the last one, the last").tag(sync=True)

    def __init__(
        self,
        tasks: Sequence[str] | None = None,
        *,
        task: str | None = None,
        shown: Sequence[str] | None = None,
        axis: str = EXAMPLES,
        budget: str = EXAMPLES,
        place: int | None = None,
        load: Callable[[str], Record] = records.load,
    ) -> None:
        names = recorded_tasks() if tasks is None else tuple(tasks)
        if not names:
            raise ValueError("tasks must name at least one recorded comparison, got none")
        found = [load(PREFIX + name) for name in names]
        kinds = {model["name"]: model["kind"] for record in found for model in record["models"]}
        unknown = {kind for kind in kinds.values() if kind not in FAMILIES}
        if unknown:
            raise ValueError(f"the kind of a model must be one of {FAMILIES}, got {sorted(unknown)}")
        super().__init__(
            studies=[_study(record) for record in found],
            models=[[name, kind] for name, kind in kinds.items()],
            task=names[0] if task is None else task,
            shown=[name for name in SHOWN if name in kinds] if shown is None else list(shown),
            axis=axis,
            budget=budget,
        )
        self.place = self.places() if place is None else place

    def study(self) -> dict[str, Any]:
        """Return what is kept of the task that is shown."""
        found: dict[str, Any] = next(study for study in self.studies if study["task"] == self.task)
        return found

    def drawn(self) -> list[str]:
        """Return the models that are shown and that this task has, in the order of their numbers."""
        return [name for name, _ in self.models if name in self.shown and name in self.study()["models"]]

    def places(self) -> int:
        """Return how many places of this axis can be read."""
        if self.axis == LENGTH:
            return len(self.study()["lengths"])
        scale = self.study()["scales"][self.budget][self.axis]
        return int(scale["reach"] // scale["notch"])

    def position(self) -> int:
        """Return what is read: a number of examples, hundredths of a second, or a length."""
        place = min(self.place, self.places())
        if self.axis == LENGTH:
            return int(self.study()["lengths"][place - 1])
        return int(place * self.study()["scales"][self.budget][self.axis]["notch"])

    def readout(self, name: str) -> dict[str, Any] | None:
        """Return a model's mean, lowest and highest at what is read, in tenths of a percent, and where it ended.

        A curve is read at its last measurement so far; where there is none yet, there is nothing to return. Its end
        counts where it lies more than one place back, in whole tenths of a second.
        """
        runs = self.study()["models"][name]["runs"][self.budget]
        end = None
        if self.axis == LENGTH:
            shares = [seed[self.study()["lengths"].index(self.position())] for seed in runs["by_length"]]
        else:
            along, position = runs[self.axis], self.position()
            measured = sum(at <= position for at in along)
            if not measured:
                return None
            shares = [seed[measured - 1] for seed in runs["accuracy"]]
            notch = self.study()["scales"][self.budget][self.axis]["notch"]
            if along[-1] < position - notch:
                end = along[-1] if self.axis == EXAMPLES else (along[-1] + 5) // 10 * 10
        return {"mean": tenths(shares), "low": tenths([min(shares)]), "high": tenths([max(shares)]), "end": end}

    def rule(self) -> int | None:
        """Return what the task's simple rule reaches, in tenths of a percent; curves are of the trained length."""
        study = self.study()
        if not study["heuristic"]:
            return None
        length = self.position() if self.axis == LENGTH else study["trained"]
        return tenths([study["heuristic"][study["lengths"].index(length)]])

    def describe(self) -> str:
        """Return what is compared, where it is read, and what every model that is drawn reaches there."""
        study = self.study()
        start = self.tell("start", title=study["title"], budget=self.budget, where=self._where())
        if not self.drawn():
            return f"{start} {self.tell('none')}"
        seeds, models = self.tell("seeds", count=study["seeds"]), "; ".join(map(self._told, self.drawn()))
        chance, rule = in_tenths(tenths([study["chance"]])), self.rule()
        if rule is None:
            compared = self.tell("chance", chance=chance)
        else:
            compared = self.tell("chance and rule", chance=chance, rule=in_tenths(rule))
        return f"{start} {self.tell('right', seeds=seeds, models=models)} {compared}"

    def _where(self) -> str:
        position, trained = self.position(), self.study()["trained"]
        if self.axis != LENGTH:
            return self.tell("after", amount=self._amount(position))
        name = "longer" if position > trained else "as trained" if position == trained else "shorter"
        return self.tell(name, tokens=position)

    def _amount(self, number: int) -> str:
        """Return a number of examples, or of hundredths of a second, in words."""
        if self.axis == EXAMPLES:
            return self.tell("examples", number=f"{number:,}")
        return self.tell("seconds", number=f"{number // 100}.{number % 100:02}".rstrip("0").rstrip("."))

    def _told(self, name: str) -> str:
        found = self.readout(name)
        if found is None:
            return self.tell("unmeasured", name=name)
        mean, low, high = (in_tenths(found[key]) for key in ("mean", "low", "high"))
        spread = self.tell("range", low=low, high=high)
        if found["end"] is not None:
            spread = f"{spread}, {self.tell('ended', amount=self._amount(found['end']))}"
        return self.tell("measured", name=name, mean=mean, range=spread)

    @traitlets.validate("task")
    def _check_task(self, proposal: traitlets.Bunch) -> str:
        task: str = proposal["value"]
        names = [study["task"] for study in self.studies]
        if names and task not in names:
            raise traitlets.TraitError(f"task must be one of {names}, got {task!r}")
        return task

    @traitlets.validate("shown")
    def _check_shown(self, proposal: traitlets.Bunch) -> list[str]:
        shown: list[str] = proposal["value"]
        names = [name for name, _ in self.models]
        unknown = [name for name in shown if name not in names]
        if names and unknown:
            raise traitlets.TraitError(f"shown must be among {names}, got {unknown}")
        return shown


def _study(record: Record) -> dict[str, Any]:
    """Return what the figure keeps of a record: whole numbers, by model and budget."""
    lengths = [str(length) for length in record["lengths"]]
    heuristic = record["heuristic"] or {}
    models = {model["name"]: _model(model, record, lengths) for model in record["models"]}
    every = {budget: [model["runs"][budget] for model in models.values()] for budget in BUDGETS}
    seeds = {len(runs["by_length"]) for budget in BUDGETS for runs in every[budget]}
    if len(seeds) != 1:
        raise ValueError(f"{record['task']}: every model must have the same number of seeds, got {sorted(seeds)}")
    return {
        "task": record["task"],
        "title": in_words(record["task"]),
        "chance": _share(record["chance"]),
        "heuristic": [_share(heuristic[length]) for length in lengths] if heuristic else [],
        "lengths": list(record["lengths"]),
        "trained": record["trained_length"],
        "seeds": seeds.pop(),
        "scales": {budget: {axis: _scale(every[budget], axis) for axis in (EXAMPLES, SECONDS)} for budget in BUDGETS},
        "models": models,
    }


def _model(model: Record, record: Record, lengths: Iterable[str]) -> dict[str, Any]:
    about = f"{model['says']}; {model['parameters']:,} parameters"
    return {"about": about, "runs": {budget: _runs(model["name"], budget, record, lengths) for budget in BUDGETS}}


def _runs(name: str, budget: str, record: Record, lengths: Iterable[str]) -> dict[str, Any]:
    """Return the runs of one model within one budget: curves of every seed, the mean of their seconds, lengths."""
    runs = [run for run in record["runs"] if run["model"] == name and budget in run["budgets"]]
    if not runs:
        raise ValueError(f"{record['task']}: {name!r} must have runs with equal {budget}, got none")
    curves = [run["curve"] for run in runs]
    if any(curve["steps"] != curves[0]["steps"] for curve in curves):
        raise ValueError(f"{record['task']}: the curves of {name!r} with equal {budget} must be of the same steps")
    seconds = [[round(100 * second) for second in curve["seconds"]] for curve in curves]
    return {
        "examples": curves[0].get("sequences", [step * record["recipe"]["batch_size"] for step in curves[0]["steps"]]),
        "seconds": [(2 * sum(each) + len(each)) // (2 * len(each)) for each in zip(*seconds, strict=True)],
        "each_seconds": seconds,
        "accuracy": [[_share(right) for right in curve["accuracy"]] for curve in curves],
        "by_length": [[_share(run["accuracy_by_length"][length]) for length in lengths] for run in runs],
    }


def _scale(every: Iterable[Mapping[str, Any]], axis: str) -> dict[str, int]:
    """Return an axis that all models of a budget fit on."""
    ends = [runs[axis][-1] for runs in every]
    if axis == SECONDS:
        ends = [seconds[-1] for runs in every for seconds in runs["each_seconds"]]
    step, reach = ticks(max(ends))
    return {"step": step, "notch": step // NOTCHES, "reach": reach}


def _share(right: float) -> int:
    return round(WHOLE * right)
