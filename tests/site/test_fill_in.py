"""Every exercise with blanks on one screen, whatever is chosen and whatever the check says."""

import json
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page

from feedback_lite.widgets import FillIn
from tests.site.conftest import ROOT, Visit
from tests.site.screen import PHONE, SCREEN
from tests.site.test_screen import TALLEST

VIEW, STATES = (f"application/vnd.jupyter.widget-{part}+json" for part in ("view", "state"))

# Puts one figure after another on a page of the book, in the place of its text, and leads it through its states: blank;
# every verdict once; every right answer. In each, the choices of each blank are opened.
SEEN = r"""async ([script, style, states]) => {
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const { default: figure } = await import(address);
    document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
    const article = document.querySelector(".bd-article");
    article.innerHTML = `<section><div class="cell"><div class="cell_output"><div class="fl-place">`;
    const place = article.querySelector(".fl-place");
    const header = document.querySelector(".bd-header-article").getBoundingClientRect().bottom;
    return states.map((state) => {
        const handlers = new Set();
        const model = {
            get: (key) => state[key],
            set: (key, value) => { state[key] = value; handlers.forEach((handler) => handler()); },
            on: (_, handler) => handlers.add(handler),
            off: (_, handler) => handlers.delete(handler),
            save_changes: () => {},
        };
        const stop = figure.render({ model, el: place });
        const node = place.firstElementChild;
        const sentence = node.querySelector(".fl-sentence");
        const panels = [...node.querySelectorAll("fieldset")];
        const chips = [...node.querySelectorAll('[data-control="blank"]')];
        const seen = { exercise: state.exercise, height: 0, covered: -Infinity, below: -Infinity, unreachable: 0 };
        const look = () => {
            seen.height = Math.max(seen.height, node.getBoundingClientRect().height);
            const panel = panels.find((one) => !one.hidden);
            if (!state.checked || !panel) return;
            scrollBy({ top: panel.getBoundingClientRect().top - header, behavior: "instant" });
            const told = sentence.getBoundingClientRect();
            seen.below = Math.max(seen.below, told.bottom - innerHeight);
            if (told.left < panel.getBoundingClientRect().right) {
                seen.covered = Math.max(seen.covered, panel.getBoundingClientRect().bottom - told.top);
            }
            seen.unreachable += sentence.scrollHeight > sentence.clientHeight + 1 && sentence.tabIndex < 0;
        };
        const lookAtAll = () => {
            look();
            chips.forEach((chip) => { chip.click(); look(); });
        };
        const sizes = panels.map((panel) => panel.querySelectorAll("input").length);
        lookAtAll();
        const told = new Set();
        state.combinations.forEach((verdict, number) => {
            if (told.has(verdict) && verdict !== state.right) return;
            told.add(verdict);
            let rest = number;
            const chosen = sizes.map((_, blank) => {
                const below = sizes.slice(blank + 1).reduce((product, size) => product * size, 1);
                return Math.floor(rest / below) % sizes[blank];
            });
            model.set("chosen", chosen);
            model.set("checked", true);
            lookAtAll();
        });
        stop();
        place.replaceChildren();
        return seen;
    });
}"""


def stored() -> Iterator[dict[str, Any]]:
    """Yield the state of every exercise with blanks, as its chapter stores it."""
    for path in sorted(ROOT.glob("chapters/*.ipynb")):
        chapter = json.loads(path.read_text(encoding="utf-8"))
        states = chapter["metadata"]["widgets"][STATES]["state"]
        outputs = [
            output for cell in chapter["cells"] for output in cell.get("outputs", []) if VIEW in output.get("data", {})
        ]
        for state in (states[output["data"][VIEW]["model_id"]]["state"] for output in outputs):
            if state.get("_anywidget_id", "").endswith(".FillIn"):
                yield {key: value for key, value in state.items() if not key.startswith("_")}


def seen(page: Page, size: tuple[int, int]) -> list[dict[str, Any]]:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    found: list[dict[str, Any]] = page.evaluate(SEEN, [FillIn._esm, FillIn._css, list(stored())])
    assert len(found) >= 35
    return found


def test_every_verdict_is_told_on_one_screen(visit: Visit) -> None:
    """On a laptop the figure is whole; on a phone the verdict stays in view, below the choices and not over them."""
    page = visit("book/bibliography.html")
    for found in seen(page, SCREEN):
        assert found["height"] <= TALLEST, found
        assert found["unreachable"] == 0, found
    for found in seen(page, PHONE):
        assert found["below"] <= 0, found
        assert found["covered"] <= 0, found
        assert found["unreachable"] == 0, found
