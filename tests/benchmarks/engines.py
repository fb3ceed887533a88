"""Measures this package against all other implementations of the architecture, on one thread, in one run.

    python -m tests.benchmarks.engines --out _build/speed.json

Four grids: a training step by length, one by batch and width, the memory of a step, and generation. In every cell the
contenders take turns, so that a busy moment of the machine falls on all of them; what counts is the median over the
rounds of the processor time. The feedback models have the same weights and give the same logits, labml's alone differ.
A large matrix product takes its turn in every training round: what it reaches is the peak that steps are compared with.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import importlib.metadata
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from feedback_lite.files import write_whole
from feedback_lite.training import records
from feedback_lite.training.cards import versions
from feedback_lite.training.records.speed import (
    CONTENDERS,
    GenerationRun,
    SpeedRecord,
    TrainingStep,
    to_record,
)
from tests.benchmarks import counting
from tests.benchmarks.contenders import ENGINES, LABML, CannotTakePartError, Contender, check_same, make
from tests.benchmarks.counting import Size
from tests.benchmarks.memory import Memory, measure_apart

GRIDS = ("length", "batch", "memory", "generation")
# These are measured at every length. Others drop out where a step would take or hold more than the plan's limits.
ALWAYS = ("torch", "native")


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long.

    Args:
        by_length: the grid of lengths, with the number of rounds for each; each length is twice the one before.
        by_batch: the grid of batch sizes and widths.
        generation: the cells in which tokens are generated.
        batch_rounds: rounds in every cell of the second grid.
        generation_rounds: rounds in every cell of generation.
        growth_from: the length from which growth is counted.
        step_limit: seconds; who would need more for a step at a length drops out there.
        memory_limit: MiB; the same.
        turn_limit: seconds; who has used more in a cell takes no further turns in it.
        product: rows and columns of the matrices that are multiplied for the peak.
        who_holds: whose memory is measured.
    """

    by_length: Mapping[Size, int]
    by_batch: Sequence[Size]
    generation: Sequence[Size]
    batch_rounds: int = 3
    generation_rounds: int = 3
    growth_from: int = 128
    step_limit: float = 15
    memory_limit: float = 6144
    turn_limit: float = 25
    product: int = 2048
    who_holds: Sequence[str] = CONTENDERS


