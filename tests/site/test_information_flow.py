"""The picture of what reaches a cell, on the built page: it speaks and counts as in Python, for every cell."""

import json
from typing import Any

from playwright.sync_api import Locator, Page

from feedback_lite.widgets import Arrangement, InformationFlow
from tests.site.conftest import Visit
from tests.site.tables import FIGURES

KIND = "information-flow"
STATE = ("names", "segments", "rounds", "ways", "reads", "num_tokens", "num_layers", "chosen", "token", "layer")


def flows_on(page: Page) -> list[tuple[Locator, InformationFlow]]:
    """Each figure with one made in Python from the same state."""
    text = page.locator('script[type="application/vnd.jupyter.widget-state+json"]').text_content()
    assert text is not None
    models: list[dict[str, Any]] = [model["state"] for model in json.loads(text)["state"].values()]
    found = []
    for figure in page.locator(f'[data-figure="{KIND}"]').all():
        shown = figure.get_by_role("status").inner_text()
        state = next(one for one in models if "rounds" in one and one["sentence"] == shown)
        twin = InformationFlow([Arrangement("ordinary")])
        twin.set_state({name: state[name] for name in STATE})
        found.append((figure, twin))
    assert found
    return found


def test_information_flow_speaks_as_in_python_for_every_cell(stage: Visit) -> None:
    for page_name in {name for name, kind in FIGURES if kind == KIND}:
        page = stage(page_name)
        for figure, twin in flows_on(page):
            picker = figure.locator('[data-control="cell"]')
            for chosen, name in enumerate(twin.names):
                if chosen != twin.chosen:
                    figure.locator(f'[data-control="arrangement {name}"]').click()
                twin.chosen = chosen
                picker.focus()
                for layer in range(twin.num_layers + 1):
                    move_to(page, twin, token=1, layer=layer)
                    for token in range(1, twin.num_tokens + 1):
                        twin.set_state({"token": token, "layer": layer})
                        assert figure.get_by_role("status").inner_text() == twin.sentence
                        row = twin.ways[chosen][layer * twin.num_tokens + token - 1]
                        reached = len(row) - row.count(".")
                        assert figure.locator("[data-reached]").count() == reached
                        page.keyboard.press("ArrowRight")


def move_to(page: Page, twin: InformationFlow, *, token: int, layer: int) -> None:
    """Go by keyboard to a cell from wherever the figure stands."""
    for key in ["ArrowDown"] * twin.num_layers + ["ArrowUp"] * layer + ["Home"] + ["ArrowRight"] * (token - 1):
        page.keyboard.press(key)
