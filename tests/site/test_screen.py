"""Every figure on one screen: whole on a laptop, its picture in view on a phone, letters and targets large enough."""

import pytest
from playwright.sync_api import Page

from tests.kinds import FIGURES, KINDS
from tests.site.conftest import Visit
from tests.site.looking import control, figures_of
from tests.site.screen import IN_VIEW, PHONE, SCREEN, SMALL_PHONE, Measured, measure, show

TALLEST = 640  # below the page's header, of 720
SMALLEST_LETTERS = 14
SMALLEST_TARGET = 44
MOST_TAB_STOPS = 12

# A question in words has no picture, and is as long as its answers.
DRAWN = [(page, kind) for page, kind in FIGURES if kind != "predict"]
CAPTIONED = [(kind.pages[0], name) for name, kind in KINDS.items() if "captions" in kind.figure.class_traits()]


def measured(page: Page, kind: str, size: tuple[int, int]) -> list[Measured]:
    show(page, size)
    return [measure(figure) for figure in figures_of(page, kind)]


@pytest.mark.parametrize(("page_name", "kind"), DRAWN)
def test_figure_is_whole_on_a_small_laptop(page_name: str, kind: str, stage: Visit) -> None:
    for found in measured(stage(page_name, fresh=True), kind, SCREEN):
        assert found.height <= TALLEST, found
        assert found.letters[0] >= SMALLEST_LETTERS, found
        assert found.target[0] >= SMALLEST_TARGET, found
        assert found.tab_stops <= MOST_TAB_STOPS, found


@pytest.mark.parametrize(("page_name", "kind"), DRAWN)
def test_picture_stays_in_view_on_a_phone(page_name: str, kind: str, stage: Visit) -> None:
    page = stage(page_name, fresh=True)
    for found in measured(page, kind, PHONE):
        assert found.in_view[0] >= 0.95, found
        assert found.target[0] >= SMALLEST_TARGET, found
    show(page, SMALL_PHONE)
    for figure in figures_of(page, kind):
        share, control = figure.evaluate(IN_VIEW)
        assert share >= 0.85, control


@pytest.mark.parametrize(("page_name", "kind"), CAPTIONED)
def test_captions_are_those_of_python(page_name: str, kind: str, stage: Visit) -> None:
    """One after another, each with its number, and with nowhere to go beyond the last one."""
    figure = figures_of(stage(page_name, fresh=True), kind)[0]
    captions = KINDS[kind].figure.class_traits()["captions"].default()
    assert 2 <= len(captions) <= 3
    for number, caption in enumerate(captions, 1):
        text = (figure.locator(".fl-caption").text_content() or "").replace("\u00a0", " ")
        assert text == f"{number} of {len(captions)}: {caption}"
        assert control(figure, "caption on").is_enabled() == (number < len(captions))
        if number < len(captions):
            control(figure, "caption on").click()


# ---- motion

MOVING = [(KINDS[name].pages[0], name) for name in ("inside", "layer-mixture", "memory-queue", "token-walk")]
MOVES = """document.getAnimations().filter((one) => one.constructor === Animation)
    .map((one) => one.effect.getTiming().duration)"""


@pytest.mark.parametrize(("page_name", "kind"), MOVING)
def test_a_step_moves_what_moves(page_name: str, kind: str, stage: Visit) -> None:
    """For a fifth of a second, and not at all where the reader wants no motion."""
    for motion in ("no-preference", "reduce"):
        page = stage(page_name, fresh=True, reduced_motion=motion)
        figure = figures_of(page, kind)[0]
        control(figure, "restart").click()
        page.wait_for_function(f"{MOVES}.length === 0")
        seen = control(figure, "step").evaluate(
            f"""(step) => {{
                step.click();
                return new Promise((done) => queueMicrotask(() => queueMicrotask(() => done({MOVES}))));
            }}"""
        )
        assert all(150 <= duration <= 250 for duration in seen)
        assert (len(seen) > 0) == (motion == "no-preference")
