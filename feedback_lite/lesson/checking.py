"""The check of an exercise: what a learner is told of an answer."""

import dis
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from feedback_lite.config import check_choice
from feedback_lite.lesson.agreement import as_bool, difference
from feedback_lite.lesson.exercises import EXERCISES, Case, Exercise
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
    check_choice("name", name, tuple(EXERCISES))
    exercise = EXERCISES[name]
    tried = 0
    for seed in EXERCISE_SEEDS:
        cases = exercise.make_cases(torch.Generator().manual_seed(seed))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            problem = first_problem(exercise, answer, cases)
        if problem is not None:
            if problem != UNTOUCHED:
                print(f"{name}: {problem}")
            return
        tried += len(cases)
    print(f"{name}: right, on all {tried} inputs.")


def first_problem(exercise: Exercise, answer: Callable[..., Any], cases: Sequence[Case]) -> str | None:
    """Return what is wrong with an answer, shown on the first case that fails; None where nothing is.

    `UNTOUCHED` stands for an answer that nobody has begun.
    """
    results = []
    for arguments in cases:
        try:
            results.append(answer(*copied(arguments)))
        except Exception as error:
            stopped = f"not yet. Your function stopped with {type(error).__name__}: {error}"
            shown = show_arguments(exercise.solution, arguments)
            hints = {**ERROR_HINTS, **exercise.error_hints}
            return "\n".join(
                [
                    stopped,
                    *own_line(answer, error),
                    shown,
                    *(hint for part, hint in hints.items() if part in str(error)),
                ]
            )
    if all(result is None or result is ... for result in results):
        return UNTOUCHED if is_stub(answer) else _NOTHING_CAME
    expected = [exercise.specification(*copied(arguments)) for arguments in cases]
    results = [
        as_bool(came) if isinstance(right, bool) else came for right, came in zip(expected, results, strict=True)
    ]
    wrong = [index for index, pair in enumerate(zip(expected, results, strict=True)) if not close(*pair)]
    if not wrong:
        return None
    first = wrong[0]
    shown = report(exercise.solution, cases[first], expected[first], results[first])
    return f"not yet.\n{shown}\n{diagnose(exercise, cases, expected[first], results[first], results)}"


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


def diagnose(exercise: Exercise, cases: Sequence[Case], expected: Any, came: Any, results: Sequence[Any]) -> str:
    """Return the message of the known mistake that gives these very results, else what kinds and shapes tell."""
    for mistake in exercise.mistakes:
        mistaken = [mistake.answer(*copied(arguments)) for arguments in cases]
        pairs = zip(mistaken, results, strict=True)
        if all(difference(*pair, nan_agrees=True) <= EXERCISE_TOLERANCE for pair in pairs):
            return mistake.message
    if kind(came) != kind(expected):
        return f"The answer should be {kind(expected)}, and {kind(came)} came."
    return exercise.otherwise


def copied(arguments: Sequence[Any]) -> tuple[Any, ...]:
    """Return the arguments with every tensor cloned, so that an answer may change its own."""
    return tuple(argument.clone() if isinstance(argument, Tensor) else argument for argument in arguments)
