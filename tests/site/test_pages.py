"""Every page: loads clean and alone, reads without scripts, is accessible, links to what exists."""

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.kinds import FIGURES, PAGES_WITH_FIGURES
from tests.site.accessibility import violations
from tests.site.conftest import Visit, is_known
from tests.site.contents import ALL_PAGES, PAGES
from tests.site.looking import background, stored_states

PAGES_WITH_MATHEMATICS = 10
"""The least number of pages that have some."""


def test_site_has_exactly_the_pages_of_the_book(site: Path) -> None:
    """Those of single figures have a test of their own."""
    aside = {"_static", "figures"}
    found = {path.relative_to(site).as_posix() for path in site.rglob("*.html") if not aside & set(path.parts)}
    assert found == set(ALL_PAGES)


def is_complete(page: Page, name: str) -> None:
    """Its heading, its figures and its mathematics are there."""
    expect(page.locator("h1:visible").first).to_be_visible()
    for kind in (kind for page_name, kind in FIGURES if page_name == name):
        expect(page.locator(f'[data-figure="{kind}"]').first).to_be_visible()
    assert page.locator(".fl-broken").count() == 0
    assert page.locator(".math mjx-container").count() == page.locator(".math").count()
    assert page.locator(".math mjx-assistive-mml").count() == page.locator(".math").count()  # what is read aloud
    assert page.locator("mjx-merror").count() == 0


@pytest.mark.parametrize("name", ALL_PAGES)
def test_page_loads_clean_from_a_server(name: str, stage: Visit) -> None:
    is_complete(stage(name), name)


@pytest.mark.parametrize("name", ALL_PAGES)
def test_page_loads_clean_from_a_folder(name: str, visit: Visit) -> None:
    is_complete(visit(name, over="file"), name)


def test_there_is_mathematics(stage: Visit) -> None:
    written = [stage(name).locator(".math mjx-container").count() for name in PAGES]
    assert sum(count > 0 for count in written) >= PAGES_WITH_MATHEMATICS


@pytest.mark.parametrize("name", [name for name in ALL_PAGES if name != "index.html"])
def test_page_has_an_icon_of_its_own(name: str, stage: Visit) -> None:
    icon = stage(name).evaluate(
        """async () => {
            const { href } = document.querySelector('link[rel~="icon"]');
            const answer = await fetch(href);
            const picture = Object.assign(new Image(), { src: href });
            await picture.decode();
            return [answer.ok, answer.headers.get("content-type"), picture.naturalWidth > 0];
        }"""
    )
    assert icon == [True, "image/svg+xml", True]


def test_a_missing_icon_is_known_of_the_page_at_the_root_alone() -> None:
    missing = "Failed to load resource: the server responded with a status of 404 (File not found)"
    assert is_known(missing, "http://127.0.0.1:1/favicon.ico", "index.html")
    assert not is_known(missing, "http://127.0.0.1:1/favicon.ico", "book/index.html")
    assert not is_known(missing, "http://127.0.0.1:1/other.ico", "index.html")


@pytest.mark.parametrize("over", ["http", "file"])
def test_search_finds_pages(over: str, visit: Visit) -> None:
    page = visit("search.html?q=memory", over=over)
    expect(page.locator("#search-results li a").first).to_be_visible()


def test_a_page_that_is_opened_after_a_search_marks_its_words(visit: Visit) -> None:
    visit("search.html?q=memory")
    page = visit("book/index.html")  # Sphinx's script also walks through the picture's title and style
    expect(page.locator("article .highlighted").first).to_be_visible()


@pytest.mark.parametrize("name", PAGES_WITH_FIGURES)
def test_figures_can_be_read_without_scripts(name: str, stage: Visit, visit: Visit) -> None:
    scripted = stage(name)
    stored = stored_states(scripted)
    page = visit(name, java_script_enabled=False)
    shown = page.locator(".fl-fallback")
    assert {state["sentence"] for state in stored} <= set(shown.all_inner_texts())
    for one in shown.all():
        expect(one).to_be_visible()
    assert background(page.locator(".bd-header-article")) == background(scripted.locator(".bd-header-article"))
    # With scripts, only what needs Python is still told in words.
    left = scripted.locator(".fl-fallback").all_inner_texts()
    assert set(left) <= {"This part needs Python: open this chapter in Colab or JupyterLab."}


# ---- accessibility

# What the theme itself does, on every page: rule, selector of the element. The title stands outside of all landmarks.
KNOWN_VIOLATIONS = {("region", ".sidebar-primary-item:nth-child(1)")}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_of_ours(name: str, stage: Visit) -> None:
    """All its rules but contrast, which ``test_contrast.py`` measures in both themes."""
    page = stage(name, fresh=True)
    assert [found for found in violations(page) if tuple(found[:2]) not in KNOWN_VIOLATIONS] == []


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


@cache
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
