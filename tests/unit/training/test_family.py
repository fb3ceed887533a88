"""The relatives on the bench: what each layer reads, what is handed on, and that all are trained alike."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from feedback_lite import CausalTransformer, FeedbackConfig, FeedbackTransformer
from feedback_lite.lesson.literature import WORKS
from feedback_lite.lesson.wiring import Cell, cells, longest_ways
from feedback_lite.tasks import TASKS, ShellGame, make_task
from feedback_lite.training import family as bench
from feedback_lite.training import records, train, usual_config
from feedback_lite.training.comparison import BUDGETS, SEEDS
from feedback_lite.training.family import FAMILY, FEEDBACK, LAYERS, RELATIVES, Bench, FamilyTransformer, Trial
from feedback_lite.training.loop import Recipe
from feedback_lite.training.opponents import SeparateKeysValues

# Trainings, which shape checks slow down; the models' own shapes are checked below.
pytestmark = pytest.mark.usefixtures("unchecked_module")

GAME = ShellGame(cups=3)
SMALL: dict[str, object] = {"d_model": 10, "num_heads": 2, "head_dim": 5, "memory_size": 99}
NAMES = tuple(RELATIVES)
Model = TypeVar("Model", bound=nn.Module)
TOKENS = {"Transformer-XL": 23, "RLT": 11}
"""Tokens in a text: more than a segment with its cache, or more than a window."""


def config(name: str = FEEDBACK, **changes: object) -> FeedbackConfig:
    found = usual_config("feedback", GAME, **{**SMALL, "num_layers": RELATIVES[name].layers, **changes})
    assert isinstance(found, FeedbackConfig)
    return found


def shaken(model: Model) -> Model:
    """Return the model in float64, with weights far from their start."""
    model.double()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        for parameter in model.parameters():
            parameter.data.add_(0.3 * torch.randn_like(parameter))
    return model


def relative(name: str) -> FamilyTransformer:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return shaken(FamilyTransformer(RELATIVES[name], config(name)))


def texts(length: int, number: int = 1) -> Tensor:
    return GAME.sample(batch_size=number, length=length, generator=torch.Generator().manual_seed(5)).tokens


# What each cell is computed from, after the equations of each source; tokens count from 1, layer 0 is the embedding.


def below(token: int, layer: int) -> set[Cell]:
    return {Cell(past, layer - 1) for past in range(1, token + 1)}


def cached(token: int, layer: int) -> set[Cell]:
    segment = token - (token - 1) % 10
    return {Cell(past, layer - 1) for past in range(max(1, segment - 10), token + 1)}


def all_layers(token: int, layer: int, *, layers: int = LAYERS) -> set[Cell]:
    return {Cell(past, other) for past in range(1, token) for other in range(layers + 1)} | {Cell(token, layer - 1)}


def last_layer(token: int, layer: int) -> set[Cell]:
    return {Cell(past, LAYERS) for past in range(1, token)} | {Cell(token, layer - 1)}


def own_layer(token: int, layer: int) -> set[Cell]:
    return {Cell(past, layer) for past in range(1, token)} | {Cell(token, layer - 1)}


def handed(source: int, enters: tuple[int, ...]) -> Callable[[int, int], set[Cell]]:
    """A layer reads what entered it: what the layer below made of a token, joined with what the token before sent."""

    def reads(token: int, layer: int) -> set[Cell]:
        sent = {Cell(past - 1, source) for past in range(2, token + 1)} if layer in enters else set()
        return below(token, layer) | sent

    return reads


def windowed(token: int, layer: int) -> set[Cell]:
    if layer == 1:
        return below(token, layer)
    window = range(max(1, token - 7), token + 1)
    sent = {Cell(past - 1, 3) for past in window if past > 1} if layer == 2 else set()
    return {Cell(past, layer - 1) for past in window} | below(token, 2) | sent


READS: dict[str, Callable[[int, int], set[Cell]]] = {
    "ordinary": below,
    "Transformer-XL": cached,
    "Universal": below,
    "feedback": all_layers,
    "feedback, separate keys and values": all_layers,
    "feedback, memory normed": all_layers,
    "feedback, one layer": lambda token, layer: all_layers(token, layer, layers=1),
    "LCKV": last_layer,
    "Recurrent T.": own_layer,
    "LRT": handed(2, (1, 2, 3)),
    "T2MLR": handed(2, (2,)),
    "Full-bandw.": handed(3, (1,)),
    "RLT": windowed,
}


def watched(model: FamilyTransformer, tokens: Tensor, change: Callable[[Cell, Tensor], Tensor]) -> dict[Cell, Tensor]:
    """Return what every cell was computed to be, where ``change`` says what takes its place for the cells after it."""
    computed: dict[Cell, Tensor] = {}

    def watch(rows: Tensor, start: int, layer: int) -> Tensor:
        found = {Cell(start + row + 1, layer): vector for row, vector in enumerate(rows)}
        computed.update(found)
        return torch.stack([change(cell, vector) for cell, vector in found.items()])

    model.watch = watch
    with torch.no_grad():
        model(tokens)
    return computed


@pytest.mark.parametrize("name", NAMES)
def test_moving_a_cell_moves_those_that_read_it_and_no_others(name: str) -> None:
    model, depth = relative(name), RELATIVES[name].depth
    tokens = texts(TOKENS.get(name, 5))
    still = watched(model, tokens, lambda _, vector: vector)
    assert set(still) == set(cells(tokens.shape[1], depth))
    push = torch.linspace(-1, 2, SMALL["d_model"], dtype=torch.float64)  # type: ignore[call-overload]
    found = {cell: set() for cell in still}
    for moved in still:
        # All others stay where they were, so that only what reads the moved cell itself can move.
        computed = watched(model, tokens, lambda cell, _: still[cell] + push * (cell == moved))  # noqa: B023
        for cell, vector in computed.items():
            if not torch.allclose(vector, still[cell], rtol=0, atol=1e-12):
                found[cell].add(moved)
    expected = {cell: READS[name](*cell) if cell.layer else set() for cell in still}
    assert found == expected


@pytest.mark.parametrize("name", ["ordinary", FEEDBACK, "LCKV", "Recurrent T.", "LRT", "Full-bandw.", "RLT"])
def test_what_reaches_a_cell_is_what_reaches_it_in_the_drawing_of_the_work(name: str) -> None:
    drawn = next(work.wiring for work in WORKS if work.key == RELATIVES[name].work)

    @cache
    def reaching(cell: Cell) -> frozenset[Cell]:
        read = READS[name](*cell) if cell.layer else set()
        return frozenset(read).union(*map(reaching, read))

    for cell, ways in longest_ways(drawn, 4, LAYERS).items():
        assert reaching(cell) == set(ways), cell


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_depends_on_a_later_token(name: str) -> None:
    model, tokens = relative(name), texts(TOKENS.get(name, 7), number=3)
    before = model(tokens).logits
    for changed in range(tokens.shape[1]):
        others = tokens.clone()
        others[:, changed] = (others[:, changed] + 1) % len(GAME.vocabulary)
        after = model(others).logits
        assert torch.equal(after[:, :changed], before[:, :changed])
        assert not torch.allclose(after[:, changed], before[:, changed])


def test_no_gradient_flows_through_the_cache_of_a_segment() -> None:
    model, tokens = relative("Transformer-XL"), texts(23)
    model(tokens).logits[:, 20:].sum().backward()
    kept = model.embedding.weight.grad
    assert kept is not None
    own = set(tokens[0, 20:].tolist())
    assert set(kept.abs().sum(dim=1).nonzero().flatten().tolist()) == own != set(tokens[0].tolist())


# The same as the package's own models.


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights by the names that they have here."""

    def name(old: str) -> str:
        if old.startswith("others."):
            number, rest = old.removeprefix("others.").split(".", 1)
            return f"to_keys_values.{int(number) + 1}.{rest}"
        return old.removeprefix("model.").replace("to_keys_values.linear", "to_keys_values.0.linear")

    return {name(old): weight for old, weight in state.items()}


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("ordinary", lambda: CausalTransformer(config())),
        (FEEDBACK, lambda: FeedbackTransformer(config())),
        ("feedback, one layer", lambda: FeedbackTransformer(config(num_layers=1))),
        ("LCKV", lambda: FeedbackTransformer(config(memory_from="last"))),
        ("feedback, separate keys and values", lambda: SeparateKeysValues(FeedbackTransformer(config()))),
    ],
)
def test_the_same_weights_give_what_the_package_gives(name: str, package: Callable[[], nn.Module]) -> None:
    expected, found, tokens = shaken(package()), relative(name), texts(13, number=3)
    found.load_state_dict(renamed(expected.state_dict()))
    torch.testing.assert_close(found(tokens).logits, expected(tokens).logits, rtol=0, atol=1e-10)


