"""Answers to the exercises: at least two right ones to each, unlike the chapter's own, and some that stop."""

from collections.abc import Callable
from typing import Any

from tests.answers import (
    after_feedback,
    causal_mask,
    feed_forward,
    feedback_memory,
    generation,
    memory_fifo,
    relative_positions,
    segments,
    shared_keys_values,
    training,
    whole_model,
    why_feedback,
)

RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    **why_feedback.RIGHT_ANSWERS,
    **relative_positions.RIGHT_ANSWERS,
    **causal_mask.RIGHT_ANSWERS,
    **shared_keys_values.RIGHT_ANSWERS,
    **feedback_memory.RIGHT_ANSWERS,
    **memory_fifo.RIGHT_ANSWERS,
    **feed_forward.RIGHT_ANSWERS,
    **segments.RIGHT_ANSWERS,
    **whole_model.RIGHT_ANSWERS,
    **generation.RIGHT_ANSWERS,
    **training.RIGHT_ANSWERS,
    **after_feedback.RIGHT_ANSWERS,
}

STOPPING_ANSWERS: dict[str, list[tuple[Callable[..., Any], str]]] = {
    **relative_positions.STOPPING_ANSWERS,
    **segments.STOPPING_ANSWERS,
    **training.STOPPING_ANSWERS,
    **after_feedback.STOPPING_ANSWERS,
}
