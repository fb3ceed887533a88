"""Every exercise of the book: what is asked, how it is tried out, how it is solved, and how it usually goes wrong.

One module per chapter, with the exercises in the order of the chapter.
"""

from feedback_lite.lesson.exercises import (
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
from feedback_lite.lesson.exercises.exercise import Case, Exercise, Mistake

EXERCISES: dict[str, Exercise] = {
    **why_feedback.EXERCISES,
    **relative_positions.EXERCISES,
    **causal_mask.EXERCISES,
    **shared_keys_values.EXERCISES,
    **feedback_memory.EXERCISES,
    **memory_fifo.EXERCISES,
    **feed_forward.EXERCISES,
    **segments.EXERCISES,
    **whole_model.EXERCISES,
    **generation.EXERCISES,
    **training.EXERCISES,
    **after_feedback.EXERCISES,
}

__all__ = ["EXERCISES", "Case", "Exercise", "Mistake"]
