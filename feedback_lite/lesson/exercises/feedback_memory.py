"""The exercises of chapter 05: shares, the mixture, and a test that catches the unused softmax."""

from collections.abc import Callable

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor

from feedback_lite.lesson.exercises.exercise import Blanks, Case, Exercise, Mistake, normal

# --- shares ----------------------------------------------------------------------------------------


def _weight_cases(generator: torch.Generator) -> list[Case]:
    return [(normal(layers, generator=generator),) for layers in (2, 3, 7)]


def _shares_by_hand(layer_weights: Float[Tensor, "l"]) -> Float[Tensor, "l"]:
    powers = [2.718281828459045 ** float(weight) for weight in layer_weights]
    return torch.tensor([power / sum(powers) for power in powers])


def _anchored_by_hand(layer_weights: Float[Tensor, "l"]) -> Float[Tensor, "l"]:
    return torch.tensor([float(weight) - float(layer_weights[0]) for weight in layer_weights])


SHARES = Exercise(
    specification=_shares_by_hand,
    make_cases=_weight_cases,
    solution=lambda layer_weights: layer_weights.softmax(dim=0),
    mistakes=(
        Mistake(
            answer=lambda layer_weights: layer_weights / layer_weights.sum(),
            message="The weights were divided by their sum, but they may be negative. Take exp of each one first.",
        ),
        Mistake(
            answer=lambda layer_weights: layer_weights.exp(),
            message="These are positive, but they do not sum to one yet. Divide each by the sum of all.",
        ),
        Mistake(
            answer=lambda layer_weights: layer_weights.sigmoid(),
            message="A sigmoid looks at each weight alone. Shares depend on all weights: they must sum to one.",
        ),
        Mistake(
            answer=lambda layer_weights: layer_weights.log_softmax(dim=0),
            message="These are the logarithms of the shares. Use softmax, or take exp.",
        ),
        Mistake(
            answer=lambda layer_weights: layer_weights.exp() / layer_weights.sum(),
            message="The exponentials were divided by the sum of the raw weights. Divide by the sum of exponentials.",
        ),
    ),
    blanks=Blanks(
        code="powers = {powers}\nreturn powers / {total}",
        choices={
            "powers": ("layer_weights.exp()", "layer_weights", "layer_weights.sigmoid()"),
            "total": ("powers.sum()", "layer_weights.sum()", "1"),
        },
        function="shares_of",
    ),
)

ANCHOR_WEIGHTS = Exercise(
    specification=_anchored_by_hand,
    make_cases=_weight_cases,
    solution=lambda layer_weights: layer_weights - layer_weights[0],
    mistakes=(
        Mistake(
            answer=lambda layer_weights: layer_weights / layer_weights[0],
            message="Dividing changes the shares. Adding or subtracting the same number from all weights does not.",
        ),
        Mistake(
            answer=lambda layer_weights: torch.cat((torch.zeros(1), layer_weights[1:])),
            message="The first weight alone was set to zero, so its share changed. Move all weights by the same step.",
        ),
        Mistake(
            answer=lambda layer_weights: layer_weights - layer_weights.max(),
            message="The largest weight is zero now. The shares are right, but it is the first weight that was asked.",
        ),
        Mistake(
            answer=lambda layer_weights: layer_weights.softmax(dim=0),
            message="These are the shares. Raw weights that would give these shares were asked.",
        ),
    ),
    blanks=Blanks(
        code="base = {base}\nreturn {result}",
        choices={
            "base": ("layer_weights[0]", "layer_weights.max()", "layer_weights.softmax(dim=0)[0]"),
            "result": (
                "layer_weights - base",
                "layer_weights / base",
                "(layer_weights - base).softmax(dim=0)",
                "torch.cat((base - base[None], layer_weights[1:]))",
            ),
        },
        function="anchor",
    ),
)


# --- the mixture -----------------------------------------------------------------------------------


def _mix_cases(generator: torch.Generator) -> list[Case]:
    shapes = ((2, 1, 1, 2), (3, 1, 1, 3), (4, 2, 3, 5), (2, 3, 1, 2))
    return [(normal(*shape, generator=generator), normal(shape[0], generator=generator)) for shape in shapes]


