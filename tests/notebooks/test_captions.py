"""Every picture has words in its place and a caption that says what to see; every figure has things to look for.

The caption is the paragraph right after the picture, in italics: ``*What to see: the upper line falls.*`` A figure to
play with is followed by a list of things to try, which begins with "Look for". A question to guess at needs neither.
That pictures made by code have words in their place is one of the tool's own rules, `pictures_have_words`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it.token import Token

from book.tools.notebooks.notebook import ROOT, Json, cell_name, chapters, model_ids, widget_models
from book.tools.notebooks.rules import IMG, IMG_ALT, MARKDOWN, Chapter, inline_tokens, shows_picture
from tests.notebooks.building import chapter, code, figure, layout, markdown, notebook, result, view

PAGES = sorted((ROOT / "book").glob("*.md"))
CAPTION = re.compile(r"\*What to see: [^*]+[.?!]\*")
TASKS = re.compile(r"^(?:Look for |1\. )", re.MULTILINE)
# How a page in book/ takes in a picture: a fence such as ```{raw} html with the line :file: picture.svg
DIRECTIVE = re.compile(r"\{(?:image|figure|raw)\}")
OPTION = re.compile(r"^:(\w+):\s*(.+)$", re.MULTILINE)
SVG_WORDS = re.compile(r"<title\b[^>]*>[^<]*\S.*<desc\b[^>]*>[^<]*\S", re.DOTALL)


def blocks(text: str) -> list[list[Token]]:
    """Return the blocks of a markdown text, such as its paragraphs, each with all its tokens."""
    found: list[list[Token]] = []
    for token in MARKDOWN.parse(text):
        if token.level == 0 and token.nesting >= 0:
            found.append([])
        found[-1].append(token)
    return found


def pictures(block: list[Token], folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield every picture of a block by name, and whether it has words in its place."""
    for token in inline_tokens(block):
        if token.type == "image":
            yield str(token.attrs.get("src")), bool(token.content.strip())
        if token.type.startswith("html"):
            for img in IMG.findall(token.content):
                yield img, bool(IMG_ALT.search(img))
        if token.type == "fence" and DIRECTIVE.match(token.info):
            options = dict(OPTION.findall(token.content))
            if "file" in options:
                words = SVG_WORDS.search((folder / options["file"]).read_text(encoding="utf-8"))
                yield options["file"], bool(words)
            elif not token.info.startswith("{raw}"):
                yield token.info, bool(options.get("alt", "").strip())


def is_caption(block: list[Token]) -> bool:
    """Whether a block is a paragraph that says what to see."""
    return block[0].type == "paragraph_open" and bool(CAPTION.fullmatch(block[1].content))


def faults_of_text(text: str, folder: Path) -> Iterator[str]:
    """Say which pictures in a markdown text lack words or a caption."""
    found = blocks(text)
    for number, block in enumerate(found):
        for name, has_words in pictures(block, folder):
            if not has_words:
                yield f"{name} has no words in its place"
            if not any(is_caption(after) for after in found[number + 1 : number + 2]):
                yield f"{name} has no caption after it: *What to see: ...*"


def is_figure(model: Json) -> bool:
    """Whether a widget is one to play with."""
    kind = model.get("state", {}).get("_anywidget_id", "")
    return model.get("model_module") == "anywidget" and not kind.endswith((".Predict", ".FillIn", ".Quiz"))


