"""Tasks whose answer at every position is a state that each token changes: permutations, places, parity."""

from itertools import permutations
from typing import ClassVar

import torch
from torch import Generator

from feedback_lite.config import check_size
from feedback_lite.tasks.base import Examples, check_between, follow


class GroupWord:
    """Multiply permutations, and say at every step what the product so far is.

    Every token is a permutation of 1 to ``degree`` in one-line notation: "231" sends 1 to 2, 2 to 3 and 3 to 1. The
    first token acts first: the product sends ``i`` to where the newest permutation sends what the earlier ones made
    of ``i``. All permutations are equally likely, and so are all answers.

    Args:
        degree: number of things permuted, from 2 to 5: 3 gives the 6 tokens of S3, 5 the 120 of S5.

    Example:
        The word "213", "132" has the answers "213", "312": 1 goes to 2 and then to 3.

    Source:
        The word problem of a group; that of S5 is complete for NC1 (Barrington, 1989).
    """

    def __init__(self, *, degree: int = 3) -> None:
        check_between("degree", degree, least=2, most=5)
        self.degree = degree
        self.name = f"s{degree}-word"
        elements = list(permutations(range(degree)))
        number = {element: index for index, element in enumerate(elements)}
        self.vocabulary = tuple("".join(str(image + 1) for image in element) for element in elements)
        self.chance = 1 / len(elements)
        # The row is the newest permutation, which acts last; the column is the product before it.
        self.table = torch.tensor(
            [[number[tuple(newest[image] for image in product)] for product in elements] for newest in elements]
        )

    def sample(self, *, batch_size: int, length: int, generator: Generator) -> Examples:
        """Draw words of ``length`` permutations, all uniform."""
        check_size("batch_size", batch_size, least=0)
        check_size("length", length)
        tokens = torch.randint(len(self.vocabulary), (batch_size, length), generator=generator)
        identity = torch.zeros(batch_size, dtype=torch.long)
        return Examples(tokens, follow(self.table, tokens, identity))


class Walk:
    """Walk on a grid with a wall around it, and say at every step where you are.

    The first token names a square; every later token is a move to a neighbouring square: up, down, left or right. A
    move into the wall leaves the walker where it is. Start and moves are uniform, and so is the place at every step.

    Args:
        rows: squares from top to bottom; 1 makes a line, on which "up" and "down" always meet the wall.
        columns: squares from left to right.

    Example:
        With two rows and three columns, "at row 1 column 2, right, right, down" has the answers row 1 column 2,
        row 1 column 3, row 1 column 3 (the wall), row 2 column 3.
    """

    name: ClassVar[str] = "walk"

    def __init__(self, *, rows: int = 5, columns: int = 5) -> None:
        check_size("rows", rows)
        check_size("columns", columns)
        self.rows, self.columns = rows, columns
        squares = [(row, column) for row in range(rows) for column in range(columns)]
        moves = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
        self.vocabulary = (*(f"at row {row + 1} column {column + 1}" for row, column in squares), *moves)
        self.chance = 1 / len(squares)
        arrivals = [[square] * len(squares) for square in range(len(squares))]
        for down, right in moves.values():
            moved = [(min(max(row + down, 0), rows - 1), min(max(col + right, 0), columns - 1)) for row, col in squares]
            arrivals.append([row * columns + column for row, column in moved])
        self.table = torch.tensor(arrivals)

    def sample(self, *, batch_size: int, length: int, generator: Generator) -> Examples:
        """Draw walks: a square, then ``length - 1`` moves."""
        check_size("batch_size", batch_size, least=0)
        check_size("length", length)
        squares = self.rows * self.columns
        start = torch.randint(squares, (batch_size, 1), generator=generator)
        moves = squares + torch.randint(4, (batch_size, length - 1), generator=generator)
        tokens = torch.cat((start, moves), dim=1)
        return Examples(tokens, follow(self.table, tokens, start[:, 0]))


class Parity:
    """Say at every step whether the number of ones so far is odd (1) or even (0).

    Example:
        The bits 1, 1, 0, 1 have the answers 1, 0, 0, 1.
    """

    name: ClassVar[str] = "parity"

    def __init__(self) -> None:
        self.vocabulary: tuple[str, ...] = ("0", "1")
        self.chance = 1 / 2

    def sample(self, *, batch_size: int, length: int, generator: Generator) -> Examples:
        """Draw ``length`` bits, each of them 0 or 1 with equal chance."""
        check_size("batch_size", batch_size, least=0)
        check_size("length", length)
        tokens = torch.randint(2, (batch_size, length), generator=generator)
        return Examples(tokens, tokens.cumsum(dim=1) % 2)
