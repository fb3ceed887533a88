"""Write the repository's address wherever the project uses it, and find links to this project under another address.

    python -m book.tools.address set https://github.com/OWNER/REPO
    python -m book.tools.address check

The one source is `Repository` under `[project.urls]` in pyproject.toml. Everywhere else the address stands as plain
text, so that GitHub, Colab and a reader see it as it is: in links to the repository, to its raw files, to Colab, to
Binder and to the published site, whose own address follows from the repository's.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]

OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}"
# A dot belongs to a name only when more of the name follows: it may also end a sentence.
REPO = r"(?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-])(?!git\b))+"
LINK = re.compile(
    r"(?P<before>github\.com[/:]|raw\.githubusercontent\.com/|colab\.research\.google\.com/github/|mybinder\.org/v2/gh/"
    rf"|//(?=[\w-]+\.github\.io/))(?P<owner>{OWNER})(?P<middle>/|\.github\.io/)(?P<repo>{REPO})"
)


class Address(NamedTuple):
    """A repository on GitHub."""

    owner: str
    repo: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """Return the address of `https://github.com/OWNER/REPO`; a slash or `.git` at the end is dropped."""
        trimmed = url.strip().removesuffix("/").removesuffix(".git")
        match = re.fullmatch(rf"https://github\.com/({OWNER})/({REPO})(?<!\.github\.io)", trimmed)
        if match is None:
            raise ValueError(
                f"address is {url!r}, but it must look like https://github.com/OWNER/REPO, with letters, digits and "
                "hyphens in OWNER, and letters, digits, hyphens, underscores and inner dots in REPO, which must not "
                "end in .github.io: such a repository is published without its name in the address."
            )
        return cls(*match.groups())

    def in_place_of(self, link: re.Match[str]) -> str:
        """Return the link with this address; the host of GitHub Pages is written in small letters."""
        owner = self.owner if link["middle"] == "/" else self.owner.lower()
        return f"{link['before']}{owner}{link['middle']}{self.repo}"


def project(root: Path) -> dict[str, Any]:
    """Return what pyproject.toml says of the project."""
    table: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def current(root: Path) -> Address:
    """Return the address in pyproject.toml."""
    return Address.parse(project(root)["urls"]["Repository"])


def texts(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield the project's text files and what they hold, in a fixed order."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if is_searched(Path(folder, name)))
        for path in (Path(folder, name) for name in sorted(names)):
            if not path.is_symlink() and b"\0" not in (content := path.read_bytes()):
                yield path, content.decode("utf-8", "surrogateescape")


def is_searched(folder: Path) -> bool:
    """Return whether a folder holds the project's own files: no build, no cache, no environment."""
    if folder.name[0] in "._" or folder.name == "dist":
        return folder.name in (".ci", ".github")
    return not (folder / "pyvenv.cfg").exists()


def set_address(new: Address, root: Path) -> list[Path]:
    """Write `new` in place of the current address, to the last byte; return the files that changed."""
    old, changed = current(root), {}
    for path, text in texts(root):
        replaced = LINK.sub(lambda link: new.in_place_of(link) if link[0] == old.in_place_of(link) else link[0], text)
        if replaced != text:
            changed[path] = replaced
    for path, text in changed.items():
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return list(changed)


def find_strays(root: Path) -> list[str]:
    """Return, as ``file:line: link``, the links that mean this project but differ from its address.

    A link means this project when its repository bears the project's or the repository's name, or when its
    owner bears the project's name; case and underscores aside.
    """
    address = current(root)
    name = plain(project(root)["name"])
    return [
        f"{path.relative_to(root)}:{text.count(chr(10), 0, link.start()) + 1}: {link[0]}"
        for path, text in texts(root)
        for link in LINK.finditer(text)
        if plain(link["repo"]) in (name, plain(address.repo)) or plain(link["owner"]) == name
        if link[0] != address.in_place_of(link)
    ]


def plain(name: str) -> str:
    """Return a name without what may be written in several ways."""
    return name.lower().replace("_", "-")


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line, for the project in `root`, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m book.tools.address", description="The repository's address.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="list links to this project under another address")
    commands.add_parser("set", help="write a new address everywhere").add_argument("address")
    options = parser.parse_args(arguments)
    if options.command == "set":
        try:
            new = Address.parse(options.address)
        except ValueError as error:
            parser.error(str(error))
        print(*(path.relative_to(root) for path in set_address(new, root)), sep="\n")
    strays = find_strays(root)
    print(*strays, f"{len(strays)} links differ from the address {'/'.join(current(root))}", sep="\n")
    return int(bool(strays))


if __name__ == "__main__":
    sys.exit(main())
