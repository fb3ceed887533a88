"""Segments with few copies: the numbers of the model's own `read` and `write`, and what backward keeps."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from feedback_lite import FeedbackTransformer, Memory
from feedback_lite.engine.segments import bias_table, recur
from tests.drawing import assert_close, make_model, make_tokens
from tests.properties.strategies import models, seeds, tokens_for

pytestmark = pytest.mark.usefixtures("unchecked_module")


def plain(model: FeedbackTransformer, tokens: Tensor, memory: Memory | None) -> tuple[Tensor, Memory]:
    """Segment by segment with the model's own methods."""
    embedded, tops = model.embedding(tokens), []
    memory = Memory.empty(model.to_keys_values, embedded) if memory is None else memory
    for segment in embedded.split(model.config.segment_length, dim=1):
        hiddens = model.read(segment, memory).hiddens
        memory = model.write(hiddens, memory)
        tops.append(hiddens[-1])
    return model.head(torch.cat(tops, dim=1)), memory


def lean(model: FeedbackTransformer, tokens: Tensor, memory: Memory | None) -> tuple[Tensor, Memory]:
    """The same with `recur`."""
    config, embedded = model.config, model.embedding(tokens)
    memory = Memory.empty(model.to_keys_values, embedded) if memory is None else memory
    num_slots = min(config.memory_size, len(memory) + tokens.shape[1])
    bias = bias_table(config, model.bias, num_slots=num_slots)
    if config.memory_from == "mixture":
        shares = model.layer_weights.softmax(dim=0)
    else:
        shares = embedded.new_tensor([0.0] * config.num_layers + [1.0])
    weights = dict(model.named_parameters())
    top, memory = recur(config, weights, embedded, memory, bias, shares, training=model.training)
    return model.head(top), memory


def outcome(run: object, model: FeedbackTransformer, pieces: list[Tensor], seed: int) -> list[Tensor]:
    """Logits and memory of calls one after another, and all gradients of a random weighting of them."""
    generator, memory, outputs = torch.Generator().manual_seed(seed), None, []
    for piece in pieces:
        logits, memory = run(model, piece, memory)  # type: ignore[operator]
        outputs += [logits, memory.keys, memory.values]
    loss = sum((out * torch.randn(out.shape, generator=generator, dtype=out.dtype)).sum() for out in outputs)
    return outputs + list(torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True))


@given(
    st.one_of(
        models(segment_length=2),
        models(segment_length=3, memory_size=40),
        models(segment_length=4),
        models(segment_length=2, memory_size=17),
        models(segment_length=3, compat="lucidrains"),
        models(segment_length=2, compat="lucidrains", memory_size=20),
        models(segment_length=1),
    ),
    st.lists(st.integers(1, 45), min_size=1, max_size=3),
    seeds,
)
def test_logits_memory_and_gradients_are_those_of_the_models_own_methods(
    model: FeedbackTransformer, lengths: list[int], seed: int
) -> None:
    pieces = [tokens_for(model, 2, length, seed + place) for place, length in enumerate(lengths)]
    wanted = outcome(plain, model, pieces, seed)
    # Where a memory that is not normed grows, rounding grows with it.
    assume(all(part.abs().max() < 1e5 for part in wanted if part.numel()))
    for got, expected in zip(outcome(lean, model, pieces, seed), wanted, strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize("segment_length", [2, 5])
def test_dropout_draws_what_it_draws_there(segment_length: int) -> None:
    model = make_model(segment_length=segment_length, attn_dropout=0.3, ff_dropout=0.2, num_layers=1, memory_size=40)
    logits = []
    for run in (plain, lean):
        torch.manual_seed(5)
        logits.append(run(model.train(), make_tokens(2, 30), None)[0])
    assert_close(logits[1], logits[0])
    assert not torch.allclose(lean(model.eval(), make_tokens(2, 30), None)[0], logits[0])


def held(run: object, model: FeedbackTransformer, length: int) -> int:
    """Numbers that backward keeps."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = run(model, make_tokens(2, length), None)[0].sum()  # type: ignore[operator]
    assert loss.requires_grad
    return sum(kept.values())


def test_backward_keeps_far_less() -> None:
    """From 256 to 512 tokens the plain path's memory grows by a factor near 4, as copies of the memory do."""
    model = make_model(segment_length=4, memory_size=512, head_dim=16, dtype=torch.float32)
    short, long = ({run: held(run, model, length) for run in (plain, lean)} for length in (256, 512))
    assert long[plain] > 3 * short[plain]
    assert long[lean] < long[plain] / 4


def test_gradients_reach_a_memory_that_was_carried_in() -> None:
    model, tokens = make_model(segment_length=3), make_tokens(2, 7)
    gradients = []
    for run in (plain, lean):
        shape = (2, 6, 10)
        keys, values = (torch.randn(shape, generator=torch.Generator().manual_seed(place)).double() for place in (1, 2))
        logits, _ = run(model, tokens, Memory(keys.requires_grad_(), values.requires_grad_()))
        gradients.append(torch.autograd.grad(logits.square().sum(), [keys, values]))
    for got, expected in zip(gradients[1], gradients[0], strict=True):
        assert_close(got, expected)
        assert expected.abs().min() > 0
