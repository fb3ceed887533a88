"""Small tasks that need a state or a memory, made on the spot from a seeded generator.

Tokens and targets are numbers of words in the task's ``vocabulary``. A position that has no answer has the target
`IGNORED`, which training's loss and accuracy leave out. ``chance`` is the share of right answers that the best
constant answer gets. A task with a ``heuristic`` has a simple rule that does better, to compare a model with.
"""

from collections.abc import Callable
from functools import partial

from feedback_lite.config import check_choice
from feedback_lite.tasks.base import IGNORED, Examples, Task, change, check_answers, draw
from feedback_lite.tasks.printed_program import PrintedProgram
from feedback_lite.tasks.programs import Program
from feedback_lite.tasks.sequences import Characters, Copy, Echo, Reverse
from feedback_lite.tasks.shell_game import ShellGame
from feedback_lite.tasks.states import GroupWord, Parity, Walk

TASKS: dict[str, Callable[[], Task]] = {
    ShellGame.name: ShellGame,
    "s3-word": partial(GroupWord, degree=3),
    "s5-word": partial(GroupWord, degree=5),
    Program.name: Program,
    PrintedProgram.name: PrintedProgram,
    Walk.name: Walk,
    Echo.name: Echo,
    Copy.name: Copy,
    Reverse.name: Reverse,
    Parity.name: Parity,
    Characters.name: Characters,
}
"""Every task by its name, with its usual settings: small enough to be learned in minutes."""


def make_task(name: str) -> Task:
    """Return the task of this name, with its usual settings."""
    check_choice("task", name, tuple(TASKS))
    return TASKS[name]()


__all__ = [
    "Task",
    "Examples",
    "IGNORED",
    "TASKS",
    "make_task",
    "change",
    "check_answers",
    "draw",
    "ShellGame",
    "GroupWord",
    "Walk",
    "Parity",
    "Program",
    "PrintedProgram",
    "Echo",
    "Copy",
    "Reverse",
    "Characters",
]
