"""The duel on programs: two models carry out what the reader writes."""

from collections.abc import Callable, Iterator

from playwright.sync_api import Locator

from feedback_lite.tasks import PrintedProgram
from feedback_lite.tasks.program_text import read_program, write_program
from feedback_lite.widgets import ProgramDuel
from feedback_lite.widgets.program_duel import drawn_program, prints_of, values_after
from tests.kind import LESS, MORE, Control, Kind, Look, Mark, Move, State, always, at, click, step_controls

LOOK = r"""(figure) => {
    const all = (selector) => [...figure.querySelectorAll(selector)];
    const text = (found) => found.textContent.replace(/\s/g, " ");
    const one = (name) => figure.querySelector(`[data-control="${name}"]`);
    const now = figure.querySelector("tr[data-now]");
    const cells = now ? [...now.querySelectorAll(".fl-cell")].map(text) : [];
    const strip = figure.querySelector(".fl-picker")?.getAttribute("aria-valuetext") ?? "";
    const [step, steps] = (strip.match(/^(\d+) of (\d+)/) ?? [0, 0, 0]).slice(1).map(Number);
    return {
        step, steps, cells,
        line: now ? text(now.querySelector(".fl-code")) : "",
        marked: all(".fl-picture-box path.fl-cross, .fl-picture-box [data-player] > rect:not([x='1'])").length,
        open: one("reveal").getAttribute("aria-disabled") === "true",
        answers: all(".fl-row .fl-value").map(text),
        result: text(figure.querySelector(".fl-result")),
        guess: all(".fl-guesses button").findIndex((guess) => "chosen" in guess.dataset) + 1,
        score: text(figure.querySelector(".fl-score")),
        ask: one("ask").checked,
        length: all('.fl-lengths [aria-pressed="true"]').map(text),
        writes: one("write").getAttribute("aria-expanded") === "true",
        draft: text(figure.querySelector(".fl-draft")),
        message: text(figure.querySelector(".fl-message")),
        note: all(".fl-note").map(text).join(),
        picture: all("svg, table, .fl-note, .fl-message, .fl-draft, .fl-lengths, .fl-result")
            .map((part) => part.outerHTML)
            .concat(String(one("ask").checked), one("write").outerHTML, one("text").value),
    };
}"""

TASK = PrintedProgram()
NO_PROGRAM = "This is no program: "


def used(name: str, seen: Callable[[Look], Look] | Look, first: tuple[str, ...] = (), silent: bool = False) -> Control:
    """What a button or a box to tick does."""
    return Control(name, click, (), seen if callable(seen) else always(**seen), first, silent=silent)


def typed(text: str) -> Move:
    """Type over the program, and use it."""

    def move(field: Locator) -> None:
        field.fill(text)
        field.page.locator('[data-control="use"]').click()

    return move


def writes(text: str, seen: Look) -> Control:
    return Control("text", typed(text), (), always(**seen), ("write",), silent="message" in seen)


def at_statement(step: Callable[[Look], int]) -> Callable[[Look], Look]:
    """A statement that was stepped on is open."""

    def seen(was: Look) -> Look:
        return {"step": step(was), "open": True, "guess": 0}

    return seen


