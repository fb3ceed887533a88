"""Measures a training step of this package's models against the public implementation, on one thread.

    python -m tests.benchmarks.training_step --lengths 64 128 256

All models have the same width and depth, and the feedback models the same weights. Rounds are interleaved, so
that a busy moment of the machine falls on all of them; what is shown is the median of the processor time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Mapping, Sequence

import torch
from feedback_transformer_pytorch import FeedbackTransformer as Original
from torch import Tensor, nn
from tqdm import tqdm

from feedback_lite import CausalTransformer, FeedbackConfig, load_lucidrains

VOCABULARY = 64
BATCH = 8
WIDTH, LAYERS, HEADS, HEAD_WIDTH = 128, 4, 4, 32


def make_models(length: int) -> dict[str, nn.Module]:
    """The models under measurement, each with a memory as long as the sequence; the first one is the reference."""
    torch.manual_seed(0)
    original = Original(
        num_tokens=VOCABULARY, dim=WIDTH, depth=LAYERS, mem_len=length, seq_len=1, heads=HEADS, dim_head=HEAD_WIDTH
    )
    ours = load_lucidrains(original.state_dict(), memory_size=length, segment_length=1)
    config = FeedbackConfig(
        vocab_size=VOCABULARY,
        d_model=WIDTH,
        num_layers=LAYERS,
        num_heads=HEADS,
        head_dim=HEAD_WIDTH,
        memory_size=length,
    )
    return {"original": original, "feedback_lite": ours, "causal, no feedback": CausalTransformer(config)}


def training_step(model: nn.Module, tokens: Tensor) -> float:
    """Processor seconds of one forward and backward pass of next-token prediction."""
    model.zero_grad()
    begin = time.process_time()
    output = model(tokens)
    logits = output if isinstance(output, Tensor) else output.logits
    loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()  # type: ignore[no-untyped-call]
    return time.process_time() - begin


def measure(models: Mapping[str, nn.Module], tokens: Tensor, rounds: int) -> dict[str, float]:
    """The median seconds of every model over interleaved rounds, after one round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for number in tqdm(range(rounds + 1), desc=f"length {tokens.shape[1]}", leave=False):
        for name, model in models.items():
            taken = training_step(model, tokens)
            if number:
                seconds[name].append(taken)
    return {name: statistics.median(values) for name, values in seconds.items()}


def report(length: int, seconds: Mapping[str, float]) -> list[str]:
    """One line per model: milliseconds, and how many times faster than the first."""
    reference = next(iter(seconds.values()))
    return [
        f"{length:6d}  {name:20s} {1000 * taken:9.1f} ms {reference / taken:8.2f}" for name, taken in seconds.items()
    ]


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.training_step", description="Time of a training step."
    )
    parser.add_argument("--lengths", type=int, nargs="+", default=[64, 128, 256], help="tokens in a sequence")
    parser.add_argument("--rounds", type=int, default=5, help="counted steps per model")
    options = parser.parse_args(arguments)
    if min(options.lengths) < 2 or options.rounds < 1:
        parser.error(f"--lengths must be at least 2 and --rounds at least 1, not {options.lengths}, {options.rounds}")
    torch.set_num_threads(1)
    print("length  model                   median  times faster than the original")
    for length in options.lengths:
        tokens = torch.randint(VOCABULARY, (BATCH, length), generator=torch.Generator().manual_seed(length))
        print(*report(length, measure(make_models(length), tokens, options.rounds)), sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
