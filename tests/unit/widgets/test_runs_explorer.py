"""The explorer of recorded runs: its numbers against those of the records, its words, and what it refuses."""

import copy
import json
from statistics import mean
from typing import Any

import pytest
from traitlets import TraitError

from feedback_lite.training import records
from feedback_lite.widgets import RunsExplorer
from feedback_lite.widgets.runs_explorer import AXES, BUDGETS, in_tenths, in_words, recorded_tasks, tenths, ticks
from tests.kinds.runs_explorer import runs_explorer
from tests.runs import RECORDS, comparison


def test_the_end_of_training_is_read_first() -> None:
    figure = runs_explorer(shown=("LSTM", "feedback"))
    assert figure.sentence == (
        "Shell game, equal examples, after 6,400 sequences. Right answers, mean of 3 seeds (lowest to highest): "
        "feedback 89.0 % (88.0 to 90.0); LSTM 49.0 % (48.0 to 50.0). Chance 20.0 %."
    )


def test_by_length_with_a_simple_rule() -> None:
    figure = runs_explorer(task="program", shown=("ordinary, 2 layers",), axis="length", budget="seconds")
    assert figure.sentence == (
        "Program, equal seconds, at 80 tokens, longer than any model trained on. Right answers, mean of 3 seeds "
        "(lowest to highest): ordinary, 2 layers 34.8 % (34.5 to 35.0). Chance 20.0 %; a simple rule 29.0 %."
    )
    figure.place = 2
    assert figure.sentence.startswith("Program, equal seconds, at 40 tokens, as trained. ")
    assert figure.sentence.endswith(" a simple rule 36.0 %.")
    figure.place = 1
    assert figure.sentence.startswith("Program, equal seconds, at 20 tokens, shorter than trained. ")
    figure.axis = "seconds"
    assert figure.sentence.endswith(" a simple rule 36.0 %.")  # curves are of the trained length


def test_a_curve_that_has_not_begun_and_one_that_has_ended() -> None:
    figure = runs_explorer(shown=("feedback", "LSTM"), axis="seconds", place=1)
    assert figure.sentence == (
        "Shell game, equal examples, after 0.5 CPU seconds. Right answers, mean of 3 seeds (lowest to highest): "
        "feedback is not measured yet; LSTM is not measured yet. Chance 20.0 %."
    )
    figure.place = 20
    # Feedback's seeds took 5.0, 5.25 and 5.5 seconds for the first of four measurements: 5.25 in the mean.
    assert figure.readout("feedback") == {"mean": 372, "low": 370, "high": 375, "end": None}
    assert "LSTM 49.0 % (48.0 to 50.0, ended after 4 CPU seconds)" in figure.sentence


def test_one_place_beyond_the_end_still_counts_as_the_end() -> None:
    figure = runs_explorer(axis="seconds")
    for place, end in ((8, None), (9, None), (10, 400)):
        figure.place = place
        found = figure.readout("LSTM")
        assert found is not None
        assert (figure.position(), found["end"]) == (50 * place, end)


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("task", ["shell-game", "program"])
def test_every_value_is_that_of_the_record(task: str, budget: str) -> None:
    record = RECORDS[f"compare-{task}"]
    figure = runs_explorer(task=task, budget=budget, shown=())
    for model in record["models"]:
        name = model["name"]
        runs = [run for run in record["runs"] if run["model"] == name and budget in run["budgets"]]
        assert [run["seed"] for run in runs] == [0, 1, 2]
        figure.axis = "length"
        for figure.place, length in enumerate(record["lengths"], start=1):
            found, rights = figure.readout(name), [run["accuracy_by_length"][str(length)] for run in runs]
            assert found is not None
            assert found["mean"] == pytest.approx(1000 * mean(rights), abs=0.51)
            assert found["low"] == pytest.approx(1000 * min(rights), abs=0.51)
            assert found["high"] == pytest.approx(1000 * max(rights), abs=0.51)
        figure.axis = "examples"
        for index, step in enumerate(runs[0]["curve"]["steps"]):
            figure.place = 64 * step // figure.study()["scales"][budget]["examples"]["notch"]
            if figure.position() < 64 * step:
                figure.place += 1
            found, rights = figure.readout(name), [run["curve"]["accuracy"][index] for run in runs]
            assert found is not None
            assert found["mean"] == pytest.approx(1000 * mean(rights), abs=0.51)


def test_sequences_are_those_of_the_record_where_it_counts_them() -> None:
    record = copy.deepcopy(comparison())
    for run in record["runs"]:
        run["curve"]["sequences"] = [7 * step for step in run["curve"]["steps"]]
    figure = RunsExplorer(["shell-game"], load=lambda _: record)
    found = figure.study()["models"]["feedback"]["runs"]["examples"]["examples"]
    assert found == [7 * step for step in record["runs"][0]["curve"]["steps"]]


