"""Print the document with Chromium, fill in the page numbers, and give the file its facts."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
from playwright.sync_api import Browser, Page, sync_playwright

from book.tools.browser import find_browser, launch_arguments
from book.tools.pdf.document import Imprint

OLDEST = 131
"""The first Chromium that prints what a style sheet puts into the margins of a page."""
SCALE = 0.85
WIDTH = 773
"""Pixels of the document between the margins of a page."""
SECONDS = 300
PRINTINGS = 5
READY = """async () => {
  await globalThis.MathJax?.startup.promise;
  await document.fonts.ready;
  return ![...document.querySelectorAll(".fl-fallback[data-alive]")].length;
}"""
# Screen readers get a formula as TeX, a picture by its name, and both keep what was drawn as their content: MathJax
# draws letters as content of style sheets, which belongs to no element, and in a layer of its own, after all text.
PREPARE = """() => {
  for (const { typesetRoot, math } of globalThis.MathJax?.startup.document.math ?? []) {
    typesetRoot.querySelector("mjx-assistive-mml")?.remove();
    typesetRoot.querySelector("mjx-math").removeAttribute("aria-hidden");
    typesetRoot.setAttribute("role", "img");
    typesetRoot.setAttribute("aria-label", math);
    typesetRoot.style.position = "static";
    for (const letter of typesetRoot.querySelectorAll("mjx-c")) {
      const { content, padding } = getComputedStyle(letter, "::before");
      if (content === "none") continue;
      const drawn = document.createElement("span");
      drawn.style.padding = padding;
      drawn.textContent = content.slice(1, -1).replace(/\\\\(.)/g, "$1");
      letter.append(drawn);
    }
  }
  for (const picture of document.querySelectorAll(".fl-place svg:not([aria-hidden])")) {
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", picture.closest("[data-figure]").getAttribute("aria-label"));
  }
  document.querySelector("main").classList.add("fl-prepared");
}"""
BROKEN = """() => [...document.querySelectorAll(".fl-broken, mjx-merror")].map((place) => place.textContent)"""
CUT = """(width) => {
  const kinds = "main *:not(svg *, mjx-container *, .math, .visually-hidden)";
  const found = [...document.querySelectorAll(kinds)].filter((element) => {
    if (!element.checkVisibility()) return false;
    const hides = element.clientWidth > 0 && getComputedStyle(element).overflowX !== "visible";
    const inside = hides ? element.scrollWidth - element.clientWidth : 0;
    return Math.max(inside, element.getBoundingClientRect().right - width) > 1;
  });
  return found.map(({ localName, className, textContent }) => `${localName}.${className}: ${textContent.slice(0, 60)}`);
}"""
CONTROLS = """() => [...document.querySelectorAll("main :is(button, input, select, iframe, summary)")]
  .filter((control) => control.checkVisibility())
  .map((control) => control.textContent || control.outerHTML.slice(0, 60))"""
FILL = """(pages) => {
  for (const place of document.querySelectorAll(".fl-at-page")) place.textContent = pages[place.dataset.of] ?? "000";
}"""
LINKS = (
    """() => [...document.querySelectorAll('main a[href^="#"]')].map((link) => link.getAttribute("href").slice(1))"""
)
TITLES = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((title) => title.textContent.trim())"""
RIGHTS = "Text and figures: CC BY 4.0. Code: MIT licence."


class PdfError(RuntimeError):
    """The book cannot be printed; the message says what is wrong, and where."""


def print_document(document: Path, facts: Imprint) -> bytes:
    """Return a document of the book as a PDF, with the numbers of its pages filled in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=launch_arguments())
        return print_with(browser, document, facts)


def print_with(browser: Browser, document: Path, facts: Imprint) -> bytes:
    """Return what a browser prints of a document, with the numbers of its pages filled in.

    Raises:
        PdfError: the browser is too old, or something in the document is broken, cut or leads nowhere.
    """
    if int(browser.version.split(".")[0]) < OLDEST:
        raise PdfError(f"browser is of version {browser.version}, which must be {OLDEST} or newer")
    page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme="light", reduced_motion="reduce")
    page.set_default_timeout(1000 * SECONDS)
    page.emulate_media(media="print")
    page.goto(document.as_uri())
    page.wait_for_function(READY)
    page.evaluate(PREPARE)
    for look, what in (
        (BROKEN, "cannot be shown"),
        (CUT, "would be cut"),
        (CONTROLS, "can be pressed, but not on paper"),
    ):
        if found := page.evaluate(look, WIDTH):
            raise PdfError(f"{len(found)} places {what}: {'; '.join(found[:10])}")
    printed, numbers = fill_in(page)
    titles: list[str] = page.evaluate(TITLES)
    lost = sorted(set(page.evaluate(LINKS)) - set(numbers))
    page.context.close()
    if lost:
        raise PdfError(f"{len(lost)} links lead nowhere: {', '.join(lost[:10])}")
    return finish(printed, titles, facts)


def fill_in(page: Page) -> tuple[bytes, dict[str, int]]:
    """Return the PDF whose page numbers are right, and these by the names of places.

    A number may be narrower than the one that stood in its place, and then a line, and what is below it, can move.
    """
    numbers: dict[str, int] = {}
    for _ in range(PRINTINGS):
        page.evaluate(FILL, numbers)
        printed = to_pdf(page)
        before, numbers = numbers, page_numbers(printed)
        if numbers == before:
            return printed, numbers
    raise PdfError(f"page numbers still moved the text to other pages at printing {PRINTINGS}")


def to_pdf(page: Page) -> bytes:
    """Return what the browser shows as a PDF."""
    return page.pdf(prefer_css_page_size=True, print_background=True, scale=SCALE, tagged=True, outline=True)


def page_numbers(printed: bytes) -> dict[str, int]:
    """Return on which page each place stands to which a link leads, by its name."""
    with pikepdf.open(io.BytesIO(printed)) as pdf:
        pages: dict[tuple[int, int], int] = {page.obj.objgen: number for number, page in enumerate(pdf.pages, start=1)}
        return {name.removeprefix("/"): pages[place[0].objgen] for name, place in pdf.Root.Dests.items()}


def finish(printed: bytes, titles: list[str], facts: Imprint) -> bytes:
    """Return a PDF that says who wrote the book and under which licence, packed, and the same each time.

    Chromium writes the time of printing and its own name; the date of the book takes their place. It also leaves out
    the space where a heading goes on in a second line, so bookmarks get the headings' own words.
    """
    whole = {"".join(title.split()): title for title in titles}
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(printed)) as pdf:
        with pdf.open_outline() as outline:
            mend(outline.root, whole)
        pdf.docinfo = pdf.make_indirect(pikepdf.Dictionary({"/Title": facts.title, "/Author": facts.author}))
        with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
            metadata["dc:title"] = facts.title
            metadata["dc:creator"] = [facts.author]
            metadata["dc:language"] = ["en"]
            metadata["dc:rights"] = RIGHTS
            metadata["dc:source"] = facts.repository
            metadata["xmpRights:WebStatement"] = "https://creativecommons.org/licenses/by/4.0/"
            if facts.date:
                metadata["xmp:CreateDate"] = facts.date
        pdf.Root.PageMode = pikepdf.Name.UseOutlines
        pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True)
    return out.getvalue()


def mend(bookmarks: list[pikepdf.OutlineItem], whole: dict[str, str]) -> None:
    """Give each bookmark the title that has the same letters."""
    for bookmark in bookmarks:
        bookmark.title = whole.get("".join(bookmark.title.split()), bookmark.title)
        mend(bookmark.children, whole)
