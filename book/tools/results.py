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
from typing import Any, NamedTuple

from book.tools.record_command import RecordCommand
from feedback_lite.tasks import make_task
from feedback_lite.training import records
from feedback_lite.training.ablations import ABLATIONS
from feedback_lite.training.comparison import beyond
from feedback_lite.training.programs import ALIKE
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
OTHERS = {"whole_programs": "whole programs", "streams": "long streams"}
"""What else a record may hold of every run, and the heading of its column."""

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
    """Return a mean with the lowest and the highest seed under it, where they can be told apart."""
    if lowest == highest:
        return middle
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
    recipe, evaluation, stages = record["recipe"], record["evaluation"], record.get("stages", ())
    way = f"in {counted(len(stages), 'stage')}, at the end " if stages else ""
    return (
        f"- Trained {way}on sequences of {record['trained_length']} tokens, {recipe['batch_size']} for each update, "
        f"with {counted(seeds_of(record), 'seed')}. Asked on {evaluation['sequences']:,} fresh sequences of each "
        f"length.\n- {rates}"
    )


def how_repeated(record: Record, verb: str, name: str) -> str:
    """Return the command that measures again, and what these numbers were measured with."""
    file = f"{'compare' if verb == 'compare' else 'ablate'}-{name}.json"
    command = record.get("command", f"python -m feedback_lite.training {verb} {name} --out {file}")
    versions = ", ".join(f"{package} {version}" for package, version in record["versions"].items())
    engines = sorted({run.get("engine", "plain") for run in record["runs"]})
    return (
        f"- Measured with {versions}, {'engine' if len(engines) == 1 else 'engines'} {listed(engines)}. "
        f"Again:\n\n  ```\n  {command}\n  ```"
    )


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
    models = table(
        ("Model", "What it is", "Parameters"),
        [(model["name"], model["says"], f"{model['parameters']:,}") for model in record["models"]],
        words=2,
    )
    again = how_repeated(record, "compare", record["task"])
    parts = [
        f"## {title}",
        summary_of(make_task(record["task"])),
        f"{what_guessing_gets(record)}\n{how_measured(record, how_chosen(record))}\n{again}",
        models,
    ]
    for budget in BUDGETS:
        present = [model["name"] for model in record["models"] if runs_of(record, model["name"], budget)]
        runs = {name: runs_of(record, name, budget) for name in present}
        parts += [f"### {title}, equal {budget}", *what_came_out(record, runs)]
    return "\n\n".join(
        [
            *parts,
            *trained_otherwise(record),
            folded(f"{title}: every learning rate that was tried", rates_tried(record)),
        ]
    )


def what_came_out(record: Record, runs: Mapping[str, Sequence[Record]], *, timed: bool = True) -> list[str]:
    """Return the table of the runs of several models; and another one, where they are asked by position too.

    Args:
        record: what they belong to.
        runs: the runs by model.
        timed: whether their seconds are told; those of runs that stand apart may come from another machine.
    """
    seconds = ("CPU seconds",) if timed else ()
    parts = [
        table(
            ("Model", *headings_of_lengths(record), "Updates", *seconds, "Rate"),
            [
                (name, *by_length(record, found), *took(found)[: 1 + timed], rate_of(found))
                for name, found in runs.items()
            ],
        )
    ]
    if all("accuracy_by_position" in run for found in runs.values() for run in found):
        parts += ["The same runs, by where in the sequence they are asked:", by_position(record, runs)]
    return parts


def trained_otherwise(record: Record) -> list[str]:
    """Return the section of the models that a record tells of apart, or nothing where there is none."""
    models = record.get("apart", {}).get("models", [])
    if not models:
        return []
    every = record["apart"]["runs"]
    runs = {model["name"]: [run for run in every if run["model"] == model["name"]] for model in models}
    about = [(model["name"], model["says"], str(len(runs[model["name"]]))) for model in models]
    return [
        f"### {in_words(record['task'])}, trained otherwise",
        "In each, one thing is different; for equal examples alone.",
        table(("Model", "What it is", "Seeds"), about, words=2),
        *what_came_out(record, runs, timed=False),
    ]


def how_chosen(record: Record) -> str:
    """Return how the learning rates were chosen, and whose best is at an end of those tried all the same."""
    text = f"Learning rates tried with one seed: {listed(f'{rate:g}' for rate in record['learning_rates'])}"
    if "short" in record:
        part = f"{100 * record['short']['share_of_tokens']:g} %"
        text += f", each for {counted(record['short']['stages'], 'stage')} with {part} of their tokens (short)"
        several = {entry["model"]: entry["seeds"] for entry in record["sweep"] if entry["seeds"] > 1}
        text += ", then those of the best candidate in all stages (whole)"
        text += f", with {one(several.values())} seeds for {listed(several)}" if several else ""
        text += f" (where these lie within {100 * ALIKE:g} point, the short ones decide)"
    open_ended = dict.fromkeys(name for (name, *_), found in tried(record).items() if beyond(found))
    if not open_ended:
        return f"{text}, and the next one wherever the best was at an end."
    return f"{text}. The best was at an end, and no further one was tried, of: {'; '.join(open_ended)}."


