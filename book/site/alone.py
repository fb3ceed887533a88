"""Sphinx extension: every figure has a name on its page and a page of its own, and what pages share stands once.

When the pages are written, each figure's place gets an id, ``figure-layer-mixture``, the second of a kind on a page
``figure-predict-2``; its own page is ``figures/05-layer-mixture.html``. Scripts, styles, weights and other large parts
of stored states become files in ``_static/figures``, named after what is in them, which the page's host asks for: a
chapter and the pages of its figures load the same ones, from a server and from disk. An exercise with blanks has
its task on its own page too. With ``?bare`` in its address, as in a slide, such a page shows the figure alone.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape, unescape
from importlib import import_module
from pathlib import Path
from typing import Any

from lean import pages
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from feedback_lite.widgets.figure import common_script, common_style

VIEW = re.compile(
    r'<p class="fl-fallback"(?: id="(?P<id>[^"]*)" data-own="[^"]*")?>(?P<sentence>.*?)</p>'
    r'(?P<view><script type="application/vnd\.jupyter\.widget-view\+json">(?P<model>.*?)</script>)',
    re.DOTALL,
)
STATE = re.compile(
    r'(?P<start><script type="application/vnd\.jupyter\.widget-state\+json">)(?P<states>.*?)(?P<end></script>)',
    re.DOTALL,
)
HEADING = re.compile(r"<h[1-3][^>]*>(?P<text>.*?)</h[1-3]>", re.DOTALL)
TASK = re.compile(r"<p>(?!<em>).*?</p>|<ul.*?</ul>", re.DOTALL)
MATH = re.compile(r'<span class="math[^"]*">\\\((?P<tex>.*?)\\\)</span>', re.DOTALL)
HEADER_LINK = re.compile(r'<a class="headerlink".*?</a>', re.DOTALL)
PRELOADS = re.compile(r'<link rel="preload" as="script" href="[^"]*_static/figures/[^"]*" />')
FOLDER, PARTS = "figures", "_static/figures"
LARGE = 3000
"""A part of a state that is longer than this, as JSON, stands in a file of its own."""
COMMON = (common_script(), common_style())
"""How scripts and styles begin: in a file of its own too, which all figures of a page share."""

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>{title} · {book}</title>
<meta name="description" content="{about}" />
<link rel="canonical" href="{address}" />
<link rel="icon" type="image/svg+xml" href="{up}_static/icon.svg" />
<link rel="stylesheet" href="{up}_static/palette.css" />
<link rel="stylesheet" href="{up}_static/{style}.css" />
{more}<script src="{up}_static/{script}.js" defer></script>
</head>
<body>
{body}
</body>
</html>
"""
BARE = '<script>if (location.search === "?bare") document.documentElement.className = "fl-bare";</script>\n'
BODY = """\
<main>
<h1>{title}</h1>
{task}<p>{about}<a href="{back}" target="_top">Read about it in “{chapter}”</a></p>
<div>{place}</div>
</main>
<script type="application/vnd.jupyter.widget-state+json">{states}</script>"""


def page_without_theme(name: str, app: Sphinx, *, title: str, about: str, **parts: str) -> str:
    """Return the text of a page with nothing of the theme: its own style, script and body, perhaps more in its head."""
    return PAGE.format(
        title=title,
        about=about,
        book=escape(app.config.html_title or app.config.project),
        address=f"{app.config.html_baseurl}{name}",
        up="../" * name.count("/"),
        **{"more": ""} | parts,
    )


@dataclass(frozen=True)
class Place:
    """Where a figure stands: its name there, its state, and the heading above it."""

    name: str
    model_id: str
    sentence: str
    heading: str
    about: str
    task: str


