"""Programs of `PrintedProgram` as a reader writes them: read word by word, or refused where they go wrong."""

import re
from collections.abc import Mapping, Sequence

from feedback_lite.tasks.printed_program import PrintedProgram, execute

MOST_CHARACTERS = 4000
_MARKS = re.compile(r"(\+\+|--|[=<>:;])")
_SPACES = re.compile(r"[ \t\r\n\u00a0]+")  # the same in all languages, unlike \s
_LONGEST_WORD = 20  # of a word that is told; longer ones are cut


def read_program(text: str, task: PrintedProgram) -> list[list[str]]:
    """Return the words of each statement, without its ";".

    Spaces are needed between letters and digits alone: "x=3;print x;" will do. A dash, which telephones make of two
    minus signs, counts as "--", and END may stand after the last statement.

    Args:
        text: one program; an empty one has no statements.
        task: the task that it is written for. All that `task` never draws is refused.

    Raises:
        ValueError: the text is no program of the task; the message names the statement, what is wrong there, and what
            may stand there.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"the text has {len(text):,} characters, and a program has at most {MOST_CHARACTERS:,}")
    words = [word for word in _SPACES.split(_MARKS.sub(r" \1 ", re.sub("[–—]", "--", text))) if word]
    statements: list[list[str]] = []
    values: dict[str, int] = {}
    statement: list[str] = []
    for word in words[:-1] if words[-1:] == ["END"] else words:
        number = len(statements) + 1
        if number > task.statements:
            raise ValueError(f"statement {number}: a program has at most {task.statements} statements")
        if word not in (may_follow := words_after(statement, task)):
            shown = f"'{word}'" if word in task.vocabulary else f"unknown word '{_cut(word)}'"
            raise ValueError(f"statement {number}: {shown} {_place(statement)}; {_list(may_follow)} may stand there")
        statement.append(word)
        if (objection := objection_to(statement, values, task)) is not None:
            raise ValueError(f"statement {number}: {objection}")
        if word == ";":
            statements.append(statement[:-1])
            execute(statement[:-1], values)
            statement = []
    if statement:
        may_follow = words_after(statement, task)
        raise ValueError(
            f"statement {len(statements) + 1}: the text ends {_place(statement)}; {_list(may_follow)} may stand there"
        )
    return statements


def write_program(statements: Sequence[Sequence[str]]) -> str:
    """Return a program as text, its words divided by single spaces."""
    return " ".join(word for statement in statements for word in (*statement, ";"))


def words_after(statement: Sequence[str], task: PrintedProgram) -> tuple[str, ...]:
    """Return the words that may follow the first words of a statement, whatever the values are."""
    numbers = task.vocabulary[: task.largest]
    match list(statement):
        case []:
            return (*task.names, "if", "print")
        case ["if"] | ["print"] | ["if", _, _, _, ":"]:
            return task.names
        case ["if", _]:
            return ("<", ">")
        case ["if", _, _]:
            return (*task.names, *numbers)
        case ["if", _, _, _]:
            return (":",)
        case ["if", _, _, _, ":", *body]:
            return words_after(body, task)
        case ["print", _]:
            return (";",)
        case [_]:
            return ("=", "++", "--")
        case [_, "="]:
            return numbers
        case _:
            return (";",)


def objection_to(statement: Sequence[str], values: Mapping[str, int], task: PrintedProgram) -> str | None:
    """Return why the last of a statement's first words cannot stand there with these values, or None."""
    match list(statement):
        case ["print", name] | ["if", name] | ["if", _, _, name] if name in task.names and name not in values:
            return f"{name} has no value yet"
        case ["if", left, _, right] if left == right:
            return f"{left} cannot be compared with itself"
        case ["if", _, _, _, ":", *body]:
            return objection_to(body, values, task)
        case [name, "="] if name in values:
            return f"{name} has a value already"
        case [name, "++" | "--"] if name not in values:
            return f"{name} has no value yet"
        case [name, "++" | "--" as sign] if values[name] == (end := task.largest if sign == "++" else 1):
            return f"{name} {sign} is not possible at {end}"
    return None


def _place(statement: Sequence[str]) -> str:
    return f"after '{' '.join(statement)}'" if statement else "at its start"


def _list(words: Sequence[str]) -> str:
    """Return words as a list in a sentence; numbers are told by their first and last, marks in quotes."""
    numbers = [word for word in words if word.isdigit()]
    told = [word if word.isalnum() else f"'{word}'" for word in words if word not in numbers]
    if numbers:
        told.append(f"a number from {numbers[0]} to {numbers[-1]}")
    *rest, last = told
    return f"{', '.join(rest)} or {last}" if rest else last


def _cut(word: str) -> str:
    return word if len(word) <= _LONGEST_WORD else f"{word[:_LONGEST_WORD]}…"
