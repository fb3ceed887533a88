"""The workshop's slides: by keys, buttons, touch and address; live figures; both themes; paper; and without scripts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sphinx.errors import ExtensionError

from tests.site.accessibility import pale, violations
from tests.site.conftest import ROOT, Visit, wait_for_frames

DECK = "slides.html"
SOURCE = (ROOT / "book" / "workshop" / "slides.md").read_text(encoding="utf-8")
TITLES = re.findall(r"^#{1,2} (.*)$", SOURCE, re.MULTILINE)
FIGURES = {
    number: found[1]
    for number, part in enumerate(re.split(r"^#{1,2} ", SOURCE, flags=re.MULTILINE)[1:], start=1)
    if (found := re.search(r"^```figure ([\w-]+)", part, re.MULTILINE))
}
"""By the number of the slide."""
LAST = len(TITLES)


def shown(page: Page) -> int:
    """The number of the one slide that is seen; the bar and the address say the same."""
    (slide,) = [one for one in page.locator(".slide").all() if one.is_visible()]
    number = int(slide.get_attribute("id") or "")
    expect(page.locator(".place")).to_have_text(f"{number} / {LAST}: {slide.locator('.title').inner_text()}")
    return number


def go(page: Page, number: int) -> None:
    page.evaluate("(number) => { location.hash = number; }", str(number))
    wait_for_frames(page)
    assert shown(page) == number


@pytest.fixture
def deck(stage: Visit) -> Page:
    page = stage(DECK)
    go(page, 1)
    return page


def test_there_are_about_fifteen_with_a_title_each(deck: Page) -> None:
    assert 12 <= LAST <= 18
    assert deck.locator(".title").all_text_contents() == TITLES
    expect(deck.locator("h1")).to_have_text(TITLES[0])
    named = deck.locator(".slide").evaluate_all("(all) => all.map((one) => one.getAttribute('aria-labelledby'))")
    assert named == deck.locator(".title").evaluate_all("(all) => all.map((one) => one.id)")
    assert deck.locator(".notes").count() == LAST


@pytest.mark.parametrize("over", ["http", "file"])
def test_keys_turn_slides(over: str, visit: Visit) -> None:
    page = visit(DECK, over=over)
    assert shown(page) == 1
    for key, number in (
        ("ArrowRight", 2),
        ("PageDown", 3),
        (" ", 4),
        ("ArrowLeft", 3),
        ("PageUp", 2),
        ("End", LAST),
        ("ArrowRight", LAST),
        ("Home", 1),
        ("ArrowLeft", 1),
        ("Control+ArrowRight", 1),
        ("x", 1),
    ):
        page.keyboard.press(key)
        wait_for_frames(page)
        assert shown(page) == number, key
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"slides\.html#2$"))
    page.go_back()
    wait_for_frames(page)
    assert shown(page) == 1


@pytest.mark.parametrize(
    ("hash_", "number"), [("#7", 7), ("#0", 1), (f"#{LAST + 1}", 1), ("#x", 1), ("#1.5", 1), ("", 1)]
)
def test_the_address_names_a_slide(hash_: str, number: int, visit: Visit) -> None:
    assert shown(visit(DECK + hash_, over="file")) == number


def test_buttons_turn_slides_and_know_the_ends(deck: Page) -> None:
    on, back = (deck.get_by_role("button", name=name) for name in ("Next slide", "Slide before"))
    expect(back).to_be_disabled()
    on.click()
    assert shown(deck) == 2
    expect(on).to_be_focused()
    deck.keyboard.press("Space")  # presses the button, and does not turn a second slide
    wait_for_frames(deck)
    assert shown(deck) == 3
    back.click()
    assert shown(deck) == 2
    go(deck, LAST)
    expect(on).to_be_disabled()


def test_notes_are_hidden_until_asked_for(deck: Page) -> None:
    notes, button = deck.locator(".notes").first, deck.get_by_role("button", name="Notes")
    expect(notes).to_be_hidden()
    deck.keyboard.press("n")
    expect(notes).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(notes).to_be_hidden()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_every_figure_has_a_page(site: Path, deck: Page) -> None:
    addresses = deck.locator("iframe").evaluate_all("(all) => all.map((one) => one.dataset.src)")
    assert addresses == [f"figures/{name}.html?bare" for name in FIGURES.values()]
    assert all((site / address.removesuffix("?bare")).is_file() for address in addresses)
    assert all(deck.locator("iframe").evaluate_all("(all) => all.map((one) => one.title.length > 3)"))


def test_figures_live_and_come_when_their_slide_is_shown(visit: Visit) -> None:
    """From disk, whole at the size of a projector, beside notes too; the keys stay the slides'."""
    page = visit(DECK, over="file", viewport={"width": 1280, "height": 720})
    asked = page.locator("iframe[src]")
    expect(asked).to_have_count(0)
    for count, (number, name) in enumerate(FIGURES.items(), start=1):
        go(page, number)
        expect(asked).to_have_count(count)
        inner = page.frame_locator(f'iframe[src*="{name}"]')
        figure = inner.locator("[data-figure]")
        expect(figure).to_be_visible(timeout=20_000)
        expect(inner.locator(".fl-foot")).to_be_hidden()
        for with_notes in (False, True):
            if with_notes:
                page.keyboard.press("n")
                wait_for_frames(page)
                frame, notes, bar = (
                    page.locator(one).bounding_box() or {}
                    for one in (f'iframe[src*="{name}"]', ".notes:visible", ".bar")
                )
                assert frame["y"] + frame["height"] <= notes["y"] + 1, name
                assert notes["y"] + notes["height"] <= bar["y"] + 1, name
            seen = figure.evaluate(
                """(figure) => {
                    const { bottom, right, width } = figure.getBoundingClientRect();
                    return [bottom <= innerHeight + 1, right <= innerWidth + 1, width >= 500];
                }"""
            )
            assert seen == [True, True, True], (name, with_notes)
        page.keyboard.press("n")
        page.keyboard.press("ArrowLeft")
        wait_for_frames(page)
        assert shown(page) == number - 1, name
    expect(asked).to_have_count(len(FIGURES))


