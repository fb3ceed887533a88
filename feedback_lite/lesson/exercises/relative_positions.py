"""The exercises of chapter 02: distances, buckets, the bias of a slot, and a test of whether order counts."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from feedback_lite.lesson.exercises.exercise import Blanks, Case, Exercise, Mistake, normal
from feedback_lite.positions import relative_position_bucket

# --- distances to slots ----------------------------------------------------------------------------


def _count_cases(generator: torch.Generator) -> list[Case]:
    drawn = torch.randint(5, 20, (1,), generator=generator).item()
    return [(count,) for count in (1, 2, 4, drawn)]


def _slot_distances_by_hand(num_slots: int) -> Int[Tensor, "m"]:
    query_position = num_slots
    return torch.tensor([query_position - slot_position for slot_position in range(num_slots)])


SLOT_DISTANCES = Exercise(
    specification=_slot_distances_by_hand,
    make_cases=_count_cases,
    solution=lambda num_slots: num_slots - torch.arange(num_slots),
    mistakes=(
        Mistake(
            answer=lambda num_slots: num_slots - 1 - torch.arange(num_slots),
            message="The newest slot got distance 0. The query stands one position after it, so its distance is 1.",
        ),
        Mistake(
            answer=lambda num_slots: 1 + torch.arange(num_slots),
            message="These are the right numbers in the wrong order: the oldest slot comes first and is the farthest.",
        ),
        Mistake(
            answer=lambda num_slots: torch.arange(num_slots) - num_slots,
            message="The sign is turned round. A distance is query position minus key position: the past is positive.",
        ),
        Mistake(
            answer=lambda num_slots: torch.arange(num_slots),
            message="These are the positions of the slots. Subtract each from the position of the query.",
        ),
        Mistake(
            answer=lambda num_slots: -torch.arange(num_slots),
            message="The query was put at position 0. It comes after all slots: its position is the number of slots.",
        ),
    ),
    blanks=Blanks(
        code="slots = {slots}\nquery = {query}\nreturn {result}",
        choices={
            "slots": ("torch.arange(num_slots)", "torch.arange(1, num_slots + 1)"),
            "query": ("num_slots", "num_slots - 1", "0"),
            "result": ("query - slots", "slots - query", "slots"),
        },
    ),
)


# --- buckets ---------------------------------------------------------------------------------------


def bucket_of(distance: int, num_buckets: int, max_distance: int) -> int:
    """Return the bucket of one distance, by walking along the distances at which the shared buckets begin."""
    exact = num_buckets // 2
    if distance < exact:
        return max(distance, 0)
    begins = [exact * (max_distance / exact) ** (step / exact) for step in range(exact)]
    return exact - 1 + sum(distance >= begin for begin in begins)


def _random_distances(*shape: int, least: int, most: int, generator: torch.Generator) -> Int[Tensor, "..."]:
    return torch.randint(least, most + 1, shape, generator=generator)


def _bucket_cases(generator: torch.Generator) -> list[Case]:
    # No shared bucket of the drawn cases begins at a whole distance, so rounding cannot move a distance over its edge.
    # In the last case one does: the bucket of 4 begins at 4, where the usual ways of writing the logarithm agree.
    sizes = (((8,), 8, 17), ((3, 4), 6, 20), ((2, 3, 5), 10, 37), ((9,), 2, 5))
    drawn = [
        (_random_distances(*shape, least=-4, most=2 * most, generator=generator), num_buckets, most)
        for shape, num_buckets, most in sizes
    ]
    return [*drawn, (torch.arange(-2, 12), 4, 8)]


def _buckets_by_hand(distance: Int[Tensor, "..."], num_buckets: int, max_distance: int) -> Int[Tensor, "..."]:
    flat = [bucket_of(int(steps), num_buckets, max_distance) for steps in distance.flatten()]
    return torch.tensor(flat).reshape(distance.shape)


def _ratio(steps: Int[Tensor, "..."], exact: int, max_distance: int) -> Float[Tensor, "..."]:
    """Return where a distance lies between the first and the last shared one, 0 to 1, on a logarithmic scale."""
    return (steps.clamp(min=exact) / exact).log() / math.log(max_distance / exact)


def _buckets(distance: Int[Tensor, "..."], num_buckets: int, max_distance: int) -> Int[Tensor, "..."]:
    exact = num_buckets // 2
    steps = distance.clamp(min=0)
    shared = exact + (_ratio(steps, exact, max_distance) * exact).long()
    return torch.where(steps < exact, steps, shared.clamp(max=num_buckets - 1))


def _buckets_without_end(distance: Int[Tensor, "..."], num_buckets: int, max_distance: int) -> Int[Tensor, "..."]:
    exact = num_buckets // 2
    steps = distance.clamp(min=0)
    shared = exact + (_ratio(steps, exact, max_distance) * exact).long()
    return torch.where(steps < exact, steps, shared)


def _buckets_below_zero(distance: Int[Tensor, "..."], num_buckets: int, max_distance: int) -> Int[Tensor, "..."]:
    return torch.where(distance < 0, distance, _buckets(distance, num_buckets, max_distance))


def _buckets_rounded(distance: Int[Tensor, "..."], num_buckets: int, max_distance: int) -> Int[Tensor, "..."]:
    exact = num_buckets // 2
    steps = distance.clamp(min=0)
    shared = exact + (_ratio(steps, exact, max_distance) * exact).round().long()
    return torch.where(steps < exact, steps, shared.clamp(max=num_buckets - 1))


def _buckets_undivided(distance: Int[Tensor, "..."], num_buckets: int, max_distance: int) -> Int[Tensor, "..."]:
    exact = num_buckets // 2
    steps = distance.clamp(min=0)
    shared = exact + ((steps.clamp(min=exact) / exact).log() * exact).long()
    return torch.where(steps < exact, steps, shared.clamp(max=num_buckets - 1))


def _buckets_of_equal_width(distance: Int[Tensor, "..."], num_buckets: int, max_distance: int) -> Int[Tensor, "..."]:
    exact = num_buckets // 2
    steps = distance.clamp(min=0)
    shared = exact + (steps - exact) * exact // (max_distance - exact)
    return torch.where(steps < exact, steps, shared.clamp(max=num_buckets - 1))


def _buckets_begun_late(
    distance: Int[Tensor, "..."], num_buckets: int, max_distance: int, *, first: int
) -> Int[Tensor, "..."]:
    exact = num_buckets // 2
    steps = distance.clamp(min=0)
    begins = [exact * (max_distance / exact) ** (step / exact) for step in range(first, exact)]
    shared = exact - 1 + first + sum((steps > begin).long() for begin in begins)
    return torch.where(steps < exact, steps, shared)


BUCKETS = Exercise(
    specification=_buckets_by_hand,
    make_cases=_bucket_cases,
    solution=_buckets,
    mistakes=(
        Mistake(
            answer=_buckets_without_end,
            message="Far distances left the table: the last bucket is number num_buckets - 1, and all beyond share it.",
        ),
        Mistake(
            answer=lambda distance, num_buckets, max_distance: _buckets(distance.abs(), num_buckets, max_distance),
            message="The sign was dropped, so the future looks like the past. Negative distances count as 0 here.",
        ),
        Mistake(
            answer=_buckets_below_zero,
            message="Negative distances came back as negative buckets. They count as 0.",
        ),
        Mistake(
            answer=_buckets_rounded,
            message="The result was rounded to the nearest whole number. Round down: .floor(), or .long() above zero.",
        ),
        Mistake(
            answer=_buckets_undivided,
            message="The logarithm still has to be divided by log(max_distance / exact), so that it ends at 1.",
        ),
        Mistake(
            answer=_buckets_of_equal_width,
            message="These shared buckets are all equally wide. Compare logarithms of distances, not distances.",
        ),
        Mistake(
            answer=lambda distance, num_buckets, max_distance: distance.clamp(min=0, max=num_buckets - 1),
            message="Every distance got a bucket of its own until none was left. Half of them have to be shared.",
        ),
        Mistake(
            answer=lambda distance, num_buckets, max_distance: _buckets_begun_late(
                distance, num_buckets, max_distance, first=1
            ),
            message="A bucket begins at its beginning: `>=`, not `>`.",
        ),
        Mistake(
            answer=lambda distance, num_buckets, max_distance: _buckets_begun_late(
                distance, num_buckets, max_distance, first=0
            ),
            message="A bucket begins at its beginning, the first shared one at exact: `>=`, not `>`.",
        ),
    ),
    otherwise="Compare with bucket_of, one distance after another. Which half of the buckets is wrong?",
    blanks=Blanks(
        code=(
            "exact = num_buckets // 2\n"
            "steps = {steps}\n"
            "ratio = {ratio}\n"
            "shared = exact + {shared}\n"
            "return torch.where(steps < exact, steps, {end})"
        ),
        choices={
            "steps": ("distance.clamp(min=0)", "distance.abs()", "distance"),
            "ratio": (
                "(steps.clamp(min=exact) / exact).log() / math.log(max_distance / exact)",
                "(steps.clamp(min=exact) / exact).log()",
                "(steps.clamp(min=exact) - exact) / (max_distance - exact)",
            ),
            "shared": ("(ratio * exact).long()", "(ratio * exact).round().long()"),
            "end": ("shared.clamp(max=num_buckets - 1)", "shared"),
        },
    ),
)


# --- both directions -------------------------------------------------------------------------------


def _two_way_cases(generator: torch.Generator) -> list[Case]:
    sizes = (((6,), 8, 9), ((3, 4), 12, 20), ((2, 3, 2), 16, 17))
    return [
        (_random_distances(*shape, least=-2 * most, most=2 * most, generator=generator), num_buckets, most)
        for shape, num_buckets, most in sizes
    ]


def _two_way_by_hand(distance: Int[Tensor, "..."], num_buckets: int, max_distance: int) -> Int[Tensor, "..."]:
    half = num_buckets // 2
    flat = [
        bucket_of(abs(steps), half, max_distance) + (half if steps < 0 else 0) for steps in distance.flatten().tolist()
    ]
    return torch.tensor(flat).reshape(distance.shape)


def _past(distance: Int[Tensor, "..."], num_buckets: int, max_distance: int) -> Int[Tensor, "..."]:
    return relative_position_bucket(distance, num_buckets=num_buckets, max_distance=max_distance)


def _two_way(distance: Int[Tensor, "..."], num_buckets: int, max_distance: int) -> Int[Tensor, "..."]:
    half = num_buckets // 2
    return _past(distance.abs(), half, max_distance) + half * (distance < 0)


BOTH_DIRECTIONS = Exercise(
    specification=_two_way_by_hand,
    make_cases=_two_way_cases,
    solution=_two_way,
    mistakes=(
        Mistake(
            answer=lambda distance, num_buckets, max_distance: _two_way(-distance, num_buckets, max_distance),
            message="Past and future are swapped. A negative distance is the future, and it takes the upper half.",
        ),
        Mistake(
            answer=lambda distance, num_buckets, max_distance: _past(distance.abs(), num_buckets // 2, max_distance),
            message="Past and future share their buckets. Move those of the future up by half of num_buckets.",
        ),
        Mistake(
            answer=lambda distance, num_buckets, max_distance: (
                _past(distance.abs(), num_buckets, max_distance) + num_buckets * (distance < 0)
            ),
            message="That takes twice as many buckets as there are. Each direction gets half of them.",
        ),
        Mistake(
            answer=lambda distance, num_buckets, max_distance: (
                _past(distance.abs(), num_buckets, max_distance) + num_buckets // 2 * (distance < 0)
            ),
            message="Each direction was sorted into all buckets. Sort it into half of them, num_buckets // 2.",
        ),
        Mistake(
            answer=lambda distance, num_buckets, max_distance: (
                _past(distance.abs(), num_buckets // 2, max_distance) + num_buckets // 2 * (distance <= 0)
            ),
            message="Distance 0 went to the future. It belongs to the past: only negative distances move up.",
        ),
        Mistake(
            answer=lambda distance, num_buckets, max_distance: (
                _past(distance, num_buckets // 2, max_distance) + num_buckets // 2 * (distance < 0)
            ),
            message="The whole future fell into one bucket. Take the size of the distance before sorting it.",
        ),
        Mistake(
            answer=lambda distance, num_buckets, max_distance: (
                _past(distance.abs(), num_buckets // 2, max_distance // 2) + num_buckets // 2 * (distance < 0)
            ),
            message="The largest distance is the same for both directions: do not halve it.",
        ),
    ),
    blanks=Blanks(
        code=(
            "half = num_buckets // 2\n"
            "past = partial(relative_position_bucket, max_distance={most})\n"
            "return past({size}, num_buckets={count}) + {shift}"
        ),
        choices={
            "most": ("max_distance", "max_distance // 2"),
            "size": ("distance.abs()", "distance"),
            "count": ("half", "num_buckets"),
            "shift": ("half * (distance < 0)", "half * (distance <= 0)", "num_buckets * (distance < 0)", "0"),
        },
    ),
)


# --- the bias of every slot ------------------------------------------------------------------------


def _bias_cases(generator: torch.Generator) -> list[Case]:
    # buckets, heads, slots, largest distance
    sizes = ((4, 2, 1, 9), (4, 2, 3, 9), (8, 3, 13, 17), (6, 1, 25, 20))
    return [(normal(buckets, heads, generator=generator), slots, most) for buckets, heads, slots, most in sizes]


def _bias_by_hand(table: Float[Tensor, "buckets h"], num_slots: int, max_distance: int) -> Float[Tensor, "h m"]:
    num_buckets, num_heads = table.shape
    bias = torch.zeros(num_heads, num_slots)
    for head in range(num_heads):
        for position in range(num_slots):
            bias[head, position] = table[bucket_of(num_slots - position, num_buckets, max_distance), head]
    return bias


def _bias_at(table: Float[Tensor, "buckets h"], distance: Int[Tensor, "m"], max_distance: int) -> Float[Tensor, "h m"]:
    return table.T[:, _past(distance, len(table), max_distance)]


def _bias(table: Float[Tensor, "buckets h"], num_slots: int, max_distance: int) -> Float[Tensor, "h m"]:
    return _bias_at(table, _slot_distances_by_hand(num_slots), max_distance)


SLOT_BIAS = Exercise(
    specification=_bias_by_hand,
    make_cases=_bias_cases,
    solution=_bias,
    mistakes=(
        Mistake(
            answer=lambda table, num_slots, max_distance: _bias(table, num_slots, max_distance).T,
            message="The numbers are right, but the heads come last. Attention wants the heads on the first axis.",
        ),
        Mistake(
            answer=lambda table, num_slots, max_distance: _bias(table, num_slots, max_distance).flip(1),
            message="The newest slot came first. Memory is kept oldest first.",
        ),
        Mistake(
            answer=lambda table, num_slots, max_distance: _bias_at(
                table, num_slots - 1 - torch.arange(num_slots), max_distance
            ),
            message="Every slot is one step too near: the newest slot lies at distance 1, not 0.",
        ),
        Mistake(
            answer=lambda table, num_slots, max_distance: _bias_at(table, -torch.arange(num_slots), max_distance),
            message="Every slot got the bias of bucket 0. The query was put at position 0 instead of after the slots.",
        ),
        Mistake(
            answer=lambda table, num_slots, max_distance: table.T[
                :, _slot_distances_by_hand(num_slots).clamp(max=len(table) - 1)
            ],
            message="The table was read at the distances. Its rows are buckets: turn distances into buckets first.",
        ),
        Mistake(
            answer=lambda table, num_slots, max_distance: _bias(table, num_slots, max_distance).T.reshape(
                table.shape[1], num_slots
            ),
            message="Reshape does not exchange axes. `.T` does.",
        ),
    ),
    otherwise="Print the distances, then the buckets, then the bias, for three slots. Which is the first to be wrong?",
    blanks=Blanks(
        code=("distance = {distance}\nrows = {rows}\nreturn {result}"),
        choices={
            "distance": (
                "num_slots - torch.arange(num_slots)",
                "num_slots - 1 - torch.arange(num_slots)",
                "1 + torch.arange(num_slots)",
                "-torch.arange(num_slots)",
            ),
            "rows": (
                "relative_position_bucket(distance, num_buckets=len(table), max_distance=max_distance)",
                "distance.clamp(max=len(table) - 1)",
            ),
            "result": ("table[rows].T", "table[rows]", "table[rows].reshape(-1, num_slots)"),
        },
    ),
)


# --- a test that sees whether order counts ---------------------------------------------------------

Read = Callable[[Tensor, Tensor, Tensor], Tensor]
_TABLE_SIZE, _FARTHEST = 16, 32


def _read_with(
    query: Float[Tensor, "e"], keys: Float[Tensor, "m e"], values: Float[Tensor, "m e"], bias: Float[Tensor, "m"]
) -> Float[Tensor, "e"]:
    return (keys @ query / math.sqrt(len(query)) + bias).softmax(0) @ values


def _read_counted(
    query: Float[Tensor, "e"], keys: Float[Tensor, "m e"], values: Float[Tensor, "m e"]
) -> Float[Tensor, "e"]:
    """attention whose distances count the memory"""
    buckets = _past(_slot_distances_by_hand(len(keys)), _TABLE_SIZE, _FARTHEST)
    return _read_with(query, keys, values, -0.5 * buckets)


def _read_uncounted(
    query: Float[Tensor, "e"], keys: Float[Tensor, "m e"], values: Float[Tensor, "m e"]
) -> Float[Tensor, "e"]:
    """attention whose query is numbered 0, as if no memory stood before it"""
    buckets = _past(-torch.arange(len(keys)), _TABLE_SIZE, _FARTHEST)
    return _read_with(query, keys, values, 3.0 - 0.5 * buckets)


def _read_plain(
    query: Float[Tensor, "e"], keys: Float[Tensor, "m e"], values: Float[Tensor, "m e"]
) -> Float[Tensor, "e"]:
    """attention without positions"""
    return _read_with(query, keys, values, torch.zeros(len(keys)))


def _read_newest(
    query: Float[Tensor, "e"], keys: Float[Tensor, "m e"], values: Float[Tensor, "m e"]
) -> Float[Tensor, "e"]:
    """attention that adds 2 to the score of the newest slot, and nothing else"""
    return _read_with(query, keys, values, 2.0 * (_slot_distances_by_hand(len(keys)) == 1))


def _order_cases(generator: torch.Generator) -> list[Case]:
    return [(read,) for read in (_read_uncounted, _read_counted, _read_plain, _read_newest)]


def _counts_distances(read: Read) -> bool:
    query, keys, values = torch.tensor([1.0, 0.5]), torch.eye(2), torch.tensor([[1.0, 0.0], [0.0, 4.0]])
    return not torch.allclose(read(query, keys, values), read(query, keys.flip(0), values.flip(0)), atol=1e-5)


def _turned(read: Read) -> bool:
    query, keys, values = torch.randn(4), torch.randn(6, 4), torch.randn(6, 4)
    return not torch.allclose(read(query, keys, values), read(query, keys.flip(0), values.flip(0)), atol=1e-5)


def _turned_keys_alone(read: Read) -> bool:
    query, keys, values = torch.randn(4), torch.randn(6, 4), torch.randn(6, 4)
    return not torch.allclose(read(query, keys, values), read(query, keys.flip(0), values), atol=1e-5)


def _turned_equal_slots(read: Read) -> bool:
    query, keys, values = torch.randn(4), torch.ones(6, 4), torch.ones(6, 4)
    return not torch.allclose(read(query, keys, values), read(query, keys.flip(0), values.flip(0)), atol=1e-5)


def _swapped_oldest(read: Read) -> bool:
    query, keys, values = torch.randn(4), torch.randn(6, 4), torch.randn(6, 4)
    order = torch.tensor([1, 0, 2, 3, 4, 5])
    return not torch.allclose(read(query, keys, values), read(query, keys[order], values[order]), atol=1e-5)


SEES_ORDER = Exercise(
    specification=_counts_distances,
    make_cases=_order_cases,
    solution=_turned,
    mistakes=(
        Mistake(
            answer=_turned_keys_alone,
            message="You said yes to an attention that does not see the order. Move each value along with its key, "
            "and compare with atol=1e-5.",
        ),
        Mistake(
            answer=_turned_equal_slots,
            message="You always say no. Does your memory hold several slots, all different, and do they move?",
        ),
        Mistake(
            answer=lambda read: not _turned(read),
            message="Your test works, but its answer is upside down: True when the result changes.",
        ),
        Mistake(
            answer=_swapped_oldest,
            message="You moved a few slots only. This attention tells others apart: turn the whole memory round.",
        ),
    ),
    otherwise="True is asked where the order of the slots changes the result, False where it does not. Is the "
    "tolerance too small (take atol=1e-5)? Does every slot move?",
    error_hints={
        "shapes cannot be multiplied": "The query has the shape (width,), without a second axis. Keys and values have "
        "one row per slot.",
    },
    blanks=Blanks(
        code=(
            "query, slots = torch.randn(4), {slots}\n"
            "straight = read(query, slots, slots)\n"
            "turned = read(query, {keys}, {values})\n"
            "return {answer}"
        ),
        choices={
            "slots": ("torch.randn(6, 4)", "torch.ones(6, 4)", "torch.randn(1, 4)"),
            "keys": ("slots.flip(0)", "slots", "slots[[1, 0, 2, 3, 4, 5]]"),
            "values": ("slots.flip(0)", "slots", "slots[[1, 0, 2, 3, 4, 5]]"),
            "answer": (
                "not torch.allclose(straight, turned, atol=1e-5)",
                "torch.allclose(straight, turned, atol=1e-5)",
            ),
        },
    ),
)
