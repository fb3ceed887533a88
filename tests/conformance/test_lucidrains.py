"""The loaded model against the original, feedback-transformer-pytorch 0.0.11: logits, memory and gradients.

The weights are random and non-zero everywhere, so that no part can hide: matrices ~ N(0, 1/fan_in), vectors
~ N(0, 1/2), the position table ~ N(0, 1).
"""

import dataclasses
import inspect
import pickle
import random
from importlib.metadata import version
from itertools import product

import pytest
import torch
from feedback_transformer_pytorch import FeedbackTransformer as Original
from feedback_transformer_pytorch.feedback_transformer_pytorch import RelativePositionBias as OriginalBias
from torch import Tensor, nn

from feedback_lite import FeedbackTransformer, Memory, engine, load_lucidrains, relative_position_bucket
from feedback_lite.lesson.exercises import EXERCISES
from feedback_lite.lucidrains import own_names
from tests.drawing import assert_close, make_tokens, randomise

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
VOCAB = 17

# What is compared here are numbers; that shapes are as annotated is checked with the model's own tests.
pytestmark = pytest.mark.usefixtures("unchecked_module")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Configuration:
    """One random case: an original, what it is fed, and in which segment mode its checkpoint was saved."""

    seed: int
    depth: int
    heads: int
    head_dim: int
    dim: int
    memory_size: int
    segment_length: int
    saved_segment_length: int
    last_only: bool
    batch: int
    calls: tuple[int, ...]

    def __str__(self) -> str:
        source = "last" if self.last_only else "mixture"
        calls = "+".join(map(str, self.calls))
        return f"{self.seed}-depth{self.depth}-memory{self.memory_size}-segment{self.segment_length}-{source}-{calls}"


def draw_configuration(seed: int) -> Configuration:
    """Draw a case that the original can run."""
    draw = random.Random(seed)
    segment_length = draw.choice([1, 2, 3, 5])
    longest = 45 if seed % 16 == 0 else 12  # now and then beyond the 16 exact buckets
    calls = [draw.randint(1, longest) for _ in range(draw.choice([1, 1, 2, 3]))]
    if segment_length > 1:
        calls[0] = max(2, calls[0])  # a lone token without a memory makes the original fail, see below
    total = sum(calls)
    memory_size = draw.choice([draw.randint(1, total), total, total + draw.randint(1, 5)])
    return Configuration(
        seed=seed,
        depth=draw.randint(1, 4),
        heads=draw.choice([1, 2, 3, 5]),
        head_dim=draw.choice([1, 2, 4, 7]),
        dim=draw.choice([2, 3, 5, 8, 13]),
        memory_size=memory_size,
        segment_length=segment_length,
        saved_segment_length=draw.choice([1, 2]),
        last_only=draw.random() < 0.4,
        batch=draw.randint(1, 3),
        calls=tuple(calls),
    )


CONFIGURATIONS = [draw_configuration(seed) for seed in range(320)]


