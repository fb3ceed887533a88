"""The notebook tool: its stable form, its comparison, and whole runs with a kernel."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient.output_widget import OutputWidget

from book.tools import notebooks as tool
from book.tools.notebooks import WIDGET_STATE, Json, NotebookError, differences, dumps, read, stable
from tests.notebooks.building import (
    SET_UP,
    code,
    figure,
    good,
    layout,
    markdown,
    model,
    notebook,
    result,
    stream,
    view,
)

# The stable form ----------------------------------------------------------------------------------------


def test_streams_are_joined_where_the_first_stood() -> None:
    outputs = [stream("a\n"), stream("w\n", "stderr"), result(text="1"), stream("b\n")]
    assert tool.join_streams(outputs) == [stream("a\nb\n"), stream("w\n", "stderr"), result(text="1")]


@pytest.mark.parametrize(
    ("written", "shown"),
    [("0%\r50%\r100%\nend\n", "100%\nend\n"), ("a\r\nb\n", "a\r\nb\n"), ("a\rb\r", "b\r"), ("", "")],
)
def test_a_stream_keeps_what_a_terminal_would_show(written: str, shown: str) -> None:
    (joined,) = tool.join_streams([stream(letter) for letter in written] or [stream("")])
    assert joined["text"] == shown


def test_counts_run_from_one_through_cells_and_results() -> None:
    cells = [code("1", result(text="1")), markdown("x"), code("2", result(text="2"), stream("s"))]
    numbered = stable(notebook(*cells))["cells"]
    assert [cell.get("execution_count") for cell in numbered] == [1, None, 2]
    assert [numbered[0]["outputs"][0]["execution_count"], numbered[2]["outputs"][0]["execution_count"]] == [1, 2]
    assert "execution_count" not in numbered[1]


def test_ids_are_kept_and_missing_ones_follow_from_the_text() -> None:
    cells = [code("1") | {"id": "mine"}, code("2"), code("2"), code("3")]
    ids = [cell["id"] for cell in stable(notebook(*cells))["cells"]]
    assert ids[0] == "mine"
    assert ids[2] == f"{ids[1]}-2"
    assert len(set(ids)) == 4
    assert [cell["id"] for cell in stable(notebook(*cells[1:]))["cells"]] == ids[1:]


def test_notes_of_editors_and_runners_are_dropped_and_ours_are_kept() -> None:
    ours = {"tags": ["hide-input"], "cellView": "form", "mystnb": {"image": {"alt": "a line"}}}
    theirs = {"execution": {"iopub.status.busy": "2026"}, "collapsed": True, "id": "x", "trusted": True}
    content = notebook(code("1", **ours, **theirs))
    content["metadata"] |= {"colab": {}, "language_info": {"name": "python", "version": "3.11.2"}, "title": "T"}
    content["metadata"]["kernelspec"] = {"name": "other", "display_name": "Mine"}
    result_ = stable(content)
    assert result_["cells"][0]["metadata"] == ours
    assert result_["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "title": "T",
    }


def test_outputs_of_a_volatile_cell_are_not_stored() -> None:
    content = notebook(code("train()", stream("loss 0.31"), tags=("volatile",)), code("1", result(text="1")))
    assert [len(cell["outputs"]) for cell in stable(content)["cells"]] == [0, 1]


def test_keys_that_belong_to_no_format_are_dropped_from_outputs() -> None:
    shown = view("a") | {"transient": {"display_id": "7"}}
    assert "transient" not in stable(notebook(code("1", shown)))["cells"][0]["outputs"][0]


def test_layouts_lose_their_nulls_and_other_models_keep_theirs() -> None:
    content = notebook(
        code("1", view("f")), f=figure("l", chosen=None), l=layout(width="50px", height=None, margin=None)
    )
    models = tool.widget_models(stable(content))
    assert models["widget-0002"]["state"] == {"width": "50px"}
    assert models["widget-0001"]["state"]["chosen"] is None


def test_binary_data_stands_in_the_order_of_its_places() -> None:
    buffers = [{"path": [place], "encoding": "base64", "data": "AA=="} for place in ("b", "a")]
    content = notebook(code("1", view("f")), f=model("ImageModel") | {"buffers": buffers})
    assert [buffer["path"] for buffer in tool.widget_models(stable(content))["widget-0001"]["buffers"]] == [
        ["a"],
        ["b"],
    ]


def test_models_are_named_as_they_appear_with_every_reference() -> None:
    inside = {"output_type": "display_data", "metadata": {}, "data": view("z")["data"]}
    content = notebook(
        code("1", view("q")),
        code("2", view("b")),
        z=figure("y"),
        y=layout(),
        link=model("LinkModel", source=["IPY_MODEL_q", "value"], target=["IPY_MODEL_b", "value"]),
        b=model("OutputModel", outputs=[inside]),
        q=model("VBoxModel", children=["IPY_MODEL_c", "IPY_MODEL_a"], text="IPY_MODEL_unknown"),
        a=model("LabelModel"),
        c=model("TextModel"),
    )
    renamed = stable(content)
    models = tool.widget_models(renamed)
    kinds = [models[name]["model_name"] for name in sorted(models)]
    shown = ["VBoxModel", "TextModel", "LabelModel", "OutputModel", "AnyModel", "LayoutModel"]
    assert kinds == [*shown, "LinkModel"]
    assert list(models) == sorted(models) == [f"widget-{number:04d}" for number in range(1, 8)]
    assert tool.shown_models(renamed) == ["widget-0001", "widget-0004"]
    assert models["widget-0001"]["state"] == {
        "children": ["IPY_MODEL_widget-0002", "IPY_MODEL_widget-0003"],
        "text": "IPY_MODEL_unknown",
    }
    assert list(tool.mentioned_models(models["widget-0004"])) == ["widget-0005"]
    assert models["widget-0007"]["state"]["source"] == ["IPY_MODEL_widget-0001", "value"]


def test_what_volatile_cells_made_goes_unless_something_that_stays_needs_it() -> None:
    content = notebook(
        code("1", view("kept")),
        kept=model("VBoxModel", children=["IPY_MODEL_needed"]),
        needed=model("TextModel"),
        bar=model("HBoxModel", children=["IPY_MODEL_inner"]),
        inner=model("FloatProgressModel"),
        link=model("LinkModel"),
    )
    left = tool.without_models(content, {"needed", "bar", "inner"})
    assert set(tool.widget_models(left)) == {"kept", "needed", "link"}
    assert len(tool.widget_models(content)) == 5


def test_no_widget_state_is_left_where_no_widget_is() -> None:
    content = notebook(code("1"), bar=model("HBoxModel"))
    assert "widgets" not in tool.without_models(content, {"bar"})["metadata"]


NAMES = st.lists(st.text("abcdef0123456789", min_size=8, max_size=8), min_size=1, max_size=6, unique=True)


@st.composite
def notebooks_with_widgets(draw: st.DrawFn) -> Json:
    """Notebooks whose widgets refer to each other in any way, also in circles, and are shown anywhere."""
    names = draw(NAMES)
    name = st.sampled_from(names)
    reference = name.map("IPY_MODEL_{}".format)
    models = {
        each: model("VBoxModel", children=draw(st.lists(reference, max_size=3)), layout=draw(reference))
        for each in names
    }
    outputs = st.lists(st.one_of(name.map(view), st.text("ab\r\n", max_size=5).map(stream)), max_size=3)
    cells = draw(st.lists(outputs, min_size=1, max_size=4))
    return notebook(*(code(f"show({index})", *each) for index, each in enumerate(cells)), **models)


@given(notebooks_with_widgets())
def test_the_stable_form_is_stable_in_memory_and_on_disk(content: Json) -> None:
    once = stable(content)
    assert stable(once) == once
    text = dumps(once)
    again = tool.as_node(json.loads(text))
    assert again == once
    assert dumps(stable(again)) == text
    assert differences(once, again) == []


@given(notebooks_with_widgets(), st.randoms(use_true_random=False))
def test_the_stable_form_forgets_the_names_that_widgets_had(content: Json, random: Any) -> None:
    others = [f"{number:08x}" for number in range(len(tool.widget_models(content)))]
    random.shuffle(others)
    names = dict(zip(tool.widget_models(content), others, strict=True))
    renamed = tool.renamed_references(content, names)
    state = renamed["metadata"]["widgets"][WIDGET_STATE]
    state["state"] = {names[name]: value for name, value in state["state"].items()}
    assert stable(renamed) == stable(content)


def test_the_given_notebook_is_not_changed() -> None:
    content = notebook(code("1", stream("a\rb"), stream("c")), code("2", view("f")), f=figure("l"), l=layout(a=None))
    before = copy.deepcopy(content)
    stable(content)
    tool.without_models(content, {"f"})
    tool.blank(content)
    assert content == before


# Reading and writing ------------------------------------------------------------------------------------


def test_the_text_has_sorted_keys_one_space_and_a_last_newline() -> None:
    text = dumps(good())
    assert text.startswith('{\n "cells": [\n')
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")
    assert "é" in dumps(notebook(markdown("é")))


def test_a_number_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        dumps(notebook(code("1", result(json={"x": float("nan")}))))


@pytest.mark.parametrize("text", ["", "[]", '{"nbformat": 3, "worksheets": []}', '{"nbformat": 4}'])
def test_what_is_no_notebook_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "05-name.ipynb"
    path.write_text(text)
    with pytest.raises(NotebookError, match=r"05-name\.ipynb"):
        read(path)
    with pytest.raises(NotebookError, match=r"missing\.ipynb"):
        read(tmp_path / "missing.ipynb")


def test_a_crash_while_writing_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text("before")

    def crash(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="full"):
        tool.replace(path, "after")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_touched_only_where_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    assert [tool.replace(path, "é\n"), tool.replace(path, "é\n"), tool.replace(path, "f\n")] == [True, False, True]
    assert path.read_bytes() == b"f\n"


def test_a_run_starts_from_a_notebook_without_traces_of_the_last_one() -> None:
    empty = tool.blank(good())
    assert "widgets" not in empty["metadata"]
    assert all(cell["outputs"] == [] for cell in empty["cells"] if tool.is_code(cell))
    assert all(cell["execution_count"] is None for cell in empty["cells"] if tool.is_code(cell))


# Comparison ---------------------------------------------------------------------------------------------


def committed() -> Json:
    return stable(
        notebook(
            code("a()", stream("two cases agree\n"), result(text="0.5", png="AAAA")),
            code("b()", view("f", "three weights")),
            f=figure("l", weights=[0.25, 0.75], step=2, on=True),
            l=layout(),
        )
    )


def weights(now: Json) -> Json:
    return dict(tool.widget_models(now)["widget-0001"]["state"])


def test_equal_notebooks_do_not_differ() -> None:
    assert differences(committed(), committed()) == []


def change(now: Json, *keys: Any, to: Any) -> Json:
    inner: Any = now
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    return now


FIRST = ("cells", 0, "outputs")
STATE = ("metadata", "widgets", WIDGET_STATE, "state", "widget-0001", "state")


@pytest.mark.parametrize(
    ("keys", "to"),
    [
        ((*FIRST, 1, "data", "image/png"), "BBBB"),
        ((*STATE, "weights", 0), 0.250009),
        ((*STATE, "weights"), [0.25, 0.7500074]),
    ],
)
def test_pictures_and_small_differences_in_data_do_not_count(keys: tuple[Any, ...], to: Any) -> None:
    assert differences(committed(), change(committed(), *keys, to=to)) == []


@pytest.mark.parametrize(
    ("keys", "to", "words"),
    [
        ((*FIRST, 0, "text"), "three cases agree\n", "was 'two cases agree\\n', is 'three cases agree\\n'"),
        ((*FIRST, 0, "name"), "stderr", "outputs[0].name: was 'stdout', is 'stderr'"),
        ((*FIRST, 1, "data", "text/plain"), "0.500001", "text/plain: was '0.5', is '0.500001'"),
        ((*FIRST, 1, "data"), {"text/plain": "0.5"}, "image/png: was 'AAAA', is gone"),
        ((*FIRST, 1, "data", "text/html"), "<b>", "text/html: was not there, is '<b>'"),
        (FIRST, [], "outputs: was 2 long"),
        (("cells", 0, "id"), "other", ".id: was"),
        (("cells", 0, "execution_count"), 2, "execution_count: was 1, is 2"),
        (("cells", 0, "source"), "c()", "source: was 'a()', is 'c()'"),
        (("cells", 0, "metadata", "tags"), ["x"], "metadata.tags: was not there"),
        (("cells",), [], "number of cells: was 2, is 0"),
        ((*STATE, "weights", 0), 0.25003, "weights[0]: was 0.25, is 0.25003"),
        ((*STATE, "weights"), [0.25], "weights: was 2 long"),
        ((*STATE, "step"), 3, "step: was 2, is 3"),
        ((*STATE, "on"), 1, "on: was True, is 1"),
        ((*STATE, "on"), None, "on: was True, is None"),
        ((*STATE, "_esm"), "", "_esm: was"),
        ((*STATE[:-2], "widget-0003"), model("LinkModel"), "widget-0003: was not there"),
        (("metadata", "widgets", WIDGET_STATE, "version_minor"), 1, "version_minor: was 0, is 1"),
        (("metadata", "language_info", "name"), "r", "language_info.name: was 'python', is 'r'"),
    ],
)
def test_a_difference_is_told_in_words(keys: tuple[Any, ...], to: Any, words: str) -> None:
    found = differences(committed(), change(committed(), *keys, to=to))
    assert len(found) == 1
    assert words in found[0]


def test_a_difference_late_in_a_long_text_is_shown() -> None:
    old, new = tool.excerpts("x" * 500 + "before" + "y" * 500, "x" * 500 + "after" + "y" * 500)
    assert "before" in old
    assert "after" in new
    assert max(len(old), len(new)) < 130


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(-0.9e-5, 0.9e-5))
def test_fractions_may_differ_by_the_tolerance(number: float, by: float) -> None:
    assert tool.same_value(number, number + by * max(1.0, abs(number)))
    assert not tool.same_value(number, number + 3e-5 * max(1.0, abs(number)))


@given(st.integers(), st.integers())
def test_whole_numbers_must_be_equal(one: int, other: int) -> None:
    assert tool.same_value(one, other) == (one == other)


# Whole runs, each with a kernel ---------------------------------------------------------------------------

WIDGET = """
import anywidget, traitlets

