"""Right answers to every exercise, at least two each, written differently from the solution in the chapter."""

from collections.abc import Callable
from typing import Any

from tests.answers import feedback_memory

RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {**feedback_memory.RIGHT_ANSWERS}
