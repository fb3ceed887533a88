"""The quiz: one question at a time, chosen, checked, and tried again until it is right."""

from collections.abc import Callable, Iterator
from itertools import permutations

from playwright.sync_api import Locator

from feedback_lite.widgets import Question, Quiz
from tests.kind import CHAPTERS, Control, Kind, Look, Mark, State, always, click


def quiz() -> Quiz:
    return Quiz(
        Question("Where is the ball?", ["under 1", "under 2", "under 3"], 1, ["No: a.", "Yes: b.", "No: c."]),
        Question("How many cups?", ["four", "five"], "five", ["One more.", "Count them."], "By hand"),
    )


LOOK = r"""(figure) => {
    const panels = [...figure.querySelectorAll("fieldset")];
    const shown = panels.findIndex((panel) => !panel.hidden);
    const options = [...panels[shown].querySelectorAll('[data-control="option"]')];
    const text = (node) => node.textContent.replace(/\u00a0/g, " ");
    const place = options.findIndex((option) => option.checked);
    return {
        number: shown + 1,
        chosen: place < 0 ? null : place,
        closed: options.map((option) => option.disabled),
        verdicts: options.map((option) => option.closest("label").dataset.verdict ?? null),
        reasons: options.map((option) => text(option.closest("label").querySelector(".fl-why"))),
        score: text(figure.querySelector(".fl-score")),
        picture: figure.outerHTML + options.map((option) => option.checked),
    };
}"""


def answer_right(control: Locator) -> None:
    """Choose the right option of the question that is shown, and check it."""
    figure = control.locator("xpath=ancestor::*[@data-figure]")
    figure.locator("fieldset:not([hidden]) [data-control=option]").nth(right_option(figure)).check()
    control.click()


def right_option(figure: Locator) -> int:
    """Return the place of the right option of the question that is shown, by what the page stores."""
    from tests.site.looking import stored_of  # which knows all kinds

    question = figure.locator("fieldset:not([hidden]) legend").text_content()
    stored = [asked for state in stored_of(figure.page, KIND.name) for asked in state["questions"]]
    (place,) = (asked["answer"] for asked in stored if asked["question"].replace(" %", "\u00a0%") == question)
    return int(place)


def at_question(move: Callable[[int], int]) -> Callable[[Look], Look]:
    return lambda was: {"number": move(was["number"]), "chosen": None}


CONTROLS = (
    Control("next", click, (), at_question(lambda now: now + 1)),
    Control("back", click, (), at_question(lambda now: now - 1), ("next",)),
    Control("option", click, (), always(chosen=1), which=1),
    Control("option", None, ("ArrowDown", "ArrowRight"), always(chosen=1), ("option",)),
    Control("check", answer_right, (), always(score="So far 1 of 1 right at the first try.")),
    Control("clear", click, (), always(number=1, chosen=None, score=""), ("option", "check")),
    Control("source", None, (), always()),
)

MARKS = {"right": Mark("check mark", '[data-verdict="right"] .fl-mark', "color", says="✓ right")}


def tried(asked: State) -> Iterator[list[int]]:
    """Every way to try a question: wrong options in any order, the right one last or not yet."""
    wrong = [place for place in range(len(asked["options"])) if place != asked["answer"]]
    for count in range(len(wrong) + 1):
        for order in permutations(wrong, count):
            yield list(order)
            yield [*order, asked["answer"]]


def states(twin: Quiz) -> Iterator[State]:
    """Every way to try each question while the others are open, then solved. As long as none is tried, the page says
    where the reader is, and Python asks."""
    solved = [[asked["answer"]] for asked in twin.questions]
    for place, asked in enumerate(twin.questions):
        for own in tried(asked):
            alone: list[list[int]] = [own if one == place else [] for one in range(len(solved))]
            if own:
                yield {"number": place + 1, "tries": alone}
            yield {"number": place + 1, "tries": [*solved[:place], own, *solved[place + 1 :]]}
            if own:
                yield {"number": (place + 1) % len(solved) + 1, "tries": alone}


def shows(twin: Quiz) -> Look:
    asked, own = twin.questions[twin.number - 1], twin.tries[twin.number - 1]
    places, solved = range(len(asked["options"])), asked["answer"] in own
    return {
        "number": twin.number,
        "chosen": asked["answer"] if solved else None,
        "closed": [solved or place in own for place in places],
        "verdicts": [
            None if place not in own else "right" if place == asked["answer"] else "wrong" for place in places
        ],
        "reasons": [asked["because"][place] if solved or place in own else "" for place in places],
    }


def twin(state: State) -> Quiz:
    return Quiz(*(Question(**asked) for asked in state["questions"]))


KIND = Kind(
    figure=Quiz,
    small=quiz,
    pages=CHAPTERS,
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=twin,
    states=states,
    shows=shows,
)
