"""One query and its keys: memory slots and tokens of a segment, their distances, and which of them may be read."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import traitlets

from feedback_lite.mask import causal_mask
from feedback_lite.positions import distances
from feedback_lite.widgets.figure import Figure, join_script, join_style, percent

MOST_SLOTS, MOST_TOKENS = 6, 4
DISTANCES = "distances"
WORDS = {
    "no key": "Memory is empty, and the token at position 0 is no key. There is no key at all: attention adds nothing.",
    "query": "The query at position {position} may read {count} of {keys} keys.",
    "own": "The token itself is no key.",
    "slot": "The key at position {position} is a memory slot.",
    "token": "The key at position {position} is a token of the segment.",
    "allowed": "Distance: {query} − {key} = {distance}, allowed.",
    "future": "Distance: {query} − {key} = {distance}, below 0, in the future, not allowed.",
    "weight": "Attention weight ({head}): {weight}.",
}


class MaskExplorer(Figure):
    """Point at a query and a key: their positions, their distance, and whether the query may read the key.

    Positions count from the oldest memory slot, so the tokens of the segment stand behind the slots. In a segment of
    one token the token is no key itself: it reads memory alone.

    Args:
        weights: attention weights of a model with segments of one token: for each head's name, one list of weights
            per number of slots in memory, 1 to ``MOST_SLOTS``, oldest slot first.
        slots: memory slots at first.
        tokens: tokens of the segment at first.
        query: the query that is looked at first, counted from 0.
        key: the key that is looked at first, counted from 0.

    Raises:
        ValueError: a head does not have one weight for every slot of every case.
    """

    _esm = join_script("mask_explorer")
    _css = join_style("mask_explorer")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    heads = traitlets.List(traitlets.Unicode()).tag(sync=True)
    weights: Any = traitlets.List().tag(sync=True)
    tables: Any = traitlets.Dict(read_only=True, help="distance and mask by number of slots and tokens").tag(sync=True)
    most_slots = traitlets.Int(MOST_SLOTS, read_only=True).tag(sync=True)
    most_tokens = traitlets.Int(MOST_TOKENS, read_only=True).tag(sync=True)
    plain = traitlets.Unicode(DISTANCES, read_only=True, help="what is shown where it is no head").tag(sync=True)
    slots = traitlets.Int().tag(sync=True)
    tokens = traitlets.Int(1).tag(sync=True)
    query = traitlets.Int(help="counted from 0 within the segment").tag(sync=True)
    key = traitlets.Int(help="counted from 0 among the keys").tag(sync=True)
    shown = traitlets.Unicode(DISTANCES, help="distances, or the name of a head").tag(sync=True)

    def __init__(
        self,
        weights: Mapping[str, Sequence[Sequence[float]]],
        *,
        slots: int = 3,
        tokens: int = 3,
        query: int = 1,
        key: int = 5,
    ) -> None:
        _check_weights(weights)
        self.set_trait("tables", all_tables())
        super().__init__(
            heads=list(weights),
            weights=[[[round(float(weight), 3) for weight in case] for case in head] for head in weights.values()],
            slots=slots,
            tokens=tokens,
            query=query,
            key=key,
        )

    def describe(self) -> str:
        """Return where query and key stand, how far apart, and whether reading is allowed."""
        distance, allowed = self.tables[f"{self.slots},{self.tokens}"].values()
        if not distance[self.query]:
            return self.tell("no key")
        position, steps = self.slots + self.query, distance[self.query][self.key]
        told = [self.tell("query", position=position, count=sum(allowed[self.query]), keys=len(distance[self.query]))]
        if self.tokens == 1:
            told.append(self.tell("own"))
        told.append(self.tell("slot" if self.key < self.slots else "token", position=self.key))
        verdict = "allowed" if allowed[self.query][self.key] else "future"
        told.append(self.tell(verdict, query=position, key=self.key, distance=str(steps).replace("-", "−")))
        if self.shows_weights():
            told.append(self.tell("weight", head=self.shown, weight=percent(self._weight())))
        return " ".join(told)

    def shows_weights(self) -> bool:
        """Return whether the weights of a head are drawn; the model that they come from reads one token at a time."""
        return self.shown != DISTANCES and self.tokens == 1 and self.slots > 0

    def _weight(self) -> float:
        weight: float = self.weights[self.heads.index(self.shown)][self.slots - 1][self.key]
        return weight

    @traitlets.validate("slots", "tokens", "query", "key")
    def _check_number(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, *self._allowed(proposal["trait"].name))

    def _allowed(self, name: str) -> tuple[int, int]:
        keys = self.slots + (self.tokens if self.tokens > 1 else 0)
        return {
            "slots": (0, MOST_SLOTS),
            "tokens": (1, MOST_TOKENS),
            "query": (0, self.tokens - 1),
            "key": (0, max(keys - 1, 0)),
        }[name]

    @traitlets.validate("shown")
    def _check_shown(self, proposal: traitlets.Bunch) -> str:
        allowed = [DISTANCES, *self.heads]
        if proposal["value"] not in allowed:
            raise traitlets.TraitError(f"shown must be one of {allowed}, got {proposal['value']!r}")
        return str(proposal["value"])

    @traitlets.observe("slots", "tokens")
    def _stay_inside(self, change: traitlets.Bunch) -> None:
        # Both at once: the sentence must not be told of a query and a key that do not fit each other.
        with self.hold_trait_notifications():
            self.query = min(self.query, self._allowed("query")[1])
            self.key = min(self.key, self._allowed("key")[1])


def all_tables() -> dict[str, dict[str, list[Any]]]:
    """Return distance and mask of every case that the controls can set, by "slots,tokens"."""
    tables = {}
    for slots in range(MOST_SLOTS + 1):
        for tokens in range(1, MOST_TOKENS + 1):
            positions = torch.arange(slots + tokens)
            keys = positions if tokens > 1 else positions[:slots]
            distance = distances(positions[slots:], keys)
            tables[f"{slots},{tokens}"] = {"distance": distance.tolist(), "mask": causal_mask(distance).tolist()}
    return tables


def _check_weights(weights: Mapping[str, Sequence[Sequence[float]]]) -> None:
    expected = list(range(1, MOST_SLOTS + 1))
    if not weights or DISTANCES in weights:
        raise ValueError(f"weights must name one head or more, none of them {DISTANCES!r}, got {list(weights)}")
    for name, cases in weights.items():
        found = [len(case) for case in cases]
        if found != expected:
            raise ValueError(f"weights of {name!r} must have {expected} weights in their cases, got {found}")
        outside = [weight for case in cases for weight in case if not 0 <= weight <= 1]
        if outside:
            raise ValueError(f"weights of {name!r} must lie between 0 and 1, got {outside[0]}")
