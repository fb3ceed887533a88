"""The set-up script: its sentences for what is missing, and when it installs again."""

import ast
import errno
import importlib.metadata
import importlib.util
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from book.tools import environment
from book.tools.environment import Environment, SetUpError

ROOT = environment.ROOT
PINS = ROOT / "constraints.txt"
FAKE_PIP = """\
import json, os, sys
with open({log!r}, "a") as log:
    log.write(json.dumps([sys.argv[1:], os.getcwd(), os.environ.get("PIP_CONSTRAINT")]) + "\\n")
{then}
"""


@pytest.fixture
def checkout(tmp_path):
    """A project folder with the two files that the installation depends on; its name holds a space."""
    root = tmp_path / "a checkout"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (root / "constraints.txt").write_text("one==1\n")
    return root


@pytest.fixture
def place(checkout, monkeypatch):
    """An environment whose `python` is the running one and whose pip only writes down how it was called."""
    place = Environment(checkout)
    calls = checkout / "calls"
    module = checkout / "modules" / "pip.py"
    module.parent.mkdir()

    def make(then=""):
        (place.folder / "bin").mkdir(parents=True, exist_ok=True)
        (place.folder / "bin" / "activate").write_text(f"VIRTUAL_ENV={place.folder}\n")
        module.write_text(FAKE_PIP.format(log=str(calls), then=then))
        place.python.write_text(f'#!/bin/sh\nPYTHONPATH="{module.parent}" exec "{sys.executable}" "$@"\n')
        place.python.chmod(0o755)

    monkeypatch.setattr(place, "create", make)
    place.make = make
    place.calls = lambda: [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
    return place


def test_an_old_python_can_read_the_script():
    ast.parse(Path(environment.__file__).read_text(), feature_version=(3, 7))


def test_an_old_python_gets_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    assert environment.main(["book"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "3.11 or newer" in error
    assert "Python 3.10.13" in error


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 14, 0), (4, 0, 0)])
def test_a_new_python_is_accepted(version):
    environment.require_python(version, "python3")


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told_what_to_install(checkout, monkeypatch, missing):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    with pytest.raises(SetUpError, match=rf"no module {missing}.*apt-get install python3-venv"):
        Environment(checkout).set_up({"book"})
    assert not (checkout / ".venv").exists()


def test_a_full_disk_is_told_before_anything_is_made(checkout, monkeypatch):
    usage = shutil.disk_usage(checkout)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=300_000_000))
    with pytest.raises(SetUpError, match=r"too full.*0\.3 GB free.*2\.5 GB"):
        Environment(checkout).set_up({"book"})
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(
    ("printed", "sentence"),
    [
        ("NameResolutionError: Temporary failure in name resolution", "could not be reached"),
        ("[Errno 111] Connection refused", "could not be reached"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ResolutionImpossible: for help visit", "the last lines below say why"),
    ],
)
def test_a_failing_pip_becomes_a_sentence_with_its_last_lines(place, printed, sentence):
    place.make(then=f"print('first line')\nprint({printed!r})\nsys.exit(2)")
    with pytest.raises(SetUpError, match=sentence) as caught:
        place.set_up({"book"})
    assert caught.value.output == ["first line", printed]
    assert not place.stamp.exists()


def test_the_failure_is_printed_without_a_traceback(place, monkeypatch, capsys):
    place.make(then="print('no matching distribution')\nsys.exit(1)")
    monkeypatch.setattr(environment, "Environment", lambda root: place)
    assert environment.main(["book"]) == 1
    error = capsys.readouterr().err.splitlines()
    assert error[0] == "  | no matching distribution"
    assert error[1].startswith("Set-up: Installing the packages for book into .venv failed")
    assert len(error) == 2


def test_a_disk_that_fills_up_later_is_told_too(monkeypatch, capsys):
    def fill(self, extras):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Environment, "set_up", fill)
    assert environment.main(["book"]) == 1
    assert "the disk is full" in capsys.readouterr().err


def test_an_unknown_group_is_refused(capsys):
    with pytest.raises(SystemExit):
        environment.main(["games"])
    assert "invalid choice: 'games'" in capsys.readouterr().err


def test_pip_gets_the_project_the_groups_and_the_constraints(place, monkeypatch):
    monkeypatch.setenv("PIP_CONSTRAINT", "mine.txt")
    place.set_up({"test", "book"})
    [[arguments, folder, constraint]] = place.calls()
    assert arguments == ["install", "--progress-bar", "off", "--editable", ".[book,test]"]
    assert Path(folder) == place.root
    assert constraint == "mine.txt constraints.txt"


def test_what_is_installed_is_not_installed_again(place):
    place.set_up({"book"})
    place.set_up({"book"})
    assert len(place.calls()) == 1


