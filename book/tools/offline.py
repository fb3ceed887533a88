"""Pack the built site into one zip, to be unpacked and read without a network.

`make offline` builds the site and runs this. The package brings MathJax in every combination of input and
output; the pages load one of them, so the others stay out.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path, PurePosixPath

from feedback_lite.files import write_whole

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
ARCHIVE = ROOT / "_build" / "feedback-lite-book.zip"
FOLDER = "feedback-lite-book"
MATHJAX = PurePosixPath("_static/mathjax")
# What tex-chtml.js loads as it needs it: letters, TeX extensions, the menu, what screen readers get.
MATHJAX_KEPT = ("tex-chtml.js", "output/chtml", "input/tex/extensions", "ui", "a11y", "sre/mathmaps")
MATHJAX_LANGUAGES = ("base.json", "en.json")
UNREAD_NAMES = {".buildinfo", "objects.inv"}
# The same date in every archive, so that packing the same site again gives the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)


def is_needed(name: PurePosixPath) -> bool:
    """Return whether a file of the site can be asked for by a page that is opened from disk."""
    if name.name in UNREAD_NAMES or name.suffix == ".map":
        return False
    if not name.is_relative_to(MATHJAX):
        return True
    part = name.relative_to(MATHJAX)
    if part.is_relative_to("sre/mathmaps"):
        return part.name in MATHJAX_LANGUAGES
    return any(part.is_relative_to(kept) for kept in MATHJAX_KEPT)


def pack(site: Path, archive: Path) -> list[str]:
    """Write the needed files of `site` into `archive`, under one folder, and return their names."""
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"site is {str(site)!r}, which holds no index.html: run `make book` first.")
    paths = {PurePosixPath(path.relative_to(site).as_posix()): path for path in site.rglob("*") if path.is_file()}
    names = sorted(name for name in paths if is_needed(name))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as pages:
        for name in names:
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            pages.writestr(entry, paths[name].read_bytes())
    write_whole(archive, buffer.getvalue())
    return [str(name) for name in names]


def main() -> int:
    """Pack the site of this checkout and return the exit status."""
    try:
        names = pack(SITE, ARCHIVE)
    except FileNotFoundError as error:
        print(f"Offline: {error}", file=sys.stderr)
        return 1
    size = ARCHIVE.stat().st_size / 1e6
    print(f"{ARCHIVE.relative_to(ROOT)}: {len(names)} files, {size:.1f} MB. Unpack it and open {FOLDER}/index.html.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
