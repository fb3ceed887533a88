"""Execute the chapters, write them in one stable form, and check that what is committed is current.

    python -m book.tools.notebooks write [notebook ...]            execute and write
    python -m book.tools.notebooks check [notebook ...]            execute and compare with the file
    python -m book.tools.notebooks check --static [notebook ...]   read the file only

Without names, every chapter is taken, in order. The exit code is 1 where something is to be mended.

The parts, in this order: reading and writing; the stable form (`stable`, notebook in, notebook out);
execution (`execute`); comparison (`differences`); the rules that need no execution (`RULES`, `faults`).
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import importlib
import json
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ipykernel.kernelspec import get_kernel_dict
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from markdown_it import MarkdownIt
from markdown_it.token import Token
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.output_widget import OutputWidget
from nbformat import NotebookNode
from nbformat.v4 import nbjson
from nbformat.validator import iter_validate
from traitlets import Unicode

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "feedback_lite"

Json = dict[str, Any]

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
REFERENCE = "IPY_MODEL_"
"""What a widget's state writes before the id of another widget."""

PICTURES = frozenset({"image/png", "image/jpeg"})
"""What is not compared: the same drawing gives other bytes on another machine."""

TOLERANCE = 1e-5
"""How far a fraction in the data of a widget may lie from the committed one, relative above one."""

CELL_SECONDS = 600
"""The longest that one cell may take."""

KERNEL_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
"""What a kernel finds in its environment, so that sums are taken in one order and sets are walked in one."""

KERNEL_ENVIRONMENT_DROPPED = ("MPLBACKEND", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONWARNINGS")
"""What a kernel must not inherit: other code on the path, pictures that do not show, other warnings."""


class NotebookError(Exception):
    """A notebook that cannot be read, executed or written; the message names it and says why."""


# Reading and writing ------------------------------------------------------------------------------------


def chapters(root: Path = ROOT) -> list[Path]:
    """Every chapter in order; none at all is an error, since then nothing would be checked."""
    found = sorted((root / "chapters").glob("*.ipynb"))
    if not found:
        raise NotebookError(f"no notebook in {root / 'chapters'}: expected files such as 05-name.ipynb")
    return found


def read(path: Path) -> tuple[str, Json]:
    """The text of a notebook and what it holds, with multi-line strings joined."""
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError) as error:
        raise NotebookError(f"{path}: not a readable notebook: {error}") from error
    if not isinstance(content, dict) or content.get("nbformat") != 4 or "cells" not in content:
        raise NotebookError(f"{path}: expected a notebook of format 4 with cells")
    return text, as_node(content)


def dumps(notebook: Json) -> str:
    """The text of a notebook: keys sorted, indented by one, a newline at the end."""
    text: str = nbjson.writes(as_node(notebook), allow_nan=False)  # type: ignore[no-untyped-call]
    return text + "\n"


def as_node(notebook: Json) -> NotebookNode:
    """A notebook as nbformat and nbclient want it, with multi-line strings joined."""
    node: NotebookNode = nbjson.to_notebook(copy.deepcopy(notebook))  # type: ignore[no-untyped-call]
    return node


def replace(path: Path, text: str) -> bool:
    """Put `text` in place of the file in one step; says whether that changed anything."""
    if path.exists() and path.read_bytes() == text.encode():
        return False
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return True


def warm_up() -> None:
    """Have matplotlib list the fonts once, so that no kernel on a fresh machine prints that it does so."""
    importlib.import_module("matplotlib.font_manager")


def tags(cell: Json) -> list[str]:
    """The tags of a cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def is_code(cell: Json) -> bool:
    """Whether this is a code cell."""
    return bool(cell["cell_type"] == "code")


def is_volatile(cell: Json) -> bool:
    """Whether the outputs of this cell differ from run to run and are not stored."""
    return is_code(cell) and "volatile" in tags(cell)


def place(index: int, cell: Json) -> str:
    """How a message names a cell: its number from the top, counted from one, and its id."""
    return f"cell {index + 1} ({cell.get('id', 'no id')})"


def widget_models(notebook: Json) -> Json:
    """The stored widget models by id; empty where the notebook holds none."""
    stored = notebook.get("metadata", {}).get("widgets", {}).get(WIDGET_STATE, {})
    return dict(stored.get("state", {}))


# The stable form ----------------------------------------------------------------------------------------

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
"""What editors and runners write into a notebook about themselves."""

OUTPUT_KEYS = {
    "stream": ("output_type", "name", "text"),
    "display_data": ("output_type", "data", "metadata"),
    "execute_result": ("output_type", "data", "metadata", "execution_count"),
    "error": ("output_type", "ename", "evalue", "traceback"),
}


def stable(notebook: Json) -> Json:
    """The one form in which an executed notebook is stored; applying it again changes nothing."""
    result = copy.deepcopy(notebook)
    result["nbformat"], result["nbformat_minor"] = 4, 5
    result["metadata"] = stable_metadata(result.get("metadata", {}))
    result["cells"] = with_ids([stable_cell(cell) for cell in result["cells"]])
    number_code_cells(result["cells"])
    return rename_models(result)


def stable_metadata(metadata: Json) -> Json:
    """Metadata of a notebook without its editors' notes, with a fixed kernel and whole widget models."""
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
    """A cell without its editors' notes; its streams joined, and nothing stored where it is volatile."""
    cell["metadata"] = {key: value for key, value in cell["metadata"].items() if key not in CELL_NOISE}
    if is_code(cell):
        outputs = [] if is_volatile(cell) else cell.get("outputs", [])
        cell["outputs"] = join_streams([stable_output(output) for output in outputs])
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
    return cell


