"""The duel on programs in the page: it reads, answers and speaks as Python does, and stands what is wrong."""

from typing import Any

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from feedback_lite import pretrained
from feedback_lite.tasks import PrintedProgram
from feedback_lite.tasks.program_text import MOST_CHARACTERS, read_program, write_program
from feedback_lite.widgets import ProgramDuel
from feedback_lite.widgets.figure import join_script
from feedback_lite.widgets.program_duel import (
    PLAYERS,
    asked_first,
    drawn_program,
    first_program,
    prints_of,
    program_rules,
    shares_of,
    values_after,
)
from tests.kinds import KINDS
from tests.programs import REFUSED
from tests.site.conftest import Visit, mount_again
from tests.site.looking import STATE, UNREAD, bring_parts, stored_of

# What the package computes is not tested here: its own checks of shapes would take most of the time.
pytestmark = pytest.mark.usefixtures("unchecked")

KIND = "program-duel"
PAGE = KINDS[KIND].pages[0]
TASK = PrintedProgram()
FIRST = read_program(first_program(), TASK)
LETTERS = {"10": "t", "=": "e", "++": "i", "--": "d", "if": "f", "<": "l", ">": "g", ":": "", "print": "p"}


def duel_of(page: Page) -> Locator:
    return page.locator(f'[data-figure="{KIND}"]')


def control(page: Page, name: str) -> Locator:
    return duel_of(page).locator(f'[data-control="{name}"]')


def sentence(page: Page) -> str:
    return " ".join(duel_of(page).get_by_role("status").inner_text().split())


def note(page: Page) -> str:
    return " ".join(duel_of(page).locator(".fl-note").inner_text().split())


def write(page: Page, text: str) -> None:
    """Type over the whole program, and use it."""
    control(page, "text").fill(text)
    control(page, "use").click()


def link_of(statements: list[list[str]], statement: int, *, closed: bool = False) -> str:
    short = ".".join("".join(LETTERS.get(word, word) for word in words) for words in statements)
    return f"1,program:{short},statement:{statement},values_open:{'no' if closed else 'yes'},ask:no,guess:0,score:0.0"


# ---- the programs


READ = """async ([script, rules, texts]) => {
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const { PrintedProgram } = await import(address);
    const program = new PrintedProgram(rules);
    return texts.map((text) => {
        try {
            const statements = program.read(text);
            const values = program.valuesAfter(statements).map((one) => Object.fromEntries(one));
            return [statements, values, program.write(statements), program.readShort(program.writeShort(statements))];
        } catch (error) {
            return error.message;
        }
    });
}"""


def in_page(sheet: Page, texts: list[str]) -> list[Any]:
    found: list[Any] = sheet.evaluate(READ, [join_script("printed_program"), program_rules(), texts])
    return found


def in_python(text: str) -> Any:
    try:
        statements = read_program(text, TASK)
    except ValueError as error:
        return str(error)
    return [statements, values_after(statements), write_program(statements), statements]


def test_page_refuses_in_the_words_of_python(sheet: Page) -> None:
    assert dict(zip(REFUSED, in_page(sheet, list(REFUSED)), strict=True)) == REFUSED


def test_page_reads_and_carries_out_what_python_does(sheet: Page) -> None:
    """Programs that were drawn, and the same with one word exchanged, doubled or left out; most are refused."""
    generator = torch.Generator().manual_seed(8)
    texts = ["", " \n\t\u00a0", "END", "x=4;x—;x–;", " " * MOST_CHARACTERS, "🎲" * 1_000_000]
    for seed in range(60):
        text = drawn_program(seed, tokens=40 + 4 * seed)
        words = text.split()
        texts.append(text.replace(" ", "") if "print" not in text and "if" not in text else text)
        for _ in range(6):
            place, other = (int(torch.randint(len(words), (), generator=generator)) for _ in range(2))
            texts += [
                " ".join([*words[:place], words[other], *words[place + 1 :]]),
                " ".join([*words[:place], words[other], *words[place:]]),
                " ".join([*words[:place], *words[place + 1 :]]),
            ]
    found = in_page(sheet, texts)
    wanted = [in_python(text) for text in texts]
    assert found == wanted
    assert 60 <= sum(isinstance(one, list) for one in wanted) <= len(texts) - 300


