"""The page's host on its own: what figures get from it, and what stands on the page when one fails."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

HOST = Path(__file__).parents[2] / "book" / "site" / "assets" / "host.js"
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"

COUNTER = """
function render({ model, el }) {
  const button = document.createElement("button");
  const draw = () => { button.textContent = `${model.get("label")} ${model.get("count")}`; };
  button.addEventListener("click", () => { model.set("count", model.get("count") + 1); model.save_changes(); });
  model.on("change:count change:label", draw);
  draw();
  el.append(button);
}
"""
AS_OBJECT = COUNTER + "export default { render };"
AS_FUNCTION = (
    COUNTER + 'export default async () => ({ initialize({ model }) { model.set("label", "ready"); }, render });'
)


@pytest.fixture
def page(browser: Browser) -> Any:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def open_with(page: Page, folder: Path, views: list[str], **states: dict[str, Any]) -> list[str]:
    """A page on disk with these views, as the site has them; returns what it will log."""
    logged: list[str] = []
    page.on("console", lambda message: logged.append(message.text))
    state = json.dumps({"state": {name: {"state": value} for name, value in states.items()}})
    places = "".join(
        f'<div><p class="fl-fallback">Words of {name}.</p><script type="{VIEW}">{{"model_id": "{name}"}}</script></div>'
        for name in views
    )
    (folder / "host.js").write_text(HOST.read_text())
    head = f'<script type="{STATE}">{state}</script><script src="host.js" defer></script>'
    (folder / "page.html").write_text(f"<!doctype html><head>{head}</head>{places}")
    page.goto((folder / "page.html").as_uri())
    return logged


def test_a_script_that_several_figures_have_is_named_by_the_first(page: Page, tmp_path: Path) -> None:
    open_with(
        page,
        tmp_path,
        ["b", "a", "c"],
        a={"_esm": AS_OBJECT, "_css": "button { width: 321px; }", "label": "a", "count": 0},
        b={"_esm": {"as": "a"}, "_css": {"as": "a"}, "label": "b", "count": 5},
        c={"_esm": {"as": "nobody"}, "label": "c", "count": 7},
    )
    expect(page.get_by_role("button")).to_have_text(["b 5", "a 0"])
    assert page.get_by_role("button").first.evaluate("(one) => one.offsetWidth") == 321
    expect(page.locator(".fl-fallback")).to_have_text(["Words of c."])


def test_two_views_of_a_figure_share_its_state(page: Page, tmp_path: Path) -> None:
    open_with(
        page,
        tmp_path,
        ["a", "a", "b"],
        a={"_esm": AS_OBJECT, "label": "a", "count": 0},
        b={"_esm": AS_OBJECT, "label": "b", "count": 5},
    )
    buttons = page.locator("button")
    expect(buttons).to_have_text(["a 0", "a 0", "b 5"])
    buttons.nth(0).click()
    expect(buttons).to_have_text(["a 1", "a 1", "b 5"])
    expect(page.locator(".fl-fallback")).to_have_count(0)


def test_a_module_may_give_a_function(page: Page, tmp_path: Path) -> None:
    open_with(page, tmp_path, ["a"], a={"_esm": AS_FUNCTION, "label": "a", "count": 3})
    expect(page.locator("button")).to_have_text("ready 3")


def test_style_is_set_once(page: Page, tmp_path: Path) -> None:
    state = {"_esm": AS_OBJECT, "_css": "button { width: 321px; }", "label": "a", "count": 0}
    open_with(page, tmp_path, ["a", "b"], a=state, b=state)
    expect(page.locator("button")).to_have_count(2)
    expect(page.locator("style.fl-host")).to_have_count(1)
    expect(page.locator("button").first).to_have_css("width", "321px")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("export default { render() { throw new Error('no picture'); } }", "no picture"),
        ("export default {", "Unexpected end of input"),
        ("export const nothing = 1;", "has no default export"),
        ("export default () => { throw new Error('no start'); }", "no start"),
    ],
)
def test_a_figure_that_fails_says_so_in_its_place(script: str, reason: str, page: Page, tmp_path: Path) -> None:
    logged = open_with(
        page, tmp_path, ["bad", "good"], bad={"_esm": script}, good={"_esm": AS_OBJECT, "label": "good", "count": 1}
    )
    expect(page.locator(".fl-broken")).to_contain_text("This figure could not be shown")
    expect(page.locator(".fl-broken")).to_contain_text(reason)
    expect(page.locator(".fl-fallback")).to_have_text("Words of bad.")
    expect(page.locator("button")).to_have_text("good 1")
    assert any("Figure bad could not be shown" in text for text in logged)


def test_what_needs_python_keeps_its_words(page: Page, tmp_path: Path) -> None:
    logged = open_with(page, tmp_path, ["slider", "lost"], slider={"_model_name": "IntSliderModel"})
    expect(page.locator(".fl-fallback")).to_have_text(["Words of slider.", "Words of lost."])
    assert logged == []
