"""Measures how soon pages are seen and their figures alive on a slow phone, and what they weigh.

    python -m tests.benchmarks.pages --visits 5

The built site (`make book`) is served from this machine, compressed, and opened in a browser that has stored nothing
and is slowed down as a phone on a slow network is: 1.6 Mbit/s, 150 ms there and back, a processor four times slower.
A figure counts as alive when the first frame with its controls was drawn. The weight is that of everything that the
page asked for, compressed.
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
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from book.tools.browser import find_browser, launch_arguments

SITE = Path(__file__).parents[2] / "_build" / "html"
PAGES = ("book/index.html", "chapters/05-feedback-memory.html")
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
SLOWER = 4
# Notes when the first frame with a live figure was drawn.
WATCH = """
new MutationObserver((_, observer) => {
    if (!document.querySelector("[data-figure] :is(button, input)")) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.alive = performance.now(); }, 0));
}).observe(document, { childList: true, subtree: true });
"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
MOVED = """() => new Promise((done) => new PerformanceObserver((list, observer) => {
    observer.disconnect();
    done(list.getEntries().filter((entry) => !entry.hadRecentInput).reduce((sum, entry) => sum + entry.value, 0));
}).observe({ type: "layout-shift", buffered: true }) || setTimeout(() => done(0), 500))"""


@cache
def compressed(path: str) -> bytes:
    """Return a file as a server would send it."""
    return gzip.compress(Path(path).read_bytes(), 6, mtime=0)


class CompressingHandler(SimpleHTTPRequestHandler):
    """Serves the site compressed, without a word."""

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send_head(self) -> BytesIO | None:  # type: ignore[override]
        path = self.translate_path(self.path)
        if not os.path.isfile(path):
            self.send_error(404)
            return None
        body = compressed(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return BytesIO(body)


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address at which the site is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(CompressingHandler, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def visit(browser: Browser, address: str) -> tuple[dict[str, float], dict[str, int]]:
    """One visit: its times in milliseconds and how far its layout jumped, and the compressed size of each file."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    slow = context.new_cdp_session(page)
    slow.send("Network.enable")
    slow.send("Network.emulateNetworkConditions", NETWORK)
    slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: weigh(request)}))
    page.add_init_script(WATCH)
    page.goto(address, wait_until="load", timeout=120_000)
    page.wait_for_function("window.alive !== undefined", timeout=120_000)
    page.wait_for_load_state("networkidle", timeout=120_000)
    times = {"first paint": page.evaluate(PAINTED), "figure alive": page.evaluate("window.alive")}
    times["layout shift"] = page.evaluate(MOVED)
    context.close()
    return times, sizes


def weigh(request: Any) -> int:
    """What a file weighs when it is sent compressed."""
    if not request.url.startswith("http"):
        return 0
    return len(gzip.compress(request.response().body(), 6, mtime=0))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the medians of several visits to each page; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=5, help="number of visits (default 5)")
    parser.add_argument("--site", type=Path, default=SITE, help="the folder of the built site")
    parsed = parser.parse_args(arguments)
    if parsed.visits < 1:
        parser.error(f"--visits must be at least 1, got {parsed.visits}")
    if not (parsed.site / PAGES[0]).is_file():
        print("The site is not built: run `make book` first.", file=sys.stderr)
        return 1
    with served(parsed.site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=launch_arguments())
        print(
            f"Chromium {browser.version}, {os.cpu_count()} cores, {platform.machine()}; {parsed.visits} visits, medians"
        )
        for name in PAGES:
            found = [visit(browser, address + name) for _ in range(parsed.visits)]
            print(name)
            for measure in ("first paint", "figure alive"):
                times = [times[measure] for times, _ in found]
                print(f"  {measure:<13}{statistics.median(times):7.0f} ms   ({min(times):.0f} to {max(times):.0f})")
            print(f"  layout shift {statistics.median(times['layout shift'] for times, _ in found):7.3f}")
            sizes = found[-1][1]
            print(f"  weight       {sum(sizes.values()) / 1000:7.0f} kB   in {len(sizes)} files, compressed")
            for url, size in sorted(sizes.items(), key=lambda pair: -pair[1])[:5]:
                print(f"    {size / 1000:5.0f} kB   {url.removeprefix(address)}")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
