"""The exercise with blanks: choose, check, and be told what Python says of exactly this code."""

from collections.abc import Callable, Iterator
from itertools import product

from playwright.sync_api import Locator

from feedback_lite.lesson.filling import blanks_in
from feedback_lite.widgets import FillIn
from tests.kind import Control, Kind, Look, Mark, State, always, click

CODE = "powers = {powers}\nreturn powers / {total}"
CHOICES = {
    "powers": ("layer_weights.exp()", "layer_weights", "layer_weights.sigmoid()"),
    "total": ("powers.sum()", "layer_weights.sum()", "1"),
}


def shares() -> FillIn:
    return FillIn("shares", CODE, CHOICES)


LOOK = r"""(figure) => {
    const chips = [...figure.querySelectorAll('[data-control="blank"]')];
    const panels = [...figure.querySelectorAll("fieldset")];
    const text = (node) => node.textContent.replace(/\u00a0/g, " ");
    return {
        current: chips.findIndex((chip) => chip.getAttribute("aria-pressed") === "true"),
        open: panels.findIndex((panel) => !panel.hidden),
        filled: chips.map((chip) => chip.hasAttribute("data-empty") ? null : text(chip.querySelector(".fl-text"))),
        chosen: panels.map((panel) => {
            const place = [...panel.querySelectorAll("input")].findIndex((radio) => radio.checked);
            return place < 0 ? null : place;
        }),
        verdict: figure.dataset.verdict ?? null,
        whole: figure.querySelector(".fl-whole").hidden ? null : text(figure.querySelector(".fl-whole")),
        copied: text(figure.querySelector('[data-control="copy"]')),
        picture: figure.outerHTML + [...figure.querySelectorAll("input")].map((radio) => radio.checked),
    };
}"""


def fill(figure: Locator, choices: list[int]) -> None:
    """Choose by mouse, blank after blank."""
    for blank, choice in enumerate(choices):
        figure.locator('[data-control="blank"]').nth(blank).click()
        figure.locator("fieldset:not([hidden]) [data-control=choice]").nth(choice).click()


def figure_around(control: Locator) -> Locator:
    return control.locator("xpath=ancestor::*[@data-figure]")


def check_the_first(control: Locator) -> None:
    """Check the first choices, which are never all right."""
    figure = figure_around(control)
    fill(figure, [0] * figure.locator("fieldset").count())
    control.click()


def right_choices(figure: Locator) -> list[int]:
    """Return choices that are right, by what the page stores."""
    from tests.site.looking import stored_of  # which knows all kinds

    head = figure.locator(".fl-line").first.inner_text()
    (state,) = (one for one in stored_of(figure.page, KIND.name) if one["head"] == head)
    places = product(*(range(len(state["choices"][blank])) for blank in blanks_in(state["code"])))
    return next(
        list(place) for place, told in zip(places, state["combinations"], strict=True) if told == state["right"]
    )


def solve(figure: Locator) -> None:
    fill(figure, right_choices(figure))
    figure.locator('[data-control="check"]').click()


def solve_and_copy(control: Locator) -> None:
    solve(figure_around(control))
    control.click()


def shown(move: Callable[[int, int], int]) -> Callable[[Look], Look]:
    """The choices of another blank, and nothing else is changed."""

    def to(was: Look) -> Look:
        now = move(was["current"], len(was["filled"]) - 1)
        return {"current": now, "open": now, "filled": was["filled"]}

    return to


def second_chosen(was: Look) -> Look:
    return {"chosen": [1, *was["chosen"][1:]], "verdict": None}


def emptied(was: Look) -> Look:
    return {"chosen": [None for _ in was["chosen"]], "filled": [None for _ in was["filled"]], "current": 0}


CONTROLS = (
    Control("choice", click, (), second_chosen, which=1),
    Control("choice", None, ("ArrowDown", "ArrowRight"), second_chosen),
    Control("blank", click, (), shown(lambda now, last: 1), which=1, silent=True),
    Control("blank", None, ("ArrowRight",), shown(lambda now, last: now + 1), silent=True),
    Control("blank", None, ("End",), shown(lambda now, last: last), silent=True),
    Control("blank", None, ("ArrowLeft", "Home"), shown(lambda now, last: 0), ("choice",), 1, silent=True),
    Control("check", check_the_first, (), always(verdict="wrong")),
    Control("clear", click, (), emptied, ("choice",)),
    Control("copy", solve_and_copy, (), always(verdict="right", copied="Copied")),
)

MARKS = {"right": Mark("check mark", '[data-verdict="right"] .fl-mark', "color", says="✓ right")}


def states(twin: FillIn) -> Iterator[State]:
    """Every combination, checked and not yet, and some that are not whole."""
    sizes = [len(twin.choices[blank]) for blank in blanks_in(twin.code)]
    yield {"chosen": [0, *(None for _ in sizes[1:])], "checked": False}
    yield {"chosen": [*(None for _ in sizes[1:]), 1], "checked": False}
    for place in product(*(range(size) for size in sizes)):
        yield {"chosen": list(place), "checked": True}
        if sum(place) < 2:
            yield {"chosen": list(place), "checked": False}


def shows(twin: FillIn) -> Look:
    verdict = twin.verdict if twin.checked else None
    is_right = verdict == twin.right
    return {
        "chosen": twin.chosen,
        "verdict": None if verdict is None else "right" if is_right else "wrong",
        "whole": twin.assembled if is_right else None,
    }


KIND = Kind(
    figure=FillIn,
    small=shares,
    pages=(
        "chapters/05-feedback-memory.html",
        "chapters/02-relative-positions.html",
        "chapters/03-causal-mask.html",
        "chapters/04-shared-keys-values.html",
        "chapters/06-memory-fifo.html",
        "chapters/07-feed-forward.html",
        "chapters/08-segments.html",
        "chapters/09-whole-model.html",
        "chapters/10-generation.html",
    ),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda state: FillIn(state["exercise"], state["code"], state["choices"]),
    states=states,
    shows=shows,
)
