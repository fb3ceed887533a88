"""Tasks that need a memory and hardly a state: echo, copy, reverse, and the next character of a text."""

import codecs
import contextlib
import importlib
import io
from typing import ClassVar

import torch
from einops import rearrange
from jaxtyping import Int
from torch import Generator, Tensor

from feedback_lite.config import check_size
from feedback_lite.tasks.base import IGNORED, Examples, TaskOfSymbols


class Echo(TaskOfSymbols):
    """Say the letter of ``delay`` steps ago; the first ``delay`` positions have no answer.

    Args:
        symbols: how many letters, from 2 to 26.
        delay: how many steps to look back, at least 1.

    Example:
        With a delay of 2, the letters c, a, b, a have the answers none, none, c, a.
    """

    name: ClassVar[str] = "echo"

    def __init__(self, *, symbols: int = 8, delay: int = 5) -> None:
        super().__init__(symbols=symbols)
        check_size("delay", delay)
        self.delay = delay

    def sample(self, *, batch_size: int, length: int, generator: Generator) -> Examples:
        """Draw ``length`` letters; up to a length of ``delay`` none has an answer."""
        check_size("batch_size", batch_size, least=0)
        check_size("length", length)
        tokens = torch.randint(self.symbols, (batch_size, length), generator=generator)
        targets = torch.full_like(tokens, IGNORED)
        targets[:, self.delay :] = tokens[:, : max(0, length - self.delay)]
        return Examples(tokens, targets)


class Copy(TaskOfSymbols):
    """Read letters up to a separator, then say them again in the same order.

    A sequence has ``length // 2`` letters, the separator "say", and blanks "." to the end. The first letter is the
    answer at the separator and each blank asks for the next one, so the answers are never read. The letters have no
    answer, nor has the last blank of an odd length.

    Args:
        symbols: how many letters, from 2 to 26.

    Example:
        The six tokens "b a c say . ." have the answers none, none, none, b, a, c.
    """

    name: ClassVar[str] = "copy"

    def __init__(self, *, symbols: int = 8) -> None:
        super().__init__(symbols=symbols)
        self.vocabulary = (*self.vocabulary, "say", ".")

    def sample(self, *, batch_size: int, length: int, generator: Generator) -> Examples:
        """Draw ``length // 2`` letters, and add the separator and the blanks: ``length`` is at least 2."""
        check_size("batch_size", batch_size, least=0)
        check_size("length", length, least=2)
        count = length // 2
        letters = torch.randint(self.symbols, (batch_size, count), generator=generator)
        tokens = torch.full((batch_size, length), self.symbols + 1)
        tokens[:, :count], tokens[:, count] = letters, self.symbols
        targets = torch.full_like(tokens, IGNORED)
        targets[:, count : 2 * count] = self.reply(letters)
        return Examples(tokens, targets)

    def reply(self, letters: Int[Tensor, "b letters"]) -> Int[Tensor, "b letters"]:
        """Return what is to be said after the separator."""
        return letters


class Reverse(Copy):
    """Read letters up to a separator, then say them again from the last to the first; all else is as in `Copy`.

    Args:
        symbols: how many letters, from 2 to 26.

    Example:
        The six tokens "b a c say . ." have the answers none, none, none, c, a, b.
    """

    name: ClassVar[str] = "reverse"

    def reply(self, letters: Int[Tensor, "b letters"]) -> Int[Tensor, "b letters"]:
        """Return the letters from the last to the first."""
        return letters.flip(1)


class Characters:
    """Say the next character of a text: the Zen of Python, which every Python ships in its module ``this``.

    Sequences start anywhere in the text, and its end is followed by its beginning. Chance is the share of the commonest
    character, the space.

    Example:
        The characters of "Beautiful" have the answers "eautiful" and then a space.

    Source:
        Tim Peters, The Zen of Python (PEP 20).
    """

    name: ClassVar[str] = "characters"

    def __init__(self) -> None:
        self.text = zen_of_python()
        self.vocabulary = tuple(sorted(set(self.text)))
        self.chance = max(map(self.text.count, self.vocabulary)) / len(self.text)
        self.numbers = torch.tensor([self.vocabulary.index(character) for character in self.text])

    def sample(self, *, batch_size: int, length: int, generator: Generator) -> Examples:
        """Draw pieces of ``length`` characters; all beginnings are equally likely."""
        check_size("batch_size", batch_size, least=0)
        check_size("length", length)
        start = torch.randint(len(self.text), (batch_size,), generator=generator)
        places = rearrange(start, "b -> b 1") + torch.arange(length + 1)
        pieces = self.numbers[places % len(self.text)]
        return Examples(pieces[:, :-1], pieces[:, 1:])


def zen_of_python() -> str:
    """Return the text of the module ``this``, which holds it in ROT13; what its import prints is swallowed."""
    with contextlib.redirect_stdout(io.StringIO()):
        coded: str = importlib.import_module("this").s
    return codecs.decode(coded, "rot13")
