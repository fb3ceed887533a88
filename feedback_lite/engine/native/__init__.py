"""The training recurrence as a compiled loop in which sequences lie side by side in the processor's vector lanes.

`recur` is the feedback model of segment length 1 between its embedding and its head, `causal` the ordinary
transformer; `recurrence.cpp` holds both, with the backward pass, and `feedback_lite.engine.native.build` compiles it.
"""

import contextlib
import ctypes
import mmap
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from feedback_lite.config import FeedbackConfig
from feedback_lite.engine.derivatives import refuse_second_derivative
from feedback_lite.engine.native.build import NativeUnavailable, library
from feedback_lite.memory import Memory, signature

__all__ = ["NativeUnavailable", "applies", "causal", "recur", "unavailable"]

Weights = Mapping[str, Tensor]
SUFFIXES = {torch.float32: "float32", torch.float64: "float64"}


class Sizes(ctypes.Structure):
    """The sizes of one call, in the order of the struct of the same name in the source."""

    _fields_ = [
        (name, ctypes.c_int64)
        for name in (
            *("batch", "steps", "width", "heads", "head_width", "gated", "layers", "memory_size"),
            *("incoming", "columns", "returned", "causal", "keep"),
        )
    ]


INPUTS = ("flat", "embedded", "keys", "values", "bias", "shares")
OUTPUTS = ("tops", "keys_out", "values_out")


class Tensors(ctypes.Structure):
    """Where the numbers of tensors lie, in the order of the struct of the same name in the source."""

    _fields_ = [
        (name, ctypes.c_void_p)
        for name in (*INPUTS, *OUTPUTS, "saved", *(f"of_{name}" for name in (*INPUTS, *OUTPUTS)), "work")
    ]


def unavailable() -> str | None:
    """Return why the loop cannot run on this machine, or nothing where it can; the first call compiles it."""
    try:
        library()
    except NativeUnavailable as error:
        return str(error)
    return None


def applies(config: FeedbackConfig, embedded: Tensor, dropout_active: bool) -> str | None:
    """Return why the loop does not cover a call, or nothing where it does."""
    if config.segment_length > 1:
        return f"the compiled loop knows segment length 1 alone, not {config.segment_length}"
    if config.memory_norm:
        return "the compiled loop knows no norm of the memory"
    if dropout_active:
        return "the compiled loop knows no dropout"
    if embedded.device.type != "cpu":
        return f"the compiled loop runs on the processor, not on {embedded.device.type}"
    if autocast_on_processor():
        return "the compiled loop does not follow autocast"
    if embedded.dtype not in SUFFIXES:
        return f"the compiled loop knows float32 and float64, not {str(embedded.dtype).removeprefix('torch.')}"
    return None


def autocast_on_processor() -> bool:
    """Return whether autocast is on for the processor."""
    try:
        return torch.is_autocast_enabled("cpu")
    except TypeError:  # before torch 2.4
        return torch.is_autocast_cpu_enabled()


def recur(
    config: FeedbackConfig,
    weights: Weights,
    embedded: Float[Tensor, "b t d"],
    memory: Memory,
    bias: Float[Tensor, "h m"],
    shares: Float[Tensor, "l"],
) -> tuple[Float[Tensor, "b t d"], Memory]:
    """Return the top layer's vectors of all steps of a feedback model, and the memory after the last.

    Args:
        config: of the model; segment length 1.
        weights: the model's parameters by name.
        embedded: the embedded tokens.
        memory: the memory before the first step; gradients flow back into it.
        bias: relative-position bias by age, oldest slot first: a step that reads m slots takes the last m columns.
        shares: the layers' shares in the memory vector, embedding first.

    Raises:
        NativeUnavailable: the loop cannot be compiled here.
        ValueError: tensors do not fit the config or each other.
    """
    steps = embedded.shape[1]
    longest = min(config.memory_size, len(memory) + steps - 1) if steps else 0
    if bias.shape[1] < longest:
        raise ValueError(f"bias must have a column for each of {longest} slots, got {bias.shape[1]}")
    sizes = sizes_of(config, embedded, columns=longest)
    sizes.memory_size = config.memory_size
    sizes.incoming = len(memory)
    sizes.returned = min(config.memory_size, len(memory) + steps)
    flat = torch.cat([*blocks(config, weights), weights["to_keys_values.linear.weight"].flatten()])
    tensors = flat, embedded, memory.keys, memory.values, bias[:, bias.shape[1] - longest :], shares
    tops, keys, values = run(sizes, tensors)
    return tops, Memory(keys, values)


