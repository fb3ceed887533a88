"""The palette: readable in both themes, the same under every eye and in grey but for what marks tell apart."""

import re
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from feedback_lite.widgets import PALETTE, layer_colours, matplotlib_style
from feedback_lite.widgets.palette import BACKGROUNDS, GRAPHICS_ONLY, palette_css

ROOT = Path(__file__).parents[2]
WIDGETS = ROOT / "feedback_lite" / "widgets"
THEMES = ("light", "dark")

Light = tuple[float, float, float]


def linear(colour: str) -> Light:
    """Return the light of a colour: red, green and blue from 0 to 1, in proportion to their energy."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return red, green, blue


def luminance(light: Light) -> float:
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(luminance(linear(colour)) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_wcag_defines_it() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", [name for name in PALETTE if name not in BACKGROUNDS])
def test_every_colour_can_be_read_in_both_themes(name: str, theme: str) -> None:
    colour, paper, surface = (getattr(PALETTE[key], theme) for key in (name, *BACKGROUNDS))
    assert contrast(colour, surface) >= 3
    if name not in GRAPHICS_ONLY:
        assert contrast(colour, paper) >= 4.5
    if name in {"ink", "muted", "right"}:  # what the figures write with, on surface
        assert contrast(colour, surface) >= 4.5


def test_style_sheet_sets_every_colour_of_both_themes() -> None:
    css = palette_css()
    for name, colour in PALETTE.items():
        for value in colour:
            assert f"--fl-{name}: {value};" in css


def test_no_other_file_names_a_colour() -> None:
    files = [
        path
        for folder in ("feedback_lite/widgets", "book/site")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".js", ".css"} and path.name != "palette.py"
    ]
    assert len(files) >= 10
    number = re.compile(r"#[0-9a-f]{3,8}\b|\b(rgba?|hsla?|oklch|lab)\(", re.IGNORECASE)
    word = re.compile(
        r"(color|background|fill|stroke|border|outline)[\w-]*:[^;]*\b(black|white|red|green|blue|gr[ae]y)\b"
    )
    named = [
        f"{path.name}: {line.strip()}"
        for path in files
        for line in path.read_text().splitlines()
        if number.search(line) or word.search(line)
    ]
    assert named == []


def test_layers_go_from_the_embedding_to_the_top() -> None:
    assert layer_colours(2) == [PALETTE["layer-low"].light, PALETTE["layer-high"].light]
    assert layer_colours(3, "dark")[1] == "#b29fd8"
    assert layer_colours(1) == [PALETTE["layer-low"].light]
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        layer_colours(0)


@pytest.mark.parametrize("theme", THEMES)
def test_matplotlib_takes_the_style(theme: str) -> None:
    with plt.rc_context(matplotlib_style(theme)):
        drawing, axes = plt.subplots()
        feedback, ordinary = axes.plot([1, 2]) + axes.plot([2, 3])
        assert feedback.get_color() == getattr(PALETTE["memory"], theme)
        assert (ordinary.get_linestyle(), ordinary.get_markerfacecolor()) == ("--", getattr(PALETTE["paper"], theme))
        plt.close(drawing)


# ---- other eyes, and paper

# What linear red, green and blue become for an eye without one kind of cones: G. M. Machado, M. M. Oliveira and
# L. A. F. Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE Transactions on
# Visualization and Computer Graphics 15(6), 2009; the matrices for severity 1.0. Grey is what a printer without
# colour makes of them.
EYES: dict[str, Sequence[Light]] = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
    "grey": ((0.2126, 0.7152, 0.0722),) * 3,
}
VIEWS = ("as it is", *EYES)

TOLD_APART = 20.0
"""The least CIE76 distance that counts as told apart: some nine just noticeable differences."""


def seen(colour: str, view: str) -> Light:
    """Return the light that an eye takes a colour for."""
    light = linear(colour)
    if view == "as it is":
        return light
    red, green, blue = (sum(a * b for a, b in zip(row, light, strict=True)) for row in EYES[view])
    return tuple(min(max(channel, 0.0), 1.0) for channel in (red, green, blue))  # type: ignore[return-value]


def lab(light: Light) -> Light:
    """Return the place of a light in CIELAB, under the white of sRGB (D65): lightness, and two opponent colours."""
    red, green, blue = light
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883
    x, y, z = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: str, other: str, view: str) -> float:
    """Return how far apart two colours are for an eye: the CIE76 distance."""
    places = lab(seen(one, view)), lab(seen(other, view))
    return sum((a - b) ** 2 for a, b in zip(*places, strict=True)) ** 0.5


def lightness(colour: str, view: str) -> float:
    return lab(seen(colour, view))[0]


def test_eyes_see_white_black_and_grey_as_everyone_does() -> None:
    for view in VIEWS:
        for grey in ("#ffffff", "#808080", "#000000"):
            assert seen(grey, view) == pytest.approx(linear(grey), abs=1e-3)


def test_eyes_confuse_what_they_are_known_to_confuse() -> None:
    red, green, blue, yellow = "#c00000", "#4a6a00", "#0057e0", "#e0c000"
    assert distance(red, green, "as it is") > 80
    assert distance("#7a8a3a", "#a07a3a", "deuteranopia") < distance("#7a8a3a", "#a07a3a", "as it is") / 2
    assert all(distance(blue, yellow, view) > 80 for view in ("protanopia", "deuteranopia"))
    assert seen(red, "protanopia")[0] < seen(red, "as it is")[0] / 2  # red is dark without its cones
    assert len(set(seen(green, "grey"))) == 1


def test_distance_is_that_of_cie76() -> None:
    assert lab(linear("#ffffff")) == pytest.approx((100, 0, 0), abs=0.02)
    assert lab(linear("#ff0000")) == pytest.approx((53.24, 80.09, 67.20), abs=0.02)
    assert distance("#ff0000", "#0000ff", "as it is") == pytest.approx(176.3, abs=0.1)


CONCEPTS = ("memory", "query", "key", "evicted", "right", "ordinary", "recurrent", "layer-low", "layer-high")

LOOK_ALIKE = {
    "protanopia": {
        ("memory", "right"),
        ("query", "layer-low"),
        ("query", "layer-high"),
        ("key", "evicted"),
        ("key", "ordinary"),
        ("evicted", "right"),
    },
    "deuteranopia": {
        ("memory", "evicted"),
        ("query", "layer-high"),
        ("query", "recurrent"),
        ("key", "ordinary"),
        ("evicted", "right"),
    },
    "tritanopia": {
        ("memory", "evicted"),
        ("query", "key"),
        ("query", "right"),
        ("key", "right"),
        ("ordinary", "layer-high"),
    },
    # Concepts are alike in lightness, so that none shouts: in grey, marks alone tell them apart.
    "grey": set(combinations(CONCEPTS, 2)) - {("layer-low", "layer-high")},
}
"""For each kind of eye the concepts that it cannot tell apart by colour, in one theme or in both."""


@pytest.mark.parametrize("view", VIEWS)
def test_look_alikes_are_known(view: str) -> None:
    alike = {
        (one, other)
        for one, other in combinations(CONCEPTS, 2)
        for theme in THEMES
        if distance(getattr(PALETTE[one], theme), getattr(PALETTE[other], theme), view) < TOLD_APART
    }
    assert alike == LOOK_ALIKE.get(view, set())


IN_WORDS = "its name in words beside it"

MARKS: dict[str, dict[str, tuple[str, str]]] = {
    "bucket_explorer": {
        "memory": ("filled square", 'svg("rect", { class: "fl-slot"'),
        "key": ("tab on the square", 'svg("rect", { class: "fl-tab"'),
        "query": ("ring", 'svg("circle", { class: "fl-ring"'),
    },
    "cost_explorer": {
        "memory": ("filled block", ".fl-shared .fl-block { fill: var(--fl-memory); }"),
        "layer": ("open block", ".fl-each .fl-block { fill: var(--fl-paper); stroke:"),
    },
    "gate_explorer": {
        "layer": (IN_WORDS, '"factor, gelu(gate)", "what passes: value × factor"'),
        "ordinary": (IN_WORDS, '["value", '),
        "query": ("ring", 'svg("circle", { class: "fl-query-mark"'),
    },
    "information_flow": {
        "layer": ("number in a chip", 'svg("text", { class: "fl-chip-number"'),
        "memory": ("thin solid line", '.fl-way[data-read="memory"] { stroke: var(--fl-memory); }'),
        "key": ("dashed line", "stroke: var(--fl-key); stroke-width: 2; stroke-dasharray: 6 4;"),
        "query": ("ring", 'svg("rect", { class: "fl-ring"'),
    },
    "layer_mixture": {
        "layer": ("number in a chip", 'svg("text", { class: "fl-chip-number"'),
        "memory": ("filled square", 'svg("rect", { class: "fl-memory-mark"'),
        "query": ("ring", 'svg("circle", { class: "fl-query-mark"'),
    },
    "lineage_map": {
        "layer": ("number in a chip", 'svg("text", { class: "fl-chip-number"'),
        "memory": ("solid line with a tip", 'svg("path", { class: "fl-tip"'),
        "key": ("dashed line", "stroke: var(--fl-key); stroke-dasharray: 6 4;"),
        "query": ("ring", 'svg("circle", { class: "fl-now-mark"'),
    },
    "mask_explorer": {
        "memory": ("filled square", 'svg("rect", { class: "fl-slot-mark"'),
        "key": ("tab on top", 'svg("rect", { class: "fl-key-tab"'),
        "query": ("ring", 'svg("circle", { class: "fl-query-mark"'),
    },
    "memory_queue": {
        "memory": ("filled square", ".fl-mark-held .fl-square { fill: var(--fl-memory);"),
        "evicted": ("hatched and struck through", 'svg("path", { class: "fl-hatch"'),
        "query": ("ring, dashed line", 'svg("circle", { class: "fl-ring"'),
    },
    "predict": {
        "right": ("check mark", '"✓ right"'),
    },
    "inside": {
        "layer": ("number", 'text("fl-in-ring"'),
        "memory": ("filled square", '.fl-slot[data-mark="held"] .fl-square { fill: var(--fl-memory);'),
        "key": ("tab on the square", 'svg("rect", { class: "fl-tab"'),
        "evicted": ("hatched, leaving", 'svg("path", { class: "fl-hatch"'),
        "right": ("check mark", "✓"),
        "query": ("ring", 'svg("circle", { class: "fl-ring"'),
    },
    "runs_explorer": {
        "memory": ("number in a filled square, solid line", 'svg("rect", { class: "fl-square"'),
        "ordinary": (
            "number in an open square, dashed line",
            '[data-family="ordinary"] .fl-square { fill: var(--fl-paper); }',
        ),
        "recurrent": ("number in a filled diamond, line of dashes and dots", 'svg("path", { class: "fl-diamond"'),
        "query": ("frame round the picture", 'svg("rect", { class: "fl-focus"'),
    },
    "shell_duel": {
        "memory": ("filled square", '[data-player="feedback"] .fl-sign { fill: var(--fl-memory);'),
        "ordinary": (
            "open square, dashed",
            '[data-player="ordinary"] .fl-sign { fill: var(--fl-paper); stroke: var(--fl-ordinary);',
        ),
        "right": ("check mark", '"✓ right"'),
        "query": ("thick outline", "stroke: var(--fl-query); stroke-width: 3;"),
    },
    "token_walk": {
        "layer": (IN_WORDS, 'svg("text", { class: "fl-row-name"'),
        "query": (IN_WORDS, 'svg("text", { class: "fl-row-name"'),
        "memory": (IN_WORDS, 'svg("text", { class: "fl-row-name"'),
        "key": (IN_WORDS, 'svg("text", { class: "fl-row-name"'),
    },
}
"""For each figure, by concept: the mark that carries it where colour does not, and the line that draws it."""


def source(name: str) -> str:
    """Return the figure's own scripts and style sheet; a large figure has several scripts."""
    files = [*sorted((WIDGETS / "js").glob(f"{name}*.js")), WIDGETS / "css" / f"{name}.css"]
    return "".join(file.read_text(encoding="utf-8") for file in files)


