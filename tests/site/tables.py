"""What there is on the site: its pages, its figures, and every control of every figure.

A new page needs nothing here (the table of contents names it), a new figure a row in FIGURES, and a new control a row
in CONTROLS. A new kind of figure needs a look in LOOKS, and its states in ``test_every_state.py``. Tests hold all these
tables complete.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Locator

from feedback_lite.training import records
from feedback_lite.widgets.runs_explorer import recorded_tasks

ROOT = Path(__file__).parents[2]


def pages_of_the_book() -> list[str]:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    parts = contents.get("parts", [contents])
    names = [contents["root"], *(chapter["file"] for part in parts for chapter in part["chapters"])]
    return [f"{name}.html" for name in names]


PAGES = pages_of_the_book()
PAGES_OF_THE_TOOL = ["index.html", "genindex.html", "search.html"]

# page, kind of figure
FIGURES = [
    ("book/index.html", "shell-duel"),
    ("book/results.html", "runs-explorer"),
    ("chapters/01-why-feedback.html", "predict"),
    ("chapters/01-why-feedback.html", "shell-duel"),
    ("chapters/01-why-feedback.html", "information-flow"),
    ("chapters/02-relative-positions.html", "predict"),
    ("chapters/02-relative-positions.html", "bucket-explorer"),
    ("chapters/03-causal-mask.html", "predict"),
    ("chapters/03-causal-mask.html", "mask-explorer"),
    ("chapters/04-shared-keys-values.html", "predict"),
    ("chapters/04-shared-keys-values.html", "cost-explorer"),
    ("chapters/05-feedback-memory.html", "predict"),
    ("chapters/05-feedback-memory.html", "layer-mixture"),
    ("chapters/06-memory-fifo.html", "predict"),
    ("chapters/06-memory-fifo.html", "memory-queue"),
    ("chapters/08-segments.html", "predict"),
    ("chapters/08-segments.html", "information-flow"),
    ("chapters/07-feed-forward.html", "predict"),
    ("chapters/07-feed-forward.html", "gate-explorer"),
    ("chapters/09-whole-model.html", "predict"),
    ("chapters/09-whole-model.html", "token-walk"),
    ("chapters/09-whole-model.html", "inside"),
    ("chapters/10-generation.html", "predict"),
    ("chapters/10-generation.html", "inside"),
    ("chapters/11-training.html", "predict"),
    ("chapters/11-training.html", "runs-explorer"),
    ("chapters/13-after-feedback.html", "predict"),
    ("chapters/13-after-feedback.html", "lineage-map"),
]

# The kinds of figure that run a trained model in the page.
LIVE = ("shell-duel", "inside")

# What is to be seen of a figure, read from the page.
LOOKS = {
    "inside": """(figure) => {
        const text = (found) => found.textContent.replace(/\\s/g, " ");
        const one = (name) => figure.querySelector(`[data-control="${name}"]`);
        const now = text(figure.querySelector(".fl-now")).match(/^Step (\\d+) of (\\d+)/);
        const [step, steps] = now.slice(1).map(Number);
        const marked = (mark) => figure.querySelectorAll(`.fl-slot[data-mark="${mark}"]`).length;
        const folds = [...figure.querySelectorAll("details")].map((fold) => fold.open);
        const said = [...figure.querySelectorAll(".fl-message")].map(text);
        const head = [".fl-head", ".fl-chosen"].map((part) => text(figure.querySelector(part)));
        const pictures = [...figure.querySelectorAll("svg")].map((picture) => picture.innerHTML);
        return {
            step, steps, folds,
            slot: Number(one("slot").getAttribute("aria-valuenow")),
            framed: figure.querySelector(".fl-picker .fl-frame").getAttribute("visibility") === "visible",
            written: marked("written"),
            held: marked("held"),
            evicted: marked("evicted"),
            deleted: marked("deleted"),
            source: one("written").value,
            slots: text(one("memory size").parentElement.querySelector(".fl-value")),
            counts: one("offset").checked,
            attention: [1, 2].map((layer) => one(`attention ${layer}`).checked),
            hides: one("hide answer").checked,
            hidden: figure.querySelector(".fl-answer").dataset.verdict === "hidden",
            changed: !figure.querySelector(".fl-changed").hidden,
            next: one("next token").selectedOptions[0].textContent,
            game: one("game").value,
            linked: said[1] !== "",
            picture: [...head, ...said, folds, one("next token").value, ...pictures].join(),
        };
    }""",
    "runs-explorer": """(figure) => {
        const text = (found) => found.textContent.replace(/\\s/g, " ");
        const picker = figure.querySelector('[data-control="place"]');
        const pressed = [...figure.querySelectorAll('[aria-pressed="true"]')].map((one) => one.dataset.control);
        const chosen = (kind) => pressed.filter((one) => one.startsWith(kind)).map((one) => one.slice(kind.length));
        const values = {};
        figure.querySelectorAll('.fl-model[aria-pressed="true"]').forEach((row) => {
            const parts = [".fl-value", ".fl-range", ".fl-ended"].map((part) => text(row.querySelector(part)));
            values[row.dataset.control.slice(6)] = parts;
        });
        return {
            task: chosen("task "),
            axis: chosen("axis "),
            budget: chosen("budget "),
            shown: chosen("model "),
            place: Number(picker.getAttribute("aria-valuenow")),
            places: Number(picker.getAttribute("aria-valuemax")),
            now: text(figure.querySelector(".fl-now")),
            values,
            means: figure.querySelectorAll(".fl-picture .fl-mean").length,
            seeds: figure.querySelectorAll(".fl-picture .fl-seed").length,
            picture: figure.querySelector(".fl-picture").innerHTML,
        };
    }""",
    "shell-duel": """(figure) => {
        const all = (selector) => [...figure.querySelectorAll(selector)];
        const text = (found) => found.textContent.replace(/\\s/g, " ");
        const place = (found, holds) => found.findIndex(holds) + 1;
        const [feedback, , reader] = all(".fl-score").map((score) => Number(text(score).split(" of ")[1] ?? 0));
        const kept = figure.querySelector('[data-control="keep open"]')?.checked;
        return {
            swaps: Number(text(figure.querySelector(".fl-count")).split(" ")[0]),
            open: all(".fl-spot[data-ball]").length === 1,
            picked: place(all(".fl-spot"), (spot) => spot.getAttribute("aria-pressed") === "true"),
            guess: place(all(".fl-guesses button"), (one) => "chosen" in one.dataset),
            amount: all('.fl-amounts [aria-pressed="true"]').map(text),
            answers: all("[data-player] .fl-answer").map(text),
            rounds: feedback,
            guesses: reader,
            kept,
            note: all(".fl-note").map(text).join(),
            picture: [kept, ...all("svg, .fl-note, .fl-amounts").map((one) => one.outerHTML)],
        };
    }""",
    "token-walk": """(figure) => {
        const text = (selector) => figure.querySelector(selector).textContent.replace(/\\s/g, " ");
        const [, station, stations] = text(".fl-now").match(/^(\\d+) of (\\d+): ./).map(Number);
        return {
            station, stations,
            marked: Number(text('.fl-station[data-state="now"] .fl-stop-number')),
            done: figure.querySelectorAll('.fl-station[data-state="done"]').length,
            token: Number(text(".fl-value").split(":")[0]),
            tokens: Number(figure.querySelector('[data-control="token"]').max),
            bars: [...figure.querySelectorAll(".fl-bar-number")].map((bar) => bar.textContent.replace(/\\s/g, " ")),
            picture: figure.querySelector("svg").innerHTML,
        };
    }""",
    "gate-explorer": """(figure) => {
        const text = (found) => found.textContent.replace(/\\s/g, " ");
        const picker = figure.querySelector('[data-control="unit"]');
        const now = text(figure.querySelector(".fl-now")).match(/^Step (\\d+) of (\\d+)/);
        const [step, steps] = now.slice(1).map(Number);
        const pressed = [...figure.querySelectorAll('[aria-pressed="true"]')].map(text);
        const slider = (name) => figure.querySelector(`[data-control="${name}"]`).parentElement;
        const range = (name) => text(slider(name).querySelector(".fl-value"));
        return {
            step, steps, pressed,
            gate: range("gate"),
            value: range("value"),
            unit: Number(picker.getAttribute("aria-valuenow")),
            units: Number(picker.getAttribute("aria-valuemax")),
            framed: figure.querySelector(".fl-frame").getAttribute("visibility") === "visible",
            shut: figure.querySelectorAll('.fl-picker .fl-closed[data-kind="shut"]').length,
            picture: [...figure.querySelectorAll("svg")].map((one) => one.innerHTML).join(""),
        };
    }""",
    "bucket-explorer": """(figure) => {
        const one = (selector) => figure.querySelector(selector);
        const runs = [...figure.querySelectorAll(".fl-bucket")].map((box) => Number(box.dataset.slots));
        return {
            pressed: [...figure.querySelectorAll('[aria-pressed="true"]')].map((found) => found.textContent),
            slot: Number(one('[data-control="slot"]').getAttribute("aria-valuenow")),
            slots: Number(one('[data-control="slot"]').getAttribute("aria-valuemax")),
            covered: runs.reduce((sum, count) => sum + count, 0),
            buckets: [...figure.querySelectorAll(".fl-bucket")].map((box) => Number(box.dataset.bucket)),
            picture: one("svg").innerHTML,
        };
    }""",
    "mask-explorer": """(figure) => {
        const text = (found) => found.textContent.replace(/\\s/g, " ");
        const pairs = [...figure.querySelectorAll(".fl-pair")];
        const row = (name) => figure.querySelector(`[data-control="${name}"]`).parentElement;
        const value = (name) => row(name).querySelector(".fl-value");
        const tokens = Number(text(value("tokens")));
        const chosen = pairs.findIndex((pair) => pair.querySelector(".fl-frame"));
        return {
            tokens,
            slots: Number(text(value("slots"))),
            query: Math.floor(chosen / (pairs.length / tokens)),
            key: chosen % (pairs.length / tokens),
            pairs: pairs.length,
            future: figure.querySelectorAll(".fl-struck").length,
            weights: figure.querySelectorAll(".fl-weight").length,
            numbers: pairs.map((pair) => text(pair.querySelector(".fl-number"))),
            pressed: [...figure.querySelectorAll('[aria-pressed="true"]')].map(text),
            picture: figure.querySelector("svg").innerHTML,
        };
    }""",
    "cost-explorer": """(figure) => {
        const text = (found) => found.textContent.replace(/\\s/g, " ");
        const look = {
            pressed: [...figure.querySelectorAll('[aria-pressed="true"]')].map(text),
            blocks: [...figure.querySelectorAll(".fl-bar")].map((bar) => bar.querySelectorAll("rect").length),
            picture: figure.querySelector("svg").innerHTML,
        };
        figure.querySelectorAll('input[type="range"]').forEach((input) => {
            look[input.dataset.control] = text(input.parentElement.querySelector(".fl-value"));
        });
        figure.querySelectorAll("[data-cost]").forEach((cost) => { look[cost.dataset.cost] = text(cost); });
        return look;
    }""",
    "predict": """(figure) => {
        const options = [...figure.querySelectorAll('[data-control="option"]')];
        const chosen = options.findIndex((option) => option.checked);
        return {
            chosen: chosen < 0 ? null : chosen,
            recorded: options.every((option) => option.disabled),
            picture: options.map((option) => `${option.checked} ${option.closest("label").dataset.verdict}`),
        };
    }""",
    "information-flow": """(figure) => {
        const picker = figure.querySelector('[data-control="cell"]');
        const pressed = [...figure.querySelectorAll('[aria-pressed="true"]')];
        return {
            token: Number(picker.dataset.token),
            layer: Number(picker.dataset.layer),
            pressed: pressed.map((button) => button.textContent),
            reached: figure.querySelectorAll("[data-reached]").length,
            picture: figure.querySelector("svg").innerHTML,
        };
    }""",
    "lineage-map": """(figure) => {
        const text = (selector) => figure.querySelector(selector).textContent;
        const picker = figure.querySelector('[data-control="work"]');
        const works = [...figure.querySelectorAll(".fl-work:not([hidden])")];
        return {
            place: Number(picker.getAttribute("aria-valuenow")),
            places: Number(picker.getAttribute("aria-valuemax")),
            title: text(".fl-now"),
            recurs: text(".fl-recurs"),
            chosen: works.filter((work) => "chosen" in work.dataset).map((work) => work.dataset.key),
            shown: works.length,
            marked: works.filter((work) => work.querySelector(".fl-memory-mark")).map((work) => work.dataset.key),
            pressed: [...figure.querySelectorAll('[aria-pressed="true"]')].map((button) => button.textContent),
            segments: figure.querySelectorAll(".fl-segment").length,
            slots: figure.querySelectorAll(".fl-slot").length,
            source: text(".fl-source-line"),
            picture: [...figure.querySelectorAll("svg")].map((picture) => picture.innerHTML).join(),
        };
    }""",
    "memory-queue": """(figure) => {
        const text = (selector) => figure.querySelector(selector).textContent.replace(/\\s/g, " ");
        const [, step, steps] = text(".fl-now").match(/^Step (\\d+) of (\\d+): ./).map(Number);
        const picker = figure.querySelector('[data-control="token"]');
        const count = (kind) => figure.querySelectorAll(`.fl-token[data-state="${kind}"]`).length;
        return {
            step, steps,
            now: Number(text('.fl-token[data-state="now"] .fl-number')),
            held: count("held"),
            evicted: count("evicted"),
            waiting: count("waiting"),
            token: Number(picker.getAttribute("aria-valuenow")),
            tokens: Number(picker.getAttribute("aria-valuemax")),
            slots: Number(text(".fl-value").split(" ")[0]),
            picture: figure.querySelector("svg").innerHTML,
        };
    }""",
    "layer-mixture": """(figure) => {
        const one = (selector) => figure.querySelector(selector);
        const text = (found) => found.textContent.replace(/\\s/g, " ");
        const texts = (selector) => [...figure.querySelectorAll(selector)].map(text);
        const [, step, steps] = texts(".fl-now")[0].match(/^Step (\\d+) of (\\d+): ./).map(Number);
        const picker = one('[data-control="number"]');
        const look = {
            step, steps,
            slot: Number(one("[data-present]").dataset.step),
            filled: figure.querySelectorAll("[data-filled]").length,
            number: Number(picker.getAttribute("aria-valuenow")),
            numbers: Number(picker.getAttribute("aria-valuemax")),
            shares: texts(".fl-share"),
            pressed: texts('[aria-pressed="true"]'),
            picture: one("svg").innerHTML,
        };
        texts(".fl-layer .fl-small").forEach((drawn, layer) => {
            const row = one(`[data-control="weight ${layer}"]`).parentElement;
            look[`drawn ${layer}`] = drawn;
            look[`weight ${layer}`] = text(row.querySelector(".fl-value"));
        });
        return look;
    }""",
}

Look = dict[str, Any]
Move = Callable[[Locator], None]


def click(control: Locator) -> None:
    control.click()


def at(share: float) -> Move:
    """Click so far along the control, from 0 at its left end to 1 at its right end."""

    def move(control: Locator) -> None:
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        assert box is not None
        inset = 2 + share * (box["width"] - 4)
        control.click(position={"x": inset, "y": box["height"] / 2})

    return move


def point_at(share: float) -> Move:
    """Move the mouse over the control without a click."""

    def move(control: Locator) -> None:
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        assert box is not None
        control.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)

    return move


@dataclass(frozen=True)
class Control:
    """One way to use a control: what moves it, and what must be seen afterwards.

    Args:
        figure: the kind of figure.
        control: the control's name, which the page has as ``data-control``.
        mouse: what the mouse does; None where another row has the mouse.
        keys: keys of which each does the same while the control has the focus.
        to: from what was seen before, what must be seen afterwards.
        first: controls to click before, so that this one can act.
        which: the place among several controls of this name.
        stays: what need not change although the control was moved.
        page: the only page whose figure has this control; None where all figures of the kind have it.
    """

    figure: str
    control: str
    mouse: Move | None
    keys: tuple[str, ...]
    to: Callable[[Look], Look]
    first: tuple[str, ...] = ()
    which: int = 0
    stays: frozenset[str] = field(default_factory=frozenset)
    page: str | None = None

    def is_on(self, page: str, figure: str) -> bool:
        """Whether a figure of this kind on this page has the control."""
        return self.figure == figure and self.page in (None, page)

    @property
    def ways(self) -> list[str]:
        return [*(["mouse"] if self.mouse else []), *self.keys]


def always(**seen: Any) -> Callable[[Look], Look]:
    return lambda _: seen


def at_step(step: Callable[[Look], int]) -> Callable[[Look], Look]:
    """The step in words, and the slot of the memory strip in which it is written."""
    return lambda was: {"step": step(was), "slot": step(was), "filled": step(was)}


def preset(name: str, shares: Callable[[Look], list[str]] | None = None, first: tuple[str, ...] = ()) -> Control:
    def seen(was: Look) -> Look:
        return {"pressed": [name], **({} if shares is None else {"shares": shares(was)})}

    return Control("layer-mixture", f"preset {name}", click, ("Enter", "Space"), seen, first)


def one_hot(chosen: Callable[[int], int]) -> Callable[[Look], list[str]]:
    def shares(was: Look) -> list[str]:
        layers = len(was["shares"])
        return ["100 %" if layer == chosen(layers) else "0 %" for layer in range(layers)]

    return shares


def equal_shares(was: Look) -> list[str]:
    layers = len(was["shares"])
    return [f"{math.floor(100 / layers + 0.5)} %"] * layers


def with_weight(layer: int, weight: int) -> Callable[[Look], Look]:
    """This layer's raw weight, in the picture and beside its slider, and no preset any more."""
    text = str(weight).replace("-", "−")
    return always(**{f"weight {layer}": text, f"drawn {layer}": f"weight {text}", "pressed": []})


