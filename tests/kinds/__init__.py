"""Every kind of figure, one file each: its look, its controls, its states, its marks, a small one.

A new kind needs a file here that sets ``KIND``, and nothing else: the shared tests of figures take it from there.
"""

from importlib import import_module
from pkgutil import iter_modules

from feedback_lite.widgets import LiveFigure
from tests.kind import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (import_module(f"{__name__}.{module.name}").KIND for module in iter_modules(__path__))
}

# page, kind of figure
FIGURES = [(page, name) for name, kind in KINDS.items() for page in kind.pages]
PAGES_WITH_FIGURES = sorted({page for page, _ in FIGURES})


def kinds_on(page: str) -> list[str]:
    """Return the kinds of figure that a page shows."""
    return [name for name, kind in KINDS.items() if page in kind.pages]


# The kinds of figure that run a trained model in the page.
LIVE = {name for name, kind in KINDS.items() if issubclass(kind.figure, LiveFigure)}
