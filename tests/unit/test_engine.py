"""What may hang on a model that a faster path would pass by."""

import pytest
import torch
from torch import nn

from feedback_lite.engine import is_stock, parameter_shapes
from tests.drawing import make_model


@pytest.mark.parametrize("changes", [{}, {"memory_from": "last"}, {"num_layers": 3, "ff_mult": 1}, {"head_dim": 3}])
def test_a_model_as_it_was_made_is_stock(changes: dict[str, object]) -> None:
    model = make_model(**changes)
    assert is_stock(model) is None
    shapes = {name: tuple(given.shape) for name, given in model.named_parameters()}
    assert parameter_shapes(type(model), model.config) == shapes


class Other(nn.LayerNorm):
    """A class of one's own."""


def test_reasons_are_told() -> None:
    reasons = []
    for change in (
        lambda model: setattr(model.output_norm, "__class__", Other),
        lambda model: model.register_forward_hook(print),
        lambda model: model.blocks[1].register_forward_pre_hook(print),
        lambda model: model.blocks[1].register_full_backward_hook(print),
        lambda model: model.blocks[1].register_full_backward_pre_hook(print),
        lambda model: setattr(model, "write", print),
        lambda model: setattr(model.blocks[0].attention, "forward", print),
        lambda model: setattr(model.output_norm, "eps", 1e-6),
        lambda model: setattr(model.embedding, "max_norm", 1.0),
        lambda model: setattr(model.to_logits, "bias", None),
        lambda model: setattr(model.to_logits, "weight", nn.Parameter(torch.zeros(18, 7).double())),
        lambda model: model.to_logits.float(),
        lambda model: model.blocks.append(nn.Identity()),
    ):
        model = make_model()
        change(model)
        reasons.append(is_stock(model))
    assert reasons == [
        "output_norm is a Other",
        "the model has a hook",
        "blocks.1 has a hook",
        "blocks.1 has a hook",
        "blocks.1 has a hook",
        "the model has a write of its own",
        "blocks.0.attention has a forward of its own",
        "output_norm has eps=1e-06",
        "embedding has max_norm=1.0",
        "to_logits.bias has the shape None, not (17,)",
        "to_logits.weight has the shape (18, 7), not (17, 7)",
        "its weights are torch.float32 on cpu, torch.float64 on cpu",
        "blocks.2 is a Identity",
    ]
