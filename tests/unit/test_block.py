"""One layer: attention, then feed-forward, each on normalised input and added back."""

import copy
import pickle

import torch
import torch.nn.functional as F
from torch import Tensor

from feedback_lite import Block, FeedbackConfig, KeyValueProjection, Memory
from tests.drawing import assert_close, randomise

SIZES = {"d_model": 7, "num_heads": 2, "head_dim": 5}


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make_block(**options: float) -> Block:
    block = Block(FeedbackConfig(**SIZES, **options, vocab_size=3, num_layers=1, memory_size=2)).double()
    randomise(block)
    return block


def make_memory(slots: int) -> Memory:
    return Memory(draw(3, slots, 10, seed=1), draw(3, slots, 10, seed=2))


def norm(layer: torch.nn.LayerNorm, hidden: Tensor) -> Tensor:
    """Layer normalisation, written out."""
    centred = hidden - hidden.mean(-1, keepdim=True)
    deviation = (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return centred / deviation * layer.weight + layer.bias


def feed_forward(block: Block, hidden: Tensor) -> Tensor:
    value, gate = (
        norm(block.feedforward_norm, hidden) @ block.feedforward.widen.weight.T + block.feedforward.widen.bias
    ).split(28, dim=-1)
    return value * F.gelu(gate) @ block.feedforward.narrow.weight.T + block.feedforward.narrow.bias


@torch.no_grad()
def test_each_half_sees_its_input_normalised_and_adds_to_it() -> None:
    block, hidden, memory, bias = make_block(), draw(3, 4, 7), make_memory(11), draw(2, 4, 11)
    read, _ = block.attention(norm(block.attention_norm, hidden), memory.keys, memory.values, bias=bias)
    middle = hidden + read
    got, weights = block(hidden, memory, bias=bias)
    assert_close(got, middle + feed_forward(block, middle))
    assert weights.shape == (3, 2, 4, 11)


@torch.no_grad()
def test_own_keys_come_from_the_normalised_tokens_and_stand_after_the_memory() -> None:
    block, hidden, memory, bias = make_block(), draw(3, 4, 7), make_memory(11), draw(2, 4, 15)
    project = KeyValueProjection(**SIZES).double()
    mask = torch.ones(4, 15, dtype=torch.bool).tril(11)
    normed = norm(block.attention_norm, hidden)
    own = normed @ project.linear.weight.T
    keys = torch.cat((memory.keys, own[..., :10]), dim=1)
    values = torch.cat((memory.values, own[..., 10:]), dim=1)
    read, expected_weights = block.attention(normed, keys, values, bias=bias, mask=mask)
    middle = hidden + read
    got, weights = block(hidden, memory, to_own_keys_values=project, bias=bias, mask=mask)
    assert_close(got, middle + feed_forward(block, middle))
    assert_close(weights, expected_weights)
    assert not weights[:, :, 0, 12:].any()


@torch.no_grad()
def test_with_an_empty_memory_only_the_feed_forward_adds() -> None:
    block, hidden = make_block(), draw(3, 4, 7)
    got, weights = block(hidden, make_memory(0))
    assert_close(got, hidden + feed_forward(block, hidden))
    assert weights.shape == (3, 2, 4, 0)


def test_both_dropouts_reach_their_place() -> None:
    block = make_block(attn_dropout=0.25, ff_dropout=0.5)
    assert block.attention.dropout.p == 0.25
    assert block.feedforward.dropout.p == 0.5


def test_copies() -> None:
    block, hidden, memory = make_block(), draw(3, 4, 7), make_memory(11)
    for twin in (copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
        assert torch.equal(twin(hidden, memory)[0], block(hidden, memory)[0])
