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
        name: for example "ablate-segments".

    Raises:
        ValueError: there is no such record; the message lists those that there are.
    """
    check_choice("name", name, names())
    record: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return record


def as_text(record: dict[str, Any]) -> str:
    """Return a record as JSON in which every run, and every other row of a list, stands on a line of its own."""
    entries = []
    for name, value in record.items():
        text = json.dumps(value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n  " + ",\n  ".join(json.dumps(row) for row in value) + "\n ]"
        entries.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(entries) + "\n}\n"
