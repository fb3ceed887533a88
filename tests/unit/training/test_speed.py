"""The record of speed measurements is read whole, and what is wrong in one is named."""

import json
from typing import Any

import pytest

from feedback_lite.training import records
from feedback_lite.training.records.speed import GrowthRate, read_speed, to_record

TRAINING = {
    "contender": "torch",
    "engine": "torch",
    "width": 7,
    "layers": 2,
    "batch": 3,
    "length": 5,
    "cpu_ms": 1.5,
    "wall_ms": 2,
    "held_mib": None,
    "resident_mib": 11.25,
    "tokens_per_second": 13.0,
    "share_of_peak": 0.5,
}
GENERATION = {
    "contender": "lstm",
    "engine": None,
    "width": 7,
    "layers": 2,
    "batch": 3,
    "length": 5,
    "tokens_per_second": 17.0,
}
RECORD = {
    "machine": {"processor": "one", "threads": 1, "peak_gflops": {"float32": 70.5}},
    "versions": {"torch": "2.9"},
    "measured": "2026-11-29",
    "training": [TRAINING, TRAINING | {"contender": "plain"}],
    "generation": [GENERATION],
    "growth": [{"contender": "torch", "quantity": "memory", "from": 128, "to": 2048, "exponent": 1.01}],
    "left_out": [{"contender": "labml", "what": "generation", "reason": "it has no incremental way"}],
}


def test_a_record_is_read_and_written_as_it_was() -> None:
    speed = read_speed(RECORD, "mine.json")
    assert speed.training[0].held_mib is None
    assert speed.training[1].contender == "plain"
    assert speed.generation[0].tokens_per_second == 17
    assert speed.growth == (GrowthRate(contender="torch", quantity="memory", start=128, end=2048, exponent=1.01),)
    assert speed.left_out[0].reason == "it has no incremental way"
    assert speed.machine["peak_gflops"] == {"float32": 70.5}
    assert to_record(speed) == RECORD
    assert json.loads(records.as_text(to_record(speed))) == RECORD


def test_a_record_may_say_nothing_of_those_who_were_left_out() -> None:
    assert read_speed({name: RECORD[name] for name in RECORD if name != "left_out"}, "mine.json").left_out == ()


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in TRAINING.items() if key != name}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "it must be an object, got list"),
        ({"task": "shell-game"}, "it lacks machine, versions, measured, training, generation, growth"),
        (RECORD | {"machine": {"threads": 1}}, "machine must name a processor"),
        (RECORD | {"machine": {"processor": "one"}}, "machine.peak_gflops must have a float32"),
        (RECORD | {"versions": {}}, "versions must name torch"),
        (RECORD | {"training": {}}, "training must be a list, got dict"),
        (RECORD | {"training": [TRAINING, 3]}, r"training\[1\] must be an object, got int"),
        (RECORD | {"training": [without("cpu_ms")]}, r"training\[0\] lacks cpu_ms"),
        (RECORD | {"training": [TRAINING | {"gpu_ms": 1}]}, r"training\[0\] has unknown entries: gpu_ms"),
        (RECORD | {"training": [TRAINING | {"cpu_ms": "fast"}]}, r"training\[0\] has cpu_ms='fast'"),
        (RECORD | {"training": [TRAINING | {"cpu_ms": None}]}, r"training\[0\] has cpu_ms=None"),
        (RECORD | {"training": [TRAINING | {"cpu_ms": float("nan")}]}, r"training\[0\] has cpu_ms=nan"),
        (RECORD | {"training": [TRAINING | {"cpu_ms": True}]}, r"training\[0\] has cpu_ms=True"),
        (RECORD | {"training": [TRAINING | {"length": 0}]}, r"training\[0\] has length=0"),
        (RECORD | {"training": [TRAINING | {"length": 2.0}]}, r"training\[0\] has length=2.0"),
        (RECORD | {"training": [TRAINING | {"engine": 3}]}, r"training\[0\] has engine=3"),
        (RECORD | {"generation": [GENERATION | {"contender": "me"}]}, r"generation\[0\]: contender must be .*'me'"),
        (RECORD | {"growth": [{"contender": "torch"}]}, r"growth\[0\] lacks quantity, from, to, exponent"),
        (
            RECORD | {"growth": [{"contender": "torch", "quantity": "ms", "from": 1, "to": 2, "exponent": 1.0}]},
            r"growth\[0\]: quantity must be one of 'time', 'memory', got 'ms'",
        ),
    ],
)
def test_what_is_wrong_is_named(record: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^mine.json is not a record of `make bench`: {message}"):
        read_speed(record, "mine.json")


def test_the_record_that_ships_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "load", {"speed": RECORD}.__getitem__)
    assert records.load_speed().measured == "2026-11-29"
    monkeypatch.setattr(records, "load", {"speed": {"task": "copy"}}.__getitem__)
    with pytest.raises(ValueError, match=r"^speed.json is not a record of `make bench`"):
        records.load_speed()
