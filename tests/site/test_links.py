"""A figure's state in an address: written by its button, read by its rules, and nothing else is read."""

from typing import Any

import pytest
import traitlets
from playwright.sync_api import Locator, Page, expect

from tests.kind import Control
from tests.kinds import KINDS
from tests.site.conftest import Visit, settle
from tests.site.looking import UNREAD, control, figures_of, stored_of, use, words
from tests.site.page_model import run_through

# What the package computes is not tested here: its own checks of shapes would take most of the time.
pytestmark = pytest.mark.usefixtures("unchecked")

# ---- the rules

WRITE_AND_READ = """(place, model, { default: figure }) => {
    const { rules, fits = () => true } = figure.link(model);
    const texts = Object.entries(rules).map(([key, rule]) => [key, rule.write(model.get(key))]);
    const read = Object.fromEntries(texts.map(([key, text]) => [key, rules[key].read(text)]));
    return { address: texts.map((pair) => pair.join(":")).join(), read, fits: fits(read) };
}"""
# What stands in an address, a figure's own texts with one sign changed, and texts for every kind of rule.
NEARLY = """(place, model, { default: figure }) => {
    const { rules, fits = () => true } = figure.link(model);
    const now = Object.fromEntries(Object.keys(rules).map((key) => [key, model.get(key)]));
    const texts = ["", "0", "1", "2", "7", "-1", "01", "1.0", "1e1", "99", "999", "1000000", "NaN", "null", "yes", "no",
        "true", "constructor", "__proto__", "toString", "length", "٣", " 1", "1\\n", "0.0", "1.2.3", "1-2", "2-1",
        "1-1.1-2", "3.12", "3.21", "3.11", "9.12", "xe3.px", "xe3.pz", ".", "~", "undefined"];
    const signs = ["0", "1", "9", ".", "-", "x"];
    const changed = (text) => [...text].slice(0, 12).flatMap((_, place) =>
        signs.map((sign) => text.slice(0, place) + sign + text.slice(place + 1)));
    return Object.entries(rules).flatMap(([key, rule]) =>
        [...texts, ...changed(rule.write(now[key]))].flatMap((text) => {
            const value = rule.read(text);
            const state = { ...now, [key]: value };
            return value === undefined || !fits(state) || rule.write(value) !== text ? [] : [state];
        }));
}"""


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_can_be_written_and_is_read_again(kind: str, sheet: Page, stage: Visit) -> None:
    stored = stored_of(stage(KINDS[kind].pages[0]), kind)[0]
    twin = KINDS[kind].twin(stored)
    states = list(KINDS[kind].states(twin))[:400]
    for state, seen in zip(states, run_through(sheet, stored, states, WRITE_AND_READ), strict=True):
        assert seen["fits"], state
        assert set(seen["read"]) <= set(twin.keys)
        assert {key: value for key, value in state.items() if seen["read"].get(key) != value} == {}
        assert len(seen["address"]) < 4000
        assert not set(seen["address"]) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,:~-")


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_address_may_say_python_allows(
    kind: str, sheet: Page, stage: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = KINDS[kind]
    stored = stored_of(stage(row.pages[0]), kind)[0]
    twin = row.twin(stored)
    twin.set_state({trait: stored[trait] for trait in row.figure.class_own_traits(sync=True)})
    monkeypatch.setattr(row.figure, "describe", lambda figure: "")  # what is said of a state takes long, and is tested
    ((*states,),) = run_through(sheet, stored, [{}], NEARLY)
    assert len(states) >= 2
    for state in states:
        try:
            with twin.hold_trait_notifications():
                for key, value in state.items():
                    setattr(twin, key, value)
        except traitlets.TraitError as error:
            pytest.fail(f"an address may say {state}, but Python says: {error}")


# ---- from one page to another


CHANGES: dict[str, list[str]] = {"predict": ["option", "record"]}
"""What is pressed to change a state, where that is more than one control."""


def change(figure: Locator, kind: str, page: str) -> None:
    if kind in CHANGES:
        for name in CHANGES[kind]:
            control(figure, name).click()
        return
    row: Control = next(
        row
        for row in KINDS[kind].controls
        if row.mouse and not row.silent and not row.first and row.page in (None, page)
    )
    use(figure, row, "mouse")


# Resolves once the figure has stayed as it is for a quarter of a second.
STAYS = """(figure) => new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error("the figure does not settle")), 10_000);
    let quiet = 0;
    const wait = () => {
        clearTimeout(quiet);
        quiet = setTimeout(() => { watcher.disconnect(); clearTimeout(late); done(); }, 250);
    };
    const watcher = new MutationObserver(wait);
    watcher.observe(figure, { subtree: true, childList: true, characterData: true, attributes: true });
    wait();
})"""


def settled(figure: Locator) -> str:
    """Return the state sentence once the figure stays as it is."""
    figure.evaluate(STAYS)
    return words(figure.locator(".fl-sentence").inner_text())


def press(place: Locator, act: str) -> None:
    place.locator(f'[data-act="{act}"]').click()


def covered(figure: Locator) -> list[Any]:
    """Return where a figure's top and middle are not to be seen: off the screen, or below something else."""
    found: list[Any] = figure.evaluate(
        """(figure) => {
            const { left, top, width } = figure.getBoundingClientRect();
            const points = [[left + 20, top + 3], [left + width / 2, top + 3], [left + width - 20, top + 3]];
            const hidden = ([x, y]) => y > innerHeight / 2 || !figure.contains(document.elementFromPoint(x, y));
            return points.filter(hidden);
        }"""
    )
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_copied_link_leads_back_to_what_was_seen(kind: str, visit: Visit) -> None:
    """A control is moved, the link is copied and opened: the same sentence, in view and below the header."""
    name = KINDS[kind].pages[-1]
    page = visit(name, reduced_motion="reduce")
    figure = figures_of(page, kind)[0]
    first = settled(figure)
    change(figure, kind, name)
    told = settled(figure)
    assert told != first
    place = page.locator(f"#figure-{kind}")
    press(place, "link")
    expect(place.locator(".fl-foot-note")).to_have_text("The link is copied.")
    address = page.evaluate("navigator.clipboard.readText()")
    assert address.startswith(f"{page.url.split('#')[0]}#{kind}=1,")
    for width in (390, 1280):
        there = visit(
            f"{name}#{address.split('#')[1]}", viewport={"width": width, "height": 720}, reduced_motion="reduce"
        )
        figure = figures_of(there, kind)[0]
        assert settled(figure) == told
        assert covered(figure) == []
        expect(there.locator(f"#figure-{kind} .fl-foot-note")).to_have_text("")
        assert there.evaluate("document.activeElement.dataset.figure") == kind


def test_a_link_can_be_taken_where_there_is_no_clipboard(visit: Visit) -> None:
    page = visit("chapters/06-memory-fifo.html", over="file")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    place = page.locator("#figure-memory-queue")
    press(place, "link")
    field = place.locator(".fl-foot-field")
    expect(field).to_be_focused()
    assert field.input_value().startswith(f"{page.url}#memory-queue=1,step:")
    assert field.evaluate("(field) => field.selectionEnd - field.selectionStart") == len(field.input_value())
    press(place, "link")
    expect(field).to_have_count(0)


def test_a_change_of_the_address_moves_one_figure(stage: Visit) -> None:
    page = stage("chapters/06-memory-fifo.html", fresh=True)
    others = page.locator("#figure-predict .fl-sentence")
    told = others.inner_text()
    page.evaluate("location.hash = 'memory-queue=1,step:9,token:4,memory_size:2'")
    expect(page.locator("#figure-memory-queue .fl-now").first).to_contain_text("9")
    assert covered(page.locator('[data-figure="memory-queue"]')) == []
    assert others.inner_text() == told
    page.evaluate("location.hash = 'memory-queue=1,step:3,token:4,memory_size:2'")
    expect(page.locator("#figure-memory-queue .fl-now").first).to_contain_text("3")


# ---- what is none

BAD = "window.hacked=1"
SHAPES = {
    "markup": f"<img src=x onerror={BAD}>",
    "a script": f'"><script>{BAD}</script>',
    "a script, encoded": f"%3Cscript%3E{BAD}%3C/script%3E",
    "an address that runs": f"javascript:{BAD}",
    "half a percent": "%E0%A4%A",
    "nothing": "",
    "no version": "step:1",
    "another version": "2,step:1",
    "a version that is long": f"{'1' * 300},step:1",
    "no traits": "1",
    "a trait that no reader changes": "1,words:x,_esm:x",
    "a prototype": "1,__proto__:1,constructor:1",
    "JSON": '{"step":1}',
    "a very long text": f"1,step:{'1' * 100_000}",
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_state_changes_nothing(kind: str, stage: Visit) -> None:
    page = stage(KINDS[kind].pages[0], fresh=True)
    figure = figures_of(page, kind)[0]
    settle(page)
    told = settled(figure)
    page.evaluate("delete window.hacked")
    count = "document.querySelectorAll('script, img, iframe, object, embed, [onerror]').length"
    before = page.evaluate(count)
    whole = page.locator(f"#figure-{kind}").evaluate("(place) => place.id")
    assert whole == f"figure-{kind}"
    for what, text in SHAPES.items():
        page.evaluate("(hash) => { location.hash = ''; location.hash = hash; }", f"{kind}={text}")
        page.wait_for_timeout(20)
        note = page.locator(f"#figure-{kind} .fl-foot-note").inner_text()
        assert note in ("", UNREAD), what
        assert words(figure.locator(".fl-sentence").inner_text()) == told, what
        assert page.evaluate(count) == before, what
        assert page.evaluate("'hacked' in window || Object.keys(Object.prototype).length > 0") is False, what
    page.evaluate("location.hash = ''")


def test_an_address_with_one_wrong_value_changes_nothing_at_all(stage: Visit) -> None:
    """No half of a state is taken, and only the one way to write it is read."""
    page = stage("chapters/06-memory-fifo.html", fresh=True)
    told = page.locator("#figure-memory-queue .fl-sentence").inner_text()
    for text in (
        "1,step:9,token:4,memory_size:999",
        "1,step:undefined,token:4,memory_size:2",
        "1,step:9,token:04,memory_size:2",
        "1,step:9,memory_size:2,token:4",
        "1,step:9,token:4,memory_size:2,",
        "1,step:9,token:4,memory_size:2,step:9",
        "1,step:9,token:4",
    ):
        page.evaluate("(hash) => { location.hash = ''; location.hash = hash; }", f"memory-queue={text}")
        expect(page.locator("#figure-memory-queue .fl-foot-note"), text).to_have_text(UNREAD)
        assert page.locator("#figure-memory-queue .fl-sentence").inner_text() == told, text
    page.evaluate("location.hash = 'memory-queue=1,step:9,token:4,memory_size:2'")
    expect(page.locator("#figure-memory-queue .fl-foot-note")).to_have_text("")
