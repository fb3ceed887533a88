"""Every figure on the built page: each control by mouse and by keyboard, its words, its mathematics."""

import json
import math
import re
import time
from typing import Any

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from feedback_lite import mix_layers
from feedback_lite.widgets import PALETTE, LayerMixture, Predict
from tests.site.conftest import Visit
from tests.site.tables import CONTROLS, FIGURES, LOOKS, PAGES, Control, Look

KINDS = sorted({kind for _, kind in FIGURES})
CONTROL_ELEMENTS = "button, input, select, textarea, summary, a[href], [tabindex], [role=slider], [role=button]"


def words(text: str) -> str:
    return " ".join(text.split())


def look(figure: Locator, kind: str) -> Look:
    seen: Look = figure.evaluate(LOOKS[kind])
    return seen | {"sentence": words(figure.get_by_role("status").inner_text())}


def figures_of(page: Page, kind: str) -> list[Locator]:
    found = page.locator(f'[data-figure="{kind}"]').all()
    assert found, f"there is no {kind} on the page"
    return found


def control(figure: Locator, name: str, which: int = 0) -> Locator:
    return figure.locator(f'[data-control="{name}"]').nth(which)


def wait_for(figure: Locator, kind: str, wanted: Look) -> Look:
    """Look until it is so, for ten seconds."""
    end = time.monotonic() + 10
    while True:
        now = look(figure, kind)
        wrong = {key: now[key] for key, value in wanted.items() if now[key] != value}
        if not wrong:
            return now
        assert time.monotonic() < end, f"expected { ({key: wanted[key] for key in wrong}) }, but saw {wrong}"
        figure.page.wait_for_timeout(30)


def stored_states(page: Page) -> list[dict[str, Any]]:
    text = page.locator('script[type="application/vnd.jupyter.widget-state+json"]').text_content()
    assert text is not None
    return [model["state"] for model in json.loads(text)["state"].values()]


# ---- the table


@pytest.mark.parametrize("page_name", PAGES)
def test_table_has_every_control_of_every_figure(page_name: str, visit: Visit) -> None:
    page = visit(page_name)
    figures = page.locator(".fl-place > *").all()
    kinds = {figure.get_attribute("data-figure") for figure in figures}
    assert kinds == {kind for name, kind in FIGURES if name == page_name}
    for figure in figures:
        kind = figure.get_attribute("data-figure")
        found = figure.locator(CONTROL_ELEMENTS).evaluate_all(
            "(all) => all.map((one) => one.dataset.control ?? one.outerHTML)"
        )
        assert set(found) == {row.control for row in CONTROLS if row.is_on(page_name, str(kind))}


MOVES = [
    pytest.param(page_name, row, way, id=f"{row.figure}-{row.control}-{way}-{page_name}")
    for page_name, kind in FIGURES
    for row in CONTROLS
    for way in row.ways
    if row.is_on(page_name, kind)
]


@pytest.mark.parametrize(("page_name", "row", "way"), MOVES)
def test_control_moves_its_figure(page_name: str, row: Control, way: str, stage: Visit) -> None:
    page = stage(page_name)
    for figure in figures_of(page, row.figure):
        for name in row.first:
            control(figure, name).click()
        was = look(figure, row.figure)
        moved = control(figure, row.control, row.which)
        if way == "mouse":
            assert row.mouse is not None
            row.mouse(moved)
        else:
            moved.focus()
            page.keyboard.press(way)
        now = wait_for(figure, row.figure, row.to(was))
        assert now["picture"] != was["picture"]
        assert now["sentence"] != was["sentence"] or "sentence" in row.stays


@pytest.mark.parametrize(("page_name", "kind"), FIGURES)
def test_every_control_can_be_reached_by_tab(page_name: str, kind: str, stage: Visit) -> None:
    page = stage(page_name)
    for figure in figures_of(page, kind):
        able = figure.locator("[data-control]:visible").evaluate_all("(all) => all.map((one) => one.dataset.control)")
        figure.evaluate("(frame) => { frame.tabIndex = -1; frame.focus(); }")
        reached = []
        for _ in able:
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.dataset.control"))
        assert set(able) <= set(reached)


@pytest.mark.parametrize(("page_name", "kind"), FIGURES)
def test_focus_can_be_seen(page_name: str, kind: str, stage: Visit) -> None:
    page = stage(page_name)
    ring = """() => {
        const drawn = document.activeElement.querySelector(".fl-focus");
        if (drawn) return getComputedStyle(drawn).display !== "none";
        return parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2;
    }"""
    for figure in figures_of(page, kind):
        figure.evaluate("(frame) => { frame.tabIndex = -1; frame.focus(); }")
        page.keyboard.press("Tab")
        while name := page.evaluate("document.activeElement.dataset.control"):
            assert page.evaluate(ring), f"{name} has the focus and does not show it"
            page.keyboard.press("Tab")