DRAW = """async ([script, rules, count, programs]) => {
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const { PrintedProgram } = await import(address);
    const program = new PrintedProgram(rules);
    return Array.from({ length: programs }, () => program.write(program.draw(count)));
}"""


@pytest.mark.parametrize("count", [1, 2, 10, 100])
def test_random_programs_are_those_of_the_task(count: int, sheet: Page) -> None:
    """So long, with a print at their end; long ones have all kinds of statements, each about as often as the task."""
    if count == 1:
        count = 2  # a program cannot begin with a print
    drawn = sheet.evaluate(DRAW, [join_script("printed_program"), program_rules(), count, 60])
    statements = [read_program(text, TASK) for text in drawn]
    assert {len(one) for one in statements} == {count}
    assert all(one[-1][0] == "print" for one in statements)
    if count == 100:
        ours = "".join(drawn)
        theirs = "".join(write_program(read_program(drawn_program(seed, tokens=400), TASK)) for seed in range(60))
        for word in ("++", "--", "if", "<", ">", "print"):
            share, wanted = (text.count(word) / text.count(";") for text in (ours, theirs))
            assert abs(share - wanted) < 0.02, word


# ---- the models


ANSWERS = """async ([script, rules, models, texts]) => {
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const { makePlayers, PrintedProgram } = await import(address);
    const program = new PrintedProgram(rules);
    const players = makePlayers(models, program);
    return texts.map((text) => players.map((play) => play(program.read(text))));
}"""


def test_page_answers_as_python_does(stage: Visit) -> None:
    """Both models' probabilities of all values at each print, to 1e-10, in long programs and by hand."""
    state = stored_of(stage(PAGE), KIND)[0]
    texts = [drawn_program(seed, tokens=tokens) for seed, tokens in enumerate((30, 100, 256, 256, 480))]
    texts += ["x = 3 ; print x ;", "y = 5 ; " + "print y ; " * 99, first_program()]
    found = stage(PAGE).evaluate(ANSWERS, [state["_esm"], state["rules"], state["models"], texts])
    for text, players in zip(texts, found, strict=True):
        for name, ours in zip(PLAYERS, players, strict=True):
            assert len(ours) == len(prints_of(read_program(text, TASK)))
            wanted = torch.tensor(shares_of(name, write_program(read_program(text, TASK))), dtype=torch.float64)
            torch.testing.assert_close(torch.tensor(ours, dtype=torch.float64), wanted, rtol=0, atol=1e-10)


def test_models_are_those_that_ship(stage: Visit) -> None:
    state = stored_of(stage(PAGE), KIND)[0]
    assert [exported["name"] for exported in state["models"]] == list(PLAYERS)
    assert [exported["sha256"] for exported in state["models"]] == [pretrained.card(name)["sha256"] for name in PLAYERS]


# ---- playing


def test_answers_stay_hidden_until_the_reader_guesses(stage: Visit) -> None:
    page = stage(PAGE, fresh=True)
    assert sentence(page) == ProgramDuel().sentence
    assert "%" not in duel_of(page).inner_text()
    cells = duel_of(page).locator("tr[data-done] .fl-cell")
    assert set(cells.all_inner_texts()) == {"?", ""}
    statement = asked_first(FIRST)
    value = values_after(FIRST)[statement - 1][FIRST[statement - 1][1]]
    control(page, f"guess {value}").click()
    twin = ProgramDuel()
    twin.set_state({"values_open": True, "guess": value, "score": [1, 1]})
    expect(duel_of(page).get_by_role("status")).to_have_text(twin.sentence)
    expect(control(page, "guess 1")).to_be_disabled()
    expect(control(page, "reveal")).to_be_disabled()
    control(page, "random").click()
    control(page, "reveal").click()
    assert sentence(page).endswith("You guessed right 1 of 1 time.")


@pytest.mark.parametrize("beside", [-1, 1])
def test_a_wrong_guess_is_counted_and_not_as_right(beside: int, stage: Visit) -> None:
    page = stage(PAGE, fresh=True)
    statement = asked_first(FIRST)
    guess = values_after(FIRST)[statement - 1][FIRST[statement - 1][1]] + beside
    control(page, f"guess {guess}").click()
    twin = ProgramDuel()
    twin.set_state({"values_open": True, "guess": guess, "score": [0, 1]})
    expect(duel_of(page).get_by_role("status")).to_have_text(twin.sentence)


