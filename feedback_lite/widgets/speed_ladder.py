"""What a training step costs: every public implementation, every engine of this package, and two other models."""

import math
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Context
from typing import Any, NamedTuple

import traitlets

from feedback_lite.widgets.figure import Figure, join_script, join_style

LADDER, TIME, MEMORY = "ladder", "time", "memory"
VIEWS = (LADDER, TIME, MEMORY)
HELD, RESIDENT = "held_mib", "resident_mib"
BASE = "lucidrains"
START = (32, 2, 256)  # width, layers, batch
LENGTH = 256  # tokens
GROWS_FROM = 128  # tokens: below, costs that every step has count too much


class Contender(NamedTuple):
    """What a contender is called, whose colour and mark it has, and what it does, in a few words."""

    name: str
    family: str
    about: str


CONTENDERS = {
    "lucidrains": Contender("lucidrains", "public", "public, version 0.0.11"),
    "labml": Contender("labml", "public", "public"),
    "labml-shared": Contender("labml, shared", "public", "public, shared buffer"),
    "plain": Contender("plain", "feedback", "one step after another"),
    "torch": Contender("torch", "feedback", "one autograd function"),
    "native": Contender("native", "feedback", "compiled, vector lanes"),
    "ordinary": Contender("ordinary", "ordinary", "all tokens at once"),
    "lstm": Contender("LSTM", "recurrent", "no attention"),
}
WORDS = {
    "layers": ["1 layer", "{count} layers"],
    "setting": "width {width}, {layers}, batch {batch}",
    "tokens": ["1 token", "{count} tokens"],
    "faster": "{name} trains {times} times as fast as {base}",
    "smaller": "{base} holds {times} times the memory of {name}",
    "start": "{headline}: {where}.",
    "start without": "At {where}.",
    "ladder": "Tokens per second, slowest first, in brackets how many times {base}: {all}.",
    "time": "Milliseconds of a step, in brackets the power of the length by which they grow: {all}.",
    "memory": "MiB by which a step makes the process grow, in brackets the power of the length: {all}.",
    "held": "MiB that autograd saves for backward, in brackets the power of the length by which they grow: {all}.",
    "alone": "{name} {value}",
    "beside": "{name} {value} ({more})",
    "own": "On your machine: {all}.",
    "nothing": "This was not measured at this setting.",
    "source": "Measured on {processor}, {threads}, {measured}.",
    "threads": ["one thread", "{count} threads"],
}

Record = Mapping[str, Any]
Setting = tuple[int, int, int]


def three_digits(number: float) -> str:
    """Write a number with three digits that count. Halves go up, as in the script."""
    rounded = float(Context(prec=3, rounding=ROUND_HALF_UP).create_decimal_from_float(number))
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:#.3g}"


def times(number: float, base: float) -> str:
    """Write how many times ``base`` a number is: two decimals, from ten on one. Halves go up, as in the script."""
    ratio = number / base
    if ratio < 9.995:
        return f"{math.floor(100 * ratio + 0.5) / 100:.2f}"
    return f"{math.floor(10 * ratio + 0.5) / 10:.1f}"


def growth(lengths: Iterable[int], costs: Iterable[float | None]) -> str:
    """Write the power of the length by which a cost grows, ``ln(cost / first cost) / ln(length / first length)``.

    It goes from `GROWS_FROM` tokens to the longest length, as in the record; from the shortest one where there are no
    two that long. A cost that was not measured at two lengths has none: the empty text.
    """
    points = [(length, cost) for length, cost in zip(lengths, costs, strict=True) if cost is not None]
    if len(points) < 2:
        return ""
    long = [point for point in points if point[0] >= GROWS_FROM]
    (first, least), (last, most) = long[0] if len(long) > 1 else points[0], points[-1]
    return f"{math.log(most / least) / math.log(last / first):.2f}".replace("-", "−")


