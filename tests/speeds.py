"""A made-up record of a benchmark for the tests: small, quick to make, nearly every number a different one."""

from typing import Any

Record = dict[str, Any]

# contender: milliseconds of one token of width 1, the power of the length; resident MiB of one token, and its power
COSTS = {
    "lucidrains": (8.0, 1.5, 1.0, 2.0),
    "labml-shared": (10.0, 1.25, 0.9, 1.0),
    "plain": (7.0, 1.5, 0.8, 2.0),
    "torch": (3.0, 1.0, 0.25, 1.0),
    "native": (0.5, 1.0, None, 1.0),
    "ordinary": (0.4, 1.25, 0.1, 1.5),
    "lstm": (0.45, 1.0, 0.05, 1.0),
}
# width, layers, batch: lengths
SETTINGS = {(16, 1, 8): (8, 16, 32, 64), (32, 2, 256): (64,), (64, 3, 4): (16, 32)}


def row(contender: str, setting: tuple[int, int, int], length: int, /, **changes: Any) -> Record:
    """Return one measurement of a training step, with changes."""
    width, layers, batch = setting
    each, power, held, held_power = COSTS[contender]
    cpu_ms = each * width * layers * batch * length**power / 64
    return {
        "contender": contender,
        "engine": contender if contender in ("plain", "torch", "native") else None,
        "width": width,
        "layers": layers,
        "batch": batch,
        "length": length,
        "cpu_ms": cpu_ms,
        "wall_ms": cpu_ms + 1,
        "held_mib": None if contender == "lstm" else 2.0 * length + each,
        "resident_mib": None if held is None else held * layers * batch * length**held_power / 64,
        "tokens_per_second": 1000 * batch * length / cpu_ms,
        "share_of_peak": 0.25,
    } | changes


def speed(**changes: Any) -> Record:
    """Return a record in which labml's model is measured at one setting and lucidrains' not at its longest length."""
    rows = [
        row(contender, setting, length)
        for setting, lengths in SETTINGS.items()
        for length in lengths
        for contender in COSTS
        if not (contender == "labml-shared" and setting != (16, 1, 8))
        if not (contender == "lucidrains" and (setting, length) == ((16, 1, 8), 64))
    ]
    machine = {"processor": "a made-up processor", "threads": 1, "peak_gflops": {"float32": 64.0}}
    return {"machine": machine, "versions": {}, "measured": "2026-01-02", "training": rows, **changes}


def own() -> Record:
    """Return measurements of another machine: two engines at two settings, where the record has them too."""
    return {
        "training": [
            row(contender, setting, length, cpu_ms=40.0 * length, tokens_per_second=rate, resident_mib=3.0)
            for setting, length in (((16, 1, 8), 32), ((16, 1, 8), 64), ((32, 2, 256), 64))
            for contender, rate in (("plain", 1200.0), ("native", 9600.0))
        ]
    }
