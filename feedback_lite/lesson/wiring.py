"""Which results can reach which, and through how many layers one after another."""

from collections.abc import Iterator
from functools import cache
from typing import Literal, NamedTuple, Protocol, runtime_checkable

Kind = Literal["ordinary", "cache", "feedback", "segments"]
Read = Literal["own", "below", "memory"]


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
