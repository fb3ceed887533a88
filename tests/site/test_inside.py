"""The inside of a model on a page of its own: it speaks as in Python, follows links, and stands what is wrong."""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from feedback_lite.widgets import ModelInside
from tests.kind import Look
from tests.kinds import KINDS
from tests.kinds.inside import AS_TRAINED, GAME
from tests.site import looking
from tests.site.conftest import wait_for_frames
from tests.site.looking import words
from tests.site.page_model import run_through

HOST = Path(__file__).parents[2] / "book" / "site" / "assets" / "host.js"
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
# What the package computes is not tested here: its own checks of shapes would take most of the time.
pytestmark = pytest.mark.usefixtures("unchecked")

SIZE_OF_A_LINK = 2000


# ---- pages


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    yield context
    context.close()


Open = Callable[..., Page]


@pytest.fixture
def opened(context: BrowserContext, tmp_path: Path) -> Iterator[Open]:
    """Open a page on disk that holds one figure, as the site has them; errors and dialogs on it fail the test."""
    wrong: list[str] = []

    def open_page(figure: ModelInside, link: str = "", **stored: Any) -> Page:
        kept = (*AS_TRAINED, "models", "words", "captions", "rules", "limits", "recorded", "sentence", "_esm", "_css")
        state = {key: value for key, value in figure.get_state().items() if key in kept} | stored
        text = json.dumps({"state": {"inside": {"state": state}}}).replace("</", "<\\/")
        named = '<p class="fl-fallback" id="figure-inside" data-own="">Words.</p>'
        view = f'{named}<script type="{VIEW}">{{"model_id": "inside"}}</script>'
        head = f'<script type="{STATE}">{text}</script><script src="host.js" defer></script>'
        (tmp_path / "host.js").write_text(HOST.read_text())
        (tmp_path / "page.html").write_text(f"<!doctype html><head>{head}</head><div>{view}</div>")
        page = context.new_page()
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("pageerror", lambda error: wrong.append(error.message))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.goto(f"{(tmp_path / 'page.html').as_uri()}{link}")
        expect(page.locator(".fl-sentence")).not_to_be_empty()
        return page

    yield open_page
    assert wrong == []


def figure_of(page: Page) -> Locator:
    return page.locator('[data-figure="inside"]')


def control(page: Page, name: str) -> Locator:
    return page.locator(f'[data-control="{name}"]')


def sentence(page: Page) -> str:
    return words(page.locator(".fl-sentence").inner_text())


def messages(page: Page) -> str:
    return words(" ".join(page.locator(".fl-message").all_text_contents()))


def look(page: Page) -> Look:
    return looking.look(figure_of(page), "inside")


def link_of(**changes: object) -> str:
    parts: dict[str, object] = {
        "tokens": "2.12",
        "step": 1,
        "slot": 1,
        "written": "mixture",
        "memory_size": 16,
        "memory_offset": "yes",
        "silent_layers": "",
        "deleted": "",
        "hide_answer": "no",
        "shown": 0,
    }
    return f"#inside={','.join(['1', *(f'{key}:{value}' for key, value in (parts | changes).items())])}"


# Its state, written for an address and read back by the figure's own rules.
LINK = """(place, model, { default: figure }) => {
    const { rules, fits } = figure.link(model);
    const texts = Object.entries(rules).map(([key, rule]) => [key, rule.write(model.get(key))]);
    const read = Object.fromEntries(texts.map(([key, text]) => [key, rules[key].read(text)]));
    return [texts.join(), fits(read) && read];
}"""


# ---- what it shows


def test_its_link_holds_the_whole_state(opened: Open) -> None:
    twin = ModelInside()
    kept = (*AS_TRAINED, "models", "words", "captions", "rules", "limits", "recorded", "_esm")
    state = {key: value for key, value in twin.get_state().items() if key in kept}
    states = list(KINDS["inside"].states(twin))
    for one, (link, read) in zip(states, run_through(opened(twin), state, states, LINK), strict=True):
        assert read == one
        assert len(link) < SIZE_OF_A_LINK


