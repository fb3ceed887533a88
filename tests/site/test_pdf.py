"""The PDF of two chapters, as the command prints it, and what the printer refuses."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser

from book.tools.address import project
from book.tools.pdf.document import imprint, write_document
from book.tools.pdf.printing import PdfError, page_numbers, print_with
from tests.site.conftest import ROOT

CHAPTERS = {
    "chapters/02-relative-positions": "2. Relative positions",
    "chapters/05-feedback-memory": "5. Feedback memory",
}
PUBLISHED = project(ROOT)["urls"]["Documentation"]


@pytest.fixture(scope="module")
def printed(site: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("pdf") / "book.pdf"
    command = [sys.executable, "-m", "book.tools.pdf", *CHAPTERS, "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out.read_bytes()


@pytest.fixture(scope="module")
def pdf(printed: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[pikepdf.Pdf]:
    path = tmp_path_factory.mktemp("pdf") / "read.pdf"
    path.write_bytes(printed)
    with pikepdf.open(path) as opened:
        yield opened


def links(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    for page in pdf.pages:
        yield from (mark for mark in page.get("/Annots", []) if mark.Subtype == "/Link")


def elements(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    """The tags, from the outermost on."""
    waiting = [pdf.Root.StructTreeRoot]
    while waiting:
        element = waiting.pop()
        yield element
        inside = element.get("/K", [])
        parts = inside if isinstance(inside, pikepdf.Array) else [inside]
        waiting += [part for part in parts if isinstance(part, pikepdf.Dictionary) and "/S" in part]


def test_the_bookmarks_are_the_chapters_with_their_sections_and_the_appendices(pdf: pikepdf.Pdf, site: Path) -> None:
    with pdf.open_outline() as outline:
        found = {str(one.title): [str(inner.title) for inner in one.children] for one in outline.root}
    assert list(found)[1:] == ["About this PDF", "Contents", *CHAPTERS.values(), "Hints", "Solutions and answers"]
    for name, title in CHAPTERS.items():
        page = BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        headings = [heading.get_text().removesuffix("#") for heading in page.select("article h2")]
        assert headings
        assert found[title] == headings
    assert found["Hints"] == found["Solutions and answers"] == list(CHAPTERS.values())


def test_every_link_leads_to_a_place_in_the_file_or_to_the_network(pdf: pikepdf.Pdf, printed: bytes) -> None:
    inner, outer = [], []
    for link in links(pdf):
        if "/Dest" in link:
            inner.append(str(link.Dest).removeprefix("/"))
        else:
            outer.append(str(link.A.URI))
    numbers = page_numbers(printed)
    assert len(set(inner)) > 50
    assert {name for name in inner if name not in numbers} == set()
    assert all(address.startswith("https://") for address in outer)
    # A chapter that is printed is in the file, one that is not is on the site; both are linked.
    assert numbers["feedback-memory"] > numbers["relative-positions"] > 3
    assert f"{PUBLISHED}/chapters/03-causal-mask.html" in outer
    assert not any(name in address for address in outer for name in CHAPTERS)


def test_screen_readers_get_tags_and_words_for_every_picture(pdf: pikepdf.Pdf) -> None:
    assert pdf.Root.MarkInfo.Marked
    assert pdf.Root.Lang == "en"
    kinds = Counter(str(element.get("/S")) for element in elements(pdf))
    assert {f"/{kind}" for kind in ("H1", "H2", "H3", "P", "L", "LI", "Code", "Link", "Table", "TH", "TD")} <= set(
        kinds
    )
    figures = [element for element in elements(pdf) if element.get("/S") == "/Figure"]
    assert all(str(figure.get("/Alt", "")) and "/K" in figure for figure in figures)
    words = {str(figure.Alt) for figure in figures}
    assert r"\Delta_{ij} \;=\; p_i - p_j ." in words
    assert "Distances, buckets and biases of memory slots" in words


def test_the_file_says_what_it_is_and_nothing_of_when_or_where_it_was_made(pdf: pikepdf.Pdf, printed: bytes) -> None:
    facts = imprint(ROOT)
    assert {key: str(value) for key, value in pdf.docinfo.items()} == {"/Title": facts.title, "/Author": facts.author}
    assert pdf.Root.ViewerPreferences.DisplayDocTitle
    with pdf.open_metadata() as metadata:
        assert metadata["dc:title"] == facts.title
        assert list(metadata["dc:language"]) == ["en"]
        assert "CC BY 4.0" in metadata["dc:rights"]
    assert str(ROOT).encode() not in printed
    assert b"file://" not in printed


def test_plots_and_pictures_are_drawn_not_made_of_pixels(pdf: pikepdf.Pdf) -> None:
    streams = [part for part in pdf.objects if isinstance(part, pikepdf.Stream)]
    assert streams
    assert [part for part in streams if part.get("/Subtype") == "/Image"] == []


def test_what_is_left_out_moved_and_written_out(site: Path) -> None:
    page = BeautifulSoup(write_document(site, imprint(ROOT), list(CHAPTERS)), "html.parser")
    text = " ".join(page.get_text().split())
    assert "Installs the package where it is missing" not in text
    assert page.select("details, .fl-numbers, .headerlink, iframe") == []
    hints, answers = page.select_one("#hints"), page.select_one("#answers")
    assert hints
    assert answers
    assert len(hints.select("h4")) == len(page.select('a[href*="-fold-"]:-soup-contains("Hint")'))
    assert len(answers.select('h4:-soup-contains("Solution")')) > 5
    assert "#@title Solution" not in "".join(tag.get_text() for tag in page.select(".fl-sheet:not(:has(#answers))"))
    first = page.select_one(".fl-printed:has(.fl-blank)")
    assert first
    assert "torch.arange(1, num_slots + 1)" in first.get_text()
    assert len(first.select(".fl-blanks > li")) == len(first.select(".fl-blank"))


TINY = '<!DOCTYPE html><html lang="en"><title>T</title><main>{}</main></html>'
REFUSED = {
    "would be cut: pre.wide: long": '<pre class="wide" style="width: 2000px">long</pre>',
    "would be cut: div.*: hidden": '<div style="overflow: hidden; width: 50px"><pre>hidden, as it is long</pre></div>',
    "cannot be shown: no figure": '<p class="fl-broken">no figure</p>',
    "can be pressed, but not on paper: Check": "<button>Check</button>",
    "lead nowhere: elsewhere": '<h1 id="here">A</h1><a href="#here">a</a> <a href="#elsewhere">b</a>',
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_read_on_paper_is_refused(message: str, browser: Browser, tmp_path: Path) -> None:
    document = tmp_path / "book.html"
    document.write_text(TINY.format(REFUSED[message]))
    with pytest.raises(PdfError, match=message):
        print_with(browser, document, imprint(ROOT))


def test_the_same_document_gives_the_same_bytes_with_its_page_numbers(browser: Browser, tmp_path: Path) -> None:
    document = tmp_path / "book.html"
    number = '<a href="#end">page <span class="fl-at-page" data-of="end"></span></a>'
    document.write_text(TINY.format(f'<p>{number}</p><h1 id="end" style="break-before: page">The end</h1>'))
    one, two = (print_with(browser, document, imprint(ROOT)) for _ in range(2))
    assert one == two
    assert page_numbers(one) == {"end": 2}
