"""The check of an exercise: what a learner is told of an answer."""

import dis
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from feedback_lite.config import check_choice
from feedback_lite.lesson.agreement import as_bool, difference
from feedback_lite.lesson.exercises import EXERCISES, Case
from feedback_lite.lesson.showing import kind, report, show_arguments

EXERCISE_TOLERANCE = 1e-4  # answers may take another dtype on the way
EXERCISE_SEEDS = (1, 2)
UNTOUCHED = "untouched"
_NOTHING_CAME = (
    "nothing came back yet. Replace the dots, and return the result. `print` shows a result, `return` hands it back."
)
_PRODUCT = (
    "In a product of matrices, the last axis of the first must be as long as the last but one of the second. "
    "Vectors in rows: vectors @ matrix.T. With more axes: a @ b.transpose(-1, -2)."
)
_WHOLE_NUMBERS = "Whole numbers stand where floating-point ones are needed: write 1.0, or `.float()`."
_FLOAT_MASK = "Masks are tables of true and false: add `.bool()`."
# What PyTorch's own words leave open, for errors that learners meet often. An exercise may add its own.
ERROR_HINTS = {
    "single memory location": "`-=` changes a tensor while it is still being read. Make a new one: a = a - b.",
    "Expected size for first two dimensions": _PRODUCT,
    "shapes cannot be multiplied": _PRODUCT,
    "size mismatch, got input": _PRODUCT,
    "leaf Variable that requires grad": "A parameter may be changed in place within torch.no_grad() alone.",
    "must match the size": "Two shapes do not fit. Print both, and add axes of size 1 with None where one is missing.",
    "Sizes of tensors must match except in dimension": "`torch.cat` joins along axis 0 unless told otherwise: dim=1.",
    "Boolean value of Tensor": "`if` takes one true or false. For a whole tensor use torch.where.",
    "not implemented for 'Long'": _WHOLE_NUMBERS,
    "Float did not match Long": _WHOLE_NUMBERS,
    "Long did not match Float": _WHOLE_NUMBERS,
    "float != long": _WHOLE_NUMBERS,
    "long int != float": _WHOLE_NUMBERS,
    "only implemented on integer and Boolean": _FLOAT_MASK,
    "only supports boolean masks": _FLOAT_MASK,
    "expected condition to be a boolean": _FLOAT_MASK,
}


def check(name: str, answer: Callable[..., Any]) -> None:
    """Try a learner's answer to an exercise on two sets of inputs and print what came of it. Raises nothing.

    Of a function in which nobody has written anything yet, nothing is printed.

    An answer that draws random numbers draws the same ones on every call, and the learner's own draws stay as they are.

    Args:
        name: the name of the exercise, as its chapter gives it.
        answer: the learner's function.

    Raises:
        ValueError: there is no exercise of that name.
    """
    verdict = Judge(name).verdict(answer)
    if verdict.text:
        print(verdict.text)


@dataclass(frozen=True)
class Verdict:
    """What came of an answer.

    Args:
        text: all that is told; empty where nobody has begun.
        message: of a wrong answer, the part that says what is wrong, without the inputs; empty for a right one.
        error: what stopped the answer, if something did.
    """

    text: str
    message: str = ""
    error: Exception | None = None

    @property
    def is_right(self) -> bool:
        """Whether the answer is right on all inputs."""
        return not self.message


