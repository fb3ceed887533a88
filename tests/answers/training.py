"""Right answers to the exercises of chapter 11, written differently from the chapter's own, and some that stop."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

Batches = list[tuple[torch.Tensor, torch.Tensor]]


def share_by_counting(answers: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    asked = targets != -100
    return ((answers == targets) & asked).sum() / asked.sum()


def share_in_a_list(answers: torch.Tensor, targets: torch.Tensor) -> float:
    asked = [
        answer == target
        for answer, target in zip(answers.flatten().tolist(), targets.flatten().tolist(), strict=True)
        if target >= 0
    ]
    return sum(asked) / len(asked)


def rate_by_sine(done: int, steps: int, warmup: int, final: float) -> float:
    if done + 1 <= warmup:
        return (done + 1) / warmup
    return final + (1 - final) * (1 - math.sin(math.pi / 2 * (done - warmup) / (steps - warmup)) ** 2)


def rate_as_tensor(done: int, steps: int, warmup: int, final: float) -> torch.Tensor:
    way = torch.tensor((done - warmup) / (steps - warmup))
    cosine = (1 + final) / 2 + (1 - final) / 2 * torch.cos(torch.pi * way)
    return torch.where(torch.tensor(done < warmup), torch.tensor((done + 1) / warmup), cosine)


def update_by_optimizer(
    table: torch.Tensor, tokens: torch.Tensor, targets: torch.Tensor, learning_rate: float, max_norm: float
) -> torch.Tensor:
    layer = nn.ParameterList([table.clone()])
    loss = F.cross_entropy(layer[0][tokens].transpose(1, 2), targets)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(layer.parameters(), max_norm)
    torch.optim.SGD(layer.parameters(), lr=learning_rate).step()
    return layer[0]


def update_in_place(
    table: torch.Tensor, tokens: torch.Tensor, targets: torch.Tensor, learning_rate: float, max_norm: float
) -> torch.Tensor:
    """Keeps the answered positions, and takes the mean of their logarithms of probability."""
    table.requires_grad_()
    asked = targets != -100
    logarithms = table[tokens].log_softmax(dim=-1)[asked]
    loss = -logarithms[torch.arange(len(logarithms)), targets[asked]].mean()
    loss.backward()  # type: ignore[no-untyped-call]
    assert table.grad is not None
    norm = table.grad.pow(2).sum().sqrt()
    with torch.no_grad():
        if norm > max_norm:
            table.grad *= max_norm / norm
        table -= learning_rate * table.grad
    return table


def update_without_flattening(
    table: torch.Tensor, tokens: torch.Tensor, targets: torch.Tensor, learning_rate: float, max_norm: float
) -> torch.Tensor:
    table = table.clone().requires_grad_()
    F.cross_entropy(table[tokens], targets).backward()  # type: ignore[no-untyped-call]
    return table


def update_without_keeping_track(
    table: torch.Tensor, tokens: torch.Tensor, targets: torch.Tensor, learning_rate: float, max_norm: float
) -> torch.Tensor:
    F.cross_entropy(table[tokens].flatten(0, 1), targets.flatten()).backward()  # type: ignore[no-untyped-call]
    return table


def update_without_backward(
    table: torch.Tensor, tokens: torch.Tensor, targets: torch.Tensor, learning_rate: float, max_norm: float
) -> torch.Tensor:
    table = table.clone().requires_grad_()
    gradient: Any = table.grad
    return table - learning_rate * gradient


def judge_by_own_updates(loop: Callable[..., torch.Tensor]) -> bool:
    batches = [
        (torch.tensor([[0, 1, 2]]), torch.tensor([[1, -100, 0]])),
        (torch.tensor([[2, 0]]), torch.tensor([[1, 1]])),
    ]
    expected = torch.zeros(3, 2)
    for tokens, targets in batches:
        expected = update_in_place(expected.detach().clone(), tokens, targets, 1.0, 0.2)
    return bool((loop(torch.zeros(3, 2), batches, 1.0, 0.2) - expected).abs().max() < 1e-5)


def judge_many_times(loop: Callable[..., torch.Tensor]) -> bool:
    for number in range(1, 5):
        batches: Batches = []
        for _ in range(number):
            targets = torch.randint(4, (2, 5))
            targets[0, 1:3] = -100
            batches.append((torch.randint(4, (2, 5)), targets))
        table = torch.randn(4, 4)
        expected = table.clone()
        for tokens, targets in batches:
            expected = update_by_optimizer(expected.detach(), tokens, targets, 0.3, 0.2)
        if not torch.allclose(loop(table, batches, 0.3, 0.2), expected, atol=1e-5):
            return False
    return True


def share_of_booleans(answers: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (answers == targets)[targets != -100].mean()


def judge_with_unfinished_update(loop: Callable[..., torch.Tensor]) -> bool:
    def update(*arguments: Any) -> Any: ...

    batches = [(torch.tensor([[0, 1]]), torch.tensor([[1, 0]]))]
    expected = update(torch.zeros(3, 2), *batches[0], 1.0, 0.2)
    return torch.allclose(loop(torch.zeros(3, 2), batches, 1.0, 0.2), expected)


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "share-right": [share_by_counting, share_in_a_list],
    "learning-rate": [rate_by_sine, rate_as_tensor],
    "one-update": [update_by_optimizer, update_in_place],
    "catch-faulty-loop": [judge_by_own_updates, judge_many_times],
}

# Answers that stop with an error, and a part of the hint that has to follow.
STOPPING_ANSWERS: dict[str, list[tuple[Callable[..., Any], str]]] = {
    "share-right": [(share_of_booleans, "True and false have no mean")],
    "catch-faulty-loop": [(judge_with_unfinished_update, "gave nothing back")],
    "one-update": [
        (update_without_flattening, "Merge the axes"),
        (update_without_keeping_track, "PyTorch was not told to keep track"),
        (update_without_backward, "`.grad` is empty"),
    ],
}
