"""The shell game against a slow referee that moves a ball on a list."""

import pytest
import torch

from feedback_lite.tasks import TASKS, ShellGame, make_task


def drawn(seed: int = 0, **sizes: int) -> tuple[torch.Tensor, torch.Tensor]:
    return ShellGame(cups=sizes.pop("cups", 5)).sample(**sizes, generator=torch.Generator().manual_seed(seed))


def referee(tokens: list[int], vocabulary: tuple[str, ...], cups: int) -> list[int]:
    """Read the words of the vocabulary and carry a ball through a row of cups."""
    row, places = [False] * cups, []
    for token in tokens:
        words = vocabulary[token].split()
        if words[0] == "ball":
            row[int(words[2]) - 1] = True
        else:
            left, right = int(words[1]) - 1, int(words[3]) - 1
            row[left], row[right] = row[right], row[left]
        places.append(row.index(True))
    return places


@pytest.mark.parametrize("cups", [2, 3, 5, 7])
def test_answers_are_those_of_a_slow_referee(cups: int) -> None:
    game = ShellGame(cups=cups)
    tokens, targets = drawn(cups=cups, batch_size=11, length=23)
    assert tokens.shape == targets.shape == (11, 23)
    for row, places in zip(tokens.tolist(), targets.tolist(), strict=True):
        assert places == referee(row, game.vocabulary, cups)


def test_the_example_of_the_docstring() -> None:
    game = ShellGame(cups=3)
    tokens = [game.vocabulary.index(words) for words in ("ball under 2", "swap 2 and 3", "swap 1 and 2")]
    swaps = torch.tensor([[token - 3 for token in tokens[1:]]])
    assert [place + 1 for place in game.follow(torch.tensor([tokens[0]]), swaps)[0].tolist()] == [2, 3, 3]


def test_five_cups_have_five_starts_and_ten_swaps() -> None:
    game = ShellGame()
    assert len(game.vocabulary) == len(set(game.vocabulary)) == 15
    assert game.chance == 0.2


def test_the_same_seed_gives_the_same_games_and_another_seed_others() -> None:
    first, again, other = (drawn(seed, batch_size=3, length=13)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_starts_and_swaps_are_uniform() -> None:
    tokens, _ = drawn(batch_size=20_000, length=2)
    starts = torch.bincount(tokens[:, 0], minlength=15)[:5] / 20_000
    swaps = torch.bincount(tokens[:, 1], minlength=15)[5:] / 20_000
    # Five standard deviations of a share from 20,000 draws.
    assert ((starts - 1 / 5).abs() < 5 * (0.2 * 0.8 / 20_000) ** 0.5).all()
    assert ((swaps - 1 / 10).abs() < 5 * (0.1 * 0.9 / 20_000) ** 0.5).all()


def test_a_game_of_one_token_and_an_empty_batch() -> None:
    tokens, targets = drawn(batch_size=3, length=1)
    assert torch.equal(tokens, targets)
    assert drawn(batch_size=0, length=4)[1].shape == (0, 4)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="cups must be at least 2, got 1"):
        ShellGame(cups=1)
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        drawn(batch_size=1, length=0)


def test_tasks_are_made_by_name() -> None:
    assert {name: make_task(name).name for name in TASKS} == {name: name for name in TASKS}
    with pytest.raises(ValueError, match="task must be one of 'shell-game', got 'chess'"):
        make_task("chess")
