"""The map of works that came before and after."""

from collections.abc import Callable, Iterator

from playwright.sync_api import Locator

from feedback_lite.widgets import LineageMap
from feedback_lite.widgets.lineage_map import YEARS
from tests.kind import LESS, MORE, Control, Kind, Look, Mark, Move, State, always, captions, choose, click

LOOK = r"""(figure) => {
    const text = (selector) => figure.querySelector(selector).textContent;
    const picker = figure.querySelector('[data-control="work"]');
    const works = [...figure.querySelectorAll(".fl-work:not([hidden])")];
    return {
        place: Number(picker.getAttribute("aria-valuenow")),
        places: Number(picker.getAttribute("aria-valuemax")),
        title: text(".fl-large"),
        recurs: text(".fl-recurs"),
        chosen: works.filter((work) => "chosen" in work.dataset).map((work) => work.dataset.key),
        shown: works.length,
        marked: works.filter((work) => work.querySelector(".fl-memory-mark")).map((work) => work.dataset.key),
        years: figure.querySelector('[data-control="years"]').value,
        segments: figure.querySelectorAll(".fl-segment").length,
        slots: figure.querySelectorAll(".fl-slot").length,
        source: text(".fl-source-line"),
        picture: [...figure.querySelectorAll("svg")].map((picture) => picture.innerHTML).join(),
    };
}"""


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
    return Control(control, mouse, keys, lambda was: {"place": place(was)}, first)


def works_of(years: str, shown: int, first: tuple[str, ...] = ()) -> Control:
    """The marked work stands on the map whatever the years are."""
    seen = always(years=years, shown=shown, places=shown, marked=["fan2020feedback"])
    return Control("years", choose(years), (), seen, first)


CONTROLS = (
    work("work", on_map("bulatov2022rmt"), (), lambda was: 10),
    work("work", None, ("Home",), lambda was: 1),
    work("work", None, ("End",), lambda was: was["places"]),
    work("work", None, MORE, lambda was: was["place"] + 1),
    work("work", None, LESS, lambda was: was["place"] - 1),
    work("earlier", click, (), lambda was: was["place"] - 1),
    work("later", click, (), lambda was: was["place"] + 1),
    work("later", click, (), lambda was: 2, first=("years=since 2021",)),
    works_of("until 2020", 6),
    works_of("since 2021", 18, first=("later",)),
    works_of("all years", 23, first=("years=until 2020",)),
    *captions(),
    # A link leads away from the page; where to is tested with the figure.
    Control("source", None, (), always()),
)

MARKS = {
    "layer": Mark("number in a chip", ".fl-chip", "stroke", open=True, says=r"^\d"),
    "memory": Mark("solid line with a tip", ".fl-schema .fl-tip"),
    "key": Mark("dashed line", '.fl-way[data-read="below"]', "stroke", dashed=True),
    "query": Mark("ring", "circle.fl-now-mark", "stroke", open=True),
}


def states(twin: LineageMap) -> Iterator[State]:
    """Every work of the years that are shown, and the marked one."""
    for years in YEARS:
        twin.years = years
        for place in sorted({*twin.counted(), twin.marked}):
            yield {"years": years, "chosen": place}


def shows(twin: LineageMap) -> Look:
    work = twin.works[twin.chosen]
    shown = sorted({*twin.counted(), twin.marked})
    back = [read for read in work["reads"] if read[-1] == "m"]
    straight = all(layer == entry for _, layer, entry, _ in back)  # each layer has slots of its own
    return {
        "place": shown.index(twin.chosen) + 1,
        "places": len(shown),
        "shown": len(shown),
        "title": f"{work['title']} {work['year']}",
        "recurs": f"What recurs: {work['recurs']}.",
        "chosen": [work["key"]],
        "marked": [twin.works[twin.marked]["key"]],
        "years": twin.years,
        "segments": twin.tokens // work["every"] if work["every"] > 1 else 0,
        "slots": len({(token, straight and layer) for token, layer, *_ in back}) if work["kept"] else 0,
        "source": f"Source: {work['source']}.",
    }


KIND = Kind(
    figure=LineageMap,
    small=LineageMap,
    pages=("chapters/13-after-feedback.html",),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda _: LineageMap(),
    states=states,
    shows=shows,
)
