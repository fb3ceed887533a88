"""The record of `make bench`: what a training step and a generated token cost, for every implementation."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

from feedback_lite.config import check_choice


@dataclass(frozen=True, kw_only=True)
class TrainingStep:
    """What one forward and backward pass of next-token prediction cost: medians over interleaved rounds.

    Args:
        contender: whose implementation; one of `CONTENDERS`.
        engine: what this package computed with, as `feedback_lite.engine` calls it; none for the others.
        width: of every hidden vector.
        layers: number of blocks, or of recurrent layers.
        batch: sequences side by side.
        length: tokens in a sequence, and slots in the memory.
        cpu_ms: processor time of the process.
        wall_ms: time on the clock.
        held_mib: bytes of the tensors that autograd saved for backward, each storage counted once; none where it was
            not measured.
        resident_mib: how much the resident memory of a process of its own grew at most during the step.
        tokens_per_second: ``batch * length`` by processor time.
        share_of_peak: floating-point operations that the model needs, by processor time, over those of a large matrix
            product in the same rounds.
    """

    LIST: ClassVar[str] = "training"
    contender: str
    engine: str | None
    width: int
    layers: int
    batch: int
    length: int
    cpu_ms: float
    wall_ms: float
    held_mib: float | None
    resident_mib: float | None
    tokens_per_second: float
    share_of_peak: float


@dataclass(frozen=True, kw_only=True)
class GenerationRun:
    """How fast tokens were generated one by one; the fields that `TrainingStep` has too mean the same."""

    LIST: ClassVar[str] = "generation"
    contender: str
    engine: str | None
    width: int
    layers: int
    batch: int
    length: int
    tokens_per_second: float


@dataclass(frozen=True, kw_only=True)
class GrowthRate:
    """How time or memory of a training step grows with length: ``cost ~ length ** exponent`` between two lengths."""

    LIST: ClassVar[str] = "growth"
    contender: str
    quantity: str
    start: int
    end: int
    exponent: float


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Who was not measured, at what, and why: one sentence."""

    LIST: ClassVar[str] = "left_out"
    contender: str
    what: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SpeedRecord:
    """One run of the benchmark: the machine, the versions, the day, and all that was measured."""

    machine: dict[str, Any]
    versions: dict[str, str]
    measured: str
    training: tuple[TrainingStep, ...]
    generation: tuple[GenerationRun, ...]
    growth: tuple[GrowthRate, ...]
    left_out: tuple[LeftOut, ...] = ()


CONTENDERS = ("lucidrains", "labml", "labml-shared", "plain", "torch", "native", "ordinary", "lstm")
QUANTITIES = ("time", "memory")
# "from" is a word of Python's, so the fields of `GrowthRate` have other names.
IN_FILE = {"start": "from", "end": "to"}
Row = TypeVar("Row", TrainingStep, GenerationRun, GrowthRate, LeftOut)


def read_speed(record: Mapping[str, Any], source: str) -> SpeedRecord:
    """Return what a record of the benchmark holds.

    Args:
        record: the record as JSON gives it.
        source: what messages call it: the name of its file.

    Raises:
        ValueError: this is no such record; the message names the source and the first thing that is wrong.
    """
    try:
        check(isinstance(record, Mapping), f"it must be an object, got {type(record).__name__}")
        missing = [field.name for field in fields(SpeedRecord) if field.name not in {"left_out", *record}]
        check(not missing, f"it lacks {', '.join(missing)}")
        machine, versions = record["machine"], record["versions"]
        check(isinstance(machine, dict) and isinstance(machine.get("processor"), str), "machine must name a processor")
        peak = machine.get("peak_gflops")
        check(isinstance(peak, dict) and is_a(peak.get("float32"), float), "machine.peak_gflops must have a float32")
        check(isinstance(versions, dict) and "torch" in versions, "versions must name torch")
        return SpeedRecord(
            machine=machine,
            versions=versions,
            measured=str(record["measured"]),
            training=read_rows(TrainingStep, record),
            generation=read_rows(GenerationRun, record),
            growth=read_rows(GrowthRate, record),
            left_out=read_rows(LeftOut, record),
        )
    except ValueError as error:
        raise ValueError(f"{source} is not a record of `make bench`: {error}") from error


def read_rows(kind: type[Row], record: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return the rows of one list of a record; raise where one is not as the kind says."""
    rows = record.get(kind.LIST, [])
    check(isinstance(rows, list), f"{kind.LIST} must be a list, got {type(rows).__name__}")
    return tuple(read_row(kind, row, f"{kind.LIST}[{number}]") for number, row in enumerate(rows))


def read_row(kind: type[Row], row: object, place: str) -> Row:
    """Return one row; raise where a field is missing, unknown or of the wrong type."""
    check(isinstance(row, dict), f"{place} must be an object, got {type(row).__name__}")
    assert isinstance(row, dict)
    types = {name: allowed for name, allowed in get_type_hints(kind).items() if get_origin(allowed) is not ClassVar}
    names = {IN_FILE.get(name, name): name for name in types}
    missing, unknown = [name for name in names if name not in row], [name for name in row if name not in names]
    check(not missing, f"{place} lacks {', '.join(missing)}")
    check(not unknown, f"{place} has unknown entries: {', '.join(unknown)}")
    for written, name in names.items():
        check(is_a(row[written], types[name]), f"{place} has {written}={row[written]!r}")
    check_choice(f"{place}: contender", row["contender"], CONTENDERS)
    if kind is GrowthRate:
        check_choice(f"{place}: quantity", row["quantity"], QUANTITIES)
    return kind(**{name: row[written] for written, name in names.items()})


def is_a(value: object, allowed: Any) -> bool:
    """Say whether a value of JSON is of an annotated type; numbers must be finite, sizes positive."""
    if get_args(allowed):
        return any(is_a(value, one) for one in get_args(allowed))
    if allowed is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if allowed is int:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    return isinstance(value, allowed)


def check(holds: bool, message: str) -> None:
    """Raise unless something holds."""
    if not holds:
        raise ValueError(message)


def to_record(speed: SpeedRecord) -> dict[str, Any]:
    """Return the record as it stands in its file."""
    record = {name: value for name, value in vars(speed).items() if name in ("machine", "versions", "measured")}
    for kind in (TrainingStep, GenerationRun, GrowthRate, LeftOut):
        rows = [asdict(row) for row in getattr(speed, kind.LIST)]
        record[kind.LIST] = [{IN_FILE.get(name, name): value for name, value in row.items()} for row in rows]
    return record
