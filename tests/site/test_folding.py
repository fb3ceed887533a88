"""Code on the page: folded under what it makes, never cut, folded or shown by one switch; and chapters on paper."""

import html
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from book.site.folding import in_lines
from book.tools.notebooks.notebook import chapters, is_code, read
from tests.site.conftest import STORAGE_REFUSED, Visit, wait_for_frames

PAGES = [f"chapters/{chapter.stem}.html" for chapter in chapters()]
PAGE = "chapters/05-feedback-memory.html"
CUT = """[...document.querySelectorAll(".bd-article pre")].filter((pre) => pre.getClientRects().length > 0)
    .filter((pre) => [pre, pre.parentElement].some((box) => box.scrollWidth > box.clientWidth + 1))
    .map((pre) => pre.textContent.slice(0, 80))"""
OPEN_ALL = """document.querySelectorAll(".bd-article details:not([open])").forEach((fold) => {
    fold.open = true;
    fold.dataset.opened = "";
})"""
CLOSE_AGAIN = """document.querySelectorAll("details[data-opened]").forEach((fold) => {
    fold.open = false;
    delete fold.dataset.opened;
})"""
# The boxes of code that are to be seen, those of hints and solutions left out.
OPEN_CODE = """[...document.querySelectorAll(".cell_input")]
    .filter((box) => !box.closest("details.hide") && box.checkVisibility()).length"""


def switch(page: Page) -> tuple[str, int]:
    """Return the words of the switch, and how many boxes of code are to be seen."""
    return page.locator(".fl-code-switch .btn__text-container").inner_text(), page.evaluate(OPEN_CODE)


# ---- under what it makes


@pytest.mark.parametrize("name", PAGES)
def test_folded_code_stands_under_what_it_makes(name: str, stage: Visit) -> None:
    order = stage(name).evaluate(
        """[...document.querySelectorAll("div.cell:has(> .fl-under):has(> .cell_output)")].map((cell) =>
            [...cell.children].map((part) => part.classList[0]))"""
    )
    assert order == [["cell_output", "fl-under"]] * len(order)
    above = stage(name).locator("details.hide + .cell_output").count()
    assert above == 0


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.stem)
def test_all_code_of_the_notebook_but_the_answers_of_its_quiz_is_on_the_page(chapter: Path, site: Path) -> None:
    page = (site / "chapters" / f"{chapter.stem}.html").read_text(encoding="utf-8")
    boxes = re.findall(r'<div class="cell_input .*?<pre[^>]*>(.*?)</pre>', page, re.DOTALL)
    shown = [html.unescape(re.sub(r"<[^>]+>", "", box)).rstrip("\n") for box in boxes]
    code = [cell["source"] for cell in read(chapter)[1]["cells"] if is_code(cell)]
    written = [source for source in code if not source.startswith("#@title Quiz\n")]
    assert sorted(shown) == sorted(source.rstrip("\n") for source in written)


def test_the_set_up_and_the_imports_are_one_fold(stage: Visit) -> None:
    page = stage(PAGE)
    folds = page.locator(".bd-article details.fl-under")
    assert folds.first.locator("summary").inner_text() == "Set-up"
    texts = folds.first.locator("pre").all_text_contents()
    assert [text.splitlines()[0] for text in texts] == ["#@title Set-up", "#@title Imports"]
    names = folds.locator("summary").all_inner_texts()
    assert {"Code of this figure", "Code of this plot"} <= set(names)


# ---- nothing cut


# A formula on a line of its own fits; on the smallest phone it may be scrolled.
SCROLLED = """() => [...document.querySelectorAll("mjx-container[display] > mjx-math")]
    .map((formula) => [formula, formula.closest("div.math")])
    .filter(([formula, line]) => formula.getBoundingClientRect().width > line.getBoundingClientRect().width + 1)
    .map(([formula]) => formula.closest("section").id)"""


@pytest.mark.parametrize("name", PAGES)
def test_no_line_is_cut(name: str, stage: Visit) -> None:
    stage(name, fresh=True).evaluate(OPEN_ALL)
    try:
        for width in (1280, 390, 320):
            page = stage(name, width=width)
            wait_for_frames(page)
            assert page.evaluate(CUT) == [], width
            assert width == 320 or page.evaluate(SCROLLED) == [], width
    finally:
        page.evaluate(CLOSE_AGAIN)


BROKEN = """() => [...document.querySelectorAll(".cell_output .output pre[style] .fl-line")]
    .filter((line) => line.checkVisibility())
    .filter((line) => line.offsetHeight > 1.5 * parseFloat(getComputedStyle(line).lineHeight))
    .map((line) => line.textContent)"""


