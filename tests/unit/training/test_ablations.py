"""Ablations: what each setting changes, and that it changes nothing else."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from feedback_lite import FeedbackTransformer, engine
from feedback_lite.tasks import ShellGame, Task
from feedback_lite.training import Recipe, ablations, comparison, make_model, records, train, usual_config
from feedback_lite.training.ablations import (
    ABLATIONS,
    CIRCUMSTANCES,
    Setting,
    ToTheEnd,
    ablate,
    fix_layer_weights,
    largest_hidden,
    learned_shares,
    measure_setting,
    run_of,
)
from feedback_lite.training.opponents import SeparateKeysValues

# Trainings, which shape checks slow down; what is trained is checked with the model's own tests.
pytestmark = pytest.mark.usefixtures("unchecked_module")

GAME = ShellGame(cups=3)


def fresh(**changes: Any) -> FeedbackTransformer:
    model = make_model("feedback", usual_config("feedback", GAME, **changes), seed=3)
    assert isinstance(model, FeedbackTransformer)
    return model


def games(number: int = 5, length: int = 7) -> torch.Tensor:
    return GAME.sample(batch_size=number, length=length, generator=torch.Generator().manual_seed(1)).tokens


def test_the_last_layer_alone_is_the_model_whose_memory_comes_from_the_last_layer() -> None:
    expected = fresh(memory_from="last")
    model = fix_layer_weights(fresh(), layer=2)
    model.load_state_dict({**expected.state_dict(), "layer_weights": model.layer_weights})
    torch.testing.assert_close(model(games()).logits, expected(games()).logits, rtol=0, atol=1e-6)


def test_the_embedding_alone_makes_a_memory_that_no_layer_reaches() -> None:
    model = fix_layer_weights(fresh(), layer=0)
    before = model(games()).memory.keys
    with torch.no_grad():
        for parameter in model.blocks.parameters():
            parameter.add_(1.0)
    assert torch.equal(model(games()).memory.keys, before)


def test_fixed_shares_stay_as_they_are_and_learned_ones_do_not() -> None:
    recipe = Recipe(steps=5, batch_size=3, length=4, warmup_steps=0)
    fixed, learned = fix_layer_weights(fresh()), fresh()
    for model in (fixed, learned):
        train(model, GAME, recipe, progress=False)
    assert fixed.layer_weights.tolist() == [0, 0, 0]
    assert 0 not in learned.layer_weights.tolist()
    assert learned_shares(fixed) is None
    shares = learned_shares(learned)
    assert shares is not None
    assert sum(shares) == pytest.approx(1, abs=0.002)


def test_separate_projections_that_are_alike_are_the_shared_one() -> None:
    model = fresh(memory_size=3)
    separate = SeparateKeysValues(model)
    assert len(separate.others) == 1
    with torch.no_grad():
        separate.others[0].linear.weight.copy_(model.to_keys_values.linear.weight)
    expected = model(games())
    output = separate(games())
    torch.testing.assert_close(output.logits, expected.logits, rtol=0, atol=1e-6)
    torch.testing.assert_close(output.memory.keys, expected.memory.keys, rtol=0, atol=1e-6)
    with torch.no_grad():
        separate.others[0].linear.weight.add_(0.5)
    assert not torch.allclose(separate(games()).logits, expected.logits, rtol=0, atol=1e-3)


def test_separate_projections_read_a_normed_memory() -> None:
    model = fresh(memory_norm=True)
    with torch.no_grad():
        model.memory_norm.weight.fill_(3)
    separate = SeparateKeysValues(model)
    with torch.no_grad():
        separate.others[0].linear.weight.copy_(model.to_keys_values.linear.weight)
    torch.testing.assert_close(separate(games()).logits, model(games()).logits, rtol=0, atol=1e-5)


def test_separate_projections_need_segments_of_one_token() -> None:
    with pytest.raises(ValueError, match="need segment_length=1"):
        SeparateKeysValues(fresh(segment_length=2))


@pytest.mark.parametrize("name", ABLATIONS)
def test_the_first_setting_is_the_usual_model(name: str) -> None:
    first = ABLATIONS[name][0].contender()
    if name == "memory-size":  # here it is the smallest
        assert first.config == usual_config("feedback", ShellGame(), memory_size=1)
    else:
        assert {**vars(first.config), "vocab_size": 0} == {**vars(usual_config("feedback", GAME)), "vocab_size": 0}
    assert first.change is None


def test_names_tell_settings_apart() -> None:
    for settings in ABLATIONS.values():
        assert len({setting.name for setting in settings}) == len(settings)


def test_a_training_that_breaks_off_is_measured_as_it_then_is() -> None:
    seen: list[int] = []

    def breaks(model: nn.Module, task: Task, recipe: Recipe, *, watch: Callable[[int], None]) -> None:
        watch(1)
        watch(2)
        raise FloatingPointError

    trainer = ToTheEnd(breaks)
    trainer(fresh(), GAME, Recipe(steps=5), watch=seen.append)
    assert (trainer.broke_off, seen) == (2, [1, 2])
    trainer = ToTheEnd(train)
    trainer(fresh(), GAME, Recipe(steps=2, batch_size=3, length=4), progress=False)
    assert trainer.broke_off is None


def test_the_largest_hidden_number_is_found_and_its_growth_too() -> None:
    model, found = fresh(), []
    for _ in range(2):
        seen: list[float] = []
        hooks = [
            block.register_forward_hook(lambda _, __, result, seen=seen: seen.append(result[0].abs().max().item()))
            for block in model.blocks
        ]
        generator = torch.Generator().manual_seed(comparison.RECORD_EVALUATION["seed"])
        tokens = GAME.sample(batch_size=32, length=30, generator=generator).tokens
        with engine.use("plain"):
            model(tokens)
        for hook in hooks:
            hook.remove()
        found.append(largest_hidden(model, GAME, length=30))
        assert found[-1] == pytest.approx(max(*seen, model.embedding(tokens).abs().max().item()), rel=0.01)
        with torch.no_grad():
            for parameter in (*model.blocks.parameters(), *model.to_keys_values.parameters()):
                parameter.mul_(4)
    assert found[1] > 1e6 > found[0]
    with torch.no_grad():
        model.embedding.weight.fill_(float("inf"))
    assert largest_hidden(model, GAME, length=30) is None


def test_settings_that_differ_in_more_than_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning rate, length and engine of a setting are those of its training."""
    seen = []

    def note(contender: Any, task: Any, recipe: Recipe, trainer: Any) -> tuple[nn.Module, dict[str, Any]]:
        seen.append((recipe.learning_rate, recipe.length, engine.wanted.get()))
        return nn.Identity(), {}

    setting = Setting(name="other", learning_rate=0.1, length=7, engine="torch")
    monkeypatch.setitem(ablations.ABLATIONS, "segments", (Setting(name="usual"), setting))
    monkeypatch.setattr(ablations, "measure", note)
    for each in ABLATIONS["segments"]:
        measure_setting("segments", run_of(each, seed=0))
    assert seen == [(0.003, 20, "auto"), (0.1, 7, "torch")]