def test_a_link_restores_the_exact_state(opened: Open) -> None:
    """What the button Link gives opens a page that looks as the one where it was pressed."""
    record = "window.copied = []; navigator.clipboard.writeText = async (text) => { window.copied.push(text); }; 0"
    for changes in (
        {"step": 24, "slot": 3},
        {"written": 0, "memory_size": 5, "memory_offset": False, "silent_layers": [2], "deleted": [[3, 5], [17, 19]]},
        {"hide_answer": True, "shown": 18, "written": "uniform"},
        {"tokens": [2, *[5, 14] * 149, 6], "step": 290, "slot": 289, "memory_size": 24},
    ):
        figure = ModelInside()
        figure.set_state(AS_TRAINED | changes)
        there = opened(figure)
        there.evaluate(record)
        there.locator('[data-act="link"]').click()
        there.wait_for_function("window.copied.length === 1")
        address = there.evaluate("window.copied[0]")
        assert "#inside=" in address
        expect(there.locator(".fl-foot-note")).to_have_text("The link is copied.")
        here = opened(ModelInside(), f"#{address.split('#')[1]}")
        expect(here.locator(".fl-sentence")).to_have_text(there.locator(".fl-sentence").inner_text())
        for page in (here, there):
            for fold in ("change the game", "change the model"):
                if not control(page, fold).evaluate("(summary) => summary.parentElement.open"):
                    control(page, fold).click()
        ours, theirs = look(here), look(there)
        for key in set(ours) - {"picture"}:
            assert ours[key] == theirs[key], key
        pictures = "(figure) => [...figure.querySelectorAll('svg')].map((picture) => picture.innerHTML).join()"
        assert figure_of(here).evaluate(pictures) == figure_of(there).evaluate(pictures)


def test_a_changed_address_moves_the_figure(opened: Open) -> None:
    page = opened(ModelInside())
    page.evaluate("(link) => { location.hash = link; }", link_of(step=2))
    expect(page.locator(".fl-now")).to_have_text("Step 2 of 2: swap 1 and 2")
    page.evaluate("(link) => { location.hash = link; }", link_of(step=3))
    expect(page.locator(".fl-foot-note")).to_have_text(looking.UNREAD)
    expect(page.locator(".fl-now")).to_have_text("Step 2 of 2: swap 1 and 2")


def test_attention_row_belongs_to_the_memory_before_the_write(opened: Open) -> None:
    page, figure = opened(ModelInside()), ModelInside()
    row = """(figure) => [...figure.querySelectorAll(".fl-picker .fl-cell")].map((cell) => [
        cell.querySelector("title").textContent.replace(/\\u00a0/g, " "), Number(cell.getAttribute("fill-opacity")),
        Math.round(100 * (Number(cell.getAttribute("x")) + Number(cell.getAttribute("width")) / 2)),
    ])"""
    for step in (18, 19, 1, 2):
        figure.step = step
        while (now := look(page)["step"]) != step:
            control(page, "step" if now < step else "back").click()
        here, cells = figure.steps()[-1], figure_of(page).evaluate(row)
        expected = [
            (f"layer {layer + 1}, head {head + 1} reads slot {slot}: ", here.weights[layer, head, place].item())
            for layer in (0, 1)
            for head in (0, 1)
            for place, slot in enumerate(here.writers_before)
        ]
        assert len(cells) == len(expected)
        for (told, weight), (title, opacity, _) in zip(expected, cells, strict=True):
            assert title == f"{told}{int(100 * weight + 0.5)} %"
            assert opacity == pytest.approx(weight, abs=6e-4)
        slots = figure_of(page).evaluate(
            """(figure) => Object.fromEntries([...figure.querySelectorAll(".fl-slot")].map((slot) => {
                const box = slot.querySelector("rect");
                const x = Number(box.getAttribute("x")) + Number(box.getAttribute("width")) / 2;
                return [slot.dataset.slot, [slot.dataset.mark, Math.round(100 * x)]];
            }))"""
        )
        assert slots[str(step)][0] == "written"
        for place, slot in enumerate(here.writers_before):
            assert slots[str(slot)][0] == ("held" if slot in here.writers else "evicted")
            # The same token stands in the same column in every row.
            columns = {cells[place + row * len(here.writers_before)][2] - slots[str(slot)][1] for row in range(4)}
            assert len(columns) == 1
            assert abs(columns.pop()) <= 100


