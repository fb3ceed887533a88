"""An exercise that is solved on the page: code with blanks, and for every way to fill them what Python says of it."""

import json
from collections.abc import Mapping, Sequence

import traitlets

from feedback_lite.config import check_choice
from feedback_lite.lesson.exercises import EXERCISES
from feedback_lite.lesson.filling import assemble, blanks_in, fill_all, head
from feedback_lite.widgets.figure import Figure, join_script, join_style

MOST_BYTES = 30_000
"""What an exercise may weigh on a page, without its script and style."""

WORDS = {
    "asked": "Fill in the blanks: {code} {choices}",
    "choices": "Blank {number}: {options}.",
    "some": ["One of {all} blanks is filled.", "{count} of {all} blanks are filled."],
    "all": "All {all} blanks are filled. Check tries the code on all inputs.",
}


class FillIn(Figure):
    """An exercise with blanks, and the verdict of its own check on every combination.

    Args:
        exercise: the name of the exercise, as `check` knows it.
        code: the body of its function, with ``{name}`` for a blank, ``{name!}`` for one within quotes; by default that
            of the exercise itself.
        choices: for each blank what may stand in it, in any order.

    Raises:
        ValueError: there is no exercise of that name; it has no blanks of its own and none were given; they do not
            fit together, or teach nothing (see `fill_all`); or the figure would weigh too much.

    What the reader has chosen can be read as ``chosen``, the place of a choice for each blank or None, and as
    ``checked``. What every combination earns was computed by the function that `check` uses.
    """

    _esm = join_script("fill_in")
    _css = join_style("fill_in")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    exercise = traitlets.Unicode().tag(sync=True)
    head = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    choices = traitlets.Dict(value_trait=traitlets.List(traitlets.Unicode())).tag(sync=True)
    verdicts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    combinations = traitlets.List(traitlets.Int()).tag(sync=True)
    right = traitlets.Int().tag(sync=True)
    chosen = traitlets.List(traitlets.Int(allow_none=True)).tag(sync=True)
    checked = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self, exercise: str, code: str | None = None, choices: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        check_choice("exercise", exercise, tuple(EXERCISES))
        own = EXERCISES[exercise].blanks
        if code is None and choices is None:
            if own is None:
                raise ValueError(f"code and choices must be given for {exercise}, which has no blanks of its own")
            code, choices = own.code, own.choices
        if code is None or choices is None:
            raise ValueError(f"code and choices must be given both or not at all, got {code!r} and {choices!r}")
        table = fill_all(exercise, code, choices, own.names if own else {})
        weight = len(json.dumps([code, table.choices, table.verdicts, table.combinations]).encode())
        if weight > MOST_BYTES:
            raise ValueError(f"an exercise may weigh {MOST_BYTES} bytes, got {weight}: give it fewer combinations")
        super().__init__(
            exercise=exercise,
            head=head(exercise, EXERCISES[exercise]),
            code=code,
            choices=table.choices,
            verdicts=table.verdicts,
            combinations=table.combinations,
            right=table.right,
            chosen=[None] * len(table.choices),
        )

    @property
    def _blanks(self) -> dict[str, list[str]]:
        """The choices by blank, in the order of the code: a notebook may store them in another one."""
        return {blank: self.choices[blank] for blank in blanks_in(self.code)}

    @property
    def verdict(self) -> int | None:
        """The number of the verdict on what is chosen; None as long as a blank is empty."""
        place = 0
        for number, texts in zip(self.chosen, self._blanks.values(), strict=True):
            if number is None:
                return None
            place = place * len(texts) + number
        return int(self.combinations[place])

    @property
    def assembled(self) -> str:
        """The body of the function as it is chosen, with dots in blanks that are empty."""
        filling = {
            blank: "..." if number is None else texts[number]
            for number, (blank, texts) in zip(self.chosen, self._blanks.items(), strict=True)
        }
        return assemble(self.code, filling)

    def describe(self) -> str:
        """Return the exercise as long as nothing is chosen, else how far it is, or what `check` says of the code."""
        filled = sum(number is not None for number in self.chosen)
        if filled == 0:
            return self._ask()
        if filled < len(self.choices):
            return self.tell("some", count=filled, all=len(self.choices))
        verdict = self.verdict
        if not self.checked or verdict is None:
            return self.tell("all", all=len(self.choices))
        return str(self.verdicts[verdict])

    def _ask(self) -> str:
        numbered = {blank: f"({number})" for number, blank in enumerate(self._blanks, start=1)}
        choices = [
            self.tell("choices", number=number, options="; ".join(texts))
            for number, texts in enumerate(self._blanks.values(), start=1)
        ]
        code = f"{self.head} {assemble(self.code, numbered)}"
        return " ".join(self.tell("asked", code=f"{code}.", choices=" ".join(choices)).split())

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal: traitlets.Bunch) -> list[int | None]:
        chosen: list[int | None] = list(proposal["value"])
        sizes = [len(texts) for texts in self._blanks.values()]
        fits = len(chosen) == len(sizes) and all(
            number is None or number in range(size) for number, size in zip(chosen, sizes, strict=True)
        )
        if not fits:
            raise traitlets.TraitError(
                f"chosen must have None or the place of a choice for each blank, of {sizes} choices, got {chosen}"
            )
        return chosen
