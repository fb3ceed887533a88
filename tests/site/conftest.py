"""The built site, a server for it, a browser, and visits that fail on anything that should not happen."""

import fcntl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, sync_playwright

from book.tools.browser import find_browser, launch_arguments

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
READ_BY_THE_SITE = ("_config.yml", "_toc.yml", "book", "chapters", "feedback_lite")

WIDTH, HEIGHT = 1280, 900
MEDIA = {"media": "screen", "color_scheme": "light", "reduced_motion": "no-preference"}

# A browser with windows lets a page copy upon a click; one without asks, and nobody answers.
CLIPBOARD: dict[str, Any] = {"permissions": ["clipboard-read", "clipboard-write"]}

Visit = Callable[..., Page]

# Each visit is a reader's first: what others have done on the page is forgotten.
FORGET = "try { localStorage.removeItem('feedback-lite-progress'); } catch {}"


STORAGE_REFUSED = "storage is refused in this test"


def is_known(message: str, address: str, page: str) -> bool:
    """Whether an error is the theme's or Sphinx's own, nearly all of them on pages opened from disk.

    The theme preloads fonts for its icons, and the search looks into the pages that it found. Browsers allow neither
    from disk. The icons are drawn and the pages are listed all the same. The page at the root of the site names no
    icon, since it leads on at once; a slow browser may ask for the usual one before it does.
    """
    if page == "index.html" and address.startswith("http") and address.endswith("/favicon.ico"):
        return message.endswith("404 (File not found)")
    # The theme asks for storage without care; where a test refuses it, it sees to it that we do not.
    if message == STORAGE_REFUSED or message == "Got invalid theme mode: undefined. Resetting to auto.":
        return True
    fonts = "/_static/vendor/fontawesome/"
    if message.startswith("Access to font at 'file://"):
        return fonts in message
    if message == "Failed to load resource: net::ERR_FAILED":
        return address.startswith("file://") and (fonts in address or address.endswith(".html"))
    searching = address.startswith("file://") and ("/search.html?q=" in address or address.endswith("/searchtools.js"))
    refused = ("Access to fetch at 'file://", "Fetch API cannot load file://", "Failed to fetch")
    return searching and message.startswith(refused)


def newest_source() -> float:
    sources = [ROOT / name for name in READ_BY_THE_SITE]
    files = [file for source in sources for file in ([source] if source.is_file() else source.rglob("*"))]
    return max(file.stat().st_mtime for file in files if file.is_file() and "__pycache__" not in file.parts)


@contextmanager
def one_at_a_time(name: Path) -> Iterator[None]:
    name.parent.mkdir(parents=True, exist_ok=True)
    with name.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site; built first where it is missing or older than what it is made of."""
    index = SITE / "index.html"
    with one_at_a_time(ROOT / "_build" / "site.lock"):
        if not index.exists() or index.stat().st_mtime < newest_source():
            book = Path(sys.executable).with_name("jupyter-book")
            command = [str(book), "build", ".", "--all", "-W", "--keep-going", "-n"]
            built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert built.returncode == 0, f"the site does not build:\n{built.stdout[-3000:]}\n{built.stderr[-3000:]}"
            index.touch()
    return SITE


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="session")
def addresses(site: Path) -> Iterator[dict[str, str]]:
    """Where the site stands: served on this machine, and as files on its disk."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield {"http": f"http://127.0.0.1:{server.server_port}/", "file": f"{site.as_uri()}/"}
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser for which there is nothing but this machine: no other name or number leads anywhere."""
    alone = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=[*launch_arguments(), alone])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def sheet(browser: Browser) -> Iterator[Page]:
    """An empty sheet: no site, for what needs none."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Callable[[dict[str, Any]], BrowserContext]:
    """One context for each set of options, so that pages share what they load."""
    known: dict[str, BrowserContext] = {}

    def context(options: dict[str, Any]) -> BrowserContext:
        key = repr(sorted(options.items()))
        if key not in known:
            known[key] = browser.new_context(**CLIPBOARD, **options)
            known[key].new_page()  # stays open: without it each page would get a window of its own, which takes longer
        return known[key]

    return context


class Visits:
    """Open pages, and everything on them that should not have happened."""

    def __init__(self, contexts: Callable[[dict[str, Any]], BrowserContext], addresses: dict[str, str]) -> None:
        self.contexts = contexts
        self.addresses = addresses
        self.pages: list[Page] = []
        self.complaints: list[str] = []

    def open(self, name: str, *, over: str = "http", **options: Any) -> Page:
        page = self.contexts({"viewport": {"width": WIDTH, "height": HEIGHT}, **options}).new_page()
        self.pages.append(page)
        own = (self.addresses[over], "blob:", "data:")

        def note_request(request: Request) -> None:
            if not request.url.startswith(own):
                self.complaints.append(f"{name} asks another origin: {request.url}")

        def note_message(message: ConsoleMessage) -> None:
            if message.type == "error" and not is_known(message.text, message.location["url"], name):
                self.complaints.append(f"{name} logs: {message.text} ({message.location['url']})")

        def note_error(error: Error) -> None:
            if not is_known(error.message, page.url, name):
                self.complaints.append(f"{name} throws: {error.message}")

        page.add_init_script(FORGET)
        page.on("request", note_request)
        page.on("console", note_message)
        page.on("pageerror", note_error)
        page.goto(self.addresses[over] + name, wait_until="load")
        if name == "index.html":
            page.wait_for_url("**/book/index.html", wait_until="load")  # it leads on
        if options.get("java_script_enabled", True):
            wait_until_drawn(page)
        return page

    def close(self) -> None:
        for page in self.pages:
            page.close()

    def complain(self) -> None:
        """Fail on what should not have happened since the last time."""
        complaints, self.complaints = self.complaints, []
        assert complaints == []


