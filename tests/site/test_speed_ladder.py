"""The picture of the speed ladder: its lines, bars and marks stand where the record says."""

import math
from itertools import combinations, pairwise
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.kinds.speed_ladder import speed_ladder, states
from tests.site.page_model import run_through
from tests.speeds import SETTINGS

DRAWN = r"""(place) => {
    const numbers = (path) => path.getAttribute("d").match(/[\d.]+/g).map(Number);
    const ticks = [...place.querySelectorAll(".fl-grid + text")].map(({ textContent, previousSibling }) => (
        [Number(textContent.replaceAll(",", "")), numbers(previousSibling)[1]]
    ));
    const lines = {}, bars = {}, own = {};
    place.querySelectorAll(".fl-line").forEach((line) => { lines[line.dataset.line] = numbers(line); });
    place.querySelectorAll(".fl-rung").forEach((rung) => {
        const width = (kind) => Number(rung.querySelector(kind)?.getAttribute("width") ?? 0);
        [bars[rung.dataset.rung], own[rung.dataset.rung]] = [width(".fl-bar"), width(".fl-own")];
    });
    const marks = [...place.querySelectorAll(".fl-mark text")].filter((text) => text.textContent).map((text) => (
        [Number(text.getAttribute("x")), Number(text.getAttribute("y"))]
    ));
    return { ticks, lines, bars, own, marks };
}"""


def drawn(sheet: Page, changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return run_through(sheet, speed_ladder().get_state(), changes, DRAWN)


@pytest.mark.parametrize("view", ["time", "memory"])
@pytest.mark.parametrize("setting", [0, 2])
def test_lines_stand_where_the_record_says(setting: int, view: str, sheet: Page) -> None:
    (seen,) = drawn(sheet, [{"view": view, "setting": setting}])
    shown = speed_ladder().settings[setting]
    (low, low_y), (high, high_y) = seen["ticks"][0], seen["ticks"][-1]
    decade = (high_y - low_y) / math.log10(high / low)
    assert decade < 0
    compared = 0
    for key, line in shown["lines"].items():
        costs = [cost for cost in line[view] if cost is not None]
        if not costs:
            assert key not in seen["lines"]
            continue
        xs, ys = seen["lines"][key][::2], seen["lines"][key][1::2]
        assert ys == pytest.approx([low_y + decade * math.log10(cost / low) for cost in costs], abs=0.2)
        steps = [second - first for first, second in pairwise(xs)]  # every length is twice the one before
        assert steps == pytest.approx([steps[0]] * len(steps), abs=0.2)
        compared += len(costs)
    assert compared >= 10


def test_bars_are_as_long_as_the_tokens_per_second(sheet: Page) -> None:
    figure = speed_ladder()
    for setting, seen in enumerate(drawn(sheet, [{"setting": setting} for setting in range(len(SETTINGS))])):
        figure.setting = setting
        for whose, bars in (("lines", seen["bars"]), ("own", seen["own"])):
            for key, width in bars.items():
                rates = [figure.value(one, "tokens", whose) for one in (key, "native")]
                expected = 0.0 if rates[0] is None else width_of(figure, rates[0], seen["bars"])
                assert width == pytest.approx(max(expected, 2.0 if expected else 0.0), abs=0.01)


def width_of(figure: Any, rate: float, bars: dict[str, float]) -> float:
    """Return how long a bar must be, going by the longest one of the record."""
    longest = max(bars, key=lambda key: bars[key])
    return bars[longest] * rate / figure.value(longest, "tokens")


def test_no_mark_stands_on_another(sheet: Page) -> None:
    for seen in drawn(sheet, list(states(speed_ladder()))):
        assert len(seen["marks"]) >= 6
        for (x, y), (other_x, other_y) in combinations(seen["marks"], 2):
            assert max(abs(x - other_x), abs(y - other_y)) >= 16
