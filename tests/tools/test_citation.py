"""CITATION.cff: of the form that version 1.2.0 of the format asks for, and in agreement with the package.

The format's own validator is not among the pins, since it needs an old jsonschema; the weekly workflow runs it. What is
looked at here are the fields that this file uses.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml

from book.tools.address import ROOT, project
from feedback_lite import __version__

REQUIRED = {"authors", "cff-version", "message", "title"}
KNOWN = REQUIRED | {"abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license"}
KNOWN |= {"license-url", "preferred-citation", "references", "repository", "repository-artifact", "repository-code"}
KNOWN |= {"type", "url", "version"}
PERSON = {"family-names", "given-names", "name-particle", "name-suffix", "affiliation", "orcid", "email", "website"}
CITATION: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def faults(citation: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a citation: fields, authors, date; and what the package says otherwise."""
    yield from (f"{name} is missing" for name in sorted(REQUIRED - set(citation)))
    yield from (f"{name} is unknown" for name in sorted(set(citation) - KNOWN))
    for work in [citation, *citation.get("references", [])]:
        for author in work.get("authors") or [{}]:
            is_entity = "name" in author and not PERSON & set(author)
            if not is_entity and not ("family-names" in author and set(author) <= PERSON):
                yield f"author {author} is neither a person nor a name"
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", str(citation.get("date-released", "2026-01-01"))):
        yield "date-released is no date"
    metadata = project(ROOT)
    ours = {"cff-version": "1.2.0", "version": __version__, "license": metadata["license"], "type": "software"}
    ours |= {"repository-code": metadata["urls"]["Repository"], "url": metadata["urls"]["Documentation"]}
    yield from (f"{name} is not {wanted}" for name, wanted in ours.items() if citation.get(name) != wanted)


def test_the_citation_is_in_order() -> None:
    assert list(faults(CITATION)) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"title": None}, "title is missing"),
        ({"autors": []}, "autors is unknown"),
        ({"authors": []}, "author {} is neither a person nor a name"),
        ({"authors": [{"given-names": "A"}]}, "author {'given-names': 'A'} is neither a person nor a name"),
        ({"date-released": "soon"}, "date-released is no date"),
        ({"version": "0.0.9"}, f"version is not {__version__}"),
        ({"license": "GPL-3.0-only"}, "license is not MIT"),
    ],
)
def test_a_planted_fault_is_named(change: dict[str, Any], fault: str) -> None:
    changed = {name: value for name, value in (deepcopy(CITATION) | change).items() if value is not None}
    assert list(faults(changed)) == [fault]
