"""Every chapter keeps to what a reader is promised: words, the way to its figures, code at a glance, minutes."""

import pytest

from book.tools.notebooks.notebook import chapters
from book.tools.notebooks.reading import MOST_WORDS_OF_ALL, faults_of_reading, read_through
from book.tools.notebooks.rules import Chapter

READINGS = {path.stem: read_through(Chapter.read(path)) for path in chapters()}


@pytest.mark.parametrize("name", READINGS)
def test_a_chapter_costs_what_it_may(name: str) -> None:
    assert faults_of_reading(READINGS[name]) == []


def test_all_chapters_together_cost_what_they_may() -> None:
    assert sum(reading.words for name, reading in READINGS.items() if not name.startswith("00")) <= MOST_WORDS_OF_ALL


@pytest.mark.parametrize("name", [name for name in READINGS if not name.startswith("00")])
def test_every_chapter_says_its_minutes(name: str) -> None:
    assert READINGS[name].card is not None
