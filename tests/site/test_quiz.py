"""The quiz: one question at a time, tried until it is right; kept, read again, printed, and read without scripts."""

import json

import pytest
from playwright.sync_api import Browser, expect

from tests.kinds import KINDS
from tests.kinds.quiz import right_option
from tests.site.conftest import Visit, wait_for_figures
from tests.site.looking import control, figure_of, look, stored_of, wait_for

KIND, PAGE = "quiz", "chapters/05-feedback-memory.html"
KEY = "feedback-lite-progress"
OPTION = "fieldset:not([hidden]) [data-control=option]"


@pytest.mark.parametrize("page_name", KINDS[KIND].pages)
def test_quiz_gives_nothing_away_and_is_done_by_keys(page_name: str, stage: Visit) -> None:
    """A wrong try first, then the right one; the focus is where the reader goes on."""
    page = stage(page_name, fresh=True)
    figure = figure_of(page, KIND)
    (state,) = stored_of(page, KIND)
    expect(figure.locator("[data-verdict]")).to_have_count(0)
    expect(figure.locator("fieldset:not([hidden])")).to_have_count(1)
    for number, asked in enumerate(state["questions"], start=1):
        assert look(figure, KIND)["chosen"] is None
        expect(control(figure, "check")).to_have_attribute("aria-disabled", "true")
        wrong = (asked["answer"] + 1) % len(asked["options"])
        for place, verdict in ((wrong, "wrong"), (asked["answer"], "right")):
            figure.locator(OPTION).nth(place).focus()
            page.keyboard.press("Space")
            page.keyboard.press("Enter")
            seen = wait_for(figure, KIND, {"number": number, "chosen": place if verdict == "right" else None})
            assert seen["verdicts"][place] == verdict
            assert seen["reasons"][place] == asked["because"][place]
            if verdict == "wrong":
                assert [reason for reason in seen["reasons"] if reason] == [asked["because"][place]]
                expect(figure.locator(OPTION).nth(0 if wrong else 1)).to_be_focused()
        assert seen["reasons"] == asked["because"]
        expect(control(figure, "clear" if number == len(state["questions"]) else "next")).to_be_focused()
        if number < len(state["questions"]):
            page.keyboard.press("Enter")
    assert look(figure, KIND)["score"] == "0 of 5 right at the first try."
    page.keyboard.press("Enter")
    wait_for(figure, KIND, {"number": 1, "score": ""})
    expect(figure.locator("[data-verdict]")).to_have_count(0)


@pytest.mark.parametrize("page_name", KINDS[KIND].pages)
def test_each_answer_leads_to_its_section(page_name: str, stage: Visit) -> None:
    page = stage(page_name, fresh=True)
    figure = figure_of(page, KIND)
    (state,) = stored_of(page, KIND)
    for number, asked in enumerate(state["questions"], start=1):
        expect(control(figure, "source")).to_be_hidden()
        figure.locator(OPTION).nth(right_option(figure)).check()
        control(figure, "check").click()
        expect(control(figure, "source")).to_have_text(f"Read again: {asked['section']}")
        place = page.locator(control(figure, "source").get_attribute("href") or "none")
        assert asked["section"] in place.locator("h2, h3").first.inner_text()
        if number < len(state["questions"]):
            control(figure, "next").click()
    assert look(figure, KIND)["score"] == "5 of 5 right at the first try."


def test_on_its_own_page_the_section_is_named(visit: Visit) -> None:
    page = visit("figures/05-quiz.html", over="file")
    figure = figure_of(page, KIND)
    figure.locator(OPTION).first.check()
    control(figure, "check").click()
    expect(control(figure, "source")).to_have_text("See the section: From the memory vector to a slot")
    assert control(figure, "source").get_attribute("href") is None


def test_first_tries_are_kept_told_and_forgotten(browser: Browser, addresses: dict[str, str]) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(addresses["http"] + PAGE)
    wait_for_figures(page)
    figure = figure_of(page, KIND)
    right = right_option(figure)
    for place in ((right + 1) % 3, right):  # only the first one counts
        figure.locator(OPTION).nth(place).check()
        control(figure, "check").click()
    control(figure, "next").click()
    figure.locator(OPTION).nth(right_option(figure)).check()
    control(figure, "check").click()
    assert look(figure, KIND)["score"] == "So far 1 of 2 right at the first try."
    kept = dict(json.loads(page.evaluate("(key) => localStorage.getItem(key)", KEY))[1])
    assert sorted(kept.values()) == sorted([(right + 1) % 3, right_option(figure)])

    page.reload()
    wait_for_figures(page)
    seen = wait_for(figure_of(page, KIND), KIND, {"number": 1, "score": "So far 1 of 2 right at the first try."})
    assert seen["verdicts"].count("wrong") == 1
    page.goto(addresses["http"] + "book/index.html")
    expect(page.locator(f'a[href$="{PAGE}"] + .fl-progress')).to_have_text("0 of 4 exercises, quiz 1 of 5")
    page.goto(addresses["http"] + PAGE)
    wait_for_figures(page)
    control(figure_of(page, KIND), "clear").click()
    wait_for(figure_of(page, KIND), KIND, {"score": ""})
    assert json.loads(page.evaluate("(key) => localStorage.getItem(key)", KEY))[1] == []
    context.close()


@pytest.mark.parametrize("page_name", KINDS[KIND].pages)
def test_without_scripts_questions_are_read_and_answers_lie_folded(page_name: str, stage: Visit, visit: Visit) -> None:
    (state,) = stored_of(stage(page_name), KIND)
    page = visit(page_name, java_script_enabled=False)
    fold = page.locator("details.fl-answers")
    expect(fold).to_have_count(1)
    expect(fold.locator("> ol")).to_be_hidden()
    fold.locator("summary").click()
    expect(fold.locator("> ol > li")).to_have_count(len(state["questions"]))
    text = " ".join(fold.inner_text().split())
    for asked in state["questions"]:
        assert asked["question"] in text
        for place, (option, reason) in enumerate(zip(asked["options"], asked["because"], strict=True)):
            verdict = "right" if place == asked["answer"] else "not so"
            assert " ".join(f"{option}: {verdict}. {reason}".split()) in text


def test_the_fold_is_for_paper_where_the_quiz_can_be_played(visit: Visit) -> None:
    page = visit(PAGE)
    fold, figure = page.locator("details.fl-answers"), figure_of(page, KIND)
    expect(fold).to_be_hidden()
    page.emulate_media(media="print")
    expect(fold.locator("> ol")).to_be_visible()
    expect(figure).to_be_hidden()
