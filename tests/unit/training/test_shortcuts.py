"""Cheaper ways to train: what each of them does, and that it does nothing else."""

from typing import Any

import pytest
import torch

from feedback_lite import CausalTransformer, FeedbackTransformer
from feedback_lite.engine import Choice
from feedback_lite.tasks import IGNORED, ShellGame
from feedback_lite.training import Recipe, make_model, shortcuts, train, usual_config
from feedback_lite.training.shortcuts import Cut, Rarely, take_over, train_cut, train_growing, train_warm

# Trainings, which shape checks slow down; what is trained is checked with the model's own tests.
pytestmark = pytest.mark.usefixtures("unchecked_module")

GAME = ShellGame(cups=3)
RECIPE = Recipe(steps=4, batch_size=3, length=6, warmup_steps=1, seed=2)


def fresh(**changes: Any) -> FeedbackTransformer:
    model = make_model("feedback", usual_config("feedback", GAME, **changes), seed=3)
    assert isinstance(model, FeedbackTransformer)
    return model


def games(length: int = 6) -> torch.Tensor:
    return GAME.sample(batch_size=5, length=length, generator=torch.Generator().manual_seed(1)).tokens


class Watched(ShellGame):
    """A game that notes at which lengths it was asked."""

    def __init__(self) -> None:
        super().__init__(cups=3)
        self.lengths: list[int] = []

    def sample(self, **sizes: Any) -> Any:
        self.lengths.append(sizes["length"])
        return super().sample(**sizes)


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return all(torch.allclose(mine[name], theirs[name], atol=1e-6) for name in mine)


def cut(model: FeedbackTransformer, every: int) -> Cut:
    training = Cut(model, GAME, RECIPE)
    training.every = every
    return training


@pytest.mark.parametrize("every", [1, 2, 4, 6, 9])
def test_a_cut_changes_no_answer(every: int) -> None:
    model = fresh(memory_size=3).double()
    torch.testing.assert_close(cut(model, every).logits(games()), model(games()).logits)


def test_gradients_stop_at_a_cut_and_nowhere_else() -> None:
    model = fresh().double()
    tokens = torch.tensor([[0, 3, 4, 5]])  # token 0 comes once: its row of the embedding is that of step 1
    reached = []
    for every in (1, 2, 3, 4):
        model.zero_grad()
        cut(model, every).logits(tokens)[0, -1, 0].backward()
        gradient = model.embedding.weight.grad
        assert gradient is not None
        reached.append(bool(gradient[0].any()))
    assert reached == [False, False, False, True]


def test_to_cut_beyond_the_end_is_the_usual_training() -> None:
    usual, whole, other = fresh(), fresh(), fresh()
    train(usual, GAME, RECIPE, progress=False)
    train_cut(whole, GAME, RECIPE, every=6, progress=False)
    train_cut(other, GAME, RECIPE, every=2, progress=False)
    assert same_weights(whole, usual)
    assert not same_weights(other, usual)


def test_lengths_grow_over_equal_parts_of_the_updates() -> None:
    game, seen = Watched(), []
    losses = train_growing(fresh(), game, RECIPE, shares=(0.1, 0.5, 1), progress=False, watch=seen.append)
    assert game.lengths == [1, 1, 3, 6]
    assert len(losses) == 4
    assert seen == [1, 2, 3, 4]


def test_a_curriculum_keeps_to_the_engine_of_the_full_length(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []

    def noting(model: object, tokens: torch.Tensor) -> Choice:
        asked.append(tuple(tokens.shape))
        return Choice("plain", "a test")

    monkeypatch.setattr(shortcuts, "chosen", noting)
    train_growing(fresh(), GAME, RECIPE, shares=(0.5, 1.0), progress=False)
    assert asked == [(3, 6)]


def test_full_length_from_the_start_is_the_usual_training() -> None:
    usual, grown = fresh(), fresh()
    train(usual, GAME, RECIPE, progress=False)
    train_growing(grown, GAME, RECIPE, shares=(1.0, 1.0), progress=False)
    assert same_weights(grown, usual)


@pytest.mark.parametrize("memory_from", ["mixture", "last"])
def test_a_warm_model_has_the_ordinary_weights(memory_from: str) -> None:
    model, ordinary = fresh(memory_from=memory_from), CausalTransformer(fresh().config)
    take_over(model, ordinary)
    own, given = model.state_dict(), ordinary.state_dict()
    first, second = (given.pop(f"to_keys_values.{layer}.linear.weight") for layer in (0, 1))
    torch.testing.assert_close(own["to_keys_values.linear.weight"], (first + second) / 2)
    assert all(torch.equal(own[name], given[name]) for name in given)


def test_a_warm_start_shares_the_updates_and_leaves_the_random_state() -> None:
    seen: list[int] = []
    model, state = fresh(), torch.random.get_rng_state()
    losses = train_warm(model, GAME, RECIPE, share=0.25, progress=False, watch=seen.append)
    assert len(losses) == 4
    assert seen == [2, 3, 4]
    assert torch.equal(torch.random.get_rng_state(), state)
    again = fresh()
    assert train_warm(again, GAME, RECIPE, share=0.25, progress=False) == losses


def test_answers_are_asked_for_at_every_so_many_positions() -> None:
    draw: dict[str, Any] = {"batch_size": 4, "length": 7}
    every = GAME.sample(**draw, generator=torch.Generator().manual_seed(6))
    rare = Rarely(GAME, every=3).sample(**draw, generator=torch.Generator().manual_seed(6))
    assert torch.equal(rare.tokens, every.tokens)
    assert torch.equal(rare.targets[:, [2, 5]], every.targets[:, [2, 5]])
    assert (rare.targets[:, [0, 1, 3, 4, 6]] == IGNORED).all()
    assert Rarely(GAME, every=3).name == "shell-game"


@pytest.mark.parametrize("make", [lambda: train_cut(fresh(), GAME, RECIPE, every=0), lambda: Rarely(GAME, every=0)])
def test_sizes_below_one_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        make()
