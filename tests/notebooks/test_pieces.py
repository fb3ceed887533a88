"""Every piece of the model is shown and checked in exactly one chapter; no chapter gives its name to anything else."""

import ast
import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

import feedback_lite

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("*.ipynb"))
MODULES = ("positions", "mask", "attention", "memory", "feedforward", "block")
PIECES = [
    name
    for name in feedback_lite.__all__
    if getattr(feedback_lite, name).__module__.removeprefix("feedback_lite.") in MODULES
]


def code_of(chapter: Path) -> list[str]:
    """Return the sources of the code cells, the set-up cell's magic left out."""
    cells = json.loads(chapter.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [re.sub(r"^(\s*)%", r"\1pass  # %", source, flags=re.MULTILINE) for source in sources]


def shown_in() -> dict[str, list[str]]:
    """Return the chapters that show the source of each piece."""
    found: dict[str, list[str]] = defaultdict(list)
    for chapter in CHAPTERS:
        for name in re.findall(r"show_source\((\w+)\)", "\n".join(code_of(chapter))):
            found[name].append(chapter.stem)
    return found


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_is_shown_and_checked_in_exactly_one_chapter(piece: str) -> None:
    chapters = shown_in()[piece]
    assert len(chapters) == 1
    chapter = next(path for path in CHAPTERS if path.stem == chapters[0])
    used = [source for source in code_of(chapter) if re.search(rf"\b{piece}\b", source)]
    assert any("agree(" in source for source in code_of(chapter))
    # Beside the import and the source that is shown, some cell calls it or hands it to `agree`.
    assert len(used) >= 3


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_no_chapter_gives_the_name_of_a_piece_to_something_else(chapter: Path) -> None:
    defined = {
        node.name
        for source in code_of(chapter)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    assert defined & set(feedback_lite.__all__) == set()
