"""Right answers to the exercises of chapter 06, written differently from the chapter's own."""

from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from einops import rearrange


def held_in_a_deque(step: int, memory_size: int) -> torch.Tensor:
    return torch.tensor(list(deque(range(1, step), maxlen=memory_size)))


def reads_in_a_loop(slot: int, step: int, memory_size: int) -> int:
    reads = 0
    while slot < step:
        slot += memory_size
        reads += 1
    return reads


def reads_of_floats(slot: int, step: int, memory_size: int) -> torch.Tensor:
    return torch.tensor((step - slot) / memory_size, dtype=torch.float64).ceil()


def push_from_the_start(slots: torch.Tensor, new_slots: torch.Tensor, memory_size: int) -> torch.Tensor:
    joined = torch.cat((slots.double(), new_slots.double()), dim=1)
    return joined[:, max(0, joined.shape[1] - memory_size) :]


def push_one_by_one(slots: torch.Tensor, new_slots: torch.Tensor, memory_size: int) -> torch.Tensor:
    for slot in rearrange(new_slots, "b n he -> n b 1 he"):
        room = slots if slots.shape[1] < memory_size else slots[:, 1:]
        slots = torch.cat((room, slot), dim=1)
    return slots


def judge_by_many_sizes(push: Callable[..., torch.Tensor]) -> bool:
    for memory_size in range(4):
        slots = torch.randn(2, 0, 3)
        try:
            for _ in range(6):
                slots = push(slots, torch.randn(2, 1, 3), memory_size)
        except ValueError:
            continue
        if slots.shape[1] > memory_size:
            return False
    return True


def judge_by_the_oldest(push: Callable[..., torch.Tensor]) -> bool:
    """The oldest slot, marked by a one, must be gone."""
    marked = torch.tensor([[[1.0], [0.0], [0.0]]])

    def forgets(memory_size: int) -> bool:
        try:
            return float(push(marked, torch.zeros(1, 1, 1), memory_size).sum()) == 0
        except ValueError:
            return True

    return forgets(0) and forgets(3)


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "slots-held": [held_in_a_deque, lambda step, memory_size: list(range(1, step))[-memory_size:]],
    "fewest-reads": [reads_in_a_loop, reads_of_floats],
    "push": [push_from_the_start, push_one_by_one],
    "catch-size-zero": [judge_by_many_sizes, judge_by_the_oldest],
}
