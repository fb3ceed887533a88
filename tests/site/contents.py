"""The pages of the site, as the table of contents names them."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def pages_of_the_book() -> list[str]:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    parts = contents.get("parts", [contents])
    names = [contents["root"], *(chapter["file"] for part in parts for chapter in part["chapters"])]
    return [f"{name}.html" for name in names]


PAGES = pages_of_the_book()
PAGES_OF_THE_TOOL = ["index.html", "genindex.html", "search.html", "404.html", "slides.html"]
ALL_PAGES = [*PAGES, *PAGES_OF_THE_TOOL]