@pytest.fixture
def visit(contexts: Callable[[dict[str, Any]], BrowserContext], addresses: dict[str, str]) -> Iterator[Visit]:
    """Open a page of the site anew: ``visit("book/index.html", over="file", color_scheme="dark")``.

    When the test ends, every error on the page and every request to another origin fails it.
    """
    visits = Visits(contexts, addresses)
    yield visits.open
    visits.close()
    visits.complain()


@pytest.fixture
def timed(browser: Browser, addresses: dict[str, str]) -> Iterator[Visit]:
    """Like ``visit``, but time stands still on the page; ``page.clock.run_for(900)`` lets it go on."""
    context = browser.new_context()
    visits = Visits(lambda _: context, addresses)

    def open_and_stop(name: str) -> Page:
        page = visits.open(name)
        page.clock.install()
        page.clock.pause_at(page.evaluate("Date.now()") + 1000)
        return page

    yield open_and_stop
    context.close()
    visits.complain()


class Stages(Visits):
    """Pages that are opened once for all tests; size, theme, medium and motion are changed in them."""

    def __init__(self, contexts: Callable[[dict[str, Any]], BrowserContext], addresses: dict[str, str]) -> None:
        super().__init__(contexts, addresses)
        self.opened: dict[str, Page] = {}
        self.media: dict[str, dict[str, str]] = {}

    def show(self, name: str, *, fresh: bool = False, width: int = WIDTH, **media: str) -> Page:
        if name not in self.opened:
            self.opened[name] = self.open(name)
            self.media[name] = MEDIA
            fresh = False
        page = self.opened[name]
        page.bring_to_front()  # a browser draws what lies behind but once a second
        if self.media[name] != (wanted := MEDIA | media):
            page.emulate_media(**wanted)  # type: ignore[arg-type]
            self.media[name] = wanted
            settle(page)
        if page.viewport_size != (size := {"width": width, "height": HEIGHT}):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            wait_for_frames(page)
        if fresh:
            mount_again(page)
        return page


@pytest.fixture(scope="session")
def stages(contexts: Callable[[dict[str, Any]], BrowserContext], addresses: dict[str, str]) -> Iterator[Stages]:
    stages = Stages(contexts, addresses)
    yield stages
    stages.close()


@pytest.fixture
def stage(stages: Stages) -> Iterator[Visit]:
    """Like ``visit``, but the page is opened once for all tests, and shown as each asks for it.

    ``stage("book/index.html", width=320, color_scheme="dark", fresh=True)``; what a test does not name is wide, light,
    on a screen and with motion. With ``fresh`` the figures start again; a test that moves figures asks for it, and the
    next one must not be surprised by what it finds.
    """
    yield stages.show
    stages.complain()


def mount_again(page: Page, kind: str | None = None) -> None:
    """Take the figures away, and let the page's own host bring back those of a kind, or all."""
    page.mouse.move(0, 0)
    page.evaluate(FORGET)
    page.evaluate(
        """(kind) => new Promise((done) => {
            history.replaceState(null, "", location.pathname); // a link to a figure's state is forgotten too
            const view = "application/vnd.jupyter.widget-view+json";
            const known = document.querySelector('script[src*="host.js"]');
            if (!known) return done(); // a page without figures
            const views = [...document.querySelectorAll(`script[type="${view}"]`)];
            views.forEach((one) => {
                const place = one.nextElementSibling;
                if (!place?.matches(".fl-place, .fl-broken")) return;
                const shown = place.querySelector("[data-figure]")?.dataset.figure;
                if (kind === null || shown === kind) place.remove();
                else one.type = "another figure";
            });
            const host = document.createElement("script");
            host.src = known.src;
            host.addEventListener("load", () => {
                views.forEach((one) => { one.type = view; });
                host.remove();
                done();
            });
            document.head.append(host);
        })""",
        kind,
    )
    wait_for_figures(page)


def wait_for_figures(page: Page) -> None:
    """Wait until each place has its figure; the page says so itself, whenever something was added to it."""
    page.evaluate(
        """() => new Promise((done, fail) => {
            const empty = () => [...document.querySelectorAll(".fl-place")].filter((place) => !place.children.length);
            if (!empty().length) return done();
            const watcher = new MutationObserver(() => !empty().length && done(watcher.disconnect()));
            watcher.observe(document.body, { childList: true, subtree: true });
            setTimeout(() => fail(new Error(`${empty().length} places have no figure after 30 s`)), 30_000);
        })"""
    )


def wait_until_drawn(page: Page) -> None:
    """Wait for the figures and for the mathematics."""
    wait_for_figures(page)
    if page.locator('script[src*="mathematics.js"]').count():
        page.wait_for_function("Boolean(window.MathJax?.startup?.promise)")
        page.evaluate("MathJax.startup.promise")


def settle(page: Page) -> None:
    """Wait until a page has taken in another theme or medium; its colours do not change gradually then."""
    page.evaluate(
        """async () => {
            for (const _ of [1, 2, 3]) { // what a page answers with in its next frame may change colours too
                document.getAnimations().forEach((one) => one.finish());
                await new Promise(requestAnimationFrame);
            }
        }"""
    )


def wait_for_frames(page: Page) -> None:
    """Wait until the page is laid out anew: its figures draw themselves for another width in the next frame."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