def stable_output(output: Json) -> Json:
    """An output with the keys of the notebook format alone."""
    return {key: output[key] for key in OUTPUT_KEYS[output["output_type"]] if key in output}


OVERWRITTEN = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)
"""What a carriage return makes invisible in a terminal."""


def join_streams(outputs: list[Json]) -> list[Json]:
    """Streams of one name as one output, where the first of them stood.

    How a kernel cuts its text into messages is chance, so the cuts must not be stored.
    """
    joined: list[Json] = []
    by_name: dict[str, Json] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            joined.append(output)
        elif output["name"] in by_name:
            by_name[output["name"]]["text"] += output["text"]
        else:
            by_name[output["name"]] = output
            joined.append(output)
    for stream in by_name.values():
        stream["text"] = OVERWRITTEN.sub("", stream["text"])
    return joined


def with_ids(cells: list[Json]) -> list[Json]:
    """Cells that each have an id: their own, or one made from what they say."""
    taken = {cell["id"] for cell in cells if "id" in cell}
    for cell in cells:
        if "id" not in cell:
            cell["id"] = free_id(cell, taken)
            taken.add(cell["id"])
    return cells


def free_id(cell: Json, taken: Collection[str]) -> str:
    """An id for a cell that depends on its text, and is none of those taken."""
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


def mentioned_models(value: Any) -> Iterator[str]:
    """The ids of the widget models that a piece of a notebook shows or refers to, in order."""
    if isinstance(value, str) and value.startswith(REFERENCE):
        yield value.removeprefix(REFERENCE)
    elif isinstance(value, list):
        for item in value:
            yield from mentioned_models(item)
    elif isinstance(value, dict):
        for key in sorted(value):
            if key == WIDGET_VIEW:
                yield value[key]["model_id"]
            else:
                yield from mentioned_models(value[key])


def shown_models(notebook: Json) -> list[str]:
    """The ids of the widget models that the outputs show, in order."""
    return list(mentioned_models([cell["outputs"] for cell in notebook["cells"] if is_code(cell)]))


def with_mentioned(first: Iterable[str], models: Json) -> list[str]:
    """Each id, then the ids that its model refers to, and so on; every id once, unknown ones left out."""
    order: dict[str, None] = {}
    waiting = list(first)[::-1]
    while waiting:
        model_id = waiting.pop()
        if model_id in models and model_id not in order:
            order[model_id] = None
            waiting.extend(list(mentioned_models(models[model_id]))[::-1])
    return list(order)


def rename_models(notebook: Json) -> Json:
    """The notebook with widget models named in the order in which they appear on the page.

    Models that no view reaches, such as the link between two others, follow in the order of their making.
    """
    models = widget_models(notebook)
    order = with_mentioned([*shown_models(notebook), *models], models)
    names = {model_id: f"widget-{number:04d}" for number, model_id in enumerate(order, start=1)}
    if not names:
        return notebook
    renamed: Json = renamed_references(notebook, names)
    state = renamed["metadata"]["widgets"][WIDGET_STATE]
    state["state"] = {names[model_id]: state["state"][model_id] for model_id in order}
    return renamed


def renamed_references(value: Any, names: dict[str, str]) -> Any:
    """A copy of a piece of a notebook in which views and references use the new names."""
    if isinstance(value, str) and value.startswith(REFERENCE):
        model_id = value.removeprefix(REFERENCE)
        return REFERENCE + names.get(model_id, model_id)
    if isinstance(value, list):
        return [renamed_references(item, names) for item in value]
    if isinstance(value, dict):
        renamed = {key: renamed_references(item, names) for key, item in value.items()}
        if WIDGET_VIEW in renamed:
            view = renamed[WIDGET_VIEW]
            renamed[WIDGET_VIEW] = view | {"model_id": names.get(view["model_id"], view["model_id"])}
        return renamed
    return value