class Judge:
    """Tells what is wrong with answers to one exercise; what they are held against is worked out once for all of them.

    Args:
        name: the name of the exercise.

    Raises:
        ValueError: there is no exercise of that name.
    """

    def __init__(self, name: str) -> None:
        check_choice("name", name, tuple(EXERCISES))
        self.name = name
        self.exercise = EXERCISES[name]
        self._known: dict[tuple[Callable[..., Any], int], list[Any]] = {}

    def work_out(self) -> None:
        """Work out at once all that answers are held against; without this, it is done when it is needed."""
        for seed in EXERCISE_SEEDS:
            for function in (self.exercise.specification, *(mistake.answer for mistake in self.exercise.mistakes)):
                self._results(function, seed)

    def verdict(self, answer: Callable[..., Any]) -> Verdict:
        """Return what is to be told of an answer; it is the same for one answer every time."""
        tried = 0
        for seed in EXERCISE_SEEDS:
            cases = self._cases(seed)
            problem = self._problem(answer, cases, seed)
            if problem is not None:
                return replace(problem, text=f"{self.name}: {problem.text}" if problem.text else "")
            tried += len(cases)
        return Verdict(f"{self.name}: right, on all {tried} inputs.")

    def _cases(self, seed: int) -> list[Case]:
        with _own_draws(seed):  # a model that is made draws its first weights
            return self.exercise.make_cases(torch.Generator().manual_seed(seed))

    def _problem(self, answer: Callable[..., Any], cases: Sequence[Case], seed: int) -> Verdict | None:
        """Return what is wrong with an answer, shown on the first case that fails; None where nothing is."""
        exercise = self.exercise
        results = []
        with _own_draws(seed):
            for arguments in cases:
                try:
                    results.append(answer(*copied(arguments)))
                except Exception as error:
                    stopped = f"Your function stopped with {type(error).__name__}: {error}"
                    shown = show_arguments(exercise.solution, arguments)
                    hints = [
                        hint for part, hint in {**ERROR_HINTS, **exercise.error_hints}.items() if part in str(error)
                    ]
                    text = "\n".join([f"not yet. {stopped}", *own_line(answer, error), shown, *hints])
                    return Verdict(text, "\n".join([stopped, *hints]), error)
        if all(result is None or result is ... for result in results):
            return Verdict("", UNTOUCHED) if is_stub(answer) else Verdict(_NOTHING_CAME, _NOTHING_CAME)
        expected = self._results(exercise.specification, seed)
        results = [
            as_bool(came) if isinstance(right, bool) else came for right, came in zip(expected, results, strict=True)
        ]
        wrong = [index for index, pair in enumerate(zip(expected, results, strict=True)) if not close(*pair)]
        if not wrong:
            return None
        first = wrong[0]
        shown = report(exercise.solution, cases[first], expected[first], results[first])
        message = self._diagnose(expected[first], results[first], results, seed)
        return Verdict(f"not yet.\n{shown}\n{message}", message)

    def _diagnose(self, expected: Any, came: Any, results: Sequence[Any], seed: int) -> str:
        """Return the message of the known mistake that gives these very results, else what kinds and shapes tell."""
        for mistake in self.exercise.mistakes:
            pairs = zip(self._results(mistake.answer, seed), results, strict=True)
            if all(difference(*pair, nan_agrees=True) <= EXERCISE_TOLERANCE for pair in pairs):
                return mistake.message
        if kind(came) != kind(expected):
            return f"The answer should be {kind(expected)}, and {kind(came)} came."
        return self.exercise.otherwise

    def _results(self, function: Callable[..., Any], seed: int) -> list[Any]:
        """Return what the specification or a mistake makes of all cases, which are drawn anew: some keep count."""
        key = (function, seed)
        if key not in self._known:
            with _own_draws(seed):
                self._known[key] = [function(*copied(arguments)) for arguments in self._cases(seed)]
        return self._known[key]


@contextmanager
def _own_draws(seed: int) -> Iterator[None]:
    """Let what is run draw the random numbers of this seed, and leave those of everybody else as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def own_line(answer: Callable[..., Any], error: Exception) -> list[str]:
    """Return the learner's line that stopped, if there is one: the last of the traceback in the answer's own file."""
    code = getattr(answer, "__code__", None)
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if code and frame.filename == code.co_filename]
    return [f"  in your line: {own[-1].line}"] if own and own[-1].line else []


def is_stub(answer: Callable[..., Any]) -> bool:
    """Return whether a function does nothing at all, as all answers before the learner has written in them."""
    code = getattr(answer, "__code__", None)
    nothing = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}
    return code is not None and {instruction.opname for instruction in dis.get_instructions(code)} <= nothing


def close(expected: Any, came: Any) -> bool:
    """Return whether an answer counts as right."""
    return difference(expected, came) <= EXERCISE_TOLERANCE


def copied(arguments: Sequence[Any]) -> tuple[Any, ...]:
    """Return the arguments with every tensor cloned, so that an answer may change its own."""
    return tuple(argument.clone() if isinstance(argument, Tensor) else argument for argument in arguments)
