"""The exercise of chapter 10 in which every token may be read only once."""

import pytest
import torch

from feedback_lite import FeedbackTransformer
from feedback_lite.lesson import check


def anew(model: FeedbackTransformer, prompt: torch.Tensor, num_new: int) -> torch.Tensor:
    tokens = prompt
    for _ in range(num_new):
        tokens = torch.cat((tokens, model(tokens).logits[:, -1].argmax(dim=-1, keepdim=True)), dim=1)
    return tokens


def test_reading_everything_anew_is_told_to_carry_the_memory(capsys: pytest.CaptureFixture[str]) -> None:
    check("carry-on", anew)
    printed = capsys.readouterr().out
    assert printed.startswith("carry-on: not yet. Your function stopped with RuntimeError: the model has been given ")
    assert "Give it every token once, and carry the memory that it returns." in printed
