"""Every number that the prose of a chapter claims was computed in that chapter, or carries a link to its source.

A number that a cell holds as it is, in a text or a collection, and then prints, was typed and not computed. What the
code reckons with is another matter: a learning rate, or the bound of a hypothesis.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from book.tools.notebooks.notebook import ROOT, Json, chapters, read
from book.tools.results import MARK

# What is no claim: code, mathematics, the target of a link, a version such as 0.0.10, a vector such as (0.5, 1.5).
NO_CLAIM = re.compile(
    r"`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|\b\d+\.\d+\.\d+\b|\b[Ee]xercise \d+\.\d+\b"
    r"|\([−-]?[\d.]+(?:, [−-]?[\d.]+)+\)",
    re.DOTALL,
)
# Decimals, percentages, ratios, seconds, thousands and millions. Small whole numbers are counted by the reader.
CLAIM = re.compile(
    r"\d[\d,]*\.\d+|\d[\d,]*(?=\s?%)|\d[\d,]*(?=\s?(?:seconds|ms|milliseconds)\b)|\d+(?=-fold)"
    r"|\d{1,3}(?:,\d{3})+|\d[\d,]*(?=\smillion\b)"
)
SOURCE = re.compile(r"\.\./book/(?:bibliography|differences)\.md")
ITEM = re.compile(r"\n(?=\s*(?:[*-]|\d+\.)\s|\|)")
SAYING = ("Predict", "Question", "annotate", "set_title", "set_xlabel", "set_ylabel", "suptitle", "text", "title")
COLLECTIONS = (ast.Dict, ast.List, ast.Set, ast.Tuple)
RECKONING = (ast.Compare, ast.BinOp, ast.UnaryOp, ast.Subscript, ast.Call)
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def claims(markdown: str) -> Iterator[str]:
    """Yield the numbers that a cell claims: not in headings, in exercises, or in items and rows with a source."""
    in_exercise = False
    for paragraph in re.split(r"\n\s*\n", markdown):
        if paragraph.startswith("#"):
            in_exercise = paragraph.startswith("### Exercise")
            continue
        if in_exercise:
            continue
        for item in ITEM.split(paragraph):
            if not SOURCE.search(item):
                yield from CLAIM.findall(NO_CLAIM.sub(" ", item))


def printed(cells: list[Json]) -> set[str]:
    """Return every number that a cell of the chapter prints, as it is printed."""
    texts = []
    for cell in cells:
        for output in cell.get("outputs", []):
            texts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    return {number for text in texts for number in NUMBER.findall(text)}


def constants(node: ast.AST, held: bool = False) -> Iterator[tuple[Any, bool]]:
    """Yield every constant of code, and whether it is held as it is: assigned, collected, printed, or within a text."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Constant):
            yield child.value, held or isinstance(child.value, str)
            continue
        if isinstance(child, ast.Call):
            inside = isinstance(child.func, ast.Name) and child.func.id == "print"
        elif isinstance(node, ast.For | ast.comprehension) and child is node.iter:
            inside = not all(isinstance(each, ast.Constant) for each in getattr(child, "elts", [child]))
        else:
            inside = isinstance(child, (*COLLECTIONS, ast.Assign)) or (held and not isinstance(child, RECKONING))
        yield from constants(child, inside)


def typed(cells: list[Json]) -> set[str]:
    """Return the numbers that the chapter's code holds as they are and does not reckon with."""
    held, used = set(), set()
    for cell in cells:
        if cell["cell_type"] != "code" or "%pip" in cell["source"]:
            continue
        for value, as_it_is in constants(ast.parse(cell["source"])):
            if isinstance(value, str):
                held.update(NUMBER.findall(value))
            elif isinstance(value, int | float):
                (held if as_it_is else used).update((f"{value}", f"{value:,}"))
                if not as_it_is:
                    used.add(f"{100 * value:g}")  # a bound of 0.95 is printed as 95 %
    return held - used


def settings(cells: list[Json]) -> set[str]:
    """Return the whole numbers in the chapter's code: how many vectors it draws is said by the text, not measured."""
    sources = [cell["source"] for cell in cells if cell["cell_type"] == "code" and "%pip" not in cell["source"]]
    found = [value for source in sources for value, _ in constants(ast.parse(source)) if type(value) is int]
    return {f"{value:,}" for value in found if value >= 1000}


