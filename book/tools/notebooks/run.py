"""Execution of a notebook in a kernel of its own, in an empty folder."""

from __future__ import annotations

import importlib
import os
import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import psutil
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.output_widget import OutputWidget
from traitlets import Unicode

from book.tools.notebooks.form import clear_outputs, drop_models, stable
from book.tools.notebooks.notebook import Json, NotebookError, as_node, cell_name, is_volatile, read

CELL_SECONDS = 600

# What a kernel finds in its environment, so that sums are taken in one order and sets are walked in one.
KERNEL_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
# What a kernel must not inherit: other code on the path, pictures that do not show, other warnings.
KERNEL_ENVIRONMENT_DROPPED = ("MPLBACKEND", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONWARNINGS")

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Progress:
    """Which cell runs, for messages, the kernel's CPU seconds so far, and which widget models volatile cells made."""

    index: int | None = None
    seconds: float = 0
    volatile_models: set[str] = field(default_factory=set)
    models_before: set[str] = field(default_factory=set)


def execute(
    path: Path, *, python: str = sys.executable, folder: Path | None = None, progress: Progress | None = None
) -> Json:
    """Execute the notebook at `path` and return it in its stable form; the file stays as it is.

    Args:
        path: the notebook.
        python: the interpreter of the kernel.
        folder: where the kernel runs; by default a fresh, empty one, so that the code sees what is installed and
            nothing else.
        progress: what is kept up to date while cells run.

    Raises:
        NotebookError: a cell raised an error or took too long, or the kernel died.
    """
    _, notebook = read(path)
    with tempfile.TemporaryDirectory(prefix="chapter-") as scratch:
        empty = Path(scratch) / "empty"
        empty.mkdir()
        return stable(run(clear_outputs(notebook), path.name, python, folder or empty, Path(scratch), progress))


def kernel_environment(scratch: Path) -> dict[str, str]:
    """Return the environment of a kernel: this one's, one thread, fixed hashes, none of the user's start-up code."""
    inherited = {key: value for key, value in os.environ.items() if key not in KERNEL_ENVIRONMENT_DROPPED}
    return inherited | KERNEL_ENVIRONMENT | {"IPYTHONDIR": str(scratch / "ipython")}


def build_font_cache() -> None:
    """Have matplotlib list the fonts once, so that no kernel on a fresh machine prints that it does so."""
    importlib.import_module("matplotlib.font_manager")


class _GivenPython(KernelSpecManager):
    """Knows one kernel, that of the given interpreter, whatever else is registered on the machine."""

    python = Unicode()

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the kernel of `self.python`, under any name."""
        spec = get_kernel_dict()
        return KernelSpec(**spec | {"argv": [self.python, *spec["argv"][1:]]})


class _CapturedOutput(OutputWidget):
    """What an Output widget shows, kept for the notebook and not sent back to the kernel.

    nbclient sends it back while it waits for the kernel's reply on the same socket; sending can swallow the
    signal that the reply has come, and then the run stands still until the cell's time is over.
    """

    def sync_state(self) -> None:
        """Keep the outputs here."""


def run(notebook: Json, name: str, python: str, folder: Path, scratch: Path, progress: Progress | None = None) -> Json:
    """Execute every cell in a kernel of its own; what volatile cells left is not in what comes back."""
    progress = progress or Progress()
    client = new_client(notebook, python, scratch, progress)
    try:
        executed: Json = client.execute(cleanup_kc=True, cwd=str(folder), env=kernel_environment(scratch))
    except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
        index = progress.index
        where = "the kernel" if index is None else cell_name(index, notebook["cells"][index])
        raise NotebookError(f"{name}: {where}: {error_text(error)}") from error
    for cell in filter(is_volatile, executed["cells"]):
        cell["outputs"] = []
    return drop_models(executed, progress.volatile_models)


def new_client(notebook: Json, python: str, scratch: Path, progress: Progress) -> NotebookClient:
    """Return what executes a notebook with the given interpreter and keeps `progress` up to date."""

    def before(cell: Json, cell_index: int) -> None:
        progress.index = cell_index
        progress.models_before = set(client.widget_state)

    def after(cell: Json, cell_index: int, execute_reply: Json) -> None:
        progress.seconds = kernel_seconds(manager)
        if is_volatile(cell):
            progress.volatile_models |= client.widget_state.keys() - progress.models_before

    manager = AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=_GivenPython(python=python),
        connection_file=str(scratch / "kernel.json"),
        transport="tcp" if os.name == "nt" else "ipc",  # two kernels at once never race for a port
    )
    client = NotebookClient(
        as_node(notebook),
        km=manager,
        timeout=CELL_SECONDS,
        startup_timeout=120,
        iopub_timeout=60,
        raise_on_iopub_timeout=True,
        force_raise_errors=True,
        shutdown_kernel="immediate",
        record_timing=False,
        on_cell_start=before,
        on_cell_executed=after,
    )
    client.widget_registry = {"@jupyter-widgets/output": {"OutputModel": _CapturedOutput}}
    return client


def kernel_seconds(manager: AsyncKernelManager) -> float:
    """Return the CPU seconds of a kernel so far, with those of the programs that it ran."""
    return sum(psutil.Process(cast(LocalProvisioner, manager.provisioner).pid).cpu_times()[:4])


def error_text(error: Exception) -> str:
    """Return what went wrong in a cell, in plain text."""
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}\n{COLOUR.sub('', error.traceback)}"
    return f"{type(error).__name__}: {error}"
