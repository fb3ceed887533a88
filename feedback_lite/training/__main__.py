"""The command line ``python -m feedback_lite.training``: train, repeat, resume, and the studies compare and ablate."""

import argparse
import json
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from feedback_lite.config import check_size
from feedback_lite.engine import EngineUnavailable
from feedback_lite.files import beside, write_whole
from feedback_lite.tasks import TASKS, make_task
from feedback_lite.training import programs, records
from feedback_lite.training.ablations import ABLATIONS, ablate
from feedback_lite.training.cards import (
    MODELS,
    finished_card,
    from_card,
    made_as,
    make_model,
    save,
    to_card,
    usual_config,
)
from feedback_lite.training.checkpoint import read_checkpoint, write_checkpoint
from feedback_lite.training.comparison import STUDIES, compare
from feedback_lite.training.family import FAMILY, family
from feedback_lite.training.loop import Recipe, Training
from feedback_lite.training.processes import find_device, join_processes, num_processes, rank, sum_over_processes
from feedback_lite.training.rounding import round_weights

CHECKPOINT = ".checkpoint"
SIZES = {
    "steps": (500, "number of updates"),
    "length": (20, "tokens per sequence; the model is measured at this length, twice and four times it"),
    "batch_size": (64, "sequences per update"),
}
"""Sizes of a training without stages: the usual one, and what it is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parsed = parse(arguments)
    # One thread: sums are then taken in one order, and the same command gives the same weights on one machine.
    torch.set_num_threads(1)
    try:
        device = find_device(parsed.device)
        if device.type == "cuda":  # the same for a GPU, as far as PyTorch can
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True, warn_only=True)
        with join_processes(device):
            status: int = parsed.run(parsed, device)
            return status
    except KeyboardInterrupt:
        print("stopped before the first update; nothing was written", file=sys.stderr)
        return 130
    except (EngineUnavailable, FloatingPointError, OSError, TypeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def train(parsed: argparse.Namespace, device: torch.device) -> int:
    """Train a model on a task."""
    check_free(parsed.out)
    kind, task = parsed.model, make_task(parsed.task)
    if parsed.staged:
        made = staged_card(parsed) | rounded(parsed)
        return carry_out(made, start(made, device), parsed.out, every=parsed.checkpoint_every)
    changes: dict[str, Any] = {"bias_init": "zeros"} if kind == "ordinary" else {}
    if parsed.memory_size is not None:
        if kind != "feedback":
            raise ValueError(f"--memory-size belongs to the model 'feedback': the model {kind!r} has no memory")
        changes["memory_size"] = parsed.memory_size
    steps, length, batch_size = (
        default if getattr(parsed, name) is None else getattr(parsed, name) for name, (default, _) in SIZES.items()
    )
    recipe = Recipe(
        steps=steps, batch_size=batch_size, length=length, learning_rate=parsed.learning_rate, seed=parsed.seed
    )
    made = to_card(kind, task, usual_config(kind, task, **changes), recipe) | rounded(parsed)
    return carry_out(made, start(made, device), parsed.out, every=parsed.checkpoint_every)


def rounded(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return what a card says of weights that are rounded in the end; nothing of others."""
    return {"rounded": True} if parsed.rounded else {}


