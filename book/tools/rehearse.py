"""Rehearse a workshop: run the code of a plan in its order, and say how long each slot keeps this machine busy.

    python -m book.tools.rehearse 90               the plan for 90 minutes
    python -m book.tools.rehearse half-day         the plan for half a day
    python -m book.tools.rehearse 90 --minutes     run nothing: what a reader needs for each link, by the book's rule

A slot is a row of the plan's table in ``book/workshop.md``. It asks for the sections that it links to; what stands
before them in the same chapter runs too, as on the day. Figures run in the browser, so they cost no seconds here.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from book.site.finding import slug
from book.tools.notebooks.form import clear_outputs
from book.tools.notebooks.notebook import ROOT, Json, NotebookError, cell_name, is_code, read, tags
from book.tools.notebooks.reading import (
    EXERCISE_MINUTES,
    FOLD,
    FOLDED,
    LINES_A_MINUTE,
    WORDS_A_MINUTE,
    asks,
    lines_of,
    words,
)
from book.tools.notebooks.run import Progress, build_font_cache, error_text, kernel_environment, new_client

PAGE = ROOT / "book" / "workshop.md"
PLANS = {"90": "90 minutes", "half-day": "Half a day"}
"""What the command calls a plan, and how its heading begins."""

HEADING = re.compile(r"^#{1,6} (.*)$", re.MULTILINE)
ROW = re.compile(r"^\| *(?P<start>\d+:\d\d) *\| *(?P<minutes>\d+) *\|(?P<rest>.*)\|$")
SECTION = re.compile(r"\[(?P<text>[^\]]*)\]\(\.\./(?P<path>chapters/[\w-]+\.ipynb)(?:#(?P<anchor>[\w-]+))?\)")
FIGURE = re.compile(r'<a href="\.\./(?P<path>figures/[\w-]+\.html)">(?P<text>[^<]*)</a>')
MINUTES = re.compile(r" \((\d+)\)")
"""What stands behind a link: the minutes that the plan gives it."""
NOTE = re.compile(r"<[^>]*>|\[([^\]]*)\]\([^)]*\)|[*`]")
TOP = ""
"""The anchor of what stands above a chapter's first section: its card, set-up and imports."""


class PlanError(ValueError):
    """A plan that cannot be rehearsed; the message names the slot and says why."""


class UnknownAnchorError(PlanError):
    """A plan that leads to a section that its chapter does not have."""


@dataclass(frozen=True)
class Link:
    """Where a slot leads: a file of the site or the repository, the section there, and the minutes it is given."""

    path: str
    anchor: str
    minutes: int | None

    @property
    def is_section(self) -> bool:
        """Return whether this is a section of a chapter, and not a figure's own page."""
        return self.path.endswith(".ipynb")


@dataclass(frozen=True)
class Slot:
    """One row of a plan: when it starts, how long it is, what happens, where it leads, what is done without Python."""

    start: str
    minutes: int
    what: str
    links: tuple[Link, ...]
    without: str

    @property
    def sections(self) -> list[Link]:
        """What it links to in chapters."""
        return [link for link in self.links if link.is_section]


@dataclass(frozen=True)
class Section:
    """Part of a chapter from one heading to the next: the numbers of its code cells, and a reader's minutes."""

    cells: tuple[int, ...]
    minutes: int


# ---- the plan


def read_plan(name: str, page: Path = PAGE) -> list[Slot]:
    """Return the slots of a plan.

    Raises:
        PlanError: there is no such plan, or its page has no table of slots for it.
    """
    if name not in PLANS:
        raise PlanError(f"no plan {name!r}: it must be one of {', '.join(PLANS)}")
    parts = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    plan = next((part for part in parts if part.startswith(PLANS[name])), "")
    slots = [slot_of(found) for line in plan.splitlines() if (found := ROW.match(line))]
    if not slots:
        raise PlanError(f'{page.name} has no heading "## {PLANS[name]} ..." with a table of slots below it')
    return slots


