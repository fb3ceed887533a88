"""A small program to carry out: the answer at a print step is the value of the printed variable."""

from typing import ClassVar

import torch
from einops import rearrange
from jaxtyping import Int
from torch import Generator, Tensor

from feedback_lite.config import check_size
from feedback_lite.tasks.base import IGNORED, Examples, follow


class Program:
    """Carry out a program on two variables, and say at every print step the value that is printed.

    One token is one statement, and all arithmetic is modulo ``modulus``. A program first gives x and then y a digit;
    each later statement is one of six kinds, all equally likely: assign a digit, add 1, take 1 away, copy the other
    variable, add 1 if both variables are equal, print. Only print steps have an answer: the digit's own token, which
    never stands in a program. All digits are equally likely there.

    Args:
        modulus: how many digits there are, at least 2.

    Example:
        "x = 4, y = 2, x += 1, print x, y = x, print y" has answers at its two print steps only: 0 and 0.
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
            "conditional": ["if x == y: x += 1", "if x == y: y += 1"],
            "print": ["print x", "print y"],
        }
        self.vocabulary = (*digits, *(statement for statements in kinds.values() for statement in statements))
        self.chance = 1 / modulus
        sizes = torch.tensor([len(statements) for statements in kinds.values()])
        self._sizes, self._firsts = sizes, modulus + sizes.cumsum(dim=0) - sizes
        self._print_x, self._print_y = self.vocabulary.index("print x"), self.vocabulary.index("print y")
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
        """Return what each print step prints, and `IGNORED` at every other step."""
        states = follow(self._table, tokens, torch.zeros(len(tokens), dtype=torch.long))
        x, y = states // self.modulus, states % self.modulus
        others = torch.full_like(tokens, IGNORED)
        return torch.where(tokens == self._print_x, x, torch.where(tokens == self._print_y, y, others))

    def heuristic(self, tokens: Int[Tensor, "b t"]) -> Int[Tensor, "b t"]:
        """Answer each print step with the value of the same variable that was printed or assigned last before it.

        Only digits count as assigned, not copies. It is what a model could do that is told each right answer afterwards
        and never calculates, copies or compares.
        """
        printed, guesses = self.answers(tokens), torch.full_like(tokens, IGNORED)
        for variable, print_token in enumerate((self._print_x, self._print_y)):
            known = torch.zeros_like(tokens[:, 0])
            for step, token in enumerate(rearrange(tokens, "b t -> t b")):
                asked = token == print_token
                guesses[asked, step] = known[asked]
                digit = token - self.modulus * (
                    variable + 1
                )  # tokens: the digits, then x = 0, x = 1 ..., then y = 0 ...
                known = torch.where((digit >= 0) & (digit < self.modulus), digit, known)
                known = torch.where(asked, printed[:, step], known)
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
        match statement.removeprefix("if x == y: ").split():
            case [name, "=", source]:
                values[name] = values[source] if source in values else int(source)
            case [name, sign, "1"] if not statement.startswith("if") or x == y:
                values[name] += 1 if sign == "+=" else -1
            case _:
                pass
        return values["x"] % self.modulus * self.modulus + values["y"] % self.modulus
