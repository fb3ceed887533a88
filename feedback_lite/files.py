"""Files that are whole or not there at all, and the JSON files that ship with the package."""

import json
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from feedback_lite.config import check_choice


def beside(path: Path, suffix: str) -> Path:
    """Return the path with something more at its end, whatever dots its name has."""
    return path.with_name(path.name + suffix)


def write_whole(path: Path, contents: bytes) -> None:
    """Write a file so that at every moment, a power cut included, either the old or the new one is there, whole."""
    part = beside(path, ".part")
    try:
        with part.open("wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def json_names(folder: str) -> tuple[str, ...]:
    """Return the names, without their ending, of all JSON files in a folder of the package."""
    found = files("feedback_lite").joinpath(folder).iterdir()
    return tuple(sorted(file.name.removesuffix(".json") for file in found if file.name.endswith(".json")))


def load_json(folder: str, name: str) -> dict[str, Any]:
    """Return what a JSON file in a folder of the package holds.

    Raises:
        ValueError: there is no such file; the message lists those that there are.
    """
    check_choice("name", name, json_names(folder))
    contents: dict[str, Any] = json.loads(
        files("feedback_lite").joinpath(folder, f"{name}.json").read_text(encoding="utf-8")
    )
    return contents
