"""The rules that a committed chapter keeps, as far as reading it shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from IPython.core.inputtransformer2 import TransformerManager
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin
from nbformat.validator import iter_validate

from book.tools.notebooks.compare import PICTURES, excerpts, shorten
from book.tools.notebooks.form import stable
from book.tools.notebooks.notebook import (
    WIDGET_STATE,
    Json,
    cell_name,
    dumps,
    is_code,
    is_volatile,
    model_ids,
    read,
    tags,
    widget_models,
)

PACKAGE = "feedback_lite"

MARKDOWN = MarkdownIt("commonmark").enable("table")
# Markdown as the site reads it, where a rule must see what Colab and JupyterLab would not understand.
MYST = (
    MarkdownIt("commonmark")
    .enable("table")
    .use(colon_fence_plugin)
    .use(dollarmath_plugin)
    .use(myst_block_plugin)
    .use(myst_role_plugin)
)


@dataclass(frozen=True)
class Chapter:
    """A notebook as it is committed."""

    path: Path
    text: str
    notebook: Json

    @classmethod
    def read(cls, path: Path) -> Chapter:
        """Read the chapter at `path`."""
        text, notebook = read(path)
        return cls(path, text, notebook)

    @property
    def cells(self) -> list[Json]:
        """All cells."""
        return list(self.notebook["cells"])

    def code(self) -> Iterator[tuple[str, Json]]:
        """Yield every code cell, with the words that name it."""
        return ((cell_name(index, cell), cell) for index, cell in enumerate(self.cells) if is_code(cell))

    def markdown(self, parser: MarkdownIt = MARKDOWN) -> Iterator[tuple[str, list[Token]]]:
        """Yield every markdown cell as parsed tokens, with the words that name it."""
        for index, cell in enumerate(self.cells):
            if cell["cell_type"] == "markdown":
                yield cell_name(index, cell), parser.parse(cell["source"])


def inline_tokens(tokens: Iterable[Token]) -> Iterator[Token]:
    """Yield all tokens, those within paragraphs included."""
    for token in tokens:
        yield token
        yield from token.children or []


# The file and its cells.


def valid_format(chapter: Chapter) -> Iterator[str]:
    """The notebook is valid, of format 4.5 or newer, and every cell has an id of its own."""
    version = (chapter.notebook.get("nbformat"), chapter.notebook.get("nbformat_minor", 0))
    if version < (4, 5):
        yield f"notebook format {version[0]}.{version[1]}: expected 4.5 or newer"
        return
    errors = iter_validate(chapter.notebook, version=4, version_minor=version[1])  # type: ignore[no-untyped-call]
    for error in errors:
        yield f"not valid: {shorten(error.message, 300)}"
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


def in_stable_form(chapter: Chapter) -> Iterator[str]:
    """The file is in the stable form, to the byte."""
    was, now = chapter.text, dumps(stable(chapter.notebook))
    if was != now:
        old, new = excerpts(was, now)
        yield f"not in the stable form (was {old}, would be {new}): write it with this tool"


# What the tests see of it.


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
    """Return whether the outputs show a widget of ipywidgets itself, whose captured output nbval cannot follow."""
    shown = [models.get(model_id, {}) for model_id in model_ids(cell["outputs"])]
    return any(model.get("model_module", "").startswith("@jupyter-widgets/") for model in shown)


# Outputs and widgets.


def clean_outputs(chapter: Chapter) -> Iterator[str]:
    """No output is an error or a warning, and none tells of the machine it was made on."""
    for where, cell in chapter.code():
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"{where}: its output is an error: {output['ename']}: {output['evalue']}"
            if output["output_type"] == "stream" and output["name"] == "stderr":
                yield f"{where}: it writes to stderr: {shorten(output['text'])}"
        yield from (f"{where}: its output holds {trace}" for trace in machine_traces(cell["outputs"]))
    for name, model in widget_models(chapter.notebook).items():
        data = {key: value for key, value in model["state"].items() if key not in ("_esm", "_css")}
        yield from (f"{name}: its data hold {trace}" for trace in machine_traces(data))


MACHINE_TRACES = {
    "the address of an object": re.compile(r"\bat 0x[0-9a-fA-F]{6,}"),
    "the name of a temporary file": re.compile(r"ipykernel_\d+"),
    "a path of this machine": re.compile(r"site-packages|(?<![\w.])/(?:home|root|tmp|Users|var/folders)/"),
}


def machine_traces(value: Any) -> Iterator[str]:
    """Yield what cannot be the same on another machine in a piece of a notebook, pictures left out."""
    if isinstance(value, str):
        for what, pattern in MACHINE_TRACES.items():
            for match in pattern.finditer(value):
                yield f"{what}: {value[max(0, match.start() - 40) : match.end() + 20]!r}"
    elif isinstance(value, list):
        for item in value:
            yield from machine_traces(item)
    elif isinstance(value, dict):
        for key in sorted(value.keys() - PICTURES):
            yield from machine_traces(value[key])


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
        for model_id in model_ids(cell["outputs"]):
            if model_id not in models:
                yield f"{where}: it shows the widget {model_id}, which is not stored"
    for name, model in models.items():
        yield from (f"{name}: {fault}" for fault in model_faults(model, models))


def model_faults(model: Json, models: Json) -> Iterator[str]:
    """Yield what one stored widget model lacks."""
    missing = sorted(MODEL_KEYS - model.keys())
    if missing:
        yield f"its model lacks {', '.join(missing)}"
    if model.get("model_module") == "anywidget" and not model.get("state", {}).get("_esm"):
        yield "its model lacks _esm, the code that draws it"
    for other in model_ids(model):
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
                yield from (f"{where}: {shorten(img)} needs an alt" for img in silent)


def shows_picture(cell: Json) -> bool:
    """Return whether an output of the cell is a picture."""
    return any(kind.startswith("image/") for output in cell["outputs"] for kind in output.get("data", {}))


def alternative_text(cell: Json) -> str:
    """Return the text that stands for the pictures of a cell; empty where there is none."""
    return str(cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", ""))


# Markdown.

MYST_TOKENS = {
    "colon_fence": "a directive by colons",
    "math_block_label": "a label after $$",
    "myst_block_break": "a block break",
    "myst_line_comment": "a comment",
    "myst_role": "a role",
    "myst_target": "a target such as (name)=",
}
MYST_IN_HTML = re.compile(r"\{[A-Za-z][\w:.+-]*\}`[^`]+`|^\s*(?:`{3,}|~{3,}|:{3,})\s*\{", re.MULTILINE)


def no_raw_myst(chapter: Chapter) -> Iterator[str]:
    """Markdown is CommonMark: Colab and JupyterLab show directives, roles and targets as raw text."""
    for where, tokens in chapter.markdown(MYST):
        for token in inline_tokens(tokens):
            if token.type in MYST_TOKENS:
                written = shorten(" ".join(filter(None, [token.meta.get("name"), token.info, token.content])))
                yield f"{where}: {MYST_TOKENS[token.type]} is not CommonMark: {written}"
            if token.type == "fence" and token.info.strip().startswith("{"):
                yield f"{where}: the directive {token.info.strip()!r} is not CommonMark"
            if token.type == "html_block" and MYST_IN_HTML.search(token.content):
                yield f"{where}: MyST inside HTML: {shorten(token.content)}"


HTML_LINK = re.compile(r"""\b(?:href|src)\s*=\s*["']([^"']*)["']""", re.IGNORECASE)


def links_lead_somewhere(chapter: Chapter) -> Iterator[str]:
    """Every relative link points to a file of this repository."""
    folder = chapter.path.resolve().parent
    for where, tokens in chapter.markdown():
        for target in relative_links(tokens):
            file = (folder / target).resolve()
            if not file.is_relative_to(folder.parent) or not file.exists():
                yield f"{where}: the link to {target} leads to no file of this repository"


def relative_links(tokens: Iterable[Token]) -> Iterator[str]:
    """Yield the files that a piece of markdown points to, without what follows ? and #."""
    for token in inline_tokens(tokens):
        named = [token.attrs.get("href"), token.attrs.get("src")]
        if token.type.startswith("html"):
            named += HTML_LINK.findall(token.content)
        for target in filter(None, named):
            parts = urlsplit(str(target))
            if not parts.scheme and not parts.netloc and parts.path:
                yield unquote(parts.path)