def staged_card(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return how a model is made with the sizes and the stages of the study of its task."""
    if parsed.task != programs.TASK.name:
        raise ValueError(f"--staged belongs to the task {programs.TASK.name!r}: {parsed.task!r} has no stages")
    for name in (*SIZES, "memory_size"):
        if getattr(parsed, name) is not None:
            raise ValueError(f"--{name.replace('_', '-')} is set by the stages: leave it out, or leave out --staged")
    contender = programs.of_kind(parsed.model)
    recipe = Recipe.of_stages(programs.stages(), learning_rate=parsed.learning_rate, seed=parsed.seed)
    return to_card(contender.kind, programs.TASK, contender.config, recipe)


def repeat(parsed: argparse.Namespace, device: torch.device) -> int:
    """Train again exactly as a card says, and tell whether the weights are the same again."""
    check_free(parsed.out)
    text = parsed.card.read_bytes()
    try:
        card = json.loads(text)
        made = made_as(card)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{parsed.card} is not the card of a model ({error!r})") from error
    training = start(made, device)
    training.engine = card.get("engine", "plain")  # cards without one are from the time before there were several
    status = carry_out(made, training, parsed.out, every=parsed.checkpoint_every)
    if status == 0 and rank() == 0:
        written = json.loads(beside(parsed.out, ".json").read_bytes())
        those = "those" if written["sha256"] == card.get("sha256") else "not bit for bit those"
        print(f"the weights are {those} of {parsed.card}")
    return status


def resume(parsed: argparse.Namespace, device: torch.device) -> int:
    """Go on with a training that was stopped, and write its results where it was to write them."""
    path: Path = parsed.checkpoint
    if path.suffix != CHECKPOINT:
        raise ValueError(f"the name of a checkpoint ends in {CHECKPOINT}, got {path}")
    check_writable(*files_of(path.with_suffix("")))
    stopped = read_checkpoint(path)
    try:
        made = made_as(stopped)
        training = start(made, device)
        training.load_state_dict(stopped["training"])
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is a broken checkpoint ({error!r})") from error
    return carry_out(made, training, path.with_suffix(""), every=parsed.checkpoint_every)


def study(parsed: argparse.Namespace, make_record: Callable[..., dict[str, Any]], subject: Any, **options: Any) -> int:
    """Make the record of a study and write it; Ctrl-C leaves what is done so far in the study's notes."""
    out: Path = parsed.out
    if out.suffix != ".json":
        raise ValueError(f"--out must end in .json, got {out}")
    notes = out.with_suffix(".notes")
    check_writable(out, notes)
    try:
        record = make_record(subject, out=out, **options)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on with what {notes} holds", file=sys.stderr)
        return 130
    write_whole(out, records.as_text(record).encode())
    notes.unlink(missing_ok=True)
    print(f"wrote {out}")
    return 0


def compare_models(parsed: argparse.Namespace, _: torch.device) -> int:
    """Make the record of a comparison."""
    if parsed.task == programs.TASK.name:
        return study(parsed, programs.compare_programs, programs.ENTRIES, jobs=parsed.jobs)
    return study(parsed, compare, STUDIES[parsed.task], jobs=parsed.jobs)


def start(made: dict[str, Any], device: torch.device) -> Training:
    """Return a training with no update done."""
    kind, task, config, recipe = from_card(made)
    return Training(make_model(kind, config, seed=recipe.seed).to(device), task, recipe)


def carry_out(made: dict[str, Any], training: Training, out: Path, *, every: int | None) -> int:
    """Train to the end, write weights and card, and return the exit status; Ctrl-C leaves a checkpoint instead.

    Args:
        made: how the model is made, as `to_card` tells it; with "rounded", its weights are rounded in the end.
        training: the training, no matter how far it is.
        out: path of the files to write, without suffix.
        every: number of updates after which a checkpoint is written, again and again.
    """
    weights, card, checkpoint = files_of(out)
    if every is not None:
        check_size("--checkpoint-every", every)

    def keep() -> None:
        if rank() == 0:
            write_checkpoint(checkpoint, {**made, "training": training.state_dict()})

    def watch(done: int) -> None:
        if sum_over_processes(len(interrupts)) > 0:  # all processes stop after the same update
            raise KeyboardInterrupt
        if every is not None and done % every == 0:
            keep()

    try:
        with noting_interrupts() as interrupts:
            training.run(watch=watch)
        if interrupts:
            raise KeyboardInterrupt
        if rank() == 0:
            if made.get("rounded"):
                round_weights(training.model)
            result = finished_card(made, training)
            save(training.model, result, out)
    except KeyboardInterrupt:
        with noting_interrupts():
            keep()
        if rank() == 0:
            print(say_how_to_go_on(training, checkpoint), file=sys.stderr)
        return 130
    if rank() == 0:
        checkpoint.unlink(missing_ok=True)
        print(json.dumps({name: result[name] for name in ("parameters", "cpu_seconds", "accuracy_by_length")}))
        print(f"wrote {weights} and {card}")
    return 0


def say_how_to_go_on(training: Training, checkpoint: Path) -> str:
    """Return the sentence for a training that was stopped."""
    launcher = "python" if num_processes() == 1 else f"torchrun --nproc-per-node {num_processes()}"
    command = f"{launcher} -m feedback_lite.training resume {shlex.quote(str(checkpoint))}"
    return f"stopped after {len(training.losses)} of {training.recipe.steps} updates; go on with: {command}"


@contextmanager
def noting_interrupts() -> Iterator[list[int]]:
    """Note every Ctrl-C in a list while the block lasts, where it could otherwise end an update half-way."""
    noted: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: noted.append(number))
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def files_of(out: Path) -> tuple[Path, Path, Path]:
    """Return the files of a training: weights, card and checkpoint."""
    return beside(out, ".safetensors"), beside(out, ".json"), beside(out, CHECKPOINT)


