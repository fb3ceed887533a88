"""Checkpoints: all that a stopped training needs to go on."""

import io
from pathlib import Path
from typing import Any

import torch

from feedback_lite.files import write_whole

FORMAT = "feedback_lite checkpoint 2"


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
