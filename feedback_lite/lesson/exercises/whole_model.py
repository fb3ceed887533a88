"""The exercises of chapter 09, the whole model."""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from feedback_lite.attention import attend, attention_weights, merge_heads, split_heads
from feedback_lite.block import Block
from feedback_lite.config import FeedbackConfig
from feedback_lite.feedforward import geglu
from feedback_lite.lesson.exercises.exercise import Blanks, Case, Exercise, Mistake, normal
from feedback_lite.memory import mix_layers
from feedback_lite.model import FeedbackTransformer
from feedback_lite.positions import relative_position_bucket

# --- the parameters of a block -----------------------------------------------------------------------


def _block_cases(generator: torch.Generator) -> list[Case]:
    # d_model, num_heads, head_dim, ff_mult
    return [(2, 1, 3, 1), (3, 2, 5, 2), (32, 2, 16, 3), (7, 3, 2, 4)]


def _count_built(d_model: int, num_heads: int, head_dim: int, ff_mult: int) -> int:
    config = FeedbackConfig(
        vocab_size=1,
        num_layers=1,
        memory_size=1,
        d_model=d_model,
        num_heads=num_heads,
        head_dim=head_dim,
        ff_mult=ff_mult,
    )
    block = Block(config)
    return sum(parameter.numel() for parameter in block.parameters())


def _count(d_model: int, num_heads: int, head_dim: int, ff_mult: int) -> int:
    inner, wide = num_heads * head_dim, ff_mult * d_model
    norms = 2 * 2 * d_model
    attention = d_model * inner + inner * d_model + d_model
    feedforward = d_model * 2 * wide + 2 * wide + wide * d_model + d_model
    return norms + attention + feedforward


BLOCK_PARAMETERS = Exercise(
    specification=_count_built,
    make_cases=_block_cases,
    solution=_count,
    mistakes=(
        Mistake(
            answer=lambda d_model, num_heads, head_dim, ff_mult: (
                _count(d_model, num_heads, head_dim, ff_mult) + 2 * d_model * num_heads * head_dim
            ),
            message="You counted a matrix for keys and values. It belongs to no block: one serves the whole model.",
        ),
        Mistake(
            answer=lambda d_model, num_heads, head_dim, ff_mult: (
                _count(d_model, num_heads, head_dim, ff_mult) - (2 * ff_mult + 2) * d_model
            ),
            message="The biases are missing: attention's output and both maps of the feed-forward layer have one each.",
        ),
        Mistake(
            answer=lambda d_model, num_heads, head_dim, ff_mult: (
                _count(d_model, num_heads, head_dim, ff_mult) - 4 * d_model
            ),
            message="The two norms are missing. Each has a scale and a shift for every entry of a vector.",
        ),
        Mistake(
            answer=lambda d_model, num_heads, head_dim, ff_mult: (
                _count(d_model, num_heads, head_dim, ff_mult) - ff_mult * d_model * (d_model + 1)
            ),
            message="The first map of the feed-forward layer makes two halves, one of them for the gate. Count both.",
        ),
        Mistake(
            answer=lambda d_model, num_heads, head_dim, ff_mult: (
                _count(d_model, num_heads, head_dim, ff_mult) + 2 * d_model * (d_model - num_heads * head_dim)
            ),
            message="All heads together have num_heads * head_dim numbers, which need not be d_model. Mind the shapes.",
        ),
        Mistake(
            answer=lambda d_model, num_heads, head_dim, ff_mult: (
                _count(d_model, num_heads, head_dim, ff_mult) - 2 * d_model
            ),
            message="You counted one norm. There are two: one before attention and one before the feed-forward layer.",
        ),
    ),
    otherwise="Count part by part for the trained model: two norms 128, attention 2,080, feed-forward 9,440.",
)


# --- from the last layer to the logits ---------------------------------------------------------------


def _head_cases(generator: torch.Generator) -> list[Case]:
    cases = []
    for batch, tokens, width, words in ((1, 1, 2, 3), (2, 3, 5, 4), (3, 2, 7, 2)):
        draw = partial(normal, generator=generator)
        # far from mean 0 and variance 1
        hidden = 3 * draw(batch, tokens, width) + 2
        cases.append((hidden, draw(width), draw(width), draw(words, width), draw(words)))
    return cases