def without_models(notebook: Json, unwanted: Collection[str]) -> Json:
    """The notebook without these widget models, except those that something which stays still needs."""
    models = widget_models(notebook)
    wanted = [model_id for model_id in models if model_id not in unwanted]
    kept = set(with_mentioned([*shown_models(notebook), *wanted], models))
    result = copy.deepcopy(notebook)
    if models and not kept:
        del result["metadata"]["widgets"]
    for model_id in models.keys() - kept if kept else ():
        del result["metadata"]["widgets"][WIDGET_STATE]["state"][model_id]
    return result


# Execution ----------------------------------------------------------------------------------------------


class _GivenPython(KernelSpecManager):
    """Knows one kernel, that of the given interpreter, whatever else is registered on the machine."""

    python = Unicode()

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernel of `self.python`, under any name."""
        spec = get_kernel_dict()
        return KernelSpec(**spec | {"argv": [self.python, *spec["argv"][1:]]})


class _CapturedOutput(OutputWidget):
    """What an Output widget shows, kept for the notebook and not sent back to the kernel.

    nbclient sends it back while it waits for the kernel's reply on the same socket; sending can swallow the
    signal that the reply has come, and then the run stands still until the cell's time is over.
    """

    def sync_state(self) -> None:
        """Keep the outputs here."""


@dataclass
class _Watch:
    """Where a run stands, for messages, and which widget models its volatile cells made."""

    index: int | None = None
    volatile_models: set[str] = field(default_factory=set)
    models_before: set[str] = field(default_factory=set)


def execute(path: Path, *, python: str = sys.executable, folder: Path | None = None) -> Json:
    """Execute the notebook at `path` and return it in its stable form; the file stays as it is.

    `python` is the interpreter of the kernel. `folder` is where the kernel runs; by default a fresh, empty
    one, so that the code sees what is installed and nothing else. An error in a cell, a dead kernel, or an
    output that could not be the same elsewhere raises `NotebookError`.
    """
    _, notebook = read(path)
    with tempfile.TemporaryDirectory(prefix="chapter-") as scratch:
        empty = Path(scratch) / "empty"
        empty.mkdir()
        executed = run(blank(notebook), path.name, python, folder or empty, Path(scratch))
    result = stable(executed)
    traces = list(traces_of_the_machine(result))
    if traces:
        raise NotebookError("\n".join(f"{path.name}: {trace}" for trace in traces))
    return result


def kernel_environment(scratch: Path) -> dict[str, str]:
    """The environment of a kernel: this one's, one thread, fixed hashes, none of the user's start-up code."""
    inherited = {key: value for key, value in os.environ.items() if key not in KERNEL_ENVIRONMENT_DROPPED}
    return inherited | KERNEL_ENVIRONMENT | {"IPYTHONDIR": str(scratch / "ipython")}


def blank(notebook: Json) -> Json:
    """The notebook as before its first execution: no outputs, no counts, no widget models."""
    result = copy.deepcopy(notebook)
    result["metadata"].pop("widgets", None)
    for cell in filter(is_code, result["cells"]):
        cell["outputs"], cell["execution_count"] = [], None
    return result


def run(notebook: Json, name: str, python: str, folder: Path, scratch: Path) -> Json:
    """Execute every cell in a kernel of its own; what volatile cells left is not in what comes back."""
    watch = _Watch()
    client = new_client(notebook, python, scratch, watch)
    try:
        executed: Json = client.execute(cleanup_kc=True, cwd=str(folder), env=kernel_environment(scratch))
    except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
        where = "the kernel" if watch.index is None else place(watch.index, notebook["cells"][watch.index])
        raise NotebookError(f"{name}: {where}: {why(error)}") from error
    for cell in filter(is_volatile, executed["cells"]):
        cell["outputs"] = []
    return without_models(executed, watch.volatile_models)


def new_client(notebook: Json, python: str, scratch: Path, watch: _Watch) -> NotebookClient:
    """What executes a notebook with the given interpreter and keeps `watch` up to date."""

    def before(cell: Json, cell_index: int) -> None:
        watch.index = cell_index
        watch.models_before = set(client.widget_state)

    def after(cell: Json, cell_index: int, execute_reply: Json) -> None:
        if is_volatile(cell):
            watch.volatile_models |= client.widget_state.keys() - watch.models_before

    client = NotebookClient(
        as_node(notebook),
        km=AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=_GivenPython(python=python),
            connection_file=str(scratch / "kernel.json"),
            transport="tcp" if os.name == "nt" else "ipc",  # two kernels at once never race for a port
        ),
        timeout=CELL_SECONDS,
        startup_timeout=120,
        iopub_timeout=60,
        raise_on_iopub_timeout=True,
        force_raise_errors=True,
        shutdown_kernel="immediate",
        record_timing=False,
        on_cell_start=before,
        on_cell_executed=after,
    )
    client.widget_registry = {"@jupyter-widgets/output": {"OutputModel": _CapturedOutput}}
    return client


COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def why(error: Exception) -> str:
    """What went wrong in a cell, in plain text."""
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}\n{COLOUR.sub('', error.traceback)}"
    return f"{type(error).__name__}: {error}"


TRACES = {
    "the address of an object": re.compile(r"\bat 0x[0-9a-fA-F]{6,}"),
    "the name of a temporary file": re.compile(r"ipykernel_\d+"),
    "a path of this machine": re.compile(r"site-packages|(?<![\w.])/(?:home|root|tmp|Users|var/folders)/"),
}


def traces_of_the_machine(notebook: Json) -> Iterator[str]:
    """Everything in outputs and widget data that cannot be the same on another run or machine."""
    for index, cell in enumerate(notebook["cells"]):
        for text in texts(cell.get("outputs", [])):
            yield from (f"{place(index, cell)}: {trace}" for trace in traces(text))
    for name, model in widget_models(notebook).items():
        own = {key: value for key, value in model["state"].items() if key not in ("_esm", "_css")}
        for text in texts(own):
            yield from (f"{name}: {trace}" for trace in traces(text))


def traces(text: str) -> Iterator[str]:
    """What a text says about the machine it was made on."""
    for what, pattern in TRACES.items():
        for match in pattern.finditer(text):
            around = text[max(0, match.start() - 40) : match.end() + 20]
            yield f"its output holds {what}: {around!r}"


def texts(value: Any) -> Iterator[str]:
    """Every string in a piece of a notebook, pictures left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for key in sorted(value):
            if key not in PICTURES:
                yield from texts(value[key])


