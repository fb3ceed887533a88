"""Properties of whole models, in double precision and without compat."""

import dataclasses

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from feedback_lite import CausalTransformer, FeedbackTransformer, Memory, generate
from feedback_lite.engine.ring import Ring
from feedback_lite.generation import begin
from tests.drawing import assert_close, randomise
from tests.properties.strategies import causal_models, models, seeds, tokens_for

lengths = st.integers(1, 12)

# What is compared here are numbers; that shapes are as annotated is checked with the model's own tests.
pytestmark = pytest.mark.usefixtures("unchecked_module")


def gradients(model: FeedbackTransformer, outputs: list[Tensor], seed: int) -> list[Tensor]:
    """Gradients of a random weighting of all outputs."""
    generator = torch.Generator().manual_seed(seed)
    loss = sum(
        (output * torch.randn(output.shape, generator=generator, dtype=output.dtype)).sum() for output in outputs
    )
    return list(torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True))


def check_that_the_future_does_not_matter(
    model: FeedbackTransformer | CausalTransformer, length: int, continuations: tuple[int, int], seed: int
) -> None:
    tokens = tokens_for(model, 2, length, seed)
    logits = model(tokens).logits
    for place, more in enumerate(continuations, start=1):
        longer = torch.cat((tokens, tokens_for(model, 2, more, seed + place)), dim=1)
        assert_close(model(longer).logits[:, :length], logits)


class TestCausality:
    @given(models(), lengths, st.tuples(st.integers(0, 9), st.integers(0, 9)), seeds)
    def test_neither_later_tokens_nor_their_number_change_earlier_logits(
        self, model: FeedbackTransformer, length: int, continuations: tuple[int, int], seed: int
    ) -> None:
        check_that_the_future_does_not_matter(model, length, continuations, seed)

    @given(causal_models(), lengths, st.tuples(st.integers(0, 9), st.integers(0, 9)), seeds)
    def test_nor_in_the_ordinary_model(
        self, model: CausalTransformer, length: int, continuations: tuple[int, int], seed: int
    ) -> None:
        check_that_the_future_does_not_matter(model, length, continuations, seed)

    @given(models(), lengths, st.data())
    def test_every_earlier_token_can_change_later_logits(
        self, model: FeedbackTransformer, length: int, data: st.DataObject
    ) -> None:
        """Through memory that is made of memory, even past its size."""
        place = data.draw(st.integers(0, length - 1))
        tokens = tokens_for(model, 1, length + 1, data.draw(seeds))
        changed = tokens.clone()
        changed[0, place] = (changed[0, place] + 1) % model.config.vocab_size
        assert not torch.equal(model(tokens).logits[0, -1], model(changed).logits[0, -1])


class TestPieces:
    @given(models(), st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(0, 4), seeds)
    def test_splitting_on_segment_boundaries_is_invisible(
        self, model: FeedbackTransformer, segments: list[int], rest: int, seed: int
    ) -> None:
        """In logits, memory and gradients. The last piece may end anywhere."""
        pieces = [count * model.config.segment_length for count in segments] + [rest]
        tokens = tokens_for(model, 2, sum(pieces), seed)
        memory, parts = None, []
        for piece in tokens.split(pieces, dim=1):
            logits, memory = model(piece, memory)
            parts.append(logits)
        assert memory is not None
        apart = [torch.cat(parts, dim=1), memory.keys, memory.values]
        logits, memory = model(tokens)
        whole = [logits, memory.keys, memory.values]
        for ours, expected in zip(apart, whole, strict=True):
            assert_close(ours, expected)
        for ours, expected in zip(gradients(model, apart, seed), gradients(model, whole, seed), strict=True):
            assert_close(ours, expected)

    @given(models(), st.integers(0, 12), seeds)
    def test_memory_never_exceeds_its_size(self, model: FeedbackTransformer, length: int, seed: int) -> None:
        memory = model(tokens_for(model, 2, length, seed)).memory
        assert len(memory) == min(length, model.config.memory_size)

    @given(models(), lengths, st.integers(0, 5), st.integers(0, 5), seeds)
    def test_logits_are_equal_for_every_memory_size_that_holds_the_sequence(
        self, model: FeedbackTransformer, length: int, room: int, more_room: int, seed: int
    ) -> None:
        tokens, results = tokens_for(model, 2, length, seed), []
        for memory_size in (length + room, length + room + more_room):
            roomy = FeedbackTransformer(dataclasses.replace(model.config, memory_size=memory_size)).double()
            roomy.load_state_dict(model.state_dict())
            results.append(roomy(tokens))
        assert_close(results[0].logits, results[1].logits)
        assert_close(results[0].memory.keys, results[1].memory.keys)

    @given(models(memory_size=4), seeds)
    def test_a_smaller_memory_does_change_them(self, model: FeedbackTransformer, seed: int) -> None:
        """So the property above says something: once slots are evicted, logits differ."""
        roomy = FeedbackTransformer(dataclasses.replace(model.config, memory_size=20)).double()
        roomy.load_state_dict(model.state_dict())
        tokens = tokens_for(model, 2, 12, seed)
        assert not torch.allclose(model(tokens).logits, roomy(tokens).logits, rtol=0, atol=1e-12)


