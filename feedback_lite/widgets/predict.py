"""A question that the reader answers before the answer shows."""

from collections.abc import Sequence

import traitlets

from feedback_lite.widgets.figure import Figure, join_script, join_style
from feedback_lite.widgets.question import Question

WORDS = {
    "right": "You predicted: {option}. That is right. {because}",
    "wrong": "You predicted: {option}. That is not so. Right is: {right}. {because}",
}


class Predict(Figure):
    """A prediction: choose, record, and only then see what is right and why.

    Args:
        question: what the reader is asked.
        options: the possible answers, at least two, all different.
        answer: the right option, by its index or by its text.
        because: for every option why it is right or why it is not; one text serves for all.

    Raises:
        TypeError, ValueError: it is no `Question`.

    The recorded answer can be read as ``choice``: an index, or None as long as nothing is recorded.
    """

    _esm = join_script("predict")
    _css = join_style("question")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    answer = traitlets.Int().tag(sync=True)
    because = traitlets.List(traitlets.Unicode()).tag(sync=True)
    choice = traitlets.Int(None, allow_none=True).tag(sync=True)

    def __init__(self, question: str, options: Sequence[str], answer: int | str, because: Sequence[str] | str) -> None:
        asked = Question(question, options, answer, because).state()
        super().__init__(**{name: asked[name] for name in ("question", "options", "answer", "because")})

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
