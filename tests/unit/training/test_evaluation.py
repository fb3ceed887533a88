"""Evaluation: what counts as right, and the range to expect on other data."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from feedback_lite import FeedbackTransformer
from feedback_lite.tasks import IGNORED, Echo, Examples, ShellGame
from feedback_lite.training import (
    evaluate,
    expected_range,
    train,
)
from tests.unit.training.small import GAME, SHORT, tiny


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
