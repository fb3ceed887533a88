"""The page of results: a reader sees all tasks in one table at once, and every number of it leads to its task."""

from feedback_lite.training import records
from feedback_lite.widgets.runs_explorer import in_words, recorded_tasks
from tests.site.conftest import Visit

RESULTS = "book/results.html"
TOO_WIDE = """() => {
    document.querySelectorAll("#results details").forEach((fold) => { fold.open = true; });
    const boxes = [...document.querySelectorAll("#results .pst-scrollable-table-container")];
    return boxes.filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.innerText.slice(0, 200));
}"""
LINKS = """(row) => [...row.querySelectorAll("a")].map((link) => {
    const task = document.querySelector(link.getAttribute("href"));
    return [task.querySelector("h2").firstChild.textContent, task.querySelector("pre").textContent.trim()];
})"""


def test_no_table_scrolls_sideways_on_a_small_computer(stage: Visit) -> None:
    assert stage(RESULTS, width=1280).evaluate(TOO_WIDE) == []


def test_all_tasks_are_seen_at_once(stage: Visit) -> None:
    box = stage(RESULTS, width=1280).locator(".fl-glance table").first.bounding_box()
    assert box is not None
    assert box["height"] <= 640  # of the 720 px of a small computer, the theme's header takes some


def test_every_number_leads_to_its_task_and_its_command(stage: Visit) -> None:
    rows = stage(RESULTS, width=1280).locator(".fl-glance table").first.locator("tbody tr")
    told = [[in_words(task), records.load(f"compare-{task}")["command"]] for task in recorded_tasks()]
    assert rows.first.evaluate(LINKS) == told
    assert rows.nth(1).evaluate("(row) => row.querySelectorAll('td').length") == len(told)