def _mix_by_hand(hiddens: Float[Tensor, "l b n d"], layer_weights: Float[Tensor, "l"]) -> Float[Tensor, "b n d"]:
    shares = _shares_by_hand(layer_weights)
    mixture = torch.zeros(hiddens.shape[1:])
    for layer in range(len(hiddens)):
        for index in torch.cartesian_prod(*(torch.arange(size) for size in mixture.shape)):
            b, n, d = index.tolist()
            mixture[b, n, d] += shares[layer] * hiddens[layer, b, n, d]
    return mixture


def _mix(hiddens: Float[Tensor, "l b n d"], layer_weights: Float[Tensor, "l"]) -> Float[Tensor, "b n d"]:
    """a right mixture, written with einsum"""
    return einsum(layer_weights.softmax(dim=0), hiddens, "l, l b n d -> b n d")


def _mix_raw(hiddens: Float[Tensor, "l b n d"], layer_weights: Float[Tensor, "l"]) -> Float[Tensor, "b n d"]:
    return einsum(layer_weights, hiddens, "l, l b n d -> b n d")


_RAW = "The weights were used as they are. Put them through a softmax, so that they are positive and sum to one."
_UNIFORM = "Every layer got the same share. The learned weights must decide how much each one gives."
_LAST = "Only the last layer was stored. The mixture takes a share of every layer, the embedding included."

MIX_LAYERS = Exercise(
    specification=_mix_by_hand,
    make_cases=_mix_cases,
    solution=_mix,
    mistakes=(
        Mistake(answer=_mix_raw, message=_RAW),
        Mistake(answer=lambda hiddens, layer_weights: hiddens.mean(dim=0), message=_UNIFORM),
        Mistake(answer=lambda hiddens, layer_weights: hiddens[-1], message=_LAST),
        Mistake(
            answer=lambda hiddens, layer_weights: _mix(hiddens[1:], layer_weights[1:]),
            message="The embedding was left out. It is layer 0 and has a weight of its own.",
        ),
        Mistake(
            answer=lambda hiddens, layer_weights: _mix_raw(hiddens.softmax(dim=0), layer_weights),
            message="The softmax was taken of the hidden vectors. It belongs to the layer weights.",
        ),
        Mistake(
            answer=lambda hiddens, layer_weights: _mix(hiddens, layer_weights) / len(layer_weights),
            message="The shares sum to one already, so the sum needs no further division by the number of layers.",
        ),
        Mistake(
            answer=lambda hiddens, layer_weights: einsum(
                layer_weights.softmax(dim=0), hiddens, "l, l b n d -> l b n d"
            ),
            message="Each layer is scaled by its share, but they are not added up yet: the layer axis must go.",
        ),
        Mistake(
            answer=lambda hiddens, layer_weights: _mix_raw(hiddens, layer_weights.exp()),
            message="The exponentials do not sum to one yet. Divide each by the sum of all.",
        ),
    ),
    blanks=Blanks(
        code="shares = {shares}\nscaled = {scaled}\nreturn {result}",
        choices={
            "shares": (
                "layer_weights.softmax(dim=0)",
                "layer_weights",
                "layer_weights.exp()",
                "torch.ones_like(layer_weights) / len(hiddens)",
            ),
            "scaled": (
                "shares[:, None, None, None] * hiddens",
                "shares[:, None, None, None] * hiddens.softmax(dim=0)",
                "shares * hiddens",
            ),
            "result": ("scaled.sum(dim=0)", "scaled.mean(dim=0)", "scaled", "hiddens[-1]"),
        },
        function="mix",
    ),
)


# --- a test that catches the unused softmax ------------------------------------------------------------


def _mix_with_loop(hiddens: Float[Tensor, "l b n d"], layer_weights: Float[Tensor, "l"]) -> Float[Tensor, "b n d"]:
    """a right mixture, written with a loop"""
    powers = layer_weights.exp()
    return sum(power * hidden for power, hidden in zip(powers, hiddens, strict=True)) / powers.sum()


def _mix_with_unused_softmax(
    hiddens: Float[Tensor, "l b n d"], layer_weights: Float[Tensor, "l"]
) -> Float[Tensor, "b n d"]:
    """the faulty version from the text"""
    layer_weights.softmax(dim=0)
    return _mix_raw(hiddens, layer_weights)