def sliders(layer: int) -> list[Control]:
    """From all weights at 0: to both ends, and one notch to either side."""
    ways: list[tuple[Move, tuple[str, ...], int]] = [
        (at(0.0), ("Home",), -3),
        (at(1.0), ("End",), 3),
        (at(1 / 3), ("ArrowLeft", "ArrowDown"), -1),
        (at(2 / 3), ("ArrowRight", "ArrowUp"), 1),
    ]
    name = f"weight {layer}"
    return [
        Control("layer-mixture", name, mouse, keys, with_weight(layer, weight), first=("preset equal shares",))
        for mouse, keys, weight in ways
    ]


def number(
    mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int], first: tuple[str, ...] = ()
) -> Control:
    """The number that is looked at. Its words are the line under the picture, not the state sentence."""
    return Control(
        "layer-mixture", "number", mouse, keys, lambda was: {"number": to(was)}, first, stays=frozenset({"sentence"})
    )


def queue_at(step: Callable[[Look], int]) -> Callable[[Look], Look]:
    """The step now, and where all slots are at it: to come, in memory, evicted."""

    def seen(was: Look) -> Look:
        now = step(was)
        held = min(now - 1, was["slots"])
        return {"step": now, "now": now, "held": held, "evicted": now - 1 - held, "waiting": was["steps"] - now}

    return seen


