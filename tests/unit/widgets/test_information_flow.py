"""What reaches which cell: held against counting by hand and against the gradients of real models."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from traitlets import TraitError

from feedback_lite import FeedbackConfig, FeedbackTransformer, Memory
from feedback_lite.widgets import Arrangement, Cell, InformationFlow, longest_ways
from feedback_lite.widgets.information_flow import DIGITS, cells
from tests.kinds.information_flow import ARRANGEMENTS, information_flow

TOKENS, LAYERS = 7, 2  # as information_flow() has them


def reached_in_model(config: FeedbackConfig) -> dict[Cell, set[Cell]]:
    """For every cell the cells whose change would change it: those that get a gradient."""
    model = FeedbackTransformer(config).double()
    generator = torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    nudges: dict[Cell, Tensor] = {}
    found: dict[Cell, Tensor] = {}
    start = 0

    def nudge(layer: int, hidden: Tensor) -> Tensor:
        parts = []
        for place, vector in enumerate(hidden.unbind(dim=1)):
            cell = Cell(start + place + 1, layer)
            nudges[cell] = torch.zeros_like(vector, requires_grad=True)
            parts.append(vector + nudges[cell])
            found[cell] = parts[-1].sum()
        return torch.stack(parts, dim=1)

    for layer, block in enumerate(model.blocks, start=1):
        block.register_forward_hook(lambda module, given, came, layer=layer: (nudge(layer, came[0]), came[1]))
    embedded = model.embedding(torch.arange(TOKENS)[None])
    memory = Memory(*model.to_keys_values(embedded[:, :0]))
    for segment in embedded.split(config.segment_length, dim=1):
        hiddens = model.read(nudge(0, segment), memory).hiddens
        memory = model.write(hiddens, memory)
        start += segment.shape[1]
    reached = {}
    for cell, value in found.items():
        others = [other for other in nudges if other != cell]
        gradients = torch.autograd.grad(
            value, [nudges[other] for other in others], retain_graph=True, allow_unused=True
        )
        pairs = zip(others, gradients, strict=True)
        reached[cell] = {other for other, gradient in pairs if gradient is not None and bool((gradient != 0).any())}
    return reached


@pytest.mark.parametrize(("segment_length", "memory_size"), [(1, 16), (1, 2), (2, 16), (3, 2), (3, 16), (7, 16)])
def test_what_reaches_a_cell_is_what_gets_a_gradient(segment_length: int, memory_size: int) -> None:
    config = FeedbackConfig(
        vocab_size=TOKENS,
        d_model=5,
        num_layers=LAYERS,
        num_heads=1,
        head_dim=3,
        memory_size=memory_size,
        segment_length=segment_length,
        num_buckets=4,
        max_distance=8,
    )
    arrangement = Arrangement("segments", segment_length, memory_size)
    drawn = {cell: set(ways) for cell, ways in longest_ways(arrangement, TOKENS, LAYERS).items()}
    assert drawn == reached_in_model(config)
    assert drawn != reached_in_model(replace(config, segment_length=5))


@pytest.mark.parametrize("length", [1, 2, 3, 7, 9])
def test_rounds_are_segments_times_layers(length: int) -> None:
    figure = InformationFlow([Arrangement("segments", length)], num_tokens=TOKENS, num_layers=LAYERS)
    assert figure.rounds == [math.ceil(TOKENS / length) * LAYERS]


def test_feedback_is_segments_of_one_and_one_segment_is_ordinary() -> None:
    ways = {
        (one.kind, one.segment_length): longest_ways(one, TOKENS, LAYERS)
        for one in (*ARRANGEMENTS, Arrangement("segments", 1), Arrangement("segments", TOKENS), Arrangement("cache", 4))
    }
    assert ways["feedback", 1] == ways["segments", 1]
    assert ways["ordinary", 1] == ways["segments", TOKENS] == ways["cache", 4]
    assert ways["segments", 3] != ways["segments", 1]


def test_a_cache_reads_the_layer_below_and_forgets() -> None:
    cache = Arrangement("cache", 3, 3)
    assert cache.reads(Cell(5, 2), LAYERS) == {
        Cell(1, 1): "below", Cell(2, 1): "below", Cell(3, 1): "below", Cell(4, 1): "below", Cell(5, 1): "own",
    }  # fmt: skip
    assert Cell(1, 0) not in longest_ways(cache, TOKENS, LAYERS)[7, 1]
    assert Cell(1, 0) in longest_ways(cache, TOKENS, LAYERS)[7, 2]


def test_segments_read_memory_the_layer_below_and_themselves() -> None:
    assert Arrangement("segments", 2).reads(Cell(4, 2), 2) == {
        **{Cell(token, layer): "memory" for token in (1, 2) for layer in (0, 1, 2)},
        Cell(3, 1): "below",
        Cell(4, 1): "own",
    }


def test_tables_hold_the_ways_and_the_reads() -> None:
    figure, order = information_flow(), list(cells(TOKENS, LAYERS))
    for number, arrangement in enumerate(ARRANGEMENTS):
        ways = longest_ways(arrangement, TOKENS, LAYERS)
        for row, to in enumerate(order):
            for column, source in enumerate(order):
                sign = figure.ways[number][row][column]
                assert (None if sign == "." else DIGITS.index(sign)) == ways[to].get(source)
                how = arrangement.reads(to, LAYERS).get(source, ".")
                assert figure.reads[number][row][column] == how[0]
    assert len(json.dumps([figure.ways, figure.reads])) < 20_000


def test_the_sentence_tells_the_cell_the_ways_and_the_rounds() -> None:
    figure = information_flow()
    assert figure.sentence == (
        "Segments of 3. Token 5, layer 1: 11 cells reach it, and the longest way to it runs through 3 layers. "
        "All 7 tokens take 6 rounds, one after another."
    )
    figure.layer = 0
    assert "Token 5, layer 0 is an embedding: no cell reaches it." in figure.sentence
    figure.set_state({"chosen": 0, "token": 1, "layer": 1})
    assert figure.sentence.startswith("Ordinary. Token 1, layer 1: 1 cell reaches it")
    assert "runs through 1 layer. All 7 tokens take 2 rounds" in figure.sentence
    assert InformationFlow(ARRANGEMENTS).sentence.startswith("Ordinary. Token 12, layer 1: 12 cells")


def test_ways_grow_with_the_past() -> None:
    table = longest_ways(Arrangement("feedback"), TOKENS, LAYERS)
    longest = [max(table[Cell(token, LAYERS)].values()) for token in range(1, TOKENS + 1)]
    assert [later - earlier for earlier, later in pairwise(longest)] == [LAYERS] * (TOKENS - 1)


@pytest.mark.parametrize(
    ("arrangements", "changes", "message"),
    [
        ([], {}, "arrangements must be one or more of different names, got \\[\\]"),
        ([ARRANGEMENTS[0], ARRANGEMENTS[0]], {}, "arrangements must be one or more of different names"),
        ([Arrangement("segments", 0)], {}, "segment_length must be at least 1, got 0"),
        ([Arrangement("cache", 2, 0)], {}, "memory_size must be at least 1, got 0"),
        (ARRANGEMENTS, {"num_tokens": 0}, "num_tokens must be at least 1, got 0"),
        (ARRANGEMENTS, {"num_tokens": 40}, "num_tokens must be at most 30 with 2 layers, got 40"),
    ],
)
def test_impossible_pictures_are_refused(arrangements: list[Arrangement], changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InformationFlow(arrangements, **changes)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"kind must be one of 'ordinary', .*, got 'mixed'"):
        InformationFlow([Arrangement("mixed")])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("chosen", 4, "chosen must be between 0 and 3, got 4"),
        ("token", 0, "token must be between 1 and 7, got 0"),
        ("layer", 3, "layer must be between 0 and 2, got 3"),
    ],
)
def test_impossible_states_are_refused(name: str, value: int, message: str) -> None:
    with pytest.raises(TraitError, match=message):
        setattr(information_flow(), name, value)
