"""Print the built site as one PDF, to be read on paper and by screen readers.

    python -m book.tools.pdf [PAGE ...] [--out FILE]

`make pdf` builds the site and runs this. All pages become one HTML document, which Chromium prints: a title page, a
list of contents, the pages in the order of `_toc.yml`, two appendices. Links lead within the file, headings are its
bookmarks, the text is tagged. PAGE, such as ``chapters/05-feedback-memory``, prints some pages alone.

What stands where, also told on the second page of the PDF:

- Figures are drawn by the site's own script in their stored state, without controls; a link leads to the live one.
- Predictions and exercises with blanks are written out with all choices.
- In chapters, hints, and all other folds (solutions, answers, numbers), stand in appendices, with links there and back.
  On other pages, folds stand open in their places.
- Code that sets up, draws or tabulates, and the numbers of plots, are left out.

The same site, commit, browser and fonts give the same bytes. Letters are those of the machine, so another one may break
pages elsewhere.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from book.tools.browser import BrowserError
from book.tools.pdf.document import imprint, write_document
from book.tools.pdf.printing import PdfError, print_document
from feedback_lite.files import write_whole

ROOT = Path(__file__).resolve().parents[3]
BOOK = ROOT / "_build" / "feedback-lite-book.pdf"


def make(root: Path, names: list[str] | None = None) -> bytes:
    """Return the PDF of a checkout whose site is built, or of some of its pages.

    Raises:
        FileNotFoundError: there is no site.
        ValueError: the book has no page of such a name, or a page of the site is not as it should be.
        PdfError: it cannot be printed.
        BrowserError: there is no browser.
    """
    site = root / "_build" / "html"
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "book.html"
        facts = imprint(root)
        document.write_text(write_document(site, facts, names), encoding="utf-8")
        return print_document(document, facts)


def main(arguments: list[str] | None = None) -> int:
    """Print this checkout's book and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m book.tools.pdf", description="The book as one PDF.")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="print this page, and not the whole book")
    parser.add_argument("--out", type=Path, default=BOOK, metavar="FILE", help="where to write it")
    options = parser.parse_args(arguments)
    try:
        printed = make(ROOT, options.pages or None)
    except (FileNotFoundError, ValueError, PdfError, BrowserError) as error:
        print(f"PDF: {error}", file=sys.stderr)
        return 1
    write_whole(options.out, printed)
    print(f"{options.out}: {len(printed) / 1e6:.1f} MB")
    return 0
