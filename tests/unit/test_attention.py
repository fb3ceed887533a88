"""Attention against sums written out by hand and in plain Python loops."""

import copy
import math
import pickle

import pytest
import torch
from torch import Tensor

from feedback_lite import Attention, KeyValueProjection, attend, attention_weights, merge_heads, split_heads
from tests.drawing import assert_close, randomise, refused


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class TestHeads:
    def test_each_head_takes_a_stretch_of_the_last_axis(self) -> None:
        merged = torch.arange(12.0).reshape(1, 2, 6)
        assert split_heads(merged, num_heads=3).tolist() == [
            [[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]],
        ]

    def test_merging_undoes_splitting(self) -> None:
        merged = draw(2, 7, 15)
        assert split_heads(merged, num_heads=3).shape == (2, 3, 7, 5)
        assert torch.equal(merge_heads(split_heads(merged, num_heads=3)), merged)

    def test_swapped_axes_are_caught_by_the_shape_checks(self) -> None:
        """So that every other test may rely on the checks being on."""
        with pytest.raises(TypeError, match="Type-check error"):
            attend(draw(2, 3, 7, 11), draw(2, 3, 13, 5))


class TestWeights:
    def test_scale_belongs_to_the_product(self) -> None:
        # Head width 4, so the scale is 1/2: products 2 * ln 9 and 0 become scores ln 9 and 0, weights 9:1.
        queries = torch.tensor([[[[2.0, 0.0, 0.0, 0.0]]]])
        keys = torch.tensor([[[[math.log(9), 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 5.0]]]])
        assert_close(attention_weights(queries, keys), torch.tensor([[[[0.9, 0.1]]]]), 1e-6)

    def test_bias_is_added_whole(self) -> None:
        # Scores ln 9 and 0, bias 0 and ln 9: they even out. A scaled bias would not.
        queries = torch.tensor([[[[2.0, 0.0, 0.0, 0.0]]]])
        keys = torch.tensor([[[[math.log(9), 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 5.0]]]])
        bias = torch.tensor([[[0.0, math.log(9)]]])
        assert_close(attention_weights(queries, keys, bias=bias), torch.tensor([[[[0.5, 0.5]]]]), 1e-6)

    def test_masked_keys_get_nothing_and_the_rest_is_shared_out(self) -> None:
        queries = torch.zeros(1, 1, 2, 3)
        keys = draw(1, 1, 4, 3).float()
        mask = torch.tensor([[True, False, True, False], [False, False, True, False]])
        assert attention_weights(queries, keys, mask=mask).tolist() == [[[[0.5, 0.0, 0.5, 0.0], [0.0, 0.0, 1.0, 0.0]]]]

    def test_each_head_has_its_own_bias(self) -> None:
        queries, keys = torch.zeros(1, 2, 1, 3), torch.zeros(1, 2, 2, 3)
        bias = torch.tensor([[[0.0, math.log(3)]], [[math.log(4), 0.0]]])
        expected = torch.tensor([[[[0.25, 0.75]], [[0.8, 0.2]]]])
        assert_close(attention_weights(queries, keys, bias=bias), expected, 1e-6)

    def test_large_scores_do_not_overflow(self) -> None:
        queries, keys = torch.full((1, 1, 1, 4), 1e4), torch.full((1, 1, 2, 4), 1e4)
        assert attention_weights(queries, keys).tolist() == [[[[0.5, 0.5]]]]

    def test_no_key_gives_no_weight(self) -> None:
        assert attention_weights(draw(2, 3, 7, 5), draw(2, 3, 0, 5)).shape == (2, 3, 7, 0)


class TestAttend:
    def test_weighted_sum_by_hand(self) -> None:
        weights = torch.tensor([[[[0.25, 0.75], [1.0, 0.0]]]])
        values = torch.tensor([[[[4.0, 8.0, 0.0], [0.0, 4.0, 1.0]]]])
        assert attend(weights, values).tolist() == [[[[1.0, 5.0, 0.75], [4.0, 8.0, 0.0]]]]

    def test_no_key_gives_zero(self) -> None:
        assert torch.equal(attend(draw(2, 3, 7, 0), draw(2, 3, 0, 5)), torch.zeros(2, 3, 7, 5, dtype=torch.float64))


class TestProjection:
    def test_keys_come_first_and_values_second(self) -> None:
        project = KeyValueProjection(d_model=2, num_heads=1, head_dim=3)
        with torch.no_grad():
            project.linear.weight.copy_(torch.tensor([[1, 0], [0, 1], [1, 1], [2, 0], [0, 2], [-1, 1]]))
        keys, values = project(torch.tensor([[[10.0, 3.0]]]))
        assert keys.tolist() == [[[10.0, 3.0, 13.0]]]
        assert values.tolist() == [[[20.0, 6.0, -7.0]]]

    def test_no_bias(self) -> None:
        project = KeyValueProjection(d_model=7, num_heads=3, head_dim=5)
        assert {name: tuple(p.shape) for name, p in project.named_parameters()} == {"linear.weight": (30, 7)}
        keys, values = project(torch.zeros(2, 11, 7))
        assert keys.shape == values.shape == (2, 11, 15)
        assert not keys.any()
        assert not values.any()

    @pytest.mark.usefixtures("unchecked")
    @pytest.mark.parametrize("name", ["d_model", "num_heads", "head_dim"])
    def test_impossible_sizes(self, name: str) -> None:
        sizes = {"d_model": 7, "num_heads": 3, "head_dim": 5}
        with refused(ValueError, f"{name} must be at least 1, got 0"):
            KeyValueProjection(**(sizes | {name: 0}))
        with refused(TypeError, f"{name} must be an integer of at least 1, got True"):
            KeyValueProjection(**(sizes | {name: True}))