def slot_of(row: re.Match[str]) -> Slot:
    """Return what a row of the table says."""
    what, *columns = row["rest"].split("|")
    work, without = [*columns, "", ""][:2]
    return Slot(row["start"], int(row["minutes"]), plain(what), links_in(work), plain(without))


def plain(text: str) -> str:
    """Return the text of a cell of the table without its marks."""
    return " ".join(NOTE.sub(r"\1", text).split())


def links_in(text: str) -> tuple[Link, ...]:
    """Return the links to chapters and figures in a cell of the table, in their order."""
    found = sorted([*SECTION.finditer(text), *FIGURE.finditer(text)], key=lambda one: one.start())
    return tuple(Link(one["path"], one.groupdict().get("anchor") or TOP, given(text, one.end())) for one in found)


def given(text: str, end: int) -> int | None:
    """Return the minutes in parentheses right behind a link."""
    found = MINUTES.match(text, end)
    return int(found[1]) if found else None


# ---- what it leads to


@cache
def sections_of(chapter: Path) -> dict[str, Section]:
    """Return the sections of a chapter by their anchors; what stands above the first one is ``TOP``."""
    _, notebook = read(chapter)
    cells: dict[str, list[int]] = {TOP: []}
    prose: dict[str, str] = {TOP: ""}
    lines: dict[str, int] = {TOP: 0}
    now = TOP
    for index, cell in enumerate(notebook["cells"]):
        if is_code(cell):
            cells[now].append(index)
            lines[now] += 0 if FOLDED & set(tags(cell)) or asks(cell) else lines_of(cell)
        elif cell["cell_type"] == "markdown":
            before, *after = HEADING.split(cell["source"])
            prose[now] += before
            for title, text in zip(after[::2], after[1::2], strict=True):
                now = TOP if index == 0 and title == after[0] else slug(title)
                cells.setdefault(now, [])
                lines.setdefault(now, 0)
                prose[now] = prose.get(now, "") + text
    return {anchor: Section(tuple(cells[anchor]), minutes_of(prose[anchor], lines[anchor])) for anchor in cells}


def minutes_of(prose: str, lines: int) -> int:
    """Return a reader's whole minutes: those that an exercise names for itself, else by words and lines of code."""
    exercise = EXERCISE_MINUTES.search(prose)
    if exercise:
        return int(exercise[1])
    return math.ceil(words(FOLD.sub("", prose)) / WORDS_A_MINUTE + lines / LINES_A_MINUTE)


def find(link: Link, slot: Slot, root: Path = ROOT) -> Section:
    """Return the section that a slot leads to.

    Raises:
        PlanError: there is no such chapter.
        UnknownAnchorError: the chapter has no such section.
    """
    chapter = root / link.path
    if not chapter.is_file():
        raise PlanError(f"{slot.start} {slot.what}: there is no {link.path}")
    sections = sections_of(chapter)
    if link.anchor not in sections:
        known = ", ".join(f"#{anchor}" for anchor in sections if anchor)
        raise UnknownAnchorError(f"{slot.start} {slot.what}: {link.path} has no #{link.anchor}; it has {known}")
    return sections[link.anchor]


def cells_of(slots: list[Slot], root: Path = ROOT) -> Iterator[tuple[Slot, str, list[int], set[int]]]:
    """Yield for each slot and chapter the cells that it needs and no earlier slot did, and those it links to."""
    done: dict[str, int] = {}
    for slot in slots:
        asked: dict[str, set[int]] = {}
        for link in slot.sections:
            asked.setdefault(link.path, set()).update(find(link, slot, root).cells)
        for path, cells in asked.items():
            first, last = done.get(path, 0), max(cells, default=-1) + 1
            done[path] = max(first, last)
            yield slot, path, list(range(first, last)), cells


# ---- the run


