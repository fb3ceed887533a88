"""The task of the paper's authors at its own size: stages that it is learned by, and a study of several models.

The programs have 100 statements, and only prints have answers. Trained on that alone, no model here learns it. So the
first stages are easier: short sequences, few kinds of statements, an answer at every ";". All models get the same ones.

From the command line::

    python -m feedback_lite.training compare printed-program --out compare-printed-program.json
"""

from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from feedback_lite.baseline import CausalTransformer
from feedback_lite.config import FeedbackConfig, check_size
from feedback_lite.generation import evaluating
from feedback_lite.model import FeedbackTransformer
from feedback_lite.tasks import IGNORED, Examples, PrintedProgram
from feedback_lite.training.cards import versions
from feedback_lite.training.comparison import (
    BUDGETS,
    FEEDBACK,
    LEARNING_RATES,
    SELECTION,
    Contender,
    Notes,
    Run,
    contender_entry,
    follow,
    measure_all,
    shared_recipe,
    sweep,
)
from feedback_lite.training.evaluation import evaluate
from feedback_lite.training.loop import Recipe, Stage
from feedback_lite.training.opponents import RecurrentConfig

TASK = PrintedProgram()
STAGES: tuple[tuple[float, int, int, dict[str, Any]], ...] = (
    (2, 64, 32, {"kinds": ["=", "print"], "answers": "every"}),
    (2, 64, 32, {"kinds": ["=", "++", "--", "print"], "answers": "every"}),
    (2, 32, 64, {"answers": "every"}),
    (3, 32, 64, {}),
    (3, 16, 128, {}),
    (3, 16, 128, {"statements": 20}),
    (4, 16, 256, {"statements": 50}),
)
"""Of every stage: millions of tokens, sequences per update, tokens per sequence, and what differs in its task.

The shorter programs of the last stages end within a sequence, so that models learn what an END means.
"""
STREAM_STAGE = Stage(steps=960, batch_size=16, length=256, pieces=8)
"""What one entry learns at the end: eight updates read on in the same programs, with the memory that is carried."""
EASIER = ("kinds", "answers")
"""The options that make a task easier."""
FIRST = 4
"""Stages of the short trainings, which choose among candidates."""
SHARE = 0.4
"""Share of each stage's tokens in such a training."""
SEARCH_SEEDS = (10, 11, 12)
"""Seeds of the trainings that find a learning rate."""
ALIKE = 0.01
"""Of rates that end this near to one another in whole trainings, the one that is best in short ones is taken."""
RATE = 3e-3
"""The learning rate of feedback models where none is searched for."""
SEEDS = (21, 22, 23)
"""Seeds of the record. The stages were found with others."""
EVALUATION = {"sequences": 300, "seed": 5_000_011}
STREAMS = {"sequences": 16, "length": 8192, "seed": 6_000_011}
BOUNDS = (0, 32, 64, 128, 256, 512, 1024)
LENGTHS = BOUNDS[2:]
PIECE = 256
"""Tokens that are read at once where memory is carried, and tokens that an ordinary transformer sees of a stream."""
STEP = 64
"""Tokens from one such view of a stream to the next."""


def stages(*, first: int = len(STAGES), share: float = 1.0, easy: bool = True) -> tuple[Stage, ...]:
    """Return the stages of a training.

    Args:
        first: how many of all stages.
        share: share of each one's tokens.
        easy: have the easier tasks at the beginning; otherwise, only the lengths change.
    """
    return tuple(
        Stage(
            steps=round(share * millions * 1e6 / (batch_size * length)),
            batch_size=batch_size,
            length=length,
            task={name: value for name, value in options.items() if easy or name not in EASIER},
        )
        for millions, batch_size, length, options in STAGES[:first]
    )


def transformer(name: str, says: str, kind: str, **options: Any) -> Contender:
    """Return a transformer of width 32; ``options`` are what else its configuration says."""
    sizes = {"d_model": 32, "num_heads": 4, "head_dim": 16, "ff_mult": 3, "num_buckets": 32, "max_distance": 64}
    config = FeedbackConfig(vocab_size=len(TASK.vocabulary), memory_size=32, **{**sizes, **options})
    return Contender(name=name, says=says, kind=kind, config=config)