# Comparison ---------------------------------------------------------------------------------------------


def differences(was: Json, now: Json) -> list[str]:
    """What differs between the committed notebook and a fresh execution of it, each in words.

    Text, ids and order must be equal, fractions in data to `TOLERANCE`; pictures need only be there.
    """
    return [*cell_differences(was["cells"], now["cells"]), *metadata_differences(was, now)]


def cell_differences(was: list[Json], now: list[Json]) -> Iterator[str]:
    """What differs in the cells and their outputs."""
    if len(was) != len(now):
        yield f"number of cells: was {len(was)}, is {len(now)}"
        return
    for index, (old, new) in enumerate(zip(was, now, strict=True)):
        where = place(index, old)
        yield from compare(where, without(old, "outputs"), without(new, "outputs"))
        yield from compare(f"{where}, outputs", old.get("outputs", []), new.get("outputs", []))


def metadata_differences(was: Json, now: Json) -> Iterator[str]:
    """What differs in the metadata of the notebook and in its widget models."""
    old, new = was["metadata"], now["metadata"]
    yield from compare("metadata", without(old, "widgets"), without(new, "widgets"))
    old_widgets = old.get("widgets", {}).get(WIDGET_STATE, {})
    new_widgets = new.get("widgets", {}).get(WIDGET_STATE, {})
    yield from compare("widget state", without(old_widgets, "state"), without(new_widgets, "state"))
    yield from compare("widgets", widget_models(was), widget_models(now))


def without(mapping: Json, key: str) -> Json:
    """A mapping less one key."""
    return {name: value for name, value in mapping.items() if name != key}


def compare(where: str, was: Any, now: Any) -> Iterator[str]:
    """What differs between two pieces of notebooks; `where` names the piece."""
    if isinstance(was, dict) and isinstance(now, dict):
        yield from compare_mappings(where, was, now)
    elif isinstance(was, list) and isinstance(now, list):
        yield from compare_lists(where, was, now)
    elif not same_value(was, now):
        old, new = excerpts(was, now)
        yield f"{where}: was {old}, is {new}"


def compare_mappings(where: str, was: Json, now: Json) -> Iterator[str]:
    """What differs between two mappings, key by key."""
    for key in sorted(was.keys() | now.keys()):
        inner = f"{where}.{key}"
        if key not in now:
            yield f"{inner}: was {short(was[key])}, is gone"
        elif key not in was:
            yield f"{inner}: was not there, is {short(now[key])}"
        elif key not in PICTURES:
            yield from compare(inner, was[key], now[key])


