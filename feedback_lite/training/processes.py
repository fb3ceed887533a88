"""Where a training runs: on which device, and in how many processes that share every batch.

`torchrun` starts the processes. Each draws the same batch, takes its share of it, and adds its gradients to those of
the others; so all hold the same weights after every update. Without `torchrun` there is one process: its share is the
whole batch, and sums over the processes are its own values.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn


def find_device(name: str) -> torch.device:
    """Return a device by its name; several processes on "cuda" get one GPU each.

    Raises:
        ValueError: the name is none of a device, or this machine has no such device.
    """
    if not re.fullmatch(r"cpu|cuda(:\d+)?|mps", name):
        raise ValueError(f"device must be 'cpu', 'cuda', a numbered one such as 'cuda:1', or 'mps', got {name!r}")
    device = torch.device(name)
    wanted = int(os.environ.get("WORLD_SIZE", "1"))
    if device.type == "mps" and (wanted > 1 or not torch.backends.mps.is_available()):
        raise ValueError(f"device 'mps' is not there{' for several processes' if wanted > 1 else ''}: try 'cpu'")
    if device.type == "cuda":
        number = int(os.environ.get("LOCAL_RANK", "0")) if device.index is None else device.index
        found = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if number >= found:
            raise ValueError(
                f"device {name!r} is not there: PyTorch finds {found} CUDA devices, number {number} is needed"
            )
        device = torch.device("cuda", number)
    return device


@contextmanager
def join_processes(device: torch.device) -> Iterator[None]:
    """Join the processes that `torchrun` started for as long as the block lasts; without them, do nothing."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def num_processes() -> int:
    """Return the number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process; process 0 alone shows progress and writes files."""
    return dist.get_rank() if num_processes() > 1 else 0


def check_divides(batch_size: int) -> None:
    """Raise unless every process gets the same number of sequences of a batch."""
    if batch_size % num_processes():
        raise ValueError(f"batch_size must be a multiple of the {num_processes()} processes, got {batch_size}")


def check_pieces(pieces: int) -> None:
    """Raise where several processes would have to carry memories on, which a checkpoint of the first one lacks."""
    if pieces > 1 and num_processes() > 1:
        raise ValueError(f"pieces must be 1 where {num_processes()} processes train together, got {pieces}")


def local_part(batch: Tensor) -> Tensor:
    """Return this process's rows of a batch."""
    size = len(batch) // num_processes()
    return batch[rank() * size :][:size]


def sum_over_processes(value: float) -> float:
    """Return the sum of a number over all processes."""
    if num_processes() == 1:
        return value
    summed = torch.tensor(value, dtype=torch.float64)
    dist.all_reduce(summed)
    return summed.item()


def sum_gradients(model: nn.Module) -> None:
    """Replace the gradients of every process by their sum over all processes, in one exchange.

    The sum, because each loss is already divided by the answers of the whole batch. PyTorch's DistributedDataParallel
    takes the mean over processes instead, which is another number where their shares hold different counts of answers.
    """
    if num_processes() == 1:
        return
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    joined = nn.utils.parameters_to_vector(gradients)
    dist.all_reduce(joined)
    nn.utils.vector_to_parameters(joined, gradients)
