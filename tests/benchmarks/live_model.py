"""Measures how many tokens per second the trained models take in a browser, one after the other.

    python -m tests.benchmarks.live_model --tokens 200 --rounds 9

Every round runs a fresh model through a whole sequence, reading its weights included; what is shown is the median.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page, sync_playwright

from book.tools.browser import find_browser, launch_arguments
from feedback_lite import pretrained
from feedback_lite.widgets.figure import join_script
from feedback_lite.widgets.live import export

MEASURE = """async ([script, exported, length, rounds]) => {
    const { run } = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    const tokens = Array.from({ length }, (_, place) => (7 * place) % exported.config.vocab_size);
    const times = [];
    for (let round = 0; round <= rounds; round++) {
        await new Promise((done) => setTimeout(done));
        const begin = performance.now();
        run(exported, tokens);
        times.push(performance.now() - begin);
    }
    return times;
}"""


def measure(page: Page, exported: dict[str, Any], *, tokens: int, rounds: int) -> tuple[float, float]:
    """Milliseconds of the first run, when the script is not yet compiled, and the median of those after it."""
    first, *later = page.evaluate(MEASURE, [join_script("live"), exported, tokens, rounds])
    return first, statistics.median(later)


def report(name: str, tokens: int, first: float, median: float) -> str:
    """One line per model."""
    return f"{name:16s} {first:9.1f} ms {median:9.1f} ms {1000 * tokens / median:9.0f} tokens per second"


def machine(browser_version: str) -> str:
    """What the numbers depend on."""
    return f"Chromium {browser_version}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.live_model", description="Speed of the models in the page."
    )
    parser.add_argument("--tokens", type=int, default=200, help="tokens in a run")
    parser.add_argument("--rounds", type=int, default=9, help="counted runs per model")
    options = parser.parse_args(arguments)
    if options.tokens < 1 or options.rounds < 1:
        parser.error(f"--tokens and --rounds must be at least 1, not {options.tokens}, {options.rounds}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=launch_arguments())
        print(machine(browser.version))
        print(f"{options.tokens} tokens        first run       median")
        for name in pretrained.names():
            times = measure(browser.new_page(), export(name), tokens=options.tokens, rounds=options.rounds)
            print(report(name, options.tokens, *times), flush=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
