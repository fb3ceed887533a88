"""Ask every outside address of the built site and of the README once, and list those that fail, by page.

    python -m book.tools.links

One address after the other, with a pause between two of one host. The exit status is 1 where an address fails, and 3
where no host answers at all: then there is no network, and nothing is known of the addresses.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

ROOT = Path(__file__).resolve().parents[2]
SITE = Path("_build/html")
README = Path("README.md")
SECONDS_TO_WAIT = 20.0
SECONDS_BETWEEN = 1.0
NO_NETWORK = 3
# An ordinary browser's name is not borrowed: a host may see who asks.
NAME = "feedback-lite-links (asks each address once)"
IN_MARKDOWN = re.compile(r"https?://[^\s<>()\"'`]+[^\s<>()\"'`.,;:]")
# What some hosts say to a question for the head alone.
ASK_IN_FULL = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)


class NoAnswer(Exception):
    """A host that did not answer: unknown, unreachable or too slow."""


class Anchors(HTMLParser):
    """Collects where the links of a page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a link."""
        address = dict(attrs).get("href") or ""
        if tag == "a" and address.startswith(("http://", "https://")):
            self.found.add(urldefrag(address).url)


def addresses(root: Path) -> dict[str, list[str]]:
    """Return every outside address with the pages that link to it.

    Raises:
        FileNotFoundError: the site is not built.
    """
    pages = sorted((root / SITE).rglob("*.html"))
    if not pages:
        raise FileNotFoundError(f"there is no page in {root / SITE}: run `make book` first")
    found: defaultdict[str, list[str]] = defaultdict(list)
    for page in pages:
        anchors = Anchors()
        anchors.feed(page.read_text(encoding="utf-8"))
        for address in sorted(anchors.found):
            found[address].append(str(page.relative_to(root / SITE)))
    for address in sorted(set(IN_MARKDOWN.findall((root / README).read_text(encoding="utf-8")))):
        found[urldefrag(address).url].append(str(README))
    return dict(found)


def ask(address: str, seconds: float = SECONDS_TO_WAIT) -> str | None:
    """Return what is wrong with an address, or None; its head is asked for, and all of it where that is refused.

    Raises:
        NoAnswer: the host did not answer.
    """
    for method in ("HEAD", "GET"):
        request = urllib.request.Request(address, method=method, headers={"User-Agent": NAME})
        try:
            with urllib.request.urlopen(request, timeout=seconds):
                return None
        except urllib.error.HTTPError as error:
            if method == "GET" or error.code not in ASK_IN_FULL:
                return f"{error.code} {error.reason}"
        except (OSError, ValueError) as error:
            raise NoAnswer(f"no answer: {getattr(error, 'reason', error)}") from error
    raise AssertionError("the second question ends the loop")


def check(
    found: Iterable[str], ask: Callable[[str], str | None] = ask, pause: Callable[[float], None] = time.sleep
) -> tuple[dict[str, str], set[str]]:
    """Ask each address once; return what is wrong with those that fail, and those whose host did not answer.

    A host that did not answer is not asked for its other addresses.
    """
    wrong: dict[str, str] = {}
    silent: dict[str, str] = {}
    last = None
    for address in sorted(found):
        host = urlsplit(address).netloc
        if host in silent:
            wrong[address] = silent[host]
            continue
        if host == last:
            pause(SECONDS_BETWEEN)
        last = host
        try:
            answer = ask(address)
        except NoAnswer as error:
            answer = silent[host] = str(error)
        if answer is not None:
            wrong[address] = answer
    return wrong, {address for address in wrong if urlsplit(address).netloc in silent}


def by_page(found: Mapping[str, list[str]], wrong: Mapping[str, str]) -> list[str]:
    """Return the failures as lines, each page with its own."""
    failures: defaultdict[str, list[str]] = defaultdict(list)
    for address, answer in wrong.items():
        for page in found[address]:
            failures[page].append(f"  {address}: {answer}")
    return [line for page in sorted(failures) for line in (page, *failures[page])]


def main(words: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m book.tools.links", description="Ask every outside address once.")
    parser.parse_args(words)
    try:
        found = addresses(root)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"asking {len(found)} addresses, a second apart ...", file=sys.stderr, flush=True)
    wrong, silent = check(found)
    if silent == set(found):
        print(f"No host of {len(found)} addresses answers: without a network nothing is known of them.")
        return NO_NETWORK
    print(*by_page(found, wrong), f"{len(wrong)} of {len(found)} addresses fail", sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
