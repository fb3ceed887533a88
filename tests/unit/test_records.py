"""The records that ship are named, whole, and those that their tools would make."""

import pytest

from feedback_lite import records


def test_what_ships() -> None:
    assert "segments" in records.names()
    for name in records.names():
        assert records.load(name)["versions"]["torch"]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"name must be one of .*'segments'.*, got 'segment'"):
        records.load("segment")
