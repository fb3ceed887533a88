"""Right answers to the exercises of chapter 07, written differently from the chapter's own."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange


def gelu_of_doubles(gate: torch.Tensor) -> torch.Tensor:
    return gate.double() * torch.distributions.Normal(0.0, 1.0).cdf(gate.double())


def gelu_number_by_number(gate: torch.Tensor) -> torch.Tensor:
    return gate.clone().apply_(lambda x: x * math.erfc(-x / math.sqrt(2)) / 2)


def gate_by_slices(doubled: torch.Tensor) -> torch.Tensor:
    half = doubled.size(-1) // 2
    return torch.nn.GELU()(doubled[..., half:].double()) * doubled[..., :half]


def gate_by_pattern(doubled: torch.Tensor) -> torch.Tensor:
    value, gate = rearrange(doubled, "... (two ff) -> two ... ff", two=2)
    return F.gelu(gate).mul(value)


def block_with_sums_apart(
    hidden: torch.Tensor,
    attention: Callable[..., Any],
    feedforward: Callable[..., Any],
    attention_norm: Callable[..., Any],
    feedforward_norm: Callable[..., Any],
) -> torch.Tensor:
    read = attention(attention_norm(hidden))
    between = torch.add(read, hidden)
    return sum([between, feedforward(feedforward_norm(between))])


def block_of_doubles(hidden: torch.Tensor, *parts: Callable[..., Any]) -> torch.Tensor:
    hidden = hidden.double()
    for part, norm in zip(parts[:2], parts[2:], strict=True):
        hidden = hidden + part(norm(hidden))
    return hidden


def judge_by_known_result(gated: Callable[..., torch.Tensor]) -> bool:
    return bool((gated(torch.tensor([2.0, 3.0, 1.0, -1.0])) - torch.tensor([1.683, -0.476])).abs().max() < 0.01)


def judge_by_doubling(gated: Callable[..., torch.Tensor]) -> bool:
    """Doubling the values doubles the result, and doubling the gates does not."""
    value, gate = torch.tensor([1.5, -0.7]), torch.tensor([-0.4, 0.8])
    once = gated(torch.cat((value, gate)))
    linear = torch.allclose(gated(torch.cat((2 * value, gate))), 2 * once, atol=1e-4)
    bent = not torch.allclose(gated(torch.cat((value, 2 * gate))), 2 * once, atol=1e-4)
    return linear and bent


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "gelu": [gelu_of_doubles, gelu_number_by_number],
    "gate": [gate_by_slices, gate_by_pattern],
    "pre-norm-block": [block_with_sums_apart, block_of_doubles],
    "catch-swapped-halves": [judge_by_known_result, judge_by_doubling],
}
