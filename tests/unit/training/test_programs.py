"""The study of the authors' task: its stages, how models are asked, what is trained, and the record."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from feedback_lite.tasks import IGNORED, PrintedProgram
from feedback_lite.tasks.base import Examples
from feedback_lite.training import MODELS, Stage, comparison, make_model, programs, records, usual_config
from feedback_lite.training.cards import CONFIGS
from feedback_lite.training.comparison import BUDGETS, LEARNING_RATES, Notes, Run, contender_entry
from feedback_lite.training.programs import (
    ENTRIES,
    SEARCH_SEEDS,
    SEEDS,
    TASK,
    Entry,
    Plan,
    by_position,
    compare_programs,
    first_programs,
    read_along,
    read_views,
    stages,
    told,
)
from tests.unit.training.small import TINY_SIZES

# Trainings, which shape checks slow down; what is trained is checked with the model's own tests.
pytestmark = pytest.mark.usefixtures("unchecked_module")


def tiny(kind: str) -> Any:
    return make_model(kind, usual_config(kind, TASK, **TINY_SIZES[kind]), seed=1)


def drawn(batch_size: int, length: int, **options: Any) -> Examples:
    return PrintedProgram(**options).sample(
        batch_size=batch_size, length=length, generator=torch.Generator().manual_seed(5)
    )


def test_the_stages_are_those_of_the_table() -> None:
    assert sum(stage.steps * stage.batch_size * stage.length for stage in stages()) == pytest.approx(19e6, rel=1e-3)
    assert [stage.length for stage in stages()] == [length for _, _, length, _ in programs.STAGES]
    assert stages()[-1].task.keys() <= {"statements"}, "the last stage asks at prints alone"
    short = stages(first=2, share=0.5)
    assert [stage.steps for stage in short] == [round(stage.steps / 2) for stage in stages()[:2]]
    hard = stages(easy=False)
    assert [(stage.steps, stage.length) for stage in hard] == [(stage.steps, stage.length) for stage in stages()]
    assert all(stage.task.keys() <= {"statements"} for stage in hard)


@pytest.mark.parametrize("kind", MODELS)
def test_reading_along_gives_the_answers_of_the_whole_sequence(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PIECE", 4)
    tokens = drawn(13, 11).tokens
    model = tiny(kind)
    assert torch.equal(read_along(model, tokens), model.eval()(tokens).logits.argmax(dim=-1))


def test_a_view_holds_the_last_tokens_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PIECE", 5)
    monkeypatch.setattr(programs, "STEP", 2)
    model = tiny("ordinary").eval()
    for length in (5, 9, 10):
        tokens = drawn(3, length).tokens
        found = read_views(model, tokens)
        assert found.shape == tokens.shape
        for position in range(length):
            # The first view ends after 5 tokens, every other one two tokens further.
            view_end = 5 + 2 * max(0, -(-(position - 4) // 2))
            view = tokens[:, view_end - 5 : view_end]
            answers = model(view).logits.argmax(dim=-1)
            assert torch.equal(found[:, position], answers[:, position - (view_end - 5)]), position


def test_answers_are_counted_between_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "BOUNDS", (0, 2, 5))
    right = torch.tensor([[True, False, True, False, True], [True, True, False, False, False]])
    asked = torch.tensor([[True, True, False, False, True], [False, True, True, False, False]])
    assert by_position(right, asked) == {"0-2": 0.6667, "2-5": 0.5}


def test_what_is_told_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "BOUNDS", (0, 8, 16))
    monkeypatch.setattr(programs, "LENGTHS", (8, 16))
    text = "x = 9 ; print x ; END y = 2 ; print y ;"
    tokens = torch.tensor([[TASK.vocabulary.index(word) for word in text.split()]])
    examples = Examples(tokens, TASK.answers(tokens))
    assert first_programs(TASK, tokens).tolist() == [[True] * 7 + [False] * 8]
    wrong_at_last = torch.where(torch.arange(15) == 14, 0, examples.targets)
    assert told(TASK, wrong_at_last, examples) == {
        "accuracy_by_position": {"0-8": 1.0, "8-16": 0.0},
        "accuracy_by_length": {"8": 1.0, "16": 0.5},
        "whole_programs": 1.0,
    }


def test_the_rule_is_asked_about_the_same_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(programs.EVALUATION, "sequences", 7)
    monkeypatch.setitem(programs.STREAMS, "sequences", 3)
    tokens, targets = TASK.sample(
        batch_size=7, length=1024, generator=torch.Generator().manual_seed(programs.EVALUATION["seed"])
    )
    right, asked = TASK.heuristic(tokens) == targets, targets != IGNORED
    found = programs.heuristic()
    assert found["heuristic"]["1024"] == round((right & asked).sum().item() / asked.sum().item(), 4)
    assert list(found["heuristic_by_position"]) == ["0-32", "32-64", "64-128", "128-256", "256-512", "512-1024"]


def test_all_entries_train_under_names_of_their_own() -> None:
    # Notes know a training by the name of what is trained, so one name must not stand for two things.
    found = [(one.name, entry.easy, one.config) for entry in ENTRIES for one in entry.candidates]
    assert len({name for name, *_ in found}) == len(set(found))
    assert ENTRIES[0].name == "feedback"
    assert programs.USUAL.parameters() == 33_178
    assert programs.of_kind("ordinary").parameters() == 72_855
    assert not set(SEEDS) & {*SEARCH_SEEDS, 0, 1, 2}


def entry(name: str) -> Entry:
    (found,) = (one for one in ENTRIES if one.name == name)
    return found


TOOK = {"cpu_seconds": 1.0, "curve": {"steps": []}}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train little, on short sequences, and ask little."""
    short = ((0.002, 20, 20, {"kinds": ["=", "print"], "answers": "every"}), (0.004, 10, 40, {}))
    monkeypatch.setattr(programs, "STAGES", short)
    monkeypatch.setattr(programs, "FIRST", 1)
    monkeypatch.setattr(programs, "SHARE", 1.0)
    monkeypatch.setitem(programs.EVALUATION, "sequences", 2)
    monkeypatch.setattr(programs, "STREAMS", {"sequences": 2, "length": 300, "seed": 1})
    for sizes in (comparison.SELECTION, comparison.CURVE):
        monkeypatch.setitem(sizes, "sequences", 11)


