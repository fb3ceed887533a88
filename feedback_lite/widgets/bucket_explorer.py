"""Where each slot of a full memory stands, the bucket of its distance, and the bias that this bucket has learned."""

from collections.abc import Sequence
from typing import Any

import torch
import traitlets

from feedback_lite.positions import distances, relative_position_bucket
from feedback_lite.widgets.figure import Figure, join_script, join_style, percent

BUCKETS = (4, 8, 16)
REACHES = (8, 16, 32)
PAST, BOTH = "past only", "both directions"
COUNTED, LEFT_OUT = "counted", "left out"
WORDS = {
    "setting": "{num_buckets}, {max_distance}, {direction}",
    "buckets": ["1 bucket", "{count} buckets"],
    "chain": "distance {distance}, bucket {bucket}, bias {bias}, weight {weight}",
    "whole": (
        "{num_buckets} buckets, largest distance {max_distance}, {direction}, head {head}. "
        "Memory counted: the {slots} slots fall into {counted}. Memory left out: into {left_out}. "
        "Slot {slot}: counted, {counted_chain}; left out, {left_out_chain}."
    ),
}


def setting_key(num_buckets: int, max_distance: int, direction: str) -> str:
    """Return the name of a setting, such as "16, 32, past only"."""
    return str(WORDS["setting"]).format(num_buckets=num_buckets, max_distance=max_distance, direction=direction)


def is_possible(num_buckets: int, max_distance: int, direction: str) -> bool:
    """Return whether the largest distance lies beyond the buckets that stand for one distance each."""
    return max_distance > num_buckets // (2 if direction == PAST else 4)


class BucketExplorer(Figure):
    """A row of memory slots with their distances, buckets and biases, with the memory counted and with it left out.

    For the bias, buckets are rows of the given table. A setting with fewer buckets reads the first rows.

    Args:
        table: the position table of a trained model, 16 buckets x heads.
        num_slots: how many slots the memory holds.
        num_buckets: the number of buckets that is shown first: 4, 8 or 16.
        max_distance: the largest distance that is shown first: 8, 16 or 32.
        slot: the slot that is looked at first, counted from 1, the oldest; none means the newest.

    Raises:
        ValueError: a table without 16 rows or without a head, or with a number that is not finite; no slot.
    """

    _esm = join_script("bucket_explorer")
    _css = join_style("bucket_explorer")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    numberings = traitlets.List([COUNTED, LEFT_OUT], read_only=True).tag(sync=True)
    choices = traitlets.Dict(
        {"num_buckets": list(BUCKETS), "max_distance": list(REACHES), "direction": [PAST, BOTH]}, read_only=True
    ).tag(sync=True)
    table: Any = traitlets.List(help="biases, buckets x heads").tag(sync=True)
    rows: Any = traitlets.Dict(help="by setting and numbering: buckets, and weights by head").tag(sync=True)
    distances: Any = traitlets.Dict(help="by numbering").tag(sync=True)
    num_slots = traitlets.Int().tag(sync=True)
    num_buckets = traitlets.Enum(BUCKETS, 16).tag(sync=True)
    max_distance = traitlets.Enum(REACHES, 16).tag(sync=True)
    direction = traitlets.Enum([PAST, BOTH], PAST).tag(sync=True)
    head = traitlets.Int(1, help="counted from 1").tag(sync=True)
    slot = traitlets.Int(1, help="the slot that is looked at, counted from 1, the oldest").tag(sync=True)

    def __init__(
        self,
        table: Any,
        *,
        num_slots: int = 16,
        num_buckets: int = 16,
        max_distance: int = 16,
        slot: int | None = None,
    ) -> None:
        biases = torch.as_tensor(table).detach().double()
        _check(biases, num_slots)
        apart = {name: _distances_of(name, num_slots) for name in (COUNTED, LEFT_OUT)}
        super().__init__(
            table=[[round(number, 2) for number in row] for row in biases.tolist()],
            rows=_all_rows(biases, apart),
            distances={name: distance.tolist() for name, distance in apart.items()},
            num_slots=num_slots,
            num_buckets=num_buckets,
            max_distance=max_distance,
            slot=num_slots if slot is None else slot,
        )

    def describe(self) -> str:
        """Return the setting, how many buckets the slots fall into, and what happens to the chosen slot."""
        shown = self.rows[setting_key(self.num_buckets, self.max_distance, self.direction)]
        used = {name: self.tell("buckets", count=len(set(shown[name]["buckets"]))) for name in (COUNTED, LEFT_OUT)}
        return self.tell(
            "whole",
            num_buckets=self.num_buckets,
            max_distance=self.max_distance,
            direction=self.direction,
            head=self.head,
            slots=self.num_slots,
            counted=used[COUNTED],
            left_out=used[LEFT_OUT],
            slot=self.slot,
            counted_chain=self._chain(COUNTED),
            left_out_chain=self._chain(LEFT_OUT),
        )

    def _chain(self, name: str) -> str:
        """Return distance, bucket, bias and weight of the chosen slot."""
        shown = self.rows[setting_key(self.num_buckets, self.max_distance, self.direction)][name]
        bucket, weight = shown["buckets"][self.slot - 1], shown["weights"][self.head - 1][self.slot - 1]
        return self.tell(
            "chain",
            distance=_signed(self.distances[name][self.slot - 1], 0),
            bucket=bucket,
            bias=_signed(self.table[bucket][self.head - 1], 2),
            weight=percent(weight),
        )

    @traitlets.validate("head")
    def _check_head(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 1, len(self.table[0]))

    @traitlets.validate("slot")
    def _check_slot(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 1, self.num_slots)

    @traitlets.validate("num_buckets", "max_distance", "direction")
    def _check_setting(self, proposal: traitlets.Bunch) -> Any:
        setting = {name: getattr(self, name) for name in ("num_buckets", "max_distance", "direction")}
        setting[proposal["trait"].name] = proposal["value"]
        if self.rows and not is_possible(**setting):
            raise traitlets.TraitError(
                f"max_distance must be greater than the buckets of one distance each: {setting} is impossible"
            )
        return proposal["value"]


