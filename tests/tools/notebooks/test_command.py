"""The command line, with executions that are only pretended."""

from pathlib import Path
from typing import Any

import pytest

from book.tools.notebooks import __main__ as command
from book.tools.notebooks.notebook import Json, NotebookError, dumps, widget_models
from tests.notebooks.building import chapter, good, result, stream

VALUE = 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A committed chapter that keeps every rule."""
    return chapter(good(), tmp_path).path


def pretend(monkeypatch: pytest.MonkeyPatch, executed: Json | Exception) -> None:
    """Have every execution give this."""

    def execute(_: Path, **options: object) -> Json:
        if isinstance(executed, Exception):
            raise executed
        return executed

    monkeypatch.setattr(command, "execute", execute)


def with_value(*outputs: Json) -> Json:
    content = good()
    content["cells"][VALUE]["outputs"] = list(outputs)
    return content


def test_write_touches_the_file_only_where_it_changes(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written_at = path.stat().st_mtime_ns
    pretend(monkeypatch, good())
    assert command.main(["write", str(path)]) == 0
    assert path.stat().st_mtime_ns == written_at
    changed = with_value(stream("three\n"))
    pretend(monkeypatch, changed)
    assert command.main(["write", str(path)]) == 0
    assert path.read_bytes() == dumps(changed).encode()
    assert [line.split(" (")[0] for line in capsys.readouterr().out.splitlines()] == [
        "05-name.ipynb: unchanged, good",
        "05-name.ipynb: written, good",
    ]


def test_write_tells_what_remains_to_be_mended(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, with_value(result(text="<object object at 0x7f3a5c0e>") | {"execution_count": 2}))
    assert command.main(["write", str(path)]) == 1
    assert "its output holds the address of an object" in capsys.readouterr().out


def test_a_run_that_fails_leaves_the_file_and_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = path.read_bytes()
    pretend(monkeypatch, NotebookError("cell 2: ZeroDivisionError"))
    assert command.main(["write", str(path)]) == 1
    assert path.read_bytes() == before
    assert "1 to mend" in capsys.readouterr().out


def test_check_tells_what_is_out_of_date(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh: Any = with_value(result(text="3") | {"execution_count": 2})
    widget_models(fresh)["widget-0001"]["state"]["weights"][1] = 0.751
    pretend(monkeypatch, fresh)
    before = path.read_bytes()
    assert command.main(["check", "--static", str(path)]) == 0
    assert command.main(["check", str(path)]) == 1
    assert path.read_bytes() == before
    printed = capsys.readouterr().out
    assert "2 to mend" in printed
    assert "text/plain: was '2', is '3'" in printed
    assert "weights[1]: was 0.75, is 0.751" in printed


def test_errors_are_named_and_the_rest_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b.ipynb").write_text("{}")
    assert command.main(["check", "--static", str(tmp_path / "none.ipynb"), str(tmp_path / "b.ipynb")]) == 1
    printed = capsys.readouterr().out
    assert "none.ipynb: not a readable notebook" in printed
    assert "b.ipynb: expected a notebook of format 4" in printed
