"""A question that the reader answers before the answer shows."""

from collections.abc import Sequence

import traitlets

from feedback_lite.widgets.figure import Figure, join_script, join_style

WORDS = {
    "right": "You predicted: {option}. That is right. {because}",
    "wrong": "You predicted: {option}. That is not so. Right is: {right}. {because}",
}


class Predict(Figure):
    """A prediction: choose, record, and only then see what is right and why.

    Args:
        question: what the reader is asked.
        options: the possible answers, at least two, all different.
        answer: the index of the right option.
        because: for every option why it is right or why it is not; one text serves for all.

    Raises:
        ValueError: fewer than two options, two alike, an answer that is none of them, or another number of reasons
            than of options.

    The recorded answer can be read as ``choice``: an index, or None as long as nothing is recorded.
    """

    _esm = join_script("predict")
    _css = join_style("predict")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    answer = traitlets.Int().tag(sync=True)
    because = traitlets.List(traitlets.Unicode()).tag(sync=True)
    choice = traitlets.Int(None, allow_none=True).tag(sync=True)

    def __init__(self, question: str, options: Sequence[str], answer: int, because: Sequence[str] | str) -> None:
        reasons = [because] * len(options) if isinstance(because, str) else list(because)
        if len(options) < 2 or len(set(options)) < len(options):
            raise ValueError(f"options must be two or more different texts, got {list(options)}")
        if answer not in range(len(options)):
            raise ValueError(f"answer must be the index of an option, 0 to {len(options) - 1}, got {answer!r}")
        if len(reasons) != len(options):
            raise ValueError(
                f"because must be one text or one per option: {len(reasons)} came for {len(options)} options"
            )
        super().__init__(question=question, options=list(options), answer=answer, because=reasons)

    def describe(self) -> str:
        """Return the question with its options and, once an answer is recorded, what came of it."""
        if self.choice is None:
            options = "; ".join(f"({number}) {option}" for number, option in enumerate(self.options, start=1))
            return f"Your prediction: {self.question} {options}."
        return self.tell(
            "right" if self.choice == self.answer else "wrong",
            option=self.options[self.choice],
            because=self.because[self.choice],
            right=self.options[self.answer],
        )

    @traitlets.validate("choice")
    def _check_choice(self, proposal: traitlets.Bunch) -> int | None:
        choice: int | None = proposal["value"]
        if choice is not None and choice not in range(len(self.options)):
            raise traitlets.TraitError(
                f"choice must be None or the index of an option, 0 to {len(self.options) - 1}, got {choice}"
            )
        return choice