def _head_by_hand(
    hidden: Float[Tensor, "b n d"],
    scale: Float[Tensor, "d"],
    shift: Float[Tensor, "d"],
    matrix: Float[Tensor, "v d"],
    bias: Float[Tensor, "v"],
) -> Float[Tensor, "b n v"]:
    batch, tokens, width = hidden.shape
    logits = torch.zeros(batch, tokens, len(matrix))
    for b in range(batch):
        for n in range(tokens):
            numbers = hidden[b, n].tolist()
            mean = sum(numbers) / width
            spread = math.sqrt(sum((number - mean) ** 2 for number in numbers) / width + 1e-5)
            for word in range(len(matrix)):
                logits[b, n, word] = bias[word] + sum(
                    matrix[word, d] * (scale[d] * (numbers[d] - mean) / spread + shift[d]) for d in range(width)
                )
    return logits


def _head(hidden: Tensor, scale: Tensor, shift: Tensor, matrix: Tensor, bias: Tensor) -> Tensor:
    return F.layer_norm(hidden, scale.shape, scale, shift) @ matrix.T + bias


OUTPUT_HEAD = Exercise(
    specification=_head_by_hand,
    make_cases=_head_cases,
    solution=_head,
    mistakes=(
        Mistake(
            answer=lambda hidden, scale, shift, matrix, bias: hidden @ matrix.T + bias,
            message="The norm is missing. Bring every vector to mean 0 and variance 1 first, then scale and shift it.",
        ),
        Mistake(
            answer=lambda hidden, scale, shift, matrix, bias: F.layer_norm(hidden, scale.shape) @ matrix.T + bias,
            message="The learned scale and shift of the norm are missing.",
        ),
        Mistake(
            answer=lambda hidden, scale, shift, matrix, bias: (
                F.layer_norm(hidden, scale.shape, scale, shift) @ matrix.T
            ),
            message="The bias is missing: it is added to the logits at the end.",
        ),
        Mistake(
            answer=lambda hidden, scale, shift, matrix, bias: _head(hidden, scale, shift, matrix, bias).softmax(dim=-1),
            message="These are probabilities. The logits were asked, from before the softmax.",
        ),
    ),
    blanks=Blanks(
        code="normed = {normed}\nlogits = normed @ {matrix}\nreturn {result}",
        choices={
            "normed": (
                "nn.functional.layer_norm(hidden, scale.shape, scale, shift)",
                "nn.functional.layer_norm(hidden, scale.shape)",
                "hidden * scale + shift",
                "hidden",
            ),
            "matrix": ("matrix.T", "matrix"),
            "result": ("logits + bias", "logits", "(logits + bias).softmax(dim=-1)"),
        },
    ),
)


# --- a test that catches a missing norm --------------------------------------------------------------

_WIDTH, _WORDS = 6, 4


def _drawn_head() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draw = partial(normal, generator=torch.Generator().manual_seed(17))
    return draw(_WIDTH), draw(_WIDTH), draw(_WORDS, _WIDTH), draw(_WORDS)


def _right_head(hidden: Tensor) -> Tensor:
    """a right head, with PyTorch's layer norm"""
    return _head(hidden, *_drawn_head())


def _right_head_by_hand(hidden: Tensor) -> Tensor:
    """a right head, with the norm written out"""
    scale, shift, matrix, bias = _drawn_head()
    centred = hidden - hidden.mean(dim=-1, keepdim=True)
    normed = centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
    return (scale * normed + shift) @ matrix.T + bias


def _head_without_norm(hidden: Tensor) -> Tensor:
    """the faulty head from the text"""
    _, _, matrix, bias = _drawn_head()
    return hidden @ matrix.T + bias


