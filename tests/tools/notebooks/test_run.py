"""Whole runs, each with a kernel: what is stored, what is not, and how a failure is told."""

from pathlib import Path

import pytest
from nbclient.output_widget import OutputWidget

from book.tools.notebooks.notebook import Json, NotebookError, dumps, widget_models
from book.tools.notebooks.run import execute
from tests.notebooks.building import SET_UP, code, markdown, notebook, stream

WIDGET = """
import anywidget, traitlets

class Mixture(anywidget.AnyWidget):
    _esm = "export default { render({ model, el }) { el.textContent = model.get('weights') } }"
    weights = traitlets.List([0.25, 1 / 3]).tag(sync=True)

    def __repr__(self):
        return "two weights"

Mixture()
""".strip()

SURROUNDINGS = """
import os, pathlib, sys

print(list(pathlib.Path().iterdir()), os.environ["OMP_NUM_THREADS"], os.environ["PYTHONHASHSEED"])
print("PYTHONPATH" in os.environ, os.environ["IPYTHONDIR"].startswith(str(pathlib.Path().resolve().parent)))
""".strip()

DRAWING = "import matplotlib.pyplot as plt\n\nfigure, axes = plt.subplots(figsize=(1, 1))"

UNEXECUTED = notebook(
    markdown("# Title"),
    code(SET_UP.replace("%pip install feedback-lite", "raise SystemError('pip install -e . first')")),
    code(SURROUNDINGS),
    code("for step in range(3):\n    print(step, flush=True)\n{3, 1, 2}"),
    code(WIDGET),
    code(DRAWING, mystnb={"image": {"alt": "empty axes"}}),
    code(
        "import ipywidgets, time\nprint(time.time())\nipywidgets.FloatText(time.time())",
        tags=("volatile", "nbval-ignore-output"),
    ),
    code("time.sleep(0)", tags=("volatile", "nbval-ignore-output")),
    code("ipywidgets.interact(lambda x: print('x is', x), x=(0, 4))", tags=("nbval-ignore-output",)),
)


def saved(content: Json, folder: Path) -> Path:
    path = folder / "05-name.ipynb"
    path.write_text(dumps(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What an execution gives, with a caller's path that must not leak in."""
    path = saved(UNEXECUTED, tmp_path_factory.mktemp("chapters"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(path.parent))
        patch.setenv("OMP_NUM_THREADS", "2")
        return execute(path)


def test_the_outputs_are_what_the_code_gave(executed: Json) -> None:
    cells = executed["cells"]
    assert cells[2]["outputs"] == [stream("[] 1 0\nFalse True\n")]
    assert cells[3]["outputs"][0] == stream("0\n1\n2\n")
    assert cells[3]["outputs"][1]["data"] == {"text/plain": "{1, 2, 3}"}
    assert cells[5]["outputs"][0]["data"]["image/png"]
    assert cells[6]["outputs"] == []
    assert "timing" not in dumps(executed)


def test_the_whole_state_of_the_widgets_is_there(executed: Json) -> None:
    models = widget_models(executed)
    assert models["widget-0001"]["state"]["weights"] == [0.25, 1 / 3]
    assert "FloatTextModel" not in {each["model_name"] for each in models.values()}
    (captured,) = (each["state"]["outputs"] for each in models.values() if each["model_name"] == "OutputModel")
    assert captured == [stream("x is 2\n")]


def test_executing_again_gives_the_same_bytes_and_sends_no_captured_output_back(
    executed: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def publish(*_: object, **__: object) -> None:
        raise AssertionError("sending while a reply is awaited can make the run stand still for minutes")

    monkeypatch.setattr(OutputWidget, "_publish_msg", publish)
    path = saved(executed, tmp_path)
    assert dumps(execute(path)) == path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("1 / 0", r"05-name\.ipynb: cell 2 \(.*\): ZeroDivisionError: division by zero"),
        ("import os\nos._exit(1)", r"05-name\.ipynb: cell 2 \(.*\): DeadKernelError"),
    ],
)
def test_a_run_that_fails_names_notebook_cell_and_error(source: str, words: str, tmp_path: Path) -> None:
    failing = code(source, tags=("raises-exception",))  # a tag that must not help
    with pytest.raises(NotebookError, match=words):
        execute(saved(notebook(code("1"), failing, code("2")), tmp_path))
