"""The audit names a licence that is unknown or not allowed and a vulnerable pin, and never says more than it knows."""

import json
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from book.tools import audit
from book.tools.audit import (
    ALLOWED,
    PINS,
    complaints_of_pins,
    complaints_of_the_site,
    complaints_of_the_wheel,
    licence_of,
    look_up,
    pins,
    read_report,
    refused,
    report,
)
from book.tools.distribution import build
from book.tools.licences import PARTS


def installed(folder: Path, *lines: str, name: str = "planted", version: str = "1.0") -> Distribution:
    """A package that is installed in a folder, with these lines in its metadata."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines, ""])
    )
    return Distribution.at(info)


def test_all_pins_of_this_environment_have_an_allowed_licence() -> None:
    """Those of the audit's own group may not be installed here; `make audit` looks at these too."""
    complaints = list(complaints_of_pins(pins(PINS.read_text())))
    assert [sentence for sentence in complaints if "it is not installed" not in sentence] == []
    assert len(complaints) < 20


CLASSIFIER = "Classifier: License :: OSI Approved ::"


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["License-Expression: MIT AND PSF-2.0", "License: GPL"], "MIT AND PSF-2.0"),
        ([f"{CLASSIFIER} ISC License (ISCL)", f"{CLASSIFIER} MIT License", "License: see LICENSE"], "ISC AND MIT"),
        (["License: Apache Software License"], "Apache-2.0"),
        ([f"{CLASSIFIER} GNU Affero General Public License v3"], "GNU Affero General Public License v3"),
        ([], ""),
    ],
)
def test_the_licence_that_a_package_states(lines: list[str], wanted: str, tmp_path: Path) -> None:
    assert licence_of(installed(tmp_path, *lines)) == wanted


def test_what_was_read_by_hand_holds_for_that_version_alone(tmp_path: Path) -> None:
    gpl = f"{CLASSIFIER} GNU General Public License (GPL)"
    assert refused(licence_of(installed(tmp_path, gpl, name="docutils", version="0.21.2")), ALLOWED) == []
    newer = installed(tmp_path, gpl, name="docutils", version="0.22")
    assert refused(licence_of(newer), ALLOWED) == ["GNU General Public License (GPL)"]


@pytest.mark.parametrize(
    ("licence", "wanted"),
    [
        ("MIT", []),
        ("(MIT OR Apache-2.0 WITH LLVM-exception) AND Zlib", []),
        ("MIT AND GPL-3.0-only", ["GPL-3.0-only"]),
        ("(MIT AND AGPL-3.0) OR SSPL-1.0", ["AGPL-3.0", "SSPL-1.0"]),
        ("", [""]),
        ("mit-like", ["mit-like"]),
    ],
)
def test_the_names_that_are_refused(licence: str, wanted: list[str]) -> None:
    assert refused(licence, ALLOWED) == wanted


def test_a_bad_pin_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "License-Expression: GPL-3.0-only", name="planted-gpl")
    installed(tmp_path, name="planted-silent", version="2.0")
    installed(tmp_path, "License-Expression: MIT", name="planted-other", version="2.0")
    installed(tmp_path, "License-Expression: MIT", name="planted-local", version="2.0+cpu")
    monkeypatch.syspath_prepend(tmp_path)
    names = [
        "planted-gpl==1.0",
        "planted-silent==2.0",
        "planted-other==1.0",
        "planted-local==2.0",
        "planted-missing==1.0",
    ]
    allowed = "is not in the list of allowed ones (book/tools/audit.py)."
    assert list(complaints_of_pins(map(Requirement, names))) == [
        f"planted-gpl==1.0: its licence 'GPL-3.0-only' {allowed}",
        f"planted-silent==2.0: its licence '' {allowed}",
        "planted-other==1.0: version 2.0 is installed, so the licence of the pinned one is unknown.",
        "planted-missing==1.0: it is not installed, so its licence is unknown.",
    ]


