"""What the benchmark computes from its measurements: growth, operations, and the table that it prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from feedback_lite.training.records.speed import GenerationRun, GrowthRate, LeftOut, TrainingStep

REFERENCE = "lucidrains"


@dataclass(frozen=True)
class Size:
    """Sizes of one measurement; the memory has as many slots as the sequence has tokens."""

    width: int
    layers: int
    heads: int
    head_width: int
    batch: int
    length: int
    vocabulary: int = 64


def growth_exponent(start: int, end: int, cost_at_start: float, cost_at_end: float) -> float:
    """The exponent e for which cost grows like length ** e between two lengths."""
    return math.log(cost_at_end / cost_at_start) / math.log(end / start)


def predict(costs: Sequence[float]) -> float:
    """The cost at twice the length, from those before: it grows as it last grew, and at least doubles."""
    growth = costs[-1] / costs[-2] if len(costs) > 1 else 2
    return costs[-1] * max(2, growth)


def training_operations(contender: str, size: Size, *, lstm_width: int = 0) -> int:
    """The floating-point operations that a training step needs, counting those of matrix products alone.

    A product with a matrix of n weights takes 2n operations for every token, and attention 4i for every slot that a
    query of i numbers reads: 2i for the score and 2i to read the value. Backward takes each of them twice, once for
    its input and once for its weights. What an implementation computes again, or computes and masks, is not counted.

    Feedback: queries, output and the gated feed-forward (12 d^2) per layer, one projection to keys and values for all
    layers; the token at t reads the t slots before it. Ordinary: a projection per layer, and a token reads itself too.
    """
    if contender == "lstm":
        weights = size.layers * 8 * lstm_width**2 + lstm_width * size.vocabulary
        return 3 * 2 * size.batch * size.length * weights
    inner = size.heads * size.head_width
    reads_itself = contender == "ordinary"
    projections = size.layers if reads_itself else 1
    weights = size.layers * (2 * size.width * inner + 12 * size.width**2)
    weights += projections * 2 * size.width * inner + size.width * size.vocabulary
    slots = size.length * (size.length + (1 if reads_itself else -1)) // 2
    return 3 * size.batch * (2 * size.length * weights + 4 * inner * size.layers * slots)


class Cost(NamedTuple):
    """One contender's medians in one cell of the benchmark."""

    cpu: float
    wall: float


def growth_rates(rows: Sequence[TrainingStep], *, start: int) -> list[GrowthRate]:
    """Growth from one length to the longest that a contender was measured at; memory is the resident one."""
    rates = []
    for contender in dict.fromkeys(row.contender for row in rows):
        for quantity in ("time", "memory"):
            costs = {
                row.length: row.cpu_ms if quantity == "time" else row.resident_mib
                for row in rows
                if row.contender == contender
            }
            known = {length: cost for length, cost in costs.items() if cost}
            end = max(known, default=start)
            if start in known and end > start:
                exponent = growth_exponent(start, end, known[start], known[end])
                rates.append(
                    GrowthRate(
                        contender=contender, quantity=quantity, start=start, end=end, exponent=round(exponent, 3)
                    )
                )
    return rates


def ratio(row: TrainingStep | GenerationRun, rows: Sequence[TrainingStep] | Sequence[GenerationRun]) -> float | None:
    """How many times as fast as the reference a contender is; none where the reference was not measured."""
    reference = [other.tokens_per_second for other in rows if other.contender == REFERENCE]
    return row.tokens_per_second / reference[0] if reference else None


def training_table(rows: Sequence[TrainingStep]) -> list[str]:
    """The lines of one cell: all contenders at one size."""
    first = rows[0]
    lines = [
        f"training step: width {first.width}, {first.layers} layers, batch {first.batch}, {first.length} tokens",
        f"  {'contender':<14}{'CPU ms':>10}{'wall ms':>10}{'tokens/s':>10}{'times':>8}{'of peak':>9}"
        f"{'held MiB':>10}{'resident':>10}",
    ]
    for row in rows:
        lines.append(
            f"  {row.contender:<14}{row.cpu_ms:>10.1f}{row.wall_ms:>10.1f}{row.tokens_per_second:>10.0f}"
            f"{shown(ratio(row, rows), '.2f'):>8}{row.share_of_peak:>9.1%}"
            f"{shown(row.held_mib, '.1f'):>10}{shown(row.resident_mib, '.1f'):>10}"
        )
    return lines


def generation_table(rows: Sequence[GenerationRun]) -> list[str]:
    """The lines of one cell: all contenders at one batch size."""
    first = rows[0]
    lines = [
        f"generation: width {first.width}, {first.layers} layers, batch {first.batch}, {first.length} tokens",
        f"  {'contender':<14}{'tokens/s':>10}{'times':>8}",
    ]
    for row in rows:
        lines.append(f"  {row.contender:<14}{row.tokens_per_second:>10.0f}{shown(ratio(row, rows), '.2f'):>8}")
    return lines


def growth_table(rates: Sequence[GrowthRate]) -> list[str]:
    """A line per contender and quantity."""
    lines = ["growth with length T"]
    for rate in rates:
        lines.append(f"  {rate.contender:<14}{rate.quantity:<8}{rate.start:>5} to {rate.end:<6}T^{rate.exponent:.2f}")
    return lines


def shown(value: float | None, form: str) -> str:
    """A number as text; a dash where there is none."""
    return "-" if value is None else format(value, form)


def gather_reasons(reasons: Mapping[tuple[str, str], str]) -> tuple[LeftOut, ...]:
    """One entry for each contender and reason: from what it was left out, in the order in which that happened."""
    gathered: dict[tuple[str, str], list[str]] = {}
    for (contender, what), reason in reasons.items():
        gathered.setdefault((contender, reason), []).append(what)
    return tuple(
        LeftOut(contender=contender, what="; ".join(whats), reason=reason)
        for (contender, reason), whats in gathered.items()
    )


def left_out_table(entries: Sequence[LeftOut]) -> list[str]:
    """A line for everyone who was not measured."""
    return [f"left out: {entry.contender}: {entry.reason} ({entry.what})" for entry in entries]
