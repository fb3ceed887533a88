"""Outside addresses: which are found, how they are asked, what is said of those that fail and where nobody answers."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from book.tools import links
from book.tools.links import NO_NETWORK, NoAnswer, addresses, ask, check, main


class Host(BaseHTTPRequestHandler):
    """Answers by the address, and notes who asked for what."""

    asked: list[tuple[str, str]]

    def answer(self) -> None:
        self.asked.append((self.command, self.path))
        name = self.path.strip("/")
        if name == "slow":
            time.sleep(1)
        status = {"gone": 410, "missing": 404, "moved": 301, "no-head": 405 if self.command == "HEAD" else 200}
        self.send_response(status.get(name, 200))
        if name == "moved":
            self.send_header("Location", "/good")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET = answer

    def log_message(self, format: str, *arguments: object) -> None:
        """Stay silent."""


@pytest.fixture
def host() -> Iterator[str]:
    Host.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def nobody(host: str) -> str:
    """An address of which nobody answers: its server is gone."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        return f"http://127.0.0.1:{server.server_port}/a"


def site(root: Path, *linked: str, readme: str = "") -> Path:
    (root / links.SITE / "book").mkdir(parents=True)
    text = "".join(f'<p><a href="{address}">a</a></p>' for address in linked)
    (root / links.SITE / "book" / "index.html").write_text(f"<html>{text}</html>")
    (root / links.README).write_text(readme)
    return root


def test_addresses_of_pages_and_readme_are_found_once_each(tmp_path: Path) -> None:
    root = site(tmp_path, "https://a.org/x#one", "https://a.org/x#two", "../b.html", "#c", "mailto:a@b.org",
                readme="[a](https://a.org/x), <https://b.org/y>. Also https://c.org/z?q=1.")  # fmt: skip
    (root / links.SITE / "b.html").write_text('<a class="c" href="https://b.org/y">b</a><link href="https://d.org">')
    assert addresses(root) == {
        "https://a.org/x": ["book/index.html", "README.md"],
        "https://b.org/y": ["b.html", "README.md"],
        "https://c.org/z?q=1": ["README.md"],
    }


def test_a_site_that_is_not_built_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], tmp_path) == 1
    assert "run `make book` first" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "wrong", "asked"),
    [
        ("good", None, ["HEAD /good"]),
        ("moved", None, ["HEAD /moved", "GET /good"]),
        ("no-head", None, ["HEAD /no-head", "GET /no-head"]),
        ("gone", "410 Gone", ["HEAD /gone"]),
        ("missing", "404 Not Found", ["HEAD /missing", "GET /missing"]),
    ],
)
def test_an_address_is_asked(host: str, name: str, wrong: str | None, asked: list[str]) -> None:
    assert ask(f"{host}/{name}") == wrong
    told = [" ".join(one) for one in Host.asked]
    if name == "moved":
        told[1] = told[1].replace("HEAD", "GET")  # what follows a move depends on the version of Python
    assert told == asked


def test_a_slow_host_and_one_that_is_not_there_give_no_answer(host: str, nobody: str) -> None:
    with pytest.raises(NoAnswer, match="timed out"):
        ask(f"{host}/slow", seconds=0.2)
    with pytest.raises(NoAnswer, match="refused"):
        ask(nobody)


def test_questions_to_one_host_are_apart_and_a_silent_one_is_asked_once() -> None:
    told: list[object] = []

    def question(address: str) -> str | None:
        told.append(address)
        if "silent" in address:
            raise NoAnswer("no answer: too slow")
        return "404 Not Found" if "bad" in address else None

    found = ["https://a.org/1", "https://a.org/bad", "https://b.org/1", "https://silent.org/1", "https://silent.org/2"]
    wrong, silent = check(found, question, told.append)
    assert told == [found[0], links.SECONDS_BETWEEN, found[1], found[2], found[3]]
    assert silent == set(found[3:])
    assert wrong == {found[1]: "404 Not Found"} | dict.fromkeys(found[3:], "no answer: too slow")


def test_failures_are_listed_by_page(
    host: str, nobody: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(links, "SECONDS_BETWEEN", 0)
    root = site(tmp_path, f"{host}/good", f"{host}/gone", nobody, readme=f"[a]({host}/gone), [b]({host}/good)")
    assert main([], root) == 1
    readme, gone, index, *both, count = capsys.readouterr().out.splitlines()
    assert (readme, gone) == ("README.md", f"  {host}/gone: 410 Gone")
    assert index == "book/index.html"
    assert sorted(line.split(": ")[1] for line in both) == ["410 Gone", "no answer"]
    assert count == "2 of 3 addresses fail"


def test_all_good_is_told(host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], site(tmp_path, f"{host}/good")) == 0
    assert capsys.readouterr().out == "0 of 1 addresses fail\n"


def test_without_a_network_nothing_is_said_of_any_address(
    nobody: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], site(tmp_path, nobody, readme=nobody)) == NO_NETWORK
    assert capsys.readouterr().out == ("No host of 1 addresses answers: without a network nothing is known of them.\n")
