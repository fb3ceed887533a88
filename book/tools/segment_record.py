"""Trains the shell-game model with segments of several lengths and keeps how well each follows the ball.

    python -m book.tools.segment_record write
    python -m book.tools.segment_record check

`write` trains every model of PLAN from nothing, with the recipe of the card of "shell-feedback", and writes
feedback_lite/records/segments.json. `check` trains them again and fails where the record does not hold. Each takes
some minutes of one core.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from book.tools.record_command import write_or_check
from feedback_lite import pretrained
from feedback_lite.training import from_card, train_and_measure

ROOT = Path(__file__).resolve().parents[2]
RECORD = Path("feedback_lite/records/segments.json")
# Training differs from machine to machine: sums are taken in another order, and small differences grow.
TOLERANCE = 0.15


class Run(NamedTuple):
    """One training: all of it that differs from the other runs."""

    segment_length: int
    steps: int
    seed: int


SEEDS = (0, 1, 2)
# The same recipe for all; then twice the updates for the short segments.
PLAN = tuple(
    Run(segment_length, steps, seed)
    for segment_length, steps in ((1, 600), (2, 600), (4, 600), (10, 600), (2, 1200), (4, 1200))
    for seed in SEEDS
)

Measure = Callable[[Run], dict[str, Any]]


def measure(run: Run) -> dict[str, Any]:
    """Train one model and return its card."""
    kind, task, config, recipe = from_card(pretrained.card("shell-feedback"))
    config = replace(config, segment_length=run.segment_length)
    recipe = replace(recipe, steps=run.steps, seed=run.seed)
    return train_and_measure(kind, task, config, recipe, progress=False)[1]


def outcome(run: Run, card: dict[str, Any]) -> dict[str, Any]:
    """Return the row of one run: what it was, and its accuracy by the length of the game."""
    accuracy = {length: round(right, 3) for length, right in card["accuracy_by_length"].items()}
    return {**run._asdict(), "accuracy_by_length": accuracy}


def make_record(plan: Sequence[Run], measure_run: Measure = measure) -> dict[str, Any]:
    """Measure every run of a plan and return the record."""
    cards = []
    for run in plan:
        cards.append(measure_run(run))
        print(outcome(run, cards[-1]), file=sys.stderr)
    shared = cards[0]
    own = set(Run._fields)
    return {
        "task": shared["task"],
        "model": shared["model"],
        "config": {name: value for name, value in shared["config"].items() if name not in own},
        "recipe": {name: value for name, value in shared["recipe"].items() if name not in own},
        "evaluation": shared["evaluation"],
        "parameters": shared["parameters"],
        "runs": [outcome(run, card) for run, card in zip(plan, cards, strict=True)],
        "versions": shared["versions"],
    }


def disagreements(recorded: dict[str, Any], measured: dict[str, Any]) -> list[str]:
    """Return where two records tell different things. Versions may differ, and accuracies a little."""
    complaints = [
        f"{name} is {recorded.get(name)} in the record, but {measured[name]} now"
        for name in ("task", "model", "config", "recipe", "evaluation", "parameters")
        if recorded.get(name) != json.loads(json.dumps(measured[name]))
    ]
    rows = {Run(**{name: row[name] for name in Run._fields}): row["accuracy_by_length"] for row in recorded["runs"]}
    for row in measured["runs"]:
        run = Run(**{name: row[name] for name in Run._fields})
        if run not in rows:
            complaints.append(f"{run} is not in the record")
            continue
        for length, right in row["accuracy_by_length"].items():
            if not abs(rows[run].get(length, float("nan")) - right) <= TOLERANCE:
                complaints.append(f"{run}: accuracy at {length} is {rows[run].get(length)} in the record, {right} now")
    return complaints


def write(root: Path, record: dict[str, Any]) -> None:
    """Write the record."""
    (root / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def check(root: Path, measured: dict[str, Any]) -> list[str]:
    """Say where the written record does not hold."""
    return disagreements(json.loads((root / RECORD).read_text(encoding="utf-8")), measured)


def main(arguments: list[str] | None = None, root: Path = ROOT, measure_run: Measure = measure) -> int:
    """Run the command line and return the exit status."""
    # One thread: sums are then taken in one order, and the same command gives the same record on one machine.
    torch.set_num_threads(1)
    return write_or_check(
        arguments,
        root,
        module="book.tools.segment_record",
        summary=__doc__.split("\n")[0],
        files=str(RECORD),
        make=partial(make_record, PLAN, measure_run),
        write=write,
        check=check,
        size=lambda record: f"{len(record['runs'])} runs",
    )


if __name__ == "__main__":
    sys.exit(main())
