"""What an exercise is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Case = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A wrong answer that learners really give, and what to say to it."""

    answer: Callable[..., Any]
    message: str


@dataclass(frozen=True, kw_only=True)
class Blanks:
    """An answer with blanks, and what may stand in each of them.

    Args:
        code: the body of the answer, with ``{name}`` for a blank and ``{name!}`` for one within quotes.
        choices: what may stand in each blank. A choice may have several lines.
        names: what the code uses of its own chapter, beside what all chapters import.
        function: what the chapter's stub calls the function; None where it has the exercise's name.
    """

    code: str
    choices: Mapping[str, Sequence[str]]
    names: Mapping[str, Any] = field(default_factory=dict)
    function: str | None = None


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One exercise.

    Args:
        specification: the slow, plain answer that all others are held against.
        make_cases: draws inputs, the smallest first, since the first one that fails is shown to the learner.
        solution: the answer that the chapter shows.
        mistakes: typical wrong answers.
        otherwise: what to say to a wrong answer that is none of these.
        error_hints: what to say to an answer that stops, by a part of the error's own words.
        blanks: how it is solved on a page, without Python; None where it is not.
    """

    specification: Callable[..., Any]
    make_cases: Callable[[torch.Generator], list[Case]]
    solution: Callable[..., Any]
    mistakes: tuple[Mistake, ...]
    otherwise: str = "Work the example through by hand and compare each number."
    error_hints: Mapping[str, str] = field(default_factory=dict)
    blanks: Blanks | None = None


def normal(*shape: int, generator: torch.Generator) -> Tensor:
    """Draw normally distributed numbers, the usual input of an exercise."""
    return torch.randn(*shape, generator=generator)
