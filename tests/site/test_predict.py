"""Predictions on the page: nothing is given away before an answer is recorded."""

import pytest
from playwright.sync_api import expect

from tests.kinds import KINDS
from tests.site.conftest import Visit
from tests.site.looking import control, figures_of, look, wait_for

KIND = "predict"


@pytest.mark.parametrize("page_name", KINDS[KIND].pages)
def test_prediction_gives_nothing_away_and_takes_nothing_for_granted(page_name: str, stage: Visit) -> None:
    page = stage(page_name, fresh=True)
    for figure in figures_of(page, KIND):
        assert look(figure, KIND)["chosen"] is None
        expect(control(figure, "record")).to_be_disabled()
        expect(figure.locator("[data-verdict]")).to_have_count(0)
        expect(figure.get_by_role("button", name="Try again")).to_be_hidden()
        control(figure, "option").focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        assert look(figure, KIND)["chosen"] == 1
        page.keyboard.press("Enter")
        wait_for(figure, KIND, {"recorded": True, "chosen": 1})
        expect(control(figure, "again")).to_be_focused()
        control(figure, "again").press("Enter")
        wait_for(figure, KIND, {"recorded": False, "chosen": None})
        expect(control(figure, "option").first).to_be_focused()


def test_before_an_answer_is_recorded_the_page_says_what_is_chosen(stage: Visit) -> None:
    (figure, *_) = figures_of(stage(KINDS[KIND].pages[0], fresh=True), KIND)
    assert look(figure, KIND)["sentence"] == "No answer chosen yet."
    control(figure, "option").check()
    option = " ".join(figure.locator(".fl-option").first.inner_text().split())
    assert look(figure, KIND)["sentence"] == f"Chosen: {option}. Not recorded yet."
