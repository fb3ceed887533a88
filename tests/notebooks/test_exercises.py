"""Exercises and chapters belong together: each is asked once, unsolved, and answered once, in a folded cell."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from feedback_lite.lesson.exercises import EXERCISES

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("*.ipynb"))
HEADING = re.compile(
    r"^### Exercise \d+\.\d+ — .+\n\*difficulty [1-5] of 5 · importance [1-5] of 5 · \d+ minutes\*$", re.MULTILINE
)


def cells_of(chapter: Path) -> list[dict[str, object]]:
    """Return the cells of a chapter with their sources as single texts."""
    cells: list[dict[str, object]] = json.loads(chapter.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def asked_in(chapter: Path, *, solved: bool) -> list[str]:
    """Return the names of the exercises that the chapter's cells check, in solution cells or in the others."""
    return [
        name
        for cell in cells_of(chapter)
        if cell["cell_type"] == "code" and ("solution" in cell["metadata"].get("tags", [])) == solved
        for name in re.findall(r'^check\("([\w-]+)"', cell["source"], re.MULTILINE)
    ]


@pytest.mark.parametrize("solved", [False, True], ids=["asked", "solved"])
def test_every_exercise_stands_in_exactly_one_chapter(solved: bool) -> None:
    found = Counter(name for chapter in CHAPTERS for name in asked_in(chapter, solved=solved))
    assert found == Counter(list(EXERCISES))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_what_is_printed_is_unattempted_and_right(chapter: Path) -> None:
    for cell in cells_of(chapter):
        names = re.findall(r'^check\("([\w-]+)"', cell["source"], re.MULTILINE) if cell["cell_type"] == "code" else []
        if names:
            printed = "".join(text for output in cell["outputs"] for text in output["text"])
            solved = "solution" in cell["metadata"].get("tags", [])
            expected = "right, on all" if solved else "nothing came back yet"
            assert printed.startswith(f"{names[0]}: {expected}")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_every_exercise_has_a_heading_and_hints(chapter: Path) -> None:
    prose = "\n".join(cell["source"] for cell in cells_of(chapter) if cell["cell_type"] == "markdown")
    assert len(HEADING.findall(prose)) == len(asked_in(chapter, solved=False))
    for section in re.split(r"^### Exercise ", prose, flags=re.MULTILINE)[1:]:
        hints = re.findall(r"<summary>(Hint[ \d]*)</summary>", section)
        assert hints in (["Hint"], ["Hint 1", "Hint 2", "Hint 3"])