def compare_lists(where: str, was: list[Any], now: list[Any]) -> Iterator[str]:
    """What differs between two lists, item by item; lists of other lengths are told whole."""
    if len(was) != len(now):
        yield f"{where}: was {len(was)} long, {short(was)}; is {len(now)} long, {short(now)}"
        return
    for index, (old, new) in enumerate(zip(was, now, strict=True)):
        yield from compare(f"{where}[{index}]", old, new)


def same_value(was: Any, now: Any) -> bool:
    """Whether two values count as the same: fractions to `TOLERANCE`, all else exactly."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (was, now))
    if numbers and (isinstance(was, float) or isinstance(now, float)):
        return math.isclose(was, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(was == now) and isinstance(was, bool) == isinstance(now, bool)


def short(value: Any, length: int = 120) -> str:
    """A value as a message shows it."""
    text = repr(value)
    return text if len(text) <= length else text[: length - 4] + " ..."


def excerpts(was: Any, now: Any) -> tuple[str, str]:
    """Both values as a message shows them; of long texts, the part where they begin to differ."""
    if not (isinstance(was, str) and isinstance(now, str)):
        return short(was), short(now)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(was, now, strict=False)))
    start = max(0, alike - 40)
    lead = "... " if start else ""
    return lead + short(was[start:]), lead + short(now[start:])


# Rules that need no execution ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Chapter:
    """A notebook as it is committed."""

    path: Path
    text: str
    notebook: Json

    @classmethod
    def at(cls, path: Path) -> Chapter:
        """Read the chapter at `path`."""
        text, notebook = read(path)
        return cls(path, text, notebook)

    @property
    def cells(self) -> list[Json]:
        """All cells."""
        return list(self.notebook["cells"])

    def code(self) -> Iterator[tuple[str, Json]]:
        """Every code cell, with the words that name it."""
        return ((place(index, cell), cell) for index, cell in enumerate(self.cells) if is_code(cell))

    def markdown(self) -> Iterator[tuple[str, list[Token]]]:
        """Every markdown cell as parsed tokens, with the words that name it."""
        for index, cell in enumerate(self.cells):
            if cell["cell_type"] == "markdown":
                yield place(index, cell), MARKDOWN.parse(cell["source"])


MARKDOWN = MarkdownIt("commonmark").enable("table")


def valid_format(chapter: Chapter) -> Iterator[str]:
    """The notebook is valid, of format 4.5 or newer, and every cell has an id of its own."""
    version = (chapter.notebook.get("nbformat"), chapter.notebook.get("nbformat_minor", 0))
    if version < (4, 5):
        yield f"notebook format {version[0]}.{version[1]}: expected 4.5 or newer"
        return
    errors = iter_validate(chapter.notebook, version=4, version_minor=version[1])  # type: ignore[no-untyped-call]
    for error in errors:
        yield f"not valid: {short(error.message, 300)}"
    ids = [cell.get("id") for cell in chapter.cells]
    for repeated in sorted({str(name) for name in ids if name is not None and ids.count(name) > 1}):
        yield f"the cell id {repeated!r} is used more than once"


def executed_in_order(chapter: Chapter) -> Iterator[str]:
    """Every code cell was executed, from top to bottom, in a fresh kernel."""
    for expected, (where, cell) in enumerate(chapter.code(), start=1):
        count = cell.get("execution_count")
        if count != expected:
            yield f"{where}: execution count {count}, expected {expected}: execute the whole notebook again"


def no_empty_code(chapter: Chapter) -> Iterator[str]:
    """No code cell is empty."""
    for where, cell in chapter.code():
        if not cell["source"].strip():
            yield f"{where}: an empty code cell"


def no_semicolon_at_the_end(chapter: Chapter) -> Iterator[str]:
    """No cell hides its last value by a semicolon: that works in a notebook and not under nbval."""
    for where, cell in chapter.code():
        if cell["source"].rstrip().endswith(";"):
            yield f"{where}: a semicolon at the end does not hide the value under nbval: assign it to _"


def volatile_cells_store_nothing(chapter: Chapter) -> Iterator[str]:
    """A volatile cell stores no output, and nbval, which knows only tags of its own, ignores it too."""
    for where, cell in chapter.code():
        if is_volatile(cell) and cell["outputs"]:
            yield f"{where}: tagged volatile, so its outputs must not be stored"
        if is_volatile(cell) and "nbval-ignore-output" not in tags(cell):
            yield f"{where}: tagged volatile, so it also needs the tag nbval-ignore-output"


FORBIDDEN_TAGS = ("nbval-skip", "nbval-raises-exception", "raises-exception")
NBVAL_COMMENT = re.compile(r"^\s*#+\s*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)\s*$", re.MULTILINE)


def nothing_escapes_the_tests(chapter: Chapter) -> Iterator[str]:
    """Outputs are ignored only where volatile or made by a classic widget, and no cell may fail."""
    models = widget_models(chapter.notebook)
    for where, cell in chapter.code():
        for tag in set(tags(cell)).intersection(FORBIDDEN_TAGS):
            yield f"{where}: the tag {tag} takes the cell out of the tests: catch and print an expected error"
        for comment in NBVAL_COMMENT.findall(cell["source"]):
            yield f"{where}: the comment {comment} is shown to readers: use a tag"
        if "nbval-ignore-output" in tags(cell) and not is_volatile(cell) and not shows_classic(cell, models):
            yield f"{where}: nbval-ignore-output without being volatile or showing a classic widget"


def shows_classic(cell: Json, models: Json) -> bool:
    """Whether the outputs show a widget of ipywidgets itself, whose captured output nbval cannot follow."""
    shown = [models.get(model_id, {}) for model_id in mentioned_models(cell["outputs"])]
    return any(model.get("model_module", "").startswith("@jupyter-widgets/") for model in shown)


def clean_outputs(chapter: Chapter) -> Iterator[str]:
    """No output is an error, a warning, or tells of the machine it was made on."""
    for where, cell in chapter.code():
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"{where}: its output is an error: {output['ename']}: {output['evalue']}"
            if output["output_type"] == "stream" and output["name"] == "stderr":
                yield f"{where}: it writes to stderr: {short(output['text'])}"
    yield from traces_of_the_machine(chapter.notebook)


ROLE = re.compile(r"\{[A-Za-z][\w:.+-]*\}`[^`]+`")
ROLE_NAME = re.compile(r"\{[A-Za-z][\w:.+-]*\}$")
DIRECTIVE = re.compile(r"^\s*(?:`{3,}|~{3,}|:{3,})\s*\{", re.MULTILINE)
COLON_FENCE = re.compile(r"^\s*:{3,}", re.MULTILINE)
TARGET = re.compile(r"^\s*\([\w:. -]+\)=\s*$", re.MULTILINE)
LABELLED_MATH = re.compile(r"\$\$\s*\([\w:. -]+\)\s*$", re.MULTILINE)


def no_raw_myst(chapter: Chapter) -> Iterator[str]:
    """Markdown is CommonMark: Colab and JupyterLab show directives, roles and targets as raw text."""
    for where, tokens in chapter.markdown():
        for token in tokens:
            yield from (f"{where}: {what}" for what in myst_in(token))


def myst_in(token: Token) -> Iterator[str]:
    """The MyST syntax in one block of markdown."""
    if token.type == "fence" and token.info.strip().startswith("{"):
        yield f"the directive {token.info.strip()!r} is not CommonMark"
    if token.type == "html_block" and (ROLE.search(token.content) or DIRECTIVE.search(token.content)):
        yield f"MyST inside HTML: {short(token.content)}"
    if token.type != "inline":
        return
    if COLON_FENCE.search(token.content):
        yield f"a directive by colons is not CommonMark: {short(token.content)}"
    if TARGET.search(token.content):
        yield f"a target such as (name)= is not CommonMark: {short(token.content)}"
    if LABELLED_MATH.search(token.content):
        yield f"a label after $$ is not CommonMark: {short(token.content)}"
    children = token.children or []
    for before, code in pairwise(children):
        name = ROLE_NAME.search(before.content) if before.type == "text" else None
        if name and code.type == "code_inline":
            yield f"the role {name.group()}`{code.content}` is not CommonMark"


MODEL_KEYS = frozenset({"model_name", "model_module", "model_module_version", "state"})


def whole_widget_state(chapter: Chapter) -> Iterator[str]:
    """Every widget that an output shows can be drawn without a kernel: all it refers to is stored.

    Half a state is worse than none: GitHub refuses such a notebook.
    """
    widgets = chapter.notebook["metadata"].get("widgets")
    if widgets is not None and (
        set(widgets) != {WIDGET_STATE}
        or set(widgets[WIDGET_STATE]) != {"state", "version_major", "version_minor"}
        or widgets[WIDGET_STATE]["version_major"] != 2
    ):
        yield f"the stored widget state needs {WIDGET_STATE} with state, version_major 2 and version_minor"
    models = widget_models(chapter.notebook)
    for where, cell in chapter.code():
        for model_id in mentioned_models(cell["outputs"]):
            if model_id not in models:
                yield f"{where}: it shows the widget {model_id}, which is not stored"
    for name, model in models.items():
        yield from (f"{name}: {fault}" for fault in model_faults(model, models))


def model_faults(model: Json, models: Json) -> Iterator[str]:
    """What one stored widget model lacks."""
    missing = sorted(MODEL_KEYS - model.keys())
    if missing:
        yield f"its model lacks {', '.join(missing)}"
    if model.get("model_module") == "anywidget" and not model.get("state", {}).get("_esm"):
        yield "its model lacks _esm, the code that draws it"
    for other in mentioned_models(model):
        if other not in models:
            yield f"it refers to the widget {other}, which is not stored"


IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
IMG_ALT = re.compile(r"""\balt\s*=\s*(?:"[^"]*[^"\s][^"]*"|'[^']*[^'\s][^']*')""", re.IGNORECASE)