def test_a_normed_memory_is_feedback_whose_memory_vectors_are_normed() -> None:
    model, tokens = relative("feedback, memory normed"), texts(7, number=3)
    plain = FeedbackTransformer(config()).double()
    state = model.state_dict()
    norm = nn.LayerNorm(plain.config.d_model).double()
    norm.load_state_dict({part: state.pop(f"memory_norm.{part}") for part in ("weight", "bias")})
    plain.load_state_dict({name.replace("to_keys_values.0", "to_keys_values"): state[name] for name in state})
    mix = plain.mix
    plain.mix = lambda hiddens: norm(mix(hiddens))  # type: ignore[method-assign]
    torch.testing.assert_close(model(tokens).logits, plain(tokens).logits, rtol=0, atol=1e-10)


# Training and the record.

SHORT = Recipe(steps=5, batch_size=3, length=4, warmup_steps=2)


@pytest.mark.parametrize("name", NAMES)
def test_models_trained_together_are_those_trained_alone(name: str) -> None:
    recipes = [replace(SHORT, seed=seed, learning_rate=rate) for seed, rate in ((0, 3e-3), (1, 1e-2), (0, 1e-2))]
    together, alone = ([relative(name) for _ in recipes] for _ in range(2))
    bench.train_together(together, GAME, recipes)
    for model, other, recipe in zip(together, alone, recipes, strict=True):
        train(other, GAME, recipe, progress=False)
        for weight, expected in zip(model.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(weight, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("task", FAMILY.steps)
def test_all_have_as_many_parameters_to_within_a_tenth(task: str) -> None:
    sizes = {name: contender.parameters() for name, contender in bench.contenders(make_task(task)).items()}
    assert tuple(sizes) == NAMES
    assert all(abs(size / sizes[FEEDBACK] - 1) < 0.1 for size in sizes.values())


@pytest.mark.parametrize("name", NAMES)
def test_one_head_starts_with_recency_and_the_other_at_zero(name: str) -> None:
    model = bench.contenders(GAME, (name,))[name].make(seed=0)
    assert isinstance(model, FamilyTransformer)
    assert model.bias.table.tolist() == [[-float(bucket), 0.0] for bucket in range(16)]


def test_every_relative_is_a_work_of_the_map() -> None:
    keys = {work.key for work in WORKS}
    assert {relative.work for relative in RELATIVES.values()} <= keys
    assert len({relative.work for relative in RELATIVES.values()}) >= 10
    assert set(FAMILY.steps) <= set(TASKS)
    assert set(READS) == set(NAMES)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(bench, "ANSWERS", 320)
    monkeypatch.setattr(bench, "seconds_per_update", lambda models, *_, **__: {model.name: 1.0 for model in models})
    return Bench({"parity": 2}, names=("ordinary", FEEDBACK), length=20, batch_size=3)


def test_an_interrupted_bench_goes_on_where_it_was(
    quick: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bench.family(quick, out=tmp_path / "whole.json")
    calls = iter(range(99))

    def interrupted(*arguments: object) -> None:
        if next(calls) == 2:
            raise KeyboardInterrupt
        trained(*arguments)  # type: ignore[arg-type]

    trained = bench.train_together
    monkeypatch.setattr(bench, "train_together", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench.family(quick, out=tmp_path / "parts.json")
    noted = (tmp_path / "parts.notes").read_text().count("\n")
    assert 1 < noted < (tmp_path / "whole.notes").read_text().count("\n")
    assert bench.family(quick, out=tmp_path / "parts.json") == whole
    assert json.loads((tmp_path / "parts.notes").read_text().split("\n")[1])["run"]["task"] == "parity"


def test_the_best_rate_by_the_selection_data_is_taken(quick: Bench, tmp_path: Path) -> None:
    record = bench.family(quick, out=tmp_path / "record.json")
    for run in record["runs"]:
        rates = {
            entry["learning_rate"]: entry["accuracy"] for entry in record["sweep"] if entry["model"] == run["model"]
        }
        assert rates[run["learning_rate"]] == max(rates.values())


def test_the_record_is_the_one_that_the_command_makes() -> None:
    record = records.load("family")
    assert [model["name"] for model in record["models"]] == list(FAMILY.names)
    assert {task: told["steps"] for task, told in record["tasks"].items()} == dict(FAMILY.steps)
    for model in record["models"]:
        for task in FAMILY.steps:
            contender = bench.contenders(make_task(task), (model["name"],))[model["name"]]
            assert (contender.config.d_model, contender.parameters()) == (
                model["width"][task],
                model["parameters"][task],
            )
            for budget in BUDGETS:
                seeds = [
                    run["seed"]
                    for run in record["runs"]
                    if (run["task"], run["model"]) == (task, model["name"]) and budget in run["budgets"]
                ]
                assert seeds == list(SEEDS)
    assert vars(Trial(task="t", model="m", steps=1, learning_rate=0.1, seed=0)).keys() <= record["runs"][0].keys()
