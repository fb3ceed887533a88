"""The trained models in the page compute what the package computes in double precision, every number at every step."""

import json
import math
import struct
from base64 import b64decode, b64encode
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from feedback_lite import Interventions, pretrained
from feedback_lite.widgets.figure import join_script
from feedback_lite.widgets.live import export
from tests.benchmarks import live_model as bench
from tests.kinds import FIGURES, LIVE
from tests.site.conftest import Visit
from tests.site.golden import INTERVENTIONS, NONE, WITHOUT_EFFECT, make_golden, varied_tokens
from tests.site.looking import stored_states

TOLERANCE = 1e-10
THOROUGH = ("shell-feedback", "echo-without-offset")
"""These go through all interventions; the others, which the same script runs, through none and all five at once."""
FEW = {"none": NONE, "all five": INTERVENTIONS["all five"]}
EVERYTHING = {"token", "hiddens", "weights", "logits", "layerLogits", "mixture", "memory"}

# Runs a model through the golden tokens; returns the largest difference of every kind of intermediate. Vectors
# that reach above 1 are compared in proportion: what some interventions do to memory grows without bound.
COMPARE = """async (text) => {
    const [script, exported, tokens, golden] = JSON.parse(text); // Playwright's own way takes long for many numbers
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const { run } = await import(address);
    URL.revokeObjectURL(address);
    const largest = {};
    const note = (name, difference) => {
        largest[name] = Math.max(largest[name] ?? 0, Number.isNaN(difference) ? Infinity : difference);
    };
    const compare = (name, ours, wanted, scale = 1) => {
        if (typeof wanted === "number") return note(name, Math.abs((ours ?? NaN) - wanted) / scale);
        note(name, ours?.length === wanted.length ? 0 : Infinity);
        const sizes = wanted.map((one) => typeof one === "number" ? Math.abs(one) : 0);
        const largest = sizes.reduce((most, size) => Math.max(most, size), 1);
        wanted.forEach((one, place) => compare(name, ours?.[place], one, largest));
    };
    const compareHeld = (stores, held) => {
        note("memory", stores.length === held.length ? 0 : Infinity);
        held.forEach((writers, number) => {
            const slots = stores[number].slots;
            compare("memory", slots.map(({ writer }) => writer), writers);
            slots.forEach(({ key, value, writer }) => {
                compare("memory", key, golden.stores[number][writer - 1].key);
                compare("memory", value, golden.stores[number][writer - 1].value);
            });
        });
    };
    const steps = run(exported, tokens, golden.interventions);
    note("token", steps.length === golden.steps.length ? 0 : Infinity);
    steps.forEach((step, place) => {
        const { held_before, held, ...rest } = golden.steps[place];
        for (const [name, wanted] of Object.entries(rest)) compare(name, step[name], wanted);
        compareHeld(step.memoryBefore ? [step.memoryBefore] : step.cacheBefore, held_before);
        compareHeld(step.memory ? [step.memory] : step.cache, held);
    });
    return largest;
}"""


def differences(
    page: Page, script: str, exported: dict[str, Any], golden: dict[str, Any], label: str
) -> dict[str, float]:
    """Compare one case in the page."""
    assert exported["sha256"] == golden["sha256"]
    given = [script, exported, golden["tokens"], golden["cases"][label]]
    found: dict[str, float] = page.evaluate(COMPARE, json.dumps(given, allow_nan=False))
    assert set(found) == EVERYTHING - ({"mixture"} if exported["kind"] == "ordinary" else set())
    return found


def compare_all(page: Page, script: str, exported: dict[str, Any], golden: dict[str, Any]) -> None:
    """Compare all cases in the page, print the largest difference and hold it below the tolerance."""
    worst = {label: differences(page, script, exported, golden, label) for label in golden["cases"]}
    largest = max(max(found.values()) for found in worst.values())
    print(
        f"{exported['name']}: {len(worst)} cases, {len(golden['tokens'])} tokens each: largest difference {largest:.2g}"
    )
    assert largest < TOLERANCE, {label: found for label, found in worst.items() if max(found.values()) >= TOLERANCE}


