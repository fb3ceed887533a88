"""At the foot of each chapter: when it was executed and with what, with the way to all executions."""

import re
from pathlib import Path

from book.tools.notebooks.executed import in_words, read_record
from tests.site.contents import PAGES

FOOT = re.compile(r'<p class="fl-executed">Last executed on (.*?) with PyTorch (.*?): <a href="(.*?)">')


def test_each_chapter_says_when_it_was_executed_and_no_other_page_does(site: Path) -> None:
    told = {page: FOOT.findall((site / page).read_text(encoding="utf-8")) for page in PAGES}
    expected = {
        f"chapters/{name}.html": [(in_words(entry.day), entry.packages["torch"], "../book/execution.html")]
        for name, entry in read_record().items()
    }
    assert {page: feet for page, feet in told.items() if feet} == expected
    assert set(expected) == {page for page in PAGES if page.startswith("chapters/")}


def test_the_page_of_executions_leads_to_every_chapter(site: Path) -> None:
    page = (site / "book" / "execution.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr.*?href="\.\./chapters/([\w-]+)\.html".*?</tr>', page, flags=re.DOTALL)
    assert rows == list(read_record())