SHORT = ("write", "clear", "word x", "word =", "word 3", "word print", "word x")
ASKED: Look = {"open": False, "answers": ["?", "?"], "guess": 0}
CONTROLS = (
    *step_controls(at_statement),
    Control("statement", at(0.999), ("End",), at_statement(lambda was: was["steps"])),
    Control("statement", at(0.0), ("Home",), at_statement(lambda _: 1)),
    Control("statement", None, LESS, at_statement(lambda was: was["step"] - 1)),
    Control("statement", None, MORE, at_statement(lambda was: was["step"] + 1)),
    used("reveal", {"open": True, "guess": 0, "score": ""}),
    *(used(f"guess {value}", {"open": True, "guess": value}) for value in range(1, 11)),
    used("ask", {"ask": True}, silent=True),
    used("ask", {"ask": False}, ("ask",), silent=True),
    used("word x", {"open": False, "line": "print x ;", "answers": ["?", "?"]}, ("ask", *SHORT, "word print")),
    used("random", {"steps": 10, **ASKED}),
    *(used("random", {"steps": count, **ASKED}, (f"length {count}",)) for count in (30, 100)),
    *(used(f"length {count}", {"length": [str(count)]}, ("length 30",), silent=True) for count in (10, 100)),
    used("length 30", {"length": ["30"]}, silent=True),
    used("write", {"writes": True}, silent=True),
    used("write", {"writes": False}, ("write",), silent=True),
    used("clear", {"step": 0, "steps": 0, "result": "no statement yet"}, ("write",)),
    *(
        used(f"word {name}", {"draft": f"Statement 1: {name} …"}, ("write", "clear"), silent=True)
        for name in TASK.names
    ),
    used("word =", {"draft": "Statement 1: z = …"}, ("write", "clear", "word z"), silent=True),
    *(
        used(
            f"word {value}",
            {"step": 1, "steps": 1, "line": f"y = {value} ;", "cells": ["–", str(value), "–", "", ""]},
            ("write", "clear", "word y", "word ="),
        )
        for value in range(1, 11)
    ),
    used("word ++", {"step": 3, "line": "x ++ ;", "cells": ["4", "–", "–", "", ""]}, (*SHORT, "word x")),
    used("word --", {"step": 3, "line": "x -- ;", "cells": ["2", "–", "–", "", ""]}, (*SHORT, "word x")),
    used("word if", {"draft": "Statement 3: if …"}, SHORT, silent=True),
    used("word <", {"draft": "Statement 3: if x < …"}, (*SHORT, "word if", "word x"), silent=True),
    used("word >", {"draft": "Statement 3: if x > …"}, (*SHORT, "word if", "word x"), silent=True),
    used("word 4", {"draft": "Statement 3: if x < 4 : …"}, (*SHORT, "word if", "word x", "word <"), silent=True),
    used(
        "word --",
        {"step": 3, "line": "if x < 4 : x -- ;", "cells": ["2", "–", "–", "", ""]},
        (*SHORT, "word if", "word x", "word <", "word 4", "word x"),
    ),
    used("word print", {"draft": "Statement 3: print …"}, SHORT, silent=True),
    used("word x", {"step": 2, "line": "print x ;", "open": True, "result": "print x  →  3"}, SHORT[:-1]),
    used("take back", {"step": 1, "steps": 1, "line": "x = 3 ;"}, SHORT),
    used(
        "take back", {"draft": "Statement 3: if x < …"}, (*SHORT, "word if", "word x", "word <", "word 4"), silent=True
    ),
    writes(
        "x=3; x++;print x", {"message": f"{NO_PROGRAM}statement 3: the text ends after 'print x'; ';' may stand there."}
    ),
    writes("x=3; print z;", {"message": f"{NO_PROGRAM}statement 2: z has no value yet."}),
    writes("x = 3 ;\nx ++ ;\nprint x ; END", {"step": 3, "steps": 3, "line": "print x ;", "result": "print x  →  4"}),
    writes(" ", {"step": 0, "steps": 0, "result": "no statement yet"}),
    used("use", at_statement(lambda was: was["steps"]), ("write",)),
)

MARKS = {
    "memory": Mark("filled square", '[data-player="feedback"] .fl-square'),
    "ordinary": Mark("open square, dashed", '[data-player="ordinary"] .fl-square', "stroke", open=True, dashed=True),
    "right": Mark("check mark", '.fl-verdict[data-verdict="right"]', "color", says="✓ right"),
    "query": Mark("ring", "circle.fl-ring", "stroke", open=True),
}

HAND_WRITTEN = (
    "",
    "x = 1 ;",
    "x = 3 ; print x ;",
    "x = 10 ; x -- ; if x > 8 : y = 2 ; print y ; print x ;",
    "z = 4 ; if z < 4 : y = 1 ; if z > 3 : z ++ ; print z ;",
    "x = 2 ; y = 2 ; if x < y : x ++ ; if x > y : x ++ ; if y < 3 : x ++ ; print x ; print y ;",
    "y = 5 ; " + "print y ; " * 99,
)


def states(_: ProgramDuel) -> Iterator[State]:
    """Programs of many lengths at many of their statements, open and closed, with and without a guess and a score."""
    drawn = [drawn_program(seed, tokens=tokens) for seed, tokens in enumerate((12, 30, 60, 130, 256))]
    for place, text in enumerate((*HAND_WRITTEN, *drawn)):
        statements = read_program(text, TASK)
        program, prints = write_program(statements), prints_of(statements)
        count = len(statements)
        for statement in sorted({min(1, count), (count + 1) // 2, count, *prints[:2], *prints[-1:]}):
            told = {"program": program, "statement": statement, "ask": place % 2 == 0}
            score = [place // 2, place]
            yield {**told, "values_open": True, "guess": 0, "score": score}
            yield {**told, "values_open": False, "guess": 0, "score": [0, 0]}
            if statement in prints:
                value = values_after(statements)[statement - 1][statements[statement - 1][1]]
                yield {**told, "values_open": True, "guess": value, "score": [1, 1]}
                yield {**told, "values_open": True, "guess": 1 + value % 10, "score": score}
    longest = drawn_program(7, tokens=400)
    yield {"program": longest, "statement": longest.count(";"), "values_open": True, "guess": 0, "score": [3, 4]}


KIND = Kind(
    figure=ProgramDuel,
    small=ProgramDuel,
    pages=("chapters/11-training.html",),
    look=LOOK,
    controls=CONTROLS,
    marks=MARKS,
    twin=lambda _: ProgramDuel(),
    states=states,
)
