"""Check the licences of all that is shipped and pinned, and look the pins up among known vulnerabilities.

`make audit` runs this. The look-up needs a network; where its service gives no answer the exit status is 3, and nothing
is claimed. Status 1 means that something was found.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from book.tools.distribution import build
from book.tools.licences import PARTS, strangers

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "constraints.txt"
FOUND, UNKNOWN = 1, 3

ALLOWED = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
    *("CC-PDDC", "ISC", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "ZPL-2.1", "Zlib"),
}
# Pictures may be under it, as our own are.
ALLOWED_IN_THE_SITE = ALLOWED | {"CC-BY-4.0"}
# Older metadata has names of its own; which of the BSD licences it is, it does not say.
OLDER_NAMES = {
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# Classifiers that say of a licence what it is like, and not which it is.
NO_LICENCES = ("DFSG approved", "OSI Approved")
# Read by hand, where the metadata does not say it, for these versions alone.
READ_BY_HAND = {
    # Its LICENSE, and the head of its axe.min.js.
    "axe-playwright-python 0.1.8": "MIT AND MPL-2.0",
    # Its COPYING; the one file under the GPL, for Emacs, is not in its wheel.
    "docutils 0.21.2": "CC-PDDC AND BSD-2-Clause AND ZPL-2.1",
}


def pins(text: str) -> list[Requirement]:
    """Return the pins of a constraints file that hold on this machine."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [pin for pin in map(Requirement, lines) if pin.marker is None or pin.marker.evaluate()]


def licence_of(distribution: Distribution) -> str:
    """Return the licence that a package states: by expression, else by classifiers, else in a line of its own."""
    metadata: dict[str, Any] = distribution.metadata.json
    read = READ_BY_HAND.get(f"{metadata['name']} {distribution.version}")
    classifiers = [line.split(" :: ")[-1] for line in metadata.get("classifier", []) if line.startswith("License ::")]
    classifiers = [name for name in classifiers if name not in NO_LICENCES]
    stated = classifiers or [metadata.get("license", "").strip().split("\n")[0]]
    return read or metadata.get("license_expression") or " AND ".join(OLDER_NAMES.get(name, name) for name in stated)


def refused(licence: str, allowed: set[str]) -> list[str]:
    """Return the names in a licence expression that are not allowed; of a choice (OR), each must be."""
    parts = re.split(r"\s+(?:AND|OR)\s+", licence)
    names = [part if part.count("(") == part.count(")") else part.strip("()") for part in parts]
    return [name for name in names if name not in allowed]


def complaints_of_pins(wanted: Iterable[Requirement]) -> Iterator[str]:
    """Yield a sentence for each pinned package whose licence is unknown or not allowed."""
    for pin in wanted:
        try:
            distribution = importlib.metadata.distribution(pin.name)
        except PackageNotFoundError:
            yield f"{pin}: it is not installed, so its licence is unknown."
            continue
        if distribution.version not in pin.specifier and not distribution.version.startswith(
            f"{str(pin.specifier)[2:]}+"
        ):
            yield f"{pin}: version {distribution.version} is installed, so the licence of the pinned one is unknown."
        for name in refused(licence_of(distribution), ALLOWED):
            yield f"{pin}: its licence {name!r} is not in the list of allowed ones (book/tools/audit.py)."


def complaints_of_the_site(names: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each file of the site from an unknown hand, and for each licence that is not allowed."""
    for name in strangers(names):
        yield f"site: {name} is in no part that book/tools/licences.py knows, so its licence is unknown."
    for part in PARTS:
        for name in refused(part.licence, ALLOWED_IN_THE_SITE):
            yield f"site: the licence {name!r} of {part.name} is not in the list of allowed ones (book/tools/audit.py)."


def complaints_of_the_wheel(wheel: Path) -> Iterator[str]:
    """Yield a sentence where the wheel does not state the MIT licence or lacks its text."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        if "License-Expression: MIT" not in archive.read(metadata).decode().splitlines():
            yield f"{wheel.name}: its metadata does not state the MIT licence."
        if not any(name.endswith(".dist-info/licenses/LICENSE") for name in names):
            yield f"{wheel.name}: it lacks the text of its licence."


def read_report(report: str) -> tuple[list[str], list[str]]:
    """Return a sentence for each vulnerable package of pip-audit's report, and the names that it got no answer for."""
    packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    vulnerable = [
        f"{one['name']} {one['version']}: known vulnerabilities {', '.join(known['id'] for known in one['vulns'])}."
        for one in packages
        if one.get("vulns")
    ]
    return vulnerable, [one["name"] for one in packages if "vulns" not in one]


def look_up(pip_audit: list[str]) -> tuple[list[str], str]:
    """Look the pins up; return a sentence for each vulnerable package, and what stays unknown, empty if nothing."""
    command = [*pip_audit, "-r", str(PINS), "--no-deps", "--disable-pip", "-f", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        vulnerable, unanswered = read_report(done.stdout)
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        return [], f"pip-audit brought no report ({last}): nothing is known about any pin."
    if not unanswered:
        return vulnerable, ""
    shown = ", ".join(unanswered[:5]) + (" and so on" if len(unanswered) > 5 else "")
    return vulnerable, f"the service gave no answer for {len(unanswered)} pins ({shown}): nothing is known about these."


def report(complaints: list[str], unknown: str) -> int:
    """Print what was found and what stays unknown, and return the exit status."""
    for sentence in complaints:
        print(f"Audit: {sentence}", file=sys.stderr)
    if unknown:
        print(f"Audit, vulnerabilities: {unknown}", file=sys.stderr)
    elif not complaints:
        print("Audit: all licences are allowed, and no pin has a known vulnerability.")
    return FOUND if complaints else UNKNOWN if unknown else 0


def main() -> int:
    """Audit this checkout, whose site is built, and return the exit status."""
    site = ROOT / "_build" / "html"
    wanted = pins(PINS.read_text(encoding="utf-8"))
    complaints = list(complaints_of_pins(wanted))
    complaints += complaints_of_the_site(
        path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()
    )
    with tempfile.TemporaryDirectory() as folder:
        complaints += complaints_of_the_wheel(build("wheel", Path(folder)))
    print(f"Licences: {len(wanted)} pins, {len(PARTS)} parts of the site and the wheel; {len(complaints)} complaints.")
    vulnerable, unknown = look_up([sys.executable, "-m", "pip_audit"])
    return report(complaints + vulnerable, unknown)


if __name__ == "__main__":
    sys.exit(main())
