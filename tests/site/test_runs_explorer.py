"""The picture of recorded runs: its lines stand where the records say, and no word of it stands on another."""

from itertools import product
from statistics import mean
from typing import Any

import pytest
from playwright.sync_api import Locator

from feedback_lite.training import records
from tests.kinds.runs_explorer import ALL_MODELS, RECORDED_TASKS, RESULTS
from tests.site.conftest import Visit
from tests.site.looking import begin, figure_of

KIND = "runs-explorer"

# What is drawn, in shares of right answers from 0 to 1: the levels of the grid tell where 0 and 1 are.
DRAWN = """(figure) => {
    const numbers = (path) => path.getAttribute("d").match(/-?[\\d.]+/g).map(Number);
    const levels = [...figure.querySelectorAll(".fl-grid")].map((path) => numbers(path)[1]);
    const [low, high] = [Math.max(...levels), Math.min(...levels)];
    const shares = (path) => numbers(path).filter((_, index) => index % 2).map((y) => (low - y) / (low - high));
    const all = (kind) => [...figure.querySelectorAll(`.fl-picture ${kind}`)].map(shares);
    return { means: all(".fl-mean"), seeds: all(".fl-seed") };
}"""

OVERLAPPING = """(figure) => {
    const frame = figure.getBoundingClientRect();
    const texts = [...figure.querySelectorAll(".fl-picture text")];
    const boxes = texts.map((text) => text.getBoundingClientRect());
    const outside = texts.filter((_, i) => boxes[i].left < frame.left || boxes[i].right > frame.right);
    const found = outside.map((text) => text.textContent);
    boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b, j) => {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1 && high > 5) found.push(`${texts[i].textContent} / ${texts[i + 1 + j].textContent}`);
    }));
    return found;
}"""


PRESS = """(figure, names) => names.forEach((name) => {
    const one = [...figure.querySelectorAll("[data-control]")].find((found) => found.dataset.control === name);
    if (one.getAttribute("aria-pressed") === "false") one.click();
})"""


def press(figure: Locator, *names: str) -> None:
    """Press what is not pressed yet. That a mouse and keys can do it is tested with all other figures."""
    for name in (name for name in names if "=" in name):
        begin(figure, name)
    figure.evaluate(PRESS, [name for name in names if "=" not in name])


@pytest.mark.parametrize("budget", ["examples", "seconds"])
@pytest.mark.parametrize("task", [RECORDED_TASKS[0], RECORDED_TASKS[-1]])
def test_lines_stand_where_the_record_says(task: str, budget: str, stage: Visit) -> None:
    record = records.load(f"compare-{task}")
    lengths = [str(length) for length in record["lengths"]]
    figure = figure_of(stage(RESULTS, fresh=True), KIND)
    press(figure, f"task={task}", f"budget={budget}", *(f"model {name}" for name in ALL_MODELS))
    for axis in ("length", "examples", "seconds"):
        press(figure, f"axis={axis}")
        drawn = figure.evaluate(DRAWN)
        seeds: list[list[float]] = []
        means: list[list[float]] = []
        told = {model["name"] for model in record["models"]}
        for name in (each for each in ALL_MODELS if each in told):
            runs = [run for run in record["runs"] if run["model"] == name and budget in run["budgets"]]
            rights = [rights_of(run, lengths if axis == "length" else None) for run in runs]
            seeds += rights
            means.append([mean(each) for each in zip(*rights, strict=True)])
        for lines, expected in ((drawn["seeds"], seeds), (drawn["means"], means)):
            assert len(lines) == len(expected)
            for line, rights_expected in zip(lines, expected, strict=True):
                assert line == pytest.approx(rights_expected, abs=5e-4)


def rights_of(run: dict[str, Any], lengths: list[str] | None) -> list[float]:
    """Return a run's shares of right answers at these lengths, or along its curve."""
    if lengths is None:
        curve: list[float] = run["curve"]["accuracy"]
        return curve
    return [run["accuracy_by_length"][length] for length in lengths]


@pytest.mark.parametrize("width", [320, 1280])
def test_words_do_not_overlap_whatever_is_drawn(width: int, stage: Visit) -> None:
    figure = figure_of(stage(RESULTS, width=width, fresh=True), KIND)
    for everyone in (False, True):
        if everyone:
            press(figure, f"task={RECORDED_TASKS[0]}", *(f"model {name}" for name in ALL_MODELS))
        pressed: set[str] = set()
        for task, budget, axis in product(RECORDED_TASKS, ("examples", "seconds"), ("examples", "seconds", "length")):
            wanted = (f"task={task}", f"budget={budget}", f"axis={axis}")
            press(figure, *(name for name in wanted if name not in pressed))
            pressed = set(wanted)
            assert figure.evaluate(OVERLAPPING) == [], (*wanted, everyone)


def test_chance_and_the_simple_rule_are_named(stage: Visit) -> None:
    figure = figure_of(stage(RESULTS, fresh=True), KIND)
    for task in RECORDED_TASKS:
        press(figure, f"task={task}")
        named = figure.locator(".fl-reference text").all_text_contents()
        expected = ["a simple rule"] if records.load(f"compare-{task}")["heuristic"] else []
        assert named == [*expected, "chance"]
