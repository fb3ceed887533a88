"""The exercises of chapter 03: the mask, weights under it, heads, one whole reading, and a test for the mask."""

import math
from collections.abc import Callable

import torch
from einops import einsum, rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor

from feedback_lite.lesson.exercises.exercise import Blanks, Case, Exercise, Mistake, normal

# --- which key may be read -------------------------------------------------------------------------


def _sizes(generator: torch.Generator) -> list[Case]:
    drawn = torch.randint(2, 6, (2,), generator=generator).tolist()
    return [(1, 2), (0, 3), (3, 1), (2, 4), (drawn[0], drawn[1])]


def _may_read_by_hand(num_slots: int, num_tokens: int) -> Bool[Tensor, "n j"]:
    rows = []
    for token in range(num_tokens):
        query = num_slots + token
        rows.append([query - key >= 0 for key in range(num_slots + num_tokens)])
    return torch.tensor(rows)


def _steps(num_slots: int, num_tokens: int) -> Int[Tensor, "n j"]:
    positions = torch.arange(num_slots + num_tokens)
    return positions[num_slots:, None] - positions[None, :]


def _may_read(num_slots: int, num_tokens: int) -> Bool[Tensor, "n j"]:
    return _steps(num_slots, num_tokens) >= 0


def _triangle(num_slots: int, num_tokens: int) -> Bool[Tensor, "n j"]:
    return torch.ones(num_tokens, num_slots + num_tokens).tril().bool()


MAY_READ = Exercise(
    specification=_may_read_by_hand,
    make_cases=_sizes,
    solution=_may_read,
    mistakes=(
        Mistake(
            answer=lambda num_slots, num_tokens: (
                torch.ones(num_tokens, num_slots + num_tokens).tril(num_slots - 1).bool()
            ),
            message="The tokens cannot read themselves here. Distance 0 is allowed: take >= 0.",
        ),
        Mistake(
            answer=lambda num_slots, num_tokens: ~_may_read(num_slots, num_tokens),
            message="True and false are the wrong way round. In this book true means: may be read.",
        ),
        Mistake(
            answer=_triangle,
            message="The queries were counted from 0. The first token of the segment comes after all memory slots, "
            "at position num_slots.",
        ),
        Mistake(
            answer=lambda num_slots, num_tokens: _may_read(0, num_tokens),
            message="The columns of the memory slots are missing. Keys are the slots and the tokens.",
        ),
        Mistake(
            answer=lambda num_slots, num_tokens: _may_read(num_slots, num_tokens).T,
            message="Rows and columns are exchanged: one row per query, one column per key.",
        ),
        Mistake(
            answer=_steps,
            message="These are the distances, and they are right. Say where they allow reading: compare them with 0.",
        ),
        Mistake(
            answer=lambda num_slots, num_tokens: _may_read(0, num_slots + num_tokens),
            message="There is a row for every slot. Slots ask nothing: one row per token of the segment.",
        ),
        Mistake(
            answer=lambda num_slots, num_tokens: _steps(num_slots, num_tokens) <= 0,
            message="The comparison is the wrong way round: the past is positive, so take >= 0.",
        ),
    ),
    blanks=Blanks(
        code="keys = torch.arange({keys})\nqueries = {queries}\nreturn {result}",
        choices={
            "keys": ("num_slots + num_tokens", "num_tokens"),
            "queries": ("keys[num_slots:]", "keys[:num_tokens]", "keys"),
            "result": (
                "distances(queries, keys) >= 0",
                "distances(queries, keys) > 0",
                "distances(queries, keys) <= 0",
                "distances(queries, keys)",
            ),
        },
    ),
)


# --- weights under a mask --------------------------------------------------------------------------


def _score_cases(generator: torch.Generator) -> list[Case]:
    # Not causal on purpose: in every row a key is forbidden, in every column one is allowed.
    # The allowed scores of the last case are so low that any usual score put in place of minus infinity would win, and
    # also a forbidden score that is only made smaller. In doubles, so that the exponentials are not 0.
    cases = []
    for queries, keys, shift in ((2, 3, 0), (3, 4, 0), (5, 3, -500)):
        allowed = (torch.arange(queries)[:, None] + torch.arange(keys)) % keys != 0
        scores = normal(queries, keys, generator=generator)
        cases.append((scores.double() + shift * allowed if shift else scores, allowed))
    return cases


