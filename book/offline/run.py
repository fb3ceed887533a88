"""Open the chapters beside this file in JupyterLab: `python run.py`.

`python run.py --check` says what that would do and changes nothing. All other options are handed on to JupyterLab,
such as `--no-browser`. The standard library is enough, and the syntax stays old (annotations in quotes) so that an
old Python reads this file and answers with a sentence.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MINIMUM = (3, 10)
# Exits with 0 where a Python has JupyterLab and the wheel's very version of the package.
HAS_ALL = """
import importlib.metadata, importlib.util, sys
found = all(map(importlib.util.find_spec, ("jupyterlab", "feedback_lite")))
sys.exit(not found or importlib.metadata.version("feedback-lite") != sys.argv[1])
"""


class RunError(Exception):
    """One sentence for the reader."""


def require_python(version: "tuple[int, ...]") -> None:
    """Refuse a Python that is too old for the package."""
    if version[:2] < MINIMUM:
        have, need = (".".join(map(str, numbers)) for numbers in (version[:3], MINIMUM))
        raise RunError(
            f"Python {need} or newer is needed, but this is Python {have} ({sys.executable}): install a newer one, or "
            f"name one that you have, as in `python{need} run.py`."
        )


def find_wheel(folder: Path) -> Path:
    """Return the wheel of the book's package; refuse a folder that is not the whole archive."""
    wheels = sorted(folder.glob("feedback_lite-*.whl"))
    if len(wheels) != 1 or not list((folder / "chapters").glob("*.ipynb")):
        raise RunError(
            f"{folder} must hold the folder chapters and one wheel, feedback_lite-...whl: unpack the whole archive, "
            "into an empty folder, and start run.py there."
        )
    return wheels[0]


def succeeds(command: "list[str]") -> bool:
    """Return whether a command can be started and ends well; what it prints is dropped."""
    try:
        return not subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        return False


def has_all(python: str, wheel: Path) -> bool:
    """Return whether a Python has what the chapters need, so that nothing must be installed."""
    return succeeds([python, "-c", HAS_ALL, wheel.name.split("-")[1]])


def require_room(folder: Path) -> None:
    """Refuse to begin an installation that cannot work: a Python without venv, a folder that takes no files."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        raise RunError(
            f"{sys.executable} has no module {' and no module '.join(missing)}, so it cannot make a virtual "
            "environment: on Debian or Ubuntu install python3-venv, elsewhere a complete Python."
        )
    if folder.is_symlink():
        raise RunError(f"{folder} is a link to another folder, which stays as it is: remove the link first.")
    try:
        with tempfile.TemporaryFile(dir=str(folder.parent)):
            pass
    except OSError as error:
        raise RunError(
            f"{folder.parent} cannot be written to ({error.strerror}): unpack the archive into a folder of your own."
        ) from None


def install(folder: Path, python: str, wheel: Path) -> None:
    """Make the virtual environment, if it does not work yet, and install the wheel and JupyterLab into it."""
    if not succeeds([python, "-m", "pip", "--version"]):
        print(f"Making the environment {folder} ...", flush=True)
        if subprocess.call([sys.executable, "-m", "venv", "--clear", str(folder)]):
            raise RunError(f"The environment {folder} could not be made; the lines above say why.")
    print("Installing the package and JupyterLab (some minutes, the first time only) ...", flush=True)
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", f"{wheel}[lab]"]
    if subprocess.call(pip):
        raise RunError(
            "pip could not install what the chapters need; the lines above say why. Mostly it cannot reach the package "
            "index: check the network, or pip's settings for a proxy or a mirror, and run the same command again."
        )


def serve(python: str, options: "list[str]") -> int:
    """Run JupyterLab on the chapters until it ends; Ctrl-C is its own affair."""
    command = [python, "-m", "jupyterlab", f"--ServerApp.root_dir={HERE}", "--LabApp.default_url=/lab/tree/chapters"]
    with subprocess.Popen(command + options, cwd=str(HERE)) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                pass


def run(arguments: "list[str]") -> int:
    """Do what the arguments ask for and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="run.py",
        description="Open the chapters in JupyterLab. All other options are handed on to it, such as --no-browser.",
    )
    parser.add_argument("--check", action="store_true", help="say what would be done, and change nothing")
    options, others = parser.parse_known_args(arguments)
    require_python(sys.version_info[:3])
    wheel = find_wheel(HERE)
    folder = HERE / ".venv"
    own = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    ready = next((python for python in (sys.executable, own) if has_all(python, wheel)), "")
    if not ready:
        require_room(folder)
    if options.check:
        if not ready:
            print(f"Not installed yet: run.py would make {folder} and install {wheel.name} and JupyterLab into it.")
            print("That needs a network and about 1.5 GB; on Linux several more, for the usual PyTorch with CUDA.")
        print(f"JupyterLab would show {HERE / 'chapters'}, run by {ready or own}.")
        return 0
    if not ready:
        install(folder, own, wheel)
    return serve(ready or own, others)


def main(arguments: "list[str]") -> int:
    """Run, and turn what goes wrong into a sentence."""
    try:
        return run(arguments)
    except RunError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("run.py: interrupted; the same command takes it up again.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