def test_reader_is_asked_at_every_print_if_that_is_wanted(stage: Visit) -> None:
    page = stage(PAGE, fresh=True)
    control(page, "ask").check()
    control(page, "restart").click()
    for number, (kind, *_) in enumerate(FIRST[:20], start=1):
        text = f"Statement {number} of {len(FIRST)}: what does " if kind == "print" else f"After statement {number} of"
        assert sentence(page).startswith(text)
        control(page, "step").click()


def test_a_program_is_written_word_by_word(stage: Visit) -> None:
    page = stage(PAGE, fresh=True)
    control(page, "write").click()
    control(page, "clear").click()
    for word in "x 1 0 x -- y 4 if y < x y ++ print y".replace("1 0", "10").split():
        if word.isdigit() and duel_of(page).locator(".fl-draft").inner_text().endswith((": x …", ": y …")):
            control(page, "word =").click()
        control(page, f"word {word}").click()
    twin = ProgramDuel("x = 10 ; x -- ; y = 4 ; if y < x : y ++ ; print y ;")
    assert sentence(page) == twin.sentence
    assert control(page, "text").input_value().replace("\n", " ") == twin.program


def test_keys_that_cannot_follow_are_off(stage: Visit) -> None:
    page = stage(PAGE, fresh=True)
    control(page, "write").click()
    control(page, "clear").click()
    keys = duel_of(page).locator(".fl-keys [data-control^='word ']")

    def able() -> list[str]:
        return [str(key.inner_text()) for key in keys.all() if key.get_attribute("aria-disabled") is None]

    numbers = [str(number) for number in range(1, 11)]
    assert able() == ["x", "y", "z"]
    for word, after in {
        "x": ["="], "=": numbers, "10": ["x", "y", "z", "if", "print"], "if": ["x"], "x ": ["<", ">"], ">": numbers,
        "9": ["x", "y", "z"], " x": ["--"], "--": ["x", "y", "z", "if", "print"], "print": ["x"],
    }.items():  # fmt: skip
        control(page, f"word {word.strip()}").click()
        assert able() == after, word
    control(page, "text").fill("x=2;" + "print x;" * 99)
    control(page, "use").click()
    assert able() == []
    expect(duel_of(page).locator(".fl-draft")).to_have_text("A program has at most 100 statements.")
    expect(control(page, "take back")).to_be_enabled()


@pytest.mark.parametrize("place", range(0, len(REFUSED), 7))
def test_what_is_no_program_is_told_where_it_is_written(place: int, stage: Visit) -> None:
    page = stage(PAGE, fresh=True)
    before = sentence(page)
    control(page, "write").click()
    text, reason = list(REFUSED.items())[place]
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    write(page, text)
    told = duel_of(page).locator(".fl-message").text_content()
    # A field for text knows one way to end a line, and has no place for some signs.
    if not set(text) & set("\x00\x0b\x85\u2028\n"):
        assert told == f"This is no program: {reason}."
    assert sentence(page) == before
    assert page.evaluate("window.hacked") is None
    assert dialogs == []
    write(page, "x=3; print x;")
    assert sentence(page) == ProgramDuel("x=3; print x;").sentence
    assert duel_of(page).locator(".fl-message").text_content() == ""


def test_a_million_characters_are_refused(stage: Visit) -> None:
    page = stage(PAGE, fresh=True)
    control(page, "write").click()
    control(page, "text").evaluate("(field) => { field.value = 'x=3;'.repeat(250000); }")
    control(page, "use").click()
    expect(duel_of(page).locator(".fl-message")).to_have_text(
        "This is no program: the text has 1,000,000 characters, and a program has at most 4,000."
    )


def test_touch_on_a_telephone(visit: Visit) -> None:
    page = visit(PAGE, has_touch=True, viewport={"width": 390, "height": 844})
    control(page, "write").tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = (
        duel_of(page)
        .locator("[data-control]:visible")
        .evaluate_all(
            """(all) => all.filter((one) => {
            const { width, height } = (one.closest("label") ?? one).getBoundingClientRect();
            return width < 44 || height < 44;
        }).map((one) => one.dataset.control)"""
        )
    )
    assert small == []
    control(page, "clear").tap()
    for word in ("x", "=", "3", "print", "x"):
        control(page, f"word {word}").tap()
    assert sentence(page) == ProgramDuel("x = 3 ; print x ;").sentence