def test_readings_and_trace_of_the_chosen_slot(opened: Open) -> None:
    figure = ModelInside(slot=12, deleted=[[15, 17]])
    page = opened(figure)
    steps = figure.steps()
    place = steps[-1].writers_before.index(12)
    now = [f"{int(100 * weight + 0.5)} %" for weight in steps[-1].weights[..., place].flatten().tolist()]
    assert [words(text) for text in page.locator(".fl-reading").all_text_contents()] == now
    titles = [words(text) for text in page.locator(".fl-readings .fl-cell title").all_text_contents()]
    read = [title for title in titles if title.startswith("Step")]
    expected = [
        f"Step {number}, layer {layer + 1}, head {head + 1}: {int(100 * weight + 0.5)} %"
        for layer in (0, 1)
        for head in (0, 1)
        for number, step in enumerate(steps, start=1)
        if 12 in step.writers_before
        for weight in [step.weights[layer, head, step.writers_before.index(12)].item()]
    ]
    assert read == expected
    assert len(read) == 4 * 6
    control(page, "slot").press("Home")
    for slot, told in (
        (1, "evicted at the end of this step."),
        (2, "in memory."),
        (15, "deleted before step 17 read."),
        (16, "in memory."),
        (18, "the next step will read it."),
    ):
        while look(page)["slot"] < slot:
            control(page, "slot").press("ArrowRight")
        assert words(page.locator(".fl-chosen").inner_text()).endswith(told)


def test_hidden_answer_is_nowhere(opened: Open) -> None:
    page = opened(ModelInside(hide_answer=True, written=0))
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = false; })")
    text = words(figure_of(page).inner_text())
    assert "The answer is hidden." in text
    assert text.count("hidden") >= 5
    assert "cup " not in text.replace("token: cup, then swaps", "")
    assert "wrong" not in text
    control(page, "show").click()
    expect(page.locator(".fl-answer")).to_contain_text("cup 3, ")
    expect(page.locator(".fl-changed")).to_contain_text("As trained: cup 4, 100")
    control(page, "step").click()
    expect(page.locator(".fl-answer")).to_have_text("The answer is hidden.")


def test_focus_stays_with_the_slots(opened: Open) -> None:
    page = opened(ModelInside())
    control(page, "slot").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert look(page)["slot"] == 14
    expect(control(page, "slot")).to_be_focused()
    value = control(page, "slot").get_attribute("aria-valuetext")
    assert value is not None
    assert words(value).startswith("Slot 14, written at “swap 4 and 5”: in memory. Read by layer 1: ")


def test_what_comes_next_takes_the_place_of_the_rest(opened: Open) -> None:
    page = opened(ModelInside(step=3))
    control(page, "change the game").click()
    control(page, "next token").select_option(label="swap 2 and 4")
    control(page, "add").click()
    expect(page.locator(".fl-now")).to_have_text("Step 4 of 4: swap 2 and 4")
    twin = ModelInside(tokens=[*GAME[:3], 10], step=4)
    assert sentence(page) == twin.sentence


def test_everything_fits_when_it_is_unfolded(opened: Open) -> None:
    figure = ModelInside(memory_size=24, written=0, memory_offset=False, silent_layers=[1], deleted=[[3, 5], [17, 19]])
    page = opened(figure)
    page.locator("details").evaluate_all("(folds) => folds.forEach((fold) => { fold.open = true; })")
    for width in (320, 390, 768):
        page.set_viewport_size({"width": width, "height": 800})
        wait_for_frames(page)
        fits(page, width)