@pytest.mark.parametrize(("page_name", "kind"), [pair for pair in FIGURES if pair[1] != "predict"])
def test_picture_is_drawn_for_the_width_at_which_it_is_seen(page_name: str, kind: str, visit: Visit) -> None:
    page = visit(page_name)
    for figure in figures_of(page, kind):
        picker = figure.locator("[role=slider]")
        if picker.count():
            picker.focus()
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function(
                """(figure) => {
                    const picture = figure.querySelector("svg"); // another one for each width
                    const drawn = picture.viewBox.baseVal.width, seen = picture.getBoundingClientRect().width;
                    return Math.abs(drawn - seen) < 1 && (drawn < 400) === (innerWidth < 400);
                }""",
                arg=figure.element_handle(),
            )
            if picker.count():
                expect(picker).to_be_focused()


# ---- single figures


def test_prediction_gives_nothing_away_and_takes_nothing_for_granted(stage: Visit) -> None:
    for page_name, kind in FIGURES:
        if kind != "predict":
            continue
        page = stage(page_name)
        for figure in figures_of(page, kind):
            assert look(figure, kind)["chosen"] is None
            expect(control(figure, "record")).to_be_disabled()
            expect(figure.locator("[data-verdict]")).to_have_count(0)
            expect(figure.get_by_role("button", name="Try again")).to_be_hidden()
            control(figure, "option").focus()
            page.keyboard.press("Space")
            page.keyboard.press("ArrowDown")
            assert look(figure, kind)["chosen"] == 1
            page.keyboard.press("Enter")
            wait_for(figure, kind, {"recorded": True, "chosen": 1})
            expect(control(figure, "again")).to_be_focused()


def test_prediction_speaks_as_in_python(stage: Visit) -> None:
    for page_name in {name for name, kind in FIGURES if kind == "predict"}:
        page = stage(page_name)
        states = {state["question"]: state for state in stored_states(page) if "question" in state}
        for figure in figures_of(page, "predict"):
            state = states[figure.locator("legend").inner_text()]
            twin = Predict(state["question"], state["options"], state["answer"], state["because"])
            for choice in range(len(state["options"])):
                control(figure, "option", choice).click()
                control(figure, "record").click()
                twin.choice = choice
                assert look(figure, "predict")["sentence"] == words(twin.sentence)
                right, wrong = figure.locator('[data-verdict="right"]'), figure.locator('[data-verdict="wrong"]')
                expect(right).to_have_count(1)
                expect(right).to_contain_text("✓ right")
                expect(wrong).to_have_count(0 if choice == state["answer"] else 1)
                control(figure, "again").click()


def mixtures_on(page: Page) -> list[tuple[Locator, LayerMixture]]:
    """Each layer mixture with one made in Python from the same state."""
    states = [state for state in stored_states(page) if "hiddens" in state]
    found = []
    for figure in figures_of(page, "layer-mixture"):
        shown = look(figure, "layer-mixture")["sentence"]
        state = next(state for state in states if words(state["sentence"]) == shown)
        arguments = {name: state[name] for name in ("hiddens", "layer_weights", "tokens", "layer_names", "accuracy")}
        found.append((figure, LayerMixture(**arguments, does=state["does"], step=state["step"])))
    return found


def test_learned_weights_move_to_the_next_whole_one(stage: Visit) -> None:
    for page_name in {name for name, kind in FIGURES if kind == "layer-mixture"}:
        page = stage(page_name)
        for figure, twin in mixtures_on(page):
            for key, nearest in (("ArrowRight", math.ceil), ("ArrowLeft", math.floor)):
                learned = twin.layer_weights[1]
                control(figure, "weight 1").press(key)
                expected = max(-3, min(3, nearest(learned)))
                wait_for(figure, "layer-mixture", {"weight 1": str(expected).replace("-", "−")})
                control(figure, "preset learned").click()
                wait_for(figure, "layer-mixture", {"weight 1": f"{learned:.2f}".replace("-", "−")})


