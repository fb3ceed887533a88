"""How figures look on every page: they fit at every width, nothing moves where it should not, themes are followed."""

import json

import pytest
from playwright.sync_api import Browser, expect

from feedback_lite.widgets import PALETTE
from tests.kinds import FIGURES, KINDS, PAGES_WITH_FIGURES, kinds_on
from tests.site.conftest import Visit, settle
from tests.site.contents import PAGES
from tests.site.looking import background, figures_of, use

WIDTHS = (320, 390, 768, 1280)
RESTYLED = 1 / 4
"""This part of a page's elements may be styled anew for one sentence; a rule for the whole page restyles nearly all."""


# ---- sizes

OUTSIDE = """(figure) => {
    const frame = figure.getBoundingClientRect();
    return [...figure.querySelectorAll("*")].filter((node) => {
        const box = node.getBoundingClientRect();
        return box.width > 0 && (box.left < frame.left - 1 || box.right > frame.right + 1);
    }).map((node) => node.outerHTML.slice(0, 120));
}"""
TOO_SMALL = """(figure) => [...figure.querySelectorAll("[data-control]")].flatMap((node) => {
    if (!node.checkVisibility()) return [];
    const { width, height } = (node.closest("label") ?? node).getBoundingClientRect();
    return width >= 44 && height >= 44 ? [] : [`${node.dataset.control}: ${width} x ${height}`];
})"""
OVERLAPPING = """(figure) => {
    const texts = [...figure.querySelectorAll("svg text")];
    const boxes = texts.map((text) => text.getBoundingClientRect());
    const found = [];
    boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b, j) => {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        const drawn = texts[i].closest("svg") === texts[i + 1 + j].closest("svg"); // a list may scroll under a picture
        if (drawn && wide > 1 && high > 5) found.push(`${texts[i].textContent} / ${texts[i + 1 + j].textContent}`);
    }));
    return found;
}"""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page_name", PAGES)
def test_everything_fits(page_name: str, width: int, stage: Visit) -> None:
    """The page never scrolls sideways; figures stay in their frames, can be touched, and no word stands on another."""
    page = stage(page_name, width=width, fresh=width == WIDTHS[0])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("scrollTo({ left: 200, behavior: 'instant' })")
    assert page.evaluate("scrollX") == 0
    for kind in kinds_on(page_name):
        for figure in figures_of(page, kind):
            frame = figure.bounding_box()
            assert frame is not None
            assert 270 <= frame["width"] <= min(1100 if kind == "shell-duel" else 1000, width)
            assert figure.evaluate(OUTSIDE) == []
            assert figure.evaluate(TOO_SMALL) == []
            assert figure.evaluate(OVERLAPPING) == []


PICTURES = [pair for pair in FIGURES if pair[1] not in ("predict", "fill-in", "quiz")]


@pytest.mark.parametrize(("page_name", "kind"), PICTURES)
def test_picture_is_drawn_for_the_width_at_which_it_is_seen(page_name: str, kind: str, stage: Visit) -> None:
    """Another picture for each width; what has the focus keeps it."""
    for width in (360, 1280):
        page = stage(page_name, width=width)
        for figure in figures_of(page, kind):
            picker = figure.locator("[role=slider]")
            if picker.count():
                picker.focus()
                page.set_viewport_size({"width": width + 30, "height": 900})
            page.wait_for_function(
                """(figure) => {
                    const picture = figure.querySelector("svg");
                    const drawn = picture.viewBox.baseVal.width, seen = picture.getBoundingClientRect().width;
                    return Math.abs(drawn - seen) < 1 && (drawn < 400) === (innerWidth < 400);
                }""",
                arg=figure.element_handle(),
            )
            if picker.count():
                expect(picker).to_be_focused()


# ---- what a change costs


@pytest.mark.parametrize("page_name", PAGES_WITH_FIGURES)
def test_a_change_in_a_figure_restyles_little_else(page_name: str, browser: Browser, stage: Visit) -> None:
    """A rule for the whole page, such as ``body:has(.this) .that``, has the browser style all of it for each word."""
    page = stage(page_name)
    settle(page)
    browser.start_tracing(page=page, categories=["devtools.timeline"])
    page.evaluate(
        """() => {
            document.body.offsetHeight; // what arriving asked for is not the price of a word
            console.timeStamp("begin");
            document.querySelectorAll(".fl-sentence").forEach((sentence) => {
                sentence.textContent += " ";
                document.body.offsetHeight;
            });
            console.timeStamp("end");
        }"""
    )
    events = json.loads(browser.stop_tracing())["traceEvents"]
    marks = {event["args"]["data"]["message"]: event for event in events if event["name"] == "TimeStamp"}
    begin, end = marks["begin"], marks["end"]
    counts = [
        event["args"]["elementCount"]
        for event in events
        if event["name"] == "UpdateLayoutTree" and (event["pid"], event["tid"]) == (begin["pid"], begin["tid"])
        if begin["ts"] < event["ts"] < end["ts"]
    ]
    assert counts
    assert max(counts) <= RESTYLED * page.locator("*").count()


# ---- motion

LONGEST = """(figure) => Math.max(...[figure, ...figure.querySelectorAll("*")].map((node) => {
    const style = getComputedStyle(node);
    return Math.max(...(style.transitionDuration + "," + style.animationDuration).split(",").map(parseFloat));
}))"""


@pytest.mark.parametrize("page_name", PAGES_WITH_FIGURES)
def test_nothing_moves_under_reduced_motion(page_name: str, stage: Visit) -> None:
    for motion, most in (("reduce", 0), ("no-preference", 0.25)):
        page = stage(page_name, reduced_motion=motion, fresh=True)
        for kind in kinds_on(page_name):
            for figure in figures_of(page, kind):
                assert figure.evaluate(LONGEST) <= most, (kind, motion)
            move = next(row for row in KINDS[kind].controls if row.mouse and row.page in (None, page_name))
            if motion == "reduce" and not move.first:
                use(figures_of(page, kind)[0], move, "mouse")
                assert page.evaluate("document.getAnimations().length") == 0, kind


# ---- themes


ROOT = "document.documentElement"
# What a page says, what the reader's system asks for, and what the figures must then be.
THEMES = (
    (f"{ROOT}.dataset.theme = 'light'", "light", "light"),
    (f"{ROOT}.dataset.theme = 'dark'", "light", "dark"),
    (f"delete {ROOT}.dataset.theme", "light", "light"),
    ("document.body.dataset.jpThemeLight = 'false'", "light", "dark"),
    ("document.body.dataset.jpThemeLight = 'true'", "light", "light"),
    (f"delete document.body.dataset.jpThemeLight; {ROOT}.setAttribute('theme', 'dark')", "light", "dark"),
    (f"{ROOT}.removeAttribute('theme')", "dark", "dark"),
    ("document.body.dataset.jpThemeLight = 'true'", "dark", "light"),
    ("delete document.body.dataset.jpThemeLight", "light", "light"),
)


@pytest.mark.parametrize("page_name", PAGES_WITH_FIGURES)
def test_figures_follow_the_theme_of_their_surroundings(page_name: str, stage: Visit) -> None:
    page = stage(page_name)
    for set_up, asked, theme in THEMES:
        page.emulate_media(color_scheme=asked)  # type: ignore[arg-type]
        page.evaluate(set_up)
        settle(page)
        for kind in kinds_on(page_name):
            assert {background(one) for one in figures_of(page, kind)} == {getattr(PALETTE["surface"], theme)}
    page.evaluate(f"{ROOT}.dataset.theme = 'light'")
