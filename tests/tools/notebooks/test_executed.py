"""What is noted of each execution holds for the chapters as they are, and is told on its page and at each foot."""

import json
import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from book.tools.notebooks import executed
from book.tools.notebooks.executed import ROOT, Execution, checksum, complaints, execution, in_words, note, read_record
from book.tools.notebooks.notebook import Json, dumps
from tests.notebooks.building import code, markdown, notebook

PINS = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE))
FIRST, SECOND = "00-first", "01-second"
HERE = {name: version(name).partition("+")[0] for name in executed.PACKAGES}


def content(line: str = "1 + 1", text: str = "Some text.") -> Json:
    return notebook(markdown(text), code(line))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A book of two chapters, both noted."""
    for folder in ("book", "chapters"):
        (tmp_path / folder).mkdir()
    (tmp_path / executed.PAGE).write_text("# A\n\n<!-- executions -->\n\nnone\n\n<!-- end of executions -->\n\nB\n")
    for name in (SECOND, FIRST):
        path = tmp_path / "chapters" / f"{name}.ipynb"
        path.write_text(dumps(content()))
        note(path, execution(content(), 7.4), tmp_path)
    return tmp_path


def files(root: Path) -> tuple[bytes, bytes]:
    return (root / executed.RECORD).read_bytes(), (root / executed.PAGE).read_bytes()


def test_the_books_record_holds() -> None:
    assert complaints(PINS) == []


def test_an_execution_is_noted_in_record_and_page(root: Path) -> None:
    record = read_record(root)
    assert list(record) == [FIRST, SECOND]
    assert record[FIRST].seconds == 7
    assert record[FIRST].packages == HERE
    page = (root / executed.PAGE).read_text()
    assert f"With Python {record[FIRST].python}, PyTorch {HERE['torch']}, einops {HERE['einops']}, Jupyter Book" in page
    assert f"[{FIRST}](../chapters/{FIRST}.ipynb) | {in_words(record[FIRST].day)} | 7 |" in page
    assert "Together 14 CPU seconds." in page
    assert page.startswith("# A\n")
    assert page.endswith("\n\nB\n")
    assert complaints(HERE, root) == []


def test_the_same_execution_on_the_same_day_changes_no_byte(root: Path) -> None:
    before = files(root)
    note(root / "chapters" / f"{FIRST}.ipynb", execution(content(), 99), root)
    assert files(root) == before


@pytest.mark.parametrize(
    "change", [{"day": "2020-02-03"}, {"python": "3.99.0"}, {"packages": HERE | {"torch": "9.9"}}, {"code": "0"}]
)
def test_another_day_code_or_version_is_noted_with_its_seconds(root: Path, change: dict[str, Any]) -> None:
    new = replace(execution(content(), 99), **change)
    note(root / "chapters" / f"{FIRST}.ipynb", new, root)
    assert read_record(root)[FIRST] == new
    assert (root / executed.PAGE).read_text().count("With Python") == (
        2 if {"python", "packages"} & change.keys() else 1
    )
    assert read_record(root)[SECOND].seconds == 7


def test_what_is_no_chapter_is_not_noted(root: Path, tmp_path: Path) -> None:
    before = files(root)
    note(tmp_path / "05-other.ipynb", execution(content(), 1), root)
    assert files(root) == before


def test_a_chapter_that_is_gone_leaves_the_record(root: Path) -> None:
    (root / "chapters" / f"{SECOND}.ipynb").unlink()
    assert complaints(HERE, root) == [f"{SECOND} is no chapter"]
    note(root / "chapters" / f"{FIRST}.ipynb", execution(content(), 1), root)
    assert list(read_record(root)) == [FIRST]


def test_changed_code_is_told_and_changed_text_is_not(root: Path) -> None:
    path = root / "chapters" / f"{FIRST}.ipynb"
    path.write_text(dumps(content(text="Other text.")))
    assert complaints(HERE, root) == []
    path.write_text(dumps(content("1 + 2")))
    assert complaints(HERE, root) == [f"{FIRST} has changed since it was executed"]


def test_a_new_chapter_and_another_pin_are_told(root: Path) -> None:
    (root / "chapters" / "02-new.ipynb").write_text(dumps(content()))
    found = complaints(HERE | {"torch": "9.9"}, root)
    assert f"{FIRST} was executed with torch {HERE['torch']}, but 9.9 is pinned" in found
    assert "02-new was never executed" in found
    assert len(found) == 3


@pytest.mark.parametrize("edited", [executed.PAGE, executed.RECORD])
def test_a_page_that_does_not_show_the_record_is_told(root: Path, edited: Path) -> None:
    text = (root / edited).read_text()
    changed = text.replace("| 7 |", "| 3 |").replace('"seconds": 7', '"seconds": 3')
    assert changed != text
    (root / edited).write_text(changed)
    assert complaints(HERE, root) == [f"{executed.PAGE} does not show the record"]


def test_a_checksum_is_of_code_alone() -> None:
    assert checksum(content()) == checksum(content(text="Other text."))
    assert checksum(content()) != checksum(content("1 + 2"))
    assert checksum(notebook(code("a"), code("b"))) != checksum(notebook(code("b"), code("a")))


def test_days_are_told_in_words() -> None:
    assert in_words("2026-03-07") == "7 March 2026"


def test_the_record_is_read_as_it_was_written(root: Path) -> None:
    entry = json.loads((root / executed.RECORD).read_text())[FIRST]
    assert Execution(**entry) == read_record(root)[FIRST]
