"""Measurements that take minutes: made once by a command, shipped as JSON, and read by the chapters."""

import json
from importlib.resources import files
from typing import Any

from feedback_lite.config import check_choice

FOLDER = files("feedback_lite") / "records"


def names() -> tuple[str, ...]:
    """Return the names of all records that ship with the package."""
    return tuple(sorted(file.name.removesuffix(".json") for file in FOLDER.iterdir() if file.name.endswith(".json")))


def load(name: str) -> dict[str, Any]:
    """Return a record: what was measured, how, and with which versions.

    Args:
        name: for example "segments".

    Raises:
        ValueError: there is no such record; the message lists those that there are.
    """
    check_choice("name", name, names())
    record: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return record
