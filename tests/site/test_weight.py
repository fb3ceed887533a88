"""What a page asks for: little, nothing that it does not use, and what is seen first comes first."""

import gzip
import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser

from tests.kinds import PAGES_WITH_FIGURES
from tests.site.conftest import Visit, wait_until_drawn
from tests.site.contents import PAGES

FRONT_PAGE, FOLDER_BYTES = "book/index.html", 12_000_000
FRONT_PAGE_BYTES, OTHERS_BYTES = 400_000, 650_000
"""What a page and all that it asks for may weigh, compressed."""
CHAPTERS = Path(__file__).parents[2] / "chapters"
FETCHED = "performance.getEntriesByType('resource').map((entry) => entry.name)"


def files_of(address: str, page: str, fetched: list[str], site: Path) -> list[Path]:
    """Return the files of the site that a page was made of."""
    address = address.partition("#")[0]
    base = address.removesuffix(page)
    names = {unquote(urlsplit(name.removeprefix(base)).path) for name in [address, *fetched] if name.startswith(base)}
    return [site / name for name in names]


@pytest.mark.parametrize("name", PAGES)
def test_page_is_light(name: str, stage: Visit, site: Path) -> None:
    page = stage(name)
    page.wait_for_load_state("networkidle")
    files = files_of(page.url, name, page.evaluate(FETCHED), site)
    weight = sum(len(gzip.compress(file.read_bytes(), 6, mtime=0)) for file in files)
    assert len(files) > 10
    assert weight <= (FRONT_PAGE_BYTES if name == FRONT_PAGE else OTHERS_BYTES), sorted(
        (len(gzip.compress(file.read_bytes(), 6)), file.name) for file in files
    )


@pytest.mark.parametrize("name", PAGES)
def test_mathematics_is_loaded_where_there_is_some_and_last(name: str, site: Path) -> None:
    text = (site / name).read_text(encoding="utf-8")
    scripts = re.findall(r'<script[^>]* src="([^"?]+)', text.split("</head>")[0])
    mathematics = [script for script in scripts if "mathjax" in script]
    assert bool(mathematics) == ('class="math' in text)
    assert scripts[len(scripts) - len(mathematics) :] == mathematics


# How many figures there are when the first one is drawn, and when the first formula comes.
ORDER = """
window.count = () => document.querySelectorAll("[data-figure]").length;
new MutationObserver((_, observer) => {
    if (count() && !window.first) requestAnimationFrame(() => { window.first ??= count(); });
    if (!document.querySelector("mjx-container")) return;
    window.before = count();
    observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""


def test_the_first_figure_comes_before_the_others_and_all_before_mathematics(
    browser: Browser, addresses: dict[str, str]
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(ORDER)
    page.goto(f"{addresses['http']}chapters/05-feedback-memory.html")
    wait_until_drawn(page)
    found = page.evaluate("[window.first, window.before, count()]")
    context.close()
    assert found[2] >= 6
    assert found == [1, found[2], found[2]]


@pytest.mark.parametrize("name", sorted(set(PAGES_WITH_FIGURES)))
def test_the_text_comes_before_the_figures_state(name: str, site: Path) -> None:
    head, body = (site / name).read_text(encoding="utf-8").split("</head>")
    assert "widget-state+json" not in head
    assert body.index("<h1") < body.index("widget-state+json")


@pytest.mark.parametrize("name", PAGES)
def test_no_script_stands_before_the_text_but_one_line_of_settings(name: str, site: Path) -> None:
    head = (site / name).read_text(encoding="utf-8").split("</head>")[0]
    waiting = re.findall(r"<script(?![^>]*\bdefer\b)[^>]* src=[^>]*>", head)
    assert [script for script in waiting if "documentation_options.js" not in script] == []


def test_every_icon_has_an_outline(stage: Visit) -> None:
    without = """() => [...document.querySelectorAll("[class*='fa-']")]
        .filter((icon) => !getComputedStyle(icon).maskImage.startsWith("url(")).map((icon) => icon.className)"""
    page = stage("chapters/05-feedback-memory.html")
    assert page.locator("[class*='fa-']").count() > 5
    assert page.evaluate(without) == []


def test_the_folder_is_small_and_holds_nothing_of_the_past(site: Path) -> None:
    files = [file for file in site.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= FOLDER_BYTES
    unused = ("fontawesome", "thebe", "design", "togglebutton", "locales", "LICENSE", ".map")
    assert [file for file in files if "_static" in file.parts and any(part in file.as_posix() for part in unused)] == []


@pytest.mark.parametrize("path", sorted(CHAPTERS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_notebook_behind_the_button_is_the_chapter_without_what_figures_store(path: Path, site: Path) -> None:
    """Code, text and all other outputs are there; where a figure will stand, its sentence is."""
    chapter, offered = (
        json.loads(one.read_text(encoding="utf-8")) for one in (path, site / "_sources/chapters" / path.name)
    )
    assert f'href="../_sources/chapters/{path.name}"' in (site / "chapters" / f"{path.stem}.html").read_text("utf-8")
    assert chapter["metadata"].pop("widgets")["application/vnd.jupyter.widget-state+json"]["state"]
    for output in [output for cell in chapter["cells"] for output in cell.get("outputs", [])]:
        view = output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        assert view is None or "".join(output["data"]["text/plain"])
    assert offered == chapter
