"""The map of works on the built page: its links to the bibliography, its small pictures, a click beside all works."""

from urllib.parse import urldefrag, urljoin

import pytest
from playwright.sync_api import Locator, Page, expect

from feedback_lite.widgets import WORKS, Cell
from tests.kinds import KINDS
from tests.site.conftest import Visit
from tests.site.looking import control, figures_of, look

KIND = "lineage-map"
PAGE_NAMES = KINDS[KIND].pages


def choose(figure: Locator, place: int) -> None:
    """Go to a work through the years, from the first one on."""
    control(figure, "work").press("Home")
    for _ in range(place):
        control(figure, "work").press("ArrowRight")


@pytest.mark.parametrize("page_name", PAGE_NAMES)
def test_every_source_leads_to_its_entry_in_the_bibliography(page_name: str, stage: Visit) -> None:
    entries = set(stage("book/bibliography.html").locator("[id]").evaluate_all("(all) => all.map(({ id }) => id)"))
    page = stage(page_name, fresh=True)
    for figure in figures_of(page, KIND):
        control(figure, "work").press("Home")
        for work in WORKS:
            address, entry = urldefrag(urljoin(page.url, control(figure, "source").get_attribute("href") or ""))
            assert address.endswith("/book/bibliography.html")
            assert entry == work.key
            assert entry in entries
            control(figure, "work").press("ArrowRight")


@pytest.mark.parametrize("over", ["http", "file"])
def test_a_click_on_the_source_opens_the_bibliography(over: str, visit: Visit) -> None:
    page = visit(PAGE_NAMES[0], over=over)
    (figure,) = figures_of(page, KIND)
    control(figure, "source").click()
    expect(page.get_by_role("heading", name="Bibliography")).to_be_visible()
    assert page.url.endswith("bibliography.html#fan2020feedback")


def drawn(page: Page, figure: Locator, how: str) -> int:
    return figure.locator(f'.fl-schema .fl-way[data-read="{how}"]').count() - 1  # one stands in the legend


@pytest.mark.parametrize("page_name", PAGE_NAMES)
def test_small_picture_draws_what_the_wiring_reads(page_name: str, stage: Visit) -> None:
    page = stage(page_name, fresh=True)
    for figure in figures_of(page, KIND):
        for place, work in enumerate(WORKS):
            choose(figure, place)
            reads = [how for layer in (1, 2, 3) for how in work.wiring.reads(Cell(4, layer), 3).values()]
            assert drawn(page, figure, "below") == reads.count("below")
            assert drawn(page, figure, "own") == 3
            assert (drawn(page, figure, "memory") > 0) == ("memory" in reads or work.wiring.again)
            tips = {link[1] for link in work.wiring.links} or ({1} if work.wiring.again else set())
            heights = figure.locator(".fl-tip").evaluate_all("(all) => all.map((one) => one.getBBox().y)")
            assert len(set(heights)) == len(tips)


@pytest.mark.parametrize("page_name", PAGE_NAMES)
def test_a_click_where_no_work_stands_changes_nothing(page_name: str, stage: Visit) -> None:
    page = stage(page_name, fresh=True)
    for figure in figures_of(page, KIND):
        was = look(figure, KIND)
        box = figure.locator(".fl-map").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 20, box["y"] + 60)  # the upper left field is empty
        now = look(figure, KIND)
        assert [now[name] for name in ("chosen", "sentence")] == [was[name] for name in ("chosen", "sentence")]
