"""The command line.

    python -m book.tools.notebooks write [notebook ...]            execute and write
    python -m book.tools.notebooks check [notebook ...]            execute and compare with the file
    python -m book.tools.notebooks check --static [notebook ...]   read the file only
    python -m book.tools.notebooks measure [notebook ...]          what they cost a reader: words, lines, minutes

Without names, every chapter is taken, in order. The exit code is 1 where something is to be mended.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from book.tools.notebooks.compare import differences
from book.tools.notebooks.executed import execution, note
from book.tools.notebooks.notebook import NotebookError, chapters, dumps
from book.tools.notebooks.reading import faults_of_reading, read_through, table
from book.tools.notebooks.rules import Chapter, faults
from book.tools.notebooks.run import Progress, build_font_cache, execute
from feedback_lite.files import write_whole


def write(path: Path) -> list[str]:
    """Execute one notebook, write it where that changes it, and note it; return what remains to be mended by hand."""
    progress = Progress()
    executed = execute(path, progress=progress)
    contents = dumps(executed).encode()
    changed = contents != path.read_bytes()
    if changed:
        write_whole(path, contents)
    note(path, execution(executed, progress.seconds))
    print("written" if changed else "unchanged", end=", ", flush=True)
    return check_static(path)


def check(path: Path) -> list[str]:
    """Return everything that is wrong with one committed notebook."""
    chapter = Chapter.read(path)
    return faults(chapter) or differences(chapter.notebook, execute(path))


def check_static(path: Path) -> list[str]:
    """Return what is wrong with one committed notebook, as far as reading it shows."""
    return faults(Chapter.read(path))


def parse(words: list[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    summary = "Execute the chapters and check that what is committed is what their code gives."
    parser = argparse.ArgumentParser(prog="python -m book.tools.notebooks", description=summary)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write", help="execute and write in the stable form")
    check = commands.add_parser("check", help="compare what is committed with a fresh execution")
    check.add_argument("--static", action="store_true", help="read only, execute nothing")
    commands.add_parser("measure", help="count words, lines and minutes")
    for command in commands.choices.values():
        command.add_argument("notebooks", nargs="*", type=Path, help="default: every chapter")
    return parser.parse_args(words, argparse.Namespace(static=False))


def measure(paths: list[Path]) -> bool:
    """Print what chapters cost a reader, and what of it is too much; return whether all is within its bounds."""
    readings = {path.stem: read_through(Chapter.read(path)) for path in paths}
    print(table(readings))
    found = [f"{name}: {fault}" for name, reading in readings.items() for fault in faults_of_reading(reading)]
    print(*found, sep="\n")
    return not found


def report(path: Path, action: Callable[[Path], list[str]]) -> bool:
    """Print what `action` finds in one notebook, an error included; return whether it is good."""
    print(f"{path.name}: ", end="", flush=True)
    start = time.monotonic()
    try:
        found = action(path)
    except NotebookError as error:
        found = [str(error)]
    print(f"{f'{len(found)} to mend' if found else 'good'} ({time.monotonic() - start:.0f} s)")
    for fault in found:
        print(f"  {fault}")
    return not found


def main(words: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = parse(words)
    if options.command == "write" or (options.command == "check" and not options.static):
        build_font_cache()
    action = check_static if options.static else write if options.command == "write" else check
    try:
        paths = options.notebooks or chapters()
    except NotebookError as error:
        print(error, file=sys.stderr)
        return 1
    if options.command == "measure":
        return int(not measure(paths))
    return int(not all([report(path, action) for path in paths]))


if __name__ == "__main__":
    sys.exit(main())