def test_run_can_be_paused_and_ends_at_the_end(stage: Visit) -> None:
    for page_name in {name for name, kind in FIGURES if kind == "layer-mixture"}:
        page = stage(page_name)
        for figure in figures_of(page, "layer-mixture"):
            run, start = control(figure, "run"), look(figure, "layer-mixture")
            expect(run).to_have_text("Run")
            run.click()
            expect(run).to_have_text("Pause")
            wait_for(figure, "layer-mixture", {"step": start["step"] + 2})
            run.click()
            expect(run).to_have_text("Run")
            paused = look(figure, "layer-mixture")["step"]
            page.wait_for_timeout(1200)
            assert look(figure, "layer-mixture")["step"] == paused
            control(figure, "step").press("End")
            wait_for(figure, "layer-mixture", {"step": start["steps"]})
            control(figure, "back").click()
            run.click()
            wait_for(figure, "layer-mixture", {"step": start["steps"]})
            expect(run).to_have_text("Run")


def test_what_would_do_nothing_is_disabled(stage: Visit) -> None:
    for page_name in {name for name, kind in FIGURES if kind == "layer-mixture"}:
        page = stage(page_name)
        for figure in figures_of(page, "layer-mixture"):
            expect(control(figure, "preset learned")).to_be_disabled()
            control(figure, "restart").click()
            for name, enabled in {"back": False, "step": True, "run": True, "restart": False}.items():
                expect(control(figure, name)).to_be_enabled(enabled=enabled)
            control(figure, "step").press("End")
            for name, enabled in {"back": True, "step": False, "run": False, "restart": True}.items():
                expect(control(figure, name)).to_be_enabled(enabled=enabled)
            # The focus is not lost when a control becomes disabled under it.
            expect(control(figure, "step")).to_be_focused()


# ---- the mathematics


def test_live_mathematics_equals_torch(stage: Visit) -> None:
    page = stage(next(name for name, kind in FIGURES if kind == "layer-mixture"))
    script = next(state["_esm"] for state in stored_states(page) if "function mixLayers" in state.get("_esm", ""))
    generator = torch.Generator().manual_seed(7)
    for layers, width, spread in ((2, 3, 1.0), (3, 5, 10.0), (5, 7, 300.0), (3, 2, 1e4)):
        hiddens = torch.randn(layers, 1, 1, width, generator=generator, dtype=torch.float64)
        weights = spread * torch.randn(layers, generator=generator, dtype=torch.float64)
        shares, vector = page.evaluate(
            """async ([script, hiddens, weights]) => {
                const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
                const { softmax, mixLayers } = await import(address);
                return [softmax(weights), mixLayers(hiddens, weights)];
            }""",
            [script, hiddens[:, 0, 0].tolist(), weights.tolist()],
        )
        torch.testing.assert_close(torch.tensor(shares, dtype=torch.float64), weights.softmax(0), rtol=0, atol=1e-12)
        expected = mix_layers(hiddens, weights)[0, 0]
        torch.testing.assert_close(torch.tensor(vector, dtype=torch.float64), expected, rtol=0, atol=1e-12)


def test_picture_draws_the_mixture(stage: Visit) -> None:
    """The cells of the memory row and of its slot are as strong as the mixture that Python computes."""
    for page_name in {name for name, kind in FIGURES if kind == "layer-mixture"}:
        for figure, twin in mixtures_on(stage(page_name)):
            hiddens = torch.tensor(twin.hiddens, dtype=torch.float64)[:, :, None, None]
            weights = torch.tensor(twin.layer_weights, dtype=torch.float64)
            strength = (mix_layers(hiddens[twin.step - 1], weights)[0, 0] / twin.scale).abs().clamp(max=1)
            for place in (".fl-memory-row", "[data-present]"):
                drawn = figure.locator(f"{place} .fl-cell").evaluate_all(
                    "(cells) => cells.map((cell) => Number(cell.getAttribute('fill-opacity')))"
                )
                torch.testing.assert_close(torch.tensor(drawn, dtype=torch.float64), strength, rtol=0, atol=6e-4)


# ---- colours

ATTENTION = {  # what shows it first, and what is drawn
    "bucket-explorer": ((), ".fl-bar"),
    "mask-explorer": (("show layer 1, head 1",), ".fl-weight"),
    "token-walk": ((), ".fl-bars .fl-bar"),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("page_name", "kind"), [pair for pair in FIGURES if pair[1] in ATTENTION])
def test_attention_weights_are_blue(page_name: str, kind: str, theme: str, visit: Visit) -> None:
    first, drawn = ATTENTION[kind]
    paints = """(bars) => bars.map((bar) => [getComputedStyle(bar).fill, getComputedStyle(bar).stroke])"""
    blue, paper = (getattr(PALETTE[name], theme) for name in ("query", "paper"))
    for figure in figures_of(visit(page_name, color_scheme=theme), kind):
        for name in first:
            control(figure, name).click()
        found = {tuple(map(as_hex, pair)) for pair in figure.locator(drawn).evaluate_all(paints)}
        assert found
        assert found <= {(blue, None), (paper, blue)}  # filled, or outlined for every second head
        if kind == "token-walk":
            assert len(found) == 2


