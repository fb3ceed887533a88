"""The benchmark measures what it says, on sizes that take no time."""

import json
import math
from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from feedback_lite.training.records.speed import (
    CONTENDERS,
    GenerationRun,
    GrowthRate,
    LeftOut,
    TrainingStep,
    read_speed,
    to_record,
)
from tests.benchmarks import contenders, counting, engines, memory
from tests.benchmarks.contenders import CannotTakePartError, Contender
from tests.benchmarks.counting import Cost, Size

SIZE = Size(width=6, layers=3, heads=2, head_width=5, batch=7, length=11, vocabulary=13)
EVEN = replace(SIZE, head_width=3)


pytestmark = pytest.mark.usefixtures("unchecked_module")


def tokens_of(size: Size) -> torch.Tensor:
    return torch.randint(size.vocabulary, (size.batch, size.length), generator=torch.Generator().manual_seed(1))


def able() -> list[str]:
    """The contenders that can run at these sizes here."""
    names = []
    for name in CONTENDERS:
        try:
            contenders.make(name, EVEN)
        except CannotTakePartError:
            continue
        names.append(name)
    return names


def row(contender: str, length: int, **changes: object) -> TrainingStep:
    fields = {
        "engine": None,
        "width": 8,
        "layers": 2,
        "batch": 3,
        "cpu_ms": 10.0,
        "wall_ms": 11.0,
        "held_mib": 1.5,
        "resident_mib": 2.5,
        "tokens_per_second": 100.0,
        "share_of_peak": 0.25,
    }
    return TrainingStep(contender=contender, length=length, **(fields | changes))


# ---- who takes part


def test_those_that_need_nothing_take_part():
    assert {"lucidrains", "plain", "ordinary", "lstm"} <= set(able())


@pytest.mark.parametrize("name", able())
def test_a_step_gives_every_weight_a_gradient(name):
    contender = contenders.make(name, EVEN)
    contender.step(tokens_of(EVEN))
    assert all(parameter.grad is not None for parameter in contender.model.parameters())
    assert contender.logits(tokens_of(EVEN)).shape == (7, 11, 13)


@pytest.mark.parametrize("name", [name for name in able() if name in contenders.ENGINES])
def test_the_feedback_models_are_the_same_function(name):
    contender, reference = contenders.make(name, SIZE), contenders.make("lucidrains", SIZE)
    contenders.check_same(contender, reference, tokens_of(SIZE))
    for parameter in contender.model.blocks[1].parameters():
        parameter.data *= 1.5
    with pytest.raises(AssertionError, match=f"{name} computes something else"):
        contenders.check_same(contender, reference, tokens_of(SIZE))


@pytest.mark.parametrize("name", [name for name in able() if name not in ("ordinary", "lstm")])
def test_no_answer_depends_on_a_later_token(name):
    tokens = tokens_of(EVEN)
    other = tokens.clone()
    other[:, 6] = (other[:, 6] + 1) % EVEN.vocabulary
    contender = contenders.make(name, EVEN)
    answers, others = contender.logits(tokens), contender.logits(other)
    torch.testing.assert_close(answers[:, :6], others[:, :6])
    assert not torch.allclose(answers[:, 7:], others[:, 7:])


def test_generation_takes_the_likeliest_token_of_the_whole_prefix():
    for name in able():
        contender = contenders.make(name, EVEN)
        if isinstance(contender.write, str):
            continue
        written = contender.generate(tokens_of(EVEN)[:, :1], 9)
        assert written.shape == (7, 10)
        with torch.no_grad():
            torch.testing.assert_close(contender.logits(written)[:, :-1].argmax(dim=-1), written[:, 1:])


def test_the_lstm_has_about_as_many_parameters():
    size = replace(SIZE, width=32, head_width=8, heads=4)
    lstm, reference = contenders.make("lstm", size), contenders.make("lucidrains", size)
    assert contenders.count_parameters(lstm.model) == contenders.lstm_parameters(lstm.recurrent_width, size)
    wanted = contenders.count_parameters(reference.model)
    assert abs(contenders.count_parameters(lstm.model) - wanted) < 0.1 * wanted