def attention_by_loops(
    attention: Attention, hidden: Tensor, keys: Tensor, values: Tensor, bias: Tensor, mask: Tensor
) -> Tensor:
    """The formula once more, one number at a time."""
    num_heads = attention.num_heads
    head_dim = keys.shape[-1] // num_heads
    output = torch.zeros_like(hidden)
    for b in range(hidden.shape[0]):
        for i in range(hidden.shape[1]):
            query = attention.to_queries.weight @ hidden[b, i]
            read = torch.zeros(num_heads * head_dim, dtype=hidden.dtype)
            for h in range(num_heads):
                units = range(h * head_dim, (h + 1) * head_dim)
                powers = {
                    j: math.exp(sum(query[u] * keys[b, j, u] for u in units) / math.sqrt(head_dim) + bias[h, i, j])
                    for j in range(keys.shape[1])
                    if mask[i, j]
                }
                for u in units:
                    read[u] = sum(power * values[b, j, u] for j, power in powers.items()) / sum(powers.values())
            output[b, i] = attention.to_output.weight @ read + attention.to_output.bias
    return output


class TestAttention:
    def make(self, **options: float) -> Attention:
        attention = Attention(d_model=7, num_heads=2, head_dim=5, **options).double()
        randomise(attention)
        return attention

    def test_by_loops(self) -> None:
        attention = self.make()
        hidden, keys, values, bias = draw(3, 4, 7), draw(3, 11, 10, seed=1), draw(3, 11, 10, seed=2), draw(2, 4, 11)
        mask = draw(4, 11, seed=3) > 0
        mask[:, 6] = True
        output, weights = attention(hidden, keys, values, bias=bias, mask=mask)
        with torch.no_grad():
            assert_close(output, attention_by_loops(attention, hidden, keys, values, bias, mask))
        assert weights.shape == (3, 2, 4, 11)
        assert_close(weights.sum(-1), torch.ones(3, 2, 4, dtype=torch.float64))

    def test_with_no_key_at_all_nothing_is_added_output_bias_included(self) -> None:
        attention = self.make()
        assert attention.to_output.bias.all()
        empty = torch.empty(3, 0, 10, dtype=torch.float64)
        output, weights = attention(draw(3, 4, 7), empty, empty)
        assert torch.equal(output, torch.zeros(3, 4, 7, dtype=torch.float64))
        assert weights.shape == (3, 2, 4, 0)

    def test_no_query(self) -> None:
        output, weights = self.make()(draw(3, 0, 7), draw(3, 11, 10), draw(3, 11, 10))
        assert output.shape == (3, 0, 7)
        assert weights.shape == (3, 2, 0, 11)

    def test_dropout_drops_weights_in_training_alone(self) -> None:
        attention = self.make(dropout=0.5)
        given = draw(3, 4, 7), draw(3, 11, 10), draw(3, 11, 10)
        torch.manual_seed(0)
        assert not torch.equal(attention(*given)[0], attention(*given)[0])
        attention.eval()
        assert torch.equal(attention(*given)[0], attention(*given)[0])
        attention.train()
        # The weights that are returned are those before dropout: they still sum to one.
        assert_close(attention(*given)[1].sum(-1), torch.ones(3, 2, 4, dtype=torch.float64))

    def test_parameters(self) -> None:
        assert {name: tuple(parameter.shape) for name, parameter in self.make().named_parameters()} == {
            "to_queries.weight": (10, 7),
            "to_output.weight": (7, 10),
            "to_output.bias": (7,),
        }

    def test_copies(self) -> None:
        attention = self.make()
        given = draw(3, 4, 7), draw(3, 11, 10), draw(3, 11, 10)
        for twin in (copy.deepcopy(attention), pickle.loads(pickle.dumps(attention))):
            assert torch.equal(twin(*given)[0], attention(*given)[0])

    @pytest.mark.usefixtures("unchecked")
    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"d_model": -7}, ValueError, "d_model must be at least 1, got -7"),
            ({"num_heads": 0}, ValueError, "num_heads must be at least 1, got 0"),
            ({"head_dim": 2.5}, TypeError, "head_dim must be an integer of at least 1, got 2.5"),
            ({"dropout": 1.0}, ValueError, "dropout must lie from 0 up to but not including 1, got 1.0"),
            ({"dropout": "no"}, TypeError, "dropout must be a number from 0 up to but not including 1, got 'no'"),
        ],
    )
    def test_impossible_options(self, options: dict[str, object], error: type[Exception], message: str) -> None:
        with refused(error, message):
            Attention(**({"d_model": 7, "num_heads": 2, "head_dim": 5} | options))
