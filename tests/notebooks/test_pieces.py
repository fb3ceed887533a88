"""Every piece of the model is shown in exactly one chapter; no chapter gives its name to anything else."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import feedback_lite
from book.tools.notebooks.notebook import chapters
from tests.notebooks.pieces import SHOWN, code_of
from tests.notebooks.proofs import PIECES

# Names that mean one thing in the whole book.
NAMES = {*PIECES, *feedback_lite.__all__}
# The chapter that has the whole model in one cell gives it the name that it has in the package, and the same weights.
THE_SAME = {"00-in-one-page": {"FeedbackTransformer"}}


def bound(source: str) -> Iterator[str]:
    """Yield every name that a piece of code gives to something. To import from the package gives no new name."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.MatchMapping(rest=str(name)):
                yield name
            case ast.Import(names=imported) | ast.ImportFrom(names=imported):
                from_package = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("feedback_lite")
                for each in imported:
                    if not from_package or each.asname:
                        yield each.asname or each.name
                    if from_package and each.asname:
                        yield each.name  # a piece has one name in the whole book


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_is_shown_in_exactly_one_chapter(name: str) -> None:
    assert len([chapter for shown, chapter in SHOWN if shown == name]) == 1


def test_nothing_is_shown_twice() -> None:
    times = Counter(name for name, _ in SHOWN)
    assert [name for name, number in times.items() if number > 1] == []


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.stem)
def test_no_chapter_gives_the_name_of_a_piece_to_something_else(chapter: Path) -> None:
    taken = {*NAMES, "*"} - THE_SAME.get(chapter.stem, set())
    assert [name for source in code_of(chapter) for name in bound(source) if name in taken] == []


@pytest.mark.parametrize(
    "source",
    [
        "def mix_layers(x): ...",
        "class Block: ...",
        "mix_layers = 1",
        "a, (Block, b) = c",
        "mix_layers: int = 1",
        "Block += 1",
        "for Block in c: ...",
        "[x for Block in c]",
        "with a as Block: ...",
        "print(Block := 1)",
        "try: ...\nexcept E as Block: ...",
        "match a:\n    case {'b': Block}: ...",
        "lambda Block: 1",
        "def f():\n    def g(*, mix_layers): ...",
        "del Block",
        "import numpy as Block",
        "from torch.nn import Linear as Block",
        "from feedback_lite import Memory as Block",
        "from feedback_lite import Block as Layer",
        "from other import Block",
        "from other import *",
    ],
)
def test_every_way_to_give_a_name_is_seen(source: str) -> None:
    assert {"Block", "mix_layers", "*"} & set(bound(source))


def test_the_import_of_a_piece_and_its_use_give_no_name() -> None:
    source = "from feedback_lite import Block\nfrom feedback_lite.memory import mix_layers\nb = Block(mix_layers)"
    assert list(bound(source)) == ["b"]
