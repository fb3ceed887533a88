"""Draw the duel of chapter 1 as a picture that moves, for the README.

    python -m book.tools.moving_picture write
    python -m book.tools.moving_picture check

The game and both models' answers are computed; the style sheet inside the picture moves them. A second file is the last
step, for whoever asks for less motion. `check` fails where a file is not what the models give.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch

from book.tools.record_command import RecordCommand
from feedback_lite import pretrained
from feedback_lite.tasks import ShellGame
from feedback_lite.widgets.palette import PALETTE

MOVING, STILL = Path("book/duel.svg"), Path("book/duel-still.svg")
CUPS, SWAPS, LENGTH, SEED = 5, 12, 40, 0
STEP, MOVE, HOLD = 1.2, 0.35, 3.0  # seconds: a step, its movement, and the last one stays
CYCLE = STEP * SWAPS + HOLD
WIDTH, HEIGHT = 580, 250
ROOM, CENTRE = 76, 100  # from cup to cup, and how high they stand
CUP = "M-30 40 L-22 -20 Q0 -30 22 -20 L30 40 Z"
COLOURS = ("paper", "surface", "ink", "muted", "line", "memory", "ordinary", "right")


class Game(NamedTuple):
    """The last swaps of a game: where the ball is, and where each model says it is, after each."""

    swaps: list[tuple[int, int]]
    places: list[int]
    answers: dict[str, list[int]]


@torch.no_grad()
def play() -> Game:
    """Return the last swaps of the first game that this seed draws, longer than those of the training."""
    task = ShellGame(cups=CUPS)
    tokens, places = task.sample(batch_size=1, length=LENGTH, generator=torch.Generator().manual_seed(SEED))
    answers = {}
    for player in ("feedback", "ordinary"):
        logits = pretrained.load(f"shell-{player}")(tokens).logits
        answers[player] = logits.argmax(dim=-1)[0, -SWAPS - 1 :].tolist()
    swaps = [task.swaps[token - CUPS] for token in tokens[0, -SWAPS:].tolist()]
    return Game(swaps, places[0, -SWAPS - 1 :].tolist(), answers)


def left(place: int) -> int:
    """Return where on the picture a cup stands."""
    return WIDTH // 2 + (place - CUPS // 2) * ROOM


def percent(step: int, after: float = 0.0) -> str:
    """Return when a step begins, or a time after that, as a share of the cycle."""
    return f"{100 * (step * STEP + after) / CYCLE:.2f}%"


def frames(name: str, places: Sequence[int]) -> str:
    """Return keyframes that stand at each place in its step, and move in its first part."""
    lines = [f"0% {{ transform: translateX({left(places[0])}px) }}"]
    for step, (before, now) in enumerate(pairwise(places)):
        if before != now:
            lines.append(f"{percent(step)} {{ transform: translateX({left(before)}px) }}")
            lines.append(f"{percent(step, MOVE)} {{ transform: translateX({left(now)}px) }}")
    lines.append(f"100% {{ transform: translateX({left(places[-1])}px) }}")
    return f"@keyframes {name} {{ {' '.join(lines)} }}"


def draw(game: Game, moving: bool) -> str:
    """Return the picture, which moves or shows the last step."""
    inside = list(range(CUPS))  # which cup stands where
    stations = [[place] for place in range(CUPS)]
    for one, other in game.swaps:
        inside[one], inside[other] = inside[other], inside[one]
        for place, cup in enumerate(inside):
            stations[cup].append(place)
    moved = {f"cup{cup}": places for cup, places in enumerate(stations)}
    moved |= {"ball": game.places, **game.answers}
    right = {
        name: sum(a == b for a, b in zip(answers[1:], game.places[1:], strict=True))
        for name, answers in game.answers.items()
    }

    def variables(theme: str) -> str:
        return " ".join(f"--{name}: var(--fl-{name}, {getattr(PALETTE[name], theme)});" for name in COLOURS)

    marks = {
        "feedback": '<circle class="round" cx="0" cy="190" r="11"/>',
        "ordinary": '<path class="square" d="M0 207 L11 218 L0 229 L-11 218 Z"/>',
    }
    parts = [f'<g class="moves ball"><circle cx="0" cy="{CENTRE + 26}" r="9"/></g>']
    parts += [f'<g class="moves cup{cup}"><path class="cup" d="{CUP}"/></g>' for cup in range(CUPS)]
    parts += [f'<g class="moves {name}">{mark}</g>' for name, mark in marks.items()]
    words = [
        f'<text x="12" y="30" class="small">The last {SWAPS} of {LENGTH - 1} swaps. Where is the ball?</text>',
        '<text x="12" y="195" class="small">feedback</text>',
        '<text x="12" y="223" class="small">ordinary</text>',
        *(
            f'<text x="{WIDTH - 12}" y="{y}" text-anchor="end">{right[name]} of {SWAPS}</text>'
            for name, y in (("feedback", 195), ("ordinary", 223))
        ),
    ]
    still = " ".join(f".{name} {{ transform: translateX({left(places[-1])}px) }}" for name, places in moved.items())
    moves = [
        "@media (prefers-reduced-motion: no-preference) {",
        f".moves {{ animation: {CYCLE:.1f}s ease-in-out infinite }}",
        " ".join(f".{name} {{ animation-name: {name} }}" for name in moved),
        "}",
        *(frames(name, places) for name, places in moved.items()),
    ]
    return f"""<svg class="fl-duel" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" \
width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="duel-title duel-words">
<title id="duel-title">Two models follow a ball under five cups</title>
<desc id="duel-words">{describe(right)}</desc>
<style>
.fl-duel {{ {variables("light")} max-width: 100%; height: auto; \
font: 19px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }}
@media (prefers-color-scheme: dark) {{ .fl-duel {{ {variables("dark")} }} }}
.ground {{ fill: var(--paper) }}
.fl-duel text {{ fill: var(--ink) }} .fl-duel .small {{ fill: var(--muted); font-size: 16px }}
.cup {{ fill: var(--surface); fill-opacity: .5; stroke: var(--line); stroke-width: 2 }}
.cup {{ transform: translateY({CENTRE}px) }}
.ball circle {{ fill: var(--right) }}
.round {{ fill: var(--memory) }}
.square {{ fill: var(--paper); stroke: var(--ordinary); stroke-width: 2; stroke-dasharray: 3 1.5 }}
{still}
{chr(10).join(moves if moving else [])}
</style>
<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="10"/>
{chr(10).join([*words, *parts])}
</svg>
"""


def describe(right: dict[str, int]) -> str:
    """Return the picture in words."""
    return (
        f"Five cups, a ball under one of them. In the last {SWAPS} of {LENGTH - 1} swaps the feedback model points to "
        f"the right cup {right['feedback']} times, an ordinary transformer of about the same size "
        f"{right['ordinary']} times."
    )


def write(root: Path, pictures: dict[Path, str]) -> None:
    """Write the pictures."""
    for path, picture in pictures.items():
        (root / path).write_text(picture, encoding="utf-8")


def check(root: Path, pictures: dict[Path, str]) -> list[str]:
    """Say which file is another picture."""
    found = {path: (root / path).read_text(encoding="utf-8") if (root / path).is_file() else "" for path in pictures}
    return [f"{path} is not what the models give." for path, picture in pictures.items() if found[path] != picture]


def make() -> dict[Path, str]:
    """Return both pictures by the names of their files."""
    game = play()
    return {MOVING: draw(game, True), STILL: draw(game, False)}


main = RecordCommand(
    module="book.tools.moving_picture",
    files=(MOVING, STILL),
    make_record=make,
    write=write,
    check=check,
    size=lambda pictures: f"{sum(map(len, pictures.values())):,} characters",
)

if __name__ == "__main__":
    sys.exit(main())
