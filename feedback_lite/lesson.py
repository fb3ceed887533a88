"""What the chapters teach with: proofs that two functions agree, sources to read, and checks of exercises."""

import dis
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from IPython.display import display
from torch import Tensor

from feedback_lite.config import check_choice
from feedback_lite.exercises import EXERCISES, Case, Exercise

EXERCISE_TOLERANCE = 1e-4  # answers may take another dtype on the way
EXERCISE_SEEDS = (1, 2)
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


def agree(
    specification: Callable[..., Any],
    package: Callable[..., Any],
    cases: Iterable[Sequence[Any]],
    *,
    tolerance: float = 1e-10,
) -> float:
    """Prove on many inputs that two functions compute the same, and print how many.

    For results ``a`` and ``b``, tensors or tuples of tensors, ``|a - b| <= tolerance * (1 + max|a|)`` must hold.

    Args:
        specification: the slow, plain function that we believe.
        package: the function to be proven.
        cases: the arguments of each case.
        tolerance: how far apart two numbers may be; the default is meant for float64.

    Returns:
        The largest difference that was seen, in units of ``1 + max|a|``.

    Raises:
        AssertionError: they differ; the message shows the first case in which they do.
        ValueError: there is no case.
    """
    differences = []
    for arguments in cases:
        expected, came = specification(*arguments), package(*arguments)
        differences.append(difference(expected, came))
        if not differences[-1] <= tolerance:
            raise AssertionError(
                f"case {len(differences)} differs by {differences[-1]:g}, more than {tolerance:g}\n"
                + report(specification, arguments, expected, came)
            )
    if not differences:
        raise ValueError("cases must hold at least one case, got none")
    print(f"{len(differences)} cases agree within {tolerance:g}")
    return max(differences)


def difference(expected: Any, came: Any, *, nan_agrees: bool = False) -> float:
    """Return the largest relative difference of two results.

    Args:
        expected: what is right.
        came: what is held against it.
        nan_agrees: whether nan is no difference where both have it.

    Returns:
        Infinity where kinds or shapes do not match, or where there is a nan.
    """
    if isinstance(expected, bool):
        came = as_bool(came)
        return 0.0 if isinstance(came, bool) and came == expected else float("inf")
    if isinstance(expected, tuple):
        if not isinstance(came, tuple | list) or len(came) != len(expected):
            return float("inf")
        return max(difference(*pair, nan_agrees=nan_agrees) for pair in zip(expected, came, strict=True))
    right, other = as_tensor(expected), as_tensor(came)
    if right is None or other is None or right.shape != other.shape:
        return float("inf")
    if right.numel() == 0:
        return 0.0
    if nan_agrees:
        both = right.isnan() & other.isnan()
        right, other = right.masked_fill(both, 0), other.masked_fill(both, 0)
    largest = ((right - other).abs().max() / (1 + right.abs().max())).item()
    return largest if largest == largest else float("inf")


def as_tensor(value: Any) -> Tensor | None:
    """Return numbers in any form as float64 on the CPU; None where they are no numbers."""
    if value is None or isinstance(value, bool | str):
        return None
    try:
        return torch.as_tensor(value).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        return None


def as_bool(value: Any) -> Any:
    """Return one true or false as Python's own where NumPy's came, or a tensor without axes; else what came."""
    if getattr(value, "shape", None) != () or not hasattr(value, "item"):
        return value
    try:
        entry = value.item()
    except RuntimeError:
        return value
    return entry if isinstance(entry, bool) else value


def check(name: str, answer: Callable[..., Any]) -> None:
    """Try a learner's answer to an exercise on two sets of inputs and print what came of it. Raises nothing.

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
            print(f"{name}: {problem}")
            return
        tried += len(cases)
    print(f"{name}: right, on all {tried} inputs.")


def first_problem(exercise: Exercise, answer: Callable[..., Any], cases: Sequence[Case]) -> str | None:
    """Return what is wrong with an answer, shown on the first case that fails; None where nothing is."""
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
        nothing = "nothing came back yet. Replace the dots, and return the result."
        return nothing if is_stub(answer) else f"{nothing} `print` shows a result, `return` hands it back."
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


def kind(value: Any) -> str:
    """Say what a value is, without its numbers: "a tensor of shape (2, 3)", "2 tensors", "a str"."""
    if isinstance(value, tuple | list) and value and all(isinstance(part, Tensor) for part in value):
        number = "1 tensor" if len(value) == 1 else f"{len(value)} tensors"
        return f"{number} of shape {' and '.join(str(tuple(part.shape)) for part in value)}"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    name = type(value).__name__
    return "nothing" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def copied(arguments: Sequence[Any]) -> tuple[Any, ...]:
    """Return the arguments with every tensor cloned, so that an answer may change its own."""
    return tuple(argument.clone() if isinstance(argument, Tensor) else argument for argument in arguments)


def report(function: Callable[..., Any], arguments: Sequence[Any], expected: Any, came: Any) -> str:
    """Return the inputs by name, what should have come and what came, one to a line."""
    shown = f"{show_arguments(function, arguments)}\n  expected: {show(expected)}\n  came:     {show(came)}"
    return shown + unseen(expected, came)


def unseen(expected: Any, came: Any) -> str:
    """Return a line on where two results differ that look alike as `show` writes them; nothing for all others."""
    if show(expected) != show(came):
        return ""
    if show(expected, most=sys.maxsize) != show(came, most=sys.maxsize):
        return "\nThe difference lies further on, where the dots are."
    gap = largest_gap(expected, came)
    return f"\nThe difference lies in later digits: {gap:.1g}." if gap > 0 else ""


def largest_gap(expected: Any, came: Any) -> float:
    """Return the largest difference of two results of the same kinds and shapes; 0 where there are no numbers."""
    if isinstance(expected, tuple):
        return max((largest_gap(*pair) for pair in zip(expected, came, strict=True)), default=0.0)
    right, other = as_tensor(expected), as_tensor(came)
    if right is None or other is None or right.numel() == 0:
        return 0.0
    return (right - other).abs().max().item()


def show_arguments(function: Callable[..., Any], arguments: Sequence[Any]) -> str:
    """Return every argument by the name that the function gives it, one to a line."""
    names = inspect.signature(function).parameters
    return "\n".join(f"  {name} = {show(argument)}" for name, argument in zip(names, arguments, strict=True))


def show(value: Any, *, most: int = 160) -> str:
    """Write a value for reading. Tensors: the shape, then true and false, whole numbers, or three decimals.

    Args:
        value: what is to be shown.
        most: how many characters of its numbers are shown.
    """
    if isinstance(value, Tensor):
        numbers = as_tensor(value)
        if numbers is None:
            return f"{tuple(value.shape)} without numbers, on {value.device}"
        entries = numbers.round(decimals=3) if value.is_floating_point() else value
        return f"{tuple(value.shape)} {shortened(str(entries.tolist()), most)}"
    if isinstance(value, tuple):
        return " and ".join(show(part, most=most) for part in value)
    if inspect.isfunction(value):
        return inspect.getdoc(value) or value.__name__
    return shortened(repr(value), most)


def shortened(text: str, most: int) -> str:
    """Cut a long text and say so with dots."""
    return text if len(text) <= most else text[:most] + " ..."


def show_source(piece: Any) -> None:
    """Show the package's source of a function or class, as it stands, in the chapter."""
    source = inspect.getsource(piece)
    display({"text/markdown": f"```python\n{source}```", "text/plain": source}, raw=True)  # type: ignore[no-untyped-call]
