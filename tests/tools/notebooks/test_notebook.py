"""The file of a notebook: its text, what is refused, and how its cells are named."""

from pathlib import Path

import pytest

from book.tools.notebooks.notebook import NotebookError, cell_name, chapters, dumps, read
from tests.notebooks.building import code, good, markdown, notebook, result


def test_the_text_has_sorted_keys_one_space_and_a_last_newline() -> None:
    text = dumps(good())
    assert text.startswith('{\n "cells": [\n')
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")
    assert "é" in dumps(notebook(markdown("é")))


def test_a_number_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        dumps(notebook(code("1", result(json={"x": float("nan")}))))


@pytest.mark.parametrize("text", ["", "[]", '{"nbformat": 3, "worksheets": []}', '{"nbformat": 4}'])
def test_what_is_no_notebook_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "05-name.ipynb"
    path.write_text(text)
    with pytest.raises(NotebookError, match=r"05-name\.ipynb"):
        read(path)
    with pytest.raises(NotebookError, match=r"missing\.ipynb"):
        read(tmp_path / "missing.ipynb")


def test_no_chapter_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="no notebook in"):
        chapters(tmp_path)


def test_chapters_come_in_order(tmp_path: Path) -> None:
    (tmp_path / "chapters").mkdir()
    for name in ("10-b.ipynb", "02-a.ipynb", "notes.md"):
        (tmp_path / "chapters" / name).write_text(dumps(good()))
    assert [path.name for path in chapters(tmp_path)] == ["02-a.ipynb", "10-b.ipynb"]


def test_cells_without_a_kernel_of_any_kind_are_named_by_number_and_id() -> None:
    assert cell_name(2, code("1") | {"id": "abc"}) == "cell 3 (abc)"
    assert cell_name(0, {**markdown("x"), "id": "t"}) == "cell 1 (t)"
