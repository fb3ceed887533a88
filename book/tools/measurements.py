"""What each difference from the paper's authors and from lucidrains' package does, one function per group of numbers.

What the authors' code does is rebuilt on the package's own model, from a reading of the released code. What lucidrains'
package does is run with that package itself, version 0.0.11. Nothing is trained: what variants reach that were trained
from the start stands in the records of feedback_lite/training/records.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import mean
from typing import Any

import torch
from feedback_transformer_pytorch import FeedbackTransformer as Lucidrains
from torch import Tensor, nn

from feedback_lite import (
    FeedbackTransformer,
    FeedForward,
    KeyValueProjection,
    Memory,
    RelativePositionBias,
    distances,
    load_lucidrains,
    pretrained,
    relative_position_bucket,
)
from feedback_lite.training import evaluate, from_card, records
from feedback_lite.training.ablations import largest_hidden

Value = float | int | str | list[float]
Group = dict[str, Value]

LENGTHS = (20, 40, 80)
FRESH = {"sequences": 500, "seed": 2_000_003}
GROWN = 3
"""What the matrices of an untrained model are multiplied by, to see what grows."""
DEPTH, WIDTH, HEADS, HEAD_WIDTH, VOCABULARY, SLOTS = 3, 32, 4, 8, 17, 16


# The models that the measurements share.


def draw(model: nn.Module, seed: int) -> None:
    """Draw every parameter anew: matrices ~ N(0, 1 / fan_in), vectors ~ N(0, 1/2), the position table ~ N(0, 1)."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        variance = 0.5 if parameter.ndim == 1 else 1 / parameter.shape[1]
        if "relative_attention_bias" in name:
            variance = 1.0
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data.copy_(math.sqrt(variance) * noise)


def lucidrains(*, seed: int = 0, **changes: Any) -> Any:
    """Return a model of lucidrains' package with random weights, in double precision."""
    sizes = {"num_tokens": VOCABULARY, "dim": WIDTH, "depth": DEPTH, "heads": HEADS, "dim_head": HEAD_WIDTH}
    model = Lucidrains(**{**sizes, "mem_len": SLOTS, "seq_len": 1, **changes}).double().eval()
    draw(model, seed)
    return model


def ours(theirs: Any, *, compat: bool = False) -> FeedbackTransformer:
    """Return the package's model with the same weights, by default without the reproduced faults."""
    loaded = load_lucidrains(
        theirs.state_dict(),
        memory_size=theirs.mem_len,
        segment_length=theirs.seq_len,
        memory_from="last" if theirs.keep_last_hidden else "mixture",
    )
    return loaded.eval() if compat else with_options(loaded, compat=None)


def with_options(model: FeedbackTransformer, **changes: Any) -> FeedbackTransformer:
    """Return a model with the same weights and other options."""
    return with_weights(FeedbackTransformer(replace(model.config, **changes)), model)


def with_weights(new: FeedbackTransformer, model: FeedbackTransformer) -> FeedbackTransformer:
    """Return a new model with all the weights that it has a place for."""
    weights = model.state_dict()
    new.to(model.embedding.weight.dtype).load_state_dict({name: weights[name] for name in new.state_dict()})
    return new.eval()


def some_tokens(length: int, *, batch: int = 4, seed: int = 1) -> Tensor:
    """Return random token numbers."""
    return torch.randint(VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(seed))


def largest(difference: Tensor) -> float:
    """Return the largest absolute entry."""
    return difference.abs().max().item()


