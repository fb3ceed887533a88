"""Trainings in stages: what each update reads, stops in the middle of a stage, cards, and stages that are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from feedback_lite.tasks import IGNORED, PrintedProgram, ShellGame
from feedback_lite.training import (
    MODELS,
    Recipe,
    Stage,
    Training,
    finished_card,
    from_card,
    make_model,
    processes,
    save,
    to_card,
    train,
    usual_config,
)
from feedback_lite.training.checkpoint import read_checkpoint, write_checkpoint
from tests.unit.training.small import TINY_SIZES, tiny, weights_of

# Trainings, which shape checks slow down; what is trained is checked with the model's own tests.
pytestmark = pytest.mark.usefixtures("unchecked_module")

TASK = PrintedProgram(variables=2, statements=5, largest=3)
STAGES = (
    Stage(steps=3, batch_size=5, length=8, task={"kinds": ["=", "print"], "answers": "every"}),
    Stage(steps=2, batch_size=3, length=16, task={"answers": "every"}),
    Stage(steps=4, batch_size=2, length=32),
)
RECIPE = Recipe.of_stages(STAGES, warmup_steps=2, seed=3)


def begin(kind: str = "feedback") -> Training:
    config = usual_config(kind, TASK, **TINY_SIZES[kind])
    return Training(make_model(kind, config, seed=RECIPE.seed), TASK, RECIPE)


def test_a_recipe_of_stages_ends_with_the_last_one() -> None:
    assert (RECIPE.steps, RECIPE.batch_size, RECIPE.length) == (9, 2, 32)
    found = [RECIPE.stage(step) for step in range(9)]
    assert found == [STAGES[0]] * 3 + [STAGES[1]] * 2 + [STAGES[2]] * 4
    plain = Recipe(steps=4, batch_size=3, length=5)
    assert plain.stage(2) == Stage(steps=4, batch_size=3, length=5)


def test_every_update_reads_the_sequences_of_its_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[int, ...]] = []
    answered: list[float] = []
    training = begin()
    logits = training.logits

    def watch(tokens: torch.Tensor) -> torch.Tensor:
        drawn.append(tuple(tokens.shape))
        answered.append(bool((tokens == TASK.vocabulary.index("if")).any()))
        return logits(tokens)

    monkeypatch.setattr(training, "logits", watch)
    training.run(progress=False)
    assert drawn == [(5, 8)] * 3 + [(3, 16)] * 2 + [(2, 32)] * 4
    assert answered[:3] == [False] * 3  # kinds: assignments and prints alone
    assert any(answered[3:])


def test_the_first_loss_is_that_of_the_first_stage() -> None:
    training = begin()
    program = PrintedProgram(variables=2, statements=5, largest=3, **STAGES[0].task)
    generator = torch.Generator().manual_seed(RECIPE.seed)
    tokens, targets = program.sample(batch_size=5, length=8, generator=generator)
    logits = begin().model(tokens).logits.log_softmax(dim=-1)
    asked = targets != IGNORED
    expected = -logits[asked].gather(1, targets[asked][:, None]).mean().item()
    assert training.update(0) == pytest.approx(expected, rel=1e-5)


class Stop(Exception):
    """Ends a training where a test wants it to end."""


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("last", [1, 3, 4, 7])
def test_stopped_in_the_middle_of_a_stage_it_ends_in_the_same_weights(kind: str, last: int) -> None:
    def stop(done: int) -> None:
        if done == last:
            raise Stop

    whole, stopped = begin(kind), begin(kind)
    whole.run(progress=False)
    with pytest.raises(Stop):
        stopped.run(progress=False, watch=stop)
    state, again = stopped.state_dict(), begin(kind)
    again.load_state_dict(state)
    assert again.run(progress=False) == whole.losses
    assert torch.equal(weights_of(again.model), weights_of(whole.model))


@pytest.mark.parametrize("kind", MODELS)
def test_a_card_with_stages_repeats_them(kind: str, tmp_path: Path) -> None:
    task = PrintedProgram()
    first = Stage(steps=2, batch_size=5, length=12, task={"kinds": ["=", "print"], "answers": "every"})
    recipe = Recipe.of_stages((first, Stage(steps=2, batch_size=7, length=40)), seed=3)
    config = usual_config(kind, task, **TINY_SIZES[kind])

    def trained(kind: str, task: Any, config: Any, recipe: Recipe, path: Path) -> dict[str, Any]:
        training = Training(make_model(kind, config, seed=recipe.seed), task, recipe)
        training.run(progress=False)
        save(training.model, finished_card(to_card(kind, task, config, recipe), training), path)
        found: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
        return found

    card = trained(kind, task, config, recipe, tmp_path / "first")
    assert from_card(card)[3] == recipe
    again = trained(*from_card(card), tmp_path / "second")
    assert (tmp_path / "first.safetensors").read_bytes() == (tmp_path / "second.safetensors").read_bytes()
    assert again["sha256"] == card["sha256"]
    assert list(card["accuracy_by_length"]) == ["12", "40"]


def test_impossible_stages_are_refused() -> None:
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        Stage(steps=1, batch_size=2, length=0)
    with pytest.raises(ValueError, match=r"the steps of all stages must sum up to 8, got 9 in \(Stage"):
        Recipe(steps=8, batch_size=2, length=32, stages=STAGES)
    with pytest.raises(ValueError, match=r"the last stage must have batch_size=2 and length=31, got Stage"):
        Recipe(steps=9, batch_size=2, length=31, stages=STAGES)
    with pytest.raises(ValueError, match="stages must be at least one, got none"):
        Recipe.of_stages(())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cups": 4}, "'cups' is no option of the task 'shell-game' that can change"),
        ({"answers": "every"}, "'answers' is no option of the task 'shell-game' that can change"),
    ],
)
def test_a_stage_that_the_task_does_not_have_is_refused_before_the_first_update(
    options: dict[str, Any], sentence: str
) -> None:
    stages = (Stage(steps=2, batch_size=2, length=4), Stage(steps=2, batch_size=2, length=4, task=options))
    with pytest.raises(ValueError, match=sentence):
        train(tiny(), ShellGame(cups=3), Recipe.of_stages(stages), progress=False)


EVERY = {"answers": "every"}
PIECES = Recipe.of_stages(
    (Stage(steps=7, batch_size=2, length=8, task=EVERY, pieces=3), Stage(steps=2, batch_size=2, length=8, task=EVERY)),
    warmup_steps=2,
    seed=3,
)


def begin_pieces(kind: str = "feedback") -> Training:
    return Training(make_model(kind, usual_config(kind, TASK, **TINY_SIZES[kind]), seed=3), TASK, PIECES)


def test_pieces_read_on_with_the_memory_that_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    training = begin_pieces()
    read: list[torch.Tensor] = []
    came: list[int] = []
    forward = training.model.forward

    def watch(tokens: torch.Tensor, memory: Any = None) -> Any:
        read.append(tokens)
        came.append(0 if memory is None else len(memory))
        assert memory is None or not memory.keys.requires_grad
        output = forward(tokens, memory)
        left.append(output.memory)
        return output

    left: list[Any] = []
    monkeypatch.setattr(training.model, "forward", watch)
    training.run(progress=False)
    slots = TINY_SIZES["feedback"]["memory_size"]
    full = min(slots, 8)
    assert came == [0, full, min(slots, 16), 0, full, min(slots, 16), 0, 0, 0]
    generator = torch.Generator().manual_seed(PIECES.seed)
    for first in (0, 3):
        stream = TASK.sample(batch_size=2, length=24, generator=generator).tokens
        assert torch.equal(torch.cat(read[first : first + 3], dim=1), stream)
    # The stage ends in the middle of its last sequences; the next one begins with its own.
    assert torch.equal(read[6], TASK.sample(batch_size=2, length=24, generator=generator).tokens[:, :8])
    assert torch.equal(read[7], TASK.sample(batch_size=2, length=8, generator=generator).tokens)


@pytest.mark.parametrize("last", [1, 2, 3, 7])
def test_stopped_between_pieces_it_ends_in_the_same_weights(last: int, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done == last:
            raise Stop

    whole, stopped, again = begin_pieces(), begin_pieces(), begin_pieces()
    whole.run(progress=False)
    with pytest.raises(Stop):
        stopped.run(progress=False, watch=stop)
    write_checkpoint(tmp_path / "stopped", {"training": stopped.state_dict()})
    again.load_state_dict(read_checkpoint(tmp_path / "stopped")["training"])
    assert again.run(progress=False) == whole.losses
    assert torch.equal(weights_of(again.model), weights_of(whole.model))


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "feedback"])
def test_pieces_are_refused_where_no_memory_is_carried(kind: str) -> None:
    with pytest.raises(ValueError, match="pieces must be 1 for a model that carries no memory, got 3"):
        begin_pieces(kind)


def test_pieces_are_refused_in_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "num_processes", lambda: 2)
    processes.check_pieces(1)
    with pytest.raises(ValueError, match="pieces must be 1 where 2 processes train together, got 3"):
        processes.check_pieces(3)


def test_a_piece_without_an_answer_is_refused() -> None:
    stage = Stage(steps=3, batch_size=1, length=1, task=EVERY, pieces=4)  # the first token is a name
    config = usual_config("feedback", TASK, **TINY_SIZES["feedback"])
    training = Training(make_model("feedback", config, seed=3), TASK, Recipe.of_stages((stage,)))
    with pytest.raises(ValueError, match="no position of 1 sequences of printed-program has an answer at length 1"):
        training.run(progress=False)
