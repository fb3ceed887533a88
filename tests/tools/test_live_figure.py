"""Figures on pages that are no notebooks: what the directive writes, that it is the same each time, what it refuses."""

import json
import re
import subprocess
import sys
from pathlib import Path

from feedback_lite.widgets import ShellDuel

ROOT = Path(__file__).parents[2]
SETTINGS = """
import sys
sys.path.insert(0, {folder!r})
extensions = ["myst_nb", "figures"]
nb_ipywidgets_js = {{"host.js": {{"defer": "defer"}}}}
html_static_path = [{assets!r}]
"""


def build(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Build a book of one page; the page is ``folder / "html" / "index.html"``."""
    site = ROOT / "book" / "site"
    folder.mkdir(exist_ok=True)
    (folder / "conf.py").write_text(SETTINGS.format(folder=str(site), assets=str(site / "assets")))
    (folder / "index.md").write_text(f"# A page\n\n{text}\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", str(folder), str(folder / "html")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_page_has_what_a_notebooks_page_has_and_is_the_same_each_time(tmp_path: Path) -> None:
    text = "```{live-figure} ShellDuel\n```\n\nWords between.\n\n```{live-figure} ShellDuel\n```"
    pages = []
    for name in ("one", "two"):
        built = build(tmp_path / name, text)
        assert built.returncode == 0, built.stderr
        pages.append((tmp_path / name / "html" / "index.html").read_bytes())
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
        assert {"_esm", "_css", "sentence", *ShellDuel.class_own_traits(sync=True)} == set(state["state"]) - {"models"}
    assert len(re.findall(r'<script [^>]*src="_static/host\.js', page)) == 1


def test_what_is_no_figure_is_refused(tmp_path: Path) -> None:
    wrong = {
        "Duel": r"must name a figure of feedback_lite.widgets, got Duel: \['BucketExplorer', ",
        "softmax": "must name a figure of feedback_lite.widgets, got softmax",
        "Predict": "can show figures that need no arguments alone: .*missing 4 required",
        "": "1 argument",
    }
    built = build(tmp_path, "\n\n".join(f"```{{live-figure}} {name}\n```" for name in wrong))
    assert built.returncode == 1
    lines = built.stderr.splitlines()
    for message in wrong.values():
        assert [line for line in lines if re.search(message, line)], built.stderr
