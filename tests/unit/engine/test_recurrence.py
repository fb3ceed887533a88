"""The recurrence with a backward pass of its own, against the plain loop."""

import copy
import dataclasses
import itertools
import math
import pickle
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jaxtyping
import pytest
import torch
import torch.utils.checkpoint
from einops import rearrange
from torch import Tensor

from feedback_lite import FeedbackTransformer, Memory, engine
from feedback_lite.attention import attention_weights, merge_heads, split_heads
from feedback_lite.config import FeedbackConfig
from feedback_lite.engine import recurrence as module
from feedback_lite.feedforward import geglu
from feedback_lite.positions import distances
from tests.drawing import assert_close, drawn, make_config, make_model, make_tokens, randomise

# What is compared here are numbers; that shapes are as annotated is checked by the first test of all.
pytestmark = pytest.mark.usefixtures("unchecked_module")


class Case(NamedTuple):
    """A model, pieces of a sequence, and what the loss is made of."""

    model: FeedbackTransformer
    tokens: list[Tensor]
    memory: Memory | None
    of: tuple[str, ...]

    @classmethod
    def draw(cls, number: int) -> "Case":
        """Return a random case of everything that the recurrence is made for."""
        choose = random.Random(number)
        memory_size = choose.choice([1, 2, 3, 5, 9, 17, 60])
        config = make_config(
            vocab_size=choose.randint(2, 7),
            d_model=choose.choice([1, 4, 7]),
            num_layers=choose.choice([1, 1, 2, 3]),
            num_heads=choose.randint(1, 3),
            head_dim=choose.choice([1, 2, 5]),
            memory_size=memory_size,
            num_buckets=choose.choice([4, 8, 32]),
            ff_mult=choose.randint(1, 2),
            memory_from=choose.choice(["mixture", "mixture", "last"]),
            compat=choose.choice([None, None, "lucidrains"]),
            bias_init=choose.choice(["zeros", "recency"]),
        )
        if config.compat is None and number % 2:
            config = dataclasses.replace(config, memory_norm=True)
        model = FeedbackTransformer(config).double()
        start = model.bias.table.detach().clone()
        randomise(model, number)
        if config.bias_init == "recency":
            with torch.no_grad():
                model.bias.table.copy_(start)
        batch = choose.choice([1, 2, 3])
        length = choose.choice([0, 1, 2, choose.randint(3, 12), choose.randint(13, 20), choose.randint(30, 45)])
        lengths = [length] if choose.random() < 0.6 else [length, choose.choice([0, 1, 4, 18])]
        tokens = [make_tokens(batch, size, vocab_size=config.vocab_size, seed=number) for size in lengths]
        memory = None
        if choose.random() < 0.5:
            width = config.num_heads * config.head_dim
            slots = drawn(2, batch, choose.randint(0, memory_size), width, seed=number, dtype=torch.float64)
            memory = Memory(*(part.clone().requires_grad_(choose.random() < 0.7) for part in slots))
        if choose.random() < 0.25:
            for parameter in model.parameters():
                parameter.requires_grad_(choose.random() < 0.5)
        return cls(model, tokens, memory, choose.choice([("logits",), ("memory",), ("logits", "memory")]))

    def results(self, name: engine.Engine) -> tuple[list[Tensor], list[Tensor]]:
        """Return everything that an engine gives, and all its gradients."""
        memory, outputs = self.memory, []
        with engine.use(name):
            for tokens in self.tokens:
                assert engine.chosen(self.model, tokens).name == name
                logits, memory = self.model(tokens, memory)
                outputs.append(logits)
        assert memory is not None
        counted = [output for output in outputs if "logits" in self.of]
        counted += [part for part in (memory.keys, memory.values) if "memory" in self.of]
        weights = [drawn(*part.shape, seed=place, dtype=part.dtype) for place, part in enumerate(counted)]
        loss = sum((part * weight).sum() for part, weight in zip(counted, weights, strict=True))
        wanted = [*self.model.parameters(), *((self.memory.keys, self.memory.values) if self.memory else ())]
        wanted = [tensor for tensor in wanted if tensor.requires_grad]
        if not wanted or not loss.requires_grad:
            return [*outputs, memory.keys, memory.values], []
        gradients = torch.autograd.grad(loss, wanted, materialize_grads=True)
        return [*outputs, memory.keys, memory.values], list(gradients)


