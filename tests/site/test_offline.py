"""The archive in an empty folder: its start page leads to the book, whose pages and figures work from disk."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from book.tools.distribution import build
from book.tools.licences import strangers
from book.tools.offline import FOLDER, ROOT, gather, pack
from tests.kinds import KINDS
from tests.site.accessibility import violations
from tests.site.conftest import Visit
from tests.site.test_pages import is_complete, references


@pytest.fixture(scope="module")
def unpacked(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a reader has after unpacking."""
    folder = tmp_path_factory.mktemp("archive")
    pack(gather(ROOT, build("wheel", folder / "wheel")), folder / "book.zip")
    with zipfile.ZipFile(folder / "book.zip") as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked" / FOLDER


@pytest.fixture(scope="module")
def addresses(unpacked: Path) -> dict[str, str]:
    """For ``visit``: nothing but the unpacked archive, whose root the pages must not leave."""
    return {"file": f"{unpacked.as_uri()}/"}


def test_the_start_page_leads_to_the_front_page(visit: Visit) -> None:
    page = visit("start.html", over="file")
    assert violations(page) == []
    page.get_by_role("link", name="Open the book").click()
    page.wait_for_url("**/site/book/index.html")
    expect(page.locator("h1:visible").first).to_be_visible()


def test_every_file_that_the_start_page_names_is_there(unpacked: Path) -> None:
    named = references(unpacked / "start.html").addresses
    assert {"site/book/index.html", "LICENSE", "LICENSES-OF-OTHERS.txt"} <= set(named)
    assert [name for name in named if not (unpacked / name).is_file()] == []
    assert (unpacked / "run.py").is_file()


@pytest.mark.parametrize("name", ["book/index.html", "book/notation.html", "chapters/05-feedback-memory.html"])
def test_pages_are_complete(name: str, visit: Visit) -> None:
    is_complete(visit(f"site/{name}", over="file"), name)


def test_models_run_what_the_reader_writes(visit: Visit) -> None:
    kind = "program-duel"
    page = visit(f"site/{KINDS[kind].pages[0]}", over="file")
    duel = page.locator(f'[data-figure="{kind}"]')
    duel.locator('[data-control="write"]').click()
    duel.locator('[data-control="text"]').fill("x = 7 ; x ++ ; print x ;")
    duel.locator('[data-control="use"]').click()
    expect(duel.locator("tr", has_text="print x")).to_have_count(1)
    expect(duel.locator(".fl-row .fl-value").first).to_have_text("8")


def test_others_files_are_known_with_their_licences(site: Path) -> None:
    names = [path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()]
    assert strangers(names) == []
    assert strangers([*names, "_static/scripts/jquery.js"]) == ["_static/scripts/jquery.js"]
