"""Sphinx extension: code that makes a figure, a plot or a table lies folded under it; lines of code and outputs wrap.

The notebook keeps its order, code before output. On the page the reader sees first what a folded cell makes. Cells
that make nothing to be seen, the set-up and the imports, share one fold. A cell to be written by the reader says that
it needs Python. Each line of code or output becomes an element of its own, so that a line which does not fit goes on
further to the right, and nothing is cut. What is printed in lines a little too wide for a phone says how wide they
are, so that its style can make them fit.
"""

import re
from html import escape, unescape
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

UNDER = "fl-under"
"""The class of a fold that stands under what its code makes."""
SHOW = re.compile(r"^Show (?:the )?")
LABEL_OF_ALL_FOLDS = '<summary aria-label="Toggle hidden content">'
"""myst-nb gives all its folds one name; without it, each has that of its own words."""
CODE = re.compile(
    r'(<div class="(?:output \w+ )?highlight-[^"]*"><div class="highlight"><pre[^>]*>)(.*?)(</pre>)', re.DOTALL
)
TO_WRITE = re.compile(r"^    \.\.\.$.*^check\(", re.DOTALL | re.MULTILINE)
"""A function without its body, and its check: the reader's to write."""
WRITE = "Or write it in Python: open this chapter in Colab or as a notebook."
HINT = re.compile(r"<details>(?=\s*<summary>Hint\b)")
ON_A_PHONE, SMALLER = 46, 60
"""So many characters fit into a line on a phone, and so many in letters that are still large enough to read."""
EMPTY = "<span></span>"
INDENT = re.compile(r'(?:<span class="(?:w|sd|s2)">)?( *)')


class FoldsUnderOutputs(SphinxPostTransform):
    """Move folded code under its output, and join folds that follow each other with nothing to be seen."""

    default_priority = 200  # right after myst-nb has made the folds
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Go through the cells of the page."""
        joined: nodes.Element | None = None
        for cell in list(self.document.findall(_is_cell)):
            fold = cell.next_node(HideCodeCellNode)
            if TO_WRITE.search(cell.astext()):
                cell.insert(0, nodes.paragraph("", WRITE, classes=["fl-write"]))
            if fold is None or cell.get("hide_mode") != "input":
                joined = None
            elif len(cell) == 1 and joined is not None and _follows(joined, cell):
                joined.extend(fold.children)
                cell.parent.remove(cell)
            else:
                inside = nodes.container("", *fold.children)
                cell.remove(fold)
                cell.extend([nodes.raw("", opening(fold["prompt_show"]), format="html"), inside, _closing()])
                joined = inside if len(cell) == 3 else None


def opening(prompt: str) -> str:
    """Return the beginning of a fold that is named by what it holds: "Code of this plot", not "Show the code ..."."""
    name = SHOW.sub("", prompt)
    return f'<details class="{UNDER}"><summary>{escape(name[:1].upper() + name[1:])}</summary>'


def _closing() -> nodes.raw:
    return nodes.raw("", "</details>", format="html")


def _is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _follows(one: nodes.Element, other: nodes.Element) -> bool:
    cell = one.parent
    return cell.parent is other.parent and cell.parent.index(other) == cell.parent.index(cell) + 1


def name_folds(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Let the words of each fold be its name; mark hints, which stay away from paper."""
    body = context.get("body", "").replace(LABEL_OF_ALL_FOLDS, "<summary>")
    context["body"] = HINT.sub('<details class="fl-hint">', body)


def wrap_lines(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Make an element of each line of code, and of each line that code prints."""
    context["body"] = CODE.sub(wrapped, context.get("body", ""))


def wrapped(found: re.Match[str]) -> str:
    """Return code or an output with an element for each line, and how wide the lines of an output are."""
    start, code, end = found.groups()
    if "output " not in start:
        return start + in_lines(code) + end
    widest = max(map(len, unescape(re.sub("<[^>]*>", "", code)).split("\n")))
    if ON_A_PHONE < widest <= SMALLER:
        start = f'{start[:-1]} style="--fl-columns:{widest}">'
    return start + in_lines(code, keep_indent=False) + end


def in_lines(code: str, *, keep_indent: bool = True) -> str:
    """Return highlighted code with each line in an element, which says how far the line is indented.

    In an output the spaces before a line are no indent: they fill the columns of a table. Pygments ends its
    marks at the end of each line, so a line can stand alone.
    """
    lines = code.removeprefix(EMPTY).removesuffix("\n").split("\n")
    return "".join(one_line(line, keep_indent=keep_indent) for line in lines)


def one_line(line: str, *, keep_indent: bool) -> str:
    """Return one line as an element; its line break stays, for whoever copies the text."""
    found = INDENT.match(line) if keep_indent else None
    indent = len(found[1]) if found else 0
    style = f' style="--fl-indent:{indent}"' if indent else ""
    return f'<span class="fl-line"{style}>{line}\n</span>'


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what moves and names folds and wraps lines, the script of the switch, and the style of all that."""
    app.add_post_transform(FoldsUnderOutputs)
    app.connect("html-page-context", name_folds, priority=900)
    app.connect("html-page-context", wrap_lines, priority=900)
    app.add_js_file("folding.js")
    app.add_css_file("chapters.css", priority=810)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