def _masked_by_hand(scores: Float[Tensor, "i j"], mask: Bool[Tensor, "i j"]) -> Float[Tensor, "i j"]:
    weights = torch.zeros(scores.shape)
    for i, row in enumerate(scores.tolist()):
        largest = max(score for j, score in enumerate(row) if mask[i, j])
        powers = [math.exp(score - largest) if mask[i, j] else 0.0 for j, score in enumerate(row)]
        weights[i] = torch.tensor([power / sum(powers) for power in powers])
    return weights


def _masked(scores: Float[Tensor, "i j"], mask: Bool[Tensor, "i j"]) -> Float[Tensor, "i j"]:
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1)


MASKED_WEIGHTS = Exercise(
    specification=_masked_by_hand,
    make_cases=_score_cases,
    solution=_masked,
    mistakes=(
        Mistake(
            answer=lambda scores, mask: scores.softmax(dim=-1) * mask,
            message="The weights of a query do not sum to 1 any more. Mask the scores, before the softmax.",
        ),
        Mistake(
            answer=lambda scores, mask: (scores * mask).softmax(dim=-1),
            message="A score of 0 is a score like any other: its exponential is 1. It must be minus infinity.",
        ),
        Mistake(
            answer=lambda scores, mask: _masked(scores, ~mask),
            message="The allowed keys got weight 0. True means: may be read.",
        ),
        Mistake(
            answer=lambda scores, mask: scores.softmax(dim=-1),
            message="Forbidden keys still have a weight. The mask was not used.",
        ),
        Mistake(
            answer=lambda scores, mask: scores.masked_fill(~mask, -math.inf).softmax(dim=0),
            message="Each column sums to 1. Each row should: one query shares itself out over its keys.",
        ),
        Mistake(
            answer=lambda scores, mask: scores.masked_fill(~mask, -100.0).softmax(dim=-1),
            message="A finite score is not low enough: other scores may be lower. Fill in minus infinity, -math.inf.",
        ),
    ),
    otherwise="Two stages: set the scores of forbidden keys to minus infinity, then take the softmax of each row.",
    blanks=Blanks(
        code="low = {low}\nmasked = {masked}\nreturn {result}",
        choices={
            "low": ("-math.inf", "-100.0", "0.0"),
            "masked": ("scores.masked_fill(~mask, low)", "scores.masked_fill(mask, low)", "scores"),
            "result": ("masked.softmax(dim=-1)", "masked.softmax(dim=0)", "masked.softmax(dim=-1) * mask"),
        },
        function="weights_under",
    ),
)


# --- heads -----------------------------------------------------------------------------------------


def _merged_cases(generator: torch.Generator) -> list[Case]:
    sizes = ((1, 2, 2, 1), (1, 3, 2, 2), (2, 3, 3, 5))  # batch, tokens, heads, head width
    return [(normal(b, n, h * e, generator=generator), h) for b, n, h, e in sizes]


def _split_by_hand(merged: Float[Tensor, "b n he"], num_heads: int) -> Float[Tensor, "b h n e"]:
    batch, tokens, width = merged.shape
    head_dim = width // num_heads
    split = torch.zeros(batch, num_heads, tokens, head_dim)
    for head in range(num_heads):
        for entry in range(head_dim):
            split[:, head, :, entry] = merged[:, :, head * head_dim + entry]
    return split


def _split(merged: Float[Tensor, "b n he"], num_heads: int) -> Float[Tensor, "b h n e"]:
    return rearrange(merged, "b n (h e) -> b h n e", h=num_heads)


SPLIT_HEADS = Exercise(
    specification=_split_by_hand,
    make_cases=_merged_cases,
    solution=_split,
    mistakes=(
        Mistake(
            answer=lambda merged, num_heads: merged.reshape(
                merged.shape[0], num_heads, merged.shape[1], merged.shape[2] // num_heads
            ),
            message="The shape is right, but numbers of different tokens were mixed. Cut the last axis first, then "
            "move the axis of the heads.",
        ),
        Mistake(
            answer=lambda merged, num_heads: rearrange(merged, "b n (e h) -> b h n e", h=num_heads),
            message="Neighbouring numbers went to different heads. Each head takes one run of the last axis, "
            "the first head the first run.",
        ),
        Mistake(
            answer=lambda merged, num_heads: rearrange(merged, "b n (h e) -> b n h e", h=num_heads),
            message="The cut is right. The axis of the heads must still come before the axis of the tokens.",
        ),
        Mistake(
            answer=lambda merged, num_heads: torch.stack(merged.chunk(num_heads, dim=-1)),
            message="The axis of the heads stands before the batch. Its place is after the batch: stack with dim=1.",
        ),
    ),
    blanks=Blanks(
        code="batch, tokens, width = merged.shape\ncut = merged.reshape({cut})\nreturn {result}",
        choices={
            "cut": (
                "batch, tokens, num_heads, -1",
                "batch, tokens, -1, num_heads",
                "batch, num_heads, tokens, -1",
            ),
            "result": ("cut.transpose(1, 2)", "cut", "cut.permute(0, 3, 1, 2)", "cut.permute(2, 0, 1, 3)"),
        },
        function="split",
    ),
)


