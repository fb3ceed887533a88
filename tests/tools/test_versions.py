"""Chapters with other versions: what is installed, what runs, and what is said of a chapter that does not."""

import re
import sys
from pathlib import Path

import pytest

from book.tools import versions
from book.tools.environment import SetUpError
from book.tools.notebooks.form import stable
from book.tools.notebooks.notebook import dumps
from book.tools.versions import main, make_environment
from tests.notebooks.building import code, notebook, stream


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have chapters run in this environment, with no wheel built and nothing installed."""
    monkeypatch.setattr(versions, "build", lambda target, folder: folder / "a.whl")
    monkeypatch.setattr(versions, "make_environment", lambda *asked: sys.executable)


def chapter(folder: Path, source: str, printed: str) -> str:
    path = folder / "00-a.ipynb"
    path.write_text(dumps(stable(notebook(code(source, stream(printed))))))
    return str(path)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("source", "status", "told"),
    [
        ("import os\nbusy = sum(range(10**8))\nprint(os.listdir())", 0, "runs ("),
        ("print(2)", 0, "1 outputs differ"),
        ("1 / 0", 1, "ZeroDivisionError"),
    ],
)
def test_a_chapter_runs_alone_and_is_compared(
    source: str, status: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = chapter(tmp_path, source, "['00-a.ipynb']\n")
    before = Path(path).read_bytes()
    assert main([path]) == status
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("python 3.")
    assert "torch 2." in first
    assert told in "\n".join(rest)
    assert ("differ" in "\n".join(rest)) == ("differ" in told)
    assert rest[-1].startswith(f"{1 - status} of 1 run to their end")
    (seconds,) = re.findall(r"\((\d+) CPU seconds\)", "\n".join(rest))
    assert int(seconds) >= 1 or "busy" not in source
    assert Path(path).read_bytes() == before


def test_the_wheel_and_a_kernel_are_installed_within_the_constraints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(versions, "run_step", lambda step, usual, command, folder, variables: ran.append(command))
    monkeypatch.chdir(tmp_path)
    wheel = tmp_path / "a.whl"
    python = make_environment(Path("own"), "python3.99", wheel, Path("pins.txt"))
    assert python == str(tmp_path / "own" / "bin" / "python")
    assert ran[0] == ["python3.99", "-m", "venv", str(tmp_path / "own")]
    assert ran[1][:4] == [python, "-m", "pip", "install"]
    assert ran[1][-5:] == ["--upgrade", "--constraint", str(tmp_path / "pins.txt"), str(wheel), "ipykernel"]
    make_environment(Path("own"), "python3.99", wheel, None)
    assert "--constraint" not in ran[4]


@pytest.mark.usefixtures("here")
def test_an_environment_that_cannot_be_made_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*asked: object) -> str:
        raise SetUpError("Installing failed.", ["no such version"])

    monkeypatch.setattr(versions, "make_environment", fail)
    assert main([]) == 1
    assert capsys.readouterr().err == "no such version\nInstalling failed.\n"


def test_a_missing_file_of_constraints_is_refused_before_any_work(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--constraints", "none.txt"])
    assert "--constraints: none.txt is no file" in capsys.readouterr().err
