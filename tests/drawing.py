"""Random models and inputs for the tests: every weight non-zero, every size a different prime."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from feedback_lite import FeedbackConfig, FeedbackTransformer

# Distinct primes (and distinct from num_layers + 1), so that two axes that change places cannot go unnoticed.
SIZES = {
    "vocab_size": 17,
    "d_model": 7,
    "num_layers": 2,
    "num_heads": 2,
    "head_dim": 5,
    "memory_size": 11,
    "num_buckets": 8,
    "max_distance": 32,
}


def make_config(**changes: object) -> FeedbackConfig:
    """Return a small config, with changes."""
    return FeedbackConfig(**(SIZES | changes))  # type: ignore[arg-type]


@torch.no_grad()
def randomise(model: nn.Module, seed: int = 0) -> nn.Module:
    """Draw every parameter anew: matrices ~ N(0, 1 / fan_in), vectors ~ N(0, 1/2), the position table ~ N(0, 1)."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        variance = 0.5
        if name in ("bias.table", "pos_emb.relative_attention_bias.weight"):
            variance = 1.0
        elif parameter.ndim == 2:
            variance = 1.0 / parameter.shape[1]
        parameter.copy_(variance**0.5 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


def make_model(seed: int = 0, *, dtype: torch.dtype = torch.float64, **changes: object) -> FeedbackTransformer:
    """Return a small model in double precision with random weights everywhere."""
    model = FeedbackTransformer(make_config(**changes)).to(dtype)
    randomise(model, seed)
    return model


def make_tokens(batch: int, length: int, *, vocab_size: int = SIZES["vocab_size"], seed: int = 0) -> Tensor:
    """Return random token numbers."""
    return torch.randint(vocab_size, (batch, length), generator=torch.Generator().manual_seed(seed))


def assert_close(ours: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    """Assert ``|ours - expected| <= tolerance * (1 + max|expected|)``, element by element."""
    assert ours.shape == expected.shape
    assert ours.dtype == expected.dtype
    if expected.numel() == 0:
        return
    difference = (ours - expected).abs().max().item()
    allowed = tolerance * (1 + expected.abs().max().item())
    assert difference <= allowed, f"differs by {difference:.3g}, allowed is {allowed:.3g}"


@contextmanager
def refused(error: type[Exception], *fragments: str) -> Iterator[None]:
    """Expect exactly this error, with a message that holds every fragment.

    A subclass does not count: the shape checks of the tests raise one of TypeError, and would hide the package's own.
    """
    with pytest.raises(error) as caught:
        yield
    assert caught.type is error
    message = str(caught.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message


def assert_learns_the_token_before_the_last(model: nn.Module) -> None:
    """Train a model on three words for a moment; what was two tokens ago is more than one token can tell."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for step in range(60):
        tokens = make_tokens(32, 8, vocab_size=3, seed=step)
        logits = model(tokens).logits[:, 2:]
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, :-2].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) / 5 < 0.8 * losses[0]
