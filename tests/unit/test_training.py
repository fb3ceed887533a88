"""Training: the schedule by hand, runs that repeat, and cards that hold all that is needed."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from feedback_lite import FeedbackTransformer
from feedback_lite.baseline import RecurrentNetwork
from feedback_lite.tasks import IGNORED, Echo, Examples, ShellGame, Task
from feedback_lite.training import (
    MODELS,
    Config,
    Model,
    Recipe,
    Training,
    describe,
    evaluate,
    expected_range,
    from_card,
    make_card,
    make_model,
    save,
    train,
    usual_config,
)

GAME = ShellGame(cups=3)
TINY: dict[str, object] = {"d_model": 7, "num_layers": 1, "num_heads": 1, "head_dim": 5, "memory_size": 3}
TINY_SIZES = {"feedback": TINY, "ordinary": TINY, "recurrent": {"d_model": 7, "cell": "gru"}}
SHORT = Recipe(steps=5, batch_size=3, length=4, warmup_steps=2)


def tiny(kind: str = "feedback", seed: int = 0) -> Model:
    return make_model(kind, usual_config(kind, GAME, **TINY_SIZES[kind]), seed=seed)


def weights_of(model: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def trained(kind: str, task: Task, config: Config, recipe: Recipe) -> tuple[nn.Module, dict[str, Any]]:
    """Return a model that is trained to the end, and its card."""
    training = Training(make_model(kind, config, seed=recipe.seed), task, recipe)
    training.run(progress=False)
    return training.model, make_card(describe(kind, task, config, recipe), training)


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


def test_training_lowers_the_loss() -> None:
    losses = train(tiny(), GAME, Recipe(steps=150, batch_size=16, length=5, warmup_steps=10), progress=False)
    assert len(losses) == 150
    assert sum(losses[-10:]) < 0.75 * sum(losses[:10])


def test_making_a_model_leaves_the_random_state_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    tiny(seed=9)
    assert torch.equal(torch.rand(3), expected)


def test_accuracy_is_the_share_of_right_answers_over_all_positions() -> None:
    class AlwaysCupOne(nn.Module):
        def forward(self, tokens: torch.Tensor) -> FeedbackTransformer:
            logits = torch.zeros(*tokens.shape, 6)
            logits[..., 0] = 1
            return type("Answer", (), {"logits": logits})

    _, targets = GAME.sample(batch_size=50, length=6, generator=torch.Generator().manual_seed(3))
    by_hand = sum(place == 0 for row in targets.tolist() for place in row) / 300
    assert evaluate(AlwaysCupOne(), GAME, length=6, sequences=50, seed=3) == pytest.approx(by_hand)


class EveryOtherAnswer(ShellGame):
    """The shell game with an answer at the even positions only."""

    def sample(self, **sizes: object) -> Examples:
        tokens, targets = super().sample(**sizes)
        targets[:, 1::2] = IGNORED
        return Examples(tokens, targets)


def test_positions_without_an_answer_count_neither_in_the_loss_nor_in_the_accuracy() -> None:
    model, game = tiny(), EveryOtherAnswer(cups=3)
    tokens, targets = GAME.sample(batch_size=3, length=4, generator=torch.Generator().manual_seed(0))
    logits = model(tokens).logits[:, ::2].log_softmax(dim=-1)
    by_hand = -logits.gather(2, targets[:, ::2, None]).mean().item()
    right = (logits.argmax(dim=-1) == targets[:, ::2]).double().mean().item()
    assert evaluate(model, game, length=4, sequences=3, seed=0) == right
    assert train(model, game, replace(SHORT, steps=1), progress=False) == [pytest.approx(by_hand, rel=1e-5)]


def test_a_length_at_which_nothing_is_asked_ends_with_a_sentence() -> None:
    model, sentence = tiny(), "no position of 3 sequences of echo has an answer at length 4"
    with pytest.raises(ValueError, match=sentence):
        train(model, Echo(symbols=3), SHORT, progress=False)
    with pytest.raises(ValueError, match=sentence):
        evaluate(model, Echo(symbols=3), length=4, sequences=3, seed=0)


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


@pytest.mark.parametrize("kind", MODELS)
def test_a_card_holds_all_that_is_needed_to_train_again(kind: str, tmp_path: Path) -> None:
    game = ShellGame()
    config = usual_config(kind, game, **TINY_SIZES[kind])
    model, card = trained(kind, game, config, SHORT)
    checksum = save(model, card, tmp_path / "first.model")
    written = json.loads((tmp_path / "first.model.json").read_text())
    assert from_card(written)[2:] == (config, SHORT)
    save(*trained(*from_card(written)), tmp_path / "second")
    again = json.loads((tmp_path / "second.json").read_text())
    assert written.pop("cpu_seconds") > 0
    assert again.pop("cpu_seconds") > 0
    assert again == written
    weights = (tmp_path / "second.safetensors").read_bytes()
    assert (tmp_path / "first.model.safetensors").read_bytes() == weights
    assert hashlib.sha256(weights).hexdigest() == checksum == again["sha256"]
    assert set(card["accuracy_by_length"]) == {"4", "8", "16"}
    assert card["parameters"] == len(weights_of(model))


def test_the_usual_recurrent_network() -> None:
    model = make_model("recurrent", usual_config("recurrent", ShellGame()), seed=0)
    assert isinstance(model, RecurrentNetwork)
    assert (model.config.d_model, model.config.cell) == (64, "lstm")


def test_the_usual_opponents_differ_by_less_than_a_tenth_in_parameters() -> None:
    sizes = [len(weights_of(make_model(kind, usual_config(kind, ShellGame()), seed=0))) for kind in MODELS_OF_THE_BOOK]
    assert max(sizes) < 1.1 * min(sizes)


MODELS_OF_THE_BOOK = ("feedback", "ordinary")


def test_the_expected_range_is_four_deviations_of_a_difference_and_some_room() -> None:
    right, asked = torch.tensor([1.0, 3.0, 4.0, 4.0]), torch.tensor([4.0, 4.0, 4.0, 4.0])
    spread = math.sqrt((0.5**2 + 0.0**2 + 0.25**2 + 0.25**2) / 4)
    assert expected_range(right.double(), asked.double()) == (0.0, 1.0)  # so few sequences tell nothing
    many = expected_range(right.double().repeat(1000), asked.double().repeat(1000))
    margin = 4 * spread * math.sqrt(2 / 4000) + 5 / 4000
    assert many == (round(0.75 - margin, 4), round(0.75 + margin, 4))
    assert expected_range(asked.double().repeat(250), asked.double().repeat(250)) == (0.995, 1.0)


def test_a_range_leaves_out_positions_without_an_answer() -> None:
    right, asked = (
        torch.tensor([1.0, 0.0, 2.0]).double().repeat(500),
        torch.tensor([2.0, 0.0, 4.0]).double().repeat(500),
    )
    assert expected_range(right, asked) == (round(0.5 - 5 / 1500, 4), round(0.5 + 5 / 1500, 4))
