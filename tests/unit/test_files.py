"""Files: whole or not there at all, and what ships is found by name."""

import os
from pathlib import Path

import pytest

from feedback_lite.files import beside, json_names, load_json, write_whole


@pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()])
def test_a_file_is_the_old_one_until_the_new_one_is_whole(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise error

    path = tmp_path / "model.json"
    write_whole(path, b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        write_whole(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_names_with_dots_keep_them() -> None:
    assert beside(Path("models/v1.5"), ".json") == Path("models/v1.5.json")


def test_shipped_files_are_found_by_name() -> None:
    assert "shell-feedback" in json_names("pretrained")
    assert load_json("pretrained", "shell-feedback")["task"] == "shell-game"
    with pytest.raises(ValueError, match=r"name must be one of .*'shell-feedback'.*, got 'shell'"):
        load_json("pretrained", "shell")
