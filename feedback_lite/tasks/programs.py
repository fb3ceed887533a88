"""A small program to carry out: the answer after every statement is the value of the variable that it is about."""

from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from feedback_lite.config import check_size
from feedback_lite.tasks.base import Examples, follow

CONDITION = "if x == y: "


class Program:
    """Carry out a program on two variables, and say after every statement the value of the variable it is about.

    One token is one statement, and all arithmetic is modulo ``modulus``. A program first gives x and then y a digit;
    each later statement is one of six kinds, all equally likely: assign a digit, add 1, take 1 away, copy the other
    variable, add 1 if both variables are equal, print. The answer is the digit's own token, which never stands in a
    program. All digits are equally likely.

    Args:
        modulus: how many digits there are, at least 2.

    Example:
        "x = 4, y = 2, x += 1, print x, y = x, print y" has the answers 4, 2, 0, 0, 0, 0.
    """

    name: ClassVar[str] = "program"

    def __init__(self, *, modulus: int = 5) -> None:
        check_size("modulus", modulus, least=2)
        self.modulus = modulus
        digits = [str(digit) for digit in range(modulus)]
        kinds = {
            "assign": [f"{name} = {digit}" for name in "xy" for digit in digits],
            "increment": ["x += 1", "y += 1"],
            "decrement": ["x -= 1", "y -= 1"],
            "copy": ["x = y", "y = x"],
            "conditional": [f"{CONDITION}x += 1", f"{CONDITION}y += 1"],
            "print": ["print x", "print y"],
        }
        self.vocabulary = (*digits, *(statement for statements in kinds.values() for statement in statements))
        self.chance = 1 / modulus
        sizes = torch.tensor([len(statements) for statements in kinds.values()])
        self._sizes, self._firsts = sizes, modulus + sizes.cumsum(dim=0) - sizes
        self._about_x = torch.tensor([is_about_x(statement) for statement in self.vocabulary])
        self._table = self._transitions()

    def sample(self, *, batch_size: int, length: int, generator: Generator) -> Examples:
        """Draw programs of ``length`` statements, the two first assignments included."""
        check_size("batch_size", batch_size, least=0)
        check_size("length", length)
        digits = torch.randint(self.modulus, (batch_size, 2), generator=generator)
        kinds = torch.randint(len(self._sizes), (batch_size, length), generator=generator)
        # A whole number below 2**40, so that its remainder is uniform to within one in 10**11.
        draws = torch.randint(2**40, (batch_size, length), generator=generator)
        tokens = self._firsts[kinds] + draws % self._sizes[kinds]
        start = digits + torch.tensor([self.modulus, 2 * self.modulus])
        tokens[:, :2] = start[:, :length]
        return Examples(tokens, self.answers(tokens))

    def answers(self, tokens: Int[Tensor, "b t"]) -> Int[Tensor, "b t"]:
        """Return the value, after every statement, of the variable that it is about."""
        states = follow(self._table, tokens, torch.zeros(len(tokens), dtype=torch.long))
        return torch.where(self._about_x[tokens], states // self.modulus, states % self.modulus)

    def heuristic(self, tokens: Int[Tensor, "b t"]) -> Int[Tensor, "b t"]:
        """Answer with the digit that is assigned, and else with the last answer about the same variable.

        It is what a model could do that is told each right answer afterwards and never calculates, copies or compares.
        """
        answers, guesses = self.answers(tokens), torch.empty_like(tokens)
        last_x, last_y = torch.zeros_like(answers[:, 0]), torch.zeros_like(answers[:, 0])
        for step in range(tokens.shape[1]):
            about_x = self._about_x[tokens[:, step]]
            digit = tokens[:, step] % self.modulus  # the tokens: the digits, then x = 0, x = 1 ..., then y = 0 ...
            assigned = tokens[:, step] < 3 * self.modulus
            guesses[:, step] = torch.where(assigned, digit, torch.where(about_x, last_x, last_y))
            last_x = torch.where(about_x, answers[:, step], last_x)
            last_y = torch.where(about_x, last_y, answers[:, step])
        return guesses

    def _transitions(self) -> Int[Tensor, "vocabulary states"]:
        """Return the state after each token in each state; a state is ``x * modulus + y``."""
        return torch.tensor(
            [
                [self._step(statement, state // self.modulus, state % self.modulus) for state in range(self.modulus**2)]
                for statement in self.vocabulary
            ]
        )

    def _step(self, statement: str, x: int, y: int) -> int:
        """Return the state after one statement; a digit on its own and a print change nothing."""
        values = {"x": x, "y": y}
        match statement.removeprefix(CONDITION).split():
            case [name, "=", source]:
                values[name] = values[source] if source in values else int(source)
            case [name, sign, "1"] if not statement.startswith("if") or x == y:
                values[name] += 1 if sign == "+=" else -1
            case _:
                pass
        return values["x"] % self.modulus * self.modulus + values["y"] % self.modulus


def is_about_x(statement: str) -> bool:
    """Return whether the variable that a statement changes or prints is x."""
    return statement.removeprefix(CONDITION).removeprefix("print ").startswith("x")
