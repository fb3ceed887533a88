"""The exercises of chapter 11: accuracy where there are answers, the learning rate, one update, and a faulty loop."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from feedback_lite.lesson.exercises.exercise import Case, Exercise, Mistake
from feedback_lite.tasks import IGNORED

Numbers = Int[Tensor, "b t"]
Table = Float[Tensor, "words answers"]

# --- accuracy where there is an answer ---------------------------------------------------------------------------


def _answer_cases(generator: torch.Generator) -> list[Case]:
    def drawn(rows: int, length: int) -> Case:
        answers, targets = torch.randint(3, (2, rows, length), generator=generator)
        silent = torch.rand(rows, length, generator=generator) < 0.5
        silent[:, 0], silent[:, 1] = True, False
        return answers, targets.masked_fill(silent, IGNORED)

    example = torch.tensor([[0, 1, 2, 2], [1, 1, 0, 2]]), torch.tensor([[IGNORED, 1, 2, 0], [IGNORED, IGNORED, 0, 1]])
    return [example, drawn(1, 5), drawn(3, 4), drawn(4, 7)]


def _share_in_loops(answers: Numbers, targets: Numbers) -> float:
    right = asked = 0
    for given, wanted in zip(answers.tolist(), targets.tolist(), strict=True):
        for answer, target in zip(given, wanted, strict=True):
            if target != IGNORED:
                asked += 1
                right += answer == target
    return right / asked


def _share_right(answers: Numbers, targets: Numbers) -> float:
    return (answers == targets)[targets != IGNORED].double().mean().item()


def _mean_of_rows(answers: Numbers, targets: Numbers) -> float:
    rows = [(answers[row : row + 1], targets[row : row + 1]) for row in range(len(answers))]
    return sum(_share_right(*row) for row in rows) / len(rows)


SHARE_RIGHT = Exercise(
    specification=_share_in_loops,
    make_cases=_answer_cases,
    solution=_share_right,
    mistakes=(
        Mistake(
            answer=lambda answers, targets: (answers == targets).double().mean().item(),
            message="Positions with the target -100 counted as wrong. They ask for nothing: leave them out.",
        ),
        Mistake(
            answer=lambda answers, targets: ((answers == targets) | (targets == IGNORED)).double().mean().item(),
            message="Positions with the target -100 counted as right. They ask for nothing: leave them out.",
        ),
        Mistake(
            answer=lambda answers, targets: (answers == targets).sum().item(),
            message="This is how many answers are right. Divide by the number of targets that are not -100.",
        ),
        Mistake(
            answer=lambda answers, targets: (answers == targets)[targets != IGNORED].all().double().item(),
            message="This is 1 only where all answers are right, and 0 elsewhere. The share of right ones was asked: "
            "divide with `/`, not with `//`.",
        ),
        Mistake(
            answer=lambda answers, targets: (answers != targets)[targets != IGNORED].double().mean().item(),
            message="This is the share of wrong answers.",
        ),
        Mistake(
            answer=lambda answers, targets: 100 * _share_right(answers, targets),
            message="This is in percent. A share lies between 0 and 1.",
        ),
        Mistake(
            answer=_mean_of_rows,
            message="This is a share for each row, then the mean of the rows. A row with few answers so counts as much "
            "as one with many. Take one share over all answers.",
        ),
    ),
    otherwise="Two counts are enough: the targets that are not -100, and how many of those are answered right.",
    error_hints={
        "could not infer output dtype": "True and false have no mean. Make numbers of them: `.double().mean()`."
    },
)


# --- the learning rate, update by update -------------------------------------------------------------------------


def _schedule_cases(generator: torch.Generator) -> list[Case]:
    # updates done, updates in all, updates of the warm-up, share at the end
    steps = torch.randint(50, 400, (3,), generator=generator).tolist()
    places = torch.rand(3, generator=generator).tolist()
    drawn = [(int(place * step), step, step // 4, 0.1) for step, place in zip(steps, places, strict=True)]
    fixed = [(0, 300, 100, 0.05), (24, 300, 100, 0.05), (99, 300, 100, 0.05), (100, 300, 100, 0.05)]
    return [*fixed, (200, 300, 100, 0.05), (299, 300, 100, 0.05), (30, 120, 40, 0.0), *drawn]


def _share_by_stages(done: int, steps: int, warmup: int, final: float) -> float:
    """Walks down the cosine in degrees."""
    if done < warmup:
        return math.fsum([1 / warmup] * (done + 1))
    angle = 180 * (done - warmup) / (steps - warmup)
    height = (math.cos(math.radians(angle)) + 1) / 2
    return final * (1 - height) + height


def _share(
    done: int,
    steps: int,
    warmup: int,
    final: float,
    *,
    shift: int = 1,
    after: int | None = None,
    fall: Callable[[float], float] = lambda way: 0.5 * (1 + math.cos(math.pi * way)),
) -> float:
    """Return the share of the highest learning rate, right as it stands and wrong with other arguments by name."""
    if done < warmup:
        return (done + shift) / warmup
    start = warmup if after is None else after
    return final + (1 - final) * fall((done - start) / (steps - start))


def _share_right_written(done: int, steps: int, warmup: int, final: float) -> float:
    return _share(done, steps, warmup, final)


LEARNING_RATE = Exercise(
    specification=_share_by_stages,
    make_cases=_schedule_cases,
    solution=_share_right_written,
    mistakes=(
        Mistake(
            answer=lambda done, steps, warmup, final: _share(done, steps, warmup, final, shift=0),
            message="The warm-up starts at 0, so the first update changes nothing. The first update, done = 0, gets "
            "1 / warmup, and the last one of the warm-up gets 1.",
        ),
        Mistake(
            answer=lambda done, steps, warmup, final: _share(done, steps, warmup, final, after=0),
            message="After the warm-up there is a jump: the cosine has begun at the first update of all. Count its "
            "updates from the end of the warm-up.",
        ),
        Mistake(
            answer=lambda done, steps, warmup, final: _share(done, steps, warmup, 0.0),
            message="The cosine ends at 0 here. It is to end at `final`.",
        ),
        Mistake(
            answer=lambda done, steps, warmup, final: _share(done, steps, warmup, final, fall=lambda way: 1 - way),
            message="This falls along a straight line. Use the cosine: (1 + cos(pi * way)) / 2 goes from 1 to 0.",
        ),
        Mistake(
            answer=lambda done, steps, warmup, final: _share(done, max(steps, warmup + 1), 0, final),
            message="The warm-up is missing: while `done` is below `warmup`, the share grows.",
        ),
        Mistake(
            answer=lambda done, steps, warmup, final: (
                (done + 1) / warmup if done < warmup else final + _share(done, steps, warmup, 0.0)
            ),
            message="The cosine is lifted by `final`, so it begins above 1. It is to go from 1 to `final`: squeeze it "
            "by the factor 1 - final first.",
        ),
        Mistake(
            answer=lambda done, steps, warmup, final: (
                (done + 1) / warmup if done <= warmup else _share(done, steps, warmup, final)
            ),
            message="The warm-up has one update too many. `done` counts from 0, so it lasts while `done < warmup`.",
        ),
        Mistake(
            answer=lambda done, steps, warmup, final: (
                (done + 1) / warmup
                if done < warmup
                else final + (1 - final) * 0.5 * (1 + math.cos(math.pi * (done - warmup) / steps))
            ),
            message="The cosine does not get to its end. Its way is `steps - warmup` updates long.",
        ),
        Mistake(
            answer=lambda done, steps, warmup, final: _share(
                done, steps, warmup, final, fall=lambda way: 0.5 * (1 - math.cos(math.pi * way))
            ),
            message="After the warm-up this begins at the bottom and rises. Use 1 + cos, which falls.",
        ),
        Mistake(
            answer=lambda done, steps, warmup, final: (
                (done + 1) / warmup if done < warmup else max(final, _share(done, steps, warmup, 0.0))
            ),
            message="The cosine falls to 0 and is cut off at `final`. Squeeze the whole curve between 1 and `final`.",
        ),
    ),
    otherwise="Which share has the first update, the last one of the warm-up, and the one half-way down the cosine?",
)


# --- one update -------------------------------------------------------------------------------------------------


def _examples(generator: torch.Generator, *, rows: int = 3, length: int = 4, answers: int = 5) -> tuple[Tensor, Tensor]:
    """Draw tokens and targets, some positions without an answer; there are six words to read."""
    tokens = torch.randint(6, (rows, length), generator=generator)
    targets = torch.randint(answers, (rows, length), generator=generator)
    silent = torch.rand(rows, length, generator=generator) < 0.3
    silent[:, 0], silent[:, -1] = True, False
    return tokens, targets.masked_fill(silent, IGNORED)


def _update_cases(generator: torch.Generator) -> list[Case]:
    table = torch.zeros(2, 3), torch.tensor([[0, 1]]), torch.tensor([[IGNORED, 2]])
    cases: list[Case] = [(*table, 0.5, 10.0)]
    for learning_rate, max_norm in [(0.5, 0.1), (2.0, 10.0), (1.0, 0.05), (0.1, 1.0)]:
        cases.append((torch.randn(6, 5, generator=generator), *_examples(generator), learning_rate, max_norm))
    return cases


def _update_by_hand(
    table: Table, tokens: Numbers, targets: Numbers, learning_rate: float, max_norm: float
) -> Float[Tensor, "words answers"]:
    """Knows the gradient of the cross-entropy: the probability, less one for the right answer."""
    rows = table.double().tolist()
    asked = [
        (token, target)
        for words, wanted in zip(tokens.tolist(), targets.tolist(), strict=True)
        for token, target in zip(words, wanted, strict=True)
        if target != IGNORED
    ]
    gradient = [[0.0] * len(row) for row in rows]
    for token, target in asked:
        total = math.fsum(math.exp(logit) for logit in rows[token])
        for answer, logit in enumerate(rows[token]):
            gradient[token][answer] += (math.exp(logit) / total - (answer == target)) / len(asked)
    norm = math.sqrt(math.fsum(number**2 for row in gradient for number in row))
    shrink = min(1.0, max_norm / norm)
    return torch.tensor(
        [
            [number - learning_rate * shrink * slope for number, slope in zip(*pair, strict=True)]
            for pair in zip(rows, gradient, strict=True)
        ]
    )


def _gradient(
    table: Table,
    tokens: Numbers,
    targets: Numbers,
    *,
    reduction: str = "mean",
    ignored: int = IGNORED,
) -> Float[Tensor, "words answers"]:
    with torch.enable_grad():
        leaf = table.detach().clone().requires_grad_()
        loss = F.cross_entropy(leaf[tokens].flatten(0, 1), targets.flatten(), reduction=reduction, ignore_index=ignored)
        return torch.autograd.grad(loss, leaf)[0]


def _shrunk(gradient: Table, max_norm: float) -> Float[Tensor, "words answers"]:
    return gradient * min(1.0, max_norm / gradient.norm().item())


def _update(
    table: Table, tokens: Numbers, targets: Numbers, learning_rate: float, max_norm: float
) -> Float[Tensor, "words answers"]:
    return table - learning_rate * _shrunk(_gradient(table, tokens, targets), max_norm)


def _update_with(
    change: Callable[[Table, Numbers, Numbers, float], Tensor],
) -> Callable[..., Tensor]:
    """Return an update that subtracts what ``change`` makes of table, tokens, targets and ``max_norm``."""

    def update(table: Table, tokens: Numbers, targets: Numbers, learning_rate: float, max_norm: float) -> Tensor:
        return table - learning_rate * change(table, tokens, targets, max_norm)

    return update


def _mean_over_all(table: Table, tokens: Numbers, targets: Numbers, max_norm: float) -> Tensor:
    return _shrunk(_gradient(table, tokens, targets, reduction="sum") / targets.numel(), max_norm)


def _softmax_twice(table: Table, tokens: Numbers, targets: Numbers, max_norm: float) -> Tensor:
    with torch.enable_grad():
        leaf = table.detach().clone().requires_grad_()
        probabilities = leaf[tokens].softmax(dim=-1)
        loss = F.cross_entropy(probabilities.flatten(0, 1), targets.flatten())
        return _shrunk(torch.autograd.grad(loss, leaf)[0], max_norm)


def _each_row_clipped(table: Table, tokens: Numbers, targets: Numbers, max_norm: float) -> Tensor:
    rows = _gradient(table, tokens, targets)[:, None]
    return torch.cat([_shrunk(row, max_norm) if row.any() else row for row in rows])


def _mean_of_means(table: Table, tokens: Numbers, targets: Numbers, max_norm: float) -> Tensor:
    pairs = zip(tokens, targets, strict=True)
    asked = [(words[None], wanted[None]) for words, wanted in pairs if bool((wanted != IGNORED).any())]
    return _shrunk(torch.stack([_gradient(table, *pair) for pair in asked]).mean(dim=0), max_norm)


ONE_UPDATE = Exercise(
    specification=_update_by_hand,
    make_cases=_update_cases,
    solution=_update,
    mistakes=(
        Mistake(
            answer=_update_with(lambda table, tokens, targets, max_norm: _gradient(table, tokens, targets)),
            message="The gradient was not clipped. Where its norm is above `max_norm`, scale it down to `max_norm`.",
        ),
        Mistake(
            answer=_update_with(
                lambda table, tokens, targets, max_norm: _gradient(table, tokens, targets).clamp(-max_norm, max_norm)
            ),
            message="Each number was clipped by itself, which turns the gradient into another direction. Scale the "
            "whole gradient by one factor.",
        ),
        Mistake(
            answer=_update_with(
                lambda table, tokens, targets, max_norm: (
                    max_norm * _gradient(table, tokens, targets) / _gradient(table, tokens, targets).norm()
                )
            ),
            message="A gradient that was shorter than `max_norm` got longer. Clipping only shortens.",
        ),
        Mistake(
            answer=_update_with(
                lambda table, tokens, targets, max_norm: -_shrunk(_gradient(table, tokens, targets), max_norm)
            ),
            message="The table went up the slope: the loss grows. Subtract.",
        ),
        Mistake(
            answer=_update_with(
                lambda table, tokens, targets, max_norm: _shrunk(
                    _gradient(table, tokens, targets.clamp(min=0)), max_norm
                )
            ),
            message="The positions without an answer were trained to answer 0. They have no say: `F.cross_entropy` "
            "leaves the target -100 out by itself, so hand it the targets as they are.",
        ),
        Mistake(
            answer=_update_with(
                lambda table, tokens, targets, max_norm: _shrunk(
                    _gradient(table, tokens, targets, reduction="sum"), max_norm
                )
            ),
            message="This is the gradient of a sum over the answers. The loss is their mean.",
        ),
        Mistake(
            answer=_update_with(_softmax_twice),
            message="`F.cross_entropy` takes logits and makes the softmax itself. Hand it no probabilities.",
        ),
        Mistake(
            answer=_update_with(_each_row_clipped),
            message="Each row was clipped by itself. Take one norm, that of the whole table's gradient.",
        ),
        Mistake(
            answer=_update_with(_mean_of_means),
            message="This is the mean of the sequences' means. Take one mean over all answers, so that each counts as "
            "much as every other.",
        ),
        Mistake(
            answer=_update_with(
                lambda table, tokens, targets, max_norm: (
                    _gradient(table, tokens, targets)
                    * max(1.0, max_norm / _gradient(table, tokens, targets).norm().item())
                )
            ),
            message="Long gradients stayed long, and short ones got longer. The factor is at most 1: `min`, not `max`.",
        ),
        Mistake(
            answer=_update_with(_mean_over_all),
            message="The loss was divided by the number of all positions. Divide by those that have an answer.",
        ),
        Mistake(
            answer=lambda table, tokens, targets, learning_rate, max_norm: (
                table - _shrunk(learning_rate * _gradient(table, tokens, targets), max_norm)
            ),
            message="The step was clipped instead of the gradient. Clip first, then multiply by the learning rate.",
        ),
        Mistake(
            answer=lambda table, tokens, targets, learning_rate, max_norm: _gradient(table, tokens, targets),
            message="This is the gradient. Return the new table.",
        ),
        Mistake(
            answer=lambda table, tokens, targets, learning_rate, max_norm: table,
            message="The table came back unchanged. Return the new one, or change it after the gradient is known.",
        ),
    ),
    otherwise="In this order: the loss, its gradient, the clipping, the step down. Print the norm of your gradient.",
    error_hints={
        "Expected target size": "`F.cross_entropy` wants one row of logits per target. Merge the axes of rows and "
        "positions in both: `logits.flatten(0, 1)` and `targets.flatten()`.",
        "does not require grad": "PyTorch was not told to keep track. Begin with "
        "`table = table.clone().requires_grad_()`.",
        "NoneType": "`.grad` is empty before `loss.backward()` has run, and always for a tensor that was computed from "
        "another one. Begin with `table = table.clone().requires_grad_()`, and use the `.grad` of that very tensor.",
    },
)


# --- a test that catches a faulty loop --------------------------------------------------------------------------

Batches = list[tuple[Tensor, Tensor]]
Loop = Callable[[Table, Batches, float, float], Tensor]


def _loop_right(table: Table, batches: Batches, learning_rate: float, max_norm: float) -> Tensor:
    """a right loop"""
    for tokens, targets in batches:
        table = _update(table, tokens, targets, learning_rate, max_norm)
    return table


def _loop_with_optimizer(table: Table, batches: Batches, learning_rate: float, max_norm: float) -> Tensor:
    """a right loop, with an optimizer of PyTorch"""
    return _with_optimizer(table, batches, learning_rate, max_norm)


def _loop_of_friend(table: Table, batches: Batches, learning_rate: float, max_norm: float) -> Tensor:
    """a faulty loop, with the fault of the text"""
    return _with_optimizer(table, batches, learning_rate, max_norm, forgets=False)


def _with_optimizer(
    table: Table, batches: Batches, learning_rate: float, max_norm: float, *, forgets: bool = True
) -> Tensor:
    leaf = table.detach().clone().requires_grad_()
    optimizer = torch.optim.SGD([leaf], lr=learning_rate)
    with torch.enable_grad():
        for tokens, targets in batches:
            if forgets:
                optimizer.zero_grad()
            F.cross_entropy(leaf[tokens].flatten(0, 1), targets.flatten()).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_([leaf], max_norm)
            optimizer.step()
    return leaf.detach()


def _loop_by_hand(table: Table, batches: Batches, learning_rate: float, max_norm: float) -> Tensor:
    """a right loop, which works the gradient out by hand"""
    for tokens, targets in batches:
        table = _update_by_hand(table, tokens, targets, learning_rate, max_norm)
    return table


def _loop_zeroed(table: Table, batches: Batches, learning_rate: float, max_norm: float) -> Tensor:
    """a faulty loop, which empties the gradients right before the step"""
    return table.clone()


def _loop_answering_zero(table: Table, batches: Batches, learning_rate: float, max_norm: float) -> Tensor:
    """a faulty loop, which trains the positions without an answer to answer 0"""
    return _loop_right(table, [(tokens, targets.clamp(min=0)) for tokens, targets in batches], learning_rate, max_norm)


def _loop_shifted(table: Table, batches: Batches, learning_rate: float, max_norm: float) -> Tensor:
    """a faulty loop, which trains every position to give the answer of the next one"""
    shifted = [(tokens[:, :-1], targets[:, 1:]) for tokens, targets in batches]
    return _loop_right(table, shifted, learning_rate, max_norm)


def _loop_last_position(table: Table, batches: Batches, learning_rate: float, max_norm: float) -> Tensor:
    """a faulty loop, which trains the last position of every sequence alone"""
    last = [(tokens[:, -1:], targets[:, -1:]) for tokens, targets in batches]
    return _loop_right(table, last, learning_rate, max_norm)


def _loop_first_batch(table: Table, batches: Batches, learning_rate: float, max_norm: float) -> Tensor:
    """a faulty loop, which trains on the first batch again and again"""
    return _loop_right(table, [batches[0]] * len(batches), learning_rate, max_norm)


def _loop_unclipped(table: Table, batches: Batches, learning_rate: float, max_norm: float) -> Tensor:
    """a faulty loop, which does not clip"""
    return _loop_right(table, batches, learning_rate, math.inf)


def _loop_cases(generator: torch.Generator) -> list[Case]:
    loops = (
        _loop_of_friend,
        _loop_right,
        _loop_zeroed,
        _loop_answering_zero,
        _loop_with_optimizer,
        _loop_shifted,
        _loop_last_position,
        _loop_by_hand,
        _loop_first_batch,
        _loop_unclipped,
    )
    return [(loop,) for loop in loops]


LOOP_TOLERANCE = 1e-5


def _judge(
    loop: Loop,
    *,
    batches: int = 2,
    same: bool = False,
    answered: bool = False,
    length: int = 4,
    max_norm: float = 0.1,
    given: Tensor | None = None,
    by: Loop = _loop_right,
) -> bool:
    """Compare a loop with a right one on small random batches; the arguments make the test blind to some faults."""
    generator = torch.Generator().manual_seed(4)
    table = torch.randn(6, 5, generator=generator) if given is None else given
    examples = [_examples(generator, length=length) for _ in range(batches)]
    if answered:
        examples = [(tokens, targets.clamp(min=1)) for tokens, targets in examples]
    if same:
        examples = [examples[0]] * batches
    expected = by(table, examples, 0.5, max_norm)
    return torch.allclose(loop(table.clone(), examples, 0.5, max_norm), expected, atol=LOOP_TOLERANCE)


def _judge_by_loss(loop: Loop) -> bool:
    """Says yes to whatever makes the loss smaller."""
    generator = torch.Generator().manual_seed(4)
    table = torch.randn(6, 5, generator=generator)
    examples = [_examples(generator) for _ in range(20)]
    after = loop(table.clone(), examples, 0.5, 0.5)
    losses = [
        sum(F.cross_entropy(rows[tokens].flatten(0, 1), targets.flatten()).item() for tokens, targets in examples)
        for rows in (table, after)
    ]
    return losses[1] < losses[0]


def _judge_exactly(loop: Loop) -> bool:
    """Says no to every rounding but its own."""
    generator = torch.Generator().manual_seed(4)
    table = torch.randn(6, 5, generator=generator)
    examples = [_examples(generator) for _ in range(2)]
    expected = _loop_right(table, examples, 0.5, 0.1)
    return torch.equal(loop(table.clone(), examples, 0.5, 0.1), expected)


CATCH_FAULTY_LOOP = Exercise(
    specification=lambda loop: _judge(loop, batches=3),
    make_cases=_loop_cases,
    solution=lambda loop: _judge(loop),
    mistakes=(
        Mistake(
            answer=lambda loop: _judge(loop, batches=1),
            message="You said yes to a loop that is right for one batch and wrong from the second on. Hand it two "
            "batches, different ones.",
        ),
        Mistake(
            answer=_judge_by_loss,
            message="You said yes to a faulty loop. The loss falls with it too: a fault need not stop learning. "
            "Compare the whole table with what `update` gives, batch after batch.",
        ),
        Mistake(
            answer=lambda loop: _judge(loop, same=True),
            message="You said yes to a loop that trains on the first batch again and again. Let your batches differ.",
        ),
        Mistake(
            answer=lambda loop: _judge(loop, answered=True),
            message="You said yes to a loop that trains positions without an answer. Let some of your targets be -100.",
        ),
        Mistake(
            answer=lambda loop: _judge(loop, max_norm=100.0),
            message="You said yes to a loop that does not clip. Choose `max_norm` so small that it makes a difference.",
        ),
        Mistake(
            answer=_judge_exactly,
            message="You said no to a right loop that rounds differently. Allow for that: `torch.allclose(a, b, "
            "atol=1e-5)`.",
        ),
        Mistake(
            answer=lambda loop: False,
            message="You said no to a right loop. Do you go through the batches in order, each update starting from "
            "the table that the one before left? Allow for rounding: torch.allclose with atol=1e-5.",
        ),
        Mistake(
            answer=lambda loop: _judge(loop, by=lambda table, *others: _loop_first_batch(table, *others)),
            message="You said no to a right loop. What you compare with must use each batch once, in order.",
        ),
    ),
    otherwise="A right loop must get True and a faulty one False. Have you two batches that differ, targets of -100, "
    "several positions that have an answer, and a `max_norm` that is smaller than the gradient's norm?",
    error_hints={
        "NoneType": "`update` of exercise 11.3 gave nothing back. Run its solution first, then this cell again.",
    },
)
