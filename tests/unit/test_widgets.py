"""What holds for every figure: its script, its style sheet, its words and its state."""

import json
import re

import pytest

from feedback_lite import widgets
from feedback_lite.widgets import Figure, LiveFigure
from feedback_lite.widgets.figure import join_script, join_style
from feedback_lite.widgets.palette import palette_css
from tests.kinds import KINDS

EVERY_FIGURE = pytest.mark.parametrize("figure", [kind.small() for kind in KINDS.values()], ids=KINDS)


def test_every_kind_of_figure_is_tried() -> None:
    public = {name: getattr(widgets, name) for name in widgets.__all__}
    kinds = {one for one in public.values() if isinstance(one, type) and issubclass(one, Figure)}
    assert {kind.figure for kind in KINDS.values()} == kinds - {Figure, LiveFigure}  # the others are made from these


@EVERY_FIGURE
def test_script_is_one_module_with_nothing_to_import(figure: Figure) -> None:
    script = figure._esm
    assert re.search(r"^\s*import\b", script, re.MULTILINE) is None
    assert script.count("export default") == 1
    assert script.count("export function html(") == 1
    # A live figure brings the model's runtime with it.
    assert len(script) < (72_000 if isinstance(figure, LiveFigure) else 32_000)
    assert "</script" not in script
    assert "<!--" not in script


def test_shared_modules_are_joined_before_the_one_that_needs_them() -> None:
    script = join_script("layer_mixture")
    assert script.index("function softmax") < script.index("export default")
    assert "mixLayers" not in join_script("predict")


@EVERY_FIGURE
def test_classes_of_the_style_are_prefixed(figure: Figure) -> None:
    sheet = re.sub(r"/\*.*?\*/|\{[^{}]*\}", "", figure._css, flags=re.DOTALL)
    classes = re.findall(r"\.([a-z][\w-]*)", sheet)
    assert classes
    assert [name for name in classes if not name.startswith("fl-")] == []


def test_style_starts_with_the_palette() -> None:
    assert join_style("predict").startswith(palette_css().strip())


@EVERY_FIGURE
def test_figure_speaks_for_itself(figure: Figure) -> None:
    data, _ = figure._repr_mimebundle_()
    assert data["text/plain"] == figure.sentence == figure.describe()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == figure.model_id
    assert len(repr(figure)) < 110
    assert repr(figure).startswith(f"{type(figure).__name__}: {figure.sentence[:40]}")


@EVERY_FIGURE
def test_state_is_json_without_binary_parts(figure: Figure) -> None:
    state = {key: value for key, value in figure.get_state().items() if key != "_dom_classes"}  # a tuple of ipywidgets
    assert json.loads(json.dumps(state, allow_nan=False)) == state


def test_a_figure_must_say_what_is_to_be_seen() -> None:
    class Mute(Figure):
        _esm = "export default {}"

    with pytest.raises(NotImplementedError, match=r"Mute must say in describe\(\)"):
        Mute()
