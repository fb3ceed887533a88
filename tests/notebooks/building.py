"""Small notebooks for tests, built without a kernel."""

from pathlib import Path
from typing import Any

from book.tools.notebooks.form import stable
from book.tools.notebooks.notebook import WIDGET_STATE, WIDGET_VIEW, Json, dumps
from book.tools.notebooks.rules import Chapter

SET_UP = """
import importlib.util

if importlib.util.find_spec("feedback_lite") is None:
    %pip install feedback-lite
""".strip()


def markdown(source: str) -> Json:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, *outputs: Json, tags: tuple[str, ...] = (), **metadata: Any) -> Json:
    cell = {"cell_type": "code", "metadata": metadata, "source": source}
    if tags:
        cell["metadata"] = metadata | {"tags": list(tags)}
    return cell | {"outputs": list(outputs), "execution_count": None}


def stream(text: str, name: str = "stdout") -> Json:
    return {"output_type": "stream", "name": name, "text": text}


def result(**data: Any) -> Json:
    kinds = {"text": "text/plain", "png": "image/png", "json": "application/json"}
    bundle = {kinds[kind]: value for kind, value in data.items()}
    return {"output_type": "execute_result", "data": bundle, "metadata": {}, "execution_count": None}


def view(model_id: str, text: str = "a figure") -> Json:
    shown = {"model_id": model_id, "version_major": 2, "version_minor": 1}
    bundle = {"text/plain": text, WIDGET_VIEW: shown}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


def model(name: str, module: str = "@jupyter-widgets/controls", **state: Any) -> Json:
    return {"model_name": name, "model_module": module, "model_module_version": "1.0.0", "state": state}


def figure(layout: str, **state: Any) -> Json:
    drawn = {"_esm": "export default { render() {} }", "layout": f"IPY_MODEL_{layout}"}
    return model("AnyModel", "anywidget", **drawn, **state)


def layout(**state: Any) -> Json:
    return model("LayoutModel", "@jupyter-widgets/base", **state)


def notebook(*cells: Json, **models: Json) -> Json:
    metadata: Json = {}
    if models:
        whole = {"state": models, "version_major": 2, "version_minor": 0}
        metadata["widgets"] = {WIDGET_STATE: whole}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}


def good() -> Json:
    """A notebook in its stable form with something for every rule to look at, and nothing to mend."""
    return stable(
        notebook(
            markdown("# Title\n\nSee [the notation](../book/notation.md#axes), ![a queue](queue.png) and $x_{i}$."),
            code(SET_UP, tags=("hide-input",), cellView="form", jupyter={"source_hidden": True}),
            code("1 + 1", result(text="2")),
            code("draw()", result(text="<Figure>", png="aGVsbG8="), mystnb={"image": {"alt": "a line"}}),
            code("Mixture()", view("f", "three weights")),
            code("interact(mix)", view("i"), tags=("nbval-ignore-output",)),
            code("train()", tags=("volatile", "nbval-ignore-output")),
            code(
                "answer = 1",
                tags=("solution", "hide-input"),
                cellView="form",
                jupyter={"source_hidden": True},
            ),
            f=figure("fl", weights=[0.25, 0.75]),
            fl=layout(),
            i=model("VBoxModel", layout="IPY_MODEL_il", children=["IPY_MODEL_s"]),
            il=layout(),
            s=model("IntSliderModel", value=3),
        )
    )


def chapter(content: Json, folder: Path) -> Chapter:
    """`content` as chapters/05-name.ipynb of a small repository in `folder`, with what it links to."""
    for name in ("chapters/05-name.ipynb", "chapters/queue.png", "book/notation.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    path = folder / "chapters/05-name.ipynb"
    path.write_text(dumps(content), encoding="utf-8")
    return Chapter.read(path)
