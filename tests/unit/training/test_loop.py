"""The training loop: the schedule by hand, runs that repeat, and failures that are told."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from feedback_lite.training import (
    MODELS,
    Recipe,
    Training,
    make_model,
    train,
    usual_config,
)
from tests.unit.training.small import GAME, SHORT, TINY, tiny, weights_of


def test_the_learning_rate_warms_up_and_follows_a_cosine() -> None:
    recipe = Recipe(steps=110, warmup_steps=10, final_share=0.2)
    assert recipe.share_of_learning_rate(0) == pytest.approx(0.1)
    assert recipe.share_of_learning_rate(9) == pytest.approx(1.0)
    assert recipe.share_of_learning_rate(10) == pytest.approx(1.0)
    assert recipe.share_of_learning_rate(60) == pytest.approx(0.6)  # half-way between 1 and 0.2
    assert recipe.share_of_learning_rate(110) == pytest.approx(0.2)


@pytest.mark.parametrize("kind", MODELS)
def test_the_same_recipe_gives_the_same_weights_and_another_seed_others(kind: str) -> None:
    runs = []
    for seed in (4, 4, 5):
        model = tiny(kind, seed=seed)
        train(model, GAME, replace(SHORT, seed=seed), progress=False)
        runs.append(weights_of(model))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_another_seed_draws_other_data() -> None:
    first, again, other = (
        train(tiny(seed=4), GAME, replace(SHORT, steps=1, seed=seed), progress=False)[0] for seed in (4, 4, 5)
    )
    assert first == again != other


@pytest.mark.usefixtures("unchecked")
def test_training_lowers_the_loss() -> None:
    losses = train(tiny(), GAME, Recipe(steps=150, batch_size=16, length=5, warmup_steps=10), progress=False)
    assert len(losses) == 150
    assert sum(losses[-10:]) < 0.75 * sum(losses[:10])


def test_a_loss_that_is_not_finite_ends_with_a_sentence() -> None:
    model = tiny()
    with torch.no_grad():
        model.to_logits.bias.fill_(math.inf)
    with pytest.raises(
        FloatingPointError, match=r"the loss became nan in update 1 of 5: try a smaller learning_rate than"
    ):
        train(model, GAME, SHORT, progress=False)


def test_a_gradient_that_is_not_finite_ends_with_a_sentence_before_it_reaches_the_weights() -> None:
    model = tiny()
    before = weights_of(model).clone()
    model.to_logits.bias.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(FloatingPointError, match=r"the gradient became (inf|nan) in update 1 of 5: try a smaller"):
        train(model, GAME, SHORT, progress=False)
    assert torch.equal(weights_of(model), before)


def test_impossible_recipes_are_refused() -> None:
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        Recipe(steps=0)
    with pytest.raises(ValueError, match=r"seed must be below 2\*\*63, got 9223372036854775808"):
        Recipe(steps=1, seed=2**63)
    with pytest.raises(ValueError, match="model must be one of 'feedback', 'ordinary', 'recurrent', got 'lstm'"):
        make_model("lstm", usual_config("feedback", GAME), seed=0)


def test_watch_is_told_the_number_of_updates_done() -> None:
    told: list[int] = []
    train(tiny(), GAME, SHORT, progress=False, watch=told.append)
    assert told == [1, 2, 3, 4, 5]


def test_dropout_starts_from_the_seed_and_leaves_the_random_state_alone() -> None:
    def trained(seed: int) -> torch.Tensor:
        config = usual_config("feedback", GAME, **TINY, attn_dropout=0.3, ff_dropout=0.3)
        model = make_model("feedback", config, seed=0)
        train(model, GAME, replace(SHORT, seed=seed), progress=False)
        return weights_of(model)

    torch.manual_seed(1)
    first, then = trained(seed=6), torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), then)
    assert torch.equal(trained(seed=6), first)
    assert not torch.equal(trained(seed=7), first)


def test_dropout_differs_from_update_to_update() -> None:
    class Dropped(nn.Module):
        """Remember what dropout left of eight ones."""

        def __init__(self) -> None:
            super().__init__()
            self.logits, self.left = nn.Parameter(torch.zeros(6)), []

        def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, None]:
            self.left.append(tuple(nn.functional.dropout(torch.ones(8)).tolist()))
            return self.logits.expand(*tokens.shape, 6), None

    model = Dropped()
    train(model, GAME, replace(SHORT, steps=9), progress=False)
    assert len(set(model.left)) > 6


def test_the_learning_rate_of_the_recipe_is_that_of_the_optimizer() -> None:
    recipe = replace(SHORT, learning_rate=0.02, final_share=0.5)
    training, used = Training(tiny(), GAME, recipe), []
    training.run(progress=False, watch=lambda _: used.append(training.optimizer.param_groups[0]["lr"]))
    assert used == pytest.approx([0.01, 0.02, 0.02, 0.0175, 0.0125])  # two of warm-up, then a cosine from 1 to 0.5


@pytest.mark.parametrize(("max_norm", "left"), [(1e-3, 1e-3), (1e3, None)])
def test_gradients_are_scaled_down_to_the_largest_norm_and_never_up(max_norm: float, left: float | None) -> None:
    training = Training(tiny(), GAME, replace(SHORT, max_norm=max_norm))
    norms: list[float] = []
    training.optimizer.register_step_pre_hook(lambda *_: norms.append(norm_of_gradients(training.model)))
    training.update(0)
    assert norms == [pytest.approx(left, rel=1e-2)] if left else 0.01 < norms[0] < 10


def norm_of_gradients(model: nn.Module) -> float:
    return math.sqrt(sum(parameter.grad.square().sum().item() for parameter in model.parameters()))
