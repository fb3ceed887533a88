"""Every page: loads clean and alone, reads without scripts, fits a telephone, is accessible, links to what exists."""

import importlib.resources
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from playwright.sync_api import expect

from tests.site.conftest import Visit
from tests.site.tables import FIGURES, PAGES, PAGES_OF_THE_TOOL

ALL_PAGES = [*PAGES, *PAGES_OF_THE_TOOL]


def test_site_has_exactly_the_pages_of_the_book(site: Path) -> None:
    found = {path.relative_to(site).as_posix() for path in site.rglob("*.html") if "_static" not in path.parts}
    assert found == set(ALL_PAGES)


@pytest.mark.parametrize("over", ["http", "file"])
@pytest.mark.parametrize("name", ALL_PAGES)
def test_page_loads_clean(name: str, over: str, visit: Visit) -> None:
    page = visit(name, over=over)
    expect(page.locator("h1:visible").first).to_be_visible()
    figures = [kind for page_name, kind in FIGURES if page_name == name]
    for kind in figures:
        expect(page.locator(f'[data-figure="{kind}"]').first).to_be_visible()
    assert page.locator(".fl-broken").count() == 0


@pytest.mark.parametrize("over", ["http", "file"])
def test_mathematics_is_typeset(over: str, visit: Visit) -> None:
    typeset = 0
    for name in PAGES:
        page = visit(name, over=over)
        written = page.locator(".math").count()
        assert page.locator(".math mjx-container").count() == written
        assert page.locator("mjx-merror").count() == 0
        typeset += written
    assert typeset > 0


@pytest.mark.parametrize("over", ["http", "file"])
def test_search_finds_pages(over: str, visit: Visit) -> None:
    page = visit("search.html?q=memory", over=over)
    expect(page.locator("#search-results li a").first).to_be_visible()


def test_a_page_that_is_opened_after_a_search_marks_its_words(visit: Visit) -> None:
    visit("search.html?q=memory")
    page = visit("book/index.html")  # Sphinx's script also walks through the picture's title and style
    expect(page.locator(".highlighted").first).to_be_visible()


@pytest.mark.parametrize("name", sorted({name for name, _ in FIGURES}))
def test_figures_can_be_read_without_scripts(name: str, visit: Visit) -> None:
    scripted = visit(name)
    stored = scripted.locator('script[type="application/vnd.jupyter.widget-state+json"]').evaluate(
        "(script) => Object.values(JSON.parse(script.textContent).state).map(({ state }) => state)"
    )
    page = visit(name, java_script_enabled=False)
    shown = page.locator(".fl-fallback")
    sentences = [shown.nth(index).inner_text() for index in range(shown.count())]
    for state in stored:
        if "_esm" in state:
            assert state["sentence"] in sentences
    for index in range(shown.count()):
        expect(shown.nth(index)).to_be_visible()
    # With scripts, only what needs Python is still told in words.
    left = scripted.locator(".fl-fallback").all_inner_texts()
    assert set(left) <= {"This part needs Python: open this chapter in Colab or JupyterLab."}


@pytest.mark.parametrize("width", [320, 390])
@pytest.mark.parametrize("name", PAGES)
def test_page_never_scrolls_sideways(name: str, width: int, visit: Visit) -> None:
    page = visit(name, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.mouse.wheel(200, 0)
    page.wait_for_timeout(100)
    assert page.evaluate("window.scrollX") == 0


# ---- accessibility

# What the theme itself does, on every page: rule, selector of the element. The title stands outside of all landmarks.
KNOWN_VIOLATIONS = {("region", ".sidebar-primary-item:nth-child(1)")}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_of_ours(name: str, theme: str, visit: Visit) -> None:
    page = visit(name, color_scheme=theme)
    axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    page.evaluate(axe)
    violations = page.evaluate(
        """async () => (await axe.run(document, { resultTypes: ["violations"], preload: false })).violations.flatMap(
            ({ id, nodes }) => nodes.map(({ target, failureSummary }) => [id, target.join(" "), failureSummary]))"""
    )
    assert [found for found in violations if tuple(found[:2]) not in KNOWN_VIOLATIONS] == []


# ---- links


class References(HTMLParser):
    """The addresses that a page names, and the places in it that can be named."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.places |= {value for key in ("id", "name") if (value := found.get(key))}
        address = found.get("href") if tag in {"a", "link"} else found.get("src")
        if address:
            self.addresses.append(address)


def references(path: Path) -> References:
    parser = References()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


def broken_links(site: Path, name: str) -> Iterator[str]:
    for address in references(site / name).addresses:
        link = urlsplit(address)
        if link.scheme in {"https", "mailto", "data"}:
            continue
        target = urlsplit(urljoin(f"http://site/{name}", link._replace(query="").geturl()))
        file = site / unquote(target.path).lstrip("/")
        named = target.fragment if file.suffix == ".html" else ""
        if link.netloc or not file.is_file() or (named and unquote(named) not in references(file).places):
            yield address


@pytest.mark.parametrize("name", ALL_PAGES)
def test_links_lead_somewhere(name: str, site: Path) -> None:
    assert list(broken_links(site, name)) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html#there">x</a><a href="b.html#gone">x</a><img src="c.png">')
    (tmp_path / "b.html").write_text('<p id="there"></p><a href="http://elsewhere/">x</a>')
    assert list(broken_links(tmp_path, "a.html")) == ["b.html#gone", "c.png"]
    assert list(broken_links(tmp_path, "b.html")) == ["http://elsewhere/"]
