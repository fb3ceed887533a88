"""When each chapter was last executed, in how many CPU seconds and with which versions: a record and its page.

`python -m book.tools.notebooks write` notes what it executes. What is noted of a chapter holds for the code that it had
then: a checksum of its code cells says whether that is the present code.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from book.tools.notebooks.notebook import ROOT, Json, chapters, is_code, read
from feedback_lite.files import write_whole

RECORD = Path("book/execution.json")
PAGE = Path("book/execution.md")
TABLE = re.compile(r"(?<=<!-- executions -->\n\n).*?(?=\n\n<!-- end of executions -->)", re.DOTALL)
# The packages that are told, as pip names them and as a reader does.
PACKAGES = {"torch": "PyTorch", "einops": "einops", "jupyter-book": "Jupyter Book"}


@dataclass(frozen=True)
class Execution:
    """One chapter's last execution.

    Attributes:
        day: when, such as "2026-11-30".
        seconds: its CPU seconds, the start of the kernel included.
        code: a checksum of its code cells.
        python: the version of Python.
        packages: the versions of `PACKAGES`.
    """

    day: str
    seconds: int
    code: str
    python: str
    packages: dict[str, str]

    def repeats(self, other: Execution) -> bool:
        """Return whether it differs from another one in its seconds at most."""
        return asdict(self) | {"seconds": 0} == asdict(other) | {"seconds": 0}


def checksum(notebook: Json) -> str:
    """Return a checksum of the code cells; text may change without an execution."""
    code = [cell["source"] for cell in notebook["cells"] if is_code(cell)]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()[:16]


def execution(notebook: Json, seconds: float) -> Execution:
    """Return what is noted of a chapter that was executed here and now."""
    packages = {name: version(name).partition("+")[0] for name in PACKAGES}
    today = date.today().isoformat()
    return Execution(today, max(1, round(seconds)), checksum(notebook), platform.python_version(), packages)


def read_record(root: Path = ROOT) -> dict[str, Execution]:
    """Return the executions by chapter; none where nothing was noted yet."""
    path = root / RECORD
    if not path.exists():
        return {}
    return {name: Execution(**entry) for name, entry in json.loads(path.read_text(encoding="utf-8")).items()}


def note(path: Path, new: Execution, root: Path = ROOT) -> None:
    """Note the execution of a chapter in the record and on the page; other notebooks are not noted.

    Executed again on the same day, with the same code and versions, it keeps the seconds of the first time: the files
    stay as they are.
    """
    if path.resolve().parent != (root / "chapters").resolve():
        return
    record = read_record(root)
    old = record.get(path.stem)
    record[path.stem] = old if old is not None and old.repeats(new) else new
    present = [chapter.stem for chapter in chapters(root)]
    write(root, {name: record[name] for name in present if name in record})


def write(root: Path, record: Mapping[str, Execution]) -> None:
    """Write the record and the page's table."""
    text = json.dumps({name: asdict(entry) for name, entry in record.items()}, indent=1) + "\n"
    write_whole(root / RECORD, text.encode())
    page = (root / PAGE).read_text(encoding="utf-8")
    write_whole(root / PAGE, TABLE.sub(lambda _: table(record), page).encode())


def in_words(day: str) -> str:
    """Return a day such as "2026-11-30" as "30 November 2026"."""
    then = date.fromisoformat(day)
    return f"{then.day} {then:%B %Y}"


def table(record: Mapping[str, Execution]) -> str:
    """Return the tables of all executions, one for each set of versions."""
    by_versions: dict[str, list[str]] = {}
    for name, entry in record.items():
        versions = [f"{title} {entry.packages[package]}" for package, title in PACKAGES.items()]
        row = f"| [{name}](../chapters/{name}.ipynb) | {in_words(entry.day)} | {entry.seconds} |"
        by_versions.setdefault(", ".join([f"Python {entry.python}", *versions]), []).append(row)
    head = "| chapter | executed on | CPU seconds |\n|---|---|---|"
    parts = ["\n".join([f"With {versions}:", "", head, *rows]) for versions, rows in by_versions.items()]
    return "\n\n".join([*parts, f"Together {sum(entry.seconds for entry in record.values())} CPU seconds."])


def complaints(pins: Mapping[str, str], root: Path = ROOT) -> list[str]:
    """Return where record and page do not hold for the chapters as they are, or for the pinned versions."""
    record = read_record(root)
    found = []
    for path in chapters(root):
        entry = record.pop(path.stem, None)
        if entry is None:
            found.append(f"{path.stem} was never executed")
            continue
        if entry.code != checksum(read(path)[1]):
            found.append(f"{path.stem} has changed since it was executed")
        found += [
            f"{path.stem} was executed with {name} {one}, but {pins[name]} is pinned"
            for name, one in entry.packages.items()
            if one != pins[name]
        ]
    found += [f"{name} is no chapter" for name in record]
    if TABLE.findall((root / PAGE).read_text(encoding="utf-8")) != [table(read_record(root))]:
        found.append(f"{PAGE} does not show the record")
    return found
