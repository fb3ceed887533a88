"""The archive: what it holds, where its chapters' links lead, and that the same sources give the same bytes."""

import json
import re
import zipfile
from pathlib import Path
from posixpath import dirname, join, normpath

import pytest

from book.tools.distribution import build
from book.tools.offline import BESIDE, FOLDER, ROOT, gather, pack

KEPT = [
    "index.html",
    "book/notation.html",
    "chapters/05.html",
    "_sources/chapters/05.ipynb",
    "_static/styles/theme.css",
    "_static/mathjax/mathematics.js",
]
LEFT_OUT = [".buildinfo", "objects.inv"]
WHEEL = "feedback_lite-0.1.0-py3-none-any.whl"
CHAPTER = "see [the notation](../book/notation.md#axes) and [chapter 4](04.ipynb)"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small checkout with a built site and a wheel."""
    texts = {f"_build/html/{name}": f"the text of {name}" for name in (*KEPT, *LEFT_OUT)}
    texts |= {path: f"the text of {path}" for path in BESIDE.values()}
    texts |= {"chapters/05.ipynb": CHAPTER, "chapters/README.md": "no chapter", f"dist/{WHEEL}": "the wheel"}
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_archive_holds_the_site_the_chapters_the_wheel_and_what_starts_them(root: Path) -> None:
    files = gather(root, root / "dist" / WHEEL)
    pack(files, root / "book.zip")
    wanted = {f"site/{name}": f"the text of {name}" for name in KEPT}
    wanted |= {name: f"the text of {path}" for name, path in BESIDE.items()}
    wanted[WHEEL] = "the wheel"
    wanted["chapters/05.ipynb"] = CHAPTER.replace("../book/notation.md", "../site/book/notation.html")
    with zipfile.ZipFile(root / "book.zip") as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    assert "Apache License" in found.pop(f"{FOLDER}/LICENSES-OF-OTHERS.txt")
    assert found == {f"{FOLDER}/{name}": text for name, text in wanted.items()}


def test_the_same_files_give_the_same_bytes(root: Path) -> None:
    files = gather(root, root / "dist" / WHEEL)
    pack(files, root / "one.zip")
    (root / "_build" / "html" / "index.html").touch()
    pack(dict(reversed(gather(root, root / "dist" / WHEEL).items())), root / "two.zip")
    assert (root / "one.zip").read_bytes() == (root / "two.zip").read_bytes()


def test_the_same_sources_give_the_same_wheel(tmp_path: Path) -> None:
    one, two = (build("wheel", tmp_path / name) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_without_a_site_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no index\.html: run `make book` first"):
        gather(tmp_path, tmp_path / WHEEL)


def test_links_of_the_packed_chapters_lead_to_files_of_the_archive(root: Path) -> None:
    """The site's own pages are tested where the site is built: here each source stands for its page."""
    for path in (root / "chapters").iterdir():
        path.unlink()
    for path in (*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("book/*.md")):
        page = root / "_build" / "html" / path.relative_to(ROOT).with_suffix(".html")
        page.write_text("")
        if path.suffix == ".ipynb":
            (root / "chapters" / path.name).write_bytes(path.read_bytes())
    files = gather(root, root / "dist" / WHEEL)
    links = []
    for name in (name for name in files if name.startswith("chapters/")):
        for cell in json.loads(files[name])["cells"]:
            if cell["cell_type"] == "markdown":
                found = re.findall(r"\]\((?!https?:|#)([^)#]+)", "".join(cell["source"]))
                links += [(name, normpath(join(dirname(name), link))) for link in found]
    assert len({name for name, _ in links}) == len(list(ROOT.glob("chapters/*.ipynb")))
    assert {(name, link) for name, link in links if link not in files} == set()