def concepts_of(name: str) -> set[str]:
    """Return the concepts whose colours a figure draws with; all layers are one, told apart by their numbers."""
    used = set(re.findall(r"var\(--fl-([\w-]+)\)", source(name)))
    concepts = {concept for concept in CONCEPTS if concept in used and not concept.startswith("layer")}
    return concepts | ({"layer"} if any(one.startswith("layer") for one in used) else set())


def test_every_figure_has_its_marks() -> None:
    shared = {"figure", "check"}
    sheets = {path.stem for path in (WIDGETS / "css").glob("*.css")} - shared
    assert set(MARKS) == sheets


@pytest.mark.parametrize("name", MARKS)
def test_what_looks_alike_has_another_mark(name: str) -> None:
    marks = MARKS[name]
    assert set(marks) == concepts_of(name)
    for _, line in marks.values():
        assert line in source(name)
    alike = {frozenset(one.removesuffix("-low").removesuffix("-high") for one in pair) for pair in all_alike()}
    for one, other in combinations(marks, 2):
        if frozenset((one, other)) in alike:
            assert marks[one][0] != marks[other][0] or marks[one][0] == IN_WORDS


def all_alike() -> set[tuple[str, str]]:
    return set().union(*LOOK_ALIKE.values())


# ---- ramps


