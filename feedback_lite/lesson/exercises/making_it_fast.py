"""The exercises of chapter 12: rounds that wait, the way back through a norm, and a test that finds a copy."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from feedback_lite.lesson.exercises.exercise import Case, Exercise, Mistake, normal

EPSILON = 1e-5

# --- rounds that wait ----------------------------------------------------------------------------------------------


def _wait_cases(generator: torch.Generator) -> list[Case]:
    drawn = torch.randint(2, 30, (2, 3), generator=generator).tolist()
    return [(6, 2, 3), (7, 3, 2), (5, 2, 1), (4, 3, 4), (5, 2, 8), *(tuple(row) for row in drawn)]


def _waits_by_walking(num_tokens: int, num_layers: int, cut_every: int) -> int:
    """Let every round take its turn, and every piece's way back begin when the last round is done."""
    forward = sum(1 for _ in range(num_tokens) for _ in range(num_layers))
    pieces = [min(cut_every, num_tokens - first) for first in range(0, num_tokens, cut_every)]
    return forward + max(piece * num_layers for piece in pieces)


WAITS = Exercise(
    specification=_waits_by_walking,
    make_cases=_wait_cases,
    solution=lambda num_tokens, num_layers, cut_every: (num_tokens + min(cut_every, num_tokens)) * num_layers,
    mistakes=(
        Mistake(
            answer=lambda num_tokens, num_layers, cut_every: 2 * num_tokens * num_layers,
            message="You let the pieces wait for one another on the way back. Nothing flows between them there.",
        ),
        Mistake(
            answer=lambda num_tokens, num_layers, cut_every: num_tokens * num_layers,
            message="That is the way forward alone. The way back has its rounds too.",
        ),
        Mistake(
            answer=lambda num_tokens, num_layers, cut_every: 2 * min(cut_every, num_tokens) * num_layers,
            message="You cut the way forward too. But every token reads the memory before it, detached or not.",
        ),
        Mistake(
            answer=lambda num_tokens, num_layers, cut_every: (num_tokens + cut_every) * num_layers,
            message="No piece is longer than the sequence, however large cut_every is.",
        ),
        Mistake(
            answer=lambda num_tokens, num_layers, cut_every: num_tokens + min(cut_every, num_tokens),
            message="These are tokens. Each of them takes a round for every layer.",
        ),
        Mistake(
            answer=lambda num_tokens, num_layers, cut_every: num_tokens * num_layers + min(cut_every, num_tokens),
            message="On the way back, too, each token takes a round for every layer.",
        ),
        Mistake(
            answer=lambda num_tokens, num_layers, cut_every: (
                num_tokens * num_layers + -(-num_tokens // cut_every) * num_layers
            ),
            message="You counted the pieces on the way back. The longest one counts: the others are done by then.",
        ),
        Mistake(
            answer=lambda num_tokens, num_layers, cut_every: (
                (num_tokens + ((num_tokens - 1) % cut_every + 1)) * num_layers
            ),
            message="You took the last piece, and it may be shorter than the others. The longest one decides.",
        ),
    ),
    otherwise="Add the rounds forward, which all wait, to those of the longest piece back.",
)


# --- the way back through a norm -----------------------------------------------------------------------------------


def _norm_cases(generator: torch.Generator) -> list[Case]:
    shapes = ((1, 3), (2, 4), (4, 4), (3, 8))
    return [
        (2 * normal(*shape, generator=generator) + 1, normal(*shape, generator=generator) + 0.5) for shape in shapes
    ]


def norm_backward_by_autograd(x: Float[Tensor, "b d"], to_normed: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    """Let PyTorch go back through the norm."""
    given = x.double().requires_grad_()
    normed = torch.layer_norm(given, given.shape[-1:], eps=EPSILON)
    return torch.autograd.grad(normed, given, to_normed.double())[0]


def _norm_backward(x: Tensor, to_normed: Tensor) -> Tensor:
    deviation = (x.var(dim=-1, correction=0, keepdim=True) + EPSILON).sqrt()
    normed = (x - x.mean(dim=-1, keepdim=True)) / deviation
    along = (to_normed * normed).mean(dim=-1, keepdim=True)
    return (to_normed - to_normed.mean(dim=-1, keepdim=True) - normed * along) / deviation


def _norm_parts(x: Tensor, *, correction: int = 0) -> tuple[Tensor, Tensor]:
    deviation = (x.var(dim=-1, correction=correction, keepdim=True) + EPSILON).sqrt()
    return (x - x.mean(dim=-1, keepdim=True)) / deviation, deviation


def _norm_deviation_fixed(x: Tensor, to_normed: Tensor) -> Tensor:
    return (to_normed - to_normed.mean(dim=-1, keepdim=True)) / _norm_parts(x)[1]


def _norm_mean_fixed(x: Tensor, to_normed: Tensor) -> Tensor:
    normed, deviation = _norm_parts(x)
    return (to_normed - normed * (to_normed * normed).mean(dim=-1, keepdim=True)) / deviation


def _norm_without_scale(x: Tensor, to_normed: Tensor) -> Tensor:
    return _norm_backward(x, to_normed) * _norm_parts(x)[1]


def _norm_summed(x: Tensor, to_normed: Tensor) -> Tensor:
    normed, deviation = _norm_parts(x)
    along = (to_normed * normed).sum(dim=-1, keepdim=True)
    return (to_normed - to_normed.sum(dim=-1, keepdim=True) - normed * along) / deviation


def _norm_over_rows(x: Tensor, to_normed: Tensor) -> Tensor:
    normed, deviation = _norm_parts(x)
    return (to_normed - to_normed.mean() - normed * (to_normed * normed).mean()) / deviation


def _norm_with_x(x: Tensor, to_normed: Tensor) -> Tensor:
    _, deviation = _norm_parts(x)
    along = (to_normed * x).mean(dim=-1, keepdim=True)
    return (to_normed - to_normed.mean(dim=-1, keepdim=True) - x * along) / deviation


def _norm_unbiased(x: Tensor, to_normed: Tensor) -> Tensor:
    normed, deviation = _norm_parts(x, correction=1)
    along = (to_normed * normed).mean(dim=-1, keepdim=True)
    return (to_normed - to_normed.mean(dim=-1, keepdim=True) - normed * along) / deviation


def _norm_multiplied(x: Tensor, to_normed: Tensor) -> Tensor:
    return _norm_backward(x, to_normed) * _norm_parts(x)[1] ** 2


NORM_BACKWARD = Exercise(
    specification=norm_backward_by_autograd,
    make_cases=_norm_cases,
    solution=_norm_backward,
    mistakes=(
        Mistake(
            answer=lambda x, to_normed: to_normed / _norm_parts(x)[1],
            message="You took mean and deviation for constants. Both depend on every number of x.",
        ),
        Mistake(
            answer=_norm_deviation_fixed,
            message="The mean is in, the deviation is still taken for a constant: normed * mean(to_normed * normed) is "
            "missing.",
        ),
        Mistake(
            answer=_norm_mean_fixed,
            message="The deviation is in, the mean is still taken for a constant: mean(to_normed) is missing.",
        ),
        Mistake(
            answer=_norm_without_scale,
            message="All of it still has to be divided by the deviation.",
        ),
        Mistake(
            answer=_norm_multiplied,
            message="The deviation divides, on the way back as on the way forward.",
        ),
        Mistake(
            answer=_norm_summed,
            message="Two means are needed, and you took sums.",
        ),
        Mistake(
            answer=_norm_over_rows,
            message="Your means run over the rows as well. Every row is normed by itself: dim=-1, keepdim=True.",
        ),
        Mistake(
            answer=_norm_with_x,
            message="The last term has the normed vector in it, twice, and not x.",
        ),
        Mistake(
            answer=_norm_unbiased,
            message="`var` and `std` divide by d - 1 unless told otherwise. The norm divides by d: correction=0.",
        ),
    ),
    otherwise="Hold each of the three terms against the formula: to_normed, its mean, and normed * mean(to_normed * "
    "normed), all divided by the deviation.",
)


# --- a test that finds a copy --------------------------------------------------------------------------------------


def _into_its_place(memory: Tensor, slot: Tensor, place: int) -> Tensor:
    """writes the new slot into its place, and nothing else"""
    memory[:, place] = slot
    return memory


def _into_a_view(memory: Tensor, slot: Tensor, place: int) -> Tensor:
    """writes the new slot into its place, and returns a view of the whole memory"""
    memory.select(1, place).copy_(slot)
    return memory[:, :]


def _by_cat(memory: Tensor, slot: Tensor, place: int) -> Tensor:
    """lays the old slots but one, and the new one, in a new tensor"""
    return torch.cat((memory[:, 1:], slot[:, None]), dim=1)


def _into_a_clone(memory: Tensor, slot: Tensor, place: int) -> Tensor:
    """clones the memory, and writes into the clone"""
    memory = memory.clone()
    memory[:, place] = slot
    return memory


def _by_moving(memory: Tensor, slot: Tensor, place: int) -> Tensor:
    """moves all old slots by one place within the memory"""
    memory[:, :-1] = memory[:, 1:].clone()
    memory[:, -1] = slot
    return memory


def _copy_cases(generator: torch.Generator) -> list[Case]:
    return [(write,) for write in (_into_its_place, _by_cat, _into_a_clone, _by_moving, _into_a_view)]


Write = Callable[[Tensor, Tensor, int], Tensor]


def _tried(write: Write, *, slots: int = 5, place: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Return the memory as it was, the tensor that held it, and what came back."""
    memory = torch.arange(2.0 * slots).reshape(1, slots, 2) + 1
    before = memory.clone()
    return before, memory, write(memory, torch.zeros(1, 2), place)


def _moved(write: Write) -> int:
    """Return how many slots have other numbers than before."""
    before, _, after = _tried(write)
    return int((before != after).any(dim=-1).sum())


def _elsewhere(write: Write) -> bool:
    """Return whether what came back lies elsewhere."""
    _, memory, after = _tried(write)
    return memory.data_ptr() != after.data_ptr()


def _touches_old_slots(write: Write) -> bool:
    """Mark every old slot with NaN where it lies once the write is done: what came back must be marked too."""
    before, memory, after = _tried(write)
    untouched = (before == after).all(dim=-1).sum() == before.shape[1] - 1
    memory.fill_(float("nan"))
    return not (untouched and bool(after.isnan().all()))


FIND_COPY = Exercise(
    specification=_touches_old_slots,
    make_cases=_copy_cases,
    solution=lambda write: _elsewhere(write) or _moved(write) > 1,
    mistakes=(
        Mistake(
            answer=_elsewhere,
            message="You said no to a write that stays in the same tensor and moves every old slot in it. Count the "
            "slots that have other numbers than before.",
        ),
        Mistake(
            answer=lambda write: _moved(write) > 1,
            message="You said no to a write that changes one slot, in a copy of all. Where does the result lie?",
        ),
        Mistake(
            answer=lambda write: (lambda tried: tried[1] is not tried[2])(_tried(write)),
            message="`is` asks for the same Python object. A view is another object on the same numbers, and a tensor "
            "may stay the same object while all in it moves. Compare data_ptr(), and count the slots that changed.",
        ),
        Mistake(
            answer=lambda write: (lambda tried: tried[1] is not tried[2])(_tried(write)) or _moved(write) > 1,
            message="You said yes to a write that returns a view: another Python object, the same numbers in the same "
            "place. Compare data_ptr().",
        ),
        Mistake(
            answer=lambda write: not (_elsewhere(write) or _moved(write) > 1),
            message="The other way round: True for a write that copies.",
        ),
        Mistake(
            answer=lambda write: True,
            message="You said yes to every write, also to those that touch one slot alone: a new slot has to go somewhere.",
        ),
        Mistake(
            answer=lambda write: False,
            message="You said no to every write. Some of them copy: what is true of the result of `cat`?",
        ),
    ),
    otherwise="True for a write that returns another tensor or changes more than one slot, False for the others.",
)
