"""The memory as a queue, step by step, and the paths by which an evicted token still acts."""

from collections.abc import Sequence
from typing import Any

import traitlets

from feedback_lite.config import check_size
from feedback_lite.widgets.figure import Figure, join_script, join_style

WORDS = {
    "empty": "Step {step}, {token}: the memory is empty.",
    "one slot": "Step {step}, {token}: the memory holds slot {first}.",
    "slots": "Step {step}, {token}: the memory holds slots {first} to {last}.",
    "waiting": "Step {token} has not come yet.",
    "now": "When the step ends, it writes slot {token}.",
    "held": "Slot {slot} ({token}) is still in memory.",
    "evicted": "Slot {slot} ({token}) was evicted at the end of step {left}.",
    "reads": ["one read", "{count} reads"],
    "paths": [
        "1 path leads from it to step {step}, with {reads}.",
        "{count} paths lead from it to step {step}; the shortest has {reads}.",
    ],
    "effect": "With another token at step {token}, the model's answer now changes in {changed} of {tried} cases.",
}


def count_paths(distance: int, memory_size: int) -> int:
    """Return in how many ways a step can be reached from a slot that lies ``distance`` steps before it.

    A path goes from slot to step by reads; a step that reads writes a slot, which is read in turn. A read goes back
    over at most ``memory_size`` steps, so the number is a sum over the last ``memory_size`` numbers, starting from 1.
    """
    counts = [1]
    for reached in range(1, distance + 1):
        counts.append(sum(counts[max(0, reached - memory_size) :]))
    return counts[distance]


def shortest_path(distance: int, memory_size: int) -> list[int]:
    """Return the distances of a path with the fewest reads, each at most ``memory_size``, the longest first."""
    reads = [memory_size] * (distance // memory_size)
    return [*reads, distance % memory_size] if distance % memory_size else reads


class MemoryQueue(Figure):
    """Slots that are written, read and evicted; for a chosen one, the paths by which it acts on the step now.

    Args:
        tokens: what is read at each step, in words.
        changed: at ``[size - 1][step - 1][token - 1]``, in how many of the tried cases the model's answer at the step
            becomes another one when this token is replaced, with a memory of this size; one list per memory size.
        tried: how many other tokens were tried in place of each token.
        memory_size: the number of slots that is shown first.
        step: the step that is shown first, counted from 1.
        token: the token that is chosen first, counted from 1.

    Raises:
        ValueError: sizes that do not agree, or a count that is larger than the number of tried cases.
    """

    _esm = join_script("memory_queue")
    _css = join_style("memory_queue")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    changed: Any = traitlets.List(help="changed answers by memory size, step and token").tag(sync=True)
    tried = traitlets.List(traitlets.Int()).tag(sync=True)
    counts: Any = traitlets.List(help="number of paths by memory size and distance").tag(sync=True)
    shortest: Any = traitlets.List(help="reads of a shortest path by memory size and distance").tag(sync=True)
    memory_size = traitlets.Int(1, help="the most slots to keep").tag(sync=True)
    step = traitlets.Int(1, help="the step that is shown, counted from 1").tag(sync=True)
    token = traitlets.Int(1, help="the chosen token, counted from 1").tag(sync=True)

    def __init__(
        self,
        tokens: Sequence[str],
        changed: Sequence[Sequence[Sequence[int]]],
        tried: Sequence[int],
        *,
        memory_size: int = 3,
        step: int = 10,
        token: int = 1,
    ) -> None:
        _check_sizes(tokens, changed, tried)
        sizes, distances = range(1, len(changed) + 1), range(len(tokens))
        super().__init__(
            tokens=list(tokens),
            changed=[[list(row) for row in rows] for rows in changed],
            tried=list(tried),
            counts=[[count_paths(distance, size) for distance in distances] for size in sizes],
            shortest=[[shortest_path(distance, size) for distance in distances] for size in sizes],
            memory_size=memory_size,
            step=step,
            token=token,
        )

    def describe(self) -> str:
        """Return what the step reads, where the chosen token's slot is, and how the token still acts."""
        return f"{self._tell_memory()} {self._tell_token()}"

    def _tell_memory(self) -> str:
        first = max(1, self.step - self.memory_size)
        held = "empty" if self.step == 1 else "one slot" if self.step == first + 1 else "slots"
        return self.tell(held, step=self.step, token=self.tokens[self.step - 1], first=first, last=self.step - 1)

    def _tell_token(self) -> str:
        distance, size, token = self.step - self.token, self.memory_size - 1, self.token - 1
        if distance <= 0:
            return self.tell("waiting" if distance < 0 else "now", token=self.token)
        slot = {"slot": self.token, "token": self.tokens[token], "left": self.token + self.memory_size}
        reads = self.tell("reads", count=len(self.shortest[size][distance]))
        changed = self.changed[size][self.step - 1][token]
        parts = (
            self.tell("held" if distance <= self.memory_size else "evicted", **slot),
            self.tell("paths", count=self.counts[size][distance], step=self.step, reads=reads),
            self.tell("effect", token=self.token, changed=changed, tried=self.tried[token]),
        )
        return " ".join(parts)

    @traitlets.validate("step", "token")
    def _check_place(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 1, len(self.tokens))

    @traitlets.validate("memory_size")
    def _check_memory_size(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 1, len(self.changed))


def _check_sizes(tokens: Sequence[str], changed: Sequence[Sequence[Sequence[int]]], tried: Sequence[int]) -> None:
    steps = len(tokens)
    check_size("the number of tokens", steps, least=2)
    check_size("the number of memory sizes in changed", len(changed))
    if len(tried) != steps:
        raise ValueError(f"tried must have one number per token, {steps}, got {len(tried)}")
    for size, rows in enumerate(changed, start=1):
        if len(rows) != steps or any(len(row) != steps for row in rows):
            raise ValueError(
                f"changed must be memory sizes x {steps} steps x {steps} tokens, got {len(rows)} rows of "
                f"{sorted({len(row) for row in rows})} for memory size {size}"
            )
        for row in rows:
            if any(not 0 <= count <= most for count, most in zip(row, tried, strict=True)):
                raise ValueError(f"changed must lie from 0 to tried for each token, got {list(row)} of {list(tried)}")
