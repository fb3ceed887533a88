"""How values and sources are shown to a reader."""

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from IPython.display import display
from torch import Tensor


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


def kind(value: Any) -> str:
    """Say what a value is, without its numbers: "a tensor of shape (2, 3)", "2 tensors", "a str"."""
    if isinstance(value, tuple | list) and value and all(isinstance(part, Tensor) for part in value):
        number = "1 tensor" if len(value) == 1 else f"{len(value)} tensors"
        return f"{number} of shape {' and '.join(str(tuple(part.shape)) for part in value)}"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    name = type(value).__name__
    return "nothing" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def show_source(piece: Any) -> None:
    """Show the package's source of a function or class, as it stands, in the chapter."""
    source = inspect.getsource(piece)
    display({"text/markdown": f"```python\n{source}```", "text/plain": source}, raw=True)  # type: ignore[no-untyped-call]


def as_tensor(value: Any) -> Tensor | None:
    """Return numbers in any form as float64 on the CPU; None where they are no numbers."""
    if value is None or isinstance(value, bool | str):
        return None
    try:
        return torch.as_tensor(value).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        return None
