"""Which code works through a sequence: the plain loop, one autograd function in PyTorch, or a compiled loop.

plain    the loop over ``read`` and ``write`` in `model.py`: any setting, and what the others must equal
torch    `recurrence.py`, or `segments.py` for longer segments: any device, any dtype, with or without dropout
native   `native/`: segment length 1 and the ordinary transformer, on a processor, without dropout
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules import module as torch_modules

from feedback_lite.attention import Attention, KeyValueProjection
from feedback_lite.block import Block
from feedback_lite.config import FeedbackConfig, check_choice
from feedback_lite.engine import native, recurrence, segments
from feedback_lite.feedforward import FeedForward
from feedback_lite.memory import Memory
from feedback_lite.positions import RelativePositionBias

Engine = Literal["auto", "plain", "torch", "native"]
wanted: ContextVar[Engine] = ContextVar("wanted", default="auto")

PARTS = (
    *(Attention, Block, FeedForward, KeyValueProjection, RelativePositionBias),
    *(nn.Dropout, nn.Embedding, nn.LayerNorm, nn.Linear, nn.ModuleList),
)
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
METHODS = ("forward", "read", "write", "mix", "head")
FEEDBACK, ORDINARY = "feedback_lite.model.FeedbackTransformer", "feedback_lite.baseline.CausalTransformer"
LEAST_WORK = 1024
"""Tokens in a call from which on it is worth to look for the compiled loop, and perhaps to compile it."""
LARGE = 10_000_000
"""Parameters from which on a model is not made a second time to learn the shapes it should have."""
LONGEST = 512
"""Tokens in a sequence up to which the compiled loop runs: it keeps attention weights, so its memory is quadratic."""
WIDEST: dict[str, tuple[int, int]] = {FEEDBACK: (128, 8), ORDINARY: (64, 16)}
"""Up to which width the compiled loop is faster with few sequences, and how many are not few; measured."""


class EngineUnavailable(RuntimeError):
    """The engine that was asked for cannot run; the message says why."""


class Choice(NamedTuple):
    """An engine, and why it is the one."""

    name: Engine
    reason: str


@contextmanager
def use(engine: Engine) -> Iterator[None]:
    """Let all models run on one engine within the block; "auto" leaves the choice to `chosen`.

    Raises:
        ValueError: there is no such engine.
        EngineUnavailable: from a model within the block that the engine cannot run.
    """
    check_choice("engine", engine, get_args(Engine))
    before = wanted.set(engine)
    try:
        yield
    finally:
        wanted.reset(before)


def chosen(model: Any, tokens: Tensor) -> Choice:
    """Return the engine on which a model would run now, and why.

    Args:
        model: a `FeedbackTransformer` or a `CausalTransformer`.
        tokens: token numbers of shape (batch, time); their number decides, their values do not.

    Raises:
        EngineUnavailable: `use` asks for an engine that cannot run this.
    """
    if torch.compiler.is_compiling():
        return torch.compiler.disable(chosen)(model, tokens)  # type: ignore[no-untyped-call]
    name = wanted.get()
    if name == "plain":
        return Choice("plain", "asked for")
    if name == "auto" and tokens.shape[1] < 2:
        return Choice("plain", "there is one token at most")
    obstacle = against_all(model)
    obstacles = {"torch": obstacle or against_torch(model), "native": obstacle or against_native(model)}
    if name == "auto":
        return fastest(model, tokens, obstacles)
    if (obstacle := obstacles[name]) is not None:
        raise EngineUnavailable(f"engine {name!r} cannot run this: {obstacle}")
    if name == "native" and (obstacle := native.unavailable()) is not None:
        raise EngineUnavailable(f"engine 'native' cannot run here: {obstacle}")
    return Choice(name, "asked for")


def fastest(model: Any, tokens: Tensor, obstacles: dict[str, str | None]) -> Choice:
    """Return the engine that is the fastest of those that can run."""
    why_not_native = obstacles["native"] or against_lanes(model, tokens) or native.unavailable()
    if why_not_native is None:
        return Choice("native", "it is the fastest at this size")
    if obstacles["torch"] is None:
        return Choice("torch", why_not_native)
    return Choice("plain", why_not_native if name_of(model) == ORDINARY else obstacles["torch"])


def against_lanes(model: Any, tokens: Tensor) -> str | None:
    """Return why the compiled loop would not pay, or None where it would."""
    batch, length = tokens.shape
    width, few = WIDEST[name_of(model)]
    if batch * length < LEAST_WORK:
        return f"fewer than {LEAST_WORK} tokens"
    if length > LONGEST:
        return f"longer than {LONGEST} tokens"
    wide, alone = model.config.d_model > width, batch < few
    if wide and alone:
        return f"wider than {width}, and fewer than {few} sequences"
    if name_of(model) == ORDINARY and (wide or alone):
        return f"an ordinary transformer wider than {width}, or of fewer than {few} sequences"
    return None


def against_torch(model: Any) -> str | None:
    """Return why `recurrence.py` cannot run a model that `against_all` has nothing against, or None where it can."""
    return "an ordinary transformer has no recurrence" if name_of(model) == ORDINARY else None


def against_native(model: Any) -> str | None:
    """Return why the compiled loop cannot run a model that `against_all` has nothing against, or None where it can."""
    drops = model.training and (model.config.attn_dropout > 0 or model.config.ff_dropout > 0)
    return native.applies(model.config, model.embedding.weight, drops)


def against_all(model: Any) -> str | None:
    """Return why nothing but the plain loop can run a model, or None where others can."""
    if name_of(model) not in (FEEDBACK, ORDINARY):
        return f"it is a {type(model).__name__}, which may do otherwise"
    if torch._C._are_functorch_transforms_active():
        return "a transform of torch.func is at work"
    if forward_ad._current_level >= 0:
        return "derivatives are taken forwards"
    return is_stock(model)


def name_of(model: Any) -> str:
    """Return the full name of a model's class: the classes themselves are made upon this module."""
    return f"{type(model).__module__}.{type(model).__qualname__}"