def test_printed_tables_keep_their_rows_on_a_phone(stage: Visit) -> None:
    """Up to 60 characters, in letters of at least 9 px; the widest of a chapter, and one that nearly fits anyway."""
    for name, widest in (("chapters/13-after-feedback.html", 58), ("chapters/02-relative-positions.html", 50)):
        page = stage(name, width=390)
        page.evaluate(OPEN_ALL)
        assert page.evaluate(BROKEN) == []
        sizes = page.locator(".cell_output .output pre[style]").evaluate_all(
            "(all) => all.map((one) => [one.style.getPropertyValue('--fl-columns'), getComputedStyle(one).fontSize])"
        )
        assert str(widest) in dict(sizes)
        assert all(9 <= float(size.removesuffix("px")) <= 12 for _, size in sizes)
        page.evaluate(CLOSE_AGAIN)


def test_a_line_goes_on_further_to_the_right(visit: Visit) -> None:
    page = visit(PAGE, viewport={"width": 390, "height": 844})
    page.evaluate(OPEN_ALL)
    starts = page.evaluate(
        """[...document.querySelectorAll(".fl-line")].map((line) => {
            const range = document.createRange();
            const text = line.textContent;
            const nodes = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
            const lefts = new Map();
            while (nodes.nextNode()) {
                for (let at = 0; at < nodes.currentNode.length; at++) {
                    if (!nodes.currentNode.data[at].trim()) continue;
                    range.setStart(nodes.currentNode, at);
                    range.setEnd(nodes.currentNode, at + 1);
                    const box = range.getBoundingClientRect();
                    const row = Math.round(box.bottom);
                    lefts.set(row, Math.min(lefts.get(row) ?? Infinity, box.left));
                }
            }
            const rows = [...lefts.entries()].sort((one, other) => one[0] - other[0]);
            // A first word that does not fit behind its indent stands on the second row already.
            const height = parseFloat(getComputedStyle(line).lineHeight);
            return rows.length && rows[0][0] - line.getBoundingClientRect().top > 1.5 * height ? [] :
                rows.map(([, left]) => left);
        }).filter((lefts) => lefts.length > 1)"""
    )
    assert len(starts) > 20
    for first, *others in starts:
        assert min(others) > first + 10


def test_lines_keep_their_text_and_know_their_indent() -> None:
    code = '<span></span><span class="k">if</span> <span class="n">x</span>:\n\n    <span class="k">pass</span>\n'
    assert in_lines(code) == (
        '<span class="fl-line"><span class="k">if</span> <span class="n">x</span>:\n</span>'
        '<span class="fl-line">\n</span>'
        '<span class="fl-line" style="--fl-indent:4">    <span class="k">pass</span>\n</span>'
    )


def test_selected_code_is_copied_as_it_was_written(visit: Visit) -> None:
    page = visit(PAGE)
    box = page.locator(".cell_input:visible pre").first
    selected = box.evaluate(
        """(pre) => {
            getSelection().selectAllChildren(pre);
            return getSelection().toString();
        }"""
    )
    assert selected.rstrip("\n") == (box.text_content() or "").rstrip("\n")
    assert "\n\n\ndef one_game" in selected


# ---- the switch


def test_one_switch_folds_all_code_and_shows_all(visit: Visit) -> None:
    page = visit(PAGE)
    said, at_first = switch(page)
    solutions = page.locator("details.hide").count()
    assert (said, at_first > 15, solutions > 3) == ("Fold code", True, True)
    button = page.get_by_role("button", name="Fold code")
    button.focus()
    page.keyboard.press("Enter")
    assert switch(page) == ("Show code", 0)
    one = page.locator("details.fl-code").first
    one.locator("summary").click()
    expect(one.locator("pre")).to_be_visible()
    page.get_by_role("button", name="Show code").press("Space")
    said, in_the_end = switch(page)
    assert (said, in_the_end > at_first) == ("Fold code", True)
    assert page.locator("details.fl-code").count() == 0
    assert page.locator("details.hide[open]").count() == 0
    order = "[...document.querySelectorAll('.cell_input pre')].map((pre) => pre.textContent)"
    assert page.evaluate(order) == visit(PAGE, locale="en-GB").evaluate(order)


