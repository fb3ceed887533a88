"""Every figure says and shows in every state what its Python class says.

The script that the page has stored runs on a model of the test's own, state after state, beside a twin in Python that
is made from the same stored state. That the controls reach these states is tested in ``test_figures.py``.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, product
from typing import Any

import pytest

from feedback_lite.widgets import (
    Arrangement,
    BucketExplorer,
    CostExplorer,
    Figure,
    GateExplorer,
    InformationFlow,
    LayerMixture,
    LineageMap,
    MaskExplorer,
    MemoryQueue,
    RunsExplorer,
    TokenWalk,
    softmax,
)
from feedback_lite.widgets.cost_explorer import CHOICES, ONE_FOR_ALL, ONE_PER_LAYER
from feedback_lite.widgets.gate_explorer import FREE, MODES, REACH, SHUT
from feedback_lite.widgets.lineage_map import YEARS
from feedback_lite.widgets.mask_explorer import DISTANCES
from feedback_lite.widgets.runs_explorer import AXES, BUDGETS
from tests.site.conftest import Visit
from tests.site.page_model import run_through
from tests.site.tables import FIGURES, LIVE, LOOKS, Look
from tests.site.test_figures import stored_states, words

State = dict[str, Any]

# What the picture shows and says, less what stands for the picture as a whole.
SEEN = """(place) => {{
    const {{ picture, ...seen }} = ({look})(place.querySelector("[data-figure]"));
    return {{ ...seen, sentence: place.querySelector(".fl-sentence").textContent }};
}}"""


def whole(nested: list[Any]) -> list[Any]:
    """Return numbers that a figure keeps in tenths as they were."""
    return [whole(one) if isinstance(one, list) else one / 10 for one in nested]


def percent(share: float) -> str:
    return f"{math.floor(100 * share + 0.5)} %"


def minus(text: str) -> str:
    return text.replace("-", "−")


def signed(number: float) -> str:
    """Write one decimal, without a minus before zero."""
    text = f"{number:.1f}"
    return minus(text) if float(text) else text.lstrip("-")


# ---- layers, their mixture and the memory


def mixture_states(twin: LayerMixture) -> Iterator[State]:
    weights = [0] * len(twin.layer_weights)
    for step, mixture in product(range(1, len(twin.tokens) + 1), ("learned", "embedding only", "last layer only")):
        yield {"step": step, "mixture": mixture, "weights": weights}
    for number, chosen in enumerate(product(range(-3, 4), repeat=len(weights))):
        yield {"step": 1 + number % len(twin.tokens), "mixture": "sliders", "weights": list(chosen)}


def mixture_look(twin: LayerMixture) -> Look:
    shares = softmax(twin.raw_weights())
    equal = "equal shares" if len(set(twin.weights)) == 1 else None
    pressed = equal if twin.mixture == "sliders" else twin.mixture
    place = {"step": twin.step, "slot": twin.step, "filled": twin.step}
    return {**place, "shares": [percent(share) for share in shares], "pressed": [pressed] if pressed else []}


def queue_states(twin: MemoryQueue) -> Iterator[State]:
    sizes, steps = range(1, len(twin.changed) + 1), range(1, len(twin.tokens) + 1)
    for size, step, token in product(sizes, steps, steps):
        yield {"memory_size": size, "step": step, "token": token}


def queue_look(twin: MemoryQueue) -> Look:
    held = min(twin.step - 1, twin.memory_size)
    counts = {"held": held, "evicted": twin.step - 1 - held, "waiting": len(twin.tokens) - twin.step}
    return {"step": twin.step, "now": twin.step, "token": twin.token, "slots": twin.memory_size, **counts}


# ---- positions and the mask


def bucket_states(twin: BucketExplorer) -> Iterator[State]:
    heads, slots = range(1, len(twin.table[0]) + 1), range(1, twin.num_slots + 1)
    for setting, head, slot in product(twin.rows, heads, slots):
        num_buckets, max_distance, direction = setting.split(", ")
        sizes = {"num_buckets": int(num_buckets), "max_distance": int(max_distance)}
        yield {**sizes, "direction": direction, "head": head, "slot": slot}


def bucket_look(twin: BucketExplorer) -> Look:
    shown = twin.rows[f"{twin.num_buckets}, {twin.max_distance}, {twin.direction}"]
    return {
        "pressed": [str(twin.num_buckets), str(twin.max_distance), twin.direction, f"head {twin.head}"],
        "slot": twin.slot,
        "buckets": [bucket for name in ("counted", "left out") for bucket, _ in groupby(shown[name]["buckets"])],
    }


def mask_states(twin: MaskExplorer) -> Iterator[State]:
    for sizes in twin.tables:
        slots, tokens = map(int, sizes.split(","))
        keys = slots + (tokens if tokens > 1 else 0)
        for query, key, shown in product(range(tokens), range(max(keys, 1)), [DISTANCES, *twin.heads]):
            yield {"slots": slots, "tokens": tokens, "query": query, "key": key, "shown": shown}


def mask_look(twin: MaskExplorer) -> Look:
    distance, mask = twin.tables[f"{twin.slots},{twin.tokens}"].values()
    look = {"slots": twin.slots, "tokens": twin.tokens, "future": sum(row.count(False) for row in mask)}
    if not distance[0]:
        return {**look, "numbers": []}
    numbers = [minus(str(steps)) for row in distance for steps in row]
    if twin.shows_weights():
        weights = twin.weights[twin.heads.index(twin.shown)][twin.slots - 1]
        numbers = [percent(weight) for weight in weights]
    return {**look, "query": twin.query, "key": twin.key, "numbers": numbers}


# ---- costs and gates


def cost_states(twin: CostExplorer) -> Iterator[State]:
    """All settings of all sizes but the number of slots, which goes round with them."""
    *others, slots = (range(len(choices)) for choices in CHOICES.values())
    for number, places in enumerate(product(*others)):
        for vectors in (ONE_FOR_ALL, ONE_PER_LAYER):
            yield {"places": [*places, slots[number % len(slots)]], "vectors": vectors}


def cost_look(twin: CostExplorer) -> Look:
    costs = {}
    for name, (shared, each) in twin.shown_costs().items():
        costs |= {f"{name} shared": f"{shared:,}", f"{name} each": f"{each:,}"}
    sizes = {name: f"{size:,}" for name, size in twin.sizes().items()}
    named = [name for name, places in twin.models if places == twin.places]
    return {**costs, **sizes, "pressed": [twin.vectors, *named]}


def gate_states(twin: GateExplorer) -> Iterator[State]:
    """Every seventh unit at every step, another of the seven at each; then points all over the curve."""
    units = sum(len(layer) for layer in twin.gates[0])
    for step, mode in product(range(1, len(twin.tokens) + 1), MODES):
        yield from ({"step": step, "mode": mode, "unit": unit} for unit in range(step % 7, units, 7))
    for gate, value in product(range(-REACH, REACH + 1), (-REACH, -17, 0, 3, REACH)):
        yield {"step": 1, "mode": MODES[gate % 3], "unit": FREE, "gate": gate, "value": value}


def gate_look(twin: GateExplorer) -> Look:
    gate, value = (signed(tenths / 10) for tenths in twin.point())
    shut = sum(abs(factor) < SHUT for factor in twin.factors())
    unit = {"unit": max(twin.unit, 0) + 1, "framed": twin.unit != FREE}
    return {"step": twin.step, "pressed": [twin.mode], "gate": gate, "value": value, "shut": shut, **unit}


# ---- the whole model


def flow_states(twin: InformationFlow) -> Iterator[State]:
    arrangements, layers, tokens = range(len(twin.names)), range(twin.num_layers + 1), range(1, twin.num_tokens + 1)
    for chosen, layer, token in product(arrangements, layers, tokens):
        yield {"chosen": chosen, "layer": layer, "token": token}


def flow_look(twin: InformationFlow) -> Look:
    row = twin.ways[twin.chosen][twin.layer * twin.num_tokens + twin.token - 1]
    reached = len(row) - row.count(".")
    return {"token": twin.token, "layer": twin.layer, "pressed": [twin.names[twin.chosen]], "reached": reached}


def walk_states(twin: TokenWalk) -> Iterator[State]:
    for token, station in product(range(1, len(twin.tokens) + 1), range(1, len(twin.walks[0]) + 1)):
        yield {"token": token, "station": station}


def walk_look(twin: TokenWalk) -> Look:
    bars = twin.walks[twin.token - 1][twin.station - 1]["bars"]
    numbers = [number for row in bars["numbers"] for number in row]
    written = [percent(number) if "logit" not in bars["series"] else signed(number) for number in numbers]
    place = {"station": twin.station, "marked": twin.station, "done": twin.station - 1, "token": twin.token}
    return {**place, "bars": written}


def lineage_states(twin: LineageMap) -> Iterator[State]:
    """Every work of the years that are shown, and the marked one."""
    for years in YEARS:
        twin.years = years
        for place in sorted({*twin.counted(), twin.marked}):
            yield {"years": years, "chosen": place}


def lineage_look(twin: LineageMap) -> Look:
    work = twin.works[twin.chosen]
    shown = sorted({*twin.counted(), twin.marked})
    back = [read for read in work["reads"] if read[-1] == "m"]
    straight = all(layer == entry for _, layer, entry, _ in back)  # each layer has slots of its own
    return {
        "place": shown.index(twin.chosen) + 1,
        "places": len(shown),
        "shown": len(shown),
        "title": f"{work['title']}, {work['year']}",
        "recurs": f"What recurs: {work['recurs']}.",
        "chosen": [work["key"]],
        "marked": [twin.works[twin.marked]["key"]],
        "pressed": [twin.years],
        "segments": twin.tokens // work["every"] if work["every"] > 1 else 0,
        "slots": len({(token, straight and layer) for token, layer, *_ in back}) if work["kept"] else 0,
        "source": f"Source: {work['source']}.",
    }


# ---- recorded runs


def runs_states(twin: RunsExplorer) -> Iterator[State]:
    """Of every task, budget and axis some five places, each with another choice of models."""
    names = [name for name, _ in twin.models]
    choices = [list(twin.shown), names, names[::3], []]
    for study, budget, axis in product(twin.studies, BUDGETS, AXES):
        twin.set_state({"task": study["task"], "budget": budget, "axis": axis})
        for number, place in enumerate(range(1, twin.places() + 1, max(1, twin.places() // 5))):
            shown = choices[number % len(choices)]
            yield {"task": study["task"], "budget": budget, "axis": axis, "place": place, "shown": shown}


def runs_look(twin: RunsExplorer) -> Look:
    drawn = twin.drawn()
    return {
        "task": [twin.task] if len(twin.studies) > 1 else [],
        "axis": [twin.axis],
        "budget": [twin.budget],
        "shown": drawn,
        "place": twin.place,
        "places": twin.places(),
        "values": {name: runs_values(twin, name) for name in drawn},
        "means": len(drawn),
        "seeds": len(drawn) * twin.study()["seeds"],
    }


def runs_values(twin: RunsExplorer, name: str) -> list[str]:
    """What stands in a model's row: its mean, its spread, and where its curve ended."""
    found = twin.readout(name)
    if found is None:
        return ["", "", "not measured yet"]
    mean, low, high = (f"{found[key] / 10:.1f}" for key in ("mean", "low", "high"))
    if found["end"] is None:
        end = ""
    elif twin.axis == "examples":
        end = f"ended after {found['end']:,} sequences"
    else:
        end = f"ended after {found['end'] / 100:g} CPU seconds"
    return [f"{mean} %", f"{low} to {high}", end]


