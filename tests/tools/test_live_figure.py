"""Figures on pages that are no notebooks: what the directive writes, that it is the same each time, what it refuses."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from feedback_lite.widgets import ShellDuel

ROOT = Path(__file__).parents[2]
SETTINGS = """
import sys
sys.path.insert(0, {folder!r})
extensions = ["myst_nb", "figures"]
nb_ipywidgets_js = {{"host.js": {{"defer": "defer"}}}}
html_static_path = [{assets!r}]
"""


BUILD = """
import sys
from sphinx.cmd.build import main
for folder in sys.argv[1:]:
    main(["-q", "-E", "-W", "--keep-going", folder, f"{folder}/html", "-w", f"{folder}/warnings"])
"""
WRONG = {
    "Duel": r"must name a figure of feedback_lite.widgets, got Duel: \['BucketExplorer', ",
    "softmax": "must name a figure of feedback_lite.widgets, got softmax",
    "Predict": "can show figures that need no arguments alone: .*missing 4 required",
    "": "1 argument",
}


def write_book(folder: Path, text: str) -> str:
    """Write a book of one page, which is built as ``folder / "html" / "index.html"``."""
    site = ROOT / "book" / "site"
    folder.mkdir()
    (folder / "conf.py").write_text(SETTINGS.format(folder=str(site), assets=str(site / "assets")))
    (folder / "index.md").write_text(f"# A page\n\n{text}\n")
    return str(folder)


def build(*folders: str) -> None:
    """Build some books, each with the warnings in a file, in a process of their own."""
    run = subprocess.run([sys.executable, "-c", BUILD, *folders], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of three books: two alike, built by two processes, and one with wrong figures."""
    folder = tmp_path_factory.mktemp("books")
    text = "```{live-figure} ShellDuel\n```\n\nWords between.\n\n```{live-figure} ShellDuel\n```"
    wrong = "\n\n".join(f"```{{live-figure}} {name}\n```" for name in WRONG)
    build(write_book(folder / "one", text))
    build(write_book(folder / "wrong", wrong), write_book(folder / "two", text))
    return folder


def test_page_has_what_a_notebooks_page_has_and_is_the_same_each_time(books: Path) -> None:
    assert (books / "one" / "warnings").read_text() == ""
    pages = [(books / name / "html" / "index.html").read_bytes() for name in ("one", "two")]
    assert pages[0] == pages[1]
    page = pages[0].decode("utf-8")
    assert page.count(f'<p class="fl-fallback">{ShellDuel().sentence}</p>') == 2
    views = re.findall(r'<script type="application/vnd.jupyter.widget-view\+json">(.*?)</script>', page)
    stored = re.findall(r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', page, re.DOTALL)
    assert len(stored) == 1
    states = json.loads(stored[0])["state"]
    assert [json.loads(view)["model_id"] for view in views] == list(states) == ["figure-1", "figure-2"]
    duel = ShellDuel()
    for state in states.values():
        assert state["state"] == {key: duel.get_state(key)[key] for key in state["state"]}
        assert {"_esm", "_css", "_anywidget_id", "sentence", *ShellDuel.class_own_traits(sync=True)} == set(
            state["state"]
        ) - {"models"}
    assert len(re.findall(r'<script [^>]*src="_static/host\.js', page)) == 1


def test_what_is_no_figure_is_refused(books: Path) -> None:
    lines = (books / "wrong" / "warnings").read_text().splitlines()
    for message in WRONG.values():
        assert [line for line in lines if re.search(message, line)], lines
