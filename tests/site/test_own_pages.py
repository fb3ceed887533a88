"""The pages of single figures: one for each, which opens alone from disk, says what its chapter says, and is light."""

import gzip
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.kinds import KINDS, PAGES_WITH_FIGURES
from tests.site.accessibility import pale, violations
from tests.site.conftest import Visit
from tests.site.contents import PAGES
from tests.site.looking import STATE, figures_of, stored_of, words

BYTES = 200_000
"""What such a page and all that it asks for may weigh, compressed, the weights of models aside."""
NAMED = re.compile(r'<p class="fl-fallback" id="figure-([\w-]+)" data-own="([^"]*)">(.*?)</p>', re.DOTALL)


def stem(page: str) -> str:
    name = Path(page).stem
    return name[:2] if name[:2].isdigit() else name


OWN = {f"figures/{stem(page)}-{name}.html": (page, name) for name, kind in KINDS.items() for page in kind.pages}


def test_every_figure_has_a_page_and_every_page_a_figure(site: Path) -> None:
    written = {path.relative_to(site).as_posix() for path in (site / "figures").iterdir()}
    named = set()
    for page in PAGES:
        for name, own, _ in NAMED.findall((site / page).read_text(encoding="utf-8")):
            assert own == f"../figures/{stem(page)}-{name}.html"
            named.add(own.removeprefix("../"))
    assert named == written
    assert set(OWN) <= written


@pytest.mark.parametrize("own", OWN)
def test_it_says_what_its_chapter_says(own: str, visit: Visit, stage: Visit) -> None:
    """Opened from disk, 320 px wide, with no request to anywhere."""
    chapter, kind = OWN[own]
    page = visit(own, over="file", viewport={"width": 320, "height": 700})
    (figure,) = figures_of(page, kind)
    there = figures_of(stage(chapter, fresh=True), kind)[0]
    told, wanted = (words(one.locator(".fl-sentence").inner_text()) for one in (figure, there))
    assert told == wanted
    assert page.locator(".fl-fallback, .fl-broken").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    expect(page.locator("h1")).to_have_count(1)
    acts = page.locator(".fl-foot [data-act]").evaluate_all("(all) => all.map((one) => one.dataset.act)")
    assert acts == ["present", "link", "embed"]


def test_an_exercise_has_its_task(site: Path) -> None:
    """The very paragraphs that stand between its heading and its hints; for a formula, its letters."""
    seen = 0
    for page in PAGES:
        whole = (site / page).read_text(encoding="utf-8")
        for name in re.findall(r'id="figure-(fill-in[\w-]*)"', whole):
            _, _, text = whole[: whole.index(f'id="figure-{name}"')].rpartition("<h3>")
            asked = re.findall(r"<(?:p|li)>(?!<em>)(.*?)</(?:p|li)>", text.split("<details")[0], re.DOTALL)
            own = (site / f"figures/{stem(page)}-{name}.html").read_text(encoding="utf-8")
            told = re.findall(r"<(?:p|li)>(.*?)</(?:p|li)>", own.split("<main>")[1], re.DOTALL)
            assert [bare(one) for one in told[: len(asked)]] == [bare(one) for one in asked], own
            assert len(told) == len(asked) + 1  # and the way to its chapter
            assert len(" ".join(asked).split()) >= 10
            seen += 1
    assert seen >= 30


def bare(markup: str) -> str:
    """Return the words of some HTML, without what writes a formula."""
    return words(re.sub(r"<[^>]*>|\\[()]|_", "", markup).replace(r"\cdot", "·"))


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_accessible_and_follows_the_system(kind: str, stage: Visit) -> None:
    own = next(own for own, (_, name) in OWN.items() if name == kind)
    papers = set()
    for theme in ("light", "dark"):
        page = stage(own, color_scheme=theme)
        assert violations(page) == []
        assert pale(page) == []
        papers.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    assert len(papers) == 2