def run(
    model: Any, engine: Engine, embedded: Float[Tensor, "b t d"], memory: Memory
) -> tuple[Float[Tensor, "b t d"], Memory]:
    """Return the hidden vectors of the last layer and the memory after the sequence, from an engine other than plain.

    ``torch.compile`` does not look inside. It is told so when it comes by, since telling it beforehand takes a second.
    """
    if torch.compiler.is_compiling():
        return torch.compiler.disable(run_uncompiled)(  # type: ignore[no-untyped-call]
            model, engine, embedded, memory
        )
    return run_uncompiled(model, engine, embedded, memory)


def run_uncompiled(
    model: Any, engine: Engine, embedded: Float[Tensor, "b t d"], memory: Memory
) -> tuple[Float[Tensor, "b t d"], Memory]:
    """Return what `run` does.

    ``memory`` is not used, and comes back as it is, where the model is an ordinary transformer.
    """
    config, weights = model.config, dict(model.named_parameters())
    if name_of(model) == ORDINARY:
        ages = torch.arange(embedded.shape[1] - 1, -1, -1, device=embedded.device)
        return native.causal(config, weights, embedded, rearrange(model.bias(ages[None]), "h 1 j -> h j")), memory
    if config.memory_from == "last":
        shares = embedded.new_zeros(config.num_layers + 1)
        shares[-1] = 1
    else:
        shares = model.layer_weights.softmax(dim=0)
    num_slots = min(config.memory_size, len(memory) + embedded.shape[1])
    if config.segment_length > 1:
        table = segments.bias_table(config, model.bias, num_slots=num_slots)
        return segments.recur(config, weights, embedded, memory, table, shares, training=model.training)
    bias = bias_of_slots(model, num_slots)
    if engine == "native":
        return native.recur(config, weights, embedded, memory, bias, shares)
    return recurrence.recur(config, weights, embedded, memory, bias, shares, training=model.training)


def bias_of_slots(model: Any, num_slots: int) -> Float[Tensor, "h m"]:
    """Return the bias of a full memory's slots for the token after them; the newest of fewer slots have the same."""
    table = segments.bias_table(model.config, model.bias, num_slots=num_slots)
    return rearrange(table[:, :, :num_slots], "h 1 m -> h m")


def is_stock(model: Any) -> str | None:
    """Return why a model may not be computed from its weights alone, or None where it may.

    A faster engine reads the weights and calls no module. So nothing may hang on the modules that it passes by: another
    class, a hook, a method replaced in one object, a weight that is missing or of another shape.
    """
    if torch_modules._has_any_global_hook():  # type: ignore[no-untyped-call]
        return "hooks are registered for all modules"
    config: FeedbackConfig = model.config
    for name, module in model.named_modules():
        if module is not model and type(module) not in PARTS:
            return f"{name} is a {type(module).__name__}"
        given = vars(module)
        if any(given[hooks] for hooks in HOOKS):
            return f"{name or 'the model'} has a hook"
        if replaced := [method for method in METHODS if method in given]:
            return f"{name or 'the model'} has a {replaced[0]} of its own"
        if isinstance(module, nn.LayerNorm) and module.eps != recurrence.EPSILON:
            return f"{name} has eps={module.eps}"
        if isinstance(module, nn.Embedding) and module.max_norm is not None:
            return f"{name} has max_norm={module.max_norm}"
        if isinstance(module, nn.Dropout):
            probability = config.attn_dropout if name.endswith("attention.dropout") else config.ff_dropout
            if module.p != probability:
                return f"{name} has p={module.p}"
            if module.p and module.training != model.training:
                return f"{name} is not in the model's mode"
    parameters = dict(model.named_parameters())
    shapes = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
    kind: Callable[[FeedbackConfig], nn.Module] = type(model)
    large = sum(parameter.numel() for parameter in parameters.values()) > LARGE
    expected = parameter_shapes(kind, config, "meta" if large else "cpu")
    if different := [name for name in shapes | expected if shapes.get(name) != expected.get(name)]:
        return f"{different[0]} has the shape {shapes.get(different[0])}, not {expected.get(different[0])}"
    if len(kinds := {f"{parameter.dtype} on {parameter.device}" for parameter in parameters.values()}) > 1:
        return f"its weights are {', '.join(sorted(kinds))}"
    return None


@lru_cache
def parameter_shapes(
    kind: Callable[[FeedbackConfig], nn.Module], config: FeedbackConfig, device: str
) -> dict[str, tuple[int, ...]]:
    """Return the name and the shape of every parameter that a model of this kind and config is made with.

    The model is made once more, behind the back of the random numbers. On the device "meta" it takes no memory; but the
    first one there costs a second.
    """
    with torch.random.fork_rng(devices=()), torch.device(device):
        return {name: tuple(parameter.shape) for name, parameter in kind(config).named_parameters()}
