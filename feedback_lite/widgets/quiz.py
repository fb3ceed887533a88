"""A quiz: a few questions at the end of a chapter, each option with its reason, and what was right at the first try."""

import traitlets

from feedback_lite.config import check_type
from feedback_lite.widgets.figure import Figure, join_script, join_style
from feedback_lite.widgets.question import Question

MOST_OPTIONS = 4

WORDS = {
    "asked": ["One question. {questions}", "{count} questions. {questions}"],
    "question": "{number}. {question} {options}.",
    "open": "Question {number} of {all} is not answered yet.",
    "right": "Question {number} of {all}: right.",
    "wrong": "Question {number} of {all}: not so. Choose again.",
    "reason": "{option}: {because}",
    "so far": "So far {right} of {count} right at the first try.",
    "score": "{right} of {all} right at the first try.",
}


class Quiz(Figure):
    """Questions on a chapter, one at a time: choose, check, read why, and choose again until it is right.

    Args:
        questions: what is asked, each with two to four options and a reason of its own for every option.

    Raises:
        TypeError: one of them is no `Question`.
        ValueError: there is no question, two are alike, one has too many options, or two options share a reason.

    What was tried can be read as ``tries``: for each question the options in the order in which they were checked. The
    first one counts. ``number`` is the question that is shown, counted from 1.
    """

    _esm = join_script("quiz")
    _css = join_style("question")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    questions = traitlets.List(traitlets.Dict()).tag(sync=True)
    number = traitlets.Int(1).tag(sync=True)
    tries = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)

    def __init__(self, *questions: Question) -> None:
        if not questions:
            raise ValueError("questions must be one or more, got none")
        for number, one in enumerate(questions, start=1):
            check_type(f"question {number}", one, Question)
            if len(one.options) > MOST_OPTIONS:
                raise ValueError(f"question {number} may have {MOST_OPTIONS} options, got {len(one.options)}")
            if len(set(one.because)) < len(one.options):
                raise ValueError(f"question {number} must have a reason of its own for every option, got {one.because}")
        texts = [one.question for one in questions]
        if len(set(texts)) < len(texts):
            raise ValueError(f"questions must differ, got {texts}")
        super().__init__(questions=[one.state() for one in questions], tries=[[] for _ in questions])

    def describe(self) -> str:
        """Return all questions as long as none is answered, else what came of the present one, and the score."""
        if not any(self.tries):
            return self._ask()
        place, count = self.number - 1, len(self.questions)
        asked, tried = self.questions[place], self.tries[place]
        if not tried:
            told = [self.tell("open", number=self.number, all=count)]
        else:
            name = "right" if tried[-1] == asked["answer"] else "wrong"
            last = {"option": asked["options"][tried[-1]], "because": asked["because"][tried[-1]]}
            told = [self.tell(name, number=self.number, all=count), self.tell("reason", **last)]
        return " ".join([*told, self._score()])

    def _ask(self) -> str:
        questions = [
            self.tell(
                "question",
                number=number,
                question=asked["question"],
                options="; ".join(f"({place}) {option}" for place, option in enumerate(asked["options"], start=1)),
            )
            for number, asked in enumerate(self.questions, start=1)
        ]
        return self.tell("asked", count=len(questions), questions=" ".join(questions))

    def _score(self) -> str:
        pairs = list(zip(self.questions, self.tries, strict=True))
        answered = [(asked, tried) for asked, tried in pairs if tried]
        right = sum(tried[0] == asked["answer"] for asked, tried in answered)
        is_whole = all(asked["answer"] in tried for asked, tried in pairs)
        return self.tell("score" if is_whole else "so far", right=right, count=len(answered), all=len(pairs))

    @traitlets.validate("number")
    def _check_number(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 1, len(self.questions))

    @traitlets.validate("tries")
    def _check_tries(self, proposal: traitlets.Bunch) -> list[list[int]]:
        tries: list[list[int]] = proposal["value"]
        fits = len(tries) == len(self.questions) and all(
            set(tried) <= set(range(len(asked["options"])))
            and len(set(tried)) == len(tried)
            and asked["answer"] not in tried[:-1]
            for asked, tried in zip(self.questions, tries, strict=True)
        )
        if not fits:
            raise traitlets.TraitError(
                f"tries must hold, for each of {len(self.questions)} questions, the places of the options that were "
                f"checked, none twice and none after the right one, got {tries}"
            )
        return tries