@pytest.mark.usefixtures("quick")
def test_best_candidates_and_rates_are_trained_from_all_seeds_for_both_budgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Run] = []
    favourite = "ordinary, 4 layers, recency start"  # not the first candidate

    def pretend(plans: dict[Run, Plan], run: Run) -> dict[str, Any]:
        measured.append(run)
        selection = 0.5 + 0.1 * (run.learning_rate == 0.003) + 0.1 * (run.model == favourite)
        seconds = 2.0 if run.model == "feedback" else run.steps / 10
        curve = {"steps": [1, run.steps]}
        return {"selection": selection} if run.seed in SEARCH_SEEDS else {"cpu_seconds": seconds, "curve": curve}

    monkeypatch.setattr(programs, "measure_plan", pretend)
    record = compare_programs(
        (ENTRIES[0], entry("ordinary, 4 layers"), replace(entry("feedback, no easy stages"), apart=False)),
        out=tmp_path / "r.json",
    )
    whole = sum(stage.steps for stage in stages())
    rows = {(run["model"], budget, run["seed"]): run for run in record["runs"] for budget in run["budgets"]}
    assert len(rows) == 3 * 2 * 3
    assert {run["learning_rate"] for run in record["runs"]} == {0.003}
    assert rows["feedback", "examples", 22] is rows["feedback", "seconds", 22]
    assert rows["ordinary, 4 layers", "examples", 22]["steps"] == whole
    curve = rows["ordinary, 4 layers", "examples", 22]["curve"]
    assert curve["sequences"] == [20, sum(stage.steps * stage.batch_size for stage in stages())]
    assert curve["tokens"] == [400, sum(stage.steps * stage.batch_size * stage.length for stage in stages())]
    assert record["share_of_tokens"] == {"ordinary, 4 layers": round(2.0 / (whole / 10), 2)}
    fewer = sum(stage.steps for stage in stages(share=record["share_of_tokens"]["ordinary, 4 layers"]))
    assert rows["ordinary, 4 layers", "seconds", 22]["steps"] == fewer != whole
    assert [model["name"] for model in record["models"]] == [
        "feedback",
        "ordinary, 4 layers",
        "feedback, no easy stages",
    ]
    assert record["models"][1]["config"]["bias_init"] == "recency"
    seen = {(run.model, run.steps == whole) for run in measured if run.seed in SEARCH_SEEDS}
    assert seen == {
        ("feedback", False),
        ("feedback", True),
        ("ordinary, 4 layers, zero start", False),
        ("ordinary, 4 layers, recency start", False),
        ("ordinary, 4 layers, recency start", True),
    }
    assert len(record["sweep"]) == 5 * len(LEARNING_RATES)
    assert {row["candidate"] for row in record["sweep"] if row["budget"] == "whole"} == {"feedback", favourite}
    assert len(measured) == len(set(measured))
    json.dumps(record)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("seeds", "rate", "right"), [(1, 0.01, 0.9), (3, 0.003, 0.7)])
