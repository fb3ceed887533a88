"""Distances, buckets and the learned bias, against numbers worked out by hand."""

import copy
import math
import pickle

import pytest
import torch

from feedback_lite import RelativePositionBias, distances, relative_position_bucket
from tests.drawing import refused

# Eight buckets, far from 32 on. Four are exact; the others begin at 4 * 8**(k/4): 4, 6.73, 11.31, 19.03.
EIGHT_BUCKETS = dict(enumerate([0, 1, 2, 3, 4, 4, 4, 5])) | {11: 5, 12: 6, 19: 6, 20: 7, 31: 7, 33: 7, 10**6: 7}

# The default, 32 and 128. Sixteen are exact; the others begin at 16 * 8**(k/16), the last at 112.35.
DEFAULT_BUCKETS = {0: 0, 15: 15, 16: 16, 18: 16, 19: 17, 45: 23, 46: 24, 112: 30, 113: 31, 128: 31, 5000: 31}

# Both directions, eight buckets in all: two exact ones each, the fourth begins at 2 * 8**(1/2) = 5.66.
TWO_WAY_BUCKETS = {0: 0, 1: 1, 2: 2, 5: 2, 6: 3, 16: 3, 99: 3, -1: 5, -2: 6, -5: 6, -6: 7, -16: 7, -99: 7}


class TestDistances:
    def test_query_minus_key(self) -> None:
        assert distances(torch.tensor([5, 2]), torch.tensor([0, 2, 7])).tolist() == [[5, 3, -2], [2, 0, -5]]

    def test_newest_memory_slot_is_one_step_away_from_the_first_query(self) -> None:
        num_slots, num_tokens = 5, 3
        positions = torch.arange(num_slots + num_tokens)
        distance = distances(positions[num_slots:], positions)
        assert distance[0, num_slots - 1] == 1
        assert distance[0, 0] == num_slots
        assert [distance[query, num_slots + query].item() for query in range(num_tokens)] == [0, 0, 0]

    def test_empty(self) -> None:
        assert distances(torch.arange(3), torch.arange(0)).shape == (3, 0)
        assert distances(torch.arange(0), torch.arange(5)).shape == (0, 5)


class TestBuckets:
    @pytest.mark.parametrize(
        ("by_hand", "options"),
        [
            (EIGHT_BUCKETS, {"num_buckets": 8, "max_distance": 32}),
            (DEFAULT_BUCKETS, {"num_buckets": 32, "max_distance": 128}),
            (TWO_WAY_BUCKETS, {"num_buckets": 8, "max_distance": 16, "causal": False}),
        ],
        ids=["eight", "default", "two ways"],
    )
    def test_by_hand(self, by_hand: dict[int, int], options: dict[str, int]) -> None:
        buckets = relative_position_bucket(torch.tensor(list(by_hand)), **options)
        assert dict(zip(by_hand, buckets.tolist(), strict=True)) == by_hand

    def test_the_future_counts_as_zero(self) -> None:
        future = torch.tensor([-1, -3, -1000])
        assert relative_position_bucket(future, num_buckets=8, max_distance=32).tolist() == [0, 0, 0]

    def test_smallest_sizes(self) -> None:
        distance = torch.tensor([-2, -1, 0, 1, 2, 3])
        assert relative_position_bucket(distance, num_buckets=2, max_distance=2).tolist() == [0, 0, 0, 1, 1, 1]
        both = relative_position_bucket(distance, num_buckets=4, max_distance=2, causal=False)
        assert both.tolist() == [3, 3, 0, 1, 1, 1]

    def test_any_shape(self) -> None:
        for shape in [(), (3,), (2, 3, 5), (0, 7)]:
            distance = torch.zeros(shape, dtype=torch.long)
            assert relative_position_bucket(distance, num_buckets=8, max_distance=32).shape == shape

    def test_input_is_left_alone(self) -> None:
        distance = torch.tensor([-3, 5, 40])
        relative_position_bucket(distance, num_buckets=8, max_distance=32, causal=False)
        assert distance.tolist() == [-3, 5, 40]

    @pytest.mark.usefixtures("unchecked")
    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"num_buckets": 0}, ValueError, "num_buckets must be at least 2, got 0"),
            ({"num_buckets": 7}, ValueError, "num_buckets must be even and at least 2, got 7"),
            ({"num_buckets": True}, TypeError, "num_buckets must be an integer of at least 2, got True"),
            ({"num_buckets": 2, "causal": False}, ValueError, "num_buckets must be at least 4, got 2"),
            ({"num_buckets": 5, "causal": False}, ValueError, "num_buckets must be even and at least 4, got 5"),
            ({"max_distance": 4}, ValueError, "max_distance must be greater than the 4 exact buckets of 8, got 4"),
            (
                {"max_distance": 2, "causal": False},
                ValueError,
                "max_distance must be greater than the 2 exact buckets of 8, got 2",
            ),
            ({"max_distance": 32.0}, TypeError, "max_distance must be an integer of at least 1, got 32.0"),
        ],
    )
    def test_impossible_sizes(self, options: dict[str, int], error: type[Exception], message: str) -> None:
        sizes = {"num_buckets": 8, "max_distance": 32} | options
        with refused(error, message):
            relative_position_bucket(torch.tensor([1]), **sizes)

    @pytest.mark.usefixtures("unchecked")
    @pytest.mark.parametrize(
        ("distance", "message"),
        [
            (torch.tensor([0.5, 3.0]), "distance must hold integers of torch.int64 or torch.int32, got torch.float32"),
            (torch.tensor([True]), "distance must hold integers of torch.int64 or torch.int32, got torch.bool"),
            ([0, 3], "distance must be an integer tensor, got list"),
        ],
        ids=["fractions", "booleans", "list"],
    )
    def test_what_are_no_distances(self, distance: object, message: str) -> None:
        with refused(TypeError, message):
            relative_position_bucket(distance, num_buckets=8, max_distance=32)  # type: ignore[arg-type]


