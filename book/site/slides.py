"""Sphinx extension: the workshop's slides, ``slides.html``, made of one Markdown file when the pages are written.

Each heading begins a slide. A fence is code, or of a kind of its own: ``figure`` names a figure's own page, which the
slide shows in a frame (``figure 06-memory-queue 1.2``: so many times larger); ``notes`` holds what the speaker sees.
The deck is one file that asks for the book's palette, one style sheet and one script, and for a figure when its slide
is shown. On paper and without scripts, the figure's sentence stands in its place, and all slides below one another.
"""

import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from alone import page_without_theme
from markdown_it import MarkdownIt
from markdown_it.token import Token
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

SOURCE = "book/workshop/slides.md"
DECK = "slides.html"
FIGURES = "figures"
SENTENCE = re.compile(r'<p class="fl-fallback"[^>]*>(?P<sentence>.*?)</p>', re.DOTALL)
TITLE = re.compile(r"<h1>(?P<title>.*?)</h1>", re.DOTALL)
MARKDOWN = MarkdownIt("commonmark").enable("table")
KINDS = ("figure", "notes", "python")
"""What a fence of the source may be."""

ABOUT = "Slides of the workshop, with the book's live figures."
BODY = """\
<main>
<h1 class="said">{title}</h1>
{slides}
</main>
<nav class="bar" aria-label="Slides" hidden>
<a href="book/workshop.html">Plans</a>
<button type="button" data-act="notes" aria-pressed="false">Notes</button>
<button type="button" data-act="smaller" aria-label="Figures smaller">−</button>
<button type="button" data-act="larger" aria-label="Figures larger">+</button>
<button type="button" data-act="screen">Full screen</button>
<button type="button" data-act="back" aria-label="Slide before">←</button>
<output class="place"></output>
<button type="button" data-act="on" aria-label="Next slide">→</button>
</nav>"""
SLIDE = """\
<section class="slide{kind}" id="{number}" aria-labelledby="title-{number}">
<h2 class="title" id="title-{number}">{title}</h2>
<div class="body">
{body}</div>
{notes}</section>"""
WIDE = '<div class="wide" tabindex="0" role="group" aria-label="May be wider than the slide">{inside}</div>\n'
NOTES = '<aside class="notes" aria-label="Notes to slide {number}">\n{notes}</aside>\n'
FRAME = """\
<iframe class="figure" style="--larger: {larger}" data-src="{own}?bare" title="{title}" allow="fullscreen"></iframe>
<p class="instead"><a href="{own}">{title}</a>. {sentence}</p>
"""


@dataclass
class Slide:
    """What stands on one slide: its title, its parts as HTML, and what the speaker sees."""

    title: str
    body: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def has_figure(self) -> bool:
        """Return whether a live figure stands on it."""
        return any("<iframe" in part for part in self.body)


def read_slides(text: str, site: Path) -> list[Slide]:
    """Return the slides of a source; the pages of its figures lie in the built site.

    Raises:
        ExtensionError: something stands before the first heading, a fence is of no known kind, or a figure has no page.
    """
    slides: list[Slide] = []
    environment: dict[str, Any] = {}
    for block in blocks(MARKDOWN.parse(text, environment)):
        first = block[0]
        if first.type == "heading_open":
            slides.append(Slide(MARKDOWN.renderer.render(block[1].children or [], MARKDOWN.options, environment)))
        elif not slides:
            raise ExtensionError(f"{SOURCE} must begin with a heading, got {first.content or first.type!r}")
        elif first.type == "fence":
            kind, _, name = first.info.strip().partition(" ")
            if kind not in KINDS:
                raise ExtensionError(f"{SOURCE}: a fence must be one of {', '.join(KINDS)}, got {first.info!r}")
            if kind == "figure":
                slides[-1].body.append(frame(*name.split(), site=site))
            elif kind == "notes":
                slides[-1].notes.append(MARKDOWN.render(first.content))
            else:
                slides[-1].body.append(WIDE.format(inside=f"<pre><code>{escape(first.content)}</code></pre>"))
        else:
            inside = MARKDOWN.renderer.render(block, MARKDOWN.options, environment)
            slides[-1].body.append(WIDE.format(inside=inside) if first.type == "table_open" else inside)
    return slides


def blocks(tokens: list[Token]) -> list[list[Token]]:
    """Return the tokens of each block that stands by itself: a heading, a paragraph, a list, a table, a fence."""
    found: list[list[Token]] = []
    depth = 0
    for token in tokens:
        if depth == 0:
            found.append([])
        found[-1].append(token)
        depth += token.nesting
    return found


def frame(name: str, larger: str = "1", *, site: Path) -> str:
    """Return the place of a figure, shown so many times larger: a frame with its own page, and on paper its sentence.

    Raises:
        ExtensionError: the figure has no page of its own.
    """
    own = f"{FIGURES}/{name}.html"
    if not (site / own).is_file():
        raise ExtensionError(f"{SOURCE} names the figure {name!r}, and there is no {own}")
    page = (site / own).read_text(encoding="utf-8")
    sentence, title = SENTENCE.search(page), TITLE.search(page)
    if sentence is None or title is None:
        raise ExtensionError(f"{own} must have a heading and its figure's sentence")
    return FRAME.format(own=own, larger=float(larger), title=title["title"], sentence=sentence["sentence"])


def deck(slides: list[Slide]) -> str:
    """Return all slides and the bar below them."""
    written = []
    for number, slide in enumerate(slides, start=1):
        notes = NOTES.format(number=number, notes="".join(slide.notes)) if slide.notes else ""
        kind = (" with-figure" if slide.has_figure else "") + (" first" if number == 1 else "")
        body = "".join(slide.body)
        written.append(SLIDE.format(kind=kind, number=number, title=slide.title, body=body, notes=notes))
    return BODY.format(title=slides[0].title, slides="\n".join(written))


def write_deck(app: Sphinx, exception: Exception | None) -> None:
    """Write the deck, once the pages of all figures are there."""
    if exception is None and app.builder.format == "html":
        site = Path(app.outdir)
        slides = read_slides((Path(app.srcdir) / SOURCE).read_text(encoding="utf-8"), site)
        title = slides[0].title
        text = page_without_theme(
            DECK, app, title=title, about=ABOUT, style="slides", script="slides", body=deck(slides)
        )
        (site / DECK).write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what happens after the pages of figures are written, and before what no page names is taken away."""
    app.connect("build-finished", write_deck, priority=945)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
