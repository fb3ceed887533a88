"""The exercises of chapter 04: what projections cost, one matrix for keys and values, and a test for real sharing."""

import copy
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from feedback_lite.attention import KeyValueProjection
from feedback_lite.lesson.exercises.exercise import Blanks, Case, Exercise, Mistake, normal

# --- parameters of the projections -------------------------------------------------------------------


def _size_cases(generator: torch.Generator) -> list[Case]:
    drawn = torch.randint(2, 9, (2, 4), generator=generator).tolist()
    # layers, width, heads, width of a head; primes, so that no two mistakes give one number
    return [(2, 3, 1, 2), (3, 5, 2, 7), (12, 512, 8, 128), *(tuple(sizes) for sizes in drawn)]


def _parameters_by_counting(num_layers: int, d_model: int, num_heads: int, head_dim: int) -> tuple[int, int]:
    one = sum(d_model for _ in ("key", "value") for _ in range(num_heads) for _ in range(head_dim))
    return one, sum(one for _ in range(num_layers))


def _parameters(num_layers: int, d_model: int, num_heads: int, head_dim: int) -> tuple[int, int]:
    shared = 2 * num_heads * head_dim * d_model
    return shared, num_layers * shared


def _parameters_of(one: Callable[[int, int, int], int]) -> Callable[[int, int, int, int], tuple[int, int]]:
    def parameters(num_layers: int, d_model: int, num_heads: int, head_dim: int) -> tuple[int, int]:
        shared = one(d_model, num_heads, head_dim)
        return shared, num_layers * shared

    return parameters


COUNT_PARAMETERS = Exercise(
    specification=_parameters_by_counting,
    make_cases=_size_cases,
    solution=_parameters,
    mistakes=(
        Mistake(
            answer=_parameters_of(lambda d_model, num_heads, head_dim: num_heads * head_dim * d_model),
            message="This is half of it: the matrix has rows for keys and as many rows for values.",
        ),
        Mistake(
            answer=_parameters_of(lambda d_model, num_heads, head_dim: 2 * head_dim * d_model),
            message="This is one head alone. Every head has rows of its own.",
        ),
        Mistake(
            answer=_parameters_of(lambda d_model, num_heads, head_dim: 2 * d_model * d_model),
            message="A key has heads times head width numbers, and that need not be the width of the model.",
        ),
        Mistake(
            answer=_parameters_of(
                lambda d_model, num_heads, head_dim: 2 * num_heads * head_dim * d_model + 2 * num_heads * head_dim
            ),
            message="This counts a bias too. The projection has none.",
        ),
        Mistake(
            answer=lambda *sizes: (_parameters(*sizes)[0],) * 2,
            message="The first number is right. The second is for one matrix per layer, so it grows with the layers.",
        ),
        Mistake(
            answer=lambda *sizes: _parameters(*sizes)[::-1],
            message="The two numbers are right in the wrong order: first the shared matrix, then one per layer.",
        ),
        Mistake(
            answer=lambda num_layers, *sizes: _parameters(num_layers + 1, *sizes),
            message="The embedding needs no projection of its own: nothing reads there. Count the layers from 1.",
        ),
    ),
    blanks=Blanks(
        code="rows = {rows}\none = {one}\nreturn {result}",
        choices={
            "rows": ("2 * num_heads * head_dim", "num_heads * head_dim", "2 * head_dim", "2 * d_model"),
            "one": ("rows * d_model", "rows * d_model + rows"),
            "result": ("one, num_layers * one", "one, one", "num_layers * one, one", "one, (num_layers + 1) * one"),
        },
    ),
)


# --- keys and values from one matrix -------------------------------------------------------------------


def _projection_cases(generator: torch.Generator) -> list[Case]:
    # batch, tokens, width, width of a key
    sizes = ((1, 1, 3, 2), (1, 1, 4, 4), (2, 3, 5, 4), (3, 2, 2, 6))
    return [
        (
            normal(batch, tokens, width, generator=generator),
            normal(2 * key_width, width, generator=generator),
        )
        for batch, tokens, width, key_width in sizes
    ]


def _project_by_hand(
    vectors: Float[Tensor, "b n d"], projection: Float[Tensor, "kv d"]
) -> tuple[Float[Tensor, "b n he"], Float[Tensor, "b n he"]]:
    batch, tokens, _ = vectors.shape
    key_width = len(projection) // 2
    keys, values = torch.zeros(batch, tokens, key_width), torch.zeros(batch, tokens, key_width)
    for b in range(batch):
        for n in range(tokens):
            for row in range(key_width):
                keys[b, n, row] = sum(projection[row] * vectors[b, n])
                values[b, n, row] = sum(projection[key_width + row] * vectors[b, n])
    return keys, values


