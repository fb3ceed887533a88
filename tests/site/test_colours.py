"""Colours on the page: all come from the palette, mean what it says, and never carry a meaning alone."""

import json
import re
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from coloraide import Color

from feedback_lite.widgets import PALETTE
from tests.colours import CONCEPTS, LOOK_ALIKE, THEMES, TOLD_APART, VIEWS, lightness_steps
from tests.kind import IN_WORDS, Mark
from tests.kinds import FIGURES, KINDS
from tests.site.conftest import Visit
from tests.site.contents import PAGES
from tests.site.looking import as_hex, control, figures_of, stored_of
from tests.site.page_model import run_through

# ---- the palette on the page


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("page_name", PAGES)
def test_page_has_every_colour_of_the_palette(page_name: str, theme: str, stage: Visit) -> None:
    names = [f"--fl-{name}" for name in PALETTE]
    read = """(names) => {
        const style = getComputedStyle(document.body);
        return names.map((name) => style.getPropertyValue(name));
    }"""
    for media, seen in (("screen", theme), ("print", "light")):
        found = stage(page_name, color_scheme=theme, media=media).evaluate(read, names)
        assert found == [getattr(colour, seen) for colour in PALETTE.values()]


# ---- what figures paint with

# All that has a colour: words, areas and lines. A browser's own parts, such as the arrow of a list, have theirs.
PAINTED = """(figure) => {
    const found = {};
    const note = (colour, node) => {
        const unseen = colour === "none" || /^rgba.*, 0\\)$/.test(colour);
        if (!unseen) found[colour] ??= node.outerHTML.slice(0, 100);
    };
    for (const node of [figure, ...figure.querySelectorAll("*")]) {
        if (!node.checkVisibility() || node.matches("option, [type=range]")) continue;
        const style = getComputedStyle(node);
        if (node instanceof SVGElement) {
            if (!(node instanceof SVGGeometryElement) && !(node instanceof SVGTextElement)) continue;
            const { width, height } = node.getBBox();
            if (width && height) note(style.fill, node); // a straight line has no inside
            note(style.stroke, node);
        } else {
            if ([...node.childNodes].some((one) => one.nodeType === Node.TEXT_NODE)) note(style.color, node);
            note(style.backgroundColor, node);
            for (const side of ["Top", "Left"]) {
                if (parseFloat(style[`border${side}Width`])) note(style[`border${side}Color`], node);
            }
        }
    }
    return Object.entries(found);
}"""

# For each mark what is drawn with it: its paint, its other paint, its line, and the words on it or beside it.
MARKED = """(figure, marks) => marks.map(({ drawn, paint }) => [...figure.querySelectorAll(drawn)]
    .filter((node) => node.checkVisibility()).map((node) => {
        const style = getComputedStyle(node);
        return [style[paint], style.fill, style.strokeDasharray !== "none", (node.parentElement ?? node).textContent];
    }))"""
LOOK = f"""(place) => {{
    const figure = place.querySelector("[data-figure]");
    // What is picked is no part of a figure's state: a button that is drawn is pressed.
    figure.querySelector("svg [role=button]")?.dispatchEvent(new MouseEvent("click", {{ bubbles: true }}));
    return [({PAINTED})(figure), ({MARKED})(figure, MARKS)];
}}"""


@cache
def meaning(colour: str, theme: str) -> str | None:
    """Return the name that a computed colour has in the palette; any of a layer is a "layer", a pale one a "tint"."""
    seen = Color(colour).set("alpha", 1)
    named = {name: Color(getattr(pair, theme)) for name, pair in PALETTE.items()}
    for name, one in named.items():
        if near(seen, one):
            return "layer" if name.startswith("layer") else name
    low, high, paper = named["layer-low"], named["layer-high"], named["paper"]
    for layer in (low.mix(high, place / 24, space="srgb") for place in range(25)):  # of 2, 3, 4, 6, 8, 12 or 24 layers
        if near(seen, layer):
            return "layer"
        if near(seen, paper.mix(layer, 0.22, space="srgb")):
            return "tint"
    return None


def near(one: Color, other: Color) -> bool:
    """Whether two colours are one, but for how a page rounds them."""
    return float(one.delta_e(other, method="76")) < 1


