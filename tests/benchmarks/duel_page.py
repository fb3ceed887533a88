"""Measures the front page: how soon its duel can be played, and what the page weighs.

    python -m tests.benchmarks.duel_page --visits 7

The built site (`make book`) is served from this machine and opened in a browser that has stored nothing. A frame
counts as interactive when it was drawn with the duel's button in it; its time is counted from the page's load event,
which may come later, and from the start of the visit. The weight is that of everything that the page asked for, each
file compressed by gzip as a server would send it.
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import statistics
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from book.tools.browser import find_browser, launch_arguments

SITE = Path(__file__).parents[2] / "_build" / "html"
PAGE = "book/index.html"
# Notes the first frame that was drawn with the button in it, and when the models had answered a first move.
WATCH = """
new MutationObserver((_, observer) => {
    if (!document.querySelector('[data-figure="shell-duel"] [data-control="shuffle"]')) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.interactive = performance.now(); }, 0));
}).observe(document, { childList: true, subtree: true });
"""
MOVE = """() => {
    const start = performance.now();
    document.querySelector('[data-control="keep open"]').click();
    document.querySelector('[data-control="shuffle"]').click();
    return new Promise((done) => setTimeout(() => done(performance.now() - start), 0));
}"""


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves the site without a word."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address at which the site is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def visit(browser: Browser, address: str) -> tuple[dict[str, float], dict[str, int]]:
    """One visit: its times in milliseconds, and the compressed size of each file."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: weigh(request)}))
    page.add_init_script(WATCH)
    page.goto(address + PAGE, wait_until="load")
    page.wait_for_function("window.interactive !== undefined")
    interactive = page.evaluate("window.interactive")
    load = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    page.wait_for_load_state("networkidle")
    move = page.evaluate(MOVE)
    context.close()
    return {"load": load, "interactive": interactive, "after load": interactive - load, "first move": move}, sizes


def weigh(request: Any) -> int:
    """What a file weighs when it is sent compressed; what is compressed already gains nothing."""
    if not request.url.startswith("http"):
        return 0
    body = request.response().body()
    return min(len(body), len(gzip.compress(body, 6, mtime=0)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the medians of several visits; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=7, help="number of visits (default 7)")
    visits = parser.parse_args(arguments).visits
    if visits < 1:
        parser.error(f"--visits must be at least 1, got {visits}")
    if not (SITE / PAGE).is_file():
        print("The site is not built: run `make book` first.", file=sys.stderr)
        return 1
    with served(SITE) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=launch_arguments())
        found = [visit(browser, address) for _ in range(visits)]
        print(f"Chromium {browser.version}, {os.cpu_count()} cores, {platform.machine()}; {visits} visits, medians")
        browser.close()
    for name in ("load", "interactive", "after load", "first move"):
        times = [times[name] for times, _ in found]
        print(f"{name:<12}{statistics.median(times):8.0f} ms   ({min(times):.0f} to {max(times):.0f})")
    sizes = found[-1][1]
    print(f"weight      {sum(sizes.values()) / 1000:8.0f} kB   in {len(sizes)} files, compressed")
    for url, size in sorted(sizes.items(), key=lambda pair: -pair[1])[:8]:
        print(f"  {size / 1000:8.0f} kB   {url.removeprefix(address)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
