"""Weights of 8 bits: a quarter of the bytes for a page that holds them, and the same numbers wherever they are used."""

import math

import torch
from torch import Tensor, nn

LARGEST = 127


def unit_of(weights: Tensor) -> float:
    """Return the least power of two of which all weights of a tensor are at most 127 times as large."""
    largest = weights.abs().max().item()
    return 2.0 ** math.ceil(math.log2(largest / LARGEST)) if largest > 0 else 1.0


@torch.no_grad()
def round_weights(model: nn.Module) -> None:
    """Round each weight to a whole number, from -127 to 127, of its tensor's unit; rounded weights stay as they are."""
    for weights in model.parameters():
        unit = unit_of(weights)
        weights.copy_((weights / unit).round() * unit)