def ordinary(name: str, layers: int) -> tuple[Contender, ...]:
    """Return an ordinary transformer with each start of its position bias."""
    says = f"{layers} layers, width 32, the whole sequence in view"
    return (
        transformer(f"{name}, zero start", says, "ordinary", num_layers=layers),
        transformer(
            f"{name}, recency start", f"{says}, recency start", "ordinary", num_layers=layers, bias_init="recency"
        ),
    )


def lstm(says: str, width: int, layers: int) -> Contender:
    """Return a recurrent network."""
    config = RecurrentConfig(vocab_size=len(TASK.vocabulary), d_model=width, num_layers=layers)
    return Contender(name=f"LSTM, {says}", says=says, kind="recurrent", config=config)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model of the study.

    Args:
        name: what tables and figures call it.
        candidates: what it may be.
        says: what it is, in a few words, where its candidate does not say it.
        easy: whether its first stages are easier ones.
        more: stages that follow those of all.
        task: what its programs are.
        rate: its learning rate; none means that short trainings choose a candidate, and whole ones its rate.
        search: how many of `SEARCH_SEEDS` the whole trainings are made from that choose its rate: several where the
            seeds of a model end far apart.
        seeds: how many of `SEEDS` it is trained from.
        apart: whether a record tells of it apart, because something else than the model differs: then it is not trained
            for equal seconds.
    """

    name: str
    candidates: tuple[Contender, ...]
    says: str | None = None
    easy: bool = True
    more: tuple[Stage, ...] = ()
    task: PrintedProgram = TASK
    rate: float | None = None
    search: int = 1
    seeds: int = len(SEEDS)
    apart: bool = False

    @property
    def feedback(self) -> bool:
        """Whether it is a feedback model, which takes the seconds that are the measure of all."""
        return self.candidates[0].kind == FEEDBACK


USUAL = transformer(FEEDBACK, "2 layers, width 32, memory of 32 tokens", "feedback", num_layers=2)


def changed(name: str, base: Contender = USUAL, **options: Any) -> tuple[Contender]:
    """Return one contender under another name, with other options of its configuration."""
    return (replace(base, name=name, config=replace(base.config, **options)),)


FIVE = PrintedProgram(variables=5)
ENTRIES = (
    Entry(name=FEEDBACK, candidates=(USUAL,), search=3),
    Entry(
        name="feedback, recency start",
        candidates=changed("feedback, recency start", bias_init="recency"),
        says="as feedback; recency start",
    ),
    Entry(name="ordinary, 4 layers", candidates=ordinary("ordinary, 4 layers", 4)),
    Entry(name="ordinary, 8 layers", candidates=ordinary("ordinary, 8 layers", 8)),
    Entry(name="LSTM", candidates=(lstm("one layer, width 64", 64, 1), lstm("two layers, width 64", 64, 2)), search=3),
    Entry(
        name="feedback, then streams",
        candidates=changed("feedback, then streams"),
        says="as feedback; and one stage more, which reads on in the same programs with the memory that is carried",
        more=(STREAM_STAGE,),
        rate=RATE,
        apart=True,
    ),
    Entry(
        name="feedback, no easy stages",
        candidates=changed("feedback, no easy stages"),
        says="as feedback; all statements, and answers at prints alone, from the beginning",
        easy=False,
        rate=RATE,
        apart=True,
    ),
    Entry(
        name="feedback, rate of one seed",
        candidates=(USUAL,),
        says="as feedback; with the learning rate that is best from one seed of the search",
        seeds=2,
        apart=True,
    ),
    Entry(
        name="feedback, five variables",
        candidates=changed("feedback, five variables", vocab_size=len(FIVE.vocabulary)),
        says="as feedback; programs with five variables",
        task=FIVE,
        rate=RATE,
        seeds=1,
        apart=True,
    ),
)
"""Who takes part, in the order in which they are trained."""


def of_kind(kind: str) -> Contender:
    """Return the first entry's first candidate of a kind of models, as the command line trains it."""
    return next(entry.candidates[0] for entry in ENTRIES if entry.candidates[0].kind == kind)


# What is measured of a trained model.


