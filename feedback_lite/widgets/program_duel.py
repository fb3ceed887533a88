"""Two trained models carry out a program that the reader writes, statement by statement, beside the true values."""

from functools import cache, lru_cache
from itertools import count
from typing import Any, NamedTuple

import torch
import traitlets

from feedback_lite import pretrained
from feedback_lite.tasks import PrintedProgram
from feedback_lite.tasks.printed_program import execute
from feedback_lite.tasks.program_text import MOST_CHARACTERS, read_program, write_program
from feedback_lite.widgets.figure import join_script, join_style, percent
from feedback_lite.widgets.live import LiveFigure, exact_model, export

PLAYERS = ("printed-program-feedback", "printed-program-ordinary")
KEYS = ("feedback", "ordinary")
WORDS = {
    "feedback": "With feedback",
    "ordinary": "Without",
    "right": "right",
    "wrong": "wrong",
    "empty": "The program is empty: write a statement, or take a random program.",
    "question": (
        "Statement {number} of {count}: what does {text} print? Both models have answered; guess or reveal to see."
    ),
    "hidden": "Statement {number} of {count}, {text}: values and answers are hidden; reveal to see.",
    "print": "Statement {number} of {count}: {text} prints {value}.",
    "after": "After statement {number} of {count}, {text}: {values}.",
    "value": "{name} is {value}",
    "no value": "{name} has no value",
    "answer": "{who}: {value}, {share}, {verdict}.",
    "guess": "You: {value}, {verdict}.",
    "score": [
        "Right at 1 print so far: with feedback {feedback}, without {ordinary}.",
        "Right at {count} prints so far: with feedback {feedback}, without {ordinary}.",
    ],
    "reader": ["You guessed right {right} of 1 time.", "You guessed right {right} of {count} times."],
    "longer": "This is longer than either model ever saw in training.",
}
_TASK = PrintedProgram()
_NUMBER = {word: token for token, word in enumerate(_TASK.vocabulary)}
_FIRST_TOKENS = 256
_FIRST_ASKED = 6
# Digits of the recorded shares: enough for the same whole percents as the page computes.
_DIGITS = 6

Statements = list[list[str]]
Shares = tuple[tuple[float, ...], ...]


class Answer(NamedTuple):
    """The value that a model names, and the probability that it gives to it."""

    value: int
    share: float


def program_rules() -> dict[str, Any]:
    """Return the task as ``js/printed_program.js`` reads it."""
    return {
        "names": list(_TASK.names),
        "largest": _TASK.largest,
        "statements": _TASK.statements,
        "characters": MOST_CHARACTERS,
        "vocabulary": list(_TASK.vocabulary),
    }


def values_after(statements: Statements) -> list[dict[str, int]]:
    """Return the values of all variables that have one, after each statement."""
    values: dict[str, int] = {}
    told = []
    for statement in statements:
        execute(statement, values)
        told.append(dict(values))
    return told


def prints_of(statements: Statements) -> list[int]:
    """Return which statements are prints, counted from 1."""
    return [number for number, statement in enumerate(statements, start=1) if statement[0] == "print"]


def tokens_of(statements: Statements) -> list[int]:
    """Return a program as the models read it."""
    return [_NUMBER[word] for statement in statements for word in (*statement, ";")]


@lru_cache(maxsize=256)
@torch.no_grad()
def shares_of(name: str, program: str) -> Shares:
    """Return the probability that a model gives to each value at the end of each print, computed in float64."""
    statements = read_program(program, _TASK)
    tokens = torch.tensor([tokens_of(statements)], dtype=torch.long)
    ends = [len(tokens_of(statements[:number])) - 1 for number in prints_of(statements)]
    shares = exact_model(name)(tokens).logits[0, ends].softmax(dim=-1)
    return tuple(map(tuple, shares[:, : _TASK.largest].tolist()))


