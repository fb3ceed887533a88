"""Load checkpoints of the public implementation, feedback-transformer-pytorch 0.0.11, and reproduce its faults."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from feedback_lite.config import FeedbackConfig, MemorySource
from feedback_lite.mask import RULES
from feedback_lite.model import FeedbackTransformer

EMBEDDING = "token_emb.weight"
BIAS_TABLE = "pos_emb.relative_attention_bias.weight"
SHARED_PROJECTION = "shared_kv_proj.weight"
LAYER_WEIGHTS = "layer_weight"


def original_rule(num_slots: int, num_tokens: int, segment_length: int) -> tuple[bool, int]:
    """Return what the original does in place of `feedback_lite.mask.segment_rule`.

    A lone token never reads itself, whatever the segment length. The bias sees the segment start at position 0, as if
    there were no memory before it, so that most slots seem to lie in the future and share the bucket of distance 0.
    """
    return num_tokens > 1, 0


RULES["lucidrains"] = original_rule


def load_lucidrains(
    state_dict: Mapping[str, Tensor],
    *,
    memory_size: int,
    segment_length: int,
    memory_from: MemorySource = "mixture",
    max_distance: int = 128,
) -> FeedbackTransformer:
    """Return a model that computes what the original computes with these weights, faults included.

    Sizes that shapes tell are read from them; the rest are arguments. A checkpoint of either segment mode is read,
    whatever ``segment_length`` is asked for. Dtype and device stay those of the checkpoint.

    Args:
        state_dict: ``state_dict()`` of the original model.
        memory_size: the original's ``mem_len``, in slots.
        segment_length: the original's ``seq_len``, in tokens.
        memory_from: "last" for the original's ``keep_last_hidden=True``; its unused layer weights are then left out.
        max_distance: always 128 in the original.

    Raises:
        TypeError: ``state_dict`` is not a mapping of names to tensors.
        ValueError: entries are missing, unexpected or of the wrong shape (all are listed), copies of the shared
            projection differ, or dtypes or devices are mixed.

    Source:
        https://github.com/lucidrains/feedback-transformer-pytorch, version 0.0.11.
    """
    check_tensors(state_dict)
    layer_numbers = {int(found[1]) for name in state_dict if (found := re.match(r"layers\.(\d+)\.", name))}
    num_layers = max(layer_numbers, default=0) + 1
    single_token = any(re.match(r"layers\.\d+\.0\.fn\.fn\.(fn|norm)\.", name) for name in state_dict)
    names = own_names(num_layers, single_token=single_token)
    check_names(state_dict, names)
    sizes = read_sizes(state_dict, narrow=next(name for name in names if name.endswith("net.3.weight")))
    config = FeedbackConfig(
        **sizes,
        num_layers=num_layers,
        memory_size=memory_size,
        segment_length=segment_length,
        max_distance=max_distance,
        memory_from=memory_from,
        compat="lucidrains",
    )
    template = state_dict[EMBEDDING]
    model = FeedbackTransformer(config).to(device=template.device, dtype=template.dtype)
    check_shapes(state_dict, names, model)
    check_copies(state_dict, names)
    wanted = model.state_dict().keys()
    model.load_state_dict({own: state_dict[name] for name, own in names.items() if own in wanted})
    return model


def own_names(num_layers: int, *, single_token: bool) -> dict[str, str]:
    """Map every name of the original's state dict to the name here.

    The original wraps attention once more when its segments are one token long: one ``fn.`` more in the name.
    Its copies of the shared projection, one per layer, all map to the one projection here.
    """
    names = {
        EMBEDDING: "embedding.weight",
        BIAS_TABLE: "bias.table",
        LAYER_WEIGHTS: "layer_weights",
        SHARED_PROJECTION: "to_keys_values.linear.weight",
    }
    wrapper = "fn.fn" if single_token else "fn"
    for layer in range(num_layers):
        attention, feedforward, block = f"layers.{layer}.0.{wrapper}", f"layers.{layer}.1.fn", f"blocks.{layer}"
        names[f"{attention}.fn.to_q.weight"] = f"{block}.attention.to_queries.weight"
        names[f"{attention}.fn.to_kv.weight"] = "to_keys_values.linear.weight"
        for kind in ("weight", "bias"):
            names[f"{attention}.norm.{kind}"] = f"{block}.attention_norm.{kind}"
            names[f"{attention}.fn.to_out.{kind}"] = f"{block}.attention.to_output.{kind}"
            names[f"{feedforward}.norm.{kind}"] = f"{block}.feedforward_norm.{kind}"
            names[f"{feedforward}.fn.net.0.{kind}"] = f"{block}.feedforward.widen.{kind}"
            names[f"{feedforward}.fn.net.3.{kind}"] = f"{block}.feedforward.narrow.{kind}"
    for kind in ("weight", "bias"):
        names[f"to_logits.0.{kind}"] = f"output_norm.{kind}"
        names[f"to_logits.1.{kind}"] = f"to_logits.{kind}"
    return names


def read_sizes(state_dict: Mapping[str, Tensor], *, narrow: str) -> dict[str, Any]:
    """Return the sizes that the shapes of four matrices tell."""
    for name in (EMBEDDING, BIAS_TABLE, SHARED_PROJECTION, narrow):
        if state_dict[name].ndim != 2:
            raise ValueError(f"state_dict: {name} must be a matrix, got shape {tuple(state_dict[name].shape)}")
    vocab_size, d_model = state_dict[EMBEDDING].shape
    num_buckets, num_heads = state_dict[BIAS_TABLE].shape
    twice_inner, ff_width = len(state_dict[SHARED_PROJECTION]), state_dict[narrow].shape[1]
    if not num_heads or twice_inner % (2 * num_heads):
        raise ValueError(
            f"state_dict: {SHARED_PROJECTION} must have a key and a value row for each of {num_heads} heads' units, "
            f"got {twice_inner} rows"
        )
    if not d_model or ff_width % d_model:
        raise ValueError(f"state_dict: {narrow} must be a multiple of {d_model} wide, got {ff_width}")
    return {
        "vocab_size": vocab_size,
        "d_model": d_model,
        "num_heads": num_heads,
        "head_dim": twice_inner // (2 * num_heads),
        "num_buckets": num_buckets,
        "ff_mult": ff_width // d_model,
    }


def check_tensors(state_dict: Mapping[str, Tensor]) -> None:
    """Raise unless this is a mapping of names to floating-point tensors of one dtype on one device."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"state_dict must map names to tensors, got {type(state_dict).__name__}")
    for name, tensor in state_dict.items():
        if not isinstance(name, str):
            raise TypeError(f"state_dict must map names to tensors, got the name {name!r}")
        if not isinstance(tensor, Tensor) or not torch.is_floating_point(tensor):
            came = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise TypeError(f"state_dict: {name} must be a floating-point tensor, got {came}")
    kinds = sorted({f"{tensor.dtype} on {tensor.device}" for tensor in state_dict.values()})
    if len(kinds) > 1:
        raise ValueError(f"state_dict must have one dtype and one device, got {', '.join(kinds)}")