def memory_size(mouse: Move | None, keys: tuple[str, ...], slots: Callable[[Look], int]) -> Control:
    def seen(was: Look) -> Look:
        size = slots(was)
        return {"slots": size, "held": min(size, was["step"] - 1), "evicted": max(0, was["step"] - 1 - size)}

    return Control("memory-queue", "memory size", mouse, keys, seen)


def chosen_token(
    mouse: Move | None, keys: tuple[str, ...], token: Callable[[Look], int], first: tuple[str, ...] = ()
) -> Control:
    return Control("memory-queue", "token", mouse, keys, lambda was: {"token": token(was)}, first)


def cost_size(name: str, smallest: str, before: str, after: str, largest: str) -> list[Control]:
    """From the small model: to both ends, and one choice to either side."""
    ways: list[tuple[Move | None, tuple[str, ...], str]] = [
        (at(0.0), ("Home",), smallest),
        (at(1.0), ("End",), largest),
        (None, ("ArrowLeft", "ArrowDown"), before),
        (None, ("ArrowRight", "ArrowUp"), after),
    ]
    return [Control("cost-explorer", name, mouse, keys, always(**{name: value})) for mouse, keys, value in ways]


def with_inputs(vectors: str, blocks: list[int]) -> Callable[[Look], Look]:
    """Which button is pressed, and the blocks of the six bars, from the top down."""
    return lambda was: {"pressed": [vectors, *was["pressed"][1:]], "blocks": blocks}


