"""The page of differences: its numbers are computed again, and nothing on it is typed by hand."""

import copy
import json
import re
import subprocess
import sys

import pytest

from book.tools import differences, measurements
from book.tools.differences import NAMES, PAGE, RECORD, check, filled, flat, names_table
from book.tools.record_command import ROOT
from feedback_lite.lucidrains import own_names

TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
RECORDED = json.loads((ROOT / RECORD).read_text(encoding="utf-8"))
ENTRIES = {part.split("\n")[0]: part for part in re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]}
LABELS = ["Authors", "lucidrains", "Here", "Why", "Effect"]


def test_the_page_holds_when_measured_again() -> None:
    # Another process, where the package runs without the tests' shape checks: twice as fast, and its own errors speak.
    run = subprocess.run(
        [sys.executable, "-m", "book.tools.differences", "check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"{len(flat(RECORDED))} numbers hold\n"


@pytest.mark.parametrize("title", ENTRIES)
def test_an_entry_says_all_and_its_effect_is_measured_or_said_not_to_be(title: str) -> None:
    points = re.findall(r"^- \*\*(\w+)\*\*: (.+(?:\n  .+)*)", ENTRIES[title], flags=re.MULTILINE)
    assert [label for label, _ in points] == LABELS
    effect = dict(points)["Effect"]
    assert "<data" in effect or effect == "not measured."
    typed = re.sub(r"<data[^>]*>.*?</data>|`[^`]*`|\[[^]]*\]\([^)]*\)", "", effect, flags=re.DOTALL)
    assert re.findall(r"\b\d+", typed) == []


def test_every_entry_stands_in_the_table_once() -> None:
    table = re.findall(r"^\| \[(.+?)\]\(#(.+?)\) \|", TEXT, flags=re.MULTILINE)
    assert [title for title, _ in table] == list(ENTRIES)
    assert [slug for _, slug in table] == [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in ENTRIES]


def test_every_test_that_the_page_names_exists() -> None:
    (part,) = re.findall(r"^## The original in one table\n(.*?)^## ", TEXT, flags=re.MULTILINE | re.DOTALL)
    rows = [row for row in part.splitlines() if row.startswith("|")][2:]
    named = [re.findall(r"^\| [^|]+<br>`(test_\w+)` \|", row) for row in rows]
    assert len(rows) >= 14
    assert all(len(tests) == 1 for tests in named)
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    known = {name for source in sources for name in re.findall(r"^ *def (test_\w+)\(", source, flags=re.MULTILINE)}
    assert {test for (test,) in named} - known == set()


def test_every_weight_of_two_layers_stands_in_the_table_of_names() -> None:
    (table,) = NAMES.findall(TEXT)
    rows = [[re.findall(r"`([^`]+)`", cell) for cell in row.split("|")[1:4]] for row in table.splitlines()[2:]]
    for single_token, line in ((True, 0), (False, -1)):
        names = own_names(2, single_token=single_token)
        assert [(theirs[line], own) for theirs, (own,), _ in rows] == list(names.items())
    assert {own: shape for _, (own,), (shape,) in rows}["to_keys_values.linear.weight"] == "2he, d"


def test_a_name_that_has_changed_is_told(root) -> None:
    page = f"{(root / PAGE).read_text()}\n<!-- names -->\n\n{names_table()}\n\n<!-- end of names -->\n"
    computed = {"group": {"kept": 7, "share": 0.25}}
    (root / PAGE).write_text(page)
    assert check(root, computed) == []
    (root / PAGE).write_text(page.replace("fn.to_q.weight", "to_q.weight", 1))
    assert check(root, computed) == ["the page's table of names is not the one that load_lucidrains goes by"]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / PAGE).write_text('Kept: <data value="group.kept">7</data>. <data value="group.share:.2f">0.25</data>\n')
    (tmp_path / RECORD).write_text(json.dumps({"group": {"kept": 7, "share": 0.25}}))
    return tmp_path


def test_what_is_current_passes(root) -> None:
    assert check(root, {"group": {"kept": 7, "share": 0.2501}}) == []


@pytest.mark.parametrize(
    ("computed", "complaint"),
    [
        ({"kept": 8, "share": 0.25}, "group.kept is 7 in the record, but 8 was measured"),
        ({"kept": 7, "share": 0.26}, "group.share is 0.25 in the record, but 0.26 was measured"),
        ({"kept": 7.0, "share": 0.25}, "group.kept is 7 in the record, but 7.0 was measured"),
        ({"kept": 7, "share": [0.25]}, "group.share is 0.25 in the record, but [0.25] was measured"),
        ({"kept": 7}, "group.share is in the record but is not measured"),
        ({"kept": 7, "share": 0.25, "new": 1}, "group.new is measured but not in the record"),
    ],
)
def test_a_record_that_does_not_hold_is_told(root, computed, complaint) -> None:
    assert check(root, {"group": computed}) == [complaint]


def test_a_page_that_shows_another_number_is_told(root) -> None:
    (root / PAGE).write_text((root / PAGE).read_text().replace("0.25", "0.26"))
    computed = {"group": {"kept": 7, "share": 0.25}}
    assert check(root, computed) == ["the page shows '0.26' for group.share, but the record says '0.25'"]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ('<data value="group.kept">7</data>', r"does not show \['group.share'\]"),
        ('<data value="group.kept">7</data><data value="group.share">0</data><data value="a.b">1</data>', "a.b"),
        ('<data value="group.kept">7</data><data value="group.share">0</data><data>1</data>', "a mark that is not"),
    ],
)
def test_a_page_that_asks_wrongly_is_refused(page, message) -> None:
    with pytest.raises(ValueError, match=message):
        filled(page, {"group": {"kept": 7, "share": 0.25}})


