"""What stalled people who tried the book: by touch on a telephone, by keyboard alone, and what they looked for."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from tests.site.conftest import ROOT, Visit, wait_for_frames
from tests.site.looking import control, figure_of, figures_of

FIGURE, EXERCISE = "bucket-explorer", "fill-in"
CHAPTER = "chapters/02-relative-positions.html"
FOLDS = ".bd-article details:not(.fl-figure *) > summary"
TELEPHONE = {"has_touch": True, "is_mobile": True, "viewport": {"width": 390, "height": 844}}


def drag_sideways(page: Page, y: float, *, start: float, end: float) -> None:
    """Move one finger, as a hand does."""
    hand = page.context.new_cdp_session(page)
    places = [start + (end - start) * part / 8 for part in range(9)]
    for kind, x in [("touchStart", places[0]), *[("touchMove", place) for place in places[1:]], ("touchEnd", None)]:
        points = [] if x is None else [{"x": x, "y": y}]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        wait_for_frames(page)
    hand.detach()


def bring_to(page: Page, one: Locator, top: float) -> None:
    one.evaluate("(one, top) => scrollBy({ top: one.getBoundingClientRect().top - top, behavior: 'instant' })", top)
    wait_for_frames(page)


# ---- by touch


def test_a_finger_drags_in_a_picture_and_does_not_leave_the_page(visit: Visit) -> None:
    page = visit("book/notation.html", **TELEPHONE)
    home = page.url.removesuffix("book/notation.html")
    page.goto(home + CHAPTER)  # there is a page to go back to
    figure = figure_of(page, FIGURE)
    bring_to(page, figure, 60)
    area = control(figure, "slot").locator(".fl-hit").bounding_box()
    assert area is not None
    first, last = area["x"] + 5, area["x"] + area["width"] - 5
    control(figure, "slot").evaluate("(slot) => slot.focus({ preventScroll: true })")
    drag_sideways(page, area["y"] + area["height"] / 2, start=last, end=first)
    assert control(figure, "slot").get_attribute("aria-valuenow") == "1"
    drag_sideways(page, area["y"] + area["height"] / 2, start=first, end=last)
    assert page.url.endswith(CHAPTER)
    assert control(figure, "slot").get_attribute("aria-valuenow") == "16"


def test_the_verdict_comes_into_view(visit: Visit) -> None:
    page = visit(CHAPTER, **TELEPHONE)
    page.emulate_media(reduced_motion="reduce")
    exercise = figures_of(page, EXERCISE)[3]
    for blank in exercise.locator(".fl-blank").all():
        blank.tap()
        exercise.locator("label:visible").first.tap()
    check = control(exercise, "check")
    bring_to(page, check, 844 - 60)
    check.tap()
    wait_for_frames(page)
    sentence = exercise.locator(".fl-sentence")
    assert "not yet" in sentence.inner_text()
    box = sentence.bounding_box()
    assert box is not None
    assert box["y"] >= 56
    assert box["y"] + box["height"] <= 844.5


def test_what_is_touched_is_large_enough(visit: Visit) -> None:
    page = visit(CHAPTER, **TELEPHONE)
    page.locator(".primary-toggle").tap()
    page.locator(".bd-sidebar-primary li > a").first.wait_for()
    heights = page.locator(".bd-sidebar-primary li > a").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect().height)"
    )
    assert len(heights) > 20
    assert min(heights) >= 44
    page.keyboard.press("Escape")
    small = page.locator(".bd-header-article :is(a, button):visible").evaluate_all(
        """(all) => all.map((one) => [one.className, one.getBoundingClientRect()])
            .filter(([, { width, height }]) => width < 40 || height < 44).map(([name]) => name)"""
    )
    assert small == []
    for width in (390, 360, 320):
        page.set_viewport_size({"width": width, "height": 844})
        wait_for_frames(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_fold_opens_wherever_it_is_pressed(stage: Visit) -> None:
    for width in (1280, 390):
        page = stage(CHAPTER, width=width)
        narrower = page.locator(FOLDS).evaluate_all(
            """(all) => all.filter((one) => one.getClientRects().length
                && one.offsetWidth < one.parentElement.clientWidth - 1).map((one) => one.innerText)"""
        )
        assert narrower == [], width


# ---- by keyboard


def test_the_focus_of_a_fold_is_seen(stage: Visit) -> None:
    page = stage(CHAPTER)
    page.keyboard.press("Tab")  # what follows was reached by keys
    offsets = page.locator(FOLDS).evaluate_all(
        """(all) => all.filter((one) => one.getClientRects().length).map((one) => {
            one.focus({ preventScroll: true });
            const { outlineStyle, outlineWidth, outlineOffset } = getComputedStyle(one);
            return outlineStyle === "solid" ? parseFloat(outlineOffset) + parseFloat(outlineWidth) : null;
        })"""
    )
    assert len(offsets) > 20
    assert set(offsets) == {0}  # the ring ends where the fold does, which clips


@pytest.mark.parametrize("name", ["book/index.html", CHAPTER])
def test_the_first_link_skips_to_the_text(name: str, visit: Visit) -> None:
    page = visit(name)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.bd-article') !== null")


def test_the_column_that_goes_away_does_not_take_the_focus(visit: Visit) -> None:
    page = visit(CHAPTER)
    toggle = page.locator(".primary-toggle")
    toggle.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)  # the theme's script waits for a tenth of a second
    assert not page.locator(".bd-sidebar-primary").is_visible()
    assert toggle.evaluate("(one) => one === document.activeElement")
    page.keyboard.press("Enter")
    page.locator(".bd-sidebar-primary").wait_for(state="visible")
    assert page.url.endswith(CHAPTER)


# ---- what one looks for


def test_what_needs_python_says_so(stage: Visit) -> None:
    page = stage(CHAPTER)
    said = page.locator(".cell > .fl-write")
    assert said.count() == len(figures_of(page, EXERCISE))
    assert all("Python" in text for text in said.all_inner_texts())


def questions_to_the_figure() -> dict[str, str]:
    """The part "Explore" of each chapter that goes back to a figure."""
    found = {}
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            _, explore, rest = "".join(cell["source"]).partition("## Explore\n")
            if cell["cell_type"] == "markdown" and explore and rest.lstrip().startswith(("Back", "Go back")):
                found[path.stem] = rest
    return found


def test_the_way_back_to_a_figure_is_a_link(site: Path) -> None:
    questions = questions_to_the_figure()
    assert len(questions) > 8
    for chapter, text in questions.items():
        assert "](#" in text.strip().splitlines()[0], chapter
        page = (site / "chapters" / f"{chapter}.html").read_text(encoding="utf-8")
        anchor = text.partition("](#")[2].partition(")")[0]
        assert f'href="#{anchor}"' in page, chapter
        assert f'id="{anchor}"' in page, chapter
