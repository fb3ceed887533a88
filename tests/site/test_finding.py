"""Sections and exercises are found: by an address that stays, in the side contents, and first in the search."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from book.tools.notebooks.notebook import chapters, read
from tests.site.conftest import ROOT, Visit, wait_for_figures, wait_for_frames

EXERCISE = re.compile(r"^### Exercise (\d+)\.(\d+)", re.MULTILINE)


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.stem)
def test_exercises_have_the_address_of_their_number(chapter: Path, site: Path) -> None:
    _, notebook = read(chapter)
    written = EXERCISE.findall("".join(cell["source"] + "\n" for cell in notebook["cells"]))
    page = (site / "chapters" / f"{chapter.stem}.html").read_text(encoding="utf-8")
    for numbers in written:
        assert page.count(f'id="exercise-{"-".join(numbers)}"') == 1


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ("exercise 5.3", "chapters/05-feedback-memory.html#exercise-5-3-mix-the-layers"),
        ("Exercise 11.1", "chapters/11-training.html#exercise-11-1-the-score"),
        ("which slot is the newest", "chapters/02-relative-positions.html#which-slot-is-the-newest"),
    ],
)
def test_the_search_lists_what_has_the_very_title_first(words: str, address: str, visit: Visit) -> None:
    page = visit(f"search.html?q={words.replace(' ', '+')}")
    first = page.locator("#search-results li a").first
    expect(first).to_be_visible()
    assert re.sub(r"\?[^#]*", "", first.get_attribute("href") or "").endswith(address)


@pytest.mark.parametrize(
    "section", ["03-causal-mask.html#exercise-3-2", "11-training.html#where-feedback-does-not-win"]
)
def test_a_section_stays_in_view_while_figures_come(section: str, visit: Visit) -> None:
    page = visit("book/notation.html")
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 6})
    page.goto(page.url.replace("book/notation.html", f"chapters/{section}"))
    wait_for_figures(page)
    wait_for_frames(page)
    top = page.locator(f"[id='{section.split('#')[1]}']").evaluate("(one) => one.getBoundingClientRect().top")
    assert 0 <= top <= 150


def test_the_side_contents_name_the_exercises(visit: Visit) -> None:
    contents = visit("chapters/05-feedback-memory.html").locator(".bd-sidebar-secondary")
    expect(contents.get_by_role("link", name="Exercise 5.3")).to_be_visible()


def test_the_workshop_leads_to_exercises_not_to_chapters(site: Path) -> None:
    plans = (ROOT / "book" / "workshop.md").read_text(encoding="utf-8")
    page = (site / "book" / "workshop.html").read_text(encoding="utf-8")
    loose = re.findall(r"(?<![\[>\d.])\d+\.\d+(?![\]<\d])", plans)
    assert loose == []
    assert len(re.findall(r'href="\.\./chapters/[\w-]+\.html#exercise-', page)) >= 12
