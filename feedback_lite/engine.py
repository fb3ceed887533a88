"""Which path computes a model: the plain one, which every other must equal, or a faster one where it applies."""

from functools import lru_cache

from torch import nn
from torch.nn.modules import module as torch_modules

from feedback_lite.attention import Attention, KeyValueProjection
from feedback_lite.block import Block
from feedback_lite.config import FeedbackConfig
from feedback_lite.feedforward import FeedForward
from feedback_lite.positions import RelativePositionBias

OWN = (Attention, KeyValueProjection, Block, FeedForward, RelativePositionBias)
TORCH = (nn.Embedding, nn.Linear, nn.LayerNorm, nn.Dropout, nn.ModuleList)
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
METHODS = ("forward", "read", "write", "mix", "head")


def is_stock(model: nn.Module) -> str | None:
    """Return why a feedback model may not be computed from its weights alone, or None where it may.

    A faster path reads the weights and calls no module. So nothing may hang on the modules that it would pass by:
    another class, a hook, a method replaced in one object, a weight that is missing, shared or of another shape.
    The class of the model itself is for the caller to check.
    """
    if torch_modules._has_any_global_hook():  # type: ignore[no-untyped-call]
        return "hooks are registered for all modules"
    for name, module in model.named_modules():
        if module is not model and type(module) not in OWN + TORCH:
            return f"{name} is a {type(module).__name__}"
        given = vars(module)
        if any(given[hooks] for hooks in HOOKS):
            return f"{name or 'the model'} has a hook"
        if replaced := [method for method in METHODS if method in given]:
            return f"{name or 'the model'} has a {replaced[0]} of its own"
        if isinstance(module, nn.LayerNorm) and module.eps != 1e-5:
            return f"{name} has eps={module.eps}"
        if isinstance(module, nn.Embedding) and module.max_norm is not None:
            return f"{name} has max_norm={module.max_norm}"
    parameters = dict(model.named_parameters())
    shapes = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
    expected = parameter_shapes(model.config)
    if different := [name for name in shapes | expected if shapes.get(name) != expected.get(name)]:
        return f"{different[0]} has the shape {shapes.get(different[0])}, not {expected.get(different[0])}"
    if len(kinds := {f"{parameter.dtype} on {parameter.device}" for parameter in parameters.values()}) > 1:
        return f"its weights are {', '.join(sorted(kinds))}"
    return None


@lru_cache
def parameter_shapes(config: FeedbackConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and the shape of every parameter that a `FeedbackTransformer` of this config has."""
    width, inner, gated = config.d_model, config.num_heads * config.head_dim, config.ff_mult * config.d_model
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.weight": (config.vocab_size, width),
        "bias.table": (config.num_buckets, config.num_heads),
        "to_keys_values.linear.weight": (2 * inner, width),
        "output_norm.weight": (width,),
        "output_norm.bias": (width,),
        "to_logits.weight": (config.vocab_size, width),
        "to_logits.bias": (config.vocab_size,),
    }
    if config.memory_from == "mixture":
        shapes["layer_weights"] = (config.num_layers + 1,)
    for layer in range(config.num_layers):
        shapes |= {
            f"blocks.{layer}.{name}": shape
            for name, shape in {
                "attention_norm.weight": (width,),
                "attention_norm.bias": (width,),
                "attention.to_queries.weight": (inner, width),
                "attention.to_output.weight": (width, inner),
                "attention.to_output.bias": (width,),
                "feedforward_norm.weight": (width,),
                "feedforward_norm.bias": (width,),
                "feedforward.widen.weight": (2 * gated, width),
                "feedforward.widen.bias": (2 * gated,),
                "feedforward.narrow.weight": (width, gated),
                "feedforward.narrow.bias": (width,),
            }.items()
        }
    return shapes
