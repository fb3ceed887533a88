"""Sphinx extension: what the front page has beside its text: where to begin, and the chapters as cards.

Minutes are those of each chapter's own card, read when the site is built; nothing of them is typed again.
"""

import json
import re
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PICTURES = Path(__file__).parent / "cards"
TITLE = re.compile(r"^# (?P<number>\d+)\. (?P<title>.+)$", re.MULTILINE)
TIME = re.compile(r"\*\*Time\*\*: (?P<all>\d+) minutes(?: with all exercises, (?P<without>\d+) without)?")


class Card(NamedTuple):
    """What a chapter's first cell says: its number and title, the minutes to read it, and those of its exercises."""

    number: int
    title: str
    minutes: int
    exercises: int

    @property
    def time(self) -> str:
        """Its minutes in words; those of the exercises where there are any."""
        return f"{self.minutes} minutes" + (f" + {self.exercises} of exercises" if self.exercises else "")


def read_card(notebook: Path) -> Card:
    """Return the card of a chapter.

    Raises:
        ValueError: its first cell has no title with a number, or no line with its minutes.
    """
    first = "".join(json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"])
    title, time = TITLE.search(first), TIME.search(first)
    if title is None or time is None:
        raise ValueError(
            f'{notebook.name} must begin with a title such as "# 5. Feedback memory" and say '
            f'"**Time**: 60 minutes with all exercises, 25 without", got {first[:200]!r}'
        )
    minutes = int(time["without"] or time["all"])
    return Card(int(title["number"]), title["title"], minutes, int(time["all"]) - minutes)


class OfChapters(SphinxDirective):
    """What the directives of the front page share: they read chapters, and the page follows when one changes."""

    has_content = True

    def card(self, name: str) -> Card:
        """Return the card of a chapter by its file's name; the page is written anew when the chapter changes."""
        notebook = Path(self.env.srcdir) / "chapters" / f"{name}.ipynb"
        if not notebook.is_file():
            raise self.error(f"{self.name} must name a chapter, such as 05-feedback-memory, got {name!r}")
        self.env.note_dependency(str(notebook))
        try:
            return read_card(notebook)
        except ValueError as error:
            raise self.error(f"{self.name}: {error}") from error

    def address(self, name: str) -> str:
        """Return where a chapter's page lies, seen from this page."""
        return f"{'../' * self.env.docname.count('/')}chapters/{name}.html"

    def lines(self) -> list[tuple[str, str]]:
        """Return the directive's lines, each a chapter's name and words."""
        pairs = [line.partition(": ") for line in self.content if line.strip()]
        wrong = [name for name, _, words in pairs if not words]
        if wrong or not pairs:
            raise self.error(f"{self.name} must have lines such as 05-feedback-memory: its words, got {wrong}")
        return [(name, words) for name, _, words in pairs]


class ChapterCards(OfChapters):
    """The chapters as cards, one a line: ``05-feedback-memory: what it builds``. Each has a picture of its name."""

    def run(self) -> list[nodes.Node]:
        """Write the list."""
        items = "\n".join(self.item(name, words) for name, words in self.lines())
        return [nodes.raw("", f'<ul class="fl-cards">\n{items}\n</ul>', format="html")]

    def item(self, name: str, words: str) -> str:
        """Return one card."""
        picture = PICTURES / f"{name}.svg"
        if not picture.is_file():
            raise self.error(f"{self.name}: the chapter {name!r} must have a picture in {PICTURES.name}/")
        self.env.note_dependency(str(picture))
        card = self.card(name)
        return (
            f'<li class="fl-card">{picture.read_text(encoding="utf-8").strip()}'
            f'<a href="{self.address(name)}"><span class="fl-card-number">{card.number}</span> {escape(card.title)}</a>'
            f"<span>{escape(words)}</span><small>{card.time}</small></li>"
        )


class Begin(OfChapters):
    """Where to go on: the first line is the button, with the minutes of its chapter, the others are links beside it."""

    def run(self) -> list[nodes.Node]:
        """Write the button and the links."""
        links = []
        for place, (name, words) in enumerate(self.lines()):
            kind = "fl-go" if place == 0 else "fl-beside"
            time = f"{self.card(name).minutes} minutes"
            links.append(f'<a class="{kind}" href="{self.address(name)}">{escape(words)} <small>{time}</small></a>')
        return [nodes.raw("", f'<p class="fl-begin">{" ".join(links)}</p>', format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives of the front page."""
    app.add_directive("chapter-cards", ChapterCards)
    app.add_directive("begin", Begin)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