def rate_of(runs: Sequence[Record]) -> str:
    """Return the learning rate that was taken."""
    return f"{one(run['learning_rate'] for run in runs):g}"


def by_position(record: Record, runs: Mapping[str, Sequence[Record]]) -> str:
    """Return the table of right answers by position, with the simple rule's, and what else was asked."""
    spans = list(record["heuristic_by_position"])
    others = [name for name in OTHERS if f"heuristic_in_{name}" in record or all(name in run for run in record["runs"])]
    rows = [
        (
            name,
            *(right_answers([run["accuracy_by_position"][span] for run in found]) for span in spans),
            *(right_answers([run[other] for run in found]) for other in others),
        )
        for name, found in runs.items()
    ]
    rules = {"the simple rule": record} | {
        f"the simple rule, {model['name'].split(', ')[-1]}": model
        for model in record.get("apart", {}).get("models", [])
        if model["name"] in runs and "heuristic_by_position" in model
    }
    told = [f"heuristic_in_{other}" for other in others]
    guesses = [
        (
            name,
            *(share(rule["heuristic_by_position"][span]) for span in spans),
            *("&ndash;" if right is None else share(right) for right in map(rule.get, told)),
        )
        for name, rule in rules.items()
    ]
    header = ("Model", *(span.replace("-", "&ndash;") for span in spans), *(OTHERS[other] for other in others))
    return table(header, [*rows, *guesses])


def tried(record: Record) -> dict[tuple[str, str], dict[float, float]]:
    """Return what every learning rate reached, by the model, or candidate for it, and by the budget."""
    found: dict[tuple[str, str], dict[float, float]] = {}
    for entry in record["sweep"]:
        key = entry.get("candidate", entry["model"]), entry.get("budget", "")
        found.setdefault(key, {})[entry["learning_rate"]] = entry["accuracy"]
    return found


def rates_tried(record: Record) -> str:
    """Return the table of the right answers with every learning rate that was tried; the best are bold."""
    every = sorted({entry["learning_rate"] for entry in record["sweep"]})
    rows = [
        (
            name,
            f"equal {budget}" if budget in BUDGETS else f"{budget} trainings",
            *(
                ""
                if rate not in found
                else f"**{share(found[rate])}**"
                if found[rate] == max(found.values())
                else share(found[rate])
                for rate in every
            ),
        )
        for (name, budget), found in tried(record).items()
    ]
    return table(("Model", "Budget", *(f"% with {rate:g}" for rate in every)), rows, words=2)


# All tasks.

FEEDBACK = "feedback"
RIVAL = "strongest rival"
APART = 0.01
"""Seeds that lie further apart than this have their range told in the table of all tasks."""


class Reached(NamedTuple):
    """What a model reached on a task: the right answers of every seed, and if a further rate should have been tried."""

    model: str
    rights: Sequence[float]
    open_ended: bool = False

    def overlaps(self, best: Reached) -> bool:
        """Return whether any seed is as good as the worst of the best model's, in tenths of a percent."""
        return round(max(self.rights), 3) >= round(min(best.rights), 3)


def reached(record: Record, length: int) -> dict[str, Reached]:
    """Return what every model reached with equal examples, by its name; and the best one without feedback."""
    found = {}
    for model in record["models"]:
        runs = runs_of(record, model["name"], "examples")
        rights = [run["accuracy_by_length"][str(length)] for run in runs]
        rates = tried(record).get((model["name"], "examples"), {})
        found[model["name"]] = Reached(model["name"], rights, open_ended=bool(rates and beyond(rates)))
    rivals = [found[model["name"]] for model in record["models"] if model["kind"] != FEEDBACK]
    return {**found, RIVAL: max(rivals, key=lambda each: mean(each.rights))} if rivals else found


def overview(compared: Sequence[Record]) -> str:
    """Return all tasks at one glance: at the length that was trained on, and at the longest."""
    return "\n\n".join(
        (
            "## All tasks",
            "Right answers in %, with equal examples, at the length trained on: the mean of the seeds, and their range "
            "where it is wider than a point. **Bold:** the best of a column, and what overlaps with its seeds. **†:** "
            "the best learning rate tried was the last. Numbers lead to their task and its command.",
            glance(compared, [record["trained_length"] for record in compared]),
            "### All tasks, longest sequences",
            glance(compared, [max(record["lengths"]) for record in compared]),
        )
    )


