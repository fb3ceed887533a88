"""The comparison of a committed notebook with a fresh execution of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from book.tools.notebooks.notebook import Json, cell_name

# What is not compared: the same drawing gives other bytes on another machine.
PICTURES = frozenset({"image/png", "image/jpeg", "image/svg+xml"})
# How far a fraction in the data of a widget may lie from the committed one, relative above one.
TOLERANCE = 1e-5


def differences(was: Json, now: Json) -> list[str]:
    """Return what differs between the committed notebook and a fresh execution of it, each in words.

    Text, ids and order must be equal, fractions in data to `TOLERANCE`; pictures need only be there.
    """
    return [*cell_differences(was["cells"], now["cells"]), *compare("metadata", was["metadata"], now["metadata"])]


def cell_differences(was: list[Json], now: list[Json]) -> Iterator[str]:
    """Yield what differs in the cells and their outputs."""
    if len(was) != len(now):
        yield f"number of cells: was {len(was)}, is {len(now)}"
        return
    for index, (old, new) in enumerate(zip(was, now, strict=True)):
        yield from compare(cell_name(index, old), old, new)


def compare(where: str, was: Any, now: Any) -> Iterator[str]:
    """Yield what differs between two pieces of notebooks; `where` names the piece."""
    if isinstance(was, dict) and isinstance(now, dict):
        yield from compare_mappings(where, was, now)
    elif isinstance(was, list) and isinstance(now, list):
        yield from compare_lists(where, was, now)
    elif not same_value(was, now):
        old, new = excerpts(was, now)
        yield f"{where}: was {old}, is {new}"


def compare_mappings(where: str, was: Json, now: Json) -> Iterator[str]:
    """Yield what differs between two mappings, key by key."""
    for key in sorted(was.keys() | now.keys()):
        inner = f"{where}.{key}"
        if key not in now:
            yield f"{inner}: was {shorten(was[key])}, is gone"
        elif key not in was:
            yield f"{inner}: was not there, is {shorten(now[key])}"
        elif key not in PICTURES:
            yield from compare(inner, was[key], now[key])


def compare_lists(where: str, was: list[Any], now: list[Any]) -> Iterator[str]:
    """Yield what differs between two lists, item by item; lists of other lengths are told whole."""
    if len(was) != len(now):
        yield f"{where}: was {len(was)} long, {shorten(was)}; is {len(now)} long, {shorten(now)}"
        return
    for index, (old, new) in enumerate(zip(was, now, strict=True)):
        yield from compare(f"{where}[{index}]", old, new)


def same_value(was: Any, now: Any) -> bool:
    """Return whether two values count as the same: fractions to `TOLERANCE`, all else exactly."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (was, now))
    if numbers and (isinstance(was, float) or isinstance(now, float)):
        return math.isclose(was, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(was == now) and isinstance(was, bool) == isinstance(now, bool)


def shorten(value: Any, length: int = 120) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= length else text[: length - 4] + " ..."


def excerpts(was: Any, now: Any) -> tuple[str, str]:
    """Return both values as a message shows them; of long texts, the part where they begin to differ."""
    if not (isinstance(was, str) and isinstance(now, str)):
        return shorten(was), shorten(now)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(was, now, strict=False)))
    start = max(0, alike - 40)
    lead = "... " if start else ""
    return lead + shorten(was[start:]), lead + shorten(now[start:])
