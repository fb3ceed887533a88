"""The gated feed-forward layer, by hand."""

import copy
import math
import pickle

import pytest
import torch
from torch import Tensor

from feedback_lite import FeedForward, geglu
from tests.drawing import assert_close, randomise, refused


def gelu(x: float) -> float:
    """x times the normal distribution function, in its exact form."""
    return x * (1 + math.erf(x / math.sqrt(2))) / 2


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class TestGeglu:
    def test_second_half_gates_the_first(self) -> None:
        got = geglu(torch.tensor([2.0, -3.0, 1.0, 0.0], dtype=torch.float64))
        # gelu(1) = 0.8413447..., gelu(0) = 0.
        assert_close(got, torch.tensor([1.6826894921370859, 0.0], dtype=torch.float64))

    def test_gelu_is_exact_not_the_tanh_approximation(self) -> None:
        gates = [-3.0, -1.0, -0.5, 0.5, 1.0, 3.0]
        got = geglu(torch.tensor([1.0] * 6 + gates, dtype=torch.float64))
        assert_close(got, torch.tensor([gelu(gate) for gate in gates], dtype=torch.float64), 1e-14)

    def test_halves_the_last_axis_alone(self) -> None:
        assert geglu(draw(2, 3, 10)).shape == (2, 3, 5)


class TestFeedForward:
    def make(self, **options: float) -> FeedForward:
        feedforward = FeedForward(d_model=7, mult=3, **options).double()
        randomise(feedforward)
        return feedforward

    @torch.no_grad()
    def test_by_loops(self) -> None:
        feedforward, hidden = self.make(), draw(2, 5, 7)
        expected = torch.zeros(2, 5, 7, dtype=torch.float64)
        for b in range(2):
            for n in range(5):
                wide = feedforward.widen.weight @ hidden[b, n] + feedforward.widen.bias
                gated = [wide[unit] * gelu(wide[21 + unit].item()) for unit in range(21)]
                expected[b, n] = feedforward.narrow.weight @ torch.stack(gated) + feedforward.narrow.bias
        assert_close(feedforward(hidden), expected)

    def test_width_is_a_multiple_of_the_model(self) -> None:
        assert {name: tuple(parameter.shape) for name, parameter in self.make().named_parameters()} == {
            "widen.weight": (42, 7),
            "widen.bias": (42,),
            "narrow.weight": (7, 21),
            "narrow.bias": (7,),
        }
        assert FeedForward(d_model=7).narrow.weight.shape == (7, 28)

    def test_dropout_stands_before_the_last_matrix_and_works_in_training_alone(self) -> None:
        feedforward, hidden = self.make(dropout=0.999), draw(2, 5, 7)
        torch.manual_seed(0)
        dropped = feedforward(hidden)
        # With nearly every unit dropped, most tokens get the last bias and nothing else.
        assert ((dropped - feedforward.narrow.bias).abs().amax(-1) < 1e-12).sum() >= 6
        feedforward.eval()
        assert torch.equal(feedforward(hidden), feedforward(hidden))
        assert not torch.equal(feedforward(hidden), dropped)

    def test_empty(self) -> None:
        assert self.make()(draw(2, 0, 7)).shape == (2, 0, 7)

    def test_copies(self) -> None:
        feedforward, hidden = self.make(), draw(2, 5, 7)
        for twin in (copy.deepcopy(feedforward), pickle.loads(pickle.dumps(feedforward))):
            assert torch.equal(twin(hidden), feedforward(hidden))

    @pytest.mark.usefixtures("unchecked")
    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"d_model": 0}, ValueError, "d_model must be at least 1, got 0"),
            ({"mult": 0}, ValueError, "mult must be at least 1, got 0"),
            ({"mult": 1.5}, TypeError, "mult must be an integer of at least 1, got 1.5"),
            ({"dropout": -0.1}, ValueError, "dropout must lie from 0 up to but not including 1, got -0.1"),
        ],
    )
    def test_impossible_options(self, options: dict[str, object], error: type[Exception], message: str) -> None:
        with refused(error, message):
            FeedForward(**({"d_model": 7} | options))

    def test_an_unknown_option_is_named(self) -> None:
        with pytest.raises(TypeError, match="unexpected keyword argument 'activation'"):
            FeedForward(d_model=7, activation="relu")
