"""Which results can reach which, and through how many layers: time to the right, depth upwards."""

import math
import string
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, Protocol, get_args, runtime_checkable

import traitlets

from feedback_lite.config import check_choice, check_size
from feedback_lite.widgets.figure import Figure, join_script, join_style

Kind = Literal["ordinary", "cache", "feedback", "segments"]
Read = Literal["own", "below", "memory"]
DIGITS = string.digits + string.ascii_letters  # one sign per number, so that the tables stay small
NOTHING = "."
WORDS = {
    "cells": ["1 cell reaches", "{count} cells reach"],
    "layers": ["1 layer", "{count} layers"],
    "reached": "{name}. Token {token}, layer {layer}: {cells} it, and the longest way to it runs through {layers}.",
    "embedding": "{name}. Token {token}, layer {layer} is an embedding: no cell reaches it.",
    "rounds": "All {tokens} tokens take {rounds} rounds, one after another.",
}


class Cell(NamedTuple):
    """What one layer makes of one token; tokens are counted from 1, layer 0 is the embedding."""

    token: int
    layer: int


@runtime_checkable
class Wired(Protocol):
    """Anything that says what a cell is computed from."""

    def reads(self, cell: Cell, num_layers: int) -> dict[Cell, Read]:
        """Return the cells that a cell is computed from directly, and how each comes to it."""
        ...


class Arrangement(NamedTuple):
    """How a transformer looks back.

    Args:
        kind: "ordinary" (the whole past, at the layer below), "cache" (the segment and the slots kept before it, at
            the layer below, as in Transformer-XL), "feedback" (all layers of earlier tokens) or "segments" (all
            layers of earlier segments, the layer below inside the segment).
        segment_length: tokens that are computed side by side, for "cache" and "segments".
        memory_size: tokens before the segment that are kept; None keeps all.
    """

    kind: Kind
    segment_length: int = 1
    memory_size: int | None = None

    @property
    def name(self) -> str:
        """The words on the button and at the start of the state sentence."""
        names = {
            "ordinary": "ordinary",
            "cache": f"cache, segments of {self.segment_length}",
            "feedback": "feedback",
            "segments": f"segments of {self.segment_length}",
        }
        return names[self.kind]

    def reads(self, cell: Cell, num_layers: int) -> dict[Cell, Read]:
        """Return the cells that a cell is computed from directly, and how each comes to it."""
        token, layer = cell
        if layer == 0:
            return {}
        start = token if self.kind == "feedback" else 1
        if self.kind in ("cache", "segments"):
            start = token - (token - 1) % self.segment_length
        oldest = 1 if self.memory_size is None else max(1, start - self.memory_size)
        layers = range(num_layers + 1) if self.kind in ("feedback", "segments") else (layer - 1,)
        how: Read = "memory" if self.kind in ("feedback", "segments") else "below"
        found: dict[Cell, Read] = {Cell(past, depth): how for past in range(oldest, start) for depth in layers}
        found |= {Cell(now, layer - 1): "below" for now in range(start, token)}
        return {**found, Cell(token, layer - 1): "own"}


def longest_ways(arrangement: Wired, num_tokens: int, num_layers: int) -> dict[Cell, dict[Cell, int]]:
    """Return for every cell the cells that reach it, each with the number of layers on the longest way.

    A way leads from cell to cell along the arrangement's ``reads``. Each stage of it is one layer at work, so no two
    stages of a way can run at the same time.
    """

    @cache
    def reaching(cell: Cell) -> dict[Cell, int]:
        ways: dict[Cell, int] = {}
        for read in arrangement.reads(cell, num_layers):
            for source, layers in {read: 0, **reaching(read)}.items():
                ways[source] = max(ways.get(source, 0), layers + 1)
        return ways

    return {cell: reaching(cell) for cell in cells(num_tokens, num_layers)}


def cells(num_tokens: int, num_layers: int) -> Iterator[Cell]:
    """Return all cells, the embeddings of all tokens first."""
    return (Cell(token, layer) for layer in range(num_layers + 1) for token in range(1, num_tokens + 1))