class TestMemoryOrder:
    @given(models(memory_size=9, num_buckets=32), st.integers(2, 8), st.data())
    def test_permuting_the_memory_changes_the_logits(
        self, model: FeedbackTransformer, slots: int, data: st.DataObject
    ) -> None:
        order = data.draw(st.permutations(range(slots)))
        assume(order != list(range(slots)))
        seed = data.draw(seeds)
        memory = self.random_memory(model, slots, seed)
        turned = Memory(memory.keys[:, order], memory.values[:, order])
        tokens = tokens_for(model, 2, 1, seed)
        assert not torch.allclose(model(tokens, turned).logits, model(tokens, memory).logits, rtol=0, atol=1e-12)

    @given(models(memory_size=9), st.integers(1, 8), st.data())
    def test_without_a_bias_it_does_not(self, model: FeedbackTransformer, slots: int, data: st.DataObject) -> None:
        """Order reaches attention by the bias alone."""
        order = data.draw(st.permutations(range(slots)))
        seed = data.draw(seeds)
        with torch.no_grad():
            model.bias.table.zero_()
        memory = self.random_memory(model, slots, seed)
        turned = Memory(memory.keys[:, order], memory.values[:, order])
        tokens = tokens_for(model, 2, 1, seed)
        assert_close(model(tokens, turned).logits, model(tokens, memory).logits)

    def random_memory(self, model: FeedbackTransformer, slots: int, seed: int) -> Memory:
        width = model.config.num_heads * model.config.head_dim
        generator = torch.Generator().manual_seed(seed)
        keys, values = torch.randn(2, 2, slots, width, generator=generator, dtype=torch.float64)
        return Memory(keys, values)


class TestBatch:
    @given(models(), lengths, st.integers(1, 4), seeds)
    def test_rows_do_not_influence_each_other(
        self, model: FeedbackTransformer, length: int, batch: int, seed: int
    ) -> None:
        tokens = tokens_for(model, batch, length, seed)
        together = model(tokens)
        for row in range(batch):
            alone = model(tokens[row : row + 1])
            assert_close(together.logits[row], alone.logits[0])
            assert_close(together.memory.keys[row], alone.memory.keys[0])
            assert_close(together.memory.values[row], alone.memory.values[0])

    @given(causal_models(), lengths, st.integers(1, 4), seeds)
    def test_nor_in_the_ordinary_model(self, model: CausalTransformer, length: int, batch: int, seed: int) -> None:
        tokens = tokens_for(model, batch, length, seed)
        logits = model(tokens).logits
        for row in range(batch):
            assert_close(logits[row], model(tokens[row : row + 1]).logits[0])


class TestGeneration:
    @given(st.one_of(models(), models(compat="lucidrains"), causal_models()), lengths, st.integers(0, 8), seeds)
    def test_chooses_what_a_forward_on_the_whole_prefix_chooses(
        self, model: FeedbackTransformer | CausalTransformer, length: int, new_tokens: int, seed: int
    ) -> None:
        prompt = tokens_for(model, 2, length, seed)
        expected = prompt
        for _ in range(new_tokens):
            expected = torch.cat((expected, model(expected).logits[:, -1].argmax(-1, keepdim=True)), dim=1)
        assert torch.equal(generate(model, prompt, new_tokens), expected)

    @given(models(), lengths, st.integers(0, 8), st.integers(1, 2), seeds)
    def test_draws_from_what_a_forward_on_the_whole_prefix_gives(
        self, model: FeedbackTransformer, length: int, new_tokens: int, top_k: int, seed: int
    ) -> None:
        prompt = tokens_for(model, 2, length, seed)
        drawn = generate(
            model, prompt, new_tokens, temperature=1.3, top_k=top_k, generator=torch.Generator().manual_seed(seed)
        )
        for place in range(length, length + new_tokens):
            likeliest = model(drawn[:, :place]).logits[:, -1].topk(top_k).indices
            assert (drawn[:, place, None] == likeliest).any(-1).all()

    @given(
        st.one_of(models(segment_length=1), models(segment_length=1, compat="lucidrains")),
        st.integers(1, 3),
        lengths,
        st.integers(1, 30),
        seeds,
    )
    @torch.no_grad()
    def test_a_ring_gives_the_logits_of_a_forward_at_every_step(
        self, model: FeedbackTransformer, batch: int, length: int, num_steps: int, seed: int
    ) -> None:
        """Past several evictions: a memory holds at most 9 slots here."""
        tokens = tokens_for(model, batch, length + num_steps - 1, seed)
        expected = model(tokens).logits
        progress = begin(model, tokens[:, :length], num_steps=num_steps)
        assert isinstance(progress, Ring)
        for place in range(length, length + num_steps):
            logits, progress = progress.advance(model, tokens[:, :place])
            assert_close(logits, expected[:, place - 1])


class TestOrdinaryModel:
    @given(models(segment_length=4, memory_from="mixture", memory_norm=False), st.integers(1, 4), seeds)
    def test_within_its_first_segment_a_feedback_model_is_an_ordinary_one(
        self, model: FeedbackTransformer, length: int, seed: int
    ) -> None:
        """There is no memory yet: with the shared projection in every layer, the ordinary model computes the same."""
        causal = CausalTransformer(dataclasses.replace(model.config, segment_length=1)).double()
        randomise(causal, seed)
        state = model.state_dict()
        shared = state.pop("to_keys_values.linear.weight")
        del state["layer_weights"]
        state |= {f"to_keys_values.{layer}.linear.weight": shared for layer in range(model.config.num_layers)}
        causal.load_state_dict(state)
        tokens = tokens_for(model, 2, length, seed)
        assert_close(causal(tokens).logits, model(tokens).logits)