def fits(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "[...document.querySelectorAll('svg text')].every((text) => parseFloat(getComputedStyle(text).fontSize) >= 11)"
    )
    for one in page.locator("[data-control]:visible").all():
        box = one.evaluate("(node) => (node.closest('label') ?? node).getBoundingClientRect().toJSON()")
        assert min(box["height"], box["width"]) >= 44, one.get_attribute("data-control")
        assert box["left"] >= 0
        assert box["right"] <= width


# ---- what is wrong


MARKUP = "<img src=x onerror=\"window.hacked=1;alert('hacked')\">"
HOSTILE_LINKS = {
    "markup": f"#inside={MARKUP}",
    "markup, encoded": f"#inside={quote(MARKUP)}",
    "script": link_of(tokens="<script>window.hacked=1</script>"),
    "script address": "#inside=javascript:window.hacked=1",
    "prototype": f"{link_of()},__proto__:1",
    "constructor": link_of(written="constructor"),
    "not finite": link_of(step="Infinity", slot="NaN"),
    "huge": link_of(step="99999999999999999999"),
    "unicode digits": link_of(tokens="\u0663.12"),
    "too long": link_of(tokens=f"3{'.12' * 5000}"),
    "longer than a game": link_of(tokens=f"3{'.12' * 300}"),
    "too many slots": link_of(memory_size=99),
    "no such layer": link_of(silent_layers="7"),
    "no such layer written": link_of(written="9"),
    "deleted before it was written": link_of(deleted="5-5"),
    "deleted twice": link_of(deleted="1-2.1-2"),
    "swap with itself": link_of(tokens="3.11"),
    "another way to write a swap": link_of(tokens="3.21"),
    "said twice": f"{link_of()},step:1",
    "another order": "#inside=1,step:1,tokens:2.12",
    "another version": link_of().replace("=1,", "=2,"),
    "no step": "#inside=1,tokens:3.12",
    "nothing": "#inside=",
    "another state": '#inside={"tokens":[0]}',
}
SAID = re.compile(f"^({re.escape(looking.UNREAD)})?$")
"""A text that no address of a figure has is none of the figure's business: it may say nothing."""


def test_hostile_links_run_nothing_and_change_nothing(opened: Open) -> None:
    figure = ModelInside()
    page = opened(figure)
    for what, link in HOSTILE_LINKS.items():
        page.evaluate("(link) => { location.hash = ''; location.hash = link; }", link)
        expect(page.locator(".fl-foot-note"), what).to_have_text(SAID)
        assert sentence(page) == figure.sentence, what
        unharmed(page)
        control(page, "back").click()


@pytest.mark.parametrize("what", ["markup", "script", "prototype", "too long", "another state"])
def test_page_opened_with_a_hostile_link(what: str, opened: Open) -> None:
    figure = ModelInside()
    page = opened(figure, HOSTILE_LINKS[what])
    expect(page.locator(".fl-foot-note")).to_have_text(SAID)
    assert sentence(page) == figure.sentence
    unharmed(page)


HOSTILE_GAMES = {
    "nothing": "  ",
    "markup": MARKUP,
    "script": "3 <script>window.hacked=1</script>",
    "prototype": "3 __proto__",
    "no cup": "9 12",
    "no swap": "3 16",
    "itself": "3 12 44",
    "unicode digits": "\u0663 \u0661\u0662",
    "huge": "1" * 4000,
    "too long": "3" + " 12" * 300,
    "not finite": "3 Infinity",
    "zero width": "3 1\u200b2",
    "template": "3 ${alert(1)}",
}


def test_hostile_games_run_nothing_and_change_nothing(opened: Open) -> None:
    figure = ModelInside()
    page = opened(figure)
    control(page, "change the game").click()
    for what, text in HOSTILE_GAMES.items():
        control(page, "game").fill(text)
        control(page, "use").click()
        told = messages(page)
        assert told.startswith(("Type the ball's cup", "A game begins", "A swap is two", "A game has at most")), what
        assert len(told) < 120, what
        assert sentence(page) == figure.sentence, what
        unharmed(page)
        control(page, "back").click()


