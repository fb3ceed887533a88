"""What every task is, the mark of a position without an answer, and the steps that the tasks share."""

from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from feedback_lite.config import check_size

IGNORED = -100
"""The target of a position that has no answer. It is PyTorch's ``ignore_index``: the loss and accuracy skip it."""


class Examples(NamedTuple):
    """Sequences to read and the right answer at every position, or `IGNORED` where there is none."""

    tokens: Int[Tensor, "b t"]
    targets: Int[Tensor, "b t"]


@runtime_checkable
class Task(Protocol):
    """What training and evaluation need to know of a task."""

    vocabulary: tuple[str, ...]
    chance: float

    @property
    def name(self) -> str:
        """The name that `make_task` knows the task by."""
        ...

    def sample(self, *, batch_size: int, length: int, generator: torch.Generator) -> Examples:
        """Draw fresh examples of one length."""
        ...


class TaskOfSymbols:
    """A task on letters that are drawn uniformly, so that chance is one in their number.

    Args:
        symbols: how many letters, from 2 to 26.
    """

    name: ClassVar[str]

    def __init__(self, *, symbols: int = 8) -> None:
        check_between("symbols", symbols, least=2, most=26)
        self.symbols = symbols
        self.vocabulary = tuple("abcdefghijklmnopqrstuvwxyz"[:symbols])
        self.chance = 1 / symbols


def draw(task: Task, *, batch_size: int, length: int, generator: torch.Generator) -> Examples:
    """Return fresh examples; raise where none of their positions has an answer."""
    examples = task.sample(batch_size=batch_size, length=length, generator=generator)
    check_answers(examples, task)
    return examples


def check_answers(examples: Examples, task: Task) -> None:
    """Raise where no position of some examples of a task has an answer."""
    if bool((examples.targets == IGNORED).all()):
        batch_size, length = examples.targets.shape
        raise ValueError(
            f"no position of {batch_size} sequences of {task.name} has an answer at length {length}: "
            "choose a greater length"
        )


def change(task: Task, options: dict[str, Any]) -> Task:
    """Return a task with some of its options changed, by name.

    Raises:
        ValueError: the task has no such options.
    """
    if not options:
        return task
    known = getattr(task, "options", {})
    if unknown := [name for name in options if name not in known]:
        raise ValueError(f"{unknown[0]!r} is no option of the task {task.name!r} that can change: {sorted(known)} are")
    changed: Task = type(task)(**{**known, **options})
    return changed


def check_between(name: str, value: int, *, least: int, most: int) -> None:
    """Raise unless ``value`` is an integer from ``least`` up to ``most``."""
    check_size(name, value, least=least)
    if value > most:
        raise ValueError(f"{name} must be at most {most}, got {value}")


def follow(
    table: Int[Tensor, "vocabulary states"], tokens: Int[Tensor, "b t"], start: Int[Tensor, "b"]
) -> Int[Tensor, "b t"]:
    """Return the state after every token, where ``table[token, state]`` is the state that a token leads to."""
    state, states = start, torch.empty_like(tokens)
    for step in range(tokens.shape[1]):
        state = table[tokens[:, step], state]
        states[:, step] = state
    return states
