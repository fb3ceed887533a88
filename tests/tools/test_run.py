"""The archive's `run.py`: it serves the chapters with the JupyterLab that is there, installs it where there is none,
and says in a sentence what is wrong. JupyterLab is the real one except where a test says that a stand-in takes part.
"""

import ast
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import websocket

from book.tools.distribution import build
from book.tools.offline import ROOT

RUN = ROOT / "book" / "offline" / "run.py"
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}"
WHEEL_FILE = "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / "run.py"), *arguments]
    environment = os.environ | variables
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert "Traceback" not in done.stderr
    return done


def unpack(folder: Path, wheel: Path) -> Path:
    """Lay out what run.py looks for: itself, a wheel, two chapters."""
    (folder / "chapters").mkdir()
    (folder / "run.py").write_bytes(RUN.read_bytes())
    (folder / wheel.name).write_bytes(wheel.read_bytes())
    for chapter in sorted((ROOT / "chapters").glob("*.ipynb"))[:2]:
        (folder / "chapters" / chapter.name).write_bytes(chapter.read_bytes())
    return folder


def write_wheel(folder: Path, name: str, version: str, module: str, source: str, more: str = "") -> Path:
    """Write a wheel of one module."""
    info = f"{name}-{version}.dist-info"
    texts = {
        module: source,
        f"{info}/METADATA": METADATA.format(name=name, version=version, more=more),
        f"{info}/WHEEL": WHEEL_FILE,
    }
    record = "".join(f"{path},,\n" for path in (*texts, f"{info}/RECORD"))
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in (texts | {f"{info}/RECORD": record}).items():
            archive.writestr(path, text)
    return wheel


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked archive whose package is the one that this environment has."""
    return unpack(tmp_path_factory.mktemp("book"), build("wheel", tmp_path_factory.mktemp("wheel")))


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """An unpacked archive whose package is newer than this environment's: a stand-in without requirements."""
    more = "Provides-Extra: lab\nRequires-Dist: jupyterlab; extra == 'lab'\n"
    wheel = write_wheel(tmp_path, "feedback_lite", "99.0", "feedback_lite.py", "", more)
    (tmp_path / "book").mkdir()
    return unpack(tmp_path / "book", wheel)


