"""The exercises of chapter 08: cutting, rounds, who reads whom, the loop over segments, and the lone last token."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from feedback_lite.config import FeedbackConfig
from feedback_lite.lesson.exercises.exercise import Blanks, Case, Exercise, Mistake
from feedback_lite.memory import Memory
from feedback_lite.model import FeedbackTransformer, Output

# --- which segment, and how many rounds ------------------------------------------------------------------------


def _cut_cases(generator: torch.Generator) -> list[Case]:
    drawn = torch.randint(5, 30, (2,), generator=generator).tolist()
    return [(5, 2), (6, 3), (4, 1), (3, 8), *((num_tokens, 4) for num_tokens in drawn)]


def _segment_numbers_by_hand(num_tokens: int, segment_length: int) -> Int[Tensor, "t"]:
    numbers, segment, room = [], 0, segment_length
    for _ in range(num_tokens):
        if room == 0:
            segment, room = segment + 1, segment_length
        numbers.append(segment)
        room -= 1
    return torch.tensor(numbers)


SEGMENT_NUMBERS = Exercise(
    specification=_segment_numbers_by_hand,
    make_cases=_cut_cases,
    solution=lambda num_tokens, segment_length: torch.arange(num_tokens) // segment_length,
    mistakes=(
        Mistake(
            answer=lambda num_tokens, segment_length: torch.arange(num_tokens) % segment_length,
            message="This is the place of each token inside its segment. The segment's number was asked: // and not %.",
        ),
        Mistake(
            answer=lambda num_tokens, segment_length: torch.arange(1, num_tokens + 1) // segment_length,
            message="The last token of each segment got the next number. Count the tokens from 0 before you divide.",
        ),
        Mistake(
            answer=lambda num_tokens, segment_length: torch.arange(num_tokens) // segment_length + 1,
            message="All numbers are one too large: the first segment is number 0.",
        ),
        Mistake(
            answer=lambda num_tokens, segment_length: torch.arange(num_tokens) / segment_length,
            message="A segment's number is whole. Divide with //, which leaves the remainder out.",
        ),
    ),
    otherwise="Write the numbers of five tokens in segments of two on paper: 0, 0, 1, 1, 2.",
    blanks=Blanks(
        code="tokens = {tokens}\nreturn {result}",
        choices={
            "tokens": ("torch.arange(num_tokens)", "torch.arange(1, num_tokens + 1)"),
            "result": (
                "tokens // segment_length",
                "tokens % segment_length",
                "tokens / segment_length",
                "tokens // segment_length + 1",
            ),
        },
    ),
)


def _round_cases(generator: torch.Generator) -> list[Case]:
    sizes = torch.randint(2, 40, (3, 3), generator=generator).tolist()
    return [(5, 2, 3), (8, 4, 2), (3, 8, 2), (7, 1, 4), *(tuple(row) for row in sizes)]


def _rounds_by_hand(num_tokens: int, segment_length: int, num_layers: int) -> int:
    rounds, first = 0, 0
    while first < num_tokens:
        rounds += num_layers
        first += segment_length
    return rounds


ROUNDS = Exercise(
    specification=_rounds_by_hand,
    make_cases=_round_cases,
    solution=lambda num_tokens, segment_length, num_layers: math.ceil(num_tokens / segment_length) * num_layers,
    mistakes=(
        Mistake(
            answer=lambda num_tokens, segment_length, num_layers: num_tokens // segment_length * num_layers,
            message="A last segment that is not full was left out. It takes its rounds too: round up.",
        ),
        Mistake(
            answer=lambda num_tokens, segment_length, num_layers: num_tokens / segment_length * num_layers,
            message="Half a segment takes as many rounds as a whole one. Round the number of segments up.",
        ),
        Mistake(
            answer=lambda num_tokens, segment_length, num_layers: (num_tokens // segment_length + 1) * num_layers,
            message="One segment too many where all segments are full. Add one only if tokens are left over.",
        ),
        Mistake(
            answer=lambda num_tokens, segment_length, num_layers: math.ceil(num_tokens * num_layers / segment_length),
            message="Round the number of segments up first, then multiply by the layers.",
        ),
        Mistake(
            answer=lambda num_tokens, segment_length, num_layers: math.ceil(num_tokens / segment_length),
            message="This is the number of segments. Each segment takes one round per layer.",
        ),
        Mistake(
            answer=lambda num_tokens, segment_length, num_layers: num_tokens * num_layers,
            message="These are the rounds for segments of one token. The tokens of one segment share their rounds.",
        ),
    ),
    otherwise="How many segments are there, a last one that is not full included? Each takes one round per layer.",
    blanks=Blanks(
        code="segments = {segments}\nreturn {result}",
        choices={
            "segments": (
                "math.ceil(num_tokens / segment_length)",
                "num_tokens // segment_length",
                "num_tokens // segment_length + 1",
                "num_tokens / segment_length",
            ),
            "result": ("segments * num_layers", "segments", "math.ceil(segments * num_layers)"),
        },
    ),
)


# --- who reads whom ---------------------------------------------------------------------------------------------

Picture = Int[Tensor, "t layers"]


def _read_cases(generator: torch.Generator) -> list[Case]:
    # token, layer, tokens, segment length, layers
    drawn = torch.randint(0, 9, (3,), generator=generator).tolist()
    fixed = [(3, 1, 5, 2, 2), (0, 1, 3, 2, 1), (2, 2, 4, 1, 2), (4, 2, 5, 2, 2), (5, 3, 7, 4, 3), (2, 1, 3, 8, 2)]
    return [*fixed, *((token, 2, 9, 3, 2) for token in drawn)]


def _reads(
    token: int,
    layer: int,
    num_tokens: int,
    segment_length: int,
    num_layers: int,
    *,
    inside: Callable[[int, int], bool] = lambda past, depth: False,
    earlier: Callable[[int], bool] = lambda depth: True,
    own: bool = True,
) -> Picture:
    """Fill the table. `inside` may add cells of the segment, `earlier` says which layers memory gives."""
    table = torch.zeros(num_tokens, num_layers + 1, dtype=torch.long)
    for past in range(num_tokens):
        for depth in range(num_layers + 1):
            if past // segment_length < token // segment_length:
                read = earlier(depth)
            elif past // segment_length == token // segment_length:
                read = (depth == layer - 1 and past < token + own) or inside(past, depth)
            else:
                read = False
            table[past, depth] = int(read)
    return table


def _reads_by_hand(token: int, layer: int, num_tokens: int, segment_length: int, num_layers: int) -> Picture:
    return _reads(token, layer, num_tokens, segment_length, num_layers)


def _reads_in_slices(token: int, layer: int, num_tokens: int, segment_length: int, num_layers: int) -> Picture:
    table = torch.zeros(num_tokens, num_layers + 1, dtype=torch.long)
    start = token // segment_length * segment_length
    table[:start] = 1
    table[start : token + 1, layer - 1] = 1
    return table


def _reads_counted_from_one(token: int, layer: int, num_tokens: int, segment_length: int, num_layers: int) -> Picture:
    table = torch.zeros(num_tokens, num_layers + 1, dtype=torch.long)
    start = (token - 1) // segment_length * segment_length
    table[:start] = 1
    table[start:token, layer - 1] = 1
    return table


DIRECT_READS = Exercise(
    specification=_reads_by_hand,
    make_cases=_read_cases,
    solution=_reads_in_slices,
    mistakes=(
        Mistake(
            answer=lambda token, layer, num_tokens, segment_length, num_layers: _reads(
                token, layer, num_tokens, segment_length, num_layers, inside=lambda past, depth: past < token
            ),
            message="Earlier tokens of the same segment were read at all layers. They are not in memory yet: only "
            "their vectors one layer below can be read.",
        ),
        Mistake(
            answer=lambda token, layer, num_tokens, segment_length, num_layers: _reads(
                token, layer, num_tokens, segment_length, num_layers, earlier=lambda depth: depth == layer - 1
            ),
            message="Earlier segments were read at one layer. They are in memory, and memory mixes all layers.",
        ),
        Mistake(
            answer=lambda token, layer, num_tokens, segment_length, num_layers: _reads(
                token, layer, num_tokens, segment_length, num_layers, earlier=lambda depth: depth == num_layers
            ),
            message="Of earlier segments only the last layer was read. Memory mixes all layers, the embedding too.",
        ),
        Mistake(
            answer=lambda token, layer, num_tokens, segment_length, num_layers: _reads(
                token,
                layer,
                num_tokens,
                segment_length,
                num_layers,
                inside=lambda past, depth: depth == layer - 1,
            ),
            message="Later tokens of the segment were read. The mask hides what comes after the token itself.",
        ),
        Mistake(
            answer=lambda token, layer, num_tokens, segment_length, num_layers: _reads(
                token, layer, num_tokens, segment_length, num_layers, own=False
            ),
            message="The token's own vector is missing. Layer l is computed from its own vector of layer l - 1.",
        ),
        Mistake(
            answer=lambda token, layer, num_tokens, segment_length, num_layers: _reads(
                token, layer, num_tokens, segment_length, num_layers, own=segment_length > 1
            ),
            message="With segments of one token, the token's own vector is missing. Attention does not read it there, "
            "but the block does. Count it, whatever the segment length.",
        ),
        Mistake(
            answer=_reads_counted_from_one,
            message="Your tokens are counted from 1. Here they are counted from 0, as Python does: row `token` is the "
            "token's own.",
        ),
        Mistake(
            answer=lambda token, layer, num_tokens, segment_length, num_layers: _reads(
                token,
                layer,
                num_tokens,
                segment_length,
                num_layers,
                inside=lambda past, depth: past <= token and depth < layer,
            ),
            message="Inside the segment all lower layers were marked. A layer reads only the one directly below it.",
        ),
        Mistake(
            answer=lambda token, layer, num_tokens, segment_length, num_layers: _reads(
                token, layer + 1, num_tokens, segment_length, num_layers
            ),
            message="Inside the segment the cells of the same layer were marked. A layer reads what entered it: the "
            "vectors one layer below.",
        ),
    ),
    otherwise="Go through the cells one by one: is the token in an earlier segment (all layers), in the same one and "
    "not later (the layer below alone), or neither (0)?",
    blanks=Blanks(
        code=(
            "table = torch.zeros(num_tokens, num_layers + 1)\n"
            "start = {start}\n"
            "table[{earlier}] = 1\n"
            "table[{rows}, {column}] = 1\n"
            "return table"
        ),
        choices={
            "start": ("token // segment_length * segment_length", "(token - 1) // segment_length * segment_length"),
            "earlier": (":start", ":start, layer - 1", ":start, -1", ":token"),
            "rows": ("start : token + 1", "start:token", "start : start + segment_length"),
            "column": ("layer - 1", "layer", ":layer"),
        },
    ),
)


# --- the loop over segments -------------------------------------------------------------------------------------


class SmallModel(FeedbackTransformer):
    """A model with random weights in double precision, which says of itself only what matters here."""

    def __repr__(self) -> str:
        config = self.config
        tail = ", made as the public implementation makes it" if config.compat else ""
        return f"a model with segments of {config.segment_length} and {config.memory_size} slots{tail}"


def small_model(*, seed: int, segment_length: int, memory_size: int, compat: bool = False) -> SmallModel:
    """Return a model whose every parameter is random, so that nothing is zero by chance."""
    config = FeedbackConfig(
        vocab_size=7,
        d_model=6,
        num_layers=2,
        num_heads=2,
        head_dim=3,
        memory_size=memory_size,
        segment_length=segment_length,
        num_buckets=8,
        max_distance=16,
        ff_mult=2,
        compat="lucidrains" if compat else None,
    )
    generator = torch.Generator().manual_seed(seed)
    model = SmallModel(config).double().eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 2)
    return model


def _run_cases(generator: torch.Generator) -> list[Case]:
    sizes = ((2, 4, 3), (2, 4, 4), (1, 4, 3), (3, 2, 8), (4, 16, 9), (5, 8, 2))
    seeds = torch.randint(10_000, (len(sizes),), generator=generator).tolist()
    return [
        (
            small_model(seed=seed, segment_length=segment_length, memory_size=memory_size),
            torch.randint(7, (2, length), generator=generator),
        )
        for seed, (segment_length, memory_size, length) in zip(seeds, sizes, strict=True)
    ]


Logits = Float[Tensor, "b t v"]


def _run_by_hand(model: FeedbackTransformer, tokens: Int[Tensor, "b t"]) -> Logits:
    output: Output = model(tokens)
    return output.logits


def _empty(model: FeedbackTransformer, tokens: Int[Tensor, "b t"]) -> Memory:
    return Memory(*model.to_keys_values(model.embedding(tokens[:, :0])))


def _empty_for(model: FeedbackTransformer, embedded: Float[Tensor, "b t d"]) -> Memory:
    """The chapter's ``empty_memory``."""
    return Memory(*model.to_keys_values(embedded[:, :0]))