# Code.


def answers_are_folded(chapter: Chapter) -> Iterator[str]:
    """A cell tagged `solution` or `hide-cell` is folded in Colab, in JupyterLab and on the page."""
    for index, cell in enumerate(chapter.cells):
        if {"solution", "hide-cell"}.intersection(tags(cell)):
            yield from (f"{cell_name(index, cell)}: an answer {fault}" for fault in fold_faults(cell))


def fold_faults(cell: Json) -> Iterator[str]:
    """Yield where a cell that should be folded still lies open."""
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


INSTALLS = re.compile(r"\b(?:pip3?|conda|mamba)\b.*\binstall\b", re.DOTALL)
GUARD = re.compile(rf"(?:importlib\.util\.)?find_spec\('{PACKAGE}'\) is None")


def set_up_first(chapter: Chapter) -> Iterator[str]:
    """The first code cell installs the package, only where it is missing, and is folded; no other cell installs."""
    for position, (where, cell) in enumerate(chapter.code()):
        if position == 0:
            yield from (f"{where}: the set-up cell {fault}" for fault in fold_faults(cell))
            yield from (f"{where}: the set-up cell {fault}" for fault in set_up_faults(cell["source"]))
        elif INSTALLS.search(cell["source"]):
            yield f"{where}: only the set-up cell may install"


def set_up_faults(source: str) -> Iterator[str]:
    """Yield what keeps a cell from being a set-up cell that does nothing where the package is there."""
    try:
        statements = ast.parse(to_python(source)).body
    except SyntaxError as error:
        yield f"is not Python: {error}"
        return
    guarded: list[ast.stmt] = []
    unguarded: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.If) and GUARD.fullmatch(ast.unparse(statement.test)):
            guarded += statement.body
            unguarded += statement.orelse
        else:
            unguarded.append(statement)
    if not INSTALLS.search("\n".join(map(ast.unparse, guarded))):
        yield f'must install inside: if importlib.util.find_spec("{PACKAGE}") is None'
    if INSTALLS.search("\n".join(map(ast.unparse, unguarded))):
        yield f"installs also where {PACKAGE} is already there"


def to_python(source: str) -> str:
    """Return the Python that IPython makes of a cell."""
    python: str = TransformerManager().transform_cell(source)  # type: ignore[no-untyped-call]
    return python


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
    in_stable_form,
)


def faults(chapter: Chapter) -> list[str]:
    """Return every break of a rule, each in words."""
    invalid = list(valid_format(chapter))
    if invalid:
        return invalid  # the other rules rely on the format
    return [fault for rule in RULES for fault in rule(chapter)]
