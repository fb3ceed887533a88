"""Whether two results agree: proofs that two functions compute the same, and the difference that they are held to."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from feedback_lite.lesson.showing import as_tensor, report


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


def as_bool(value: Any) -> Any:
    """Return one true or false as Python's own where NumPy's came, or a tensor without axes; else what came."""
    if getattr(value, "shape", None) != () or not hasattr(value, "item"):
        return value
    try:
        entry = value.item()
    except RuntimeError:
        return value
    return entry if isinstance(entry, bool) else value