def test_a_rate_is_the_best_over_the_seeds_of_its_search(
    seeds: int, rate: float, right: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretend(plans: dict[Run, Plan], run: Run) -> dict[str, Any]:
        lucky = run.seed == SEARCH_SEEDS[0] and run.learning_rate == 0.01
        return {"selection": 0.9 if lucky else 0.7 if run.learning_rate == 0.003 else 0.3, **TOOK}

    monkeypatch.setattr(programs, "measure_plan", pretend)
    record = compare_programs((replace(ENTRIES[0], search=seeds),), out=tmp_path / "r.json")
    assert {run["learning_rate"] for run in record["runs"]} == {rate}
    rows = [row for row in record["sweep"] if row["budget"] == "whole"]
    assert max((row["accuracy"], row["learning_rate"]) for row in rows) == (right, rate)
    assert {row["seeds"] for row in rows} == {seeds}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("larger", "rate"), [(0.265, 0.01), (0.275, 0.003)])
def test_short_trainings_decide_among_rates_that_whole_ones_do_not_tell_apart(
    larger: float, rate: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sum(stage.steps for stage in stages())

    def pretend(plans: dict[Run, Plan], run: Run) -> dict[str, Any]:
        ended = {0.003: larger, 0.01: 0.26} if run.steps == whole else {0.003: 0.4, 0.01: 0.5}
        return {"selection": ended.get(run.learning_rate, 0.1), **TOOK}

    monkeypatch.setattr(programs, "measure_plan", pretend)
    record = compare_programs((ENTRIES[0],), out=tmp_path / "r.json")
    assert {run["learning_rate"] for run in record["runs"]} == {rate}


@pytest.mark.usefixtures("quick")
def test_stages_and_programs_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Plan] = {}

    def pretend(plans: dict[Run, Plan], run: Run) -> dict[str, Any]:
        seen[run.model] = plans[run]
        return {"selection": 0.5, **TOOK}

    monkeypatch.setattr(programs, "measure_plan", pretend)
    monkeypatch.setitem(programs.EVALUATION, "sequences", 2)
    few = entry("feedback, then streams"), entry("feedback, five variables")
    record = compare_programs((ENTRIES[0], *few), out=tmp_path / "r.json")
    assert seen["feedback, then streams"].stages == (*stages(), programs.STREAM_STAGE)
    assert seen["feedback, five variables"].stages == stages()
    assert seen["feedback, five variables"].task.options["variables"] == 5
    told_apart = {model["name"]: model for model in record["apart"]["models"]}
    assert "heuristic_by_position" in told_apart["feedback, five variables"]
    assert "heuristic_by_position" not in told_apart["feedback, then streams"]


@pytest.mark.usefixtures("quick")
def test_what_stands_apart_has_no_equal_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "measure_plan", lambda _, run: {"selection": run.learning_rate, **TOOK})
    record = compare_programs(
        (ENTRIES[0], replace(entry("ordinary, 4 layers"), seeds=2, apart=True)), out=tmp_path / "r.json"
    )
    assert [model["name"] for model in record["models"]] == ["feedback"]
    assert {run["model"] for run in record["runs"]} == {"feedback"}
    apart = record["apart"]
    assert [model["name"] for model in apart["models"]] == ["ordinary, 4 layers"]
    assert [(run["seed"], run["budgets"]) for run in apart["runs"]] == [(21, []), (22, [])]
    assert {row["model"] for row in record["sweep"]} == {"feedback", "ordinary, 4 layers"}


@pytest.mark.usefixtures("quick")
def test_a_study_really_trains_and_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = (
        Entry(name="feedback", candidates=ENTRIES[0].candidates),
        Entry(name="LSTM", candidates=entry("LSTM").candidates),
    )
    record = compare_programs(few, out=tmp_path / "r.json")
    whole = stages()
    for run in record["runs"]:
        assert run["curve"]["tokens"][-1] == sum(stage.steps * stage.batch_size * stage.length for stage in whole) or (
            run["budgets"] == ["seconds"]
        )
        assert list(run["accuracy_by_position"]) == ["0-32", "32-64", "64-128", "128-256", "256-512", "512-1024"]
        assert 0 <= run["streams"] <= 1
        assert 0 <= run["whole_programs"] <= 1

    def never(*_: object) -> None:
        raise AssertionError("everything is known already")

    monkeypatch.setattr(programs, "measure_plan", never)
    assert compare_programs(few, out=tmp_path / "r.json") == record