class Mixture(anywidget.AnyWidget):
    _esm = "export default { render({ model, el }) { el.textContent = model.get('weights') } }"
    weights = traitlets.List([0.25, 1 / 3]).tag(sync=True)

    def __repr__(self):
        return "two weights"

Mixture()
""".strip()

SURROUNDINGS = """
import os, pathlib, sys

print(list(pathlib.Path().iterdir()), os.environ["OMP_NUM_THREADS"], os.environ["PYTHONHASHSEED"])
print("PYTHONPATH" in os.environ, os.environ["IPYTHONDIR"].startswith(str(pathlib.Path().resolve().parent)))
""".strip()

DRAWING = "import matplotlib.pyplot as plt\n\nfigure, axes = plt.subplots(figsize=(1, 1))"


def unexecuted() -> Json:
    return notebook(
        markdown("# Title"),
        code(SET_UP.replace("%pip install feedback-lite", "raise SystemError('pip install -e . first')")),
        code(SURROUNDINGS),
        code("for step in range(3):\n    print(step, flush=True)\n{3, 1, 2}"),
        code(WIDGET),
        code(DRAWING, mystnb={"image": {"alt": "empty axes"}}),
        code(
            "import ipywidgets, time\nprint(time.time())\nipywidgets.FloatText(time.time())",
            tags=("volatile", "nbval-ignore-output"),
        ),
        code("time.sleep(0)", tags=("volatile", "nbval-ignore-output")),
        code("ipywidgets.interact(lambda x: print('x is', x), x=(0, 4))", tags=("nbval-ignore-output",)),
    )


def saved(content: Json, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook that the tool has executed and written, with a caller's path that must not leak in."""
    path = saved(unexecuted(), tmp_path_factory.mktemp("repository") / "chapters" / "05-name.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(path.parent))
        patch.setenv("OMP_NUM_THREADS", "2")
        tool.write_one(path)
    return path


def test_a_written_notebook_holds_what_its_code_gave(written: Path) -> None:
    cells = read(written)[1]["cells"]
    assert cells[2]["outputs"] == [stream("[] 1 0\nFalse True\n")]
    assert cells[3]["outputs"][0] == stream("0\n1\n2\n")
    assert cells[3]["outputs"][1]["data"] == {"text/plain": "{1, 2, 3}"}
    assert cells[5]["outputs"][0]["data"]["image/png"]
    assert cells[6]["outputs"] == []


def test_a_written_notebook_holds_the_whole_state_of_its_widgets(written: Path) -> None:
    content = read(written)[1]
    models = tool.widget_models(content)
    assert models["widget-0001"]["state"]["weights"] == [0.25, 1 / 3]
    assert "FloatTextModel" not in {each["model_name"] for each in models.values()}
    (captured,) = (each["state"]["outputs"] for each in models.values() if each["model_name"] == "OutputModel")
    assert captured == [stream("x is 2\n")]
    assert "timing" not in written.read_text()
    assert list(written.parent.iterdir()) == [written]


def test_writing_again_changes_no_byte(written: Path) -> None:
    before = written.read_bytes()
    assert dumps(tool.execute(written)).encode() == before


def test_captured_output_is_not_sent_back_to_the_kernel(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def publish(*_: object, **__: object) -> None:
        raise AssertionError("sending while a reply is awaited can make the run stand still for minutes")

    monkeypatch.setattr(OutputWidget, "_publish_msg", publish)
    models = tool.widget_models(tool.execute(written)).values()
    assert [each["state"]["outputs"] for each in models if each["model_name"] == "OutputModel"] == [
        [stream("x is 2\n")]
    ]


def test_check_tells_what_is_out_of_date(written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = read(written)[1]
    content["cells"][3]["outputs"][0]["text"] = "0\n1\n"
    tool.widget_models(content)["widget-0001"]["state"]["weights"][1] = 0.3334
    path = tmp_path / "chapters" / "05-name.ipynb"
    path.parent.mkdir()
    path.write_text(dumps(content), encoding="utf-8")
    assert tool.main(["check", "--static", str(path)]) == 0
    assert tool.main(["check", str(path)]) == 1
    printed = capsys.readouterr().out
    assert "2 to mend" in printed
    assert "outputs[0].text: was '0\\n1\\n', is '0\\n1\\n2\\n'" in printed
    assert "weights[1]: was 0.3334, is 0.3333" in printed


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("1 / 0", r"05-name\.ipynb: cell 2 \(.*\): ZeroDivisionError: division by zero"),
        ("object()", r"05-name\.ipynb: cell 2 \(.*\): its output holds the address of an object"),
        ("import os\nos._exit(1)", r"05-name\.ipynb: cell 2 \(.*\): DeadKernelError"),
    ],
)
def test_a_run_that_fails_names_notebook_cell_and_error(source: str, words: str, tmp_path: Path) -> None:
    failing = code(source, tags=("raises-exception",))  # a tag that must not help
    path = saved(notebook(code("1"), failing, code("2")), tmp_path / "05-name.ipynb")
    before = path.read_bytes()
    with pytest.raises(NotebookError, match=words):
        tool.write_one(path)
    assert path.read_bytes() == before


def test_the_command_line_names_errors_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(["check", "--static", str(tmp_path / "none.ipynb"), str(saved({}, tmp_path / "b.ipynb"))]) == 1
    printed = capsys.readouterr().out
    assert "none.ipynb: not a readable notebook" in printed
    assert "b.ipynb: expected a notebook of format 4" in printed
