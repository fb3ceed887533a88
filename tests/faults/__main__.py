"""Plant faults in copies of the repository, one at a time, and name the test that sees each.

    python -m tests.faults [--jobs 2] [word ...]

With words, only faults that have one of them in their name or file. The exit code is 1 if a fault passes unnoticed,
if it could not be planted, or if one of the tests that see a fault fails without any.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from tests.faults.planted import FAULTS
from tests.faults.planting import ROOT, Copy, Fault, PlantingError


class Verdict(NamedTuple):
    """What came of a fault: the test that saw it, or why there is none."""

    seen_by: str | None
    problem: str = "NOT SEEN"
    seconds: float = 0.0


def main(arguments: Sequence[str] | None = None, faults: Sequence[Fault] = FAULTS, root: Path = ROOT) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=2, help="copies to work in at once (default: %(default)s)")
    parser.add_argument("words", nargs="*", help="only faults that have one of these in their name or file")
    options = parser.parse_args(arguments)
    chosen = [fault for fault in faults if is_meant(fault, options.words)]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        free: SimpleQueue[Copy] = SimpleQueue()
        for number in range(options.jobs):
            free.put(Copy(Path(folder) / str(number), root))
        verdicts = []
        for number, found in enumerate(pool.map(lambda fault: verdict_on(fault, free), chosen), start=1):
            fault = chosen[number - 1]
            print(f"{number:2}. {fault.name} ({fault.file}, {found.seconds:.0f} s)", flush=True)
            print(f"    {found.seen_by or found.problem}", flush=True)
            verdicts.append(found)
        witnesses = sorted({found.seen_by for found in verdicts if found.seen_by})
        innocent = free.get().run(*witnesses) if witnesses else None
    problems = sum(found.seen_by is None for found in verdicts)
    print(f"{len(chosen) - problems} of {len(chosen)} faults are seen ({time.monotonic() - started:.0f} s).")
    if innocent is not None and innocent.returncode:
        print(f"Some of these tests fail without a fault too:\n{innocent.stdout}{innocent.stderr}")
        return 1
    return 1 if problems or not chosen else 0


def is_meant(fault: Fault, words: Sequence[str]) -> bool:
    """Return whether a fault has one of the words; without words all are meant."""
    return not words or any(word in f"{fault.name} {fault.file}" for word in words)


def verdict_on(fault: Fault, free: "SimpleQueue[Copy]") -> Verdict:
    """Plant a fault in a copy that is free, and see which test tells."""
    copy, started = free.get(), time.monotonic()
    try:
        with copy.planted(fault):
            found = Verdict(copy.first_failure(fault.suspects))
    except PlantingError as error:
        found = Verdict(None, str(error))
    finally:
        free.put(copy)
    return found._replace(seconds=time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())