def test_labml_that_is_not_installed_is_left_out_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(contenders, "LABML", tmp_path / "nothing")
    with pytest.raises(CannotTakePartError, match="labml-nn is not installed: `make bench` puts it into _build/labml"):
        contenders.make("labml", EVEN)


def test_labml_shares_its_width_among_its_heads():
    with pytest.raises(CannotTakePartError, match="share the width"):
        contenders.make("labml-shared", SIZE)


# ---- what is computed


def test_growth_is_the_slope_between_two_lengths():
    assert counting.growth_exponent(128, 2048, 3.0, 3.0 * 16**1.5) == pytest.approx(1.5)
    assert counting.growth_exponent(64, 128, 5.0, 10.0) == pytest.approx(1)


def test_a_cost_is_expected_to_grow_as_it_last_grew():
    assert counting.predict([7.0]) == 14
    assert counting.predict([2.0, 3.0]) == 6
    assert counting.predict([1.0, 2.0, 6.0]) == 18


def test_operations_of_a_feedback_step_by_hand():
    size = Size(width=2, layers=3, heads=1, head_width=5, batch=1, length=4, vocabulary=7)
    # Per layer: queries and output 2 * 2 * 5, feed-forward 12 * 4; once: keys and values 2 * 2 * 5, logits 2 * 7.
    weights = 3 * (20 + 48) + 20 + 14
    # The tokens read 0, 1, 2 and 3 slots.
    attention = 3 * 4 * 5 * 6
    assert counting.training_operations("plain", size) == 3 * (4 * 2 * weights + attention)
    assert counting.training_operations("native", replace(size, batch=11)) == 33 * (8 * weights + attention)


def test_operations_of_an_lstm_by_hand():
    size = Size(width=2, layers=3, heads=1, head_width=5, batch=11, length=4, vocabulary=7)
    assert counting.training_operations("lstm", size, lstm_width=5) == 3 * 2 * 11 * 4 * (3 * 8 * 25 + 5 * 7)


