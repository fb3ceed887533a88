"""The algorithmic task of the Feedback Transformer's authors, rebuilt from its description."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any, ClassVar, Literal, TypeVar, get_args

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from feedback_lite.config import check_choice, check_size
from feedback_lite.tasks.base import IGNORED, Examples

NAMES = ("x", "y", "z", "p", "r")
KINDS = ("=", "++", "--", "if", "print")
Answers = Literal["prints", "every"]
Choice = TypeVar("Choice")


class PrintedProgram:
    """Carry out a program that is written in several tokens per statement, and answer at the end of each print.

    Values are 1 to ``largest``. A program has ``statements`` statements and then the token END; the next program
    follows it at once, with nothing defined. Each statement is of one of five kinds, drawn uniformly, and drawn again
    as a whole where it is impossible:

    - ``v = n ;`` for a variable that is not defined yet,
    - ``v ++ ;`` for a defined one below ``largest``, and ``v -- ;`` for one above 1,
    - ``if v < w : ...`` or ``if v > w : ...``, where w is another defined variable or a number, with equal chance,
      followed by one of the three statements above, which takes effect only if the comparison holds,
    - ``print v ;``, whose answer is the value of v, given at the ``;``.

    No other position has an answer. All values are answers about equally often. Two options make the task easier to
    begin with: fewer kinds of statements, and an answer at every ``;``.

    Args:
        variables: number of variables, at least 1. They are called x, y, z, p, r, then v6, v7 and so on.
        statements: statements per program, at least 1; those inside a condition are not counted.
        largest: the largest value, at least 2.
        kinds: the kinds of statements, of `KINDS`. "=" and "print" must be among them, and "++" and "--" where "if" is,
            so that some statement is always possible.
        answers: "prints", or "every" for one at every ``;``: the value that the variable of the statement has then. A
            variable that is still not defined, because a condition did not hold, has none.

    Example:
        "x = 9 ; if x > 3 : x ++ ; print x ; END" has one answer, 10, at the ";" before END.

    Source:
        Fan et al., Addressing Some Limitations of Transformers with Feedback Memory (2020), with 3 or 5 variables,
        100 statements and values up to 10.
        Where its rules leave a choice open (a condition is to compare with another variable and there is none), the
        statement is drawn again.
    """

    name: ClassVar[str] = "printed-program"

    def __init__(
        self,
        *,
        variables: int = 3,
        statements: int = 100,
        largest: int = 10,
        kinds: Sequence[str] = KINDS,
        answers: Answers = "prints",
    ) -> None:
        check_size("variables", variables)
        check_size("statements", statements)
        check_size("largest", largest, least=2)
        check_kinds(kinds)
        check_choice("answers", answers, get_args(Answers))
        self.statements, self.largest, self.kinds, self.answered = statements, largest, tuple(kinds), answers
        self.options: dict[str, Any] = {"variables": variables, "statements": statements, "largest": largest}
        self.options |= {"kinds": self.kinds, "answers": answers}
        self.names = (*NAMES, *(f"v{number}" for number in range(len(NAMES) + 1, variables + 1)))[:variables]
        numbers = tuple(str(value) for value in range(1, largest + 1))
        self.vocabulary = (*numbers, *self.names, "=", "++", "--", "if", "<", ">", ":", "print", ";", "END")
        self.chance = 1 / largest

    def sample(self, *, batch_size: int, length: int, generator: Generator) -> Examples:
        """Draw ``length`` tokens of programs that follow each other; the last may be cut anywhere."""
        check_size("batch_size", batch_size, least=0)
        check_size("length", length)
        # Python's own random() is much faster than one draw after another from a tensor, and as repeatable.
        source = Random(int(torch.randint(2**62, (), generator=generator)))
        number = {word: token for token, word in enumerate(self.vocabulary)}
        rows = [[number[word] for word in islice(self._words(source), length)] for _ in range(batch_size)]
        tokens = torch.tensor(rows, dtype=torch.long).reshape(batch_size, length)
        return Examples(tokens, self.answers(tokens))

    def answers(self, tokens: Int[Tensor, "b t"]) -> Int[Tensor, "b t"]:
        """Return the value of each statement that has an answer, at its last token, and `IGNORED` everywhere else."""
        return self._each_row(tokens, self._answers_of_row)

    def heuristic(self, tokens: Int[Tensor, "b t"]) -> Int[Tensor, "b t"]:
        """Answer each print with the value of the same variable that was printed or assigned last before it.

        An assignment counts even if its condition does not hold. It is what a model could do that is told what each
        print prints afterwards and never counts or compares.
        """
        return self._each_row(tokens, self._guesses_of_row)

    def _words(self, source: Random) -> Iterator[str]:
        """Yield the words of one random program after another, without end."""
        while True:
            values: dict[str, int] = {}
            for _ in range(self.statements):
                statement = self._statement(self.kinds, values, source)
                execute(statement, values)
                yield from (*statement, ";")
            yield "END"

    def _statement(self, kinds: tuple[str, ...], values: dict[str, int], source: Random) -> list[str]:
        """Return a statement of a random kind that is possible with these values, without its ";"."""
        while not (statement := self._attempt(pick(kinds, source), values, source)):
            pass
        return statement

    def _attempt(self, kind: str, values: dict[str, int], source: Random) -> list[str]:
        """Return a random statement of one kind; an empty one where it turns out to be impossible."""
        names = [name for name in self.names if (name in values) == (kind != "=")]
        if not names:
            return []
        name, number = pick(names, source), str(pick(range(1, self.largest + 1), source))
        if kind == "=":
            return [name, "=", number]
        if kind == "print":
            return ["print", name]
        if kind == "if":
            others = [number] if pick((True, False), source) else [other for other in names if other != name]
            if not others:
                return []
            condition = ["if", name, pick(("<", ">"), source), pick(others, source), ":"]
            return condition + self._statement(("=", "++", "--"), values, source)
        return [] if values[name] == (self.largest if kind == "++" else 1) else [name, kind]

    def _each_row(self, tokens: Int[Tensor, "b t"], answer: "Answer") -> Int[Tensor, "b t"]:
        """Return a tensor with the answers of every row: pairs of a position and a value."""
        found = torch.full_like(tokens, IGNORED)
        for row, sequence in enumerate(tokens.tolist()):
            for position, value in answer([self.vocabulary[token] for token in sequence]):
                found[row, position] = value - 1  # the value 1 is token 0
        return found

    def _answers_of_row(self, words: list[str]) -> Iterator[tuple[int, int]]:
        for position, statement, values in run(words):
            name = subject(statement)
            if name in values and (self.answered == "every" or statement[0] == "print"):
                yield position, values[name]

    @staticmethod
    def _guesses_of_row(words: list[str]) -> Iterator[tuple[int, int]]:
        known: dict[str, int] = {}
        for position, statement, values in run(words):
            name = subject(statement)
            if statement[0] == "print":
                yield position, known[name]
                known[name] = values[name]
            elif "=" in statement:
                known[name] = int(statement[-1])


Answer = Callable[[list[str]], Iterable[tuple[int, int]]]


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise where a kind of statement is unknown, or where there could be no statement that is possible."""
    for kind in kinds:
        check_choice("kind", kind, KINDS)
    missing = [kind for kind in ("=", "print", *(("++", "--") if "if" in kinds else ())) if kind not in kinds]
    if missing:
        raise ValueError(f'kinds must hold "=" and "print", and "++" and "--" where they hold "if", got {kinds!r}')


