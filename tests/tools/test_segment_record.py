"""The record of training with segments: made of the plan, held against another measurement, written as it ships."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from book.tools import segment_record
from book.tools.segment_record import PLAN, RECORD, ROOT, Run, disagreements, main, make_record, measure
from feedback_lite import pretrained

RECORDED = json.loads((ROOT / RECORD).read_text(encoding="utf-8"))


def as_recorded(run: Run) -> dict[str, Any]:
    """Stand in for training: a card with the accuracy of the record."""
    card = copy.deepcopy(pretrained.card("shell-feedback"))
    card["config"]["segment_length"] = run.segment_length
    card["recipe"] |= {"steps": run.steps, "seed": run.seed}
    row = next(row for row in RECORDED["runs"] if Run(*(row[name] for name in Run._fields)) == run)
    return {**card, "accuracy_by_length": row["accuracy_by_length"]}


def test_the_record_follows_the_plan() -> None:
    made = make_record(PLAN, as_recorded)
    assert disagreements(RECORDED, made) == []
    assert [Run(*(row[name] for name in Run._fields)) for row in RECORDED["runs"]] == list(PLAN)


def test_a_run_gives_what_was_recorded() -> None:
    shortest = Run(segment_length=10, steps=600, seed=0)
    assert disagreements(RECORDED, make_record([shortest], measure)) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda record: record["runs"][0]["accuracy_by_length"].update({"20": 0.5}), "accuracy at 20 is 0.5 in the"),
        (lambda record: record["runs"][0]["accuracy_by_length"].pop("40"), "accuracy at 40 is None in the record"),
        (lambda record: record["runs"].pop(3), "is not in the record"),
        (lambda record: record["recipe"].update(length=10), "recipe is"),
        (lambda record: record.pop("parameters"), "parameters is None in the record"),
    ],
)
def test_a_record_that_does_not_hold_is_told(change: Any, complaint: str) -> None:
    changed = copy.deepcopy(RECORDED)
    change(changed)
    found = disagreements(changed, make_record(PLAN, as_recorded))
    assert any(complaint in line for line in found), found


def test_write_then_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / RECORD).parent.mkdir(parents=True)
    assert main(["write"], tmp_path, as_recorded) == 0
    assert main(["check"], tmp_path, as_recorded) == 0
    assert capsys.readouterr().out == f"wrote {RECORD}: {len(PLAN)} runs\n{len(PLAN)} runs hold\n"
    written = json.loads((tmp_path / RECORD).read_text())
    assert {**written, "versions": 0} == {**RECORDED, "versions": 0}


def test_check_fails_where_the_record_does_not_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / RECORD).parent.mkdir(parents=True)
    changed = copy.deepcopy(RECORDED)
    changed["runs"][0]["accuracy_by_length"]["20"] = 0.1
    (tmp_path / RECORD).write_text(json.dumps(changed))
    assert main(["check"], tmp_path, as_recorded) == 1
    assert "accuracy at 20 is 0.1" in capsys.readouterr().err


def test_the_plan_names_no_run_twice() -> None:
    assert len(set(PLAN)) == len(PLAN)
    assert {run.seed for run in PLAN} == set(segment_record.SEEDS)
