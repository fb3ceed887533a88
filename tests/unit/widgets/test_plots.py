"""Plots for a page: the pictures, of which one is for a phone, and the numbers of the lines."""

import base64
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import IPython.display
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from feedback_lite.widgets import PALETTE, matplotlib_style
from feedback_lite.widgets.plots import MOST_ROWS, NARROW_MARK, Table, as_fold, numbers, show_plot

SVG = "{http://www.w3.org/2000/svg}"
LIGHT = {colour.light for colour in PALETTE.values()}


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with plt.rc_context({"backend": "agg", **matplotlib_style()}):
        yield


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What was displayed, in order."""
    forms: list[dict[str, str]] = []

    def display(form: dict[str, str], raw: bool) -> None:
        assert raw
        forms.append(form)

    monkeypatch.setattr(IPython.display, "display", display)
    return forms


def drawn() -> tuple[Figure, Any]:
    """A plot of two lines over the lengths 2, 4 and 8, one of them without the middle one, and a level line."""
    figure, axes = plt.subplots()
    axes.plot([2, 4, 8], [0.25, 0.504, 1.0], label="feedback")
    axes.plot([2, 8], [0.1, -0.001], label="ordinary")
    axes.plot([2, 8], [0.3, 0.3])  # without a name: no part of the table
    axes.axhline(0.2, label="guessing", color=PALETTE["muted"].light)
    axes.set(xlabel="tokens", ylabel="share of right answers", ylim=(0, 1.05))
    return figure, axes


# ---- numbers


def test_numbers_are_those_of_the_named_lines() -> None:
    (table,) = numbers(drawn()[0])
    assert (table.along, table.measured, table.left_out) == ("tokens", "share of right answers", "")
    assert table.names == ("feedback", "ordinary", "guessing")
    assert table.rows == (
        ("2", "0.25", "0.10", "0.20"),
        ("4", "0.50", "", "0.20"),
        ("8", "1.00", "0.00", "0.20"),
    )


@pytest.mark.parametrize(("ends", "written"), [((0, 0.05), "1.2346"), ((0, 20), "1.2"), ((-300, 300), "1")])
def test_digits_follow_what_the_axis_spans(ends: tuple[float, float], written: str) -> None:
    figure, axes = plt.subplots()
    axes.plot([0.125, 2000], [1.23456, 1.23456], label="one")
    axes.set_ylim(*ends)
    (table,) = numbers(figure)
    assert table.rows == (("0.125", written), ("2,000", written))


def test_many_rows_are_thinned_and_the_table_says_so() -> None:
    figure, axes = plt.subplots()
    axes.plot(range(81), range(81), label="one")
    (table,) = numbers(figure)
    assert [row[0] for row in table.rows] == [str(place) for place in range(0, 81, 3)]
    assert len(table.rows) <= MOST_ROWS
    assert table.left_out == "One row of 3; 81 were drawn."
    assert "One row of 3; 81 were drawn." in as_fold([table])


def test_lines_at_other_places_have_a_table_of_their_own_and_all_share_the_rows() -> None:
    figure, axes = plt.subplots()
    axes.plot(range(30), range(30), label="one")
    axes.plot([place + 0.5 for place in range(25)], range(25), label="other")
    tables = numbers(figure)
    assert [table.names for table in tables] == [("one",), ("other",)]
    assert sum(len(table.rows) for table in tables) <= MOST_ROWS


def test_what_is_written_in_a_table_is_no_markup() -> None:
    fold = as_fold([Table("a < b", "x & y", ("<i>",), (("1", "2"),), "")])
    assert "a &lt; b" in fold
    assert "x &amp; y" in fold
    assert "&lt;i&gt;" in fold
    ElementTree.fromstring(fold)


# ---- pictures


def test_the_picture_comes_first_then_its_numbers_and_the_figure_is_closed(shown: list[dict[str, str]]) -> None:
    figure, _ = drawn()
    show_plot(figure)
    picture, table = shown
    assert set(picture) == {"image/svg+xml", "image/png", "text/plain"}
    assert picture["text/plain"] == "a plot of feedback, ordinary, guessing"
    assert base64.b64decode(picture["image/png"]).startswith(b"\x89PNG")
    assert table["text/html"].startswith('<details class="fl-numbers"><summary>The numbers of this plot</summary>')
    assert not plt.fignum_exists(figure.number)  # type: ignore[attr-defined]


def test_drawing_again_gives_the_same_bytes(shown: list[dict[str, str]]) -> None:
    for _ in range(2):
        show_plot(drawn()[0])
    assert shown[:2] == shown[2:]


def test_the_picture_for_a_phone_lies_hidden_in_the_other(shown: list[dict[str, str]]) -> None:
    show_plot(drawn()[0])
    wide = ElementTree.fromstring(shown[0]["image/svg+xml"])
    (narrow,) = wide.findall(f"{SVG}svg")
    assert (narrow.get("class"), narrow.get("display")) == (NARROW_MARK, "none")
    assert (wide.get("width"), narrow.get("width")) == ("640", "350")
    wide.remove(narrow)
    for picture in (wide, narrow):
        texts = [text.text for text in picture.iter(f"{SVG}text")]
        assert {"share of right answers", "tokens", "feedback", "ordinary", "guessing"} <= set(texts)
        sizes = [re.search(r"font-size:(\d+)px", text.get("style", "")) for text in picture.iter(f"{SVG}text")]
        assert min(int(size[1]) for size in sizes if size) >= 13
        assert all(sizes)


def test_a_picture_can_stand_in_a_page(shown: list[dict[str, str]]) -> None:
    show_plot(drawn()[0])
    text = shown[0]["image/svg+xml"]
    assert "<style" not in text  # it would hold for the whole page
    assert "<metadata" not in text
    names = re.findall(r' id="([^"]+)"', text)
    assert len(names) == len(set(names)) > 4
    assert set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", text)) == set(names)
    assert set(re.findall(r"#[0-9a-f]{6}\b", text)) <= LIGHT
    assert not re.search(r"\d\.\d{3}", text)


def test_axes_side_by_side_stand_below_each_other_on_a_phone(shown: list[dict[str, str]]) -> None:
    figure, both = plt.subplots(ncols=2, sharey=True)
    for axes in both:
        axes.plot([1, 2], [1, 2], label="one")
    show_plot(figure)
    wide = ElementTree.fromstring(shown[0]["image/svg+xml"])
    (narrow,) = wide.findall(f"{SVG}svg")
    wide.remove(narrow)

    def corners(picture: ElementTree.Element) -> list[tuple[float, float]]:
        frames = [clip.find(f"{SVG}rect") for clip in picture.iter(f"{SVG}clipPath")]
        return [(float(frame.get("x", "")), float(frame.get("y", ""))) for frame in frames if frame is not None]

    (left, top), (right, same) = sorted(set(corners(wide)))
    assert right > left + 200
    assert same == top
    (first, upper), (second, lower) = sorted(set(corners(narrow)), key=lambda corner: corner[1])
    assert abs(second - first) < 2
    assert lower > upper + 150


@pytest.mark.usefixtures("unchecked")
def test_bad_input_is_told(shown: list[dict[str, str]]) -> None:
    with pytest.raises(ValueError, match="figure must be a figure of matplotlib, got str"):
        show_plot("plot")  # type: ignore[arg-type]
    figure, axes = plt.subplots()
    axes.plot([1, 2], [1, 2])
    with pytest.raises(ValueError, match="figure must have lines with a label, got none"):
        show_plot(figure)
    plt.close(figure)
    assert shown == []
