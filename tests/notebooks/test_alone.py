"""Each chapter gives what is committed when it lies alone in an empty folder and finds the built package only."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from book.tools.notebooks import ROOT, chapters, differences, execute, kernel_environment, read


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter that has the wheel and this environment's packages, but not the checkout.

    A line in a .pth file adds a folder to the path without reading that folder's own .pth files, so the
    checkout, if it is installed in editable mode, stays out.
    """
    folder = tmp_path_factory.mktemp("alone")
    (wheel,) = build_wheel(folder / "dist")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    interpreter = folder / "venv" / "bin" / "python"
    installed = Path(output_of(str(interpreter), "import sysconfig; print(sysconfig.get_path('purelib'))"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    shared = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    (installed / "shared.pth").write_text("\n".join(shared))
    return str(interpreter)


def build_wheel(folder: Path) -> list[Path]:
    """The wheel of the checkout, built with what is installed and nothing from the network."""
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return list(folder.glob("*.whl"))


def output_of(python: str, program: str, folder: Path | None = None) -> str:
    """What a short program prints under the given interpreter, in the environment that a kernel gets."""
    environment = kernel_environment(Path("unused"))
    done = subprocess.run(
        [python, "-W", "error", "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_package_comes_from_the_wheel_and_the_checkout_is_out_of_reach(python: str, tmp_path: Path) -> None:
    program = (
        "import importlib.util, feedback_lite\nprint(feedback_lite.__file__)\nprint(importlib.util.find_spec('book'))"
    )
    file, book = output_of(python, program, tmp_path).splitlines()
    assert Path(file).is_relative_to(Path(python).parent.parent)
    assert book == "None"


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_chapter_alone_gives_what_is_committed(path: Path, python: str, tmp_path: Path) -> None:
    alone = Path(shutil.copy(path, tmp_path))
    _, committed = read(path)
    assert differences(committed, execute(alone, python=python, folder=tmp_path)) == []
    assert [file.name for file in tmp_path.iterdir()] == [path.name], "the chapter leaves files behind"
