"""Sphinx extension: a plot stands in the page itself, in the page's colours, with its words, caption and numbers.

``feedback_lite.widgets.plots`` draws in the palette's light colours, for a wide page and for a phone. Here both
drawings are set into the page, every colour becomes the variable of its meaning, so that the plot follows the theme,
and the page's style shows the one that fits. The caption, which a notebook has in the next cell, moves under the
picture.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform

from feedback_lite.widgets.palette import PALETTE, layer_colours
from feedback_lite.widgets.plots import NARROW_MARK

SVG = "image/svg+xml"
CAPTION = "What to see: "
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
NAME = re.compile(r'(\bid="|url\(#|href="#)')
MOST_LAYERS = 16
OF_A_FILE = re.compile(r' xmlns(?::\w+)?="[^"]*"| font-family="[^"]*"| (?:width|height)="[^"]*"(?=[^>]*viewBox)')
"""What a drawing needs as a file and not in a page: its size is that of its place, its letters are the page's."""


class PlotsInThePage(SphinxTransform):
    """Replace each plot by the drawings themselves, and put its caption under it."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Go through the outputs of the page."""
        bundles = [bundle for bundle in self.document.findall(nodes.container) if _is_plot(bundle)]
        for number, bundle in enumerate(bundles, start=1):
            (image,) = (form.next_node(nodes.image) for form in bundle.children if form["mime_type"] == SVG)
            file = Path(self.env.relfn2path(image["uri"], self.env.docname)[1])
            page = as_page(file.read_text(encoding="utf-8"), image.get("alt", ""), f"plot-{number}-")
            shown = [nodes.raw("", page, format="html"), *_caption_after(bundle)]
            bundle.parent.replace(bundle, shown)


def _is_plot(node: nodes.container) -> bool:
    return node.get("nb_element") == "mime_bundle" and any(form["mime_type"] == SVG for form in node.children)


def _caption_after(bundle: nodes.Element) -> Iterator[nodes.Element]:
    """Take the paragraph that says what to see from behind the cell of a plot."""
    cell: Any = bundle
    while cell is not None and cell.get("nb_element") != "cell_code":
        cell = cell.parent
    place = cell.parent.index(cell) + 1 if cell is not None else 0
    following = cell.parent[place] if cell is not None and place < len(cell.parent) else None
    if isinstance(following, nodes.paragraph) and following.astext().startswith(CAPTION):
        cell.parent.remove(following)
        following["classes"].append("fl-caption")
        yield following


def as_page(drawing: str, words: str, prefix: str) -> str:
    """Return the drawings of a plot as a piece of a page.

    Args:
        drawing: the SVG file that ``show_plot`` made: a wide drawing, and within it a narrow one.
        words: what stands for the picture where it is not seen.
        prefix: what the names in the drawings begin with, another one for each plot of a page.
    """
    start = drawing.find("<svg", 1)
    if start < 0 or NARROW_MARK not in drawing[start : drawing.find(">", start)]:
        raise ExtensionError("an SVG picture of a notebook must come from show_plot: it lacks its drawing for a phone")
    wide, narrow = drawing[:start] + "</svg>", drawing[start:].removesuffix("</svg>").rstrip()
    narrow = narrow.replace(' display="none"', "", 1)
    wide = wide.replace("<svg", '<svg class="fl-wide"', 1)
    both = "".join(NAME.sub(rf"\g<1>{prefix}", themed(OF_A_FILE.sub("", one))) for one in (wide, narrow))
    return f'<div class="fl-plot" role="img" aria-label="{escape(words)}">{both}</div>'


def themed(drawing: str) -> str:
    """Return a drawing whose colours follow the theme; one that the palette does not know ends the build."""
    return COLOUR.sub(lambda found: variable(found[0].lower()), drawing.replace("xlink:href", "href"))


def variable(colour: str) -> str:
    """Return what a style sheet calls a light colour of the palette, a shade between two layers included."""
    for name, pair in PALETTE.items():
        if pair.light == colour:
            return f"var(--fl-{name})"
    for count in range(3, MOST_LAYERS + 1):
        if colour in (shades := layer_colours(count)):
            share = 100 * shades.index(colour) / (count - 1)
            return f"color-mix(in srgb, var(--fl-layer-high) {share:.4g}%, var(--fl-layer-low))"
    raise ExtensionError(f"a plot is drawn in {colour}, which is no light colour of the palette")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what goes through a page when it has been read."""
    app.add_transform(PlotsInThePage)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
