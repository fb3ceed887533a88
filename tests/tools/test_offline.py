"""The archive of the site: what it holds, and that the same site gives the same bytes."""

import zipfile
from pathlib import PurePosixPath

import pytest

from book.tools.offline import FOLDER, is_needed, pack

KEPT = [
    "index.html",
    "chapters/05.html",
    "_sources/chapters/05.ipynb",
    "_static/styles/theme.css",
    "_static/mathjax/tex-chtml.js",
    "_static/mathjax/output/chtml/fonts/woff-v2/MathJax_Main-Regular.woff",
    "_static/mathjax/input/tex/extensions/boldsymbol.js",
    "_static/mathjax/sre/mathmaps/en.json",
]
LEFT_OUT = [
    ".buildinfo",
    "objects.inv",
    "_static/scripts/bootstrap.js.map",
    "_static/mathjax/tex-chtml-full.js",
    "_static/mathjax/tex-svg.js",
    "_static/mathjax/output/svg.js",
    "_static/mathjax/sre/mathmaps/de.json",
]


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "html"
    for name in (*KEPT, *LEFT_OUT):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"the text of {name}")
    return folder


def test_the_archive_holds_what_pages_ask_for(site, tmp_path):
    assert pack(site, tmp_path / "book.zip") == sorted(KEPT, key=PurePosixPath)
    with zipfile.ZipFile(tmp_path / "book.zip") as pages:
        assert pages.testzip() is None
        assert {name: pages.read(name).decode() for name in pages.namelist()} == {
            f"{FOLDER}/{name}": f"the text of {name}" for name in KEPT
        }


def test_the_same_site_gives_the_same_bytes(site, tmp_path):
    for name in ("one.zip", "two.zip"):
        pack(site, tmp_path / name)
        (site / "index.html").touch()
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_without_a_site_it_says_what_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no index\.html: run `make book` first"):
        pack(tmp_path, tmp_path / "book.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["_static/mathjax.html", "_static/mathjax-extra/tex-svg.js", "maps/a.html"])
def test_names_that_only_resemble_are_kept(name):
    assert is_needed(PurePosixPath(name))