def some(states: list[Any], most: int = 30) -> list[Any]:
    """Return some states from first to last."""
    return states[:: max(1, len(states) // most)]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_looks_alike_has_another_mark(kind: str, theme: str, stage: Visit) -> None:
    """In all states together a figure paints with the palette alone, and each meaning comes with its mark."""
    row = KINDS[kind]
    page = stage(row.pages[0], color_scheme=theme)
    state = stored_of(page, kind)[0]
    wanted = [{"drawn": mark.drawn, "paint": mark.paint} for mark in row.marks.values()]
    look = LOOK.replace("MARKS", json.dumps(wanted))
    seen = run_through(page, state, some(list(row.states(row.twin(state)))), look)

    painted = {colour: node for one, _ in seen for colour, node in one}
    meanings = {colour: meaning(colour, theme) for colour in painted}
    assert {painted[colour]: colour for colour, name in meanings.items() if name is None} == {}
    known = {name.removesuffix("-low").removesuffix("-high") for name in CONCEPTS}
    assert set(meanings.values()) & known == set(row.marks)
    for place, (name, mark) in enumerate(row.marks.items()):
        assert [one for _, marks in seen for one in marks[place] if is_as_said(one, name, mark, theme)], (name, mark)


def is_as_said(found: tuple[str, str, bool, str], name: str, mark: Mark, theme: str) -> bool:
    paint, fill, dashed, text = found
    return (
        meaning(paint, theme) == name
        and (not mark.open or fill == "none" or meaning(fill, theme) in ("paper", "surface"))
        and dashed == mark.dashed
        and re.search(mark.says, " ".join(text.split())) is not None
    )


@pytest.mark.parametrize("kind", KINDS)
def test_marks_differ_where_colours_look_alike(kind: str) -> None:
    alike = {frozenset(one.removesuffix("-low").removesuffix("-high") for one in pair) for pair in all_alike()}
    marks = KINDS[kind].marks
    for one, other in combinations(marks, 2):
        if frozenset((one, other)) in alike:
            assert marks[one].words != marks[other].words or marks[one].words == IN_WORDS


def all_alike() -> set[tuple[str, str]]:
    return set().union(*LOOK_ALIKE.values())


# ---- attention is blue, the stronger the darker

ATTENTION = {  # what shows it first, and what is drawn
    "bucket-explorer": ((), ".fl-bar"),
    "mask-explorer": (("show layer 1, head 1",), ".fl-weight"),
    "token-walk": ((), ".fl-bars .fl-bar"),
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("page_name", "kind"), [pair for pair in FIGURES if pair[1] in ATTENTION])
def test_attention_weights_are_blue(page_name: str, kind: str, theme: str, stage: Visit) -> None:
    first, drawn = ATTENTION[kind]
    paints = """(bars) => bars.map((bar) => [getComputedStyle(bar).fill, getComputedStyle(bar).stroke])"""
    blue, paper = (getattr(PALETTE[name], theme) for name in ("query", "paper"))
    for figure in figures_of(stage(page_name, color_scheme=theme, fresh=True), kind):
        for name in first:
            control(figure, name).click()
        found = {tuple(map(as_hex, pair)) for pair in figure.locator(drawn).evaluate_all(paints)}
        assert found
        assert found <= {(blue, None), (paper, blue)}  # filled, or outlined for every second head
        if kind == "token-walk":
            assert len(found) == 2


@pytest.mark.parametrize("theme", THEMES)
def test_attention_goes_one_way_in_lightness(theme: str, stage: Visit) -> None:
    """Blue laid over paper, by the opacity that the mask explorer gives to a weight; for every eye."""
    kind = "mask-explorer"
    page = stage(KINDS[kind].pages[0], color_scheme=theme)
    state = stored_of(page, kind)[0]
    shown = {"tokens": 1, "query": 0, "key": 0, "shown": state["heads"][0]}
    opacities = """(place) => [...place.querySelectorAll(".fl-weight")].map(
        (one) => Number(one.getAttribute("fill-opacity")))"""
    sizes = range(1, 1 + len(state["weights"][0]))
    drawn = run_through(page, state, [{**shown, "slots": size} for size in sizes], opacities)
    pairs = sorted(
        (weight, opacity)
        for size, found in zip(sizes, drawn, strict=True)
        for weight, opacity in zip(state["weights"][0][size - 1], found, strict=True)
    )
    assert pairs[-1][0] == 1
    assert len(pairs) >= 10
    paper, blue = (Color(getattr(PALETTE[name], theme)) for name in ("paper", "query"))
    shares = [pairs[-1][1] * place / 10 for place in range(11)]
    for view in VIEWS:
        steps = lightness_steps([paper.mix(blue, share, space="srgb") for share in shares], view)
        way = -1 if theme == "light" else 1
        assert all(way * step > 0 for step in steps)
        assert abs(sum(steps)) >= TOLD_APART
    for weight, opacity in pairs:
        assert opacity == pytest.approx(weight * pairs[-1][1], abs=1e-3)