@pytest.fixture
def module(book: Path) -> ModuleType:
    """run.py as a module, for what no process can be brought to."""
    spec = importlib.util.spec_from_file_location("run", book / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- serving, by the real JupyterLab


@pytest.fixture(scope="module")
def server(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of what run.py started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    settings = [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--allow-root"]
    command = [sys.executable, str(book / "run.py"), "--no-browser", "--ServerApp.disable_check_xsrf=True", *settings]
    log = home / "log"
    with log.open("w") as output:
        environment = os.environ | {"HOME": str(home), "JUPYTER_PLATFORM_DIRS": "1"}
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                fetch(f"{address}/api")
                break
            except urllib.error.URLError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def fetch(address: str, data: bytes | None = None) -> bytes:
    with urllib.request.urlopen(address, data=data, timeout=60) as answer:
        contents: bytes = answer.read()
    return contents


def test_jupyterlab_opens_on_the_chapters(server: str, book: Path) -> None:
    with urllib.request.urlopen(f"{server}/", timeout=60) as answer:
        assert answer.url.endswith("/lab/tree/chapters")
        assert b"JupyterLab" in answer.read()
    listed = json.loads(fetch(f"{server}/api/contents/chapters"))["content"]
    assert {one["name"] for one in listed} == {path.name for path in (book / "chapters").iterdir()}
    for path in (book / "chapters").iterdir():
        served = json.loads(fetch(f"{server}/api/contents/chapters/{path.name}"))["content"]
        assert len(served["cells"]) == len(json.loads(path.read_text())["cells"])


def test_its_kernel_has_the_package(server: str) -> None:
    kernel = json.loads(fetch(f"{server}/api/kernels", b"{}"))["id"]
    connection = websocket.create_connection(
        f"{server.replace('http', 'ws')}/api/kernels/{kernel}/channels", timeout=60
    )
    content = {"code": "import feedback_lite.lesson, feedback_lite.widgets", "silent": False, "store_history": False}
    header = {"msg_id": "one", "msg_type": "execute_request", "session": "a", "username": "a", "version": "5.3"}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    connection.send(json.dumps(message))
    while (answer := json.loads(connection.recv()))["msg_type"] != "execute_reply":
        pass
    connection.close()
    assert answer["content"]["status"] == "ok", answer["content"]


def test_check_says_what_would_be_used(book: Path) -> None:
    done = run(book, "--check")
    assert done.stdout == f"JupyterLab would show {book / 'chapters'}, run by {sys.executable}.\n"
    assert done.returncode == 0
    assert not (book / ".venv").exists()


# ---- installing


def test_check_says_what_is_missing_and_changes_nothing(newer: Path) -> None:
    before = set(newer.rglob("*"))
    done = run(newer, "--check")
    assert done.returncode == 0
    assert f"would make {newer / '.venv'} and install feedback_lite-99.0-py3-none-any.whl and JupyterLab" in done.stdout
    assert set(newer.rglob("*")) == before


def test_it_installs_the_wheel_and_jupyterlab_once_the_index_can_be_reached(newer: Path, tmp_path: Path) -> None:
    """First with no index, then with one that has a stand-in for JupyterLab, which prints what it was started with."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    done = run(newer, "--no-browser", **offline)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("run.py: pip could not install what the chapters need")
    assert "check the network, or pip's settings" in done.stderr

    index = tmp_path / "index"
    index.mkdir()
    write_wheel(index, "jupyterlab", "4.99", "jupyterlab.py", "import os, sys\nprint(os.getcwd(), sys.argv[1:])\n")
    reached = offline | {"PIP_FIND_LINKS": str(index)}
    lab = f"{newer} {[f'--ServerApp.root_dir={newer}', '--LabApp.default_url=/lab/tree/chapters', '--no-browser']}"
    first = run(newer, "--no-browser", **reached)
    assert (first.returncode, first.stdout.splitlines()[-1]) == (0, lab)
    second = run(newer, "--no-browser", **offline)
    assert (second.returncode, second.stdout) == (0, f"{lab}\n")


# ---- what is wrong


def test_a_part_of_the_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_bytes(RUN.read_bytes())
    done = run(tmp_path, "--check")
    assert done.returncode == 1
    assert "unpack the whole archive" in done.stderr


def test_a_link_in_place_of_the_environment_is_left_alone(newer: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "kept").touch()
    (newer / ".venv").symlink_to(theirs)
    done = run(newer)
    assert done.returncode == 1
    assert "is a link to another folder" in done.stderr
    assert (theirs / "kept").exists()


def test_a_folder_that_takes_no_files_is_refused(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root may write anywhere, so the refusal is played."""

    def refuse(dir: str) -> None:
        raise PermissionError(13, "Permission denied", dir)

    monkeypatch.setattr(module.tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(module, "has_all", lambda python, wheel: False)
    assert module.main([]) == 1
    assert "cannot be written to (Permission denied): unpack the archive into" in capsys.readouterr().err


def test_a_python_without_venv_is_refused(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name)
    with pytest.raises(module.RunError, match=r"has no module ensurepip.*install python3-venv"):
        module.require_room(tmp_path / ".venv")


def test_an_old_python_reads_the_file_and_says_what_is_needed(module: ModuleType) -> None:
    ast.parse(RUN.read_text(), feature_version=(3, 6))
    module.require_python((3, 10, 0))
    with pytest.raises(module.RunError, match=re.escape("Python 3.10 or newer is needed, but this is Python 3.9.18")):
        module.require_python((3, 9, 18))
