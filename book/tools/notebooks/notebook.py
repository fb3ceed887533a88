"""A notebook: its file, its cells, and its widget models."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import nbjson

ROOT = Path(__file__).resolve().parents[3]

Json = dict[str, Any]

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# What a widget's state writes before the id of another widget.
REFERENCE = "IPY_MODEL_"


class NotebookError(Exception):
    """A notebook that cannot be read or executed; the message names it and says why."""


def chapters(root: Path = ROOT) -> list[Path]:
    """Return every chapter in order.

    Raises:
        NotebookError: there is none, so that nothing would be checked.
    """
    found = sorted((root / "chapters").glob("*.ipynb"))
    if not found:
        raise NotebookError(f"no notebook in {root / 'chapters'}: expected files such as 05-name.ipynb")
    return found


def read(path: Path) -> tuple[str, Json]:
    """Return the text of a notebook's file and what it holds, with multi-line strings joined.

    Raises:
        NotebookError: there is no such file, or it is not a notebook of format 4.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError) as error:
        raise NotebookError(f"{path}: not a readable notebook: {error}") from error
    if not isinstance(content, dict) or content.get("nbformat") != 4 or "cells" not in content:
        raise NotebookError(f"{path}: expected a notebook of format 4 with cells")
    return text, as_node(content)


def dumps(notebook: Json) -> str:
    """Return the text of a notebook's file: keys sorted, indented by one, a newline at the end."""
    text: str = nbjson.writes(as_node(notebook), allow_nan=False)  # type: ignore[no-untyped-call]
    return text + "\n"


def as_node(notebook: Json) -> NotebookNode:
    """Return a copy of a notebook as nbformat and nbclient want it, with multi-line strings joined."""
    node: NotebookNode = nbjson.to_notebook(copy.deepcopy(notebook))  # type: ignore[no-untyped-call]
    return node


def tags(cell: Json) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def is_code(cell: Json) -> bool:
    """Return whether this is a code cell."""
    return bool(cell["cell_type"] == "code")


def is_volatile(cell: Json) -> bool:
    """Return whether the outputs of this cell differ from run to run and are not stored."""
    return is_code(cell) and "volatile" in tags(cell)


def cell_name(index: int, cell: Json) -> str:
    """Return how a message names a cell: its number from the top, counted from one, and its id."""
    return f"cell {index + 1} ({cell.get('id', 'no id')})"


def widget_models(notebook: Json) -> Json:
    """Return the stored widget models by id; none where the notebook holds none."""
    stored = notebook.get("metadata", {}).get("widgets", {}).get(WIDGET_STATE, {})
    return dict(stored.get("state", {}))


def model_ids(value: Any) -> Iterator[str]:
    """Yield the ids of the widget models that a piece of a notebook shows or refers to, in order."""
    if isinstance(value, str) and value.startswith(REFERENCE):
        yield value.removeprefix(REFERENCE)
    elif isinstance(value, list):
        for item in value:
            yield from model_ids(item)
    elif isinstance(value, dict):
        for key in sorted(value):
            if key == WIDGET_VIEW:
                yield value[key]["model_id"]
            else:
                yield from model_ids(value[key])
