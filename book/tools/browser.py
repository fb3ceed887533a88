"""Find the browser that the site's tests drive, and fetch one where there is none.

`python -m book.tools.browser` prints its path. In a test:

    browser = playwright.chromium.launch(executable_path=find_browser(), args=launch_arguments())
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "FEEDBACK_LITE_BROWSER"
NAMES = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
"""The build without windows comes first: it needs a third less of the processor."""
DEBIAN_PACKAGES = ("chromium-headless-shell", "chromium")
USUAL_PLACES = (
    "/usr/bin/chromium",
    "/usr/bin/google-chrome",
    "/opt/google/chrome/chrome",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
QUIET_ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ASK_PLAYWRIGHT = (
    "from playwright.sync_api import sync_playwright\n"
    "with sync_playwright() as playwright:\n"
    "    print(playwright.chromium.executable_path)\n"
)


class BrowserError(RuntimeError):
    """There is no browser to be had; the message says what to install."""


def is_root() -> bool:
    """Return whether this process may install system packages."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def launch_arguments() -> list[str]:
    """Return Chromium's arguments for tests: no traffic of its own, and no sandbox for root, who cannot have one."""
    return [*QUIET_ARGUMENTS, *(["--no-sandbox"] if is_root() else [])]


def find_browser() -> str:
    """Return the path of a Chromium or Chrome that starts, fetched first if need be.

    In this order: the one that FEEDBACK_LITE_BROWSER names, an installed one, Playwright's own, Debian's
    package (as root). Raises BrowserError, with what to install, when all of them fail.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return _require_named(named)
    sources: Sequence[Callable[[], str | None]] = (
        _installed,
        _from_playwright,
        _download_from_playwright,
        _install_from_debian,
    )
    for source in sources:
        path = source()
        if path:
            return path
    raise BrowserError(
        "The site's tests need a browser and none was found: install Chromium or Google Chrome "
        f"(on Debian `apt-get install chromium`), or let {VARIABLE} name one."
    )


def _require_named(named: str) -> str:
    if not Path(named).is_file() or not os.access(named, os.X_OK):
        raise BrowserError(f"{VARIABLE} is {named!r}, but there is no program there: name a Chromium or Chrome.")
    return named


def _installed() -> str | None:
    on_path = [shutil.which(name) for name in NAMES]
    candidates = [path for path in (*on_path, *USUAL_PLACES) if path]
    return next((path for path in candidates if _starts(path)), None)


def _starts(path: str) -> bool:
    """Return whether the program answers: Ubuntu's `chromium-browser` may be a stub, a download may lack libraries."""
    return _output([path, "--version"], seconds=60) is not None


def _from_playwright() -> str | None:
    path = _output([sys.executable, "-c", ASK_PLAYWRIGHT], seconds=60)
    return next((found for found in (*_shells_beside(path), path) if _starts(found)), None) if path else None


def _shells_beside(path: str) -> list[str]:
    """Return the builds without windows in Playwright's store, of the same revision as its browser."""
    store = next((folder for folder in Path(path).parents if folder.name.startswith("chromium-")), None)
    if store is None:
        return []
    shells = store.with_name(store.name.replace("chromium-", "chromium_headless_shell-", 1))
    return [str(found) for found in shells.glob("*/*headless?shell*") if found.is_file()]


def _download_from_playwright() -> str | None:
    _say("No Chromium or Chrome is installed: trying Playwright's download (about 110 MB, a few minutes) ...")
    downloaded = _output([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"], seconds=900)
    return None if downloaded is None else _from_playwright()


def _install_from_debian() -> str | None:
    apt = shutil.which("apt-get")
    if apt is None or not is_root():
        return None
    _say("Playwright's download gave no browser: installing Debian's (1 to 3 minutes) ...")
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if _output([apt, "update", "-q"], seconds=1200, variables=variables) is None:
        return None
    install = [apt, "install", "-q", "-y", "--no-install-recommends"]
    for package in DEBIAN_PACKAGES:
        if _output([*install, package], seconds=1200, variables=variables) is not None:
            return _installed()
    return None


def _output(command: Sequence[str], *, seconds: float, variables: dict[str, str] | None = None) -> str | None:
    """Return what a command prints, or None when it cannot be run, fails or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=seconds, env=variables, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def main() -> int:
    """Print the browser's path and return the exit status."""
    try:
        print(find_browser())
    except BrowserError as error:
        print(f"Browser: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