def give_pages(app: Sphinx, exception: Exception | None) -> None:
    """Name the figures of every written page, write their own pages, and take shared parts out of the states."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    (folder / FOLDER).mkdir(exist_ok=True)
    (folder / PARTS).mkdir(parents=True, exist_ok=True)
    for old in (folder / FOLDER).iterdir():
        old.unlink()
    owners: dict[str, str] = {}
    for path in list(pages(folder)):
        text = path.read_text(encoding="utf-8")
        stored = STATE.search(text)
        if stored is None:
            continue
        whole = json.loads(stored["states"])
        states: dict[str, Any] = whole["state"]
        for model in states.values():
            if "_esm" in model["state"]:
                model["state"] = {key: shared(value, folder) for key, value in model["state"].items()}
        page = path.relative_to(folder).as_posix()
        places = list(places_of(text, states))
        owners |= claimed(places, page, owners)
        for place in places:
            own = write_page(place, states[place.model_id], chapter_of(text), page, app)
            (folder / FOLDER / own_name(page, place.name)).write_text(own, encoding="utf-8")
        text = VIEW.sub(Namer(places, page), text)
        text = STATE.sub(lambda found, whole=whole: f"{found['start']}{as_script(whole)}{found['end']}", text)
        text = PRELOADS.sub("", text)
        text = text.replace("</head>", f"{preloads_for(whole, page)}</head>", 1)
        path.write_text(text, encoding="utf-8")


def own_name(page: str, name: str) -> str:
    """Return the file of a figure's own page: the chapter's number, or the page's name, and the figure's name."""
    stem = Path(page).stem
    number = re.match(r"\d+", stem)
    return f"{number[0] if number else stem}-{name}.html"


def claimed(places: list[Place], page: str, owners: dict[str, str]) -> dict[str, str]:
    """Return whose page the figures' own pages are.

    Raises:
        ExtensionError: another page has figures with pages of the same names.
    """
    names = {own_name(page, place.name): page for place in places}
    for name in names:
        if name in owners:
            raise ExtensionError(f"{owners[name]} and {page} would both write figures/{name}: rename one of them")
    return names


def places_of(text: str, states: dict[str, Any]) -> Iterator[Place]:
    """Yield the figures of a page in their order; what needs Python is none."""
    count: Counter[str] = Counter()
    for found in VIEW.finditer(text):
        model_id = json.loads(found["model"])["model_id"]
        state = states.get(model_id, {}).get("state", {})
        if "_esm" not in state:
            continue
        module, _, name = state["_anywidget_id"].rpartition(".")
        about = " ".join((getattr(import_module(module), name).__doc__ or "").split("\n\n")[0].split())
        kind = module.rpartition(".")[2].replace("_", "-")
        count[kind] += 1
        numbered = kind if count[kind] == 1 else f"{kind}-{count[kind]}"
        heading = list(HEADING.finditer(text, 0, found.start()))[-1]
        task = task_in(text[heading.end() : found.start()]) if kind == "fill-in" else ""
        yield Place(numbered, model_id, found["sentence"], words(heading["text"]), about, task)


def words(markup: str) -> str:
    """Return the text of a heading, without the link to itself."""
    return unescape(re.sub(r"<[^>]*>", "", HEADER_LINK.sub("", markup))).strip()


def task_in(markup: str) -> str:
    """Return the paragraphs that say what is asked, from what stands between a heading and its blanks.

    Raises:
        ExtensionError: there are none, or a formula needs more than letters, numbers and dots to be read.
    """
    asked = re.split(r'<details|<div class="cell', markup, maxsplit=1)[0]
    paragraphs = "\n".join(found[0] for found in TASK.finditer(asked))
    if not paragraphs:
        raise ExtensionError(f"an exercise with blanks must say what is asked below its heading, got {markup[:200]!r}")
    return re.sub(r"</?a\b[^>]*>", "", MATH.sub(lambda found: plain(found["tex"]), paragraphs)) + "\n"


def plain(tex: str) -> str:
    """Return a short formula as HTML, for a page without a script for formulas."""
    formula = re.sub(r"_(\w)", r"<sub>\1</sub>", tex.replace(r"\cdot", "·"))
    if not re.fullmatch(r"(?:[\w\s·=+]|</?sub>)+", formula):
        raise ExtensionError(f"the page of an exercise cannot show the formula {tex!r}")
    return f"<i>{formula}</i>" if formula[0].isalpha() else formula


def chapter_of(text: str) -> str:
    """Return the title of a page."""
    article = text[max(text.find("<article"), 0) :]
    found = HEADING.search(article)
    return words(found["text"]) if found else ""


class Namer:
    """Writes the name of each figure into its place, in their order."""

    def __init__(self, places: list[Place], page: str) -> None:
        self.places = iter(places)
        self.page = page
        self.models = {place.model_id for place in places}

    def __call__(self, found: re.Match[str]) -> str:
        """Return the place with its figure's name; a place that needs Python stays as it is."""
        if json.loads(found["model"])["model_id"] not in self.models:
            return found[0]
        place = next(self.places)
        own = f"{'../' * self.page.count('/')}{FOLDER}/{own_name(self.page, place.name)}"
        start = f'<p class="fl-fallback" id="figure-{place.name}" data-own="{own}">'
        return f"{start}{found['sentence']}</p>{found['view']}"


def write_page(place: Place, model: dict[str, Any], chapter: str, page: str, app: Sphinx) -> str:
    """Return the text of a figure's own page."""
    name = f"{FOLDER}/{own_name(page, place.name)}"
    states = {"version_major": 2, "version_minor": 0, "state": {place.model_id: model}}
    view = (
        f'<script type="application/vnd.jupyter.widget-view+json">{json.dumps({"model_id": place.model_id})}</script>'
    )
    title, about = escape(place.heading), escape(place.about)
    body = BODY.format(
        title=title,
        about="" if place.task else f"{about} ",
        task=place.task,
        back=f"../{page}#figure-{place.name}",
        chapter=escape(chapter),
        place=f'<p class="fl-fallback" id="figure-{place.name}" data-own="">{place.sentence}</p>{view}',
        states=as_script(states),
    )
    more = f"{preloads_for(states, name)}\n{BARE}"
    return page_without_theme(
        name, app, title=title, about=about, style="figure-page", script="host", body=body, more=more
    )


def shared(value: Any, folder: Path) -> Any:
    """Return a part of a state: where it is large, the name of the file in which it stands, and of one before it."""
    for begin in COMMON:
        if isinstance(value, str) and value.startswith(begin):
            return {"$after": write_part(begin, folder), "$part": write_part(value.removeprefix(begin), folder)}
    return value if len(as_script(value)) <= LARGE else {"$part": write_part(value, folder)}


def write_part(value: Any, folder: Path) -> str:
    """Write a part of a state into a file, and return its name."""
    text = as_script(value)
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = folder / PARTS / f"{name}.js"
    if not path.exists():
        path.write_text(f'(self.feedbackParts ??= {{}})["{name}"] = {text};\n', encoding="utf-8")
    return name


def preloads_for(whole: dict[str, Any], page: str) -> str:
    """Return the lines that let a page ask for the parts of its figures before its scripts run."""
    values = [value for model in whole["state"].values() for value in model["state"].values()]
    parts = [value for value in values if isinstance(value, dict) and "$part" in value]
    names = dict.fromkeys(part[key] for part in parts for key in ("$after", "$part") if key in part)
    up = "../" * page.count("/")
    return "".join(f'<link rel="preload" as="script" href="{up}{PARTS}/{name}.js" />' for name in names)


def as_script(value: Any) -> str:
    """Return a value as JSON that can stand in a page, the same for the same value, also where a notebook sorted it."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).replace("</", r"<\/")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what happens when the pages are written, before what no page names is taken away."""
    app.connect("build-finished", give_pages, priority=940)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
