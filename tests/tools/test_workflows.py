"""The workflows: zizmor sees faults in them, `make lint` has it read them, and what their steps run is tried here."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from book.tools.offline import ROOT

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yml"))}


def audit(folder: Path) -> subprocess.CompletedProcess[str]:
    """What `make lint` runs, elsewhere, and for a program to read: the plain form has colours and links on CI."""
    zizmor = Path(sys.executable).with_name("zizmor")
    command = [zizmor, "--offline", "--no-progress", "--quiet", "--format=json", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def jobs(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOWS[name])["jobs"]
    return found


def run_step(script: str, folder: Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """Run a step as a runner does, in an empty folder, with shell scripts in place of some programs."""
    (folder / "bin").mkdir()
    for name, text in programs.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / "bin" / name).chmod(0o755)
    variables = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "RUN": "the run", "TITLE": "It fails"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


def test_there_are_four() -> None:
    assert set(WORKFLOWS) == {"pages", "release", "test", "weekly"}
    assert "zizmor --offline" in (ROOT / "Makefile").read_text()


FAULTS = {
    "unpinned-uses": ("test", r"actions/checkout@\w+ # (v\d)\S*", r"actions/checkout@\1"),
    "excessive-permissions": ("weekly", r"^permissions:\n  contents: read", "permissions: write-all"),
    "artipacked": ("weekly", r"\n +with:\n +persist-credentials: false", ""),
    "template-injection": ("release", r'"\$GITHUB_REF_NAME"', "${{ github.ref_name }}"),
}


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_zizmor_sees_a_planted_fault_and_nothing_else(fault: str | None, tmp_path: Path) -> None:
    texts = dict(WORKFLOWS)
    if fault is not None:
        name, pattern, replacement = FAULTS[fault]
        texts[name], count = re.subn(pattern, replacement, texts[name], flags=re.MULTILINE)
        assert count
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    for name, text in texts.items():
        (tmp_path / ".github" / "workflows" / f"{name}.yml").write_text(text)
    done = audit(tmp_path / ".github")
    assert {finding["ident"] for finding in json.loads(done.stdout)} == ({fault} if fault else set())
    assert (done.returncode == 0) == (fault is None)


def test_an_action_has_one_commit_and_one_version_everywhere() -> None:
    used = {use for text in WORKFLOWS.values() for use in re.findall(r"uses: (?!\$/)(.*)", text)}
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in used), used
    assert len({use.split("@")[0] for use in used}) == len(used)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_jobs_end_and_may_write_only_what_they_say(name: str) -> None:
    workflow = yaml.safe_load(WORKFLOWS[name])
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "uses" in job or job["timeout-minutes"] <= 90
        writes = [kind for kind, level in job.get("permissions", {}).items() if level == "write"]
        assert not writes or not any("checkout" in step.get("uses", "") for step in job["steps"])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_target_that_a_step_makes_is_there(name: str) -> None:
    made = re.findall(r"run: make (\w+)$", WORKFLOWS[name], re.MULTILINE)
    assert made
    assert [target for target in made if f"\n{target}:" not in (ROOT / "Makefile").read_text()] == []


FREEZE = """# a comment
ipykernel==6.17.1
ipython==7.34.0
ipython-genutils==0.2.0
numpy==2.1.3
{torch}
torchvision==0.26.0+cu130
"""


@pytest.mark.parametrize(
    "torch",
    [
        "torch==2.11.0",
        "torch==2.11.0+cu130",
        "torch @ https://a.b/whl/cu130/torch-2.11.0%2Bcu130-cp313-linux.whl#sha256=1",
    ],
)
def test_colabs_list_becomes_plain_pins(torch: str, tmp_path: Path) -> None:
    (script,) = (step["run"] for step in jobs("weekly")["colab"]["steps"] if "Colab" in step.get("name", ""))
    (tmp_path / "answer").write_text(FREEZE.format(torch=torch))
    done = run_step(script, tmp_path, curl="cp answer freeze.txt")
    assert done.returncode == 0, done.stderr
    pins = (tmp_path / "colab.txt").read_text()
    assert pins == "ipykernel==6.17.1\nipython==7.34.0\nnumpy==2.1.3\ntorch==2.11.0\n"


@pytest.mark.parametrize(("curl", "answer"), [("exit 22", ""), ("cp answer freeze.txt", "numpy==2.1.3\n")])
def test_a_list_that_is_not_there_or_lacks_torch_stops_the_run(curl: str, answer: str, tmp_path: Path) -> None:
    (script,) = (step["run"] for step in jobs("weekly")["colab"]["steps"] if "Colab" in step.get("name", ""))
    (tmp_path / "answer").write_text(answer)
    assert run_step(script, tmp_path, curl=curl).returncode != 0


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("", "issue create --title It fails --body"),
        ("12", "issue comment 12 --body It fails again: the run"),
    ],
)
def test_a_failed_week_opens_one_issue_and_adds_to_it(found: str, wanted: str, tmp_path: Path) -> None:
    """A stand-in for GitHub's own program finds an open issue or none, and writes down what it is told to do."""
    (step,) = jobs("weekly")["report"]["steps"]
    gh = f'case "$2" in list) echo "{found}" ;; *) echo "$@" > told ;; esac'
    assert run_step(step["run"], tmp_path, gh=gh).returncode == 0
    assert (tmp_path / "told").read_text().startswith(wanted)
    assert "the run" in (tmp_path / "told").read_text()


def test_the_newest_and_colab_runs_report_and_a_release_waits_for_the_tests() -> None:
    weekly, release = jobs("weekly"), jobs("release")
    assert set(weekly["report"]["needs"]) == set(weekly) - {"report"}
    assert weekly["report"]["if"] == "failure()"
    assert (release["build"]["needs"], release["publish"]["needs"]) == ("test", "build")