@torch.no_grad()
def read_along(model: nn.Module, tokens: Int[Tensor, "b t"]) -> Int[Tensor, "b t"]:
    """Return a model's answer at every position, with all that it can know of the tokens before.

    The feedback model reads piece by piece and carries its memory, a recurrent network reads everything at once. An
    ordinary transformer has whole sequences in view, a few at a time.
    """
    with evaluating(model):
        if not isinstance(model, FeedbackTransformer):
            return torch.cat([model(row).logits.argmax(dim=-1) for row in torch.split(tokens, 10)])
        answers, memory = [], None
        for piece in torch.split(tokens, PIECE, dim=1):
            logits, memory = model(piece, memory)
            answers.append(logits.argmax(dim=-1))
        return torch.cat(answers, dim=1)


@torch.no_grad()
def read_views(model: nn.Module, tokens: Int[Tensor, "b t"]) -> Int[Tensor, "b t"]:
    """Return a model's answer at every position, where it sees no more than the last `PIECE` tokens.

    The views begin `STEP` tokens apart; of each but the first, the last `STEP` positions count.
    """
    with evaluating(model):
        answers = [model(tokens[:, :PIECE]).logits.argmax(dim=-1)]
        for end in range(PIECE + STEP, tokens.shape[1] + STEP, STEP):
            view = tokens[:, end - PIECE : end]
            answers.append(model(view).logits.argmax(dim=-1)[:, PIECE - STEP :])
        return torch.cat(answers, dim=1)


def by_position(right: Bool[Tensor, "b t"], asked: Bool[Tensor, "b t"]) -> dict[str, float]:
    """Return the share of right answers between each two neighbours of `BOUNDS`."""
    spans = pairwise(BOUNDS)
    return {f"{start}-{end}": share(right[:, start:end], asked[:, start:end]) for start, end in spans}


def share(right: Bool[Tensor, "b t"], asked: Bool[Tensor, "b t"]) -> float:
    """Return the share of right answers among the positions that are asked for."""
    return round((right & asked).sum().item() / asked.sum().item(), 4)


def first_programs(task: PrintedProgram, tokens: Int[Tensor, "b t"]) -> Bool[Tensor, "b t"]:
    """Return which positions belong to the first program of their sequence."""
    return (tokens == task.vocabulary.index("END")).cumsum(dim=1) == 0


def fresh(task: PrintedProgram, *, sequences: int, length: int, seed: int) -> Examples:
    """Return fresh programs."""
    return task.sample(batch_size=sequences, length=length, generator=torch.Generator().manual_seed(seed))


def told(task: PrintedProgram, answers: Int[Tensor, "b t"], examples: Examples) -> dict[str, Any]:
    """Return what a record tells about answers to sequences of `BOUNDS`' last number of tokens."""
    right, asked = answers == examples.targets, examples.targets != IGNORED
    return {
        "accuracy_by_position": by_position(right, asked),
        "accuracy_by_length": {str(length): share(right[:, :length], asked[:, :length]) for length in LENGTHS},
        "whole_programs": share(right, asked & first_programs(task, examples.tokens)),
    }


def ask(model: nn.Module, task: PrintedProgram = TASK) -> dict[str, Any]:
    """Return how often a trained model is right: by position, by length, in whole programs and in long streams."""
    examples, streams = fresh(task, **EVALUATION, length=BOUNDS[-1]), fresh(task, **STREAMS)
    read = read_views if isinstance(model, CausalTransformer) else read_along
    return {
        **told(task, read_along(model, examples.tokens), examples),
        "streams": share(read(model, streams.tokens) == streams.targets, streams.targets != IGNORED),
    }


def heuristic(task: PrintedProgram = TASK) -> dict[str, Any]:
    """Return how often the rule is right that repeats what was last printed or assigned."""
    examples, streams = fresh(task, **EVALUATION, length=BOUNDS[-1]), fresh(task, **STREAMS)
    found = told(task, task.heuristic(examples.tokens), examples)
    return {
        "heuristic": found["accuracy_by_length"],
        "heuristic_by_position": found["accuracy_by_position"],
        "heuristic_in_whole_programs": found["whole_programs"],
        "heuristic_in_streams": share(task.heuristic(streams.tokens) == streams.targets, streams.targets != IGNORED),
    }


