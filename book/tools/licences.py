"""What others wrote in the built site: its files, its licence, and the package that brings it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

MATHJAX = "_static/mathjax/*"


class Part(NamedTuple):
    """Files of the site that have one author."""

    name: str
    licence: str
    files: tuple[str, ...]
    package: str
    text_in: str = ""
    """Another package that has the licence's text, where the one that brings the files does not."""


SPHINX = ("basic.css", "doctools.js", "documentation_options.js", "file.png", "language_data.js", "searchtools.js")
PARTS = (
    Part("MathJax", "Apache-2.0", (MATHJAX,), "sphinx-mathjax-offline", text_in="requests"),
    Part("Bootstrap", "MIT", ("_static/scripts/bootstrap.js", "_static/styles/bootstrap.css"), "pydata-sphinx-theme"),
    Part("PyData Sphinx Theme", "BSD-3-Clause", ("_static/*/pydata-sphinx-theme.*",), "pydata-sphinx-theme"),
    Part("outlines of Font Awesome Free", "CC-BY-4.0", ("_static/icons.css",), "pydata-sphinx-theme"),
    Part("Sphinx Book Theme", "BSD-3-Clause", ("_static/*/sphinx-book-theme.*",), "sphinx-book-theme"),
    Part("Sphinx", "BSD-2-Clause", (*(f"_static/{name}" for name in SPHINX), "_static/sphinx_highlight.js"), "Sphinx"),
    Part("Pygments", "BSD-2-Clause", ("_static/pygments.css",), "Pygments"),
    Part("copybutton, clipboard.js", "MIT", ("_static/copybutton.*", "_static/clipboard.*"), "sphinx-copybutton"),
    Part("MyST-NB", "BSD-3-Clause", ("_static/mystnb.*.css",), "myst-nb"),
)
OURS = (
    *("_static/chapters.css", "_static/figure-page.css", "_static/palette.css", "_static/site.css"),
    *(
        "_static/folding.js",
        "_static/host.js",
        "_static/progress.js",
        "_static/slides.*",
        "_static/figures/*.js",
        "_static/icon.svg",
    ),
)


def strangers(site_files: Iterable[str]) -> list[str]:
    """Return the files under the site's `_static` that are neither ours nor in a known part."""
    known = [*OURS, *(pattern for part in PARTS for pattern in part.files)]
    scripts = [name for name in site_files if name.startswith("_static/")]
    return sorted(name for name in scripts if not any(fnmatchcase(name, pattern) for pattern in known))


def licence_texts(package: str) -> str:
    """Return the licence files that an installed package brings."""
    files = importlib.metadata.distribution(package).files or []
    texts = [file for file in files if "licen" in file.name.lower() and file.suffix in ("", ".rst", ".txt")]
    return "\n\n".join(file.read_text(encoding="utf-8").strip() for file in sorted(texts, key=str))


def notices() -> str:
    """Return what is to be said of others' work in the site: each part, its licence, and the licences' texts."""
    lines = ["What others wrote in the folder site. Where a licence asks for its text, it stands below.", ""]
    lines += [f"- {part.name}, {part.licence}: {', '.join(part.files)}" for part in PARTS]
    for package in dict.fromkeys(part.text_in or part.package for part in PARTS):
        using = ", ".join(part.name for part in PARTS if package == (part.text_in or part.package))
        lines += ["", "", f"==== {using}", "", licence_texts(package)]
    return "\n".join(lines) + "\n"