def size(module: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def shell_game() -> FeedbackTransformer:
    """Return the feedback model that was trained on the shell game."""
    model = pretrained.load("shell-feedback")
    assert isinstance(model, FeedbackTransformer)
    return model


def recorded(name: str, variant: str) -> list[float]:
    """Return the share of right answers that a variant reached at each length when trained, the mean of its seeds.

    Args:
        name: a record.
        variant: one of the settings of an ablation, or one of the models of a comparison, with equal examples.
    """
    runs = [
        run
        for run in records.load(name)["runs"]
        if variant in (run.get("setting"), run.get("model")) and "examples" in run.get("budgets", ["examples"])
    ]
    return [mean(run["accuracy_by_length"][str(length)] for run in runs) for length in LENGTHS]


def accuracy(model: nn.Module) -> list[float]:
    """Return the share of right answers in the shell game at each length, on games that no training saw."""
    _, task, _, _ = from_card(pretrained.card("shell-feedback"))
    return [evaluate(model, task, length=length, **FRESH) for length in LENGTHS]


def outcome(action: Callable[[], object]) -> str:
    """Return "works" or "an error", as the page says it."""
    return "works" if message_of_error(action) is None else "an error"


def message_of_error(action: Callable[[], object]) -> str | None:
    """Return the message of the error that an action raises, or none where it raises none."""
    try:
        action()
    # Whatever error comes is the measurement.
    except Exception as error:
        return str(error)
    return None


# The measurements, one per group of numbers on the page.


def measure_probes() -> Group:
    """The two models that everything else is measured on."""
    theirs = lucidrains()
    logits = theirs(some_tokens(24))
    return {
        "spread": logits.std().item(),
        "feedback": accuracy(shell_game()),
        "ordinary": accuracy(pretrained.load("shell-ordinary")),
        "games": FRESH["sequences"],
    }


def measure_offset() -> Group:
    """Distances that leave the memory out, as in lucidrains' package, against distances that count it."""
    theirs, tokens = lucidrains(), some_tokens(SLOTS + 1)
    before, last = tokens[:, :-1], tokens[:, -1:]
    _, kept = theirs(before, return_memory=True)
    turned = [part.flip(1) for part in kept]
    in_theirs = theirs(last, memory=tuple(kept)) - theirs(last, memory=tuple(turned))
    model = ours(theirs)
    in_ours = model(last, Memory(*kept)).logits - model(last, Memory(*turned)).logits
    return {
        "reversed_lucidrains": largest(in_theirs),
        "reversed_here": largest(in_ours),
        "slots": SLOTS,
        "groups_lucidrains": groups(torch.arange(1), slots=SLOTS),
        "groups_here": groups(torch.arange(SLOTS, SLOTS + 1), slots=SLOTS),
        "shell_game": accuracy(with_options(shell_game(), compat="lucidrains")),
        "trained": recorded("ablate-memory-offset", "shell-game: without the offset"),
        "echo_lucidrains": recorded("ablate-memory-offset", "echo: without the offset"),
        "echo_here": recorded("ablate-memory-offset", "echo: with the offset"),
    }


def groups(query_positions: Tensor, *, slots: int) -> int:
    """Return how many groups of slots the last of these queries can tell apart by position."""
    distance = distances(query_positions, torch.arange(slots))[-1]
    return len(set(relative_position_bucket(distance, num_buckets=32, max_distance=128).tolist()))


def measure_bias_start() -> Group:
    """What share of attention the newest slot gets before any training, when all scores are equal."""
    distance = torch.arange(SLOTS, 0, -1)[None]
    shares: dict[str, float] = {}
    for init in ("zeros", "recency"):
        bias = RelativePositionBias(num_heads=1, num_buckets=32, max_distance=128, init=init)
        shares[init] = bias(distance).softmax(dim=-1)[0, 0, -1].item()
    drawn = torch.randn(10_000, SLOTS, generator=torch.Generator().manual_seed(0)).softmax(dim=-1)
    return {
        **shares,
        "normal": drawn[:, -1].mean().item(),
        "normal_top": drawn.amax(dim=-1).mean().item(),
        "trained": recorded("compare-shell-game", "feedback, no recency start"),
    }


class NormedMemory(FeedbackTransformer):
    """The memory vector is normalised, as the authors do, by the norm that the first layer applies to its input."""

    def mix(self, hiddens: Tensor) -> Tensor:
        """Return the mixture of the layers, normalised."""
        norm: nn.LayerNorm = self.blocks[0].attention_norm  # type: ignore[assignment]
        return norm(super().mix(hiddens))


def measure_norm() -> Group:
    """Memory normalised before its keys and values are made: without training again, untrained, and trained."""
    model = shell_game()
    normed = with_weights(NormedMemory(model.config), model)
    return {
        "shell_game": accuracy(normed),
        "times": GROWN,
        "tokens": 2 * LENGTHS[0],
        "power": power_of_ten(memory_norm=False),
        "power_normed": power_of_ten(memory_norm=True),
        "trained": recorded("ablate-memory-norm", "as usual, memory as it is"),
        "trained_normed": recorded("ablate-memory-norm", "as usual, memory normed"),
        "faster": recorded("ablate-memory-norm", "rate 0.01, memory as it is"),
        "faster_normed": recorded("ablate-memory-norm", "rate 0.01, memory normed"),
    }


@torch.no_grad()
def power_of_ten(*, memory_norm: bool) -> int:
    """Return how large, in powers of ten, hidden numbers become in an untrained model whose matrices are multiplied."""
    torch.manual_seed(0)
    model = FeedbackTransformer(replace(shell_game().config, memory_norm=memory_norm)).double().eval()
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2 and name.startswith(("blocks", "to_keys_values")):
            parameter.mul_(GROWN)
    _, task, _, _ = from_card(pretrained.card("shell-feedback"))
    largest_number = largest_hidden(model, task, length=2 * LENGTHS[0])
    assert largest_number is not None
    return round(math.log10(largest_number))


class StartsWithZeros(FeedbackTransformer):
    """A memory that is full from the beginning: of keys and values of zero vectors, which are attended to."""

    def forward(self, tokens: Tensor, memory: Memory | None = None) -> Any:
        """Begin with zero vectors where no memory was given."""
        if memory is None:
            zeros = torch.zeros(len(tokens), self.config.memory_size, self.config.d_model).to(self.embedding.weight)
            memory = Memory(*self.to_keys_values(zeros))
        return super().forward(tokens, memory)


def measure_zeros() -> Group:
    """Zero vectors as the first memory, without training again."""
    model = shell_game()
    zeros = with_weights(StartsWithZeros(model.config), model)
    tokens = from_card(pretrained.card("shell-feedback"))[1].sample(
        batch_size=100, length=2, generator=torch.Generator().manual_seed(3)
    )
    change = zeros(tokens.tokens).logits.softmax(-1) - model(tokens.tokens).logits.softmax(-1)
    return {"shell_game": accuracy(zeros), "first_answer": largest(change[:, 0])}


def measure_shared() -> Group:
    """One key/value projection for all layers, against one for each."""
    model = shell_game()
    layers, one = model.config.num_layers, size(model.to_keys_values)
    large = size(KeyValueProjection(d_model=512, num_heads=8, head_dim=128))
    return {
        "parameters": size(model),
        "parameters_separate": size(model) + (layers - 1) * one,
        "cache": 2 * model.config.num_heads * model.config.head_dim,
        "cache_separate": layers * 2 * model.config.num_heads * model.config.head_dim,
        "large": large,
        "large_separate": 12 * large,
        "trained": recorded("ablate-keys-values", "shared by the layers"),
        "trained_separate": recorded("ablate-keys-values", "one per layer"),
    }


def measure_layer_weights() -> Group:
    """Layer weights that start at one, as in lucidrains' package, or at zero, as with the authors and here."""
    model = ours(lucidrains())
    tokens, logits = some_tokens(24), []
    for start in (0.0, 1.0):
        model.layer_weights.data.fill_(start)
        logits.append(model(tokens).logits)
    return {"zeros_or_ones": largest(logits[0] - logits[1])}


def measure_last() -> Group:
    """Memory from the last layer alone."""
    theirs = lucidrains(keep_last_hidden=True)
    theirs(some_tokens(6)).sum().backward()
    untrained = [parameter for parameter in theirs.parameters() if parameter.grad is None]
    model = ours(theirs)
    model(some_tokens(6)).logits.sum().backward()
    return {
        "untrained_lucidrains": sum(parameter.numel() for parameter in untrained),
        "untrained_here": sum(parameter.numel() for parameter in model.parameters() if parameter.grad is None),
        "shell_game": accuracy(with_options(shell_game(), memory_from="last")),
        "trained": recorded("ablate-fed-back", "layer 2 (last) alone"),
    }


def measure_no_key() -> Group:
    """A first call of one token where segments are longer; a memory of zero slots where they are not."""
    theirs, token = lucidrains(seq_len=2), some_tokens(1)
    model = ours(theirs)
    single = lucidrains()
    own, nothing = ours(single), torch.zeros(len(token), 0, HEADS * HEAD_WIDTH, dtype=torch.float64)
    return {
        "lucidrains": outcome(lambda: theirs(token)),
        "here": outcome(lambda: model(token)),
        "zero_slots_lucidrains": largest(single(token, memory=(nothing, nothing)) - single(token)),
        "zero_slots_here": largest(own(token, Memory(nothing, nothing)).logits - own(token).logits),
    }


def measure_output_bias() -> Group:
    """No bias on what attention gives back, without training again."""
    model = shell_game()
    for block in model.blocks:
        output: nn.Linear = block.attention.to_output  # type: ignore[union-attr, assignment]
        output.bias.data.zero_()
    return {"shell_game": accuracy(model)}


def measure_lone() -> Group:
    """The last token of a sequence that ends in the middle of a segment."""
    theirs, tokens = lucidrains(seq_len=2), some_tokens(6)
    model = ours(theirs)
    return {
        "lucidrains": largest(theirs(tokens[:, :5])[:, 4] - theirs(tokens)[:, 4]),
        "here": largest(model(tokens[:, :5]).logits[:, 4] - model(tokens).logits[:, 4]),
    }


def measure_segments() -> Group:
    """Segments of four tokens: trained from the start, counted in rounds, cut off the boundary."""
    _, _, config, recipe = from_card(pretrained.card("shell-feedback"))
    model, tokens = ours(lucidrains(seq_len=4)), some_tokens(12)
    whole = model(tokens).logits
    return {
        "trained": recorded("ablate-segments", "segments of 4"),
        "cut_on_boundary": largest(in_pieces(model, tokens, at=8) - whole),
        "cut_elsewhere": largest(in_pieces(model, tokens, at=6) - whole),
        "tokens": recipe.length,
        "rounds": recipe.length * config.num_layers,
        "rounds_of_four": math.ceil(recipe.length / 4) * config.num_layers,
    }


def in_pieces(model: FeedbackTransformer, tokens: Tensor, *, at: int) -> Tensor:
    """Return the logits of two calls, the second with the memory of the first."""
    first, memory = model(tokens[:, :at])
    return torch.cat((first, model(tokens[:, at:], memory).logits), dim=1)


def measure_feedforward() -> Group:
    """Parameters of one feed-forward layer, gated and with a plain ReLU, of the same inner width."""
    config = shell_game().config
    wide = config.ff_mult * config.d_model
    plain = nn.Sequential(nn.Linear(config.d_model, wide), nn.ReLU(), nn.Linear(wide, config.d_model))
    return {"gated": size(FeedForward(d_model=config.d_model, mult=config.ff_mult)), "plain": size(plain)}


def measure_stale() -> Group:
    """Keys and values kept over a step of training, against those that the new weights would make."""
    _, task, _, recipe = from_card(pretrained.card("shell-feedback"))
    model = shell_game()
    examples = task.sample(batch_size=64, length=20, generator=torch.Generator().manual_seed(4))
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, betas=recipe.betas)
    kept = model(examples.tokens).memory.detach()
    vectors = kept_vectors(model, examples.tokens)
    logits = model(examples.tokens).logits
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), examples.targets.flatten())
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    new = model.to_keys_values(vectors)[0][:, -len(kept) :]
    return {"change": ((new - kept.keys).norm() / kept.keys.norm()).item()}


