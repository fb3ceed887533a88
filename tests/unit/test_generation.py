"""Continuing a prompt, and stepping through a model with everything in view."""

import math
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from feedback_lite import CausalTransformer, FeedbackTransformer, Memory, Stepper, generate
from tests.drawing import assert_close, make_config, make_model, make_tokens, randomise, refused


def make_causal(**changes: object) -> CausalTransformer:
    model = CausalTransformer(make_config(**changes)).double()
    randomise(model)
    return model


def with_fixed_logits(*logits: float) -> FeedbackTransformer:
    """A model that gives the same logits whatever it reads."""
    model = make_model(vocab_size=len(logits))
    with torch.no_grad():
        model.to_logits.weight.zero_()
        model.to_logits.bias.copy_(torch.tensor(logits))
    return model


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


MODELS = {
    "feedback": make_model(),
    "short memory": make_model(memory_size=2),
    "segments of 3": make_model(segment_length=3, memory_size=4),
    "segments of 3, compat": make_model(segment_length=3, memory_size=4, compat="lucidrains"),
    "last layer": make_model(memory_from="last"),
    "causal": make_causal(),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


class TestGreedy:
    @pytest.mark.usefixtures("unchecked")
    @every_model
    @pytest.mark.parametrize("length", [1, 2, 3, 4, 7])
    def test_every_choice_is_that_of_a_forward_on_the_whole_prefix(self, model: nn.Module, length: int) -> None:
        prompt = make_tokens(3, length)
        got = generate(model, prompt, 8)
        expected = prompt
        for _ in range(8):
            expected = torch.cat((expected, model(expected).logits[:, -1].argmax(-1, keepdim=True)), dim=1)
        assert torch.equal(got, expected)

    @every_model
    def test_nothing_to_add(self, model: nn.Module) -> None:
        prompt = make_tokens(3, 5)
        assert torch.equal(generate(model, prompt, 0), prompt)

    @every_model
    def test_empty_batch(self, model: nn.Module) -> None:
        assert generate(model, make_tokens(0, 5), 4).shape == (0, 9)
        assert generate(model, make_tokens(0, 5), 4, temperature=1.0).shape == (0, 9)

    def test_the_prompt_is_left_alone(self) -> None:
        prompt = make_tokens(3, 5)
        generate(make_model(), prompt, 4)
        assert torch.equal(prompt, make_tokens(3, 5))

    def test_int32(self) -> None:
        prompt = make_tokens(3, 5)
        assert generate(make_model(), prompt.int(), 4).tolist() == generate(make_model(), prompt, 4).tolist()

    def test_a_finished_segment_is_computed_once(self) -> None:
        """Segments of 3, prompt of 7: the first six tokens go through the model once, the rest from there."""
        model, lengths = make_model(segment_length=3), []
        model.register_forward_hook(lambda module, given, output: lengths.append(given[0].shape[1]))
        generate(model, make_tokens(2, 7), 5)
        assert lengths == [6, 1, 2, 3, 1, 2]

    def test_no_gradient_is_recorded(self) -> None:
        model, graphs = make_model(), []
        model.register_forward_hook(lambda module, given, output: graphs.append(output.logits.requires_grad))
        generate(model, make_tokens(2, 3), 2)
        assert graphs == [False] * 3


class TestSampling:
    @pytest.mark.parametrize(
        ("temperature", "shares"), [(1.0, [1 / 7, 2 / 7, 4 / 7]), (0.5, [1 / 21, 4 / 21, 16 / 21])]
    )
    def test_shares(self, temperature: float, shares: list[float]) -> None:
        """Logits 0, ln 2, ln 4 give 1 : 2 : 4; half the temperature squares the ratios."""
        model = with_fixed_logits(0, math.log(2), math.log(4))
        drawn = generate(model, torch.zeros(500, 1, dtype=torch.long), 4, temperature=temperature, generator=seeded())
        counts = Counter(drawn[:, 1:].flatten().tolist())
        for token, share in enumerate(shares):
            # Four standard deviations of 2000 draws.
            assert abs(counts[token] / 2000 - share) < 4 * math.sqrt(share * (1 - share) / 2000)

    def test_rows_are_drawn_apart(self) -> None:
        drawn = generate(
            with_fixed_logits(0, 0), torch.zeros(20, 1, dtype=torch.long), 1, temperature=1.0, generator=seeded()
        )
        assert len(set(drawn[:, 1].tolist())) == 2

    def test_top_k_draws_among_the_likeliest(self) -> None:
        model, prompt = with_fixed_logits(0.3, 0.1, 0.5, 0.2), torch.zeros(200, 1, dtype=torch.long)
        for top_k, allowed in ((1, {2}), (2, {0, 2}), (3, {0, 2, 3}), (4, {0, 1, 2, 3})):
            drawn = generate(model, prompt, 2, temperature=1.0, top_k=top_k, generator=seeded())
            assert set(drawn[:, 1:].flatten().tolist()) == allowed

    def test_top_k_keeps_no_more_than_k_where_logits_are_equal(self) -> None:
        prompt = torch.zeros(200, 1, dtype=torch.long)
        drawn = generate(with_fixed_logits(0, 0, 0, 0, 0), prompt, 1, temperature=1.0, top_k=2, generator=seeded())
        assert len(set(drawn[:, 1].tolist())) == 2

    @every_model
    def test_top_1_and_a_low_temperature_are_greedy(self, model: nn.Module) -> None:
        prompt = make_tokens(3, 5)
        greedy = generate(model, prompt, 6)
        assert torch.equal(generate(model, prompt, 6, temperature=5.0, top_k=1), greedy)
        assert torch.equal(generate(model, prompt, 6, temperature=1e-6), greedy)
        assert torch.equal(generate(model, prompt, 6, top_k=3), greedy)

    def test_the_generator_alone_decides(self) -> None:
        model, prompt = make_model(), make_tokens(3, 5)
        torch.manual_seed(1)
        state = torch.get_rng_state()
        first = generate(model, prompt, 20, temperature=2.0, generator=seeded(4))
        assert torch.equal(torch.get_rng_state(), state)
        torch.manual_seed(2)
        assert torch.equal(generate(model, prompt, 20, temperature=2.0, generator=seeded(4)), first)
        assert not torch.equal(generate(model, prompt, 20, temperature=2.0, generator=seeded(5)), first)

    def test_without_a_generator_the_global_seed_decides(self) -> None:
        model, prompt, drawn = make_model(), make_tokens(3, 5), []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            drawn.append(generate(model, prompt, 20, temperature=2.0))
        assert torch.equal(drawn[0], drawn[1])
        assert not torch.equal(drawn[0], drawn[2])


class TestMode:
    def test_dropout_is_off_meanwhile(self) -> None:
        model, prompt = make_model(attn_dropout=0.5, ff_dropout=0.5), make_tokens(3, 5)
        assert model.training
        assert torch.equal(generate(model, prompt, 8), generate(make_model(), prompt, 8))

    @pytest.mark.parametrize("training", [True, False])
    def test_the_mode_is_given_back(self, training: bool) -> None:
        model = make_model().train(training)
        generate(model, make_tokens(3, 5), 2)
        assert all(module.training is training for module in model.modules())

    def test_parts_that_have_a_mode_of_their_own_keep_it(self) -> None:
        model = make_model()
        model.blocks[0].eval()
        before = [module.training for module in model.modules()]
        generate(model, make_tokens(3, 5), 2)
        Stepper(model).step(3)
        assert [module.training for module in model.modules()] == before

    def test_the_mode_is_given_back_after_an_error_too(self) -> None:
        model = make_model()
        model.register_forward_hook(self.stop)
        with pytest.raises(RuntimeError, match="stop"):
            generate(model, make_tokens(3, 5), 2)
        assert all(module.training for module in model.modules())

    @staticmethod
    def stop(*_: object) -> None:
        raise RuntimeError("stop")


@pytest.mark.usefixtures("unchecked")
class TestBadRequests:
    @every_model
    @pytest.mark.parametrize("new_tokens", [0, 3])
    @pytest.mark.parametrize("wrong", [-1, 17])
    @pytest.mark.parametrize("place", [0, 4])
    def test_prompt_out_of_range(self, model: nn.Module, new_tokens: int, wrong: int, place: int) -> None:
        prompt = make_tokens(2, 5)
        prompt[1, place] = wrong
        with refused(ValueError, "prompt must lie from 0 to 16", f"got {wrong}"):
            generate(model, prompt, new_tokens)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.int16])
    def test_prompt_of_another_dtype(self, dtype: torch.dtype) -> None:
        with refused(TypeError, "prompt must hold integers", f"got {dtype}"):
            generate(make_model(), torch.ones(2, 3).to(dtype), 3)

    @pytest.mark.parametrize("shape", [(), (5,), (2, 3, 1), (2, 0)])
    def test_prompt_of_another_shape(self, shape: tuple[int, ...]) -> None:
        with refused(ValueError, "prompt must have shape (batch, time)", f"got shape {shape}"):
            generate(make_model(), torch.zeros(shape, dtype=torch.long), 3)

    def test_an_empty_prompt_is_told_what_is_missing(self) -> None:
        with refused(ValueError, "at least one token"):
            generate(make_model(), make_tokens(2, 0), 3)

    @pytest.mark.parametrize("prompt", [[[1, 2]], None, "text"])
    def test_prompt_is_no_tensor(self, prompt: object) -> None:
        with refused(TypeError, "prompt must be an integer tensor", f"got {type(prompt).__name__}"):
            generate(make_model(), prompt, 3)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"max_new_tokens": -1}, ValueError, "max_new_tokens must be at least 0, got -1"),
            ({"max_new_tokens": 2.0}, TypeError, "max_new_tokens must be an integer of at least 0, got 2.0"),
            ({"max_new_tokens": True}, TypeError, "max_new_tokens must be an integer of at least 0, got True"),
            ({"temperature": -0.1}, ValueError, "temperature must be a finite number of at least 0, got -0.1"),
            ({"temperature": math.nan}, ValueError, "temperature must be a finite number of at least 0, got nan"),
            ({"temperature": math.inf}, ValueError, "temperature must be a finite number of at least 0, got inf"),
            ({"temperature": "hot"}, TypeError, "temperature must be a finite number of at least 0, got 'hot'"),
            ({"temperature": True}, TypeError, "temperature must be a finite number of at least 0, got True"),
            ({"temperature": None}, TypeError, "temperature must be a finite number of at least 0, got None"),
            ({"top_k": 0}, ValueError, "top_k must be at least 1, got 0"),
            ({"top_k": 18}, ValueError, "top_k must be at most vocab_size=17, got 18"),
            ({"top_k": 2.5}, TypeError, "top_k must be an integer of at least 1, got 2.5"),
            ({"top_k": True}, TypeError, "top_k must be an integer of at least 1, got True"),
        ],
    )
    def test_options(self, options: dict[str, object], error: type[Exception], message: str) -> None:
        with refused(error, message):
            generate(make_model(), make_tokens(2, 5), **({"max_new_tokens": 3} | options))  # type: ignore[arg-type]

    @pytest.mark.parametrize("model", [nn.Linear(2, 3), make_config(), None])
    def test_what_is_no_model(self, model: object) -> None:
        came = type(model).__name__
        with refused(TypeError, f"model must be a FeedbackTransformer or CausalTransformer, got {came}"):
            generate(model, make_tokens(2, 5), 3)  # type: ignore[arg-type]

    @pytest.mark.parametrize("generator", [7, "seed"])
    @pytest.mark.parametrize("temperature", [0.0, 1.0])
    def test_what_is_no_generator(self, generator: object, temperature: float) -> None:
        with refused(TypeError, f"generator must be a Generator, got {type(generator).__name__}"):
            generate(make_model(), make_tokens(2, 5), 3, temperature=temperature, generator=generator)  # type: ignore[arg-type]

    def test_an_unknown_option_is_named(self) -> None:
        with pytest.raises(TypeError, match="unexpected keyword argument 'top_p'"):
            generate(make_model(), make_tokens(2, 5), 3, top_p=0.9)

    @pytest.mark.parametrize("options", [{"temperature": -1.0}, {"top_k": 99}])
    def test_they_are_told_before_any_work(self, options: dict[str, float]) -> None:
        model, calls = make_model(), []
        model.register_forward_hook(lambda *_: calls.append(1))
        with pytest.raises(ValueError, match="must be"):
            generate(model, make_tokens(2, 5), 3, **options)
        assert calls == []