def test_the_choice_is_remembered_on_every_page(visit: Visit) -> None:
    options = {"locale": "en-IE"}  # storage of its own
    page = visit(PAGE, **options)
    page.get_by_role("button", name="Fold code").click()
    page.reload()
    assert switch(page) == ("Show code", 0)
    assert switch(visit("chapters/06-memory-fifo.html", **options)) == ("Show code", 0)
    page.get_by_role("button", name="Show code").click()
    assert switch(page)[0] == "Fold code"
    page.reload()
    assert page.locator("details.fl-under:not([open])").count() == 0


def test_what_the_reader_looks_at_stays_in_place(visit: Visit) -> None:
    page = visit(PAGE, locale="en-NZ")
    title = page.locator("#recap h2, section#recap > h2").first
    title.evaluate("(title) => scrollTo({ top: title.getBoundingClientRect().top - 120, behavior: 'instant' })")
    top = "(title) => title.getBoundingClientRect().top"
    before = title.evaluate(top)
    for name in ("Fold code", "Show code"):
        page.get_by_role("button", name=name).evaluate("(one) => one.click()")  # a mouse of Playwright's scrolls first
        assert abs(title.evaluate(top) - before) < 3


@pytest.mark.parametrize("over", ["http", "file"])
def test_the_switch_works_where_storage_is_refused(over: str, visit: Visit) -> None:
    page = visit(PAGE, over=over, locale="en-ZA")
    page.add_init_script(
        f"""window.failed = [];
        addEventListener("error", (event) => window.failed.push(event.filename));
        const refuse = () => {{ throw new DOMException("{STORAGE_REFUSED}", "SecurityError"); }};
        Object.defineProperty(window, "localStorage", {{ get: refuse }});"""
    )
    page.reload()
    page.get_by_role("button", name="Fold code").click()
    assert switch(page) == ("Show code", 0)
    # The theme's own lines in the page ask for storage without care; our scripts are files.
    assert [name for name in page.evaluate("window.failed") if name.endswith(".js")] == []


@pytest.mark.parametrize("width", [390, 320])
def test_the_switch_fits_a_phone(width: int, visit: Visit) -> None:
    page = visit(PAGE, viewport={"width": width, "height": 844})
    button = page.get_by_role("button", name="Fold code")
    expect(button).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    button.click()
    expect(page.get_by_role("button", name="Show code")).to_be_visible()


def test_pages_without_code_have_no_switch(stage: Visit) -> None:
    assert stage("book/results.html").locator(".fl-code-switch").count() == 0


def test_nothing_covers_what_stands_at_the_end_of_the_screen(visit: Visit) -> None:
    page = visit(PAGE)
    page.evaluate("scrollTo({ top: 3000, behavior: 'instant' })")
    page.evaluate("scrollTo({ top: 2000, behavior: 'instant' })")  # the theme shows its button on the way up
    page.wait_for_timeout(300)
    fixed = page.evaluate(
        """[...document.body.querySelectorAll("*")].filter((node) => getComputedStyle(node).position === "fixed"
            && node.checkVisibility({ visibilityProperty: true, opacityProperty: true })
            && node.getBoundingClientRect().height > 0 && node.getBoundingClientRect().bottom > 0)
            .map((node) => node.id || node.className)"""
    )
    assert fixed == []


# ---- paper


@pytest.mark.parametrize("name", PAGES)
def test_on_paper_there_is_no_empty_fold_no_button_and_nothing_is_cut(name: str, stage: Visit) -> None:
    page = stage(name, width=720, media="print", fresh=True)
    state = page.evaluate(
        """() => {
            const shown = (node) => node.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
            const text = (node) => node.textContent.trim().slice(0, 60);
            const folds = [...document.querySelectorAll(".bd-article details")].filter((fold) => !fold.open);
            const inside = (fold) => [...fold.children].filter((child) => child.tagName !== "SUMMARY");
            const solution = (fold) => fold.matches(".hide, .fl-under, .fl-numbers, .fl-hint");
            return {
                left: folds.filter((fold) => solution(fold) && shown(fold)).map(text),
                empty: folds.filter((fold) => !solution(fold) && !fold.closest(".fl-figure"))
                    .filter((fold) => !inside(fold).some((one) => one.getBoundingClientRect().height > 0)).map(text),
                answers: folds.filter((fold) => shown(fold)).length,
                buttons: [...document.querySelectorAll(".bd-main button")].filter((button) =>
                    shown(button) && button.getBoundingClientRect().height > 0).map(text),
            };
        }"""
    )
    assert (state["left"], state["empty"], state["buttons"]) == ([], [], [])
    assert page.evaluate(CUT) == []
    recap = page.locator(".bd-article details:not(.hide, .fl-under, .fl-numbers, .fl-hint, .fl-figure *)").count()
    assert state["answers"] == recap
