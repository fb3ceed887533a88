"""How pages of a site become one document: names, links, folds, appendices; and what is refused. See tests/site too."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from bs4.element import Tag

from book.tools import pdf
from book.tools.pdf.document import Imprint, date_of, write_document
from book.tools.pdf.pages import FIRST, order

PUBLISHED = "https://a.github.io/b"
FACTS = Imprint("The book", "Who wrote it", "1.2", "2026-01-02", "https://github.com/a/b", PUBLISHED, "<svg></svg>")
PAGE = """<html><head><link rel="stylesheet" href="../_static/site.css"></head><body>
<nav class="bd-links"><p class="caption">Chapters</p>
<a class="internal" href="../chapters/01-one.html">1. One</a>
<a class="internal" href="../chapters/02-two.html">2. Two</a>
</nav><article class="bd-article"><section id="{name}"><h1>{name}<a class="headerlink" href="#{name}">#</a></h1>
{text}</section></article></body></html>"""
ONE = """<section id="recap"><h2>Recap</h2><p>See <a href="02-two.html#recap">there</a>, <a href="#recap">here</a>,
<a href="02-two.html">all of it</a>, <a href="../slides.html#4">slides</a> and <a href="https://c.d/e">others</a>.</p>
<details class="fl-hint"><summary>Hint</summary><p>Think.</p></details>
<details><summary>1. Why is <em>this</em> so?</summary><p>Because.</p></details>
<details class="fl-under"><summary>Set-up</summary><p>import this</p></details></section>"""
TWO = """<section id="recap"><h2>Recap</h2>
<svg><g clip-path="url(#clip)"></g><clipPath id="clip"></clipPath></svg></section>"""


def write_site(root: Path, **texts: str) -> Path:
    site = root / "_build" / "html"
    pages = {FIRST: "", "chapters/01-one": texts.get("one", ONE), "chapters/02-two": texts.get("two", TWO)}
    for name, text in pages.items():
        path = site / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE.format(name=path.stem, text=text))
    return site


def document(root: Path, *names: str, **texts: str) -> BeautifulSoup:
    return BeautifulSoup(write_document(write_site(root, **texts), FACTS, list(names) or None), "html.parser")


def at(page: BeautifulSoup, selector: str) -> Tag:
    (found,) = page.select(selector)
    return found


def test_pages_stand_in_the_order_of_the_site(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    assert list(order(site)) == [(FIRST, ""), ("chapters/01-one", "Chapters"), ("chapters/02-two", "Chapters")]
    titles = [heading.get_text() for heading in document(tmp_path).select("h1")]
    assert titles == [
        "The book",
        "About this PDF",
        "Contents",
        "index",
        "01-one",
        "02-two",
        "Hints",
        "Solutions and answers",
    ]


def test_links_lead_within_the_book_and_from_it_to_the_site(tmp_path: Path) -> None:
    links = {link.get_text(): link["href"] for link in document(tmp_path).select("#\\30 1-one p a")}
    assert links["there"] == "#02-two-recap"
    assert links["here"] == "#01-one-recap"
    assert links["all of it"] == "#02-two"
    assert links["slides"] == f"{PUBLISHED}/slides.html#4"
    assert links["others"] == "https://c.d/e"
    alone = document(tmp_path, "chapters/01-one").select("p a")
    assert f"{PUBLISHED}/chapters/02-two.html#recap" in {link["href"] for link in alone}


def test_names_differ_and_what_uses_them_follows(tmp_path: Path) -> None:
    page = document(tmp_path, one=TWO)
    names = [tag["id"] for tag in page.select("[id]")]
    assert len(names) == len(set(names))
    assert at(page, "#\\30 2-two g")["clip-path"] == "url(#02-two-clip)"
    numbered = [tag["data-of"] for tag in page.select(".fl-at-page")]
    assert numbered == ["index", "01-one", "01-one-recap", "02-two", "02-two-recap"]


def test_folds_of_a_chapter_stand_in_appendices_with_links_there_and_back(tmp_path: Path) -> None:
    page = document(tmp_path)
    chapter = at(page, "#\\30 1-one")
    assert "import this" not in page.get_text()
    assert "Think." not in chapter.get_text()
    hint, answer = chapter.select('a[href^="#01-one-fold-"]')
    assert (hint.get_text(), answer.get_text()) == ("Hint, page ", "Answer, page ")
    assert answer.parent
    assert answer.parent.get_text().startswith("1. Why is this so?")
    for link, appendix, text in ((hint, "#hints", "Think."), (answer, "#answers", "Because.")):
        entry = at(page, f"{appendix} .fl-entry")
        assert at(page, f'{appendix} [id="{str(link["href"])[1:]}"]').p.get_text() == text  # type: ignore[union-attr]
        assert at(page, f"{appendix} h3 a")["href"] == "#01-one-recap"
        assert "Recap" in entry.get_text()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"one": '<a href="02-two.html#gone">x</a>'}, r"a link on chapters/01-one\.html to '02-two\.html#gone'"),
        ({"one": '<a href="#gone">x</a>'}, "there is no such place"),
    ],
)
def test_a_link_to_nothing_is_refused(texts: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        document(tmp_path, **texts)


def test_an_unknown_page_and_a_missing_site_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        ValueError, match=r"page is 'chapters/03', which must be one of: book/index, chapters/01-one, ch"
    ):
        document(tmp_path, "chapters/03")
    monkeypatch.setattr(pdf, "ROOT", tmp_path / "empty")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "pyproject.toml").write_bytes((pdf.BOOK.parents[1] / "pyproject.toml").read_bytes())
    assert pdf.main([]) == 1
    assert "holds no book/index.html: run `make book` first." in capsys.readouterr().err


@pytest.mark.parametrize(("line", "date"), [('date-released: "2027-03-04"\n', "2027-03-04"), ("", "")])
def test_the_date_is_that_of_the_release(line: str, date: str, tmp_path: Path) -> None:
    (tmp_path / "CITATION.cff").write_text(f"cff-version: 1.2.0\n{line}")
    assert date_of(tmp_path) == date
