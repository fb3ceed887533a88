"""The exercises of chapter 01: the rule of one swap, two tables in one, rounds in pairs, and a score that misleads."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor

from feedback_lite.lesson.exercises.exercise import Case, Exercise, Mistake

# --- the rule of one swap ---------------------------------------------------------------------------------------


def _swap_cases(generator: torch.Generator) -> list[Case]:
    drawn = [torch.randperm(5, generator=generator)[:2].tolist() for _ in range(3)]
    balls = torch.randint(5, (3,), generator=generator).tolist()
    return [(2, 2, 3), (3, 2, 3), (1, 2, 3), *((ball, *pair) for ball, pair in zip(balls, drawn, strict=True))]


def _next_place_by_hand(ball: int, left: int, right: int) -> int:
    cups = [cup == ball for cup in range(10)]
    cups[left], cups[right] = cups[right], cups[left]
    return cups.index(True)


def _next_place(ball: int, left: int, right: int) -> int:
    if ball == left:
        return right
    if ball == right:
        return left
    return ball


NEXT_PLACE = Exercise(
    specification=_next_place_by_hand,
    make_cases=_swap_cases,
    solution=_next_place,
    mistakes=(
        Mistake(
            answer=lambda ball, left, right: right if ball == left else ball,
            message="A ball under the cup `right` did not move. A swap works both ways: `left` to `right`, and back.",
        ),
        Mistake(
            answer=lambda ball, left, right: left if ball == right else ball,
            message="A ball under the cup `left` did not move. A swap works both ways: `left` to `right`, and back.",
        ),
        Mistake(
            answer=lambda ball, left, right: right if ball == left else left,
            message="A ball under neither of the two cups was moved. It stays where it is.",
        ),
        Mistake(
            answer=lambda ball, left, right: left if ball == right else right,
            message="A ball that lies under neither of the two cups went to the cup `right`. It stays where it is.",
        ),
        Mistake(
            answer=lambda ball, left, right: left if ball == left else right if ball == right else ball,
            message="The ball never moved. If it lies under one of the two cups, it goes to the other one.",
        ),
    ),
    otherwise="There are three cases: the ball lies under the cup `left`, under the cup `right`, or under neither.",
)


# --- two tables in one ------------------------------------------------------------------------------------------

Places = Int[Tensor, "cups"]


def _table_cases(generator: torch.Generator) -> list[Case]:
    first, second = torch.tensor([0, 2, 1]), torch.tensor([1, 0, 2])
    drawn = [tuple(torch.randperm(cups, generator=generator) for _ in range(2)) for cups in (4, 5, 5, 7)]
    return [(first, second), *drawn]


def _combine_by_hand(first: Places, second: Places) -> Places:
    places = []
    for cup in range(len(first)):
        between = int(first[cup])
        places.append(int(second[between]))
    return torch.tensor(places)


COMBINE_TABLES = Exercise(
    specification=_combine_by_hand,
    make_cases=_table_cases,
    solution=lambda first, second: second[first],
    mistakes=(
        Mistake(
            answer=lambda first, second: first[second],
            message="This is the second table, then the first. Ask the first table where a cup's content goes, and the "
            "second table from there on.",
        ),
        Mistake(
            answer=lambda first, second: second[first - 1],
            message="The cups are numbered from 0 here, not from 1 as on paper: take the numbers as they are, without "
            "subtracting.",
        ),
        Mistake(
            answer=lambda first, second: second[first].argsort(),
            message="Your table is turned round: it says where the content came from. Where it goes was asked.",
        ),
        Mistake(
            answer=lambda first, second: first + second,
            message="Places cannot be added. What the first table gives is a cup, the one to look up in the second.",
        ),
        Mistake(
            answer=lambda first, second: torch.where(first == torch.arange(len(first)), second, first),
            message="A content that the first table moves may be moved again by the second. Look every cup up in both.",
        ),
    ),
    otherwise="Follow one cup: where does the first table send its content, and the second from there?",
)


# --- rounds in pairs --------------------------------------------------------------------------------------------


def _count_cases(generator: torch.Generator) -> list[Case]:
    drawn = torch.randint(10, 200, (3,), generator=generator).tolist()
    return [(count,) for count in (2, 3, 4, 5, 1, 8, 19, *drawn)]


def _rounds_by_hand(num_swaps: int) -> int:
    rounds = 0
    while num_swaps > 1:
        pairs, left_over = divmod(num_swaps, 2)
        num_swaps = pairs + left_over
        rounds += 1
    return rounds


ROUNDS_IN_PAIRS = Exercise(
    specification=_rounds_by_hand,
    make_cases=_count_cases,
    solution=lambda num_swaps: math.ceil(math.log2(num_swaps)),
    mistakes=(
        Mistake(
            answer=lambda num_swaps: int(math.log2(num_swaps)),
            message="A table that is left over was forgotten. It waits for the next round, and may need one more: "
            "round up.",
        ),
        Mistake(
            answer=lambda num_swaps: round(math.log2(num_swaps)),
            message="`round` goes to the nearest whole number. A round that is needed for a part of the tables is "
            "still a round: always go up.",
        ),
        Mistake(
            answer=lambda num_swaps: math.log2(num_swaps),
            message="A number of rounds is whole. A round that is needed for a part of the tables is still a round.",
        ),
        Mistake(
            answer=lambda num_swaps: math.ceil(num_swaps / 2),
            message="This is the number of tables after one round. How often can you halve until one is left?",
        ),
        Mistake(
            answer=lambda num_swaps: num_swaps // 2,
            message="This is the number of pairs in the first round. Count the rounds until one table is left.",
        ),
        Mistake(
            answer=lambda num_swaps: num_swaps - 1,
            message="This is how often two tables are combined. All pairs of one round are combined side by side.",
        ),
        Mistake(
            answer=lambda num_swaps: math.ceil(math.log2(num_swaps)) + 1,
            message="One round too many: where one table is left, nothing is to be done any more.",
        ),
        Mistake(
            answer=lambda num_swaps: int(math.log2(num_swaps)) + 1,
            message="Right unless the number is 1, 2, 4, 8 and so on: there you count a round too many.",
        ),
        Mistake(
            answer=lambda num_swaps: math.ceil(math.log(num_swaps)),
            message="`math.log` is the natural logarithm. Halving asks for the one to base 2: `math.log2`.",
        ),
    ),
    otherwise="Write the numbers of tables on paper, round after round: 5 becomes 3, then 2, then 1. That is 3 rounds.",
)


# --- a score that misleads --------------------------------------------------------------------------------------

Steps = Int[Tensor, "games steps"]
Score = Callable[[Steps, Steps], float]


def _share(answers: Steps, places: Steps, counted: Tensor) -> float:
    return (answers == places)[counted].double().mean().item()


def _unmoved(places: Steps) -> Tensor:
    return (places == places[:, :1]).cumprod(dim=1).bool()


def _moving(places: Steps) -> Tensor:
    """Say where the very swap of a step moves the ball."""
    before = torch.cat((places[:, :1], places[:, :-1]), dim=1)
    return places != before


def _score_right(answers: Steps, places: Steps) -> float:
    """a right score"""
    return _share(answers, places, ~_unmoved(places))


def _score_by_moves(answers: Steps, places: Steps) -> float:
    """a right score, which counts the ball's moves"""
    return _share(answers, places, _moving(places).cumsum(dim=1) > 0)


