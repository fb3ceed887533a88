"""The address tool on a small tree: what it rewrites, what it leaves, what it calls a stray."""

import json

import pytest

from book.tools import address
from book.tools.address import Address, current, find_strays, set_address

# Written in pieces: the tool also reads this file, and must not take these for the project's own links.
HUB, RAW, COLAB, BINDER, PAGES = (
    "https://github" + ".com/",
    "https://raw.githubusercontent" + ".com/",
    "https://colab.research.google" + ".com/github/",
    "https://mybinder" + ".org/v2/gh/",
    ".github" + ".io/",
)
OLD = Address("first-owner", "feedback-lite")
NEW = Address("Second-Owner", "fb.book_2")
OLD_URL, NEW_URL = (f"{HUB}{address.owner}/{address.repo}" for address in (OLD, NEW))


def tree(owner: str, repo: str) -> dict[str, str]:
    """Every form in which the project writes its address, and links to other projects."""
    pages = f"https://{owner.lower()}{PAGES}{repo}"
    notebook = {"cells": [{"source": [f"!pip install git+{HUB}{owner}/{repo}@v0.1.0\n"]}], "nbformat": 4}
    return {
        "pyproject.toml": f"""\
[project]
name = "feedback-lite"
[project.urls]
Repository = "{HUB}{owner}/{repo}"
Documentation = "{pages}"
""",
        "README.md": f"Clone {HUB}{owner}/{repo}.git, or read {HUB}{owner}/{repo}. See also\n"
        f"[the site]({pages}/book/index.html) and {RAW}{owner}/{repo}/main/x.png, or\n"
        f"run it: {BINDER}{owner}/{repo}/main?urlpath=lab.\r\n",
        "chapters/05.ipynb": json.dumps(notebook, indent=1, ensure_ascii=False) + "\n",
        "chapters/06.ipynb": json.dumps({"link": f"{COLAB}{owner}/{repo}/blob/main/chapters/06.ipynb"}),
        ".github/workflows/test.yml": f"# {HUB}{owner}/{repo}/actions",
        "book/index.md": f"From git@github.com:{owner}/{repo}.git; not {HUB}lucidrains/feedback-transformer-pytorch, "
        f"{HUB}{owner}/{repo}-extras nor https://example{PAGES}other.\n",
    }


@pytest.fixture
def root(tmp_path):
    for name, text in tree(OLD.owner, OLD.repo).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (tmp_path / "picture.png").write_bytes(b"\0" + OLD_URL.encode())
    return tmp_path


def contents(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_set_rewrites_every_form(root):
    set_address(NEW, root)
    expected = {name: text.encode() for name, text in tree(NEW.owner, NEW.repo).items()}
    # This one link has the old repository's name only at its beginning: another project.
    expected["book/index.md"] = expected["book/index.md"].replace(
        f"{NEW.owner}/{NEW.repo}-extras".encode(), f"{OLD.owner}/{OLD.repo}-extras".encode()
    )
    expected["picture.png"] = b"\0" + OLD_URL.encode()
    assert contents(root) == expected
    assert current(root) == NEW


def test_after_set_nothing_strays(root):
    assert find_strays(root) == []
    set_address(NEW, root)
    assert find_strays(root) == []


def test_set_twice_changes_nothing_more(root):
    assert len(set_address(NEW, root)) == 6
    before = contents(root)
    assert set_address(NEW, root) == []
    assert contents(root) == before


def test_set_back_restores_every_byte(root):
    before = contents(root)
    set_address(NEW, root)
    assert contents(root) != before
    set_address(OLD, root)
    assert contents(root) == before


@pytest.mark.parametrize(
    "stray",
    [
        f"{HUB}third/feedback-lite",
        f"{HUB}third/Feedback_Lite.git",
        f"{HUB}first-owner/FEEDBACK-LITE",
        f"{HUB}feedback-lite/feedbak-lite",
        f"{COLAB}third/feedback-lite/blob/main/chapters/01.ipynb",
        f"{RAW}third/feedback-lite/main/x.png",
        f"https://third{PAGES}feedback-lite/book",
        "git@github" + ".com:third/feedback-lite.git",
    ],
)
def test_a_planted_stray_is_found(root, stray):
    (root / "book" / "more.md").write_text(f"first line\nsee {stray}.\n")
    [found] = find_strays(root)
    assert found.startswith("book/more.md:2: ")
    assert found.removeprefix("book/more.md:2: ") in stray


@pytest.mark.parametrize(
    "link",
    [
        f"{HUB}lucidrains/feedback-transformer-pytorch",
        f"{HUB}first-owner/other-work",
        f"https://docs.github.com/en/pages and https://third{PAGES}project",
    ],
)
def test_a_link_to_another_project_is_no_stray(root, link):
    (root / "book" / "more.md").write_text(link)
    assert find_strays(root) == []


def test_builds_caches_and_environments_are_left_alone(root):
    for folder in ("_build/html", ".venv/lib", ".pytest_cache", "mine/lib"):
        (root / folder).mkdir(parents=True)
        (root / folder / "page.html").write_text(f"{HUB}third/feedback-lite")
    (root / "mine" / "pyvenv.cfg").write_text("")
    assert find_strays(root) == []


@pytest.mark.parametrize("given", ["https://github.com/a-b/c.d_e", "https://github.com/a-b/c.d_e/"])
def test_an_address_is_read(given):
    assert Address.parse(given) == Address("a-b", "c.d_e")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "owner/repo",
        "http://github.com/owner/repo",
        "https://gitlab.com/owner/repo",
        "https://github.com/owner",
        "https://github.com/owner/repo/tree/main",
        "https://github.com/-owner/repo",
        "https://github.com/own--er/repo",
        "https://github.com/owner/re po",
        "https://github.com/owner/..",
        "https://github.com/" + "o" * 40 + "/repo",
        "https://github.com/owner/owner.github.io",
    ],
)
def test_a_wrong_address_is_refused_with_what_is_allowed(given):
    with pytest.raises(ValueError, match=r"must look like https://github\.com/OWNER/REPO"):
        Address.parse(given)


def test_the_command_line_sets_checks_and_refuses(root, capsys):
    with pytest.raises(SystemExit, match="2"):
        address.main(["set", "nonsense"], root)
    assert "address is 'nonsense'" in capsys.readouterr().err
    assert address.main(["set", NEW_URL], root) == 0
    *changed, last = capsys.readouterr().out.splitlines()
    assert set(changed) == tree("any", "name").keys()
    assert last == "0 links differ from the address Second-Owner/fb.book_2"
    (root / "stray.md").write_text(f"{HUB}third/feedback-lite")
    assert address.main(["check"], root) == 1
    assert "stray.md:1: github" in capsys.readouterr().out


def test_this_project_has_no_strays():
    assert find_strays(address.ROOT) == []
