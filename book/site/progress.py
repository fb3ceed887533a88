"""Sphinx extension: the script that keeps what a reader has done on the pages that note it or tell it.

It is made of the figures' own module for progress, so that one place knows how it is stored.
"""

import json
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from feedback_lite.widgets.figure import join_script

SCRIPT = "progress.js"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
FILL_IN, QUIZ = "feedback_lite.widgets.fill_in.FillIn", "feedback_lite.widgets.quiz.Quiz"


def states_of(notebook: Path, figure: str) -> list[dict[str, Any]]:
    """Return the stored states of one kind of figure."""
    stored = json.loads(notebook.read_text(encoding="utf-8"))["metadata"].get("widgets", {}).get(WIDGET_STATE, {})
    states = [model["state"] for model in stored.get("state", {}).values()]
    return [state for state in states if state.get("_anywidget_id") == figure]


def exercises_of(notebook: Path) -> list[str]:
    """Return the names of the exercises that are solved on a chapter's page."""
    return [state["exercise"] for state in states_of(notebook, FILL_IN)]


def questions_of(notebook: Path) -> dict[str, int]:
    """Return the questions of a chapter's quiz by their short names, and which option is right."""
    questions = [asked for state in states_of(notebook, QUIZ) for asked in state["questions"]]
    return {question_name(asked["question"]): asked["answer"] for asked in questions}


def question_name(question: str) -> str:
    """Return the short name by which ``progress.js`` keeps what was answered."""
    value = 0x811C9DC5
    for letter in question:
        value = (value ^ ord(letter)) * 0x01000193 & 0xFFFFFFFF
    return f"q-{value:x}"


def write_script(app: Sphinx) -> None:
    """Write the script with what can be done in each chapter; a page opened from a folder can load no module."""
    if app.builder.format != "html":
        return
    notebooks = sorted(Path(app.srcdir).glob("chapters/*.ipynb"))
    text = script()
    for name, of in (("EXERCISES", exercises_of), ("QUESTIONS", questions_of)):
        known = {path.stem: found for path in notebooks if (found := of(path))}
        place = re.compile(rf"^const {name} = \{{\}};$", re.MULTILINE)
        text, places = place.subn(f"const {name} = {json.dumps(known, separators=(',', ':'))};", text)
        if places != 1:
            raise ValueError(f"{SCRIPT} must have one place for {name}, got {places}")
    folder = Path(app.outdir) / "_static"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCRIPT).write_text(text, encoding="utf-8")


def script() -> str:
    """Return the page's module and what it imports as one script without exports."""
    text = re.sub(r"^export ", "", join_script("progress_page"), flags=re.MULTILINE)
    return f"(() => {{\n{text}}})();\n"


def add_script(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Have chapters and the front page load the script, once their text is there."""
    if page.startswith("chapters/") or page == "book/index":
        app.add_js_file(SCRIPT, defer="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what writes the script and what names it."""
    app.connect("builder-inited", write_script)
    app.connect("html-page-context", add_script, priority=800)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