def bucket_choice(place: int, name: str, text: str, first: tuple[str, ...] = ()) -> Control:
    """A button of the bucket explorer: afterwards it is the pressed one of its row, the rows in their order."""

    def seen(was: Look) -> Look:
        # The clicks in ``first`` have come before ``was`` was looked at.
        pressed = list(was["pressed"])
        pressed[place] = text
        return {"pressed": pressed, "covered": 2 * was["slots"]}

    return Control("bucket-explorer", name, click, ("Enter", "Space"), seen, first)


def bucket_slot(mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int], first: bool = False) -> Control:
    return Control(
        "bucket-explorer", "slot", mouse, keys, lambda was: {"slot": to(was)}, first=("slot",) if first else ()
    )


def unit_corner(control: Locator) -> None:
    """Click the first square, at the upper left of the first layer."""
    control.scroll_into_view_if_needed()
    control.click(position={"x": 12, "y": 14})


def gate_slider(name: str) -> list[Control]:
    """To both ends, and back by one tenth from there; the reader's own point is no unit of the model."""
    ways: list[tuple[Move, tuple[str, ...], str]] = [(at(0.0), ("Home",), "−5.0"), (at(1.0), ("End",), "5.0")]
    return [
        Control("gate-explorer", name, mouse, keys, always(**{name: text, "framed": False}))
        for mouse, keys, text in ways
    ]


def one_tenth(name: str, keys: tuple[str, ...], step: float) -> Control:
    def seen(was: Look) -> Look:
        tenths = round(10 * (float(was[name].replace("−", "-")) + step))
        return {name: f"{abs(tenths) / 10:.1f}" if tenths >= 0 else f"−{abs(tenths) / 10:.1f}"}

    return Control("gate-explorer", name, None, keys, seen)


def chosen_unit(mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int]) -> Control:
    return Control("gate-explorer", "unit", mouse, keys, lambda was: {"unit": to(was), "framed": True})


def at_station(station: Callable[[Look], int]) -> Callable[[Look], Look]:
    """The station in words, the one that is marked, and how many lie behind it."""
    return lambda was: {"station": station(was), "marked": station(was), "done": station(was) - 1}


def walking_token(
    mouse: Move | None, keys: tuple[str, ...], token: Callable[[Look], int], first: tuple[str, ...] = ()
) -> Control:
    return Control("token-walk", "token", mouse, keys, lambda was: {"token": token(was)}, first)


def gate_mode(name: str, shut: int | None, first: tuple[str, ...] = ()) -> Control:
    seen = always(pressed=[name], **({} if shut is None else {"shut": shut}))
    return Control("gate-explorer", f"mode {name}", click, ("Enter", "Space"), seen, first)


def pair(
    mouse: Move | None, keys: tuple[str, ...], seen: Callable[[Look], Look], first: tuple[str, ...] = ()
) -> Control:
    return Control("mask-explorer", "pair", mouse, keys, seen, first)


def mask_sizes(name: str, smallest: Look, before: Look, after: Look, largest: Look) -> list[Control]:
    """From three slots and three tokens: to both ends, and one to either side."""
    ways: list[tuple[Move | None, tuple[str, ...], Look]] = [
        (at(0.0), ("Home",), smallest),
        (at(1.0), ("End",), largest),
        (None, ("ArrowLeft", "ArrowDown"), before),
        (None, ("ArrowRight", "ArrowUp"), after),
    ]
    return [Control("mask-explorer", name, mouse, keys, always(**seen)) for mouse, keys, seen in ways]


