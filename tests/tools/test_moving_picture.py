"""The README's moving picture is the game that the models play; its still one is the last step."""

import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from book.tools.moving_picture import CUPS, LENGTH, MOVING, STILL, SWAPS, Game, draw, left, main, play
from book.tools.record_command import ROOT
from feedback_lite.tasks import ShellGame

LARGEST = 10_000  # bytes


@pytest.fixture(scope="module")
def game() -> Game:
    return play()


def test_committed_pictures_are_what_the_models_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert "hold" in capsys.readouterr().out


def test_another_picture_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "book").mkdir()
    for path in (MOVING, STILL):
        shutil.copy(ROOT / path, tmp_path / path)
    text = (tmp_path / STILL).read_text(encoding="utf-8")
    (tmp_path / STILL).write_text(text.replace("12 of 12", "11 of 12"), encoding="utf-8")
    assert main(["check"], root=tmp_path) == 1
    assert f"{STILL} is not what the models give." in capsys.readouterr().err


def test_the_ball_stays_in_its_cup(game: Game) -> None:
    place = game.places[0]
    for (one, other), after in zip(game.swaps, game.places[1:], strict=True):
        place = {one: other, other: one}.get(place, place)
        assert place == after
    assert len(game.swaps) == SWAPS
    assert LENGTH >= 2 * 20  # longer than any game of the training
    assert set(game.swaps) <= set(ShellGame(cups=CUPS).swaps)


def test_every_move_is_in_the_style_sheet(game: Game) -> None:
    picture = draw(game, True)
    for name, places in {"ball": game.places, **game.answers}.items():
        found = re.search(rf"@keyframes {name} \{{ (.*) \}}$", picture, re.MULTILINE)
        assert found is not None
        stops = [int(stop) for stop in re.findall(r"translateX\((\d+)px\)", found[1])]
        wanted = [left(places[0])]
        for before, now in pairwise(places):
            wanted += [left(before), left(now)] if before != now else []
        assert stops == [*wanted, left(places[-1])]


def test_the_pictures_are_small_and_the_still_one_does_not_move() -> None:
    for path in (MOVING, STILL):
        text = (ROOT / path).read_text(encoding="utf-8")
        assert len(text.encode()) < LARGEST
        assert re.search(r"<script|https?://(?!www\.w3\.org/2000/svg)|url\(", text) is None
        assert ("animation" in text) == (path == MOVING)
