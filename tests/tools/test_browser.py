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


def test_a_build_without_windows_comes_first(programs):
    programs("chromium")
    shell = programs("chromium-headless-shell")
    assert find_browser() == shell


@pytest.mark.parametrize(
    "folder", ["chrome-headless-shell-linux64/chrome-headless-shell", "chrome-linux/headless_shell"]
)
@pytest.mark.parametrize("has_both", [True, False])
def test_playwrights_build_without_windows_comes_first(monkeypatch, tmp_path, folder, has_both):
    whole = tmp_path / "chromium-123" / "chrome-linux64" / "chrome"
    shell = tmp_path / "chromium_headless_shell-123" / folder
    other = tmp_path / "chromium_headless_shell-122" / folder
    for path in (shell, other, *([whole] if has_both else [])):
        path.parent.mkdir(parents=True)
        path.write_text(STARTS)
        path.chmod(0o755)
    shell.with_name("headless_shell.pak").touch()
    known = browser._output

    def output(command, **options):
        return str(whole) if browser.ASK_PLAYWRIGHT in command else known(command, **options)

    monkeypatch.setattr(browser, "_output", output)
    assert browser._from_playwright() == str(shell)
    shell.unlink()
    assert browser._from_playwright() == (str(whole) if has_both else None)


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


@pytest.mark.parametrize("name", ["chromium-headless-shell", "chromium"])
def test_debians_package_is_installed_by_root(programs, monkeypatch, tmp_path, capfd, name):
    """The build without windows where Debian has it, else the whole browser."""
    monkeypatch.setattr(browser, "is_root", lambda: True)
    folder, log = tmp_path / "bin", tmp_path / "log"
    programs(
        "apt-get",
        f"#!/bin/sh\necho $DEBIAN_FRONTEND $* >> {log}\n[ $1 = install ] || exit 0\n"
        f"[ $5 = {name} ] || exit 100\n"
        f'printf "#!/bin/sh\\n" > {folder}/$5; /bin/chmod +x {folder}/$5\n',
    )
    assert find_browser() == str(folder / name)
    tried = browser.DEBIAN_PACKAGES[: browser.DEBIAN_PACKAGES.index(name) + 1]
    install = "noninteractive install -q -y --no-install-recommends"
    assert log.read_text().splitlines() == [
        "noninteractive update -q",
        *(f"{install} {package}" for package in tried),
    ]
    assert "installing Debian's" in capfd.readouterr().err


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