def faults_of_chapter(committed: Chapter) -> Iterator[str]:
    """Say which pictures and figures of a chapter nobody tells the reader how to look at."""
    models = widget_models(committed.notebook)
    after: list[Json] = [*committed.cells[1:], markdown("")]
    for index, (cell, following) in enumerate(zip(committed.cells, after, strict=True)):
        where = cell_name(index, cell)
        if cell["cell_type"] == "markdown":
            yield from (f"{where}: {fault}" for fault in faults_of_text(cell["source"], committed.path.parent))
            continue
        text = following["source"] if following["cell_type"] == "markdown" else ""
        if shows_picture(cell) and not any(is_caption(block) for block in blocks(text)[:1]):
            yield f"{where}: its picture has no caption right after it: *What to see: ...*"
        shown = [models.get(model_id, {}) for model_id in model_ids(cell["outputs"])]
        if any(is_figure(model) for model in shown) and not TASKS.search(text):
            yield f"{where}: the text right after its figure must say what to look for: Look for ..., or a list: 1. ..."


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_pictures_and_figures_of_a_chapter_are_explained(path: Path) -> None:
    assert list(faults_of_chapter(Chapter.read(path))) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pictures_of_a_page_have_words_and_captions(page: Path) -> None:
    assert list(faults_of_text(page.read_text(encoding="utf-8"), page.parent)) == []


SEEN = "*What to see: the line falls.*"
PLOT = code("draw()", result(png="aGVsbG8="))
FIGURE = code("Mixture()", view("f"))
MODELS = {"f": figure("l", _anywidget_id="feedback_lite.widgets.layer_mixture.LayerMixture"), "l": layout()}


@pytest.mark.parametrize(
    "cells",
    [
        [PLOT, markdown(SEEN)],
        [PLOT, markdown(f"{SEEN}\n\nSo it falls.")],
        [FIGURE, markdown("Press Step.\n\nLook for three things.\n\n1. Where?")],
        [markdown(f"![a line](line.png)\n\n{SEEN}")],
        [code("1", result(text="1")), code("2")],
    ],
)
def test_what_is_explained_passes(cells: list[Json], tmp_path: Path) -> None:
    assert list(faults_of_chapter(chapter(notebook(*cells, **MODELS), tmp_path))) == []


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ([PLOT], "no caption"),
        ([PLOT, code("1"), markdown(SEEN)], "no caption"),
        ([markdown(SEEN), PLOT, markdown("So it falls.")], "no caption"),
        ([PLOT, markdown("What to see: the line falls.")], "no caption"),
        ([PLOT, markdown("*What to see:*")], "no caption"),
        ([PLOT, markdown(f"So it falls.\n\n{SEEN}")], "no caption"),
        ([PLOT, markdown(f"{SEEN[:-1]} and* rises.")], "no caption"),
        ([FIGURE], "what to look for"),
        ([FIGURE, markdown("It looks for slots.")], "what to look for"),
        ([FIGURE, code("1"), markdown("Look for three things.")], "what to look for"),
        ([markdown("![a line](line.png)"), markdown(SEEN)], "line.png has no caption"),
        ([markdown(f'<img src="line.png">\n\n{SEEN}')], "no words"),
    ],
)
def test_what_is_not_explained_is_told(cells: list[Json], fault: str, tmp_path: Path) -> None:
    (found,) = faults_of_chapter(chapter(notebook(*cells, **MODELS), tmp_path))
    assert fault in found


def test_a_question_needs_no_caption(tmp_path: Path) -> None:
    asked = {**MODELS, "f": figure("l", _anywidget_id="feedback_lite.widgets.predict.Predict")}
    assert list(faults_of_chapter(chapter(notebook(FIGURE, **asked), tmp_path))) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (f"```{{raw}} html\n:file: told.svg\n```\n\n{SEEN}", 0),
        ("```{raw} html\n:file: told.svg\n```\n\nIt falls.", 1),
        ("```{raw} html\n:file: silent.svg\n```\n\nIt falls.", 2),
        ("```{raw} html\n<p>no picture</p>\n```", 0),
        (f"```{{image}} line.png\n:alt: a line\n```\n\n{SEEN}", 0),
        (f"```{{image}} line.png\n```\n\n{SEEN}", 1),
        ("- ![a line](line.png)\n- two", 1),
    ],
)
def test_pictures_of_pages_are_found_however_they_are_taken_in(text: str, number: int, tmp_path: Path) -> None:
    (tmp_path / "told.svg").write_text("<svg><title>A</title>\n<desc>A line falls.</desc></svg>")
    (tmp_path / "silent.svg").write_text("<svg><title>A</title></svg>")
    assert len(list(faults_of_text(text, tmp_path))) == number
