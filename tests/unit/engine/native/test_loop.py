"""The compiled loop against the plain path: tops, memory and every gradient."""

import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from feedback_lite import CausalTransformer, FeedbackConfig, FeedbackTransformer, Memory
from feedback_lite.engine import native
from feedback_lite.mask import RULES
from feedback_lite.positions import distances
from tests.drawing import assert_close, drawn, make_config, randomise, refused

pytestmark = [
    pytest.mark.skipif(native.unavailable() is not None, reason=str(native.unavailable())),
    pytest.mark.usefixtures("unchecked"),
]

Model = FeedbackTransformer | CausalTransformer
Results = dict[str, Tensor]
Path = Callable[[Model, Tensor, Memory], tuple[Tensor, Memory]]
OUTSIDE = ("embedding", "output_norm", "to_logits")


def plain(model: Model, embedded: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
    """What is compared with: one token after the other through the modules, whatever engine the model would choose."""
    if isinstance(model, CausalTransformer):
        return model.read(embedded).hiddens[-1], memory
    tops = [embedded[:, :0]]
    for token in embedded.split(1, dim=1):
        hiddens = model.read(token, memory).hiddens
        memory = model.write(hiddens, memory)
        tops.append(hiddens[-1])
    return torch.cat(tops, dim=1), memory


def compiled(model: Model, embedded: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
    """The same by the compiled loop."""
    config, weights, steps = model.config, dict(model.named_parameters()), embedded.shape[1]
    if isinstance(model, CausalTransformer):
        bias = model.bias(distances(torch.tensor([steps - 1]), torch.arange(steps)))[:, 0]
        return native.causal(config, weights, embedded, bias), memory
    longest = min(config.memory_size, len(memory) + max(steps - 1, 0))
    _, start = RULES[config.compat](longest, 1, 1)
    bias = model.bias(distances(torch.tensor([start]), torch.arange(longest)))[:, 0]
    shares = torch.eye(config.num_layers + 1, dtype=embedded.dtype)[-1]
    if config.memory_from == "mixture":
        shares = model.layer_weights.softmax(dim=0)
    return native.recur(config, weights, embedded, memory, bias, shares)


def make(config: FeedbackConfig, *, causal: bool = False, dtype: torch.dtype = torch.float64, seed: int = 0) -> Model:
    """A model whose gradients stay of the size of its numbers over many steps."""
    model: Model = (CausalTransformer if causal else FeedbackTransformer)(config).to(dtype)
    randomise(model, seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.5)
    return model


def given(model: Model, batch: int, steps: int, slots: int, seed: int = 0) -> tuple[Tensor, Memory]:
    """Embeddings and a memory that want gradients."""
    config, dtype = model.config, model.embedding.weight.dtype
    inner = config.num_heads * config.head_dim
    embedded = drawn(batch, steps, config.d_model, seed=seed, dtype=dtype).requires_grad_()
    keys, values = (drawn(batch, slots, inner, seed=seed + 1 + i, dtype=dtype).requires_grad_() for i in range(2))
    return embedded, Memory(keys, values)


def results(path: Path, model: Model, embedded: Tensor, memory: Memory) -> Results:
    """Tops, memory, and the gradient of a random mixture of both by all that they are made of."""
    tops, after = path(model, embedded, memory)
    outputs = {"tops": tops, "keys": after.keys, "values": after.values}
    loss = sum((tensor * drawn(*tensor.shape, seed=7, dtype=tensor.dtype)).sum() for tensor in outputs.values())
    inputs = {"embedded": embedded, "of keys": memory.keys, "of values": memory.values}
    inputs |= {name: entry for name, entry in model.named_parameters() if not name.startswith(OUTSIDE)}
    gradients = torch.autograd.grad(loss, list(inputs.values()), allow_unused=True, materialize_grads=True)
    return outputs | {f"gradient: {name}": gradient for name, gradient in zip(inputs, gradients, strict=True)}


def assert_same(ours: Results, expected: Results, tolerance: float = 1e-10) -> None:
    assert ours.keys() == expected.keys()
    for name in expected:
        try:
            assert_close(ours[name], expected[name], tolerance)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def random_sizes(draw: random.Random) -> dict[str, object]:
    return {
        "vocab_size": 3,
        "d_model": draw.choice([2, 3, 7, 8, 16, 19]),
        "num_layers": draw.randint(1, 3),
        "num_heads": draw.randint(1, 3),
        "head_dim": draw.choice([1, 2, 5, 8, 9]),
        "ff_mult": draw.randint(1, 3),
        "num_buckets": draw.choice([4, 8]),
    }


@pytest.mark.parametrize("seed", range(150))
def test_feedback_as_the_plain_path(seed: int) -> None:
    draw = random.Random(seed)
    memory_size = draw.choice([1, 2, 3, 7, 11, 40])
    config = make_config(
        **random_sizes(draw),
        memory_size=memory_size,
        memory_from=draw.choice(["mixture", "last"]),
        compat=draw.choice([None, None, "lucidrains"]),
    )
    model = make(config, seed=seed)
    call = given(model, draw.randint(1, 40), draw.choice([1, 2, 9, 13, 33, 45]), draw.randint(0, memory_size), seed)
    assert_same(results(compiled, model, *call), results(plain, model, *call))


@pytest.mark.parametrize("seed", range(50))
def test_ordinary_as_the_plain_path(seed: int) -> None:
    draw = random.Random(seed)
    model = make(make_config(**random_sizes(draw)), causal=True, seed=seed)
    embedded, memory = given(model, draw.randint(1, 40), draw.choice([1, 2, 9, 13, 33, 45]), 0, seed)
    assert_same(results(compiled, model, embedded, memory), results(plain, model, embedded, memory))


@pytest.mark.parametrize("causal", [False, True])
def test_single_precision(causal: bool) -> None:
    model = make(make_config(d_model=16, head_dim=8), causal=causal, dtype=torch.float32)
    call = given(model, 35, 40, 0 if causal else 5)
    ours = results(compiled, model, *call)
    assert {tensor.dtype for tensor in ours.values()} == {torch.float32}
    assert_same(ours, results(plain, model, *call), 1e-4)


def test_far_numbers() -> None:
    """Scores beyond what an exponential holds, and gates far out on both sides."""
    model = make(make_config())
    with torch.no_grad():
        model.bias.table.mul_(2000)
        model.blocks[0].feedforward.widen.weight.mul_(40)
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-3)):
        call = given(model.to(dtype), 3, 6, 2)
        ours, expected = results(compiled, model, *call), results(plain, model, *call)
        assert_same({"tops": ours["tops"]}, {"tops": expected["tops"]}, tolerance)
        assert all(tensor.isfinite().all() for tensor in ours.values())


