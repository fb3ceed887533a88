"""Run a small model of feedback-transformer-pytorch 0.0.11 and keep its weights, its tokens and its logits.

    python -m book.tools.original_record write
    python -m book.tools.original_record check

The original is needed for this command alone: chapter 9 reads feedback_lite/training/records/original.safetensors.
`check` runs the original again and fails where the file does not hold.
"""

from __future__ import annotations

import sys
from pathlib import Path

import safetensors.torch
import torch
from feedback_transformer_pytorch import FeedbackTransformer as Original
from torch import Tensor

from book.tools.record_command import RecordCommand

RECORD = Path("feedback_lite/training/records/original.safetensors")
SEED = 9
SEGMENT_LENGTHS = (1, 3)
SIZES = {"num_tokens": 11, "dim": 12, "depth": 2, "heads": 2, "dim_head": 5, "mem_len": 6}
NUM_TOKENS = 14  # more than the memory has slots, and no multiple of 3
# The original and this book may add in another order on another machine, no more.
TOLERANCE = 1e-10


def make_original(segment_length: int) -> Original:
    """Return an original in float64 whose every weight is random and not zero."""
    original = Original(**SIZES, seq_len=segment_length).double()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for parameter in original.parameters():
            scale = parameter.shape[-1] ** -0.5 if parameter.ndim == 2 else 0.5**0.5
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return original.eval()


@torch.no_grad()
def make_record() -> dict[str, Tensor]:
    """Return all that is kept: weights as ``weights.<name>``, the tokens, and the logits by segment length."""
    generator = torch.Generator().manual_seed(SEED)
    tokens = torch.randint(SIZES["num_tokens"], (2, NUM_TOKENS), generator=generator)
    weights = make_original(SEGMENT_LENGTHS[0]).state_dict()
    record = {f"weights.{name}": tensor.clone() for name, tensor in weights.items()}
    record |= {"tokens": tokens, "memory_size": torch.tensor(SIZES["mem_len"])}
    for segment_length in SEGMENT_LENGTHS:
        record[f"logits.{segment_length}"] = make_original(segment_length)(tokens).contiguous()
    return record


def write(root: Path, record: dict[str, Tensor]) -> None:
    """Write the record."""
    (root / RECORD).write_bytes(safetensors.torch.save(record))


def check(root: Path, made: dict[str, Tensor]) -> list[str]:
    """Return where the written record does not hold."""
    recorded = safetensors.torch.load((root / RECORD).read_bytes())
    complaints = [f"{name} is in one of the two alone" for name in sorted(recorded.keys() ^ made.keys())]
    for name in sorted(recorded.keys() & made.keys()):
        old, new = recorded[name], made[name]
        if old.shape != new.shape or old.dtype != new.dtype:
            complaints.append(f"{name} is {old.dtype} {tuple(old.shape)} in the record, {new.dtype} {tuple(new.shape)}")
        elif old.numel() and not (difference := (old - new).abs().max().item()) <= TOLERANCE:
            complaints.append(f"{name} is off by {difference:g}")
    return complaints


def size(record: dict[str, Tensor]) -> str:
    """Return how much is kept."""
    return f"{len(record)} tensors"


main = RecordCommand(
    module="book.tools.original_record",
    files=(RECORD,),
    make_record=make_record,
    write=write,
    check=check,
    size=size,
)

if __name__ == "__main__":
    sys.exit(main())