@pytest.mark.parametrize("number", range(200))
def test_equals_the_plain_loop(number: int) -> None:
    """Logits, memory and all gradients, whatever the sizes, the options, the memory that comes in, and the loss."""
    case = Case.draw(number)
    expected, ours = case.results("plain"), case.results("torch")
    assert len(ours[1]) == len(expected[1])
    for of_ours, of_expected in zip([*ours[0], *ours[1]], [*expected[0], *expected[1]], strict=True):
        assert_close(of_ours, of_expected)


def test_the_cases_are_of_every_kind() -> None:
    """So that the test above says something."""
    cases = [Case.draw(number) for number in range(200)]
    pieces = [[piece.shape[1] for piece in case.tokens] for case in cases]
    assert {0, 1, 2} < {lengths[0] for lengths in pieces}
    assert sum(max(lengths) > 2 * module.BLOCK for lengths in pieces) > 20
    assert sum(len(lengths) == 2 for lengths in pieces) > 40
    assert sum(max(lengths) > case.model.config.memory_size for lengths, case in zip(pieces, cases, strict=True)) > 40
    assert sum(case.memory is not None and case.memory.keys.requires_grad for case in cases) > 40
    assert {len(case.tokens[0]) for case in cases} == {1, 2, 3}
    for option in ("memory_from", "memory_norm", "compat", "bias_init"):
        assert len({getattr(case.model.config, option) for case in cases}) == 2


def gradients(model: FeedbackTransformer, loss: Tensor) -> dict[str, Tensor]:
    """Return the gradients of all parameters by name."""
    names, parameters = zip(*model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters, materialize_grads=True), strict=True))


def assert_all_close(ours: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 1e-10) -> None:
    assert ours.keys() == expected.keys()
    for name in ours:
        assert_close(ours[name], expected[name], tolerance)


def loss_of(output: tuple[Tensor, Memory]) -> Tensor:
    """Return a number that all outputs reach, in the precision of double numbers."""
    logits, memory = output
    return logits.double().square().sum() + (memory.keys.double() * 3 + memory.values.double().square()).sum()


def relative_error(ours: Tensor, exact: Tensor) -> float:
    return ((ours.double() - exact).norm() / (1e-6 + exact.norm())).item()


@pytest.mark.usefixtures("checked")
class TestShapes:
    """These run with the shape checks on."""

    @pytest.fixture
    def checked(self) -> Iterator[None]:
        before = jaxtyping.config.jaxtyping_disable
        jaxtyping.config.update("jaxtyping_disable", False)
        yield
        jaxtyping.config.update("jaxtyping_disable", before)

    @pytest.mark.parametrize("dropout", [0.0, 0.25])
    @pytest.mark.parametrize("slots", [0, 5])
    def test_are_as_annotated(self, dropout: float, slots: int) -> None:
        model = make_model(attn_dropout=dropout, ff_dropout=dropout, num_layers=3)
        memory = Memory(*drawn(2, 3, slots, 10, dtype=torch.float64))
        with engine.use("torch"):
            loss_of(model(make_tokens(3, 19), memory)).backward()
        assert all(parameter.grad is not None for parameter in model.parameters())

    @pytest.mark.parametrize(("batch", "length"), [(0, 5), (3, 0), (0, 0), (0, 1)])
    def test_empty(self, batch: int, length: int) -> None:
        """Nothing is computed, but what comes in with the memory still gets its gradient."""
        keys, values = (part.clone().requires_grad_() for part in drawn(2, batch, 3, 10, dtype=torch.float64))
        for memory in (None, Memory(keys, values)):
            model = make_model()
            with engine.use("torch"):
                output = model(make_tokens(batch, length), memory)
            with engine.use("plain"):
                expected = model(make_tokens(batch, length), memory)
            assert_close(output.logits, expected.logits)
            assert_close(output.memory.keys, expected.memory.keys)
            loss_of(output).backward()
            assert model.embedding.weight.grad is not None
        assert keys.grad is not None
        assert torch.equal(keys.grad, torch.full_like(keys, 3.0))