@pytest.mark.parametrize(("steps", "slots"), [(0, 0), (0, 3), (1, 0)])
def test_next_to_nothing(steps: int, slots: int) -> None:
    model = make(make_config())
    call = given(model, 3, steps, slots)
    assert_same(results(compiled, model, *call), results(plain, model, *call))


def test_no_sequence() -> None:
    model = make(make_config())
    tops, memory = compiled(model, *given(model, 0, 4, 2))
    assert tops.shape == (0, 4, 7)
    assert memory.keys.shape == (0, 6, 10)


def test_gradcheck() -> None:
    config = make_config(d_model=3, head_dim=2, ff_mult=1, memory_size=3)
    model = make(config)
    names, parameters = zip(*model.named_parameters(), strict=True)

    def function(embedded: Tensor, keys: Tensor, values: Tensor, bias: Tensor, shares: Tensor, *weights: Tensor):
        tops, memory = native.recur(
            config, dict(zip(names, weights, strict=True)), embedded, Memory(keys, values), bias, shares
        )
        return tops, memory.keys, memory.values

    embedded, memory = given(model, 2, 3, 1)
    bias, shares = (drawn(*shape, dtype=torch.float64).requires_grad_() for shape in ((2, 3), (3,)))
    assert torch.autograd.gradcheck(function, (embedded, memory.keys, memory.values, bias, shares, *parameters))


