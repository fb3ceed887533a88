"""The prediction: a question that is answered before the answer shows."""

from collections.abc import Iterator

from feedback_lite.widgets import Predict
from tests.kind import CHAPTERS, Control, Kind, Look, Mark, State, always, click


def prediction() -> Predict:
    return Predict("Where is the ball?", ["under 1", "under 2", "under 3"], 1, ["No: a.", "Yes: b.", "No: c."])


LOOK = r"""(figure) => {
    const options = [...figure.querySelectorAll('[data-control="option"]')];
    const chosen = options.findIndex((option) => option.checked);
    return {
        chosen: chosen < 0 ? null : chosen,
        recorded: options.every((option) => option.disabled),
        verdicts: options.map((option) => option.closest("label").dataset.verdict ?? null),
        picture: options.map((option) => `${option.checked} ${option.closest("label").dataset.verdict}`),
    };
}"""

CONTROLS = (
    Control("option", click, (), always(chosen=1, recorded=False), which=1),
    Control("record", click, (), always(chosen=0, recorded=True), ("option",)),
    Control("again", click, (), always(chosen=None, recorded=False), ("option", "record")),
)

MARKS = {"right": Mark("check mark", '[data-verdict="right"] .fl-mark', "color", says="✓ right")}


def states(twin: Predict) -> Iterator[State]:
    """Every answer. Before one is recorded, the page tells what is chosen, which Python does not know."""
    for choice in range(len(twin.options)):
        yield {"choice": choice}


def shows(twin: Predict) -> Look:
    places = range(len(twin.options))
    verdicts = ["right" if one == twin.answer else "wrong" if one == twin.choice else None for one in places]
    return {"chosen": twin.choice, "recorded": True, "verdicts": verdicts}


KIND = Kind(
    figure=Predict,
    small=prediction,
    pages=CHAPTERS[1:],
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda state: Predict(state["question"], state["options"], state["answer"], state["because"]),
    states=states,
    shows=shows,
)
