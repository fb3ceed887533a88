"""The shell game: a ball under cups that are swapped."""

from itertools import combinations
from typing import ClassVar

import torch
from einops import rearrange
from jaxtyping import Int
from torch import Tensor

from feedback_lite.config import check_size
from feedback_lite.tasks.base import Examples


class ShellGame:
    """Follow a ball under cups that are swapped in pairs, and say at every step where it is.

    The first token shows the ball's cup; every later token swaps two cups. Swaps that do not touch the ball's cup
    leave it where it is. The answer at each position is the token of the cup that now hides the ball.

    Args:
        cups: number of cups, at least 2.

    Example:
        With three cups, "ball under 2, swap 2 and 3, swap 1 and 2" has the answers 2, 3, 3.
    """

    name: ClassVar[str] = "shell-game"

    def __init__(self, *, cups: int = 5) -> None:
        check_size("cups", cups, least=2)
        self.cups = cups
        self.swaps = tuple(combinations(range(cups), 2))
        self.vocabulary = (
            *(f"ball under {cup + 1}" for cup in range(cups)),
            *(f"swap {left + 1} and {right + 1}" for left, right in self.swaps),
        )
        self.chance = 1 / cups

    def sample(self, *, batch_size: int, length: int, generator: torch.Generator) -> Examples:
        """Draw games: the ball's cup and every swap are uniform.

        Args:
            batch_size: number of games.
            length: tokens per game: the ball's cup, then ``length - 1`` swaps.
            generator: source of randomness.
        """
        check_size("batch_size", batch_size, least=0)
        check_size("length", length)
        ball = torch.randint(self.cups, (batch_size,), generator=generator)
        chosen = torch.randint(len(self.swaps), (batch_size, length - 1), generator=generator)
        return Examples(torch.cat((ball[:, None], self.cups + chosen), dim=1), self.follow(ball, chosen))

    def follow(self, ball: Int[Tensor, "b"], chosen: Int[Tensor, "b swaps"]) -> Int[Tensor, "b t"]:
        """Return where the ball is at the start and after each of the chosen swaps."""
        pairs = rearrange(torch.tensor(self.swaps)[chosen], "b swaps pair -> swaps pair b")
        places = [ball]
        for left, right in pairs:
            ball = torch.where(ball == left, right, torch.where(ball == right, left, ball))
            places.append(ball)
        return torch.stack(places, dim=1)