class TestPrecision:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
    @pytest.mark.parametrize("memory_from", ["mixture", "last"])
    def test_in_other_dtypes(self, dtype: torch.dtype, memory_from: str) -> None:
        """All results lie about as near to those in double precision as the plain loop's do in the same dtype."""
        tokens, found = make_tokens(2, 20), {}
        for name in ("exact", "plain", "torch"):
            model = make_model(memory_from=memory_from, dtype=dtype)
            model = model.double() if name == "exact" else model  # from the same rounded weights
            with engine.use("torch" if name == "torch" else "plain"):
                logits, memory = model(tokens)
            of_weights = gradients(model, loss_of((logits, memory)) * 1e-3)
            found[name] = {"logits": logits, "keys": memory.keys, "values": memory.values, **of_weights}
            assert {part.dtype for part in found[name].values()} == {torch.float64 if name == "exact" else dtype}
        for part, exact in found["exact"].items():
            ours, plain = (relative_error(found[name][part], exact) for name in ("torch", "plain"))
            # Processors add up in different orders, and some are kinder to the one than to the other.
            assert ours <= 8 * plain + torch.finfo(dtype).eps, part
            assert ours <= (1e-4 if dtype == torch.float32 else 0.25), part

    @pytest.mark.parametrize("within", [True, False], ids=["backward within", "backward after"])
    def test_autocast(self, within: bool) -> None:
        model, tokens = make_model(dtype=torch.float32), make_tokens(2, 20)
        found = {}
        for name in ("plain", "torch"):
            with engine.use(name), torch.autocast("cpu", torch.bfloat16):
                first = model(tokens[:, :9])
                second = model(tokens[:, 9:], first.memory)
                loss = loss_of(second)
                if within:
                    found[name] = (second, gradients(model, loss))
            if not within:
                found[name] = (second, gradients(model, loss))
        (expected, expected_gradients), (ours, our_gradients) = found["plain"], found["torch"]
        assert ours.logits.dtype == expected.logits.dtype
        assert ours.memory.keys.dtype == expected.memory.keys.dtype == torch.bfloat16
        assert ours.memory.values.dtype == expected.memory.values.dtype
        assert_close(ours.logits, expected.logits, 0.06)
        assert_close(ours.memory.keys, expected.memory.keys, 0.06)
        for name, whole in expected_gradients.items():
            assert our_gradients[name].dtype == whole.dtype == torch.float32
            assert relative_error(our_gradients[name], whole.double()) < 0.15, name

    def test_a_backward_pass_under_autocast_alone(self) -> None:
        """What stands around the recurrence is rounded then, as PyTorch does it; the recurrence is not."""
        model, tokens = make_model(dtype=torch.float32), make_tokens(2, 20)
        with engine.use("torch"):
            memories = [model(tokens).memory for _ in range(2)]
        expected = gradients(model, memories[0].keys.sum())
        with torch.autocast("cpu", torch.bfloat16):
            ours = gradients(model, memories[1].keys.sum())
        assert_all_close(ours, expected, 0.01)

    @pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
    def test_without_gradients(self, mode: Callable[[], torch.no_grad]) -> None:
        model, tokens = make_model(), make_tokens(2, 37)
        expected = model(tokens)
        assert expected.logits.requires_grad
        with mode(), engine.use("torch"):
            first = model(tokens[:, :20])
            second = model(tokens[:, 20:], first.memory)
        assert not second.logits.requires_grad
        assert_close(torch.cat((first.logits, second.logits), dim=1), expected.logits.detach())
        assert_close(second.memory.values, expected.memory.values.detach())

    def test_frozen_models_keep_nothing(self) -> None:
        model = make_model().requires_grad_(False)
        with engine.use("torch"):
            output = model(make_tokens(2, 9))
        assert not output.logits.requires_grad
        assert_close(output.logits, make_model()(make_tokens(2, 9)).logits.detach())