def _score_in_loops(answers: Steps, places: Steps) -> float:
    """a right score, written with loops"""
    right = counted = 0
    for given, true in zip(answers.tolist(), places.tolist(), strict=True):
        moved = False
        for answer, place in zip(given, true, strict=True):
            moved = moved or place != true[0]
            counted += moved
            right += moved and answer == place
    return right / counted if counted else math.nan


def _score_of_friend(answers: Steps, places: Steps) -> float:
    """the score from the text"""
    return _share(answers, places, _unmoved(places))


def _score_all(answers: Steps, places: Steps) -> float:
    """a faulty score, which counts every step"""
    return _share(answers, places, torch.ones_like(places).bool())


def _score_but_first(answers: Steps, places: Steps) -> float:
    """a faulty score, which leaves out the first token alone"""
    return _score_all(answers[:, 1:], places[:, 1:])


def _score_away(answers: Steps, places: Steps) -> float:
    """a faulty score, which leaves out the steps at which the ball is back under its first cup"""
    return _share(answers, places, places != places[:, :1])


def _score_moving(answers: Steps, places: Steps) -> float:
    """a faulty score, which counts only the steps whose swap moves the ball"""
    return _share(answers, places, _moving(places))


def _score_one_late(answers: Steps, places: Steps) -> float:
    """a faulty score, which leaves out the ball's first move itself"""
    moved = ~_unmoved(places)
    return _share(answers, places, moved & moved.roll(1, dims=1) & (torch.arange(places.shape[1]) > 0))