# The study.


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything about one training but its seed and learning rate."""

    contender: Contender
    stages: tuple[Stage, ...]
    task: PrintedProgram = TASK

    def run(self, rate: float, seed: int) -> Run:
        """Return the training with this learning rate and seed."""
        steps = sum(stage.steps for stage in self.stages)
        return Run(model=self.contender.name, steps=steps, learning_rate=rate, seed=seed)

    def recipe(self, run: Run) -> Recipe:
        """Return the recipe of one of its trainings."""
        return Recipe.of_stages(self.stages, learning_rate=run.learning_rate, seed=run.seed)


def measure_plan(plans: dict[Run, Plan], run: Run) -> dict[str, Any]:
    """Carry out one training and return what is kept of it; a process of its own can do it.

    A training that tries a learning rate may break off; then nothing counts as right.
    """
    plan = plans[run]
    recipe = plan.recipe(run)
    searching = run.seed in SEARCH_SEEDS
    try:
        model, result = follow(plan.contender, plan.task, recipe)
    except FloatingPointError as error:
        if not searching:
            raise
        return {"selection": 0.0, "broke_off": str(error)}
    if searching:
        return {**result, "selection": evaluate(model, plan.task, length=recipe.length, **SELECTION)}
    return {**result, **ask(model, plan.task)}


def whole(entry: Entry, contender: Contender, share: float = 1.0) -> Plan:
    """Return the training of one of an entry's candidates through all stages, with a share of the tokens."""
    every = (*stages(share=share, easy=entry.easy), *entry.more)
    return Plan(contender=contender, stages=every, task=entry.task)


class ProgramStudy:
    """The study while it is made: what is planned, and what is known.

    Args:
        notes: the results.
        jobs: number of processes.
    """

    def __init__(self, notes: Notes, *, jobs: int) -> None:
        self.notes, self.jobs = notes, jobs
        self.plans: dict[Run, Plan] = {}
        self.best: dict[str, tuple[Contender, float]] = {}
        self.swept: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.shares: dict[str, float] = {}

    def measure(self, runs: list[Run], title: str) -> None:
        """Carry out those trainings that have no result yet."""
        measure_all(runs, self.notes, partial(measure_plan, self.plans), jobs=self.jobs, title=title)

    def planned(self, plan: Plan, rate: float, seed: int) -> Run:
        """Return a training, and remember how it is done."""
        run = plan.run(rate, seed)
        self.plans[run] = plan
        return run

    def choose(self, entry: Entry) -> None:
        """Find an entry's best candidate and learning rate, where its rate is not given."""
        if entry.rate is not None:
            self.best[entry.name] = entry.candidates[0], entry.rate
            return
        short = stages(first=FIRST, share=SHARE, easy=entry.easy)
        first = self.search(entry, "short", [Plan(contender=one, stages=short) for one in entry.candidates])
        favourite, _ = max(first, key=first.__getitem__)
        candidate = next(one for one in entry.candidates if one.name == favourite)
        found = self.search(entry, "whole", [whole(entry, candidate)], seeds=entry.search)
        alike = [key for key, right in found.items() if right > max(found.values()) - ALIKE]
        _, rate = max(alike, key=lambda key: first.get(key, 0.0))
        self.best[entry.name] = candidate, rate

    def search(self, entry: Entry, budget: str, tried: list[Plan], *, seeds: int = 1) -> dict[tuple[str, float], float]:
        """Try trainings with several learning rates; return how often each is right, the mean of the seeds."""
        plans = {plan.contender.name: plan for plan in tried}
        keys = [(name, seed) for name in plans for seed in SEARCH_SEEDS[:seeds]]
        found = sweep(
            keys,
            lambda key, rate: self.planned(plans[key[0]], rate, key[1]),
            self.notes,
            lambda runs: self.measure(runs, f"{entry.name}: learning rates, {budget} trainings"),
        )
        rights: dict[tuple[str, float], float] = {}
        for name in plans:
            each = [found[key] for key in keys if key[0] == name]
            for rate in sorted(set.intersection(*map(set, each))):  # one seed may have gone on further than others
                rights[name, rate] = mean(told[rate] for told in each)
        self.swept += [
            {
                "model": entry.name,
                "candidate": name,
                "budget": budget,
                "seeds": seeds,
                "learning_rate": rate,
                "accuracy": round(right, 4),
            }
            for (name, rate), right in rights.items()
        ]
        return rights

    def train(self, entry: Entry) -> None:
        """Train an entry from its seeds: with as many tokens as all, and for as many seconds as feedback took."""
        if entry.apart:
            self.seeds(entry, 1.0, ())
            return
        self.seeds(entry, 1.0, BUDGETS if entry.feedback else ("examples",))
        if not entry.feedback:
            self.shares[entry.name] = round(self.seconds(FEEDBACK) / self.seconds(entry.name), 2)
            self.seeds(entry, self.shares[entry.name], ("seconds",))

    def seconds(self, name: str) -> float:
        """Return the mean CPU seconds of a model's trainings with as many tokens as all."""
        return mean(run["cpu_seconds"] for run in self.runs if run["model"] == name and "examples" in run["budgets"])

    def seeds(self, entry: Entry, share: float, budgets: tuple[str, ...]) -> None:
        """Train an entry's best candidate from every seed with a share of the tokens."""
        contender, rate = self.best[entry.name]
        plan = whole(entry, contender, share)
        runs = [self.planned(plan, rate, seed) for seed in SEEDS[: entry.seeds]]
        self.measure(runs, f"{entry.name}: all seeds, share of tokens {share:g}")
        for run in runs:
            result, recipe = self.notes.results[run], plan.recipe(run)
            parts = [[recipe.stage(step) for step in range(end)] for end in result["curve"]["steps"]]
            curve = {
                **result["curve"],
                "sequences": [sum(stage.batch_size for stage in done) for done in parts],
                "tokens": [sum(stage.batch_size * stage.length for stage in done) for done in parts],
            }
            about = {**asdict(run), "model": entry.name, "budgets": list(budgets)}
            self.runs.append({**about, **result, "curve": curve})

    def model(self, entry: Entry) -> dict[str, Any]:
        """Return what a record tells about an entry."""
        contender = {**contender_entry(self.best[entry.name][0]), "name": entry.name}
        rule = {} if entry.task is TASK else heuristic(entry.task)
        return {**contender, "says": entry.says or contender["says"], "easy": entry.easy, **rule}

    def runs_of(self, entries: list[Entry]) -> list[dict[str, Any]]:
        """Return the runs of some entries."""
        names = [entry.name for entry in entries]
        return [run for run in self.runs if run["model"] in names]


