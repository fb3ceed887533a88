"""Generation on a ring: its steps against the model's own, and when it stands back."""

import pytest
import torch
from torch import Tensor, nn

from feedback_lite import FeedbackTransformer, generate
from feedback_lite.engine.ring import Ring
from feedback_lite.generation import Progress, begin
from feedback_lite.interventions import Interventions, intervene
from tests.drawing import assert_close, make_model, make_tokens

CHANGES = {
    "default": {},
    "short memory": {"memory_size": 3},
    "one slot": {"memory_size": 1},
    "long memory": {"memory_size": 1000},
    "last layer": {"memory_from": "last", "memory_size": 4},
    "memory norm": {"memory_norm": True, "memory_size": 4},
    "compat": {"compat": "lucidrains", "memory_size": 4},
    "one layer": {"num_layers": 1, "memory_size": 2},
    "one head": {"num_heads": 1, "memory_size": 5},
}
every_change = pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)


@torch.no_grad()
def without_a_ring(model: FeedbackTransformer, prompt: Tensor, num_new: int) -> Tensor:
    """The same loop on the model's own forward."""
    tokens, progress = prompt, Progress.after_finished_segments(model, prompt)
    for _ in range(num_new):
        logits, progress = progress.advance(model, tokens)
        tokens = torch.cat((tokens, logits.argmax(-1, keepdim=True)), dim=1)
    return tokens


class TestSteps:
    @every_change
    @pytest.mark.parametrize("batch", [1, 3])
    @pytest.mark.parametrize("length", [1, 2, 4, 9])
    @torch.no_grad()
    def test_logits_are_those_of_a_forward_past_several_evictions(
        self, changes: dict[str, object], batch: int, length: int
    ) -> None:
        model, tokens = make_model(**changes).eval(), make_tokens(batch, 23)
        expected = model(tokens).logits
        ring = begin(model, tokens[:, :length], num_steps=24 - length)
        assert isinstance(ring, Ring)
        for place in range(length, 24):
            logits, ring = ring.advance(model, tokens[:, :place])
            assert_close(logits, expected[:, place - 1])

    def test_no_more_slots_than_are_needed(self) -> None:
        ring = begin(make_model(memory_size=10**9), make_tokens(1, 4), num_steps=5)
        assert isinstance(ring, Ring)
        assert ring.num_slots == 8

    @pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)])
    @torch.no_grad()
    def test_other_dtypes(self, dtype: torch.dtype, tolerance: float) -> None:
        model, tokens = make_model(dtype=dtype, memory_size=3).eval(), make_tokens(2, 11)
        exact = make_model(memory_size=3)(tokens).logits
        ring = begin(model, tokens[:, :2], num_steps=10)
        for place in range(2, 12):
            logits, ring = ring.advance(model, tokens[:, :place])
            assert logits.dtype == dtype
            assert_close(logits.double(), exact[:, place - 1], tolerance)

    @torch.no_grad()
    def test_the_memory_that_it_began_with_is_left_alone(self) -> None:
        model, tokens = make_model(memory_size=3), make_tokens(2, 9)
        memory = model(tokens[:, :5]).memory
        before = memory.keys.clone(), memory.values.clone()
        ring = Ring(model, memory, num_steps=4)
        for place in range(6, 10):
            ring.advance(model, tokens[:, :place])
        assert torch.equal(memory.keys, before[0])
        assert torch.equal(memory.values, before[1])

    def test_a_changed_model_is_read_as_it_is_now(self) -> None:
        """Shares of layers and the number of slots are those of a changed copy."""
        prompt = make_tokens(3, 5)
        for change in (Interventions(written=0), Interventions(memory_size=2), Interventions(silent_layers=(1,))):
            changed = intervene(make_model(), change)
            assert isinstance(begin(changed, prompt, num_steps=1), Ring)
            assert torch.equal(generate(changed, prompt, 12), without_a_ring(changed, prompt, 12))

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
    @torch.no_grad()
    def test_on_a_gpu(self) -> None:
        model, tokens = make_model(memory_size=3).cuda(), make_tokens(2, 11).cuda()
        expected = model(tokens).logits
        ring = begin(model, tokens[:, :2], num_steps=10)
        assert isinstance(ring, Ring)
        for place in range(2, 12):
            logits, ring = ring.advance(model, tokens[:, :place])
            assert_close(logits, expected[:, place - 1])