# ---- all of them


@dataclass(frozen=True)
class Kind:
    """One kind of figure: its class, how to make one, the states that its controls can set, and what each shows."""

    figure: type[Figure]
    make: Callable[[State], Figure]
    states: Callable[[Any], Iterator[State]]
    look: Callable[[Any], Look]


KINDS = {
    "bucket-explorer": Kind(
        BucketExplorer,
        lambda state: BucketExplorer(state["table"], num_slots=state["num_slots"]),
        bucket_states,
        bucket_look,
    ),
    "mask-explorer": Kind(
        MaskExplorer,
        lambda state: MaskExplorer(dict(zip(state["heads"], state["weights"], strict=True))),
        mask_states,
        mask_look,
    ),
    "cost-explorer": Kind(
        CostExplorer,
        lambda state: CostExplorer({name: sizes_at(places) for name, places in state["models"]}),
        cost_states,
        cost_look,
    ),
    "layer-mixture": Kind(
        LayerMixture,
        lambda state: LayerMixture(
            *(state[name] for name in ("hiddens", "layer_weights", "tokens", "layer_names", "accuracy"))
        ),
        mixture_states,
        mixture_look,
    ),
    "memory-queue": Kind(
        MemoryQueue,
        lambda state: MemoryQueue(state["tokens"], state["changed"], state["tried"]),
        queue_states,
        queue_look,
    ),
    "gate-explorer": Kind(
        GateExplorer,
        lambda state: GateExplorer(whole(state["gates"]), whole(state["values"]), state["tokens"], state["accuracy"]),
        gate_states,
        gate_look,
    ),
    "information-flow": Kind(
        InformationFlow, lambda state: InformationFlow([Arrangement("ordinary")]), flow_states, flow_look
    ),
    "lineage-map": Kind(LineageMap, lambda state: LineageMap(), lineage_states, lineage_look),
    "runs-explorer": Kind(
        RunsExplorer,
        lambda state: RunsExplorer([study["task"] for study in state["studies"]]),
        runs_states,
        runs_look,
    ),
    "token-walk": Kind(TokenWalk, lambda state: TokenWalk(state["walks"], state["tokens"]), walk_states, walk_look),
}


