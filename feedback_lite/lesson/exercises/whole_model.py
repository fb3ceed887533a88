"""The exercises of chapter 09, the whole model."""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from feedback_lite.attention import attend, attention_weights, merge_heads, split_heads
from feedback_lite.config import FeedbackConfig
from feedback_lite.feedforward import geglu
from feedback_lite.lesson.exercises.exercise import Blanks, Case, Exercise, Mistake, normal
from feedback_lite.lucidrains import load_lucidrains, own_names
from feedback_lite.memory import Memory, mix_layers
from feedback_lite.model import FeedbackTransformer
from feedback_lite.positions import relative_position_bucket

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


# --- the keys of a segment ----------------------------------------------------------------------------


def _key_cases(generator: torch.Generator) -> list[Case]:
    cases = []
    for batch, slots, tokens, width, inner in ((1, 1, 1, 2, 2), (1, 0, 2, 3, 2), (2, 3, 2, 5, 4), (2, 2, 4, 3, 6)):
        draw = partial(normal, generator=generator)
        # far from mean 0 and variance 1
        hidden = 3 * draw(batch, tokens, width) + 2
        cases.append((hidden, draw(batch, slots, inner), draw(width), draw(width), draw(inner, width)))
    return cases


def _keys_by_hand(
    hidden: Float[Tensor, "b n d"],
    memory_keys: Float[Tensor, "b m he"],
    scale: Float[Tensor, "d"],
    shift: Float[Tensor, "d"],
    matrix: Float[Tensor, "he d"],
) -> Float[Tensor, "b j he"]:
    batch, slots, inner = memory_keys.shape
    keys = torch.zeros(batch, slots + hidden.shape[1], inner)
    for b in range(batch):
        for slot in range(slots):
            keys[b, slot] = memory_keys[b, slot]
        for place, vector in enumerate(hidden[b]):
            keys[b, slots + place] = matrix @ _norm_by_hand(vector, scale, shift)
    return keys