def pictures_have_words(chapter: Chapter) -> Iterator[str]:
    """Every picture, drawn by code or set in markdown, has an alternative text."""
    for where, cell in chapter.code():
        if shows_picture(cell) and not alternative_text(cell).strip():
            yield f"{where}: its picture needs a text: the metadata mystnb.image.alt of the cell"
    for where, tokens in chapter.markdown():
        for token in inline_tokens(tokens):
            if token.type == "image" and not token.content.strip():
                yield f"{where}: the picture {token.attrs.get('src')} needs a text between its brackets"
            if token.type.startswith("html"):
                silent = [img for img in IMG.findall(token.content) if not IMG_ALT.search(img)]
                yield from (f"{where}: {short(img)} needs an alt" for img in silent)


def shows_picture(cell: Json) -> bool:
    """Whether an output of the cell is a picture."""
    return any(kind.startswith("image/") for output in cell["outputs"] for kind in output.get("data", {}))


def alternative_text(cell: Json) -> str:
    """The text that stands for the pictures of a cell; empty where there is none."""
    return str(cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", ""))


def inline_tokens(tokens: Iterable[Token]) -> Iterator[Token]:
    """All tokens, those within paragraphs included."""
    for token in tokens:
        yield token
        yield from token.children or []


def answers_are_folded(chapter: Chapter) -> Iterator[str]:
    """A cell tagged `solution` or `hide-cell` is folded in Colab, in JupyterLab and on the page."""
    for index, cell in enumerate(chapter.cells):
        if {"solution", "hide-cell"}.intersection(tags(cell)):
            yield from (f"{place(index, cell)}: an answer {fault}" for fault in fold_faults(cell))


def fold_faults(cell: Json) -> Iterator[str]:
    """Where an answer still lies open."""
    metadata = cell["metadata"]
    if not is_code(cell):
        yield "must be a code cell, so that the tests run it"
    if metadata.get("cellView") != "form":
        yield "lies open in Colab: its metadata needs cellView: form"
    if metadata.get("jupyter", {}).get("source_hidden") is not True:
        yield "lies open in JupyterLab: its metadata needs jupyter.source_hidden: true"
    if "hide-cell" in tags(cell) and metadata.get("jupyter", {}).get("outputs_hidden") is not True:
        yield "shows its output in JupyterLab: its metadata needs jupyter.outputs_hidden: true"
    if not {"hide-input", "hide-cell"}.intersection(tags(cell)):
        yield "lies open on the page: it needs the tag hide-input or hide-cell"


HTML_LINK = re.compile(r"""\b(?:href|src)\s*=\s*["']([^"']*)["']""", re.IGNORECASE)


def links_lead_somewhere(chapter: Chapter) -> Iterator[str]:
    """Every relative link points to a file of this repository."""
    root = chapter.path.resolve().parent.parent
    for where, tokens in chapter.markdown():
        for target in relative_links(tokens):
            file = (chapter.path.resolve().parent / target).resolve()
            if not file.is_relative_to(root) or not file.exists():
                yield f"{where}: the link to {target} leads to no file of this repository"


def relative_links(tokens: Iterable[Token]) -> Iterator[str]:
    """The files that a piece of markdown points to, without what follows ? and #."""
    for token in inline_tokens(tokens):
        named = [token.attrs.get("href"), token.attrs.get("src")]
        if token.type.startswith("html"):
            named += HTML_LINK.findall(token.content)
        for target in filter(None, named):
            parts = urlsplit(str(target))
            if not parts.scheme and not parts.netloc and parts.path:
                yield unquote(parts.path)


INSTALLS = re.compile(r"\b(?:pip3?|conda|mamba)\b.*\binstall\b", re.DOTALL)
GUARD = re.compile(rf"(?:importlib\.util\.)?find_spec\('{PACKAGE}'\) is None")


def set_up_first(chapter: Chapter) -> Iterator[str]:
    """The first code cell installs the package, only where it is missing, and no other cell installs."""
    for position, (where, cell) in enumerate(chapter.code()):
        if position == 0:
            yield from (f"{where}: the set-up cell {fault}" for fault in set_up_faults(cell["source"]))
        elif INSTALLS.search(cell["source"]):
            yield f"{where}: only the set-up cell may install"


def set_up_faults(source: str) -> Iterator[str]:
    """What keeps a cell from being a set-up cell that does nothing where the package is there."""
    try:
        statements = ast.parse(without_magics(source)).body
    except SyntaxError as error:
        yield f"is not Python: {error}"
        return
    guarded: list[ast.stmt] = []
    open_to_all: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.If) and GUARD.fullmatch(ast.unparse(statement.test)):
            guarded += statement.body
            open_to_all += statement.orelse
        else:
            open_to_all.append(statement)
    if not INSTALLS.search(plain(guarded)):
        yield f'must install inside: if importlib.util.find_spec("{PACKAGE}") is None'
    if INSTALLS.search(plain(open_to_all)):
        yield f"installs also where {PACKAGE} is already there"


