"""Faults in what chapters teach with: agreement, checks of answers, exercises."""

from tests.faults.planting import Fault

MASK = "feedback_lite/lesson/exercises/causal_mask.py"
WHOLE = "feedback_lite/lesson/exercises/whole_model.py"
GENERATION = "feedback_lite/lesson/exercises/generation.py"
ONE_PAGE = "book/feedback_transformer.py"
EXERCISES = "tests/unit/lesson/test_exercises.py"

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
        ("tests/unit/lesson/test_lesson.py", EXERCISES),
    ),
    Fault(
        "a solution is wrong",
        GENERATION,
        {
            "solution=lambda logits, temperature: (logits / temperature).softmax": (
                "solution=lambda logits, temperature: (logits / temperature + 1e-3 * logits).softmax"
            )
        },
        (EXERCISES, "-k", "temperature"),
    ),
    Fault(
        "the message of another mistake comes",
        MASK,
        {
            "answer=lambda num_slots, num_tokens: ~_may_read(num_slots, num_tokens)": (
                "answer=lambda num_slots, num_tokens: _steps(num_slots, num_tokens) <= 0"
            )
        },
        (EXERCISES, "-k", "may-read"),
    ),
    Fault(
        "the final project takes a memory of zero slots for none",
        WHOLE,
        {"elif memory[0].shape[1] == 0 and 1 in (": "elif memory[0].shape[1] == -1 and 1 in ("},
        ("tests/conformance/test_lucidrains.py", "-k", "final_project"),
    ),
    Fault(
        "the final project has no lone token at the end",
        WHOLE,
        {'("a lone token at the end", 2, 2, 5, 2, 5, None)': '("a lone token at the end", 2, 2, 5, 2, 6, None)'},
        ("tests/conformance/test_lucidrains.py", "-k", "final_project"),
    ),
    Fault(
        "keys of a segment are not normed",
        WHOLE,
        {
            "keys[b, slots + place] = matrix @ _norm_by_hand(vector, scale, shift)": (
                "keys[b, slots + place] = matrix @ vector"
            )
        },
        (EXERCISES, "-k", "segment-keys"),
    ),
    Fault(
        "a mistake is no mistake",
        MASK,
        {
            "answer=lambda scores, mask: scores.masked_fill(~mask, -100.0).softmax": (
                "answer=lambda scores, mask: scores.masked_fill(~mask, -math.inf).softmax"
            )
        },
        (EXERCISES, "-k", "masked-weights"),
    ),
    Fault(
        "the same inputs for every seed",
        MASK,
        {
            "scores = normal(queries, keys, generator=generator)": (
                "scores = normal(queries, keys, generator=torch.Generator().manual_seed(0))"
            )
        },
        (EXERCISES, "-k", "masked-weights"),
    ),
    Fault(
        "the one page: layer weights without softmax",
        ONE_PAGE,
        {"self.layer_weights.softmax(dim=0)": "self.layer_weights"},
        ("tests/properties/test_one_page.py",),
    ),
    Fault(
        "the one page: the newest slot at distance 0",
        ONE_PAGE,
        {"torch.arange(slots, 0, -1": "torch.arange(slots - 1, -1, -1"},
        ("tests/properties/test_one_page.py",),
    ),
    Fault(
        "the one page: an output bias where nothing is read",
        ONE_PAGE,
        {"if keys.shape[1] > 0:": "if keys.shape[1] >= 0:"},
        ("tests/properties/test_one_page.py",),
    ),
    Fault(
        "the one page: the memory is cut off from the graph",
        ONE_PAGE,
        {"key, value = both.chunk(2": "key, value = both.detach().chunk(2"},
        ("tests/properties/test_one_page.py",),
    ),
    Fault(
        "the one page: the cell and the file differ",
        ONE_PAGE,
        {"narrow(value * F.gelu(gate))": "narrow(F.gelu(gate) * value)"},
        ("tests/notebooks/test_one_page.py",),
    ),
)
