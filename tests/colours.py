"""How eyes see the palette: as it is, without one kind of cones, and as a printer without colour makes it."""

from collections.abc import Sequence
from itertools import combinations, pairwise

from coloraide import Color

THEMES = ("light", "dark")
CONES = {"protanopia": "protan", "deuteranopia": "deutan", "tritanopia": "tritan"}
VIEWS = ("as it is", *CONES, "grey")

TOLD_APART = 20.0
"""The least CIE76 distance that counts as told apart: some nine just noticeable differences."""

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


def seen(colour: str | Color, view: str) -> Color:
    """Return what a colour is taken for: by the model of Machado, Oliveira and Fernandes (2009), severity 1."""
    if view == "as it is":
        return Color(colour)
    if view == "grey":
        return Color(colour).filter("grayscale", space="srgb-linear").clip("srgb")
    return Color(colour).filter(CONES[view], 1, method="machado").clip("srgb")


def distance(one: str, other: str, view: str) -> float:
    """Return how far apart two colours are for an eye: the CIE76 distance."""
    return float(seen(one, view).delta_e(seen(other, view), method="76"))


def lightness_steps(colours: Sequence[str], view: str) -> list[float]:
    """Return by how much each colour is lighter than the one before, in CIELAB."""
    lightness = [seen(colour, view).convert("lab-d65")["lightness"] for colour in colours]
    return [after - before for before, after in pairwise(lightness)]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2.1 defines it."""
    return float(Color(one).contrast(other, method="wcag21"))
