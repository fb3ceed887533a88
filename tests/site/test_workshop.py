"""The workshop's pages: the self-test works, the handout is two sides, the two tests ask for the same ten things."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.site.conftest import ROOT, Visit

FOLDER = ROOT / "book" / "workshop"
QUESTIONS = (FOLDER / "questions.md").read_text(encoding="utf-8")
CHOICE = re.compile(r"\*\*([A-E])\*\*")


def section(title: str) -> str:
    (found,) = [part for part in re.split(r"^## ", QUESTIONS, flags=re.MULTILINE) if part.startswith(f"{title}\n")]
    return found


def questions(title: str) -> list[str]:
    return [text.replace("\\\n", " ") for text in re.findall(r"^\d+\. (.*\n.*)$", section(title), re.MULTILINE)]


def key() -> list[tuple[str, str]]:
    """The right letters of the first and the second test, question by question."""
    return re.findall(r"^\| *\d+ *\| *([A-E]) *\| *([A-E]) *\|", section("Key"), re.MULTILINE)


def test_both_tests_have_ten_questions_and_ten_answers() -> None:
    assert len(key()) == 10
    for number, title in enumerate(("First test", "Second test")):
        asked = questions(title)
        assert len(asked) == 10
        assert [CHOICE.findall(question) for question in asked] == [list("ABCDE")] * 10
        letters = [answers[number] for answers in key()]
        assert set(letters) == set("ABCD"), "E is: I do not know"


def test_the_tests_ask_the_same_with_other_numbers() -> None:
    for first, second in list(zip(questions("First test"), questions("Second test"), strict=True))[1:]:
        assert first != second
        asked = [set(re.findall(r"[a-z]{4,}", question.split("**A**")[0].lower())) for question in (first, second)]
        assert len(asked[0] & asked[1]) >= 0.6 * len(asked[0] | asked[1]), (first, second)


def answer(question: str, letter: str) -> str:
    """What stands behind a letter."""
    return re.split(r"\*\*[A-E]\*\*", question)["ABCDE".index(letter) + 1].strip(" ·")


def test_answers_of_the_key_are_right() -> None:
    """Worked out from the numbers in the questions."""
    for number, title in enumerate(("First test", "Second test")):
        asked, letters = questions(title), [answers[number] for answers in key()]
        said = [answer(question, letter) for question, letter in zip(asked, letters, strict=True)]
        numbers = [[float(one) for one in re.findall(r"\d+(?:\.\d+)?", q.split("**A**")[0])] for q in asked]

        ball, *swaps = numbers[0][0], *zip(numbers[0][1::2], numbers[0][2::2], strict=True)
        for swap in swaps:
            ball = sum(swap) - ball if ball in swap else ball
        assert float(said[0]) == ball

        layers, tokens = numbers[1]
        assert numbers[2] == [layers, tokens]
        assert (float(said[1]), float(said[2])) == (layers, layers * tokens)
        assert float(said[3]) == numbers[3][0]  # the query stands behind the newest slot
        assert float(said[4]) == numbers[4][0] + 2  # every slot, the first token, and itself

        raw = {"First test": (1, 8, 1), "Second test": (2, 1, 1)}[title]  # the exponentials
        assert str(max(raw)) in asked[5]
        assert float(said[5]) == max(raw) / sum(raw)

        shares, vectors = numbers[6][:3], list(zip(numbers[6][3::2], numbers[6][4::2], strict=True))
        mixed = [sum(share * vector[at] for share, vector in zip(shares, vectors, strict=True)) for at in (0, 1)]
        assert sum(shares) == 1
        assert [float(one) for one in re.findall(r"[\d.]+", said[6])] == mixed

        assert said[7] in ("adding 2 to each", "taking 1 from each")
        size, step = numbers[8]
        assert [float(one) for one in re.findall(r"\d+", said[8])] == [step - size, step - 1]


def test_links_lead_to_the_very_exercises_and_their_blanks(site: Path) -> None:
    text = (ROOT / "book" / "workshop.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\[(\d+\.\d+)\]\(\.\./(chapters/[\w-]+)\.ipynb#(exercise-[\d-]+)\)", text))
    assert len(named) >= 10
    for number, path, anchor in named:
        page = (site / f"{path}.html").read_text(encoding="utf-8")
        (shown,) = re.findall(rf'id="{anchor}".*?(?=id="exercise-|<h2|\Z)', page, re.DOTALL)
        assert f"Exercise {number} " in shown
        assert 'id="figure-fill-in' in shown, number


def test_the_self_test_shows_whether_figures_move(visit: Visit) -> None:
    page = visit("book/workshop/before.html", over="file")
    frame = page.frame_locator("iframe.fl-frame")
    page.locator("iframe.fl-frame").scroll_into_view_if_needed()
    expect(frame.locator(".fl-sentence")).to_contain_text("100 %", timeout=20_000)
    frame.get_by_role("button", name="last layer only").click()
    told = frame.locator(".fl-sentence").inner_text()
    assert 38 <= int(re.findall(r"(\d+)\s%", told)[-1]) <= 45, "the page says: about 40 %"
    assert page.locator("article details").count() == 3


def test_the_handout_makes_two_sides(visit: Visit) -> None:
    page = visit("book/workshop/handout.html", over="file")
    for paper in ("A4", "Letter"):
        printed = page.pdf(format=paper)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2, paper
    page.emulate_media(media="print")
    expect(page.locator(".fl-answers")).to_be_hidden()


@pytest.mark.parametrize("name", ["book/workshop.html", "book/accessibility.html"])
def test_tables_are_read_on_a_phone_without_scrolling_sideways(name: str, stage: Visit) -> None:
    page = stage(name, width=390)
    frames = page.locator(".pst-scrollable-table-container").evaluate_all(
        "(all) => all.map((one) => [one.scrollWidth, one.clientWidth])"
    )
    assert len(frames) > 0
    assert [(whole, seen) for whole, seen in frames if whole > seen] == []
    broken = "(all) => all.filter((one) => one.getClientRects().length > 1).map((one) => one.textContent)"
    assert page.locator("#accessibility td code .pre").evaluate_all(broken) == []


def test_notes_have_every_chapter() -> None:
    text = (FOLDER / "notes.md").read_text(encoding="utf-8")
    parts = re.split(r"^## Chapter ", text, flags=re.MULTILINE)[1:]
    assert [int(part.split(":")[0]) for part in parts] == list(range(14))
    assert all("**What they get wrong**" in part for part in parts[1:])
