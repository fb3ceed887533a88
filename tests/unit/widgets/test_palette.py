"""The palette: readable in both themes, the same under every eye and in grey but for what marks tell apart.

What pages make of it is tested in ``tests/site/test_colours.py``.
"""

from itertools import combinations

import matplotlib.pyplot as plt
import pytest

from feedback_lite.widgets import PALETTE, layer_colours, matplotlib_style
from feedback_lite.widgets.palette import BACKGROUNDS, GRAPHICS_ONLY
from tests.colours import (
    CONCEPTS,
    LOOK_ALIKE,
    THEMES,
    TOLD_APART,
    VIEWS,
    contrast,
    distance,
    lightness_steps,
    seen,
)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", [name for name in PALETTE if name not in BACKGROUNDS])
def test_every_colour_can_be_read_in_both_themes(name: str, theme: str) -> None:
    colour, paper, surface = (getattr(PALETTE[key], theme) for key in (name, *BACKGROUNDS))
    assert contrast(colour, surface) >= 3
    if name not in GRAPHICS_ONLY:
        assert contrast(colour, paper) >= 4.5
    if name in {"ink", "muted", "right"}:  # what the figures write with, on surface
        assert contrast(colour, surface) >= 4.5


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


def test_eyes_confuse_what_they_are_known_to_confuse() -> None:
    red, green, blue, yellow = "#c00000", "#4a6a00", "#0057e0", "#e0c000"
    assert distance(red, green, "as it is") > 80
    assert distance("#7a8a3a", "#a07a3a", "deuteranopia") < distance("#7a8a3a", "#a07a3a", "as it is") / 2
    assert all(distance(blue, yellow, view) > 80 for view in ("protanopia", "deuteranopia"))
    reds = [seen(red, view).convert("srgb-linear")["red"] for view in ("protanopia", "as it is")]
    assert reds[0] < reds[1] / 2  # red is dark without its cones
    assert len({round(channel, 6) for channel in seen(green, "grey").convert("srgb").coords()}) == 1


@pytest.mark.parametrize("view", VIEWS)
def test_look_alikes_are_known(view: str) -> None:
    alike = {
        (one, other)
        for one, other in combinations(CONCEPTS, 2)
        for theme in THEMES
        if distance(getattr(PALETTE[one], theme), getattr(PALETTE[other], theme), view) < TOLD_APART
    }
    assert alike == LOOK_ALIKE.get(view, set())


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("view", VIEWS)
def test_layers_go_one_way_in_lightness(view: str, theme: str) -> None:
    for count in (2, 3, 5, 9):
        found = lightness_steps(layer_colours(count, theme), view)
        way = -1 if theme == "light" else 1  # away from the paper
        assert all(way * step > 0 for step in found)
        assert abs(sum(found)) >= TOLD_APART


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