def steps(colours: Sequence[str], view: str) -> list[float]:
    """Return by how much each colour is lighter than the one before."""
    return [lightness(after, view) - lightness(before, view) for before, after in pairwise(colours)]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("view", VIEWS)
def test_layers_go_one_way_in_lightness(view: str, theme: str) -> None:
    for count in (2, 3, 5, 9):
        found = steps(layer_colours(count, theme), view)
        way = -1 if theme == "light" else 1  # away from the paper
        assert all(way * step > 0 for step in found)
        assert abs(sum(found)) >= TOLD_APART


def attention_colours(theme: str, most: float) -> list[str]:
    """Return query blue laid over paper, the more the larger the weight, for eleven weights from 0 to 1."""
    paper, blue = (
        [int(getattr(PALETTE[name], theme)[start : start + 2], 16) for start in (1, 3, 5)]
        for name in ("paper", "query")
    )
    shares = [most * place / 10 for place in range(11)]
    return [
        "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(paper, blue, strict=True)) for share in shares
    ]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("view", VIEWS)
def test_attention_goes_one_way_in_lightness(view: str, theme: str) -> None:
    """With the opacity of a full weight in the mask explorer, and with full colour."""
    found = re.search(r"\((0\.\d+) \* headWeights", source("mask_explorer"))
    assert found is not None
    for most in (float(found[1]), 1.0):
        lighter = steps(attention_colours(theme, most), view)
        way = -1 if theme == "light" else 1
        assert all(way * step > 0 for step in lighter)
        assert abs(sum(lighter)) >= TOLD_APART


# ---- plots


@pytest.mark.parametrize("theme", THEMES)
def test_lines_of_a_plot_differ_in_more_than_colour(theme: str) -> None:
    style = matplotlib_style(theme)
    looks = [
        (line["linestyle"], line["marker"], line["markerfacecolor"] != getattr(PALETTE["paper"], theme))
        for line in style["axes.prop_cycle"]
    ]
    assert len(looks) == 4
    for one, other in combinations(looks, 2):
        assert one[0] != other[0]
        assert one[1:] != other[1:]  # without their lines the marks still differ