def test_in_two_calls() -> None:
    """Gradients flow back through the memory from call to call."""

    def halves(model: Model, embedded: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        first, memory = compiled(model, embedded[:, :8], memory)
        second, memory = compiled(model, embedded[:, 8:], memory)
        return torch.cat([first, second], dim=1), memory

    model = make(make_config())
    call = given(model, 3, 20, 4)
    assert_same(results(halves, model, *call), results(compiled, model, *call))


def test_bias_may_have_more_columns() -> None:
    model = make(make_config())
    embedded, memory = given(model, 2, 4, 0)
    bias, shares = drawn(2, 9, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    weights = dict(model.named_parameters())
    longer, _ = native.recur(model.config, weights, embedded, memory, bias, shares)
    shorter, _ = native.recur(model.config, weights, embedded, memory, bias[:, -3:], shares)
    assert torch.equal(longer, shorter)


def test_a_second_forward_before_the_first_backward() -> None:
    """What a call leaves behind is its own, also when earlier calls have left memory to be used again."""
    model = make(make_config())
    calls = [given(model, 3, 9, 2, seed=seed) for seed in (0, 50)]
    alone = [torch.autograd.grad(compiled(model, *call)[0].sum(), call[0])[0] for call in calls]
    tops = [compiled(model, *call)[0] for call in calls]
    together = [torch.autograd.grad(top.sum(), call[0])[0] for top, call in zip(tops, calls, strict=True)]
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


def test_backward_twice() -> None:
    model = make(make_config())
    embedded, memory = given(model, 3, 9, 2)
    tops, _ = compiled(model, embedded, memory)
    wanted = [embedded, memory.keys, *model.blocks.parameters()]
    first = torch.autograd.grad(tops.sum(), wanted, retain_graph=True)
    compiled(model, embedded, memory)
    second = torch.autograd.grad(tops.sum(), wanted)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("loss", [torch.sum, lambda tops: tops.square().sum()], ids=["linear", "quadratic"])
def test_a_second_derivative_is_refused(loss: Callable[[Tensor], Tensor]) -> None:
    model = make(make_config())
    embedded, memory = given(model, 3, 4, 2)
    with refused(RuntimeError, "the native engine knows first derivatives alone"):
        torch.autograd.grad(loss(compiled(model, embedded, memory)[0]), embedded, create_graph=True)


@pytest.mark.parametrize("name", ["attention.to_queries.weight", "attention_norm.weight", "feedforward.narrow.weight"])
def test_weights_changed_before_backward(name: str) -> None:
    """An update between forward and backward does not make gradients wrong: they are those of before, or refused."""
    model = make(make_config())
    embedded, memory = given(model, 3, 4, 2)
    (expected,) = torch.autograd.grad(compiled(model, embedded, memory)[0].sum(), embedded)
    tops, _ = compiled(model, embedded, memory)
    with torch.no_grad():
        model.blocks[0].get_parameter(name).add_(1)
    (gradient,) = torch.autograd.grad(tops.sum(), embedded, retain_graph=True)
    assert torch.equal(gradient, expected)
    if name == "attention_norm.weight":
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            tops.sum().backward()


@pytest.mark.parametrize("causal", [False, True])
def test_without_gradients(causal: bool) -> None:
    """Nothing is kept, over several groups of sequences, and the answers are the same."""
    model = make(make_config(), causal=causal)
    embedded, memory = given(model, 70, 13, 0)
    tops, after = compiled(model, embedded, memory)
    with torch.no_grad():
        same_tops, same_after = compiled(model, embedded, memory)
    assert not same_tops.requires_grad
    assert torch.equal(tops, same_tops)
    assert torch.equal(after.keys, same_after.keys)


def test_only_tops_or_only_memory() -> None:
    model = make(make_config())
    call = given(model, 3, 9, 2)
    for chosen in ("tops", "keys", "values"):
        gradients = []
        for path in (compiled, plain):
            tops, memory = path(model, *call)
            output = {"tops": tops, "keys": memory.keys, "values": memory.values}[chosen]
            gradients.append(torch.autograd.grad(output.sum(), call[0])[0])
        assert_close(*gradients)


def test_strides_do_not_matter() -> None:
    model = make(make_config())
    embedded, memory = given(model, 3, 9, 2)
    turned = embedded.detach().mT.contiguous().mT
    assert not turned.is_contiguous()
    assert torch.equal(compiled(model, turned, memory)[0], compiled(model, embedded, memory)[0])


def test_what_does_not_fit_is_refused() -> None:
    model = make(make_config())
    embedded, memory = given(model, 3, 9, 2)
    weights, bias, shares = dict(model.named_parameters()), drawn(2, 10).double(), torch.ones(3).double()

    def call(**changes: object) -> object:
        named = {"weights": weights, "embedded": embedded, "memory": memory, "bias": bias, "shares": shares} | changes
        return native.recur(model.config, **named)  # type: ignore[arg-type]

    call()
    with refused(ValueError, "bias must have a column for each of 10 slots, got 9"):
        call(bias=bias[:, 1:])
    with refused(ValueError, "shares must have shape (3,), got (4,)"):
        call(shares=torch.ones(4).double())
    with refused(ValueError, "embedded must have shape (3, 9, 7), got (3, 9, 8)"):
        call(embedded=torch.ones(3, 9, 8).double())
    with refused(ValueError, "keys must have shape (2, 2, 10)"):
        call(embedded=embedded[:2])
    with refused(ValueError, "embedded must be float32 or float64 as all others", "torch.float32"):
        call(embedded=embedded.float())
    with refused(ValueError, "flat must have shape"):
        call(weights=dict(make(make_config(ff_mult=1)).named_parameters()))


def test_where_it_applies() -> None:
    config, embedded = make_config(), torch.zeros(2, 3, 7)
    assert native.applies(config, embedded, False) is None
    assert native.applies(config, embedded.double(), False) is None
    assert "segment length 1" in str(native.applies(make_config(segment_length=2), embedded, False))
    assert "dropout" in str(native.applies(config, embedded, True))
    assert "bfloat16" in str(native.applies(config, embedded.bfloat16(), False))
    assert "meta" in str(native.applies(config, embedded.to("meta"), False))
    with torch.autocast("cpu"):
        assert "autocast" in str(native.applies(config, embedded, False))
