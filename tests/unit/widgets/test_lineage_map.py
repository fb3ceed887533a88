"""The map of works: its wirings held against the book's own arrangements, its table against the bibliography."""

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from traitlets import TraitError

from feedback_lite.lesson.literature import COLUMNS, FEEDBACK, LAYERS, RECURS, ROWS, TOKENS
from feedback_lite.training import records
from feedback_lite.widgets import WORKS, Arrangement, Cell, LineageMap, Wiring, Work, longest_ways
from feedback_lite.widgets.lineage_map import YEARS

BOOK = Path(__file__).parents[3] / "book"
BY_KEY = {work.key: work for work in WORKS}


def entries() -> dict[str, dict[str, str]]:
    """Return the fields of every entry of the bibliography."""
    text = (BOOK / "references.bib").read_text(encoding="utf-8")
    found = re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    return {key: dict(re.findall(r"^\s+(\w+) = \{?(.*?)\}?,?$", fields, re.MULTILINE)) for key, fields in found}


# ---- the wirings


@pytest.mark.parametrize(
    ("key", "arrangement"),
    [
        ("vaswani2017attention", Arrangement("ordinary")),
        ("dai2019xl", Arrangement("cache", 2, 2)),
        (FEEDBACK, Arrangement("feedback")),
        ("lucidrains2021feedback", Arrangement("segments", 2)),
    ],
)
def test_wirings_that_the_book_knows_read_the_same_cells(key: str, arrangement: Arrangement) -> None:
    for token, layer in product(range(1, TOKENS + 1), range(LAYERS + 1)):
        cell = Cell(token, layer)
        assert BY_KEY[key].wiring.reads(cell, LAYERS) == arrangement.reads(cell, LAYERS)


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.key)
def test_what_is_read_is_earlier_or_lower(work: Work) -> None:
    for token, layer in product(range(1, TOKENS + 3), range(LAYERS + 1)):
        for read in work.wiring.reads(Cell(token, layer), LAYERS):
            assert 1 <= read.token <= token
            assert 0 <= read.layer <= LAYERS
            assert read.token < token or read.layer == layer - 1


