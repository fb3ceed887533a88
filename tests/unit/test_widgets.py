import json
import math
import re
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch
from traitlets import TraitError

from feedback_lite import mix_layers
from feedback_lite.widgets import (
    PALETTE,
    Figure,
    LayerMixture,
    Predict,
    accuracy_key,
    layer_colours,
    matplotlib_style,
    mixtures,
    softmax,
)
from feedback_lite.widgets.figure import join_script, join_style
from feedback_lite.widgets.palette import BACKGROUNDS, GRAPHICS_ONLY, palette_css

ROOT = Path(__file__).parents[2]
STEPS, LAYERS, WIDTH = 7, 3, 5


def mixture(**changes: object) -> LayerMixture:
    weights = [-0.31, 0.12, 0.57]
    generator = torch.Generator().manual_seed(3)
    arguments = {
        "hiddens": torch.randn(STEPS, LAYERS, WIDTH, generator=generator),
        "layer_weights": weights,
        "tokens": ["ball under 3", *(f"swap {cup} and {cup + 1}" for cup in (1, 2, 3, 4, 1, 2))],
        "layer_names": ["embedding", "layer 1", "layer 2 (top)"],
        "accuracy": {key: 0.5 + 0.001 * number for number, key in enumerate(mixtures(weights))},
    }
    return LayerMixture(**{**arguments, **changes})


def prediction() -> Predict:
    return Predict("Where is the ball?", ["under 1", "under 2", "under 3"], 1, ["No: a.", "Yes: b.", "No: c."])


def figures() -> list[Figure]:
    return [prediction(), mixture()]


# ---- colours


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_wcag_defines_it() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", [name for name in PALETTE if name not in BACKGROUNDS])
def test_every_colour_can_be_read_in_both_themes(name: str, theme: str) -> None:
    colour, paper, surface = (getattr(PALETTE[key], theme) for key in (name, *BACKGROUNDS))
    assert contrast(colour, surface) >= 3
    if name not in GRAPHICS_ONLY:
        assert contrast(colour, paper) >= 4.5
    if name in {"ink", "muted", "right"}:  # what the figures write with, on surface
        assert contrast(colour, surface) >= 4.5


def test_style_sheet_sets_every_colour_of_both_themes() -> None:
    css = palette_css()
    for name, colour in PALETTE.items():
        for value in colour:
            assert f"--fl-{name}: {value};" in css


def test_no_other_file_names_a_colour() -> None:
    files = [
        path
        for folder in ("feedback_lite/widgets", "book/site")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".js", ".css"} and path.name != "palette.py"
    ]
    assert len(files) >= 10
    number = re.compile(r"#[0-9a-f]{3,8}\b|\b(rgba?|hsla?|oklch|lab)\(", re.IGNORECASE)
    word = re.compile(
        r"(color|background|fill|stroke|border|outline)[\w-]*:[^;]*\b(black|white|red|green|blue|gr[ae]y)\b"
    )
    named = [
        f"{path.name}: {line.strip()}"
        for path in files
        for line in path.read_text().splitlines()
        if number.search(line) or word.search(line)
    ]
    assert named == []


def test_layers_go_from_the_embedding_to_the_top() -> None:
    assert layer_colours(2) == [PALETTE["layer-low"].light, PALETTE["layer-high"].light]
    assert layer_colours(3, "dark")[1] == "#b29fd8"
    assert layer_colours(1) == [PALETTE["layer-low"].light]
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        layer_colours(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_matplotlib_takes_the_style(theme: str) -> None:
    with plt.rc_context(matplotlib_style(theme)):
        drawing, axes = plt.subplots()
        feedback, ordinary = axes.plot([1, 2]) + axes.plot([2, 3])
        assert feedback.get_color() == getattr(PALETTE["memory"], theme)
        assert (ordinary.get_linestyle(), ordinary.get_markerfacecolor()) == ("--", getattr(PALETTE["paper"], theme))
        plt.close(drawing)


# ---- every figure


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: type(figure).__name__)
def test_script_is_one_module_with_nothing_to_import(figure: Figure) -> None:
    script = figure._esm
    assert re.search(r"^\s*import\b", script, re.MULTILINE) is None
    assert script.count("export default") == 1
    assert script.count("export function html(") == 1
    assert len(script) < 32_000
    assert "</script" not in script
    assert "<!--" not in script


