"""Pack the book into one zip: the site to be read without a network, the chapters, the package, and what runs them.

`make offline` builds the site and runs this. The archive opens with `start.html`; `run.py` beside it starts the
chapters in JupyterLab.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from book.tools.distribution import build
from book.tools.licences import notices
from feedback_lite.files import write_whole

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = ROOT / "_build" / "feedback-lite-book.zip"
FOLDER = "feedback-lite-book"
# What no page that is opened from disk asks for.
UNREAD_NAMES = {".buildinfo", "objects.inv"}
# Beside the site and the chapters: where it lies in the archive, and where in the checkout.
BESIDE = {
    "start.html": "book/offline/start.html",
    "run.py": "book/offline/run.py",
    "book/feedback_transformer.py": "book/feedback_transformer.py",
    "LICENSE": "LICENSE",
    "LICENSE-TEXT.md": "LICENSE-TEXT.md",
}
# A chapter's link to a page of the book: in the archive the pages are those of the site.
PAGE_LINK = re.compile(r"\]\(\.\./book/([\w-]+)\.md")
# The same date in every archive, so that packing the same sources again gives the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)


def gather(root: Path, wheel: Path) -> dict[str, bytes]:
    """Return what the archive of a checkout holds: the name of each file, and its bytes."""
    site = root / "_build" / "html"
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"site is {str(site)!r}, which holds no index.html: run `make book` first.")
    files = {name: (root / path).read_bytes() for name, path in BESIDE.items()}
    files[wheel.name] = wheel.read_bytes()
    files["LICENSES-OF-OTHERS.txt"] = notices().encode()
    for chapter in root.glob("chapters/*.ipynb"):
        text = PAGE_LINK.sub(r"](../site/book/\1.html", chapter.read_text(encoding="utf-8"))
        files[f"chapters/{chapter.name}"] = text.encode()
    for path in site.rglob("*"):
        name = PurePosixPath(path.relative_to(site).as_posix())
        if path.is_file() and name.name not in UNREAD_NAMES:
            files[f"site/{name}"] = path.read_bytes()
    return files


def pack(files: dict[str, bytes], archive: Path) -> None:
    """Write the files into `archive`, under one folder; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as pages:
        for name, contents in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            pages.writestr(entry, contents)
    write_whole(archive, buffer.getvalue())


def main() -> int:
    """Pack this checkout and return the exit status."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            files = gather(ROOT, build("wheel", Path(folder)))
    except (FileNotFoundError, RuntimeError) as error:
        print(f"Offline: {error}", file=sys.stderr)
        return 1
    pack(files, ARCHIVE)
    size = ARCHIVE.stat().st_size / 1e6
    print(f"{ARCHIVE.relative_to(ROOT)}: {len(files)} files, {size:.1f} MB. Unpack it and open {FOLDER}/start.html.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
