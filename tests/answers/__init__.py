"""Answers to the exercises: at least two right ones to each, unlike the chapter's own, and some that stop."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from feedback_lite.lesson.exercises import CHAPTERS

_MODULES = [import_module(f"{__name__}.{chapter.__name__.rpartition('.')[2]}") for chapter in CHAPTERS]

RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {}
STOPPING_ANSWERS: dict[str, list[tuple[Callable[..., Any], str]]] = {}
for _module in _MODULES:
    RIGHT_ANSWERS |= _module.RIGHT_ANSWERS
    STOPPING_ANSWERS |= getattr(_module, "STOPPING_ANSWERS", {})
