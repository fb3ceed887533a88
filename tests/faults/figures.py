"""Faults in figures: their Python, the models in the page, their scripts and their style."""

from tests.faults.planting import Fault

WIDGETS = "feedback_lite/widgets"
SITE = "tests/site"
LIVE = ("tests/site/test_live.py", "-k", "runtime_alone and not file")
EVERY_STATE = "tests/site/test_every_state.py"
DUEL = "tests/site/test_shell_duel.py"
SCREEN = "tests/site/test_screen.py"
LINKS, PRESENT, INSIDE = (f"tests/site/test_{name}.py" for name in ("links", "present", "inside"))
PROGRAM_DUEL = "tests/site/test_program_duel.py"

FAULTS = (
    Fault(
        "attention in the page without scale",
        f"{WIDGETS}/js/live.js",
        {"product * width ** -0.5 + bias[slot]": "product + bias[slot]"},
        LIVE,
    ),
    Fault(
        "GELU in the page by its approximation",
        f"{WIDGETS}/js/live.js",
        {
            "0.5 * x * (1 + erf(x / Math.SQRT2))": (
                "0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))"
            )
        },
        LIVE,
    ),
    Fault(
        "another epsilon in the page",
        f"{WIDGETS}/js/live.js",
        {"variance + 1e-5": "variance + 1e-6"},
        LIVE,
    ),
    Fault(
        "memory in the page not counted in the positions",
        f"{WIDGETS}/js/live.js",
        {"this.memoryOffset ? slots.length : 0": "0"},
        LIVE,
    ),
    Fault(
        "softmax in the page overflows",
        f"{WIDGETS}/js/mixture.js",
        {"Math.exp(score - largest)": "Math.exp(score)"},
        (SITE, "-k", "live_mathematics"),
    ),
    Fault(
        "weights read in the wrong order of bytes",
        f"{WIDGETS}/js/weights.js",
        {"getFloat32(4 * place, true)": "getFloat32(4 * place, false)"},
        LIVE,
    ),
    Fault(
        "weights of one byte read without their sign",
        f"{WIDGETS}/js/weights.js",
        {"view.getInt8(place)": "view.getUint8(place)"},
        LIVE,
    ),
    Fault(
        "the page compares a variable with itself",
        f"{WIDGETS}/js/printed_program.js",
        {"count === 4 && fourth === second": "count === 4 && fourth === first"},
        (PROGRAM_DUEL, "-k", "refuses_in"),
    ),
    Fault(
        "a condition in the page holds for equal values",
        f"{WIDGETS}/js/printed_program.js",
        {"left < right : left > right": "left <= right : left > right"},
        (PROGRAM_DUEL, "-k", "carries_out"),
    ),
    Fault(
        "the page asks the models one token too early",
        f"{WIDGETS}/js/program_words.js",
        {"end += statement.length + 1;": "end += statement.length;"},
        (PROGRAM_DUEL, "-k", "answers_as_python"),
    ),
    Fault(
        "every guess in the page is right",
        f"{WIDGETS}/js/program_duel.js",
        {"view.prints.length - 1) === value": "view.prints.length - 1) <= value"},
        ("tests/site/test_program_duel.py", "-k", "guess"),
    ),
    Fault(
        "a program may give a variable a second value",
        "feedback_lite/tasks/program_text.py",
        {'case [name, "="] if name in values:': 'case [name, "="] if name not in values and False:'},
        ("tests/unit/test_program_text.py",),
    ),
    Fault(
        "a link to a program opens what was hidden",
        f"{WIDGETS}/js/program_duel.js",
        {"      values_open: yesOrNo(),\n": ""},
        (LINKS, "-k", "every_state and program-duel"),
    ),
    Fault(
        "a link may hold a step that is not there",
        f"{WIDGETS}/js/inside.js",
        {"Math.max(state.step, state.slot) <= state.tokens.length &&": "state.slot <= state.tokens.length &&"},
        (INSIDE, "-k", "changed_address"),
    ),
    Fault(
        "a link forgets an intervention",
        f"{WIDGETS}/js/inside.js",
        {"      memory_offset: yesOrNo(),\n": ""},
        (LINKS, "-k", "every_state and inside"),
    ),
    Fault(
        "an address may ask for more than there is",
        f"{WIDGETS}/js/memory_queue.js",
        {'whole(1, model.get("changed").length)': "whole(1, 9999)"},
        (LINKS, "-k", "python_allows and memory-queue"),
    ),
    Fault(
        "half of a state is taken from an address",
        "book/site/assets/host.js",
        {"      if (state[key] === undefined) return null;\n": ""},
        (LINKS, "-k", "one_wrong_value"),
    ),
    Fault(
        "a second way to write an address is read",
        "book/site/assets/host.js",
        {"writeState(link, (key) => state[key]) === text ? state : null": "state"},
        (INSIDE, "-k", "hostile_links"),
    ),
    Fault(
        "a link leads below the header",
        "book/site/assets/host.js",
        {"- Math.max(0, ...covered) - 8": ""},
        (LINKS, "-k", "moves_one_figure"),
    ),
    Fault(
        "the focus leaves what is presented",
        f"{WIDGETS}/js/present.js",
        {"keepInside(stage, event));": "void event);"},
        (PRESENT, "-k", "stay_inside"),
    ),
    Fault(
        "a figure that was presented is left out of its place",
        f"{WIDGETS}/js/present.js",
        {"    gap.replaceWith(frame);\n": "    gap.remove();\n"},
        (PRESENT, "-k", "what_is_changed"),
    ),
    Fault(
        "two figures write one page",
        "book/site/alone.py",
        {"        if name in owners:\n": "        if False:\n"},
        ("tests/tools/test_alone.py",),
    ),
    Fault(
        "the second figure of a kind has the first one's name",
        "book/site/alone.py",
        {"kind if count[kind] == 1 else": "kind if count[kind] else"},
        ("tests/tools/test_alone.py",),
    ),
    Fault(
        "a sentence in the page counts one slot too many",
        f"{WIDGETS}/js/memory_queue.js",
        {"last: step - 1 }": "last: step }"},
        (EVERY_STATE, "-k", "memory-queue"),
    ),
    Fault(
        "a sentence in Python counts one slot too many",
        f"{WIDGETS}/memory_queue.py",
        {"last=self.step - 1)": "last=self.step)"},
        ("tests/unit/widgets/test_memory_queue.py",),
    ),
    Fault(
        "a dead key",
        f"{WIDGETS}/js/controls.js",
        {"    End: toLast,\n": ""},
        (SITE, "-k", "moves_its_figure and memory-queue"),
    ),
    Fault(
        "percent in the page rounded down",
        f"{WIDGETS}/js/words.js",
        {"Math.floor(100 * share + 0.5)": "Math.floor(100 * share)"},
        (EVERY_STATE, "-k", "layer-mixture"),
    ),
    Fault(
        "percent in Python rounded down",
        f"{WIDGETS}/figure.py",
        {"math.floor(100 * share + 0.5)": "math.floor(100 * share)"},
        ("tests/unit/widgets/test_layer_mixture.py",),
    ),
    Fault(
        "what a control changes is not saved",
        f"{WIDGETS}/js/figure.js",
        {"    model.save_changes();\n": ""},
        ("tests/site/test_saving.py",),
    ),
    Fault(
        "a prediction is not saved",
        f"{WIDGETS}/js/predict.js",
        {"      keep({ choice });\n": '      model.set("choice", choice);\n'},
        ("tests/site/test_saving.py",),
    ),
    Fault(
        "a quiz counts the last try",
        f"{WIDGETS}/quiz.py",
        {"tried[0] == asked": "tried[-1] == asked"},
        ("tests/unit/widgets/test_quiz.py",),
    ),
    Fault(
        "a quiz in the page counts the last try",
        f"{WIDGETS}/js/quiz.js",
        {"tries[one][0] === questions": "tries[one].at(-1) === questions"},
        (EVERY_STATE, "-k", "quiz and 05-feedback"),
    ),
    Fault(
        "a quiz takes tries after the right one",
        f"{WIDGETS}/quiz.py",
        {'            and asked["answer"] not in tried[:-1]\n': ""},
        ("tests/unit/widgets/test_quiz.py",),
    ),
    Fault(
        "the duel names the least likely cup",
        f"{WIDGETS}/js/shell_duel.js",
        {"shares.indexOf(Math.max(...shares))": "shares.indexOf(Math.min(...shares))"},
        (SITE, "-k", "speaks and duel"),
    ),
    Fault(
        "the duel starts solved",
        f"{WIDGETS}/shell_duel.py",
        {"game=list(first[:1] if game is None else game)": "game=list(first if game is None else game)"},
        ("tests/unit/widgets/test_shell_duel.py",),
    ),
    Fault(
        "a replay leaves out what the models say after a swap",
        f"{WIDGETS}/js/shell_duel.js",
        {"shown = { ...shown, game: [...shown.game, token] };": "shown = { ...shown, game: [...game] };"},
        (DUEL, "-k", "replay_shows"),
    ),
    Fault(
        "the duel counts a right guess as wrong",
        f"{WIDGETS}/js/shell_duel.js",
        {"Number(guess === ball + 1)": "Number(guess === ball)"},
        (DUEL, "-k", "right_answers_are_counted"),
    ),
    Fault(
        "a picture that scrolls away from its controls",
        f"{WIDGETS}/css/figure.css",
        {".fl-view { position: sticky;": ".fl-view { position: static;"},
        (SCREEN, "-k", "phone and mixture"),
    ),
    Fault(
        "a list as long as its models",
        f"{WIDGETS}/css/runs_explorer.css",
        {"height: 240px;": "height: max-content;"},
        (SCREEN, "-k", "laptop and runs"),
    ),
    Fault(
        "letters too small for a laptop",
        f"{WIDGETS}/css/figure.css",
        {"--fl-little: 14px;": "--fl-little: 12px;"},
        (SCREEN, "-k", "laptop and memory-queue"),
    ),
    Fault(
        "every button a stop of the Tab key",
        f"{WIDGETS}/js/controls.js",
        {"tabindex: one === stop ? null : -1": "tabindex: null"},
        ("tests/site/test_controls.py", "-k", "reached_by_keys and 06-memory"),
    ),
    Fault(
        "a step that moves whatever the reader asks for",
        f"{WIDGETS}/js/motion.js",
        {'"(prefers-reduced-motion: reduce)"': '"(prefers-reduced-motion: never)"'},
        (SCREEN, "-k", "step_moves and memory-queue"),
    ),
    Fault(
        "a button too small for a finger",
        f"{WIDGETS}/css/figure.css",
        {".fl-figure .fl-button {\n  min-height: 44px;": ".fl-figure .fl-button {\n  min-height: 30px;"},
        (SITE, "-k", "(can_be_touched and memory-queue) or (everything_fits and 06-memory)"),
    ),
    Fault(
        "a colour too pale for words",
        f"{WIDGETS}/palette.py",
        {'Colour("#5b6472", "#a3adba")': 'Colour("#9aa2ad", "#a3adba")'},
        ("tests/unit/widgets/test_palette.py",),
    ),
    Fault(
        "growth of time by the length's difference",
        f"{WIDGETS}/speed_ladder.py",
        {"math.log(last / first)": "math.log(last - first)"},
        ("tests/unit/widgets/test_speed_ladder.py",),
    ),
    Fault(
        "a figure's model is not the one that ships",
        f"{WIDGETS}/live.py",
        {'weight.numpy().astype("<f4")': '(1.001 * weight.numpy()).astype("<f4")'},
        ("tests/unit/widgets/test_live.py",),
    ),
    Fault(
        "the verdict of the combination beside it comes, in Python",
        f"{WIDGETS}/fill_in.py",
        {"return int(self.combinations[place])": "return int(self.combinations[place - 1])"},
        ("tests/unit/widgets/test_fill_in.py",),
    ),
    Fault(
        "the verdict of the combination beside it comes, in the page",
        f"{WIDGETS}/js/fill_in.js",
        {"return combinations[place];": "return combinations[Math.max(0, place - 1)];"},
        (EVERY_STATE, "-k", "fill-in and 05-feedback"),
    ),
    Fault(
        "a blank's first choices are all right",
        "feedback_lite/lesson/filling.py",
        {"if told[0] not in rights:": "if told[0] in rights:"},
        ("tests/unit/lesson/test_filling.py",),
    ),
    Fault(
        "combinations are told in the order in which choices came",
        "feedback_lite/lesson/filling.py",
        {"[verdicts.index(text) for text in told]": "[verdicts.index(one.text) for one in judged.values()]"},
        ("tests/unit/lesson/test_filling.py",),
    ),
    Fault(
        "a blank that makes no difference is kept",
        "feedback_lite/lesson/filling.py",
        {"    _refuse_idle_blanks(shown, told)\n": ""},
        ("tests/unit/lesson/test_filling.py",),
    ),
    Fault(
        "the browser's storage is trusted",
        "feedback_lite/widgets/js/progress.js",
        {"if (!solved.every(isName) || !read.every(isName) || !predicted.every(isPrediction)) return null;": ""},
        ("tests/site/test_progress.py", "-k", "dropped"),
    ),
)
