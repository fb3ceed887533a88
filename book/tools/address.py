"""Writes the repository's address wherever the project uses it, and finds strays.

    python -m book.tools.address show
    python -m book.tools.address set https://github.com/OWNER/REPO
    python -m book.tools.address check

The one source is `Repository` under `[project.urls]` in pyproject.toml. Everywhere else the address
stands as plain text, so that GitHub, Colab and a reader see it as it is: in links to the repository,
to its raw files, to Colab and to the published site, whose own address follows from the repository's.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SKIPPED_FOLDERS = {"_build", "__pycache__", "build", "dist", "node_modules"}
HIDDEN_FOLDERS_SEARCHED = {".ci", ".github"}

OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}"
# A dot belongs to a name only when more of the name follows: it may also end a sentence.
REPO = r"(?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-])(?!git\b))+"
PAGES_HOST = r"\.github\.io"
REPOSITORY_LINK = re.compile(
    rf"(?P<before>(?:github\.com[/:]|raw\.githubusercontent\.com/|colab\.research\.google\.com/github/))"
    rf"(?P<owner>{OWNER})(?P<middle>/)(?P<repo>{REPO})".encode()
)
PAGES_LINK = re.compile(rf"(?P<before>//)(?P<owner>{OWNER})(?P<middle>{PAGES_HOST}/)(?P<repo>{REPO})".encode())


class AddressError(ValueError):
    """An address that is not a repository's; the message says what is allowed."""


@dataclass(frozen=True)
class Address:
    """A repository on GitHub and the site that is published from it."""

    owner: str
    repo: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """Reads `https://github.com/OWNER/REPO`; a slash or `.git` at the end is dropped."""
        trimmed = url.strip().removesuffix("/").removesuffix(".git")
        match = re.fullmatch(rf"https://github\.com/({OWNER})/({REPO})", trimmed)
        if match is None:
            raise AddressError(
                f"address is {url!r}, but it must look like https://github.com/OWNER/REPO, with letters, digits "
                "and hyphens in OWNER, and letters, digits, hyphens, underscores and inner dots in REPO."
            )
        address = cls(match[1], match[2])
        if address.repo.lower().endswith(".github.io"):
            raise AddressError(
                f"address is {url!r}, but a repository that is named after a GitHub Pages host is published "
                "without its name in the address: choose a repository with a name of its own."
            )
        return address

    @property
    def repository(self) -> str:
        """The repository's web address."""
        return f"https://github.com/{self.owner}/{self.repo}"

    @property
    def pages(self) -> str:
        """The address of the site on GitHub Pages, whose host is written in small letters."""
        return f"https://{self.owner.lower()}.github.io/{self.repo}"


@dataclass(frozen=True)
class Stray:
    """A link to this project under another address."""

    path: Path
    line: int
    text: str


def current(root: Path) -> Address:
    """The address in pyproject.toml."""
    return Address.parse(_project(root)["urls"]["Repository"])


def set_address(new: Address, root: Path) -> list[Path]:
    """Writes `new` in place of the current address; returns the files that changed."""
    old = current(root)
    changed = {}
    for path in _files(root):
        content = path.read_bytes()
        replaced = _replace(content, old, new)
        if replaced != content:
            changed[path] = replaced
    for path, content in changed.items():
        path.write_bytes(content)
    return list(changed)


def find_strays(root: Path) -> list[Stray]:
    """Links that mean this project but differ from its address.

    A link means this project when its repository bears the project's or the repository's name, or when its
    owner bears the project's name; case and underscores aside.
    """
    address = current(root)
    project = _plain(_project(root)["name"])
    names = {project, _plain(address.repo)}
    strays = []
    for path in _files(root):
        content = path.read_bytes()
        for match in _links(content):
            owner, repo = match["owner"].decode(), match["repo"].decode()
            ours = _plain(repo) in names or _plain(owner) == project
            if ours and not _names(match, address):
                line = content.count(b"\n", 0, match.start()) + 1
                strays.append(Stray(path.relative_to(root), line, match[0].decode()))
    return strays


def _project(root: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _links(content: bytes) -> Iterator[re.Match[bytes]]:
    yield from REPOSITORY_LINK.finditer(content)
    yield from PAGES_LINK.finditer(content)


def _names(match: re.Match[bytes], address: Address) -> bool:
    """Whether a link spells this very address."""
    owner = address.owner.lower() if match.re is PAGES_LINK else address.owner
    return (match["owner"], match["repo"]) == (owner.encode(), address.repo.encode())


def _replace(content: bytes, old: Address, new: Address) -> bytes:
    def rewrite(match: re.Match[bytes]) -> bytes:
        if not _names(match, old):
            return match[0]
        owner = new.owner.lower() if match.re is PAGES_LINK else new.owner
        return match["before"] + owner.encode() + match["middle"] + new.repo.encode()

    return PAGES_LINK.sub(rewrite, REPOSITORY_LINK.sub(rewrite, content))


def _files(root: Path) -> Iterator[Path]:
    """The project's text files, in a fixed order."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if _searched(Path(folder, name)))
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and b"\0" not in path.read_bytes():
                yield path


def _searched(folder: Path) -> bool:
    if folder.name.startswith("."):
        return folder.name in HIDDEN_FOLDERS_SEARCHED
    return folder.name not in SKIPPED_FOLDERS and not (folder / "pyvenv.cfg").exists()


def main(arguments: list[str], root: Path) -> int:
    """The command line, for the project in `root`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m book.tools.address", description="The repository's address.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("show", help="print the address of the repository and of the site")
    commands.add_parser("check", help="list links to this project under another address")
    commands.add_parser("set", help="write a new address everywhere").add_argument("address")
    options = parser.parse_args(arguments)
    try:
        if options.command == "show":
            print(current(root).repository, current(root).pages, sep="\n")
            return 0
        if options.command == "set":
            _report_changes(set_address(Address.parse(options.address), root), root)
        return _report_strays(root)
    except AddressError as error:
        print(f"Address: {error}", file=sys.stderr)
        return 2


def _report_changes(changed: list[Path], root: Path) -> None:
    for path in changed:
        print(path.relative_to(root))
    print(f"{len(changed)} files changed; the address is {current(root).repository}")


def _report_strays(root: Path) -> int:
    strays = find_strays(root)
    for stray in strays:
        print(f"{stray.path}:{stray.line}: {stray.text}")
    print(f"{len(strays)} links differ from {current(root).repository}" if strays else "no strays")
    return 1 if strays else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], ROOT))
