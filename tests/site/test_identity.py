"""What makes the book known: its mark, its header, what others see of a page, and where lost addresses lead."""

import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from PIL import Image
from playwright.sync_api import expect

from book.site.front import read_card
from book.tools.notebooks.notebook import chapters
from tests.site.conftest import ROOT, Visit
from tests.site.contents import PAGES

BASE = yaml.safe_load((ROOT / "_config.yml").read_text())["html"]["baseurl"]
CHAPTER = "chapters/05-feedback-memory.html"


def told(site: Path, page: str, name: str) -> list[str]:
    """Return what the head of a page says under a name."""
    head = (site / page).read_text(encoding="utf-8").split("</head>")[0]
    return [unescape(text) for text in re.findall(rf'<meta (?:property|name)="{name}" content="([^"]*)"', head)]


# ---- what others see


def test_every_page_has_one_description_of_its_own(site: Path) -> None:
    said = {page: told(site, page, "description") for page in PAGES}
    assert [page for page, texts in said.items() if len(texts) != 1 or not 40 <= len(texts[0]) <= 200] == []
    assert [page for page, texts in said.items() if told(site, page, "og:description") != texts] == []
    assert len({texts[0] for texts in said.values()}) == len(PAGES)
    assert said[CHAPTER][0].startswith("Say what a feedback memory stores at each step")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_a_card(page: str, site: Path) -> None:
    (address,) = told(site, page, "og:image")
    assert address.startswith(BASE)
    card = site / address.removeprefix(BASE)
    assert card.stat().st_size < 30_000
    with Image.open(card) as picture:
        assert picture.size == (1200, 630)
        assert [str(picture.width)] == told(site, page, "og:image:width")


def test_the_sitemap_lists_every_page_and_no_other(site: Path) -> None:
    tree = ElementTree.parse(site / "sitemap.xml")
    found = [element.text or "" for element in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert sorted(found) == sorted(BASE + page for page in PAGES)


def test_a_lost_address_leads_on_from_any_depth(site: Path, visit: Visit) -> None:
    """Its page asks for no file of the site, whose place it cannot know, and names the book's pages in full."""
    text = (site / "404.html").read_text(encoding="utf-8")
    assert re.findall(r'\b(?:src|href)="(?!https://|data:)([^"]*)"', text) == []
    named = set(re.findall(r'href="(https://[^"]*)"', text))
    assert {BASE + page for page in PAGES if page.startswith(("chapters/", "book/index"))} == named
    for theme in ("light", "dark"):
        page = visit("404.html", color_scheme=theme, viewport={"width": 320, "height": 700})
        expect(page.get_by_role("link").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


# ---- the header


@pytest.mark.parametrize(
    ("page_name", "controls"),
    [
        ("book/index.html", ["Chapters", "Source", "Theme"]),
        (CHAPTER, ["Chapters", "Colab", "Notebook", "Theme"]),
        ("book/notation.html", ["Chapters", "Source", "Theme"]),
    ],
)
def test_the_header_has_few_controls_and_each_its_word(page_name: str, controls: list[str], stage: Visit) -> None:
    header = stage(page_name).locator(".bd-header-article")
    shown = [text.strip() for text in header.locator(".btn:visible").all_inner_texts()]
    assert [text for text in shown if text in controls] == controls
    assert len(shown) <= len(controls) + 1  # a switch for all code
    for width in (390, 320):
        small = stage(page_name, width=width).locator(".bd-header-article .btn:visible")
        assert all(text.strip() for text in small.evaluate_all("(all) => all.map((one) => one.textContent)"))
        boxes = [one.bounding_box() for one in small.all()]
        assert min(box["height"] for box in boxes if box) >= 44
    stage(page_name)


def test_the_mark_leads_home(stage: Visit) -> None:
    page = stage(CHAPTER)
    brand = page.locator(".fl-brand:visible")
    expect(brand).to_have_count(1)
    expect(brand.locator("svg")).to_be_visible()
    expect(brand).to_have_accessible_name("The Feedback Transformer")
    assert (brand.get_attribute("href") or "").endswith("book/index.html")
    expect(stage("book/index.html").locator(".bd-header-article .fl-brand svg")).to_be_visible()


# ---- the front page


def test_cards_have_the_minutes_of_the_chapters(stage: Visit) -> None:
    cards = stage("book/index.html").locator(".fl-card")
    read = [read_card(path) for path in chapters()]
    assert cards.count() == len(read)
    for shown, card in zip(cards.all(), read, strict=True):
        expect(shown.locator("a")).to_have_text(f"{card.number} {card.title}")
        expect(shown.locator("small")).to_have_text(card.time)
        expect(shown.locator("svg")).to_be_visible()
    begin = stage("book/index.html").locator(".fl-go")
    expect(begin).to_have_text(f"Begin with chapter 1 {read[1].minutes} minutes")
    assert (begin.get_attribute("href") or "").endswith("01-why-feedback.html")


def test_the_whole_duel_begins_in_the_first_screen(stage: Visit) -> None:
    """At 1280 by 720, question, cups and the large button are seen without scrolling."""
    page = stage("book/index.html", fresh=True)
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    page.set_viewport_size({"width": 1280, "height": 720})
    for seen in ("article h1", ".fl-cups", '[data-control="shuffle"]', '[data-player="ordinary"]'):
        box = page.locator(seen).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 720, seen
    assert page.locator("[data-figure]").evaluate("(figure) => figure.offsetWidth") > 1000


@pytest.mark.parametrize("width", [1280, 1440])
def test_text_keeps_its_measure_where_figures_are_wider(width: int, stage: Visit) -> None:
    page = stage("chapters/01-why-feedback.html", width=width)
    texts = page.locator("article section > p:visible").evaluate_all("(all) => all.map((one) => one.offsetWidth)")
    assert max(texts) <= 720
    assert page.locator('[data-figure="shell-duel"]').evaluate("(figure) => figure.offsetWidth") >= 780
