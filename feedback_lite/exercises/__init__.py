"""Every exercise of the book: what is asked, how it is tried out, how it is solved, and how it usually goes wrong.

One module per chapter, with the exercises in the order of the chapter.
"""

from feedback_lite.exercises import feedback_memory
from feedback_lite.exercises.exercise import Case, Exercise, Mistake

EXERCISES: dict[str, Exercise] = {**feedback_memory.EXERCISES}

__all__ = ["EXERCISES", "Case", "Exercise", "Mistake"]
