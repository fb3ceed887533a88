"""Write the tables of all recorded comparisons and ablations into book/results.md.

    python -m book.tools.results write
    python -m book.tools.results check

The records are those of feedback_lite/training/records; nothing is trained. `write` puts the tables below the mark in
book/results.md, `check` fails where they are not what the records give.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from book.tools.record_command import RecordCommand
from feedback_lite.tasks import make_task
from feedback_lite.training import records
from feedback_lite.training.ablations import ABLATIONS
from feedback_lite.widgets.runs_explorer import (
    BUDGETS,
    PREFIX,
    WHOLE,
    Record,
    in_tenths,
    in_words,
    recorded_tasks,
    tenths,
)

PAGE = Path("book/results.md")
MARK = "% What follows is written by `python -m book.tools.results write`.\n"
ABLATION = "ablate-"

Load = Callable[[str], Record]
Row = Sequence[str]


# Numbers in words and cells.


def shares(rights: Sequence[float]) -> list[int]:
    """Return shares of right answers in ten-thousandths, as the figure has them."""
    return [round(WHOLE * right) for right in rights]


def share(right: float) -> str:
    """Return one share of right answers in percent."""
    return in_tenths(tenths(shares([right])))


def spread(middle: str, lowest: str, highest: str) -> str:
    """Return a mean with the lowest and the highest seed under it."""
    return f"{middle}<br><small>{lowest}&ndash;&NoBreak;{highest}</small>"


def right_answers(rights: Sequence[float]) -> str:
    """Return the cell of several seeds' shares of right answers, in percent."""
    return spread(in_tenths(tenths(shares(rights))), share(min(rights)), share(max(rights)))


def seconds(every: Sequence[float]) -> str:
    """Return the cell of several seeds' CPU seconds."""
    return spread(*(f"{value:.1f}" for value in (mean(every), min(every), max(every))))


def one(values: Iterable[Any]) -> Any:
    """Return what all of these values are.

    Raises:
        ValueError: they differ.
    """
    found = set(values)
    if len(found) != 1:
        raise ValueError(f"all seeds must have the same value, got {sorted(found)}")
    return found.pop()


def counted(number: int, what: str) -> str:
    """Return a number of things."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def listed(values: Iterable[object]) -> str:
    """Return values one after another, the last one after an "and"."""
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last


def table(header: Row, rows: Iterable[Row], *, words: int = 1) -> str:
    """Return a table whose first columns hold words and whose other columns hold numbers."""
    line = ["---"] * words + ["---:"] * (len(header) - words)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, line, *rows))


def anchor(title: str) -> str:
    """Return how a link on the same page names a heading."""
    return "#" + re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def folded(summary: str, text: str) -> str:
    """Return text that is shown when its summary is pressed."""
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"


# What a record says of how it was made.


def seeds_of(record: Record) -> int:
    """Return the number of different seeds."""
    return len({run["seed"] for run in record["runs"]})


def how_measured(record: Record, rates: str) -> str:
    """Return how long models were trained, on what, and how they were asked."""
    recipe, evaluation = record["recipe"], record["evaluation"]
    return (
        f"- Trained on sequences of {record['trained_length']} tokens, {recipe['batch_size']} for each update, with "
        f"{counted(seeds_of(record), 'seed')}. Asked on {evaluation['sequences']:,} fresh sequences of each length.\n"
        f"- {rates}"
    )


def how_repeated(record: Record, verb: str, name: str) -> str:
    """Return the command that measures again, and the versions that these numbers were measured with."""
    file = f"{'compare' if verb == 'compare' else 'ablate'}-{name}.json"
    command = record.get("command", f"python -m feedback_lite.training {verb} {name} --out {file}")
    versions = ", ".join(f"{package} {version}" for package, version in record["versions"].items())
    return f"- Measured with {versions}. Again:\n\n  ```\n  {command}\n  ```"


def what_guessing_gets(record: Record) -> str:
    """Return what the best constant answer gets, and the task's simple rule where it has one."""
    text = f"- Chance: {share(record['chance'])} %."
    if record["heuristic"]:
        rule = summary_of(make_task(record["task"]).heuristic)  # type: ignore[attr-defined]
        reached = ", ".join(f"{share(right)} % at {length}" for length, right in record["heuristic"].items())
        text += f" A simple rule: {reached} tokens. The rule: {rule[0].lower()}{rule[1:]}"
    return text