def answers_of(name: str, program: str) -> list[Answer]:
    """Return what a model answers at each print."""
    return [Answer(1 + shares.index(max(shares)), max(shares)) for shares in shares_of(name, program)]


def rights_of(name: str, program: str) -> list[bool]:
    """Return at which prints a model is right."""
    statements = read_program(program, _TASK)
    values = values_after(statements)
    true = [values[number - 1][statements[number - 1][1]] for number in prints_of(statements)]
    return [answer.value == value for answer, value in zip(answers_of(name, program), true, strict=True)]


def drawn_program(seed: int, *, tokens: int = _FIRST_TOKENS) -> str:
    """Return a program of the task's own making: so many tokens, up to the end of the last print among them."""
    drawn = _TASK.sample(batch_size=1, length=tokens, generator=torch.Generator().manual_seed(seed)).tokens[0]
    words = " ".join(_TASK.vocabulary[token] for token in drawn.tolist())
    statements = [statement.split() for statement in words.split(" END")[0].split(" ;")[:-1]]
    return write_program(statements[: prints_of(statements)[-1]])


def asked_first(statements: Statements) -> int:
    """Return the statement at which a program is asked about: the first print from the sixth statement on."""
    prints = prints_of(statements)
    return next((number for number in prints if number >= _FIRST_ASKED), prints[-1])


@cache
def first_program() -> str:
    """Return the program that is shown first: a typical one of up to 256 tokens.

    Typical is the first of the programs drawn with seeds 0, 1, ... in which each model gets as many prints right as
    the accuracy at this length on its card makes of their number, rounded.
    """
    shares = [pretrained.card(name)["accuracy_by_length"][str(_FIRST_TOKENS)] for name in PLAYERS]

    def is_typical(program: str) -> bool:
        rights = [rights_of(name, program) for name in PLAYERS]
        return all(sum(right) == round(share * len(right)) for right, share in zip(rights, shares, strict=True))

    return next(program for program in map(drawn_program, count()) if is_typical(program))


