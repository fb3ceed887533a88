"""The relatives of the Feedback Transformer on one bench: the same blocks, sizes, recipe and data for all.

A relative is a line of `RELATIVES`: what its layers read of earlier tokens, and what is handed to the next token.

From the command line::

    python -m feedback_lite.training family --out family.json
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from feedback_lite.attention import KeyValueProjection
from feedback_lite.block import Block
from feedback_lite.config import FeedbackConfig
from feedback_lite.model import FeedbackTransformer
from feedback_lite.positions import RelativePositionBias, distances, relative_position_bucket
from feedback_lite.tasks import IGNORED, Task, draw, make_task
from feedback_lite.training.cards import usual_config, versions
from feedback_lite.training.comparison import (
    LEARNING_RATES,
    LENGTHS,
    RECORD_EVALUATION,
    SEEDS,
    SELECTION,
    WHOLE,
    Contender,
    Notes,
    nearest,
    seconds_per_update,
    shared_recipe,
    steps_within,
)
from feedback_lite.training.evaluation import evaluate
from feedback_lite.training.loop import Recipe

LAYERS = 3
"""As many as the works are drawn with, in `feedback_lite.lesson.literature`."""


@dataclass(frozen=True, kw_only=True)
class Relative:
    """One work, as what its layers read and hand on; layer 0 is the embedding.

    Args:
        name: what tables call it.
        work: its entry in the bibliography.
        simplified: what is left out of the source, or done in another way.
        reads: what keys and values of earlier tokens are made of: what the layer "below" made of them, the layer's
            "own" results, the "mixture" of all layers, or the "last" layer's. With "below" and "own" a token also
            reads itself, by what the layer below made of it.
        shared: whether one projection makes the keys and values of all layers.
        normed: whether a memory vector passes a norm before keys and values are made of it.
        hands: the layer whose result is handed to the next token, or none.
        enters: the layers that take what was handed on.
        how: one of `JOINTS`: how it enters.
        free: how many of the lower layers work on all tokens side by side, before the others begin.
        window: tokens that the other layers see at the layer below, the newest included; 0 is all of them. With a
            window they also read what the free layers made of all tokens.
        segment: tokens that are worked on side by side, which then read the segment before, through which no gradient
            flows; 0 is no such cache.
        layers: blocks with weights of their own.
        runs: how often the blocks work on a token, one after another.
    """

    name: str
    work: str
    simplified: str
    reads: Literal["below", "own", "mixture", "last"] = "below"
    shared: bool = False
    normed: bool = False
    hands: int | None = None
    enters: tuple[int, ...] = ()
    how: str = ""
    free: int = 0
    window: int = 0
    segment: int = 0
    layers: int = LAYERS
    runs: int = 1

    @property
    def reads_itself(self) -> bool:
        """Whether a token is among those that it reads."""
        return self.reads in ("below", "own")

    @property
    def depth(self) -> int:
        """How many layers work on a token, one after another."""
        return self.layers * self.runs

    def side_by_side(self, num_tokens: int) -> int:
        """Return how many tokens go through the layers that are not free at a time."""
        if self.segment:
            return self.segment
        return num_tokens if self.reads == "below" and self.hands is None else 1


Rows = Float[Tensor, "*models rows d"]
"""Hidden vectors, one below the other; several models of one kind may be computed at once, along a first axis."""


class Affine(NamedTuple):
    """A matrix, and what is added to each row."""

    matrix: Float[Tensor, "*models d e"]
    added: Float[Tensor, "*models 1 e"] | None

    def __call__(self, rows: Rows) -> Float[Tensor, "*models rows e"]:
        """Return ``rows @ matrix + added``."""
        if self.added is None:
            return rows @ self.matrix
        product = torch.addmm if rows.ndim == 2 else torch.baddbmm
        return product(self.added, rows, self.matrix)


class Weights:
    """The parameters of a model, or of several of one kind, by their names; they give whole maps.

    A norm and the linear map after it make one affine map: the norm's own factors are multiplied out once for all
    tokens, and only `normed` is left to do.
    """

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self.parameters = parameters

    def __getitem__(self, name: str) -> Tensor:
        return self.parameters[name]

    def linear(self, name: str, *, norm: str = "") -> Affine:
        """Return a linear map, with the factors of the norm before it."""
        matrix, added = self[f"{name}.weight"], self.parameters.get(f"{name}.bias")
        if norm:
            shift = (matrix @ self[f"{norm}.bias"][..., None])[..., 0]
            added = shift if added is None else shift + added
            matrix = matrix * self[f"{norm}.weight"][..., None, :]
        return Affine(matrix.mT, None if added is None else added[..., None, :])


def normed(rows: Rows) -> Rows:
    """Bring every row to mean 0 and variance 1."""
    return F.layer_norm(rows, rows.shape[-1:])


JOINTS = {
    "added": {"handed": 1},
    "gated unit": {"value": 2, "gate": 2},
    "two gates": {"handed": 1, "stays": 2, "enters": 2},
    "merged": {"handed": 1, "enters": 2},
}
"""The linear maps of each joint: one of what is handed on alone, or of both vectors side by side."""


def join(how: str, maps: Mapping[str, Affine], hidden: Rows, handed: Rows) -> Rows:
    """Return what goes on in place of ``hidden`` when a vector of the token before enters, which is normed first."""
    handed = normed(handed)
    if how == "added":
        return hidden + maps["handed"](handed)
    both = torch.cat((hidden, handed), dim=-1)
    if how == "gated unit":
        return maps["value"](both) * maps["gate"](both).sigmoid()
    entering = maps["enters"](both).sigmoid() * maps["handed"](handed)
    if how == "two gates":
        return maps["stays"](both).sigmoid() * hidden + entering
    return hidden + entering


class Layer(NamedTuple):
    """The maps of one block, norms included."""

    queries: Affine
    output: Affine
    widen: Affine
    narrow: Affine
    keys_values: Affine | None


ORDINARY, FEEDBACK = "ordinary", "feedback"
RELATIVES = {
    relative.name: relative
    for relative in (
        Relative(name=ORDINARY, work="vaswani2017attention", simplified="a table of distances for positions"),
        Relative(
            name="Transformer-XL",
            work="dai2019xl",
            segment=10,
            simplified="segments of 10 tokens; a table of distances for positions",
        ),
        Relative(
            name="Universal",
            work="dehghani2019universal",
            layers=1,
            runs=6,
            simplified="always 6 runs, and no mark of the run; a table of distances for positions",
        ),
        Relative(
            name=FEEDBACK,
            work="fan2020feedback",
            reads="mixture",
            shared=True,
            simplified="as in this book, with a slot for every token",
        ),
        Relative(
            name="LCKV",
            work="wu2024lckv",
            reads="last",
            shared=True,
            simplified="trained token by token; no layer keeps keys and values of its own",
        ),
        Relative(
            name="RLT",
            work="zhang2026rlt",
            hands=3,
            enters=(2,),
            how="merged",
            free=1,
            window=8,
            simplified="one attention reads window and lower layer together; the first state is zero, not learned",
        ),
        Relative(
            name="Recurrent T.",
            work="oncescu2026recurrent",
            reads="own",
            simplified="keys and values of the layer's whole output, with a table of distances",
        ),
        Relative(
            name="Full-bandw.",
            work="wang2026fullband",
            hands=3,
            enters=(1,),
            how="gated unit",
            simplified="trained token by token; built from what another paper says of it",
        ),
        Relative(
            name="T2MLR",
            work="cai2026t2mlr",
            hands=2,
            enters=(2,),
            how="two gates",
            free=1,
            simplified="trained token by token; of three layers only one is in the middle",
        ),
        Relative(
            name="LRT",
            work="huang2026lrt",
            hands=2,
            enters=(1, 2, 3),
            how="added",
            simplified="trained token by token; the form of the sum is ours",
        ),
        Relative(
            name="feedback, one layer",
            work="fan2020feedback",
            reads="mixture",
            shared=True,
            layers=1,
            simplified="as in this book, with a slot for every token",
        ),
        Relative(
            name="feedback, separate keys and values",
            work="fan2020feedback",
            reads="mixture",
            simplified="as in this book, with a projection for each layer and a slot for every token",
        ),
        Relative(
            name="feedback, memory normed",
            work="fan2020feedback",
            reads="mixture",
            shared=True,
            normed=True,
            simplified="as in this book, with a slot for every token; the norm is the memory's own, in the authors' "
            "code it is that of the layer that reads",
        ),
    )
}
"""Every relative by its name."""


class Scores(NamedTuple):
    """Scores for every token and position, and the hidden vectors that they follow from."""

    logits: Float[Tensor, "*models b t v"]
    top: Float[Tensor, "*models b t d"]


class Slots(NamedTuple):
    """Keys and values of tokens that follow one another."""

    keys: Float[Tensor, "*models b j h e"]
    values: Float[Tensor, "*models b j h e"]

    def __add__(self, newer: "Slots") -> "Slots":  # type: ignore[override]
        return Slots(*(torch.cat(both, dim=-3) for both in zip(self, newer, strict=True)))

    def newest(self, count: int) -> "Slots":
        """Return the last ones."""
        return Slots(self.keys[..., -count:, :, :], self.values[..., -count:, :, :])


class FamilyTransformer(nn.Module):
    """Predict tokens with one of the relatives.

    Args:
        relative: what is read and handed on.
        config: sizes, as for `FeedbackTransformer`; ``memory_size`` and what else only feedback has is not used.
    """

    def __init__(self, relative: Relative, config: FeedbackConfig) -> None:
        super().__init__()
        self.relative, self.config = relative, config
        self.watch: Callable[[Rows, int, int], Rows] = unchanged
        width = config.d_model
        self.embedding = nn.Embedding(config.vocab_size, width)
        self.bias = RelativePositionBias.from_config(config)
        projections = 1 if relative.shared else relative.layers
        self.to_keys_values = nn.ModuleList(KeyValueProjection.from_config(config) for _ in range(projections))
        self.blocks = nn.ModuleList(Block(config) for _ in range(relative.layers))
        self.joints = nn.ModuleDict(
            {
                f"{layer} {name}": nn.Linear(vectors * width, width)
                for layer in relative.enters
                for name, vectors in JOINTS[relative.how].items()
            }
        )
        if relative.reads == "mixture":
            self.layer_weights = nn.Parameter(torch.zeros(relative.layers + 1))
        if relative.normed:
            self.memory_norm = nn.LayerNorm(width)
        if relative.window:
            self.free_to_keys_values = KeyValueProjection.from_config(config)
        self.output_norm = nn.LayerNorm(width)
        self.to_logits = nn.Linear(width, config.vocab_size)

    def forward(self, tokens: Int[Tensor, "b t"]) -> Scores:
        """Return logits for every position; nothing is carried from call to call."""
        return Reading(self, dict(self.named_parameters()), tokens).scores()


def unchanged(rows: Rows, start: int, layer: int) -> Rows:
    """Return what a layer made of the tokens from ``start`` on; tests put other functions in its place."""
    return rows


class Reading:
    """One text, read by a relative, or by several models of one kind with a text each.

    Reshapes are PyTorch's own here: einops would take longer than what it arranges.
    """

    def __init__(
        self, model: FamilyTransformer, parameters: Mapping[str, Tensor], tokens: Int[Tensor, "*models b t"]
    ) -> None:
        self.relative, self.heads, self.watch = model.relative, model.config.num_heads, model.watch
        self.weights = Weights(parameters)
        self.batch, self.length = tokens.shape[-2:]
        positions = torch.arange(self.length)
        distance = distances(positions, positions)
        buckets = relative_position_bucket(
            distance, num_buckets=model.bias.num_buckets, max_distance=model.bias.max_distance
        )
        self.bias = self.weights["bias.table"].mT[..., buckets].masked_fill(distance < 0, float("-inf"))
        self.embedded = embed(self.weights["embedding.weight"], tokens)
        self.layers = [self.layer_of(number) for number in range(self.relative.layers)]
        self.joints = {
            layer: {name: self.weights.linear(f"joints.{layer} {name}") for name in JOINTS[self.relative.how]}
            for layer in self.relative.enters
        }
        memory_norm = "memory_norm" if self.relative.normed else ""
        self.projections = [
            self.weights.linear(f"to_keys_values.{number}.linear", norm=memory_norm)
            for number in range(len(model.to_keys_values))
        ]
        nothing = self.slots(self.projections[0], self.embedded[..., :0, :].flatten(-3, -2), 0)
        self.kept = [nothing] * (self.relative.depth + 1)

    def layer_of(self, number: int) -> Layer:
        """Return the maps of a block; a token that reads itself shares the norm of the queries."""
        block, linear = f"blocks.{number}", self.weights.linear
        queries = linear(f"{block}.attention.to_queries", norm=f"{block}.attention_norm")
        scale = (queries.matrix.shape[-1] // self.heads) ** -0.5
        return Layer(
            Affine(*(part * scale for part in queries)),
            linear(f"{block}.attention.to_output"),
            linear(f"{block}.feedforward.widen", norm=f"{block}.feedforward_norm"),
            linear(f"{block}.feedforward.narrow"),
            linear(f"to_keys_values.{number}.linear", norm=f"{block}.attention_norm")
            if self.relative.reads_itself
            else None,
        )

    def scores(self) -> Scores:
        """Read the whole text and return the scores."""
        relative = self.relative
        rows = self.watch(self.embedded.flatten(-3, -2), 0, 0)
        for layer in range(1, relative.free + 1):
            rows = self.layer(layer, rows, 0)
        if relative.window:
            self.kept[0] = self.slots(self.weights.linear("free_to_keys_values.linear"), rows, self.length)
        free = self.rows_to_tokens(rows)
        handed = torch.zeros_like(free[..., 0, :])
        step, tops = relative.side_by_side(self.length), []
        for start in range(0, self.length, step):
            hiddens = [free[..., start : start + step, :].flatten(-3, -2)]
            for layer in range(relative.free + 1, relative.depth + 1):
                entering = hiddens[-1]
                if layer in relative.enters:
                    entering = join(relative.how, self.joints[layer], entering, handed)
                hiddens.append(self.layer(layer, entering, start))
            if relative.hands is not None:
                handed = hiddens[relative.hands - relative.free]
            if not relative.reads_itself:
                self.remember(hiddens)
            tops.append(self.rows_to_tokens(hiddens[-1]))
        top = torch.cat(tops, dim=-2)
        logits = self.weights.linear("to_logits", norm="output_norm")(normed(top.flatten(-3, -2)))
        return Scores(self.rows_to_tokens(logits), top)

    def layer(self, layer: int, hidden: Rows, start: int) -> Rows:
        """Return what a layer makes of the tokens from ``start`` on, and keep what later tokens read of it."""
        relative = self.relative
        maps = self.layers[(layer - 1) % relative.layers]
        tokens = hidden.shape[-2] // self.batch
        query, past, stop, end = normed(hidden), self.kept[layer], start + tokens, start
        if relative.segment:
            past = Slots(*(part.detach() for part in past.newest(relative.segment)))
        if maps.keys_values is not None:
            past, end = past + self.slots(maps.keys_values, query, tokens), stop
        if relative.reads == "below":
            self.kept[layer] = past
        windowed = relative.window and layer > relative.free
        if windowed:
            past = past.newest(relative.window)
        bias = self.bias[..., start:stop, end - past.keys.shape[-3] : end]
        if windowed:
            past = Slots(*(part[..., :stop, :, :] for part in self.kept[0])) + past
            bias = torch.cat((self.bias[..., start:stop, :stop], bias), dim=-1)
        if past.keys.shape[-3]:
            hidden = hidden + maps.output(self.attend(maps.queries(query), past, bias))
        value, gate = maps.widen(normed(hidden)).chunk(2, dim=-1)
        hidden = self.watch(hidden + maps.narrow(value * F.gelu(gate)), start, layer)
        if relative.reads == "own" and maps.keys_values is not None:
            self.kept[layer] = self.kept[layer] + self.slots(maps.keys_values, normed(hidden), tokens)
        return hidden

    def remember(self, hiddens: list[Rows]) -> None:
        """Make a memory vector of all layers of a token, and keep keys and values of it for every layer."""
        vector = hiddens[-1]
        if self.relative.reads == "mixture":
            shares = self.weights["layer_weights"].softmax(dim=-1)
            vector = (torch.stack(hiddens, dim=-1) * shares[..., None, None, :]).sum(dim=-1)
        if self.relative.normed:
            vector = normed(vector)
        grown = [
            kept + self.slots(projection, vector, 1)
            for kept, projection in zip(self.kept[1:], self.projections, strict=False)
        ]
        self.kept[1:] = grown * self.relative.depth if self.relative.shared else grown

    def slots(self, projection: Affine, rows: Rows, tokens: int) -> Slots:
        """Return keys and values of some tokens."""
        return Slots(*(self.split(part, tokens) for part in projection(rows).chunk(2, dim=-1)))

    def attend(self, queries: Rows, read: Slots, bias: Float[Tensor, "*models h n j"]) -> Rows:
        """Return what is read, the heads side by side."""
        queries = self.split(queries, queries.shape[-2] // self.batch)
        if queries.shape[-3] == 1:  # products and their sums cost less than as many matrix products of one row
            scores = (queries * read.keys).sum(dim=-1) + bias[..., 0, :].mT.unsqueeze(-3)
            weights = scores.softmax(dim=-2)
            return (weights[..., None] * read.values).sum(dim=-3).flatten(-2)
        scores = queries.transpose(-3, -2) @ read.keys.transpose(-3, -2).mT + bias[..., None, :, :, :]
        weights = scores.softmax(dim=-1)
        return (weights @ read.values.transpose(-3, -2)).transpose(-3, -2).flatten(-2).flatten(-3, -2)

    def split(self, rows: Rows, tokens: int) -> Float[Tensor, "*models b n h e"]:
        """Return the heads of rows, each text's tokens apart."""
        *models, _, width = rows.shape
        return rows.reshape(*models, self.batch, tokens, self.heads, width // self.heads)

    def rows_to_tokens(self, rows: Rows) -> Float[Tensor, "*models b n d"]:
        """Return rows with each text's tokens apart."""
        *models, count, width = rows.shape
        return rows.reshape(*models, self.batch, count // self.batch, width)


def embed(table: Float[Tensor, "*models v d"], tokens: Int[Tensor, "*models b t"]) -> Float[Tensor, "*models b t d"]:
    """Look up the embeddings of tokens, for each model in its own table."""
    if table.ndim == 3:
        tokens = tokens + torch.arange(len(table))[:, None, None] * table.shape[1]
    return F.embedding(tokens, table.flatten(0, -2))


def train_together(models: Sequence[FamilyTransformer], task: Task, recipes: Sequence[Recipe]) -> None:
    """Train models of one kind at once, each by its own recipe and on its own data, as `train` would train each.

    They may differ in learning rate and seed alone. What is the same for all is done once for all of them, which is
    faster, and changes nothing but rounding.

    Args:
        models: the models to train, in place.
        task: what to train them on.
        recipes: how, one for each.
    """
    steps = {recipe.steps for recipe in recipes}
    generators = [torch.Generator().manual_seed(recipe.seed) for recipe in recipes]
    weights = [dict(model.named_parameters()) for model in models]
    shared = recipes[0]
    optimizer = torch.optim.AdamW(
        [{"params": list(each.values())} for each in weights],
        betas=shared.betas,
        weight_decay=shared.weight_decay,
        fused=True,
    )
    for step in range(*steps):
        examples = [
            draw(task, batch_size=recipe.batch_size, length=recipe.length, generator=generator)
            for recipe, generator in zip(recipes, generators, strict=True)
        ]
        tokens, targets = (torch.stack(parts) for parts in zip(*examples, strict=True))
        stacked = {name: torch.stack([each[name] for each in weights]) for name in weights[0]}
        logits = Reading(models[0], stacked, tokens).scores().logits
        losses = F.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=IGNORED, reduction="none")
        counts = (targets != IGNORED).sum(dim=(1, 2))
        optimizer.zero_grad()
        loss = (losses.reshape(len(models), -1).sum(dim=1) / counts).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        for group, recipe in zip(optimizer.param_groups, recipes, strict=True):
            nn.utils.clip_grad_norm_(group["params"], recipe.max_norm)
            group["lr"] = recipe.learning_rate * recipe.share_of_learning_rate(step)
        optimizer.step()


# The bench.

WIDTH = 24
"""Of the feedback model; the others are as wide as brings them nearest to its number of parameters."""
ANSWERS = 8000
"""Tokens that a model is asked about at each length."""


@dataclass(frozen=True)
class Bench:
    """How many updates each task gets, and who takes part."""

    steps: Mapping[str, int]
    names: tuple[str, ...] = tuple(RELATIVES)
    learning_rates: tuple[float, ...] = LEARNING_RATES
    length: int = 20
    batch_size: int = 32


FAMILY = Bench(
    MappingProxyType(
        {"s3-word": 300, "shell-game": 350, "program": 350, "parity": 200, "copy": 200, "echo": 250, "s5-word": 150}
    )
)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training of the bench."""

    task: str
    model: str
    steps: int
    learning_rate: float
    seed: int


def contenders(task: Task, names: Iterable[str] = RELATIVES) -> dict[str, Contender]:
    """Return relatives by name, all with as many parameters as feedback has, to within a tenth."""
    parameters = contender(RELATIVES[FEEDBACK], task, WIDTH // 2).parameters()
    return {
        name: nearest((contender(RELATIVES[name], task, half) for half in range(4, 65)), parameters) for name in names
    }


def contender(relative: Relative, task: Task, half: int) -> Contender:
    """Return a relative of twice this width, with two heads of this width."""
    sizes = {"d_model": 2 * half, "head_dim": half, "num_layers": relative.layers, "memory_size": WHOLE}
    return Contender(
        name=relative.name,
        says=relative.simplified,
        kind="feedback",
        config=usual_config("feedback", task, **sizes),
        change=partial(rebuilt, relative),
    )


def rebuilt(relative: Relative, model: FeedbackTransformer) -> FamilyTransformer:
    """Return a fresh relative in place of a fresh feedback model; its first head alone starts with recency."""
    fresh = FamilyTransformer(relative, model.config)
    with torch.no_grad():
        fresh.bias.table[:, 1:] = 0
    return fresh


def family(bench: Bench, *, out: Path) -> dict[str, Any]:
    """Run the whole bench and return its record; what is done so far is kept beside ``out``.

    Every relative is trained on every task with every learning rate from seed 0; the one with the best accuracy on the
    selection data is then used from the other seeds too, and once more for as many seconds as feedback takes.

    Args:
        bench: the tasks and who takes part.
        out: where the record will be written; ``out`` with the suffix ".notes" holds what is done so far.
    """
    first_task = make_task(next(iter(bench.steps)))
    timed = partial(seconds_per_update, tuple(contenders(first_task, bench.names).values()), first_task)
    notes = Notes(
        out.with_suffix(".notes"),
        {**vars(bench), "steps": dict(bench.steps)},
        partial(timed, length=bench.length, batch_size=bench.batch_size),
        kind=Trial,
    )
    seconds = notes.measured
    swept: dict[tuple[str, str], dict[float, float]] = {}
    runs: dict[Trial, list[str]] = {}

    def run_all_seeds(budget: str, task: str, name: str, steps: int) -> None:
        rates = swept[task, name]
        best = max(rates, key=rates.__getitem__)
        for trial in measure(bench, task, name, notes, [(steps, best, seed) for seed in SEEDS]):
            runs.setdefault(trial, []).append(budget)

    for name in bench.names:
        for task, steps in bench.steps.items():
            swept[task, name] = sweep(bench, task, name, notes)
            run_all_seeds("examples", task, name, steps)
    for name in bench.names:
        for task, steps in bench.steps.items():
            run_all_seeds("seconds", task, name, steps_within(steps, seconds[FEEDBACK] / seconds[name]))
    models = {task: contenders(make_task(task), bench.names) for task in bench.steps}
    return {
        "command": "python -m feedback_lite.training family --out family.json",
        "tasks": {
            task: {"chance": round(make_task(task).chance, 4), "steps": steps} for task, steps in bench.steps.items()
        },
        "trained_length": bench.length,
        "lengths": list(LENGTHS),
        "answers": {"tokens": ANSWERS, "seed": RECORD_EVALUATION["seed"]},
        "learning_rates": list(bench.learning_rates),
        "recipe": shared_recipe(recipe_of(bench, next(iter(runs)))),
        "seconds_per_update": {name: round(seconds[name], 5) for name in bench.names},
        "models": [
            {
                "name": name,
                "work": RELATIVES[name].work,
                "simplified": RELATIVES[name].simplified,
                "width": {task: models[task][name].config.d_model for task in bench.steps},
                "parameters": {task: models[task][name].parameters() for task in bench.steps},
            }
            for name in bench.names
        ],
        "sweep": [
            {"task": task, "model": name, "learning_rate": rate, "accuracy": right}
            for (task, name), rates in swept.items()
            for rate, right in rates.items()
        ],
        "runs": [
            {**asdict(trial), "budgets": budgets, "accuracy_by_length": notes.results[trial]["accuracy_by_length"]}
            for trial, budgets in runs.items()
        ],
        "versions": versions(),
    }


def sweep(bench: Bench, task: str, name: str, notes: Notes) -> dict[float, float]:
    """Return the accuracy on the selection data with every learning rate.

    The greatest one is most often the one that is taken: its other seeds are trained along with the sweep, which costs
    less than to train them afterwards.
    """
    steps, (first, *others) = bench.steps[task], SEEDS
    rates = bench.learning_rates
    wanted = [(steps, rate, first) for rate in rates] + [(steps, rates[-1], seed) for seed in others]
    found = measure(bench, task, name, notes, wanted)
    return {trial.learning_rate: result["selection"] for trial, result in found.items() if trial.seed == first}


def measure(
    bench: Bench, task_name: str, name: str, notes: Notes, wanted: Sequence[tuple[int, float, int]]
) -> dict[Trial, dict[str, Any]]:
    """Return the results of trials of one relative (updates, learning rate, seed); those not noted yet are trained."""
    trials = [
        Trial(task=task_name, model=name, steps=steps, learning_rate=rate, seed=seed) for steps, rate, seed in wanted
    ]
    missing = [trial for trial in trials if trial not in notes.results]
    if missing:
        task = make_task(task_name)
        contender = contenders(task, (name,))[name]
        models = [cast(FamilyTransformer, contender.make(seed=trial.seed)) for trial in missing]
        train_together(models, task, [recipe_of(bench, trial) for trial in missing])
        for trial, model in zip(missing, models, strict=True):
            asked = {length: ANSWERS // length for length in LENGTHS}
            right = {
                str(length): round(evaluate(model, task, length=length, **{**RECORD_EVALUATION, "sequences": count}), 4)
                for length, count in asked.items()
            }
            selection = evaluate(model, task, length=bench.length, **{**SELECTION, "sequences": asked[bench.length]})
            notes.add(trial, {"accuracy_by_length": right, "selection": round(selection, 4)})
    return {trial: notes.results[trial] for trial in trials}


def recipe_of(bench: Bench, trial: Trial) -> Recipe:
    """Return the recipe of one trial."""
    return Recipe(
        steps=trial.steps,
        length=bench.length,
        batch_size=bench.batch_size,
        learning_rate=trial.learning_rate,
        seed=trial.seed,
    )