def make_original(
    *,
    depth: int = 2,
    heads: int = 2,
    head_dim: int = 5,
    dim: int = 7,
    memory_size: int = 11,
    segment_length: int,
    last_only: bool = False,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Original:
    original = Original(
        num_tokens=VOCAB,
        dim=dim,
        depth=depth,
        heads=heads,
        dim_head=head_dim,
        mem_len=memory_size,
        seq_len=segment_length,
        keep_last_hidden=last_only,
    )
    return randomise(original.to(dtype), seed)


def parameter_pairs(original: Original, ours: FeedbackTransformer) -> dict[str, tuple[Tensor, Tensor]]:
    """Pair every parameter of ours with the original's, by way of the modules: the loader's names are not used."""
    modules = {
        "embedding": (original.token_emb, ours.embedding),
        "shared projection": (original.shared_kv_proj, ours.to_keys_values.linear),
        "output norm": (original.to_logits[0], ours.output_norm),
        "logits": (original.to_logits[1], ours.to_logits),
    }
    for layer, ((attention, feedforward), block) in enumerate(zip(original.layers, ours.blocks, strict=True)):
        inner = attention.fn if original.seq_len == 1 else attention
        modules |= {
            f"attention norm {layer}": (inner.fn.norm, block.attention_norm),
            f"queries {layer}": (inner.fn.fn.to_q, block.attention.to_queries),
            f"attention output {layer}": (inner.fn.fn.to_out, block.attention.to_output),
            f"feed-forward norm {layer}": (feedforward.fn.norm, block.feedforward_norm),
            f"widen {layer}": (feedforward.fn.fn.net[0], block.feedforward.widen),
            f"narrow {layer}": (feedforward.fn.fn.net[3], block.feedforward.narrow),
        }
    pairs = {"position table": (original.pos_emb.relative_attention_bias.weight, ours.bias.table)}
    if ours.config.memory_from == "mixture":
        pairs["layer weights"] = (original.layer_weight, ours.layer_weights)
    for name, (theirs, own) in modules.items():
        for kind, parameter in own.named_parameters():
            pairs[f"{name} {kind}"] = (theirs.get_parameter(kind), parameter)
    assert {id(own) for _, own in pairs.values()} == {id(parameter) for parameter in ours.parameters()}
    return pairs


def saved_in_mode(original: Original, segment_length: int) -> dict[str, Tensor]:
    """The original's state dict, as a model with another segment length would have saved it."""
    other = Original(
        num_tokens=VOCAB,
        dim=original.token_emb.embedding_dim,
        depth=len(original.layers),
        heads=original.pos_emb.relative_attention_bias.embedding_dim,
        dim_head=original.shared_kv_proj.out_features // (2 * original.pos_emb.relative_attention_bias.embedding_dim),
        mem_len=original.mem_len,
        seq_len=segment_length,
    ).to(original.layer_weight.dtype)
    # The modules are the same, in the same order; only their names differ.
    other.load_state_dict(dict(zip(other.state_dict(), original.state_dict().values(), strict=True)))
    return other.state_dict()


def load(original: Original, state: dict[str, Tensor] | None = None) -> FeedbackTransformer:
    return load_lucidrains(
        original.state_dict() if state is None else state,
        memory_size=original.mem_len,
        segment_length=original.seq_len,
        memory_from="last" if original.keep_last_hidden else "mixture",
    )


def as_default(ours: FeedbackTransformer) -> FeedbackTransformer:
    """The same weights without compat."""
    model = FeedbackTransformer(dataclasses.replace(ours.config, compat=None)).to(ours.embedding.weight.dtype)
    model.load_state_dict(ours.state_dict())
    return model


def random_like(tensor: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(tensor.shape, generator=generator, dtype=torch.float64).to(tensor.dtype)


def pull(outputs: list[Tensor], seed: int) -> None:
    """Send gradients back from a random weighting of everything that came out."""
    sum((output * random_like(output, seed + place)).sum() for place, output in enumerate(outputs)).backward()


def run(model: nn.Module, pieces: list[Tensor]) -> list[Tensor]:
    """Feed the pieces one after another; return logits, keys and values of every call."""
    options = {"return_memory": True} if isinstance(model, Original) else {}
    memory, outputs = None, []
    for piece in pieces:
        logits, memory = model(piece, memory, **options)
        outputs += [logits, memory.keys, memory.values]
    return outputs


def test_the_oracle_is_the_version_that_we_claim() -> None:
    assert version("feedback-transformer-pytorch") == "0.0.11"


def test_at_least_three_hundred_configurations_of_every_kind() -> None:
    assert len(set(CONFIGURATIONS)) >= 300

    def kinds(configuration: Configuration) -> set[object]:
        total = sum(configuration.calls)
        return {
            ("depth", configuration.depth),
            ("segment", configuration.segment_length, "last" if configuration.last_only else "mixture"),
            ("saved", configuration.saved_segment_length, "run", configuration.segment_length),
            ("memory", (configuration.memory_size > total) - (configuration.memory_size < total)),
            ("calls", len(configuration.calls)),
            ("divides", all(length % configuration.segment_length == 0 for length in configuration.calls)),
            ("lone last token", configuration.calls[-1] % configuration.segment_length == 1),
            ("beyond the exact buckets", configuration.calls[0] > 16),
        }

    counts: dict[object, int] = {}
    for configuration in CONFIGURATIONS:
        for kind in kinds(configuration):
            counts[kind] = counts.get(kind, 0) + 1
    wanted = {("depth", depth) for depth in (1, 2, 3, 4)}
    wanted |= set(product(["segment"], [1, 2, 3, 5], ["last", "mixture"]))
    wanted |= set(product(["saved"], [1, 2], ["run"], [1, 2, 3, 5]))
    wanted |= {("memory", -1), ("memory", 0), ("memory", 1), ("calls", 1), ("calls", 2), ("calls", 3)}
    wanted |= set(product(["divides", "lone last token", "beyond the exact buckets"], [True, False]))
    assert set(counts) == wanted
    assert min(counts.values()) >= 10, counts


# In single precision rounding alone is new, and the dtype: the long sequences, in which it grows, and as many others.
# There the plain loop alone is compared, since it rounds as the original does; recurrence makes other rounding grow.
IN_SINGLE = [configuration for configuration in CONFIGURATIONS if configuration.seed % 8 == 0]
CASES = [
    pytest.param(configuration, dtype, name, id=f"{configuration}-{str(dtype).removeprefix('torch.')}-{name}")
    for dtype, name, configurations in (
        (torch.float32, "plain", IN_SINGLE),
        (torch.float64, "plain", CONFIGURATIONS),
        (torch.float64, "torch", CONFIGURATIONS[::2]),
    )
    for configuration in configurations
]


@pytest.mark.parametrize(("configuration", "dtype", "name"), CASES)
def test_logits_memory_and_gradients_agree(configuration: Configuration, dtype: torch.dtype, name: str) -> None:
    original = make_original(
        depth=configuration.depth,
        heads=configuration.heads,
        head_dim=configuration.head_dim,
        dim=configuration.dim,
        memory_size=configuration.memory_size,
        segment_length=configuration.segment_length,
        last_only=configuration.last_only,
        seed=configuration.seed,
        dtype=dtype,
    )
    ours = load(original, saved_in_mode(original, configuration.saved_segment_length))
    pieces = [
        make_tokens(configuration.batch, length, vocab_size=VOCAB, seed=configuration.seed + place)
        for place, length in enumerate(configuration.calls)
    ]
    expected = run(original, pieces)
    with engine.use(name):
        got = run(ours, pieces)
    for theirs, own in zip(expected, got, strict=True):
        assert_close(own, theirs, TOLERANCE[dtype])
    pull(expected, configuration.seed)
    pull(got, configuration.seed)
    gradients = {
        name: (gradient_of(theirs), gradient_of(own)) for name, (theirs, own) in parameter_pairs(original, ours).items()
    }
    largest = max(theirs.abs().max().item() for theirs, _ in gradients.values())
    # Some gradients are zero but for rounding, such as the position table's where every key falls into one bucket: the
    # softmax does not see it. What rounding leaves there is measured by the terms that cancel.
    rounding = 64 * torch.finfo(dtype).eps * largest
    for name, (theirs, own) in gradients.items():
        difference = (own - theirs).abs().max().item()
        allowed = TOLERANCE[dtype] * (1 + theirs.abs().max().item()) + rounding
        assert difference <= allowed, f"gradient of {name} differs by {difference:.3g}, allowed is {allowed:.3g}"


def gradient_of(parameter: Tensor) -> Tensor:
    """Return a parameter's gradient; where nothing depends on it, some graphs hold zeros and some hold none."""
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


@pytest.mark.parametrize("causal", [True, False], ids=["causal", "both directions"])
@pytest.mark.parametrize("num_buckets", [4, 6, 8, 10, 16, 32, 64, 100])
@pytest.mark.parametrize("max_distance", [51, 64, 100, 128, 1000])
def test_buckets_are_those_of_the_original(num_buckets: int, max_distance: int, causal: bool) -> None:
    distance = torch.arange(-1300, 1301)
    if not causal:
        # Half the buckets of one direction are exact; an odd number of buckets cannot be halved there either.
        num_buckets *= 2
    theirs = OriginalBias._relative_position_bucket(
        -distance, causal=causal, num_buckets=num_buckets, max_distance=max_distance
    )
    ours = relative_position_bucket(distance, num_buckets=num_buckets, max_distance=max_distance, causal=causal)
    assert torch.equal(ours, theirs)


class TestFaultsOfTheOriginal:
    """Each fault that ``compat`` reproduces, and the default without it."""

    def test_missing_memory_offset_in_the_buckets(self) -> None:
        """The original forgets that memory stands before the segment.

        At segment length 1 it takes every slot for a key at distance 0 or later. All fall into bucket 0, so no other
        row of the table means anything, and the order of the slots means nothing.
        """
        original = make_original(segment_length=1)
        compat, tokens = load(original), make_tokens(2, 9)
        default = as_default(compat)
        before = [model(tokens) for model in (original, compat, default)]
        with torch.no_grad():
            for table in (original.pos_emb.relative_attention_bias.weight, compat.bias.table, default.bias.table):
                table[1:].mul_(-2)
        theirs, with_compat, by_default = (model(tokens) for model in (original, compat, default))
        assert_close(theirs, before[0])
        assert_close(with_compat.logits, before[1].logits)
        assert (by_default.logits - before[2].logits).abs().max() > 1e-2

        memory = compat(tokens).memory
        turned = Memory(memory.keys.flip(1), memory.values.flip(1))
        few = tokens[:, :2]  # room is left, nothing is evicted yet
        assert_close(compat(few, turned).logits, compat(few, memory).logits)
        assert (default(few, turned).logits - default(few, memory).logits).abs().max() > 1e-2

    def test_missing_memory_offset_in_a_longer_segment(self) -> None:
        """Three slots and a segment of two: query i and key j differ by 3 + i - j; the original takes i - j."""
        original = make_original(segment_length=2)
        compat = load(original)
        memory = compat(make_tokens(1, 3)).memory
        taken: dict[FeedbackTransformer, list[list[int]]] = {}
        for model in (compat, as_default(compat)):
            model.bias.register_forward_hook(
                lambda module, given, result, model=model: taken.update({model: given[0].tolist()})
            )
            model(make_tokens(1, 2), memory)
        assert list(taken.values()) == [[[0, -1, -2, -3, -4], [1, 0, -1, -2, -3]], [[3, 2, 1, 0, -1], [4, 3, 2, 1, 0]]]

    def test_mask_is_right_in_spite_of_it(self) -> None:
        """The original counts the memory in its mask: no token sees a later one of its segment."""
        original = make_original(segment_length=3)
        tokens = make_tokens(1, 6)
        changed = tokens.clone()
        changed[0, 5] = (changed[0, 5] + 1) % VOCAB
        for model in (original, load(original)):
            (logits, *_), (after, *_) = run(model, [tokens]), run(model, [changed])
            assert_close(after[:, :5], logits[:, :5])
            assert not torch.allclose(after[:, 5], logits[:, 5])

    def test_lone_last_token_of_a_longer_segment_skips_itself(self) -> None:
        """So its logits depend on whether a token follows."""
        original = make_original(segment_length=2)
        compat, tokens = load(original), make_tokens(2, 4)
        default = as_default(compat)
        alone, followed = original(tokens[:, :3])[:, 2], original(tokens)[:, 2]
        assert (alone - followed).abs().max() > 1e-2
        assert_close(compat(tokens[:, :3]).logits[:, 2], alone)
        assert_close(compat(tokens).logits[:, 2], followed)
        assert_close(default(tokens[:, :3]).logits[:, 2], default(tokens).logits[:, 2])

    def test_lone_last_token_reads_its_memory_alone(self) -> None:
        original = make_original(segment_length=2)
        compat = load(original)
        memory = compat(make_tokens(1, 4)).memory
        for model, keys in ((compat, 4), (as_default(compat), 5)):
            weights = model.read(model.embedding(make_tokens(1, 1)), memory).weights
            assert [layer.shape for layer in weights] == [(1, 2, 1, keys)] * 2

    def test_lone_token_without_a_memory(self) -> None:
        """There the original fails; with compat attention adds nothing, by default the token reads itself."""
        original = make_original(segment_length=2)
        token = make_tokens(2, 1)
        with pytest.raises(Exception, match=r"(?i)none"):
            original(token)
        compat = load(original)
        default = as_default(compat)
        hidden = compat.embedding(token)
        for block in compat.blocks:
            hidden = hidden + block.feedforward(block.feedforward_norm(hidden))
        assert_close(compat(token).logits, compat.head(hidden))
        assert (default(token).logits - compat(token).logits).abs().max() > 1e-2
        # The default gives the token what it would have got if another had followed.
        pair = torch.cat((token, token), dim=1)
        assert_close(default(token).logits, default(pair).logits[:, :1])


class TestWhatElseDiffers:
    """What the page of differences says of the original, beside the faults above."""

    @pytest.mark.parametrize("segment_length", [1, 2, 3])
    def test_a_memory_of_zero_slots_adds_the_output_bias(self, segment_length: int) -> None:
        """A lone token reads it; our model takes it for no memory, with compat too."""
        original = make_original(segment_length=segment_length)
        compat, token = load(original), make_tokens(2, 1)
        hidden = without = compat.embedding(token)
        for block in compat.blocks:
            hidden = hidden + block.attention.to_output.bias
            hidden = hidden + block.feedforward(block.feedforward_norm(hidden))
            without = without + block.feedforward(block.feedforward_norm(without))
        nothing = Memory(*torch.zeros(2, 2, 0, 10, dtype=torch.float64))
        assert_close(original(token, memory=(nothing.keys, nothing.values)), compat.head(hidden))
        assert_close(compat(token, nothing).logits, compat.head(without))
        assert (compat.head(hidden) - compat.head(without)).abs().max() > 1e-2

    def test_sizes_that_the_original_fixes(self) -> None:
        original = Original(num_tokens=VOCAB, dim=7, depth=1, mem_len=3)
        config = load(original).config
        assert original.seq_len == 2
        assert (config.num_buckets, original.pos_emb.max_distance, config.ff_mult) == (32, 128, 4)
        options = inspect.signature(Original).parameters
        assert not [name for name in options if "bucket" in name or "distance" in name or "mult" in name]

    def test_starting_values(self) -> None:
        torch.manual_seed(0)
        original = Original(num_tokens=VOCAB, dim=7, depth=2, mem_len=3)
        own = FeedbackTransformer(load(original).config)
        table = original.pos_emb.relative_attention_bias.weight
        assert original.layer_weight.tolist() == [1, 1, 1]
        assert own.layer_weights.tolist() == [0, 0, 0]
        assert 0.8 < table.std() < 1.2
        assert not own.bias.table.any()

    def test_layer_weights_that_never_train(self) -> None:
        original = make_original(segment_length=1, last_only=True)
        original(make_tokens(2, 5)).sum().backward()
        assert original.layer_weight.grad is None
        assert "layer_weights" not in load(original).state_dict()

    def test_memory_sizes_of_zero_and_less(self) -> None:
        for size, kept in ((0, 5), (-1, 0)):
            original = make_original(segment_length=1, memory_size=size)
            assert original(make_tokens(2, 5), return_memory=True)[1].keys.shape[1] == kept
            with pytest.raises(ValueError, match=f"memory_size must be at least 1, got {size}"):
                load(original)

    def test_a_first_call_without_tokens(self) -> None:
        original = make_original(segment_length=2)
        with pytest.raises(Exception, match=r"(?i)none"):
            original(make_tokens(2, 0))
        assert load(original)(make_tokens(2, 0)).logits.shape == (2, 0, VOCAB)

    @pytest.mark.parametrize("segment_length", [1, 2, 3])
    def test_names_are_those_of_the_original(self, segment_length: int) -> None:
        original = make_original(segment_length=segment_length)
        names = own_names(2, single_token=segment_length == 1)
        assert sorted(names) == sorted(original.state_dict())
        assert set(names.values()) == set(load(original).state_dict())
        copies = [name for name, own in names.items() if own == "to_keys_values.linear.weight"]
        assert len(copies) == 3

    def test_pickling(self) -> None:
        original = make_original(segment_length=1)
        with pytest.raises((AttributeError, pickle.PicklingError)):
            pickle.dumps(original)
        assert len(pickle.dumps(load(original))) > 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_final_project_is_held_to_the_original(seed: int) -> None:
    """What exercise 9.4 takes for right, on every input that it tries, in double precision."""
    exercise = EXERCISES["assemble-model"]
    cases = exercise.make_cases(torch.Generator().manual_seed(seed))
    kinds = set()
    for weights, config, tokens, memory in cases:
        exact = {name: tensor.double() for name, tensor in weights.items()}
        memory = memory and tuple(kept.double() for kept in memory)
        original = Original(
            num_tokens=config.vocab_size,
            dim=config.d_model,
            depth=config.num_layers,
            heads=config.num_heads,
            dim_head=config.head_dim,
            mem_len=config.memory_size,
            seq_len=config.segment_length,
        ).double()
        original.load_state_dict(exact)
        logits, after = original(tokens, memory, return_memory=True)
        for answer in (exercise.specification, exercise.solution):
            for came, right in zip(answer(exact, config, tokens, memory), (logits, *after), strict=True):
                assert_close(came, right)
        slots = None if memory is None else memory[0].shape[1]
        kinds.add((config.segment_length > 1, tokens.shape[1] % config.segment_length == 1, slots if not slots else 1))
    # segments of one token and longer ones, with no memory, an empty one and a full one, and lone tokens of longer ones
    assert {(longer, slots) for longer, _, slots in kinds} == set(product([False, True], [None, 0, 1]))
    assert {(True, True, slots) for slots in (None, 0, 1)} <= kinds


@pytest.mark.parametrize("segment_length", [1, 2, 3])
def test_a_trained_checkpoint_needs_compat(segment_length: int) -> None:
    """Trained by the original to repeat the token before last: the loaded model solves it exactly as well as it does.

    Without compat the same weights give other logits, by far more than rounding explains.
    """
    torch.manual_seed(0)
    original = Original(
        num_tokens=4, dim=16, depth=2, heads=2, dim_head=8, mem_len=8, seq_len=segment_length, keep_last_hidden=False
    )
    optimizer = torch.optim.AdamW(original.parameters(), lr=1e-2)
    losses = []
    for step in range(40):
        tokens = make_tokens(32, 9, vocab_size=4, seed=step)
        loss = nn.functional.cross_entropy(original(tokens)[:, 2:].flatten(0, 1), tokens[:, :-2].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    compat, tokens = load(original), make_tokens(16, 21, vocab_size=4, seed=99)
    expected = original(tokens)
    assert_close(compat(tokens).logits, expected, 1e-5)
    assert (as_default(compat)(tokens).logits - expected).abs().max() > 1e-3


def test_without_compat_most_configurations_differ() -> None:
    """Where buckets or a lone last token matter, the default gives other logits from the same weights."""
    different = 0
    for configuration in CONFIGURATIONS[:40]:
        original = make_original(
            depth=configuration.depth,
            heads=configuration.heads,
            dim=configuration.dim,
            memory_size=configuration.memory_size,
            segment_length=configuration.segment_length,
            last_only=configuration.last_only,
            seed=configuration.seed,
        )
        tokens = make_tokens(1, configuration.calls[0], vocab_size=VOCAB)
        default = as_default(load(original))
        different += (default(tokens).logits - original(tokens)).abs().max().item() > 1e-3
    assert different >= 20
