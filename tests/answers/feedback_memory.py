"""Right answers to the exercises of chapter 05, written differently from the chapter's own."""

from collections.abc import Callable
from typing import Any

import torch
from einops import rearrange, reduce


def shares_of_doubles(layer_weights: torch.Tensor) -> torch.Tensor:
    powers = layer_weights.double().exp()
    return powers / powers.sum()


def shares_in_a_list(layer_weights: torch.Tensor) -> list[float]:
    powers = [2.718281828459045**weight for weight in layer_weights.tolist()]
    return [power / sum(powers) for power in powers]


def anchored_in_a_loop(layer_weights: torch.Tensor) -> torch.Tensor:
    return torch.stack([weight - layer_weights[0] for weight in layer_weights])


def mix_in_a_loop(hiddens: torch.Tensor, layer_weights: torch.Tensor) -> torch.Tensor:
    total = torch.zeros_like(hiddens[0])
    for share, hidden in zip(layer_weights.softmax(0), hiddens, strict=True):
        total += share * hidden
    return total


def mix_of_doubles(hiddens: torch.Tensor, layer_weights: torch.Tensor) -> torch.Tensor:
    shares = rearrange(layer_weights.double().softmax(0), "l -> l 1 1 1")
    return reduce(shares * hiddens.double(), "l b n d -> b n d", "sum").float()


def judge_by_equal_vectors(mix: Callable[..., torch.Tensor]) -> bool:
    same = torch.ones(3, 1, 1, 2)
    return bool(torch.isclose(mix(same, torch.tensor([3.0, -1.0, 5.0])), same[0]).all())


def judge_by_all_entries(mix: Callable[..., torch.Tensor]) -> torch.Tensor:
    same = torch.ones(3, 1, 1, 2)
    return torch.isclose(mix(same, torch.tensor([3.0, -1.0, 5.0])), same[0]).all()


def judge_by_known_result(mix: Callable[..., torch.Tensor]) -> bool:
    hiddens, layer_weights = torch.randn(5, 2, 3, 4), torch.randn(5)
    return torch.allclose(mix(hiddens, layer_weights), mix_in_a_loop(hiddens, layer_weights), atol=1e-4)


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "shares": [shares_of_doubles, shares_in_a_list],
    "anchor-weights": [anchored_in_a_loop, lambda layer_weights: layer_weights.double() - layer_weights[0].item()],
    "mix-layers": [mix_in_a_loop, mix_of_doubles],
    "catch-unused-softmax": [judge_by_equal_vectors, judge_by_all_entries, judge_by_known_result],
}
