"""The mixture of layers, and the queue that keeps it."""

import copy
import dataclasses
import math
import pickle

import pytest
import torch
from torch import Tensor

from feedback_lite import Memory, mix_layers
from tests.drawing import assert_close, refused


def tagged(*tags: float, batch: int = 2, width: int = 3, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Keys that hold a tag in every entry, and values that hold minus the tag."""
    keys = torch.tensor(tags, dtype=dtype)[None, :, None].expand(batch, len(tags), width)
    return keys, -keys


def tags(memory: Memory) -> list[float]:
    """Read the tags back, and assert that values and all rows agree with the keys."""
    found = memory.keys[0, :, 0].tolist()
    keys, values = tagged(*found, batch=memory.keys.shape[0], width=memory.keys.shape[2], dtype=memory.keys.dtype)
    assert torch.equal(memory.keys, keys)
    assert torch.equal(memory.values, values)
    return found


class TestMixture:
    def test_by_hand(self) -> None:
        # exp(0) : exp(ln 3) = 1 : 3, so the shares are 1/4 and 3/4.
        hiddens = torch.tensor([[[[4.0, 0.0, 1.0]]], [[[8.0, -4.0, 1.0]]]])
        mixed = mix_layers(hiddens, torch.tensor([0.0, math.log(3)]))
        assert_close(mixed, torch.tensor([[[7.0, -3.0, 1.0]]]), 1e-6)

    def test_equal_weights_average(self) -> None:
        hiddens = torch.arange(3.0)[:, None, None, None].expand(3, 2, 5, 7)
        for weight in (0.0, 1.0, -4.0):
            assert_close(mix_layers(hiddens, torch.full((3,), weight)), torch.ones(2, 5, 7), 1e-6)

    def test_one_large_weight_picks_its_layer(self) -> None:
        hiddens = torch.randn(3, 2, 5, 7)
        assert_close(mix_layers(hiddens, torch.tensor([0.0, 200.0, 0.0])), hiddens[1], 1e-6)

    def test_gradient_of_the_weights(self) -> None:
        # Shares 1/2 and 1/2; d(mix)/d(w_0) = s_0 * (x_0 - mix) = (1/2) * (2 - 5).
        weights = torch.zeros(2, requires_grad=True)
        mix_layers(torch.tensor([2.0, 8.0])[:, None, None, None], weights).sum().backward()
        assert weights.grad is not None
        assert weights.grad.tolist() == [-1.5, 1.5]

    @pytest.mark.usefixtures("unchecked")
    def test_one_weight_per_layer(self) -> None:
        with refused(ValueError, "layer_weights must hold one weight per layer", "3 hiddens", "2 weights"):
            mix_layers(torch.zeros(3, 2, 5, 7), torch.zeros(2))


class TestQueue:
    def test_newest_goes_to_the_end(self) -> None:
        memory = Memory(*tagged(1, 2)).push(*tagged(3), memory_size=5)
        assert tags(memory) == [1, 2, 3]
        assert len(memory) == 3

    def test_oldest_is_evicted(self) -> None:
        memory = Memory(*tagged(1, 2, 3)).push(*tagged(4, 5), memory_size=4)
        assert tags(memory) == [2, 3, 4, 5]

    def test_more_new_slots_than_fit(self) -> None:
        assert tags(Memory(*tagged(1)).push(*tagged(2, 3, 4, 5), memory_size=3)) == [3, 4, 5]

    def test_a_single_slot(self) -> None:
        memory = Memory(*tagged())
        for tag in (1.0, 2.0, 3.0):
            memory = memory.push(*tagged(tag), memory_size=1)
            assert tags(memory) == [tag]

    def test_pushing_nothing(self) -> None:
        assert tags(Memory(*tagged(1, 2)).push(*tagged(), memory_size=2)) == [1, 2]
        assert len(Memory(*tagged()).push(*tagged(), memory_size=2)) == 0

    def test_push_leaves_the_old_memory_as_it_was(self) -> None:
        old = Memory(*tagged(1, 2))
        old.push(*tagged(3, 4), memory_size=2)
        assert tags(old) == [1, 2]

    def test_fields_cannot_be_replaced(self) -> None:
        memory = Memory(*tagged(1))
        with pytest.raises(dataclasses.FrozenInstanceError):
            memory.keys = memory.values  # type: ignore[misc]

    def test_an_empty_memory_is_still_a_memory(self) -> None:
        memory = Memory(*tagged())
        assert len(memory) == 0
        assert memory
        assert memory.keys.shape == (2, 0, 3)

    def test_detach_stops_gradients(self) -> None:
        source = torch.ones(1, 2, 3, requires_grad=True)
        memory = Memory(2 * source, 3 * source)
        cut = memory.detach()
        assert torch.equal(cut.keys, memory.keys)
        assert torch.equal(cut.values, memory.values)
        assert not cut.keys.requires_grad
        assert not cut.values.requires_grad
        assert memory.keys.requires_grad

    def test_gradients_flow_through_push_to_what_is_kept(self) -> None:
        old = torch.ones(1, 3, 2, requires_grad=True)
        new = torch.ones(1, 1, 2, requires_grad=True)
        Memory(old, old).push(new, new, memory_size=2).keys.sum().backward()
        assert old.grad is not None
        assert old.grad[0, :, 0].tolist() == [0, 0, 1]
        assert new.grad is not None
        assert new.grad[0, :, 0].tolist() == [1]

    def test_copies(self) -> None:
        memory = Memory(*tagged(1, 2))
        for twin in (copy.deepcopy(memory), pickle.loads(pickle.dumps(memory))):
            assert isinstance(twin, Memory)
            assert tags(twin) == [1, 2]


@pytest.mark.usefixtures("unchecked")
class TestBadInput:
    @pytest.mark.parametrize(
        ("keys", "came"),
        [
            (torch.zeros(2, 3), "(2, 3)"),
            (torch.zeros(2, 3, 5, 1), "(2, 3, 5, 1)"),
            (torch.zeros(2, 3, 5, dtype=torch.long), "torch.int64"),
            (None, "None"),
            ([1.0], "[1.0]"),
        ],
        ids=["rank 2", "rank 4", "integers", "none", "list"],
    )
    def test_not_keys(self, keys: object, came: str) -> None:
        good = torch.zeros(2, 3, 5)
        allowed = "must be a floating-point tensor of shape (batch, slots, width)"
        with refused(ValueError, f"keys {allowed}", came):
            Memory(keys, good)  # type: ignore[arg-type]
        with refused(ValueError, f"values {allowed}", came):
            Memory(good, keys)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "values",
        [
            torch.zeros(2, 4, 5),
            torch.zeros(3, 3, 5),
            torch.zeros(2, 3, 6),
            torch.zeros(2, 3, 5, dtype=torch.float64),
            torch.zeros(2, 3, 5, device="meta"),
        ],
        ids=["slots", "batch", "width", "dtype", "device"],
    )
    def test_keys_and_values_disagree(self, values: Tensor) -> None:
        came = f"shape {tuple(values.shape)}, {values.dtype}, on {values.device}"
        with refused(ValueError, "keys and values must agree", "shape (2, 3, 5), torch.float32, on cpu", came):
            Memory(torch.zeros(2, 3, 5), values)

    @pytest.mark.parametrize(
        "slots",
        [
            torch.zeros(3, 1, 5),
            torch.zeros(2, 1, 6),
            torch.zeros(2, 1, 5, dtype=torch.bfloat16),
            torch.zeros(2, 1, 5, device="meta"),
        ],
        ids=["batch", "width", "dtype", "device"],
    )
    def test_new_slots_that_do_not_fit(self, slots: Tensor) -> None:
        memory = Memory(torch.zeros(2, 3, 5), torch.zeros(2, 3, 5))
        came = f"shape {tuple(slots.shape)}, {slots.dtype}, on {slots.device}"
        with refused(ValueError, "keys must fit the memory", came, "shape (2, 3, 5), torch.float32, on cpu"):
            memory.push(slots, slots, memory_size=4)

    def test_new_slots_that_disagree_with_each_other(self) -> None:
        memory = Memory(torch.zeros(2, 3, 5), torch.zeros(2, 3, 5))
        with refused(ValueError, "keys and values must agree", "(2, 1, 5)", "(2, 2, 5)"):
            memory.push(torch.zeros(2, 1, 5), torch.zeros(2, 2, 5), memory_size=4)

    def test_memory_size(self) -> None:
        memory = Memory(*tagged(1, 2))
        for size in (0, -1):
            with refused(ValueError, f"memory_size must be at least 1, got {size}"):
                memory.push(*tagged(3), memory_size=size)
        for size in (True, 2.0, None):
            with refused(TypeError, f"memory_size must be an integer of at least 1, got {size!r}"):
                memory.push(*tagged(3), memory_size=size)  # type: ignore[arg-type]