def test_a_further_group_is_added_to_those_present(place):
    place.set_up({"book", "test"})
    place.set_up({"book", "lab"})
    assert place.calls()[1][0][-1] == ".[book,lab,test]"
    assert place.installed() == {"book", "lab", "test"}


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_list_of_packages_is_installed(place, name):
    place.set_up({"book"})
    (place.root / name).write_text("changed = 1\n")
    place.set_up({"book"})
    assert len(place.calls()) == 2


def test_a_failed_installation_is_done_again(place):
    place.make(then="sys.exit(1)")
    with pytest.raises(SetUpError):
        place.set_up({"book"})
    place.make()
    place.set_up({"book"})
    assert len(place.calls()) == 2


def test_a_failure_takes_back_the_stamp_of_the_time_before(place):
    place.set_up({"book"})
    place.make(then="sys.exit(1)")
    with pytest.raises(SetUpError):
        place.set_up({"book", "test"})
    assert place.installed() == set()


@pytest.mark.parametrize("stamp", ["", "[]", "{}", "null", '{"fingerprint": "other", "extras": ["book"]}'])
def test_a_stamp_that_says_nothing_is_not_believed(place, stamp):
    place.set_up({"book"})
    place.stamp.write_text(stamp)
    assert place.installed() == set()


@pytest.mark.parametrize("damage", ["no python", "python fails", "another folder's"])
def test_a_broken_or_copied_environment_is_made_anew(place, damage, monkeypatch):
    place.set_up({"book"})
    made = []
    monkeypatch.setattr(place, "create", lambda: (made.append(True), place.make()))
    if damage == "no python":
        place.python.unlink()
    elif damage == "python fails":
        place.python.write_text("#!/bin/sh\nexit 1\n")
    else:
        (place.folder / "bin" / "activate").write_text("VIRTUAL_ENV=/elsewhere/.venv\n")
    place.set_up({"book"})
    assert made == [True]
    assert len(place.calls()) == 2


def test_the_environment_behind_a_link_is_left_alone(checkout, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "kept").write_text("")
    (checkout / ".venv").symlink_to(theirs)
    with pytest.raises(SetUpError, match="is a link to"):
        Environment(checkout).set_up({"book"})
    assert (theirs / "kept").exists()


def test_a_long_step_says_what_it_is_doing(place, monkeypatch, capsys):
    monkeypatch.setattr(environment, "SECONDS_BETWEEN_REPORTS", 0.2)
    place.make(then="import time\nprint('Downloading torch', flush=True)\ntime.sleep(1)")
    place.set_up({"book"})
    assert re.search(r"\d s: Downloading torch", capsys.readouterr().out)


def test_every_pin_is_exact_and_plain():
    lines = [line for line in PINS.read_text().splitlines() if line and not line.startswith("#")]
    pattern = re.compile(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*(; [a-z_]+ [<>=!]+ \"[^\"]+\")?")
    assert [line for line in lines if not pattern.fullmatch(line)] == []
    assert len(lines) > 100


def test_every_installed_package_is_pinned():
    """What the project's groups pull in, followed through the requirements of what is installed."""
    pinned = {_plain(line.split("==")[0]) for line in PINS.read_text().splitlines() if "==" in line}
    left_to_others = re.compile(r"(nvidia|cuda)-.*|triton|pip")  # to torch, and to whoever made the environment
    needed = {name for name in _needed_by_the_project() if not left_to_others.fullmatch(name)}
    assert needed - pinned == set()
    assert {"torch", "jupyter-book", "pytest"} <= needed


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed_by_the_project() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    seen: set[tuple[str, str]] = {(project["name"], "book")}
    while waiting:
        requirement = Requirement(waiting.pop())
        for extra in ("", *requirement.extras):
            name = _plain(requirement.name)
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [line for line in _requirements(name) if _applies(Requirement(line), extra)]
    return {name for name, extra in seen} - {project["name"]}


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _requirements(name: str) -> list[str]:
    """What an installed package requires; nothing for one that is not installed, such as JupyterLab."""
    try:
        return importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def test_make_names_the_python_it_could_not_run(tmp_path):
    done = _make("environment-book", f"PYTHON={tmp_path / 'nothing'}")
    assert done.returncode == 2
    assert "Install Python 3.11 or newer" in done.stderr


def test_make_lets_an_old_python_say_that_it_is_old(tmp_path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = -c ] && [ -n "$2" ] && exit 1\n[ "$1" = -c ] || echo "asked: $*"\n')
    old.chmod(0o755)
    assert "asked: book/tools/environment.py book test" in _make("environment-test", f"PYTHON={old}").stdout


def test_make_help_lists_the_targets():
    named = set(re.findall(r"make (\w+)", _make("help").stdout))
    assert {"book", "test", "faults", "serve", "lab", "notebooks", "bench", "offline", "clean"} <= named


def _make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs make afresh: these tests may themselves run under a make with settings of its own."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--no-print-directory", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