def run(words: Iterable[str]) -> Iterator[tuple[int, list[str], dict[str, int]]]:
    """Yield the last position of every statement, its words without the ";", and all values after it."""
    values: dict[str, int] = {}
    statement: list[str] = []
    for position, word in enumerate(words):
        if word == "END":
            values = {}
        elif word != ";":
            statement.append(word)
        else:
            execute(statement, values)
            yield position, statement, values
            statement = []


def subject(statement: list[str]) -> str:
    """Return the variable that a statement prints or changes; in a condition, that of the statement behind the ":"."""
    match statement:
        case ["if", _, _, _, ":", *body]:
            return subject(body)
        case ["print", name]:
            return name
    return statement[0]


def execute(statement: list[str], values: dict[str, int]) -> None:
    """Change the values as one statement says, given without its ";"; a print changes nothing."""
    match statement:
        case ["if", left, comparison, right, ":", *body]:
            compared = values[right] if right in values else int(right)
            if values[left] < compared if comparison == "<" else values[left] > compared:
                execute(body, values)
        case [name, "=", number]:
            values[name] = int(number)
        case [name, "++" | "--" as sign]:
            values[name] += 1 if sign == "++" else -1


def pick(options: Sequence[Choice], source: Random) -> Choice:
    """Return one of the options, all equally likely."""
    return options[int(source.random() * len(options))]
