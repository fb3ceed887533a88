"""Sphinx extension: figures on pages that are no notebooks, a sentence where each figure will stand, the palette."""

import json
from html import escape
from pathlib import Path
from typing import Any

import anywidget
from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from feedback_lite import widgets
from feedback_lite.widgets.palette import palette_css

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
NEEDS_PYTHON = "This part needs Python: open this chapter in Colab or JupyterLab."


class SentenceBeforeFigure(SphinxPostTransform):
    """Put a readable sentence before every widget view; the page's script takes it away when the figure is there.

    A figure's own sentence is the plain text that its notebook stored. A widget that is no figure of ours cannot
    run on the page, and its place says so. A quiz gets a fold with its answers too.
    """

    default_priority = 3  # before myst-nb keeps one form of each output and drops the plain text

    def run(self, **kwargs: Any) -> None:
        """Go through the outputs of the page."""
        for bundle in self.document.findall(_is_output):
            forms = {form["mime_type"]: form for form in bundle.children if "mime_type" in form}
            if WIDGET_VIEW in forms:
                view = forms[WIDGET_VIEW]
                state = self._state(view)
                view.insert(0, nodes.raw(text=self._sentence(state, forms.get("text/plain")), format="html"))
                if "questions" in state:
                    view.append(nodes.raw(text=answers(state["questions"]), format="html"))

    def _sentence(self, state: dict[str, Any], plain: nodes.Element | None) -> str:
        text = plain.astext() if "_esm" in state and plain is not None else NEEDS_PYTHON
        return f'<p class="fl-fallback">{escape(text)}</p>'

    def _state(self, view: nodes.Element) -> dict[str, Any]:
        script = view.astext()
        model_id = json.loads(script[script.index(">") + 1 : script.rindex("</script>")])["model_id"]
        state: dict[str, Any] = self._states()[model_id]["state"]
        return state

    def _states(self) -> dict[str, Any]:
        files = NbMetadataCollector.get_js_files(self.env, self.env.docname)
        body = files["ipywidgets_state"][1]["body"]
        states: dict[str, Any] = json.loads(body)["state"]
        return states


def answers(questions: list[dict[str, Any]]) -> str:
    """Return a quiz as a fold to read, for paper and where its script does not run."""
    items = []
    for asked in questions:
        told = zip(asked["options"], asked["because"], strict=True)
        options = (
            f"<li>{escape(option)}: <strong>{'right' if place == asked['answer'] else 'not so'}</strong>. "
            f"{escape(reason)}</li>"
            for place, (option, reason) in enumerate(told)
        )
        items.append(f"<li>{escape(asked['question'])}<ul>{''.join(options)}</ul></li>")
    return f'<details class="fl-answers"><summary>Questions and answers</summary><ol>{"".join(items)}</ol></details>'


class LiveFigureDirective(SphinxDirective):
    """A figure of the package on a page that is no notebook, by its class: ``{live-figure} ShellDuel``.

    The figure is made when the page is read, with no arguments. The page gets what a notebook's page has: the sentence,
    the place where the figure will stand, the state of all figures, and the host.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write the sentence and the place; leave state and host to be written into the page."""
        figure = self._make(self.arguments[0])
        files = NbMetadataCollector.get_js_files(self.env, self.env.docname)
        states = json.loads(files["ipywidgets_state"][1]["body"])["state"] if "ipywidgets_state" in files else {}
        model_id = f"figure-{len(states) + 1}"
        states[model_id] = {"state": {key: figure.get_state(key)[key] for key in own_keys(figure)}}
        whole = json.dumps({"version_major": 2, "version_minor": 0, "state": states}).replace("</", r"<\/")
        scripts = {"ipywidgets_state": (None, {"type": WIDGET_STATE, "body": whole})}
        scripts |= {f"ipywidgets_{i}": pair for i, pair in enumerate(self.config.nb_ipywidgets_js.items())}
        for key, (address, attributes) in scripts.items():
            NbMetadataCollector.add_js_file(self.env, self.env.docname, key, address, attributes)
        view = f'<script type="{WIDGET_VIEW}">{json.dumps({"model_id": model_id})}</script>'
        sentence = f'<p class="fl-fallback">{escape(figure.sentence)}</p>'
        return [nodes.raw("", f"<div>{sentence}{view}</div>", format="html")]

    def _make(self, name: str) -> widgets.Figure:
        known = {key: value for key, value in vars(widgets).items() if key in widgets.__all__}
        figures = [key for key, value in known.items() if isinstance(value, type) and issubclass(value, widgets.Figure)]
        if name not in figures:
            raise self.error(f"live-figure must name a figure of feedback_lite.widgets, got {name}: {sorted(figures)}")
        try:
            return known[name]()
        except TypeError as error:
            raise self.error(f"live-figure can show figures that need no arguments alone: {error}") from error


def own_keys(figure: widgets.Figure) -> list[str]:
    """Return the names of a figure's state that the page needs: its own, its script and style, and its class's name."""
    general = set(anywidget.AnyWidget.class_traits(sync=True)) - {"_esm", "_css", "_anywidget_id"}
    return sorted({key for key in figure.keys if key not in general})


def _is_output(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


# The mark of the book: a filled square, for the memory, and the way of what comes back to it.
ICON = (Path(__file__).parents[1] / "mark.svg").read_text(encoding="utf-8")


def write_palette(app: Sphinx) -> None:
    """Write what is made of the palette where the pages find it: the style sheet and the icon."""
    if app.builder.format == "html":
        folder = Path(app.outdir) / "_static"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "palette.css").write_text(palette_css(), encoding="utf-8")
        (folder / "icon.svg").write_text(ICON, encoding="utf-8")


def name_the_icon(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Name the icon in the head of every page."""
    address = context["pathto"]("_static/icon.svg", resource=True)
    context["metatags"] = f'{context.get("metatags", "")}<link rel="icon" type="image/svg+xml" href="{address}" />'


def mend_the_bibliography(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Call the entries of the bibliography what their list expects: their own role is no longer part of ARIA."""
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')


def let_keys_scroll_tables(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Let the frame of every table have the focus, so that arrow keys scroll a table that is wider than the page."""
    frame = '<div class="pst-scrollable-table-container"'
    context["body"] = context.get("body", "").replace(frame, f'{frame} tabindex="0"')


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the figures, the sentences, and the style sheets."""
    app.connect("builder-inited", write_palette)
    for mend in (name_the_icon, mend_the_bibliography, let_keys_scroll_tables):
        app.connect("html-page-context", mend, priority=900)
    app.add_css_file("palette.css", priority=790)
    app.add_css_file("site.css", priority=800)
    app.add_directive("live-figure", LiveFigureDirective)
    app.add_post_transform(SentenceBeforeFigure)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