def causal(
    config: FeedbackConfig, weights: Weights, embedded: Float[Tensor, "b t d"], bias: Float[Tensor, "h j"]
) -> Float[Tensor, "b t d"]:
    """Return the top layer's vectors of all steps of an ordinary transformer.

    Args:
        config: of the model.
        weights: the model's parameters by name.
        embedded: the embedded tokens.
        bias: relative-position bias by distance, largest first: the last column is distance 0, at least t columns.

    Raises:
        NativeUnavailable: the loop cannot be compiled here.
        ValueError: tensors do not fit the config or each other.
    """
    batch, steps = embedded.shape[:2]
    if bias.shape[1] < steps:
        raise ValueError(f"bias must have a column for each of {steps} distances, got {bias.shape[1]}")
    sizes = sizes_of(config, embedded, columns=steps)
    sizes.causal = 1
    flat = torch.cat(list(blocks(config, weights, causal=True)))
    inner = config.num_heads * config.head_dim
    empty = embedded.new_empty(batch, 0, inner)
    tensors = flat, embedded, empty, empty, bias[:, bias.shape[1] - steps :], embedded.new_empty(0)
    return run(sizes, tensors)[0]


def sizes_of(config: FeedbackConfig, embedded: Tensor, *, columns: int) -> Sizes:
    """Return the sizes that both models share; all others are zero."""
    return Sizes(
        batch=embedded.shape[0],
        steps=embedded.shape[1],
        width=config.d_model,
        heads=config.num_heads,
        head_width=config.head_dim,
        gated=config.ff_mult * config.d_model,
        layers=config.num_layers,
        columns=columns,
    )


def blocks(config: FeedbackConfig, weights: Weights, *, causal: bool = False) -> Iterator[Tensor]:
    """Give the weights of all blocks, flat, in the order in which the loop takes them.

    A norm's scale and shift go into the matrix behind it, ``W (g * x + s) = (W * g) x + W s``, and the scale of the
    scores into the one that makes queries. Autograd carries gradients back through this.
    """
    for layer in range(config.num_layers):
        block = {name: weights[f"blocks.{layer}.{name}"] for name in NAMES}
        inputs = block["attention.to_queries.weight"] * config.head_dim**-0.5
        if causal:
            inputs = torch.cat([inputs, weights[f"to_keys_values.{layer}.linear.weight"]])
        widen = block["feedforward.widen.weight"]
        for tensor in (
            inputs * block["attention_norm.weight"],
            inputs @ block["attention_norm.bias"],
            block["attention.to_output.weight"],
            block["attention.to_output.bias"],
            widen * block["feedforward_norm.weight"],
            block["feedforward.widen.bias"] + widen @ block["feedforward_norm.bias"],
            block["feedforward.narrow.weight"],
            block["feedforward.narrow.bias"],
        ):
            yield tensor.flatten()


NAMES = (
    "attention_norm.weight",
    "attention_norm.bias",
    "attention.to_queries.weight",
    "attention.to_output.weight",
    "attention.to_output.bias",
    "feedforward_norm.weight",
    "feedforward_norm.bias",
    "feedforward.widen.weight",
    "feedforward.widen.bias",
    "feedforward.narrow.weight",
    "feedforward.narrow.bias",
)


def check(sizes: Sizes, tensors: tuple[Tensor, ...]) -> None:
    """Raise unless all tensors have the shapes, dtype and device that the loop, which sees bare numbers, relies on."""
    inner, width, gated = sizes.heads * sizes.head_width, sizes.width, sizes.gated
    per_input = (3 if sizes.causal else 1) * inner + 2 * gated
    per_layer = per_input * (width + 1) + width * (inner + 1) + width * (gated + 1)
    expected = (
        (sizes.layers * per_layer + (0 if sizes.causal else 2 * inner * width),),
        (sizes.batch, sizes.steps, width),
        *2 * [(sizes.batch, sizes.incoming, inner)],
        (sizes.heads, sizes.columns),
        (0 if sizes.causal else sizes.layers + 1,),
    )
    for name, tensor, shape in zip(INPUTS, tensors, expected, strict=True):
        if tensor.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, got {tuple(tensor.shape)}")
        if tensor.dtype != tensors[0].dtype or tensor.dtype not in SUFFIXES or tensor.device.type != "cpu":
            raise ValueError(f"{name} must be float32 or float64 as all others, on cpu, got {signature(tensor)}")


