"""Where a chapter's card has its minutes, and what is said where it has none."""

import json
from pathlib import Path

import pytest

from book.site.front import Card, read_card


def write(folder: Path, text: str) -> Path:
    path = folder / "05-mine.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": text.splitlines(keepends=True)}]}))
    return path


@pytest.mark.parametrize(
    ("time", "card", "words"),
    [
        ("60 minutes with all exercises, 25 without.", (25, 35), "25 minutes + 35 of exercises"),
        ("15 minutes. The rocket above runs the code.", (15, 0), "15 minutes"),
    ],
)
def test_minutes_are_read(time: str, card: tuple[int, int], words: str, tmp_path: Path) -> None:
    found = read_card(write(tmp_path, f"# 5. Mine\n\n- **Time**: {time}\n"))
    assert found == Card(5, "Mine", *card)
    assert found.time == words


@pytest.mark.parametrize("text", ["# Mine\n\n**Time**: 5 minutes", "# 5. Mine\n\nTime: 5 minutes", ""])
def test_a_card_without_minutes_or_number_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'05-mine\.ipynb must begin with a title such as "# 5\. Feedback memory"'):
        read_card(write(tmp_path, text))