class TestTokens:
    def test_they_are_an_ordinary_tensor(self) -> None:
        model = make_model()
        for temperature in (0.0, 1.0):
            tokens = generate(model, make_tokens(2, 3), 5, temperature=temperature)
            assert not tokens.is_inference()
        model(tokens).logits.sum().backward()
        assert model.embedding.weight.grad is not None

    @pytest.mark.parametrize("options", [{}, {"top_k": 3}], ids=["all tokens", "top 3"])
    def test_a_generator_draws_what_it_draws_without_a_ring(self, options: dict[str, int]) -> None:
        prompt, drawn = make_tokens(3, 5), []
        for hooked in (False, True):
            model = make_model(memory_size=4)
            if hooked:
                model.register_forward_hook(lambda *_: None)
            generator = torch.Generator().manual_seed(2)
            drawn.append(generate(model, prompt, 30, temperature=1.5, generator=generator, **options))
            drawn.append(generator.get_state())
        assert torch.equal(drawn[0], drawn[2])
        assert torch.equal(drawn[1], drawn[3])


class Shifted(nn.Linear):
    """A linear layer that answers something else."""

    def forward(self, given: Tensor) -> Tensor:
        return super().forward(given) + 1


class Louder(FeedbackTransformer):
    """A model with another head."""

    def head(self, hidden: Tensor) -> Tensor:
        return -super().head(hidden)


def other_class(model: FeedbackTransformer) -> None:
    model.blocks[1].attention.to_queries.__class__ = Shifted


def own_method(model: FeedbackTransformer) -> None:
    model.mix = lambda hiddens: hiddens[0]  # type: ignore[method-assign]


def own_forward(model: FeedbackTransformer) -> None:
    model.blocks[0].feedforward.forward = torch.zeros_like  # type: ignore[method-assign]


def other_class_of_model(model: FeedbackTransformer) -> None:
    model.__class__ = Louder


def parametrisation(model: FeedbackTransformer) -> None:
    nn.utils.parametrize.register_parametrization(model.to_logits, "weight", nn.Identity())


def hook_on_a_part(model: FeedbackTransformer) -> None:
    model.blocks[0].register_forward_hook(lambda module, given, output: (output[0] * 2, output[1]))


def hook_before_a_part(model: FeedbackTransformer) -> None:
    model.output_norm.register_forward_pre_hook(lambda module, given: (given[0] * 2 + 1,))


def other_eps(model: FeedbackTransformer) -> None:
    model.output_norm.eps = 10.0


def no_bias(model: FeedbackTransformer) -> None:
    model.to_logits.bias = None


def shared_weight(model: FeedbackTransformer) -> None:
    model.to_logits.weight = model.embedding.weight


def small_norm(model: FeedbackTransformer) -> None:
    model.embedding.max_norm = 0.1


ODDITIES = (
    other_class,
    own_method,
    own_forward,
    other_class_of_model,
    parametrisation,
    hook_on_a_part,
    hook_before_a_part,
    other_eps,
    no_bias,
    shared_weight,
    small_norm,
)


class TestStandsBack:
    @pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.__name__)
    def test_where_a_module_is_not_as_the_package_made_it(self, oddity: object) -> None:
        model, prompt = make_model(memory_size=3), make_tokens(3, 5)
        oddity(model)  # type: ignore[operator]
        assert isinstance(begin(model, prompt, num_steps=4), Progress)
        expected = prompt
        for _ in range(6):
            expected = torch.cat((expected, model.eval()(expected).logits[:, -1].argmax(-1, keepdim=True)), dim=1)
        assert torch.equal(generate(model, prompt, 6), expected)

    def test_where_hooks_are_registered_for_all_modules(self) -> None:
        model, seen = make_model(), []
        hook = nn.modules.module.register_module_forward_hook(lambda module, *_: seen.append(type(module).__name__))
        try:
            generate(model, make_tokens(2, 3), 4)
        finally:
            hook.remove()
        assert seen.count("FeedbackTransformer") == 5

    def test_under_autocast(self) -> None:
        model, prompt = make_model(dtype=torch.float32), make_tokens(2, 3)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert isinstance(begin(model, prompt, num_steps=4), Progress)
            assert generate(model, prompt, 4).shape == (2, 7)

    def test_where_nothing_is_to_be_added(self) -> None:
        assert isinstance(begin(make_model(), make_tokens(2, 1), num_steps=0), Progress)

    def test_otherwise_it_does_not(self) -> None:
        assert isinstance(begin(make_model(), make_tokens(2, 1), num_steps=1), Ring)
        assert isinstance(begin(make_model(compat="lucidrains"), make_tokens(2, 1), num_steps=1), Ring)
        assert isinstance(begin(make_model(segment_length=2), make_tokens(2, 1), num_steps=1), Progress)
