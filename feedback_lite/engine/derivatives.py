"""What the backward passes that are written by hand have in common."""

import torch


def refuse_second_derivative(engine: str) -> None:
    """Raise where the gradient that is asked for is to be differentiated once more.

    PyTorch's own ``once_differentiable`` would let a loss that is linear in the outputs through, with a wrong result.

    Raises:
        RuntimeError: gradients of gradients are being recorded.
    """
    if torch.is_grad_enabled():
        raise RuntimeError(
            f"the {engine} engine knows first derivatives alone: to differentiate a gradient (create_graph=True), run "
            'the model within feedback_lite.engine.use("plain")'
        )
