"""Files that are whole or not there at all, and checkpoints: all that a stopped training needs to go on."""

import io
import os
import tempfile
from pathlib import Path
from typing import Any

import torch

FORMAT = "feedback_lite checkpoint 1"


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


def write_checkpoint(path: Path, contents: dict[str, Any]) -> None:
    """Write tensors, numbers, strings, and lists and dictionaries of these."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **contents}, buffer)
    write_whole(path, buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return what was written, all tensors on the CPU. Reading runs no code that the file brings along.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is broken, or something else than a checkpoint.
    """
    data = path.read_bytes()
    try:
        contents = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch documents no list of what it raises on a broken file
        raise ValueError(f"{path} is broken or no checkpoint") from error
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise ValueError(f"{path} is not a checkpoint of this version of feedback_lite")
    return contents


def check_writable(*paths: Path) -> None:
    """Raise before any work where files of these names could not be written afterwards."""
    for path in paths:
        if not path.parent.is_dir():
            raise OSError(f"--out must lie in an existing folder, got {path}")
        if path.is_dir():
            raise OSError(f"--out must leave the names of its files free, but {path} is a folder")
        try:
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise OSError(f"--out must lie in a folder that can be written to: {error}") from error


def beside(path: Path, suffix: str) -> Path:
    """Return the path with something more at its end, whatever dots its name has."""
    return path.with_name(path.name + suffix)
