"""The wheel and the source archive: exactly the package, installable alone, importable without what figures need."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from book.tools.distribution import ROOT, build
from feedback_lite import __version__

NAME = f"feedback_lite-{__version__}"
KINDS = {".py", ".js", ".css", ".json", ".cpp", ".safetensors"}
INFO = {f"{NAME}.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")}
BESIDE = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "pyproject.toml", ".gitignore", "PKG-INFO"}


def package() -> set[str]:
    """The package's own files."""
    files = (path.relative_to(ROOT) for path in (ROOT / "feedback_lite").rglob("*") if path.is_file())
    return {file.as_posix() for file in files if "__pycache__" not in file.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel, as pip installs it without its requirements."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(folder)]
    done = subprocess.run([*pip, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert set(archive.namelist()) == package() | INFO
    assert {PurePosixPath(name).suffix for name in package()} == KINDS


def test_the_source_archive_holds_the_package_and_what_describes_it(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        assert {one.name for one in archive.getmembers()} == {f"{NAME}/{name}" for name in package() | BESIDE}


def test_the_source_archive_gives_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    again = build("wheel", tmp_path / "dist", tmp_path / NAME)
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert {name: one.read(name) for name in one.namelist()} == {
            name: other.read(name) for name in other.namelist()
        }


def test_what_cannot_be_built_is_said(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'nothing'\n")
    with pytest.raises(RuntimeError, match="the wheel cannot be built:"):
        build("wheel", tmp_path / "dist", tmp_path)


def test_model_tasks_and_training_need_nothing_that_figures_need(installed: Path, tmp_path: Path) -> None:
    """In a process where these cannot be imported: there the figures fail, else this would say nothing."""
    program = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['matplotlib', 'ipywidgets', 'anywidget', 'traitlets', 'IPython']))\n"
        f"sys.path.insert(0, {str(installed)!r})\n"
        "import feedback_lite, feedback_lite.pretrained, feedback_lite.tasks, feedback_lite.training.__main__\n"
        "print(feedback_lite.__file__, feedback_lite.__version__, len(feedback_lite.pretrained.names()))\n"
        "import feedback_lite.widgets\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    file, version, models = done.stdout.split()
    assert Path(file).is_relative_to(installed)
    assert (version, int(models)) == (__version__, len(list(ROOT.glob("feedback_lite/pretrained/*.safetensors"))))
    assert done.returncode == 1
    assert "No module named 'IPython" in done.stderr
