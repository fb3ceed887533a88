"""The chapter for those who know transformers: its model is a file that runs alone, and it is short."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from book.tools.notebooks.notebook import ROOT, is_code, read
from tests.benchmarks.contenders import make
from tests.benchmarks.counting import Size

CHAPTER = ROOT / "chapters" / "00-in-one-page.ipynb"
FILE = ROOT / "book" / "feedback_transformer.py"
CELLS = read(CHAPTER)[1]["cells"]

MOST_WORDS = 650
MOST_LINES = 110

USE = """
import sys
import torch
from feedback_transformer import FeedbackTransformer

torch.manual_seed(0)
model = FeedbackTransformer(vocab_size=4, d_model=8, num_layers=2, num_heads=2, head_dim=4, memory_size=3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
tokens = torch.randint(4, (16, 6))
targets = tokens.cumsum(dim=1) % 4
losses = []
for _ in range(30):
    logits, (keys, values) = model(tokens)
    losses.append(torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()))
    optimizer.zero_grad()
    losses[-1].backward()
    optimizer.step()
print(tuple(logits.shape), tuple(keys.shape), bool(losses[-1] < losses[0]), "feedback_lite" in sys.modules)
"""


def test_the_cell_with_the_model_is_the_file() -> None:
    models = [cell["source"] for cell in CELLS if is_code(cell) and "class FeedbackTransformer(" in cell["source"]]
    assert models == [FILE.read_text(encoding="utf-8").rstrip("\n")]
    assert len(models[0].splitlines()) <= MOST_LINES


def test_the_file_needs_torch_alone_and_trains(tmp_path: Path) -> None:
    shutil.copy(FILE, tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", USE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("(16, 6, 4) (16, 3, 8) True False\n", "")
    tree = ast.walk(ast.parse(FILE.read_text(encoding="utf-8")))
    named = {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}
    assert named == {"math", "torch", "torch.nn.functional"}


def test_the_prose_is_short() -> None:
    prose = [cell["source"] for cell in CELLS if cell["cell_type"] == "markdown"]
    assert len(" ".join(prose).split()) <= MOST_WORDS


@pytest.mark.parametrize(("column", "name"), [(0, "plain"), (1, "ordinary"), (2, "lstm")])
def test_the_table_of_costs_counts_the_models_that_were_measured(column: int, name: str) -> None:
    (table,) = (cell["outputs"][0]["text"] for cell in CELLS if is_code(cell) and "Table: cost" in cell["source"])
    counts = re.search(r"^parameters(.*)$", table, re.MULTILINE)
    assert counts is not None
    measured = make(name, Size(width=128, layers=4, heads=4, head_width=32, batch=8, length=256)).model
    expected = sum(parameter.numel() for parameter in measured.parameters())
    assert int(counts[1].split()[column].replace(",", "")) == expected