def test_operations_are_those_that_pytorch_counts():
    """An ordinary transformer computes the other half of its attention too; feedback's first token reads nothing."""
    counted = {}
    for name in ("ordinary", "lucidrains"):
        contender = contenders.make(name, SIZE)
        with FlopCounterMode(display=False) as counter:
            contender.step(tokens_of(SIZE))
        counted[name] = counter.get_total_flops()
    masked = 3 * 7 * 4 * 10 * 3 * (11 * 10 // 2)
    assert counted["ordinary"] == counting.training_operations("ordinary", SIZE) + masked
    assert counted["lucidrains"] == pytest.approx(counting.training_operations("lucidrains", SIZE), rel=0.03)


def test_growth_is_taken_to_the_longest_length_that_was_measured():
    rows = [
        row("torch", 64, cpu_ms=1.0),
        row("torch", 128, cpu_ms=2.0, resident_mib=3.0),
        row("torch", 256, cpu_ms=9.0, resident_mib=6.0),
        row("torch", 512, cpu_ms=32.0, resident_mib=None),
        row("labml", 128),
        row("plain", 64),
    ]
    assert counting.growth_rates(rows, start=128) == [
        GrowthRate(contender="torch", quantity="time", start=128, end=512, exponent=2.0),
        GrowthRate(contender="torch", quantity="memory", start=128, end=256, exponent=1.0),
    ]


def test_reasons_are_gathered():
    reasons = {("labml", "a"): "not there", ("native", "a"): "no compiler", ("labml", "b"): "not there"}
    gathered = counting.gather_reasons(reasons)
    assert gathered == (
        LeftOut(contender="labml", what="a; b", reason="not there"),
        LeftOut(contender="native", what="a", reason="no compiler"),
    )
    assert counting.left_out_table(gathered)[0] == "left out: labml: not there (a; b)"


# ---- the tables


def test_the_table_of_training_compares_with_lucidrains():
    rows = [
        row("lucidrains", 64, tokens_per_second=100.0),
        row("torch", 64, tokens_per_second=310.0, held_mib=None, resident_mib=None),
    ]
    title, _, *lines = counting.training_table(rows)
    assert title == "training step: width 8, 2 layers, batch 3, 64 tokens"
    assert [line.split() for line in lines] == [
        ["lucidrains", "10.0", "11.0", "100", "1.00", "25.0%", "1.5", "2.5"],
        ["torch", "10.0", "11.0", "310", "3.10", "25.0%", "-", "-"],
    ]


def test_without_lucidrains_there_is_no_ratio():
    assert counting.training_table([row("torch", 64)])[2].split()[4] == "-"


def test_the_tables_of_generation_and_growth():
    run = GenerationRun(contender="lstm", engine=None, width=8, layers=2, batch=3, length=5, tokens_per_second=12.0)
    reference = replace(run, contender="lucidrains", tokens_per_second=8.0)
    assert counting.generation_table([reference, run])[3].split() == ["lstm", "12", "1.50"]
    rate = GrowthRate(contender="torch", quantity="time", start=128, end=2048, exponent=1.083)
    assert counting.growth_table([rate])[1].split() == ["torch", "time", "128", "to", "2048", "T^1.08"]


# ---- how it is measured


def test_who_fails_in_a_process_of_its_own_drops_out(monkeypatch):
    def fail(name, size):
        if name == "lstm" or size.length > 8:
            raise CannotTakePartError("its process ended with -9")
        return memory.Memory(1.0, 2.0)

    monkeypatch.setattr(engines, "measure_apart", fail)
    plan = replace(engines.QUICK, who_holds=("lstm", "plain"))
    run = engines.Run(plan, names=("plain", "lstm", "ordinary"), report=[].append)
    run.measure(["length", "memory"])
    assert [(row.contender, row.length) for row in run.training] == [("plain", 8), ("ordinary", 8), ("ordinary", 16)]
    assert run.left_out == {
        ("lstm", "training at 8 tokens and more"): "its process ended with -9",
        ("plain", "training at 16 tokens and more"): "its process ended with -9",
    }


def test_turns_are_taken_in_rounds_and_those_over_the_limit_drop_out(monkeypatch):
    clock = [0.0]
    taken = []

    def turn(name, seconds):
        def take():
            taken.append(name)
            clock[0] += seconds.pop(0)

        return take

    monkeypatch.setattr(engines.time, "process_time", lambda: clock[0])
    monkeypatch.setattr(engines.time, "perf_counter", lambda: 2 * clock[0])
    costs = engines.take_turns({"a": turn("a", [1.0, 5.0, 3.0]), "b": turn("b", [6.0, 8.0])}, 3, turn_limit=7)
    assert taken == ["a", "b", "a", "b", "a"]
    assert costs == {"a": Cost(3.0, 6.0), "b": Cost(7.0, 14.0)}


def test_who_would_take_or_hold_too_much_drops_out():
    size = replace(SIZE, length=32)
    run = engines.Run(engines.QUICK)
    run.training += [row("labml", 16, width=6, batch=7, resident_mib=None, held_mib=None)]
    assert run.within_limits("labml", size, [])
    assert run.within_limits("labml", size, [7.0])
    assert not run.within_limits("labml", size, [3.0, 7.0])
    assert "about 16 s, more than the limit of 15" in run.left_out["labml", "training at 32 tokens and more"]
    assert run.within_limits("torch", size, [3.0, 70.0])
    run.training += [
        row("ordinary", length, width=6, batch=7, resident_mib=mib) for length, mib in ((8, 500.0), (16, 2000.0))
    ]
    assert not run.within_limits("ordinary", size, [0.1])
    assert "about 8000 MiB, more than the limit of 6144" in run.left_out["ordinary", "training at 32 tokens and more"]


def test_a_row_says_what_was_counted():
    contender = Contender("torch", torch.nn.Linear(1, 1), lambda tokens: tokens, "no way", engine="torch")
    made = engines.training_row(contender, SIZE, Cost(0.5, 0.75), 4e6, memory.Memory(3.04, None))
    assert (made.contender, made.engine, made.cpu_ms, made.wall_ms) == ("torch", "torch", 500, 750)
    assert (made.held_mib, made.resident_mib, made.tokens_per_second) == (3.0, None, 154)
    assert made.share_of_peak == pytest.approx(counting.training_operations("torch", SIZE) / 0.5 / 4e6, abs=1e-4)


def test_an_engine_that_computes_something_else_stops_the_run(monkeypatch):
    reference = contenders.make("lucidrains", SIZE)
    wrong = Contender("plain", reference.model, lambda tokens: reference.logits(tokens) + 0.1, "no way")
    with pytest.raises(AssertionError, match="plain computes something else"):
        engines.Run(engines.QUICK).check_all({"lucidrains": reference, "plain": wrong}, tokens_of(SIZE))
    made = {"lucidrains": reference, "plain": wrong}
    monkeypatch.setattr(engines, "make", lambda name, size: made[name])
    with pytest.raises(AssertionError, match="plain computes something else"):
        engines.Run(engines.QUICK).training_cell(SIZE, list(made), 1, {})


def test_held_memory_counts_each_saved_storage_once_and_no_weights():
    model = torch.nn.Linear(4, 4)
    saved = torch.randn(7, 11, 4, requires_grad=True)

    def logits(tokens):
        squared = saved[:, : tokens.shape[1]] * saved[:, : tokens.shape[1]]
        return model(squared)

    held = memory.measure_step(Contender("plain", model, logits, "no way"), tokens_of(replace(SIZE, vocabulary=4)))
    # The input of the square, its result, log probabilities, answers of 8 bytes, and the divisor of the mean.
    numbers = 4 * (7 * 11 * 4 + 7 * 11 * 4 + 7 * 10 * 4) + 8 * 7 * 10
    assert numbers <= held.held * memory.MIB <= numbers + 64
    assert held.resident is None or held.resident >= 0


def test_resident_memory_sees_what_was_given_back_meanwhile():
    if not memory.STATUS.is_file():
        pytest.skip("this system has no account of a process's greatest memory that can be set back")
    model = torch.nn.Linear(4, 4)

    def logits(tokens):
        torch.ones(20 * memory.MIB if tokens.shape[1] > 2 else 1)
        return model(torch.ones(*tokens.shape, 4))

    tokens = tokens_of(replace(SIZE, vocabulary=4))
    found = memory.measure_step(Contender("plain", model, logits, "no way"), tokens)
    assert found.held < 1
    assert 75 < found.resident < 120


def test_a_process_of_its_own_gives_what_it_measured_or_its_reason():
    expected = memory.measure_step(contenders.make("lucidrains", SIZE), tokens_of(SIZE))
    assert memory.measure_apart("lucidrains", SIZE).held == pytest.approx(expected.held, rel=0.01)
    with pytest.raises(CannotTakePartError, match="share the width"):
        memory.measure_apart("labml", SIZE)


def test_the_quick_run_measures_all_grids_and_writes_a_record(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(engines, "measure_apart", lambda name, size: memory.Memory(size.length, 3 * size.length))
    out = tmp_path / "speed.json"
    assert engines.main(["--quick", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    speed = read_speed(json.loads(out.read_text()), "speed.json")
    assert json.loads(out.read_text()) == to_record(speed)
    assert {row.contender for row in speed.training} == set(able())
    assert {row.contender for row in speed.training if row.batch == 5} == set(able()) - {"labml"}
    assert {(row.batch, row.length) for row in speed.training} == {(2, 8), (2, 16), (5, 8)}
    assert {row.contender for row in speed.generation} >= {"lucidrains", "plain", "ordinary", "lstm"}
    held = {row.contender: (row.held_mib, row.resident_mib) for row in speed.training if row.length == 16}
    assert held["lucidrains"] == (16, 48)
    assert held["lstm"] == (None, None)
    assert {(row.held_mib, row.resident_mib) for row in speed.training if row.batch == 5} == {(None, None)}
    assert {rate.contender for rate in speed.growth if rate.quantity == "time"} == set(able())
    assert {entry.contender for entry in speed.left_out} >= {"labml", "labml-shared"}
    assert all(row.share_of_peak > 0 and math.isfinite(row.share_of_peak) for row in speed.training)
    assert speed.machine["threads"] == 1
    assert speed.versions["feedback-transformer-pytorch"] == "0.0.11"
    assert printed.count("training step: ") == 3
    assert f"wrote {out}" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "0"], "--rounds must be at least 1, not 0"),
        (["--grid", "memory"], "give --grid length memory"),
        (["--out", "no/such/folder/speed.json"], "--out must lie in a folder that exists"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments, message, capsys):
    with pytest.raises(SystemExit):
        engines.main(["--quick", *arguments])
    assert message in capsys.readouterr().err
