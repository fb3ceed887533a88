"""Check the spelling of what readers read: British English, against a dictionary that is installed.

    python -m book.tools.spelling

Read are the pages in book/ and at the top, the chapters' text, what figures say, and what `check` says to a wrong
answer; code and formulas are left out. The dictionary is that of pyspellchecker, which is American: words.txt beside
this file has the terms, names and British forms that it lacks. Surnames are also taken from the bibliography.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it.token import Token
from spellchecker import SpellChecker

from book.tools.notebooks.notebook import ROOT, cell_name, chapters, read
from book.tools.notebooks.rules import MYST
from feedback_lite import widgets
from feedback_lite.lesson.exercises import EXERCISES

TERMS = Path(__file__).with_name("words.txt")
BIBLIOGRAPHY = ROOT / "book" / "references.bib"
# What these directives hold is no text.
NO_TEXT = ("{raw}", "{bibliography}", "{live-figure}")
NO_WORDS = re.compile(
    r"https?://\S+|@\w+|<!--.*?-->|<[^>]*>|&\w+;|\{\w*\}|`[^`]*`|\w+=\S+|\d\d-[\w-]+|\S*[\w)]\.\w{2,}\S*|\w*[\d_]\w*",
    re.DOTALL,
)
WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?")
AMERICAN = re.compile(
    r"(?:behavi|col|fav|harb|hon|hum|lab|neighb|rum)or(?:s|ed|ing|less|able|ite|hood)?|centers?|centered|grays?"
    r"|(?:label|model|travel|cancel|signal)(?:ed|ing|er)"
    r"|\w+(?<!\bs)(?<!res)(?<!outs)(?<!pr)(?<!se)(?<!caps)iz(?:e[sdr]?|ers|ing|ations?)"
)


class Text(NamedTuple):
    """A piece of prose and where it stands."""

    place: str
    words: str


class Misspelt(NamedTuple):
    """A word that nobody knows and where it stands."""

    place: str
    word: str

    def __str__(self) -> str:
        return f"{self.place}: {self.word}"


def prose(markdown: str, place: str) -> Iterator[Text]:
    """Yield the text of a markdown source, each piece with its line."""
    for token in MYST.parse(markdown):
        where = f"{place}:{token.map[0] + 1}" if token.map else place
        if token.type in ("fence", "colon_fence") and token.info.startswith("{"):
            if not token.info.startswith(NO_TEXT):
                yield from (Text(where, text.words) for text in prose(token.content, place))
        else:
            yield from (Text(where, words) for words in shown(token))


def shown(token: Token) -> Iterator[str]:
    """Yield what a reader sees of a token, alternative texts included."""
    if token.type in ("text", "html_block", "html_inline"):
        yield from re.findall(r'\balt="([^"]*)"', token.content)
        yield token.content
    for child in token.children or []:
        yield from shown(child)


def strings(value: Any) -> Iterator[str]:
    """Yield every text in nested dictionaries and lists."""
    if isinstance(value, str):
        yield value
    else:
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def texts(root: Path = ROOT) -> Iterator[Text]:
    """Yield everything that is read."""
    for path in sorted([*root.glob("*.md"), *root.glob("book/**/*.md")]):
        yield from prose(path.read_text(encoding="utf-8"), str(path.relative_to(root)))
    for path in chapters(root):
        for index, cell in enumerate(read(path)[1]["cells"]):
            if cell["cell_type"] == "markdown":
                place = f"{path.relative_to(root)}, {cell_name(index, cell)}, line"
                yield from prose(cell["source"], place)
    for name in widgets.__all__:
        if said := getattr(getattr(widgets, name), "words", None):
            yield from (Text(name, words) for words in strings(said.default()))
    for name, exercise in EXERCISES.items():
        yield from (Text(f"exercise {name}", mistake.message) for mistake in exercise.mistakes)


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text, without a possessive's ending; code, addresses and names of files are none."""
    for word in WORD.findall(NO_WORDS.sub(" ", text)):
        yield re.sub(r"['’]s$", "", word)


def read_terms(path: Path = TERMS) -> list[str]:
    """Return the words of the list, one a line."""
    return path.read_text(encoding="utf-8").split()


def surnames(path: Path = BIBLIOGRAPHY) -> set[str]:
    """Return every word of the bibliography's authors."""
    fields = re.findall(r"author = \{(.*)\}", path.read_text(encoding="utf-8"))
    return {word for field in fields for word in WORD.findall(field)}


class Dictionary:
    """Words that are known: the dictionary's but for American forms, and the terms in their own case."""

    def __init__(self, terms: Iterable[str], names: Iterable[str] = ()) -> None:
        self.terms = set(terms)
        self.names = set(names)
        self.english = SpellChecker(language="en", distance=1)

    def has_itself(self, word: str) -> bool:
        """Return whether the dictionary has the word, in any case, and it is no American form."""
        lower = word.lower().replace("’", "'")
        return lower in self.english and not AMERICAN.fullmatch(lower)

    def knows(self, word: str) -> bool:
        """Return whether the word is right; at the start of a sentence a term begins with a capital."""
        own = {word, word[0].lower() + word[1:]}
        return bool(own & self.terms) or word in self.names or self.has_itself(word)


def faults(found: Iterable[Text], terms: list[str], names: Iterable[str] = ()) -> list[str]:
    """Return every misspelt word with its places, and every term of the list that is needless or out of order."""
    dictionary = Dictionary(terms, names)
    used: set[str] = set()
    wrong: list[str] = []
    for text in found:
        for word in words_of(text.words):
            used |= {word, word[0].lower() + word[1:]}
            if not dictionary.knows(word):
                wrong.append(str(Misspelt(text.place, word)))
    wrong += [f"{TERMS.name}: no text has {term}" for term in terms if term not in used]
    wrong += [f"{TERMS.name}: the dictionary has {term}" for term in terms if dictionary.has_itself(term)]
    wrong += [f"{TERMS.name}: the bibliography has {term}" for term in terms if term in dictionary.names]
    if terms != sorted(set(terms), key=lambda term: (term.lower(), term)):
        wrong.append(f"{TERMS.name}: its words must be in alphabetic order, each once")
    return wrong


def main() -> int:
    """Print what is wrong and return the exit status."""
    wrong = faults(texts(), read_terms(), surnames())
    print(*wrong, f"{len(wrong)} to mend", sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
