"""What is asked: a question, its options, which of them is right, and why each is or is not."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from feedback_lite.config import check_type


@dataclass(frozen=True)
class Question:
    """A question with one right answer.

    Args:
        question: what the reader is asked.
        options: the possible answers, at least two, all different.
        answer: the right option, by its index or by its text. A text may be computed: where it is no option, somebody
            is wrong.
        because: for every option why it is right or why it is not; one text serves for all.
        section: the heading of the section that answers the question, where the page can lead there.

    Raises:
        TypeError: the question, an option, a reason or the section is no text.
        ValueError: there is no question, an option or a reason is empty, there are fewer than two options or two alike,
            the answer is none of them, or there is another number of reasons than of options.
    """

    question: str
    options: Sequence[str]
    answer: int | str
    because: Sequence[str] | str
    section: str = ""

    def __post_init__(self) -> None:
        options = _texts("options", self.options)
        if len(options) < 2 or len(set(options)) < len(options):
            raise ValueError(f"options must be two or more different texts, got {options}")
        reasons = [self.because] * len(options) if isinstance(self.because, str) else self.because
        reasons = _texts("because", reasons)
        if len(reasons) != len(options):
            raise ValueError(
                f"because must be one text or one per option: {len(reasons)} came for {len(options)} options"
            )
        _texts("question", [self.question])
        check_type("section", self.section, str)
        values = {"options": options, "because": reasons, "answer": _place(options, self.answer)}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def state(self) -> dict[str, Any]:
        """Return all of it as a figure stores it."""
        return asdict(self)


def _texts(name: str, texts: Sequence[str]) -> list[str]:
    """Return texts as a list, or say which of them is none."""
    if isinstance(texts, str):
        raise TypeError(f"{name} must be a list of texts, got {texts!r}")
    for text in texts:
        check_type(name, text, str)
        if not text.strip():
            raise ValueError(f"{name} must not be empty, got {text!r}")
    return list(texts)


def _place(options: list[str], answer: int | str) -> int:
    """Return the index of the right option."""
    if isinstance(answer, str):
        if answer not in options:
            raise ValueError(f"answer must be one of the options {options}, got {answer!r}")
        return options.index(answer)
    if isinstance(answer, bool) or answer not in range(len(options)):
        raise ValueError(f"answer must be the index of an option, 0 to {len(options) - 1}, got {answer!r}")
    return int(answer)