@pytest.fixture(scope="module")
def goldens(unchecked_module: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Made afresh from the shipped models, written down, and read again."""
    folder: Path = tmp_path_factory.mktemp("golden")
    for name in pretrained.names():
        config = pretrained.card(name)["config"]
        length = max(40, 2 * config["memory_size"] + 6)
        tokens = varied_tokens(config["vocab_size"], length)
        golden = make_golden(name, tokens, INTERVENTIONS if name in THOROUGH else FEW)
        (folder / f"{name}.json").write_text(json.dumps(golden, allow_nan=False), encoding="utf-8")
    return {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in pretrained.names()}


# ---- the golden files


def test_golden_tokens_fill_the_memory_more_than_twice(goldens: dict[str, dict[str, Any]]) -> None:
    for name, golden in goldens.items():
        config = pretrained.card(name)["config"]
        assert len(golden["tokens"]) > 2 * config["memory_size"]
        assert set(golden["tokens"]) == set(range(config["vocab_size"]))
        assert golden["sha256"] == pretrained.card(name)["sha256"]


def test_every_intervention_is_a_case_of_its_own(goldens: dict[str, dict[str, Any]]) -> None:
    """No two give the same logits, but for those that must change nothing."""
    golden = goldens["shell-feedback"]
    assert set(golden["cases"]) == set(INTERVENTIONS)
    logits = {label: json.dumps([step["logits"] for step in case["steps"]]) for label, case in golden["cases"].items()}
    assert {label for label in logits if logits[label] == logits["none"]} == {"none"} | WITHOUT_EFFECT
    assert len(set(logits.values())) == len(logits) - len(WITHOUT_EFFECT)


# ---- the models on the built pages


LIVE_PAGES = sorted({name for name, kind in FIGURES if kind in LIVE})


def live_states(page: Page, page_name: str) -> list[dict[str, Any]]:
    """Return the states of a page's figures that hold models, each model as the package exports it."""
    live = [state for state in stored_states(page) if any("weights" in one for one in state.get("models") or ())]
    assert len(live) >= sum(name == page_name and kind in LIVE for name, kind in FIGURES)
    for state in live:
        for exported in state["models"]:
            assert exported == export(exported["name"])
    return live


def test_every_number_on_the_built_pages(stage: Visit, goldens: dict[str, dict[str, Any]]) -> None:
    """The runtime and the weights are taken from what the pages store for their figures; each pair is run once."""
    known: set[tuple[str, str]] = set()
    for page_name in LIVE_PAGES:
        page = stage(page_name)
        for state in live_states(page, page_name):
            for exported in state["models"]:
                if (state["_esm"], exported["name"]) not in known:
                    compare_all(page, state["_esm"], exported, goldens[exported["name"]])
                    known.add((state["_esm"], exported["name"]))
    assert len({name for _, name in known}) == 4


@pytest.mark.parametrize("page_name", LIVE_PAGES)
def test_models_run_on_a_page_from_a_folder(page_name: str, visit: Visit, goldens: dict[str, dict[str, Any]]) -> None:
    page = visit(page_name, over="file")
    for state in live_states(page, page_name):
        for exported in state["models"]:
            found = differences(page, state["_esm"], exported, goldens[exported["name"]], "none")
            assert max(found.values()) < TOLERANCE, found


# ---- other tokens, other changes


@pytest.mark.parametrize("name", pretrained.names())
def test_every_number_of_the_runtime_alone(name: str, sheet: Page, goldens: dict[str, dict[str, Any]]) -> None:
    compare_all(sheet, join_script("live"), export(name), goldens[name])


@st.composite
def deletions(draw: st.DrawFn) -> tuple[int, int]:
    token = draw(st.integers(1, 39))
    return token, draw(st.integers(token + 1, 40))


# Their arguments alone: what checks the types of the package's classes in tests draws random numbers itself.
changes = st.fixed_dictionaries(
    {
        "written": st.sampled_from(["mixture", "uniform", 0, 1, 2]),
        "memory_size": st.none() | st.integers(1, 24),
        "memory_offset": st.sampled_from([None, True, False]),
        "silent_layers": st.sets(st.integers(1, 2)).map(tuple),
        "deleted": st.lists(deletions(), max_size=3).map(tuple),
    }
)


@settings(max_examples=12)
@given(drawn=st.lists(st.integers(0, 1000), min_size=1, max_size=40), changed=changes)
def test_any_tokens_and_interventions(sheet: Page, drawn: list[int], changed: dict[str, Any]) -> None:
    for name in pretrained.names():
        tokens = [number % pretrained.card(name)["config"]["vocab_size"] for number in drawn]
        golden = make_golden(name, tokens, {"none": Interventions(**changed)})
        found = differences(sheet, join_script("live"), export(name), golden, "none")
        assert max(found.values()) < TOLERANCE, found


# ---- nothing is changed in place: a figure may step back, and try another intervention on the same export

AGAIN = """async ([script, exported, tokens]) => {
    const { run, FeedbackTransformer, CausalTransformer } = await import(
        URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    const text = (value) => JSON.stringify(value, (_, part) => (ArrayBuffer.isView(part) ? [...part] : part));
    const before = text(exported);
    const steps = run(exported, tokens), told = steps.map(text);
    const feedback = exported.kind === "feedback";
    if (feedback) run(exported, tokens, { written: "uniform", memory_size: 2, deleted: [[3, 4]], silent_layers: [1] });
    const model = feedback ? new FeedbackTransformer(exported) : new CausalTransformer(exported);
    const again = steps.map((step) => text(model.step(step.token, step.memoryBefore ?? step.cacheBefore)));
    return {
        export: text(exported) === before,
        steps: text(steps.map(text)) === text(told),
        again: text(again) === text(told),
    };
}"""


@pytest.mark.parametrize("name", pretrained.names())
def test_any_step_can_be_taken_again(name: str, sheet: Page) -> None:
    tokens = varied_tokens(pretrained.card(name)["config"]["vocab_size"])
    found = sheet.evaluate(AGAIN, [join_script("live"), export(name), tokens])
    assert found == {"export": True, "steps": True, "again": True}


# ---- planted faults: the comparison must see every one of them

FAULTS = {
    "last layer instead of the mixture": ("mixLayers(reading.hiddens, this.layer_weights)", "reading.hiddens.at(-1)"),
    "GEGLU halves swapped": ("const [value, gate] = ", "const [gate, value] = "),
    "bias off by one": ("Math.max(queryPosition - keyPosition, 0)", "Math.max(queryPosition - keyPosition - 1, 0)"),
    "the seed's bias": ("this.memoryOffset ? slots.length : 0", "0"),
    "memory size off by one": (".slice(-memorySize)", ".slice(-memorySize - 1)"),
    "empty memory not skipped": ("slots.length === 0 || silent", "silent"),
    "tanh GELU": (
        "0.5 * x * (1 + erf(x / Math.SQRT2))",
        "0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))",
    ),
    "LayerNorm eps 1e-6": ("variance + 1e-5", "variance + 1e-6"),
    "memory kept in float32": (
        "const both = linear(vector, toKeysValues.linear)",
        "const both = Float32Array.from(linear(vector, toKeysValues.linear))",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault: str, sheet: Page, goldens: dict[str, dict[str, Any]]) -> None:
    script, (good, bad) = join_script("live"), FAULTS[fault]
    assert script.count(good) == 1
    exported, golden = export("shell-feedback"), goldens["shell-feedback"]
    assert differences(sheet, script, exported, golden, "none")["logits"] < TOLERANCE
    logits = differences(sheet, script.replace(good, bad), exported, golden, "none")["logits"]
    print(f"{fault}: logits differ by {logits:.2g}")
    assert logits > TOLERANCE


# ---- and every kind of number


def spoil(golden: dict[str, Any], part: str) -> dict[str, Any]:
    """Change one number of one part, late in the first case."""
    spoilt = deepcopy(golden)
    case = spoilt["cases"]["none"]
    step = case["steps"][-2]
    if part == "memory":
        case["stores"][-1][-3]["value"][-1] += 1e-8
        return spoilt
    inner = step[part]
    while isinstance(inner[-1], list):
        inner = inner[-1]
    inner[-1] += 1e-8
    return spoilt


PARTS = {"shell-feedback": EVERYTHING - {"token"}, "shell-ordinary": EVERYTHING - {"token", "mixture"}}


@pytest.mark.parametrize(("name", "part"), [(name, part) for name in PARTS for part in sorted(PARTS[name])])
def test_a_changed_number_is_seen_where_it_is(
    name: str, part: str, sheet: Page, goldens: dict[str, dict[str, Any]]
) -> None:
    found = differences(sheet, join_script("live"), export(name), spoil(goldens[name], part), "none")
    assert {part} == {one for one, difference in found.items() if difference > TOLERANCE}


# ---- what is broken is refused in words


def change(path: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Set one entry of an export; with None, take it away."""

    def changed(exported: dict[str, Any]) -> dict[str, Any]:
        *folders, last = path.split("/")
        place = exported
        for folder in folders:
            place = place[folder]
        if value is None:
            del place[last]
        else:
            place[last] = value(place[last]) if callable(value) else value
        return exported

    return changed


def with_not_a_number(base64: str) -> str:
    return b64encode(b64decode(base64)[:-4] + struct.pack("<f", math.nan)).decode()


BROKEN = {
    "no weights": (change("weights", None), "config, bias or weights are missing"),
    "no config": (change("config", None), "config, bias or weights are missing"),
    "no bias": (change("bias", None), "config, bias or weights are missing"),
    "another kind": (change("kind", "other"), 'the kind of model must be "feedback", not "other"'),
    "no size": (change("config/d_model", None), "d_model must be a positive whole number"),
    "no layer": (change("config/num_layers", 0), "num_layers must be a positive whole number"),
    "another size": (change("config/d_model", 33), "embedding.weight must have the shape 15 x 33, not 15 x 32"),
    "segments": (change("config/segment_length", 2), "segment_length must be 1, not 2"),
    "a name": (change("weights/layer_weights", None), "layer_weights is missing"),
    "a name deep down": (
        change("weights/blocks.1.attention.to_output.bias", None),
        "blocks.1.attention.to_output.bias is missing",
    ),
    "a number missing": (
        change("weights/output_norm.bias/base64", lambda text: b64encode(b64decode(text)[:-4]).decode()),
        "output_norm.bias must hold 128 bytes, not 124",
    ),
    "cut short": (
        change("weights/output_norm.bias/base64", lambda text: text[:-1]),
        "output_norm.bias is not in base64",
    ),
    "other letters": (
        change("weights/output_norm.bias/base64", lambda text: "?" + text[1:]),
        "output_norm.bias is not in base64",
    ),
    "not a number": (
        change("weights/to_logits.weight/base64", with_not_a_number),
        "to_logits.weight holds a number that is not finite",
    ),
    "a head of the bias": (
        change("bias", lambda rows: rows[:1]),
        "bias must hold a number for every head and distance",
    ),
    "a distance": (
        change("bias", lambda rows: [rows[0], rows[1][:-1]]),
        "bias must hold a number for every head and distance",
    ),
}
TRY = """async ([script, exported, tokens, interventions]) => {
    const { run } = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    try {
        return run(exported, tokens, interventions).length;
    } catch (error) {
        return error.message;
    }
}"""


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_export_is_refused(name: str, sheet: Page) -> None:
    damage, message = BROKEN[name]
    told = sheet.evaluate(TRY, [join_script("live"), damage(export("shell-feedback")), [0], {}])
    assert told == f"The weights of shell-feedback could not be read: {message}."


def test_no_export_is_refused(sheet: Page) -> None:
    for nothing in (None, {}):
        told = sheet.evaluate(TRY, [join_script("live"), nothing, [0], {}])
        assert told == "The weights of the model could not be read: config, bias or weights are missing."


@pytest.mark.parametrize(
    ("name", "tokens", "interventions", "message"),
    [
        ("shell-feedback", [15], {}, "token must be a whole number from 0 to 14, not 15"),
        ("shell-feedback", [-1], {}, "token must be a whole number from 0 to 14, not -1"),
        ("shell-ordinary", [0, 0.5], {}, "token must be a whole number from 0 to 14, not 0.5"),
        ("shell-feedback", [0], {"memorySize": 3}, "memorySize is no intervention"),
        ("shell-feedback", [0], {"written": "last"}, "written must be one of mixture, uniform, 0, 1, 2, not last"),
        ("shell-feedback", [0], {"written": 3}, "written must be one of mixture, uniform, 0, 1, 2, not 3"),
        ("shell-ordinary", [0], {"memory_size": 3}, "an ordinary transformer takes no interventions"),
    ],
)
def test_what_cannot_be_run_is_refused(
    name: str, tokens: list[float], interventions: dict[str, Any], message: str, sheet: Page
) -> None:
    assert sheet.evaluate(TRY, [join_script("live"), export(name), tokens, interventions]) == message


# ---- the one function that JavaScript lacks


def test_erf_to_the_last_digits(sheet: Page) -> None:
    numbers = [place / 500 for place in range(-3500, 3501)] + [1e-300, -1e-17, 30.0]
    ours = sheet.evaluate(
        """async ([script, numbers]) => {
            const { erf } = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
            return numbers.map(erf);
        }""",
        [join_script("live"), numbers],
    )
    assert max(abs(one - math.erf(number)) for one, number in zip(ours, numbers, strict=True)) < 1e-15


# ---- the benchmark


def test_the_benchmark_times_both_models(sheet: Page) -> None:
    for name in pretrained.names():
        first, median = bench.measure(sheet, export(name), tokens=5, rounds=2)
        assert first > 0
        assert median > 0
    assert bench.report("model", 200, 60.0, 40.0).split()[-4:] == ["5000", "tokens", "per", "second"]


def test_the_benchmark_refuses_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--tokens", "0"])
    assert "--tokens and --rounds must be at least 1, not 0, 9" in capsys.readouterr().err