def without_magics(source: str) -> str:
    """The Python that IPython makes of a cell."""
    python: str = TransformerManager().transform_cell(source)  # type: ignore[no-untyped-call]
    return python


def plain(statements: list[ast.stmt]) -> str:
    """The source of some statements, in one spelling."""
    return "\n".join(ast.unparse(statement) for statement in statements)


def written_by_this_tool(chapter: Chapter) -> Iterator[str]:
    """The file is in the stable form, to the byte."""
    was, now = chapter.text, dumps(stable(chapter.notebook))
    if was != now:
        old, new = excerpts(was, now)
        yield f"not in the stable form (was {old}, would be {new}): write it with this tool"


RULES: tuple[Callable[[Chapter], Iterable[str]], ...] = (
    valid_format,
    executed_in_order,
    no_empty_code,
    no_semicolon_at_the_end,
    volatile_cells_store_nothing,
    nothing_escapes_the_tests,
    clean_outputs,
    no_raw_myst,
    whole_widget_state,
    pictures_have_words,
    answers_are_folded,
    links_lead_somewhere,
    set_up_first,
    written_by_this_tool,
)


def faults(chapter: Chapter) -> list[str]:
    """Every break of a rule that can be seen without executing, each in words."""
    invalid = list(valid_format(chapter))
    if invalid:
        return invalid  # the other rules rely on the format
    return [fault for rule in RULES for fault in rule(chapter)]


