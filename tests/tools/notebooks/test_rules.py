"""Every rule about committed notebooks lets a good one pass and can fail: one broken notebook for each way."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from book.tools.notebooks import rules
from book.tools.notebooks.notebook import WIDGET_STATE, Json
from book.tools.notebooks.rules import Chapter
from tests.notebooks.building import chapter, good, result, stream, view

TITLE, SET_UP, VALUE, PICTURE, FIGURE, INTERACT, VOLATILE, SOLUTION = range(8)


def test_a_good_notebook_keeps_every_rule(tmp_path: Path) -> None:
    assert rules.faults(chapter(good(), tmp_path)) == []


def says(text: str) -> Callable[[Json], None]:
    def change(notebook: Json) -> None:
        notebook["cells"][TITLE]["source"] = text

    return change


def cell(index: int, **values: Any) -> Callable[[Json], None]:
    def change(notebook: Json) -> None:
        notebook["cells"][index].update(values)

    return change


def metadata(index: int, **values: Any) -> Callable[[Json], None]:
    def change(notebook: Json) -> None:
        notebook["cells"][index]["metadata"].update(values)

    return change


def outputs(index: int, *values: Json) -> Callable[[Json], None]:
    return cell(index, outputs=list(values))


def widgets(change_state: Callable[[Json], Any]) -> Callable[[Json], None]:
    def change(notebook: Json) -> None:
        change_state(notebook["metadata"]["widgets"][WIDGET_STATE])

    return change


def set_up(source: str) -> Callable[[Json], None]:
    return cell(SET_UP, source=source)


def removed(index: int) -> Callable[[Json], None]:
    def change(notebook: Json) -> None:
        del notebook["cells"][index]

    return change


def swapped(notebook: Json) -> None:
    notebook["cells"][VALUE], notebook["cells"][PICTURE] = notebook["cells"][PICTURE], notebook["cells"][VALUE]


def same_id(notebook: Json) -> None:
    notebook["cells"][VALUE]["id"] = notebook["cells"][PICTURE]["id"]


def no_id(notebook: Json) -> None:
    del notebook["cells"][VALUE]["id"]


def older_format(notebook: Json) -> None:
    notebook["nbformat_minor"] = 4
    for each in notebook["cells"]:
        del each["id"]


ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
GUARD = 'if importlib.util.find_spec("feedback_lite") is None:\n    '

Rule = Callable[[Chapter], Iterable[str]]

BROKEN: list[tuple[Rule, Callable[[Json], Any], str]] = [
    (rules.valid_format, older_format, "4.4: expected 4.5"),
    (rules.valid_format, no_id, "'id' is a required property"),
    (rules.valid_format, same_id, "used more than once"),
    (rules.valid_format, cell(VALUE, source=3), "not valid"),
    (rules.executed_in_order, cell(VALUE, execution_count=None), "count None, expected 2"),
    (rules.executed_in_order, cell(VALUE, execution_count=7), "count 7, expected 2"),
    (rules.executed_in_order, swapped, "count 3, expected 2"),
    (rules.executed_in_order, removed(VALUE), "count 3, expected 2"),
    (rules.no_empty_code, cell(VALUE, source=" \n"), "empty"),
    (rules.no_semicolon_at_the_end, cell(VALUE, source="draw();\n"), "semicolon"),
    (rules.volatile_cells_store_nothing, outputs(VOLATILE, stream("loss 0.3")), "must not be stored"),
    (rules.volatile_cells_store_nothing, metadata(VOLATILE, tags=["volatile"]), "nbval-ignore-output"),
    (rules.nothing_escapes_the_tests, metadata(VALUE, tags=["nbval-skip"]), "nbval-skip"),
    (rules.nothing_escapes_the_tests, metadata(VALUE, tags=["raises-exception"]), "raises-exception"),
    (rules.nothing_escapes_the_tests, metadata(VALUE, tags=["nbval-ignore-output"]), "without being volatile"),
    (rules.nothing_escapes_the_tests, metadata(FIGURE, tags=["nbval-ignore-output"]), "without being volatile"),
    (rules.nothing_escapes_the_tests, cell(VALUE, source="# NBVAL_SKIP\n1"), "NBVAL_SKIP"),
    (rules.clean_outputs, outputs(VALUE, ERROR), "ValueError: no"),
    (rules.clean_outputs, outputs(VALUE, stream("careful", "stderr")), "stderr"),
    (rules.clean_outputs, outputs(VALUE, result(text="<f at 0x7f3a5c0e>")), "address"),
    (rules.clean_outputs, outputs(VALUE, stream("/home/ada/book.py")), "path of this machine"),
    (
        rules.clean_outputs,
        widgets(lambda w: w["state"]["widget-0001"]["state"].update(a="<f at 0x7f3a5c0e>")),
        "address",
    ),
    (rules.no_raw_myst, says("```{note}\nread\n```"), "{note}"),
    (rules.no_raw_myst, says("~~~ {note}\nread\n~~~"), "{note}"),
    (rules.no_raw_myst, says("text\n\n:::{tip}\nread\n:::"), "by colons"),
    (rules.no_raw_myst, says("see {cite}`fan2021`"), "a role is not CommonMark: 'cite fan2021'"),
    (rules.no_raw_myst, says("- see {ref}`a <b>`"), "a role is not CommonMark: 'ref a <b>'"),
    (rules.no_raw_myst, says("(here)=\n# Title"), "(name)="),
    (rules.no_raw_myst, says("% a note"), "a comment"),
    (rules.no_raw_myst, says("+++\nnext"), "a block break"),
    (rules.no_raw_myst, says("$$\nx\n$$ (sum)"), "label after $$"),
    (rules.no_raw_myst, says("<details>\n{ref}`a`\n</details>"), "inside HTML"),
    (rules.whole_widget_state, outputs(FIGURE, view("lost")), "widget lost, which is not stored"),
    (rules.whole_widget_state, lambda n: n["metadata"].pop("widgets"), "which is not stored"),
    (rules.whole_widget_state, widgets(lambda w: w.pop("state")), "needs"),
    (rules.whole_widget_state, widgets(lambda w: w.pop("version_minor")), "needs"),
    (rules.whole_widget_state, widgets(lambda w: w["state"].pop("widget-0002")), "refers to the widget widget-0002"),
    (rules.whole_widget_state, widgets(lambda w: w["state"]["widget-0001"].pop("model_module_version")), "lacks"),
    (rules.whole_widget_state, widgets(lambda w: w["state"]["widget-0001"]["state"].pop("_esm")), "_esm"),
    (rules.pictures_have_words, metadata(PICTURE, mystnb={"image": {"alt": " "}}), "mystnb.image.alt"),
    (rules.pictures_have_words, metadata(PICTURE, mystnb={}), "mystnb.image.alt"),
    (rules.pictures_have_words, says("![](queue.png)"), "between its brackets"),
    (rules.pictures_have_words, says('<p><img src="queue.png" alt=""></p>'), "needs an alt"),
    (rules.pictures_have_words, says('here <img src="queue.png">'), "needs an alt"),
    (rules.answers_are_folded, metadata(SOLUTION, cellView="code"), "Colab"),
    (rules.answers_are_folded, metadata(SOLUTION, jupyter={}), "JupyterLab"),
    (rules.answers_are_folded, metadata(SOLUTION, tags=["solution"]), "on the page"),
    (rules.answers_are_folded, metadata(SOLUTION, tags=["hide-cell"]), "shows its output"),
    (rules.answers_are_folded, metadata(TITLE, tags=["solution"]), "must be a code cell"),
    (rules.links_lead_somewhere, says("[there](../book/missing.md)"), "../book/missing.md"),
    (rules.links_lead_somewhere, says("[out](../../elsewhere)"), "../../elsewhere"),
    (rules.links_lead_somewhere, says("![a queue](fifo.png)"), "fifo.png"),
    (rules.links_lead_somewhere, says('<a href="06-queue.ipynb">next</a>'), "06-queue.ipynb"),
    (rules.links_lead_somewhere, says("[there][a]\n\n[a]: missing.md"), "missing.md"),
    (rules.set_up_first, set_up("import torch"), "must install inside"),
    (rules.set_up_first, set_up("%pip install feedback-lite"), "must install inside"),
    (rules.set_up_first, set_up(GUARD + "%pip install a\n!pip install b"), "installs also where"),
    (rules.set_up_first, set_up(GUARD + "%pip install a\nelse:\n    %pip install b"), "installs also where"),
    (rules.set_up_first, set_up(GUARD.replace("is None", "is not None") + "%pip install a"), "must install inside"),
    (rules.set_up_first, set_up(GUARD + "pass"), "must install inside"),
    (rules.set_up_first, set_up("if:"), "is not Python"),
    (rules.set_up_first, removed(SET_UP), "must install inside"),
    (rules.set_up_first, cell(SET_UP, metadata={}), "lies open on the page"),
    (rules.set_up_first, cell(VALUE, source="!pip install torch"), "only the set-up cell"),
    (rules.in_stable_form, metadata(VALUE, collapsed=True), "not in the stable form"),
    (rules.in_stable_form, lambda n: n["metadata"]["kernelspec"].update(name="conda"), "not in the stable form"),
]


@pytest.mark.parametrize(("rule", "break_it", "words"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_notebook_is_told_of(rule: Rule, break_it: Callable[[Json], Any], words: str, tmp_path: Path) -> None:
    content = good()
    break_it(content)
    found = list(rule(chapter(content, tmp_path)))
    assert any(words in fault for fault in found), found
    assert set(found) <= set(rules.faults(chapter(content, tmp_path)))


def test_every_rule_is_broken_at_least_once() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(rules.RULES)


def test_another_layout_of_the_file_is_told_of(tmp_path: Path) -> None:
    committed = chapter(good(), tmp_path)
    for text in (committed.text.rstrip(), committed.text.replace("\n ", "\n  ")):
        assert list(rules.in_stable_form(Chapter(committed.path, text, committed.notebook)))


@pytest.mark.parametrize(
    "source",
    [
        "`{cite}` names a role, `d_{model}` a size and $W_{q}$ a matrix, then `code`",
        "```python\n{ref}`a`\n```",
        "<details>\n<summary>Hint</summary>\n\ntext, `code`\n\n</details>",
        "$$\nx_{i} = \\sum_{j} a_{ij}\n$$",
    ],
)
def test_plain_markdown_is_not_taken_for_myst(source: str, tmp_path: Path) -> None:
    content = good()
    content["cells"][TITLE]["source"] = source
    assert list(rules.no_raw_myst(chapter(content, tmp_path))) == []


@pytest.mark.parametrize(
    "target", ["https://example.org/a.md", "mailto:a@example.org", "#recap", "../book/notation.md?x#axes"]
)
def test_links_elsewhere_and_within_the_page_are_left_alone(target: str, tmp_path: Path) -> None:
    content = good()
    content["cells"][TITLE]["source"] = f"[there]({target})"
    assert list(rules.links_lead_somewhere(chapter(content, tmp_path))) == []
