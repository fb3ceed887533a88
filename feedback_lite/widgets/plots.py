"""Plots for a page: one picture that stays sharp, its phone-sized twin, and its numbers as a table."""

import base64
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Any
from xml.etree import ElementTree

from matplotlib import pyplot, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

WIDE, NARROW = 640, 350
"""Widths of the two pictures in pixels: beside a page's margin, and on a phone. Their letters have one size."""
MOST_ROWS = 40
NARROW_MARK = "fl-narrow"
"""The class of the picture for a phone, which lies hidden in the other one until a page takes it out."""
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_LONG_NAME = 18
_FONT = "'DejaVu Sans', sans-serif"
_FAMILY = re.compile(r"font-family: [^;]*;?")
_FRACTION = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_NAME = re.compile(r"(^|url\()#([\w-]+)")
"""The name of a piece in an address: a colour stands elsewhere."""
_NO_TURN = re.compile(r"rotate\(-?0(?:\.0*)?[ )]")


def show_plot(figure: Figure) -> None:
    """Show a figure of matplotlib as a picture, with the numbers of its named lines as a table in a fold, and close it.

    The picture is an SVG drawing, with a PNG picture for viewers that show no other. Within it lies the same figure
    once more, drawn for a phone: narrow, its axes below each other, its names under it. Names of lines come from their
    labels, and what the upright axis measures stands above it; the code that draws asks for neither.

    Args:
        figure: what ``plt.subplots()`` gave, with at least one line that has a label.

    Raises:
        ValueError: ``figure`` is no figure of matplotlib, or none of its lines has a label.
    """
    if not isinstance(figure, Figure):
        raise ValueError(f"figure must be a figure of matplotlib, got {type(figure).__name__}")
    tables = numbers(figure)
    if not tables:
        raise ValueError("figure must have lines with a label, got none: the table is made of them")
    names = ", ".join(dict.fromkeys(name for table in tables for name in table.names))
    wide, picture = _drawn(figure, WIDE)
    wide.append(_drawn(figure, NARROW)[0])
    pyplot.close(figure)
    forms = {"image/svg+xml": ElementTree.tostring(wide, encoding="unicode"), "image/png": picture}
    _display({**forms, "text/plain": f"a plot of {names}"})
    _display({"text/html": as_fold(tables), "text/plain": f"the numbers of {names}, as a table"})


def _display(forms: dict[str, str]) -> None:
    from IPython.display import display

    display(forms, raw=True)  # type: ignore[no-untyped-call]


# ---- numbers


