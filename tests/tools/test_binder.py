"""The environment for Binder: the pinned versions, what chapters need, and an address that opens them."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from book.tools.offline import ROOT

FOLDER = ROOT / ".binder"
LINES = [line for line in (FOLDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
OPTIONS = dict(line.split(maxsplit=1) for line in LINES if line.startswith("--"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_versions_are_the_pinned_ones() -> None:
    assert (FOLDER / OPTIONS["--constraint"]).resolve() == ROOT / "constraints.txt"
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE))
    asked = [Requirement(line) for line in LINES if line[0] not in "-."]
    assert {requirement.name for requirement in asked} == {"ipykernel"} <= pinned
    assert not any(requirement.specifier for requirement in asked)


def test_the_project_is_installed_with_a_group_that_it_has() -> None:
    (own,) = (re.fullmatch(r"\.\[(\w+)\]", line) for line in LINES if line.startswith("."))
    assert own is not None
    assert {Requirement(line).name for line in PROJECT["optional-dependencies"][own[1]]} == {"jupyterlab"}


def test_its_python_is_one_that_the_pins_serve() -> None:
    python = (FOLDER / "runtime.txt").read_text().strip().removeprefix("python-")
    assert f"One set serves Python 3.11, 3.12 and {python}." in (ROOT / "constraints.txt").read_text()


def test_what_runs_last_imports_what_is_installed() -> None:
    script = FOLDER / "postBuild"
    assert os.access(script, os.X_OK)
    variables = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run([script], cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_readme_opens_a_chapter_there() -> None:
    owner_and_name = PROJECT["urls"]["Repository"].removeprefix("https://github.com/")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (opened,) = re.findall(rf"https://mybinder\.org/v2/gh/{owner_and_name}/main\?urlpath=lab/tree/([\w/.-]+)", readme)
    assert (ROOT / opened).is_file()
