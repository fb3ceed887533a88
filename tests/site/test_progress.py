"""What a reader has done is kept in the browser, told on the front page, and forgotten at once when asked."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.kinds.fill_in import solve
from tests.site.conftest import STORAGE_REFUSED, wait_for_figures
from tests.site.looking import control

KEY = "feedback-lite-progress"
CHAPTER, FRONT = "chapters/05-feedback-memory.html", "book/index.html"
SOLVED = json.dumps([1, [], ["shares", "mix-layers"], ["05-feedback-memory"]])


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of a reader's own: what is kept in it stays for as long as the test."""
    context = browser.new_context()
    yield context
    context.close()


def go(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(error.message))
    page.add_init_script(
        "window.failed = []; addEventListener('error', (event) => window.failed.push(event.filename));"
    )
    page.goto(address, wait_until="load")
    wait_for_figures(page)
    # The theme's own lines in the page ask for storage without care; our scripts are files, and their errors others.
    assert [name for name in page.evaluate("window.failed") if name.endswith(".js") and "/scripts/" not in name] == []
    assert [error for error in errors if error != STORAGE_REFUSED] == []
    return page


def kept(page: Page) -> str | None:
    text: str | None = page.evaluate("(key) => localStorage.getItem(key)", KEY)
    return text


@pytest.mark.parametrize("over", ["http", "file"])
def test_what_is_done_is_kept_told_and_forgotten(over: str, context: BrowserContext, addresses: dict[str, str]) -> None:
    page = go(context, addresses[over] + CHAPTER)
    assert kept(page) is None
    solve(page.locator('[data-figure="fill-in"]').first)
    prediction = page.locator('[data-figure="predict"]')
    control(prediction, "option", 1).check()
    control(prediction, "record").click()
    page.evaluate("document.querySelector('article > section').lastElementChild.scrollIntoView()")
    page.wait_for_function("(key) => JSON.parse(localStorage.getItem(key))[3].length === 1", arg=KEY)

    page = go(context, addresses[over] + CHAPTER)  # as the reader comes back
    expect(control(page.locator('[data-figure="predict"]'), "option", 1)).to_be_checked()
    expect(page.locator('[data-figure="fill-in"] .fl-mark').first).to_have_text("✓ solved before")

    front = go(context, addresses[over] + FRONT)
    line = front.locator(f'a[href$="{CHAPTER}"] + .fl-progress')
    expect(line).to_have_text("1 of 4 exercises, read to the end")
    expect(front.locator(".fl-progress")).to_have_count(9)
    front.get_by_role("button", name="Forget all of it").press("Enter")
    expect(front.locator(".fl-progress")).to_have_count(0)
    expect(front.locator(".fl-progress-note")).to_have_text("Forgotten.")
    assert kept(front) is None
    expect(go(context, addresses[over] + FRONT).locator(".fl-progress-note")).to_have_count(0)


HOSTILE = [
    "",
    "{",
    "null",
    "[]",
    json.dumps([2, [], ["shares"], []]),
    json.dumps({"version": 1, "solved": ["shares"]}),
    json.dumps([1, {}, ["shares"], []]),
    json.dumps([1, [], ["shares", "<img src=x onerror=alert(1)>"], []]),
    json.dumps([1, [["q-1", "1"]], ["shares"], []]),
    json.dumps([1, [["__proto__", 1]], ["shares"], []]),
    json.dumps([1, [["q-1", -1]], ["shares"], []]),
    json.dumps([1, [], ["shares"], [], "more"]),
    json.dumps([1, [], ["a" * 65], []]),
    json.dumps([1, [], ["shares"] * 401, []]),
    json.dumps([1, [], ["shares"], []]) + " " * 40_000,
]


def test_what_this_book_has_not_written_is_dropped(context: BrowserContext, addresses: dict[str, str]) -> None:
    page = go(context, addresses["http"] + FRONT)
    for text in HOSTILE:
        page.evaluate("([key, text]) => localStorage.setItem(key, text)", [KEY, text])
        page.reload(wait_until="load")
        expect(page.locator(".fl-progress, .fl-progress-note")).to_have_count(0)
        assert kept(page) is None, text
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [KEY, SOLVED])
    page.reload(wait_until="load")
    expect(page.locator(f'a[href$="{CHAPTER}"] + .fl-progress')).to_have_text("2 of 4 exercises, read to the end")


NO = f"throw new DOMException('{STORAGE_REFUSED}', 'SecurityError');"
BROKEN = {
    "absent": f"Object.defineProperty(window, 'localStorage', {{ get() {{ {NO} }} }})",
    "full": f"Storage.prototype.setItem = () => {{ {NO} }};",
}


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_without_storage_nothing_is_said(fault: str, context: BrowserContext, addresses: dict[str, str]) -> None:
    context.add_init_script(fault)
    page = go(context, addresses["http"] + CHAPTER)
    figure = page.locator('[data-figure="fill-in"]').first
    solve(figure)
    expect(figure.locator(".fl-mark")).to_have_text("✓ right")
    front = go(context, addresses["http"] + FRONT)
    expect(front.locator(".fl-progress, .fl-progress-note")).to_have_count(0)