def glance(compared: Sequence[Record], lengths: Sequence[int]) -> str:
    """Return the table of all tasks, with the models that took part in at least three of four comparisons."""
    takers = [{model["name"] for model in record["models"]} for record in compared]
    names = dict.fromkeys(model["name"] for record in compared for model in record["models"])
    common = [name for name in names if 4 * sum(name in each for each in takers) >= 3 * len(compared)]
    columns = [reached(record, length) for record, length in zip(compared, lengths, strict=True)]
    heads = "".join(
        f'<th scope="col"><a href="{anchor(title)}">{title}</a><small>at {length}</small></th>'
        for record, length in zip(compared, lengths, strict=True)
        for title in (in_words(record["task"]),)
    )
    rows = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(
            cell(column, name, anchor(in_words(record["task"])), [*common, RIVAL])
            for record, column in zip(compared, columns, strict=True)
        )
        + "</tr>\n"
        for name in (*common, RIVAL)
    )
    guesses = "".join(
        f'<tr class="fl-guess"><th scope="row">{name}</th>{"".join(f"<td>{each}</td>" for each in told)}</tr>\n'
        for name, told in (
            ("chance", [share(record["chance"]) for record in compared]),
            ("simple rule", [rule_at(record, length) for record, length in zip(compared, lengths, strict=True)]),
        )
    )
    return (
        '<div class="pst-scrollable-table-container fl-glance"><table class="table">\n'
        f"<thead><tr><td></td>{heads}</tr></thead>\n<tbody>\n{rows}{guesses}</tbody>\n</table></div>"
    )


def cell(column: Mapping[str, Reached], name: str, link: str, shown: Sequence[str]) -> str:
    """Return one cell: the mean, the range if it is wide, which model a rival is, and whether it is among the best."""
    if name not in column:
        return "<td>&ndash;</td>"
    here = column[name]
    best = max((column[each] for each in shown if each in column), key=lambda each: mean(each.rights))
    text = in_tenths(tenths(shares(here.rights)))
    if here.overlaps(best):
        text = f'<b>{text}<span class="visually-hidden">, best</span></b>'
    elif here.open_ended:
        text += "†"
    text = f'<a href="{link}" tabindex="-1">{text}</a>'
    if max(here.rights) - min(here.rights) > APART:
        text += f"<small>{100 * min(here.rights):.0f}&ndash;&NoBreak;{100 * max(here.rights):.0f}</small>"
    return f"<td>{text}{f'<small>{here.model}</small>' if name == RIVAL else ''}</td>"


def rule_at(record: Record, length: int) -> str:
    """Return what the task's simple rule gets, or a dash where it has none."""
    return share(record["heuristic"][str(length)]) if record["heuristic"] else "&ndash;"


# Ablations.


def ablation(record: Record) -> str:
    """Return the section of one ablation, with a table for each task that it was made on."""
    title = in_words(record["ablation"])
    rate = f"Learning rate: {record['recipe']['learning_rate']:g}."
    if any("learning_rate" in setting or "length" in setting for setting in record["settings"]):
        rate += " Where a setting names another one, or a length, it was trained with that."
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
        parts += [text for text in (largest_numbers(runs), broken_off(runs)) if text is not None]
        layers = shares_of_layers(runs)
        if layers is not None:
            parts.append(folded(f"Learned shares of the layers, {in_words(task).lower()}", layers))
    return "\n\n".join(parts)


def largest_numbers(runs: Mapping[str, Sequence[Record]]) -> str | None:
    """Return the table of the largest hidden number of every training, or none where they were not recorded."""
    if not all("largest_hidden" in run for found in runs.values() for run in found):
        return None
    rows = [(name, *(f"{run['largest_hidden']:.2g}" for run in found)) for name, found in runs.items()]
    seeds = [f"seed {run['seed']}" for run in next(iter(runs.values()))]
    return f"Largest number in a hidden vector, over the longest sequences:\n\n{table(('Setting', *seeds), rows)}"


def broken_off(runs: Mapping[str, Sequence[Record]]) -> str | None:
    """Return which trainings ended early since their numbers became infinite, or none where all went to their end."""
    broken = [
        f"{name}, seed {run['seed']}, after {counted(run['broke_off'], 'update')}"
        for name, found in runs.items()
        for run in found
        if "broke_off" in run
    ]
    return f"Broken off, as loss or gradient became infinite: {'; '.join(broken)}." if broken else None


def shares_of_layers(runs: Mapping[str, Sequence[Record]]) -> str | None:
    """Return the table of what share of the memory every layer has learned, or none where nothing was learned."""
    rows: list[list[str]] = []
    for name, found in runs.items():
        learned = [run.get("layer_shares") for run in found]
        if all(learned):
            rows.append([name, *(right_answers(layer) for layer in zip(*learned, strict=True))])
    if not rows:
        return None
    most = max(len(row) for row in rows)
    layers = ["embedding, %", *(f"layer {layer}, %" for layer in range(1, most - 1))]
    return table(("Setting", *layers), [row + ["&ndash;"] * (most - len(row)) for row in rows])


