"""Sphinx extension: a section is found by its address, in the side contents, and by the search.

An exercise has the address of its number, ``#exercise-5-3``, whatever it is called, beside the one that Sphinx makes of
its whole title. All titles of sections are entries of the index, which the search puts before other finds.
"""

import re
from typing import Any

from docutils import nodes
from mdit_py_plugins.anchors.index import slugify
from sphinx.addnodes import index
from sphinx.application import Sphinx

EXERCISE = re.compile(r"Exercise (\d+)\.(\d+)")


def slug(title: str) -> str:
    """Return the name by which links between pages know a heading."""
    found = EXERCISE.match(title)
    return f"exercise-{found[1]}-{found[2]}" if found else slugify(title)


def name_sections(app: Sphinx, document: nodes.document) -> None:
    """Give exercises the address of their number, and every section its entries in the index."""
    for section in list(document.findall(nodes.section)):
        if isinstance(section.parent, nodes.document):
            continue  # a page's own title is known already
        title = section.next_node(nodes.title)
        if title is None:
            continue
        text = title.astext()
        entries = [text]
        if found := EXERCISE.match(text):
            section["ids"].append(slug(text))
            entries.append(found[0])
        target = section["ids"][0]  # the section itself: the search shows the beginning of its text
        section.insert(
            1, index(entries=[("single", entry.replace(";", ","), target, "main", None) for entry in entries])
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what names the sections of a page when it has been read."""
    app.connect("doctree-read", name_sections)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