def test_every_circumstance_comes_with_the_norm_and_without() -> None:
    settings = ABLATIONS["memory-norm"]
    pairs = list(zip(settings[::2], settings[1::2], strict=True))
    assert len(pairs) == len(CIRCUMSTANCES)
    for without, normed in pairs:
        assert normed.changes == {**without.changes, "memory_norm": True}
        named = {"name": without.name, "changes": without.changes}
        assert dataclasses.replace(normed, **named) == without


def test_a_record_holds_three_seeds_of_every_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (Setting(name="learned", steps=2), Setting(name="fixed", steps=2, surgery="equal shares"))
    monkeypatch.setitem(ablations.ABLATIONS, "layer-weights", settings)
    monkeypatch.setattr(comparison, "LENGTHS", (5,))
    for name in ("RECORD_EVALUATION", "SELECTION", "CURVE"):
        monkeypatch.setitem(getattr(comparison, name), "sequences", 7)
    record = ablate("layer-weights", out=tmp_path / "a.json")
    assert [(row["setting"], row["seed"]) for row in record["runs"]] == [
        (name, seed) for name in ("learned", "fixed") for seed in (0, 1, 2)
    ]
    assert [row["layer_shares"] is None for row in record["runs"]] == [False] * 3 + [True] * 3
    assert {tuple(row["accuracy_by_length"]) for row in record["runs"]} == {("5", "20")}
    assert [setting["surgery"] for setting in record["settings"]] == [None, "equal shares"]
    assert record["command"].startswith("python -m feedback_lite.training ablate layer-weights")


@pytest.mark.parametrize("name", [name for name in ABLATIONS if f"ablate-{name}" in records.names()])
def test_what_ships_was_made_of_these_settings(name: str) -> None:
    record = records.load(f"ablate-{name}")
    settings = ABLATIONS[name]
    assert [(each["name"], each["task"], each["changes"], each["surgery"]) for each in record["settings"]] == [
        (each.name, each.task, dict(each.changes), each.surgery) for each in settings
    ]
    assert [(each.get("shortcut"), each.get("asks_every", 1)) for each in record["settings"]] == [
        (each.shortcut, each.asks_every) for each in settings
    ]
    assert [
        (each.get("learning_rate", ablations.LEARNING_RATE), each.get("length", record["trained_length"]))
        for each in record["settings"]
    ] == [(each.learning_rate, each.length) for each in settings]
    assert [(row["setting"], row["steps"], row["seed"]) for row in record["runs"]] == [
        (each.name, each.steps, seed) for each in settings for seed in comparison.SEEDS
    ]
    assert record["evaluation"] == comparison.RECORD_EVALUATION


def test_a_recorded_run_can_be_repeated() -> None:
    # The shortest of all. Training differs from machine to machine: sums are taken in another order, and small
    # differences grow.
    (setting,) = (each for each in ABLATIONS["segments"] if each.name == "segments of 10")
    (recorded,) = (
        row
        for row in records.load("ablate-segments")["runs"]
        if (row["setting"], row["steps"], row["seed"]) == (setting.name, 600, 0)
    )
    measured = measure_setting("segments", run_of(setting, seed=0))
    assert measured["accuracy_by_length"] == pytest.approx(recorded["accuracy_by_length"], rel=0, abs=0.05)


def test_unknown_ablations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ablation must be one of 'layer-weights', .*got 'depth'"):
        ablate("depth", out=tmp_path / "a.json")
