"""What can be said of every committed chapter without executing it."""

import re
from pathlib import Path

import pytest
from mdit_py_plugins.anchors.index import slugify

from book.tools.notebooks.notebook import chapters
from book.tools.notebooks.rules import Chapter, faults

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_committed_chapter_keeps_every_rule(path: Path) -> None:
    assert faults(Chapter.read(path)) == []


def test_words_lead_to_the_chapter_that_explains_them() -> None:
    """What a chapter looks up in the list of words has a link from there to a section."""
    words = (ROOT / "book" / "notation.md").read_text(encoding="utf-8").split("\n## Words\n")[1]
    entries = {slugify(entry.split("\n")[0]): entry for entry in words.split("\n### ")[1:]}
    looked_up = {
        name
        for chapter in chapters()
        for name in re.findall(r"notation\.md#([\w-]+)", chapter.read_text(encoding="utf-8"))
        if name in entries
    }
    assert len(looked_up) > 60
    to_a_section = re.compile(r"\]\(\.\./chapters/\S+\.ipynb#\S+\)$", re.MULTILINE)
    assert {name for name in looked_up if not to_a_section.search(entries[name])} == set()
