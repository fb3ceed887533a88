"""The page of results: its tables are those that the records give, and every cell is written by hand here once."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from book.tools import results
from book.tools.record_command import ROOT
from book.tools.results import MARK, PAGE, check, main, make_record, with_tables
from feedback_lite.training import records
from tests.runs import RECORDS, ablation, comparison

TASKS, ABLATIONS = ("shell-game", "program"), ("keys-values",)


def made(**changes: Any) -> str:
    """Return the tables of made-up records, with changes of the shell game's."""
    found = {**RECORDS, "compare-shell-game": comparison(**changes)}
    return make_record(found.__getitem__, TASKS, ABLATIONS)


def sections(text: str) -> dict[str, str]:
    """Return the text under every heading."""
    parts = ("\n" + text).split("\n## ")[1:]
    return {part.split("\n")[0]: part for part in parts}


def test_the_page_shows_what_the_records_give() -> None:
    assert check(ROOT, make_record()) == []


def test_every_record_is_on_the_page() -> None:
    page = sections((ROOT / PAGE).read_text(encoding="utf-8").split(MARK)[1])
    compared = [name for name in records.names() if name.startswith("compare-")]
    ablated = [name for name in records.names() if name.startswith("ablate-")]
    assert compared
    assert len(page) == 1 + len(compared) + len(ablated)
    for name in compared:
        words = name.removeprefix("compare-").replace("-", " ")
        assert words[0].upper() + words[1:] in page
    for name in ablated:
        assert f"Ablation: {name.removeprefix('ablate-').replace('-', ' ')}" in page


def test_sections_come_in_order_and_all_tasks_first() -> None:
    assert list(sections(made())) == ["All tasks", "Shell game", "Program", "Ablation: keys values"]


def test_a_cell_has_the_mean_and_the_spread() -> None:
    assert results.right_answers([0.9996, 0.995, 0.9901]) == "99.5<br><small>99.0&ndash;&NoBreak;100.0</small>"
    assert results.seconds([21.34, 20.0, 25.06]) == "22.1<br><small>20.0&ndash;&NoBreak;25.1</small>"


def test_a_table_is_written_with_its_columns() -> None:
    text = results.table(("Model", "What", "Size"), [("a", "b", "1")], words=2)
    assert text == "| Model | What | Size |\n| --- | --- | ---: |\n| a | b | 1 |"


@pytest.mark.parametrize(
    ("title", "slug"), [("Shell game", "#shell-game"), ("S5 word, equal examples", "#s5-word-equal-examples")]
)
def test_a_link_names_its_heading(title: str, slug: str) -> None:
    assert results.anchor(title) == slug


@pytest.mark.parametrize(("values", "text"), [([1], "1"), ([0.001, 0.01], "0.001 and 0.01"), ([1, 2, 3], "1, 2 and 3")])
def test_values_are_listed(values: list[float], text: str) -> None:
    assert results.listed(values) == text


def test_how_many_are_counted() -> None:
    assert [results.counted(number, "seed") for number in (1, 3, 1000)] == ["1 seed", "3 seeds", "1,000 seeds"]


def test_a_task_is_told_with_all_that_was_measured() -> None:
    text = sections(made())["Program"]
    for line in (
        "Carry out a program on two variables, and say after every statement the value of the variable it is about.",
        "- Chance: 20.0 %. A simple rule: 47.0 % at 20, 36.0 % at 40, 29.0 % at 80 tokens. The rule: answer with the "
        "digit that is assigned, and else with the last answer about the same variable.",
        "- Trained on sequences of 40 tokens, 64 for each update, with 3 seeds. Asked on 500 fresh sequences of each "
        "length.",
        "- Learning rates tried: 0.001 and 0.01, each with the first seed.",
        "- Measured with feedback_lite 0.1.0, torch 2.13.0, python 3.11.7. Again:",
        "  python -m feedback_lite.training compare program",
        "| ordinary, 2 layers | made up, 1 | 26,001 |",
        "| Model | % at 20 | % at 40<br>(trained) | % at 80 |",
        "| Model | Updates | CPU seconds | % with rate 0.001 | % with rate 0.01 |",
        "| feedback | 100 | 21.0<br><small>20.0&ndash;&NoBreak;22.0</small> | **50.1** | 51.0 |",
    ):
        assert line in text.split("\n")
    examples, seconds = text.split("### Program, equal ")[1:]
    for part in (examples, seconds):
        assert "| LSTM | 69.0<br><small>68.0&ndash;&NoBreak;70.0</small> | 44.5<br>" in part
    assert "| LSTM | 100 | 4.0<br><small>4.0&ndash;&NoBreak;4.0</small> | 50.1 | **51.0** |" in examples
    assert "| LSTM | 500 | 20.0<br><small>20.0&ndash;&NoBreak;20.0</small> | 50.1 | **51.0** |" in seconds