def summary_of(thing: object) -> str:
    """Return the first sentence of the documentation."""
    text = inspect.getdoc(thing) or ""
    return " ".join(text.split("\n\n")[0].split())


def headings_of_lengths(record: Record) -> list[str]:
    """Return the heading of every column of lengths."""
    return [
        f"% at {length}{'<br>(trained)' if length == record['trained_length'] else ''}" for length in record["lengths"]
    ]


def by_length(record: Record, runs: Sequence[Record]) -> list[str]:
    """Return one cell for every length."""
    return [right_answers([run["accuracy_by_length"][str(length)] for run in runs]) for length in record["lengths"]]


def took(runs: Sequence[Record]) -> tuple[str, str]:
    """Return the cells of the updates and the seconds of several seeds."""
    return f"{one(run['steps'] for run in runs):,}", seconds([run["cpu_seconds"] for run in runs])


# Comparisons.


def runs_of(record: Record, model: str, budget: str) -> list[Record]:
    """Return the runs of one model within one budget, one for each seed."""
    return [run for run in record["runs"] if run["model"] == model and budget in run["budgets"]]


def comparison(record: Record) -> str:
    """Return the section of one task."""
    title = in_words(record["task"])
    rates = f"Learning rates tried: {listed(record['learning_rates'])}, each with the first seed."
    models = table(
        ("Model", "What it is", "Parameters"),
        [(model["name"], model["says"], f"{model['parameters']:,}") for model in record["models"]],
        words=2,
    )
    again = how_repeated(record, "compare", record["task"])
    parts = [
        f"## {title}",
        summary_of(make_task(record["task"])),
        f"{what_guessing_gets(record)}\n{how_measured(record, rates)}\n{again}",
        models,
    ]
    for budget in BUDGETS:
        parts += [
            f"### {title}, equal {budget}",
            table(
                ("Model", *headings_of_lengths(record)),
                [
                    (model["name"], *by_length(record, runs_of(record, model["name"], budget)))
                    for model in record["models"]
                ],
            ),
            "What that took, and how the learning rate was chosen:",
            costs(record, budget),
        ]
    return "\n\n".join(parts)


def costs(record: Record, budget: str) -> str:
    """Return the table of updates, seconds, and right answers with every learning rate; the one taken is bold."""
    found = {
        (entry["model"], entry["learning_rate"]): entry["accuracy"]
        for entry in record["sweep"]
        if entry["budget"] == budget
    }
    rates = record["learning_rates"]

    def row(name: str) -> Row:
        runs = runs_of(record, name, budget)
        taken = one(run["learning_rate"] for run in runs)
        reached = [f"**{share(found[name, rate])}**" if rate == taken else share(found[name, rate]) for rate in rates]
        return name, *took(runs), *reached

    header = ("Model", "Updates", "CPU seconds", *(f"% with rate {rate:g}" for rate in rates))
    return table(header, [row(model["name"]) for model in record["models"]])


def overview(compared: Sequence[Record]) -> str:
    """Return the table of all tasks, with the models that took part in at least three of four comparisons."""
    takers = [{model["name"] for model in record["models"]} for record in compared]
    names = dict.fromkeys(model["name"] for record in compared for model in record["models"])
    common = [name for name in names if 4 * sum(name in each for each in takers) >= 3 * len(compared)]

    def cell(record: Record, name: str) -> str:
        runs = runs_of(record, name, "examples")
        length = str(record["trained_length"])
        return right_answers([run["accuracy_by_length"][length] for run in runs]) if runs else "&ndash;"

    rows = []
    for record in compared:
        title = in_words(record["task"])
        cells = (cell(record, name) for name in common)
        rows.append((f"[{title}]({anchor(title)})", share(record["chance"]), *cells))
    return (
        "## All tasks\n\nRight answers in %, at the length that was trained on, with equal examples.\n\n"
        f"{table(('Task', 'Chance', *common), rows)}"
    )


# Ablations.


