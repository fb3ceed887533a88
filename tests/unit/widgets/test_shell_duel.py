"""The duel in Python: its first game, its words, what it refuses, and what it stores for the page."""

import json
import subprocess
import sys
from itertools import combinations
from typing import Any

import pytest
import torch
from traitlets import TraitError

from feedback_lite import pretrained
from feedback_lite.tasks import ShellGame
from feedback_lite.widgets import ShellDuel
from feedback_lite.widgets.live import ball_of
from feedback_lite.widgets.shell_duel import PLAYERS, answer_of, first_game, shares_of

TASK = ShellGame()


def swap(left: int, right: int) -> int:
    """The token of a swap of two cups, which are counted from 1."""
    return TASK.cups + list(combinations(range(1, TASK.cups + 1), 2)).index((left, right))


def with_answer(game: list[int]) -> str:
    """What the models answer, asked by another way than the figure's."""
    told = []
    for who, name in (("With feedback", "shell-feedback"), ("Without", "shell-ordinary")):
        shares = pretrained.load(name).double()(torch.tensor([game])).logits[0, -1].softmax(dim=0).detach()
        cup = int(shares.argmax())
        verdict = "right" if cup + 1 == ball_of(game) else "wrong"
        told.append(f"{who}: cup {cup + 1}, {round(100 * float(shares[cup]))} %, {verdict}.")
    return " ".join(told)


def test_ball_is_followed_by_hand() -> None:
    assert ball_of([2]) == 3
    assert ball_of([2, swap(1, 2)]) == 3
    assert ball_of([2, swap(1, 2), swap(1, 3)]) == 1
    assert ball_of([2, swap(1, 2), swap(1, 3), swap(1, 5), swap(4, 5)]) == 4


def test_first_game_is_the_first_seed_that_ends_as_most_games_do() -> None:
    game = first_game()
    generator = torch.Generator().manual_seed(0)
    tokens, places = TASK.sample(batch_size=1, length=15, generator=generator)
    assert list(game) == tokens[0].tolist()
    assert answer_of("shell-feedback", game).cup == places[0, -1] + 1
    assert answer_of("shell-ordinary", game).cup != places[0, -1] + 1


def test_most_games_do_end_so() -> None:
    generator = torch.Generator().manual_seed(1)
    tokens, places = TASK.sample(batch_size=400, length=15, generator=generator)
    feedback, ordinary = (
        pretrained.load(name)(tokens).logits[:, -1].argmax(dim=-1) == places[:, -1] for name in PLAYERS
    )
    assert (feedback & ~ordinary).double().mean() > 0.7


def test_it_starts_with_the_ball_in_sight_and_nothing_solved() -> None:
    duel = ShellDuel()
    assert duel.game == [first_game()[0]]
    assert duel.cups_open
    assert duel.sentence == f"The ball is under cup {first_game()[0] + 1}. {with_answer(duel.game)}"
    assert "swap" not in duel.sentence
    assert "wrong" not in duel.sentence
    assert (duel.rounds, duel.score, duel.guess) == (0, [0, 0, 0, 0], 0)


def test_a_game_can_be_shown_first() -> None:
    duel = ShellDuel(first_game())
    assert duel.sentence == f"After 14 swaps the ball is under cup 4. {with_answer(duel.game)}"
    assert duel.sentence.endswith("wrong.")


def test_answers_are_told_when_cups_are_open_alone() -> None:
    duel = ShellDuel([2])
    assert duel.sentence == f"The ball is under cup 3. {with_answer([2])}"
    duel.cups_open = False
    assert duel.sentence == "Where is the ball? Both models have answered; guess or reveal to see."
    duel.game = [2, swap(2, 3)]
    assert duel.sentence == "After 1 swap: where is the ball? Both models have answered; guess or reveal to see."
    duel.keep_open = True
    assert duel.sentence == f"After 1 swap the ball is under cup 2. {with_answer(duel.game)}"
    assert ShellDuel([2], keep_open=True).keep_open


