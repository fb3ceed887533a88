"""The duel: two trained models and the reader follow a ball under cups that are swapped."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import torch
import traitlets

from feedback_lite.tasks import ShellGame
from feedback_lite.widgets.figure import join_script, join_style, percent
from feedback_lite.widgets.live import LiveFigure, ball_of, drawn_game, exact_model, export, shell_rules

PLAYERS = ("shell-feedback", "shell-ordinary")
LONGEST = 500
WORDS = {
    "feedback": "With feedback",
    "ordinary": "Without",
    "right": "right",
    "wrong": "wrong",
    "swaps": ["1 swap", "{count} swaps"],
    "ball": "The ball is under cup {cup}.",
    "ball after": "After {swaps} the ball is under cup {cup}.",
    "answer": "{who}: cup {cup}, {share}, {verdict}.",
    "guess": "You: cup {cup}, {verdict}.",
    "question": "Where is the ball? Both models have answered; guess or reveal to see.",
    "question after": "After {swaps}: where is the ball? Both models have answered; guess or reveal to see.",
    "score": "Score: with feedback {feedback} of {rounds}, without {ordinary} of {rounds}.",
    "score with reader": (
        "Score: with feedback {feedback} of {rounds}, without {ordinary} of {rounds}, you {reader} of {guesses}."
    ),
    "longer": "This game is longer than either model ever saw in training.",
    "end": "A game ends here: start a new one.",
}
_TASK = ShellGame()
_FIRST_LENGTH = 15
# Digits of the recorded shares: enough for the same whole percents as the page computes.
_DIGITS = 6

Shares = tuple[tuple[float, ...], ...]


class Answer(NamedTuple):
    """The cup that a model names, counted from 1, and the probability that it gives to it."""

    cup: int
    share: float


@lru_cache(maxsize=256)
@torch.no_grad()
def shares_of(name: str, game: tuple[int, ...]) -> Shares:
    """Return the probability that a model gives to each cup after each token of a game, computed in float64."""
    shares = exact_model(name)(torch.tensor([game])).logits[0].softmax(dim=-1)
    return tuple(map(tuple, shares[:, : _TASK.cups].tolist()))


def answer_of(name: str, game: tuple[int, ...]) -> Answer:
    """Return what a model answers at the end of a game."""
    last = shares_of(name, game)[-1]
    return Answer(last.index(max(last)) + 1, max(last))


@cache
def first_game() -> tuple[int, ...]:
    """Return the game that is recorded, and whose ball is shown first: 14 swaps that end as most such games do.

    Seeds are tried from 0 on, one game each, until the model with feedback is right at the end and the ordinary one
    is wrong.
    """
    seed = 0
    while True:
        game = drawn_game(_FIRST_LENGTH, seed=seed)
        feedback, ordinary = (answer_of(name, game).cup == ball_of(game) for name in PLAYERS)
        if feedback and not ordinary:
            return game
        seed += 1


class ShellDuel(LiveFigure):
    """Five cups to swap; a model with feedback, a model without, and the reader say where the ball is.

    A game is a list of tokens of `ShellGame`: first the ball's cup (0 to 4 for cups 1 to 5), then swaps (5 to 14 for
    the pairs 1-2, 1-3, 1-4, 1-5, 2-3, ... 4-5), at most 500. With a kernel, ``duel.game = [2, 5, 14]`` moves the
    picture, and what the reader does can be read: ``game``; ``cups_open``, whether they are open and answers shown;
    ``guess``, the cup that was guessed, or 0; ``rounds``, how often answers were scored; and ``score``, the number of
    right answers with feedback, without and of the reader, and the number of the reader's guesses.

    Args:
        game: the game that is shown first; without it, the ball under its cup and no swap yet, so that nothing is
            solved before the reader has played.
        keep_open: whether cups stay open; then nothing is scored.
    """

    _esm = join_script("shell_duel")
    _css = join_style("shell_duel")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    rules = traitlets.Dict(shell_rules(), read_only=True, help="of the shell game").tag(sync=True)
    longest = traitlets.Int(LONGEST, read_only=True, help="how many swaps a game may have").tag(sync=True)
    game = traitlets.List(traitlets.Int(), help="the ball's cup, then swaps, as tokens").tag(sync=True)
    cups_open = traitlets.Bool(True, help="whether cups are open and answers shown").tag(sync=True)
    keep_open = traitlets.Bool(False, help="whether cups stay open").tag(sync=True)
    guess = traitlets.Int(0, help="the cup that the reader guessed, 0 for none").tag(sync=True)
    rounds = traitlets.Int(0, help="how often answers were scored").tag(sync=True)
    score = traitlets.List(
        traitlets.Int(), [0, 0, 0, 0], help="right with feedback, without, by the reader; guesses of the reader"
    ).tag(sync=True)
    recorded: Any = traitlets.Dict(help="a game and both models' probabilities, for a page without models").tag(
        sync=True
    )

    def __init__(self, game: Sequence[int] | None = None, *, keep_open: bool = False) -> None:
        first = first_game()
        shares = [[[round(share, _DIGITS) for share in row] for row in shares_of(name, first)] for name in PLAYERS]
        super().__init__(
            models=[export(name) for name in PLAYERS],
            recorded={"game": list(first), "shares": shares},
            game=list(first[:1] if game is None else game),
            keep_open=keep_open,
        )

    def describe(self) -> str:
        """Return where the ball is, what both models and the reader say, and the score; or the question."""
        told = [self._tell_answers() if self.cups_open or self.keep_open else self._tell_question()]
        if self.rounds:
            told.append(self._tell_score())
        if len(self.game) > max(exported["trained_length"] for exported in self.models):
            told.append(self.tell("longer"))
        if len(self.game) > LONGEST:
            told.append(self.tell("end"))
        return " ".join(told)

    def _tell_answers(self) -> str:
        ball, count = ball_of(self.game), len(self.game) - 1
        told = [self.tell("ball after" if count else "ball", swaps=self.tell("swaps", count=count), cup=ball)]
        for who, name in zip(("feedback", "ordinary"), PLAYERS, strict=True):
            cup, share = answer_of(name, tuple(self.game))
            verdict = self._verdict(cup, ball)
            told.append(self.tell("answer", who=self.tell(who), cup=cup, share=percent(share), verdict=verdict))
        if self.guess:
            told.append(self.tell("guess", cup=self.guess, verdict=self._verdict(self.guess, ball)))
        return " ".join(told)

    def _verdict(self, cup: int, ball: int) -> str:
        return self.tell("right" if cup == ball else "wrong")

    def _tell_question(self) -> str:
        count = len(self.game) - 1
        return self.tell("question after" if count else "question", swaps=self.tell("swaps", count=count))

    def _tell_score(self) -> str:
        numbers = zip(("feedback", "ordinary", "reader", "guesses"), self.score, strict=True)
        return self.tell("score with reader" if self.score[3] else "score", rounds=self.rounds, **dict(numbers))

    @traitlets.observe("game")
    def _forget_guess(self, change: traitlets.Bunch) -> None:
        self.guess = 0

    @traitlets.validate("game")
    def _check_game(self, proposal: traitlets.Bunch) -> list[int]:
        game: list[int] = proposal["value"]
        cups, tokens = _TASK.cups, len(_TASK.vocabulary)
        if not game or game[0] not in range(cups):
            raise traitlets.TraitError(f"game must begin with the ball's cup, 0 to {cups - 1}, got {game[:1]}")
        wrong = [token for token in game[1:] if token not in range(cups, tokens)]
        if wrong:
            raise traitlets.TraitError(f"game must go on with swaps, {cups} to {tokens - 1}, got {wrong[0]}")
        if len(game) > LONGEST + 1:
            raise traitlets.TraitError(f"game must have at most {LONGEST} swaps, got {len(game) - 1}")
        return game

    @traitlets.validate("guess")
    def _check_guess(self, proposal: traitlets.Bunch) -> int:
        guess: int = proposal["value"]
        if guess not in range(_TASK.cups + 1):
            raise traitlets.TraitError(f"guess must be a cup, 1 to {_TASK.cups}, or 0 for none, got {guess}")
        return guess

    @traitlets.validate("rounds")
    def _check_rounds(self, proposal: traitlets.Bunch) -> int:
        rounds: int = proposal["value"]
        if rounds < max(0, *self.score):
            raise traitlets.TraitError(f"rounds must be at least {max(0, *self.score)}, as in score, got {rounds}")
        return rounds

    @traitlets.validate("score")
    def _check_score(self, proposal: traitlets.Bunch) -> list[int]:
        score: list[int] = proposal["value"]
        if len(score) != 4 or min(score) < 0 or score[2] > score[3]:
            raise traitlets.TraitError(
                "score must be four numbers from 0 on: right with feedback, without, by the reader, and the reader's "
                f"guesses, got {score}"
            )
        if max(score) > self.rounds:
            raise traitlets.TraitError(f"score must hold no number above rounds={self.rounds}, got {score}")
        return score