class SpeedLadder(Figure):
    """Time and memory of a training step, by length, contender and setting, as they were recorded.

    Public implementations, the engines of this package, an ordinary transformer and an LSTM each have a colour, a line
    and a mark; the mark holds the contender's number. One's own measurements stand beside the record's, hatched.

    Args:
        record: what ``make bench`` wrote: its rows under "training", and "machine" and "measured" for the source.
        own: measurements of another machine with rows under "training", of settings and lengths of the record; they
            may go without memory.
        view: what is shown first: the "ladder" of tokens per second, "time" by length, or "memory" by length.
        setting: width, layers and batch that are shown first; none means `START` where it is there, else the first.
        length: how many tokens are read first; where a setting has no such length, its next smaller one is.
        base: the contender with which the others are compared first; none means `BASE` where it is there.
        memory: which of the record's numbers is shown as memory: "resident_mib", by which the process grew, or
            "held_mib", which autograd saved.

    Raises:
        ValueError: no rows, a row that lacks something, an unknown contender, a number that is not above 0, a row that
            comes twice, a setting that the record lacks, or an own row that the record has nothing beside.
    """

    _esm = join_script("speed_ladder")
    _css = join_style("speed_ladder")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    settings: Any = traitlets.List(help="what was measured, setting by setting").tag(sync=True)
    contenders: Any = traitlets.List(help="key, name, family and description, in the order of numbers").tag(sync=True)
    memory = traitlets.Enum((RESIDENT, HELD), RESIDENT, help="what is meant by memory").tag(sync=True)
    source = traitlets.Unicode(help="where and when it was measured").tag(sync=True)
    view = traitlets.Enum(VIEWS, LADDER).tag(sync=True)
    setting = traitlets.Int(0, help="the place of the setting that is shown, from 0").tag(sync=True)
    length = traitlets.Int(LENGTH, min=1, help="how many tokens are read, at most").tag(sync=True)
    base = traitlets.Unicode(help="the key of the contender with which the others are compared").tag(sync=True)

    def __init__(
        self,
        record: Record,
        own: Record | None = None,
        *,
        view: str = LADDER,
        setting: Setting | None = None,
        length: int = LENGTH,
        base: str | None = None,
        memory: str = RESIDENT,
    ) -> None:
        rows = _rows(record, "record", memory, (*NEEDED, memory))
        own_rows = {} if own is None else _rows(own, "own", memory, NEEDED)
        _check_own(rows, own_rows)
        settings = sorted({key[1] for key in rows})
        present = [key for key in CONTENDERS if any(key == name for name, _, _ in rows)]
        if setting is None:
            setting = START if START in settings else settings[0]
        if setting not in settings:
            raise ValueError(f"setting must be a width, layers and batch of {settings}, got {setting}")
        super().__init__(
            settings=[_setting(one, rows, own_rows) for one in settings],
            contenders=[[key, *CONTENDERS[key]] for key in present],
            memory=memory,
            source=_source(record),
            view=view,
            setting=settings.index(setting),
            length=length,
            base=base if base is not None else BASE if BASE in present else present[0],
        )

    def shown(self) -> dict[str, Any]:
        """Return what is kept of the setting that is shown."""
        found: dict[str, Any] = self.settings[self.setting]
        return found

    def position(self) -> int:
        """Return the length that is read: the largest of this setting that is at most ``length``, else the first."""
        lengths: list[int] = self.shown()["lengths"]
        return max((one for one in lengths if one <= self.length), default=lengths[0])

    def value(self, key: str, quantity: str, whose: str = "lines") -> float | None:
        """Return a contender's "tokens" per second, "time" or "memory" at what is read; none where it has none."""
        line = self.shown()[whose].get(key)
        if line is None or self.position() not in line["lengths"]:
            return None
        found: float | None = line[quantity][line["lengths"].index(self.position())]
        return found

    def rungs(self, whose: str = "lines") -> list[tuple[str, str, str]]:
        """Return, for each contender that is seen, its key, its value, and what stands beside that.

        In the ladder, which goes from the slowest to the fastest, that is how many times as fast as the base it is; by
        length, the power of the length. Where there is nothing to say, the text is empty.
        """
        quantity = "tokens" if self.view == LADDER else self.view
        values = {key: self.value(key, quantity, whose) for key, *_ in self.contenders}
        found = {key: value for key, value in values.items() if value is not None}
        if self.view != LADDER:
            lines = self.shown()[whose]
            return [(key, three_digits(value), lines[key]["growth"][quantity]) for key, value in found.items()]
        base, order = found.get(self.base), sorted(found, key=lambda key: found[key])
        return [(key, three_digits(found[key]), "" if base is None else times(found[key], base)) for key in order]

    def headline(self) -> str:
        """Return what the best engine of this package gains over the base; the base itself is left out."""
        quantity = "memory" if self.view == MEMORY else "tokens"
        engines = [key for key, _, family, _ in self.contenders if family == "feedback" and key != self.base]
        values = {key: value for key in engines if (value := self.value(key, quantity)) is not None}
        base = self.value(self.base, quantity)
        if base is None or not values:
            return ""
        name = CONTENDERS[self.base].name
        if self.view == MEMORY:
            best = min(values, key=lambda key: values[key])
            return self.tell("smaller", name=CONTENDERS[best].name, base=name, times=times(base, values[best]))
        best = max(values, key=lambda key: values[key])
        return self.tell("faster", name=CONTENDERS[best].name, base=name, times=times(values[best], base))

    def describe(self) -> str:
        """Return what is gained, where, and the value of every contender."""
        where = f"{self.shown()['name']}, {self.tell('tokens', count=self.position())}"
        headline, rungs, own = self.headline(), self.rungs(), self.rungs("own")
        start = self.tell(
            "start" if headline else "start without", headline=headline[:1].upper() + headline[1:], where=where
        )
        if not rungs:
            return f"{start} {self.tell('nothing')}"
        kind = "held" if self.view == MEMORY and self.memory == HELD else self.view
        told = self.tell(kind, base=CONTENDERS[self.base].name, all="; ".join(map(self._told, rungs)))
        return " ".join([start, told, *([self.tell("own", all="; ".join(map(self._told, own)))] if own else [])])

    def _told(self, rung: tuple[str, str, str]) -> str:
        key, value, more = rung
        name = CONTENDERS[key].name
        if not more or (self.view == LADDER and key == self.base):
            return self.tell("alone", name=name, value=value)
        return self.tell("beside", name=name, value=value, more=more)

    @traitlets.validate("setting")
    def _check_setting(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 0, len(self.settings) - 1)

    @traitlets.validate("base")
    def _check_base(self, proposal: traitlets.Bunch) -> str:
        base: str = proposal["value"]
        keys = [key for key, *_ in self.contenders]
        if base not in keys:
            raise traitlets.TraitError(f"base must be one of {keys}, got {base!r}")
        return base


