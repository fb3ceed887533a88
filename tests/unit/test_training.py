"""Training: the schedule by hand, runs that repeat, cards that hold all that is needed, and errors in one sentence."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from feedback_lite import CausalTransformer, FeedbackTransformer
from feedback_lite.tasks import IGNORED, Echo, Examples, ShellGame
from feedback_lite.training import (
    Model,
    Recipe,
    evaluate,
    from_card,
    main,
    make_model,
    save,
    train,
    train_and_measure,
    usual_config,
)

GAME = ShellGame(cups=3)
TINY = {"d_model": 7, "num_layers": 1, "num_heads": 1, "head_dim": 5, "memory_size": 3}
SHORT = Recipe(steps=5, batch_size=3, length=4, warmup_steps=2)


def tiny(kind: str = "feedback", seed: int = 0) -> Model:
    return make_model(kind, usual_config(kind, GAME, **TINY), seed=seed)


def weights_of(model: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def test_the_learning_rate_warms_up_and_follows_a_cosine() -> None:
    recipe = Recipe(steps=110, warmup_steps=10, final_share=0.2)
    assert recipe.share_of_learning_rate(0) == pytest.approx(0.1)
    assert recipe.share_of_learning_rate(9) == pytest.approx(1.0)
    assert recipe.share_of_learning_rate(10) == pytest.approx(1.0)
    assert recipe.share_of_learning_rate(60) == pytest.approx(0.6)  # half-way between 1 and 0.2
    assert recipe.share_of_learning_rate(110) == pytest.approx(0.2)


@pytest.mark.parametrize("kind", ["feedback", "ordinary"])
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
    with pytest.raises(FloatingPointError, match=r"the loss became nan at step 0: try a smaller learning_rate"):
        train(model, GAME, SHORT, progress=False)


def test_impossible_recipes_are_refused() -> None:
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        Recipe(steps=0)
    with pytest.raises(ValueError, match="model must be one of 'feedback', 'ordinary', got 'lstm'"):
        make_model("lstm", usual_config("feedback", GAME), seed=0)


def test_a_card_holds_all_that_is_needed_to_train_again(tmp_path: Path) -> None:
    game = ShellGame()
    model, card = train_and_measure("feedback", game, usual_config("feedback", game, **TINY), SHORT, progress=False)
    save(model, card, tmp_path / "first")
    kind, task, config, recipe = from_card(json.loads((tmp_path / "first.json").read_text()))
    save(*train_and_measure(kind, task, config, recipe, progress=False), tmp_path / "second")
    for suffix in (".json", ".safetensors"):
        assert (tmp_path / f"first{suffix}").read_bytes() == (tmp_path / f"second{suffix}").read_bytes()
    assert set(card["accuracy_by_length"]) == {"20", "40", "80"}
    assert card["parameters"] == len(weights_of(model))


def test_the_usual_opponents_differ_by_less_than_a_tenth_in_parameters() -> None:
    sizes = [len(weights_of(make_model(kind, usual_config(kind, ShellGame()), seed=0))) for kind in MODELS_OF_THE_BOOK]
    assert max(sizes) < 1.1 * min(sizes)


MODELS_OF_THE_BOOK = ("feedback", "ordinary")


def test_the_command_line_trains_writes_and_repeats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mine"
    assert main(["train", "shell-game", "--model", "ordinary", "--steps", "3", "--seed", "2", "--out", str(out)]) == 0
    assert main(["repeat", f"{out}.json", "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "mine.safetensors").read_bytes()
    printed = capsys.readouterr()
    assert "accuracy_by_length" in printed.out
    assert "training on shell-game" in printed.err  # the progress bar
    card = json.loads((tmp_path / "mine.json").read_text())
    model = CausalTransformer(from_card(card)[2])
    model.load_state_dict(safetensors.torch.load_file(tmp_path / "mine.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "shell-game", "--out", "{}/no/such/model"], "--out must lie in an existing folder"),
        (["train", "shell-game", "--steps", "-1", "--out", "{}/m"], "steps must be at least 1, got -1"),
        (["repeat", "{}/none.json", "--out", "{}/m"], "No such file"),
    ],
)
def test_the_command_line_ends_errors_with_a_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([argument.format(tmp_path) for argument in arguments]) == 1
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
