"""The command line of the tools that keep a record: `write` makes it and writes it, `check` makes it and compares."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

ROOT = Path(__file__).resolve().parents[2]

Record = TypeVar("Record")


@dataclass(frozen=True, kw_only=True)
class RecordCommand(Generic[Record]):
    """The command line of one tool; calling it runs it and returns the exit status.

    Attributes:
        module: the tool, as ``python -m`` takes it.
        files: what is written.
        make_record: computes the record, once, after the command is understood.
        write: writes a record below the repository.
        check: says where what is written does not hold.
        size: how much there is of a record, such as "12 tensors".
    """

    module: str
    files: tuple[Path, ...]
    make_record: Callable[[], Record]
    write: Callable[[Path, Record], None]
    check: Callable[[Path, Record], list[str]]
    size: Callable[[Record], str]

    def __call__(self, arguments: list[str] | None = None, root: Path = ROOT) -> int:
        """Run the words after the tool's name, by default those of this process, on the repository in `root`."""
        files = " and ".join(map(str, self.files))
        parser = argparse.ArgumentParser(prog=f"python -m {self.module}")
        parser.add_argument("command", choices=("write", "check"), help=f"write {files}, or check that it holds")
        command = parser.parse_args(arguments).command
        record = self.make_record()
        if command == "write":
            self.write(root, record)
            print(f"wrote {files}: {self.size(record)}")
            return 0
        complaints = self.check(root, record)
        print(*complaints, sep="\n", end="\n" if complaints else "", file=sys.stderr)
        print(f"does not hold: python -m {self.module} write" if complaints else f"{self.size(record)} hold")
        return int(bool(complaints))
