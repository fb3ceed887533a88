"""Sphinx extension: a page asks for what it uses and no more, in the order in which a reader needs it.

The theme and Jupyter Book give every page the scripts and styles of all that a page could have. Here each page keeps
its own; the figures' script runs before the mathematics, which is put together of the parts that formulas need; the few
icons that the theme names are cut out of the font's own script; and what no page asks for leaves the built folder.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pydata_sphinx_theme
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

ICONS = (
    "angle-left",
    "angle-right",
    "arrow-up",
    "bars",
    "circle-half-stroke",
    "download",
    "expand",
    "file",
    "file-pdf",
    "github",
    "list",
    "magnifying-glass",
    "moon",
    "rocket",
    "sun",
    "xmark",
)
"""The icons that the theme's pages and scripts name."""
ICON_STYLE = """\
:is(.fas, .fa-solid, .fab, .fa-brands) {
  display: inline-block;
  width: 1.25em;
  height: 1em;
  vertical-align: -0.125em;
  background: currentColor;
  -webkit-mask: var(--icon) center / contain no-repeat;
  mask: var(--icon) center / contain no-repeat;
}
.fa-lg { font-size: 1.25em; vertical-align: -0.075em; }
.theme-switch.fa-lg { width: 1em; font-size: 1.1em; }
/* Where the system sets the colours, it would also take the background away. */
@media (forced-colors: active) {
  :is(.fas, .fa-solid, .fab, .fa-brands) { forced-color-adjust: none; background: ButtonText; }
}
"""
NEVER_USED = ("thebe", "design", "togglebutton")
"""Parts of the names of scripts and styles that no page of this book needs."""
MATHEMATICS = "mathjax"
MATHEMATICS_SCRIPT = f"{MATHEMATICS}/mathematics.js"
PARTS_OF_MATHEMATICS = (
    "startup.js",
    "core.js",
    "input/tex.js",
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "a11y/assistive-mml.js",
)
"""MathJax's own parts, in the order of its `tex-chtml.js`: without the menu, which is a third of that script."""
AFTER_FIGURES = "Promise.resolve(self.feedbackFigures).then(() => {{\n{script}\n}});\n"
"""How that script waits: `host.js`, which runs before it, promises to say when the figures are there."""
READ_AT_ONCE = "documentation_options.js"
"""A line of the page itself needs this script; all others wait until the text is there."""
SEARCH = "search"
"""The page whose own lines need all of its scripts."""
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
FONTS_OF_MATHEMATICS = "mathjax/output/chtml/fonts/woff-v2"
ICON_FONT = re.compile(r"^.*/vendor/fontawesome/.*\n", re.MULTILINE)
ONE_IMPORT = re.compile(r"styles/theme\.css(\?digest=\w+)?")
"""A style sheet that does nothing but import another, and so costs one more way to the server."""
THEBE = re.compile(
    r'\s*<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName = [^<]*</script>', re.DOTALL
)
COMPACT = (",", ":")
"""JSON without the spaces that only help who reads its files."""
NAMED = re.compile(r"""(?:src|href)="([^"#?:]+)|url\(["']?([^"')#?:]+)""")
"""Files of the site that a page or a style sheet names."""


def write_icons(app: Sphinx) -> None:
    """Write the style sheet of the icons; their outlines come from the script that comes with the theme."""
    if app.builder.format != "html":
        return
    folder = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
    (script,) = folder.glob("vendor/fontawesome/*/js/all.min.js")
    text = script.read_text(encoding="utf-8")
    rules = [f".fa-{name} {{ --icon: url('{outline(name, text)}'); }}\n" for name in ICONS]
    styles = Path(app.outdir) / "_static"
    styles.mkdir(parents=True, exist_ok=True)
    (styles / "icons.css").write_text(ICON_STYLE + "".join(rules), encoding="utf-8")


def name_the_mathematics(app: Sphinx, config: Config) -> None:
    """Let the pages name the script that is put together of MathJax's parts."""
    config["mathjax_path"] = MATHEMATICS_SCRIPT
    config["mathjax_options"] = {"id": "MathJax-script"}  # by it MathJax finds where its fonts are, when it runs later


def write_mathematics(static: Path) -> None:
    """Write MathJax as one script, which begins when the page's figures, if it has some, are there.

    Its first part begins to work when the others are there too.
    """
    parts = [(static / MATHEMATICS / part).read_text(encoding="utf-8") for part in PARTS_OF_MATHEMATICS]
    (static / MATHEMATICS_SCRIPT).write_text(AFTER_FIGURES.format(script="\n".join(parts)), encoding="utf-8")


