"""Faults in the tools that execute and check notebooks, and in those that keep records."""

from tests.faults.planting import Fault

NOTEBOOKS = "book/tools/notebooks"
TESTS = "tests/tools/notebooks"
BENCHMARKS = "tests/benchmarks"
TESTS_OF_BENCHMARKS = "tests/tools/test_benchmarks.py"

FAULTS = (
    Fault(
        "the stable form drops an output",
        f"{NOTEBOOKS}/form.py",
        {"[stable_output(output) for output in outputs]": "[stable_output(output) for output in outputs[:1]]"},
        (f"{TESTS}/test_form.py",),
    ),
    Fault(
        "the stable form leaves the counts as they came",
        f"{NOTEBOOKS}/form.py",
        {'        cell["execution_count"] = count\n': ""},
        (f"{TESTS}/test_form.py",),
    ),
    Fault(
        "the comparison ignores the state of widgets",
        f"{NOTEBOOKS}/compare.py",
        {"elif key not in PICTURES:": 'elif key not in {*PICTURES, "widgets"}:'},
        (f"{TESTS}/test_compare.py",),
    ),
    Fault(
        "the comparison is too generous",
        f"{NOTEBOOKS}/compare.py",
        {"TOLERANCE = 1e-5": "TOLERANCE = 1e-3"},
        (f"{TESTS}/test_compare.py",),
    ),
    Fault(
        "the rules miss a role of MyST",
        f"{NOTEBOOKS}/rules.py",
        {'    "myst_role": "a role",\n': ""},
        (f"{TESTS}/test_rules.py",),
    ),
    Fault(
        "the rules miss a widget that is not stored",
        f"{NOTEBOOKS}/rules.py",
        {"            if model_id not in models:": "            if model_id not in models and models:"},
        (f"{TESTS}/test_rules.py",),
    ),
    Fault(
        "a record holds whatever it says",
        "book/tools/record_command.py",
        {"return int(bool(complaints))": "return 0"},
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
    Fault(
        "the benchmark forgets the attention in the operations of a step",
        f"{BENCHMARKS}/counting.py",
        {" + 4 * inner * size.layers * slots": ""},
        (TESTS_OF_BENCHMARKS,),
    ),
    Fault(
        "the growth is that between the first length and the next",
        f"{BENCHMARKS}/counting.py",
        {"end = max(known, default=start)": "end = min(known, default=start)"},
        (TESTS_OF_BENCHMARKS,),
    ),
    Fault(
        "the benchmark times an engine that computes something else",
        f"{BENCHMARKS}/engines.py",
        {"        self.check_all(contenders, tokens[:8, :32])\n": ""},
        (TESTS_OF_BENCHMARKS,),
    ),
    Fault(
        "the held memory counts the weights",
        f"{BENCHMARKS}/memory.py",
        {"if storage.data_ptr() not in own:": "if storage.nbytes():"},
        (TESTS_OF_BENCHMARKS,),
    ),
    Fault(
        "a record of speed may hold what is no number",
        "feedback_lite/training/records/speed.py",
        {" and math.isfinite(value)": ""},
        ("tests/unit/training/test_speed.py",),
    ),
    Fault(
        "a number that nothing computed, on the first page",
        "book/index.md",
        {"This book builds that model from nothing.": "This book builds that model, in 97.3 % of its cells."},
        ("tests/notebooks/test_claims.py",),
    ),
    Fault(
        "a card's minutes are those with all exercises",
        "book/site/front.py",
        {'int(time["without"] or time["all"])': 'int(time["all"])'},
        ("tests/tools/test_front.py",),
    ),
    Fault(
        "the strongest rival is any rival",
        "book/tools/results.py",
        {"RIVAL: max(rivals": "RIVAL: min(rivals"},
        ("tests/tools/test_results.py",),
    ),
    Fault(
        "a plot stays light in the dark theme",
        "book/site/plots.py",
        {"lambda found: variable(found[0].lower())": "lambda found: found[0]"},
        ("tests/site/test_plots.py", "-k", "two_drawings or colours_of_the_theme"),
    ),
    Fault(
        "the table of a plot begins with its second row",
        "feedback_lite/widgets/plots.py",
        {"for place in places[::step]": "for place in places[1::step]"},
        ("tests/unit/widgets/test_plots.py",),
    ),
    Fault(
        "the switch forgets what was chosen",
        "book/site/assets/folding.js",
        {'    keep(shown ? "shown" : "folded");\n': ""},
        ("tests/site/test_folding.py", "-k", "remembered"),
    ),
    Fault(
        "a line of code is cut on a phone",
        "book/site/assets/chapters.css",
        {".highlight pre { white-space: pre-wrap; overflow-wrap: anywhere; }": ".highlight pre { white-space: pre; }"},
        ("tests/site/test_folding.py", "-k", "no_line_is_cut and 05"),
    ),
    Fault(
        "the audit takes a pin without an answer for a safe one",
        "book/tools/audit.py",
        {'if "vulns" not in one]': 'if "version" in one and "vulns" not in one]'},
        ("tests/tools/test_audit.py",),
    ),
    Fault(
        "the audit lets a package pass that states no licence",
        "book/tools/audit.py",
        {"[name for name in names if name not in allowed]": "[name for name in names if name and name not in allowed]"},
        ("tests/tools/test_audit.py",),
    ),
    Fault(
        "the archive's chapters link to pages that it does not hold",
        "book/tools/offline.py",
        {"../site/book/\\1.html": "../site/\\1.html"},
        ("tests/tools/test_offline.py",),
    ),
    Fault(
        "run.py is content with another version of the package",
        "book/offline/run.py",
        {"!= sys.argv[1]": "== ''"},
        ("tests/tools/test_run.py",),
    ),
)
