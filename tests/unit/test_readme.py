"""The README says what is so: its code runs and prints what it claims, its commands, files and colours are there."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from feedback_lite.widgets.palette import PALETTE

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURE = (ROOT / "book" / "picture.svg").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def claimed(block: str) -> str:
    """Return what a block says that it prints: the comments that follow its last statement."""
    lines = block.splitlines()
    claims = []
    while lines[-1].startswith("# "):
        claims.insert(0, lines.pop().removeprefix("# "))
    return "".join(f"{line}\n" for line in claims)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_code_runs_as_printed(block: str) -> None:
    assert claimed(block)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", block], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert (run.stdout, run.stderr, run.returncode) == (claimed(block), "", 0)


def test_the_first_screen_has_eight_lines_of_python() -> None:
    lines = [line for line in BLOCKS[0].splitlines() if line and not line.startswith("#")]
    assert len(lines) == 8
    first_screen = README.split("\n## ")[0]
    assert BLOCKS[0] in first_screen
    assert "**Not included**" in first_screen


def test_the_first_screen_leads_to_the_one_page_and_names_the_start_of_the_position_table() -> None:
    first_screen = README.split("\n## ")[0]
    for named in ("chapters/00-in-one-page.ipynb", "pip install", "bias_init"):
        assert named in first_screen


def test_the_front_page_has_the_same_quick_start() -> None:
    index = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    assert BLOCKS[0] in index
    assert "pip install git+" in index.split(BLOCKS[0])[0]


def test_the_front_page_opens_with_a_question_and_the_duel() -> None:
    """At most 25 words before it; after it the way into chapter 1, and the short one for those who know."""
    index = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    opening, rest = index.split("```{live-figure} ShellDuel")
    words = opening.split("---")[-1].replace("#", "").split()
    assert "?" in " ".join(words)
    assert len(words) <= 25
    begin = rest.split("```{begin}")[1].split("```")[0]
    assert [line.split(":")[0] for line in begin.split("\n")[1:-1]] == ["01-why-feedback", "00-in-one-page"]
    assert rest.index("{begin}") < rest.index("\n## ")


def test_commands_are_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)\b", README))
    assert {"book", "test"} <= named
    assert [name for name in sorted(named) if not re.search(rf"^{name}:", makefile, flags=re.MULTILINE)] == []


def test_local_files_exist() -> None:
    named = {*re.findall(r"\]\(([^):]+)\)", README), *re.findall(r'src(?:set)?="([^":]+)"', README)}
    named |= set(re.findall(r"^\| `([^`]+/)` \|", README, flags=re.MULTILINE))
    assert len(named) >= 7
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_picture_has_words() -> None:
    svg = ET.fromstring(PICTURE)
    words = {child.tag.rpartition("}")[2]: child for child in svg}
    assert svg.get("aria-labelledby", "").split() == [words["title"].get("id"), words["desc"].get("id")]


@pytest.mark.parametrize("name", ["picture.svg", "mark.svg", "duel.svg", "duel-still.svg"])
def test_pictures_have_the_books_colours(name: str) -> None:
    text = (ROOT / "book" / name).read_text(encoding="utf-8")
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    used = {}
    for theme, style in (("light", light), ("dark", dark)):
        used[theme] = dict(re.findall(r"var\(--fl-([a-z-]+), (#[0-9a-f]{6})\)", style))
        assert used[theme] == {name: getattr(PALETTE[name], theme) for name in used[theme]}
    assert used["light"].keys() == used["dark"].keys()
    assert len(re.findall(r"#[0-9a-fA-F]{3,8}\b", text)) == 2 * len(used["light"])