def run_cells(chapter: Path, last: int, python: str = sys.executable) -> dict[int, float]:
    """Run the code of a chapter up to a cell, this one too, in a kernel of its own; return the seconds of each cell.

    Raises:
        NotebookError: a cell raised an error or took too long, or the kernel died.
    """
    _, notebook = read(chapter)
    shortened: Json = {**notebook, "cells": notebook["cells"][: last + 1]}
    seconds: dict[int, float] = {}
    started: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as scratch:
        folder = Path(scratch) / "empty"
        folder.mkdir()
        client = new_client(clear_outputs(shortened), python, Path(scratch), Progress())

        def before(cell: Json, cell_index: int) -> None:
            started[cell_index] = time.monotonic()

        def after(cell: Json, cell_index: int, execute_reply: Json) -> None:
            seconds[cell_index] = time.monotonic() - started[cell_index]

        client.on_cell_start, client.on_cell_executed = before, after
        try:
            client.execute(cleanup_kc=True, cwd=str(folder), env=kernel_environment(Path(scratch)))
        except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
            index = max(started, default=None)
            where = "the kernel" if index is None else cell_name(index, notebook["cells"][index])
            raise NotebookError(f"{chapter.name}: {where}: {error_text(error)}") from error
    return seconds


def rehearse(name: str, page: Path = PAGE, root: Path = ROOT) -> None:
    """Run the code of a plan and print the seconds of each slot."""
    slots = read_plan(name, page)
    needs = list(cells_of(slots, root))  # every link is known before anything runs
    lasts: dict[str, int] = {}
    for _, path, cells, _ in needs:
        lasts[path] = max(lasts.get(path, -1), *cells, -1)
    seconds = {}
    for path, last in lasts.items():
        print(f"running {path} ...", file=sys.stderr, flush=True)
        seconds[path] = run_cells(root / path, last)
    print(f"{'from':>5} {'min':>4} {'cells':>6} {'seconds':>8} {'linked':>7}  slot")
    for slot in slots:
        mine = [(path, cells, linked) for one, path, cells, linked in needs if one is slot]
        ran = [(path, cell) for path, cells, _ in mine for cell in cells if cell in seconds[path]]
        linked = [(path, cell) for path, _, cells in mine for cell in sorted(cells) if cell in seconds[path]]
        busy, asked = (sum(seconds[path][cell] for path, cell in some) for some in (ran, linked))
        print(f"{slot.start:>5} {slot.minutes:>4} {len(ran):>6} {busy:>8.1f} {asked:>7.1f}  {slot.what}")
    total = sum(sum(one.values()) for one in seconds.values())
    print(f"{total:.0f} seconds in all. linked: the cells of the sections that the slot links to; seconds: also what")
    print("stands before them in the chapter and has not run yet.")


# ---- minutes


def counted(slot: Slot, root: Path = ROOT) -> list[tuple[Link, int | None]]:
    """Return the links of a slot with a reader's minutes by the rule; a figure has none."""
    return [(link, find(link, slot, root).minutes if link.is_section else None) for link in slot.links]


def show_minutes(name: str, page: Path = PAGE, root: Path = ROOT) -> None:
    """Print for each link of a plan the minutes that it is given and, where there is a rule, those counted."""
    for slot in read_plan(name, page):
        print(f"{slot.start} {slot.minutes} min  {slot.what}")
        for link, by_rule in counted(slot, root):
            told = "ours" if by_rule is None else f"counted {by_rule}"
            print(f"    {link.minutes if link.minutes is not None else '-':>3}  {told:<11}{link.path}#{link.anchor}")


def main(words: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m book.tools.rehearse", description="Rehearse a workshop's plan.")
    parser.add_argument("plan", choices=list(PLANS))
    parser.add_argument("--minutes", action="store_true", help="run nothing; print what a reader needs, by the rule")
    options = parser.parse_args(words)
    try:
        if options.minutes:
            show_minutes(options.plan)
        else:
            build_font_cache()
            rehearse(options.plan)
    except (PlanError, NotebookError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
