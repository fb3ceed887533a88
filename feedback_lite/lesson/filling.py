"""Answers with blanks: every combination of the choices is assembled, run, and told what `check` tells of it."""

import linecache
import math
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from inspect import signature
from itertools import count, product
from textwrap import indent
from typing import Any

import einops
import torch

from feedback_lite.lesson.checking import Judge, Verdict
from feedback_lite.lesson.exercises import Exercise

BLANKS, CHOICES, MOST_COMBINATIONS = (2, 4), (2, 4), 150
LEAST_MESSAGES = 3
LINES, SECONDS = 20_000, 5.0
"""So many lines may a combination run through, and so long may it compute."""

_BLANK = re.compile(r"\{(?P<name>\w+)(?P<quoted>!?)\}")
# What tells of a fault in the code and not of a mistake that a learner makes.
_ODD = (NameError, ImportError, MemoryError, RecursionError, OSError)


class _TooLong(BaseException):
    """No error that an answer's own ``except`` would catch."""


@dataclass(frozen=True)
class Table:
    """What is told of every combination.

    Args:
        choices: what may stand in each blank, in the order in which it is shown; the blanks in the order of the code.
        verdicts: all that is told, each text once.
        combinations: for every combination the number of its verdict, the choice of the last blank changing fastest.
        right: the number of the verdict of right combinations.
    """

    choices: dict[str, list[str]]
    verdicts: list[str]
    combinations: list[int]
    right: int


def blanks_in(code: str) -> list[str]:
    """Return the names of the blanks in the order of the code, which no store of dicts can change."""
    return [found["name"] for found in _BLANK.finditer(code)]


def assemble(code: str, filling: Mapping[str, str]) -> str:
    """Return the code with its blanks filled. The further lines of a choice begin where the blank's own line begins."""

    def fill(found: re.Match[str]) -> str:
        text = filling[found["name"]]
        if found["quoted"]:
            return f'"{text}"'
        line = code[: found.start()].rpartition("\n")[2]
        return text.replace("\n", "\n" + line[: len(line) - len(line.lstrip())])

    return _BLANK.sub(fill, code)


def head(name: str, exercise: Exercise) -> str:
    """Return the first line of the function whose body is filled in, as the chapter's stub has it."""
    return f"def {function_name(name, exercise)}({', '.join(signature(exercise.solution).parameters)}):"


def function_name(name: str, exercise: Exercise) -> str:
    """Return the name of the function whose body is filled in."""
    return (exercise.blanks and exercise.blanks.function) or name.replace("-", "_")


def fill_all(
    exercise: str, code: str, choices: Mapping[str, Sequence[str]], names: Mapping[str, Any] | None = None
) -> Table:
    """Run every combination through the check of its exercise.

    Args:
        exercise: the name of the exercise.
        code: the body of the answer, with its blanks.
        choices: what may stand in each blank, in any order.
        names: what the code uses of its own chapter.

    Raises:
        ValueError: there is no such exercise; the code and the choices do not fit together; a combination is no
            Python, runs too long or stops with an error that no learner makes; no combination is right; too few
            different mistakes can be made; or a blank makes no difference.
    """
    judge = Judge(exercise)
    blanks = _blanks_of(code, choices)
    first_line = head(exercise, judge.exercise)
    judge.work_out()  # before lines are counted, which is slow
    judged: dict[frozenset[tuple[str, str]], Verdict] = {}
    for texts in product(*(choices[blank] for blank in blanks)):
        filling = dict(zip(blanks, texts, strict=True))
        source = f"{first_line}\n{indent(assemble(code, filling), '    ')}\n"
        judged[frozenset(filling.items())] = _judge_one(judge, source, names or {})
    rights = {verdict.text for verdict in judged.values() if verdict.is_right}
    messages = {verdict.message for verdict in judged.values() if not verdict.is_right}
    if not rights:
        raise ValueError(f"choices of {exercise} must have a right combination, got none")
    if len(messages) < LEAST_MESSAGES:
        raise ValueError(
            f"choices of {exercise} must earn at least {LEAST_MESSAGES} different messages, got {sorted(messages)}"
        )
    for salt in count():
        shown = {blank: _order(exercise, blank, choices[blank], salt) for blank in blanks}
        told = [
            judged[frozenset(zip(blanks, texts, strict=True))].text
            for texts in product(*(shown[one] for one in blanks))
        ]
        if told[0] not in rights:  # the first choices are never all right
            break
    verdicts = list(dict.fromkeys(told))
    _refuse_idle_blanks(shown, told)
    return Table(shown, verdicts, [verdicts.index(text) for text in told], verdicts.index(next(iter(rights))))