def test_shared_modules_are_joined_before_the_one_that_needs_them() -> None:
    script = join_script("layer_mixture")
    assert script.index("function softmax") < script.index("export default")
    assert "mixLayers" not in join_script("predict")


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: type(figure).__name__)
def test_classes_of_the_style_are_prefixed(figure: Figure) -> None:
    sheet = re.sub(r"/\*.*?\*/|\{[^{}]*\}", "", figure._css, flags=re.DOTALL)
    classes = re.findall(r"\.([a-z][\w-]*)", sheet)
    assert classes
    assert [name for name in classes if not name.startswith("fl-")] == []


def test_style_starts_with_the_palette() -> None:
    assert join_style("predict").startswith(palette_css().strip())


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: type(figure).__name__)
def test_figure_speaks_for_itself(figure: Figure) -> None:
    data, _ = figure._repr_mimebundle_()
    assert data["text/plain"] == figure.sentence == figure.describe()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == figure.model_id
    assert len(repr(figure)) < 110
    assert repr(figure).startswith(f"{type(figure).__name__}: {figure.sentence[:40]}")


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: type(figure).__name__)
def test_state_is_json_without_binary_parts(figure: Figure) -> None:
    state = {key: value for key, value in figure.get_state().items() if key != "_dom_classes"}  # a tuple of ipywidgets
    assert json.loads(json.dumps(state, allow_nan=False)) == state


def test_a_figure_must_say_what_is_to_be_seen() -> None:
    class Mute(Figure):
        _esm = "export default {}"

    with pytest.raises(NotImplementedError, match=r"Mute must say in describe\(\)"):
        Mute()


# ---- Predict


def test_prediction_is_open_until_recorded() -> None:
    figure = prediction()
    assert figure.choice is None
    assert figure.sentence == "Your prediction: Where is the ball? (1) under 1; (2) under 2; (3) under 3."


def test_prediction_tells_why() -> None:
    figure = prediction()
    figure.choice = 1
    assert figure.sentence == "You predicted: under 2. That is right. Yes: b."
    figure.choice = 2
    assert figure.sentence == "You predicted: under 3. That is not so. Right is: under 2. No: c."
    figure.choice = None
    assert figure.sentence.startswith("Your prediction")


def test_one_reason_serves_for_all() -> None:
    figure = Predict("Why?", ["a", "b"], 0, "Because.")
    figure.choice = 1
    assert figure.sentence == "You predicted: b. That is not so. Right is: a. Because."