def outline(name: str, script: str) -> str:
    """Return an icon as an address that holds its picture; of several with the name the last, a solid one."""
    found = re.findall(rf'["\']?\b(?<!-){name}["\']?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","([^"]+)"\]', script)
    if not found:
        raise ExtensionError(f"the theme's icons have none of the name {name!r} any more")
    width, height, path = found[-1]
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><path d="{path}"/></svg>'
    return f"data:image/svg+xml,{quote(picture, safe=' =:/,')}".replace("'", "%27")


def keep_what_is_used(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Leave out scripts and styles that this page does not use, and order the others by when a reader needs them.

    The stored state of the figures, with the weights of models in it, is most of a page: it comes after the text.
    """
    body = THEBE.sub("", context.get("body", ""))
    unused = NEVER_USED if 'class="math' in body else (*NEVER_USED, MATHEMATICS)
    for kind in ("script_files", "css_files"):
        files = context.get(kind, [])
        context[kind] = [file for file in files if not any(part in told(file).lower() for part in unused)]
    states = [file for file in context["script_files"] if file.attributes.get("type") == WIDGET_STATE]
    scripts = [file for file in context["script_files"] if file not in states]
    for script in scripts:  # the pages share these objects
        if page == SEARCH:
            script.attributes.pop("defer", None)
        elif script.filename and not script.filename.endswith(READ_AT_ONCE):
            script.attributes["defer"] = "defer"
    context["script_files"] = sorted(scripts, key=lambda file: MATHEMATICS in told(file).lower())
    stored = [f'<script type="{WIDGET_STATE}">{file.attributes["body"]}</script>' for file in states]
    context["body"] = "\n".join([body, *stored])


def told(file: Any) -> str:
    """Return the name of a script or style, or the beginning of its text."""
    return f"{getattr(file, 'filename', None) or ''} {getattr(file, 'attributes', {}).get('body') or ''}"[:500]


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Take the font of icons out of the pages, and out of the folder what no page names and spaces that nobody sees."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    for path in pages(folder):
        text = path.read_text(encoding="utf-8")
        lean = ONE_IMPORT.sub("basic.css", ICON_FONT.sub("", text))
        missing = set(re.findall(r'class="[^"]*\bfa[bs]? fa-([a-z-]+)', lean)) - set(ICONS)
        if missing:
            raise ExtensionError(f"{path} names icons that book/site/lean.py does not: {sorted(missing)}")
        if lean != text:
            path.write_text(lean, encoding="utf-8")
    for path in sorted(folder.glob("_sources/**/*.ipynb")):  # what is behind the button for downloads
        notebook = without_states(json.loads(path.read_text(encoding="utf-8")))
        path.write_text(json.dumps(notebook, ensure_ascii=False, separators=COMPACT), encoding="utf-8")
    static = folder / "_static"
    write_mathematics(static)
    kept = named_by(pages(folder))
    for path in sorted(folder.glob("_sources/**/*.md")):  # a page's source is in the repository; its button leads there
        if path not in kept:
            path.unlink()
    kept |= named_by(path for path in kept if path.suffix == ".css")
    kept |= set((static / FONTS_OF_MATHEMATICS).iterdir())  # its script asks for them
    for path in sorted(static.rglob("*"), reverse=True):  # a folder after what is in it
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept:
            path.unlink()


def without_states(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook without what its figures store, three quarters of it: a kernel makes them again.

    All other outputs stay. Until a cell runs, its figure's sentence stands there.
    """
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET_VIEW, None)
    return notebook


def pages(folder: Path) -> Iterator[Path]:
    """Yield the pages of the site."""
    return (path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts)


def named_by(paths: Iterable[Path]) -> set[Path]:
    """Return the files that pages or style sheets name."""
    return {
        Path(os.path.normpath(path.parent / unquote("".join(groups))))
        for path in paths
        for groups in NAMED.findall(path.read_text(encoding="utf-8"))
    }


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what happens before, while and after pages are written."""
    app.connect("config-inited", name_the_mathematics)
    app.connect("builder-inited", write_icons)
    app.connect("html-page-context", keep_what_is_used, priority=950)
    app.connect("build-finished", finish, priority=950)
    app.add_css_file("icons.css", priority=780)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
