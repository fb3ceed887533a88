"""Measurements that take minutes: made once by a command, shipped as JSON, and read by the chapters."""

import json
from importlib.resources import files
from typing import Any

import safetensors.torch
from torch import Tensor

from feedback_lite.files import json_names, load_json
from feedback_lite.training.records.speed import SpeedRecord, read_speed

FOLDER = "training/records"


def names() -> tuple[str, ...]:
    """Return the names of all records that ship with the package."""
    return json_names(FOLDER)


def load(name: str) -> dict[str, Any]:
    """Return a record: what was measured, how, and with which versions.

    Args:
        name: for example "ablate-segments".

    Raises:
        ValueError: there is no such record; the message lists those that there are.
    """
    return load_json(FOLDER, name)


def load_original() -> dict[str, Tensor]:
    """Return weights, tokens and logits of a small model of feedback-transformer-pytorch 0.0.11, by name."""
    return safetensors.torch.load(files("feedback_lite").joinpath(FOLDER, "original.safetensors").read_bytes())


def load_speed() -> SpeedRecord:
    """Return the measurements of `make bench`: training steps and generation, this package's and all others'.

    Raises:
        ValueError: the record did not ship, or it is not one of `make bench`.
    """
    return read_speed(load("speed"), "speed.json")


def as_text(record: dict[str, Any]) -> str:
    """Return a record as JSON in which every run, and every other row of a list, stands on a line of its own."""
    entries = []
    for name, value in record.items():
        text = json.dumps(value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n  " + ",\n  ".join(json.dumps(row) for row in value) + "\n ]"
        entries.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(entries) + "\n}\n"
