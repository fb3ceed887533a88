"""Right answers to the exercises of chapter 12, written differently from the chapter's own."""

from collections.abc import Callable
from typing import Any

import torch


def waits_by_pieces(num_tokens: int, num_layers: int, cut_every: int) -> torch.Tensor:
    pieces = torch.arange(num_tokens).split(cut_every)
    return torch.tensor(num_layers * (num_tokens + max(len(piece) for piece in pieces)))


def waits_layer_by_layer(num_tokens: int, num_layers: int, cut_every: int) -> int:
    back = num_tokens if cut_every >= num_tokens else cut_every
    return sum(num_tokens + back for _ in range(num_layers))


def norm_row_by_row(x: torch.Tensor, to_normed: torch.Tensor) -> torch.Tensor:
    """The whole matrix of slopes of each row, times what came."""
    width = x.shape[1]
    rows = []
    for row, given in zip(x.double(), to_normed.double(), strict=True):
        centred = row - row.mean()
        deviation = (centred.pow(2).mean() + 1e-5).sqrt()
        normed = centred / deviation
        slopes = (torch.eye(width) - 1 / width - torch.outer(normed, normed) / width) / deviation
        rows.append(given @ slopes)
    return torch.stack(rows)


def norm_step_by_step(x: torch.Tensor, to_normed: torch.Tensor) -> torch.Tensor:
    """Back through each of the forward pass's own operations."""
    centred = x - x.mean(dim=1, keepdim=True)
    variance = centred.square().mean(dim=1, keepdim=True) + 1e-5
    to_centred = to_normed * variance.rsqrt()
    to_variance = -0.5 * (to_normed * centred).sum(dim=1, keepdim=True) * variance.pow(-1.5)
    to_centred = to_centred + 2 * centred * to_variance / x.shape[1]
    return to_centred - to_centred.mean(dim=1, keepdim=True)


def copy_by_storage(write: Callable[..., torch.Tensor]) -> bool:
    memory = torch.randn(2, 6, 3)
    before = memory.clone()
    came = write(memory, torch.randn(2, 3), 4)
    if came.untyped_storage().data_ptr() != memory.untyped_storage().data_ptr():
        return True
    return [place for place in range(6) if not torch.equal(came[:, place], before[:, place])] != [4]


def copy_by_a_mark(write: Callable[..., torch.Tensor]) -> torch.Tensor:
    """A mark that is set afterwards in the first tensor must be seen in the result, with the old slots in place."""
    memory = torch.randn(1, 4, 1)
    before = memory.clone()
    came = write(memory, torch.zeros(1, 1), 2)
    stayed = bool((came[:, [0, 1, 3]] == before[:, [0, 1, 3]]).all())
    memory[0, 0, 0] = 77.0
    return torch.tensor(not stayed or came[0, 0, 0].item() != 77.0)


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "waits": [waits_by_pieces, waits_layer_by_layer],
    "norm-backward": [norm_row_by_row, norm_step_by_step],
    "find-copy": [copy_by_storage, copy_by_a_mark],
}
