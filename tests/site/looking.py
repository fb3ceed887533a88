"""Finding figures and their controls on a page, and seeing what they show."""

import json
import re
import time
from typing import Any

from playwright.sync_api import Locator, Page

from tests.kind import Control, Look
from tests.kinds import KINDS
from tests.site.conftest import SITE

# What the bar of a figure says of an address that names it, with a state that is none.
UNREAD = "This link could not be read. The figure is as it was."
STATE = 'script[type="application/vnd.jupyter.widget-state+json"]'


def words(text: str) -> str:
    return " ".join(text.split())


def figures_of(page: Page, kind: str) -> list[Locator]:
    found = page.locator(f'[data-figure="{kind}"]').all()
    assert found, f"there is no {kind} on the page"
    return found


def figure_of(page: Page, kind: str) -> Locator:
    (figure,) = figures_of(page, kind)
    return figure


def control(figure: Locator, name: str, which: int = 0) -> Locator:
    return figure.locator(f'[data-control="{name}"]').nth(which)


def look(figure: Locator, kind: str) -> Look:
    """Return what is to be seen of a figure, its state sentence too."""
    seen: Look = figure.evaluate(
        f"""(figure) => {{
            const seen = ({KINDS[kind].look})(figure);
            const caption = figure.querySelector(".fl-caption")?.textContent ?? "";
            return {{
                ...seen,
                picture: [seen.picture, caption],
                caption: parseInt(caption) || 0,
                sentence: figure.querySelector("[role=status]").innerText,
            }};
        }}"""
    )
    return seen | {"sentence": words(seen["sentence"])}


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


def begin(figure: Locator, name: str) -> None:
    """Click a control; "task=program" chooses from a list."""
    found, _, value = name.partition("=")
    if value:
        control(figure, found).select_option(value)
    else:
        control(figure, name).click()  # a name may end with the sign, as "word =" does


def use(figure: Locator, row: Control, way: str) -> None:
    """Move a control: with the mouse, or with a key while it has the focus."""
    moved = control(figure, row.name, row.which)
    if way == "mouse":
        assert row.mouse is not None
        row.mouse(moved)
    else:
        moved.press(way)


def stored_states(page: Page) -> list[dict[str, Any]]:
    """Return the states of all figures that a page stores, as its notebook left them: scripts and styles in full."""
    text = page.locator(STATE).text_content()
    assert text is not None
    states = [model["state"] for model in json.loads(text)["state"].values()]
    return [{key: whole(value) for key, value in state.items()} for state in states if "_esm" in state]


def whole(value: Any) -> Any:
    """Return a part of a stored state, from the file in which it stands where pages share it."""
    if not isinstance(value, dict) or "$part" not in value:
        return value
    names = [value[key] for key in ("$after", "$part") if key in value]
    texts = [(SITE / "_static" / "figures" / f"{name}.js").read_text(encoding="utf-8") for name in names]
    parts = [json.loads(text.partition(" = ")[2].removesuffix(";\n")) for text in texts]
    return "".join(parts) if len(parts) > 1 else parts[0]


def bring_parts(page: Page) -> None:
    """Write the shared parts into the stored states, so that a test can change them."""
    page.evaluate(
        """(selector) => {
            const script = document.querySelector(selector);
            const parts = self.feedbackParts;
            const bring = (_, value) => !value?.$part ? value
                : value.$after ? parts[value.$after] + parts[value.$part] : parts[value.$part];
            script.textContent = JSON.stringify(JSON.parse(script.textContent, bring));
        }""",
        STATE,
    )


def stored_of(page: Page, kind: str) -> list[dict[str, Any]]:
    """Return the states of one kind."""
    figure = KINDS[kind].figure
    name = f"{figure.__module__}.{figure.__name__}"
    # A figure on a page that is no notebook is stored without its class's name.
    found = [state for state in stored_states(page) if state.get("_anywidget_id", name) == name]
    assert found, f"there is no state of a {kind} on the page"
    return found


def as_hex(colour: str) -> str | None:
    """Return a computed colour such as "rgb(0, 9, 255)" as the palette writes it, and "none" as None."""
    channels = re.findall(r"\d+", colour)[:3]
    return "#" + "".join(f"{int(channel):02x}" for channel in channels) if channels else None


def background(figure: Locator) -> str | None:
    return as_hex(figure.evaluate("(node) => getComputedStyle(node).backgroundColor"))