def ablation(record: Record) -> str:
    """Return the section of one ablation, with a table for each task that it was made on."""
    title = in_words(record["ablation"])
    rate = f"Learning rate: {record['recipe']['learning_rate']:g}."
    repeated = how_repeated(record, "ablate", record["ablation"])
    parts = [f"## Ablation: {title.lower()}", f"{how_measured(record, rate)}\n{repeated}"]
    for task in dict.fromkeys(setting["task"] for setting in record["settings"]):
        settings = [setting for setting in record["settings"] if setting["task"] == task]
        runs = {
            setting["name"]: [run for run in record["runs"] if run["setting"] == setting["name"]]
            for setting in settings
        }
        parts += [
            f"{in_words(task)}; chance {share(record['chance'][task])} %:",
            table(
                ("Setting", *headings_of_lengths(record)),
                [(name, *by_length(record, found)) for name, found in runs.items()],
            ),
            table(
                ("Setting", "Parameters", "Updates", "CPU seconds"),
                [(setting["name"], f"{setting['parameters']:,}", *took(runs[setting["name"]])) for setting in settings],
            ),
        ]
        layers = shares_of_layers(runs)
        if layers is not None:
            parts.append(folded(f"Learned shares of the layers, {in_words(task).lower()}", layers))
    return "\n\n".join(parts)


def shares_of_layers(runs: Mapping[str, Sequence[Record]]) -> str | None:
    """Return the table of what share of the memory every layer has learned, or none where nothing was learned."""
    rows = []
    for name, found in runs.items():
        learned = [run.get("layer_shares") for run in found]
        if all(learned):
            rows.append((name, *(right_answers(layer) for layer in zip(*learned, strict=True))))
    if not rows:
        return None
    layers = ["embedding, %", *(f"layer {layer}, %" for layer in range(1, len(rows[0]) - 1))]
    return table(("Setting", *layers), rows)


# The page.


def make_record(
    load: Load = records.load, tasks: Sequence[str] | None = None, ablations: Sequence[str] | None = None
) -> str:
    """Return everything below the mark: all tasks at a glance, then every task and every ablation.

    Args:
        load: gives a record by its name.
        tasks: the tasks that were compared; none means all whose record ships.
        ablations: the ablations; none means all whose record ships.
    """
    shipped = records.names()
    tasks = recorded_tasks() if tasks is None else tasks
    ablations = [name for name in ABLATIONS if ABLATION + name in shipped] if ablations is None else ablations
    compared = [load(PREFIX + task) for task in tasks]
    sections = [
        overview(compared),
        *map(comparison, compared),
        *(ablation(load(ABLATION + name)) for name in ablations),
    ]
    return "\n\n".join(sections) + "\n"


def with_tables(page: str, text: str) -> str:
    """Return the page with these tables below its mark.

    Raises:
        ValueError: the page does not have the mark once.
    """
    if page.count(MARK) != 1:
        raise ValueError(f"{PAGE} must hold this line once: {MARK.strip()}")
    return f"{page[: page.index(MARK)]}{MARK}\n{text}"


def write(root: Path, text: str) -> None:
    """Write the tables into the page."""
    page = with_tables((root / PAGE).read_text(encoding="utf-8"), text)
    (root / PAGE).write_text(page, encoding="utf-8")


def check(root: Path, text: str) -> list[str]:
    """Return where the page does not show what the records give: the first line that differs."""
    page = (root / PAGE).read_text(encoding="utf-8")
    try:
        current = with_tables(page, text)
    except ValueError as error:
        return [str(error)]
    old, new = page.splitlines(), current.splitlines()
    for number, (shown, given) in enumerate(zip(old, new, strict=False), start=1):
        if shown != given:
            return [f"line {number} of the page is {json.dumps(shown)}, but the records give {json.dumps(given)}"]
    if page != current:
        return [f"the page has {len(old)} lines, but the records give {len(new)}"]
    return []


def size(text: str) -> str:
    """Return how many tables there are."""
    return counted(text.count("\n| ---"), "table")


main = RecordCommand(
    module="book.tools.results",
    files=(PAGE,),
    make_record=make_record,
    write=write,
    check=check,
    size=size,
)

if __name__ == "__main__":
    sys.exit(main())
