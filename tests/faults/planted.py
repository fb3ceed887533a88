"""All faults, wing by wing."""

from tests.faults import figures, lesson, model, tasks, tools, training

FAULTS = (*model.FAULTS, *training.FAULTS, *tasks.FAULTS, *lesson.FAULTS, *figures.FAULTS, *tools.FAULTS)
