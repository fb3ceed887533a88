"""All faults, wing by wing."""

from tests.faults import figures, lesson, model, native, recurrence, tasks, tools, training

FAULTS = (
    *(*model.FAULTS, *recurrence.FAULTS, *native.FAULTS, *training.FAULTS),
    *(*tasks.FAULTS, *lesson.FAULTS, *figures.FAULTS, *tools.FAULTS),
)
