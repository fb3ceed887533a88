"""The records that ship are named, whole, and those that their tools would make."""

import json

import pytest

from feedback_lite.training import records


def test_what_ships() -> None:
    assert "ablate-segments" in records.names()
    for name in records.names():
        assert records.load(name)["versions"]["torch"]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"name must be one of .*'ablate-segments'.*, got 'segment'"):
        records.load("segment")


def test_a_record_is_written_with_one_run_per_line() -> None:
    record = {"task": "t", "lengths": [5, 7], "heuristic": None, "runs": [{"seed": 0, "curve": [1, 2]}, {"seed": 1}]}
    text = records.as_text(record)
    assert json.loads(text) == record
    assert text.splitlines() == [
        "{",
        ' "task": "t",',
        ' "lengths": [5, 7],',
        ' "heuristic": null,',
        ' "runs": [',
        '  {"seed": 0, "curve": [1, 2]},',
        '  {"seed": 1}',
        " ]",
        "}",
    ]
