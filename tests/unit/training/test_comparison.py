"""Comparisons: opponents of equal size, equal budgets, the chosen learning rate, notes that survive, and the record."""

import json
import math
from collections.abc import Callable
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from feedback_lite.tasks import TASKS, Program, ShellGame, make_task
from feedback_lite.training import MODELS, Recipe, comparison, records, usual_config
from feedback_lite.training.comparison import (
    BUDGETS,
    EVERYONE,
    FEEDBACK,
    LARGER,
    LEARNING_RATES,
    NEARLY_EVERYONE,
    SEEDS,
    STUDIES,
    Contender,
    Notes,
    Run,
    Study,
    beyond,
    compare,
    contender_entry,
    contenders,
    heuristic_by_length,
    lengths_of,
    measure,
    measure_all,
    nearest,
    seconds_per_update,
    steps_for,
)

# Trainings, which shape checks slow down; what is trained is checked with the model's own tests.
pytestmark = pytest.mark.usefixtures("unchecked_module")

GAME = ShellGame()
TINY = {"d_model": 7, "num_layers": 1, "num_heads": 1, "head_dim": 5, "memory_size": 3}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluate little, on short sequences."""
    monkeypatch.setattr(comparison, "LENGTHS", (5, 7))
    for name in ("RECORD_EVALUATION", "SELECTION", "CURVE"):
        monkeypatch.setitem(getattr(comparison, name), "sequences", 11)


@cache
def everyone(task: str) -> dict[str, Contender]:
    """Return all models of a comparison; to find out how wide each must be takes a while."""
    return contenders(make_task(task))


@pytest.mark.parametrize("task", TASKS)
def test_equal_opponents_are_within_a_tenth_and_larger_ones_about_four_times_as_large(task: str) -> None:
    found = everyone(task)
    assert tuple(found) == EVERYONE
    size = found[FEEDBACK].parameters()
    for name, contender in found.items():
        times = LARGER if name.endswith("larger") else 1
        assert contender.parameters() == pytest.approx(times * size, rel=0.1), name
        assert contender.kind in MODELS


def test_contenders_differ_from_the_usual_model_in_what_their_names_say() -> None:
    found = {name: contender.config for name, contender in everyone("shell-game").items()}
    usual = usual_config("feedback", GAME)
    assert found[FEEDBACK] == usual
    assert found["feedback, one slot"] == usual_config("feedback", GAME, memory_size=1)
    assert found["feedback, last layer"] == usual_config("feedback", GAME, memory_from="last")
    assert found["feedback, no recency start"] == usual_config("feedback", GAME, bias_init="zeros")
    assert found["feedback, whole memory"] == usual_config("feedback", GAME, memory_size=160)
    assert [found[f"ordinary, {many}"].num_layers for many in ("1 layer", "2 layers", "4 layers")] == [1, 2, 4]
    assert [found[f"ordinary, {many}, larger"].num_layers for many in ("1 layer", "2 layers", "4 layers")] == [1, 2, 4]
    assert (found["LSTM"].cell, found["GRU"].cell) == ("lstm", "gru")


def test_unknown_contenders_are_refused() -> None:
    with pytest.raises(ValueError, match=r"model must be one of 'feedback', .*got 'mamba'"):
        contenders(GAME, ("mamba",))


def test_the_nearest_candidate_is_the_nearest_and_not_the_last() -> None:
    class Sized(Contender):
        def parameters(self) -> int:
            return int(self.name)

    def sized(number: int) -> Contender:
        return Sized(name=str(number), says="", kind="feedback", config=usual_config("feedback", GAME))

    assert nearest(map(sized, (2, 30, 70, 100, 400)), 86).name == "100"
    assert nearest(map(sized, (2, 30, 70, 100, 400)), 84).name == "70"
    assert nearest(map(sized, (2, 30)), 1000).name == "30"


def test_every_study_knows_its_task_and_its_models() -> None:
    assert set(STUDIES) == set(TASKS) - {"printed-program"}  # `programs` compares on that one
    for name, study in STUDIES.items():
        assert study.task == name
        assert FEEDBACK in study.names
        assert set(study.names) <= set(everyone(name))


@pytest.mark.parametrize(
    ("budget", "name", "steps"),
    [
        ("examples", "quick", 500),
        ("seconds", "quick", 2000),  # a quarter of the time per update
        ("seconds", "slow", 250),
        ("seconds", "alike", 500),  # 5 % quicker: one run serves both budgets
        ("seconds", "third", 1500),
        ("seconds", "endless", 10),
    ],
)
def test_the_budget_of_seconds_gives_a_quick_model_more_updates(budget: str, name: str, steps: int) -> None:
    seconds = {FEEDBACK: 0.04, "quick": 0.01, "slow": 0.08, "alike": 0.038, "third": 0.0133, "endless": 1e6}
    assert steps_for(budget, name, Study("shell-game", 500, EVERYONE), seconds) == steps


def test_unknown_budgets_are_refused() -> None:
    with pytest.raises(ValueError, match="budget must be one of 'examples', 'seconds', got 'joules'"):
        steps_for("joules", FEEDBACK, Study("shell-game", 5, EVERYONE), {FEEDBACK: 1.0})


@pytest.mark.usefixtures("small")
def test_a_measurement_holds_a_curve_whose_seconds_grow_and_leave_evaluations_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(comparison.time, "process_time", lambda: next(clock))
    contender = Contender(name="tiny", says="", kind="feedback", config=usual_config("feedback", GAME, **TINY))
    model, result = measure(contender, GAME, Recipe(steps=40, batch_size=3, length=5, warmup_steps=2))
    # The clock ticks once per reading: one tick of training between two evaluations, and none of theirs is counted.
    assert result["curve"]["steps"] == list(range(2, 41, 2))
    assert result["curve"]["seconds"] == list(range(1, 21))
    assert result["cpu_seconds"] == 20
    assert list(result["accuracy_by_length"]) == ["5", "7"]
    assert all(0 <= right <= 1 for right in result["curve"]["accuracy"])
    assert isinstance(model, nn.Module)


def test_a_change_is_made_from_the_seed_and_leaves_the_random_state_alone() -> None:
    def add_noise(model: Any) -> nn.Module:
        with torch.no_grad():
            model.to_logits.bias.normal_()
        return model

    config = usual_config("feedback", GAME, **TINY)
    contender = Contender(name="noisy", says="", kind="feedback", config=config, change=add_noise)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first, again, other = (contender.make(seed=seed).to_logits.bias for seed in (4, 4, 5))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_seconds_are_measured_for_every_model_side_by_side() -> None:
    chosen = contenders(GAME, ("LSTM", "ordinary, 1 layer"))
    assert chosen == {name: everyone("shell-game")[name] for name in ("ordinary, 1 layer", "LSTM")}
    models = tuple(chosen.values())
    seconds = seconds_per_update(models, GAME, length=3, batch_size=2)
    assert set(seconds) == {"ordinary, 1 layer", "LSTM"}
    assert all(0 < value < 5 for value in seconds.values())


def test_a_study_says_how_long_and_how_many_sequences_are() -> None:
    study = Study("printed-program", 5, (FEEDBACK,), length=7, batch_size=11)
    recipe = study.recipe(Run(model=FEEDBACK, steps=3, learning_rate=0.5, seed=2))
    assert recipe == Recipe(steps=3, learning_rate=0.5, seed=2, length=7, batch_size=11)


def test_the_trained_length_is_among_the_evaluated_ones() -> None:
    assert lengths_of(20) == (20, 40, 80, 160)
    assert lengths_of(60) == (20, 40, 60, 80, 160)


@pytest.mark.usefixtures("small")
def test_the_heuristic_is_measured_where_there_is_one() -> None:
    assert heuristic_by_length(GAME, (5,)) is None
    task = Program()
    tokens, targets = task.sample(batch_size=11, length=5, generator=torch.Generator().manual_seed(1_000_003))
    rows = zip(task.heuristic(tokens).tolist(), targets.tolist(), strict=True)
    right = [guess == answer for guesses, answers in rows for guess, answer in zip(guesses, answers, strict=True)]
    assert heuristic_by_length(task, (5,)) == {"5": round(sum(right) / 55, 4)}


def runs_of(number: int) -> list[Run]:
    return [Run(model="m", steps=step + 1, learning_rate=0.1, seed=0) for step in range(number)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_study_goes_on_where_it_was(tmp_path: Path, jobs: int) -> None:
    path = tmp_path / "study.notes"
    notes = Notes(path, {"task": "t"}, measured=lambda: {"quick": 1})
    notes.add(runs_of(1)[0], {"old": 7})
    with path.open("a") as file:
        file.write('{"run": {"mod')  # the power went out here
    again = Notes(path, {"task": "t"}, measured=lambda: {"quick": 2})
    assert again.measured == {"quick": 1}
    assert again.results == {runs_of(1)[0]: {"old": 7}}
    measure_all(runs_of(3), again, double, jobs=jobs, title="test")
    assert [again.results[run] for run in runs_of(3)] == [{"old": 7}, {"steps": 4}, {"steps": 6}]


def double(run: Run) -> dict[str, Any]:
    return {"steps": 2 * run.steps}


def test_notes_of_another_study_are_refused(tmp_path: Path) -> None:
    Notes(tmp_path / "a.notes", {"task": "t", "names": ("x", "y")})
    Notes(tmp_path / "a.notes", {"task": "t", "names": ("x", "y")})
    with pytest.raises(ValueError, match=r"a\.notes holds results of another study, .*move it away, or choose another"):
        Notes(tmp_path / "a.notes", {"task": "u", "names": ("x", "y")})


@pytest.mark.usefixtures("small")
def test_the_rate_of_the_best_selection_is_used_for_all_seeds_and_the_record_holds_every_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Run] = []

    def pretend(study: Study, run: Run) -> dict[str, Any]:
        measured.append(run)
        # The LSTM does best with 0.001 when it has many updates, and with 0.01 when it has few; feedback with 0.003.
        favourite = 0.003 if run.model == FEEDBACK else 0.001 if run.steps > 4 else 0.01
        selection = 0.5 + (0.2 if run.learning_rate == favourite else 0)
        return {"cpu_seconds": 1.5, "accuracy_by_length": {"5": 0.1 * run.seed}, "selection": selection, "curve": {}}

    monkeypatch.setattr(comparison, "measure_contender", pretend)
    monkeypatch.setattr(comparison, "seconds_per_update", constant({FEEDBACK: 0.4, "LSTM": 0.1}))
    record = compare(Study("shell-game", 4, (FEEDBACK, "LSTM"), length=5), out=tmp_path / "r.json")
    rows = {(row["model"], *row["budgets"], row["seed"]): row for row in record["runs"]}
    assert len(rows) == len(record["runs"]) == 9
    assert {row["learning_rate"] for row in record["runs"] if row["model"] == FEEDBACK} == {0.003}
    assert rows[FEEDBACK, "examples", "seconds", 2]["steps"] == 4
    assert (rows["LSTM", "examples", 1]["learning_rate"], rows["LSTM", "examples", 1]["steps"]) == (0.01, 4)
    assert (rows["LSTM", "seconds", 1]["learning_rate"], rows["LSTM", "seconds", 1]["steps"]) == (0.001, 20)
    assert "selection" not in rows["LSTM", "seconds", 1]
    assert len(record["sweep"]) == 12 + 2  # one more beyond each end that was best
    assert len(measured) == len(set(measured)) == 9 + 6 + 2
    assert [model["name"] for model in record["models"]] == [FEEDBACK, "LSTM"]
    assert record["chance"] == 0.2
    assert record["command"].startswith("python -m feedback_lite.training compare shell-game")
    json.dumps(record)


@pytest.mark.parametrize(
    ("accuracy", "further"),
    [
        ({0.001: 0.2, 0.003: 0.5, 0.01: 0.4}, []),
        ({0.001: 0.2, 0.003: 0.5, 0.01: 0.6}, [0.03]),
        ({0.001: 0.7, 0.003: 0.5, 0.01: 0.6}, [0.0003]),
        ({0.001: 0.6, 0.003: 0.5, 0.01: 0.6}, [0.0003, 0.03]),
        ({0.001: 0.2, 0.003: 0.6, 0.01: 0.6}, []),  # a tie with the neighbour is no reason to go on
        ({0.001: 0.6, 0.003: 0.6, 0.01: 0.2}, []),
        ({0.001: 0.2, 0.003: 0.5, 0.01: 0.6, 0.03: 0.7}, [0.1]),
        ({0.003: 0.5, 0.01: 0.6, 0.03: 0.7, 0.1: 0.8}, []),  # nothing above 0.1,
        ({0.0001: 0.8, 0.0003: 0.7, 0.001: 0.6}, []),  # or below 0.0001
    ],
)
def test_learning_rates_go_on_beyond_an_end_that_is_better_than_its_neighbour(
    accuracy: dict[float, float], further: list[float]
) -> None:
    assert beyond(accuracy) == further


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("favourite", "tried"),
    [
        (0.003, [0.001, 0.003, 0.01]),
        (0.01, [0.001, 0.003, 0.01, 0.03]),
        (0.1, [0.001, 0.003, 0.01, 0.03, 0.1]),
        (0.0001, [0.0001, 0.0003, 0.001, 0.003, 0.01]),
    ],
)
def test_a_sweep_extends_itself_to_the_best_rate_and_the_record_shows_all_that_were_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, favourite: float, tried: list[float]
) -> None:
    measured: list[Run] = []
    power_cuts = [4, 7]  # measurements before each

    def pretend(study: Study, run: Run) -> dict[str, Any]:
        if power_cuts and len(measured) == power_cuts[0]:
            power_cuts.pop(0)
            raise KeyboardInterrupt
        measured.append(run)
        best = favourite if run.model == FEEDBACK else 0.003
        selection = 1 - abs(math.log(run.learning_rate / best)) / 10
        return {"cpu_seconds": 1.5, "accuracy_by_length": {}, "selection": selection, "curve": {}}

    monkeypatch.setattr(comparison, "measure_contender", pretend)
    monkeypatch.setattr(comparison, "seconds_per_update", constant({FEEDBACK: 0.1, "LSTM": 0.1}))
    study = partial(compare, Study("shell-game", 4, (FEEDBACK, "LSTM"), length=5), out=tmp_path / "r.json")
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            study()
    record = study()
    assert len(measured) == len(set(measured)) == len(tried) + 3 + 2 * 2
    for budget in BUDGETS:
        for name, rates in ((FEEDBACK, tried), ("LSTM", [0.001, 0.003, 0.01])):
            rows = [row for row in record["sweep"] if (row["model"], row["budget"]) == (name, budget)]
            assert [row["learning_rate"] for row in rows] == rates
    assert {run["learning_rate"] for run in record["runs"] if run["model"] == FEEDBACK} == {favourite}


def constant(value: Any) -> Callable[..., Any]:
    """Return a function that returns this value whatever it is given."""
    return lambda *_, **__: value


@pytest.mark.usefixtures("small")
def test_a_comparison_really_trains(tmp_path: Path) -> None:
    record = compare(Study("s3-word", 3, (FEEDBACK, "GRU"), length=5), out=tmp_path / "r.json")
    assert {row["model"] for row in record["runs"]} == {FEEDBACK, "GRU"}
    assert all(row["cpu_seconds"] > 0 for row in record["runs"])
    lines = (tmp_path / "r.notes").read_text().splitlines()
    assert len(lines) > len(record["runs"])


def test_impossible_numbers_of_jobs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="jobs must be at least 1, got 0"):
        compare(STUDIES["parity"], out=tmp_path / "r.json", jobs=0)
    assert list(tmp_path.iterdir()) == []


# ---- the records that ship

OPEN_ENDED = ("shell-game", "s3-word", "program", "copy", "characters")
"""Records from before a sweep went on beyond an end that was the best."""
RECORDED = [task for task in STUDIES if f"compare-{task}" in records.names()]


def test_the_tasks_that_keep_a_state_are_recorded_with_everyone() -> None:
    for task in ("shell-game", "s3-word", "program"):
        assert task in RECORDED
        assert STUDIES[task].names == NEARLY_EVERYONE


@pytest.mark.parametrize("task", RECORDED)
def test_a_record_is_of_the_study_as_it_stands(task: str) -> None:
    study, record = STUDIES[task], records.load(f"compare-{task}")
    models = [model for name, model in everyone(task).items() if name in study.names]
    assert record["models"] == json.loads(json.dumps([contender_entry(model) for model in models]))
    assert record["learning_rates"] == list(LEARNING_RATES)
    assert (record["trained_length"], record["recipe"]["batch_size"]) == (study.length, study.batch_size)
    assert record["chance"] == round(make_task(task).chance, 4)
    for model in models:
        for budget in BUDGETS:
            runs = [run for run in record["runs"] if run["model"] == model.name and budget in run["budgets"]]
            assert [run["seed"] for run in runs] == list(SEEDS)
            (steps,) = {run["steps"] for run in runs}
            # The seconds are rounded in the record, which may move the number of updates to the next ten.
            assert abs(steps - steps_for(budget, model.name, study, record["seconds_per_update"])) <= 10


@pytest.mark.parametrize("task", [task for task in RECORDED if task not in OPEN_ENDED])
def test_no_sweep_of_a_record_ends_where_it_should_have_gone_on(task: str) -> None:
    record = records.load(f"compare-{task}")
    for model, budget in product((model["name"] for model in record["models"]), BUDGETS):
        rows = [row for row in record["sweep"] if (row["model"], row["budget"]) == (model, budget)]
        assert beyond({row["learning_rate"]: row["accuracy"] for row in rows}) == [], model
