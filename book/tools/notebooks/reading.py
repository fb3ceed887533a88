"""What a chapter costs its reader: words, lines of code, minutes, and how far its figures stand below headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from book.tools.notebooks.notebook import Json, is_code, tags
from book.tools.notebooks.rules import Chapter

WORDS_A_MINUTE = 180
LINES_A_MINUTE = 15

MOST_WORDS = 3200
MOST_WORDS_OF_ALL = 36_000
"""Of all numbered chapters from 1 on together."""
MOST_WORDS_TO_A_FIGURE = 60
MOST_LINES = 25
"""Of a code cell that is not folded and not a whole model."""
WHOLE_MODEL = re.compile(r"^class FeedbackTransformer\b", re.MULTILINE)
"""What a code cell has that may be longer, because it is read as one piece."""

UNREAD = re.compile(
    r"```.*?```"  # fenced code and directives
    r"|\$\$.*?\$\$"  # formulas on lines of their own
    r"|<[^>]*>"  # tags, not what stands between them
    r"|(?<=\])\([^)]*\)"  # targets of links
    r"|\{[\w:]+\}(?=`)",  # names of roles
    re.DOTALL,
)
FORMULA = re.compile(r"\$[^$]+\$|`[^`]+`")
FOLD = re.compile(r"<details>.*?</details>", re.DOTALL)
HEADING = re.compile(r"^#{1,6} .*$", re.MULTILINE)
EXERCISE = re.compile(r"^### Exercise .*", re.MULTILINE | re.DOTALL)
EXERCISE_MINUTES = re.compile(r"^\*difficulty .* · (\d+) minutes\*$", re.MULTILINE)
CARD = re.compile(r"^- \*\*Time\*\*: (\d+) minutes with all exercises, (\d+) without\.", re.MULTILINE)
FOLDED = {"hide-input", "hide-cell", "solution", "remove-input", "remove-cell"}


def words(markdown: str) -> int:
    """Return how many words a reader reads in a text: a formula or a piece of code in a line counts as one."""
    return len(re.findall(r"\S*\w\S*", FORMULA.sub(" x ", UNREAD.sub(" ", markdown))))


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one chapter costs.

    Args:
        words: of all prose, folded or not, exercises included.
        open_words: outside folds and exercises.
        code_lines: of the cells that are seen, without those of exercises.
        exercises: minutes that the exercises name for themselves.
        card: the minutes that the chapter promises, with all exercises and without; none where it has no such line.
        longest_cell: lines of the longest code cell that is seen.
        furthest_figure: words between a heading and the figure below it, at most.
    """

    words: int
    open_words: int
    code_lines: int
    exercises: int
    card: tuple[int, int] | None
    longest_cell: int
    furthest_figure: int

    @property
    def minutes(self) -> tuple[int, int]:
        """Minutes with all exercises and without, rounded up to five."""
        plain = self.open_words / WORDS_A_MINUTE + self.code_lines / LINES_A_MINUTE
        return rounded_up(plain + self.exercises), rounded_up(plain)


def rounded_up(minutes: float) -> int:
    """Return the minutes as a card says them: the next number of the table of five."""
    return -5 * int(-minutes // 5)


def read_through(chapter: Chapter) -> Reading:
    """Return what a chapter costs its reader."""
    cells = chapter.cells
    prose = [cell["source"] for cell in cells if cell["cell_type"] == "markdown"]
    whole = "\n\n".join(prose)
    seen = [cell for cell in cells if is_code(cell) and not FOLDED & set(tags(cell))]
    card = CARD.search(whole)
    return Reading(
        words=sum(map(words, prose)),
        open_words=sum(words(EXERCISE.sub("", FOLD.sub("", text))) for text in prose),
        code_lines=sum(lines_of(cell) for cell in seen if not asks(cell)),
        exercises=sum(map(int, EXERCISE_MINUTES.findall(whole))),
        card=(int(card[1]), int(card[2])) if card else None,
        longest_cell=max((lines_of(cell) for cell in seen if not WHOLE_MODEL.search(cell["source"])), default=0),
        furthest_figure=max(words_to_figures(cells), default=0),
    )


def lines_of(cell: Json) -> int:
    """Return how many lines of a code cell hold something."""
    return sum(1 for line in cell["source"].splitlines() if line.strip())


def asks(cell: Json) -> bool:
    """Return whether a code cell is an exercise's stub."""
    return re.search(r"^check\(", cell["source"], re.MULTILINE) is not None


def words_to_figures(cells: list[Json]) -> Iterator[int]:
    """Yield, for every figure, the words outside folds between the heading above it and the figure."""
    count = 0
    for cell in cells:
        if cell["cell_type"] == "markdown":
            *before, last = HEADING.split(FOLD.sub("", cell["source"]))
            count = words(last) if before else count + words(last)
        elif cell["source"].startswith("#@title Figure"):
            yield count
            count = 0


def faults_of_reading(reading: Reading) -> list[str]:
    """Return where a chapter costs more than it may."""
    found = []
    if reading.words > MOST_WORDS:
        found.append(f"{reading.words:,} words, at most {MOST_WORDS:,}")
    if reading.furthest_figure > MOST_WORDS_TO_A_FIGURE:
        found.append(f"a figure {reading.furthest_figure} words below its heading, at most {MOST_WORDS_TO_A_FIGURE}")
    if reading.longest_cell > MOST_LINES:
        found.append(f"a code cell of {reading.longest_cell} lines that is not folded, at most {MOST_LINES}")
    if reading.card is not None and reading.card != reading.minutes:
        said, counted = (
            f"{both} minutes with all exercises, {plain} without" for both, plain in (reading.card, reading.minutes)
        )
        found.append(f"the card says {said}; counted: {counted}")
    return found


def table(readings: dict[str, Reading]) -> str:
    """Return what all chapters cost, one in a row."""
    head = f"{'chapter':<28}{'words':>7}{'open':>7}{'code':>6}{'minutes':>9}{'card':>9}{'cell':>6}{'figure':>8}"
    rows = [
        f"{name:<28}{one.words:>7,}{one.open_words:>7,}{one.code_lines:>6}"
        f"{'/'.join(map(str, one.minutes)):>9}{'/'.join(map(str, one.card or ())):>9}"
        f"{one.longest_cell:>6}{one.furthest_figure:>8}"
        for name, one in readings.items()
    ]
    numbered = sum(one.words for name, one in readings.items() if not name.startswith("00"))
    return "\n".join(
        [head, *rows, f"{'together, without chapter 0':<28}{numbered:>7,}  (at most {MOST_WORDS_OF_ALL:,})"]
    )