def _run(
    model: FeedbackTransformer, tokens: Int[Tensor, "b t"], *, length: int | None = None, writes: bool = True
) -> Logits:
    """The right loop; other lengths of segments and a memory that is never written make it wrong."""
    memory, tops = _empty(model, tokens), []
    for segment in model.embedding(tokens).split(length or model.config.segment_length, dim=1):
        hiddens = model.read(segment, memory).hiddens
        memory = model.write(hiddens, memory) if writes else memory
        tops.append(hiddens[-1])
    return model.head(torch.cat(tops, dim=1))


def _run_last_only(model: FeedbackTransformer, tokens: Int[Tensor, "b t"]) -> Tensor:
    return _run(model, tokens)[:, -((tokens.shape[1] - 1) % model.config.segment_length + 1) :]


def _run_whole_segments(model: FeedbackTransformer, tokens: Int[Tensor, "b t"]) -> Tensor:
    length = model.config.segment_length
    return _run(model, tokens)[:, : tokens.shape[1] // length * length]


def _run_without_head(model: FeedbackTransformer, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
    memory, tops = _empty(model, tokens), []
    for segment in model.embedding(tokens).split(model.config.segment_length, dim=1):
        hiddens = model.read(segment, memory).hiddens
        memory = model.write(hiddens, memory)
        tops.append(hiddens[-1])
    return torch.cat(tops, dim=1)


def _run_forgetful(model: FeedbackTransformer, tokens: Int[Tensor, "b t"]) -> Logits:
    """The memory is made anew from the last segment alone."""
    empty = _empty(model, tokens)
    memory, tops = empty, []
    for segment in model.embedding(tokens).split(model.config.segment_length, dim=1):
        hiddens = model.read(segment, memory).hiddens
        memory = model.write(hiddens, empty)
        tops.append(hiddens[-1])
    return model.head(torch.cat(tops, dim=1))


def _run_right(model: FeedbackTransformer, tokens: Int[Tensor, "b t"]) -> Logits:
    return _run(model, tokens)


RUN_IN_SEGMENTS = Exercise(
    specification=_run_by_hand,
    make_cases=_run_cases,
    solution=_run_right,
    mistakes=(
        Mistake(
            answer=lambda model, tokens: _run(model, tokens, writes=False),
            message="Every segment found an empty memory. `model.write` returns a new memory: keep it.",
        ),
        Mistake(
            answer=_run_forgetful,
            message="Memory held the last segment alone. Write into the memory as it stands, not into an empty one.",
        ),
        Mistake(
            answer=lambda model, tokens: _run(model, tokens, length=1),
            message="The tokens were read one at a time. Cut into pieces of `model.config.segment_length`.",
        ),
        Mistake(
            answer=lambda model, tokens: _run(model, tokens, length=tokens.shape[1]),
            message="All tokens were read as one segment, so nothing came from memory. Cut first, with `.split`.",
        ),
        Mistake(
            answer=_run_last_only,
            message="Only the logits of the last segment came back. Keep those of every segment and join them.",
        ),
        Mistake(
            answer=_run_whole_segments,
            message="The last segment is missing where it is not full. `.split` gives a shorter last piece by itself.",
        ),
        Mistake(
            answer=_run_without_head,
            message="These are the hidden vectors of the last layer. `model.head` makes logits of them.",
        ),
    ),
    otherwise="In each turn: read the segment with the memory as it stands, then write, then keep the last layer.",
    error_hints={
        "hiddens came with": "`model.write` takes all layers at once: give it all of "
        "`model.read(segment, memory).hiddens`.",
        "'Reading' object has no attribute": "What `model.read` returns has the hidden vectors under the name "
        "`.hiddens`.",
        "has no attribute 'hiddens'": "Only what `model.read` returns has `.hiddens`. Write "
        "`hiddens = model.read(segment, memory).hiddens`.",
        "as element 0 in argument 0": "`torch.cat` joins tensors. Keep the last layer of every segment, `hiddens[-1]`, "
        "with `hiddens = model.read(segment, memory).hiddens`.",
        "of type 'NoneType' has no len": "The memory before the first segment is empty, but it is not None: "
        "`empty_memory(model, embedded)`.",
    },
    blanks=Blanks(
        code=(
            "embedded = model.embedding(tokens)\n"
            "memory = empty = empty_memory(model, embedded)\n"
            "kept = []\n"
            "for segment in embedded.split({length}, dim=1):\n"
            "    hiddens = model.read(segment, memory).hiddens\n"
            "    {write}\n"
            "    kept.append(hiddens[-1])\n"
            "return {result}"
        ),
        choices={
            "length": ("model.config.segment_length", "1", "tokens.shape[1]"),
            "write": (
                "memory = model.write(hiddens, memory)",
                "model.write(hiddens, memory)",
                "memory = model.write(hiddens, empty)",
                "memory = model.write(hiddens[-1], memory)",
            ),
            "result": ("model.head(torch.cat(kept, dim=1))", "model.head(kept[-1])", "torch.cat(kept, dim=1)"),
        },
        names={"empty_memory": _empty_for},
        function="run",
    ),
)


# --- a test that catches the lone last token --------------------------------------------------------------------


def _lone_cases(generator: torch.Generator) -> list[Case]:
    kinds = ((2, True), (2, False), (1, True), (3, True), (3, False), (4, True), (4, False))
    seeds = torch.randint(10_000, (len(kinds),), generator=generator).tolist()
    return [
        (small_model(seed=seed, segment_length=length, memory_size=16, compat=compat),)
        for seed, (length, compat) in zip(seeds, kinds, strict=True)
    ]


def _future_tokens() -> Int[Tensor, "b t"]:
    return torch.randint(7, (3, 9), generator=torch.Generator().manual_seed(0))


def _keeps_its_word(model: FeedbackTransformer) -> bool:
    tokens = _future_tokens()
    whole = _run_by_hand(model, tokens)
    return all(
        torch.allclose(_run_by_hand(model, tokens[:, :length]), whole[:, :length], atol=1e-8)
        for length in range(1, tokens.shape[1])
    )


def _compares(length: int) -> Callable[[FeedbackTransformer], bool]:
    def judge(model: FeedbackTransformer) -> bool:
        tokens = _future_tokens()
        whole = _run_by_hand(model, tokens)[:, :length]
        return torch.allclose(_run_by_hand(model, tokens[:, :length]), whole, atol=1e-8)

    return judge


def _judge_by_other_tokens(model: FeedbackTransformer) -> bool:
    """Changes later tokens and keeps their number, as a test of the mask would."""
    tokens = _future_tokens()
    changed = torch.cat((tokens[:, :5], (tokens[:, 5:] + 1) % 7), dim=1)
    return torch.allclose(_run_by_hand(model, tokens)[:, :5], _run_by_hand(model, changed)[:, :5], atol=1e-8)


def _judge_by_last(model: FeedbackTransformer) -> bool:
    tokens = _future_tokens()
    return torch.allclose(_run_by_hand(model, tokens[:, :5])[:, -1], _run_by_hand(model, tokens[:, :6])[:, -1])


CATCH_LONE_TOKEN = Exercise(
    specification=_keeps_its_word,
    make_cases=_lone_cases,
    solution=_keeps_its_word,
    mistakes=(
        Mistake(
            answer=_judge_by_other_tokens,
            message="You said yes to a faulty model. Its shapes are right, and so is its mask: other later tokens "
            "change nothing. Change how many tokens follow, and compare every token that both calls have, the last of "
            "the shorter call above all.",
        ),
        Mistake(
            answer=_compares(5),
            message="You said yes to a faulty model with segments of 3: five tokens leave a last segment of two there. "
            "Try every number of tokens.",
        ),
        Mistake(
            answer=_compares(4),
            message="You said yes to a faulty model. Four tokens leave no lone one in segments of 2 or 4. Try every "
            "number of tokens.",
        ),
        Mistake(
            answer=_judge_by_last,
            message="You said no to a right model. Compare the same token in both calls, not the last one of each, and "
            "use torch.allclose: rounding alone makes small differences.",
        ),
    ),
    otherwise="A right model must get True and a faulty one False. Do you compare the same tokens in both calls, and "
    "does one of your calls end with a segment of one token, for segments of 2, of 3 and of 4?",
    blanks=Blanks(
        code=(
            "x = torch.randint(7, (2, 9))\n"
            "for n in {numbers}:\n"
            "    few, more = model(x[:, :n]).logits, model({longer}).logits\n"
            "    if not torch.allclose({same}, atol=1e-6):\n"
            "        return False\n"
            "return True"
        ),
        choices={
            "numbers": ("range(1, 9)", "(4,)", "(5,)"),
            "longer": ("x", "x[:, :n].flip(0)"),
            "same": ("few, more[:, :n]", "few[:, -1], more[:, -1]"),
        },
        function="keeps_its_word",
    ),
)
