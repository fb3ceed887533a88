"""The command line of the tools that keep a record: `write` makes it and writes it, `check` makes it and compares."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Record = TypeVar("Record")


def write_or_check(
    arguments: list[str] | None,
    root: Path,
    *,
    module: str,
    summary: str,
    files: str,
    make: Callable[[], Record],
    write: Callable[[Path, Record], Any],
    check: Callable[[Path, Record], list[str]],
    size: Callable[[Record], str],
) -> int:
    """Run the command line of a tool and return the exit status.

    Args:
        arguments: the words after the tool's name; none means those of this process.
        root: the repository.
        module: the tool, as ``python -m`` takes it.
        summary: what the tool does, in one line.
        files: what is written, for messages.
        make: computes the record, once, after the command is understood.
        write: writes a record below the repository.
        check: says where what is written does not hold.
        size: how much there is of a record, such as "12 tensors".
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=summary)
    parser.add_argument("command", choices=("write", "check"), help=f"write {files}, or check that what is there holds")
    command = parser.parse_args(arguments).command
    record = make()
    if command == "write":
        write(root, record)
        print(f"wrote {files}: {size(record)}")
        return 0
    complaints = check(root, record)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"does not hold: python -m {module} write" if complaints else f"{size(record)} hold")
    return 1 if complaints else 0
