"""The cost explorer: what shared keys and values save."""

from collections.abc import Callable, Iterator
from itertools import product

from feedback_lite.widgets import CostExplorer
from feedback_lite.widgets.cost_explorer import CHOICES, ONE_FOR_ALL, ONE_PER_LAYER
from tests.kind import Control, Kind, Look, Mark, Move, State, always, at, click

SMALL_COSTS = {"layers": 2, "width": 32, "heads": 2, "head width": 16, "slots": 16}
LARGE_COSTS = {"layers": 12, "width": 512, "heads": 8, "head width": 128, "slots": 8192}


def cost_explorer() -> CostExplorer:
    return CostExplorer({"small": SMALL_COSTS, "large": LARGE_COSTS})


LOOK = r"""(figure) => {
    const text = (found) => found.textContent.replace(/\s/g, " ");
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
}"""


def size(name: str, smallest: str, before: str, after: str, largest: str) -> list[Control]:
    """From the small model: to both ends, and one choice to either side."""
    ways: list[tuple[Move | None, tuple[str, ...], str]] = [
        (at(0.0), ("Home",), smallest),
        (at(1.0), ("End",), largest),
        (None, ("ArrowLeft",), before),
        (None, ("ArrowRight",), after),
    ]
    return [Control(name, mouse, keys, always(**{name: value})) for mouse, keys, value in ways]


def with_inputs(vectors: str, blocks: list[int]) -> Callable[[Look], Look]:
    """Which button is pressed, and the blocks of the six bars, from the top down."""
    return lambda was: {"pressed": [vectors, *was["pressed"][1:]], "blocks": blocks}


LARGE_MODEL = "model the authors' large model"
LARGE_SEEN = always(
    layers="12",
    width="512",
    heads="8",
    slots="8,192",
    **{"head width": "128", "parameters shared": "1,048,576"},
)
SMALL_SEEN = always(layers="2", width="32", heads="2", slots="16", **{"head width": "16", "parameters each": "4,096"})
CONTROLS = (
    *size("layers", "1", "1", "4", "24"),
    *size("width", "16", "16", "64", "512"),
    *size("heads", "1", "1", "4", "8"),
    Control("head width", at(1.0), ("End",), always(**{"head width": "128"})),
    Control("head width", None, ("ArrowRight",), always(**{"head width": "32"})),
    Control("slots", at(1.0), ("End",), always(slots="8,192")),
    Control("slots", None, ("ArrowRight",), always(slots="64")),
    Control("vectors own", click, (), with_inputs("a vector per layer", [1, 2, 2, 2, 2, 2])),
    Control(
        "vectors shared", click, (), with_inputs("one vector for all layers", [1, 2, 1, 2, 1, 2]), ("vectors own",)
    ),
    Control(LARGE_MODEL, click, (), LARGE_SEEN),
    Control("model our small model", click, (), SMALL_SEEN, (LARGE_MODEL,)),
)

MARKS = {
    "memory": Mark("filled block", ".fl-shared .fl-block"),
    "layer": Mark("open block", ".fl-each .fl-block", "stroke", open=True),
}


def states(twin: CostExplorer) -> Iterator[State]:
    """All settings of all sizes but the number of slots, which goes round with them."""
    *others, slots = (range(len(choices)) for choices in CHOICES.values())
    for number, places in enumerate(product(*others)):
        for vectors in (ONE_FOR_ALL, ONE_PER_LAYER):
            yield {"places": [*places, slots[number % len(slots)]], "vectors": vectors}


def shows(twin: CostExplorer) -> Look:
    costs = {}
    for name, (shared, each) in twin.shown_costs().items():
        costs |= {f"{name} shared": f"{shared:,}", f"{name} each": f"{each:,}"}
    sizes = {name: f"{size:,}" for name, size in twin.sizes().items()}
    named = [name for name, places in twin.models if places == twin.places]
    return {**costs, **sizes, "pressed": [twin.vectors, *named]}


def sizes_at(places: list[int]) -> dict[str, int]:
    return {name: CHOICES[name][place] for name, place in zip(CHOICES, places, strict=True)}


KIND = Kind(
    figure=CostExplorer,
    small=cost_explorer,
    pages=("chapters/04-shared-keys-values.html",),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda state: CostExplorer({name: sizes_at(places) for name, places in state["models"]}),
    states=states,
    shows=shows,
)
