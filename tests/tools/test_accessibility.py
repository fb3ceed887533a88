"""The page on accessibility names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_line_names_a_test_that_is_there() -> None:
    text = (ROOT / "book" / "accessibility.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d.*\|$", text, re.MULTILINE)
    assert len(rows) >= 10
    for row in rows:
        named = re.findall(r"`(test_[^`]+\.py)`", row.split("|")[3])
        assert named, row
        assert [name for name in named if not list((ROOT / "tests").rglob(name))] == []