def shown_head(layer: int, head: int) -> Control:
    name = f"layer {layer}, head {head}"
    seen = always(pressed=[name], tokens=1, slots=3, pairs=3, weights=3)
    return Control("mask-explorer", f"show {name}", click, ("Enter", "Space"), seen)


WHY_FEEDBACK, SEGMENTS = "chapters/01-why-feedback.html", "chapters/08-segments.html"


def arrangement(name: str, page: str, first: tuple[str, ...] = ()) -> Control:
    """How the model looks back, in the picture of what reaches a cell; each page offers a choice of its own."""
    seen = always(pressed=[name])
    return Control("information-flow", f"arrangement {name}", click, ("Enter", "Space"), seen, first, page=page)


def flow_cell(mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], Look]) -> Control:
    """The cell that is chosen: a token and a layer. A click into the middle of the picture comes first."""
    return Control("information-flow", "cell", mouse, keys, to, first=("cell",))


FLOW_CONTROLS = [
    arrangement("segments of 1", page=SEGMENTS),
    arrangement("segments of 2", page=SEGMENTS),
    arrangement("segments of 4", first=("arrangement ordinary",), page=SEGMENTS),
    arrangement("segments of 12", page=SEGMENTS),
    arrangement("ordinary", page=SEGMENTS),
    arrangement("ordinary", first=("arrangement feedback",), page=WHY_FEEDBACK),
    arrangement("cache, segments of 4", page=WHY_FEEDBACK),
    arrangement("feedback", page=WHY_FEEDBACK),
    arrangement("segments of 4", page=WHY_FEEDBACK),
    flow_cell(at(0.0), ("Home",), lambda was: {"token": 1, "layer": was["layer"]}),
    flow_cell(at(1.0), ("End",), lambda was: {"token": 12, "layer": was["layer"]}),
    flow_cell(None, ("ArrowRight",), lambda was: {"token": was["token"] + 1, "layer": was["layer"]}),
    flow_cell(None, ("ArrowLeft",), lambda was: {"token": was["token"] - 1, "layer": was["layer"]}),
    flow_cell(None, ("ArrowUp",), lambda was: {"token": was["token"], "layer": was["layer"] + 1}),
    flow_cell(None, ("ArrowDown",), lambda was: {"token": was["token"], "layer": 0, "reached": 0}),
]


def on_map(name: str) -> Move:
    """Click a work where it stands on the map."""

    def move(control: Locator) -> None:
        control.scroll_into_view_if_needed()
        box = control.locator("xpath=..").locator(f'[data-key="{name}"]').bounding_box()
        assert box is not None
        control.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    return move


def work(
    control: str, mouse: Move | None, keys: tuple[str, ...], place: Callable[[Look], int], first: tuple[str, ...] = ()
) -> Control:
    return Control("lineage-map", control, mouse, keys, lambda was: {"place": place(was)}, first)


def works_of(years: str, shown: int, first: tuple[str, ...] = ()) -> Control:
    """The marked work stands on the map whatever the years are."""
    seen = always(pressed=[years], shown=shown, places=shown, marked=["fan2020feedback"])
    return Control("lineage-map", f"years {years}", click, ("Enter", "Space"), seen, first)


LINEAGE_CONTROLS = [
    work("work", on_map("bulatov2022rmt"), (), lambda was: 10),
    work("work", None, ("Home",), lambda was: 1),
    work("work", None, ("End",), lambda was: was["places"]),
    work("work", None, ("ArrowRight", "ArrowUp"), lambda was: was["place"] + 1),
    work("work", None, ("ArrowLeft", "ArrowDown"), lambda was: was["place"] - 1),
    work("earlier", click, ("Enter", "Space"), lambda was: was["place"] - 1),
    work("later", click, ("Enter", "Space"), lambda was: was["place"] + 1),
    work("later", click, ("Enter", "Space"), lambda was: 2, first=("years since 2021",)),
    works_of("until 2020", 6),
    works_of("since 2021", 18, first=("later",)),
    works_of("all years", 23, first=("years until 2020",)),
    # A link leads away from the page; where to is tested with the figure.
    Control("lineage-map", "source", None, (), always()),
]


RESULTS = "book/results.html"
PRESSED = ("Enter", "Space")
RECORDED_TASKS = recorded_tasks()
RECORDED_MODELS = [model["name"] for model in records.load("compare-shell-game")["models"]]


def runs_choice(kind: str, value: str, first: tuple[str, ...] = ()) -> Control:
    """A task, an axis or a budget of recorded runs."""

    def seen(was: Look) -> Look:
        return {kind: [value]}

    return Control("runs-explorer", f"{kind} {value}", click, PRESSED, seen, first)


def runs_model(name: str, keys: tuple[str, ...]) -> Control:
    """A model is drawn where it was not, and the other way round."""

    def seen(was: Look) -> Look:
        shown = {*was["shown"]} ^ {name}
        return {"shown": [one for one in RECORDED_MODELS if one in shown], "means": len(shown)}

    return Control("runs-explorer", f"model {name}", click, keys, seen)


def runs_place(
    mouse: Move | None, keys: tuple[str, ...], to: Callable[[Look], int], first: tuple[str, ...] = ()
) -> Control:
    return Control("runs-explorer", "place", mouse, keys, lambda was: {"place": to(was)}, first)


RUNS_CONTROLS = [
    *(runs_choice("task", task) for task in RECORDED_TASKS[1:]),
    runs_choice("task", RECORDED_TASKS[0], first=(f"task {RECORDED_TASKS[1]}",)),
    runs_choice("axis", "seconds"),
    runs_choice("axis", "length"),
    runs_choice("axis", "examples", first=("axis length",)),
    runs_choice("budget", "seconds"),
    runs_choice("budget", "examples", first=("budget seconds",)),
    *(runs_model(name, () if number else PRESSED) for number, name in enumerate(RECORDED_MODELS)),
    runs_place(at(0.0), ("Home",), lambda was: 1),
    runs_place(None, ("ArrowLeft", "ArrowDown"), lambda was: was["place"] - 1),
    runs_place(at(1.0), ("End",), lambda was: was["places"], first=("place",)),
    runs_place(None, ("ArrowRight", "ArrowUp"), lambda was: was["place"] + 1, first=("place",)),
]


