"""Where the browser of the site's tests comes from, with programs that only pretend."""

import os
import subprocess
import sys

import pytest

from book.tools import browser
from book.tools.browser import BrowserError, find_browser, launch_arguments

STARTS = "#!/bin/sh\necho Chromium 100\n"
FAILS = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """An empty machine: a folder that is the whole PATH, no usual place, no Playwright, nobody is root."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/nowhere")
    monkeypatch.delenv(browser.VARIABLE, raising=False)
    monkeypatch.setattr(browser, "USUAL_PLACES", ())
    monkeypatch.setattr(browser, "_from_playwright", lambda: None)
    monkeypatch.setattr(browser, "_download_from_playwright", lambda: None)
    monkeypatch.setattr(browser, "is_root", lambda: False)

    def add(name, script=STARTS):
        program = folder / name
        program.write_text(script)
        program.chmod(0o755)
        return str(program)

    return add


def test_the_named_browser_comes_first(programs, monkeypatch, tmp_path):
    programs("chromium")
    mine = programs("mine")
    monkeypatch.setenv(browser.VARIABLE, mine)
    assert find_browser() == mine


@pytest.mark.parametrize("kind", ["missing", "folder", "not executable"])
def test_a_named_browser_that_is_none_is_an_error(programs, monkeypatch, tmp_path, kind):
    programs("chromium")
    path = tmp_path / "mine"
    if kind == "folder":
        path.mkdir()
    elif kind == "not executable":
        path.write_text("text")
    monkeypatch.setenv(browser.VARIABLE, str(path))
    with pytest.raises(BrowserError, match=r"FEEDBACK_LITE_BROWSER is '.*mine', but there is no program there"):
        find_browser()


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])
def test_an_installed_browser_is_found(programs, name):
    path = programs(name)
    assert find_browser() == path


def test_a_usual_place_outside_the_path_is_found(programs, monkeypatch, tmp_path):
    place = tmp_path / "Google Chrome"
    place.write_text(STARTS)
    place.chmod(0o755)
    monkeypatch.setattr(browser, "USUAL_PLACES", (str(tmp_path / "nothing"), str(place)))
    assert find_browser() == str(place)


def test_a_stub_that_does_not_start_is_passed_over(programs):
    programs("chromium-browser", FAILS)
    chrome = programs("google-chrome")
    assert find_browser() == chrome


def test_playwrights_copy_is_used_where_none_is_installed(programs, monkeypatch):
    monkeypatch.setattr(browser, "_from_playwright", lambda: "/cache/chrome")
    assert find_browser() == "/cache/chrome"


def test_debians_package_is_installed_by_root(programs, monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(browser, "is_root", lambda: True)
    chromium, log = tmp_path / "bin" / "chromium", tmp_path / "log"
    programs(
        "apt-get",
        f"#!/bin/sh\necho $DEBIAN_FRONTEND $* >> {log}\n"
        f'[ "$1" = install ] || exit 0\nprintf "#!/bin/sh\\n" > {chromium}; /bin/chmod +x {chromium}\n',
    )
    assert find_browser() == str(chromium)
    assert log.read_text().splitlines() == [
        "noninteractive update -q",
        "noninteractive install -q -y --no-install-recommends chromium",
    ]
    assert "installing Debian's chromium" in capfd.readouterr().err


@pytest.mark.parametrize("root", [False, True])
def test_without_any_browser_one_sentence_says_what_to_install(programs, monkeypatch, capsys, root):
    """Neither somebody who is not root nor a root whose apt-get fails is left without a word."""
    monkeypatch.setattr(browser, "is_root", lambda: root)
    programs("apt-get", FAILS)
    assert browser.main() == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("Browser: The site's tests need a browser and none was found: install Chromium")
    assert browser.VARIABLE in error


def test_a_download_that_fails_is_quiet(monkeypatch, capfd):
    monkeypatch.setattr(browser, "_output", lambda command, **options: None)
    assert browser._download_from_playwright() is None
    assert "Traceback" not in capfd.readouterr().err


def test_only_root_goes_without_a_sandbox(monkeypatch):
    monkeypatch.setattr(browser, "is_root", lambda: False)
    assert "--no-sandbox" not in launch_arguments()
    monkeypatch.setattr(browser, "is_root", lambda: True)
    assert "--no-sandbox" in launch_arguments()


def test_the_browser_of_this_machine_starts():
    command = [sys.executable, "-m", "book.tools.browser"]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=browser.ROOT).stdout.strip()
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    assert "Chrom" in version
