"""Faults in the tasks: answers that are wrong."""

from tests.faults.planting import Fault

TESTS = ("tests/unit/test_tasks.py", "tests/properties")

FAULTS = (
    Fault(
        "a swap moves the ball one way only",
        "feedback_lite/tasks/shell_game.py",
        {
            "torch.where(ball == left, right, torch.where(ball == right, left, ball))": (
                "torch.where(ball == left, right, ball)"
            )
        },
        TESTS,
    ),
    Fault(
        "the last permutation of a word acts first",
        "feedback_lite/tasks/states.py",
        {"newest[image] for image in product": "product[image] for image in newest"},
        TESTS,
    ),
    Fault(
        "parity leaves out the bit now",
        "feedback_lite/tasks/states.py",
        {"tokens.cumsum(dim=1) % 2": "(tokens.cumsum(dim=1) - tokens) % 2"},
        TESTS,
    ),
    Fault(
        "a condition always holds",
        "feedback_lite/tasks/programs.py",
        {' if not statement.startswith("if") or x == y:': ":"},
        TESTS,
    ),
    Fault(
        "greater includes equal",
        "feedback_lite/tasks/printed_program.py",
        {"values[left] > compared": "values[left] >= compared"},
        ("tests/properties/test_tasks.py", "-k", "printed_program"),
    ),
    Fault(
        "a statement is answered with the value before it",
        "feedback_lite/tasks/printed_program.py",
        {
            "            execute(statement, values)\n            yield position, statement, values\n": (
                "            yield position, statement, values\n            execute(statement, values)\n"
            )
        },
        ("tests/unit/test_tasks.py", "-k", "printed_program"),
    ),
    Fault(
        "the kinds of statements are not those that were asked for",
        "feedback_lite/tasks/printed_program.py",
        {"self._statement(self.kinds, values, source)": "self._statement(KINDS, values, source)"},
        ("tests/unit/test_tasks.py", "-k", "kinds"),
    ),
    Fault(
        "the echo comes one step early",
        "feedback_lite/tasks/sequences.py",
        {
            "targets[:, self.delay :] = tokens[:, : max(0, length - self.delay)]": (
                "targets[:, self.delay - 1 :] = tokens[:, : max(0, length - self.delay + 1)]"
            )
        },
        TESTS,
    ),
    Fault(
        "the copy is reversed",
        "feedback_lite/tasks/sequences.py",
        {"        return letters\n": "        return letters.flip(1)\n"},
        TESTS,
    ),
)