def sizes_at(places: list[int]) -> dict[str, int]:
    return {name: CHOICES[name][place] for name, place in zip(CHOICES, places, strict=True)}


def test_every_kind_has_its_row() -> None:
    elsewhere = {"predict", *LIVE}  # predictions are recorded in test_figures.py; live figures have tests of their own
    assert set(KINDS) == {kind for _, kind in FIGURES} - elsewhere


@pytest.mark.parametrize(("page_name", "kind"), [pair for pair in FIGURES if pair[1] in KINDS])
def test_figure_speaks_and_shows_as_in_python(page_name: str, kind: str, stage: Visit) -> None:
    row, page = KINDS[kind], stage(page_name)
    name = f"{row.figure.__module__}.{row.figure.__name__}"
    # A figure on a page that is no notebook is stored without its class's name.
    figures = [state for state in stored_states(page) if "_esm" in state]
    stored = [state for state in figures if state.get("_anywidget_id", name) == name]
    assert stored
    for state in stored:
        twin = row.make(state)
        twin.set_state({trait: state[trait] for trait in row.figure.class_own_traits(sync=True)})
        assert twin.sentence == state["sentence"]
        states = list(row.states(twin))
        seen_in_page = run_through(page, state, states, SEEN.format(look=LOOKS[kind]))
        for changes, told in zip(states, seen_in_page, strict=True):
            twin.set_state(changes)
            expected = {**row.look(twin), "sentence": words(twin.sentence)}
            seen = {key: words(value) if key == "sentence" else value for key, value in told.items() if key in expected}
            assert seen == expected, changes
