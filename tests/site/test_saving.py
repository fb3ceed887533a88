"""What a reader changes with a figure's controls is saved, so that a kernel hears of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from feedback_lite.widgets import Figure
from tests.figures import every_figure

# Uses every control of a figure once; returns how often the state was set, and which controls did not save it.
USE = """async ([script, state]) => {
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const { default: figure } = await import(address);
    URL.revokeObjectURL(address);
    const handlers = new Set();
    let [times, saved] = [0, true];
    const model = {
        get: (key) => state[key],
        set: (key, value) => {
            [state[key], saved] = [value, false];
            times += 1;
            handlers.forEach((handler) => handler());
        },
        on: (_, handler) => handlers.add(handler),
        off: (_, handler) => handlers.delete(handler),
        save_changes: () => { saved = true; },
    };
    const place = document.createElement("div");
    document.body.append(place);
    const stop = figure.render({ model, el: place });
    const change = (one, kinds) => kinds.forEach((kind) => one.dispatchEvent(new Event(kind, { bubbles: true })));
    const use = (one) => {
        if (one.type === "range") {
            one.value = one.value === one.max ? one.min : one.max;
            change(one, ["input", "change"]);
        } else if (one.tagName === "SELECT") {
            one.selectedIndex = one.options.length - 1;
            change(one, ["change"]);
        } else if (one.tagName !== "A") {
            one.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
            one.dispatchEvent(new KeyboardEvent("keydown", { key: "Home", bubbles: true, cancelable: true }));
        }
    };
    const forgotten = [];
    for (const one of place.querySelectorAll("[data-control]")) {
        use(one);
        await Promise.resolve();
        if (!saved) forgotten.push(one.dataset.control);
        saved = true;
    }
    stop();
    place.remove();
    return [times, forgotten];
}"""


@pytest.fixture(scope="module")
def sheet(browser: Browser) -> Iterator[Page]:
    """An empty sheet: no site, for what needs none."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("figure", every_figure(), ids=lambda figure: type(figure).__name__)
def test_every_control_saves_what_it_changes(figure: Figure, sheet: Page) -> None:
    state = {key: value for key, value in figure.get_state().items() if not key.startswith("_")}
    times, forgotten = sheet.evaluate(
        USE, [figure._esm, {key: value for key, value in state.items() if key != "layout"}]
    )
    assert times > 0
    assert forgotten == []