@torch.no_grad()
def kept_vectors(model: FeedbackTransformer, tokens: Tensor) -> Tensor:
    """Return the memory vectors of all steps, before keys and values are made of them."""
    memory, vectors = model(tokens[:, :0]).memory, []
    for token in model.embedding(tokens).split(1, dim=1):
        hiddens = model.read(token, memory).hiddens
        vectors.append(model.mix(hiddens))
        memory = model.write(hiddens, memory)
    return torch.cat(vectors, dim=1)


def measure_graph() -> Group:
    """A second step of training through a memory that was carried over."""
    theirs, tokens = lucidrains(), some_tokens(4)
    logits, kept = theirs(tokens, return_memory=True)
    logits.sum().backward()
    model = ours(theirs)
    first = model(tokens)
    first.logits.sum().backward()
    cut = first.memory.detach()
    return {
        "lucidrains": outcome(lambda: theirs(tokens, memory=kept).sum().backward()),
        "here_uncut": outcome(lambda: model(tokens, first.memory).logits.sum().backward()),
        "here_cut": outcome(lambda: model(tokens, cut).logits.sum().backward()),
    }


def measure_bounds() -> Group:
    """Memory sizes of zero and less."""
    tokens = some_tokens(12)
    kept = {length: lucidrains(mem_len=length)(tokens, return_memory=True)[1].keys.shape[1] for length in (0, -1)}
    config = shell_game().config
    return {
        "tokens": tokens.shape[1],
        "zero": kept[0],
        "minus_one": kept[-1],
        "here": outcome(lambda: replace(config, memory_size=0)),
    }