def test_guess_and_score_are_told() -> None:
    duel = ShellDuel([2, swap(2, 3)])
    duel.set_state({"guess": 3, "rounds": 9, "score": [9, 4, 5, 7]})
    score = "Score: with feedback 9 of 9, without 4 of 9, you 5 of 7."
    answers = with_answer(duel.game)
    assert duel.sentence == f"After 1 swap the ball is under cup 2. {answers} You: cup 3, wrong. {score}"
    duel.guess = 2
    assert "You: cup 2, right." in duel.sentence
    duel.game = [0]
    assert duel.guess == 0
    duel.set_state({"score": [9, 4, 0, 0]})
    assert duel.sentence.endswith("Score: with feedback 9 of 9, without 4 of 9.")


@pytest.mark.parametrize("swaps", [19, 20, 499, 500])
def test_length_is_told_honestly(swaps: int) -> None:
    duel = ShellDuel([0, *[swap(1, 2)] * swaps])
    assert ("longer than either model ever saw in training" in duel.sentence) == (swaps >= 20)
    assert duel.sentence.endswith("A game ends here: start a new one.") == (swaps == 500)


@pytest.mark.parametrize("name", PLAYERS)
def test_shares_are_those_of_the_model_in_float64(name: str) -> None:
    game = (4, 5, 9, 14, 5)
    whole = pretrained.load(name).double()(torch.tensor([game])).logits[0].softmax(dim=-1)
    torch.testing.assert_close(
        torch.tensor(shares_of(name, game), dtype=torch.float64), whole[:, :5], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("game", [], r"game must begin with the ball's cup, 0 to 4, got \[\]"),
        ("game", [5], r"game must begin with the ball's cup, 0 to 4, got \[5\]"),
        ("game", [0, 4], "game must go on with swaps, 5 to 14, got 4"),
        ("game", [0, 5, 15], "game must go on with swaps, 5 to 14, got 15"),
        ("game", [0, *[5] * 501], "game must have at most 500 swaps, got 501"),
        ("game", [0, 5.5], "expected an int"),
        ("guess", 6, "guess must be a cup, 1 to 5, or 0 for none, got 6"),
        ("guess", -1, "guess must be a cup"),
        ("rounds", -1, "rounds must be at least 0, as in score, got -1"),
        ("score", [0, 0, 0], "score must be four numbers from 0 on"),
        ("score", [0, 0, 1, 0], "score must be four numbers from 0 on"),
        ("score", [0, -1, 0, 0], "score must be four numbers from 0 on"),
        ("score", [1, 0, 0, 0], "score must hold no number above rounds=0"),
    ],
)
def test_impossible_states_are_refused(name: str, value: object, message: str) -> None:
    duel = ShellDuel()
    with pytest.raises(TraitError, match=message):
        setattr(duel, name, value)


def test_rounds_stay_at_least_the_score() -> None:
    duel = ShellDuel()
    duel.set_state({"rounds": 3, "score": [3, 1, 1, 2]})
    with pytest.raises(TraitError, match="rounds must be at least 3, as in score, got 2"):
        duel.rounds = 2


def test_an_impossible_game_is_refused_at_the_start() -> None:
    with pytest.raises(TraitError, match="game must go on with swaps"):
        ShellDuel([0, 99])


def test_recorded_game_is_what_the_models_say() -> None:
    recorded: dict[str, Any] = ShellDuel([1]).recorded
    assert recorded["game"] == list(first_game())
    for name, shares in zip(PLAYERS, recorded["shares"], strict=True):
        exact = torch.tensor(shares_of(name, first_game()), dtype=torch.float64)
        torch.testing.assert_close(torch.tensor(shares, dtype=torch.float64), exact, rtol=0, atol=5.1e-7)


def test_state_is_json_and_the_script_one_module() -> None:
    duel = ShellDuel()
    state = {key: value for key, value in duel.get_state().items() if key != "_dom_classes"}
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert [exported["name"] for exported in duel.models] == list(PLAYERS)
    script = duel._esm
    assert script.count("export default") == 1
    assert "\nimport " not in script
    assert len(script) < 64_000
    assert "</script" not in script
    assert "<!--" not in script
    assert ".innerHTML" not in script
    assert "eval(" not in script


def test_pairs_of_the_script_are_those_of_the_task() -> None:
    assert [f"swap {left} and {right}" for left, right in combinations(range(1, 6), 2)] == list(TASK.vocabulary[5:])


def test_python_can_end_with_a_duel_open() -> None:
    code = "from feedback_lite.widgets import ShellDuel; duel = ShellDuel([0, 5]); print(duel)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ShellDuel: After 1 swap the ball is under cup 2.")