WIDE = Size(width=128, layers=4, heads=4, head_width=32, batch=8, length=64)
FULL = Plan(
    by_length={
        replace(WIDE, length=length): rounds
        for length, rounds in ((64, 7), (128, 5), (256, 3), (512, 3), (1024, 2), (2048, 2))
    },
    by_batch=[
        Size(width=width, layers=layers, heads=width // 16, head_width=16, batch=batch, length=64)
        for width in (32, 64)
        for layers in (2, 4)
        for batch in (64, 256)
    ],
    generation=[replace(WIDE, batch=batch, length=256) for batch in (1, 8)],
)
SMALL = Size(width=16, layers=2, heads=2, head_width=8, batch=2, length=8)
QUICK = Plan(
    by_length={replace(SMALL, length=length): 1 for length in (8, 16)},
    by_batch=[replace(SMALL, batch=5)],
    generation=[replace(SMALL, batch=1)],
    batch_rounds=1,
    generation_rounds=1,
    growth_from=8,
    product=64,
    who_holds=("lucidrains", "torch"),
)


@dataclass
class Run:
    """One run of the benchmark: what it has measured so far, and who was left out, with the reason."""

    plan: Plan
    names: Sequence[str] = CONTENDERS
    report: Callable[[str], None] = print
    training: list[TrainingStep] = field(default_factory=list)
    generation: list[GenerationRun] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    left_out: dict[tuple[str, str], str] = field(default_factory=dict)

    def measure(self, grids: Iterable[str], rounds: int | None = None) -> None:
        """Measure some of the grids and report every cell when it is done."""
        if "length" in grids:
            self.by_length(rounds, with_memory="memory" in grids)
        if "batch" in grids:
            names = [name for name in self.names if name != "labml"]
            if "labml" in self.names:
                self.leave_out("labml", "training by batch and width", "it takes longest: its lengths are enough")
            for size in self.plan.by_batch:
                self.training_cell(size, names, rounds or self.plan.batch_rounds, {})
        if "generation" in grids:
            for size in self.plan.generation:
                self.generation_cell(size, rounds or self.plan.generation_rounds)

    def by_length(self, rounds: int | None, *, with_memory: bool) -> None:
        """Measure the grid of lengths; who becomes too slow, or holds too much, drops out of the longer ones."""
        taking_part = list(self.names)
        seconds: dict[str, list[float]] = {name: [] for name in self.names}
        for size, planned in self.plan.by_length.items():
            taking_part = [name for name in taking_part if self.within_limits(name, size, seconds[name])]
            memory = self.memory_cell(size, taking_part) if with_memory else {}
            failed = [name for name in memory if memory[name] is None]
            taking_part = [name for name in taking_part if name not in failed]
            rows = self.training_cell(size, taking_part, rounds or planned, memory)
            taking_part = [row.contender for row in rows]
            for row in rows:
                seconds[row.contender].append(row.cpu_ms / 1000)

    def within_limits(self, name: str, size: Size, seconds: Sequence[float]) -> bool:
        """Say whether a contender's step is expected within the limits; note the reason where it is not."""
        if name in ALWAYS or not seconds:
            return True
        what = f"training at {size.length} tokens and more"
        expected = counting.predict(seconds)
        if expected > self.plan.step_limit:
            self.leave_out(
                name, what, f"a step would take about {expected:.0f} s, more than the limit of {self.plan.step_limit:g}"
            )
            return False
        memory = [
            row.resident_mib or row.held_mib or 0.0
            for row in self.training
            if row.contender == name and (row.width, row.batch) == (size.width, size.batch)
        ]
        expected = counting.predict(memory) if all(memory) else 0.0
        if expected > self.plan.memory_limit:
            self.leave_out(
                name,
                what,
                f"a step would need about {expected:.0f} MiB, more than the limit of {self.plan.memory_limit:g}",
            )
            return False
        return True

    def memory_cell(self, size: Size, names: Sequence[str]) -> dict[str, Memory | None]:
        """The memory of a step of every contender, each in a process of its own; none where that process failed."""
        found: dict[str, Memory | None] = {}
        for name in tqdm(names, desc=f"memory, {size.length} tokens", leave=False):
            if name in self.plan.who_holds:
                try:
                    found[name] = measure_apart(name, size)
                except CannotTakePartError as error:
                    found[name] = None
                    self.leave_out(name, f"training at {size.length} tokens and more", str(error))
        return found

    def training_cell(
        self, size: Size, names: Sequence[str], rounds: int, memory: Mapping[str, Memory | None]
    ) -> list[TrainingStep]:
        """Measure a training step of every contender at one size, in turns."""
        contenders = self.make_all(names, size, f"width {size.width}, batch {size.batch}, {size.length} tokens")
        tokens = some_tokens(size)
        self.check_all(contenders, tokens[:8, :32])
        turns: dict[str, Callable[[], object]] = {
            name: lambda contender=contender: contender.step(tokens) for name, contender in contenders.items()
        }
        # What happens at a first step only, compiling among it, happens here and is not counted.
        for contender in contenders.values():
            contender.step(tokens[:, :16])
        product = Product(self.plan.product)
        costs = take_turns({"product": product.multiply, **turns}, rounds, self.plan.turn_limit)
        peak = product.operations / costs.pop("product").cpu
        self.peaks.append(peak)
        rows = [training_row(contenders[name], size, cost, peak, memory.get(name)) for name, cost in costs.items()]
        self.training += rows
        if rows:
            self.report("\n".join([*counting.training_table(rows), ""]))
        return rows

    def generation_cell(self, size: Size, rounds: int) -> list[GenerationRun]:
        """Measure how fast every contender continues a first token, in turns."""
        what = f"generation at batch {size.batch}"
        prompt = some_tokens(size)[:, :1]
        turns: dict[str, Callable[[], object]] = {}
        contenders = self.make_all(self.names, size, what)
        for name, contender in contenders.items():
            try:
                contender.generate(prompt, 4)
                turns[name] = lambda contender=contender: contender.generate(prompt, size.length)
            except (CannotTakePartError, RuntimeError) as error:
                self.leave_out(name, what, str(error))
        costs = take_turns(turns, rounds, self.plan.turn_limit)
        rows = [
            GenerationRun(
                contender=name,
                engine=contenders[name].engine,
                width=size.width,
                layers=size.layers,
                batch=size.batch,
                length=size.length,
                tokens_per_second=round(size.batch * size.length / cost.cpu, 1),
            )
            for name, cost in costs.items()
        ]
        self.generation += rows
        if rows:
            self.report("\n".join([*counting.generation_table(rows), ""]))
        return rows

    def make_all(self, names: Iterable[str], size: Size, what: str) -> dict[str, Contender]:
        """The contenders that can run at this size; the reasons of the others are noted."""
        made = {}
        for name in names:
            try:
                made[name] = make(name, size)
            except CannotTakePartError as error:
                self.leave_out(name, what, str(error))
        return made

    def check_all(self, contenders: Mapping[str, Contender], tokens: Tensor) -> None:
        """Raise unless all of this package's engines give lucidrains' logits."""
        for name in ENGINES:
            if name in contenders and counting.REFERENCE in contenders:
                check_same(contenders[name], contenders[counting.REFERENCE], tokens)

    def leave_out(self, name: str, what: str, reason: str) -> None:
        """Note why a contender is not measured."""
        self.left_out[name, what] = reason

    def finished(self) -> SpeedRecord:
        """The record of this run."""
        by_length = [row for row in self.training if any(is_of(row, size) for size in self.plan.by_length)]
        peak = round(statistics.median(self.peaks) / 1e9, 1) if self.peaks else 0.0
        return SpeedRecord(
            machine={
                "processor": processor(),
                "vectors": torch.backends.cpu.get_cpu_capability(),
                "system": platform.system(),
                "cores": os.cpu_count(),
                "threads": torch.get_num_threads(),
                "peak_gflops": {"float32": peak},
            },
            versions=versions() | other_versions(),
            measured=datetime.date.today().isoformat(),
            training=tuple(self.training),
            generation=tuple(self.generation),
            growth=tuple(counting.growth_rates(by_length, start=self.plan.growth_from)),
            left_out=counting.gather_reasons(self.left_out),
        )


class Product:
    """A large product of two matrices, which shows what the core can do."""

    def __init__(self, rows: int) -> None:
        self.left, self.right = torch.randn(rows, rows), torch.randn(rows, rows)
        self.into = torch.empty(rows, rows)
        self.operations = 2 * rows**3
        self.multiply()

    def multiply(self) -> None:
        """Multiply once."""
        torch.mm(self.left, self.right, out=self.into)


def take_turns(turns: Mapping[str, Callable[[], object]], rounds: int, turn_limit: float) -> dict[str, counting.Cost]:
    """The median seconds of every turn; who has used more than the limit takes no further ones."""
    spent: dict[str, list[counting.Cost]] = {name: [] for name in turns}
    for _ in tqdm(range(rounds), desc="rounds", leave=False):
        for name, turn in turns.items():
            if sum(cost.cpu for cost in spent[name]) > turn_limit:
                continue
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            turn()
            spent[name].append(counting.Cost(time.process_time() - cpu, time.perf_counter() - wall))
    return {
        name: counting.Cost(statistics.median(c.cpu for c in costs), statistics.median(c.wall for c in costs))
        for name, costs in spent.items()
    }


def training_row(
    contender: Contender, size: Size, cost: counting.Cost, peak: float, memory: Memory | None
) -> TrainingStep:
    """The row of the record for one contender at one size."""
    operations = counting.training_operations(contender.name, size, lstm_width=contender.recurrent_width)
    return TrainingStep(
        contender=contender.name,
        engine=contender.engine,
        width=size.width,
        layers=size.layers,
        batch=size.batch,
        length=size.length,
        cpu_ms=round(1000 * cost.cpu, 2),
        wall_ms=round(1000 * cost.wall, 2),
        held_mib=None if memory is None else round(memory.held, 1),
        resident_mib=None if memory is None or memory.resident is None else round(memory.resident, 1),
        tokens_per_second=round(size.batch * size.length / cost.cpu, 1),
        share_of_peak=round(operations / cost.cpu / peak, 4),
    )


def is_of(row: TrainingStep, size: Size) -> bool:
    """Say whether a row was measured at this size."""
    return (row.width, row.layers, row.batch, row.length) == (size.width, size.layers, size.batch, size.length)


def some_tokens(size: Size) -> Tensor:
    """The tokens that all contenders of a cell read."""
    return torch.randint(size.vocabulary, (size.batch, size.length), generator=torch.Generator().manual_seed(0))


def processor() -> str:
    """The processor's name as the system gives it."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def other_versions() -> dict[str, str]:
    """The versions of the other implementations that were there."""
    found = {"feedback-transformer-pytorch": importlib.metadata.version("feedback-transformer-pytorch")}
    for package in importlib.metadata.distributions(path=[str(LABML)]):
        if package.metadata["Name"] == "labml-nn":
            found["labml-nn"] = package.version
    return found


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.engines", description="Time and memory of all implementations, side by side."
    )
    parser.add_argument("--quick", action="store_true", help="sizes that show that it runs, and measure nothing")
    parser.add_argument("--rounds", type=int, help="turns of each contender in a cell, in place of the usual number")
    parser.add_argument("--grid", choices=GRIDS, nargs="+", default=GRIDS, help="what to measure; memory needs length")
    parser.add_argument("--only", choices=CONTENDERS, nargs="+", default=CONTENDERS, help="who takes part")
    parser.add_argument("--out", type=Path, help="where to write the record as JSON")
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {options.rounds}")
    if options.grid == ["memory"]:
        parser.error("--grid memory is measured beside the lengths: give --grid length memory")
    if options.out is not None and not options.out.absolute().parent.is_dir():
        parser.error(f"--out must lie in a folder that exists, not {options.out}")
    torch.set_num_threads(1)
    run = Run(QUICK if options.quick else FULL, names=options.only, report=write_line)
    run.measure(options.grid, options.rounds)
    record = run.finished()
    if record.growth:
        write_line("\n".join([*counting.growth_table(record.growth), ""]))
    if run.peaks:
        write_line(
            f"{record.machine['processor']}: a large product reaches {record.machine['peak_gflops']['float32']} GFLOP/s"
        )
    for line in counting.left_out_table(record.left_out):
        write_line(line)
    if options.out is not None:
        write_whole(options.out, records.as_text(to_record(record)).encode())
        write_line(f"wrote {options.out}")
    return 0


def write_line(text: str) -> None:
    """Print at once, so that a cell is seen when it is done."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
