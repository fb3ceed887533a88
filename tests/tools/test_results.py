"""The page of results: its tables are those that the records give, and every cell is written by hand here once."""

import copy
import re
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
    return make_record(found.__getitem__, TASKS, ABLATIONS, family=False)


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
    assert len(page) == 2 + len(compared) + len(ablated)
    assert "The relatives on one bench" in page
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
    assert results.right_answers([0.99996, 1.0]) == "100.0"


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
        "- Learning rates tried with one seed: 0.001 and 0.01. The best was at an end, and no further one was tried, "
        "of: feedback; ordinary, 2 layers; LSTM.",
        "- Measured with feedback_lite 0.1.0, torch 2.13.0, python 3.11.7, engine plain. Again:",
        "  python -m feedback_lite.training compare program",
        "| ordinary, 2 layers | made up, 1 | 26,001 |",
        "| Model | % at 20 | % at 40<br>(trained) | % at 80 | Updates | CPU seconds | Rate |",
        "<summary>Program: every learning rate that was tried</summary>",
        "| Model | Budget | % with 0.001 | % with 0.01 |",
        "| LSTM | equal seconds | 50.1 | **51.0** |",
    ):
        assert line in text.split("\n")
    examples, seconds = text.split("### Program, equal ")[1:]
    for part in (examples, seconds):
        assert "| LSTM | 69.0<br><small>68.0&ndash;&NoBreak;70.0</small> | 44.5<br>" in part
    assert "| 100 | 21.0<br><small>20.0&ndash;&NoBreak;22.0</small> | 0.001 |\n| ordinary" in examples
    assert "| 100 | 4.0 | 0.01 |" in examples
    assert "| 500 | 20.0 | 0.01 |" in seconds


def test_a_task_without_a_simple_rule_has_chance_alone() -> None:
    assert "- Chance: 20.0 %.\n" in sections(made())["Shell game"]


def test_a_command_is_told_even_where_the_record_has_none() -> None:
    record = comparison()
    del record["command"]
    text = results.how_repeated(record, "compare", "shell-game")
    assert "\n  python -m feedback_lite.training compare shell-game --out compare-shell-game.json\n" in text


def test_a_sweep_that_went_on_is_told_with_every_rate() -> None:
    sweep = [
        {"model": name, "budget": "examples", "learning_rate": rate, "accuracy": accuracy}
        for name, reached in (("feedback", (0.2, 0.6, 0.6, 0.3)), ("LSTM", (0.2, 0.7, 0.5)))
        for rate, accuracy in zip((0.001, 0.003, 0.01, 0.03), reached, strict=False)
    ]
    text = results.comparison(comparison(sweep=sweep))
    assert "0.001 and 0.01, and the next one wherever the best was at an end.\n" in text
    assert "| Model | Budget | % with 0.001 | % with 0.003 | % with 0.01 | % with 0.03 |" in text
    assert "| feedback | equal examples | 20.0 | **60.0** | **60.0** | 30.0 |" in text
    assert "| LSTM | equal examples | 20.0 | **70.0** | 50.0 |  |" in text


def printed_program() -> dict[str, Any]:
    """Return a record of a training in stages, asked by position too, with a model of one seed."""
    record = comparison("program", names=("feedback", "LSTM"), heuristic={"20": 0.4, "40": 0.3, "80": 0.2})
    for run in record["runs"]:
        spans = {"0-32": 0.9 - 0.1 * run["seed"], "32-64": 0.5}
        run.update(engine="native", accuracy_by_position=spans, whole_programs=0.75, streams=0.25)
    others = [
        {**run, "model": "deep"} for run in record["runs"][-6:] if run["seed"] == 0 and "examples" in run["budgets"]
    ]
    return {
        **record,
        "stages": [{}, {}],
        "short": {"stages": 1, "share_of_tokens": 0.4},
        "sweep": [
            {"model": "LSTM", "candidate": name, "budget": budget, "seeds": seeds, "learning_rate": rate}
            | {"accuracy": right}
            for name, budget, seeds in (
                ("LSTM, thin", "short", 1),
                ("LSTM, wide", "short", 1),
                ("LSTM, wide", "whole", 3),
            )
            for rate, right in ((0.001, 0.1), (0.003, 0.2), (0.01, 0.1))
        ],
        "heuristic_by_position": {"0-32": 0.6, "32-64": 0.5},
        "heuristic_in_whole_programs": 0.55,
        "apart": {"models": [{**record["models"][1], "name": "deep"}], "runs": others},
    }


def test_a_training_in_stages_is_told_by_position_and_with_its_candidates() -> None:
    text = results.comparison(printed_program())
    for line in (
        "- Trained in 2 stages, at the end on sequences of 20 tokens, 64 for each update, with 3 seeds. Asked on 500 "
        "fresh sequences of each length.",
        "- Learning rates tried with one seed: 0.001 and 0.01, each for 1 stage with 40 % of their tokens (short), "
        "then those of the best candidate in all stages (whole), with 3 seeds for LSTM (where these lie within 1 "
        "point, the short ones decide), and the next one wherever the best was at an end.",
        "| Model | 0&ndash;32 | 32&ndash;64 | whole programs | long streams |",
        "| LSTM | 80.0<br><small>70.0&ndash;&NoBreak;90.0</small> | 50.0 | 75.0 | 25.0 |",
        "### Program, trained otherwise",
        "| deep | made up, 1 | 1 |",
        "| deep | 90.0 | 50.0 | 75.0 | 25.0 |",
        "| the simple rule | 60.0 | 50.0 | 55.0 | &ndash; |",
        "| LSTM, wide | short trainings | 10.0 | **20.0** | 10.0 |",
        "| LSTM, wide | whole trainings | 10.0 | **20.0** | 10.0 |",
    ):
        assert line in text.split("\n")
    assert "engine native. Again:" in text