def _norm_by_hand(vector: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    centred = vector - sum(vector) / len(vector)
    spread = math.sqrt(sum(centred * centred) / len(vector) + 1e-5)
    return scale * centred / spread + shift


def _keys(hidden: Tensor, memory_keys: Tensor, scale: Tensor, shift: Tensor, matrix: Tensor) -> Tensor:
    return torch.cat((memory_keys, F.layer_norm(hidden, scale.shape, scale, shift) @ matrix.T), dim=1)


SEGMENT_KEYS = Exercise(
    specification=_keys_by_hand,
    make_cases=_key_cases,
    solution=_keys,
    mistakes=(
        Mistake(
            answer=lambda hidden, memory_keys, scale, shift, matrix: torch.cat((memory_keys, hidden @ matrix.T), dim=1),
            message="The norm is missing: the segment's hidden vectors pass the norm of the block first.",
        ),
        Mistake(
            answer=lambda hidden, memory_keys, scale, shift, matrix: torch.cat(
                (
                    F.layer_norm(memory_keys, memory_keys.shape[-1:]),
                    _keys(hidden, memory_keys[:, :0], scale, shift, matrix),
                ),
                dim=1,
            ),
            message="You normed the memory's keys. They stay as they are: nothing of memory passes the block's norm.",
        ),
        Mistake(
            answer=lambda hidden, memory_keys, scale, shift, matrix: torch.cat(
                (memory_keys, F.layer_norm(hidden, scale.shape) @ matrix.T), dim=1
            ),
            message="The learned scale and shift of the norm are missing.",
        ),
        Mistake(
            answer=lambda hidden, memory_keys, scale, shift, matrix: torch.cat(
                (_keys(hidden, memory_keys[:, :0], scale, shift, matrix), memory_keys), dim=1
            ),
            message="Slots come first, then the tokens of the segment: oldest to newest.",
        ),
        Mistake(
            answer=lambda hidden, memory_keys, scale, shift, matrix: _keys(
                hidden, memory_keys[:, :0], scale, shift, matrix
            ),
            message="The keys of the memory are missing: the block reads them as well.",
        ),
    ),
    blanks=Blanks(
        code="normed = {normed}\nown = {vectors} @ matrix.T\nreturn torch.cat({joined}, dim=1)",
        choices={
            "normed": (
                "nn.functional.layer_norm(hidden, scale.shape, scale, shift)",
                "nn.functional.layer_norm(hidden, scale.shape)",
            ),
            "vectors": ("normed", "hidden"),
            "joined": ("(memory_keys, own)", "(own, memory_keys)", "(own,)"),
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
        function="normalises",
    ),
)


# --- the whole model ---------------------------------------------------------------------------------

Slots = tuple[Float[Tensor, "b m he"], Float[Tensor, "b m he"]]
"""Keys and values of the memory."""


class Weights(dict[str, Tensor]):
    """A state dict of the original that shows its size, and what it is to be tried on, instead of all its numbers."""

    def __init__(self, tensors: dict[str, Tensor], *, stage: str) -> None:
        super().__init__(tensors)
        self.stage = stage

    def __repr__(self) -> str:
        return f"a dict of {len(self)} tensors with the original's names, for {self.stage}"


def make_weights(config: FeedbackConfig, generator: torch.Generator, *, stage: str) -> Weights:
    """Draw weights for the original, none of them zero, by the names that it uses for this segment length."""
    drawn = {
        name: normal(*tensor.shape, generator=generator) * (tensor.shape[-1] ** -0.5 if tensor.ndim == 2 else 0.7)
        for name, tensor in FeedbackTransformer(config).state_dict().items()
    }
    names = own_names(config.num_layers, single_token=config.segment_length == 1)
    return Weights({name: drawn[own] for name, own in names.items()}, stage=stage)


# What is tried, segment_length, num_layers, memory_size, batch, tokens, slots carried in (None: no memory is given)
_STAGES: tuple[tuple[str, int, int, int, int, int, int | None], ...] = (
    ("one token, no memory", 1, 1, 2, 1, 1, None),
    ("two tokens", 1, 1, 3, 1, 2, None),
    ("a memory that evicts", 1, 2, 2, 2, 5, None),
    ("one segment of two", 2, 2, 4, 1, 2, None),
    ("segments that read memory", 2, 2, 3, 1, 6, None),
    ("segments with a rest", 3, 3, 4, 2, 8, None),
    ("a lone token at the end", 2, 2, 5, 2, 5, None),
    ("a full memory carried in", 1, 2, 3, 2, 3, 3),
    ("segments and a memory carried in", 3, 2, 6, 2, 4, 3),
    ("segments longer than the memory", 4, 2, 3, 1, 9, 1),
    ("a memory of zero slots", 1, 2, 3, 2, 2, 0),
    ("a lone token and a memory of zero slots", 3, 2, 3, 2, 1, 0),
    ("segments so long that distances share buckets", 20, 1, 9, 1, 22, None),
)


def _model_cases(generator: torch.Generator) -> list[Case]:
    cases = []
    for stage, segment_length, num_layers, memory_size, batch, length, carried in _STAGES:
        config = FeedbackConfig(
            segment_length=segment_length,
            num_layers=num_layers,
            memory_size=memory_size,
            num_heads=2,
            head_dim=3,
            vocab_size=5,
            d_model=4,
            compat="lucidrains",
        )
        draw = partial(normal, batch, carried or 0, config.num_heads * config.head_dim, generator=generator)
        cases.append(
            (
                make_weights(config, generator, stage=stage),
                config,
                torch.randint(config.vocab_size, (batch, length), generator=generator),
                None if carried is None else (draw(), draw()),
            )
        )
    return cases


def _whole_of_the_package(
    weights: dict[str, Tensor], config: FeedbackConfig, tokens: Int[Tensor, "b t"], memory: Slots | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, keys and values as the original does.

    A memory of zero slots is more than the package's model reproduces: there the original reads nothing and yet adds
    its output bias. One slot of zeros has the same effect, since all that is read of it is zero.
    """
    model = load_lucidrains(
        weights,
        memory_size=config.memory_size,
        segment_length=config.segment_length,
        max_distance=config.max_distance,
    )
    if memory is None:
        logits, after = model(tokens)
    elif memory[0].shape[1] == 0 and 1 in (config.segment_length, tokens.shape[1]):
        zeros = memory[0].new_zeros(len(tokens), 1, memory[0].shape[2])
        first, after = model(tokens[:, :1], Memory(zeros, zeros))
        rest, after = model(tokens[:, 1:], Memory(after.keys[:, -1:], after.values[:, -1:]))
        logits = torch.cat((first, rest), dim=1)
    else:
        logits, after = model(tokens, Memory(*memory))
    return logits, after.keys, after.values


def _joined(old: Slots | None, new: Slots) -> Slots:
    return new if old is None else (torch.cat((old[0], new[0]), dim=1), torch.cat((old[1], new[1]), dim=1))


def _whole(
    weights: dict[str, Tensor],
    config: FeedbackConfig,
    tokens: Int[Tensor, "b t"],
    memory: Slots | None,
    *,
    output_norm: bool = True,
    residual: bool = True,
    evicts: bool = True,
    counts_slots: bool = False,
    shares_buckets: bool = True,
    own_keys: bool = True,
    lone_reads_itself: bool = False,
    own_norm: bool = True,
    memory_norm: bool = False,
    masked: bool = True,
    one_by_one: bool = False,
    none_is_read: bool = False,
    zero_slots_are_read: bool = True,
    gate_first: bool = False,
    values_first: bool = False,
    carries: bool = True,
    mix: Callable[[Tensor, Tensor], Tensor] = mix_layers,
) -> tuple[Tensor, Tensor, Tensor]:
    """The chapter's solution; each option is one way in which it goes wrong."""
    wrapper = "fn.fn" if config.segment_length == 1 else "fn"
    split = partial(split_heads, num_heads=config.num_heads)

    def norm(name: str, vectors: Tensor) -> Tensor:
        return F.layer_norm(vectors, (config.d_model,), weights[f"{name}.weight"], weights[f"{name}.bias"])

    def linear(name: str, vectors: Tensor) -> Tensor:
        return F.linear(vectors, weights[f"{name}.weight"], weights.get(f"{name}.bias"))

    def keys_values(vectors: Tensor) -> Slots:
        first, second = linear("shared_kv_proj", vectors).chunk(2, dim=-1)
        return (second, first) if values_first else (first, second)

    def read(layer: int, hidden: Tensor, memory: Slots | None) -> Tensor:
        name, length = f"layers.{layer}.0.{wrapper}", hidden.shape[1]
        normed = norm(f"{name}.norm", hidden)
        seen, slots = memory, 0 if memory is None else memory[0].shape[1]
        if own_keys and (length > 1 or (lone_reads_itself and config.segment_length > 1)):
            seen = _joined(memory, keys_values(normed if own_norm else hidden))
        if seen is None or (seen[0].shape[1] == 0 and not zero_slots_are_read):
            return 0 * hidden + none_is_read * weights[f"{name}.fn.to_out.bias"]
        keys, values = seen
        queries = torch.arange(length)[:, None]
        distance = queries - torch.arange(keys.shape[1])
        buckets = relative_position_bucket(
            distance + slots * counts_slots, num_buckets=config.num_buckets, max_distance=config.max_distance
        )
        if not shares_buckets:
            buckets = distance.clamp(min=0)
        bias = weights["pos_emb.relative_attention_bias.weight"][buckets].permute(2, 0, 1)
        mask = distance + slots >= 0 if masked else None
        shares = attention_weights(split(linear(f"{name}.fn.to_q", normed)), split(keys), bias=bias, mask=mask)
        return linear(f"{name}.fn.to_out", merge_heads(attend(shares, split(values))))

    def feed(layer: int, hidden: Tensor) -> Tensor:
        name = f"layers.{layer}.1.fn"
        doubled = linear(f"{name}.fn.net.0", norm(f"{name}.norm", hidden))
        if gate_first:
            doubled = torch.cat(doubled.chunk(2, dim=-1)[::-1], dim=-1)
        return linear(f"{name}.fn.net.3", geglu(doubled))

    tops, memory = [], memory if carries else None
    for segment in torch.split(tokens, 1 if one_by_one else config.segment_length, dim=1):
        hiddens = [weights["token_emb.weight"][segment]]
        for layer in range(config.num_layers):
            hidden = hiddens[-1] * residual + read(layer, hiddens[-1], memory)
            hiddens.append(hidden * residual + feed(layer, hidden))
        tops.append(norm("to_logits.0", hiddens[-1]) if output_norm else hiddens[-1])
        mixture = mix(torch.stack(hiddens), weights["layer_weight"])
        memory = _joined(memory, keys_values(norm(f"layers.0.0.{wrapper}.norm", mixture) if memory_norm else mixture))
        if evicts:
            memory = (memory[0][:, -config.memory_size :], memory[1][:, -config.memory_size :])
    assert memory is not None  # there is a token in every case
    return linear("to_logits.1", torch.cat(tops, dim=1)), *memory


ASSEMBLE_MODEL = Exercise(
    specification=_whole_of_the_package,
    make_cases=_model_cases,
    solution=lambda weights, config, tokens, memory: _whole(weights, config, tokens, memory),
    mistakes=(
        Mistake(
            answer=partial(_whole, output_norm=False),
            message="The output norm is missing between the last layer and the logits.",
        ),
        Mistake(
            answer=partial(_whole, none_is_read=True),
            message="Without a memory, attention adds nothing to a lone token, its output bias included.",
        ),
        Mistake(
            answer=partial(_whole, residual=False),
            message="A part's result replaces the hidden vector. It has to be added to what came in.",
        ),
        Mistake(
            answer=partial(_whole, gate_first=True),
            message="You took the wrong half for the gate. `net.0` gives the values first, then the gates.",
        ),
        Mistake(
            answer=partial(_whole, values_first=True),
            message="Keys and values have changed places. `shared_kv_proj` gives the keys first.",
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
        Mistake(
            answer=partial(_whole, evicts=False),
            message="No slot is ever evicted. The memory holds at most config.memory_size slots.",
        ),
        Mistake(
            answer=partial(_whole, memory_norm=True),
            message="You normed the memory vector. Its key and value are made of the mixture as it is.",
        ),
        Mistake(
            answer=partial(_whole, own_keys=False),
            message="The tokens of a segment read the memory alone. Each also reads its own segment up to itself.",
        ),
        Mistake(
            answer=partial(_whole, one_by_one=True),
            message="You go token by token. Tokens of a segment run side by side, and memory is written once after it.",
        ),
        Mistake(
            answer=partial(_whole, own_norm=False),
            message="Keys and values of the segment are made of hidden vectors that have not passed the block's norm.",
        ),
        Mistake(
            answer=partial(_whole, masked=False),
            message="A token reads later ones of its segment. The mask counts the slots: all of them come before it.",
        ),
        Mistake(
            answer=partial(_whole, counts_slots=True),
            message="Your distances are right, the original's are not: for the bias it counts queries and keys from 0, "
            "slots first. So slots come to lie at negative distances, which share the bucket of 0.",
        ),
        Mistake(
            answer=partial(_whole, lone_reads_itself=True),
            message="A lone token at the end does not read itself in the original. It reads the memory alone.",
        ),
        Mistake(
            answer=partial(_whole, carries=False),
            message="The memory that is handed in is not used. The first segment reads it; new slots come after it.",
        ),
        Mistake(
            answer=partial(_whole, zero_slots_are_read=False),
            message="A memory of zero slots is not the same as none: the original reads it, and what it reads is zero. "
            "Then it adds the output bias.",
        ),
        Mistake(
            answer=partial(_whole, shares_buckets=False),
            message="From distance 16 on several distances share a bucket. relative_position_bucket knows which.",
        ),
    ),
    otherwise="Compare station by station with the package's model (hint 3): the first one that differs tells where.",
)
