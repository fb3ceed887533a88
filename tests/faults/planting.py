"""What a fault is, and a copy of the repository in which one at a time is planted."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from feedback_lite.widgets.figure import bare_script

ROOT = Path(__file__).resolve().parents[2]
SITE = Path("_build/html")
# What the site is looked up by: `make` by its stamp, its tests by the page at its root.
SIGNS_OF_THE_SITE = (Path("_build/site.stamp"), SITE / "index.html")


@dataclass(frozen=True)
class Fault:
    """A mistake that somebody could make.

    Args:
        name: what is wrong.
        file: where, from the root of the repository.
        edits: texts as they are, each of which stands in the file once, and what the fault makes of them.
        suspects: arguments for pytest: the tests that should see it, the nearest to the fault first.
    """

    name: str
    file: str
    edits: Mapping[str, str]
    suspects: tuple[str, ...]

    def plant(self, text: str) -> str:
        """Return the text of the file with the fault.

        Raises:
            PlantingError: a text does not stand there exactly once.
        """
        for good, bad in self.edits.items():
            if (found := text.count(good)) != 1:
                raise PlantingError(f"{good!r} must stand once in {self.file}, it stands there {found} times")
            text = text.replace(good, bad)
        return text


class PlantingError(Exception):
    """A fault could not be planted, or its suspects could not be run."""


class Copy:
    """A copy of the repository, with the site where it is built.

    Args:
        folder: where the copy will stand; it must not exist yet.
        root: the repository.
    """

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.folder = folder
        shutil.copytree(root, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "_build", "dist"))
        if (root / SITE).exists():
            shutil.copytree(root / SITE, folder / SITE)

    @contextmanager
    def planted(self, fault: Fault) -> Iterator[None]:
        """Plant a fault for as long as the block lasts."""
        changes = self.changes(fault)
        was = {path: path.read_text(encoding="utf-8") for path in changes}
        try:
            self.write(changes)
            yield
        finally:
            self.write(was)

    def changes(self, fault: Fault) -> dict[Path, str]:
        """Return the files that a fault changes, as they are with it."""
        path = self.folder / fault.file
        good = path.read_text(encoding="utf-8")
        bad = fault.plant(good)
        served = self.folder / SITE / "_static" / path.name
        if path.parent.name == "assets" and served.exists():
            return {path: bad, served: bad}
        return {path: bad, **(self.changed_pages(fault.file, good, bad) if is_on_pages(path) else {})}

    def changed_pages(self, file: str, good: str, bad: str) -> dict[Path, str]:
        """Return the built pages, and the parts that they share, that hold a script or a style sheet, with another.

        They hold what a notebook has stored of a figure: all its scripts in one text, all its sheets in another. What
        the pages themselves use of it, such as the progress, is a script of the site.
        """
        site = self.folder / SITE
        paths = [*site.rglob("*.html"), *(site / "_static").glob("*.js"), *(site / "_static" / "figures").glob("*.js")]
        changed = {}
        for path in paths:
            text = path.read_text(encoding="utf-8")
            other = text.replace(as_stored(good), as_stored(bad)).replace(as_served(good), as_served(bad))
            if other != text:
                changed[path] = other
        if not changed:
            raise PlantingError(f"no page of {SITE} holds {file} as it is: run `make book`")
        return changed

    def write(self, texts: Mapping[Path, str]) -> None:
        """Write files, and let the site seem newer than they are, so that it is not built again."""
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
        if (self.folder / SITE).exists():
            for sign in SIGNS_OF_THE_SITE:
                (self.folder / sign).touch()

    def first_failure(self, suspects: tuple[str, ...]) -> str | None:
        """Run tests up to the first that fails, and return its name.

        Raises:
            PlantingError: they could not be run.
        """
        result = self.run("-x", "--cache-clear", *suspects)
        if result.returncode == 0:
            return None
        kept = self.folder / ".pytest_cache/v/cache/lastfailed"
        failed = next(iter(json.loads(kept.read_text())), "") if kept.exists() else ""
        if "::" not in failed:  # a file that cannot be imported is no witness
            raise PlantingError(f"the tests could not be run:\n{result.stdout}{result.stderr}")
        return failed

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run pytest in the copy, whose package stands before any installed one."""
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


def is_on_pages(path: Path) -> bool:
    """Return whether a file is part of what notebooks store of a figure."""
    return path.parent.parent.name == "widgets" and path.suffix in (".js", ".css")


def as_stored(source: str) -> str:
    """Return a script or a style sheet as it stands in the JSON of a page."""
    return json.dumps(bare_script(source))[1:-1].replace("</", r"<\/")


def as_served(source: str) -> str:
    """Return a script as it stands in one of the site's own."""
    return re.sub(r"^export ", "", bare_script(source), flags=re.MULTILINE)