@dataclass(frozen=True)
class Table:
    """The numbers of lines that share their places: one row for each place, one column for each line."""

    measured: str
    along: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Place and values, as they are written; an empty text where a line has no value."""
    left_out: str
    """Says how rows were thinned; empty where none was."""


def numbers(figure: Figure) -> list[Table]:
    """Return the numbers of all lines with a label, few digits each, as at most 40 rows for each axes."""
    tables = []
    for axes in figure.axes:
        groups = list(_groups(axes))
        tables += [_table(axes, lines, MOST_ROWS // len(groups)) for lines in groups]
    return tables


def _groups(axes: Axes) -> Iterator[list[Line2D]]:
    """Yield the named lines, those together that have values at the same places, or at some of them."""
    named = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    level = [line for line in named if _is_level(axes, line)]
    waiting = [line for line in named if line not in level]
    while waiting:
        longest = max(waiting, key=lambda line: len(_floats(line.get_xdata())))
        places = set(_floats(longest.get_xdata()))
        group = [line for line in waiting if places.issuperset(_floats(line.get_xdata()))]
        waiting = [line for line in waiting if line not in group]
        yield [*group, *level]


def _is_level(axes: Axes, line: Line2D) -> bool:
    """Return whether a line goes across the whole axes at one height, as ``axhline`` draws it."""
    return bool(line.get_transform() == axes.get_yaxis_transform(which="grid"))


def _table(axes: Axes, lines: Sequence[Line2D], most: int) -> Table:
    columns = {}
    for line in lines:
        if not _is_level(axes, line):
            columns[line] = dict(zip(_floats(line.get_xdata()), _floats(line.get_ydata()), strict=True))
    places = sorted({place for column in columns.values() for place in column})
    for line in lines:
        if line not in columns:
            columns[line] = dict.fromkeys(places, _floats(line.get_ydata())[0])
    step = ceil(len(places) / most)
    digits = _digits(axes.get_ylim())
    rows = [
        (_place(place), *(_rounded_to(column[place], digits) if place in column else "" for column in columns.values()))
        for place in places[::step]
    ]
    return Table(
        measured=axes.get_ylabel() or axes.get_title(loc="left"),
        along=axes.get_xlabel(),
        names=tuple(str(line.get_label()) for line in columns),
        rows=tuple(rows),
        left_out=f"One row of {step}; {len(places)} were drawn." if step > 1 else "",
    )


def _floats(values: Any) -> list[float]:
    return [float(value) for value in values]


def _digits(ends: tuple[float, float]) -> int:
    """Return how many decimals tell a hundredth of what an axis spans, or a little less."""
    return max(0, 2 - floor(log10(abs(ends[1] - ends[0]))))


def _rounded_to(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # no minus before a zero


def _place(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:.3g}"


def as_fold(tables: Sequence[Table]) -> str:
    """Return tables as a piece of a page that is folded at first."""
    inside = "".join(_as_html(table) for table in tables)
    return f'<details class="fl-numbers"><summary>The numbers of this plot</summary>{inside}</details>'


def _as_html(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (table.along, *table.names))
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(value)}</td>" for value in row[1:])}</tr>'
        for row in table.rows
    )
    caption = " ".join(filter(None, [table.measured and f"{table.measured}.", table.left_out]))
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


# ---- pictures


def _drawn(figure: Figure, width: int) -> tuple[ElementTree.Element, str]:
    """Return a figure drawn at a width, as SVG and as PNG in base 64; the narrow one is marked, and hidden."""
    narrow = width == NARROW
    _lift_labels(figure)
    _arrange(figure, width)
    legend = _name_lines(figure, narrow)
    with rc_context({"svg.hashsalt": NARROW_MARK if narrow else "wide"}):
        drawing = io.StringIO()
        figure.savefig(drawing, format="svg", metadata={"Date": None})
    pixels = io.BytesIO()
    if not narrow:
        figure.savefig(pixels, format="png", dpi=100)
    legend.remove()
    root = _small(drawing.getvalue(), "n" if narrow else "w")
    if narrow:
        root.set("class", NARROW_MARK)
        root.set("display", "none")
    return root, base64.b64encode(pixels.getvalue()).decode()


def _lift_labels(figure: Figure) -> None:
    """Write what the upright axis measures above it, where it is read without turning the head."""
    for axes in figure.axes:
        if axes.get_ylabel():
            axes.set_title(axes.get_ylabel(), loc="left", pad=10)
            axes.set_ylabel("")


def _arrange(figure: Figure, width: int) -> None:
    """Set the size; on a phone, axes that stood side by side stand below each other."""
    several = len(figure.axes)
    if width == NARROW and several > 1:
        grid = figure.add_gridspec(several, 1)
        for row, axes in enumerate(figure.axes):
            axes.set_subplotspec(grid[row, 0])
            axes.tick_params(labelleft=True)
    height = 300 * several if width == NARROW else round(figure.get_size_inches()[1] * 72)
    figure.set_size_inches(width / 72, height / 72)


def _name_lines(figure: Figure, narrow: bool) -> Any:
    """Write the names of the lines beside the axes, or under them where they are long or the picture is narrow."""
    named = {}
    for axes in figure.axes:
        named.update({label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)})
    longest = max(map(len, named))
    if not narrow and longest <= _LONG_NAME and len(figure.axes) == 1:
        return figure.legend(named.values(), named, loc="outside right center")
    columns = (2 if longest <= _LONG_NAME - 2 else 1) if narrow else (3 if longest <= _LONG_NAME else 1)
    return figure.legend(named.values(), named, loc="outside lower left", ncols=columns)


def _small(drawing: str, mark: str) -> ElementTree.Element:
    """Return an SVG drawing of matplotlib without what nobody sees; its names begin with a mark."""
    for name, space in (("", _SVG), ("xlink", _XLINK)):
        ElementTree.register_namespace(name, space)
    root = ElementTree.fromstring(drawing)
    for tag in ("metadata", "style"):
        _drop(root, f"{{{_SVG}}}{tag}")
    used = dict.fromkeys(re.findall(r'(?:url\(|href=")#([\w-]+)', drawing))
    short = {name: f"{mark}{number}" for number, name in enumerate(used)}
    for node in root.iter():
        node.text = node.text if node.text and node.text.strip() else None
        node.tail = None
        kept = {key: _attribute(key, value, short) for key, value in node.attrib.items()}
        node.attrib.clear()
        node.attrib.update({key: value for key, value in kept.items() if value})
    _unwrap(root)
    _, _, width, height = root.get("viewBox", "").split()
    del root.attrib["version"]
    # For all that is in it, in place of a style sheet, which would hold for the whole page.
    root.attrib.update({"width": width, "height": height, "stroke-linejoin": "round", "font-family": _FONT})
    return root


def _attribute(key: str, value: str, short: dict[str, str]) -> str:
    """Return an attribute as it is kept; empty where it says nothing."""
    if key == "id":
        return short.get(value, "")
    if key == "transform" and _NO_TURN.match(value):
        return ""
    value = _NAME.sub(lambda found: f"{found[1]}#{short[found[2]]}", value)
    if key == "style":
        return re.sub(r"([:;]) +", r"\1", _FAMILY.sub("", value)).strip("; ")
    return re.sub(r"\s+", " ", _FRACTION.sub(_rounded, value)).strip()


def _rounded(found: re.Match[str]) -> str:
    return f"{round(float(found[0]), 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def _drop(node: ElementTree.Element, tag: str) -> None:
    for child in list(node):
        if child.tag == tag:
            node.remove(child)
        else:
            _drop(child, tag)


def _unwrap(node: ElementTree.Element) -> None:
    """Take away groups that say nothing of what is in them, and lists of names that are empty."""
    inside: list[ElementTree.Element] = []
    for child in list(node):
        _unwrap(child)
        node.remove(child)
        if child.tag == f"{{{_SVG}}}g" and not child.attrib:
            inside += list(child)
        elif child.tag != f"{{{_SVG}}}defs" or len(child):
            inside.append(child)
    node.extend(inside)
