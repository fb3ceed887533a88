"""Which chapter shows which piece of the package."""

import ast
from pathlib import Path

from book.tools.notebooks.notebook import chapters, is_code, read
from book.tools.notebooks.rules import to_python


def code_of(chapter: Path) -> list[str]:
    """Return the code cells of a chapter as Python."""
    _, content = read(chapter)
    return [to_python(cell["source"]) for cell in content["cells"] if is_code(cell)]


def shown_in(chapter: Path) -> list[str]:
    """Return what the chapter shows the source of; a method by its own name, such as ``Memory.push``."""
    calls = [node for source in code_of(chapter) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "show_source"]


SHOWN = [(name, chapter) for chapter in chapters() for name in shown_in(chapter)]