# --- one whole reading -----------------------------------------------------------------------------


def _reading_cases(generator: torch.Generator) -> list[Case]:
    # batch, heads, slots, tokens, head width
    sizes = ((1, 1, 1, 2, 2), (1, 2, 0, 3, 3), (2, 3, 2, 3, 5), (1, 2, 4, 1, 3))
    return [
        (
            normal(b, h, n, e, generator=generator),
            normal(b, h, m + n, e, generator=generator),
            normal(b, h, m + n, e, generator=generator),
            normal(h, n, m + n, generator=generator),
            _may_read(m, n),
        )
        for b, h, m, n, e in sizes
    ]


def _read_by_hand(
    queries: Float[Tensor, "b h i e"],
    keys: Float[Tensor, "b h j e"],
    values: Float[Tensor, "b h j e"],
    bias: Float[Tensor, "h i j"],
    mask: Bool[Tensor, "i j"],
) -> Float[Tensor, "b h i e"]:
    read = torch.zeros(queries.shape)
    batch, heads, num_queries, head_dim = queries.shape
    for b in range(batch):
        for h in range(heads):
            scores = torch.zeros(num_queries, keys.shape[2])
            for i in range(num_queries):
                for j in range(keys.shape[2]):
                    product = sum(queries[b, h, i] * keys[b, h, j])
                    scores[i, j] = product / math.sqrt(head_dim) + bias[h, i, j]
            for i, weights in enumerate(_masked_by_hand(scores, mask)):
                read[b, h, i] = sum(weight * value for weight, value in zip(weights, values[b, h], strict=True))
    return read


def _read_with(
    queries: Float[Tensor, "b h i e"],
    keys: Float[Tensor, "b h j e"],
    values: Float[Tensor, "b h j e"],
    bias: Float[Tensor, "h i j"],
    mask: Bool[Tensor, "i j"],
    *,
    scale: float | None = None,
    dim: int = -1,
) -> Float[Tensor, "b h i e"]:
    product = einsum(queries, keys, "b h i e, b h j e -> b h i j")
    scores = product * (queries.shape[-1] ** -0.5 if scale is None else scale) + bias
    weights = scores.masked_fill(~mask, -math.inf).softmax(dim=dim)
    return einsum(weights, values, "b h i j, b h j e -> b h i e")


def _read(
    queries: Float[Tensor, "b h i e"],
    keys: Float[Tensor, "b h j e"],
    values: Float[Tensor, "b h j e"],
    bias: Float[Tensor, "h i j"],
    mask: Bool[Tensor, "i j"],
) -> Float[Tensor, "b h i e"]:
    return _read_with(queries, keys, values, bias, mask)


