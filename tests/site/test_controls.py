"""Every control of every figure: by mouse, by keyboard, with the focus in sight, and with the time in hand."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.kind import Control, Kind
from tests.kinds import FIGURES, KINDS, PAGES_WITH_FIGURES
from tests.site.conftest import Visit, mount_again
from tests.site.contents import PAGES
from tests.site.looking import begin, control, figures_of, look, use, wait_for

# Boxes of code get a tabindex from the theme, so that those that scroll do so by keys.
CONTROL_ELEMENTS = (
    "button, input, select, textarea, summary, a[href], [tabindex]:not(pre), [role=slider], [role=button]"
)


# ---- the kinds


def test_every_kind_is_on_pages_of_the_book() -> None:
    assert all(kind.pages for kind in KINDS.values())
    assert {page for page, _ in FIGURES} <= set(PAGES)


@pytest.mark.parametrize("page_name", PAGES)
def test_table_has_every_control_of_every_figure(page_name: str, stage: Visit) -> None:
    figures = stage(page_name).locator(".fl-place > :not(.fl-foot)").all()  # the bar has tests of its own
    kinds = [str(figure.get_attribute("data-figure")) for figure in figures]
    assert set(kinds) == {kind for name, kind in FIGURES if name == page_name}
    for figure, kind in zip(figures, kinds, strict=True):
        found = figure.locator(CONTROL_ELEMENTS).evaluate_all(
            "(all) => all.map((one) => [one.dataset.control ?? one.outerHTML, one.matches('svg *')])"
        )
        rows = KINDS[kind].controls_on(page_name)
        assert {name for name, _ in found} == {row.name for row in rows}
        # What is drawn gets no keys from the browser: its script must have them.
        assert {name for name, is_drawn in found if is_drawn} <= {row.name for row in rows if row.keys}


def test_every_control_is_moved() -> None:
    """A link leads away, and what runs needs a clock: both have tests of their own."""
    for kind in KINDS.values():
        moved = {row.name for row in kind.controls if row.ways}
        assert {row.name for row in kind.controls} - moved <= {"source", "run"}


# ---- moves: all of them once for each kind, on its first page


def moves(kind: Kind) -> Iterator[tuple[str, Control]]:
    """All rows on the first page; on others what they alone have, one move of the mouse and one key."""
    first, *others = kind.pages
    yield from ((first, row) for row in kind.controls_on(first))
    for page in others:
        rows = kind.controls_on(page)
        yield from ((page, row) for row in rows if row.page)
        by_mouse, by_key = ([row for row in rows if getattr(row, way)] for way in ("mouse", "keys"))
        yield from ((page, replace(row, keys=())) for row in by_mouse[:1])
        yield from ((page, replace(row, mouse=None, keys=row.keys[:1])) for row in by_key[:1])


MOVES = [
    pytest.param(page, kind.name, row, id=f"{kind.name}-{row.name}-{'-'.join(row.ways)}-{page}")
    for kind in KINDS.values()
    for page, row in moves(kind)
    if row.ways
]


@pytest.mark.parametrize(("page_name", "kind", "row"), MOVES)
def test_control_moves_its_figure(page_name: str, kind: str, row: Control, stage: Visit) -> None:
    page = stage(page_name)
    for way in row.ways:
        mount_again(page, kind)
        for figure in figures_of(page, kind):
            for name in row.first:
                begin(figure, name)
            was = look(figure, kind)
            use(figure, row, way)
            now = wait_for(figure, kind, row.to(was))
            assert now["picture"] != was["picture"], way
            assert now["sentence"] != was["sentence"] or row.silent, way


# ---- the browser's own keys: a script must not take them away

CATCH_CLICKS = """() => {
    window.flCaught = [];
    window.flStop = new AbortController();
    const note = (event) => {
        window.flCaught.push(event.target.closest("[data-control]")?.dataset.control);
        event.stopImmediatePropagation();
        event.preventDefault();
    };
    window.addEventListener("click", note, { capture: true, signal: window.flStop.signal });
}"""
PRESSED = "button, summary, [type=checkbox], [type=radio], a[href]"
NATIVE = """(figure, pressed) => [...figure.querySelectorAll(pressed)].flatMap((one) => {
    one.closest("details")?.setAttribute("open", "");
    if (!one.checkVisibility() || one.disabled) return [];
    const keys = one.matches("button, summary") ? ["Enter", "Space"] : one.matches("a") ? ["Enter"] : ["Space"];
    return keys.map((key) => [one.dataset.control, key]);
})"""


ROLES = "(all) => all.map((one) => one.type === 'range' ? 'slider' : one.getAttribute('role'))"


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_the_browser_press_what_it_knows(kind: str, stage: Visit) -> None:
    """Enter and Space, on everything that is a button, a box or a link to the browser; nothing is moved by it."""
    page = stage(KINDS[kind].pages[0], fresh=True)
    figure = figures_of(page, kind)[0]
    wanted = figure.evaluate(NATIVE, PRESSED)
    assert wanted or set(map(str, figure.locator("[data-control]").evaluate_all(ROLES))) == {"slider"}
    page.evaluate(CATCH_CLICKS)
    for name, key in wanted:
        control(figure, name).evaluate("(one) => one.focus()")
        page.keyboard.press(key)
    caught = page.evaluate("() => { window.flStop.abort(); return window.flCaught; }")
    assert caught == [name for name, _ in wanted]


# ---- focus

RING = """() => {
    const focused = document.activeElement, drawn = focused.querySelector(".fl-focus");
    const { outlineWidth } = getComputedStyle(focused);
    const seen = drawn ? getComputedStyle(drawn).display !== "none" : parseFloat(outlineWidth) >= 2;
    const inGroup = focused.closest("button")?.closest("[data-one-stop]")?.querySelectorAll("button").length ?? 0;
    return [focused.closest("[data-figure]") ? focused.dataset.control ?? "no control" : null, seen, inGroup];
}"""


@pytest.mark.parametrize("page_name", PAGES_WITH_FIGURES)
def test_every_control_is_reached_by_keys_and_shows_the_focus(page_name: str, stage: Visit) -> None:
    """The Tab key stops once at each group of buttons; within it the arrow down leads round through all of them."""
    page = stage(page_name, fresh=True)
    for kind in (kind for name, kind in FIGURES if name == page_name):
        for figure in figures_of(page, kind):
            able = figure.locator("[data-control]:visible").evaluate_all(
                "(all) => all.map((one) => one.dataset.control)"
            )
            figure.evaluate("(frame) => { frame.tabIndex = -1; frame.focus(); }")
            reached: list[str] = []
            page.keyboard.press("Tab")
            while (found := page.evaluate(RING))[0]:
                for _ in range(max(1, found[2])):
                    name, seen, in_group = page.evaluate(RING)
                    assert seen, f"{name} has the focus and does not show it"
                    assert len(reached) <= len(able), f"the keys go round within the {kind}: {reached[-9:]}"
                    reached.append(name)
                    if in_group:
                        page.keyboard.press("ArrowDown")
                page.keyboard.press("Tab")
            assert set(reached) == set(able)
            # Radio buttons have one name, and one stop of the browser's own.
            assert len(reached) == len(set(reached)), f"the Tab key stops twice in one group of the {kind}"


# ---- time: the browser's clock stands still until it is told to go on

RUNNING = [name for name, kind in KINDS.items() if any(row.name == "run" for row in kind.controls)]
PAUSE = 900
"""Milliseconds from one step to the next."""


@pytest.mark.parametrize("kind", RUNNING)
def test_run_goes_on_until_it_is_paused_or_at_the_end(kind: str, timed: Visit) -> None:
    page: Page = timed(KINDS[kind].pages[0])
    step = {way: row.to for row in KINDS[kind].controls if row.name == "step" for way in row.ways}
    for figure in figures_of(page, kind):
        run, seen = control(figure, "run"), look(figure, kind)
        expect(run).to_have_text("Run")
        run.click()
        expect(run).to_have_text("Pause")
        seen = wait_for(figure, kind, step["mouse"](seen))
        page.clock.run_for(PAUSE - 100)
        assert look(figure, kind) == seen
        page.clock.run_for(100)
        seen = wait_for(figure, kind, step["mouse"](seen))
        run.press("Enter")
        expect(run).to_have_text("Run")
        page.clock.run_for(10 * PAUSE)
        assert look(figure, kind) == seen
        # A step by hand stops it too.
        run.click()
        control(figure, "back").click()
        expect(run).to_have_text("Run")
        run.click()
        page.clock.run_for(100 * PAUSE)
        seen = wait_for(figure, kind, step["End"](seen))
        expect(run).to_have_text("Run")
        expect(run).to_be_disabled()


@pytest.mark.parametrize("kind", RUNNING)
def test_what_would_do_nothing_is_disabled(kind: str, stage: Visit) -> None:
    page = stage(KINDS[kind].pages[0], fresh=True)
    for figure in figures_of(page, kind):
        control(figure, "restart").click()
        for name, enabled in {"back": False, "step": True, "run": True, "restart": False}.items():
            expect(control(figure, name)).to_be_enabled(enabled=enabled)
        control(figure, "step").press("End")
        for name, enabled in {"back": True, "step": False, "run": False, "restart": True}.items():
            expect(control(figure, name)).to_be_enabled(enabled=enabled)
        # The focus is not lost when a control becomes disabled under it.
        expect(control(figure, "step")).to_be_focused()
