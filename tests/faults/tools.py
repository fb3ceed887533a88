"""Faults in the tools that execute and check notebooks, and in those that keep records."""

from tests.faults.planting import Fault

NOTEBOOKS = "book/tools/notebooks.py"
TESTS = ("tests/tools/test_notebooks.py",)
RULES = ("tests/notebooks/test_rules.py",)

FAULTS = (
    Fault(
        "the stable form drops an output",
        NOTEBOOKS,
        {"[stable_output(output) for output in outputs]": "[stable_output(output) for output in outputs[:1]]"},
        TESTS,
    ),
    Fault(
        "the stable form leaves the counts as they came",
        NOTEBOOKS,
        {'        cell["execution_count"] = count\n': ""},
        TESTS,
    ),
    Fault(
        "the comparison ignores the state of widgets",
        NOTEBOOKS,
        {'    yield from compare("widgets", widget_models(was), widget_models(now))\n': ""},
        TESTS,
    ),
    Fault(
        "the comparison is too generous",
        NOTEBOOKS,
        {"TOLERANCE = 1e-5": "TOLERANCE = 1e-3"},
        TESTS,
    ),
    Fault(
        "the rules miss a role of MyST",
        NOTEBOOKS,
        {'if name and code.type == "code_inline":': 'if name and code.type == "code_block":'},
        RULES,
    ),
    Fault(
        "the rules miss a widget that is not stored",
        NOTEBOOKS,
        {"            if model_id not in models:": "            if model_id not in models and models:"},
        RULES,
    ),
    Fault(
        "a record holds whatever it says",
        "book/tools/record_command.py",
        {"return 1 if complaints else 0": "return 0"},
        ("tests/tools/test_record_command.py",),
    ),
    Fault(
        "the original's record may differ",
        "book/tools/original_record.py",
        {"TOLERANCE = 1e-10": "TOLERANCE = 1e-3"},
        ("tests/tools/test_original_record.py",),
    ),
    Fault(
        "the page of results shows the best seed as the mean",
        "book/tools/results.py",
        {"spread(in_tenths(tenths(shares(rights)))": "spread(share(max(rights))"},
        ("tests/tools/test_results.py",),
    ),
)