def test_it_is_seen_whole(stage: Visit) -> None:
    """As it starts and with everything open, at most 640 pixels high on a wide screen, with words of 14 and more."""
    page = stage(PAGE, fresh=True)
    for name in ("reveal", "step"):
        box = duel_of(page).bounding_box()
        assert box is not None
        assert box["height"] <= 640
        control(page, name).click()
    sizes = duel_of(page).evaluate(
        """(figure) => [...figure.querySelectorAll("*")].filter((node) => node.checkVisibility() &&
            [...node.childNodes].some((one) => one.nodeType === Node.TEXT_NODE && one.textContent.trim())
        ).map((node) => parseFloat(getComputedStyle(node).fontSize))"""
    )
    assert min(sizes) >= 14


# ---- links


@pytest.mark.parametrize("over", ["http", "file"])
def test_link_restores_a_program(over: str, visit: Visit) -> None:
    longest = read_program(drawn_program(3, tokens=480), TASK)
    page = visit(f"{PAGE}#{KIND}={link_of(longest, len(longest))}", over=over)
    for statements, statement in ((longest, len(longest)), (FIRST, 9), (read_program("x=10;x--;", TASK), 1), ([], 0)):
        twin = ProgramDuel(write_program(statements))
        twin.statement = statement
        for closed in (False, True):
            link = link_of(statements, statement, closed=closed)
            page.evaluate("(hash) => { location.hash = hash; }", f"{KIND}={link}")
            twin.values_open = not closed
            expect(duel_of(page).get_by_role("status")).to_have_text(twin.sentence)
    assert note(page) == ""


HOSTILE = {
    "a statement that is not there": ("xe3.px", 3),
    "no statement of a program": ("xe3.px", 0),
    "a variable without a value": ("xe3.pz", 2),
    "a broken end": ("xe3.x", 2),
    "a doubled dot": ("xe3..px", 3),
    "another way to write the same": ("xe3.px.", 2),
    "a digit of another script": ("xe٣", 1),
    "the name of a prototype": ("__proto__", 1),
    "too many statements": (f"xe3{'.px' * 100}", 101),
}


def test_programs_that_are_none_change_nothing(visit: Visit) -> None:
    page = visit(PAGE)
    told = sentence(page)
    for what, (short, statement) in HOSTILE.items():
        link = f"{KIND}=1,program:{short},statement:{statement},values_open:yes,ask:no,guess:0,score:0.0"
        page.evaluate("(hash) => { location.hash = ''; location.hash = hash; }", link)
        expect(page.locator(f"#figure-{KIND} .fl-foot-note"), what).to_have_text(UNREAD)
        assert sentence(page) == told, what


# ---- weights that cannot be read


DAMAGE = {
    "a short weight": "models[1].weights['to_logits.weight'].base64 = 'AAAA'",
    "a unit that is none": "models[0].weights['embedding.weight'].unit = 'x'",
    "an endless unit": "models[0].weights['embedding.weight'].unit = 1e400",
    "the models exchanged": "models.reverse()",
    "nothing": "models.length = 0",
}


@pytest.mark.parametrize("what", DAMAGE)
def test_recorded_program_stays_where_weights_cannot_be_read(what: str, visit: Visit) -> None:
    page = visit(PAGE)
    bring_parts(page)
    page.evaluate(
        f"""(selector) => {{
            const script = document.querySelector(selector);
            const all = JSON.parse(script.textContent);
            const models = Object.values(all.state).find(({{ state }}) => state.recorded?.program).state.models;
            {DAMAGE[what]};
            script.textContent = JSON.stringify(all).replaceAll(/"unit":null/g, '"unit":1e400');
        }}""",
        STATE,
    )
    mount_again(page, KIND)
    restart, step = control(page, "restart"), control(page, "step")
    expect(duel_of(page).locator(".fl-note")).to_contain_text("Here is a recorded program instead.")
    assert note(page).startswith("The weights of ")
    names = duel_of(page).locator("[data-control]").evaluate_all("(all) => all.map((one) => one.dataset.control)")
    assert set(names) == {"statement", "back", "step", "run", "restart"}
    twin = ProgramDuel(first_program())
    for number in (1, 2, 3):
        twin.statement = number
        (restart if number == 1 else step).click()
        assert sentence(page) == twin.sentence
    step.press("End")
    twin.statement = len(FIRST)
    assert sentence(page) == twin.sentence