def _distances_of(name: str, num_slots: int) -> torch.Tensor:
    """Return the distance of every slot from the query after it; left out, the query is numbered 0."""
    query = torch.tensor([num_slots if name == COUNTED else 0])
    return distances(query, torch.arange(num_slots))[0]


def _all_rows(biases: torch.Tensor, apart: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Return the buckets of all slots and their weights by position alone, for every setting and numbering."""
    return {
        setting_key(num_buckets, max_distance, direction): {
            name: _row(biases, distance, num_buckets, max_distance, direction) for name, distance in apart.items()
        }
        for num_buckets in BUCKETS
        for max_distance in REACHES
        for direction in (PAST, BOTH)
        if is_possible(num_buckets, max_distance, direction)
    }


def _row(
    biases: torch.Tensor, distance: torch.Tensor, num_buckets: int, max_distance: int, direction: str
) -> dict[str, Any]:
    buckets = relative_position_bucket(
        distance, num_buckets=num_buckets, max_distance=max_distance, causal=direction == PAST
    )
    weights = biases[buckets].softmax(dim=0).T
    return {
        "buckets": buckets.tolist(),
        "weights": [[round(weight, 3) for weight in head] for head in weights.tolist()],
    }


def _signed(number: float, digits: int) -> str:
    """Write a number with a true minus sign, as the figure's script does."""
    size = f"{abs(number):.{digits}f}"
    return f"−{size}" if number < 0 and float(size) != 0 else size


def _check(biases: torch.Tensor, num_slots: int) -> None:
    shape: Sequence[int] = tuple(biases.shape)
    if biases.ndim != 2 or shape[0] != max(BUCKETS) or shape[1] < 1:
        raise ValueError(f"table must hold {max(BUCKETS)} buckets x heads, got shape {shape}")
    if not biases.isfinite().all():
        raise ValueError("table must be finite, got infinity or not a number in it")
    if num_slots < 1:
        raise ValueError(f"num_slots must be at least 1, got {num_slots}")
