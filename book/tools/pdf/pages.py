"""Read the pages of the built site and put them together as one page, whose links lead within it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from posixpath import dirname, join, normpath
from textwrap import indent
from typing import Any
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from bs4.element import PageElement, Tag

from feedback_lite.lesson.filling import assemble, blanks_in

FIRST = "book/index"
"""The page that stands before all parts."""
CHAPTERS = "chapters/"
"""How the names of those pages begin whose folds keep something back from the reader."""
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
LEFT_OUT = (
    "a.headerlink, details.fl-under, details.fl-numbers, svg.fl-narrow, .fl-begin, section:has(> .fl-cards), iframe, "
    f'script:not([type="{VIEW}"])'
)
"""What is of no use on paper: code that sets up, draws or tabulates, a plot's numbers, and what only leads on."""
NAMING = ("for", "headers", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns")
"""Attributes that hold the names of other elements."""
IN_A_STYLE = re.compile(r"url\(#([^)]+)\)")
BLANK = re.compile(r"⟦(\d+)⟧")
SHOW = re.compile(r"^Show (?:the )?")
APPENDICES = {"hints": "Hints", "answers": "Solutions and answers"}


@dataclass
class Page:
    """A page of the site: its name there, its part of the book, what it says, and what it needs.

    That is the states of its figures, the files of its style sheets, and the scripts of its mathematics.
    """

    name: str
    part: str
    body: Tag
    states: dict[str, Any]
    sheets: list[str]
    scripts: list[str]

    @property
    def title(self) -> str:
        """Return the words of the heading."""
        return words(one(self.body, "h1"))

    @property
    def anchor(self) -> str:
        """Return the name of the whole page."""
        return str(self.body["id"])

    def tags(self) -> list[Tag]:
        """Return all elements."""
        return [self.body, *self.body.find_all(True)]


@dataclass
class Fold:
    """What lay folded in a chapter: its appendix and name there, where it comes from, its title, what it holds."""

    appendix: str
    anchor: str
    page: Page
    heading: Tag
    title: str
    inside: list[PageElement]

    @property
    def origin(self) -> str:
        """Return the name of the section that it comes from."""
        section = self.heading.find_parent("section")
        return str(section["id"]) if section else self.page.anchor


def parse(path: Path) -> BeautifulSoup:
    """Return what a file of the site says."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def one(tag: Tag, selector: str) -> Tag:
    """Return the first element within another that a selector chooses; there must be one."""
    found = tag.select_one(selector)
    if found is None:
        raise ValueError(f"site has a page without {selector}")
    return found


def first_page(site: Path) -> BeautifulSoup:
    """Return the page that stands before all parts.

    Raises:
        FileNotFoundError: there is no site.
    """
    path = site / f"{FIRST}.html"
    if not path.is_file():
        raise FileNotFoundError(f"site is {str(site)!r}, which holds no {FIRST}.html: run `make book` first.")
    return parse(path)


def words(tag: Tag) -> str:
    """Return the text of an element in one line."""
    return " ".join(tag.get_text().split())


def read(site: Path, names: list[str] | None = None) -> list[Page]:
    """Return the pages of the book in its order: all, or those of these names.

    Raises:
        FileNotFoundError: there is no site.
        ValueError: the book has no page of such a name.
    """
    known = dict(order(site))
    for name in names or []:
        if name not in known:
            raise ValueError(f"page is {name!r}, which must be one of: {', '.join(known)}")
    return [read_page(site, name, part) for name, part in known.items() if names is None or name in names]


def order(site: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each page and the title of its part, as the column of chapters has them."""
    yield FIRST, ""
    part = ""
    for tag in first_page(site).select("nav.bd-links :is(.caption, a.internal)"):
        if tag.name == "a":
            yield resolve(FIRST, str(tag["href"]))[0].removesuffix(".html"), part
        else:
            part = words(tag)


def resolve(page: str, address: str) -> tuple[str, str]:
    """Return the file of the site, and the name in it, to which a link on a page leads."""
    parts = urlsplit(address)
    file = normpath(join(dirname(page), unquote(parts.path))) if parts.path else f"{page}.html"
    return file, unquote(parts.fragment)


def read_page(site: Path, name: str, part: str) -> Page:
    """Return one page, without what is of no use on paper."""
    soup = parse(site / f"{name}.html")
    stored = soup.find("script", type=STATE)
    states = json.loads(stored.get_text())["state"] if isinstance(stored, Tag) else {}
    body = one(soup, "article.bd-article > section")
    for tag in body.select(LEFT_OUT):
        tag.decompose()
    for picture in body.select("svg:has(> style)"):
        keep_apart(picture)
    return Page(
        name,
        part,
        body.extract(),
        {key: state for key, state in states.items() if "_esm" in state["state"]},
        [resolve(name, str(tag["href"]))[0] for tag in soup.select('head link[rel="stylesheet"]')],
        list(scripts_of(soup, name, site)),
    )


def keep_apart(picture: Tag) -> None:
    """Rename the classes of a picture that brings its own style: figures of other pages have some of these too."""
    style = one(picture, "style")
    style.string = style.get_text().replace(".fl-", ".own-fl-")
    for tag in (picture, *picture.find_all(True)):
        if names := tag.get("class"):
            tag["class"] = " ".join(f"own-{name}" for name in names)


def scripts_of(soup: BeautifulSoup, name: str, site: Path) -> Iterator[str]:
    """Yield the scripts of a page that set its mathematics."""
    for tag in soup.select("head script"):
        if "MathJax" in tag.get_text():
            yield str(tag)
        elif "mathjax" in str(tag.get("src", "")):
            yield f'<script src="{site.as_uri()}/{resolve(name, str(tag["src"]))[0]}" defer></script>'


def join_pages(pages: list[Page], published: str) -> list[Fold]:
    """Make the names in all pages different, let links between them lead within the book, and take out the folds.

    Args:
        pages: what to change.
        published: the address of the site, for links to what is not in the book.

    Raises:
        ValueError: a link leads to a name that its page does not have.
    """
    for number, page in enumerate(pages):
        name_figures(page, number, published)
    count = Counter(name for page in pages for name in {str(tag["id"]) for tag in page.tags() if tag.get("id")})
    places: dict[tuple[str, str], str] = {}
    for page in pages:
        file, old_anchor = f"{page.name}.html", page.anchor
        for tag in page.tags():
            if old := str(tag.get("id", "")):
                tag["id"] = old if count[old] == 1 else f"{Path(page.name).name}-{old}"
                places[file, old] = str(tag["id"])
        places[file, ""] = places[file, old_anchor]
    for page in pages:
        lead_within(page, places, published)
    folds: list[Fold] = []
    for page in pages:
        if page.name.startswith(CHAPTERS):
            folds += take_folds(page)
        else:
            open_folds(page)
    return folds


def name_figures(page: Page, number: int, published: str) -> None:
    """Give each figure a model of its own in the book; its name goes to the place around it, which stays.

    Under a figure stands where it is alive. Questions and exercises with blanks are printed as such.
    """
    for view in page.body.find_all("script", type=VIEW):
        model = json.loads(view.get_text())["model_id"]
        sentence, place = view.find_previous_sibling(class_="fl-fallback"), view.parent
        if model not in page.states or sentence is None or place is None:
            continue
        state = page.states[model]["state"]
        place["id"] = sentence["id"]
        own = resolve(page.name, str(sentence["data-own"]))[0]
        del sentence["id"], sentence["data-own"]
        write = PRINTED.get(state["_anywidget_id"].rpartition(".")[2])
        if write is None:
            view.string = json.dumps({"model_id": f"{number}-{model}"})
            sentence["data-alive"] = "yet to come"
            place.append(fragment(f'<p class="fl-live">Live: <a href="{published}/{own}">{own}</a></p>')[0])
        else:
            place.clear()
            place.extend(fragment(write(state)))
            del page.states[model]
    page.states = {f"{number}-{key}": state for key, state in page.states.items()}


def question(state: dict[str, Any]) -> str:
    """Return a prediction on paper: the question, what may be chosen, and the answer as a fold."""
    options = "".join(f"<li>{escape(option)}</li>" for option in state["options"])
    right = state["answer"]
    return (
        f'<div class="fl-printed"><p class="fl-heading">{escape(state["question"])}</p>'
        f'<ol type="A">{options}</ol></div><details><summary>Right answer</summary>'
        f"<p>{'ABCDEFGH'[right]}: {escape(state['options'][right])}. {escape(state['because'][right])}</p></details>"
    )


def exercise(state: dict[str, Any]) -> str:
    """Return an exercise with blanks on paper: its code, and what may stand in each blank."""
    numbers = {name: f"⟦{number}⟧" for number, name in enumerate(blanks_in(state["code"]), start=1)}
    code = f"{state['head']}\n{indent(assemble(state['code'], numbers), '    ')}"
    shown = BLANK.sub(r'<span class="fl-blank">blank \1</span>', escape(code, quote=False))
    blanks = ""
    for number, name in enumerate(numbers, start=1):
        choices = "".join(f"<li><code>{escape(text)}</code></li>" for text in state["choices"][name])
        blanks += f"<li>Blank {number} is one of<ul>{choices}</ul></li>"
    return (
        '<div class="fl-printed"><p class="fl-heading">Fill in the blanks</p>'
        f'<pre>{shown}</pre><ul class="fl-blanks">{blanks}</ul></div>'
    )


PRINTED = {"Predict": question, "FillIn": exercise}


def lead_within(page: Page, places: dict[tuple[str, str], str], published: str) -> None:
    """Write the new names wherever a page uses names."""
    file = f"{page.name}.html"
    for tag in page.tags():
        for key in NAMING:
            if value := tag.get(key):
                names = value if isinstance(value, list) else str(value).split()
                tag[key] = " ".join(places.get((file, name), name) for name in names)
        for key, value in list(tag.attrs.items()):
            if isinstance(value, str) and "url(#" in value:
                tag[key] = IN_A_STYLE.sub(lambda found: f"url(#{places[file, found[1]]})", value)
        address = str(tag.get("href", ""))
        if address and not urlsplit(address).scheme:
            tag["href"] = new_address(page.name, address, places, published)


def new_address(page: str, address: str, places: dict[tuple[str, str], str], published: str) -> str:
    """Return where a link of the site leads in the book, or on the published site where the book lacks it."""
    file, name = resolve(page, address)
    if (file, "") not in places:
        return f"{published}/{file}{'#' * bool(name)}{name}"
    name = name if "=" not in name else f"figure-{name.partition('=')[0]}"
    if (file, name) not in places:
        raise ValueError(f"site has a link on {page}.html to {address!r}, and there is no such place")
    return f"#{places[file, name]}"


def take_folds(page: Page) -> Iterator[Fold]:
    """Take what is folded out of a chapter, leave a link in its place, and yield it.

    Raises:
        ValueError: a fold stands above all headings.
    """
    for number, details in enumerate(page.body.find_all("details"), start=1):
        summary = one(details, "summary").extract()
        title = SHOW.sub("", words(summary.select_one(".collapsed") or summary))
        heading = details.find_previous(["h1", "h2", "h3", "h4"])
        if heading is None:
            raise ValueError(f"site has a fold above the heading of {page.name}.html: {title!r}")
        fold = Fold(
            appendix="hints" if details.get("class") == ["fl-hint"] else "answers",
            anchor=f"{Path(page.name).name}-fold-{number}",
            page=page,
            heading=heading,
            title=title[:1].upper() + title[1:],
            inside=[part.extract() for part in list(details.contents)],
        )
        link = f'<a href="#{fold.anchor}">{{}}, {page_of(fold.anchor)}</a>'
        if title.endswith("?"):
            left = f'<p class="fl-asked">{summary.decode_contents()} {link.format("Answer")}</p>'
        else:
            left = f'<p class="fl-elsewhere">{link.format(escape(fold.title))}</p>'
        cell = details.find_parent(class_="cell")
        place = cell if cell is not None and not words(cell) else details
        place.replace_with(*fragment(left))
        yield fold


def open_folds(page: Page) -> None:
    """Let what is folded on a page stand there as text."""
    for details in page.body.find_all("details"):
        one(details, "summary").name = "p"
        details.name = "div"


def fragment(text: str) -> list[PageElement]:
    """Return the elements of a piece of a page."""
    return [part.extract() for part in list(BeautifulSoup(text, "html.parser").contents)]


def page_of(name: str) -> str:
    """Return what will say on which page of the PDF a name stands."""
    return f'page <span class="fl-at-page" data-of="{escape(name)}"></span>'


def appendix(kind: str, folds: list[Fold]) -> str:
    """Return the appendix of one kind of folds: a section for each chapter, and in it each exercise or section."""
    parts = [f'<section id="{kind}"><h1>{APPENDICES[kind]}</h1>']
    mine = [fold for fold in folds if fold.appendix == kind]
    for title, of_chapter in groupby(mine, key=lambda fold: fold.page.title):
        of_this = list(of_chapter)
        parts.append(f'<section id="{kind}-{of_this[0].page.anchor}"><h2>{escape(title)}</h2>')
        for origin, of_origin in groupby(of_this, key=lambda fold: fold.origin):
            group = list(of_origin)
            back = f'<a href="#{origin}">{escape(words(group[0].heading))}, {page_of(origin)}</a>'
            parts.append(f'<section class="fl-entry"><h3>{back}</h3>')
            for fold in group:
                inside = "".join(str(part) for part in fold.inside)
                parts.append(f'<section id="{fold.anchor}"><h4>{escape(fold.title)}</h4>{inside}</section>')
            parts.append("</section>")
        parts.append("</section>")
    return "".join([*parts, "</section>"])