# The relatives.


def relatives(record: Record) -> str:
    """Return the section of the relatives on one bench."""
    recipe, tasks = record["recipe"], record["tasks"]
    updates = listed(f"{in_words(task).lower()} {told['steps']}" for task, told in tasks.items())
    first, *longer = record["lengths"]
    versions = ", ".join(f"{package} {version}" for package, version in record["versions"].items())
    parts = [
        "## The relatives on one bench",
        "The works of [chapter 13](../chapters/13-after-feedback.ipynb), built of the same blocks, with as many "
        "parameters to within a tenth, and trained alike.",
        f"- Trained on sequences of {record['trained_length']} tokens, {recipe['batch_size']} for each update, with "
        f"{counted(seeds_of(record), 'seed')}. Updates: {updates}. Asked on {record['answers']['tokens']:,} fresh "
        f"tokens of each length.\n- Learning rates tried: {listed(record['learning_rates'])}, each with the first "
        "seed. In all models one head of attention starts with near tokens ahead and the other without.\n"
        f"- Measured with {versions}. Again:\n\n  ```\n  {record['command']}\n  ```",
        f"Right answers in % at {first} tokens, as trained, with equal examples. **Bold:** the best in its column, and "
        "what overlaps with its seeds.",
        on_all_tasks(record, "examples", first),
        *(folded(f"The same at {length} tokens", on_all_tasks(record, "examples", length)) for length in longer),
        *with_equal_seconds(record),
        folded("How each is built, and what is left out of its source", builds(record)),
    ]
    return "\n\n".join(parts)


def with_equal_seconds(record: Record) -> list[str]:
    """Return what the relatives reach that were trained again for as many seconds as feedback takes, if any were."""
    faster = dict.fromkeys(run["model"] for run in record["runs"] if "seconds" in run["budgets"])
    if not faster:
        return []
    first, *longer = record["lengths"]
    return [
        f"More updates, for as many seconds as feedback takes ({listed(faster)}), at {first} tokens:",
        on_all_tasks(record, "seconds", first),
        *(folded(f"The same at {length} tokens", on_all_tasks(record, "seconds", length)) for length in longer),
    ]


def on_all_tasks(record: Record, budget: str, length: int) -> str:
    """Return the table of all relatives and tasks at one length."""
    found: dict[tuple[str, str], list[float]] = {}
    for run in record["runs"]:
        if budget in run["budgets"]:
            found.setdefault((run["model"], run["task"]), []).append(run["accuracy_by_length"][str(length)])
    names = dict.fromkeys(model for model, _ in found)
    best = {task: max((found[name, task] for name in names), key=mean) for task in record["tasks"]}

    def cell(name: str, task: str) -> str:
        rights = found[name, task]
        text = right_answers(rights)
        return f"**{text.replace('<br>', '**<br>', 1)}" if max(rights) >= min(best[task]) else text

    guesses = ("chance", *(share(told["chance"]) for told in record["tasks"].values()))
    rows = [(name, *(cell(name, task) for task in record["tasks"])) for name in names]
    return table(("Relative", *map(in_words, record["tasks"])), [*rows, guesses])


def builds(record: Record) -> str:
    """Return the table of what each relative is, its size, and what an update of it takes when trained alone."""
    first = next(iter(record["tasks"]))
    rows = [
        (
            f"[{model['name']}](bibliography.md#{model['work']})",
            model["simplified"],
            str(model["width"][first]),
            f"{model['parameters'][first]:,}",
            f"{1000 * record['seconds_per_update'][model['name']]:.1f}",
        )
        for model in record["models"]
    ]
    header = ("Relative", "Simplified", "Width", "Parameters", "ms for an update")
    return table(header, rows, words=2)


# The page.


def make_record(
    load: Load = records.load,
    tasks: Sequence[str] | None = None,
    ablations: Sequence[str] | None = None,
    family: bool = True,
) -> str:
    """Return everything below the mark: all tasks at a glance, then every task, the relatives, and every ablation.

    Args:
        load: gives a record by its name.
        tasks: the tasks that were compared; none means all whose record ships.
        ablations: the ablations; none means all whose record ships.
        family: whether the relatives on one bench are among them.
    """
    shipped = records.names()
    tasks = recorded_tasks() if tasks is None else tasks
    ablations = [name for name in ABLATIONS if ABLATION + name in shipped] if ablations is None else ablations
    compared = [load(PREFIX + task) for task in tasks]
    sections = [
        overview(compared),
        *map(comparison, compared),
        *([relatives(load("family"))] if family else []),
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
    return counted(text.count("\n| ---") + text.count("<table"), "table")


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