READ = Exercise(
    specification=_read_by_hand,
    make_cases=_reading_cases,
    solution=_read,
    mistakes=(
        Mistake(
            answer=lambda queries, keys, values, bias, mask: _read_with(queries, keys, values, bias, mask, scale=1.0),
            message="The scale is missing: divide the products by the root of the head width, queries.shape[-1].",
        ),
        Mistake(
            answer=lambda queries, keys, values, bias, mask: _read_with(
                queries, keys, values, bias, mask, scale=1 / queries.shape[-1]
            ),
            message="The products were divided by the head width. Divide by its square root.",
        ),
        Mistake(
            answer=lambda queries, keys, values, bias, mask: _read_with(queries, keys, values, bias, mask, scale=0.5),
            message="The products were divided by 2, which fits a head width of 4 alone. Divide by the square root of "
            "queries.shape[-1].",
        ),
        Mistake(
            answer=lambda queries, keys, values, bias, mask: _read_with(
                queries, keys, values, bias * queries.shape[-1] ** -0.5, mask
            ),
            message="The bias was scaled too. Scale the products first, then add the bias as it is.",
        ),
        Mistake(
            answer=lambda queries, keys, values, bias, mask: _read_with(
                queries, keys, values, torch.zeros_like(bias), mask
            ),
            message="The bias is missing. Add it to the scaled products, before the softmax.",
        ),
        Mistake(
            answer=lambda queries, keys, values, bias, mask: _read_with(
                queries, keys, values, bias, torch.ones_like(mask)
            ),
            message="The mask was not used: a query reads the future. Set forbidden scores to minus infinity.",
        ),
        Mistake(
            answer=lambda queries, keys, values, bias, mask: _read_with(queries, keys, values, bias, mask, dim=-2),
            message="The softmax ran over the queries. It shares one query out over its keys: the last axis.",
        ),
        Mistake(
            answer=lambda queries, keys, values, bias, mask: (
                ((queries @ keys.mT * queries.shape[-1] ** -0.5 + bias).softmax(dim=-1) * mask) @ values
            ),
            message="The mask came after the softmax, so the weights of a query do not sum to 1. Mask the scores.",
        ),
        Mistake(
            answer=lambda queries, keys, values, bias, mask: (
                (queries @ keys.mT * queries.shape[-1] ** -0.5 + bias).masked_fill(~mask, -math.inf).softmax(dim=-1)
            ),
            message="These are the attention weights, and they are right. The weighted sum of the values was asked.",
        ),
        Mistake(
            answer=lambda queries, keys, values, bias, mask: _read_with(
                queries, keys, values, bias, mask, scale=len(queries) ** -0.5
            ),
            message="The products were divided by the root of another size. The head width is the last axis: "
            "queries.shape[-1].",
        ),
        Mistake(
            answer=lambda queries, keys, values, bias, mask: _read_with(
                queries, keys, values, bias, mask, scale=queries.shape[-1] ** 0.5
            ),
            message="The products were multiplied by the root. Divide.",
        ),
        Mistake(
            answer=lambda queries, keys, values, bias, mask: _read_with(queries, keys, values, bias, ~mask),
            message="The allowed keys got weight 0. True means: may be read.",
        ),
    ),
    otherwise="Print products, scores, weights and result for this input. Which is the first to be wrong?",
    blanks=Blanks(
        code=(
            "products = queries @ keys.transpose(-1, -2)\n"
            "scale = {scale}\n"
            "scores = {scores}\n"
            "weights = {weights}\n"
            "return weights @ values"
        ),
        choices={
            "scale": ("queries.shape[-1] ** 0.5", "queries.shape[-1]", "1", "2"),
            "scores": ("products / scale + bias", "(products + bias) / scale", "products / scale"),
            "weights": (
                "scores.masked_fill(~mask, -math.inf).softmax(dim=-1)",
                "scores.masked_fill(~mask, -math.inf).softmax(dim=-2)",
                "scores.softmax(dim=-1) * mask",
                "scores.softmax(dim=-1)",
            ),
        },
    ),
)


# --- a test for mask and bias that disagree --------------------------------------------------------

Prepared = tuple[Float[Tensor, "n j"], Bool[Tensor, "n j"]]
Prepare = Callable[[int, int, Tensor], Prepared]


def _look_up(table: Tensor, steps: Tensor) -> Tensor:
    return table[steps.clamp(0, len(table) - 1)]


def _prepare(num_slots: int, num_tokens: int, table: Tensor) -> Prepared:
    """a right version, positions counted from the oldest slot"""
    steps = _steps(num_slots, num_tokens)
    return _look_up(table, steps), steps >= 0


def _prepare_from_the_segment(num_slots: int, num_tokens: int, table: Tensor) -> Prepared:
    """a right version, positions counted from the first token, slots below zero"""
    steps = torch.arange(num_tokens)[:, None] - torch.arange(-num_slots, num_tokens)
    return _look_up(table, steps), steps > -1


def _prepare_bias_from_zero(num_slots: int, num_tokens: int, table: Tensor) -> Prepared:
    """the faulty version from the text"""
    steps = _steps(num_slots, num_tokens)
    return _look_up(table, steps - num_slots), steps >= 0


def _prepare_mask_from_zero(num_slots: int, num_tokens: int, table: Tensor) -> Prepared:
    """a faulty version whose mask leaves the memory out of the count"""
    return _look_up(table, _steps(num_slots, num_tokens)), _triangle(num_slots, num_tokens)


def _prepare_bias_one_late(num_slots: int, num_tokens: int, table: Tensor) -> Prepared:
    """a faulty version whose bias is off by one"""
    steps = _steps(num_slots, num_tokens)
    return _look_up(table, steps + 1), steps >= 0


def _prepare_rows_alike(num_slots: int, num_tokens: int, table: Tensor) -> Prepared:
    """a faulty version whose bias takes every token for the first one"""
    steps = _steps(num_slots, num_tokens)
    return _look_up(table, steps[:1].expand_as(steps)), steps >= 0


