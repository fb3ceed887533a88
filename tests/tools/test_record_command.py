"""The command that the makers of records share: it makes the record once, then writes it or says where it fails."""

from pathlib import Path

import pytest

from book.tools.record_command import RecordCommand

FILE = Path("kept.txt")


def run(command: str, root: Path, made: str = "new") -> int:
    def make_record() -> str:
        print("making")
        return made

    def check(root: Path, record: str) -> list[str]:
        kept = (root / FILE).read_text()
        return [] if kept == record else [f"kept is {kept}, but {record} came", "and so on"]

    def write(root: Path, record: str) -> None:
        (root / FILE).write_text(record)

    main = RecordCommand(
        module="book.tools.example",
        files=(FILE,),
        make_record=make_record,
        write=write,
        check=check,
        size=lambda record: f"{len(record)} letters",
    )
    return main([command], root)


def test_write_makes_once_writes_and_says_how_much(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("write", tmp_path) == 0
    assert (tmp_path / FILE).read_text() == "new"
    assert capsys.readouterr().out == "making\nwrote kept.txt: 3 letters\n"


def test_check_passes_where_the_record_holds_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / FILE).write_text("new")
    assert run("check", tmp_path) == 0
    assert (tmp_path / FILE).read_text() == "new"
    assert capsys.readouterr().out == "making\n3 letters hold\n"


def test_check_fails_and_tells_every_complaint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / FILE).write_text("old")
    assert run("check", tmp_path) == 1
    assert (tmp_path / FILE).read_text() == "old"
    printed = capsys.readouterr()
    assert printed.err == "kept is old, but new came\nand so on\n"
    assert printed.out == "making\ndoes not hold: python -m book.tools.example write\n"


@pytest.mark.parametrize("command", ["", "look", "--help"])
def test_nothing_is_made_before_the_command_is_understood(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(command, tmp_path)
    printed = capsys.readouterr()
    assert "making" not in printed.out
    assert "python -m book.tools.example" in printed.out + printed.err