class TestGradcheck:
    """Against differences, without the plain loop."""

    @pytest.mark.parametrize("dropout", [0.0, 0.4])
    @pytest.mark.parametrize("slots", [0, 2])
    def test_of_everything(self, dropout: float, slots: int) -> None:
        """With respect to all weights at once, flat, and to the memory that comes in; slots are evicted on the way."""
        model = make_model(
            **{"vocab_size": 2, "d_model": 3, "num_heads": 2, "head_dim": 1, "memory_size": 3, "num_buckets": 2},
            **{"num_layers": 2, "ff_mult": 1, "attn_dropout": dropout, "ff_dropout": dropout},
        )
        tokens, names = make_tokens(1, 4, vocab_size=2), [name for name, _ in model.named_parameters()]
        shapes = [parameter.shape for parameter in model.parameters()]
        weighting = drawn(3, 10, 6, seed=8, dtype=torch.float64)

        def run(flat: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            torch.manual_seed(1)
            parts = flat.split([shape.numel() for shape in shapes])
            weights = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
            logits, after = torch.func.functional_call(model, weights, (tokens, Memory(keys, values)))
            outputs = (logits, after.keys, after.values)
            return sum(
                (weight.flatten()[: output.numel()] * output.flatten()).sum()
                for weight, output in zip(weighting, outputs, strict=True)
            )

        flat = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
        given = [flat, *drawn(2, 1, slots, 2, dtype=torch.float64)]
        with engine.use("torch"):
            # Number by number once, else along a random direction of all numbers.
            along = dropout > 0 or slots == 0
            assert torch.autograd.gradcheck(run, [part.clone().requires_grad_() for part in given], fast_mode=along)


CHANCES = {"attn_dropout": 0.3, "ff_dropout": 0.45}


class TestDropout:
    """Each factor is drawn once, for both passes."""

    @pytest.mark.parametrize("slots", [0, 4])
    @pytest.mark.parametrize("chances", [CHANCES, {"attn_dropout": 0.3}, {"ff_dropout": 0.45}])
    def test_by_a_loop_with_the_same_factors(
        self, chances: dict[str, float], slots: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Attention weights and gated units times the factors that were drawn, in the forward pass alone."""
        model = make_model(**chances)
        tokens = make_tokens(3, 21)
        kept = drawn(2, 3, slots, 10, dtype=torch.float64)
        draw, factors = module.draw_kept, {}

        def note(config: FeedbackConfig, seed: int, step: int, *shapes: Tensor) -> tuple[Tensor | None, ...]:
            factors[step] = draw(config, seed, step, *shapes)
            return factors[step]

        with monkeypatch.context() as patch, engine.use("torch"):
            patch.setattr(module, "draw_kept", note)
            ours = model(tokens, Memory(*kept))
        expected = self.forward_by_loop(model, tokens, Memory(*kept), dict(factors))
        assert_close(ours.logits, expected[0])
        assert_close(ours.memory.keys, expected[1].keys)
        assert_close(ours.memory.values, expected[1].values)
        assert_all_close(gradients(model, loss_of(ours)), gradients(model, loss_of(expected)))

    def forward_by_loop(
        self, model: FeedbackTransformer, tokens: Tensor, memory: Memory, factors: dict[int, tuple[Tensor | None, ...]]
    ) -> tuple[Tensor, Memory]:
        """Return what the model gives with these factors of dropout, by its own parts."""
        config, tops = model.config, []
        embedded = model.embedding(tokens)
        for step in range(tokens.shape[1]):
            of_weights, of_units = factors[step]
            hidden, hiddens = embedded[:, step : step + 1], [embedded[:, step : step + 1]]
            for layer, block in enumerate(model.blocks):
                if len(memory):
                    positions = torch.arange(len(memory) + 1)
                    queries, keys, values = (
                        split_heads(merged, num_heads=config.num_heads)
                        for merged in (
                            block.attention.to_queries(block.attention_norm(hidden)),
                            memory.keys,
                            memory.values,
                        )
                    )
                    weights = attention_weights(
                        queries, keys, bias=model.bias(distances(positions[-1:], positions[:-1]))
                    )
                    if of_weights is not None:
                        weights = weights * rearrange(of_weights[:, layer], "(b h) m -> b h 1 m", h=config.num_heads)
                    hidden = hidden + block.attention.to_output(merge_heads(weights @ values))
                gated = geglu(block.feedforward.widen(block.feedforward_norm(hidden)))
                if of_units is not None:
                    gated = gated * of_units[layer][:, None]
                hidden = hidden + block.feedforward.narrow(gated)
                hiddens.append(hidden)
            memory = model.write(torch.stack(hiddens), memory)
            tops.append(hidden)
        return model.head(torch.cat(tops, dim=1)), memory

    def test_factors(self) -> None:
        """Each is 0 or 1 / (1 - p), a part of 1 - p is kept, and every layer, head and sequence draws its own."""
        config = make_config(**CHANCES, num_layers=3)
        weights, units = module.draw_kept(config, 5, 2, torch.zeros(400, 11, 5), torch.zeros(200, 7))
        assert weights is not None
        assert units is not None
        assert weights.shape == (400, 3, 11)
        assert units.shape == (3, 200, 28)
        for factors, chance in ((weights, 0.3), (units, 0.45)):
            assert torch.allclose(factors.unique(), torch.tensor([0.0, 1 / (1 - chance)]))
            deviation = math.sqrt(chance / (1 - chance) / factors.numel())
            assert abs(factors.mean().item() - 1) < 4 * deviation
        for rows in (weights.transpose(0, 1).flatten(1), units.flatten(1)):
            assert len(rows.unique(dim=0)) == 3
        assert len(weights.flatten(1).unique(dim=0)) == 400
        assert len(units.transpose(0, 1).flatten(1).unique(dim=0)) == 200

    def test_every_step_draws_its_own_and_draws_it_again(self) -> None:
        config, shapes = make_config(**CHANCES), (torch.zeros(6, 11, 5), torch.zeros(3, 7))
        steps = [module.draw_kept(config, 5, step, *shapes) for step in (0, 1, 0)]
        for first, second, again in zip(*steps, strict=True):
            assert not torch.equal(first, second)
            assert torch.equal(first, again)

    def test_none_without_a_seed_or_a_chance(self) -> None:
        shapes = (torch.zeros(6, 11, 5), torch.zeros(3, 7))
        assert module.draw_kept(make_config(**CHANCES), None, 0, *shapes) == (None, None)
        assert module.draw_kept(make_config(), 5, 0, *shapes) == (None, None)

    @pytest.mark.parametrize("chances", [{"attn_dropout": 0.3}, {"ff_dropout": 0.45}])
    def test_two_calls_differ_and_the_seed_decides(self, chances: dict[str, float]) -> None:
        model, tokens = make_model(**chances), make_tokens(2, 9)
        with engine.use("torch"):
            torch.manual_seed(0)
            first, second = model(tokens).logits, model(tokens).logits
            torch.manual_seed(0)
            again = model(tokens).logits
        assert not torch.equal(first, second)
        assert torch.equal(first, again)

    def test_none_when_a_model_is_asked(self) -> None:
        model, tokens = make_model(**CHANCES).eval(), make_tokens(2, 9)
        before = torch.get_rng_state()
        with engine.use("torch"):
            ours = model(tokens)
        assert torch.equal(torch.get_rng_state(), before)
        with engine.use("plain"):
            expected = model(tokens)
        assert_close(ours.logits, expected.logits)
        assert_all_close(gradients(model, loss_of(ours)), gradients(model, loss_of(expected)))

    def test_models_without_it_draw_no_random_number(self) -> None:
        """Nor does the choice of an engine, which looks at how such a model is made."""
        model, tokens = make_model(), make_tokens(2, 9)
        engine.parameter_shapes.cache_clear()
        before = torch.get_rng_state()
        with engine.use("torch"):
            loss_of(model(tokens)).backward()
        assert torch.equal(torch.get_rng_state(), before)


class TestBackward:
    def plain(self, model: FeedbackTransformer, tokens: Tensor) -> dict[str, Tensor]:
        with engine.use("plain"):
            return gradients(model, loss_of(model(tokens)))

    @pytest.mark.parametrize("chances", [{}, CHANCES])
    def test_after_another_forward_pass(self, chances: dict[str, float]) -> None:
        """Two calls before the first backward pass do not share anything."""
        model, tokens = make_model(**chances), [make_tokens(2, 19, seed=seed) for seed in (1, 2)]
        with engine.use("torch"):
            torch.manual_seed(3)
            alone = [gradients(model, loss_of(model(of_one))) for of_one in tokens]
            torch.manual_seed(3)
            losses = [loss_of(model(of_one)) for of_one in tokens]
        assert_all_close(gradients(model, losses[0]), alone[0])
        assert_all_close(gradients(model, losses[1]), alone[1])
        if not chances:
            assert_all_close(alone[0], self.plain(model, tokens[0]))

    @pytest.mark.parametrize("chances", [{}, CHANCES])
    def test_twice(self, chances: dict[str, float]) -> None:
        model, tokens = make_model(**chances), make_tokens(2, 19)
        with engine.use("torch"):
            loss = loss_of(model(tokens))
        loss.backward(retain_graph=True)
        first = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
        model.zero_grad()
        loss.backward()
        assert_all_close({name: parameter.grad for name, parameter in model.named_parameters()}, first, 0.0)
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            loss.backward()

    def test_does_not_change_the_gradient_that_comes_in(self) -> None:
        """It belongs to autograd, which may give it to others too."""
        model, came = make_model(), []
        with engine.use("torch"):
            output = model(make_tokens(2, 19))
        node = output.memory.keys.grad_fn
        while node.name() != "RecurrenceBackward":
            ((node, _),) = node.next_functions
        node.register_prehook(lambda given: came.extend((part, part.clone()) for part in given))
        loss_of(output).backward()
        assert len(came) == 2
        assert all(torch.equal(part, before) for part, before in came)

    def test_through_an_earlier_call_and_not_through_a_detached_one(self) -> None:
        model, tokens = make_model(), make_tokens(2, 30)
        found = {}
        for name in ("plain", "torch"):
            with engine.use(name):
                memory = model(tokens[:, :12]).memory
                found[name, "whole"] = gradients(model, loss_of(model(tokens[:, 12:], memory)))
                memory = memory.detach()
                found[name, "cut"] = gradients(model, loss_of(model(tokens[:, 12:], memory)))
        for kind in ("whole", "cut"):
            assert_all_close(found["torch", kind], found["plain", kind])
        assert not torch.allclose(
            found["torch", "whole"]["to_keys_values.linear.weight"],
            found["torch", "cut"]["to_keys_values.linear.weight"],
        )

    @pytest.mark.parametrize("name", [name for name, _ in make_model().named_parameters()])
    def test_a_weight_changed_in_between_is_an_error_or_does_not_matter(self, name: str) -> None:
        model, tokens = make_model(), make_tokens(2, 9)
        expected = self.plain(model, tokens)
        with engine.use("torch"):
            loss = loss_of(model(tokens))
        with torch.no_grad():
            model.get_parameter(name).add_(1)
        try:
            ours = gradients(model, loss)
        except RuntimeError as error:
            if "modified by an inplace operation" not in str(error):
                raise
        else:
            assert_all_close(ours, expected)

    def test_where_it_would_matter_it_is_an_error(self) -> None:
        """The other matrices were folded with what stands before them: the backward pass has them as they were."""
        model = make_model()
        with engine.use("torch"):
            loss = loss_of(model(make_tokens(2, 9)))
        with torch.no_grad():
            model.to_keys_values.linear.weight.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()

    def test_a_changed_memory_is_an_error(self) -> None:
        model = make_model(num_heads=1)
        with engine.use("torch"):
            memory = model(make_tokens(2, 9)).memory
        loss = memory.keys.square().sum()
        with torch.no_grad():
            memory.keys.add_(1)
        with pytest.raises(RuntimeError, match="modified inplace"):
            loss.backward()

    @pytest.mark.parametrize("kind", ["linear", "square"])
    def test_a_second_derivative_is_refused(self, kind: str) -> None:
        """Of a linear loss too: its gradient seems not to depend on anything, so the error must not wait."""
        model = make_model()
        with engine.use("torch"):
            keys = model(make_tokens(2, 9)).memory.keys
        loss = keys.sum() if kind == "linear" else keys.square().sum()
        with pytest.raises(RuntimeError, match=r'create_graph=True.*engine.use\("plain"\)'):
            torch.autograd.grad(loss, model.to_keys_values.linear.weight, create_graph=True)
        with engine.use("plain"):
            loss = model(make_tokens(2, 9)).memory.keys.sum()
        (gradient,) = torch.autograd.grad(loss, model.to_keys_values.linear.weight, create_graph=True)
        gradient.square().sum().backward()

    def test_many_gradients_at_once_are_refused(self) -> None:
        model = make_model()
        with engine.use("torch"):
            sums = model(make_tokens(2, 9)).logits.sum((0, 2))
        with pytest.raises(RuntimeError, match="Batching rule not implemented"):
            torch.autograd.grad(sums, model.bias.table, torch.eye(9).double(), is_grads_batched=True)


class TestSurroundings:
    """What stands around a model, and what has been done to it."""

    @pytest.mark.filterwarnings("ignore")  # the compiler's own, about any model
    def test_compiled(self) -> None:
        """With the memory of an earlier call, forwards and backwards."""
        model, tokens = make_model(), make_tokens(2, 12)
        compiled = torch.compile(model, backend="eager")
        found = []
        for run in (model, compiled):
            with engine.use("torch"):
                try:
                    output = run(tokens[:, 5:], run(tokens[:, :5]).memory)
                except torch._dynamo.exc.TorchDynamoException as error:
                    pytest.skip(f"torch.compile does not run here: {error}")
            found.append((output.logits, gradients(model, loss_of(output))))
        assert_close(found[1][0], found[0][0])
        assert_all_close(found[1][1], found[0][1])
        torch.compiler.reset()

    def test_with_other_weights(self) -> None:
        """A functional call runs on the weights that it was given, by the same engine."""
        model, other, tokens = make_model(), make_model(seed=1), make_tokens(2, 9)
        weights = {name: parameter.detach().requires_grad_() for name, parameter in other.named_parameters()}
        with engine.use("torch"):
            output = torch.func.functional_call(model, weights, (tokens,))
        found = dict(zip(weights, torch.autograd.grad(loss_of(output), list(weights.values())), strict=True))
        with engine.use("plain"):
            expected = other(tokens)
        assert_close(output.logits, expected.logits)
        assert_all_close(found, gradients(other, loss_of(expected)))

    def test_functional_gradients(self) -> None:
        model, tokens = make_model(), make_tokens(2, 9)
        weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
        ours = torch.func.grad(lambda given: loss_of(torch.func.functional_call(model, given, (tokens,))))(weights)
        with engine.use("plain"):
            assert_all_close(ours, gradients(model, loss_of(model(tokens))))

    def test_many_models_at_once(self) -> None:
        models, tokens = [make_model(seed=seed) for seed in range(2)], make_tokens(2, 9)
        weights = {
            name: torch.stack([model.get_parameter(name).detach() for model in models])
            for name, _ in models[0].named_parameters()
        }
        together = torch.func.vmap(lambda one: torch.func.functional_call(models[0], one, (tokens,)).logits)(weights)
        for model, logits in zip(models, together, strict=True):
            assert_close(logits, model(tokens).logits.detach())

    @pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # by torch itself
    def test_derivatives_taken_forwards(self) -> None:
        model, tokens = make_model(), make_tokens(2, 9)
        name = "blocks.0.attention.to_output.weight"
        weights = {key: parameter.detach() for key, parameter in model.named_parameters()}
        direction = drawn(*weights[name].shape, dtype=torch.float64)
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(weights[name], direction)
            logits = torch.func.functional_call(model, weights | {name: dual}, (tokens,)).logits
            tangent = torch.autograd.forward_ad.unpack_dual(logits).tangent
            assert engine.chosen(model, tokens) == ("plain", "derivatives are taken forwards")
        assert engine.chosen(model, tokens).name == "torch"
        weighting = drawn(*logits.shape, seed=4, dtype=torch.float64)
        with engine.use("torch"):
            expected = gradients(model, (model(tokens).logits * weighting).sum())[name]
        assert_close((tangent * weighting).sum(), (expected * direction).sum())

    def test_copies(self) -> None:
        model, tokens = make_model(), make_tokens(2, 9)
        with engine.use("torch"):
            expected = model(tokens)
            for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
                ours = twin(tokens)
                assert torch.equal(ours.logits, expected.logits)
                loss_of(ours).backward()
            assert model.bias.table.grad is None

    def test_checkpointing(self) -> None:
        """A forward pass that is run again in the backward pass draws the same dropout."""
        model, tokens = make_model(**CHANCES), make_tokens(2, 19)
        found = []
        for run in (model, lambda given: torch.utils.checkpoint.checkpoint(model, given, use_reentrant=False)):
            torch.manual_seed(2)
            with engine.use("torch"):
                found.append(gradients(model, loss_of(run(tokens))))
        assert_all_close(found[1], found[0])

    def test_hooks_fire(self) -> None:
        model, tokens, calls = make_model(), make_tokens(2, 3), []
        model.blocks[1].feedforward.register_forward_hook(lambda *_: calls.append("forward"))
        model.blocks[0].feedforward_norm.register_full_backward_hook(lambda *_: calls.append("backward"))
        model(tokens).logits.sum().backward()
        assert calls == ["forward"] * 3 + ["backward"] * 3

    @pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
    @pytest.mark.parametrize(
        "change", ["other class", "subclass", "parametrized", "weight norm", "method", "hook", "dropout"]
    )
    def test_what_was_changed_counts(self, change: str) -> None:
        """The result is the plain loop's, not that of a model without the change."""
        model, tokens = make_model(), make_tokens(2, 9)
        before = model(tokens).logits
        if change == "other class":
            model.blocks[0].feedforward = torch.nn.Linear(7, 7).double()
        elif change == "subclass":
            model.__class__ = Doubled
        elif change == "parametrized":
            torch.nn.utils.parametrize.register_parametrization(model.blocks[1].attention.to_queries, "weight", Twice())
        elif change == "weight norm":
            model.blocks[1].attention.to_queries = torch.nn.utils.weight_norm(model.blocks[1].attention.to_queries)
            with torch.no_grad():
                model.blocks[1].attention.to_queries.weight_g.mul_(2)
        elif change == "method":
            model.mix = lambda hiddens: hiddens[0]
        elif change == "hook":
            model.blocks[0].register_forward_hook(lambda part, given, result: (2 * result[0], result[1]))
        else:
            model.blocks[0].attention.dropout.p = 0.5
        torch.manual_seed(0)
        ours = model(tokens).logits
        torch.manual_seed(0)
        with engine.use("plain"):
            assert torch.equal(ours, model(tokens).logits)
        assert not torch.allclose(ours, before)
        with engine.use("torch"), pytest.raises(engine.EngineUnavailable):
            model(tokens)


class Doubled(FeedbackTransformer):
    """A model that mixes otherwise."""

    def mix(self, hiddens: Tensor) -> Tensor:
        return 2 * super().mix(hiddens)


class Twice(torch.nn.Module):
    """A parametrization."""

    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def held(model: FeedbackTransformer, length: int) -> int:
    """Return how many bytes autograd holds for the backward pass, parameters apart."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = model(make_tokens(2, length))
    assert output.logits.requires_grad
    return sum(storage.nbytes() for place, storage in kept.items() if place not in own)


def test_what_is_held_grows_with_the_length() -> None:
    """Not with its square, as in the plain loop, though memory is as long as the sequence."""
    growth = {}
    for name in ("torch", "plain"):
        sizes = []
        for length in (32, 64, 128):
            with engine.use(name):
                sizes.append(held(make_model(memory_size=length, d_model=4, head_dim=2, ff_mult=1), length))
        growth[name] = [math.log2(long / short) for short, long in itertools.pairwise(sizes)]
    assert max(growth["torch"]) < 1.1
    assert min(growth["plain"]) > 1.5
