"""The recorded runs: which model learned what, and how fast."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from feedback_lite.training import records
from feedback_lite.widgets import RunsExplorer
from feedback_lite.widgets.runs_explorer import AXES, BUDGETS, recorded_tasks
from tests.kind import LESS, MORE, Control, Kind, Look, Mark, Move, State, at, captions, choose, click
from tests.runs import RECORDS


def runs_explorer(**changes: Any) -> RunsExplorer:
    """Two tasks and five models of made-up records."""
    return RunsExplorer(**{"tasks": ("shell-game", "program"), "load": RECORDS.__getitem__, **changes})


LOOK = r"""(figure) => {
    const text = (found) => found.textContent.replace(/\s/g, " ");
    const picker = figure.querySelector('[data-control="place"]');
    const pressed = [...figure.querySelectorAll('[aria-pressed="true"]')].map((one) => one.dataset.control);
    const value = (name) => figure.querySelector(`[data-control="${name}"]`)?.value ?? "";
    const chosen = (kind) => pressed.filter((one) => one.startsWith(kind)).map((one) => one.slice(kind.length));
    const values = {};
    figure.querySelectorAll('.fl-model[aria-pressed="true"]').forEach((row) => {
        const parts = [".fl-value", ".fl-range", ".fl-ended"].map((part) => text(row.querySelector(part)));
        values[row.dataset.control.slice(6)] = parts;
    });
    return {
        task: value("task"),
        axis: value("axis"),
        budget: value("budget"),
        shown: chosen("model "),
        place: Number(picker.getAttribute("aria-valuenow")),
        places: Number(picker.getAttribute("aria-valuemax")),
        now: text(figure.querySelector(".fl-now")),
        values,
        means: figure.querySelectorAll(".fl-picture .fl-mean").length,
        seeds: figure.querySelectorAll(".fl-picture .fl-seed").length,
        picture: figure.querySelector(".fl-picture").innerHTML,
    };
}"""

RESULTS = "book/results.html"
RECORDED_TASKS = recorded_tasks()
ALL_MODELS = [name for name, _ in RunsExplorer().models]


def choice(kind: str, value: str, first: tuple[str, ...] = ()) -> Control:
    """A task, an axis or a budget."""

    def seen(was: Look) -> Look:
        return {kind: value}

    return Control(kind, choose(value), (), seen, first)


def model(name: str) -> Control:
    """A model is drawn where it was not, and the other way round; on the first task that it was measured on."""
    measured = {task: records.load(f"compare-{task}")["models"] for task in RECORDED_TASKS}
    task = next(task for task, models in measured.items() if name in [each["name"] for each in models])

    def seen(was: Look) -> Look:
        shown = {*was["shown"]} ^ {name}
        return {"shown": [one for one in ALL_MODELS if one in shown], "means": len(shown)}

    return Control(f"model {name}", click, (), seen, () if task == RECORDED_TASKS[0] else (f"task={task}",))


def place(mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int], first: tuple[str, ...] = ()) -> Control:
    return Control("place", mouse, keys, lambda was: {"place": to(was)}, first)


CONTROLS = (
    *(choice("task", task) for task in RECORDED_TASKS[1:]),
    choice("task", RECORDED_TASKS[0], first=(f"task={RECORDED_TASKS[1]}",)),
    choice("axis", "seconds"),
    choice("axis", "length"),
    choice("axis", "examples", first=("axis=length",)),
    choice("budget", "seconds"),
    choice("budget", "examples", first=("budget=seconds",)),
    *map(model, ALL_MODELS),
    *captions(),
    place(at(0.0), ("Home",), lambda was: 1),
    place(None, LESS, lambda was: was["place"] - 1),
    place(at(1.0), ("End",), lambda was: was["places"], first=("place",)),
    place(None, MORE, lambda was: was["place"] + 1, first=("place",)),
)

MARKS = {
    "memory": Mark("number in a filled square, solid line", '[data-family="feedback"] rect.fl-square', says=r"^\d"),
    "ordinary": Mark(
        "number in an open square, dashed line",
        '[data-family="ordinary"] rect.fl-square',
        "stroke",
        open=True,
        says=r"^\d",
    ),
    "recurrent": Mark(
        "number in a filled diamond, line of dashes and dots", '[data-family="recurrent"] path.fl-diamond', says=r"^\d"
    ),
}


def states(twin: RunsExplorer) -> Iterator[State]:
    """Of every task, budget and axis some five places, each with another choice of models."""
    names = [name for name, _ in twin.models]
    choices = [list(twin.shown), names, names[::3], []]
    for study, budget, axis in product(twin.studies, BUDGETS, AXES):
        twin.set_state({"task": study["task"], "budget": budget, "axis": axis})
        for number, place in enumerate(range(1, twin.places() + 1, max(1, twin.places() // 5))):
            shown = choices[number % len(choices)]
            yield {"task": study["task"], "budget": budget, "axis": axis, "place": place, "shown": shown}


def shows(twin: RunsExplorer) -> Look:
    drawn = twin.drawn()
    return {
        "task": twin.task if len(twin.studies) > 1 else "",
        "axis": twin.axis,
        "budget": twin.budget,
        "shown": drawn,
        "place": twin.place,
        "places": twin.places(),
        "values": {name: values(twin, name) for name in drawn},
        "means": len(drawn),
        "seeds": len(drawn) * twin.study()["seeds"],
    }


def values(twin: RunsExplorer, name: str) -> list[str]:
    """What stands in a model's row: its mean, its spread, and where its curve ended."""
    found = twin.readout(name)
    if found is None:
        return ["", "", "not measured yet"]
    mean, low, high = (f"{found[key] / 10:.1f}" for key in ("mean", "low", "high"))
    if found["end"] is None:
        end = ""
    elif twin.axis == "examples":
        end = f"ended after {found['end']:,} sequences"
    else:
        end = f"ended after {found['end'] / 100:g} CPU seconds"
    return [f"{mean} %", f"{low} to {high}", end]


KIND = Kind(
    figure=RunsExplorer,
    small=runs_explorer,
    pages=(RESULTS, "chapters/11-training.html"),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda state: RunsExplorer([study["task"] for study in state["studies"]]),
    states=states,
    shows=shows,
)
