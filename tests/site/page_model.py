"""A figure's script in a page, on a model of the test's own: moved from outside, as a kernel moves it."""

import json
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page

IN_PAGE = """async (text) => {
    const [script, state, all, look] = JSON.parse(text);
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const figure = await import(address);
    URL.revokeObjectURL(address);
    const note = eval(look);
    const handlers = new Set();
    const model = {
        get: (key) => state[key],
        set: (key, value) => { state[key] = value; },
        on: (_, handler) => handlers.add(handler),
        off: (_, handler) => handlers.delete(handler),
        save_changes: () => {},
    };
    const place = document.createElement("div");
    document.body.append(place);
    const stop = figure.default.render({ model, el: place });
    const told = [];
    for (const changes of all) {
        Object.assign(state, changes);
        handlers.forEach((handler) => handler());
        await Promise.resolve();
        told.push(note(place, model, figure));
    }
    stop();
    place.remove();
    const exact = (_, value) => value === undefined ? null : Number.isNaN(value) ? "NaN" : value;
    return JSON.stringify({ told, left: handlers.size }, exact);
}"""

SENTENCE = r"""(place) => place.querySelector(".fl-sentence").textContent.replace(/\u00a0/g, " ")"""


def run_through(page: Page, state: dict[str, Any], states: Sequence[dict[str, Any]], look: str = SENTENCE) -> list[Any]:
    """Draw a figure in a page, move it from state to state, and return what ``look`` sees in each.

    All of it travels as JSON: Playwright would take apart and put together each number on its own.

    Args:
        page: any page.
        state: the figure's state as a page stores it, its script under ``_esm``.
        states: changes of the state, one after another.
        look: a function in JavaScript of the figure's place, its model and what its script exports.
    """
    plain = {key: value for key, value in state.items() if not key.startswith("_")}
    answer = json.loads(page.evaluate(IN_PAGE, json.dumps([state["_esm"], plain, list(states), look])))
    assert answer["left"] == 0  # handlers after the figure was taken away
    told: list[Any] = answer["told"]
    return told
