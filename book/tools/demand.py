"""Measure what one learner of a workshop asks of a server: memory and CPU seconds of kernels, memory of JupyterLab.

    python -m book.tools.demand 90
    python -m book.tools.demand half-day

Each chapter of the plan runs whole, in a kernel of its own with one thread. A last cell asks Linux for the kernel's
peak memory (VmHWM). Then JupyterLab starts, hands out every chapter of the plan, and is asked too.
"""

from __future__ import annotations

import argparse
import copy
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from book.tools.notebooks.form import clear_outputs
from book.tools.notebooks.notebook import ROOT, Json, NotebookError, read
from book.tools.notebooks.run import Progress, build_font_cache, run
from book.tools.rehearse import PLANS, PlanError, read_plan

ASK = 'print(open("/proc/self/status").read())'
PEAK = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)
START_SECONDS = 60


class Use(NamedTuple):
    """What a process and what it started took of the machine."""

    peak_mb: float
    cpu_seconds: float


def peak_of(status: str) -> float:
    """Return the peak memory in MB (10^6 bytes), from what Linux tells of a process."""
    return int(PEAK.findall(status)[0]) * 1024 / 1e6


def use_of(path: Path) -> Use:
    """Run a chapter and return what its kernel took.

    Raises:
        NotebookError: a cell raised an error or took too long, or the kernel died.
    """
    notebook: Json = copy.deepcopy(clear_outputs(read(path)[1]))
    asking: Json = {
        "id": "ask",
        "cell_type": "code",
        "metadata": {},
        "source": ASK,
        "outputs": [],
        "execution_count": None,
    }
    notebook["cells"].append(asking)
    with tempfile.TemporaryDirectory(prefix="demand-") as scratch:
        folder = Path(scratch) / "empty"
        folder.mkdir()
        progress = Progress()
        done = run(notebook, path.name, sys.executable, folder, Path(scratch), progress)
    return Use(peak_of(done["cells"][-1]["outputs"][0]["text"]), progress.seconds)


@contextmanager
def lab(root: Path) -> Iterator[tuple[int, str]]:
    """Run JupyterLab on a free port and yield its process and address; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = ("--no-browser", "--allow-root", "--IdentityProvider.token=", f"--port={port}", "--ip=127.0.0.1")
    command = [sys.executable, "-m", "jupyterlab", *settings, f"--notebook-dir={root}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def get(address: str) -> bytes:
    """Return what an address answers, as soon as somebody answers there."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=START_SECONDS) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def server_mb(paths: list[str], root: Path = ROOT) -> float:
    """Return the peak memory of a JupyterLab that has handed out these notebooks."""
    with lab(root) as (pid, address):
        for path in ("lab", *(f"api/contents/{path}" for path in paths)):
            get(f"{address}/{path}")
        return peak_of(Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))


def measure(name: str) -> None:
    """Print what one learner of a plan takes."""
    paths = list(dict.fromkeys(link.path for slot in read_plan(name) for link in slot.sections))
    used = []
    print(f"{'MB':>6} {'CPU s':>6}")
    for path in paths:
        used.append(use_of(ROOT / path))
        print(f"{used[-1].peak_mb:6.0f} {used[-1].cpu_seconds:6.1f}  {path}", flush=True)
    server = server_mb(paths)
    print(f"{server:6.0f} {'':>6}  JupyterLab's server")
    largest, together = max(one.peak_mb for one in used), sum(one.peak_mb for one in used)
    print(f"{server + largest:6.0f} {'':>6}  a learner who shuts each kernel down before the next")
    print(f"{server + together:6.0f} {sum(one.cpu_seconds for one in used):6.1f}  a learner who keeps all kernels")


def main(words: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m book.tools.demand", description="Measure what a learner takes.")
    parser.add_argument("plan", choices=list(PLANS))
    plan = parser.parse_args(words).plan
    if not Path("/proc/self/status").exists():
        print("Memory is read from /proc, so this needs Linux.", file=sys.stderr)
        return 1
    build_font_cache()
    try:
        measure(plan)
    except (PlanError, NotebookError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
