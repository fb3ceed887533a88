"""The planting of faults: it changes what it should, undoes it, says what saw it, and knows no fault out of date."""

import json
from pathlib import Path

import pytest

from tests.faults.__main__ import is_meant, main
from tests.faults.planted import FAULTS
from tests.faults.planting import ROOT, Copy, Fault, PlantingError, as_stored

ADD = "def add(one, other):\n    return one + other\n"
SCRIPT = 'import { half } from "./half.js";\n\nexport const whole = (x) => 2 * half(x); // “whole”\n'
TEST = """
from adding import add

def test_sum():
    assert add(2, 3) == 5

def test_nothing():
    pass
"""
FAULT = Fault("minus", "adding.py", {"one + other": "one - other"}, ("test_adding.py",))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository with a module, its test, and a page that has stored a script."""
    root = tmp_path / "repository"
    page = json.dumps({"_esm": f"const half = 1;\n\n{SCRIPT.split(';', 1)[1].strip()}\n"})
    files = {
        "adding.py": ADD,
        "test_adding.py": TEST,
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["."]\n',
        "widgets/js/whole.js": SCRIPT,
        "_build/html/index.html": page,
        "_build/html/other.html": "<p>no figure</p>",
        "_build/html/_static/own.js": f"(() => {{\n{SCRIPT.split('export ', 1)[1]}}})();\n",
        ".git/config": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_can_be_planted_and_has_suspects(fault: Fault) -> None:
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    assert fault.plant(text) != text
    suspects = [name for name in fault.suspects if name.startswith("tests/")]
    assert suspects
    assert all((ROOT / name.partition("::")[0]).exists() for name in suspects)


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize(("text", "times"), [("return one - other", 0), ("one", 2)])
def test_a_text_that_does_not_stand_there_once_is_told(text: str, times: int) -> None:
    with pytest.raises(PlantingError, match=rf"must stand once in adding\.py, it stands there {times} times"):
        Fault("", "adding.py", {text: ""}, ()).plant(ADD)


def test_a_copy_leaves_out_what_is_hidden_and_changes_nothing_outside(root: Path, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy", root)
    assert not (copy.folder / ".git").exists()
    with copy.planted(FAULT):
        assert "one - other" in (copy.folder / "adding.py").read_text()
        assert (root / "adding.py").read_text() == ADD
    assert (copy.folder / "adding.py").read_text() == ADD


def test_a_fault_is_undone_after_an_error_too(root: Path, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy", root)
    with pytest.raises(PlantingError), copy.planted(FAULT):
        copy.first_failure(("no_such_test.py",))
    assert (copy.folder / "adding.py").read_text() == ADD


def test_a_fault_of_a_script_reaches_the_pages_that_have_stored_it(root: Path, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy", root)
    page, other, own = (copy.folder / "_build/html" / name for name in ("index.html", "other.html", "_static/own.js"))
    before = page.read_text()
    with copy.planted(Fault("thrice", "widgets/js/whole.js", {"2 * half": "3 * half"}, ())):
        stored = json.loads(page.read_text())["_esm"]
        assert stored == json.loads(before)["_esm"].replace("2 * half", "3 * half")
        assert other.read_text() == "<p>no figure</p>"
        assert "const whole = (x) => 3 * half(x)" in own.read_text()
        assert page.stat().st_mtime >= (copy.folder / "widgets" / "js" / "whole.js").stat().st_mtime
    assert page.read_text() == before


def test_a_script_that_no_page_has_stored_is_told(root: Path, tmp_path: Path) -> None:
    (root / "widgets" / "js" / "whole.js").write_text(SCRIPT.replace("whole", "all"))
    copy = Copy(tmp_path / "copy", root)
    fault = Fault("thrice", "widgets/js/whole.js", {"2 * half": "3 * half"}, ())
    with pytest.raises(PlantingError, match=r"no page of _build/html holds widgets/js/whole\.js as it is"):
        copy.changes(fault)


def test_a_script_is_stored_without_its_imports() -> None:
    assert json.loads(f'"{as_stored(SCRIPT)}"') == "export const whole = (x) => 2 * half(x); // “whole”"


def test_what_came_of_each_fault_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unseen = Fault("no names", "adding.py", {"add(one": "add(*, one"}, ("test_adding.py", "-k", "nothing"))
    gone = Fault("gone", "adding.py", {"one * other": ""}, ("test_adding.py",))
    stuck = Fault("stuck", "adding.py", {"def add": "def ad"}, ("test_adding.py",))
    assert main(["--jobs", "2"], [FAULT, unseen, gone, stuck], root) == 1
    told = capsys.readouterr().out
    places = [
        told.index(words)
        for words in (
            "1. minus (adding.py",
            "test_adding.py::test_sum\n",
            "2. no names (adding.py",
            "NOT SEEN\n",
            "3. gone (adding.py",
            "'one * other' must stand once in adding.py",
            "4. stuck (adding.py",
            "the tests could not be run",
            "1 of 4 faults are seen",
        )
    ]
    assert places == sorted(places)


def test_a_witness_that_fails_without_a_fault_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "test_adding.py").write_text(TEST.replace("== 5", "== 6"))
    assert main(["--jobs", "1"], [FAULT], root) == 1
    told = capsys.readouterr().out
    assert "1 of 1 faults are seen" in told
    assert "Some of these tests fail without a fault too" in told


def test_words_choose_faults_by_name_and_file() -> None:
    assert is_meant(FAULT, [])
    assert is_meant(FAULT, ["plus", "minus"])
    assert is_meant(FAULT, ["adding"])
    assert not is_meant(FAULT, ["plus"])