class InformationFlow(Figure):
    """Choose a cell and see which cells reach it, and through how many layers one after another.

    Args:
        arrangements: how the model may look back; the reader chooses among them.
        num_tokens: tokens in the picture.
        num_layers: layers above the embedding.
        chosen: the arrangement that is shown first, counted from 0.
        token: the token of the cell that is chosen first.
        layer: its layer.

    Raises:
        TypeError: a size is not an integer.
        ValueError: no arrangement, two of the same name, an unknown kind, or sizes out of range.
    """

    _esm = join_script("information_flow")
    _css = join_style("information_flow")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    segments = traitlets.List(traitlets.Int(), help="tokens side by side; 0 where there are no segments").tag(sync=True)
    rounds = traitlets.List(traitlets.Int(), help="layers that must run one after another").tag(sync=True)
    ways: Any = traitlets.List(help="per arrangement and cell: the longest way from every cell").tag(sync=True)
    reads: Any = traitlets.List(help="per arrangement and cell: what is read directly").tag(sync=True)
    digits = traitlets.Unicode(DIGITS, read_only=True, help="the signs of numbers in `ways`").tag(sync=True)
    nothing = traitlets.Unicode(NOTHING, read_only=True, help="the sign where there is none").tag(sync=True)
    kinds = traitlets.Dict({how[0]: how for how in get_args(Read)}, read_only=True, help="of `reads`").tag(sync=True)
    num_tokens = traitlets.Int().tag(sync=True)
    num_layers = traitlets.Int().tag(sync=True)
    chosen = traitlets.Int(help="the arrangement that is shown").tag(sync=True)
    token = traitlets.Int(1).tag(sync=True)
    layer = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        arrangements: Sequence[Arrangement],
        *,
        num_tokens: int = 12,
        num_layers: int = 2,
        chosen: int = 0,
        token: int | None = None,
        layer: int = 1,
    ) -> None:
        _check(arrangements, num_tokens, num_layers)
        tables = [longest_ways(arrangement, num_tokens, num_layers) for arrangement in arrangements]
        super().__init__(
            names=[arrangement.name for arrangement in arrangements],
            segments=[each.segment_length if each.kind in ("cache", "segments") else 0 for each in arrangements],
            rounds=[max(max(ways.values(), default=0) for ways in table.values()) for table in tables],
            ways=[_written(table, num_tokens, num_layers) for table in tables],
            reads=[_reads_written(arrangement, num_tokens, num_layers) for arrangement in arrangements],
            num_tokens=num_tokens,
            num_layers=num_layers,
            chosen=chosen,
            token=num_tokens if token is None else token,
            layer=layer,
        )

    def describe(self) -> str:
        """Return how many cells reach the chosen one, the longest way, and the rounds of the whole."""
        name = self.names[self.chosen]
        cell = {"name": f"{name[0].upper()}{name[1:]}", "token": self.token, "layer": self.layer}
        row = self.ways[self.chosen][self.layer * self.num_tokens + self.token - 1]
        found = [DIGITS.index(sign) for sign in row if sign != NOTHING]
        if found:
            reaching, layers = self.tell("cells", count=len(found)), self.tell("layers", count=max(found))
            told = self.tell("reached", **cell, cells=reaching, layers=layers)
        else:
            told = self.tell("embedding", **cell)
        return f"{told} {self.tell('rounds', tokens=self.num_tokens, rounds=self.rounds[self.chosen])}"

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 0, len(self.names) - 1)

    @traitlets.validate("token")
    def _check_token(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 1, self.num_tokens)

    @traitlets.validate("layer")
    def _check_layer(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 0, self.num_layers)


def _written(table: dict[Cell, dict[Cell, int]], num_tokens: int, num_layers: int) -> list[str]:
    """Return one text per cell: for every cell, in order, one sign for the longest way, a dot where there is none."""
    order = list(cells(num_tokens, num_layers))
    return ["".join(DIGITS[table[to][cell]] if cell in table[to] else NOTHING for cell in order) for to in order]


def _reads_written(arrangement: Arrangement, num_tokens: int, num_layers: int) -> list[str]:
    """Return one text per cell: for every cell, in order, the first letter of how it is read, or a dot."""
    order = list(cells(num_tokens, num_layers))
    found = [arrangement.reads(cell, num_layers) for cell in order]
    return ["".join(reads[cell][0] if cell in reads else NOTHING for cell in order) for reads in found]


def _check(arrangements: Sequence[Arrangement], num_tokens: int, num_layers: int) -> None:
    for name, size in (("num_tokens", num_tokens), ("num_layers", num_layers)):
        check_size(name, size)
    if num_tokens * num_layers >= len(DIGITS):
        most = math.floor((len(DIGITS) - 1) / num_layers)
        raise ValueError(f"num_tokens must be at most {most} with {num_layers} layers, got {num_tokens}")
    for arrangement in arrangements:
        check_choice("kind", arrangement.kind, get_args(Kind))
        check_size("segment_length", arrangement.segment_length)
        if arrangement.memory_size is not None:
            check_size("memory_size", arrangement.memory_size)
    names = [arrangement.name for arrangement in arrangements]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"arrangements must be one or more of different names, got {names}")