# ---- motion, sizes, themes


@pytest.mark.parametrize(("page_name", "kind"), FIGURES)
def test_nothing_moves_under_reduced_motion(page_name: str, kind: str, visit: Visit) -> None:
    longest = """(figure) => Math.max(...[figure, ...figure.querySelectorAll("*")].map((node) => {
        const style = getComputedStyle(node);
        return Math.max(...(style.transitionDuration + "," + style.animationDuration).split(",").map(parseFloat));
    }))"""
    for figure in figures_of(visit(page_name, reduced_motion="reduce"), kind):
        assert figure.evaluate(longest) == 0
    for figure in figures_of(visit(page_name), kind):
        assert figure.evaluate(longest) <= 0.25


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize(("page_name", "kind"), FIGURES)
def test_figure_fits_and_can_be_touched(page_name: str, kind: str, width: int, visit: Visit) -> None:
    page = visit(page_name, viewport={"width": width, "height": 800})
    for figure in figures_of(page, kind):
        frame = figure.bounding_box()
        assert frame is not None
        assert 270 <= frame["width"] <= min(720, width)
        outside = figure.evaluate(
            """(figure) => {
                const frame = figure.getBoundingClientRect();
                return [...figure.querySelectorAll("*")].filter((node) => {
                    const box = node.getBoundingClientRect();
                    return box.width > 0 && (box.left < frame.left - 1 || box.right > frame.right + 1);
                }).map((node) => node.outerHTML.slice(0, 120));
            }"""
        )
        assert outside == []
        for one in figure.locator("[data-control]:visible").all():
            box = one.evaluate("(node) => (node.closest('label') ?? node).getBoundingClientRect().toJSON()")
            assert box["height"] >= 44, one.get_attribute("data-control")
            assert box["width"] >= 44, one.get_attribute("data-control")


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize(("page_name", "kind"), FIGURES)
def test_words_in_the_picture_do_not_overlap(page_name: str, kind: str, width: int, visit: Visit) -> None:
    for figure in figures_of(visit(page_name, viewport={"width": width, "height": 800}), kind):
        overlapping = figure.evaluate(
            """(figure) => {
                const texts = [...figure.querySelectorAll("svg text")];
                const boxes = texts.map((text) => text.getBoundingClientRect());
                const found = [];
                boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b, j) => {
                    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
                    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
                    if (wide > 1 && high > 5) found.push(`${texts[i].textContent} / ${texts[i + 1 + j].textContent}`);
                }));
                return found;
            }"""
        )
        assert overlapping == []


@pytest.mark.parametrize(("page_name", "kind"), FIGURES)
def test_figure_follows_the_theme_of_its_surroundings(page_name: str, kind: str, visit: Visit) -> None:
    page = visit(page_name, color_scheme="light")
    root = "document.documentElement"
    for figure in figures_of(page, kind):
        for set_up, theme in (
            (f"{root}.dataset.theme = 'light'", "light"),
            (f"{root}.dataset.theme = 'dark'", "dark"),
            (f"delete {root}.dataset.theme", "light"),
            ("document.body.dataset.jpThemeLight = 'false'", "dark"),
            ("document.body.dataset.jpThemeLight = 'true'", "light"),
            (f"delete document.body.dataset.jpThemeLight; {root}.setAttribute('theme', 'dark')", "dark"),
        ):
            page.evaluate(set_up)
            assert background(figure) == PALETTE["surface"]._asdict()[theme]
        page.evaluate(f"{root}.removeAttribute('theme')")
        page.emulate_media(color_scheme="dark")
        assert background(figure) == PALETTE["surface"].dark
        page.evaluate("document.body.dataset.jpThemeLight = 'true'")
        assert background(figure) == PALETTE["surface"].light
        page.evaluate("delete document.body.dataset.jpThemeLight")
        page.emulate_media(color_scheme="light")


def background(figure: Locator) -> str | None:
    return as_hex(figure.evaluate("(node) => getComputedStyle(node).backgroundColor"))


def as_hex(colour: str) -> str | None:
    """Return a computed colour such as "rgb(0, 9, 255)" as the palette writes it, and "none" as None."""
    channels = re.findall(r"\d+", colour)[:3]
    return "#" + "".join(f"{int(channel):02x}" for channel in channels) if channels else None
