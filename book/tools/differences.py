"""Measure what each difference from the paper's authors and from lucidrains' package does, and fill in the page.

    python -m book.tools.differences write
    python -m book.tools.differences check

`write` computes every number, keeps them in book/differences.json, and writes them into book/differences.md wherever
that page asks for one: `<data value="group.name:.2f">0.40</data>`, with a format as in `format(number, ".2f")`. It also
writes the table of the names of weights, between two comments. `check` computes all of it again and fails where the
record or the page is not current.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import torch

from book.tools.measurements import MEASUREMENTS, Group, Value
from book.tools.record_command import RecordCommand
from feedback_lite import FeedbackConfig, FeedbackTransformer
from feedback_lite.lucidrains import own_names

RECORD = Path("book/differences.json")
PAGE = Path("book/differences.md")
NUMBER = re.compile(r'(<data value="(?P<key>\w+\.\w+)(?::(?P<form>[^"]*))?">)(?P<shown>[^<]*)(</data>)')
NAMES = re.compile(r"(?<=<!-- names -->\n\n).*?(?=\n\n<!-- end of names -->)", re.DOTALL)
TOLERANCE = 0.005

Record = dict[str, Group]


def make_record() -> Record:
    """Return every number, in one thread so that sums are taken in one order."""
    torch.set_num_threads(1)
    record: Record = {}
    for group, measurement in MEASUREMENTS.items():
        print(f"measuring {group} ...", file=sys.stderr, flush=True)
        record[group] = {name: rounded(value) for name, value in measurement().items()}
    return record


def rounded(value: Value) -> Value:
    """Return the value with four decimals: more would not be the same on another machine."""
    if isinstance(value, list):
        return [round(entry, 4) for entry in value]
    return round(value, 4) if isinstance(value, float) else value


def disagreements(recorded: Record, computed: Record) -> list[str]:
    """Return where the record does not hold what was computed."""
    old, new = flat(recorded), flat(computed)
    complaints = [f"{key} is in the record but is not measured" for key in old.keys() - new.keys()]
    complaints += [f"{key} is measured but not in the record" for key in new.keys() - old.keys()]
    for key in old.keys() & new.keys():
        if not agrees(old[key], new[key]):
            complaints.append(f"{key} is {old[key]} in the record, but {new[key]} was measured")
    return sorted(complaints)


def agrees(old: Value, new: Value) -> bool:
    """Return whether two values are equal, fractions within the tolerance."""
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(agrees(a, b) for a, b in zip(old, new, strict=False))
    if isinstance(old, float) and isinstance(new, float):
        return abs(old - new) <= TOLERANCE
    return type(old) is type(new) and old == new


def flat(record: Record) -> dict[str, Value]:
    """Return every value, named by group and name."""
    return {f"{group}.{name}": value for group, values in record.items() for name, value in values.items()}


def filled(page: str, record: Record) -> str:
    """Return the page with every number as recorded.

    Raises:
        ValueError: the page asks for a number that is not recorded, or leaves out one that is.
    """
    values = flat(record)
    asked = {match["key"] for match in NUMBER.finditer(page)}
    if asked != values.keys():
        raise ValueError(
            f"the page asks for {sorted(asked - values.keys())}, which are not measured, and does not show "
            f"{sorted(values.keys() - asked)}, which are"
        )
    if page.count("<data") != len(NUMBER.findall(page)):
        raise ValueError('the page has a mark that is not of the form <data value="group.name:format">...</data>')
    page = NUMBER.sub(lambda match: f"{match[1]}{shown(values[match['key']], match['form'] or '')}{match[5]}", page)
    return NAMES.sub(lambda match: names_table(), page)


def names_table() -> str:
    """Return the names of all weights of a model of two layers: the original's two forms, ours, and the shape."""
    config = FeedbackConfig(vocab_size=17, d_model=7, num_layers=2, num_heads=2, head_dim=5, memory_size=1)
    sizes = {17: "v", 7: "d", 2: "h", 10: "he", 20: "2he", 28: "4d", 56: "8d", 32: "32", 3: "L+1"}
    shapes = {
        name: ", ".join(sizes[size] for size in tensor.shape)
        for name, tensor in FeedbackTransformer(config).state_dict().items()
    }
    rows = ["| lucidrains | Here | Shape |", "|---|---|---|"]
    singles, longer = (own_names(2, single_token=single_token) for single_token in (True, False))
    for (single, own), other in zip(singles.items(), longer, strict=True):
        theirs = f"`{single}`" if other == single else f"`{single}`<br>`{other}`"
        rows.append(f"| {theirs} | `{own}` | `{shapes[own]}` |")
    return "\n".join(rows)


def shown(value: Value, form: str) -> str:
    """Return a value as the page shows it; several are set apart by strokes."""
    if isinstance(value, list):
        return " / ".join(format(entry, form) for entry in value)
    return format(value, form)


def write(root: Path, record: Record) -> None:
    """Write the record, and its numbers into the page."""
    page = filled((root / PAGE).read_text(encoding="utf-8"), record)
    (root / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (root / PAGE).write_text(page, encoding="utf-8")


def check(root: Path, computed: Record) -> list[str]:
    """Return what is not current: the record against what was computed, the page against the record."""
    recorded: Record = json.loads((root / RECORD).read_text(encoding="utf-8"))
    complaints = disagreements(recorded, computed)
    page = (root / PAGE).read_text(encoding="utf-8")
    try:
        current = filled(page, recorded)
    except ValueError as error:
        return [*complaints, str(error)]
    for old, new in zip(NUMBER.finditer(page), NUMBER.finditer(current), strict=True):
        if old["shown"] != new["shown"]:
            complaints.append(f"the page shows {old['shown']!r} for {old['key']}, but the record says {new['shown']!r}")
    if NAMES.findall(page) != NAMES.findall(current):
        complaints.append("the page's table of names is not the one that load_lucidrains goes by")
    return complaints


def size(record: Record) -> str:
    """Return how many numbers there are."""
    return f"{len(flat(record))} numbers"


main = RecordCommand(
    module="book.tools.differences",
    files=(RECORD, PAGE),
    make_record=make_record,
    write=write,
    check=check,
    size=size,
)

if __name__ == "__main__":
    sys.exit(main())