@pytest.mark.parametrize(
    ("options", "answer", "because", "message"),
    [
        (["only"], 0, "x", "options must be two or more different texts"),
        (["a", "a"], 0, "x", "options must be two or more different texts"),
        (["a", "b"], 2, "x", "answer must be the index of an option, 0 to 1, got 2"),
        (["a", "b"], -1, "x", "answer must be the index of an option, 0 to 1, got -1"),
        (["a", "b"], 0, ["x"], "because must be one text or one per option: 1 came for 2"),
    ],
)
def test_impossible_predictions_are_refused(
    options: list[str], answer: int, because: list[str] | str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Predict("?", options, answer, because)


def test_choice_must_be_an_option() -> None:
    with pytest.raises(TraitError, match="choice must be None or the index of an option, 0 to 2, got 3"):
        prediction().choice = 3


# ---- LayerMixture


def test_shares_are_those_of_torch() -> None:
    for raw in ([0.3, -2.0, 5.0], [0.0, -math.inf, -math.inf], [700.0, 700.0, -700.0]):
        assert softmax(raw) == pytest.approx(torch.tensor(raw, dtype=torch.float64).softmax(0).tolist(), abs=1e-15)


def test_keys_name_equal_mixtures_alike() -> None:
    assert accuracy_key([-3, 0, 2]) == accuracy_key([-2, 1, 3]) == "0,3,5"
    assert accuracy_key([2, 2]) == "0,0"


def test_mixtures_are_all_that_can_be_set() -> None:
    found = mixtures(torch.tensor([0.5, 0.25]))
    settings = {accuracy_key(setting) for setting in product(range(-3, 4), repeat=2)}
    assert set(found) == settings | {"learned", "embedding only", "last layer only"}
    assert found["learned"] == [0.5, 0.25]
    assert softmax(found["embedding only"]) == [1, 0]
    assert softmax(found["last layer only"]) == [0, 1]
    assert len({tuple(softmax(raw)) for raw in found.values()}) == len(found)


def test_one_hot_mixtures_pick_one_layer_in_the_model_too() -> None:
    hiddens = torch.randn(3, 1, 2, 5)
    raw = torch.tensor(mixtures([0.1, 0.2, 0.3])["last layer only"])
    assert torch.equal(mix_layers(hiddens, raw), hiddens[2])


def test_mixture_starts_with_what_was_learned() -> None:
    figure = mixture()
    assert figure.sentence == (
        "Step 5, swap 4 and 5: the memory vector is made of embedding 20 %, layer 1 31 %, layer 2 (top) 49 %. "
        "With the learned mixture the trained model finds the ball in 50 % of the steps."
    )


def test_mixture_retells_what_a_kernel_sets() -> None:
    figure = mixture(does="names the cup")
    figure.step = 1
    figure.mixture = "last layer only"
    assert figure.sentence == (
        "Step 1, ball under 3: the memory vector is made of embedding 0 %, layer 1 0 %, layer 2 (top) 100 %. "
        "With this mixture the trained model names the cup in 50 % of the steps."
    )
    figure.set_state({"weights": [0, -3, 3], "mixture": "sliders"})
    assert "embedding 5 %, layer 1 0 %, layer 2 (top) 95 %" in figure.sentence
    assert f"in {math.floor(100 * figure.accuracy['3,0,6'] + 0.5)} % of the steps" in figure.sentence


def test_full_colour_ignores_a_few_large_values() -> None:
    vectors = torch.full((10, 3, 10), 0.5)
    vectors[0, 0, 0] = 100.0
    weights = [0.0, 0.0, 0.0]
    accuracy = dict.fromkeys(mixtures(weights), 1.0)
    figure = LayerMixture(vectors, weights, ["a"] * 10, ["embedding", "layer 1", "layer 2"], accuracy)
    assert figure.scale == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": ["one"]}, "hiddens and tokens must have the same number of steps, got 7 and 1"),
        ({"layer_names": ["embedding"]}, "layer_names must name all 3 layers"),
        ({"layer_weights": [0.1]}, "layer_weights must hold the embedding and at least one layer, got 1"),
        ({"hiddens": torch.zeros(STEPS, 2, WIDTH)}, r"hiddens must be steps x 3 x width, got \[2\] layers"),
        ({"hiddens": torch.full((STEPS, LAYERS, WIDTH), math.nan)}, "must be finite"),
        ({"accuracy": {"learned": 1.0}}, "missing .*embedding only"),
        ({"accuracy": dict.fromkeys(mixtures([0, 0, 0]), 98.0)}, "accuracy must lie between 0 and 1"),
        ({"accuracy": dict.fromkeys([*mixtures([0, 0, 0]), "none"], 0.5)}, r"unknown \['none'\]"),
    ],
)
def test_sizes_that_do_not_agree_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mixture(**changes)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("step", 8, "step must be between 1 and 7, got 8"),
        ("step", 0, "step must be between 1 and 7, got 0"),
        ("weights", [0, 4, 0], "weights must be 3 whole numbers from -3 to 3"),
        ("weights", [0, 0], "weights must be 3 whole numbers from -3 to 3"),
    ],
)
def test_impossible_states_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(TraitError, match=message):
        setattr(mixture(), name, value)
