"""Faults in what chapters teach with: agreement, checks of answers, exercises."""

from tests.faults.planting import Fault

MASK = "feedback_lite/lesson/exercises/causal_mask.py"
GENERATION = "feedback_lite/lesson/exercises/generation.py"
TESTS = ("tests/unit/lesson/test_exercises.py",)

FAULTS = (
    Fault(
        "agreement looks at the first case only",
        "feedback_lite/lesson/agreement.py",
        {"if not differences[-1] <= tolerance": "if not differences[0] <= tolerance"},
        ("tests/unit/lesson/test_lesson.py",),
    ),
    Fault(
        "a check accepts any answer of the right kind",
        "feedback_lite/lesson/checking.py",
        {
            "return difference(expected, came) <= EXERCISE_TOLERANCE": "return difference(expected, came) < 1e9",
        },
        ("tests/unit/lesson/test_lesson.py", *TESTS),
    ),
    Fault(
        "a solution is wrong",
        GENERATION,
        {
            "solution=lambda logits, temperature: (logits / temperature).softmax": (
                "solution=lambda logits, temperature: (logits / temperature + 1e-3 * logits).softmax"
            )
        },
        TESTS,
    ),
    Fault(
        "the message of another mistake comes",
        MASK,
        {
            "answer=lambda num_slots, num_tokens: ~_may_read(num_slots, num_tokens)": (
                "answer=lambda num_slots, num_tokens: _steps(num_slots, num_tokens) <= 0"
            )
        },
        TESTS,
    ),
    Fault(
        "a mistake is no mistake",
        MASK,
        {
            "answer=lambda scores, mask: scores.masked_fill(~mask, -100.0).softmax": (
                "answer=lambda scores, mask: scores.masked_fill(~mask, -math.inf).softmax"
            )
        },
        TESTS,
    ),
    Fault(
        "the same inputs for every seed",
        MASK,
        {
            "scores = normal(queries, keys, generator=generator)": (
                "scores = normal(queries, keys, generator=torch.Generator().manual_seed(0))"
            )
        },
        TESTS,
    ),
)
