"""Exercises and chapters belong together: each is asked once, unsolved, and answered once, in a folded cell."""

import re
from collections import Counter
from pathlib import Path

import pytest

from book.tools.notebooks.notebook import Json, chapters, is_code, read, tags
from feedback_lite.lesson.exercises import EXERCISES

HEADING = re.compile(
    r"^### Exercise \d+\.\d+ — .+\n\*difficulty [1-5] of 5 · importance [1-5] of 5 · \d+ minutes\*$", re.MULTILINE
)


def cells_of(chapter: Path) -> list[Json]:
    """Return the cells of a chapter."""
    _, notebook = read(chapter)
    return list(notebook["cells"])


def asked_in(chapter: Path, *, solved: bool) -> list[str]:
    """Return the names of the exercises that the chapter's cells check, in solution cells or in the others."""
    return [
        name
        for cell in cells_of(chapter)
        if is_code(cell) and ("solution" in tags(cell)) == solved
        for name in re.findall(r'^check\("([\w-]+)"', cell["source"], re.MULTILINE)
    ]


@pytest.mark.parametrize("solved", [False, True], ids=["asked", "solved"])
def test_every_exercise_stands_in_exactly_one_chapter(solved: bool) -> None:
    found = Counter(name for chapter in chapters() for name in asked_in(chapter, solved=solved))
    assert found == Counter(list(EXERCISES))


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.stem)
def test_nothing_is_said_of_what_nobody_has_touched_and_every_solution_is_right(chapter: Path) -> None:
    for cell in cells_of(chapter):
        names = re.findall(r'^check\("([\w-]+)"', cell["source"], re.MULTILINE) if is_code(cell) else []
        if names and "solution" in tags(cell):
            printed = "".join(output["text"] for output in cell["outputs"])
            assert printed.startswith(f"{names[0]}: right, on all")
        elif names:
            assert cell["outputs"] == []


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.stem)
def test_every_exercise_has_a_heading_and_hints(chapter: Path) -> None:
    prose = "\n".join(cell["source"] for cell in cells_of(chapter) if cell["cell_type"] == "markdown")
    assert len(HEADING.findall(prose)) == len(asked_in(chapter, solved=False))
    for section in re.split(r"^### Exercise ", prose, flags=re.MULTILINE)[1:]:
        hints = re.findall(r"<summary>(Hint[ \d]*)</summary>", section)
        assert hints in (["Hint"], ["Hint 1", "Hint 2", "Hint 3"])