def test_numbers_are_written_with_their_format() -> None:
    page = '<data value="a.b:,">?</data> <data value="a.c:.0%">?</data> <data value="a.d:.1f">?</data>'
    text = filled(page, {"a": {"b": 1234, "c": 0.061, "d": [0.26, 1.0]}})
    assert re.findall(r">([^<]+)</data>", text) == ["1,234", "6%", "0.3 / 1.0"]


def test_several_numbers_are_compared_one_by_one() -> None:
    changed = copy.deepcopy(RECORDED)
    changed["probes"]["feedback"][2] -= 0.02
    assert [line.split(" ")[0] for line in differences.disagreements(RECORDED, changed)] == ["probes.feedback"]


def test_what_was_trained_is_the_mean_of_its_seeds(monkeypatch) -> None:
    def run(right: float, **which) -> dict:
        return {**which, "accuracy_by_length": {"20": right, "40": right / 2, "80": 0.0, "160": 0.0}}

    ablation = [run(0.2, setting="a"), run(0.6, setting="a"), run(0.9, setting="b")]
    comparison = [run(0.4, model="a", budgets=["examples", "seconds"]), run(0.8, model="a", budgets=["seconds"])]
    kept = {"ablate-x": {"runs": ablation}, "compare-x": {"runs": comparison}}
    monkeypatch.setattr(measurements.records, "load", kept.__getitem__)
    assert measurements.recorded("ablate-x", "a") == pytest.approx([0.4, 0.2, 0])
    assert measurements.recorded("compare-x", "a") == pytest.approx([0.4, 0.2, 0])


def test_write_fills_record_and_page(root, monkeypatch, capsys) -> None:
    monkeypatch.setattr(differences, "MEASUREMENTS", {"group": lambda: {"kept": 9, "share": 0.123456}})
    assert differences.main(["check"], root) == 1
    assert "group.kept is 7 in the record, but 9 was measured" in capsys.readouterr().err
    assert differences.main(["write"], root) == 0
    assert json.loads((root / RECORD).read_text()) == {"group": {"kept": 9, "share": 0.1235}}
    assert ">9</data>" in (root / PAGE).read_text()
    assert differences.main(["check"], root) == 0