def test_models_keep_their_numbers_and_a_task_may_lack_some() -> None:
    figure = runs_explorer(shown=("feedback", "feedback, one slot", "LSTM"))
    assert [name for name, _ in figure.models] == [model["name"] for model in RECORDS["compare-shell-game"]["models"]]
    assert dict(figure.models)["LSTM"] == "recurrent"
    assert figure.drawn() == ["feedback", "feedback, one slot", "LSTM"]
    figure.task = "program"
    assert figure.drawn() == ["feedback", "LSTM"]
    assert figure.shown == ["feedback", "feedback, one slot", "LSTM"]
    assert "one slot" not in figure.sentence


def test_a_handful_is_shown_at_first() -> None:
    assert runs_explorer().drawn() == ["feedback", "ordinary, 2 layers", "ordinary, 4 layers, larger", "LSTM"]
    assert runs_explorer(tasks=("program",)).shown == ["feedback", "ordinary, 2 layers", "LSTM"]


def test_no_model_at_all() -> None:
    figure = runs_explorer(shown=())
    assert figure.sentence == "Shell game, equal examples, after 6,400 sequences. No model is chosen."


def test_a_place_beyond_the_last_is_the_last() -> None:
    figure = runs_explorer(axis="length", place=99)
    assert (figure.places(), figure.position()) == (3, 80)


@pytest.mark.parametrize(
    ("reach", "step", "end"),
    [(1, 10, 1), (50, 10, 50), (51, 20, 52), (2130, 500, 2150), (6400, 2000, 6400), (32_001, 10_000, 33_000)],
)
def test_numbers_of_an_axis_are_round(reach: int, step: int, end: int) -> None:
    assert ticks(reach) == (step, end)


def test_axes_hold_every_curve_and_are_read_at_few_places() -> None:
    for study in runs_explorer().studies:
        for budget in BUDGETS:
            runs = [model["runs"][budget] for model in study["models"].values()]
            for axis in AXES[:2]:
                scale = study["scales"][budget][axis]
                assert all(scale["reach"] >= each[axis][-1] for each in runs)
                assert scale["reach"] % scale["notch"] == 0
                assert 10 < scale["reach"] // scale["notch"] <= 50


def test_rounding_goes_up_from_halves() -> None:
    assert tenths([9995]) == 1000
    assert tenths([9994, 9995, 9995]) == 999
    assert tenths([0, 10, 5]) == 1
    assert [in_tenths(share) for share in (0, 5, 203, 1000)] == ["0.0", "0.5", "20.3", "100.0"]


def test_names_of_tasks_are_written_as_headings() -> None:
    assert [in_words(task) for task in ("shell-game", "s5-word", "walk")] == ["Shell game", "S5 word", "Walk"]


def changed(**changes: Any) -> Any:
    return lambda name: {**comparison(), **changes}


def with_runs(change: Any) -> Any:
    record = copy.deepcopy(comparison())
    change(record["runs"])
    return lambda name: record


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tasks": ()}, "tasks must name at least one recorded comparison, got none"),
        (
            {"load": changed(models=[{**comparison()["models"][0], "kind": "quantum"}])},
            r"the kind of a model must be one of .*'recurrent'.*, got \['quantum'\]",
        ),
        (
            {
                "load": with_runs(
                    lambda runs: [run["budgets"].remove("seconds") for run in runs if len(run["budgets"]) > 1]
                )
            },
            "shell-game: 'feedback' must have runs with equal seconds, got none",
        ),
        (
            {"load": with_runs(lambda runs: runs.pop(0))},
            r"shell-game: every model must have the same number of seeds, got \[2, 3\]",
        ),
        (
            {"load": with_runs(lambda runs: runs[1]["curve"]["steps"].reverse())},
            "shell-game: the curves of 'feedback' with equal examples must be of the same steps",
        ),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        runs_explorer(**arguments)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("task", "chess", r"task must be one of \['shell-game', 'program'\], got 'chess'"),
        ("shown", ["feedback", "GRU"], r"shown must be among .*, got \['GRU'\]"),
        ("axis", "watts", "axis"),
        ("budget", "watts", "budget"),
        ("place", 0, "should not be less than 1"),
    ],
)
def test_impossible_states_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(TraitError, match=message):
        setattr(runs_explorer(), name, value)


def test_what_ships_can_be_shown() -> None:
    assert {f"compare-{task}" for task in recorded_tasks()} == {
        name for name in records.names() if name.startswith("compare-")
    }
    if recorded_tasks():
        figure = RunsExplorer()
        assert figure.task == recorded_tasks()[0]
        assert "feedback" in figure.drawn()
        assert len(json.dumps(figure.studies)) < 250_000
