"""Right answers to the exercises of chapter 04, written differently from the chapter's own."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from einops import einsum, rearrange

from feedback_lite import KeyValueProjection


def parameters_of_real_modules(num_layers: int, d_model: int, num_heads: int, head_dim: int) -> list[int]:
    projection = KeyValueProjection(d_model=d_model, num_heads=num_heads, head_dim=head_dim)
    shared = sum(weight.numel() for weight in projection.parameters())
    return [shared, shared * num_layers]


def parameters_in_a_tensor(
    num_layers: int, d_model: int, num_heads: int, head_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.tensor(num_heads * head_dim) + num_heads * head_dim
    return rows * d_model, rows * d_model * num_layers


def two_products(vectors: torch.Tensor, projection: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    to_key, to_value = projection[: len(projection) // 2], projection[len(projection) // 2 :]
    return einsum(to_key, vectors, "k d, b n d -> b n k"), einsum(to_value, vectors, "k d, b n d -> b n k")


def rearranged_doubles(vectors: torch.Tensor, projection: torch.Tensor) -> list[torch.Tensor]:
    both = vectors.double() @ projection.double().T
    return list(rearrange(both, "b n (two k) -> two b n k", two=2))


def kept_in_a_loop(steps: int, memory_size: int, num_heads: int, head_dim: int) -> int:
    total = 0
    for step in range(steps):
        if step < memory_size:
            total += num_heads * head_dim + num_heads * head_dim
    return total


def kept_in_a_tensor(steps: int, memory_size: int, num_heads: int, head_dim: int) -> int:
    return torch.zeros(2, steps, num_heads, head_dim)[:, -memory_size:].numel()


def trained_by_one_layer(build: Callable[[], Sequence[KeyValueProjection]]) -> bool:
    """One step of training in which the first layer alone has a loss."""
    projections = build()
    first = projections[0].linear.weight
    optimizer = torch.optim.SGD([first], lr=0.5)
    projections[0](torch.randn(1, 2, first.shape[1]))[0].sum().backward()
    optimizer.step()
    return all(bool((projection.linear.weight == first).all()) for projection in projections)


def counted_once(build: Callable[[], Sequence[KeyValueProjection]]) -> bool:
    return len(list(torch.nn.ModuleList(build()).parameters())) == 1


def gradients_of_one(build: Callable[[], Sequence[KeyValueProjection]]) -> bool:
    projections = build()
    projections[0].linear.weight.sum().backward()  # type: ignore[no-untyped-call]
    return all(projection.linear.weight.grad is not None for projection in projections)


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "count-parameters": [parameters_of_real_modules, parameters_in_a_tensor],
    "keys-and-values": [two_products, rearranged_doubles],
    "numbers-kept": [kept_in_a_loop, kept_in_a_tensor],
    "catch-copies": [trained_by_one_layer, counted_once, gradients_of_one],
}
