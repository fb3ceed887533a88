"""Every exercise of the book: what is asked, how it is tried out, how it is solved, and how it usually goes wrong.

One module per chapter, with the exercises in the order of the chapter.
"""

from feedback_lite.lesson.exercises import (
    after_feedback,
    causal_mask,
    feed_forward,
    feedback_memory,
    generation,
    making_it_fast,
    memory_fifo,
    relative_positions,
    segments,
    shared_keys_values,
    training,
    whole_model,
    why_feedback,
)
from feedback_lite.lesson.exercises.exercise import Blanks, Case, Exercise, Mistake

CHAPTERS = (
    why_feedback,
    relative_positions,
    causal_mask,
    shared_keys_values,
    feedback_memory,
    memory_fifo,
    feed_forward,
    segments,
    whole_model,
    generation,
    training,
    making_it_fast,
    after_feedback,
)
EXERCISES: dict[str, Exercise] = {
    name.lower().replace("_", "-"): exercise
    for chapter in CHAPTERS
    for name, exercise in vars(chapter).items()
    if isinstance(exercise, Exercise)
}
"""Every exercise by its name: ``NEXT_PLACE`` is "next-place"."""

__all__ = ["CHAPTERS", "EXERCISES", "Blanks", "Case", "Exercise", "Mistake"]