def test_longest_ways_are_those_counted_by_hand() -> None:
    per_token = {
        "vaswani2017attention": lambda tokens: 3,
        "dai2019xl": lambda tokens: 3,
        "dehghani2019universal": lambda tokens: 3,  # in each run
        FEEDBACK: lambda tokens: 3 * tokens,
        "chung2015gated": lambda tokens: 3 * tokens,
        "wu2024lckv": lambda tokens: 3 * tokens,
        "wang2026fullband": lambda tokens: 3 * tokens,
        "oncescu2026recurrent": lambda tokens: 3 + tokens - 1,
        "cai2026t2mlr": lambda tokens: 2 * tokens + 1,
        "huang2026lrt": lambda tokens: 2 * tokens + 1,
        "zhang2026rlt": lambda tokens: 1 + 2 * tokens,
        "zhang2026whitematter": lambda tokens: 2 * tokens + 1,
        "lucidrains2021feedback": lambda tokens: 3 * -(-tokens // 2),
        "bulatov2022rmt": lambda tokens: 3 * -(-tokens // 2),
        "hwang2024fam": lambda tokens: 3 + -(-tokens // 2) - 1,
        "hutchins2022block": lambda tokens: 3 + -(-tokens // 2) - 1,
    }
    for key, expected in per_token.items():
        assert [BY_KEY[key].wiring.longest(tokens) for tokens in range(1, 8)] == [expected(n) for n in range(1, 8)], key


def test_a_state_that_is_handed_on_is_read_once_and_a_slot_for_good() -> None:
    handed, kept = (Wiring(every=1, links=((2, 1),), kept=kept, below="none") for kept in (False, True))
    assert handed.reads(Cell(4, 1), LAYERS) == {Cell(3, 2): "memory", Cell(4, 0): "own"}
    assert {read.token for read, how in kept.reads(Cell(4, 1), LAYERS).items() if how == "memory"} == {1, 2, 3}
    assert handed.reads(Cell(4, 2), LAYERS) == {Cell(4, 1): "own"}
    assert handed.reads(Cell(4, 0), LAYERS) == {}


def test_a_segment_reads_the_segments_before_it() -> None:
    wiring = Wiring(every=2, links=((3, 1),), below="segment")
    assert wiring.reads(Cell(4, 1), LAYERS) == {Cell(2, 3): "memory", Cell(3, 0): "below", Cell(4, 0): "own"}
    assert wiring.reads(Cell(2, 1), LAYERS) == {Cell(1, 0): "below", Cell(2, 0): "own"}


@pytest.mark.parametrize(
    ("wiring", "column", "row"),
    [
        (Wiring(), COLUMNS[0], ROWS[4]),
        (Wiring(again=True), COLUMNS[0], ROWS[2]),
        (Wiring(every=3), COLUMNS[1], ROWS[4]),
        (Wiring(every=1, links=((1, 1), (2, 2))), COLUMNS[2], ROWS[3]),
        (Wiring(every=1, links=((3, 2),)), COLUMNS[2], ROWS[2]),
        (Wiring(every=1, links=((3, 1), (3, 2))), COLUMNS[2], ROWS[1]),
        (Wiring(every=2, links=((3, 1), (2, 2))), COLUMNS[1], ROWS[0]),
    ],
)
def test_the_place_on_the_map_follows_from_the_wiring(wiring: Wiring, column: str, row: str) -> None:
    assert (wiring.column, wiring.row) == (column, row)


def test_a_wiring_is_drawn_for_three_layers() -> None:
    with pytest.raises(ValueError, match="num_layers must be 3, got 2"):
        longest_ways(Wiring(), 4, 2)


# ---- the table


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.key)
def test_every_work_is_in_the_bibliography_with_its_year(work: Work) -> None:
    entry = entries()[work.key]
    assert work.year == int(entry["year"])
    first_author = re.split(r" and |,", entry["author"])[0].strip("{}")
    assert first_author in work.source
    if "eprint" in entry:
        assert f"arXiv {entry['eprint']}" in work.source
    page = (BOOK / "bibliography.md").read_text(encoding="utf-8")
    assert f"`{work.key}`" in page


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.key)
def test_every_work_is_told_in_whole_sentences(work: Work) -> None:
    assert re.fullmatch(r"[A-Z].*\.", work.told)
    assert not work.training.endswith(".")
    assert len(work.name) <= 12  # what a narrow column can hold
    assert (work.recurs == RECURS[1]) == work.wiring.again
    assert (work.recurs == RECURS[0]) == (work.wiring == Wiring())


# ---- the figure


def measured_by_hand(name: str) -> str:
    """Return the sentence on what the record of the bench says, over the seeds, with equal examples."""
    names = ("S3 word", "shell game", "program", "parity", "copy", "echo", "S5 word")
    found: dict[str, list[float]] = {task: [] for task in names}
    for run in records.load("family")["runs"]:
        if run["model"] == name and "examples" in run["budgets"]:
            task = run["task"].replace("-", " ")
            found[task[0].upper() + task[1:] if "word" in task else task].append(run["accuracy_by_length"]["20"])
    told = ", ".join(f"{task} {sum(rights) / 3:.0%}".replace("%", " %") for task, rights in found.items())
    return f"Measured here, right answers at 20 tokens: {told}."


def test_a_work_that_was_on_the_bench_tells_what_it_reached() -> None:
    named = {"zhang2026rlt": "RLT", "wang2026fullband": "Full-bandw.", "vaswani2017attention": "ordinary"}
    for key, name in named.items():
        assert measured_by_hand(name) in LineageMap(chosen=key).sentence
    assert "Measured" not in LineageMap(chosen="chung2015gated").sentence


def test_the_sentence_tells_place_words_training_way_and_map() -> None:
    assert LineageMap().sentence == (
        "Feedback Transformer, 2020. At every token, all layers to all. Every layer reads a mixture of all layers of "
        f"each earlier token. {measured_by_hand('feedback')} In training: token after token. In the small picture, the "
        "longest way runs through 12 layers. On the map: 23 works, all years."
    )
    figure = LineageMap(chosen="dehghani2019universal", years="until 2020")
    assert "Never along the text, but again on the same token. " in figure.sentence
    assert "runs through 3 layers in each run. On the map: 6 works, until 2020." in figure.sentence
    assert LineageMap(chosen="vaswani2017attention").sentence.startswith(
        "Ordinary transformer, 2017. Nothing comes back"
    )


def test_the_marked_work_stands_on_the_map_whatever_the_years() -> None:
    figure = LineageMap()
    counts = []
    for years in YEARS:
        figure.years = years
        counts.append(len(figure.counted()))
    assert counts == [23, 6, 17]
    assert figure.sentence.endswith("On the map: 17 works, since 2021, and the Feedback Transformer.")


def test_the_picture_shows_what_the_last_token_reads() -> None:
    figure = LineageMap()
    reads = {work["key"]: work["reads"] for work in figure.works}
    assert [2, 3, 1, "m"] in reads["bulatov2022rmt"]
    assert [4, 0, 1, "o"] in reads["bulatov2022rmt"]
    assert len([read for read in reads[FEEDBACK] if read[3] == "m"]) == 3 * 4 * 3
    assert {read[3] for read in reads["vaswani2017attention"]} == {"b", "o"}


@pytest.mark.parametrize(
    ("works", "message"),
    [
        ([], "works must have different keys, 'fan2020feedback' among them"),
        ([BY_KEY[FEEDBACK], BY_KEY[FEEDBACK]], "works must have different keys"),
        ([replace(BY_KEY[FEEDBACK], year=2021, key="later"), BY_KEY[FEEDBACK]], "in the order of their years"),
    ],
)
def test_works_that_do_not_fit_are_refused(works: list[Work], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LineageMap(works)


def test_unknown_works_and_years_are_refused() -> None:
    with pytest.raises(ValueError, match=r"chosen must be one of .*, got 'nobody'"):
        LineageMap(chosen="nobody")
    with pytest.raises(TraitError, match="chosen must be between 0 and 22, got 23"):
        LineageMap().chosen = 23
    with pytest.raises(TraitError, match="years"):
        LineageMap(years="1999")
