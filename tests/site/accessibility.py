"""axe on a page: all its rules but contrast, or contrast for each pair of colours that the page has."""

import importlib.resources

from playwright.sync_api import Page

AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

RUN = """async ([contrast, within]) => {
    const rules = { "color-contrast": { enabled: false } };
    const options = contrast ? { runOnly: ["color-contrast"] } : { rules };
    const where = contrast ? { include: window.flSamples } : within ? { include: [within] } : document;
    const { violations } = await axe.run(where, { ...options, resultTypes: ["violations"], preload: false });
    return violations.flatMap(
        ({ id, nodes }) => nodes.map(({ target, failureSummary }) => [id, target.join(" "), failureSummary]));
}"""

# One element for each way to write: its colour, everything that is painted below it, its size and weight. axe takes
# long for the thousands of words of a page, which are written in some twenty ways.
SAMPLE = """(within) => {
    const ways = new Map(), below = new Map();
    const painted = (node) => {
        if (!node) return "";
        if (!below.has(node)) {
            const { backgroundColor, backgroundImage, opacity, filter } = getComputedStyle(node);
            const own = [backgroundColor, backgroundImage, opacity, filter].join();
            const nothing = own === "rgba(0, 0, 0, 0),none,1,none";
            below.set(node, painted(node.parentElement) + (nothing ? "" : own));
        }
        return below.get(node);
    };
    const top = within ? document.querySelector(within) : document.body;
    const texts = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const node = texts.currentNode.parentElement;
        if (!texts.currentNode.textContent.trim() || !node.checkVisibility({ visibilityProperty: true })) continue;
        const { color, fontSize, fontWeight, textShadow } = getComputedStyle(node);
        const kind = [node.tagName, node.closest("a") !== null];
        const way = [color, fontSize, fontWeight, textShadow, painted(node), ...kind].join();
        if (!ways.has(way)) ways.set(way, node);
    }
    window.flSamples = [...ways.values()];
    return window.flSamples.length;
}"""

# Runs with the blocks of text aside that have no sample: axe looks at every element of a page, whatever it is to judge.
# Blocks stand below one another, so that none is painted under another; those with figures, which would draw themselves
# anew, stay.
AMONG_SAMPLES = f"""async (asked) => {{
    const blocks = [...document.querySelectorAll(".bd-article section > :not(section)")].filter((block) =>
        !block.querySelector(".fl-place, [data-figure]") && !window.flSamples.some((one) => block.contains(one)));
    const marks = blocks.map((block) => document.createComment("aside"));
    blocks.forEach((block, place) => block.replaceWith(marks[place]));
    try {{
        return await ({RUN})(asked);
    }} finally {{
        blocks.forEach((block, place) => marks[place].replaceWith(block));
    }}
}}"""


def bring_axe(page: Page) -> None:
    """Let a page have axe, whose script is long, once."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)


def violations(page: Page, within: str | None = None) -> list[list[str]]:
    """Return what axe finds wrong on a page, or within a part of it, contrast aside: rule, element, and what to do."""
    bring_axe(page)
    found: list[list[str]] = page.evaluate(RUN, [False, within])
    return found


def pale(page: Page, within: str | None = None) -> list[list[str]]:
    """Return the ways to write on a page, or within a part of it, that axe finds too pale."""
    bring_axe(page)
    assert page.evaluate(SAMPLE, within) >= 5
    found: list[list[str]] = page.evaluate(AMONG_SAMPLES, [True, within])
    return found