def traced(model: FeedbackTransformer, tokens: Tensor, memory: Memory | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Run one forward; return its logits, and per token the input and result of every block and its weights."""
    calls: list[tuple[Tensor, Tensor, Tensor]] = []
    hooks = [
        block.register_forward_hook(lambda module, given, result: calls.append((given[0], *result)))
        for block in model.blocks
    ]
    logits = model(tokens, memory).logits
    for hook in hooks:
        hook.remove()
    return logits, calls


class TestStepper:
    @pytest.mark.parametrize(
        "changes",
        [{}, {"memory_size": 3}, {"memory_from": "last"}, {"compat": "lucidrains"}, {"num_layers": 1}],
        ids=["default", "short memory", "last layer", "compat", "one layer"],
    )
    @torch.no_grad()
    def test_every_intermediate_is_that_of_a_forward(self, changes: dict[str, object]) -> None:
        model, tokens = make_model(**changes), make_tokens(1, 9)
        num_layers, state = model.config.num_layers, model.state_dict()
        logits, calls = traced(model, tokens)
        stepper = Stepper(model)
        for place, token in enumerate(tokens[0].tolist()):
            step = stepper.step(token)
            blocks = calls[place * num_layers : (place + 1) * num_layers]
            assert step.token == token
            assert_close(step.logits, logits[0, place])
            assert_close(step.hiddens[0], state["embedding.weight"][token])
            slots = min(place, model.config.memory_size)
            assert step.weights.shape == (num_layers, 2, slots)
            for layer, (below, above, weights) in enumerate(blocks):
                assert_close(step.hiddens[layer], below[0, 0])
                assert_close(step.hiddens[layer + 1], above[0, 0])
                assert_close(step.weights[layer], weights[0, :, 0])
            for layer in range(num_layers + 1):
                normed = F.layer_norm(step.hiddens[layer], (7,), state["output_norm.weight"], state["output_norm.bias"])
                expected = F.linear(normed, state["to_logits.weight"], state["to_logits.bias"])
                assert_close(step.layer_logits[layer], expected)
            assert_close(step.layer_logits[-1], step.logits)
            if changes.get("memory_from") == "last":
                mixture = step.hiddens[-1]
            else:
                mixture = state["layer_weights"].softmax(0) @ step.hiddens
            assert_close(step.mixture, mixture)
            written = F.linear(mixture, state["to_keys_values.linear.weight"])
            assert_close(torch.cat((step.memory.keys[0, -1], step.memory.values[0, -1])), written)
            before, after = (model(tokens[:, :length]).memory for length in (place, place + 1))
            assert_close(step.memory_before.keys, before.keys)
            assert_close(step.memory_before.values, before.values)
            assert_close(step.memory.keys, after.keys)
            assert_close(step.memory.values, after.values)
            assert stepper.memory is step.memory

    def test_begins_where_a_forward_ended(self) -> None:
        model, tokens = make_model(), make_tokens(1, 9)
        expected = model(tokens).logits[0, 6:].detach()
        stepper = Stepper(model, model(tokens[:, :6]).memory)
        assert_close(torch.stack([stepper.step(token).logits for token in tokens[0, 6:].tolist()]), expected)

    def test_works_in_evaluation_mode_and_gives_the_mode_back(self) -> None:
        model = make_model(attn_dropout=0.5, ff_dropout=0.5)
        stepper, quiet = Stepper(model), Stepper(make_model())
        for token in (3, 1, 4):
            assert_close(stepper.step(token).logits, quiet.step(token).logits)
        assert all(module.training for module in model.modules())

    def test_no_graph_is_kept(self) -> None:
        model = make_model()
        step = Stepper(model, model(make_tokens(1, 3)).memory).step(3)
        assert not step.logits.requires_grad
        assert not step.memory.keys.requires_grad

    @pytest.mark.usefixtures("unchecked")
    def test_longer_segments(self) -> None:
        with refused(ValueError, "model must have segment_length=1", "got 3"):
            Stepper(make_model(segment_length=3))

    @pytest.mark.usefixtures("unchecked")
    def test_another_model(self) -> None:
        with refused(TypeError, "model must be a FeedbackTransformer", "got CausalTransformer"):
            Stepper(make_causal())  # type: ignore[arg-type]

    @pytest.mark.usefixtures("unchecked")
    def test_memory_that_does_not_fit(self) -> None:
        with refused(ValueError, "memory must fit this call: batch 1", "got shape (2, 3, 10)"):
            Stepper(make_model(), make_model()(make_tokens(2, 3)).memory)

    @pytest.mark.usefixtures("unchecked")
    @pytest.mark.parametrize(
        ("token", "error", "message"),
        [
            (-1, ValueError, "token must be at least 0, got -1"),
            (17, ValueError, "must lie from 0 to 16"),
            (1.0, TypeError, "token must be an integer of at least 0, got 1.0"),
            (True, TypeError, "token must be an integer of at least 0, got True"),
        ],
    )
    def test_tokens(self, token: object, error: type[Exception], message: str) -> None:
        stepper = Stepper(make_model())
        stepper.step(3)
        before = stepper.memory
        with refused(error, message, f"got {token}"):
            stepper.step(token)  # type: ignore[arg-type]
        assert stepper.memory is before
