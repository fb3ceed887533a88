"""Write the one page that is printed: title, what to know, contents, the pages of the book, appendices."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

import feedback_lite
from book.tools.address import project
from book.tools.pdf.pages import APPENDICES, STATE, Page, first_page, join_pages, one, read, words
from book.tools.pdf.pages import appendix as write_appendix

STYLE = Path(__file__).with_name("style.css")
RELEASED = re.compile(r'^date-released: "?(\d{4}-\d\d-\d\d)', re.MULTILINE)
TITLE_PAGE = """\
<section class="fl-title">
{mark}
<h1>{title}</h1>
<p>{author}</p>
<p>Version {version}{date}</p>
<p class="fl-licence">Text and figures: <a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>.
Code: <a href="{repository}/blob/main/LICENSE">MIT licence</a>.<br>
<a href="{repository}">{repository}</a></p>
</section>
"""
ABOUT = """\
<h1>About this PDF</h1>
<p>It is made of the book’s site, <a href="{published}/">{published}</a>, where the figures are alive, exercises are
checked, and each chapter opens in Colab.</p>
<ul>
<li><strong>Figures</strong> stand as they do when a page is opened, without their buttons and sliders. The sentence
under a figure says what it shows, and a link leads to the live one.</li>
<li><strong>Predictions and exercises with blanks</strong> are printed with all that may be chosen.</li>
<li><strong>Hints, solutions and answers</strong> to a chapter stand in two appendices, so that you can think first.
Links lead there and back.</li>
<li><strong>Left out</strong> are code that sets up a chapter, draws a figure or a plot, or prints a table, and the
numbers of each plot. All of it is on the site and in the notebooks.</li>
</ul>
"""
DOCUMENT = """\
<!DOCTYPE html>
<html lang="en" data-theme="light" data-mode="light">
<head>
<meta charset="utf-8" />
<title>{title}</title>
{links}
<style>{heads}</style>
<script src="{site}/_static/host.js" defer></script>
{mathematics}
</head>
<body>
<main class="bd-article-container fl-book">
{body}
</main>
<script type="{kind}">{states}</script>
</body>
</html>
"""


@dataclass(frozen=True)
class Imprint:
    """What the title page says of the book."""

    title: str
    author: str
    version: str
    date: str
    repository: str
    published: str
    mark: str


def imprint(root: Path) -> Imprint:
    """Return what the title page of a checkout says.

    Raises:
        FileNotFoundError: its site is not built.
    """
    facts = project(root)
    first = first_page(root / "_build" / "html")
    return Imprint(
        title=str(one(first, 'meta[property="og:site_name"]')["content"]),
        author=facts["authors"][0]["name"],
        version=feedback_lite.__version__,
        date=date_of(root),
        repository=facts["urls"]["Repository"],
        published=facts["urls"]["Documentation"].rstrip("/"),
        mark=(root / "book" / "mark.svg").read_text(encoding="utf-8"),
    )


def date_of(root: Path) -> str:
    """Return the date of the release that CITATION.cff names, else of the last commit; empty where there is neither."""
    released = RELEASED.search((root / "CITATION.cff").read_text(encoding="utf-8"))
    if released:
        return released[1]
    command = ["git", "-C", str(root), "log", "-1", "--format=%cs"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""  # an archive without its history


def write_document(site: Path, facts: Imprint, names: list[str] | None = None) -> str:
    """Return the page of the whole book, or of some of its pages.

    Raises:
        FileNotFoundError: there is no site.
        ValueError: the book has no page of such a name, or the site has a page that is not as it should be.
    """
    pages = read(site, names)
    links = dict.fromkeys(f"{site.as_uri()}/{file}" for page in pages for file in page.sheets)
    folds = join_pages(pages, facts.published)
    appendices = {
        kind: write_appendix(kind, folds) for kind in APPENDICES if any(fold.appendix == kind for fold in folds)
    }
    sheets = [
        ("", ABOUT.format(published=facts.published)),
        ("Contents", contents(pages, list(appendices))),
        *((page.title, str(page.body)) for page in pages),
        *((APPENDICES[kind], text) for kind, text in appendices.items()),
    ]
    return DOCUMENT.format(
        title=escape(facts.title),
        links="\n".join(f'<link rel="stylesheet" href="{link}" />' for link in (*links, STYLE.as_uri())),
        heads="\n".join(head_of(number, title) for number, (title, _) in enumerate(sheets)),
        site=site.as_uri(),
        mathematics="\n".join(dict.fromkeys(script for page in pages for script in page.scripts)),
        body="\n".join([title_page(facts), *(sheet(number, text) for number, (_, text) in enumerate(sheets))]),
        kind=STATE,
        states=json.dumps(
            {
                "version_major": 2,
                "version_minor": 0,
                "state": {key: state for page in pages for key, state in page.states.items()},
            }
        ).replace("</", r"<\/"),
    )


def title_page(facts: Imprint) -> str:
    """Return the first sheet."""
    date = f", {facts.date}" if facts.date else ""
    plain = {key: escape(value) for key, value in vars(facts).items()}
    return TITLE_PAGE.format(**plain | {"mark": facts.mark, "date": date})


def sheet(number: int, text: str) -> str:
    """Return what begins on a page of its own, as the site has it around an article."""
    return f'<div class="fl-sheet" style="page: sheet-{number}"><article class="bd-article">{text}</article></div>'


def head_of(number: int, title: str) -> str:
    """Return the rule that puts a title above all pages of a sheet."""
    quoted = title.replace("\\", r"\\").replace('"', r"\"")
    return f'@page sheet-{number} {{ @top-left {{ content: "{quoted}"; }} }}'


def contents(pages: list[Page], appendices: list[str]) -> str:
    """Return the list of the parts, pages and sections, with the number of the page on which each begins."""
    parts = ['<h1>Contents</h1><nav class="fl-contents" aria-label="Contents">']
    for part, of_part in groupby(pages, key=lambda page: page.part):
        parts.append(f"<p>{escape(part)}</p>" if part else "")
        entries = (entry(page.anchor, page.title, sections(page)) for page in of_part)
        parts.append(f"<ul>{''.join(entries)}</ul>")
    if appendices:
        entries = (entry(kind, APPENDICES[kind], []) for kind in appendices)
        parts.append(f"<p>Appendices</p><ul>{''.join(entries)}</ul>")
    return "".join([*parts, "</nav>"])


def sections(page: Page) -> list[tuple[str, str]]:
    """Return the names and titles of a page's sections."""
    found = page.body.find_all("section", recursive=False)
    return [(str(section["id"]), words(one(section, "h2"))) for section in found if section.find("h2", recursive=False)]


def entry(anchor: str, title: str, inside: list[tuple[str, str]]) -> str:
    """Return a line of the contents, and those within it."""
    lines = "".join(entry(*section, []) for section in inside)
    number = f'<span class="fl-leader"></span><span class="fl-at-page" data-of="{anchor}"></span>'
    link = f'<a href="#{anchor}"><span>{escape(title)}</span> {number}</a>'
    return f"<li>{link}{f'<ul>{lines}</ul>' if lines else ''}</li>"
