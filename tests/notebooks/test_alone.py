"""Each chapter gives what is committed when it lies alone in an empty folder and finds the built package only.

The environment of these runs also has `proofs`, which notes what the chapter proves: a chapter is executed once for
both.
"""

import functools
import json
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from book.tools.distribution import build
from book.tools.notebooks.compare import differences
from book.tools.notebooks.notebook import Json, chapters, dumps, read
from book.tools.notebooks.run import execute, kernel_environment
from tests.notebooks import proofs
from tests.notebooks.building import SET_UP, code, notebook
from tests.notebooks.pieces import SHOWN
from tests.notebooks.proofs import PIECES, methods


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an interpreter that has the wheel, this environment's packages and `proofs`, but not the checkout.

    A line in a .pth file adds a folder to the path without reading that folder's own .pth files, so the
    checkout, if it is installed in editable mode, stays out.
    """
    folder = tmp_path_factory.mktemp("alone")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    (installed,) = (folder / "venv").glob("lib/python*/site-packages")
    with zipfile.ZipFile(build("wheel", folder / "dist")) as archive:
        archive.extractall(installed)
    shared = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    (installed / "shared.pth").write_text("\n".join(shared))
    shutil.copy(proofs.__file__, installed / "proofs.py")
    settings = folder / "venv" / "etc" / "ipython" / "ipython_config.py"
    settings.parent.mkdir(parents=True)
    settings.write_text('get_config().InteractiveShellApp.extensions = ["proofs"]\n')
    return str(folder / "venv" / "bin" / "python")


def output_of(python: str, program: str, folder: Path) -> str:
    """Return what a short program prints under the given interpreter, in the environment that a kernel gets."""
    command = [python, "-W", "error", "-c", program]
    environment = kernel_environment(folder)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_package_comes_from_the_wheel_and_the_checkout_is_out_of_reach(python: str, tmp_path: Path) -> None:
    program = (
        "import importlib.util, feedback_lite\nprint(feedback_lite.__file__)\nprint(importlib.util.find_spec('book'))"
    )
    file, book = output_of(python, program, tmp_path).splitlines()
    assert Path(file).is_relative_to(Path(python).parent.parent)
    assert book == "None"


@dataclass(frozen=True)
class Run:
    """What came of a chapter that was executed alone: the notebook, its folder's files, each `agree`'s proofs."""

    executed: Json
    files: list[str]
    proven: list[set[str]]


Execute = Callable[[Path], Run]


@pytest.fixture(scope="module")
def alone(python: str, tmp_path_factory: pytest.TempPathFactory) -> Execute:
    """Return a function that executes a chapter once, alone in an empty folder."""

    @functools.cache
    def run(path: Path) -> Run:
        folder, notes = tmp_path_factory.mktemp("chapter"), tmp_path_factory.mktemp("notes") / "proofs"
        copied = Path(shutil.copy(path, folder))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(proofs.VARIABLE, str(notes))
            executed = execute(copied, python=python, folder=folder)
        proven = [set(json.loads(line)) for line in notes.read_text(encoding="utf-8").splitlines()]
        return Run(executed, [file.name for file in folder.iterdir()], proven)

    return run


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_chapter_alone_gives_what_is_committed(path: Path, alone: Execute) -> None:
    _, committed = read(path)
    assert differences(committed, alone(path).executed) == []
    assert alone(path).files == [path.name], "the chapter leaves files behind"


@pytest.mark.parametrize("name", PIECES)
def test_the_chapter_that_shows_a_piece_proves_it(name: str, alone: Execute) -> None:
    names = {name, *(f"{name}.{method}" for method in methods(PIECES[name]))}
    proven = [names & set().union(*alone(chapter).proven) for shown, chapter in SHOWN if shown == name]
    assert proven
    assert all(proven)


IMPORTS = """
import torch
from feedback_lite import FeedbackConfig, FeedbackTransformer, Memory, RelativePositionBias, distances, generate
from feedback_lite.lesson import agree

places = torch.arange(5), torch.arange(3)

def table(queries, keys):
    return queries[:, None] - keys[None, :]

bias = RelativePositionBias(num_heads=2, num_buckets=4, max_distance=8).requires_grad_(False)
config = FeedbackConfig(vocab_size=5, d_model=4, num_layers=1, num_heads=2, head_dim=2, memory_size=3)
model = FeedbackTransformer(config).requires_grad_(False)
token = torch.tensor([[3]])

def zeros(queries, keys):
    return torch.zeros(2, 5, 3)

def without_forward(token):
    embedded = model.embedding(token)
    empty = Memory(*model.to_keys_values(embedded[:, :0]))
    return model.head(model.read(embedded, empty).hiddens[-1])

def likeliest(token):
    return model(token).logits.argmax(dim=-1)
"""
PROVING = {
    "agree(table, distances, [places])": {"distances"},
    "agree(table, lambda queries, keys: distances(queries, keys), [places])": {"distances"},
    "agree(table, table, [places])": set(),
    "agree(distances, table, [places])": set(),
    "agree(distances, distances, [places])": set(),
    "agree(lambda queries, keys: distances(queries, keys), distances, [places])": set(),
    # What stands ready before `agree` was called for the inputs alone.
    "agree(lambda made: made, lambda made: made, [(distances(*places),)])": set(),
    # The bias calls `relative_position_bucket` itself: only the bias is proven.
    "agree(zeros, lambda queries, keys: bias(table(queries, keys)), [places])": {"RelativePositionBias.forward"},
    "agree(zeros, lambda queries, keys: bias(distances(queries, keys)), [places])": {
        "RelativePositionBias.forward",
        "distances",
    },
    # An `Output` only holds values: it comes with what the model's call returns.
    "agree(without_forward, lambda token: model(token).logits, [(token,)])": {"FeedbackTransformer.forward", "Output"},
    # `generate` has a decorator, as others have.
    "agree(likeliest, lambda token: generate(model, token, 1)[:, 1:], [(token,)])": {"generate"},
}


def test_only_an_agree_that_calls_a_piece_on_its_second_side_proves_it(alone: Execute, tmp_path: Path) -> None:
    path = tmp_path / "00-proofs.ipynb"
    cells = [code(SET_UP), code(IMPORTS), code("distances(*places);"), *map(code, PROVING)]
    path.write_text(dumps(notebook(*cells)), encoding="utf-8")
    assert dict(zip(PROVING, alone(path).proven, strict=True)) == PROVING
