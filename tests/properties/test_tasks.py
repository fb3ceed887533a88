"""Properties of the tasks: every answer is found again by a slow interpreter that reads the vocabulary's words."""

from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from feedback_lite.tasks import (
    IGNORED,
    TASKS,
    Characters,
    Copy,
    Echo,
    Examples,
    GroupWord,
    Parity,
    PrintedProgram,
    Program,
    Reverse,
    ShellGame,
    Task,
    Walk,
    change,
    make_task,
)
from feedback_lite.tasks.printed_program import KINDS, Answers
from tests.properties.strategies import seeds

lengths = st.integers(2, 40)
sizes = st.integers(2, 5)


def draw_from(task: Task, seed: int, length: int, batch_size: int = 3) -> Examples:
    return task.sample(batch_size=batch_size, length=length, generator=torch.Generator().manual_seed(seed))


def assert_read_again(task: Task, examples: Examples, interpreter: Callable[[list[str]], Iterator[str | None]]) -> None:
    """Compare the targets with the answers of an interpreter of words; None stands for no answer."""
    for tokens, targets in zip(examples.tokens.tolist(), examples.targets.tolist(), strict=True):
        said = [None if target == IGNORED else task.vocabulary[target] for target in targets]
        assert said == list(interpreter([task.vocabulary[token] for token in tokens]))


@given(sizes, seeds, lengths)
def test_shell_game(cups: int, seed: int, length: int) -> None:
    def interpret(words: list[str]) -> Iterator[str]:
        ball = words[0].removeprefix("ball under ")
        yield words[0]
        for word in words[1:]:
            pair = word.removeprefix("swap ").split(" and ")
            if ball in pair:
                ball = pair[1 - pair.index(ball)]
            yield f"ball under {ball}"

    task = ShellGame(cups=cups)
    assert_read_again(task, draw_from(task, seed, length), interpret)


@given(sizes, seeds, lengths)
def test_group_word(degree: int, seed: int, length: int) -> None:
    def interpret(words: list[str]) -> Iterator[str]:
        # Where each thing stands; every word moves whatever stands at place i to the place that its i-th letter names.
        places = {thing: thing for thing in range(1, degree + 1)}
        for word in words:
            places = {thing: int(word[place - 1]) for thing, place in places.items()}
            yield "".join(str(places[thing]) for thing in range(1, degree + 1))

    task = GroupWord(degree=degree)
    assert_read_again(task, draw_from(task, seed, length), interpret)


@given(st.integers(1, 4), st.integers(1, 4), seeds, lengths)
def test_walk(rows: int, columns: int, seed: int, length: int) -> None:
    def interpret(words: list[str]) -> Iterator[str]:
        _, _, row, _, column = words[0].split()
        here = (int(row), int(column))
        yield words[0]
        for word in words[1:]:
            row, column = here
            there = {
                "up": (row - 1, column),
                "down": (row + 1, column),
                "left": (row, column - 1),
                "right": (row, column + 1),
            }[word]
            if 1 <= there[0] <= rows and 1 <= there[1] <= columns:
                here = there
            yield f"at row {here[0]} column {here[1]}"

    task = Walk(rows=rows, columns=columns)
    assert_read_again(task, draw_from(task, seed, length), interpret)


@given(st.integers(2, 7), seeds, lengths)
def test_program(modulus: int, seed: int, length: int) -> None:
    def interpret(words: list[str]) -> Iterator[str]:
        # The statements are Python but for prints, which change nothing: let Python carry them out.
        values: dict[str, int] = {}
        for word in words:
            if not word.startswith("print"):
                exec(word, {}, values)
            values = {name: value % modulus for name, value in values.items()}
            yield str(values[word.rpartition(":")[2].replace("print", "").split()[0]])

    task = Program(modulus=modulus)
    assert_read_again(task, draw_from(task, seed, length), interpret)


kinds_of_statements = st.sampled_from(
    [("=", "print"), ("print", "=", "++"), ("=", "--", "print"), ("=", "++", "--", "print"), KINDS]
)