def check_free(out: Path) -> None:
    """Raise before any work where results could not be written, or a training that was stopped would be lost."""
    check_writable(*files_of(out))
    checkpoint = files_of(out)[2]
    if checkpoint.exists():
        raise OSError(
            f"{checkpoint} holds a training that was stopped: go on with `resume {checkpoint}`, remove it, or choose "
            "another --out"
        )


def check_writable(*paths: Path) -> None:
    """Raise before any work where files of these names could not be written afterwards."""
    for path in paths:
        if not path.parent.is_dir():
            raise OSError(f"--out must lie in an existing folder, got {path}")
        if path.is_dir():
            raise OSError(f"--out must leave the names of its files free, but {path} is a folder")
        try:
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise OSError(f"--out must lie in a folder that can be written to: {error}") from error


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m feedback_lite.training",
        description="Train a small model on a task; write its weights, and a card that tells how they were made.",
    )
    commands = parser.add_subparsers(required=True)

    train_command = commands.add_parser("train", help="train a model on a task")
    train_command.set_defaults(run=train)
    train_command.add_argument("task", choices=TASKS)
    train_command.add_argument("--model", choices=MODELS, default="feedback")
    train_command.add_argument("--memory-size", type=int, help="slots of the feedback model's memory (default: 16)")
    train_command.add_argument(
        "--staged", action="store_true", help="with the sizes of model and the stages of the study of printed-program"
    )
    train_command.add_argument(
        "--rounded",
        action="store_true",
        help="round each weight to 8 bits in the end, so that a page holds it in one byte",
    )
    for name, (size, help_text) in SIZES.items():
        train_command.add_argument(f"--{name.replace('_', '-')}", type=int, help=f"{help_text} (default: {size})")
    for option, default, help_text in (
        ("--learning-rate", 3e-3, "the highest one"),
        ("--seed", 0, "starts weights, data and dropout"),
    ):
        train_command.add_argument(
            option, type=type(default), default=default, help=f"{help_text} (default: %(default)s)"
        )

    repeat_command = commands.add_parser("repeat", help="train again exactly as a card says")
    repeat_command.set_defaults(run=repeat)
    repeat_command.add_argument("card", type=Path, help="the JSON card beside a model's weights")

    resume_command = commands.add_parser("resume", help="go on with a training that was stopped")
    resume_command.set_defaults(run=resume)
    resume_command.add_argument("checkpoint", type=Path, help="the file that the stopped training wrote")

    compare_command = commands.add_parser("compare", help="train several models on a task and record how each does")
    compare_command.set_defaults(run=compare_models)
    compare_command.add_argument("task", choices=(*STUDIES, programs.TASK.name))

    ablate_command = commands.add_parser("ablate", help="change one thing of the model and record what that does")
    ablate_command.set_defaults(run=lambda parsed, _: study(parsed, ablate, parsed.name, jobs=parsed.jobs))
    ablate_command.add_argument("name", choices=ABLATIONS)

    family_command = commands.add_parser("family", help="train the relatives of the feedback model on one bench")
    family_command.set_defaults(run=lambda parsed, _: study(parsed, family, FAMILY))

    for command in (compare_command, ablate_command, family_command):
        command.set_defaults(device="cpu")
        command.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    for command in (compare_command, ablate_command):
        command.add_argument("--jobs", type=int, default=1, help="number of processes (default: %(default)s)")
    for command in (train_command, repeat_command):
        command.add_argument("--out", type=Path, required=True, help="path of the files to write, without suffix")
    for command in (train_command, repeat_command, resume_command):
        command.add_argument(
            "--device", default="cpu", help="cpu, cuda, a numbered one such as cuda:1, or mps (default: %(default)s)"
        )
        command.add_argument(
            "--checkpoint-every", type=int, metavar="N", help="also write a checkpoint every N updates"
        )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
