"""The figure of the memory queue: its paths, its words, and what it refuses."""

import json
from itertools import product

import pytest
from traitlets import TraitError

from feedback_lite.widgets import count_paths, shortest_path
from tests.drawing import GAME
from tests.kinds.memory_queue import SIZES, TRIED, memory_queue, queue_changes

STEPS = len(GAME)


def all_paths(distance: int, memory_size: int) -> list[tuple[int, ...]]:
    """Every way to cover a distance by reads, found by trying all."""
    return [
        reads
        for length in range(distance + 1)
        for reads in product(range(1, memory_size + 1), repeat=length)
        if sum(reads) == distance
    ]


@pytest.mark.parametrize("memory_size", [1, 2, 3, 6])
@pytest.mark.parametrize("distance", range(7))
def test_paths_are_counted_as_by_trying_all(distance: int, memory_size: int) -> None:
    paths = all_paths(distance, memory_size)
    assert count_paths(distance, memory_size) == len(paths)
    shortest = shortest_path(distance, memory_size)
    assert tuple(shortest) in paths
    assert len(shortest) == min(len(path) for path in paths)


def test_paths_of_three_slots_by_hand() -> None:
    assert [count_paths(distance, 3) for distance in range(7)] == [1, 1, 2, 4, 7, 13, 24]
    assert shortest_path(7, 3) == [3, 3, 1]


def test_it_tells_of_an_evicted_token() -> None:
    figure = memory_queue()
    assert figure.sentence == (
        "Step 6, swap 1 and 2: the memory holds slots 4 to 5. Slot 1 (ball under 3) was evicted at the end of step 3. "
        "8 paths lead from it to step 6; the shortest has 3 reads. "
        "With another token at step 1, the model's answer now changes in 1 of 4 cases."
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"step": 1}, "Step 1, ball under 3: the memory is empty. When the step ends, it writes slot 1."),
        (
            {"step": 2},
            "the memory holds slot 1. Slot 1 (ball under 3) is still in memory. 1 path leads from it to step 2",
        ),
        ({"token": 7}, "the memory holds slots 4 to 5. Step 7 has not come yet."),
        ({"token": 6}, "When the step ends, it writes slot 6."),
        ({"token": 4}, "2 paths lead from it to step 6; the shortest has one read."),
        (
            {"memory_size": 1},
            "the memory holds slot 5. Slot 1 (ball under 3) was evicted at the end of step 2. 1 path ",
        ),
        ({"step": 4, "memory_size": 3}, "the memory holds slots 1 to 3. Slot 1 (ball under 3) is still in memory."),
        ({"step": 5, "memory_size": 3}, "Slot 1 (ball under 3) was evicted at the end of step 4."),
    ],
)
def test_it_retells_what_a_kernel_sets(state: dict[str, int], words: str) -> None:
    figure = memory_queue()
    figure.set_state(state)
    assert words in figure.sentence


def test_effect_is_that_of_size_step_and_token() -> None:
    for size, step, token in product(range(1, SIZES + 1), range(2, STEPS + 1), range(1, STEPS)):
        if token < step:
            told = memory_queue(memory_size=size, step=step, token=token).sentence
            expected = queue_changes()[size - 1][step - 1][token - 1]
            assert told.endswith(f"the model's answer now changes in {expected} of {TRIED[token - 1]} cases.")


def test_state_is_small() -> None:
    state = {key: value for key, value in memory_queue().get_state().items() if not key.startswith("_")}
    assert len(json.dumps(state)) < 6_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": ["one"]}, "the number of tokens must be at least 2, got 1"),
        ({"changed": []}, "the number of memory sizes in changed must be at least 1, got 0"),
        ({"tried": [4]}, "tried must have one number per token, 7, got 1"),
        ({"changed": [[[0] * STEPS] * 2]}, "changed must be memory sizes x 7 steps x 7 tokens, got 2 rows"),
        ({"changed": [[[5] * STEPS] * STEPS]}, "changed must lie from 0 to tried"),
    ],
)
def test_sizes_that_do_not_agree_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        memory_queue(**changes)


@pytest.mark.parametrize(("name", "value"), [("step", 0), ("step", 8), ("token", 8), ("memory_size", 4)])
def test_impossible_states_are_refused(name: str, value: int) -> None:
    most = SIZES if name == "memory_size" else STEPS
    with pytest.raises(TraitError, match=f"{name} must be between 1 and {most}, got {value}"):
        setattr(memory_queue(), name, value)