class ProgramDuel(LiveFigure):
    """A program in the authors' language; a model with feedback and one without say at every print what it prints.

    A program is text such as ``"x = 9 ; x ++ ; print x ;"``, at most 100 statements of `PrintedProgram`. With a kernel,
    ``duel.program = "x = 3 ; print x ;"`` moves the picture, and what the reader does can be read: ``program``;
    ``statement``, the one that is shown, counted from 1; ``values_open``, whether values and answers are shown;
    ``ask``, whether they are hidden at each print that is stepped on; ``guess``, the value that was guessed, or 0; and
    ``score``, the number of the reader's right guesses and of all guesses.

    Args:
        program: the program that is shown first; without it, a typical one of 256 tokens (see `first_program`), at its
            first print from the sixth statement on.

    Raises:
        traitlets.TraitError: the text is no program; the message says where it goes wrong and what may stand there.
    """

    _esm = join_script("program_duel")
    _css = join_style("program_duel")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    rules = traitlets.Dict(program_rules(), read_only=True, help="of the programs").tag(sync=True)
    program = traitlets.Unicode("", help="its words, divided by single spaces").tag(sync=True)
    statement = traitlets.Int(0, help="the statement that is shown, from 1; 0 for an empty program").tag(sync=True)
    values_open = traitlets.Bool(True, help="whether values and answers are shown").tag(sync=True)
    ask = traitlets.Bool(False, help="whether they are hidden at each print that is stepped on").tag(sync=True)
    guess = traitlets.Int(0, help="the value that the reader guessed, 0 for none").tag(sync=True)
    score = traitlets.List(traitlets.Int(), [0, 0], help="right guesses of the reader, and all").tag(sync=True)
    recorded: Any = traitlets.Dict(help="a program and both models' probabilities, for a page without models").tag(
        sync=True
    )

    def __init__(self, program: str | None = None) -> None:
        first = first_program()
        shown = read_program(first, _TASK) if program is None else _read(program)
        shares = [[[round(share, _DIGITS) for share in row] for row in shares_of(name, first)] for name in PLAYERS]
        super().__init__(
            models=[export(name) for name in PLAYERS],
            recorded={"program": first, "statement": asked_first(read_program(first, _TASK)), "shares": shares},
            program=write_program(shown),
            statement=asked_first(shown) if program is None else len(shown),
            values_open=program is not None,
        )

    def describe(self) -> str:
        """Return what the statement does, what both models and the reader say, and the score; or the question."""
        statements = read_program(self.program, _TASK)
        if not statements:
            return self.tell("empty")
        now = {"number": self.statement, "count": len(statements), "text": " ".join(statements[self.statement - 1])}
        so_far = statements[: self.statement]
        is_print = so_far[-1][0] == "print"
        if not self.values_open:
            told = [self.tell("question" if is_print else "hidden", **now)]
        else:
            told = [self._tell_print(so_far, now) if is_print else self._tell_values(so_far, now)]
            told += self._tell_score(so_far)
        if self.score[1]:
            told.append(self.tell("reader", right=self.score[0], count=self.score[1]))
        if len(tokens_of(so_far)) > max(exported["trained_length"] for exported in self.models):
            told.append(self.tell("longer"))
        return " ".join(told)

    def _tell_values(self, so_far: Statements, now: dict[str, Any]) -> str:
        values = values_after(so_far)[-1]
        told = [
            self.tell("value" if name in values else "no value", name=name, value=values.get(name))
            for name in _TASK.names
        ]
        return self.tell("after", **now, values=", ".join(told))

    def _tell_print(self, so_far: Statements, now: dict[str, Any]) -> str:
        value, place = values_after(so_far)[-1][so_far[-1][1]], len(prints_of(so_far)) - 1
        told = [self.tell("print", **now, value=value)]
        for key, name in zip(KEYS, PLAYERS, strict=True):
            answer = answers_of(name, self.program)[place]
            verdict = self._verdict(answer.value == value)
            told.append(
                self.tell(
                    "answer", who=self.tell(key), value=answer.value, share=percent(answer.share), verdict=verdict
                )
            )
        if self.guess:
            told.append(self.tell("guess", value=self.guess, verdict=self._verdict(self.guess == value)))
        return " ".join(told)

    def _verdict(self, is_right: bool) -> str:
        return self.tell("right" if is_right else "wrong")

    def _tell_score(self, so_far: Statements) -> list[str]:
        count = len(prints_of(so_far))
        rights = [sum(rights_of(name, self.program)[:count]) for name in PLAYERS]
        return [self.tell("score", count=count, **dict(zip(KEYS, rights, strict=True)))] if count else []

    # ---- what is allowed

    @traitlets.validate("program")
    def _check_program(self, proposal: traitlets.Bunch) -> str:
        return write_program(_read(proposal["value"]))

    @traitlets.observe("program")
    def _keep_within(self, change: traitlets.Bunch) -> None:
        count = self.program.count(";")
        self.statement = max(min(1, count), min(self.statement, count))
        self.guess = 0

    @traitlets.observe("statement")
    def _forget_guess(self, change: traitlets.Bunch) -> None:
        self.guess = 0

    @traitlets.validate("statement")
    def _check_statement(self, proposal: traitlets.Bunch) -> int:
        count = self.program.count(";")
        return self.within(proposal, min(1, count), count)

    @traitlets.validate("guess")
    def _check_guess(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 0, _TASK.largest)

    @traitlets.validate("score")
    def _check_score(self, proposal: traitlets.Bunch) -> list[int]:
        score: list[int] = proposal["value"]
        if len(score) != 2 or not 0 <= score[0] <= score[1]:
            raise traitlets.TraitError(f"score must be the right guesses and all guesses, got {score}")
        return score


def _read(text: str) -> Statements:
    try:
        return read_program(text, _TASK)
    except ValueError as error:
        raise traitlets.TraitError(f"program must be one of the task's: {error}") from error
