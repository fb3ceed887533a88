"""The duel on programs in Python: its first program, its words, what it refuses, and what it stores for the page."""

import json
import subprocess
import sys
from typing import Any

import pytest
import torch
from traitlets import TraitError

from feedback_lite import pretrained
from feedback_lite.tasks import IGNORED, PrintedProgram
from feedback_lite.tasks.program_text import read_program
from feedback_lite.widgets import ProgramDuel
from feedback_lite.widgets.program_duel import (
    PLAYERS,
    answers_of,
    asked_first,
    drawn_program,
    first_program,
    prints_of,
    rights_of,
    shares_of,
    values_after,
)

TASK = PrintedProgram()
BY_HAND = "x = 3 ; if x < 4 : y = 9 ; y ++ ; if x > y : x -- ; print y ; print x ;"


def tokens_of(program: str) -> torch.Tensor:
    return torch.tensor([[TASK.vocabulary.index(word) for word in program.split()]])


def with_answers(program: str) -> str:
    """What the models answer at the end of a program, asked by another way than the figure's."""
    (value,) = (int(target) + 1 for target in TASK.answers(tokens_of(program))[0, -1:])
    told = []
    for who, name in (("With feedback", PLAYERS[0]), ("Without", PLAYERS[1])):
        shares = pretrained.load(name).double()(tokens_of(program)).logits[0, -1].softmax(dim=0)[:10].detach()
        answer = 1 + int(shares.argmax())
        verdict = "right" if answer == value else "wrong"
        told.append(f"{who}: {answer}, {int(100 * shares.max() + 0.5)} %, {verdict}.")
    return f"prints {value}. {' '.join(told)}"


def prefix(duel: ProgramDuel) -> str:
    """The program up to the present statement."""
    return " ;".join(duel.program.split(" ;")[: duel.statement]) + " ;"


def test_values_by_hand() -> None:
    values = values_after(read_program(BY_HAND, TASK))
    assert values == [{"x": 3}, {"x": 3, "y": 9}, *[{"x": 3, "y": 10}] * 4]
    assert prints_of(read_program(BY_HAND, TASK)) == [5, 6]


def test_answers_are_those_of_the_task() -> None:
    """What is right is what the task's own answers say, program by program."""
    for seed in range(4):
        program = drawn_program(seed, tokens=120)
        targets = TASK.answers(tokens_of(program))[0]
        true = (targets[targets != IGNORED] + 1).tolist()
        for name in PLAYERS:
            assert rights_of(name, program) == [
                answer.value == value for answer, value in zip(answers_of(name, program), true, strict=True)
            ]


@pytest.mark.parametrize("name", PLAYERS)
def test_shares_are_those_of_the_model_in_float64(name: str) -> None:
    tokens, shares = tokens_of(BY_HAND), torch.tensor(shares_of(name, BY_HAND), dtype=torch.float64)
    whole = pretrained.load(name).double()(tokens).logits[0].softmax(dim=-1)[:, :10]
    ends = [place for place, word in enumerate(BY_HAND.split()) if word == ";"]
    torch.testing.assert_close(shares, whole[[ends[4], ends[5]]], rtol=0, atol=1e-12)


def test_first_program_is_the_first_typical_one() -> None:
    shares = [pretrained.card(name)["accuracy_by_length"]["256"] for name in PLAYERS]

    def is_typical(seed: int) -> bool:
        rights = [rights_of(name, drawn_program(seed)) for name in PLAYERS]
        return all(abs(sum(right) - share * len(right)) <= 0.5 for right, share in zip(rights, shares, strict=True))

    seed = next(seed for seed in range(1000) if is_typical(seed))
    assert first_program() == drawn_program(seed)
    drawn = TASK.sample(batch_size=1, length=256, generator=torch.Generator().manual_seed(seed)).tokens
    length = tokens_of(first_program()).shape[1]
    assert torch.equal(drawn[:, :length], tokens_of(first_program()))
    assert TASK.vocabulary.index("print") not in drawn[0, length:-2]
    assert length > 230


def test_it_starts_with_a_question_at_the_first_print_from_the_sixth_statement_on() -> None:
    duel = ProgramDuel()
    statements = read_program(duel.program, TASK)
    assert duel.statement == asked_first(statements)
    assert duel.statement == min(number for number in prints_of(statements) if number >= 6)
    text = " ".join(statements[duel.statement - 1])
    assert duel.sentence == (
        f"Statement {duel.statement} of {len(statements)}: what does {text} print? "
        "Both models have answered; guess or reveal to see."
    )
    duel.values_open = True
    said = with_answers(prefix(duel))
    assert duel.sentence.startswith(f"Statement {duel.statement} of {len(statements)}: {text} {said}")


