"""The shell game against a slow referee that moves a ball on a list; the other tasks against examples by hand."""

from collections.abc import Callable

import pytest
import torch

from feedback_lite.tasks import (
    IGNORED,
    TASKS,
    Characters,
    Copy,
    Echo,
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
from feedback_lite.tasks.base import follow


def drawn(seed: int = 0, **sizes: int) -> tuple[torch.Tensor, torch.Tensor]:
    return ShellGame(cups=sizes.pop("cups", 5)).sample(**sizes, generator=torch.Generator().manual_seed(seed))


def referee(tokens: list[int], vocabulary: tuple[str, ...], cups: int) -> list[int]:
    """Read the words of the vocabulary and carry a ball through a row of cups."""
    row, places = [False] * cups, []
    for token in tokens:
        words = vocabulary[token].split()
        if words[0] == "ball":
            row[int(words[2]) - 1] = True
        else:
            left, right = int(words[1]) - 1, int(words[3]) - 1
            row[left], row[right] = row[right], row[left]
        places.append(row.index(True))
    return places


@pytest.mark.parametrize("cups", [2, 3, 5, 7])
def test_answers_are_those_of_a_slow_referee(cups: int) -> None:
    game = ShellGame(cups=cups)
    tokens, targets = drawn(cups=cups, batch_size=11, length=23)
    assert tokens.shape == targets.shape == (11, 23)
    for row, places in zip(tokens.tolist(), targets.tolist(), strict=True):
        assert places == referee(row, game.vocabulary, cups)


def test_the_example_of_the_docstring() -> None:
    game = ShellGame(cups=3)
    tokens = [game.vocabulary.index(words) for words in ("ball under 2", "swap 2 and 3", "swap 1 and 2")]
    swaps = torch.tensor([[token - 3 for token in tokens[1:]]])
    assert [place + 1 for place in game.follow(torch.tensor([tokens[0]]), swaps)[0].tolist()] == [2, 3, 3]


def test_five_cups_have_five_starts_and_ten_swaps() -> None:
    game = ShellGame()
    assert len(game.vocabulary) == len(set(game.vocabulary)) == 15
    assert game.chance == 0.2


def test_the_same_seed_gives_the_same_games_and_another_seed_others() -> None:
    first, again, other = (drawn(seed, batch_size=3, length=13)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_starts_and_swaps_are_uniform() -> None:
    tokens, _ = drawn(batch_size=20_000, length=2)
    starts = torch.bincount(tokens[:, 0], minlength=15)[:5] / 20_000
    swaps = torch.bincount(tokens[:, 1], minlength=15)[5:] / 20_000
    # Five standard deviations of a share from 20,000 draws.
    assert ((starts - 1 / 5).abs() < 5 * (0.2 * 0.8 / 20_000) ** 0.5).all()
    assert ((swaps - 1 / 10).abs() < 5 * (0.1 * 0.9 / 20_000) ** 0.5).all()


def test_a_game_of_one_token_and_an_empty_batch() -> None:
    tokens, targets = drawn(batch_size=3, length=1)
    assert torch.equal(tokens, targets)
    assert drawn(batch_size=0, length=4)[1].shape == (0, 4)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="cups must be at least 2, got 1"):
        ShellGame(cups=1)
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        drawn(batch_size=1, length=0)


def test_tasks_are_made_by_name() -> None:
    assert {name: make_task(name).name for name in TASKS} == {name: name for name in TASKS}
    with pytest.raises(ValueError, match=r"task must be one of 'shell-game', .*, got 'chess'"):
        make_task("chess")


def fresh(task: Task, seed: int = 0, **sizes: int) -> tuple[torch.Tensor, torch.Tensor]:
    return task.sample(**sizes, generator=torch.Generator().manual_seed(seed))


def numbered(task: Task, *words: str) -> torch.Tensor:
    return torch.tensor([[task.vocabulary.index(word) for word in words]])


def spoken(task: Task, targets: torch.Tensor) -> list[str]:
    """The words of the answers; "-" where there is none."""
    return ["-" if target == IGNORED else task.vocabulary[target] for target in targets[0].tolist()]


def test_every_task_is_a_task_under_its_name() -> None:
    assert len(TASKS) >= 11
    for name in TASKS:
        task = make_task(name)
        assert isinstance(task, Task)
        assert len(set(task.vocabulary)) == len(task.vocabulary)
        assert fresh(task, batch_size=0, length=7)[1].shape == (0, 7)
        with pytest.raises(ValueError, match="length must be at least"):
            fresh(task, batch_size=1, length=0)
        with pytest.raises(ValueError, match="batch_size must be at least 0, got -1"):
            fresh(task, batch_size=-1, length=4)


def test_the_first_permutation_of_a_word_acts_first() -> None:
    s3 = GroupWord(degree=3)
    word = numbered(s3, "213", "132", "231", "321")
    # 123 -> 213; 1 to 2 to 3, 2 to 1, 3 to 2; then back to the start; then the last one alone.
    assert spoken(s3, follow(s3.table, word, torch.tensor([0]))) == ["213", "312", "123", "321"]
    assert [len(GroupWord(degree=degree).vocabulary) for degree in (2, 3, 4, 5)] == [2, 6, 24, 120]


def test_a_walker_stops_at_the_wall() -> None:
    walk = Walk(rows=2, columns=3)
    tokens = numbered(walk, "at row 1 column 2", "right", "right", "down", "down", "left", "up")
    places = spoken(walk, follow(walk.table, tokens, tokens[:, 0]))
    assert [(int(place.split()[2]), int(place.split()[4])) for place in places] == [
        (1, 2), (1, 3), (1, 3), (2, 3), (2, 3), (2, 2), (1, 2)
    ]  # fmt: skip


def test_a_program_by_hand() -> None:
    program = Program()
    lines = ("x = 4", "y = 2", "x += 1", "print x", "y = x", "print y", "if x == y: y += 1", "print y", "y -= 1")
    lines += ("y -= 1", "if x == y: x += 1", "print y", "print x", "y = 3", "print y")
    answers = ["4", "2", "0", "0", "0", "0", "1", "1", "0", "4", "0", "4", "0", "3", "3"]
    assert spoken(program, program.answers(numbered(program, *lines))) == answers
    guesses = ["4", "2", "4", "0", "2", "0", "0", "1", "1", "0", "0", "4", "0", "3", "3"]
    assert spoken(program, program.heuristic(numbered(program, *lines))) == guesses


def test_a_printed_program_by_hand() -> None:
    program = PrintedProgram()
    text = (
        "x = 9 ; if x > 3 : x ++ ; print x ; if x < 3 : y = 4 ; y = 2 ; if x > y : y -- ; print y ; print y ; END x = 1"
    )
    tokens = numbered(program, *text.split())
    places = [place for place, word in enumerate(text.split()) if word == ";"]
    for answered, values in ((program.answers(tokens), "10 1 1"), (program.heuristic(tokens), "9 2 1")):
        words = spoken(program, answered)
        assert [words[place] for place in places if words[place] != "-"] == values.split()
        assert len(words) - words.count("-") == 3


def test_every_statement_of_a_printed_program_by_hand() -> None:
    program = PrintedProgram(answers="every")
    text = (
        "x = 9 ; if x > 3 : x ++ ; print x ; if x < 3 : y = 4 ; y = 2 ; if x > y : y -- ; if x < 3"
        " : z = 7 ; END y = 3 ; y"
    )
    words = spoken(program, program.answers(numbered(program, *text.split())))
    places = [place for place, word in enumerate(text.split()) if word == ";"]
    # y and z are not defined where the condition did not hold; after END nothing is.
    assert [words[place] for place in places] == ["9", "10", "10", "-", "2", "1", "-", "3"]
    assert len(words) - words.count("-") == 6
    guesses = spoken(program, program.heuristic(numbered(program, *text.split())))
    assert [guess for guess in guesses if guess != "-"] == ["9"]  # the rule is about prints alone


def test_only_the_kinds_of_statements_that_were_asked_for_are_drawn() -> None:
    def kinds_in(program: PrintedProgram) -> set[str]:
        tokens, _ = fresh(program, batch_size=7, length=300)
        return {program.vocabulary[token] for token in tokens.unique().tolist()} & {"=", "++", "--", "if", "print"}

    for kinds in (("=", "print"), ("print", "++", "="), ("=", "++", "--", "print"), ("=", "++", "--", "if", "print")):
        assert kinds_in(PrintedProgram(kinds=kinds)) == set(kinds)


def test_options_change_and_the_others_stay() -> None:
    program = PrintedProgram(variables=2, statements=7)
    changed = change(program, {"kinds": ["=", "print"], "answers": "every"})
    assert isinstance(changed, PrintedProgram)
    assert changed.options == {
        "variables": 2, "statements": 7, "largest": 10, "kinds": ("=", "print"), "answers": "every"
    }  # fmt: skip
    assert change(program, {}) is program
    with pytest.raises(ValueError, match=r"'cups' is no option of the task 'shell-game' that can change: \[\] are"):
        change(ShellGame(), {"cups": 3})


@pytest.mark.usefixtures("unchecked")
def test_unknown_answers_are_refused() -> None:
    with pytest.raises(ValueError, match="answers must be one of 'prints', 'every', got 'none'"):
        change(PrintedProgram(), {"answers": "none"})


@pytest.mark.parametrize(("variables", "words", "copied"), [(3, 23, 0.474), (5, 25, 0.488)])
def test_printed_programs_have_the_figures_of_the_authors_generator(variables: int, words: int, copied: float) -> None:
    # Measured on the authors' generator with 3 variables: 432 tokens and 25.5 prints per program, and the share of
    # the commonest answer 10.6 %; repeating the variable's last printed or assigned value is right as given above.
    program = PrintedProgram(variables=variables)
    assert len(program.vocabulary) == words
    tokens, targets = fresh(program, batch_size=1, length=60_000)
    last = (tokens[0] == program.vocabulary.index("END")).nonzero().max().item() + 1
    tokens, targets = tokens[:, :last], targets[:, :last]
    programs = (tokens[0] == program.vocabulary.index("END")).sum().item()
    asked = targets != IGNORED
    assert last / programs == pytest.approx(432, rel=0.03)
    assert asked.sum().item() / programs == pytest.approx(25.5, rel=0.05)
    assert targets[asked].bincount().max().item() / asked.sum().item() == pytest.approx(0.106, abs=0.02)
    right = (program.heuristic(tokens) == targets)[asked].double().mean().item()
    assert right == pytest.approx(copied, abs=0.03)


def test_echo_copy_and_reverse_leave_positions_without_an_answer() -> None:
    tokens, targets = fresh(Echo(delay=2), batch_size=3, length=7)
    assert torch.equal(targets[:, 2:], tokens[:, :5])
    assert (targets[:, :2] == IGNORED).all()
    assert (fresh(Echo(delay=9), batch_size=3, length=7)[1] == IGNORED).all()
    for task, step in ((Copy(), 1), (Reverse(), -1)):
        tokens, targets = fresh(task, batch_size=1, length=7)
        words = [task.vocabulary[token] for token in tokens[0].tolist()]
        assert words[3:] == ["say", ".", ".", "."]
        assert spoken(task, targets) == ["-", "-", "-", *words[:3][::step], "-"]


def test_parity_counts_ones() -> None:
    tokens, targets = fresh(Parity(), batch_size=5, length=11)
    for bits, answers in zip(tokens.tolist(), targets.tolist(), strict=True):
        assert answers == [sum(bits[: place + 1]) % 2 for place in range(11)]


def test_the_characters_are_the_zen_of_python_and_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    task = Characters()
    assert capsys.readouterr().out == ""
    assert task.text.startswith("The Zen of Python, by Tim Peters\n\nBeautiful is better than ugly.")
    assert task.text.endswith("let's do more of those!")
    tokens, targets = fresh(task, batch_size=4, length=len(task.text) + 5)
    assert torch.equal(tokens[:, 1:], targets[:, :-1])
    read = "".join(task.vocabulary[token] for token in tokens[0].tolist())
    assert read[: len(task.text)] in task.text * 2


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: GroupWord(degree=1), "degree must be at least 2, got 1"),
        (lambda: GroupWord(degree=6), "degree must be at most 5, got 6"),
        (lambda: Walk(rows=0), "rows must be at least 1, got 0"),
        (lambda: Walk(columns=-1), "columns must be at least 1, got -1"),
        (lambda: Program(modulus=1), "modulus must be at least 2, got 1"),
        (lambda: PrintedProgram(variables=0), "variables must be at least 1, got 0"),
        (lambda: PrintedProgram(statements=0), "statements must be at least 1, got 0"),
        (lambda: PrintedProgram(largest=1), "largest must be at least 2, got 1"),
        (lambda: PrintedProgram(kinds=("=", "goto")), "kind must be one of '=', .*, got 'goto'"),
        (lambda: PrintedProgram(kinds=("=",)), 'kinds must hold "=" and "print", and .*got'),
        (lambda: PrintedProgram(kinds=("print", "++", "--")), 'kinds must hold "=" and "print", and .*got'),
        (lambda: PrintedProgram(kinds=("=", "if", "++", "print")), 'kinds must hold "=" and "print", and .*got'),
        (lambda: Echo(delay=0), "delay must be at least 1, got 0"),
        (lambda: Copy(symbols=27), "symbols must be at most 26, got 27"),
        (lambda: fresh(Reverse(), batch_size=1, length=1), "length must be at least 2, got 1"),
    ],
)
def test_impossible_settings_are_refused(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
