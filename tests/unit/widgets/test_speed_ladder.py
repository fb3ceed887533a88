"""The speed ladder: its numbers against those of the record, its words, and what it refuses."""

import json
import math
from typing import Any

import pytest
from traitlets import TraitError

from feedback_lite.training.records import speed as recorded
from feedback_lite.widgets import SpeedLadder
from feedback_lite.widgets.speed_ladder import CONTENDERS, HELD, RESIDENT, VIEWS, growth, three_digits, times
from tests.kinds.speed_ladder import speed_ladder
from tests.speeds import SETTINGS, own, row, speed

QUANTITIES = {"tokens": "tokens_per_second", "time": "cpu_ms", "memory": "resident_mib"}


def test_the_ladder_of_small_models_in_a_large_batch_is_shown_first() -> None:
    figure = SpeedLadder(speed())
    assert figure.sentence == (
        "Native trains 128.0 times as fast as lucidrains: width 32, 2 layers, batch 256, 64 tokens. Tokens per second, "
        "slowest first, in brackets how many times lucidrains: lucidrains 15.6; plain 17.9 (1.14); torch 333 (21.3); "
        "ordinary 884 (56.6); native 2,000 (128.0); LSTM 2,220 (142.2)."
    )
    assert figure.source == "Measured on a made-up processor, one thread, 2026-01-02."


def test_time_by_length() -> None:
    figure = SpeedLadder(speed(), view="time", setting=(64, 3, 4), length=32)
    assert figure.sentence == (
        "Native trains 90.5 times as fast as lucidrains: width 64, 3 layers, batch 4, 32 tokens. Milliseconds of a "
        "step, in brackets the power of the length by which they grow: lucidrains 17,400 (1.50); plain 15,200 (1.50); "
        "torch 1,150 (1.00); native 192 (1.00); ordinary 365 (1.25); LSTM 173 (1.00)."
    )


def test_memory_by_length_leaves_out_what_was_not_measured() -> None:
    figure = SpeedLadder(speed(), view="memory", setting=(16, 1, 8), length=32)
    assert figure.sentence == (
        "Lucidrains holds 128.0 times the memory of torch: width 16, 1 layer, batch 8, 32 tokens. MiB by "
        "which a step makes the process grow, in brackets the power of the length: lucidrains 128 (2.00); "
        "labml, shared 3.60 (1.00); plain 102 (2.00); torch 1.00 (1.00); ordinary 2.26 (1.50); LSTM 0.200 (1.00)."
    )
    figure = SpeedLadder(speed(), view="memory", setting=(16, 1, 8), length=32, memory=HELD)
    assert figure.sentence.startswith("Lucidrains holds 1.12 times the memory of native: ")
    assert "MiB that autograd saves for backward" in figure.sentence
    assert "LSTM" not in figure.sentence


def test_own_measurements_stand_beside_the_records() -> None:
    figure = speed_ladder()
    figure.base = "plain"
    assert figure.sentence.endswith(" On your machine: plain 1,200; native 9,600 (8.00).")
    assert figure.headline() == "native trains 112.0 times as fast as plain"  # of the record's machine
    figure.base = "torch"
    assert figure.sentence.endswith(" On your machine: plain 1,200; native 9,600.")  # torch was not measured there
    figure.set_state({"view": "time", "setting": 0, "length": 64})
    assert figure.sentence.endswith(" On your machine: plain 2,560 (1.00); native 2,560 (1.00).")
    figure.length = 16
    assert "your machine" not in figure.sentence


def test_the_base_is_not_compared_with_itself() -> None:
    figure = SpeedLadder(speed(), base="native")
    assert figure.headline() == "torch trains 0.17 times as fast as native"
    assert "native 2,000;" in figure.sentence


def test_a_base_that_was_not_measured_there() -> None:
    figure = SpeedLadder(speed(), setting=(32, 2, 256), base="labml-shared")
    assert figure.headline() == ""
    assert figure.sentence.startswith("At width 32, 2 layers, batch 256, 64 tokens. Tokens per second, ")
    assert figure.sentence.endswith(" LSTM 2,220.")


def test_nothing_at_all_to_see() -> None:
    figure = SpeedLadder({"training": [row("native", (16, 1, 8), 8)]}, view="memory")
    assert figure.sentence == "At width 16, 1 layer, batch 8, 8 tokens. This was not measured at this setting."
    assert (figure.base, figure.source) == ("native", "")


def test_every_value_is_that_of_the_record() -> None:
    record = speed()
    figure = SpeedLadder(record)
    for one in record["training"]:
        figure.setting = sorted(SETTINGS).index((one["width"], one["layers"], one["batch"]))
        figure.length = one["length"]
        for quantity, name in QUANTITIES.items():
            assert figure.value(one["contender"], quantity) == one[name]
    assert sum(len(line["lengths"]) for each in figure.settings for line in each["lines"].values()) == len(
        record["training"]
    )


def test_rungs_go_from_the_slowest_to_the_fastest() -> None:
    figure = SpeedLadder(speed())
    for figure.setting in range(len(SETTINGS)):
        rates = [figure.value(key, "tokens") for key, _, _ in figure.rungs()]
        assert rates == sorted(rates, key=lambda rate: rate or 0)


def test_the_length_that_is_read_is_one_of_the_setting() -> None:
    figure = SpeedLadder(speed(), setting=(16, 1, 8))
    seen = []
    for figure.length in (1, 8, 15, 16, 63, 64, 9999):
        seen.append(figure.position())
    assert seen == [8, 8, 8, 16, 32, 64, 64]
    figure.setting = 1
    assert (figure.position(), figure.length) == (64, 9999)