@pytest.mark.usefixtures("quick")
def test_a_training_that_breaks_off_is_the_worst_of_a_search_and_an_error_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(*_: object) -> None:
        raise FloatingPointError("the gradient became nan")

    monkeypatch.setattr(programs, "follow", breaks)
    plan = Plan(contender=programs.USUAL, stages=stages())
    searching, recorded = plan.run(0.03, SEARCH_SEEDS[0]), plan.run(0.03, SEEDS[0])
    found = programs.measure_plan({searching: plan}, searching)
    assert found == {"selection": 0.0, "broke_off": "the gradient became nan"}
    with pytest.raises(FloatingPointError):
        programs.measure_plan({recorded: plan}, recorded)


def test_notes_of_other_stages_are_refused(tmp_path: Path) -> None:
    Notes(tmp_path / "r.notes", {"task": TASK.name, "stages": ((1, 20, 20, {}),)})
    with pytest.raises(ValueError, match="holds results of another study"):
        compare_programs(out=tmp_path / "r.json")


def test_a_plan_trains_its_stages() -> None:
    plan = Plan(contender=programs.USUAL, stages=(Stage(steps=3, batch_size=2, length=20),))
    run = plan.run(0.01, 7)
    assert run == Run(model="feedback", steps=3, learning_rate=0.01, seed=7)
    assert (plan.recipe(run).stages, plan.recipe(run).learning_rate, plan.recipe(run).seed) == (plan.stages, 0.01, 7)


# ---- the record that ships

RECORD = records.load("compare-printed-program")


def runs_of(model: str, budget: str | None = None) -> list[dict[str, Any]]:
    """Return the recorded runs of a model within a budget, or those that are told of apart."""
    if budget is None:
        return [run for run in RECORD["apart"]["runs"] if run["model"] == model]
    return [run for run in RECORD["runs"] if run["model"] == model and budget in run["budgets"]]


def test_the_record_is_of_the_study_as_it_stands() -> None:
    told = {model["name"]: model for model in (*RECORD["models"], *RECORD["apart"]["models"])}
    for model in told.values():  # an option that the record is older than has its default
        model["config"] = asdict(CONFIGS[model["kind"]](**model["config"]))
    assert sorted(told) == sorted(entry.name for entry in ENTRIES)
    assert RECORD["stages"] == json.loads(json.dumps([asdict(stage) for stage in stages()]))
    for entry in ENTRIES:
        kept = ("kind", "parameters", "config")
        known = [json.loads(json.dumps(contender_entry(candidate))) for candidate in entry.candidates]
        assert [told[entry.name][name] for name in kept] in [[one[name] for name in kept] for one in known]
        for budget in (None,) if entry.apart else BUDGETS:
            runs = runs_of(entry.name, budget)
            assert [run["seed"] for run in runs] == list(SEEDS[: entry.seeds])
            share = 1.0 if budget != "seconds" or entry.feedback else RECORD["share_of_tokens"][entry.name]
            expected = (*stages(share=share, easy=entry.easy), *entry.more)
            assert {run["steps"] for run in runs} == {sum(stage.steps for stage in expected)}


def tried(entry: Entry, budget: str) -> list[dict[str, Any]]:
    """Return what the record tells of an entry's trainings with several learning rates."""
    rows = [row for row in RECORD["sweep"] if (row["model"], row["budget"]) == (entry.name, budget)]
    assert len(rows) >= len(LEARNING_RATES)
    return rows


def test_the_recorded_rates_are_the_given_ones_or_the_best_of_those_tried() -> None:
    for entry in ENTRIES:
        (rate,) = {run["learning_rate"] for run in runs_of(entry.name, None if entry.apart else "examples")}
        if entry.rate is not None:
            assert rate == entry.rate
            continue
        rows = tried(entry, "whole")
        first = {
            row["learning_rate"]: row["accuracy"]
            for row in tried(entry, "short")
            if row["candidate"] == rows[0]["candidate"]
        }
        best = max(row["accuracy"] for row in rows)
        alike = [row["learning_rate"] for row in rows if row["accuracy"] > best - programs.ALIKE]
        assert rate == max(alike, key=lambda one: first.get(one, 0))
        assert rows[0]["candidate"] == max(tried(entry, "short"), key=lambda row: float(row["accuracy"]))["candidate"]


def test_the_rule_of_the_record_is_what_it_is() -> None:
    found = programs.heuristic()
    assert {name: RECORD[name] for name in found} == found


def test_feedback_learns_the_programs_from_every_seed_and_only_with_easy_stages() -> None:
    assert min(run["accuracy_by_length"]["256"] for run in runs_of("feedback", "examples")) >= 0.95
    assert max(run["accuracy_by_length"]["256"] for run in runs_of("feedback, no easy stages")) < 0.5