def _blanks_of(code: str, choices: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names of the blanks in the order of the code, or say what is wrong with them."""
    blanks = blanks_in(code)
    if sorted(blanks) != sorted(choices):
        raise ValueError(f"code must have each blank of the choices {sorted(choices)} once, got {blanks}")
    if not BLANKS[0] <= len(blanks) <= BLANKS[1]:
        raise ValueError(f"code must have {BLANKS[0]} to {BLANKS[1]} blanks, got {len(blanks)}")
    for blank, texts in choices.items():
        if not CHOICES[0] <= len(texts) <= CHOICES[1] or len(set(texts)) < len(texts):
            raise ValueError(
                f"choices of {blank} must be {CHOICES[0]} to {CHOICES[1]} different texts, got {list(texts)}"
            )
    combinations = math.prod(len(texts) for texts in choices.values())
    if combinations > MOST_COMBINATIONS:
        raise ValueError(f"choices must have at most {MOST_COMBINATIONS} combinations, got {combinations}")
    return blanks


def _order(exercise: str, blank: str, texts: Sequence[str], salt: int) -> list[str]:
    """Return choices in an order that depends on the exercise and on what they are, not on how they came."""
    return sorted(texts, key=lambda text: sha256(f"{salt} {exercise} {blank} {text}".encode()).digest())


def _refuse_idle_blanks(shown: Mapping[str, Sequence[str]], told: Sequence[str]) -> None:
    """Refuse a blank in which no choice ever changes what is told."""
    places = product(*(range(len(texts)) for texts in shown.values()))
    text_at = dict(zip(places, told, strict=True))
    for number, blank in enumerate(shown):
        told_with: dict[tuple[int, ...], set[str]] = {}  # the same choices elsewhere
        for place, text in text_at.items():
            told_with.setdefault(place[:number] + place[number + 1 :], set()).add(text)
        if all(len(texts) == 1 for texts in told_with.values()):
            raise ValueError(f"the blank {blank} must make a difference, but what is told never changes with it")


def _judge_one(judge: Judge, source: str, names: Mapping[str, Any]) -> Verdict:
    """Return what is told of one assembled function, as `check` tells it."""
    file = f"<{judge.name}>"
    space = {**_common_names(), **names}
    try:
        exec(compile(source, file, "exec"), space)
    except SyntaxError as error:
        raise ValueError(f"every combination must be Python, got {error} in\n{source}") from error
    function = space[function_name(judge.name, judge.exercise)]
    # Where an answer stops, its own line is told, and Python looks for it here.
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    began = time.process_time()
    try:
        with _at_most(LINES, file):
            verdict = judge.verdict(function)
    except _TooLong:
        raise ValueError(f"a combination may run through {LINES} lines, got more in\n{source}") from None
    except SystemExit as error:
        raise ValueError(f"a combination may not stop with {error!r}:\n{source}") from error
    finally:
        del linecache.cache[file]
    if time.process_time() - began > SECONDS:
        raise ValueError(f"a combination may compute for {SECONDS:g} seconds, got more in\n{source}")
    if isinstance(verdict.error, _ODD) and not isinstance(verdict.error, UnboundLocalError):
        raise ValueError(f"a combination may not stop with {verdict.error!r}:\n{source}") from verdict.error
    if " at 0x" in verdict.text:
        raise ValueError(f"what is told may not name an object's address, got {verdict.text!r} for\n{source}")
    return verdict


def _common_names() -> dict[str, Any]:
    """Return what chapters import: PyTorch, einops, and the public names of the package."""
    import feedback_lite  # the package itself knows nothing of lessons, but has all the names

    public = {name: getattr(feedback_lite, name) for name in feedback_lite.__all__}
    tools = {"math": math, "partial": partial, "torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    return {**public, **tools, "einsum": einops.einsum, "rearrange": einops.rearrange}


@contextmanager
def _at_most(lines: int, file: str) -> Iterator[None]:
    """Stop code of this file after so many of its lines."""
    left = lines

    def count_line(frame: Any, event: str, argument: Any) -> Any:
        nonlocal left
        left -= event == "line"
        if left < 0:
            raise _TooLong
        return count_line

    def begin(frame: Any, event: str, argument: Any) -> Any:
        return count_line if frame.f_code.co_filename == file else None

    before = sys.gettrace()
    sys.settrace(begin)
    try:
        yield
    finally:
        sys.settrace(before)
