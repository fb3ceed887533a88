"""What a chapter costs: counted by hand on small texts and one small notebook."""

from pathlib import Path
from typing import Any

import pytest

from book.tools.notebooks.notebook import Json
from book.tools.notebooks.reading import Reading, faults_of_reading, read_through, rounded_up, words, words_to_figures
from book.tools.notebooks.rules import Chapter


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Two words.", 2),
        ("- **Bold** and *italic* - here", 4),
        ("a [link of four words](../book/notation.md#some-long-target)", 5),
        ("the letter $x_t^l \\in R$ and `code of many words` count once", 7),
        ("before $$a = b + c$$ after", 2),
        ("{cite:t}`fan2020feedback` says", 2),
        ("```python\nx = 1\n```\nafter", 1),
        ("<details><summary>Hint</summary>\n\nTwo more\n\n</details>", 3),
        ("| a | b |\n|---|---|\n| 1 | 2 |", 4),
        ("", 0),
    ],
)
def test_words(text: str, count: int) -> None:
    assert words(text) == count


@pytest.mark.parametrize(("minutes", "card"), [(0.1, 5), (5.0, 5), (5.1, 10), (24.9, 25)])
def test_minutes_are_rounded_up_to_five(minutes: float, card: int) -> None:
    assert rounded_up(minutes) == card


def markdown(source: str) -> Json:
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def code(source: str, *tags: str) -> Json:
    return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}, "outputs": []}


CELLS = [
    markdown("# 3. A title\n\n- **Time**: 10 minutes with all exercises, 5 without.\n"),
    markdown("## Heading\n\nthree words here <details><summary>Aside</summary>\nfolded words\n</details>"),
    code("#@title Figure: one\nFigure()", "hide-input"),
    markdown("five words below the figure"),
    code("x = 1\n\ny = 2"),
    markdown("### Exercise 3.1 — Name\n*difficulty 1 of 5 · importance 5 of 5 · 7 minutes*\n\nDo it."),
    code("def f():\n    ...\n\n\ncheck('f', f)"),
    code("#@title Solution\ndef f():\n    return 1\n\n\ncheck('f', f)", "solution", "hide-cell"),
    code("class FeedbackTransformer:\n" + "    x = 1\n" * 40),
]


def reading() -> Reading:
    return read_through(Chapter(Path("03-name.ipynb"), "", {"cells": CELLS, "metadata": {}}))


def test_a_chapter_is_counted_by_hand() -> None:
    found = reading()
    # The title with the card, the heading with its fold, what stands below the figure, and the exercise.
    assert found.words == (3 + 8) + (1 + 3 + 3) + 5 + (3 + 10 + 2)
    assert found.open_words == (3 + 8) + (1 + 3) + 5
    assert found.code_lines == 2 + 41
    assert found.exercises == 7
    assert found.card == (10, 5)
    assert found.minutes == (10, 5)
    assert found.longest_cell == 3
    assert found.furthest_figure == 3
    assert faults_of_reading(found) == []


def test_words_go_on_counting_where_no_heading_comes_between() -> None:
    figure = code("#@title Figure: one", "hide-input")
    assert list(words_to_figures([markdown("# A\n\none two"), markdown("three"), figure, figure])) == [3, 0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"words": 3201}, "3,201 words"),
        ({"furthest_figure": 61}, "a figure 61 words below its heading"),
        ({"longest_cell": 26}, "a code cell of 26 lines"),
        ({"card": (20, 5)}, "the card says 20 minutes with all exercises, 5 without; counted: 10"),
    ],
)
def test_every_bound_can_be_broken(change: dict[str, Any], says: str) -> None:
    (fault,) = faults_of_reading(Reading(**{**vars(reading()), **change}))
    assert says in fault