def _project(
    vectors: Float[Tensor, "b n d"], projection: Float[Tensor, "kv d"]
) -> tuple[Float[Tensor, "b n he"], Float[Tensor, "b n he"]]:
    keys, values = (vectors @ projection.T).chunk(2, dim=-1)
    return keys, values


KEYS_AND_VALUES = Exercise(
    specification=_project_by_hand,
    make_cases=_projection_cases,
    solution=_project,
    mistakes=(
        Mistake(
            answer=lambda vectors, projection: _project(vectors, projection)[::-1],
            message="Both are right, in the wrong order: the upper half of the rows makes the keys.",
        ),
        Mistake(
            answer=lambda vectors, projection: (
                (vectors @ projection.T)[..., 0::2],
                (vectors @ projection.T)[..., 1::2],
            ),
            message="Every other row was taken. The rows for keys stand together, those for values below them.",
        ),
        Mistake(
            answer=lambda vectors, projection: vectors @ projection.T,
            message="Keys and values still lie side by side in one tensor. Cut its last axis in the middle.",
        ),
        Mistake(
            answer=lambda vectors, projection: (vectors @ projection.T).chunk(2),
            message="The cut went through the batch. Keys and values lie side by side on the last axis: dim=-1.",
        ),
        Mistake(
            answer=lambda vectors, projection: (vectors @ projection.T).chunk(2, dim=1),
            message="The cut went through the tokens. Keys and values lie side by side on the last axis: dim=-1.",
        ),
        Mistake(
            answer=lambda vectors, projection: (_project(vectors, projection)[0], _project(vectors, projection)[0]),
            message="The values came out of the rows for keys. They have rows of their own, the lower half.",
        ),
        Mistake(
            answer=lambda vectors, projection: (vectors @ projection.T)[0].chunk(2, dim=-1),
            message="Only the first sequence of the batch was projected. The batch axis must stay.",
        ),
    ),
    blanks=Blanks(
        code="both = {both}\nhalves = {halves}\nreturn {result}",
        choices={
            "both": ("vectors @ projection.T", "vectors @ projection", "(vectors @ projection.T)[0]"),
            "halves": ("both.chunk(2, dim=-1)", "both.chunk(2)", "(both[..., 0::2], both[..., 1::2])"),
            "result": ("halves", "halves[::-1]", "(halves[0], halves[0])", "both"),
        },
    ),
)


# --- what is kept ------------------------------------------------------------------------------------


def _kept_cases(generator: torch.Generator) -> list[Case]:
    drawn = torch.randint(3, 40, (2, 2), generator=generator).tolist()
    # steps so far, slots, heads, width of a head
    return [(3, 5, 2, 7), (0, 4, 3, 2), (5, 5, 1, 3), (9, 4, 3, 5), *((steps, slots, 2, 3) for steps, slots in drawn)]


def _kept_by_counting(steps: int, memory_size: int, num_heads: int, head_dim: int) -> int:
    slots: list[int] = []
    for step in range(steps):
        slots = [*slots, step][-memory_size:]
    return sum(2 * num_heads * head_dim for _ in slots)


NUMBERS_KEPT = Exercise(
    specification=_kept_by_counting,
    make_cases=_kept_cases,
    solution=lambda steps, memory_size, num_heads, head_dim: min(steps, memory_size) * 2 * num_heads * head_dim,
    mistakes=(
        Mistake(
            answer=lambda steps, memory_size, num_heads, head_dim: steps * 2 * num_heads * head_dim,
            message="This keeps every step. A memory never has more than memory_size slots.",
        ),
        Mistake(
            answer=lambda steps, memory_size, num_heads, head_dim: memory_size * 2 * num_heads * head_dim,
            message="This is a full memory. After fewer steps than slots, only as many slots as steps are in use.",
        ),
        Mistake(
            answer=lambda steps, memory_size, num_heads, head_dim: min(steps, memory_size) * num_heads * head_dim,
            message="A slot holds two vectors, a key and a value.",
        ),
        Mistake(
            answer=lambda steps, memory_size, num_heads, head_dim: min(steps, memory_size) * 2 * head_dim,
            message="This is one head alone. A key holds the numbers of all heads, side by side.",
        ),
    ),
    blanks=Blanks(
        code="slots = {slots}\nreturn slots * {vectors} * {width}",
        choices={
            "slots": ("min(steps, memory_size)", "max(steps, memory_size)", "steps", "memory_size"),
            "vectors": ("2", "1"),
            "width": ("num_heads * head_dim", "head_dim"),
        },
    ),
)


