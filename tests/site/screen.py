"""What of a figure is on one screen: its height, its labels, its targets, and what stays in view while it is used.

`python -m tests.site.screen` prints the table for the built site.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, sync_playwright

from book.tools.browser import find_browser, launch_arguments
from tests.kinds import FIGURES
from tests.site.conftest import SITE, wait_for_figures

SCREEN = (1280, 720)
PHONE = (390, 844)
SMALL_PHONE = (390, 664)
"""The same between the bars of a browser."""

# The smallest letters that are to be seen. What is drawn is as large as its picture is scaled.
LETTERS = """(figure) => {
    const walker = document.createTreeWalker(figure, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const node = walker.currentNode, parent = node.parentElement;
        if (!node.textContent.trim() || parent.closest("option, title") || !parent.checkVisibility()) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const { width, height } = range.getBoundingClientRect();
        if (width <= 1 || height <= 1) continue; // said to screen readers alone
        const drawn = parent.closest("svg");
        const turned = drawn ? parent.getScreenCTM() : { a: 1, b: 0 };
        const scale = Math.hypot(turned.a, turned.b);
        found.push([parseFloat(getComputedStyle(parent).fontSize) * scale, node.textContent.trim()]);
    }
    return found.sort((one, other) => one[0] - other[0])[0] ?? [99, ""];
}"""

# The smallest side of what is pressed; a label belongs to its box.
TARGETS = """(figure) => [...figure.querySelectorAll("[data-control]")].flatMap((node) => {
    if (!node.checkVisibility()) return [];
    const { width, height } = (node.closest("label") ?? node).getBoundingClientRect();
    return [[Math.min(width, height), node.dataset.control]];
}).sort((one, other) => one[0] - other[0])[0] ?? [99, ""]"""

# Elements that the Tab key stops at.
TAB_STOPS = """(figure) => {
    const able = "button, input, select, textarea, summary, a[href], [tabindex]";
    const seen = [...figure.querySelectorAll(able)].filter((one) =>
        one.tabIndex >= 0 && !one.disabled && one.checkVisibility() && !one.closest(".fl-bar-of-figure"));
    const radios = new Set();
    return seen.filter((one) => {
        if (one.type !== "radio") return true;
        const name = one.name;
        return radios.has(name) ? false : radios.add(name);
    }).length;
}"""

# How much of the picture is to be seen while a control is used that has been brought into view with as little scrolling
# as it takes: the worst of all controls. What stands still over the page hides what is behind it.
IN_VIEW = """async (figure) => {
    const top = () => Math.max(0, ...[...document.querySelectorAll("header, .bd-header-article, .bd-header")]
        .filter((one) => ["sticky", "fixed"].includes(getComputedStyle(one).position))
        .map((one) => one.getBoundingClientRect()).filter((box) => box.top <= 1 && box.height < 200)
        .map((box) => box.bottom));
    const found = [];
    for (const control of figure.querySelectorAll("[data-control]")) {
        // A figure may have several pictures, each with controls of its own.
        const main = (control.closest(".fl-screen") ?? figure).querySelector("[data-view]")
            ?? figure.querySelector(".fl-picture");
        if (!main || !control.checkVisibility() || main.contains(control)) continue;
        control.scrollIntoView({ block: "nearest", behavior: "instant" }); // within a list that scrolls
        (control.closest(".fl-screen") ?? figure).scrollIntoView({ block: "start", behavior: "instant" });
        scrollBy({ top: -top() - 4, behavior: "instant" });
        const target = control.closest("label") ?? control;
        const below = target.getBoundingClientRect().bottom - innerHeight;
        if (below > 0) scrollBy({ top: below + 4, behavior: "instant" });
        await new Promise((done) => requestAnimationFrame(done));
        const box = main.getBoundingClientRect(), at = target.getBoundingClientRect();
        const seen = Math.min(box.bottom, innerHeight) - Math.max(box.top, top());
        const covered = Math.max(0, Math.min(box.bottom, at.bottom) - Math.max(box.top, at.top));
        const beside = at.left >= box.right - 1 || at.right <= box.left + 1;
        found.push([(Math.max(0, seen) - (beside ? 0 : covered)) / box.height, control.dataset.control]);
    }
    return found.sort((one, other) => one[0] - other[0])[0] ?? [1, ""];
}"""


@dataclass(frozen=True)
class Measured:
    """What was measured of one figure on one screen; numbers come with what they were measured on."""

    width: float
    height: float
    letters: tuple[float, str]
    target: tuple[float, str]
    in_view: tuple[float, str]
    tab_stops: int


def measure(figure: Locator) -> Measured:
    """Measure a figure as it stands on its page."""
    box: dict[str, Any] = figure.evaluate("(one) => one.getBoundingClientRect().toJSON()")
    (letters, word), (target, control), (seen, used) = (figure.evaluate(one) for one in (LETTERS, TARGETS, IN_VIEW))
    return Measured(
        round(box["width"]),
        round(box["height"]),
        (round(letters, 1), word),
        (round(target, 1), control),
        (round(seen, 2), used),
        figure.evaluate(TAB_STOPS),
    )


def show(page: Page, size: tuple[int, int]) -> None:
    """Give a page this size, and wait until its figures are drawn for it."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def print_table() -> None:
    """Print what is measured of every figure of the built site, on both screens."""
    address = SITE.as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=launch_arguments())
        page = browser.new_page()
        print("figure            page                           screen  high letters target in view Tab")
        for name, kind in FIGURES:
            page.goto(f"{address}/{name}")
            wait_for_figures(page)
            for size in (SCREEN, PHONE):
                show(page, size)
                for figure in page.locator(f'[data-figure="{kind}"]').all():
                    found = measure(figure)
                    numbers = f"{found.height:5} {found.letters[0]:7} {found.target[0]:6} {found.in_view[0]:7}"
                    print(f"{kind:17} {name.split('/')[-1]:30} {size[0]:6} {numbers} {found.tab_stops:3}")
        browser.close()


if __name__ == "__main__":
    print_table()
