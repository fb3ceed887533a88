"""The rehearsal: what it reads in a plan, what it refuses, what it runs; and the minutes that the plans promise."""

import ast
import builtins
import json
import re
from pathlib import Path

import pytest

from book.tools import rehearse
from book.tools.notebooks.notebook import ROOT, NotebookError
from book.tools.rehearse import PAGE, PLANS, Link, PlanError, UnknownAnchorError, main, read_plan, sections_of

HEAD = "| from | minutes | what | with Python | without |\n|---|---|---|---|---|\n"
TINY = "../chapters/01-tiny.ipynb"
BLANKS = "#@title Exercise on the page"


def code_of(link: Link) -> list[str]:
    """The code cells of a section."""
    cells = json.loads((ROOT / link.path).read_text(encoding="utf-8"))["cells"]
    return ["".join(cells[at]["source"]) for at in sections_of(ROOT / link.path)[link.anchor].cells]


def names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell makes, and those that it uses."""
    tree = ast.parse(re.sub(r"(?m)^( *)%.*", r"\1pass", source))
    made, used = set[str](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            made.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, ast.FunctionDef):
            made.add(node.name)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
    return made, used


def notebook(folder: Path, *cells: str) -> None:
    """A chapter of these cells; those that begin with a number sign and a blank are text."""
    kinds = ["markdown" if cell.startswith("# ") or cell.startswith("##") else "code" for cell in cells]
    written = [
        {"id": f"cell-{number}", "cell_type": kind, "metadata": {}, "source": cell}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for number, (kind, cell) in enumerate(zip(kinds, cells, strict=True))
    ]
    path = folder / "chapters" / "01-tiny.ipynb"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": written}))


def plan(folder: Path, *rows: str) -> Path:
    path = folder / "workshop.md"
    path.write_text("# Guide\n\n## 90 minutes: mine\n\n" + HEAD + "".join(f"{row}\n" for row in rows))
    return path


def chapter(folder: Path) -> None:
    notebook(
        folder,
        "# 1. Tiny\n\nOne two three.",
        "x = 1",
        "## First part\n\n" + "word " * 360,
        "x += 1\n\n\ny = 2",
        "### Exercise 1.1 — More\n*difficulty 1 of 5 · importance 1 of 5 · 7 minutes*\n\nDo it.",
        "assert x == 2",
        "## Last part",
        "raise RuntimeError('never asked for')",
    )


def test_sections_have_the_cells_and_minutes_of_their_own(tmp_path: Path) -> None:
    chapter(tmp_path)
    found = sections_of(tmp_path / "chapters" / "01-tiny.ipynb")
    assert {anchor: section.cells for anchor, section in found.items()} == {
        "": (1,),
        "first-part": (3,),
        "exercise-1-1": (5,),
        "last-part": (7,),
    }
    assert found["first-part"].minutes == 3  # 360 words in two minutes, two lines of code, rounded up
    assert found["exercise-1-1"].minutes == 7


def test_a_row_is_read(tmp_path: Path) -> None:
    page = plan(
        tmp_path,
        f'| 0:05 | 12 | **play**; <a href="../slides.html#3">slide 3</a> | [part]({TINY}#first-part) (3); '
        f'<a href="../figures/01-duel.html">duel</a> (9) | *with* blanks |',
    )
    (slot,) = read_plan("90", page)
    assert (slot.start, slot.minutes, slot.what) == ("0:05", 12, "play; slide 3")
    assert slot.links == (Link(TINY[3:], "first-part", 3), Link("figures/01-duel.html", "", 9))
    assert slot.sections == [slot.links[0]]
    assert slot.without == "with blanks"


def test_it_runs_what_is_asked_for_and_what_stands_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chapter(tmp_path)
    page = plan(
        tmp_path,
        f"| 0:00 | 5 | start | [top]({TINY}) (1) | |",
        "| 0:05 | 5 | break | | |",
        f"| 0:10 | 7 | work | exercise [1.1]({TINY}#exercise-1-1) (7) | |",
    )
    rehearse.rehearse("90", page, tmp_path)
    rows = re.findall(r"^ *(\d:\d\d) +(\d+) +(\d+) +([\d.]+) +([\d.]+)  (.*)$", capsys.readouterr().out, re.MULTILINE)
    assert [(start, cells, what) for start, _, cells, _, _, what in rows] == [
        ("0:00", "1", "start"),
        ("0:05", "0", "break"),
        ("0:10", "2", "work"),
    ]
    assert all(float(linked) <= float(seconds) for _, _, _, seconds, linked, _ in rows)


def test_a_cell_that_fails_is_named(tmp_path: Path) -> None:
    chapter(tmp_path)
    page = plan(tmp_path, f"| 0:00 | 5 | end | [last]({TINY}#last-part) | |")
    with pytest.raises(NotebookError, match=r"01-tiny\.ipynb: cell 8 \(cell-7\): RuntimeError: never asked for"):
        rehearse.rehearse("90", page, tmp_path)


def test_an_unknown_section_is_named_before_anything_runs(tmp_path: Path) -> None:
    chapter(tmp_path)
    page = plan(
        tmp_path, f"| 0:00 | 5 | end | [last]({TINY}#last-part) | |", f"| 0:05 | 5 | lost | [x]({TINY}#gone) | |"
    )
    with pytest.raises(UnknownAnchorError, match=r"0:05 lost: chapters/01-tiny\.ipynb has no #gone; it has #first-pa"):
        rehearse.rehearse("90", page, tmp_path)


def test_an_unknown_chapter_and_an_unknown_plan_are_named(tmp_path: Path) -> None:
    page = plan(tmp_path, f"| 0:00 | 5 | end | [last]({TINY}#last-part) | |")
    with pytest.raises(PlanError, match=r"0:00 end: there is no chapters/01-tiny\.ipynb"):
        rehearse.rehearse("90", page, tmp_path)
    with pytest.raises(PlanError, match="no plan 'weekend': it must be one of 90, half-day"):
        read_plan("weekend", page)
    with pytest.raises(PlanError, match=r'workshop\.md has no heading "## Half a day \.\.\." with a table of slots'):
        read_plan("half-day", page)


def test_the_command_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(name: str) -> None:
        raise UnknownAnchorError("0:05 lost")

    monkeypatch.setattr(rehearse, "show_minutes", fail)
    assert main(["90", "--minutes"]) == 1
    assert capsys.readouterr().err == "UnknownAnchorError: 0:05 lost\n"


# ---- the plans of the book


@pytest.mark.parametrize(("name", "minutes"), [("90", 90), ("half-day", 210)])
def test_slots_follow_one_another_and_fill_the_time(name: str, minutes: int) -> None:
    now = 0
    for slot in read_plan(name):
        hours, rest = slot.start.split(":")
        assert 60 * int(hours) + int(rest) == now, slot.what
        now += slot.minutes
    assert now == minutes


@pytest.mark.parametrize("name", PLANS)
def test_minutes_of_sections_are_those_that_the_rule_counts(name: str) -> None:
    wrong = [
        (slot.start, link, by_rule)
        for slot in read_plan(name)
        for link, by_rule in rehearse.counted(slot)
        if link.minutes is None or by_rule not in (None, link.minutes)
    ]
    assert wrong == []


def test_minutes_within_a_slot_add_up_to_it() -> None:
    rows = re.findall(r"^\| *\d+:\d\d *\| *(\d+) *\|([^|]*)\|([^|]*)\|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == sum(len(read_plan(name)) for name in PLANS)
    for minutes, what, work in rows:
        parts = [int(part) for part in re.findall(r" \((\d+)\)", work)]
        assert sum(parts) == int(minutes) or what.strip() == "break", what


@pytest.mark.parametrize("name", PLANS)
def test_every_slot_works_without_python(name: str) -> None:
    """Each exercise has blanks where its link leads to; every other slot says what is done without."""
    for slot in read_plan(name):
        exercises = [link for link in slot.sections if link.anchor.startswith("exercise-")]
        assert (slot.without == "with blanks") == bool(exercises), slot.what
        assert slot.without or slot.what == "break"
        for link in exercises:
            assert any(source.startswith(BLANKS) for source in code_of(link)), link


@pytest.mark.parametrize("name", PLANS)
def test_an_exercise_needs_the_first_two_cells_alone(name: str) -> None:
    """So the guide promises; no name in its cells comes from anywhere else."""
    for slot in read_plan(name):
        for link in slot.sections:
            if link.anchor.startswith("exercise-"):
                first = code_of(Link(link.path, "", None))[:2]
                assert [source.split("\n")[0] for source in first] == ["#@title Set-up", "#@title Imports"]
                known = set(dir(builtins)).union(*(names(source)[0] for source in first))
                for source in code_of(link)[1:3]:  # to write, and the solution
                    made, used = names(source)
                    known |= made
                    assert used <= known, (link, used - known)


def test_the_rule_is_said_beside_the_plans() -> None:
    text = (ROOT / "book" / "workshop.md").read_text(encoding="utf-8")
    assert f"its words / {rehearse.WORDS_A_MINUTE} + its lines of code / {rehearse.LINES_A_MINUTE}" in text
    assert all(f"python -m book.tools.rehearse {name}" in text or f"`{name}`" in text for name in PLANS)
