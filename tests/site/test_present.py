"""Each figure alone on the whole screen: by mouse, keyboard and touch, larger, and back where it was."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.kinds import KINDS
from tests.site.accessibility import pale, violations
from tests.site.conftest import Visit, wait_for_frames
from tests.site.looking import control, figures_of

SIZES = {"a projector": (1280, 720), "a large one": (1920, 1080)}
# The duel is nearly as wide as the smaller one to begin with.
LEAST = {"a projector": 1.1, "a large one": 1.49}
LEAST_OF_WIDE = {"a projector": 1.01, "a large one": 1.49}
"""How many times larger than on the page a figure is shown."""
QUEUE = "chapters/06-memory-fifo.html"

SCALE = "(figure) => figure.getBoundingClientRect().width / figure.offsetWidth"
ORDER = "(place) => [...place.children].map((child) => child.className.split(' ')[0])"


def place_of(page: Page, kind: str) -> Locator:
    return page.locator(f"#figure-{kind}")


def present(page: Page, kind: str) -> Locator:
    place_of(page, kind).locator('[data-act="present"]').click()
    stage = page.get_by_role("dialog")
    expect(stage).to_be_visible()
    wait_for_frames(page)
    return stage


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_is_shown_alone_and_larger(kind: str, stage: Visit) -> None:
    page = stage(KINDS[kind].pages[0], fresh=True)
    place = place_of(page, kind)
    figure = figures_of(page, kind)[0]
    order, told = place.evaluate(ORDER), figure.locator(".fl-sentence").inner_text()
    assert order == ["fl-figure", "fl-foot"]
    try:
        for name, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            wait_for_frames(page)
            dialog = present(page, kind)
            assert dialog.bounding_box() == {"x": 0, "y": 0, "width": width, "height": height}
            assert dialog.evaluate("(dialog) => dialog.matches(':modal')")
            assert dialog.get_attribute("aria-label") == figure.get_attribute("aria-label")
            least = LEAST_OF_WIDE if kind == "shell-duel" else LEAST
            assert figure.evaluate(SCALE) >= least[name], name
            hall = dialog.locator(".fl-stage-hall")
            assert hall.evaluate("(hall) => hall.scrollWidth <= hall.clientWidth"), name
            assert figure.locator(".fl-sentence").inner_text() == told
            dialog.get_by_role("button", name="Close", exact=True).click()
            expect(page.get_by_role("dialog")).to_have_count(0)
            assert place.evaluate(ORDER) == order
            assert figure.get_attribute("style") in (None, "")
            expect(place.locator('[data-act="present"]')).to_be_focused()
    finally:
        page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("over", ["chapter", "own page"])
def test_an_exercise_is_shown_with_its_task(over: str, stage: Visit) -> None:
    """Above the figure stands what the page asks, without hints, remarks and the way to the chapter."""
    page = stage("chapters/02-relative-positions.html" if over == "chapter" else "figures/02-fill-in.html", fresh=True)
    dialog = present(page, "fill-in")
    task = dialog.locator(".fl-stage-task")
    assert task.locator("p").all_inner_texts() == [
        "A memory holds num_slots slots. Return their distances from the query as a tensor, the oldest slot first. "
        "The query comes right after the newest slot."
    ]
    below = figures_of(page, "fill-in")[0].bounding_box()
    above = task.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= below["y"]
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_presented_figure_is_accessible(kind: str, stage: Visit) -> None:
    for theme in ("light", "dark"):
        page = stage(KINDS[kind].pages[0], color_scheme=theme)
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        wait_for_frames(page)
        dialog = present(page, kind)
        if theme == "light":  # but for colours both are the same
            assert violations(page, ".fl-stage") == []
        assert pale(page, ".fl-stage") == []
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    page.evaluate("document.documentElement.dataset.theme = 'light'")


def test_keys_open_it_stay_inside_and_close_it(stage: Visit) -> None:
    page = stage(QUEUE, fresh=True)
    opener = place_of(page, "memory-queue").locator('[data-act="present"]')
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Close", exact=True)).to_be_focused()
    for key in ("Tab", "Shift+Tab"):
        seen = set()
        for _ in range(24):
            page.keyboard.press(key)
            assert page.evaluate("document.activeElement.closest('dialog') !== null"), key
            seen.add(page.evaluate("document.activeElement.dataset.control ?? document.activeElement.dataset.act"))
        assert {"close", "step", "token"} <= seen
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()


def test_what_is_changed_while_it_is_presented_stays(stage: Visit) -> None:
    page = stage(QUEUE, fresh=True)
    dialog = present(page, "memory-queue")
    figure = figures_of(page, "memory-queue")[0]
    before = figure.locator(".fl-sentence").inner_text()
    control(figure, "step").click()
    expect(figure.locator(".fl-sentence")).not_to_have_text(before)
    box = control(figure, "token").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 3, box["y"] + box["height"] / 2)  # the picture is larger, and so is what is pointed at
    expect(control(figure, "token")).to_have_attribute("aria-valuenow", "1")
    told = figure.locator(".fl-sentence").inner_text()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert figure.locator(".fl-sentence").inner_text() == told


def test_the_page_stays_where_it_was(stage: Visit) -> None:
    page = stage(QUEUE)
    place_of(page, "memory-queue").locator(".fl-foot").scroll_into_view_if_needed()
    before = page.evaluate("[scrollY, document.documentElement.scrollHeight]")
    present(page, "memory-queue")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("[scrollY, document.documentElement.scrollHeight]") == before


@pytest.fixture
def phone(browser: Browser, addresses: dict[str, str]) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)

    def open_page(name: str) -> Page:
        page = context.new_page()
        page.goto(addresses["http"] + name)
        page.wait_for_selector(".fl-foot-button")
        return page

    yield open_page
    context.close()


SMALL = """(bar) => [...bar.querySelectorAll(".fl-foot-button")].map((one) => one.getBoundingClientRect())
    .filter(({ width, height }) => width < 44 || height < 44).length"""


def test_it_opens_and_closes_by_touch(phone: Any) -> None:
    page = phone(QUEUE)
    place = place_of(page, "memory-queue")
    assert place.locator(".fl-foot").evaluate(SMALL) == 0
    place.locator('[data-act="present"]').tap()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert dialog.evaluate(SMALL) == 0
    assert dialog.locator(".fl-stage-hall").evaluate("(hall) => hall.scrollWidth <= hall.clientWidth")
    figure = figures_of(page, "memory-queue")[0]
    before = figure.locator(".fl-sentence").inner_text()
    control(figure, "step").tap()
    expect(figure.locator(".fl-sentence")).not_to_have_text(before)
    dialog.locator('[data-act="close"]').tap()
    expect(dialog).to_have_count(0)
