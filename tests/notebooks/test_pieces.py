"""Every piece of the model is shown and proven in exactly one chapter; no chapter gives its name to anything else."""

import ast
import functools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import feedback_lite
from book.tools.notebooks import KERNEL_ENVIRONMENT, ROOT, chapters, dumps, is_code, read, stable, without_magics
from tests.notebooks.building import SET_UP, code, notebook
from tests.notebooks.proofs import PIECES, methods

CHAPTERS = chapters()
# Pieces that have no chapter yet, and the number of the chapter that will build them.
AWAITED: dict[str, str] = {}
# Names that mean one thing in the whole book.
NAMES = {*PIECES, *feedback_lite.__all__}


def is_awaited(name: str, stems: list[str]) -> bool:
    """Whether the chapter of a piece is still to be written."""
    return name in AWAITED and not any(stem.startswith(f"{AWAITED[name]}-") for stem in stems)


STEMS = [chapter.stem for chapter in CHAPTERS]
BUILT = [name for name in PIECES if not is_awaited(name, STEMS)]


def code_of(chapter: Path) -> list[str]:
    """Return the code cells of a chapter as Python."""
    _, content = read(chapter)
    return [without_magics(cell["source"]) for cell in content["cells"] if is_code(cell)]


def shown_in(chapter: Path) -> list[str]:
    """Return what the chapter shows the source of; a method by its own name, such as ``Memory.push``."""
    calls = [node for source in code_of(chapter) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "show_source"]


SHOWN = [(name, chapter) for chapter in CHAPTERS for name in shown_in(chapter)]


def proofs(*paths: Path) -> list[set[str]]:
    """Return what each chapter proves. It runs in another process: there the package is as readers have it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.notebooks.proofs", *map(str, paths)],
        cwd=ROOT,
        env=os.environ | KERNEL_ENVIRONMENT | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [set(names) for names in json.loads(done.stdout).values()]


@functools.cache
def proven_in(chapter: Path) -> set[str]:
    """Return what the chapter proves; a method by its own name, such as ``Memory.push``."""
    (proven,) = proofs(chapter)
    return proven


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
    numbers = [chapter.stem[:2] for shown, chapter in SHOWN if shown == name]
    if name in BUILT:
        assert len(numbers) == 1
        assert numbers == [AWAITED.get(name, numbers[0])]
    else:
        assert numbers == []


def test_nothing_is_shown_twice() -> None:
    times = Counter(name for name, _ in SHOWN)
    assert [name for name, number in times.items() if number > 1] == []


@pytest.mark.parametrize("name", BUILT)
def test_the_chapter_that_shows_a_piece_proves_it(name: str) -> None:
    names = {name, *(f"{name}.{method}" for method in methods(PIECES[name]))}
    proven = [names & proven_in(chapter) for shown, chapter in SHOWN if shown == name]
    assert proven
    assert all(proven)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_no_chapter_gives_the_name_of_a_piece_to_something_else(chapter: Path) -> None:
    assert [name for source in code_of(chapter) for name in bound(source) if name in NAMES or name == "*"] == []


def test_what_is_awaited_is_a_piece_and_its_chapter_must_bring_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert AWAITED.keys() <= PIECES.keys()
    monkeypatch.setitem(AWAITED, "CausalTransformer", "11")
    assert is_awaited("CausalTransformer", ["09-whole-model", "10-generation"])
    assert not is_awaited("CausalTransformer", ["10-generation", "11-training"])
    assert not is_awaited("mix_layers", [])


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


IMPORTS = """
import torch
from feedback_lite import FeedbackConfig, FeedbackTransformer, Memory, RelativePositionBias, distances, generate
from feedback_lite.lesson import agree

places = torch.arange(5), torch.arange(3)

def table(queries, keys):
    return queries[:, None] - keys[None, :]
"""
BIAS = """
bias = RelativePositionBias(num_heads=2, num_buckets=4, max_distance=8).requires_grad_(False)
agree(lambda queries, keys: torch.zeros(2, 5, 3), lambda queries, keys: bias({}), [places])
"""
MODEL = """
config = FeedbackConfig(vocab_size=5, d_model=4, num_layers=1, num_heads=2, head_dim=2, memory_size=3)
model = FeedbackTransformer(config).requires_grad_(False)

def without_forward(token):
    embedded = model.embedding(token)
    empty = Memory(*model.to_keys_values(embedded[:, :0]))
    return model.head(model.read(embedded, empty).hiddens[-1])

def likeliest(token):
    return model(token).logits.argmax(dim=-1)

token = torch.tensor([[3]])
"""
PROVING = {
    "agree(table, distances, [places])": {"distances"},
    "agree(table, lambda queries, keys: distances(queries, keys), [places])": {"distances"},
    "": set(),
    "distances(*places)": set(),
    "agree(table, table, [places])": set(),
    "agree(distances, table, [places])": set(),
    "agree(distances, distances, [places])": set(),
    "agree(lambda queries, keys: distances(queries, keys), distances, [places])": set(),
    # What stands ready before `agree` was called for the inputs alone.
    "agree(lambda made: made, lambda made: made, [(distances(*places),)])": set(),
    # The bias calls `relative_position_bucket` itself: only the bias is proven.
    BIAS.format("table(queries, keys)"): {"RelativePositionBias.forward"},
    BIAS.format("distances(queries, keys)"): {"RelativePositionBias.forward", "distances"},
    # An `Output` only holds values: it comes with what the model's call returns.
    MODEL + "agree(without_forward, lambda token: model(token).logits, [(token,)])": {
        "FeedbackTransformer.forward",
        "Output",
    },
    # `generate` has a decorator, as others have.
    MODEL + "agree(likeliest, lambda token: generate(model, token, 1)[:, 1:], [(token,)])": {"generate"},
}


def test_only_an_agree_that_calls_a_piece_on_its_second_side_proves_it(tmp_path: Path) -> None:
    paths = []
    for number, cell in enumerate(PROVING):
        paths.append(tmp_path / f"{number:02}.ipynb")
        after = code("raise RuntimeError('what comes after the last proof need not run')")
        paths[-1].write_text(dumps(stable(notebook(code(SET_UP), code(IMPORTS), code(cell or "1"), after))))
    assert dict(zip(PROVING, proofs(*paths), strict=True)) == PROVING
