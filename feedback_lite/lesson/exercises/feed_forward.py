"""The exercises of chapter 07: gelu, the gate, counting, the block, and a test that catches swapped halves."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from feedback_lite.lesson.exercises.exercise import Blanks, Case, Exercise, Mistake, normal

# --- gelu ------------------------------------------------------------------------------------------


def _gelu_cases(generator: torch.Generator) -> list[Case]:
    near_the_gap = torch.tensor([-2.7, -0.75, 0.0, 0.5])  # here the usual approximations differ most
    return [(near_the_gap,), (normal(5, generator=generator),), (normal(2, 3, 4, generator=generator),)]


def _gelu_of(number: float) -> float:
    return number * 0.5 * (1 + math.erf(number / math.sqrt(2)))


def _gelu_by_hand(gate: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    return torch.tensor([_gelu_of(number) for number in gate.flatten().tolist()]).reshape(gate.shape)


GELU = Exercise(
    specification=_gelu_by_hand,
    make_cases=_gelu_cases,
    solution=lambda gate: gate * 0.5 * (1 + torch.erf(gate / math.sqrt(2))),
    mistakes=(
        Mistake(
            answer=lambda gate: 0.5 * (1 + torch.erf(gate / math.sqrt(2))),
            message="This is the probability alone. gelu is the gate times this probability.",
        ),
        Mistake(
            answer=lambda gate: gate * 0.5 * (1 + torch.erf(gate)),
            message="The gate must be divided by the square root of two inside erf.",
        ),
        Mistake(
            answer=lambda gate: gate * 0.5 * torch.erf(gate / math.sqrt(2)),
            message="erf runs from -1 to 1. Add 1 to it before you halve it, so that it runs from 0 to 1.",
        ),
        Mistake(
            answer=lambda gate: gate * (1 + torch.erf(gate / math.sqrt(2))),
            message="Twice too large: 1 + erf(...) runs from 0 to 2 and has to be halved.",
        ),
        Mistake(
            answer=lambda gate: F.gelu(gate, approximate="tanh"),
            message="This is the approximation with tanh. Asked is the exact form, with erf.",
        ),
        Mistake(
            answer=lambda gate: gate.relu(),
            message="This is ReLU. A slightly negative gate must let a little through, with the sign turned.",
        ),
    ),
    blanks=Blanks(
        code="curve = {curve}\nprobability = {probability}\nreturn {result}",
        choices={
            "curve": ("torch.erf(gate / math.sqrt(2))", "torch.erf(gate)", "torch.tanh(gate)"),
            "probability": ("0.5 * (1 + curve)", "0.5 * curve", "1 + curve"),
            "result": ("gate * probability", "probability"),
        },
        function="my_gelu",
    ),
)


# --- the gate --------------------------------------------------------------------------------------


def _doubled_cases(generator: torch.Generator) -> list[Case]:
    return [(normal(*shape, generator=generator),) for shape in ((4,), (2, 6), (4, 2, 10), (2, 0, 8))]


def _geglu_by_hand(doubled: Float[Tensor, "... ff2"]) -> Float[Tensor, "... ff"]:
    rows = doubled.reshape(-1, doubled.shape[-1]).tolist()
    half = doubled.shape[-1] // 2
    gated = [[row[unit] * _gelu_of(row[half + unit]) for unit in range(half)] for row in rows]
    return torch.tensor(gated, dtype=doubled.dtype).reshape(*doubled.shape[:-1], half)


def _geglu(doubled: Float[Tensor, "... ff2"]) -> Float[Tensor, "... ff"]:
    """a right gate"""
    value, gate = doubled.chunk(2, dim=-1)
    return value * F.gelu(gate)


def _swapped(doubled: Float[Tensor, "... ff2"]) -> Float[Tensor, "... ff"]:
    """the faulty version from the text, with the halves swapped"""
    gate, value = doubled.chunk(2, dim=-1)
    return value * F.gelu(gate)


def _without_gelu(doubled: Float[Tensor, "... ff2"]) -> Float[Tensor, "... ff"]:
    """a faulty version that multiplies the halves without gelu"""
    value, gate = doubled.chunk(2, dim=-1)
    return value * gate


def _alternating(doubled: Float[Tensor, "... ff2"]) -> Float[Tensor, "... ff"]:
    value, gate = rearrange(doubled, "... (ff two) -> two ... ff", two=2)
    return value * F.gelu(gate)


_SWAPPED = "The halves are swapped: the first half holds the values, the second the gates, and gelu is for the gates."
_NO_GELU = "The gates were multiplied in as they are. Put them through gelu first."

GATE = Exercise(
    specification=_geglu_by_hand,
    make_cases=_doubled_cases,
    solution=_geglu,
    mistakes=(
        Mistake(answer=_swapped, message=_SWAPPED),
        Mistake(answer=_without_gelu, message=_NO_GELU),
        Mistake(
            answer=_alternating,
            message="Every other number was taken. The values stand together in the first half, the gates behind.",
        ),
        Mistake(
            answer=lambda doubled: F.gelu(_without_gelu(doubled)),
            message="gelu was taken of the product. It belongs to the gates alone, before the product.",
        ),
        Mistake(
            answer=lambda doubled: F.gelu(doubled).chunk(2, dim=-1)[0] * F.gelu(doubled).chunk(2, dim=-1)[1],
            message="gelu was taken of both halves. The values go in as they are.",
        ),
        Mistake(
            answer=lambda doubled: F.glu(doubled, dim=-1),
            message="F.glu uses a sigmoid. Here the gates go through gelu.",
        ),
        Mistake(
            answer=lambda doubled: F.gelu(doubled),
            message="The vector still has both halves. Cut it in the middle and multiply half by half.",
        ),
        Mistake(
            answer=lambda doubled: (
                doubled.chunk(2, dim=-1)[0] * F.gelu(doubled.chunk(2, dim=-1)[1], approximate="tanh")
            ),
            message="This is nearly right: gelu by the approximation with tanh. Asked is the exact form, F.gelu(gate).",
        ),
        Mistake(
            answer=lambda doubled: doubled.chunk(2, dim=0)[0] * F.gelu(doubled.chunk(2, dim=0)[1]),
            message="The first axis was cut. The halves lie on the last axis: dim=-1.",
        ),
    ),
    blanks=Blanks(
        code="front, back = {halves}\nvalue, gate = {order}\nreturn {result}",
        choices={
            "halves": (
                "doubled.chunk(2, dim=-1)",
                "doubled.chunk(2, dim=0)",
                "(doubled[..., 0::2], doubled[..., 1::2])",
            ),
            "order": ("front, back", "back, front"),
            "result": ("value * F.gelu(gate)", "value * gate", "F.gelu(value * gate)", "F.gelu(value) * F.gelu(gate)"),
        },
        function="my_geglu",
    ),
)


# --- the block -------------------------------------------------------------------------------------

Part = Callable[[Tensor], Tensor]


def _turn(vectors: Tensor) -> Tensor:
    """a stand-in for attention"""
    return vectors.flip(-1) + 0.5


def _square(vectors: Tensor) -> Tensor:
    """a stand-in for the feed-forward layer"""
    return 0.5 * vectors**2 - 0.25


def _norm_of_attention(vectors: Tensor) -> Tensor:
    """the norm before attention"""
    return F.layer_norm(vectors, vectors.shape[-1:]) + 0.1


def _norm_of_feedforward(vectors: Tensor) -> Tensor:
    """the norm before the feed-forward layer"""
    return 2 * F.layer_norm(vectors, vectors.shape[-1:])


def _block_cases(generator: torch.Generator) -> list[Case]:
    parts = (_turn, _square, _norm_of_attention, _norm_of_feedforward)
    return [(3 * normal(*shape, generator=generator) + 1, *parts) for shape in ((3,), (1, 1, 4), (2, 3, 5))]


def _block_by_hand(
    hidden: Tensor, attention: Part, feedforward: Part, attention_norm: Part, feedforward_norm: Part
) -> Tensor:
    vectors = []
    for vector in hidden.reshape(-1, hidden.shape[-1]):
        read = attention(attention_norm(vector))
        between = torch.stack([old + new for old, new in zip(vector, read, strict=True)])
        change = feedforward(feedforward_norm(between))
        vectors.append(torch.stack([old + new for old, new in zip(between, change, strict=True)]))
    return torch.stack(vectors).reshape(hidden.shape)


def _block(hidden: Tensor, attention: Part, feedforward: Part, attention_norm: Part, feedforward_norm: Part) -> Tensor:
    hidden = hidden + attention(attention_norm(hidden))
    return hidden + feedforward(feedforward_norm(hidden))


def _norm_on_both_ways(
    hidden: Tensor, attention: Part, feedforward: Part, attention_norm: Part, feedforward_norm: Part
) -> Tensor:
    hidden = attention_norm(hidden)
    hidden = feedforward_norm(hidden + attention(hidden))
    return hidden + feedforward(hidden)


def _post_norm(
    hidden: Tensor, attention: Part, feedforward: Part, attention_norm: Part, feedforward_norm: Part
) -> Tensor:
    hidden = attention_norm(hidden + attention(hidden))
    return feedforward_norm(hidden + feedforward(hidden))


def _without_residual(
    hidden: Tensor, attention: Part, feedforward: Part, attention_norm: Part, feedforward_norm: Part
) -> Tensor:
    return feedforward(feedforward_norm(attention(attention_norm(hidden))))


def _side_by_side(
    hidden: Tensor, attention: Part, feedforward: Part, attention_norm: Part, feedforward_norm: Part
) -> Tensor:
    return hidden + attention(attention_norm(hidden)) + feedforward(feedforward_norm(hidden))


def _first_input_twice(
    hidden: Tensor, attention: Part, feedforward: Part, attention_norm: Part, feedforward_norm: Part
) -> Tensor:
    read = attention(attention_norm(hidden))
    return hidden + feedforward(feedforward_norm(hidden + read))


PRE_NORM_BLOCK = Exercise(
    specification=_block_by_hand,
    make_cases=_block_cases,
    solution=_block,
    mistakes=(
        Mistake(
            answer=_norm_on_both_ways,
            message="The way around was normalised too. Normalise only what goes into a part, and add its result to "
            "the vector as it was before the norm.",
        ),
        Mistake(
            answer=_post_norm,
            message="This is post-norm: the norm comes after each sum. Here it comes before each part.",
        ),
        Mistake(
            answer=_without_residual,
            message="The residual is missing: add each part's result to the vector that went around the part.",
        ),
        Mistake(
            answer=_side_by_side,
            message="The feed-forward layer read the vector from before attention. It must read the first sum.",
        ),
        Mistake(
            answer=_first_input_twice,
            message="What attention found is lost at the end: the second sum must start from the result of the first.",
        ),
        Mistake(
            answer=lambda hidden, attention, feedforward, attention_norm, feedforward_norm: _block(
                hidden, attention, feedforward, attention_norm, attention_norm
            ),
            message="The same norm was used twice. Each part has a norm of its own.",
        ),
        Mistake(
            answer=lambda hidden, attention, feedforward, attention_norm, feedforward_norm: _block(
                hidden, attention, feedforward, torch.Tensor.clone, torch.Tensor.clone
            ),
            message="Nothing was normalised. Put a norm around what goes into each part.",
        ),
    ),
    otherwise="Two sums, one for each part. Each adds part(norm(hidden)) to hidden.",
    blanks=Blanks(
        code="read = {read}\nfirst = {first}\nchange = {change}\nreturn {result}",
        choices={
            "read": ("attention(attention_norm(hidden))", "attention(hidden)"),
            "first": ("hidden + read", "read", "attention_norm(hidden) + read"),
            "change": (
                "feedforward(feedforward_norm(first))",
                "feedforward(first)",
                "feedforward(attention_norm(first))",
                "feedforward(feedforward_norm(hidden))",
            ),
            "result": ("first + change", "hidden + change", "change"),
        },
        function="my_block",
    ),
)


# --- a test that catches swapped halves --------------------------------------------------------------


def _geglu_with_erf(doubled: Float[Tensor, "... ff2"]) -> Float[Tensor, "... ff"]:
    """a right gate, written with erf"""
    half = doubled.shape[-1] // 2
    value, gate = doubled[..., :half], doubled[..., half:]
    return value * gate * 0.5 * (1 + torch.erf(gate / math.sqrt(2)))


def _gate_cases(generator: torch.Generator) -> list[Case]:
    return [(gated,) for gated in (_swapped, _geglu, _geglu_with_erf, _without_gelu)]


def _is_geglu(gated: Callable[[Tensor], Tensor]) -> bool:
    doubled = torch.tensor([[2.0, -3.0, 1.0, -1.0]])
    return torch.allclose(gated(doubled), _geglu_by_hand(doubled), atol=1e-4)


def _a_shut_gate_lets_nothing_through(gated: Callable[[Tensor], Tensor]) -> bool:
    values, gates = torch.tensor([2.0, -3.0]), torch.tensor([-20.0, -20.0])
    return torch.allclose(gated(torch.cat((values, gates))), torch.zeros(2), atol=1e-4)


def _zero_value(gated: Callable[[Tensor], Tensor]) -> bool:
    return torch.allclose(gated(torch.cat((torch.zeros(3), torch.randn(3)))), torch.zeros(3), atol=1e-4)


def _values_are_scaled(gated: Callable[[Tensor], Tensor]) -> bool:
    value, gate = torch.tensor([1.5, -0.7]), torch.tensor([-0.4, 0.8])
    once, twice = gated(torch.cat((value, gate))), gated(torch.cat((2 * value, gate)))
    return torch.allclose(twice, 2 * once, atol=1e-4)


def _equal_halves(gated: Callable[[Tensor], Tensor]) -> bool:
    half = torch.tensor([0.5, 1.5, -2.0])
    return torch.allclose(gated(torch.cat((half, half))), half * F.gelu(half), atol=1e-4)


CATCH_SWAPPED_HALVES = Exercise(
    specification=_is_geglu,
    make_cases=_gate_cases,
    solution=_a_shut_gate_lets_nothing_through,
    mistakes=(
        Mistake(
            answer=_zero_value,
            message="You said yes to a faulty version. Its shape is right too, and there too a half of zeros gives "
            "zeros. Look for a fact that holds for gates and not for values.",
        ),
        Mistake(
            answer=_values_are_scaled,
            message="Doubling the values must double the result: right. But a product without gelu passes this test "
            "as well. Try something that only gelu does, such as shutting a gate.",
        ),
        Mistake(
            answer=_equal_halves,
            message="Your two halves are equal, so swapping them changes nothing. Make them different.",
        ),
        Mistake(
            answer=lambda gated: False,
            message="You said no to a right gate. Compare with torch.allclose(a, b, atol=1e-4), and let gelu compute "
            "what you expect: numbers rounded to two digits are too far off.",
        ),
    ),
    otherwise="A right gate must get True and a faulty one False. Which fact holds for a gate and not for a value?",
    blanks=Blanks(
        code=(
            "values, gates = {values}, {gates}\n"
            "passes = gated(torch.cat((values, gates)))\n"
            "return torch.allclose(passes, {expected}, atol=1e-4)"
        ),
        choices={
            "values": ("torch.tensor([2.0, -3.0])", "torch.zeros(2)", "torch.tensor([-20.0, -20.0])"),
            "gates": ("torch.tensor([-20.0, -20.0])", "torch.tensor([1.0, -1.0])", "torch.tensor([2.0, -3.0])"),
            "expected": ("torch.zeros(2)", "values * F.gelu(gates)", "values * gates", "gates * F.gelu(values)"),
        },
        function="behaves",
    ),
)