def check_names(state_dict: Mapping[str, Tensor], names: Mapping[str, str]) -> None:
    """Raise unless the state dict has exactly these names; list all that are missing or unexpected."""
    problems = [f"missing: {name}" for name in names if name not in state_dict]
    problems += [f"unexpected: {name}" for name in state_dict if name not in names]
    if problems:
        raise ValueError("state_dict is not of feedback-transformer-pytorch 0.0.11:\n  " + "\n  ".join(problems))


def check_shapes(state_dict: Mapping[str, Tensor], names: Mapping[str, str], model: FeedbackTransformer) -> None:
    """Raise unless every entry has the shape that the sizes imply; list all that do not."""
    shapes = {own: tuple(tensor.shape) for own, tensor in model.state_dict().items()}
    shapes["layer_weights"] = (model.config.num_layers + 1,)
    problems = [
        f"{name}: got {tuple(state_dict[name].shape)}, expected {shapes[own]}"
        for name, own in names.items()
        if tuple(state_dict[name].shape) != shapes[own]
    ]
    if problems:
        raise ValueError("state_dict has entries of the wrong shape:\n  " + "\n  ".join(problems))


def check_copies(state_dict: Mapping[str, Tensor], names: Mapping[str, str]) -> None:
    """Raise unless every layer's copy of the shared projection equals the shared one."""
    shared = state_dict[SHARED_PROJECTION]
    copies = [name for name, own in names.items() if own == names[SHARED_PROJECTION]]
    different = [name for name in copies if not torch.equal(state_dict[name], shared)]
    if different:
        raise ValueError(f"state_dict: {', '.join(different)} must equal {SHARED_PROJECTION}, which all layers share")