# The command line ---------------------------------------------------------------------------------------


def write_one(path: Path) -> list[str]:
    """Execute one notebook and write it; returns what remains to be mended by hand."""
    text = dumps(execute(path))
    changed = replace(path, text)
    print("written" if changed else "unchanged", end=", ", flush=True)
    return faults(Chapter.at(path))


def check_one(path: Path) -> list[str]:
    """Everything that is wrong with one committed notebook."""
    chapter = Chapter.at(path)
    return faults(chapter) or differences(chapter.notebook, execute(path))


def check_one_unexecuted(path: Path) -> list[str]:
    """What is wrong with one committed notebook, as far as reading it shows."""
    return faults(Chapter.at(path))


def arguments(words: list[str] | None) -> argparse.Namespace:
    """The parsed command line."""
    summary = "Execute the chapters and check that what is committed is what their code gives."
    parser = argparse.ArgumentParser(prog="python -m book.tools.notebooks", description=summary)
    commands = parser.add_subparsers(dest="command", required=True)
    write = commands.add_parser("write", help="execute and write in the stable form")
    check = commands.add_parser("check", help="compare what is committed with a fresh execution")
    check.add_argument("--static", action="store_true", help="read only, execute nothing")
    write.set_defaults(static=False)
    for command in (write, check):
        command.add_argument("notebooks", nargs="*", type=Path, help="default: every chapter")
    return parser.parse_args(words)


def found_in(path: Path, action: Callable[[Path], list[str]]) -> list[str]:
    """What `action` finds in one notebook, printed as it comes; an error counts as a finding."""
    print(f"{path.name}: ", end="", flush=True)
    start = time.monotonic()
    try:
        found = action(path)
    except NotebookError as error:
        found = [str(error)]
    print(f"{f'{len(found)} to mend' if found else 'good'} ({time.monotonic() - start:.0f} s)")
    for fault in found:
        print(f"  {fault}")
    return found


def main(words: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = arguments(words)
    actions = {"write": write_one, "check": check_one, "static": check_one_unexecuted}
    action = actions["static" if options.static else options.command]
    try:
        paths = options.notebooks or chapters()
    except NotebookError as error:
        print(error, file=sys.stderr)
        return 1
    if not options.static:
        warm_up()
    return int(any([found_in(path, action) for path in paths]))


if __name__ == "__main__":
    sys.exit(main())