def _mix_with_raw_mean(hiddens: Float[Tensor, "l b n d"], layer_weights: Float[Tensor, "l"]) -> Float[Tensor, "b n d"]:
    """a faulty version that divides the raw sum by the number of layers"""
    return _mix_raw(hiddens, layer_weights) / len(layer_weights)


def _judge_cases(generator: torch.Generator) -> list[Case]:
    mixes = (_mix_with_unused_softmax, _mix, _mix_with_loop, _mix_with_raw_mean)
    return [(mix,) for mix in mixes]


def _uses_softmax(mix: Callable[..., Tensor]) -> bool:
    hiddens = torch.tensor([[[[1.0, 2.0]]], [[[3.0, -1.0]]], [[[0.5, 4.0]]]])
    layer_weights = torch.tensor([0.3, -1.0, 2.0])
    return torch.allclose(mix(hiddens, layer_weights), _mix_by_hand(hiddens, layer_weights), atol=1e-5)


def _shift_changes_nothing(mix: Callable[..., Tensor]) -> bool:
    hiddens, layer_weights = torch.randn(3, 1, 1, 4), torch.randn(3)
    return torch.allclose(mix(hiddens, layer_weights), mix(hiddens, layer_weights + 1), atol=1e-5)


def _judge_by_shape(mix: Callable[..., Tensor]) -> bool:
    hiddens = torch.randn(3, 1, 1, 4)
    return mix(hiddens, torch.randn(3)).shape == hiddens.shape[1:]


def _judge_by_equal_parts(mix: Callable[..., Tensor]) -> bool:
    hiddens = torch.ones(2, 1, 1, 4)
    return torch.allclose(mix(hiddens, torch.tensor([0.25, 0.75])), hiddens[0], atol=1e-5)


def _judge_by_one_hot(mix: Callable[..., Tensor]) -> bool:
    hiddens = torch.randn(3, 1, 1, 4)
    return torch.allclose(mix(hiddens, torch.tensor([0.0, 0.0, 1.0])), hiddens[-1], atol=1e-5)


CATCH_UNUSED_SOFTMAX = Exercise(
    specification=_uses_softmax,
    make_cases=_judge_cases,
    solution=_shift_changes_nothing,
    mistakes=(
        Mistake(
            answer=_judge_by_shape,
            message="You said yes to a faulty version, which has the right shape too. Compare numbers: change the "
            "weights in a way that must not matter.",
        ),
        Mistake(
            answer=_judge_by_equal_parts,
            message="The weights that you try sum to one already, so the faulty version gives the equal vectors back "
            "as well. Try others.",
        ),
        Mistake(
            answer=_judge_by_one_hot,
            message="A raw weight of 1 is not a share of 1: after the softmax the other layers still have a share.",
        ),
        Mistake(
            answer=lambda mix: False,
            message="You said no to a right mixture. Compare with atol=1e-5, and change the weights only in a way that "
            "leaves the shares as they are.",
        ),
        Mistake(
            answer=lambda mix: not _uses_softmax(mix),
            message="Your test works, but its answer is upside down: True for a right mixture.",
        ),
    ),
    otherwise="A right mixture must get True and a faulty one False. Is the tolerance too small (take atol=1e-5), or "
    "does your change of the weights alter the shares?",
    blanks=Blanks(
        code="hiddens = {hiddens}\nweights = {weights}\nonce, again = mix(hiddens, weights), {again}\nreturn {answer}",
        choices={
            "hiddens": ("torch.randn(3, 1, 1, 4)", "torch.ones(3, 1, 1, 4)"),
            "weights": ("torch.randn(3)", "torch.tensor([0.2, 0.3, 0.5])", "torch.tensor([0.0, 0.0, 1.0])"),
            "again": ("mix(hiddens, weights + 1)", "mix(hiddens, 2 * weights)", "hiddens[-1]"),
            "answer": (
                "torch.allclose(once, again, atol=1e-5)",
                "not torch.allclose(once, again, atol=1e-5)",
                "once.shape == again.shape",
            ),
        },
        function="behaves",
    ),
)