def unfounded(cells: list[Json]) -> list[str]:
    """Return the claimed numbers that no cell of the chapter has computed."""
    known = printed(cells) - typed(cells) | settings(cells)
    prose = (cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    return [claim for text in prose for claim in claims(text) if claim not in known]


def asked(cells: list[Json]) -> Iterator[str]:
    """Yield the numbers that the questions of `Predict` and the plots' words hold."""
    for cell in cells:
        if cell["cell_type"] == "code" and "%pip" not in cell["source"]:
            for node in ast.walk(ast.parse(cell["source"])):
                if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in SAYING:
                    for value in (each.value for each in ast.walk(node) if isinstance(each, ast.Constant)):
                        yield from CLAIM.findall(NO_CLAIM.sub(" ", value)) if isinstance(value, str) else ()


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.stem)
def test_claimed_numbers_are_computed_or_cited(chapter: Path) -> None:
    _, notebook = read(chapter)
    assert unfounded(notebook["cells"]) == []


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.stem)
def test_what_figures_and_questions_say_has_no_typed_number(chapter: Path) -> None:
    _, notebook = read(chapter)
    assert list(asked(notebook["cells"])) == []


CONTAINER = re.compile(r"^(?P<fence>`{3,})\{container\}[^\n]*\n(?P<inside>.*?)^(?P=fence)$", re.DOTALL | re.MULTILINE)
"""Prose that a page sets apart; what stands between other fences is code."""


@pytest.mark.parametrize("page", ["README.md", "book/index.md", "book/results.md"])
def test_what_is_written_by_hand_around_the_chapters_claims_no_number(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8").split(MARK)[0]
    text = CONTAINER.sub(r"\g<inside>", text)
    prose = re.sub(r"```.*?```|arXiv \d+\.\d+|CC BY \d\.\d|Python \d\.\d+ or newer", "", text, flags=re.DOTALL)
    assert not list(claims(prose))


def told(text: str, output: str = "", code: str = "") -> list[str]:
    outputs = [{"text": output}] if output else []
    return unfounded(
        [{"cell_type": "markdown", "source": text}, {"cell_type": "code", "source": code, "outputs": outputs}]
    )


@pytest.mark.parametrize(
    ("text", "output", "missing"),
    [
        ("It is right in 98 % of the steps.", "", ["98"]),
        ("It is right in 98 % of the steps.", "accuracy 98%", []),
        ("It is right in 98 % of the steps.", "accuracy 198%", ["98"]),
        ("The loss falls to 0.25 in 30 seconds.", "0.25", ["30"]),
        ("A 3-fold gain, 1.50 at most.", "1.5", ["3", "1.50"]),
        ("The authors report 99.1 ([Fan et al.](../book/bibliography.md#fan2020feedback)).", "", []),
        ("It has 16 slots and 3 layers.", "", []),
        ("Version 0.0.10 has `x = 0.5` and $0.3$, and (0.5, −1.5) becomes (0, 1).", "", []),
        ("### Exercise 2.1 — Title\n\n0.5 becomes 0.7.\n\n## Next\n\nIt is 0.9.", "", ["0.9"]),
    ],
)
def test_what_counts_as_a_claim(text: str, output: str, missing: list[str]) -> None:
    assert told(text, output) == missing


@pytest.mark.parametrize(
    ("code", "output", "missing"),
    [
        ('print("right: 0.974")', "right: 0.974", ["0.974"]),
        ('rights = {"LSTM": 0.974}\nprint(rights)', "{'LSTM': 0.974}", ["0.974"]),
        ('for name, right in (("LSTM", 0.974),):\n    print(name, right)', "LSTM 0.974", ["0.974"]),
        ("right = 0.974\nprint(right)", "0.974", ["0.974"]),
        ("print(0.974)", "0.974", ["0.974"]),
        ('right = load("record")\nprint(f"right: {right}")', "right: 0.974", []),
        ('print("above 0.974:", right > 0.974)', "above 0.974: True", []),  # the bound of a hypothesis
        ('print("above 97.4 %:", right > 0.974)', "above 97.4 %: True", []),
        ("for rate in (0.974, 0.5):\n    print(rate, train(rate))", "0.974 0.2", []),  # a setting
        ("train(rate=0.974)\nprint(card)", "rate 0.974", []),
    ],
)
def test_what_was_typed_was_not_computed(code: str, output: str, missing: list[str]) -> None:
    number = "97.4 %" if "97.4" in output else "0.974"
    assert told(f"It is {number}.", output, code) == missing


def test_a_source_counts_for_its_own_item_alone() -> None:
    cited = "[Fan et al.](../book/bibliography.md#fan2020feedback)"
    assert told(f"* 0.5 ({cited})\n* 0.7 is ours.\n* And 0.9 ({cited}).") == ["0.7"]
    assert told(f"| who | right |\n|---|---|\n| {cited} | 0.5 |\n| ours | 0.7 |") == ["0.7"]


def test_thousands_and_millions_are_claims() -> None:
    assert told("It has 33,178 parameters and reads 22 million tokens.") == ["33,178", "22"]
    assert told("It has 33,178 parameters.", "33,178") == []
    assert told("We draw 2,000 vectors.", "", "torch.randn(2000)") == []


def test_questions_and_plots_are_looked_at() -> None:
    cells = [{"cell_type": "code", "source": 'Predict("Which?", ["60 % are right", "all"])\naxes.set_title("at 0.5")'}]
    assert list(asked(cells)) == ["60", "0.5"]