def test_contenders_keep_their_order_and_a_record_may_lack_some() -> None:
    rows = [one for one in reversed(speed()["training"]) if one["contender"] in ("lstm", "plain", "torch")]
    figure = SpeedLadder({"training": rows})
    assert [key for key, *_ in figure.contenders] == ["plain", "torch", "lstm"]
    assert figure.base == "plain"
    assert {family for _, family, _ in CONTENDERS.values()} == {"public", "feedback", "ordinary", "recurrent"}


def test_the_first_setting_is_shown_where_there_is_no_usual_one() -> None:
    rows = [one for one in speed()["training"] if one["width"] != 32]
    assert SpeedLadder({"training": rows}).shown()["name"] == "width 16, 1 layer, batch 8"


def test_growth_goes_by_the_ends_and_needs_two() -> None:
    assert growth([8, 16, 32], [1.0, 9.0, 4.0]) == "1.00"
    assert growth([8, 16, 32], [None, 9.0, 4.5]) == "−1.00"
    assert growth([8, 16], [None, 9.0]) == ""
    assert growth([], []) == ""


def test_growth_leaves_out_short_sequences_where_it_can() -> None:
    assert growth([64, 128, 256, 512], [7.0, 1.0, 3.0, 16.0]) == "2.00"
    assert growth([32, 64, 128], [1.0, 2.0, 16.0]) == "2.00"
    assert growth([64, 128, 512], [1.0, None, 8.0]) == "1.00"


def test_halves_go_up() -> None:
    told = [three_digits(number) for number in (12.25, 0.0625, 1225, 99.95, 7.0, 999.5, 15_650)]
    assert told == ["12.3", "0.0625", "1,230", "100", "7.00", "1,000", "15,700"]
    assert [times(number, 8) for number in (1, 8, 79.92, 79.96, 82, 82.2)] == [
        "0.13",
        "1.00",
        "9.99",
        "10.0",
        "10.3",
        "10.3",
    ]


def test_state_is_small() -> None:
    assert len(json.dumps(speed_ladder().settings)) < 12_000


def changed(**changes: Any) -> dict[str, Any]:
    """Return a record of two rows, the second of which is changed."""
    return {"training": [row("plain", (16, 1, 8), 8), row("torch", (16, 1, 8), 8, **changes)]}


def without(name: str) -> dict[str, Any]:
    record = changed()
    del record["training"][1][name]
    return record


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((speed(training=[]),), "record must have rows under 'training', got none"),
        ((speed(), {}), "own must have rows under 'training', got none"),
        ((without("batch"),), r"record\['training'\]\[1\] must have \['batch'\], got "),
        ((without(RESIDENT),), r"record\['training'\]\[1\] must have \['resident_mib'\], got "),
        ((changed(contender="rnn"),), r"record\['training'\]\[1\] must be of one of \['lucidrains', .*, got 'rnn'"),
        ((changed(cpu_ms=0),), r"record\['training'\]\[1\] must have numbers above 0, got {'time': 0}"),
        (
            (changed(resident_mib=math.nan),),
            r"record\['training'\]\[1\] must have numbers above 0, got {'memory': nan}",
        ),
        ((changed(tokens_per_second=None),), r"record\['training'\]\[1\] must have numbers above 0, got .*None"),
        ((changed(contender="plain"),), r"record\['training'\]\[1\] comes a second time: \('plain', \(16, 1, 8\), 8\)"),
        (
            (speed(), {"training": [row("plain", (16, 1, 4), 8)]}),
            r"own must have measurements beside those of the record, got 'plain' .* \(16, 1, 4\) at 8 tokens",
        ),
        (
            (changed(), {"training": [row("native", (16, 1, 8), 8)]}),
            "own must have measurements beside those of the record, got 'native'",
        ),
    ],
)
def test_what_does_not_fit_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpeedLadder(*arguments)


def test_a_setting_that_was_not_measured_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"setting must be a width, layers and batch of \[\(16, 1, 8\), .*, got \(1, 2"
    ):
        SpeedLadder(speed(), setting=(1, 2, 3))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("setting", 3, "setting must be between 0 and 2, got 3"),
        ("setting", -1, "setting must be between 0 and 2, got -1"),
        ("base", "labml", r"base must be one of \['lucidrains', .*'lstm'\], got 'labml'"),
        ("view", "generation", "view"),
        ("length", 0, "should not be less than 1"),
    ],
)
def test_impossible_states_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(TraitError, match=message):
        setattr(speed_ladder(), name, value)


def test_own_measurements_are_of_what_the_record_has() -> None:
    figure = speed_ladder()
    seen = [(figure.view, len(figure.rungs("own"))) for figure.view in VIEWS]
    assert seen == [("ladder", 2), ("time", 2), ("memory", 2)]
    assert len(own()["training"]) == sum(
        len(line["lengths"]) for each in figure.settings for line in each["own"].values()
    )


def test_own_measurements_may_go_without_memory_and_some_memory_is_too_small_to_measure() -> None:
    rows = own()["training"]
    for one in rows:
        del one["resident_mib"]
    figure = SpeedLadder(speed(), {"training": rows}, view="memory", setting=(16, 1, 8), length=64)
    assert figure.rungs("own") == []
    assert "your machine" not in figure.sentence
    assert SpeedLadder(changed(resident_mib=0.0), length=8).value("torch", "memory") is None


def test_it_knows_the_contenders_of_the_benchmark() -> None:
    assert set(CONTENDERS) == set(recorded.CONTENDERS)