def duel(name: str, seen: Callable[[Look], Look], first: tuple[str, ...] = (), keys: tuple[str, ...] = ()) -> Control:
    """A button of the duel; `keys` where it is moved by these keys alone."""
    return Control("shell-duel", name, None if keys else click, keys or ("Enter", "Space"), seen, first)


def picked_cup(name: str, cup: int, first: tuple[str, ...] = (), keys: tuple[str, ...] = ()) -> Control:
    """What is picked is told under the cups, not in the state sentence."""
    row = duel(name, always(picked=cup), first, keys)
    return replace(row, stays=frozenset({"sentence"}))


def more_swaps(count: int, **seen: Any) -> Callable[[Look], Look]:
    return lambda was: {"swaps": was["swaps"] + count, "open": False, "picked": 0, "answers": ["", "", ASKED], **seen}


ASKED = "where is the ball?"
CUPS = range(1, 6)
DUEL_CONTROLS = [
    *(picked_cup(f"cup {cup}", cup) for cup in CUPS),
    picked_cup("cup 3", 0, first=("cup 3",)),
    *(picked_cup("shuffle", cup, keys=(str(cup),)) for cup in CUPS),
    picked_cup("reveal", 0, first=("cup 4",), keys=("4", "Escape")),
    duel("cup 5", more_swaps(1), first=("cup 2",)),
    duel("reveal", more_swaps(1), first=("cup 2",), keys=("3",)),
    duel("shuffle", more_swaps(10)),
    duel("shuffle", more_swaps(1), first=("swaps 1",)),
    duel("shuffle", more_swaps(50), first=("swaps 50",)),
    duel("shuffle", lambda was: {"swaps": was["swaps"] + 1, "open": True, "rounds": 0}, first=("swaps 1", "keep open")),
    *(
        replace(duel(f"swaps {count}", always(amount=[str(count)]), first), stays=frozenset({"sentence"}))
        for count, first in ((1, ()), (10, ("swaps 1",)), (50, ()))
    ),
    *(duel(f"guess {cup}", always(open=True, guess=cup, rounds=1, guesses=1), first=("shuffle",)) for cup in CUPS),
    duel("reveal", always(open=True, guess=0, rounds=1, guesses=0), first=("shuffle",)),
    duel("new game", always(swaps=0, open=True, rounds=0)),
    duel("new game", always(swaps=0, open=True, rounds=1), first=("shuffle", "reveal")),
    Control("shell-duel", "keep open", click, ("Space",), always(kept=True, open=True, rounds=0), first=("shuffle",)),
    Control(
        "shell-duel", "keep open", click, ("Space",), always(kept=False), ("keep open",), stays=frozenset({"sentence"})
    ),
    replace(duel("copy link", always(note="The link is copied.")), stays=frozenset({"sentence"})),
]


def typed(text: str) -> Move:
    """Type over what stands in a field, and press Enter."""

    def move(control: Locator) -> None:
        control.fill(text)
        control.press("Enter")

    return move


def select(name: str) -> Move:
    def move(control: Locator) -> None:
        control.select_option(label=name)

    return move


def inside(
    control: str,
    mouse: Move | None,
    keys: tuple[str, ...],
    seen: Callable[[Look], Look] | Look,
    first: tuple[str, ...] = (),
    silent: bool = False,
) -> Control:
    """A control of the model's inside; a silent one does not change the state sentence."""
    stays = frozenset({"sentence"}) if silent else frozenset()
    return Control("inside", control, mouse, keys, seen if callable(seen) else always(**seen), first, stays=stays)


def inside_at(step: Callable[[Look], int]) -> Callable[[Look], Look]:
    """The step in words, and the marks of a memory of 16 slots."""

    def seen(was: Look) -> Look:
        now = step(was)
        full = now > 16
        return {"step": now, "written": 1, "held": 15 if full else now - 1, "evicted": int(full)}

    return seen