def run(sizes: Sizes, tensors: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Run the loop; it keeps what a backward pass needs only where there can be one."""
    check(sizes, tensors)
    sizes.keep = int(torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors))
    tops, keys, values = Recurrence.apply(sizes, *tensors)  # type: ignore[no-untyped-call]
    return tops, keys, values


class Recurrence(torch.autograd.Function):
    """The loop as one function of flat weights, embeddings, memory, bias and shares.

    What the forward pass leaves for the backward pass belongs to this call alone, and the backward pass only reads it.
    """

    @staticmethod
    def forward(ctx: Any, sizes: Sizes, *given: Tensor) -> tuple[Tensor, ...]:
        tensors = dict(zip(INPUTS, (tensor.contiguous() for tensor in given), strict=True))
        memory_shape = sizes.batch, sizes.returned, sizes.heads * sizes.head_width
        outputs = [torch.empty_like(tensors["embedded"]), *(given[0].new_empty(memory_shape) for _ in range(2))]
        tensors |= dict(zip(OUTPUTS, outputs, strict=True)) | {"saved": room(sizes, given[0].dtype)}
        call("forward", sizes, tensors)
        ctx.sizes = sizes
        ctx.set_materialize_grads(False)
        if sizes.keep:
            ctx.save_for_backward(tensors["flat"], tensors["shares"], tensors["saved"])
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, of_tops: Tensor | None, *of_memory: Tensor | None) -> tuple[Tensor | None, ...]:
        refuse_second_derivative("native")
        flat, shares, saved = ctx.saved_tensors
        sizes = ctx.sizes
        memory_shape = sizes.batch, sizes.incoming, sizes.heads * sizes.head_width
        shapes = (
            *(flat.shape, (sizes.batch, sizes.steps, sizes.width), memory_shape, memory_shape),
            *((sizes.heads, sizes.columns), shares.shape),
        )
        of_inputs = [flat.new_zeros(shape) for shape in shapes]
        tensors = {"flat": flat, "shares": shares, "saved": saved, "work": room(sizes, flat.dtype, work=True)}
        tensors |= {f"of_{name}": tensor for name, tensor in zip(INPUTS, of_inputs, strict=True)}
        if of_tops is None:
            of_tops = torch.zeros_like(of_inputs[1])
        for name, tensor in zip(OUTPUTS, (of_tops, *of_memory), strict=True):
            if tensor is not None:  # nobody has asked for what follows from the memory: the loop leaves it out
                tensors[f"of_{name}"] = tensor.contiguous()
        call("backward", sizes, tensors)
        return None, *of_inputs


def call(name: str, sizes: Sizes, tensors: Mapping[str, Tensor]) -> None:
    """Call a function of the compiled loop with tensors by name, all contiguous and of one dtype."""
    pointers = Tensors(**{key: tensor.data_ptr() for key, tensor in tensors.items()})
    function = library()[f"{name}_{SUFFIXES[tensors['flat'].dtype]}"]
    function.restype = None
    function(ctypes.byref(sizes), ctypes.byref(pointers))


spare: dict[bool, mmap.mmap] = {}
"""Memory of earlier calls that nothing refers to any more: new pages would be cleared first, a sixth of the time."""


def room(sizes: Sizes, dtype: torch.dtype, *, work: bool = False) -> Tensor:
    """Return memory for what the forward pass leaves or, with ``work``, for what the backward pass works on.

    Whole pages begin where vectors may. They belong to the tensor alone, and become spare when it is gone.
    """
    counts = (ctypes.c_int64 * 2)()
    function = library()[f"measure_{SUFFIXES[dtype]}"]
    function.restype = None
    function(ctypes.byref(sizes), counts)
    count = counts[int(work)]
    size = count * dtype.itemsize
    pages = spare.pop(work, None)
    if pages is None or not size <= len(pages) <= 2 * size:
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with contextlib.suppress(OSError):  # a system may be built without them
                pages.madvise(mmap.MADV_HUGEPAGE)
    lease_type: Any = type("Lease", (ctypes.Array,), {"_type_": ctypes.c_char, "_length_": size})
    lease = lease_type.from_buffer(pages)
    weakref.finalize(lease, spare.__setitem__, work, pages)
    return torch.frombuffer(lease, dtype=dtype)
