"""Execute chapters with other versions, each alone in an empty folder, with the built package.

    python -m book.tools.versions                              with the newest versions
    python -m book.tools.versions --constraints colab.txt      with those that a file pins
    python -m book.tools.versions --python python3.13 chapters/05-feedback-memory.ipynb

An environment of its own gets the package's wheel and a kernel, nothing else; the notebook is driven from here. The
exit status is 1 where a chapter does not run to its end; what it prints otherwise than what is committed is told.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from book.tools.distribution import ROOT, build
from book.tools.environment import SetUpError, clean_variables, run_step
from book.tools.notebooks.compare import cell_differences
from book.tools.notebooks.notebook import NotebookError, chapters, read
from book.tools.notebooks.run import Progress, execute

# What is told of an environment, in this order.
SHOWN = ("torch", "numpy", "einops", "ipython", "ipykernel", "ipywidgets", "anywidget", "traitlets", "matplotlib")
VERSIONS = """
import json, platform, sys
from importlib.metadata import version
print(json.dumps({"python": platform.python_version(), **{name: version(name) for name in sys.argv[1:]}}))
"""


def make_environment(folder: Path, python: str, wheel: Path, constraints: Path | None) -> str:
    """Install the wheel and a kernel into `folder` and return its interpreter; what is there already stays.

    Raises:
        SetUpError: the Python cannot make an environment, or pip fails.
    """
    make = [python, "-m", "venv", str(folder.absolute())]
    run_step("Making an environment", "10 to 30 seconds", make, ROOT, clean_variables())
    own = str(folder.absolute() / "bin" / "python")
    within = ["--constraint", str(constraints.absolute())] if constraints else []
    install = [own, "-m", "pip", "install", "--progress-bar", "off"]
    packages = [*install, "--upgrade", *within, str(wheel), "ipykernel"]
    run_step("Installing the packages", "2 to 10 minutes", packages, ROOT, clean_variables())
    # pip keeps a wheel of the same version that is there from an earlier run.
    again = [*install, "--force-reinstall", "--no-deps", str(wheel)]
    run_step("Installing the wheel again", "some seconds", again, ROOT, clean_variables())
    return own


def versions(python: str) -> str:
    """Return in words what an interpreter has."""
    command = [python, "-c", VERSIONS, *SHOWN]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return ", ".join(f"{name} {version}" for name, version in found.items())


def execute_alone(path: Path, python: str, progress: Progress) -> list[str]:
    """Execute a copy of a chapter in an empty folder; return what it gives otherwise than what is committed."""
    with tempfile.TemporaryDirectory(prefix="versions-") as folder:
        copied = Path(shutil.copy(path, folder))
        executed = execute(copied, python=python, folder=Path(folder), progress=progress)
    return list(cell_differences(read(path)[1]["cells"], executed["cells"]))


def report(path: Path, python: str) -> bool:
    """Execute one chapter and print what came of it; return whether it ran to its end."""
    print(f"{path.stem}: ", end="", flush=True)
    progress = Progress()
    try:
        found = execute_alone(path, python, progress)
    except NotebookError as error:
        print(f"fails ({progress.seconds:.0f} CPU seconds)\n  {error}")
        return False
    print(f"runs ({progress.seconds:.0f} CPU seconds)" + f", {len(found)} outputs differ" * bool(found))
    for one in found:
        print(f"  {one}")
    return True


def main(words: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m book.tools.versions", description="Execute chapters with other versions."
    )
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: every chapter")
    parser.add_argument("--constraints", type=Path, help="a file of versions for pip; default: the newest")
    parser.add_argument("--python", default=sys.executable, help="what makes the environment; default: this Python")
    parser.add_argument("--into", type=Path, help="where the environment is made and kept; default: nowhere")
    options = parser.parse_args(words)
    if options.constraints is not None and not options.constraints.is_file():
        parser.error(f"argument --constraints: {options.constraints} is no file; allowed is a file of versions for pip")
    with tempfile.TemporaryDirectory(prefix="versions-") as scratch:
        try:
            folder = options.into or Path(scratch) / "venv"
            wheel = build("wheel", Path(scratch) / "dist")
            python = make_environment(folder, options.python, wheel, options.constraints)
        except SetUpError as error:
            print(*error.output, error, sep="\n", file=sys.stderr)
            return 1
        print(versions(python))
        done = [report(path, python) for path in options.notebooks or chapters()]
        print(f"{sum(done)} of {len(done)} run to their end")
    return int(not all(done))


if __name__ == "__main__":
    sys.exit(main())
