"""What every figure has: its script and style in one piece each, and a sentence that says what is to be seen."""

import math
import re
from pathlib import Path
from textwrap import shorten
from typing import Any

import anywidget
import traitlets

from feedback_lite.widgets.palette import palette_css

_FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(?P<name>[\w-]+)\.js";\n', re.MULTILINE)
# What a comment of JSDoc says is for who reads the file: types, and what a function is for.
_JSDOC = re.compile(r"^[ ]*/\*\*.*?\*/\n+|/\*\* @type .*?\*/ ?", re.MULTILINE | re.DOTALL)
# ipywidgets cuts what it prints of a widget at 110 characters.
_REPR_WIDTH = 100


def join_script(name: str) -> str:
    """Return the module ``js/<name>.js`` with each module that it imports written once, before it, without its JSDoc.

    A figure's script reaches the page as text, and a module made from text cannot import its neighbours. Every figure
    of a notebook carries its script, so what only helps who reads the file is left out.
    """
    texts: dict[str, str] = {}

    def add(module: str) -> None:
        source = (_FOLDER / "js" / f"{module}.js").read_text(encoding="utf-8")
        for found in _IMPORT.finditer(source):
            if found["name"] not in texts:
                add(found["name"])
        texts[module] = bare_script(source)

    add(name)
    return "\n\n".join(texts.values()) + "\n"


def bare_script(source: str) -> str:
    """Return the text of a module as it reaches a page: without what it imports, and without its JSDoc."""
    return _JSDOC.sub("", _IMPORT.sub("", source)).strip()


def join_style(name: str) -> str:
    """Return the palette, what all figures share, and the sheet ``css/<name>.css`` in one style sheet."""
    return f"{common_style()}{_sheet(name)}\n"


def common_script() -> str:
    """Return how the scripts of all figures begin."""
    return join_script("controls")


def common_style() -> str:
    """Return how the styles of all figures begin: the palette, and what they share."""
    return f"{palette_css().strip()}\n{_sheet('figure')}\n"


def _sheet(name: str) -> str:
    return (_FOLDER / "css" / f"{name}.css").read_text(encoding="utf-8").strip()


def percent(share: float) -> str:
    """Return a share in whole percent. Halves go up, as in the scripts; Python's own round goes to the even number."""
    return f"{math.floor(100 * share + 0.5)} %"


class Figure(anywidget.AnyWidget):
    """A figure of the book. Its script draws and reacts; everything it shows is computed here, in Python.

    A subclass sets ``_esm = join_script(...)``, ``_css = join_style(...)`` and says in ``describe`` what is to be
    seen. That sentence is what a screen reader hears, what stands where scripts do not run, and the text of the
    cell's output.
    """

    # ipywidgets 7, which Colab has, would print its own short text instead of the sentence.
    _ipython_display_ = None

    words: Any = traitlets.Dict(read_only=True, help="the parts of the sentence, with places to fill in").tag(sync=True)
    sentence = traitlets.Unicode(read_only=True, help="what is to be seen now").tag(sync=True)

    def __init__(self, **state: object) -> None:
        super().__init__(**state)
        self._retell()
        self.observe(self._retell_after)

    def describe(self) -> str:
        """Return the state sentence for the present state."""
        raise NotImplementedError(f"{type(self).__name__} must say in describe() what is to be seen")

    def tell(self, name: str, /, **values: object) -> str:
        """Return a part of the sentence with its places filled in; of a pair, the first where ``count`` is 1."""
        words = self.words[name]
        text: str = words if isinstance(words, str) else words[values["count"] != 1]
        return text.format(**values)

    @staticmethod
    def within(proposal: traitlets.Bunch, least: int, most: int) -> int:
        """Return a number that is proposed for a trait.

        Raises:
            traitlets.TraitError: it is not between ``least`` and ``most``.
        """
        name, value = proposal["trait"].name, proposal["value"]
        if not least <= value <= most:
            raise traitlets.TraitError(f"{name} must be between {least} and {most}, got {value}")
        return int(value)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}: {shorten(self.sentence, _REPR_WIDTH - len(name), placeholder=' …')}"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/plain"] = self.sentence
        return bundle

    def _retell_after(self, change: traitlets.Bunch) -> None:
        # Nothing is told while a figure is closed, which may be as late as Python's own end.
        if change["name"] in self.keys and change["name"] != "sentence":
            self._retell()

    def _retell(self) -> None:
        self.set_trait("sentence", self.describe())