def _head_without_mean(hidden: Tensor) -> Tensor:
    """a faulty head whose norm leaves the mean as it is"""
    scale, shift, matrix, bias = _drawn_head()
    normed = hidden / (hidden.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
    return (scale * normed + shift) @ matrix.T + bias


def _head_without_variance(hidden: Tensor) -> Tensor:
    """a faulty head whose norm leaves the variance as it is"""
    scale, shift, matrix, bias = _drawn_head()
    return (scale * (hidden - hidden.mean(dim=-1, keepdim=True)) + shift) @ matrix.T + bias


def _catch_cases(generator: torch.Generator) -> list[Case]:
    heads = (_head_without_norm, _right_head, _head_without_mean, _right_head_by_hand, _head_without_variance)
    return [(head, 3 * normal(2, 3, _WIDTH, generator=generator) + 1) for head in heads]


def _same(left: Tensor, right: Tensor) -> bool:
    return torch.allclose(left, right, atol=1e-3)


def _agrees_with_right_head(head: Callable[[Tensor], Tensor], hidden: Float[Tensor, "b n d"]) -> bool:
    return _same(head(hidden), _right_head_by_hand(hidden))


CATCH_MISSING_NORM = Exercise(
    specification=_agrees_with_right_head,
    make_cases=_catch_cases,
    solution=lambda head, hidden: _same(head(hidden), head(3 * hidden + 1)),
    mistakes=(
        Mistake(
            answer=lambda head, hidden: _same(head(hidden), head(3 * hidden)),
            message="You said yes to a head whose norm leaves the mean. Multiply, and add a number as well.",
        ),
        Mistake(
            answer=lambda head, hidden: _same(head(hidden), head(hidden + 1)),
            message="You said yes to a head whose norm leaves the variance. Add a number, and multiply as well.",
        ),
        Mistake(
            answer=lambda head, hidden: head(hidden).shape == (*hidden.shape[:2], _WORDS),
            message="Every head has the right shape, the faulty ones too. Compare numbers: call it twice.",
        ),
        Mistake(
            answer=lambda head, hidden: torch.equal(head(hidden), head(3 * hidden + 1)),
            message="You said no to a right head. Either the norm does not take out your change, or you compare too "
            "strictly: rounding makes small differences, so use torch.allclose with atol=1e-3.",
        ),
        Mistake(
            answer=lambda head, hidden: not _same(head(hidden), head(3 * hidden + 1)),
            message="Turn it round: True is for a head that gives the same logits for both.",
        ),
    ),
    otherwise="A right head must get True and a faulty one False. Change the vectors in a way that a norm takes out.",
    blanks=Blanks(
        code="changed = {changed}\nonce, again = head(hidden), head(changed)\nreturn {answer}",
        choices={
            "changed": ("3 * hidden + 1", "3 * hidden", "hidden + 1", "hidden.flip(-1)"),
            "answer": (
                "torch.allclose(once, again, atol=1e-3)",
                "not torch.allclose(once, again, atol=1e-3)",
                "torch.equal(once, again)",
                "once.shape == again.shape",
            ),
        },
    ),
)


# --- the whole model ---------------------------------------------------------------------------------


class Weights(dict[str, Tensor]):
    """A state dict that shows its size instead of all its numbers."""

    def __repr__(self) -> str:
        return f"a dict of {len(self)} tensors, made from the config"


def make_weights(config: FeedbackConfig, generator: torch.Generator) -> Weights:
    """Draw weights for a model of this config, none of them zero."""
    shapes = {name: tensor.shape for name, tensor in FeedbackTransformer(config).state_dict().items()}
    return Weights(
        {
            name: normal(*shape, generator=generator) * (shape[-1] ** -0.5 if len(shape) == 2 else 0.7)
            for name, shape in shapes.items()
        }
    )


def _model_cases(generator: torch.Generator) -> list[Case]:
    # vocab_size, d_model, num_layers, num_heads, head_dim, memory_size, batch, tokens
    sizes = ((3, 2, 1, 1, 2, 2, 1, 1), (3, 2, 1, 1, 2, 3, 1, 2), (5, 4, 2, 2, 3, 2, 1, 5), (7, 6, 3, 2, 2, 3, 2, 7))
    cases = []
    for vocab_size, d_model, num_layers, num_heads, head_dim, memory_size, batch, length in sizes:
        config = FeedbackConfig(
            vocab_size=vocab_size,
            d_model=d_model,
            num_layers=num_layers,
            num_heads=num_heads,
            head_dim=head_dim,
            memory_size=memory_size,
            num_buckets=4,
            max_distance=8,
            ff_mult=2,
        )
        tokens = torch.randint(vocab_size, (batch, length), generator=generator)
        cases.append((make_weights(config, generator), config, tokens))
    return cases


def _whole_by_loops(weights: dict[str, Tensor], config: FeedbackConfig, tokens: Int[Tensor, "b t"]) -> Tensor:
    """Return the logits: sequence by sequence, token by token, head by head, slot by slot."""
    return torch.stack([_sequence_by_loops(weights, config, row.tolist()) for row in tokens])


def _sequence_by_loops(weights: dict[str, Tensor], config: FeedbackConfig, tokens: list[int]) -> Tensor:
    slots: list[tuple[Tensor, Tensor]] = []
    logits = []
    for token in tokens:
        hiddens = [weights["embedding.weight"][token]]
        for layer in range(config.num_layers):
            part = {
                name.removeprefix(f"blocks.{layer}."): kept
                for name, kept in weights.items()
                if name.startswith(f"blocks.{layer}.")
            }
            hidden = hiddens[-1] + _read_slots(part, weights["bias.table"], config, hiddens[-1], slots)
            normed = _norm_by_hand(hidden, part["feedforward_norm.weight"], part["feedforward_norm.bias"])
            doubled = part["feedforward.widen.weight"] @ normed + part["feedforward.widen.bias"]
            half = len(doubled) // 2
            gated = torch.stack(
                [
                    value * gate * 0.5 * (1 + math.erf(float(gate) / math.sqrt(2)))
                    for value, gate in zip(doubled[:half], doubled[half:], strict=True)
                ]
            )
            hiddens.append(hidden + part["feedforward.narrow.weight"] @ gated + part["feedforward.narrow.bias"])
        powers = [math.exp(weight) for weight in weights["layer_weights"]]
        mixture = torch.zeros(config.d_model)
        for power, hidden in zip(powers, hiddens, strict=True):
            mixture = mixture + power / sum(powers) * hidden
        both = weights["to_keys_values.linear.weight"] @ mixture
        slots.append((both[: len(both) // 2], both[len(both) // 2 :]))
        if len(slots) > config.memory_size:
            slots.pop(0)
        normed = _norm_by_hand(hiddens[-1], weights["output_norm.weight"], weights["output_norm.bias"])
        logits.append(weights["to_logits.weight"] @ normed + weights["to_logits.bias"])
    return torch.stack(logits)


def _norm_by_hand(vector: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    centred = vector - sum(vector) / len(vector)
    spread = math.sqrt(sum(centred * centred) / len(vector) + 1e-5)
    return scale * centred / spread + shift


def _read_slots(
    part: dict[str, Tensor], table: Tensor, config: FeedbackConfig, hidden: Tensor, slots: list[tuple[Tensor, Tensor]]
) -> Tensor:
    if not slots:
        return torch.zeros_like(hidden)
    normed = _norm_by_hand(hidden, part["attention_norm.weight"], part["attention_norm.bias"])
    queries = part["attention.to_queries.weight"] @ normed
    reads = []
    for head in range(config.num_heads):
        rows = slice(head * config.head_dim, (head + 1) * config.head_dim)
        powers = []
        for place, (key, _) in enumerate(slots):
            distance = torch.tensor(len(slots) - place)
            bucket = relative_position_bucket(
                distance, num_buckets=config.num_buckets, max_distance=config.max_distance
            )
            score = sum(queries[rows] * key[rows]) / math.sqrt(config.head_dim) + table[bucket, head]
            powers.append(math.exp(score))
        total = torch.zeros(config.head_dim)
        for power, (_, value) in zip(powers, slots, strict=True):
            total = total + power / sum(powers) * value[rows]
        reads.append(total)
    return part["attention.to_output.weight"] @ torch.cat(reads) + part["attention.to_output.bias"]


def _whole(
    weights: dict[str, Tensor],
    config: FeedbackConfig,
    tokens: Int[Tensor, "b t"],
    *,
    nearest: int = 1,
    output_norm: bool = True,
    residual: bool = True,
    evicts: bool = True,
    reads_itself: bool = False,
    empty_bias: bool = False,
    mix: Callable[[Tensor, Tensor], Tensor] = mix_layers,
) -> Float[Tensor, "b t v"]:
    """The chapter's solution; each option is one way in which it goes wrong."""

    def norm(name: str, vectors: Tensor) -> Tensor:
        return F.layer_norm(vectors, (config.d_model,), weights[f"{name}.weight"], weights[f"{name}.bias"])

    def linear(name: str, vectors: Tensor) -> Tensor:
        return F.linear(vectors, weights[f"{name}.weight"], weights.get(f"{name}.bias"))

    def read(block: str, hidden: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        slots = keys.shape[1]
        if slots == 0:
            return weights[f"{block}.attention.to_output.bias"].expand_as(hidden) if empty_bias else 0 * hidden
        distance = torch.arange(slots - 1 + nearest, nearest - 1, -1)
        buckets = relative_position_bucket(distance, num_buckets=config.num_buckets, max_distance=config.max_distance)
        bias = weights["bias.table"][buckets].T[:, None, :]
        queries = linear(f"{block}.attention.to_queries", norm(f"{block}.attention_norm", hidden))
        split = partial(split_heads, num_heads=config.num_heads)
        shares = attention_weights(split(queries), split(keys), bias=bias)
        return linear(f"{block}.attention.to_output", merge_heads(attend(shares, split(values))))

    def climb(hidden: Tensor, keys: Tensor, values: Tensor) -> list[Tensor]:
        hiddens = [hidden]
        for layer in range(config.num_layers):
            block = f"blocks.{layer}"
            hidden = hiddens[-1] * residual + read(block, hiddens[-1], keys, values)
            doubled = linear(f"{block}.feedforward.widen", norm(f"{block}.feedforward_norm", hidden))
            hiddens.append(hidden * residual + linear(f"{block}.feedforward.narrow", geglu(doubled)))
        return hiddens

    kept = config.memory_size if evicts else tokens.shape[1]
    keys = values = torch.zeros(len(tokens), 0, config.num_heads * config.head_dim)
    tops = []
    for place in range(tokens.shape[1]):
        embedded = weights["embedding.weight"][tokens[:, place : place + 1]]
        hiddens = climb(embedded, keys, values)
        mixture = mix(torch.stack(hiddens), weights["layer_weights"])
        key, value = linear("to_keys_values.linear", mixture).chunk(2, dim=-1)
        keys, values = torch.cat((keys, key), dim=1)[:, -kept:], torch.cat((values, value), dim=1)[:, -kept:]
        if reads_itself:
            hiddens = climb(embedded, keys, values)
        tops.append(norm("output_norm", hiddens[-1]) if output_norm else hiddens[-1])
    return linear("to_logits", torch.cat(tops, dim=1))


ASSEMBLE_MODEL = Exercise(
    specification=_whole_by_loops,
    make_cases=_model_cases,
    solution=lambda weights, config, tokens: _whole(weights, config, tokens),
    mistakes=(
        Mistake(
            answer=partial(_whole, output_norm=False),
            message="The output norm is missing between the last layer and the logits.",
        ),
        Mistake(
            answer=partial(_whole, empty_bias=True),
            message="At the first step there is no slot. Attention then adds nothing, its output bias included.",
        ),
        Mistake(
            answer=partial(_whole, nearest=0),
            message="The newest slot lies at distance 1, not 0: it was written one step before.",
        ),
        Mistake(
            answer=partial(_whole, evicts=False),
            message="No slot is ever evicted. The memory holds at most config.memory_size slots.",
        ),
        Mistake(
            answer=partial(_whole, reads_itself=True),
            message="A token reads the slot that it has written itself. Read first, all layers; write afterwards.",
        ),
        Mistake(
            answer=partial(_whole, residual=False),
            message="A part's result replaces the hidden vector. It has to be added to what came in.",
        ),
        Mistake(
            answer=partial(_whole, mix=lambda hiddens, layer_weights: hiddens[-1]),
            message="Only the last layer was stored. The mixture takes a share of every layer, the embedding included.",
        ),
        Mistake(
            answer=partial(
                _whole, mix=lambda hiddens, layer_weights: torch.einsum("l,lbnd->bnd", layer_weights, hiddens)
            ),
            message="The raw layer weights were used. Put them through a softmax first.",
        ),
    ),
    otherwise="Compare station by station: load the weights into FeedbackTransformer(config), and hold the numbers of "
    "its Stepper against yours (hint 3).",
)