def glance(*compared: dict[str, Any]) -> dict[str, list[str]]:
    """Return the cells of the table of all tasks by the name of their row, as they are read aloud."""
    table = results.glance(compared, [record["trained_length"] for record in compared])
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", table)
    cells = [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]
    return {name: told for name, *told in cells}


def test_all_tasks_have_the_models_that_took_part_in_most_of_them_and_every_strongest_rival() -> None:
    game = comparison(names=("feedback", "ordinary, 4 layers, larger", "LSTM"))
    program = comparison("program", names=("feedback", "ordinary, 2 layers", "LSTM"), trained_length=40)
    found = glance(game, program)
    assert list(found)[1:] == ["feedback", "LSTM", "strongest rival", "chance", "simple rule"]
    assert found[""] == ["Shell gameat 20", "Programat 40"]
    assert found["feedback"] == ["89.0, best88&ndash;&NoBreak;90", "54.5, best54&ndash;&NoBreak;55"]
    assert found["strongest rival"] == [
        "79.0†78&ndash;&NoBreak;80ordinary, 4 layers, larger",
        "49.5†49&ndash;&NoBreak;50ordinary, 2 layers",
    ]
    assert found["chance"] == ["20.0", "20.0"]


def test_a_number_leads_to_its_task() -> None:
    table = results.glance([comparison("s5-word")], [20])
    assert table.count('<a href="#s5-word"') == 1 + 5 + 1  # the heading, five models, the strongest rival


def test_a_model_that_did_not_take_part_has_a_dash() -> None:
    others = [comparison(task, names=("feedback", "LSTM")) for task in ("copy", "echo")]
    found = glance(comparison(), comparison("walk", names=("feedback",)), *others)
    assert found["LSTM"][1] == "&ndash;"
    assert found["strongest rival"][1] == "&ndash;"


def reached(**rights: tuple[float, ...]) -> dict[str, Any]:
    return {name: results.Reached(name, each) for name, each in rights.items()}


@pytest.mark.parametrize(
    ("other", "best"),
    [((0.95, 0.9), True), ((0.9489, 0.2), False), ((0.94996, 0.9), True), ((0.3, 0.3), False)],
)
def test_what_overlaps_with_the_best_is_marked_alike(other: tuple[float, ...], best: bool) -> None:
    column = reached(good=(0.95, 0.99), other=other, unseen=(1.0, 1.0))
    told = [results.cell(column, name, "#x", ["good", "other"]) for name in ("good", "other")]
    assert [", best" in text for text in told] == [True, best]


def test_who_might_reach_more_with_a_further_rate_is_marked_unless_among_the_best() -> None:
    column = {
        name: results.Reached(name, (right,), open_ended=name != "closed")
        for name, right in (("good", 0.9), ("open", 0.5), ("closed", 0.5))
    }
    assert ["†" in results.cell(column, name, "#x", list(column)) for name in column] == [False, True, False]
    record = comparison(
        names=("feedback", "LSTM"),
        sweep=[
            {"model": "LSTM", "budget": "examples", "learning_rate": rate, "accuracy": right}
            for rate, right in ((0.001, 0.1), (0.003, 0.2))
        ],
    )
    assert {name: each.open_ended for name, each in results.reached(record, 20).items()} == {
        "feedback": False,
        "LSTM": True,
        "strongest rival": True,
    }


@pytest.mark.parametrize(("rights", "told"), [((0.5, 0.509), False), ((0.5, 0.512), True)])
def test_seeds_that_lie_apart_are_told(rights: tuple[float, ...], told: bool) -> None:
    assert ("50&ndash;&NoBreak;51" in results.cell(reached(one=rights), "one", "#x", ["one"])) == told


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
    assert "| shared | 30.0 | 31.0<br>" in shell_game
    assert shell_game.count("| one per layer |") == 2  # no shares were learned there


def test_a_model_of_fewer_layers_has_dashes() -> None:
    runs = copy.deepcopy(ablation()["runs"])
    for run in runs[3:6]:
        run["layer_shares"] = [0.4, 0.3, 0.2, 0.1]
    text = results.ablation(ablation(runs=runs))
    assert "| Setting | embedding, % | layer 1, % | layer 2, % | layer 3, % |" in text
    shares = text[text.index("Learned shares") :]
    assert next(line for line in shares.split("\n") if "| shared |" in line).endswith("</small> | &ndash; |")


def test_settings_of_another_rate_and_what_came_of_it() -> None:
    text = results.ablation(ablation())
    assert "Where a setting names another one" not in text
    assert "Largest number" not in text
    assert "Broken off" not in text
    settings, runs = copy.deepcopy((ablation()["settings"], ablation()["runs"]))
    settings[1]["learning_rate"] = 0.03
    for number, run in enumerate(runs):
        run["largest_hidden"] = 1.5 * 10 ** (4 * number)
    runs[4]["broke_off"] = 92
    text = results.ablation(ablation(settings=settings, runs=runs))
    assert "- Learning rate: 0.003. Where a setting names another one, or a length, it was trained with that." in text
    assert "| Setting | seed 0 | seed 1 | seed 2 |" in text
    assert "| shared | 1.5 | 1.5e+04 | 1.5e+08 |" in text
    assert "Broken off, as loss or gradient became infinite: one per layer, seed 1, after 92 updates." in text


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
    assert capsys.readouterr().out == f"wrote {PAGE}: 16 tables\n16 tables hold\n"
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