def test_a_task_without_a_simple_rule_has_chance_alone() -> None:
    assert "- Chance: 20.0 %.\n" in sections(made())["Shell game"]


def test_a_command_is_told_even_where_the_record_has_none() -> None:
    record = comparison()
    del record["command"]
    text = results.how_repeated(record, "compare", "shell-game")
    assert "\n  python -m feedback_lite.training compare shell-game --out compare-shell-game.json\n" in text


def test_all_tasks_have_the_models_that_took_part_in_most_of_them() -> None:
    text = sections(made())["All tasks"]
    assert "| Task | Chance | feedback | ordinary, 2 layers | LSTM |" in text
    # The program was trained on 40 tokens.
    assert "| [Program](#program) | 20.0 | 54.5<br><small>54.0&ndash;&NoBreak;55.0</small> |" in text


def test_a_model_that_did_not_take_part_has_a_dash() -> None:
    others = [comparison(task, names=("feedback", "LSTM")) for task in ("copy", "echo")]
    text = results.overview([comparison(), comparison("walk", names=("feedback",)), *others])
    assert "| Task | Chance | feedback | LSTM |" in text
    walk = next(line for line in text.split("\n") if "[Walk]" in line)
    assert walk.endswith("</small> | &ndash; |")


def test_an_ablation_has_a_table_for_each_task_and_what_the_layers_got() -> None:
    text = sections(made())["Ablation: keys values"]
    assert "- Learning rate: 0.003." in text
    assert "ablate keys-values --out ablate-keys-values.json" in text
    shell_game, echo = text.split("Echo; chance 12.5 %:")
    assert "Shell game; chance 20.0 %:" in shell_game
    assert "| Setting | % at 20<br>(trained) | % at 40 |" in shell_game
    assert "| one per layer | 79.0<br><small>78.0&ndash;&NoBreak;80.0</small> | 49.5<br>" in shell_game
    assert "| Setting | Parameters | Updates | CPU seconds |" in shell_game
    assert "| one per layer | 26,001 | 500 | 22.0<br><small>21.0&ndash;&NoBreak;23.0</small> |" in shell_game
    assert "| echo: shared |" in echo
    assert "| Setting | embedding, % | layer 1, % | layer 2, % |" in shell_game
    assert "| shared | 30.0<br><small>30.0&ndash;&NoBreak;30.0</small> | 31.0<br>" in shell_game
    assert shell_game.count("| one per layer |") == 2  # no shares were learned there


def test_no_shares_of_layers_where_none_were_learned() -> None:
    runs = [{**run, "layer_shares": None} for run in ablation()["runs"]]
    assert "Learned shares" not in results.ablation(ablation(runs=runs))


def test_seeds_that_were_trained_differently_are_refused() -> None:
    record = copy.deepcopy(comparison())
    record["runs"][0]["steps"] += 1
    with pytest.raises(ValueError, match=r"all seeds must have the same value, got \[100, 101\]"):
        results.comparison(record)


run = replace(main, make_record=made)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "book").mkdir()
    (tmp_path / PAGE).write_text(f"# Results\n\nBy hand.\n\n{MARK}\nold\n", encoding="utf-8")
    return tmp_path


def test_write_then_check(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check"], root) == 1
    assert 'line 7 of the page is "old", but the records give "## All tasks"' in capsys.readouterr().err
    assert run(["write"], root) == 0
    assert run(["check"], root) == 0
    assert capsys.readouterr().out == f"wrote {PAGE}: 17 tables\n17 tables hold\n"
    assert (root / PAGE).read_text(encoding="utf-8") == f"# Results\n\nBy hand.\n\n{MARK}\n{made()}"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda page: page.replace("89.0<br>", "89.1<br>", 1), "89.1<br>"),
        (lambda page: page + "More.\n", "lines, but the records give"),
        (lambda page: page.replace(MARK, ""), "book/results.md must hold this line once: % What follows"),
        (lambda page: page + MARK, "must hold this line once"),
    ],
)
def test_a_page_that_is_not_current_is_told(root: Path, change: Any, complaint: str) -> None:
    run(["write"], root)
    (root / PAGE).write_text(change((root / PAGE).read_text(encoding="utf-8")), encoding="utf-8")
    found = check(root, made())
    assert len(found) == 1
    assert complaint in found[0]


def test_what_stands_above_the_mark_stays() -> None:
    assert with_tables(f"above\n{MARK}below", "new\n") == f"above\n{MARK}\nnew\n"