Key = tuple[str, Setting, int]
NUMBERS = ("width", "layers", "batch", "length")
NEEDED = ("contender", *NUMBERS, "cpu_ms", "tokens_per_second")


def _rows(record: Record, name: str, memory: str, needed: Iterable[str]) -> dict[Key, dict[str, float | None]]:
    """Return the costs of every row by contender, setting and length; memory too small to measure is none."""
    if not record.get("training"):
        raise ValueError(f"{name} must have rows under 'training', got none")
    found: dict[Key, dict[str, float | None]] = {}
    for place, row in enumerate(record["training"]):
        where = f"{name}['training'][{place}]"
        missing = [key for key in needed if key not in row]
        if missing:
            raise ValueError(f"{where} must have {missing}, got {list(row)}")
        if row["contender"] not in CONTENDERS:
            raise ValueError(f"{where} must be of one of {list(CONTENDERS)}, got {row['contender']!r}")
        costs = {"tokens": row["tokens_per_second"], "time": row["cpu_ms"], "memory": row.get(memory) or None}
        counted = {key: row[key] for key in NUMBERS} | {key: cost for key, cost in costs.items() if cost is not None}
        wrong = {key: number for key, number in counted.items() if not 0 < number < math.inf}
        if wrong or None in (costs["tokens"], costs["time"]):
            raise ValueError(f"{where} must have numbers above 0, got {wrong or costs}")
        key = (row["contender"], (row["width"], row["layers"], row["batch"]), row["length"])
        if key in found:
            raise ValueError(f"{where} comes a second time: {key}")
        found[key] = costs
    return found


def _check_own(rows: Mapping[Key, Any], own: Mapping[Key, Any]) -> None:
    known = {(setting, length) for _, setting, length in rows}
    names = {name for name, _, _ in rows}
    for name, setting, length in own:
        if (setting, length) not in known or name not in names:
            raise ValueError(
                f"own must have measurements beside those of the record, got {name!r} with width, layers and batch "
                f"{setting} at {length} tokens"
            )


def _setting(setting: Setting, rows: Mapping[Key, Any], own: Mapping[Key, Any]) -> dict[str, Any]:
    """Return what the figure keeps of one setting: its name, its lengths, and a line of each contender."""
    width, layers, batch = setting
    layer = WORDS["layers"][layers != 1].format(count=layers)
    return {
        "name": str(WORDS["setting"]).format(width=width, layers=layer, batch=batch),
        "lengths": sorted({length for _, one, length in rows if one == setting}),
        "lines": _lines(setting, rows),
        "own": _lines(setting, own),
    }


def _lines(setting: Setting, rows: Mapping[Key, Any]) -> dict[str, Any]:
    lines = {}
    for name in CONTENDERS:
        lengths = sorted(length for key, one, length in rows if key == name and one == setting)
        if lengths:
            costs = {
                cost: [rows[name, setting, length][cost] for length in lengths] for cost in ("tokens", "time", "memory")
            }
            powers = {cost: growth(lengths, costs[cost]) for cost in ("time", "memory")}
            lines[name] = {"lengths": lengths, **costs, "growth": powers}
    return lines


def _source(record: Record) -> str:
    """Return where and when a record was measured; a record that does not say so has no source."""
    machine = record.get("machine")
    if not machine:
        return ""
    threads = WORDS["threads"][machine["threads"] != 1].format(count=machine["threads"])
    return str(WORDS["source"]).format(processor=machine["processor"], threads=threads, measured=record["measured"])