class TestBias:
    def test_entry_of_the_table_by_bucket_and_head(self) -> None:
        bias = RelativePositionBias(num_heads=3, num_buckets=8, max_distance=32)
        with torch.no_grad():
            bias.table.copy_(10.0 * torch.arange(8)[:, None] + torch.arange(3))
        distance = torch.tensor([[0, 1, -4, 7, 40], [3, 4, 2, 12, 20]])
        got = bias(distance)
        assert got.shape == (3, 2, 5)
        for head in range(3):
            for row in range(2):
                for column in range(5):
                    bucket = [[0, 1, 0, 5, 7], [3, 4, 2, 6, 7]][row][column]
                    assert got[head, row, column] == 10 * bucket + head

    def test_starts_at_zero(self) -> None:
        assert torch.equal(RelativePositionBias(num_heads=3).table, torch.zeros(32, 3))

    def test_recency_starts_at_minus_the_bucket(self) -> None:
        bias = RelativePositionBias(num_heads=3, num_buckets=8, max_distance=32, init="recency")
        assert bias.table.tolist() == [[-float(bucket)] * 3 for bucket in range(8)]
        assert bias(torch.tensor([[0, 3, 20]]))[1].tolist() == [[0, -3, -7]]

    def test_gradient_reaches_the_rows_that_were_used(self) -> None:
        bias = RelativePositionBias(num_heads=3, num_buckets=8, max_distance=32)
        bias(torch.tensor([[1, 1, 5]])).sum().backward()
        assert bias.table.grad is not None
        assert bias.table.grad.tolist() == [[float(count)] * 3 for count in (0, 2, 0, 0, 1, 0, 0, 0)]

    def test_one_table_is_the_whole_state(self) -> None:
        state = RelativePositionBias(num_heads=3, num_buckets=8, max_distance=32).state_dict()
        assert {name: tuple(tensor.shape) for name, tensor in state.items()} == {"table": (8, 3)}

    def test_copies(self) -> None:
        bias = RelativePositionBias(num_heads=3, init="recency")
        for twin in (copy.deepcopy(bias), pickle.loads(pickle.dumps(bias))):
            assert torch.equal(twin(torch.tensor([[9]])), bias(torch.tensor([[9]])))

    @pytest.mark.usefixtures("unchecked")
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"num_heads": 0}, "num_heads must be at least 1, got 0"),
            ({"num_buckets": 9}, "num_buckets must be even and at least 2, got 9"),
            ({"max_distance": 16}, "max_distance must be greater than the 16 exact buckets of 32, got 16"),
            ({"init": "ones"}, "init must be one of 'zeros', 'recency', got 'ones'"),
        ],
    )
    def test_impossible_options(self, options: dict[str, object], message: str) -> None:
        with refused(ValueError, message):
            RelativePositionBias(**({"num_heads": 3} | options))

    def test_an_unknown_option_is_named(self) -> None:
        with pytest.raises(TypeError, match="unexpected keyword argument 'causal'"):
            RelativePositionBias(num_heads=3, causal=True)


def test_the_tables_above_follow_from_the_formula() -> None:
    """The boundaries that the comments name, once more in double precision."""
    for table, num_buckets, max_distance in ((EIGHT_BUCKETS, 8, 32), (DEFAULT_BUCKETS, 32, 128)):
        exact = num_buckets // 2
        for distance, bucket in table.items():
            if distance >= exact:
                share = math.log(distance / exact) / math.log(max_distance / exact)
                assert bucket == min(num_buckets - 1, exact + math.floor(share * (num_buckets - exact)))
