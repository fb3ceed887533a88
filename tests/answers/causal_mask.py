"""Right answers to the exercises of chapter 03, written differently from the chapter's own."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange


def may_read_as_a_triangle(num_slots: int, num_tokens: int) -> torch.Tensor:
    return torch.ones(num_tokens, num_slots + num_tokens).tril(num_slots).bool()


def may_read_in_ones(num_slots: int, num_tokens: int) -> torch.Tensor:
    return torch.ones(num_tokens, num_slots + num_tokens).tril(num_slots)


def may_read_in_lists(num_slots: int, num_tokens: int) -> list[list[bool]]:
    return [[True] * (num_slots + token + 1) + [False] * (num_tokens - token - 1) for token in range(num_tokens)]


def masked_by_division(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    powers = scores.double().exp() * mask
    return powers / powers.sum(dim=1, keepdim=True)


def masked_by_a_large_number(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (scores + torch.where(mask, 0.0, -1e9)).softmax(dim=1)


def split_by_view(merged: torch.Tensor, num_heads: int) -> torch.Tensor:
    batch, tokens, width = merged.shape
    return merged.view(batch, tokens, num_heads, width // num_heads).transpose(1, 2)


def split_by_chunks(merged: torch.Tensor, num_heads: int) -> torch.Tensor:
    return torch.stack(merged.double().chunk(num_heads, dim=-1), dim=1)


def read_by_torch(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, bias: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    return F.scaled_dot_product_attention(queries, keys, values, bias.masked_fill(~mask, float("-inf"))[None])


def read_head_by_head(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, bias: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    read = []
    for head in range(queries.shape[1]):
        products = queries[:, head].double() @ rearrange(keys[:, head].double(), "b j e -> b e j")
        powers = (products / queries.shape[-1] ** 0.5 + bias[head]).exp() * mask
        read.append(powers / powers.sum(-1, keepdim=True) @ values[:, head].double())
    return torch.stack(read, dim=1).float()


def judge_by_true_distance(prepare: Callable[..., tuple[torch.Tensor, torch.Tensor]]) -> bool:
    bias, mask = prepare(4, 3, torch.arange(9.0))
    steps = torch.arange(4, 7)[:, None] - torch.arange(7)
    return bool((mask == (steps >= 0)).all() and (bias[mask] == steps[mask]).all())


def judge_by_own_token(prepare: Callable[..., tuple[torch.Tensor, torch.Tensor]]) -> bool:
    """The last key that a query may read is its own token, and no other has the bias of distance 0."""
    bias, mask = prepare(2, 3, torch.tensor([5.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    return torch.equal((bias == 5) & mask, torch.eye(3, 5).roll(2, dims=1).bool())


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "may-read": [may_read_as_a_triangle, may_read_in_ones, may_read_in_lists],
    "masked-weights": [masked_by_division, masked_by_a_large_number],
    "split-heads": [split_by_view, split_by_chunks],
    "read": [read_by_torch, read_head_by_head],
    "catch-disagreement": [judge_by_true_distance, judge_by_own_token],
}
