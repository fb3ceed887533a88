"""The exercises of chapter 06: who is in memory, the fewest reads, push, and a test for a size of zero."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, cat

from feedback_lite.lesson.exercises.exercise import Blanks, Case, Exercise, Mistake, normal


def _whole(low: int, high: int, *, generator: torch.Generator) -> int:
    """Draw a whole number from ``low`` to ``high``."""
    return int(torch.randint(low, high + 1, (), generator=generator))


# --- who is in memory ------------------------------------------------------------------------------


def _held_cases(generator: torch.Generator) -> list[Case]:
    size = _whole(3, 5, generator=generator)
    full = _whole(7, 12, generator=generator)
    # Step 1 comes second: an empty list shows a learner little.
    return [(2, size), (1, size), (size + 1, size), (full, size), (full + 1, 1)]


def _held_by_queue(step: int, memory_size: int) -> list[int]:
    held: list[int] = []
    for earlier in range(1, step):
        held.append(earlier)
        if len(held) > memory_size:
            held.pop(0)
    return held


SLOTS_HELD = Exercise(
    specification=_held_by_queue,
    make_cases=_held_cases,
    solution=lambda step, memory_size: list(range(max(1, step - memory_size), step)),
    mistakes=(
        Mistake(
            answer=lambda step, memory_size: list(range(max(1, step - memory_size), step + 1)),
            message="The step itself is in your list. It reads first and writes its slot when it ends.",
        ),
        Mistake(
            answer=lambda step, memory_size: list(range(max(1, step - memory_size + 1), step + 1)),
            message="This is the memory after the step has written. The question is what the step reads, before that.",
        ),
        Mistake(
            answer=lambda step, memory_size: list(range(max(0, step - memory_size), step)),
            message="There is no slot 0: slots are counted from 1.",
        ),
        Mistake(
            answer=lambda step, memory_size: list(range(step - memory_size, step)),
            message="There is no slot before slot 1: early steps find fewer slots than memory_size.",
        ),
        Mistake(
            answer=lambda step, memory_size: list(range(1, min(step, memory_size + 1))),
            message="You kept the oldest slots. When the memory is full, the oldest is evicted.",
        ),
        Mistake(
            answer=lambda step, memory_size: list(range(step - 1, max(1, step - memory_size) - 1, -1)),
            message="These are the right slots, newest first. Give them oldest first.",
        ),
        Mistake(
            answer=lambda step, memory_size: list(range(max(1, step - memory_size + 1), step)),
            message="One slot is missing: the step reads before it writes, so nothing has been evicted for it yet.",
        ),
        Mistake(
            answer=lambda step, memory_size: list(range(max(1, step - memory_size), step - 1)),
            message="The newest slot, step - 1, is missing: `range` leaves its end out.",
        ),
    ),
    blanks=Blanks(
        code="first = {first}\nreturn {result}",
        choices={
            "first": (
                "max(1, step - memory_size)",
                "max(0, step - memory_size)",
                "step - memory_size",
                "max(1, step - memory_size + 1)",
            ),
            "result": (
                "list(range(first, step))",
                "list(range(first, step + 1))",
                "list(range(first, step - 1))",
                "list(range(step - 1, first - 1, -1))",
            ),
        },
    ),
)


# --- the fewest reads ------------------------------------------------------------------------------


def _reads_cases(generator: torch.Generator) -> list[Case]:
    size, start = _whole(3, 5, generator=generator), _whole(1, 9, generator=generator)
    distances = (1, size, size + 1, 2 * size, 2 * size + 1, 7 * size + 2)
    return [(start, start + distance, size) for distance in distances]


def _reads_by_search(slot: int, step: int, memory_size: int) -> int:
    reached, reads = {slot}, 0
    while step not in reached:
        reached = {later for place in reached for later in range(place + 1, place + memory_size + 1)}
        reads += 1
    return reads


FEWEST_READS = Exercise(
    specification=_reads_by_search,
    make_cases=_reads_cases,
    solution=lambda slot, step, memory_size: -(-(step - slot) // memory_size),
    mistakes=(
        Mistake(
            answer=lambda slot, step, memory_size: (step - slot) // memory_size,
            message="What the division leaves over needs one more read. Round up, not down.",
        ),
        Mistake(
            answer=lambda slot, step, memory_size: (step - slot) // memory_size + 1,
            message="Where the division comes out even, no further read is needed.",
        ),
        Mistake(
            answer=lambda slot, step, memory_size: step - slot,
            message="These are the most reads, one per step. A read can go back over memory_size steps at once.",
        ),
        Mistake(
            answer=lambda slot, step, memory_size: (step - slot) / memory_size,
            message="This need not be a whole number, and reads are counted whole. Round up.",
        ),
        Mistake(
            answer=lambda slot, step, memory_size: 1 if step - slot <= memory_size else 2,
            message="Two reads may not be enough either. How far does each of them go?",
        ),
        Mistake(
            answer=lambda slot, step, memory_size: round((step - slot) / memory_size),
            message="Rounding to the nearest loses a small rest, and it needs a read of its own. Round up.",
        ),
        Mistake(
            answer=lambda slot, step, memory_size: (step - slot - 1) // memory_size,
            message="One read is missing everywhere: even a distance of 1 takes one. Add 1.",
        ),
    ),
    blanks=Blanks(
        code="distance = {distance}\nreturn {result}",
        choices={
            "distance": ("step - slot", "step - slot - 1"),
            "result": (
                "math.ceil(distance / memory_size)",
                "distance // memory_size",
                "distance // memory_size + 1",
                "round(distance / memory_size)",
            ),
        },
    ),
)


# --- push ------------------------------------------------------------------------------------------


def _push_cases(generator: torch.Generator) -> list[Case]:
    # batch, slots, new slots, width, memory size
    sizes = (
        (1, 2, 1, 1, 2),
        (1, 0, 1, 2, 3),
        (2, 3, 1, 2, 3),
        (2, 3, 2, 2, 4),
        (4, 2, 5, 1, 3),
        (2, 2, 0, 3, 4),
        (2, 2, 1, 3, 5),
    )
    return [
        (normal(batch, old, width, generator=generator), normal(batch, new, width, generator=generator), size)
        for batch, old, new, width, size in sizes
    ]


def push_by_loop(
    slots: Float[Tensor, "b m he"], new_slots: Float[Tensor, "b n he"], memory_size: int
) -> Float[Tensor, "b k he"]:
    """Put one slot after another into a list, and drop the first whenever the list is too long."""
    batch, _, width = slots.shape
    queues = []
    for b in range(batch):
        queue: list[Tensor] = []
        for slot in [*slots[b], *new_slots[b]]:
            queue.append(slot)
            if len(queue) > memory_size:
                queue.pop(0)
        queues.append(queue)
    kept = len(queues[0])
    return torch.stack([slot for queue in queues for slot in queue]).reshape(batch, kept, width)


def _push(
    slots: Float[Tensor, "b m he"], new_slots: Float[Tensor, "b n he"], memory_size: int
) -> Float[Tensor, "b k he"]:
    """a right push: it writes at the newest end and keeps the newest slots"""
    return cat((slots, new_slots), dim=1)[:, -memory_size:]


def _push_cut_below_zero(slots: Tensor, new_slots: Tensor, memory_size: int) -> Tensor:
    joined = cat((slots, new_slots), dim=1)
    return joined[:, joined.shape[1] - memory_size :]


def _push_one_for_one(slots: Tensor, new_slots: Tensor, memory_size: int) -> Tensor:
    return cat((slots[:, 1:] if slots.shape[1] >= memory_size else slots, new_slots), dim=1)


def _push_and_drop_one(slots: Tensor, new_slots: Tensor, memory_size: int) -> Tensor:
    joined = cat((slots, new_slots), dim=1)
    return joined[:, 1:] if joined.shape[1] > memory_size else joined


PUSH = Exercise(
    specification=push_by_loop,
    make_cases=_push_cases,
    solution=_push,
    mistakes=(
        Mistake(
            answer=lambda slots, new_slots, memory_size: cat((slots, new_slots), dim=1),
            message="Nothing was evicted. At most memory_size slots may stay.",
        ),
        Mistake(
            answer=lambda slots, new_slots, memory_size: cat((slots, new_slots), dim=1)[:, :memory_size],
            message="You kept the oldest slots and dropped new ones. The oldest have to leave.",
        ),
        Mistake(
            answer=lambda slots, new_slots, memory_size: cat((new_slots, slots), dim=1)[:, :memory_size],
            message="The new slots stand in front. Order is oldest first: they belong at the end.",
        ),
        Mistake(
            answer=lambda slots, new_slots, memory_size: cat((new_slots, slots), dim=1)[:, -memory_size:],
            message="You put the new slots in front of the old ones. The end of the queue is where new slots belong.",
        ),
        Mistake(
            answer=lambda slots, new_slots, memory_size: cat((slots, new_slots), dim=1)[-memory_size:],
            message="This cuts the first axis, the batch. The slots lie on axis 1: write [:, ...] before the cut.",
        ),
        Mistake(
            answer=lambda slots, new_slots, memory_size: cat((slots, new_slots), dim=1)[:, 1:],
            message="One slot always leaves in your answer. None has to while there is room, and several may have to.",
        ),
        Mistake(
            answer=lambda slots, new_slots, memory_size: cat((slots[:, 1:], new_slots), dim=1)[:, -memory_size:],
            message="The oldest slot leaves even while there is room. Put the slots together first, then cut.",
        ),
        Mistake(
            answer=_push_cut_below_zero,
            message="While there is room your cut begins below zero, and Python counts that from the end. Write "
            "[:, -memory_size:], or max(0, ...).",
        ),
        Mistake(
            answer=_push_and_drop_one,
            message="At most one slot leaves in your answer; several new ones may come.",
        ),
        Mistake(
            answer=_push_one_for_one,
            message="Your answer makes room for one slot; several new ones may come.",
        ),
    ),
    blanks=Blanks(
        code="joined = torch.cat({order}, dim={axis})\nreturn joined[{cut}]",
        choices={
            "order": ("(slots, new_slots)", "(new_slots, slots)", "(slots[:, 1:], new_slots)"),
            "axis": ("1", "0"),
            "cut": (":, -memory_size:", ":, :memory_size", "-memory_size:", ":"),
        },
    ),
)


# --- a test for a size of zero ---------------------------------------------------------------------


def _push_that_refuses(slots: Tensor, new_slots: Tensor, memory_size: int) -> Tensor:
    """a right push, which raises ValueError for a size below 1"""
    if memory_size < 1:
        raise ValueError(f"memory_size must be at least 1, got {memory_size}")
    return _push(slots, new_slots, memory_size)


def _push_from_start(slots: Tensor, new_slots: Tensor, memory_size: int) -> Tensor:
    """a right push, which keeps nothing at a size of 0"""
    joined = cat((slots, new_slots), dim=1)
    return joined[:, max(0, joined.shape[1] - memory_size) :]


def _push_with_minus_zero(slots: Tensor, new_slots: Tensor, memory_size: int) -> Tensor:
    """the faulty version from the text"""
    return _push(slots, new_slots, memory_size)


def _push_one_too_many(slots: Tensor, new_slots: Tensor, memory_size: int) -> Tensor:
    """a faulty version that keeps one slot too many, except at a size of 0"""
    return _push_from_start(slots, new_slots, memory_size + 1 if memory_size else 0)


def _push_that_refuses_and_keeps_more(slots: Tensor, new_slots: Tensor, memory_size: int) -> Tensor:
    """a faulty version that refuses a size of 0 and keeps one slot too many at the others"""
    return _push_that_refuses(slots, new_slots, memory_size + 1 if memory_size else 0)


def _judge_cases(generator: torch.Generator) -> list[Case]:
    return [
        (push,)
        for push in (
            _push_with_minus_zero,
            _push_that_refuses,
            _push_from_start,
            _push_one_too_many,
            _push_that_refuses_and_keeps_more,
        )
    ]


Push = Callable[[Tensor, Tensor, int], Tensor]


def _kept(push: Push, old: int, new: int, memory_size: int) -> int | None:
    """Return how many slots a push keeps; None where it refuses."""
    try:
        return push(torch.ones(1, old, 2), torch.ones(1, new, 2), memory_size).shape[1]
    except ValueError:
        return None


def _keeps_its_word(push: Push) -> bool:
    return all(
        kept is None or kept <= memory_size
        for memory_size in (0, 1, 2, 5)
        for kept in (_kept(push, old, 1, memory_size) for old in range(7))
    )


def _counts_the_batch(push: Push) -> bool:
    for memory_size in (0, 1, 2):
        try:
            kept = push(torch.ones(1, 3, 2), torch.ones(1, 1, 2), memory_size)
        except ValueError:
            continue
        if len(kept) > memory_size:
            return False
    return True


def _zero_alone(push: Push) -> bool:
    return _kept(push, 3, 1, 0) in (None, 0)


CATCH_SIZE_ZERO = Exercise(
    specification=_keeps_its_word,
    make_cases=_judge_cases,
    solution=lambda push: _zero_alone(push) and _kept(push, 3, 1, 2) == 2,
    mistakes=(
        Mistake(
            answer=lambda push: _kept(push, 3, 1, 2) == 2,
            message="You said yes to a version that breaks its word at one size. Which one have you not tried, with "
            "more slots than fit?",
        ),
        Mistake(
            answer=lambda push: _zero_alone(push),
            message="You said yes to a version that is right at size 0 and keeps too many at others. Try size 2 too.",
        ),
        Mistake(
            answer=lambda push: _kept(push, 3, 1, 0) == 0 and _kept(push, 3, 1, 2) == 2,
            message="You said no to a right version that refuses a size of 0 with a ValueError. Catch it and go on.",
        ),
        Mistake(
            answer=lambda push: _kept(push, 3, 1, 0) is None and _kept(push, 3, 1, 2) == 2,
            message="You said no to a right version. To keep nothing at a size of 0 keeps the promise. "
            "(And a size below 0 is no test: nobody can keep fewer than no slots.)",
        ),
        Mistake(
            answer=lambda push: all(_kept(push, 1, 1, size) in (None, size) for size in (0, 2, 5)),
            message="You said no to every version, the right ones too. Fewer slots than memory_size are allowed: "
            "at most memory_size is the promise.",
        ),
        Mistake(
            answer=_counts_the_batch,
            message="`len` counts the batch. The slots are `.shape[1]`.",
        ),
    ),
    otherwise="A version that ever keeps more than memory_size slots must get False, every other one True. Try sizes "
    "0 and 2 with more slots than fit, and catch the ValueError of a version that refuses.",
    blanks=Blanks(
        code=(
            "for memory_size in {sizes}:\n"
            "    try:\n"
            "        kept = push(torch.ones(1, 3, 2), torch.ones(1, 1, 2), memory_size)\n"
            "    except ValueError:\n"
            "        {refused}\n"
            "    if {broken}:\n"
            "        return False\n"
            "return True"
        ),
        choices={
            "sizes": ("(0, 2)", "(0,)", "(2,)", "(4, 5)"),
            "refused": ("continue", "return False"),
            "broken": (
                "kept.shape[1] > memory_size",
                "kept.shape[1] >= memory_size",
                "len(kept) > memory_size",
            ),
        },
        function="keeps_promise",
    ),
)
