"""The comparison of two executions: what counts as a difference, and its words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from book.tools.notebooks.compare import differences, excerpts, same_value
from book.tools.notebooks.form import stable
from book.tools.notebooks.notebook import WIDGET_STATE, Json
from tests.notebooks.building import code, figure, layout, model, notebook, result, stream, view


def committed() -> Json:
    return stable(
        notebook(
            code("a()", stream("two cases agree\n"), result(text="0.5", png="AAAA")),
            code("b()", view("f", "three weights")),
            f=figure("l", weights=[0.25, 0.75], step=2, on=True),
            l=layout(),
        )
    )


def weights(now: Json) -> Json:
    return dict(widget_models(now)["widget-0001"]["state"])


def test_equal_notebooks_do_not_differ() -> None:
    assert differences(committed(), committed()) == []


def change(now: Json, *keys: Any, to: Any) -> Json:
    inner: Any = now
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    return now


FIRST = ("cells", 0, "outputs")
STATE = ("metadata", "widgets", WIDGET_STATE, "state", "widget-0001", "state")


@pytest.mark.parametrize(
    ("keys", "to"),
    [
        ((*FIRST, 1, "data", "image/png"), "BBBB"),
        ((*STATE, "weights", 0), 0.250009),
        ((*STATE, "weights"), [0.25, 0.7500074]),
    ],
)
def test_pictures_and_small_differences_in_data_do_not_count(keys: tuple[Any, ...], to: Any) -> None:
    assert differences(committed(), change(committed(), *keys, to=to)) == []


@pytest.mark.parametrize(
    ("keys", "to", "words"),
    [
        ((*FIRST, 0, "text"), "three cases agree\n", "was 'two cases agree\\n', is 'three cases agree\\n'"),
        ((*FIRST, 0, "name"), "stderr", "outputs[0].name: was 'stdout', is 'stderr'"),
        ((*FIRST, 1, "data", "text/plain"), "0.500001", "text/plain: was '0.5', is '0.500001'"),
        ((*FIRST, 1, "data"), {"text/plain": "0.5"}, "image/png: was 'AAAA', is gone"),
        ((*FIRST, 1, "data", "text/html"), "<b>", "text/html: was not there, is '<b>'"),
        (FIRST, [], "outputs: was 2 long"),
        (("cells", 0, "id"), "other", ".id: was"),
        (("cells", 0, "execution_count"), 2, "execution_count: was 1, is 2"),
        (("cells", 0, "source"), "c()", "source: was 'a()', is 'c()'"),
        (("cells", 0, "metadata", "tags"), ["x"], "metadata.tags: was not there"),
        (("cells",), [], "number of cells: was 2, is 0"),
        ((*STATE, "weights", 0), 0.25003, "weights[0]: was 0.25, is 0.25003"),
        ((*STATE, "weights"), [0.25], "weights: was 2 long"),
        ((*STATE, "step"), 3, "step: was 2, is 3"),
        ((*STATE, "on"), 1, "on: was True, is 1"),
        ((*STATE, "on"), None, "on: was True, is None"),
        ((*STATE, "_esm"), "", "_esm: was"),
        ((*STATE[:-2], "widget-0003"), model("LinkModel"), "widget-0003: was not there"),
        (("metadata", "widgets", WIDGET_STATE, "version_minor"), 1, "version_minor: was 0, is 1"),
        (("metadata", "language_info", "name"), "r", "language_info.name: was 'python', is 'r'"),
    ],
)
def test_a_difference_is_told_in_words(keys: tuple[Any, ...], to: Any, words: str) -> None:
    found = differences(committed(), change(committed(), *keys, to=to))
    assert len(found) == 1
    assert words in found[0]


def test_a_difference_late_in_a_long_text_is_shown() -> None:
    old, new = excerpts("x" * 500 + "before" + "y" * 500, "x" * 500 + "after" + "y" * 500)
    assert "before" in old
    assert "after" in new
    assert max(len(old), len(new)) < 130


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(-0.9e-5, 0.9e-5))
def test_fractions_may_differ_by_the_tolerance(number: float, by: float) -> None:
    assert same_value(number, number + by * max(1.0, abs(number)))
    assert not same_value(number, number + 3e-5 * max(1.0, abs(number)))


@given(st.integers(), st.integers())
def test_whole_numbers_must_be_equal(one: int, other: int) -> None:
    assert same_value(one, other) == (one == other)