def test_pins_for_another_system_are_left_out() -> None:
    assert [pin.name for pin in pins('# a comment\none==1.0\nother==2.0; sys_platform == "nowhere"\n')] == ["one"]


def test_a_stranger_in_the_site_and_a_part_under_another_licence_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    known = ["index.html", "_static/host.js", "_static/mathjax/mathematics.js"]
    assert list(complaints_of_the_site(known)) == []
    (stranger,) = complaints_of_the_site([*known, "_static/scripts/jquery.js"])
    assert stranger.startswith("site: _static/scripts/jquery.js is in no part")
    monkeypatch.setattr(audit, "PARTS", (PARTS[0]._replace(licence="CC-BY-NC-4.0"),))
    (foreign,) = complaints_of_the_site(known)
    assert foreign.startswith("site: the licence 'CC-BY-NC-4.0' of MathJax is not in the list")


def test_the_wheel_states_and_brings_its_licence(tmp_path: Path) -> None:
    assert list(complaints_of_the_wheel(build("wheel", tmp_path / "dist"))) == []
    with zipfile.ZipFile(tmp_path / "bare.whl", "w") as archive:
        archive.writestr("feedback_lite-0.1.0.dist-info/METADATA", "Name: feedback-lite\n")
    assert list(complaints_of_the_wheel(tmp_path / "bare.whl")) == [
        "bare.whl: its metadata does not state the MIT licence.",
        "bare.whl: it lacks the text of its licence.",
    ]


# ---- vulnerabilities: a stand-in in place of pip-audit, which prints its form of report

SAFE = {"name": "safe", "version": "1.0", "vulns": []}
BAD = {"name": "bad", "version": "0.9", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.0"]}, {"id": "GHSA-2"}]}
SKIPPED = {"name": "skipped", "skip_reason": "Dependency not found on PyPI and could not be audited: skipped (1.0)"}
BAD_SENTENCE = "bad 0.9: known vulnerabilities PYSEC-1, GHSA-2."


def stand_in(output: str, error: str = "", status: int = 0) -> list[str]:
    """A command that prints what pip-audit might."""
    source = f"import sys; print({output!r}); print({error!r}, file=sys.stderr); sys.exit({status})"
    return [sys.executable, "-c", source]


def test_a_report_is_read() -> None:
    assert read_report(json.dumps({"dependencies": [SAFE, BAD, SKIPPED]})) == ([BAD_SENTENCE], ["skipped"])


def test_a_vulnerable_pin_is_named() -> None:
    assert look_up(stand_in(json.dumps({"dependencies": [SAFE, BAD]}), status=1)) == ([BAD_SENTENCE], "")


def test_pins_without_an_answer_are_unknown_even_where_pip_audit_is_content() -> None:
    vulnerable, unknown = look_up(
        stand_in(json.dumps({"dependencies": [SAFE, SKIPPED]}), "No known vulnerabilities found")
    )
    assert vulnerable == []
    assert unknown == "the service gave no answer for 1 pins (skipped): nothing is known about these."


def test_no_report_at_all_is_said() -> None:
    vulnerable, unknown = look_up(stand_in("", "ERROR: connection failed", 1))
    assert vulnerable == []
    assert unknown == "pip-audit brought no report (ERROR: connection failed): nothing is known about any pin."


@pytest.mark.parametrize(
    ("complaints", "unknown", "status", "said"),
    [
        ([], "", 0, "no pin has a known vulnerability"),
        (["bad"], "", 1, "Audit: bad"),
        ([], "no network", 3, "Audit, vulnerabilities: no network"),
        (["bad"], "no network", 1, "Audit, vulnerabilities: no network"),
    ],
)
def test_the_exit_status(
    complaints: list[str], unknown: str, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(complaints, unknown) == status
    printed = capsys.readouterr()
    assert said in printed.out + printed.err
    assert ("no pin has" in printed.out) == (status == 0)
