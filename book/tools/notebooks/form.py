"""The stable form of an executed notebook: executing it again gives the same bytes."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Collection, Iterable
from typing import Any

from book.tools.notebooks.notebook import (
    REFERENCE,
    WIDGET_STATE,
    WIDGET_VIEW,
    Json,
    is_code,
    is_volatile,
    model_ids,
    widget_models,
)

# What editors and runners write into a notebook about themselves.
NOTEBOOK_NOISE = ("colab", "papermill", "signature", "toc", "vscode")
CELL_NOISE = (
    "ExecuteTime",
    "colab",
    "collapsed",
    "editable",
    "execution",
    "executionInfo",
    "id",
    "outputId",
    "papermill",
    "scrolled",
    "trusted",
    "vscode",
)

OUTPUT_KEYS = {
    "stream": ("output_type", "name", "text"),
    "display_data": ("output_type", "data", "metadata"),
    "execute_result": ("output_type", "data", "metadata", "execution_count"),
    "error": ("output_type", "ename", "evalue", "traceback"),
}

# What a carriage return makes invisible in a terminal.
OVERWRITTEN = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)


def stable(notebook: Json) -> Json:
    """Return the one form in which an executed notebook is stored; applying it again changes nothing."""
    result = copy.deepcopy(notebook)
    result["nbformat"], result["nbformat_minor"] = 4, 5
    result["metadata"] = stable_metadata(result.get("metadata", {}))
    result["cells"] = [stable_cell(cell) for cell in result["cells"]]
    add_ids(result["cells"])
    number_code_cells(result["cells"])
    return rename_models(result)


def stable_metadata(metadata: Json) -> Json:
    """Return the metadata of a notebook without its editors' notes, with a fixed kernel."""
    kept = {key: value for key, value in metadata.items() if key not in NOTEBOOK_NOISE}
    kept["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    kept["language_info"] = {"name": "python"}
    for model in kept.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {}).values():
        stabilise_model(model)
    return kept


def stabilise_model(model: Json) -> None:
    """Drop layout values that say nothing and put binary data in the order of their places."""
    if model.get("model_name") == "LayoutModel":
        model["state"] = {key: value for key, value in model["state"].items() if value is not None}
    if "buffers" in model:
        model["buffers"] = sorted(model["buffers"], key=lambda buffer: json.dumps(buffer["path"]))


def stable_cell(cell: Json) -> Json:
    """Return a cell without its editors' notes; its streams joined, and nothing stored where it is volatile."""
    cell["metadata"] = {key: value for key, value in cell["metadata"].items() if key not in CELL_NOISE}
    if is_code(cell):
        outputs = [] if is_volatile(cell) else cell.get("outputs", [])
        cell["outputs"] = join_streams([stable_output(output) for output in outputs])
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
    return cell


def stable_output(output: Json) -> Json:
    """Return an output with the keys of the notebook format alone."""
    return {key: output[key] for key in OUTPUT_KEYS[output["output_type"]] if key in output}


def join_streams(outputs: list[Json]) -> list[Json]:
    """Return the outputs with all text of one stream where the first of it stood.

    How a kernel cuts its text into messages is chance, so the cuts must not be stored.
    """
    joined: list[Json] = []
    streams: dict[str, Json] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            joined.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = output
            joined.append(output)
    for stream in streams.values():
        stream["text"] = OVERWRITTEN.sub("", stream["text"])
    return joined


def add_ids(cells: list[Json]) -> None:
    """Give every cell without an id one that depends on its text."""
    taken = {cell["id"] for cell in cells if "id" in cell}
    for cell in cells:
        if "id" not in cell:
            cell["id"] = unique_id(cell, taken)
            taken.add(cell["id"])


def unique_id(cell: Json, taken: Collection[str]) -> str:
    """Return an id for a cell that depends on its text, and is none of those taken."""
    first = hashlib.sha256(f"{cell['cell_type']}\n{cell['source']}".encode()).hexdigest()[:8]
    candidate, attempt = first, 1
    while candidate in taken:
        attempt += 1
        candidate = f"{first}-{attempt}"
    return candidate


def number_code_cells(cells: list[Json]) -> None:
    """Number code cells from one, in order, and their results with them."""
    for count, cell in enumerate(filter(is_code, cells), start=1):
        cell["execution_count"] = count
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = count


def clear_outputs(notebook: Json) -> Json:
    """Return the notebook as before its first execution: no outputs, no counts, no widget models."""
    result = copy.deepcopy(notebook)
    result["metadata"].pop("widgets", None)
    for cell in filter(is_code, result["cells"]):
        cell["outputs"], cell["execution_count"] = [], None
    return result


# Widget models: named in order, and dropped where only a volatile cell made them.


def shown_models(notebook: Json) -> list[str]:
    """Return the ids of the widget models that the outputs show, in order."""
    return list(model_ids([cell["outputs"] for cell in notebook["cells"] if is_code(cell)]))


def reachable_models(first: Iterable[str], models: Json) -> list[str]:
    """Return each id, then the ids that its model refers to, and so on; every id once, unknown ones left out."""
    order: dict[str, None] = {}
    waiting = list(first)[::-1]
    while waiting:
        model_id = waiting.pop()
        if model_id in models and model_id not in order:
            order[model_id] = None
            waiting.extend(list(model_ids(models[model_id]))[::-1])
    return list(order)


def rename_models(notebook: Json) -> Json:
    """Return the notebook with widget models named in the order in which they appear on the page.

    Models that no view reaches, such as the link between two others, follow in the order of their making.
    """
    models = widget_models(notebook)
    order = reachable_models([*shown_models(notebook), *models], models)
    names = {model_id: f"widget-{number:04d}" for number, model_id in enumerate(order, start=1)}
    if not names:
        return notebook
    renamed: Json = rename_references(notebook, names)
    state = renamed["metadata"]["widgets"][WIDGET_STATE]
    state["state"] = {names[model_id]: state["state"][model_id] for model_id in order}
    return renamed


def rename_references(value: Any, names: dict[str, str]) -> Any:
    """Return a copy of a piece of a notebook in which views and references use the new names."""
    if isinstance(value, str) and value.startswith(REFERENCE):
        model_id = value.removeprefix(REFERENCE)
        return REFERENCE + names.get(model_id, model_id)
    if isinstance(value, list):
        return [rename_references(item, names) for item in value]
    if isinstance(value, dict):
        renamed = {key: rename_references(item, names) for key, item in value.items()}
        if WIDGET_VIEW in renamed:
            view = renamed[WIDGET_VIEW]
            renamed[WIDGET_VIEW] = view | {"model_id": names.get(view["model_id"], view["model_id"])}
        return renamed
    return value


def drop_models(notebook: Json, unwanted: Collection[str]) -> Json:
    """Return the notebook without these widget models, except those that something which stays still needs."""
    models = widget_models(notebook)
    wanted = [model_id for model_id in models if model_id not in unwanted]
    kept = set(reachable_models([*shown_models(notebook), *wanted], models))
    result = copy.deepcopy(notebook)
    if models and not kept:
        del result["metadata"]["widgets"]
    for model_id in models.keys() - kept if kept else ():
        del result["metadata"]["widgets"][WIDGET_STATE]["state"][model_id]
    return result
