"""Right answers to the exercises of chapter 02, written differently from the chapter's own, and some that stop."""

import math
from collections.abc import Callable
from typing import Any

import torch
from einops import rearrange

from feedback_lite import RelativePositionBias, distances, relative_position_bucket


def slot_distances_in_a_list(num_slots: int) -> list[int]:
    return list(range(num_slots, 0, -1))


def slot_distances_from_positions(num_slots: int) -> torch.Tensor:
    return distances(torch.tensor([num_slots]), torch.arange(num_slots))[0]


def buckets_of_doubles(distance: torch.Tensor, num_buckets: int, max_distance: int) -> torch.Tensor:
    exact = num_buckets // 2
    steps = distance.double().clamp(0, max_distance)
    shared = exact + torch.floor(exact * torch.log(steps / exact) / math.log(max_distance / exact))
    return torch.where(steps < exact, steps, shared).clamp(max=num_buckets - 1)


def buckets_in_a_loop(distance: torch.Tensor, num_buckets: int, max_distance: int) -> torch.Tensor:
    exact = num_buckets // 2
    result = distance.clamp(min=0, max=exact)
    for step in range(1, exact):
        result += distance >= exact * (max_distance / exact) ** (step / exact)
    return result


def buckets_of_two_logarithms(distance: torch.Tensor, num_buckets: int, max_distance: int) -> torch.Tensor:
    exact = num_buckets // 2
    steps = distance.clamp(exact, max_distance).float()
    ratio = (steps.log2() - math.log2(exact)) / (math.log2(max_distance) - math.log2(exact))
    shared = (exact + ratio * exact).long().clamp(max=num_buckets - 1)
    return torch.where(distance < exact, distance.clamp(min=0), shared)


def buckets_of_decimal_logarithms(distance: torch.Tensor, num_buckets: int, max_distance: int) -> torch.Tensor:
    exact = num_buckets // 2
    steps = distance.clamp(exact, max_distance) / exact
    shared = exact + steps.log10() / math.log10(max_distance / exact) * exact // 1
    return torch.where(distance < exact, distance.clamp(min=0), shared.clamp(max=num_buckets - 1))


def two_way_with_where(distance: torch.Tensor, num_buckets: int, max_distance: int) -> torch.Tensor:
    past = relative_position_bucket(distance, num_buckets=num_buckets // 2, max_distance=max_distance)
    future = relative_position_bucket(-distance, num_buckets=num_buckets // 2, max_distance=max_distance)
    return torch.where(distance < 0, future + num_buckets // 2, past).double()


def two_way_of_the_package(distance: torch.Tensor, num_buckets: int, max_distance: int) -> torch.Tensor:
    return relative_position_bucket(distance, num_buckets=num_buckets, max_distance=max_distance, causal=False)


def slot_bias_rearranged(table: torch.Tensor, num_slots: int, max_distance: int) -> torch.Tensor:
    buckets = buckets_in_a_loop(torch.arange(num_slots, 0, -1), len(table), max_distance)
    return rearrange(table.double()[buckets], "slots heads -> heads slots")


def slot_bias_of_the_module(table: torch.Tensor, num_slots: int, max_distance: int) -> torch.Tensor:
    bias = RelativePositionBias(num_heads=table.shape[1], num_buckets=len(table), max_distance=max_distance)
    bias.load_state_dict({"table": table})
    return bias(distances(torch.tensor([num_slots]), torch.arange(num_slots)))[:, 0]


def slot_bias_in_loops(table: torch.Tensor, num_slots: int, max_distance: int) -> list[list[float]]:
    rows = buckets_in_a_loop(torch.arange(num_slots, 0, -1), len(table), max_distance).tolist()
    return [[float(table[row, head]) for row in rows] for head in range(table.shape[1])]


def order_seen_by_rolling(read: Callable[..., torch.Tensor]) -> bool:
    query, keys, values = torch.randn(3).double(), torch.randn(7, 3).double(), torch.randn(7, 3).double()
    moved = read(query, keys.roll(1, 0), values.roll(1, 0))
    return bool((read(query, keys, values) - moved).abs().max() > 1e-5)


def order_seen_in_two_slots(read: Callable[..., torch.Tensor]) -> bool:
    query, keys, values = torch.zeros(2), torch.zeros(2, 2), torch.eye(2)
    return not torch.allclose(read(query, keys, values), read(query, keys, values[[1, 0]]), atol=1e-5)


def order_seen_in_a_tensor(read: Callable[..., torch.Tensor]) -> torch.Tensor:
    query, keys, values = torch.randn(3), torch.randn(7, 3), torch.randn(7, 3)
    return ((read(query, keys, values) - read(query, keys.flip(0), values.flip(0))).abs() > 1e-5).any()


def order_stopped_by_a_query_in_a_row(read: Callable[..., torch.Tensor]) -> bool:
    query, keys, values = torch.randn(1, 4), torch.randn(6, 4), torch.randn(6, 4)
    return not torch.allclose(read(query, keys, values), read(query, keys.flip(0), values.flip(0)), atol=1e-5)


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "slot-distances": [slot_distances_in_a_list, slot_distances_from_positions],
    "buckets": [
        buckets_of_doubles,
        buckets_in_a_loop,
        buckets_of_two_logarithms,
        buckets_of_decimal_logarithms,
    ],
    "both-directions": [two_way_with_where, two_way_of_the_package],
    "slot-bias": [slot_bias_rearranged, slot_bias_of_the_module, slot_bias_in_loops],
    "sees-order": [order_seen_by_rolling, order_seen_in_two_slots, order_seen_in_a_tensor],
}

STOPPING_ANSWERS: dict[str, list[tuple[Callable[..., Any], str]]] = {
    "sees-order": [(order_stopped_by_a_query_in_a_row, "without a second axis")],
}
