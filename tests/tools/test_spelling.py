"""The spelling of what readers read: all of it is right, and what is not is seen, wherever it stands."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from book.tools import spelling
from book.tools.spelling import ROOT, Dictionary, Text, faults, prose, read_terms, surnames, texts, words_of
from feedback_lite.widgets import MemoryQueue


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return Dictionary(read_terms(), surnames())


@pytest.fixture(scope="module")
def everything() -> list[Text]:
    return list(texts())


def wrong_in(markdown: str) -> list[str]:
    return faults(prose(markdown, "a.md"), [])


def test_everything_is_spelt_right(everything: list[Text]) -> None:
    assert faults(everything, read_terms(), surnames()) == []


def test_every_kind_of_text_is_read(everything: list[Text]) -> None:
    places = {text.place.partition(":")[0] for text in everything}
    pages = {str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("book/**/*.md")]}
    assert {"README.md", "CONTRIBUTING.md", "book/index.md", "book/workshop/notes.md"} <= pages <= places
    chapters = {place.partition(",")[0] for place in places if place.startswith("chapters/")}
    assert chapters == {str(path.relative_to(ROOT)) for path in ROOT.glob("chapters/*.ipynb")}
    assert {"MemoryQueue", "ShellDuel", "exercise gelu"} <= places


@pytest.mark.parametrize("planted", ["a page", "a chapter", "a figure", "a message"])
def test_a_planted_misspelling_is_seen(planted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("book", "chapters"):
        (tmp_path / folder).mkdir()
    (tmp_path / "book" / "a.md").write_text("The memroy." if planted == "a page" else "The memory.")
    path = Path(shutil.copy(ROOT / "chapters" / "06-memory-fifo.ipynb", tmp_path / "chapters"))
    if planted == "a chapter":
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"][0]["source"].append("\n\nThe memroy.")
        path.write_text(json.dumps(notebook))
    if planted == "a figure":
        (words,) = MemoryQueue.words.default_args
        monkeypatch.setattr(MemoryQueue.words, "default_args", (words | {"empty": "The memroy is empty."},))
    if planted == "a message":
        gelu = spelling.EXERCISES["gelu"]
        mistakes = (replace(gelu.mistakes[0], message="The memroy."), *gelu.mistakes[1:])
        monkeypatch.setitem(spelling.EXERCISES, "gelu", replace(gelu, mistakes=mistakes))
    found = [fault for fault in faults(texts(tmp_path), read_terms(), surnames()) if "no text has" not in fault]
    place = {"a page": "book/a.md:1", "a chapter": "chapters/06", "a figure": "MemoryQueue", "a message": "exercise"}
    assert len(found) == 1
    assert found[0].startswith(place[planted])
    assert found[0].endswith(": memroy")


@pytest.mark.parametrize(
    "markdown",
    [
        "| a | b |\n|---|---|\n| memroy | b |",
        "```{container} fl-words\nThe memroy.\n```",
        "```{chapter-cards}\n06-memory-fifo: the memroy\n```",
        '<img src="picture.svg" alt="The memroy.">',
        "![The memroy.](picture.svg)",
        "<details><summary>The memroy</summary></details>",
        "The **memroy**, [a memory](memory.md).",
        "The memroy's slots.",
    ],
)
def test_text_is_read_wherever_it_stands(markdown: str) -> None:
    (fault,) = wrong_in(markdown)
    assert "memroy" in fault


@pytest.mark.parametrize(
    "markdown",
    [
        "Call `memroy`.",
        "```python\nmemroy\n```",
        "```{raw} html\nmemroy\n```",
        "It is $memroy + 1$.",
        "See {cite:p}`memroy` and [@memroy].",
        "[The memory](memroy.md), <https://memroy.org/memroy>, run.py and memroy.html.",
        "<!-- memroy -->",
    ],
)
def test_code_formulas_and_addresses_are_no_text(markdown: str) -> None:
    assert wrong_in(markdown) == []


def test_a_fault_names_its_line() -> None:
    assert wrong_in("The memory.\n\nIt is\na memroy.") == ["a.md:3: memroy"]


@pytest.mark.parametrize(
    "american", ["color", "neighbors", "normalized", "optimizer", "serialization", "center", "gray", "modeling"]
)
def test_american_forms_are_refused(american: str, dictionary: Dictionary) -> None:
    assert american in dictionary.english
    assert not dictionary.knows(american)
    assert not dictionary.knows(american.capitalize())


@pytest.mark.parametrize("word", ["size", "sizes", "prize", "seized", "capsize", "labels", "horizon", "order"])
def test_words_that_only_look_american_stay(word: str, dictionary: Dictionary) -> None:
    assert dictionary.knows(word)


def test_british_forms_stand_in_the_list(dictionary: Dictionary) -> None:
    assert all(dictionary.knows(word) for word in ("colour", "Neighbours", "normalised", "optimisers"))


def test_a_term_is_written_as_it_stands_in_the_list(dictionary: Dictionary) -> None:
    assert [word for word in ("PyTorch", "Pytorch", "softmax", "Softmax", "SOFTMAX") if not dictionary.knows(word)] == [
        "SOFTMAX"
    ]
    assert not dictionary.knows("jupyter")


@pytest.mark.parametrize(
    ("terms", "fault"),
    [
        (["softmax", "zizmor"], "no text has zizmor"),
        (["memory", "softmax"], "the dictionary has memory"),
        (["softmax", "Vaswani"], "the bibliography has Vaswani"),
        (["Vaswani", "softmax"], "alphabetic order"),
        (["softmax", "softmax"], "each once"),
    ],
)
def test_a_term_that_is_needless_or_out_of_order_is_named(terms: list[str], fault: str) -> None:
    found = faults([Text("a.md", "The softmax of a memory, by Vaswani.")], terms, ["Vaswani"])
    assert any(fault in one for one in found)


def test_words_are_without_endings_and_numbers() -> None:
    assert list(words_of("The model's 16 slots don't change: x_1, 2nd.")) == [
        "The",
        "model",
        "slots",
        "don't",
        "change",
    ]