def measure_empty() -> Group:
    """A sequence without tokens."""
    theirs, nothing = lucidrains(seq_len=2), torch.empty(2, 0, dtype=torch.long)
    model = ours(theirs)
    return {"lucidrains": outcome(lambda: theirs(nothing)), "here": outcome(lambda: model(nothing))}


def measure_checkpoints() -> Group:
    """What is in a state dict, whether it loads with other segments, whether a model pickles."""
    theirs = lucidrains()
    model = ours(theirs)
    return {
        "copies_lucidrains": sum(name.endswith(("to_kv.weight", "kv_proj.weight")) for name in theirs.state_dict()),
        "copies_here": sum("to_keys_values" in name for name in model.state_dict()),
        "depth": DEPTH,
        "pickling_lucidrains": outcome(lambda: pickle.dumps(theirs)),
        "pickling_here": outcome(lambda: pickle.loads(pickle.dumps(model))),
        "loading_lucidrains": outcome(lambda: lucidrains(seq_len=2).load_state_dict(theirs.state_dict())),
        "loading_here": outcome(lambda: with_options(model, segment_length=2)),
    }


def measure_refusals() -> Group:
    """How many kinds of wrong input are refused with a message that names the argument."""
    theirs, tokens = lucidrains(), some_tokens(4)
    model = ours(theirs)
    _, kept = theirs(tokens[:1], return_memory=True)
    inputs: list[tuple[Tensor, Any]] = [
        (torch.full((1, 3), VOCABULARY), None),
        (torch.full((1, 3), -1), None),
        (torch.zeros(1, 3), None),
        (tokens[0], None),
        (tokens, kept),
    ]
    named = {"lucidrains": 0, "here": 0}
    for wrong, memory in inputs:
        name, own = ("tokens", None) if memory is None else ("memory", Memory(*memory))
        messages = {
            "lucidrains": message_of_error(partial(theirs, wrong, memory=memory)),
            "here": message_of_error(partial(model, wrong, own)),
        }
        for package, message in messages.items():
            assert message is not None, f"{package} takes {wrong}"
            named[package] += re.match(rf"({name}|x)\b", message) is not None
    return {"inputs": len(inputs), **named}


