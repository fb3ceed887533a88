"""The stable form: what is kept, what is dropped, and how widget models are named."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from book.tools.notebooks.compare import differences
from book.tools.notebooks.form import clear_outputs, drop_models, join_streams, rename_references, shown_models, stable
from book.tools.notebooks.notebook import WIDGET_STATE, Json, as_node, dumps, is_code, model_ids, widget_models
from tests.notebooks.building import code, figure, good, layout, markdown, model, notebook, result, stream, view


def test_streams_are_joined_where_the_first_stood() -> None:
    outputs = [stream("a\n"), stream("w\n", "stderr"), result(text="1"), stream("b\n")]
    assert join_streams(outputs) == [stream("a\nb\n"), stream("w\n", "stderr"), result(text="1")]


@pytest.mark.parametrize(
    ("written", "shown"),
    [("0%\r50%\r100%\nend\n", "100%\nend\n"), ("a\r\nb\n", "a\r\nb\n"), ("a\rb\r", "b\r"), ("", "")],
)
def test_a_stream_keeps_what_a_terminal_would_show(written: str, shown: str) -> None:
    (joined,) = join_streams([stream(letter) for letter in written] or [stream("")])
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
    models = widget_models(stable(content))
    assert models["widget-0002"]["state"] == {"width": "50px"}
    assert models["widget-0001"]["state"]["chosen"] is None


def test_binary_data_stands_in_the_order_of_its_places() -> None:
    buffers = [{"path": [place], "encoding": "base64", "data": "AA=="} for place in ("b", "a")]
    content = notebook(code("1", view("f")), f=model("ImageModel") | {"buffers": buffers})
    assert [buffer["path"] for buffer in widget_models(stable(content))["widget-0001"]["buffers"]] == [
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
    models = widget_models(renamed)
    kinds = [models[name]["model_name"] for name in sorted(models)]
    shown = ["VBoxModel", "TextModel", "LabelModel", "OutputModel", "AnyModel", "LayoutModel"]
    assert kinds == [*shown, "LinkModel"]
    assert list(models) == sorted(models) == [f"widget-{number:04d}" for number in range(1, 8)]
    assert shown_models(renamed) == ["widget-0001", "widget-0004"]
    assert models["widget-0001"]["state"] == {
        "children": ["IPY_MODEL_widget-0002", "IPY_MODEL_widget-0003"],
        "text": "IPY_MODEL_unknown",
    }
    assert list(model_ids(models["widget-0004"])) == ["widget-0005"]
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
    left = drop_models(content, {"needed", "bar", "inner"})
    assert set(widget_models(left)) == {"kept", "needed", "link"}
    assert len(widget_models(content)) == 5


def test_no_widget_state_is_left_where_no_widget_is() -> None:
    content = notebook(code("1"), bar=model("HBoxModel"))
    assert "widgets" not in drop_models(content, {"bar"})["metadata"]


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
    again = as_node(json.loads(text))
    assert again == once
    assert dumps(stable(again)) == text
    assert differences(once, again) == []


@given(notebooks_with_widgets(), st.randoms(use_true_random=False))
def test_the_stable_form_forgets_the_names_that_widgets_had(content: Json, random: Any) -> None:
    others = [f"{number:08x}" for number in range(len(widget_models(content)))]
    random.shuffle(others)
    names = dict(zip(widget_models(content), others, strict=True))
    renamed = rename_references(content, names)
    state = renamed["metadata"]["widgets"][WIDGET_STATE]
    state["state"] = {names[name]: value for name, value in state["state"].items()}
    assert stable(renamed) == stable(content)


def test_the_given_notebook_is_not_changed() -> None:
    content = notebook(code("1", stream("a\rb"), stream("c")), code("2", view("f")), f=figure("l"), l=layout(a=None))
    before = copy.deepcopy(content)
    stable(content)
    drop_models(content, {"f"})
    clear_outputs(content)
    assert content == before


def test_a_run_starts_from_a_notebook_without_traces_of_the_last_one() -> None:
    empty = clear_outputs(good())
    assert "widgets" not in empty["metadata"]
    assert all(cell["outputs"] == [] for cell in empty["cells"] if is_code(cell))
    assert all(cell["execution_count"] is None for cell in empty["cells"] if is_code(cell))
