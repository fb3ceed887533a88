"""Every plot of a chapter is a drawing with its numbers: ``show_plot`` made it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from book.tools.notebooks.notebook import Json, cell_name, chapters
from book.tools.notebooks.rules import Chapter, shows_picture
from tests.notebooks.building import chapter, code, notebook

SVG, PNG = "image/svg+xml", "image/png"


def faults_of_plots(committed: Chapter) -> Iterator[str]:
    """Say which pictures lack a form that some viewer needs, the numbers, or the fold for their code."""
    for index, cell in enumerate(committed.cells):
        if cell["cell_type"] != "code" or not shows_picture(cell):
            continue
        where = cell_name(index, cell)
        outputs = [output.get("data", {}) for output in cell["outputs"]]
        if not all({SVG, PNG} <= set(data) for data in outputs[::2]):
            yield f"{where}: its picture is not drawn by show_plot"
        if not all("fl-numbers" in data.get("text/html", "") for data in outputs[1::2]) or len(outputs) % 2:
            yield f"{where}: its picture has no numbers after it"
        if "hide-input" not in cell["metadata"].get("tags", []):
            yield f"{where}: its code lies open: it needs the tag hide-input"


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_plots_are_drawings_with_numbers(path: Path) -> None:
    assert list(faults_of_plots(Chapter.read(path))) == []


def shown(**data: str) -> Json:
    kinds = {"svg": SVG, "png": PNG, "html": "text/html"}
    bundle = {kinds[kind]: value for kind, value in data.items()}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


DRAWN = shown(svg="<svg/>", png="aGVsbG8=")
NUMBERS = shown(html='<details class="fl-numbers"></details>')


@pytest.mark.parametrize(
    ("outputs", "tags", "missing"),
    [
        ((DRAWN, NUMBERS), ("hide-input",), []),
        ((DRAWN, NUMBERS), (), ["lies open"]),
        ((DRAWN,), ("hide-input",), ["no numbers"]),
        ((shown(png="aGVsbG8="), NUMBERS), ("hide-input",), ["not drawn by show_plot"]),
        ((shown(svg="<svg/>"), shown(html="<b>x</b>")), ("hide-input",), ["not drawn by show_plot", "no numbers"]),
    ],
)
def test_what_a_plot_lacks_is_found(
    outputs: tuple[Json, ...], tags: tuple[str, ...], missing: list[str], tmp_path: Path
) -> None:
    found = list(faults_of_plots(chapter(notebook(code("draw()", *outputs, tags=tags)), tmp_path)))
    assert len(found) == len(missing)
    assert all(part in fault for part, fault in zip(missing, found, strict=True))