def compare_programs(entries: tuple[Entry, ...] = ENTRIES, *, out: Path, jobs: int = 1) -> dict[str, Any]:
    """Make the study and return its record.

    An entry's best candidate is found in short trainings and its learning rate in whole ones, from seeds of their own,
    unless its rate is given. It is then trained from its seeds with the same tokens as all and, unless it is told of
    apart, once more for as many CPU seconds as the feedback model took, with the tokens of all stages in proportion.
    What is done is kept beside ``out`` until the end.

    Args:
        entries: who takes part.
        out: where the record will be written; ``out`` with the suffix ".notes" holds what is done so far.
        jobs: number of processes.
    """
    check_size("jobs", jobs)
    study = ProgramStudy(Notes(out.with_suffix(".notes"), {"task": TASK.name, "stages": STAGES}), jobs=jobs)
    for entry in entries:
        study.choose(entry)
        study.train(entry)
    usual = Recipe.of_stages(stages())
    together, apart = [[one for one in entries if one.apart == told] for told in (False, True)]
    return {
        "task": TASK.name,
        "command": f"python -m feedback_lite.training compare {TASK.name} --out compare-{TASK.name}.json",
        "chance": TASK.chance,
        **heuristic(),
        "trained_length": usual.length,
        "lengths": list(LENGTHS),
        "evaluation": EVALUATION,
        "streams": STREAMS,
        "learning_rates": list(LEARNING_RATES),
        "recipe": {name: value for name, value in shared_recipe(usual).items() if name != "stages"},
        "stages": [asdict(stage) for stage in usual.stages],
        "short": {"stages": FIRST, "share_of_tokens": SHARE, "seed": SEARCH_SEEDS[0]},
        "share_of_tokens": study.shares,
        "models": [study.model(entry) for entry in together],
        "sweep": study.swept,
        "runs": study.runs_of(together),
        "apart": {"models": [study.model(entry) for entry in apart], "runs": study.runs_of(apart)},
        "versions": versions(),
    }
