"""Every word can be read: of pages and figures, in both themes, on a screen and on paper, which is always light."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from feedback_lite.widgets import PALETTE
from tests.kinds import PAGES_WITH_FIGURES, kinds_on
from tests.site.accessibility import pale
from tests.site.conftest import Stages
from tests.site.contents import PAGES
from tests.site.looking import as_hex, background, figures_of

READABLE = 4.5  # WCAG 2.1, success criterion 1.4.3

# Every text of a figure with its contrast against what is painted under its middle.
CONTRASTS = """(figure) => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const known = new Map();
    const channels = (colour) => { // of any colour that CSS can write: red, green and blue from 0 to 1, and opacity
        if (!known.has(colour)) {
            canvas.clearRect(0, 0, 1, 1);
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            known.set(colour, [...canvas.getImageData(0, 0, 1, 1).data].map((channel) => channel / 255));
        }
        return known.get(colour);
    };
    const opacity = (node) => {
        let product = 1;
        for (let one = node; one && one !== figure; one = one.parentElement) product *= getComputedStyle(one).opacity;
        return product;
    };
    const paint = (node, words) => {
        const style = getComputedStyle(node);
        const drawn = node instanceof SVGElement && node.tagName !== "svg";
        const colour = drawn ? style.fill : words ? style.color : style.backgroundColor;
        const written = ["text", "tspan"].includes(node.tagName);
        if (colour === "none" || (drawn && !words && written)) return [0, 0, 0, 0];
        const [red, green, blue, alpha] = channels(colour);
        return [red, green, blue, alpha * (drawn ? style.fillOpacity : 1) * opacity(node)];
    };
    const over = (top, below) => below.map((channel, index) => top[3] * top[index] + (1 - top[3]) * channel);
    const luminance = (colour) => {
        const linear = colour.map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const found = [];
    const texts = document.createTreeWalker(figure, NodeFilter.SHOW_TEXT);
    figure.scrollIntoView({ block: "start", behavior: "instant" });
    while (texts.nextNode()) {
        const node = texts.currentNode.parentElement;
        if (!texts.currentNode.textContent.trim() || !node.checkVisibility({ visibilityProperty: true })) continue;
        const range = document.createRange();
        range.selectNodeContents(texts.currentNode);
        const middle = () => {
            const box = range.getClientRects()[0];
            return [box.left + box.width / 2, box.top + box.height / 2];
        };
        const [, high] = middle();
        if (high < 100 || high > innerHeight - 20) node.scrollIntoView({ block: "center", behavior: "instant" });
        let stack = document.elementsFromPoint(...middle());
        if (!stack.includes(node)) { // it lies outside of a list that scrolls
            node.scrollIntoView({ block: "center", behavior: "instant" });
            stack = document.elementsFromPoint(...middle());
        }
        const under = stack.slice(Math.max(0, stack.indexOf(node))).map((one) => paint(one, false));
        const ground = under.reverse().reduce((below, top) => over(top, below), channels("white").slice(0, 3));
        const [lighter, darker] = [ground, over(paint(node, true), ground)].map(luminance).sort((a, b) => b - a);
        found.push([texts.currentNode.textContent, (lighter + 0.05) / (darker + 0.05)]);
    }
    return found;
}"""


# What paper does to a theme is the same on every page of a kind.
ON_PAPER = ("book/index.html", "book/notation.html", "book/results.html", "chapters/05-feedback-memory.html")
# On paper the dark theme is printed as the light one is.
NOT_ON_PAPER = {"quiz"}
"""Kinds of figures in whose place paper has text."""
LOOKS = [("screen", "light"), ("screen", "dark"), ("print", "dark")]


@dataclass(frozen=True)
class Seen:
    """What was seen of a page in one look: of each figure its words with their contrast and its ground."""

    words: list[list[tuple[str, float]]]
    grounds: set[str | None]
    paper: str | None
    pale: list[list[str]]


def kinds_seen(page_name: str, media: str) -> list[str]:
    return [kind for kind in kinds_on(page_name) if media == "screen" or kind not in NOT_ON_PAPER]


See = Callable[[str], dict[tuple[str, str], Seen]]


@pytest.fixture(scope="module")
def see(stages: Stages) -> See:
    """Return a function that looks at a page in all looks, once for all tests: to change its theme takes long."""

    @cache
    def seen(page_name: str) -> dict[tuple[str, str], Seen]:
        found = {}
        for place, (media, theme) in enumerate(LOOKS):
            page = stages.show(page_name, media=media, color_scheme=theme, fresh=place == 0)
            figures = [figure for kind in kinds_seen(page_name, media) for figure in figures_of(page, kind)]
            found[media, theme] = Seen(
                words=[figure.evaluate(CONTRASTS) for figure in figures],
                grounds={background(figure) for figure in figures},
                paper=as_hex(page.evaluate("getComputedStyle(document.body).backgroundColor")),
                pale=pale(page) if media == "screen" or page_name in ON_PAPER else [],
            )
        stages.complain()
        return found

    return seen


@pytest.mark.parametrize(("media", "theme"), LOOKS)
@pytest.mark.parametrize("page_name", PAGES_WITH_FIGURES)
def test_every_word_of_a_figure_can_be_read(page_name: str, media: str, theme: str, see: See) -> None:
    figures = see(page_name)[media, theme].words
    assert len(figures) >= len(kinds_seen(page_name, media))
    for found in figures:
        assert len(found) >= 5
        assert [(text, round(contrast, 2)) for text, contrast in found if contrast < READABLE] == []


@pytest.mark.parametrize("page_name", PAGES)
def test_every_way_to_write_on_a_page_can_be_read(page_name: str, see: See) -> None:
    for look, seen in see(page_name).items():
        assert seen.pale == [], look


@pytest.mark.parametrize("page_name", PAGES)
def test_paper_is_white_in_both_themes(page_name: str, see: See) -> None:
    assert PALETTE["paper"].light == "#ffffff"
    for (media, theme), seen in see(page_name).items():
        wanted = getattr(PALETTE["paper"], theme) if media == "screen" else "#ffffff"
        assert seen.paper == wanted, (media, theme)
        if media == "print":
            assert seen.grounds <= {"#ffffff"}
