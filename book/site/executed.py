"""Sphinx extension: at the foot of each chapter, when it was last executed and with what."""

from typing import Any

from sphinx.application import Sphinx

from book.tools.notebooks.executed import PAGE, in_words, read_record

FOOT = """<p class="fl-executed">Last executed on {day} with PyTorch {torch}: <a href="{page}">all executions</a>.</p>
"""


def say_when(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Write the foot of a chapter, from the record that was written with its outputs."""
    folder, _, name = page.partition("/")
    entry = read_record().get(name) if folder == "chapters" else None
    if entry is not None:
        address = context["pathto"](str(PAGE.with_suffix("")))
        foot = FOOT.format(day=in_words(entry.day), torch=entry.packages["torch"], page=address)
        text, end, rest = context["body"].rpartition("</section>")
        context["body"] = text + foot + end + rest


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what writes the foot."""
    app.connect("html-page-context", say_when, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