# --- a test that tells sharing from copying --------------------------------------------------------------

WIDTH, KEY_WIDTH, LAYERS = 4, 3, 3


def _fresh() -> KeyValueProjection:
    return KeyValueProjection(d_model=WIDTH, num_heads=1, head_dim=KEY_WIDTH)


def _one_for_all() -> list[KeyValueProjection]:
    """one projection, named three times"""
    return [_fresh()] * LAYERS


def _deep_copies() -> list[KeyValueProjection]:
    """the faulty version from the text: three copies"""
    original = _fresh()
    return [copy.deepcopy(original) for _ in range(LAYERS)]


def _one_parameter() -> list[KeyValueProjection]:
    """three modules that own one parameter together"""
    projections = [_fresh() for _ in range(LAYERS)]
    for projection in projections[1:]:
        projection.linear.weight = projections[0].linear.weight
    return projections


def _last_one_copied() -> list[KeyValueProjection]:
    """a faulty version: the first two are one, the last is a copy"""
    original = _fresh()
    return [original, original, copy.deepcopy(original)]


def _loaded_alike() -> list[KeyValueProjection]:
    """a faulty version: three matrices, filled with the same numbers by load_state_dict"""
    projections = [_fresh() for _ in range(LAYERS)]
    for projection in projections[1:]:
        projection.load_state_dict(projections[0].state_dict())
    return projections


Build = Callable[[], Sequence[KeyValueProjection]]


def _sharing_cases(generator: torch.Generator) -> list[Case]:
    return [(build,) for build in (_deep_copies, _one_for_all, _one_parameter, _last_one_copied, _loaded_alike)]


def _one_matrix(build: Build) -> bool:
    first, *others = (projection.linear.weight for projection in build())
    return all(other is first for other in others)


def _moved_by_hand(build: Build) -> bool:
    first, *others = build()
    with torch.no_grad():
        first.linear.weight += 1
    return all(torch.equal(first.linear.weight, other.linear.weight) for other in others)


def _equal_numbers(build: Build) -> bool:
    first, *others = build()
    return all(torch.equal(first.linear.weight, other.linear.weight) for other in others)


def _same_module(build: Build) -> bool:
    first, *others = build()
    return all(other is first for other in others)


def _trained_alike(build: Build) -> bool:
    projections = build()
    weights = nn.ModuleList(projections).parameters()
    optimizer = torch.optim.SGD(weights, lr=0.1)
    vectors = torch.ones(1, 1, WIDTH)
    sum((projection(vectors)[0].sum() for projection in projections), torch.zeros(())).backward()
    optimizer.step()
    return all(torch.equal(projections[0].linear.weight, other.linear.weight) for other in projections)


def _first_two(build: Build) -> bool:
    first, second, *_ = build()
    return first.linear.weight is second.linear.weight


CATCH_COPIES = Exercise(
    specification=_one_matrix,
    make_cases=_sharing_cases,
    solution=_moved_by_hand,
    mistakes=(
        Mistake(
            answer=_equal_numbers,
            message="You said yes to copies: their numbers are equal at the start. Change one, then compare.",
        ),
        Mistake(
            answer=_trained_alike,
            message="Your training gave every copy the same gradient, so the copies moved alike. Change one only.",
        ),
        Mistake(
            answer=_same_module,
            message="You said no to three modules that own one parameter. Look at the matrices, not at the modules.",
        ),
        Mistake(
            answer=_first_two,
            message="You said yes although the last projection is a copy. Compare the first with each of the others.",
        ),
        Mistake(
            answer=lambda build: False,
            message="You said no to a projection that is shared. After a change of the first, do you look at the "
            "same list, or have you called build() again?",
        ),
    ),
    otherwise="True is right where one matrix serves all, False where there is a copy. Call build() once, change the "
    "first matrix, and see which others have changed.",
    blanks=Blanks(
        code=(
            "first, *others = build()\n"
            "with torch.no_grad():\n"
            "    {change}\n"
            "moved = {moved}.linear.weight\n"
            "return {answer}"
        ),
        choices={
            "change": (
                "first.linear.weight += 1",
                "first.linear.weight += 0",
                "for one in (first, *others):\n    one.linear.weight.fill_(1)",
            ),
            "moved": ("first", "build()[0]"),
            "answer": (
                "all(torch.equal(moved, other.linear.weight) for other in others)",
                "torch.equal(moved, others[0].linear.weight)",
                "all(other is first for other in others)",
            ),
        },
        function="is_shared",
    ),
)
