"""Every number that the prose of a chapter claims was computed in that chapter, or carries a link to its source."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from book.tools.notebooks.notebook import Json, chapters, read

# What is no claim: code, mathematics, the target of a link, a version such as 0.0.10, a vector such as (0.5, 1.5).
NO_CLAIM = re.compile(
    r"`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|\b\d+\.\d+\.\d+\b|\([−-]?[\d.]+(?:, [−-]?[\d.]+)+\)", re.DOTALL
)
# Decimals, percentages, ratios and seconds. Small whole numbers are counted by the reader, not claimed.
CLAIM = re.compile(r"\d[\d,]*\.\d+|\d[\d,]*(?=\s?%)|\d[\d,]*(?=\s?(?:seconds|ms|milliseconds)\b)|\d+(?=-fold)")
SOURCE = re.compile(r"\.\./book/(?:bibliography|differences)\.md")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def claims(markdown: str) -> Iterator[str]:
    """Yield the numbers that a cell claims: not in headings, in exercises, or in paragraphs with a source."""
    in_exercise = False
    for paragraph in re.split(r"\n\s*\n", markdown):
        if paragraph.startswith("#"):
            in_exercise = paragraph.startswith("### Exercise")
            continue
        if in_exercise or SOURCE.search(paragraph):
            continue
        yield from CLAIM.findall(NO_CLAIM.sub(" ", paragraph))


def printed(cells: list[Json]) -> set[str]:
    """Return every number that a cell of the chapter prints, as it is printed."""
    texts = []
    for cell in cells:
        for output in cell.get("outputs", []):
            texts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    return {number for text in texts for number in NUMBER.findall(text)}


def unfounded(cells: list[Json]) -> list[str]:
    """Return the claimed numbers that no cell of the chapter prints."""
    known = printed(cells)
    prose = (cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    return [claim for text in prose for claim in claims(text) if claim not in known]


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.stem)
def test_claimed_numbers_are_printed_or_cited(chapter: Path) -> None:
    _, notebook = read(chapter)
    assert unfounded(notebook["cells"]) == []


def told(text: str, output: str = "") -> list[str]:
    outputs = [{"text": output}] if output else []
    return unfounded(
        [{"cell_type": "markdown", "source": text}, {"cell_type": "code", "source": "", "outputs": outputs}]
    )


@pytest.mark.parametrize(
    ("text", "output", "missing"),
    [
        ("It is right in 98 % of the steps.", "", ["98"]),
        ("It is right in 98 % of the steps.", "accuracy 98%", []),
        ("It is right in 98 % of the steps.", "accuracy 198%", ["98"]),
        ("The loss falls to 0.25 in 30 seconds.", "0.25", ["30"]),
        ("A 3-fold gain, 1.50 at most.", "1.5", ["3", "1.50"]),
        ("The authors report 99.1 ([Fan et al.](../book/bibliography.md#fan2020feedback)).", "", []),
        ("It has 16 slots and 3 layers.", "", []),
        ("Version 0.0.10 has `x = 0.5` and $0.3$, and (0.5, −1.5) becomes (0, 1).", "", []),
        ("### Exercise 2.1 — Title\n\n0.5 becomes 0.7.\n\n## Next\n\nIt is 0.9.", "", ["0.9"]),
    ],
)
def test_what_counts_as_a_claim(text: str, output: str, missing: list[str]) -> None:
    assert told(text, output) == missing
