"""Plots on the page: in its colours, sharp, readable on a phone, with words, a caption and their numbers."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sphinx.errors import ExtensionError

from book.site.plots import as_page, variable
from book.tools.notebooks.notebook import chapters, is_code, read
from book.tools.notebooks.rules import alternative_text, shows_picture
from feedback_lite.widgets import PALETTE, layer_colours
from feedback_lite.widgets.plots import MOST_ROWS
from tests.site.conftest import Visit
from tests.site.looking import as_hex


def words_of_plots() -> dict[str, list[str]]:
    """Return for each page with plots what stands for them, as the notebook says it."""
    found = {}
    for chapter in chapters():
        cells = [cell for cell in read(chapter)[1]["cells"] if is_code(cell) and shows_picture(cell)]
        if cells:
            found[f"chapters/{chapter.stem}.html"] = [alternative_text(cell) for cell in cells]
    return found


WORDS = words_of_plots()
WITH_PLOTS = list(WORDS)
LETTER = {1280: 12.5, 390: 11, 320: 10.5}
# Of the drawing that is to be seen: its letters' height in pixels, what sticks out of it, how far, and how many words.
SEEN = """(plot) => {
    const [picture, ...others] = [...plot.querySelectorAll("svg")].filter((one) => one.getClientRects().length > 0);
    const frame = picture.getBoundingClientRect();
    const texts = [...picture.querySelectorAll("text")];
    const scale = frame.width / picture.viewBox.baseVal.width;
    const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
    return {
        drawings: others.length + 1,
        narrow: picture.classList.contains("fl-narrow"),
        letters: Math.min(...texts.map((text) => parseFloat(getComputedStyle(text).fontSize) * scale)),
        outside: boxes.filter(([, box]) => box.left < frame.left - 1 || box.right > frame.right + 1
            || box.top < frame.top - 1 || box.bottom > frame.bottom + 1).map(([text]) => text),
        words: texts.length,
    };
}"""


def seen(page: Page) -> list[dict[str, Any]]:
    return [plot.evaluate(SEEN) for plot in page.locator(".fl-plot").all()]


def test_there_are_plots() -> None:
    assert sum(map(len, WORDS.values())) >= 9


@pytest.mark.parametrize("name", WITH_PLOTS)
def test_every_plot_has_its_words_its_caption_and_its_numbers_in_this_order(name: str, stage: Visit) -> None:
    page = stage(name)
    plots = page.locator(".fl-plot")
    assert [plot.get_attribute("aria-label") for plot in plots.all()] == WORDS[name]
    for plot in plots.all():
        assert plot.get_attribute("role") == "img"
        cell = plot.locator("xpath=ancestor::div[contains(@class, 'cell ')]")
        order = cell.evaluate(
            """(cell) => [...cell.querySelectorAll(".fl-plot, .fl-caption, .fl-numbers, .fl-under")]
                .map((node) => [...node.classList].at(-1))"""
        )
        assert order == ["fl-plot", "fl-caption", "fl-numbers", "fl-under"]
        for fold in cell.locator("details").all():
            assert fold.get_attribute("open") is None
        rows = cell.locator(".fl-numbers tbody tr").count()
        assert 2 <= rows <= MOST_ROWS * 2
    assert page.locator(".cell_output img").count() == 0


@pytest.mark.parametrize("name", WITH_PLOTS)
@pytest.mark.parametrize(("width", "narrow"), [(1280, False), (390, True), (320, True)])
def test_words_in_a_plot_are_large_enough_and_lie_within_it(name: str, width: int, narrow: bool, stage: Visit) -> None:
    for plot in seen(stage(name, width=width)):
        assert (plot["drawings"], plot["narrow"], plot["outside"]) == (1, narrow, [])
        assert plot["letters"] >= LETTER[width]
        assert plot["words"] > 8


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_plot_has_the_colours_of_the_theme(theme: str, stage: Visit) -> None:
    page = stage("chapters/05-feedback-memory.html", color_scheme=theme)
    drawing = page.locator(".fl-plot svg.fl-wide")
    paints = drawing.evaluate(
        """(svg) => [...svg.querySelectorAll("path:not(defs *), use, text")].map((node) => {
            const { fill, stroke, strokeOpacity } = getComputedStyle(node);
            return [fill, strokeOpacity === "1" ? stroke : "none"];
        })"""
    )
    plain = {paint for pair in paints for paint in pair if re.fullmatch(r"rgb\([\d, ]+\)", paint)}
    known = {getattr(colour, theme) for colour in PALETTE.values()}
    found = {as_hex(paint) for paint in plain}
    assert found <= known
    assert {getattr(PALETTE[meaning], theme) for meaning in ("memory", "ink", "muted", "line", "paper")} <= found
    background = "getComputedStyle(document.body).backgroundColor"
    assert as_hex(drawing.locator("path").first.evaluate("(node) => getComputedStyle(node).fill")) == as_hex(
        page.evaluate(background)
    )


def test_layers_between_the_lowest_and_the_highest_follow_the_theme(stage: Visit) -> None:
    for theme in ("light", "dark"):
        page = stage("chapters/05-feedback-memory.html", color_scheme=theme)
        mixed = page.locator(".fl-plot svg.fl-wide [style*='color-mix']").first.evaluate(
            """(node) => {
                const canvas = document.createElement("canvas").getContext("2d");
                canvas.fillStyle = getComputedStyle(node).stroke;
                canvas.fillRect(0, 0, 1, 1);
                return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
            }"""
        )
        wanted = layer_colours(3, theme)[1]  # type: ignore[arg-type]
        channels = [int(wanted[start : start + 2], 16) for start in (1, 3, 5)]
        assert max(abs(one - other) for one, other in zip(mixed, channels, strict=True)) <= 1


def test_a_plot_is_there_without_scripts_and_from_a_folder(visit: Visit) -> None:
    page = visit("chapters/05-feedback-memory.html", over="file", java_script_enabled=False)
    expect(page.locator(".fl-plot svg.fl-wide")).to_be_visible()
    expect(page.locator(".fl-plot svg.fl-narrow")).to_be_hidden()


def test_the_numbers_open_by_keyboard_and_fit_a_phone(visit: Visit) -> None:
    page = visit("chapters/05-feedback-memory.html", viewport={"width": 390, "height": 844})
    fold = page.locator(".fl-numbers")
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    table = fold.locator("table")
    expect(table).to_be_visible()
    assert table.evaluate("(table) => table.getBoundingClientRect().right <= innerWidth")
    assert table.evaluate("(table) => table.scrollWidth <= table.parentElement.clientWidth")


# ---- what the build makes of a drawing

DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="640" height="330" '
    'viewBox="0 0 640 330"><path id="w0" style="fill:#b35900" /><use xlink:href="#w0" clip-path="url(#w0)" />'
    '<svg width="350" height="300" viewBox="0 0 350 300" class="fl-narrow" display="none">'
    '<path id="n0" style="fill:#b35900" /></svg></svg>'
)


def test_two_drawings_stand_beside_each_other_with_names_of_their_own() -> None:
    assert as_page(DRAWING, 'a "line"', "plot-2-") == (
        '<div class="fl-plot" role="img" aria-label="a &quot;line&quot;">'
        '<svg class="fl-wide" viewBox="0 0 640 330"><path id="plot-2-w0" style="fill:var(--fl-memory)" />'
        '<use href="#plot-2-w0" clip-path="url(#plot-2-w0)" /></svg>'
        '<svg viewBox="0 0 350 300" class="fl-narrow"><path id="plot-2-n0" style="fill:var(--fl-memory)" /></svg></div>'
    )


def test_a_picture_that_show_plot_did_not_draw_ends_the_build() -> None:
    with pytest.raises(ExtensionError, match="must come from show_plot"):
        as_page('<svg viewBox="0 0 1 1"><path d="M 0 0"/></svg>', "words", "plot-1-")


def test_a_colour_beside_the_palette_ends_the_build() -> None:
    with pytest.raises(ExtensionError, match="drawn in #1f77b4"):
        as_page(DRAWING.replace("#b35900", "#1f77b4"), "words", "plot-1-")
    assert variable(layer_colours(5)[1]) == "color-mix(in srgb, var(--fl-layer-high) 25%, var(--fl-layer-low))"