GAME_FOLD, MODEL_FOLD = ("change the game",), ("change the model",)
INSIDE_CONTROLS = [
    inside("back", click, (*PRESSED, "ArrowLeft"), inside_at(lambda was: was["step"] - 1)),
    inside("step", click, (*PRESSED, "ArrowRight"), inside_at(lambda was: was["step"] + 1)),
    inside("step", None, ("End",), inside_at(lambda was: was["steps"])),
    inside("run", click, PRESSED, inside_at(lambda was: was["step"] + 3)),
    inside("restart", click, (*PRESSED, "Home"), inside_at(lambda was: 1)),
    inside("slot", at(0.999), ("End",), lambda was: {"slot": was["step"], "framed": True}, silent=True),
    inside("slot", at(0.2), (), lambda was: {"slot": was["step"] - 15, "framed": True}, silent=True),
    inside("slot", None, ("ArrowLeft", "ArrowDown"), lambda was: {"slot": was["slot"] - 1}, silent=True),
    inside("slot", None, ("ArrowRight", "ArrowUp"), lambda was: {"slot": was["slot"] + 1}, silent=True),
    inside("slot", None, ("Home",), {"slot": 1, "framed": True}, silent=True),
    inside("hide answer", click, ("Space",), {"hides": True, "hidden": True}),
    inside("show", click, PRESSED, {"hides": True, "hidden": False}, ("hide answer",)),
    inside("copy link", click, PRESSED, {"linked": True}, silent=True),
    inside("change the game", click, PRESSED, {"folds": [True, False]}, silent=True),
    inside("next token", select("swap 4 and 5"), ("End",), {"next": "swap 4 and 5"}, GAME_FOLD, silent=True),
    inside("add", click, PRESSED, lambda was: {"step": was["step"] + 1, "steps": was["step"] + 1}, GAME_FOLD),
    inside("game", typed("2 12 21"), (), {"step": 3, "steps": 3, "game": "2 12 12", "held": 2}, GAME_FOLD),
    inside("game", None, ("Enter",), inside_at(lambda was: was["steps"]), GAME_FOLD),
    inside("use", click, PRESSED, inside_at(lambda was: was["steps"]), GAME_FOLD),
    inside("change the model", click, PRESSED, {"folds": [False, True]}, silent=True),
    inside("written", select("the embedding alone"), (), {"source": "0", "changed": True}, MODEL_FOLD),
    inside("written", None, ("ArrowDown",), {"source": "uniform", "changed": True}, MODEL_FOLD),
    inside("written", None, ("End",), {"source": "2", "changed": True}, MODEL_FOLD),
    inside("memory size", at(0.0), ("Home",), {"slots": "1 slot", "held": 0, "evicted": 1}, MODEL_FOLD),
    inside("memory size", at(1.0), ("End",), {"slots": "24 slots", "held": 17, "evicted": 0}, MODEL_FOLD),
    inside("memory size", None, ("ArrowLeft", "ArrowDown"), {"slots": "15 slots", "held": 14}, MODEL_FOLD),
    inside("memory size", None, ("ArrowRight", "ArrowUp"), {"slots": "17 slots", "held": 16}, MODEL_FOLD),
    inside("offset", click, ("Space",), {"counts": False, "changed": True}, MODEL_FOLD),
    inside("attention 1", click, ("Space",), {"attention": [False, True], "changed": True}, MODEL_FOLD),
    inside("attention 2", click, ("Space",), {"attention": [True, False], "changed": True}, MODEL_FOLD),
    inside("delete", click, PRESSED, {"deleted": 1, "held": 14, "changed": True}, MODEL_FOLD),
    inside("bring back", click, PRESSED, {"deleted": 0, "held": 15, "changed": False}, (*MODEL_FOLD, "delete")),
    inside(
        "as trained",
        click,
        PRESSED,
        {"attention": [True, True], "counts": True, "deleted": 0, "changed": False},
        (*MODEL_FOLD, "attention 1", "offset", "delete"),
    ),
]


