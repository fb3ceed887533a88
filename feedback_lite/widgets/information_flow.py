"""Which results can reach which, and through how many layers: time to the right, depth upwards."""

import math
import string
from collections.abc import Sequence
from typing import Any, get_args

import traitlets

from feedback_lite.config import check_choice, check_size
from feedback_lite.lesson.wiring import Arrangement, Cell, Kind, Read, cells, longest_ways
from feedback_lite.widgets.figure import Figure, join_script, join_style

DIGITS = string.digits + string.ascii_letters  # one sign per number, so that the tables stay small
NOTHING = "."
WORDS = {
    "cells": ["1 cell reaches", "{count} cells reach"],
    "layers": ["1 layer", "{count} layers"],
    "reached": "{name}. Token {token}, layer {layer}: {cells} it, and the longest way to it runs through {layers}.",
    "embedding": "{name}. Token {token}, layer {layer} is an embedding: no cell reaches it.",
    "rounds": "All {tokens} tokens take {rounds} rounds, one after another.",
}


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