def weight_of(site: Path, own: str) -> int:
    text = (site / own).read_text(encoding="utf-8")
    named = {site / "figures" / name for name in re.findall(r'(?:src|href)="(\.\./_static/[^"]+)"', text)}
    assert len(named) >= 5
    models = re.findall(r'"models":\{"\$part":"(\w+)"\}', text)
    files = [file for file in named if file.stem not in models]
    return sum(len(gzip.compress(file.read_bytes(), 6, mtime=0)) for file in [*files, site / own])


def test_they_are_light(site: Path) -> None:
    heavy = {own: weight_of(site, own) for own in OWN}
    assert {own: weight for own, weight in heavy.items() if weight > BYTES} == {}
    assert all("theme" not in (site / own).read_text().split("</head>")[0] for own in OWN)


def test_its_link_leads_to_its_place_in_the_chapter(visit: Visit) -> None:
    page = visit("figures/06-memory-queue.html", over="file")
    page.get_by_role("link", name="Read about it").click()
    figure = page.locator('[data-figure="memory-queue"]')
    figure.wait_for()
    expect(figure).to_be_in_viewport()
    assert page.url.endswith("chapters/06-memory-fifo.html#figure-memory-queue")


def test_an_address_gives_it_a_state(visit: Visit) -> None:
    page = visit("figures/06-memory-queue.html#memory-queue=1,step:9,token:4,memory_size:2", over="file")
    expect(page.locator(".fl-now").first).to_contain_text("9")


def test_the_line_to_copy_embeds_the_figure_with_its_state(
    visit: Visit, addresses: dict[str, str], browser: Browser, tmp_path: Path
) -> None:
    """From a server the line has the page's own address; from disk, the published one."""
    page = visit("chapters/06-memory-fifo.html#memory-queue=1,step:9,token:4,memory_size:2")
    place = page.locator("#figure-memory-queue")
    place.locator('[data-act="embed"]').click()
    line = place.locator(".fl-foot-field").input_value()
    own = f"{addresses['http']}figures/06-memory-queue.html#memory-queue=1,step:9,token:4,memory_size:2"
    assert line.startswith("<iframe ")
    assert f'src="{own}"' in line
    assert 'title="The memory as a queue"' in line
    told = words(place.locator(".fl-sentence").inner_text())
    (tmp_path / "elsewhere.html").write_text(f"<!doctype html><title>Elsewhere</title><h1>Elsewhere</h1>{line}")
    elsewhere = browser.new_page()
    elsewhere.goto((tmp_path / "elsewhere.html").as_uri())
    inner = elsewhere.frame_locator("iframe")
    expect(inner.locator(".fl-sentence")).to_have_text(told, timeout=20_000)
    inner.locator('[data-act="present"]').click()
    expect(inner.get_by_role("dialog")).to_be_visible()
    elsewhere.close()

    from_disk = visit("chapters/06-memory-fifo.html", over="file")
    from_disk.locator('#figure-memory-queue [data-act="embed"]').click()
    line = from_disk.locator("#figure-memory-queue .fl-foot-field").input_value()
    assert 'src="https://feedback-lite.github.io/feedback-lite/figures/06-memory-queue.html#memory-queue=1,' in line


def test_pages_share_scripts_and_weights(site: Path) -> None:
    """The same model is stored once, whichever pages show it, and no file is stored that no page asks for."""
    parts = {path.stem for path in (site / "_static" / "figures").iterdir()}
    pages = [path.read_text(encoding="utf-8") for path in site.rglob("*.html")]
    asked = [set(re.findall(r'"\$(?:after|part)":"(\w+)"', page)) for page in pages]
    assert set().union(*asked) == parts
    models = {part for page in pages for part in re.findall(r'"models":\{"\$part":"(\w+)"\}', page)}
    assert models
    assert all(sum(model in page for page in asked) >= 2 for model in models)


def test_stored_states_are_whole(stage: Visit) -> None:
    for name in PAGES_WITH_FIGURES[:3]:
        page = stage(name)
        assert "$part" in (page.locator(STATE).text_content() or "")
        for kind in (kind for kind in KINDS if name in KINDS[kind].pages):
            assert all(isinstance(state["_esm"], str) for state in stored_of(page, kind))
