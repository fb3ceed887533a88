"""What holds for every figure: its script, its style sheet, its words and its state."""

import json
import re
from pathlib import Path

import pytest
from traitlets import Bunch, TraitError

from feedback_lite import widgets
from feedback_lite.widgets import Figure, LiveFigure
from feedback_lite.widgets.figure import join_script, join_style
from feedback_lite.widgets.palette import palette_css
from tests.kinds import KINDS
from tests.kinds.memory_queue import memory_queue

ROOT = Path(__file__).parents[3]

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
    assert len(script) < (76_000 if isinstance(figure, LiveFigure) else 43_000)
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
    assert [name for name in classes if not name.startswith("fl-") and name != "bd-article"] == []


def test_no_line_of_a_script_is_longer_than_120() -> None:
    """Lines of strings and comments too, which the formatter leaves as they are."""
    scripts = [*(ROOT / "feedback_lite" / "widgets" / "js").glob("*.js"), ROOT / "book" / "site" / "assets" / "host.js"]
    lines = [(path.name, line) for path in scripts for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(scripts) > 15
    assert [(name, line) for name, line in lines if len(line) > 120] == []


@EVERY_FIGURE
def test_script_comes_without_the_comments_for_who_reads_its_files(figure: Figure) -> None:
    assert "/**" not in figure._esm
    assert "*/" not in figure._esm
    assert "@param" not in figure._esm


@EVERY_FIGURE
def test_every_word_is_told_with_its_places_filled_in(figure: Figure) -> None:
    """The page gets the words that Python tells; none of them stands in the script too."""
    assert figure.words
    for words in figure.words.values():
        for text in [words] if isinstance(words, str) else words:
            parts = [part for part in re.split(r"\{\w+\}", text) if len(part) > 25]
            assert [part for part in parts if part in figure._esm] == []


def test_a_pair_of_words_goes_by_its_count() -> None:
    figure = memory_queue()
    assert [figure.tell("reads", count=count) for count in (1, 2)] == ["one read", "2 reads"]
    assert figure.tell("waiting", token=7) == "Step 7 has not come yet."


def test_a_number_out_of_reach_is_told_with_its_name() -> None:
    proposal = Bunch(trait=Bunch(name="step"), value=8)
    assert Figure.within(proposal, 1, 8) == 8
    with pytest.raises(TraitError, match=r"^step must be between 1 and 7, got 8$"):
        Figure.within(proposal, 1, 7)
    with pytest.raises(TraitError, match=r"^step must be between 9 and 12, got 8$"):
        Figure.within(proposal, 9, 12)


def test_style_starts_with_the_palette() -> None:
    assert join_style("question").startswith(palette_css().strip())


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