def _score_cases(generator: torch.Generator) -> list[Case]:
    scores = (
        _score_of_friend,
        _score_right,
        _score_all,
        _score_by_moves,
        _score_but_first,
        _score_in_loops,
        _score_moving,
        _score_away,
        _score_one_late,
    )
    return [(score,) for score in scores]


EXAMPLE = torch.tensor([[0, 0, 1, 1, 0, 2]])  # the ball stays, moves, stays, comes back, and leaves again
COUNTED = torch.tensor([[False, False, True, True, True, True]])
EXAMPLE_TOLERANCE = 1e-6


def _counts_exactly(score: Score) -> bool:
    for step in range(EXAMPLE.shape[1]):
        answers = EXAMPLE + 1  # wrong everywhere
        answers[0, step] = EXAMPLE[0, step]
        if abs(score(answers, EXAMPLE) - 0.25 * COUNTED[0, step].item()) > EXAMPLE_TOLERANCE:
            return False
    return True


def _agrees_on_games(score: Score) -> bool:
    generator = torch.Generator().manual_seed(3)
    answers, places = torch.randint(3, (2, 40, 9), generator=generator)
    return math.isclose(score(answers, places), _score_right(answers, places), abs_tol=EXAMPLE_TOLERANCE)


def _judge_by_perfect(score: Score) -> bool:
    return abs(score(EXAMPLE, EXAMPLE) - 1) < EXAMPLE_TOLERANCE


def _judge_by_first_cup(score: Score) -> bool:
    return score(EXAMPLE[:, :1].expand_as(EXAMPLE), EXAMPLE) < 0.5


def _judge_by_halves(score: Score) -> bool:
    """Right from the first move on must be 1, right until then 0."""
    wrong = EXAMPLE + 1
    late, early = torch.where(COUNTED, EXAMPLE, wrong), torch.where(COUNTED, wrong, EXAMPLE)
    return abs(score(late, EXAMPLE) - 1) < EXAMPLE_TOLERANCE and abs(score(early, EXAMPLE)) < EXAMPLE_TOLERANCE


def _judge_without_return(score: Score) -> bool:
    """As exact as can be, on a game in which the ball never comes back."""
    places, counted = torch.tensor([[0, 0, 1, 1, 2]]), (2, 3, 4)
    for step in range(5):
        answers = places + 1
        answers[0, step] = places[0, step]
        if abs(score(answers, places) - (step in counted) / 3) > EXAMPLE_TOLERANCE:
            return False
    return True


CATCH_EASY_SCORE = Exercise(
    specification=_counts_exactly,
    make_cases=_score_cases,
    solution=_agrees_on_games,
    mistakes=(
        Mistake(
            answer=_judge_by_perfect,
            message="You said yes to a faulty score. A player who is always right gets 1 from every score, whatever it "
            "counts. Try answers that are right at some steps and wrong at the others.",
        ),
        Mistake(
            answer=_judge_by_first_cup,
            message="You said yes to a faulty score. A player who always names the first cup exposes a score that "
            "counts only the steps before the first move, but not one that counts too many or too few of the later.",
        ),
        Mistake(
            answer=_judge_without_return,
            message="You said yes to a score that leaves out the steps at which the ball is back under its first cup. "
            "Try a game in which it comes back.",
        ),
        Mistake(
            answer=_judge_by_halves,
            message="You said yes to a score that leaves out some of the steps after the first move. Make each step in "
            "turn the only one that is answered right.",
        ),
        Mistake(
            answer=lambda score: False,
            message="You said no to a right score. Is your expected number the share among the steps from the first "
            "move on? Allow for rounding when you compare.",
        ),
    ),
    otherwise="A right score must get True and a faulty one False. Does your game have a step before the first move, "
    "one at which the ball stays, and one at which it is back under its first cup?",
)
