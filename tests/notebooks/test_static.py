"""What can be said of every committed chapter without executing it."""

from pathlib import Path

import pytest

from book.tools.notebooks.notebook import chapters
from book.tools.notebooks.rules import Chapter, faults


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_committed_chapter_keeps_every_rule(path: Path) -> None:
    assert faults(Chapter.read(path)) == []