def measure_same() -> Group:
    """Whether the two agree where they should: the same weights, `compat` on."""
    worst, cases = 0.0, 0
    for seed, (depth, slots, segment, last) in enumerate(
        [(1, 3, 1, False), (2, 5, 1, False), (4, 30, 1, True), (2, 7, 2, False), (3, 16, 3, True), (3, 4, 5, False)]
    ):
        theirs = lucidrains(seed=seed, depth=depth, mem_len=slots, seq_len=segment, keep_last_hidden=last)
        tokens = some_tokens(14, seed=seed)
        logits = theirs(tokens)
        difference = largest(ours(theirs, compat=True)(tokens).logits - logits)
        worst, cases = max(worst, difference / (1 + largest(logits))), cases + 1
    assert worst < 1e-10, f"compat differs by {worst}"
    return {"cases": cases, "within": "1e-10"}


MEASUREMENTS: dict[str, Callable[[], Group]] = {
    function.__name__.removeprefix("measure_"): function
    for function in (
        measure_probes,
        measure_offset,
        measure_bias_start,
        measure_norm,
        measure_zeros,
        measure_shared,
        measure_layer_weights,
        measure_last,
        measure_no_key,
        measure_output_bias,
        measure_lone,
        measure_segments,
        measure_feedforward,
        measure_stale,
        measure_graph,
        measure_bounds,
        measure_empty,
        measure_checkpoints,
        measure_refusals,
        measure_same,
    )
}
