"""Sphinx extension: by what one knows the book: its mark, the few controls of its header, what others see of a page.

A page that is shared brings a description and a card; a search engine gets the list of all pages; an address that
leads nowhere gets a page that leads on.
"""

import re
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docutils import nodes
from sphinx.application import Sphinx

from feedback_lite.widgets.palette import PALETTE, css_variables

MARK = Path(__file__).parents[1] / "mark.svg"
CARDS = "_images/cards"
"""The folder of the social cards in the built site."""
CARD_SIZE = (1200, 630)
LONGEST = 200
"""So many characters of a description are shown where a page is shared."""
SHORTEST = 40
TEMPLATES = str(Path(__file__).parent / "templates")
LEADS_ON = "fl-lost"
NOT_FOUND = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Not here — {book}</title>
<link rel="icon" type="image/svg+xml" href="{icon}">
<style>
:root {{ {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
body {{
  box-sizing: border-box; max-width: 42rem; min-height: 100vh; margin: 0 auto; padding: 12vh 1.5rem 2rem;
  background: var(--fl-paper); color: var(--fl-ink); color-scheme: var(--fl-scheme);
  font: 1.1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}}
html {{ background: var(--fl-paper); }}
svg {{ width: 5rem; height: 5rem; }}
h1 {{ margin: 1rem 0; font-size: 2.2rem; line-height: 1.2; letter-spacing: -0.02em; }}
a {{ color: var(--fl-query); text-underline-offset: 0.15em; }}
a:focus-visible {{ outline: 3px solid var(--fl-query); outline-offset: 2px; }}
li {{ margin: 0.3rem 0; }}
</style>
</head>
<body class="{lost}">
<main>
{mark}
<h1>There is no page under this cup.</h1>
<p>The address leads nowhere, or to a page that has moved. From here you can go on:</p>
<ul>
{links}
</ul>
</main>
</body>
</html>
"""


def read_mark() -> str:
    """Return the mark to stand in a page, where its name stands beside it and need not be said twice."""
    named = re.sub(r' role="img" aria-label="[^"]*"', "", MARK.read_text(encoding="utf-8").strip())
    return named.replace("<svg ", '<svg class="fl-mark-picture" aria-hidden="true" ', 1)


# ---- the header


def keep_few_controls(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Take the groups of the header apart, keep what leads on from this page, and say what each control does.

    A chapter leads to Colab and has its notebook to take along; other pages lead to the repository.
    """
    context["book_mark"] = read_mark()
    whole = [one for group in context.get("header_buttons", []) for one in group.get("buttons", [group])]
    by_label = {one.get("label") or f"launch-{str(one.get('text')).lower()}": one for one in whole}
    wanted = {
        "launch-colab": {"text": "Colab", "icon": "fas fa-rocket", "tooltip": "Run this chapter in Colab"},
        "download-notebook-button": {
            "text": "Notebook",
            "icon": "fas fa-download",
            "tooltip": "Take this chapter along as a notebook",
        },
        "source-repository-button": {"text": "Source", "icon": "fab fa-github", "tooltip": "The book's repository"},
    }
    is_notebook = bool(context.get("ipynb_source")) or str(context.get("sourcename", "")).endswith(".ipynb")
    if is_notebook:
        by_label.setdefault("download-notebook-button", by_label.get("download-source-button"))
        by_label.pop("source-repository-button", None)
    theirs = ("launch", "download", "source", "fullscreen")
    own = [one for label, one in by_label.items() if not label.startswith(theirs)]
    kept = [by_label[label] | {"label": label} | words for label, words in wanted.items() if by_label.get(label)]
    context["header_buttons"] = kept + own


# ---- what others see of a page


def describe(doctree: nodes.document) -> str:
    """Return what a page is about: its first words that say enough, cut where a sentence ends or at least a word."""
    for node in doctree.findall(lambda one: isinstance(one, nodes.paragraph)):
        text = " ".join(re.sub(r"\s*\[[^\]]*\]", "", node.astext()).split())
        if len(text) >= SHORTEST:
            break
    else:
        return ""
    promise = re.match(r"Afterwards you can (.)", text)
    if promise:
        text = promise[1].upper() + text[promise.end() :]
    if len(text) <= LONGEST:
        return text
    sentences = text[:LONGEST].rfind(". ")
    return (
        text[: sentences + 1] if sentences >= SHORTEST else text[: LONGEST - 2].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    )


def say_what_others_see(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Give a page its own description, and the card that is shown where it is shared."""
    if doctree is None:
        return
    tags = re.sub(r'<meta (?:property="og:description"|name="description")[^>]*>\s*', "", context.get("metatags", ""))
    said = escape(describe(doctree))
    address = f"{app.config.html_baseurl.rstrip('/')}/{CARDS}/{card_name(page)}"
    width, height = CARD_SIZE
    context["metatags"] = tags + "\n".join(
        [
            f'<meta name="description" content="{said}" />',
            f'<meta property="og:description" content="{said}" />',
            f'<meta property="og:image" content="{address}" />',
            f'<meta property="og:image:width" content="{width}" />',
            f'<meta property="og:image:height" content="{height}" />',
            f'<meta property="og:image:alt" content="{escape(app.config.html_title)}" />',
            '<meta name="twitter:card" content="summary_large_image" />',
        ]
    )


def card_name(page: str) -> str:
    """Return the name of a page's card."""
    return f"{page.replace('/', '-')}.png"


def draw_card(title: str, book: str) -> bytes:
    """Return the picture that is shown where a page is shared: the mark, the page's title, the book's."""
    from textwrap import wrap

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
    from matplotlib.path import Path as Outline
    from PIL import Image

    width, height = CARD_SIZE
    colour = {name: pair.light for name, pair in PALETTE.items()}
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor=colour["paper"])
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    # The mark, as in mark.svg, 6.5 times as large.
    size, left, top = 6.5, 80, 70
    at = lambda x, y: (left + size * x, top + size * y)  # noqa: E731
    box = FancyBboxPatch(at(6.2, 18.2), 8.6 * size, 8.6 * size, boxstyle=f"round,pad={3.2 * size}", lw=0)
    box.set_facecolor(colour["memory"])
    corners = [(18, 22.5), (21.2, 22.5), (28.2, 22.5), (28.2, 15.5), (28.2, 10.8), (28.2, 3.8), (21.2, 3.8)]
    corners += [(17.5, 3.8), (10.5, 3.8), (10.5, 10.8)]
    codes = [Outline.MOVETO, Outline.LINETO, *[Outline.CURVE3] * 2, Outline.LINETO, *[Outline.CURVE3] * 2]
    codes += [Outline.LINETO, *[Outline.CURVE3] * 2]
    way = PathPatch(Outline([at(*one) for one in corners], codes), fill=False, ec=colour["query"])
    way.set(linewidth=3.6 * size * 0.72, capstyle="butt")
    tip = Polygon([at(10.5, 14.2), at(4.7, 7.2), at(16.3, 7.2)], closed=True, facecolor=colour["query"], lw=0)
    for part in (way, box, tip):
        axes.add_patch(part)
    lines = wrap(title, 26)
    axes.text(80, 400, "\n".join(lines[:3]), size=44, weight="bold", color=colour["ink"], va="center", linespacing=1.15)
    axes.text(80, 560, book, size=21, color=colour["muted"], va="center")
    axes.axhspan(height - 20, height, color=colour["memory"], lw=0)
    canvas.draw()
    image = Image.frombuffer("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba())).convert("RGB")
    file = BytesIO()
    image.quantize(32).save(file, "PNG", optimize=True)
    return file.getvalue()


# ---- pages beside the pages


def list_pages(app: Sphinx) -> str:
    """Return the sitemap: the address of every page of the book."""
    base = app.config.html_baseurl.rstrip("/")
    places = "".join(f"<url><loc>{base}/{quote(page)}.html</loc></url>\n" for page in sorted(app.env.found_docs))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{places}</urlset>\n'
    )


def lead_on(app: Sphinx) -> str:
    """Return the page for addresses that lead nowhere. It is served at any depth, so it holds all that it needs."""
    base = app.config.html_baseurl.rstrip("/")
    root = app.config.root_doc
    chapters = [page for page in sorted(app.env.found_docs) if page.startswith("chapters/")]
    titles = [(root, "The first page, with the duel")]
    titles += [(page, app.env.titles[page].astext()) for page in chapters]
    links = "\n".join(f'<li><a href="{base}/{quote(page)}.html">{escape(title)}</a></li>' for page, title in titles)
    return NOT_FOUND.format(
        book=escape(app.config.html_title),
        icon="data:image/svg+xml," + quote(MARK.read_text(encoding="utf-8").replace("\n", " "), safe=" =:/,'()"),
        light=css_variables("light"),
        dark=css_variables("dark"),
        mark=read_mark(),
        links=links,
        lost=LEADS_ON,
    )


def write_beside(app: Sphinx, exception: Exception | None) -> None:
    """Write the cards, the sitemap, and the page for addresses that lead nowhere."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    (folder / "sitemap.xml").write_text(list_pages(app), encoding="utf-8")
    (folder / "404.html").write_text(lead_on(app), encoding="utf-8")
    cards = folder / CARDS
    cards.mkdir(parents=True, exist_ok=True)
    for page in app.env.found_docs:
        (cards / card_name(page)).write_bytes(draw_card(app.env.titles[page].astext(), app.config.html_title))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what marks the pages and what is written beside them."""
    app.config.templates_path.insert(0, TEMPLATES)  # before those of the theme
    app.connect("html-page-context", keep_few_controls, priority=910)
    app.connect("html-page-context", say_what_others_see, priority=910)
    app.connect("build-finished", write_beside, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