CONTROLS = [
    *INSIDE_CONTROLS,
    *FLOW_CONTROLS,
    *LINEAGE_CONTROLS,
    *RUNS_CONTROLS,
    *DUEL_CONTROLS,
    bucket_choice(0, "buckets 4", "4"),
    bucket_choice(0, "buckets 8", "8"),
    bucket_choice(0, "buckets 16", "16", first=("buckets 8",)),
    bucket_choice(1, "distance 8", "8", first=("buckets 8",)),
    bucket_choice(1, "distance 16", "16", first=("distance 32",)),
    bucket_choice(1, "distance 32", "32"),
    bucket_choice(2, "both directions", "both directions"),
    bucket_choice(2, "past only", "past only", first=("both directions",)),
    bucket_choice(3, "head 1", "head 1", first=("head 2",)),
    bucket_choice(3, "head 2", "head 2"),
    bucket_slot(at(0.0), ("Home",), lambda was: 1),
    bucket_slot(None, ("ArrowLeft", "ArrowDown"), lambda was: was["slot"] - 1),
    bucket_slot(at(0.999), ("End",), lambda was: was["slots"], first=True),
    bucket_slot(None, ("ArrowRight", "ArrowUp"), lambda was: was["slot"] + 1, first=True),
    Control("predict", "option", click, ("Space",), always(chosen=1, recorded=False), which=1),
    Control("predict", "record", click, ("Enter", "Space"), always(chosen=0, recorded=True), ("option",)),
    Control("predict", "again", click, ("Enter", "Space"), always(chosen=None, recorded=False), ("option", "record")),
    pair(point_at(0.001), (), always(query=1, key=0)),
    pair(at(0.0), ("Home",), always(query=1, key=0)),
    pair(None, ("ArrowLeft",), always(query=1, key=4)),
    pair(None, ("ArrowUp",), always(query=0, key=5)),
    pair(None, ("ArrowDown",), always(query=2, key=5)),
    pair(None, ("ArrowRight",), lambda was: {"query": 1, "key": was["key"] + 1}, ("pair",)),
    pair(None, ("End",), always(query=1, key=5), ("pair",)),
    *mask_sizes(
        "slots",
        {"slots": 0, "pairs": 9, "future": 3, "key": 2},
        {"slots": 2, "pairs": 15, "future": 3, "key": 4},
        {"slots": 4, "pairs": 21, "future": 3, "key": 5},
        {"slots": 6, "pairs": 27, "future": 3, "key": 5},
    ),
    *mask_sizes(
        "tokens",
        {"tokens": 1, "pairs": 3, "future": 0, "query": 0, "key": 2},
        {"tokens": 2, "pairs": 10, "future": 1, "query": 1, "key": 4},
        {"tokens": 4, "pairs": 28, "future": 6, "query": 1, "key": 5},
        {"tokens": 4, "pairs": 28, "future": 6, "query": 1, "key": 5},
    ),
    *(shown_head(layer, head) for layer in (1, 2) for head in (1, 2)),
    Control(
        "mask-explorer",
        "show distances",
        click,
        ("Enter", "Space"),
        always(pressed=["distances"], tokens=1, weights=0, pairs=3),
        first=("show layer 2, head 1",),
    ),
    *cost_size("layers", "1", "1", "4", "24"),
    *cost_size("width", "16", "16", "64", "512"),
    *cost_size("heads", "1", "1", "4", "8"),
    Control("cost-explorer", "head width", at(1.0), ("End",), always(**{"head width": "128"})),
    Control("cost-explorer", "head width", None, ("ArrowRight", "ArrowUp"), always(**{"head width": "32"})),
    Control("cost-explorer", "slots", at(1.0), ("End",), always(slots="8,192")),
    Control("cost-explorer", "slots", None, ("ArrowRight", "ArrowUp"), always(slots="64")),
    Control(
        "cost-explorer",
        "vectors own",
        click,
        ("Enter", "Space"),
        with_inputs("a vector per layer", [1, 2, 2, 2, 2, 2]),
    ),
    Control(
        "cost-explorer",
        "vectors shared",
        click,
        ("Enter", "Space"),
        with_inputs("one vector for all layers", [1, 2, 1, 2, 1, 2]),
        first=("vectors own",),
    ),
    Control(
        "cost-explorer",
        "model the authors' large model",
        click,
        ("Enter", "Space"),
        always(
            layers="12",
            width="512",
            heads="8",
            slots="8,192",
            **{"head width": "128", "parameters shared": "1,048,576"},
        ),
    ),
    Control(
        "cost-explorer",
        "model our small model",
        click,
        ("Enter", "Space"),
        always(layers="2", width="32", heads="2", slots="16", **{"head width": "16", "parameters each": "4,096"}),
        first=("model the authors' large model",),
    ),
    Control("layer-mixture", "back", click, ("Enter", "Space", "ArrowLeft"), at_step(lambda was: was["step"] - 1)),
    Control("layer-mixture", "step", click, ("Enter", "Space", "ArrowRight"), at_step(lambda was: was["step"] + 1)),
    Control("layer-mixture", "step", None, ("End",), at_step(lambda was: was["steps"])),
    Control("layer-mixture", "run", click, ("Enter", "Space"), at_step(lambda was: was["step"] + 3)),
    Control("layer-mixture", "restart", click, ("Enter", "Space", "Home"), at_step(lambda was: 1)),
    number(point_at(0.999), (), lambda was: was["numbers"]),
    number(at(1.0), ("End",), lambda was: was["numbers"]),
    number(None, ("ArrowRight", "ArrowUp"), lambda was: was["number"] + 1),
    number(at(0.0), ("Home",), lambda was: 1, first=("number",)),
    number(None, ("ArrowLeft", "ArrowDown"), lambda was: was["number"] - 1, first=("number",)),
    preset("learned", first=("preset equal shares",)),
    preset("equal shares", equal_shares),
    preset("embedding only", one_hot(lambda layers: 0)),
    preset("last layer only", one_hot(lambda layers: layers - 1)),
    *(row for layer in range(3) for row in sliders(layer)),
    Control("memory-queue", "back", click, ("Enter", "Space", "ArrowLeft"), queue_at(lambda was: was["step"] - 1)),
    Control("memory-queue", "step", click, ("Enter", "Space", "ArrowRight"), queue_at(lambda was: was["step"] + 1)),
    Control("memory-queue", "step", None, ("End",), queue_at(lambda was: was["steps"])),
    Control("memory-queue", "run", click, ("Enter", "Space"), queue_at(lambda was: was["step"] + 3)),
    Control("memory-queue", "restart", click, ("Enter", "Space", "Home"), queue_at(lambda was: 1)),
    memory_size(at(0.0), ("Home",), lambda was: 1),
    memory_size(at(1.0), ("End",), lambda was: 6),
    memory_size(None, ("ArrowLeft", "ArrowDown"), lambda was: was["slots"] - 1),
    memory_size(None, ("ArrowRight", "ArrowUp"), lambda was: was["slots"] + 1),
    chosen_token(at(1.0), ("End",), lambda was: was["tokens"]),
    chosen_token(None, ("ArrowRight", "ArrowUp"), lambda was: was["token"] + 1),
    chosen_token(at(0.0), ("Home",), lambda was: 1, first=("token",)),
    chosen_token(None, ("ArrowLeft", "ArrowDown"), lambda was: was["token"] - 1, first=("token",)),
    Control("gate-explorer", "back", click, ("Enter", "Space", "ArrowLeft"), lambda was: {"step": was["step"] - 1}),
    Control("gate-explorer", "step", click, ("Enter", "Space", "ArrowRight"), lambda was: {"step": was["step"] + 1}),
    Control("gate-explorer", "step", None, ("End",), lambda was: {"step": was["steps"]}),
    Control("gate-explorer", "run", click, ("Enter", "Space"), lambda was: {"step": was["step"] + 3}),
    Control("gate-explorer", "restart", click, ("Enter", "Space", "Home"), always(step=1)),
    *gate_slider("gate"),
    one_tenth("gate", ("ArrowLeft", "ArrowDown"), -0.1),
    one_tenth("gate", ("ArrowRight", "ArrowUp"), 0.1),
    *gate_slider("value"),
    one_tenth("value", ("ArrowLeft", "ArrowDown"), -0.1),
    one_tenth("value", ("ArrowRight", "ArrowUp"), 0.1),
    chosen_unit(None, ("Home",), lambda was: 1),
    chosen_unit(None, ("End",), lambda was: was["units"]),
    chosen_unit(None, ("ArrowLeft",), lambda was: was["unit"] - 1),
    chosen_unit(None, ("ArrowRight",), lambda was: was["unit"] + 1),
    chosen_unit(None, ("ArrowUp",), lambda was: was["unit"] - 16),
    chosen_unit(unit_corner, (), lambda was: 1),
    Control("token-walk", "back", click, ("Enter", "Space", "ArrowLeft"), at_station(lambda was: was["station"] - 1)),
    Control("token-walk", "step", click, ("Enter", "Space", "ArrowRight"), at_station(lambda was: was["station"] + 1)),
    Control("token-walk", "step", None, ("End",), at_station(lambda was: was["stations"])),
    Control("token-walk", "run", click, ("Enter", "Space"), at_station(lambda was: was["station"] + 3)),
    Control("token-walk", "restart", click, ("Enter", "Space", "Home"), at_station(lambda was: 1)),
    walking_token(at(0.0), ("Home",), lambda was: 1),
    walking_token(None, ("ArrowLeft", "ArrowDown"), lambda was: was["token"] - 1),
    walking_token(at(1.0), ("End",), lambda was: was["tokens"], first=("token",)),
    walking_token(None, ("ArrowRight", "ArrowUp"), lambda was: was["token"] + 1, first=("token",)),
    gate_mode("learned", None, first=("mode all open",)),
    gate_mode("all open", 0),
    gate_mode("all shut", 192),
]