def test_figures_grow_for_a_deep_room(visit: Visit) -> None:
    number, other = list(FIGURES)[:2]
    page = visit(f"{DECK}#{number}")
    smaller, larger = (page.get_by_role("button", name=f"Figures {word}") for word in ("smaller", "larger"))

    def times() -> float:
        width = page.locator(".slide:visible iframe").evaluate("(one) => one.getBoundingClientRect().width")
        return round(width / page.locator(".slide:visible iframe").evaluate("(one) => one.offsetWidth"), 2)

    usual = times()
    expect(smaller).to_be_disabled()
    page.keyboard.press("+")
    assert times() == pytest.approx(1.25 * usual, rel=0.01)
    larger.click()
    expect(larger).to_be_disabled()
    assert times() == pytest.approx(1.6 * usual, rel=0.01)
    go(page, other)
    assert times() > 1.6
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for _ in range(3):
        page.keyboard.press("-")
    go(page, number)
    assert times() == usual


def test_a_figure_keeps_what_was_done_in_it(visit: Visit) -> None:
    number = next(number for number, name in FIGURES.items() if name == "05-layer-mixture")
    page = visit(f"{DECK}#{number}")
    inner = page.frame_locator(f"[id='{number}'] iframe")
    inner.get_by_role("button", name="last layer only").click()
    told = inner.locator(".fl-sentence").inner_text()
    go(page, 1)
    go(page, number)
    expect(inner.locator(".fl-sentence")).to_have_text(told)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_slides_are_accessible(theme: str, stage: Visit) -> None:
    page = stage(DECK, color_scheme=theme)
    papers = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert papers == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 30)"}[theme]
    page.keyboard.press("n")
    for number in (1, 2, 5, 7, 11, 15, LAST):
        go(page, number)
        assert violations(page) == [], number
        assert pale(page) == [], number
    page.keyboard.press("n")


def test_nothing_moves_by_itself(deck: Page) -> None:
    """So there is nothing to hold still under reduced motion."""
    deck.keyboard.press("ArrowRight")
    assert deck.evaluate("document.getAnimations().length") == 0
    moving = "(all) => all.filter((one) => getComputedStyle(one).transitionDuration !== '0s').length"
    assert deck.locator("body *").evaluate_all(moving) == 0


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (390, 844), (320, 640)])
def test_slides_fit(width: int, height: int, visit: Visit) -> None:
    page = visit(DECK, viewport={"width": width, "height": height})
    for number in range(1, LAST + 1):
        go(page, number)
        wide, high = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert wide <= width, number
        assert high <= height or width < 1000, number  # on a phone one scrolls down
        targets = page.locator(".bar :is(a, button):visible").evaluate_all(
            "(all) => all.map((one) => one.getBoundingClientRect()).filter((box) => box.height < 24 || box.width < 24)"
        )
        assert targets == []


@pytest.fixture
def phone(browser: Browser, addresses: dict[str, str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(addresses["http"] + DECK)
    yield page
    context.close()


def test_buttons_are_large_enough_to_touch(phone: Page) -> None:
    phone.get_by_role("button", name="Next slide").tap()
    assert shown(phone) == 2
    small = "(all) => all.filter((one) => one.getBoundingClientRect().height < 44).length"
    assert phone.locator(".bar :is(a, button):visible").evaluate_all(small) == 0


def test_paper_has_one_slide_on_each_page(visit: Visit) -> None:
    page = visit(DECK, over="file")
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == LAST
    page.emulate_media(media="print")
    for number in FIGURES:
        slide = page.locator(f"[id='{number}']")
        expect(slide.locator("iframe")).to_be_hidden()
        expect(slide.locator(".instead")).to_be_visible()
    heights = "(all) => all.filter((one) => one.scrollHeight > one.clientHeight + 1).map((one) => one.id)"
    assert page.locator(".slide").evaluate_all(heights) == []
    expect(page.locator(".bar")).to_be_hidden()


def test_without_scripts_all_slides_stand_below_one_another(visit: Visit) -> None:
    page = visit(DECK, over="file", java_script_enabled=False)
    assert all(slide.is_visible() for slide in page.locator(".slide").all())
    assert all(sentence.is_visible() for sentence in page.locator(".instead").all())
    expect(page.locator(".bar")).to_be_hidden()


# ---- the source


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Words first\n\n# Then a title", "must begin with a heading, got 'paragraph_open'"),
        ("# A\n\n```figure 99-nothing\n```", "names the figure '99-nothing', and there is no figures/99-nothing.html"),
        ("# A\n\n```video x\n```", "a fence must be one of figure, notes, python, got 'video x'"),
    ],
)
def test_a_source_that_cannot_be_shown_is_refused(text: str, words: str, tmp_path: Path) -> None:
    from book.site.slides import read_slides

    with pytest.raises(ExtensionError, match=words):
        read_slides(text, tmp_path)