def test_a_program_of_ones_own_is_open_at_its_end() -> None:
    duel = ProgramDuel("x=3;if x<4:y=9;y++;if x>y:x--;print y;print x;")
    assert duel.program == BY_HAND
    rights = [sum(rights_of(name, BY_HAND)) for name in PLAYERS]
    assert duel.sentence == (
        f"Statement 6 of 6: print x {with_answers(BY_HAND)} "
        f"Right at 2 prints so far: with feedback {rights[0]}, without {rights[1]}."
    )
    duel.statement = 5
    assert duel.sentence.startswith(f"Statement 5 of 6: print y {with_answers(prefix(duel))} Right at 1 print so far: ")
    duel.statement = 4
    assert duel.sentence == "After statement 4 of 6, if x > y : x --: x is 3, y is 10, z has no value."
    duel.values_open = False
    assert duel.sentence == "Statement 4 of 6, if x > y : x --: values and answers are hidden; reveal to see."


def test_guess_and_score_are_told() -> None:
    duel = ProgramDuel(BY_HAND)
    duel.set_state({"guess": 3, "score": [1, 1]})
    assert f"{with_answers(BY_HAND)} You: 3, right. Right at" in duel.sentence
    assert duel.sentence.endswith(" You guessed right 1 of 1 time.")
    duel.set_state({"guess": 4, "score": [1, 2]})
    assert " You: 4, wrong. " in duel.sentence
    assert duel.sentence.endswith(" You guessed right 1 of 2 times.")
    duel.statement = 5
    assert duel.guess == 0
    duel.guess = 10
    duel.program = "x = 1 ; print x ;"
    assert (duel.statement, duel.guess) == (2, 0)
    duel.values_open = False
    assert duel.sentence.endswith("guess or reveal to see. You guessed right 1 of 2 times.")


def test_an_empty_program_asks_for_a_statement() -> None:
    duel = ProgramDuel("")
    assert (duel.program, duel.statement) == ("", 0)
    assert duel.sentence == "The program is empty: write a statement, or take a random program."
    duel.program = "x=2;"
    assert (duel.program, duel.statement) == ("x = 2 ;", 1)
    duel.program = " "
    assert (duel.program, duel.statement) == ("", 0)


@pytest.mark.parametrize("prints", [84, 85, 86])
def test_length_is_told_honestly(prints: int) -> None:
    """Four tokens, then three for each print: training saw 256."""
    duel = ProgramDuel("x = 1 ;" + " print x ;" * prints)
    assert ("longer than either model ever saw in training" in duel.sentence) == (4 + 3 * prints > 256)
    duel.statement = 5
    assert "longer" not in duel.sentence


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("program", "x = 3 ; print z ;", "program must be one of the task's: statement 2: z has no value yet"),
        ("program", "x" * 5000, "program must be one of the task's: the text has 5,000 characters"),
        ("program", 3, "expected a unicode string"),
        ("statement", 0, "statement must be between 1 and 6, got 0"),
        ("statement", 7, "statement must be between 1 and 6, got 7"),
        ("guess", 11, "guess must be between 0 and 10, got 11"),
        ("guess", -1, "guess must be between 0 and 10, got -1"),
        ("score", [0], "score must be the right guesses and all guesses"),
        ("score", [2, 1], "score must be the right guesses and all guesses"),
        ("score", [-1, 1], "score must be the right guesses and all guesses"),
    ],
)
def test_impossible_states_are_refused(name: str, value: object, message: str) -> None:
    duel = ProgramDuel(BY_HAND)
    with pytest.raises(TraitError, match=message):
        setattr(duel, name, value)


def test_what_is_no_program_is_refused_at_the_start() -> None:
    with pytest.raises(TraitError, match="statement 1: unknown word 'w' at its start; x, y, z, if or print may"):
        ProgramDuel("w = 3 ;")
    with pytest.raises(TraitError, match="statement must be between 0 and 0, got 1"):
        ProgramDuel("").statement = 1


def test_recorded_program_is_what_the_models_say() -> None:
    recorded: dict[str, Any] = ProgramDuel(BY_HAND).recorded
    assert recorded["program"] == first_program()
    assert recorded["statement"] == ProgramDuel().statement
    for name, shares in zip(PLAYERS, recorded["shares"], strict=True):
        exact = torch.tensor(shares_of(name, first_program()), dtype=torch.float64)
        torch.testing.assert_close(torch.tensor(shares, dtype=torch.float64), exact, rtol=0, atol=5.1e-7)


def test_state_is_json_and_the_script_one_module() -> None:
    duel = ProgramDuel()
    state = {key: value for key, value in duel.get_state().items() if key != "_dom_classes"}
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert [exported["name"] for exported in duel.models] == list(PLAYERS)
    assert len(json.dumps(duel.models)) < 170_000
    script = duel._esm
    assert script.count("export default") == 1
    assert "\nimport " not in script
    assert len(script) < 68_000
    assert not [part for part in ("</script", "<!--", ".innerHTML", "eval(") if part in script]


def test_python_can_end_with_a_duel_open() -> None:
    code = "from feedback_lite.widgets import ProgramDuel; duel = ProgramDuel('x=3;print x;'); print(duel)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ProgramDuel: Statement 2 of 2: print x prints 3.")