def _prepare_cases(generator: torch.Generator) -> list[Case]:
    return [
        (prepare,)
        for prepare in (
            _prepare_bias_from_zero,
            _prepare,
            _prepare_from_the_segment,
            _prepare_mask_from_zero,
            _prepare_bias_one_late,
            _prepare_rows_alike,
        )
    ]


def _agree_everywhere(prepare: Prepare) -> bool:
    table = torch.arange(20.0)
    for num_slots, num_tokens in ((0, 3), (1, 1), (3, 2), (5, 4)):
        steps = _steps(num_slots, num_tokens)
        bias, mask = prepare(num_slots, num_tokens, table)
        if not torch.equal(mask, steps >= 0) or not torch.equal(bias[mask], steps[mask].float()):
            return False
    return True


def _agree_along_rows(prepare: Prepare) -> bool:
    bias, mask = prepare(3, 2, torch.arange(10.0))
    rows = [row[allowed].tolist() for row, allowed in zip(bias, mask, strict=True)]
    return all(row == list(reversed(range(len(row)))) for row in rows)


def _judge_without_memory(prepare: Prepare) -> bool:
    bias, mask = prepare(0, 4, torch.arange(10.0))
    rows = [row[allowed].tolist() for row, allowed in zip(bias, mask, strict=True)]
    return all(row == list(reversed(range(len(row)))) for row in rows)


def _judge_by_shape(prepare: Prepare) -> bool:
    bias, mask = prepare(3, 2, torch.arange(10.0))
    return bias.shape == mask.shape


def _judge_by_mask(prepare: Prepare) -> bool:
    return torch.equal(prepare(3, 2, torch.arange(10.0))[1], _steps(3, 2) >= 0)


def _judge_by_bias(prepare: Prepare) -> bool:
    bias, _ = prepare(3, 2, torch.arange(10.0))
    return torch.equal(bias, _steps(3, 2).clamp(min=0).float())


def _judge_by_first_row(prepare: Prepare) -> bool:
    bias, mask = prepare(3, 2, torch.arange(10.0))
    return bool(bias[0][mask[0]].tolist() == [3, 2, 1, 0])


def _judge_future_too(prepare: Prepare) -> bool:
    return torch.equal(prepare(3, 2, torch.arange(10.0))[0], _steps(3, 2).float())


CATCH_DISAGREEMENT = Exercise(
    specification=_agree_everywhere,
    make_cases=_prepare_cases,
    solution=_agree_along_rows,
    mistakes=(
        Mistake(
            answer=_judge_without_memory,
            message="You said yes to a faulty version. Without memory even this one is right. Try some memory slots.",
        ),
        Mistake(
            answer=_judge_by_shape,
            message="You said yes to every version. Their shapes are all right, and a table of equal entries hides "
            "the rest. Take the table torch.arange(10.0) and compare the numbers in bias.",
        ),
        Mistake(
            answer=_judge_by_mask,
            message="You looked at the mask alone, and it is right in this version. Look at the bias of allowed keys.",
        ),
        Mistake(
            answer=_judge_by_bias,
            message="You looked at the bias alone, and in this version the mask is wrong. Look at both.",
        ),
        Mistake(
            answer=_judge_by_first_row,
            message="You looked at the first token alone. In this version it is right, and the others are wrong.",
        ),
        Mistake(
            answer=_judge_future_too,
            message="You said no to a right version. With 3 slots, 2 tokens and torch.arange(10.0), bias[mask] is "
            "3 2 1 0 4 3 2 1 0. Do you compare forbidden keys too, another order, or a table that is too short?",
        ),
        Mistake(
            answer=lambda prepare: not _agree_along_rows(prepare),
            message="Your test works, but its answer is upside down: True where mask and bias are right.",
        ),
    ),
    otherwise="A version whose mask and bias both count the memory must get True, every other one False. Try 3 slots, "
    "2 tokens and the table torch.arange(10.0), and print bias and mask.",
    blanks=Blanks(
        code=(
            "bias, mask = prepare({sizes}, {table})\n"
            "for row, allowed in {rows}:\n"
            "    seen = {seen}.tolist()\n"
            "    if seen != list(reversed(range(len(seen)))):\n"
            "        return False\n"
            "return True"
        ),
        choices={
            "sizes": ("3, 2", "0, 4"),
            "table": ("torch.arange(10.0)", "torch.ones(10)"),
            "rows": ("zip(bias, mask)", "zip(bias[:1], mask[:1])"),
            "seen": ("row[allowed]", "row"),
        },
        function="count_alike",
    ),
)
