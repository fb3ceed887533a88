"""Programs as a reader writes them: what is read, and what is refused, where and with which words."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from feedback_lite.tasks import PrintedProgram
from feedback_lite.tasks.program_text import MOST_CHARACTERS, objection_to, read_program, words_after, write_program
from tests.programs import REFUSED

TASK = PrintedProgram()


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        (" \n\t\u00a0", []),
        ("END", []),
        ("x = 3 ; print x ;", [["x", "=", "3"], ["print", "x"]]),
        ("x=3;x++;x--;print x;END", [["x", "=", "3"], ["x", "++"], ["x", "--"], ["print", "x"]]),
        ("x = 9 ;\nif x > 3 : x ++ ;\nEND\n", [["x", "=", "9"], ["if", "x", ">", "3", ":", "x", "++"]]),
        ("x=9; if x<3: y=1; print y;", None),
        ("x=1; if x<3: y=1; print y;", [["x", "=", "1"], ["if", "x", "<", "3", ":", "y", "=", "1"], ["print", "y"]]),
        ("x=4;x—;x–;", [["x", "=", "4"], ["x", "--"], ["x", "--"]]),
    ],
)
def test_programs_by_hand(text: str, statements: list[list[str]] | None) -> None:
    """What a condition does not give is not there: y has a value only where x is below 3."""
    if statements is None:
        with pytest.raises(ValueError, match="statement 3: y has no value yet"):
            read_program(text, TASK)
    else:
        assert read_program(text, TASK) == statements


@pytest.mark.parametrize(("text", "message"), REFUSED.items())
def test_what_is_no_program_is_told_where(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"\A{re.escape(message)}\Z"):
        read_program(text, TASK)


def test_a_million_characters_are_refused_before_they_are_read() -> None:
    with pytest.raises(ValueError, match="the text has 1,000,000 characters, and a program has at most 4,000"):
        read_program("x" * 1_000_000, TASK)
    assert read_program(" " * MOST_CHARACTERS, TASK) == []


def test_all_that_the_task_draws_is_read_and_written_again() -> None:
    tokens = TASK.sample(batch_size=40, length=900, generator=torch.Generator().manual_seed(3)).tokens
    for row in tokens.tolist():
        words = [TASK.vocabulary[token] for token in row]
        text = " ".join(words[: words.index("END")])
        statements = read_program(text, TASK)
        assert len(statements) == TASK.statements
        assert write_program(statements) == text
        assert len(text) <= MOST_CHARACTERS


def test_other_sizes_of_the_task() -> None:
    small = PrintedProgram(variables=1, statements=2, largest=2)
    assert read_program("x=1;x++;", small) == [["x", "=", "1"], ["x", "++"]]
    for text, message in {
        "x=3;": "statement 1: unknown word '3' after 'x ='; a number from 1 to 2 may stand there",
        "y=1;": "statement 1: unknown word 'y' at its start; x, if or print may stand there",
        "x=2;x++;": r"statement 2: x \+\+ is not possible at 2",
        "x=1;x++;x--;": "statement 3: a program has at most 2 statements",
    }.items():
        with pytest.raises(ValueError, match=message):
            read_program(text, small)


@given(st.data())
def test_what_may_follow_leads_to_a_program(data: st.DataObject) -> None:
    """Statements made of words that may follow, as long as nothing is objected to, are read as they are."""
    values = {"x": 1, "y": 10}
    statement: list[str] = []
    while statement[-1:] != [";"]:
        options = [
            word for word in words_after(statement, TASK) if objection_to([*statement, word], values, TASK) is None
        ]
        assert options
        statement.append(data.draw(st.sampled_from(options)))
    assert read_program(f"x = 1 ; y = 10 ; {' '.join(statement)}", TASK)[2] == statement[:-1]