@given(
    st.integers(1, 7),
    st.integers(1, 9),
    st.integers(2, 12),
    kinds_of_statements,
    st.sampled_from(["prints", "every"]),
    seeds,
    st.integers(1, 90),
)
def test_printed_program(
    variables: int, statements: int, largest: int, kinds: tuple[str, ...], answers: Answers, seed: int, length: int
) -> None:
    def interpret(words: list[str]) -> Iterator[str | None]:
        # Translate each statement to Python and let Python carry it out; what is cut off at the end has no answer.
        values: dict[str, int] = {}
        line: list[str] = []
        count = 0
        for word in words:
            answer = None
            if word == "END":
                assert (count, line) == (statements, [])
                values, count = {}, 0
            elif word != ";":
                line.append(word)
            else:
                assert {"=", "++", "--", "if", "print"} & set(line) <= set(kinds)
                if line[0] == "print":
                    answer = str(values[line[1]])
                else:
                    new = ":" not in line and "=" in line
                    assert not (new and line[0] in values), "only a variable without a value is assigned"
                    exec(" ".join(line).replace("++", "+= 1").replace("--", "-= 1"), {}, values)
                    assert set(values.values()) <= set(range(1, largest + 1))
                    changed = "".join(line).rpartition(":")[2].rstrip("+-").split("=")[0]
                    if answers == "every" and changed in values:
                        answer = str(values[changed])
                line, count = [], count + 1
            yield answer

    task = PrintedProgram(variables=variables, statements=statements, largest=largest, kinds=kinds, answers=answers)
    examples = draw_from(task, seed, length)
    assert_read_again(task, examples, interpret)
    prints = change(task, {"answers": "prints"}).answers(examples.tokens)
    assert ((task.heuristic(examples.tokens) == IGNORED) == (prints == IGNORED)).all()


@given(st.integers(2, 26), st.integers(1, 12), seeds, lengths)
def test_echo(symbols: int, delay: int, seed: int, length: int) -> None:
    def interpret(words: list[str]) -> Iterator[str | None]:
        yield from ([None] * delay + words)[: len(words)]

    task = Echo(symbols=symbols, delay=delay)
    assert_read_again(task, draw_from(task, seed, length), interpret)


@given(st.sampled_from([Copy, Reverse]), st.integers(2, 26), seeds, lengths)
def test_copy_and_reverse(kind: type[Copy], symbols: int, seed: int, length: int) -> None:
    def interpret(words: list[str]) -> Iterator[str | None]:
        heard = words[: words.index("say")]
        assert set(words[len(heard) + 1 :]) <= {"."}
        waiting = list(heard) if kind is Reverse else list(reversed(heard))
        yield from [None] * len(heard)
        for _ in words[len(heard) :]:
            yield waiting.pop() if waiting else None

    task = kind(symbols=symbols)
    assert_read_again(task, draw_from(task, seed, length), interpret)


@given(seeds, lengths)
def test_parity(seed: int, length: int) -> None:
    def interpret(words: list[str]) -> Iterator[str]:
        odd = False
        for word in words:
            odd ^= word == "1"
            yield str(int(odd))

    task = Parity()
    assert_read_again(task, draw_from(task, seed, length), interpret)


@given(seeds, lengths)
def test_characters(seed: int, length: int) -> None:
    task = Characters()
    for tokens, targets in zip(*draw_from(task, seed, length), strict=True):
        piece = "".join(task.vocabulary[token] for token in (*tokens.tolist(), targets[-1].item()))
        assert piece in task.text * 2
        assert targets[:-1].tolist() == tokens[1:].tolist()


@given(st.sampled_from(sorted(TASKS)), seeds, lengths)
def test_the_same_seed_gives_the_same_examples_within_the_vocabulary(name: str, seed: int, length: int) -> None:
    task = make_task(name)
    first, again = draw_from(task, seed, length), draw_from(task, seed, length)
    assert torch.equal(first.tokens, again.tokens)
    assert torch.equal(first.targets, again.targets)
    assert first.tokens.shape == first.targets.shape == (3, length)
    words = range(len(task.vocabulary))
    assert all(token in words for token in first.tokens.flatten().tolist())
    assert all(target == IGNORED or target in words for target in first.targets.flatten().tolist())


@pytest.mark.parametrize("name", TASKS)
def test_another_seed_gives_other_examples(name: str) -> None:
    task = make_task(name)
    assert not torch.equal(draw_from(task, 1, 30).tokens, draw_from(task, 2, 30).tokens)


@pytest.mark.parametrize("name", TASKS)
def test_chance_is_the_share_of_the_commonest_answer(name: str) -> None:
    task = make_task(name)
    targets = draw_from(task, 0, 40, batch_size=500).targets
    counts = targets[targets != IGNORED].bincount(minlength=len(task.vocabulary))
    # The answers of one sequence hang together, so the margin is wider than for as many independent draws.
    margin = 0.02 if name == "printed-program" else 0.15 * task.chance + 0.005
    assert counts.max().item() / counts.sum().item() == pytest.approx(task.chance, abs=margin)
