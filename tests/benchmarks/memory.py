"""Measures the memory of one training step of one contender, in this process and nothing else in it.

    python -m tests.benchmarks.memory lucidrains 128 4 4 32 8 256 64

The numbers are those of `Size`: width, layers, heads, head width, batch, length and vocabulary.
`tests.benchmarks.engines` starts it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from tests.benchmarks.contenders import CannotTakePartError, Contender, make
from tests.benchmarks.counting import Size

ROOT = Path(__file__).parents[2]
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
MIB = 2**20


class Memory(NamedTuple):
    """What a step needs, in MiB; none where this system does not tell."""

    held: float
    resident: float | None


def measure_step(contender: Contender, tokens: Tensor) -> Memory:
    """What autograd saves in a step, and how much the process grows at most meanwhile.

    A first step on two tokens is not counted: it brings what the libraries set up once.
    """
    contender.step(tokens[:, :2])
    contender.model.zero_grad()
    gc.collect()
    before = resident_now()
    own = {parameter.untyped_storage().data_ptr() for parameter in contender.model.parameters()}
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    def give_back(tensor: Tensor) -> Tensor:
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, give_back):
        contender.step(tokens)
    after = resident_at_most()
    grown = None if before is None or after is None else max(0.0, after - before)
    return Memory(sum(saved.values()) / MIB, grown)


def resident_now() -> float | None:
    """The resident memory in MiB, after the greatest one so far is forgotten where the system can do that."""
    with contextlib.suppress(OSError):
        RESET.write_text("5")
    return status("VmRSS") if STATUS.is_file() else greatest_so_far()


def resident_at_most() -> float | None:
    """The greatest resident memory in MiB that this process had."""
    return status("VmHWM") if STATUS.is_file() else greatest_so_far()


def status(name: str) -> float:
    """A size of Linux's own account of this process, in MiB."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) / 1024


def greatest_so_far() -> float | None:
    """The greatest resident memory by POSIX, in MiB: bytes on macOS, kibibytes elsewhere. Windows has none."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def measure_apart(name: str, size: Size) -> Memory:
    """The memory of one step in a process of its own.

    Raises:
        CannotTakePartError: the process ended without an answer.
    """
    numbers = map(str, astuple(size))
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.memory", name, *numbers],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"its process ended with {done.returncode}"]
        raise CannotTakePartError(reason[0])
    return Memory(**json.loads(done.stdout))


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit status."""
    name, *numbers = arguments
    torch.set_num_threads(1)
    size = Size(*map(int, numbers))
    tokens = torch.randint(size.vocabulary, (size.batch, size.length), generator=torch.Generator().manual_seed(0))
    try:
        print(json.dumps(measure_step(make(name, size), tokens)._asdict()))
    except CannotTakePartError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
