"""A map of works before and after the Feedback Transformer: how often something comes back, and from where to where."""

from collections.abc import Sequence
from statistics import mean
from typing import Any

import traitlets

from feedback_lite.config import check_choice
from feedback_lite.lesson.literature import COLUMNS, FEEDBACK, LAYERS, ROWS, TOKENS, WORKS, Wiring, Work
from feedback_lite.lesson.wiring import Cell
from feedback_lite.training import records
from feedback_lite.widgets.figure import Figure, join_script, join_style

MARKED_YEAR = 2020
SPANS = (
    ("all years", 0, 9999),
    (f"until {MARKED_YEAR}", 0, MARKED_YEAR),
    (f"since {MARKED_YEAR + 1}", MARKED_YEAR + 1, 9999),
)
YEARS = tuple(name for name, _, _ in SPANS)
WORDS = {
    "work": "{title}, {year}.",
    "again": "{column} along the text, but again on the same token.",
    "back": "{column}, {row}.",
    "training": "In training: {training}.",
    "longest": "In the small picture, the longest way runs through {longest} layers.",
    "longest of a run": "In the small picture, the longest way runs through {longest} layers in each run.",
    "map": "On the map: {count} works, {years}.",
    "map and marked": "On the map: {count} works, {years}, and the {title}.",
}
CAPTIONS = (
    "Columns: how often something comes back. Boxes: from which layers to which.",
    "The small picture draws the chosen work: what the last of four tokens reads.",
    "Step through the years. The Feedback Transformer is marked with a square.",
)


class LineageMap(Figure):
    """Choose a work and see what comes back in it, drawn for three layers and four tokens.

    Across, the map says how often something comes back along the text; upwards, from which layers to which. The
    Feedback Transformer is always on it and always marked.

    Args:
        works: what is on the map, the oldest first, the Feedback Transformer among them.
        chosen: the key of the work that is shown first.
        years: which years are shown first.

    Raises:
        ValueError: no Feedback Transformer, a key twice, works out of order, or an unknown ``chosen``.
    """

    _esm = join_script("lineage_map")
    _css = join_style("lineage_map")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    captions = traitlets.List(list(CAPTIONS), read_only=True).tag(sync=True)
    spans = traitlets.List([list(span) for span in SPANS], read_only=True, help="name, first year, last").tag(sync=True)
    works: Any = traitlets.List(help="the oldest first").tag(sync=True)
    columns = traitlets.List(traitlets.Unicode(), list(COLUMNS), read_only=True).tag(sync=True)
    rows = traitlets.List(traitlets.Unicode(), list(ROWS), read_only=True, help="from the top").tag(sync=True)
    tokens = traitlets.Int(TOKENS, read_only=True, help="tokens of the small picture").tag(sync=True)
    layers = traitlets.Int(LAYERS, read_only=True, help="its layers above the embedding").tag(sync=True)
    marked = traitlets.Int(help="the place of the Feedback Transformer").tag(sync=True)
    chosen = traitlets.Int(help="the place of the work that is looked at, counted from 0").tag(sync=True)
    years = traitlets.Enum(YEARS, YEARS[0]).tag(sync=True)

    def __init__(self, works: Sequence[Work] = WORKS, *, chosen: str = FEEDBACK, years: str = YEARS[0]) -> None:
        keys = [work.key for work in works]
        _check(works, keys)
        check_choice("chosen", chosen, tuple(keys))
        super().__init__(
            works=[_written(work) for work in works],
            marked=keys.index(FEEDBACK),
            chosen=keys.index(chosen),
            years=years,
        )

    def counted(self) -> list[int]:
        """Return the places of the works of the years that are shown; the marked one may stand on the map besides."""
        first, last = next(years for name, *years in SPANS if name == self.years)
        return [place for place, work in enumerate(self.works) if first <= work["year"] <= last]

    def describe(self) -> str:
        """Return what comes back in the chosen work, how it is trained, its longest way, and what the map shows."""
        work = self.works[self.chosen]
        parts = [self.tell("work", title=work["title"], year=work["year"])]
        if work["again"]:
            parts.append(self.tell("again", column=_capital(work["column"])))
        elif work["column"] != COLUMNS[0]:
            parts.append(self.tell("back", column=_capital(work["column"]), row=work["row"]))
        parts.append(work["told"])
        if work["training"]:
            parts.append(self.tell("training", training=work["training"]))
        parts.append(self.tell("longest of a run" if work["again"] else "longest", longest=work["longest"]))
        return " ".join([*parts, self._shown()])

    def _shown(self) -> str:
        counted = self.counted()
        name = "map" if self.marked in counted else "map and marked"
        return self.tell(name, count=len(counted), years=self.years, title=self.works[self.marked]["title"])

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 0, len(self.works) - 1)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _written(work: Work) -> dict[str, Any]:
    wiring = work.wiring
    return {
        "key": work.key,
        "name": work.name,
        "title": work.title,
        "year": work.year,
        "column": wiring.column,
        "row": wiring.row,
        "recurs": work.recurs,
        "told": " ".join([work.told, *_measured(work.key)]),
        "training": work.training,
        "source": work.source,
        "every": wiring.every,
        "kept": wiring.kept,
        "again": wiring.again,
        "reads": _reads_of_last_token(wiring),
        "longest": wiring.longest(),
    }


def _measured(key: str) -> list[str]:
    """Return what the work reached on the bench of all relatives, if it was there."""
    record = records.load("family")
    name = next((model["name"] for model in record["models"] if model["work"] == key), None)
    if name is None:
        return []
    length = record["trained_length"]
    reached = []
    for task in record["tasks"]:
        rights = [
            run["accuracy_by_length"][str(length)]
            for run in record["runs"]
            if (run["model"], run["task"]) == (name, task) and "examples" in run["budgets"]
        ]
        reached.append(f"{task.replace('-', ' ').replace('s3', 'S3').replace('s5', 'S5')} {100 * mean(rights):.0f} %")
    return [f"Measured here, right answers at {length} tokens: {', '.join(reached)}."]


def _reads_of_last_token(wiring: Wiring) -> list[list[int | str]]:
    """Return what the last token's layers read: token, layer, by which layer, and the first letter of how."""
    return [
        [read.token, read.layer, layer, how[0]]
        for layer in range(1, LAYERS + 1)
        for read, how in wiring.reads(Cell(TOKENS, layer), LAYERS).items()
    ]


def _check(works: Sequence[Work], keys: list[str]) -> None:
    if FEEDBACK not in keys or len(set(keys)) < len(keys):
        raise ValueError(f"works must have different keys, {FEEDBACK!r} among them, got {keys}")
    years = [work.year for work in works]
    if years != sorted(years):
        raise ValueError(f"works must come in the order of their years, got {years}")