def unharmed(page: Page) -> None:
    """Nothing ran, nothing was made of the text, and the figure goes on."""
    assert page.evaluate("window.hacked") is None
    assert figure_of(page).locator("img, script, iframe, a, object").count() == 0
    assert page.evaluate("Object.keys(Object.prototype).length") == 0
    control(page, "step").click()
    expect(page.locator(".fl-now")).to_have_text("Step 19 of 24: swap 2 and 3")


GAMES = {"3": [2], " 3,12\t45 ": [2, 5, 14], "3 21 5-4": [2, 5, 14], "1.12.13;15": [0, 5, 6, 8]}


def test_games_are_read_as_people_write_them(opened: Open) -> None:
    page = opened(ModelInside())
    control(page, "change the game").click()
    for text, tokens in GAMES.items():
        control(page, "game").fill(text)
        control(page, "game").press("Enter")
        expect(page.locator(".fl-now")).to_contain_text(f"Step {len(tokens)} of {len(tokens)}:")
        assert sentence(page) == ModelInside(tokens=tokens).sentence
        assert messages(page) == ""


def damaged(kind: str) -> list[Any]:
    models = deepcopy(ModelInside().models)
    weights = models[0]["weights"]
    if kind == "cut":
        weights["embedding.weight"]["base64"] = weights["embedding.weight"]["base64"][:-8]
    elif kind == "no base64":
        weights["embedding.weight"]["base64"] = "<b>none</b>"
    elif kind == "missing":
        del weights["layer_weights"]
    elif kind == "not finite":
        weights["layer_weights"]["base64"] = "AADAfwAAwH8AAMB/"
    elif kind == "no weights":
        del models[0]["weights"]
    return [] if kind == "no model" else models


@pytest.mark.parametrize("kind", ["cut", "no base64", "missing", "not finite", "no weights", "no model"])
def test_broken_weights_leave_the_recorded_step(kind: str, opened: Open) -> None:
    figure = ModelInside(written=0, deleted=[[12, 15], [17, 19]], slot=9)
    whole, broken = opened(figure), opened(figure, models=damaged(kind))
    expect(broken.locator(".fl-message").first).to_contain_text("could not be read")
    expect(broken.locator(".fl-message").first).to_contain_text("This step was recorded; the others need the model.")
    expect(broken.locator("[data-control], [tabindex], [role=slider]")).to_have_count(0)
    for part in (".fl-head", ".fl-chosen", ".fl-sentence"):
        assert words(broken.locator(part).inner_text()) == words(whole.locator(part).inner_text())
    pictures = """[...document.querySelectorAll("svg :is(text, title, rect)")].map((node) =>
        [node.textContent, node.getAttribute("fill-opacity"), node.parentNode.dataset.mark])"""
    assert broken.evaluate(pictures) == whole.evaluate(pictures)
    assert sentence(broken) == figure.sentence


def test_a_notebook_has_no_link(opened: Open) -> None:
    """Outside a page of the book the address is not the figure's: it can be presented, and a link means nothing."""
    page = opened(ModelInside())
    count = page.evaluate(
        """async () => {
            const stored = document.querySelector('script[type="application/vnd.jupyter.widget-state+json"]');
            const { state } = JSON.parse(stored.textContent).state.inside;
            const address = URL.createObjectURL(new Blob([state._esm], { type: "text/javascript" }));
            const { default: figure } = await import(address);
            const place = document.createElement("div");
            document.body.append(place);
            location.hash = "#inside=<b>";
            const model = { get: (key) => state[key], set() {}, on() {}, off() {}, save_changes() {} };
            figure.render({ model, el: place });
            await Promise.resolve();
            const acts = [...place.querySelectorAll("[data-act]")].map((one) => one.dataset.act);
            return [acts, place.querySelector(".fl-message").textContent];
        }"""
    )
    assert count == [["present"], ""]
