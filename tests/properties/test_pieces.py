"""Properties of the small pieces: buckets, mask, mixture, queue."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from feedback_lite import Memory, attention_weights, causal_mask, distances, mix_layers, relative_position_bucket
from tests.drawing import assert_close
from tests.properties.strategies import seeds

every_distance = torch.arange(-300, 301)


@st.composite
def bucket_sizes(draw: st.DrawFn, *, least: int) -> dict[str, int]:
    num_buckets = 2 * draw(st.integers(least // 2, 40))
    return {"num_buckets": num_buckets, "max_distance": num_buckets // 2 + draw(st.integers(1, 200))}


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class TestBuckets:
    @given(bucket_sizes(least=2))
    def test_monotone_and_bounded(self, sizes: dict[str, int]) -> None:
        buckets = relative_position_bucket(every_distance, **sizes)
        assert (buckets.diff() >= 0).all()
        assert buckets.min() == 0
        assert buckets.max() <= sizes["num_buckets"] - 1
        assert (buckets[every_distance <= 0] == 0).all()
        assert (buckets[every_distance >= sizes["max_distance"]] == sizes["num_buckets"] - 1).all()

    @given(bucket_sizes(least=2))
    def test_near_distances_have_a_bucket_each(self, sizes: dict[str, int]) -> None:
        near = torch.arange(sizes["num_buckets"] // 2 + 1)
        assert torch.equal(relative_position_bucket(near, **sizes), near)

    @given(bucket_sizes(least=4))
    def test_both_directions_mirror_each_other(self, sizes: dict[str, int]) -> None:
        """What holds for a step back holds for a step ahead, in the other half of the buckets."""
        ahead = torch.arange(1, 301)
        half = sizes["num_buckets"] // 2
        past = relative_position_bucket(ahead, causal=False, **sizes)
        future = relative_position_bucket(-ahead, causal=False, **sizes)
        assert torch.equal(future, past + half)
        assert past.max() <= half - 1
        assert (past.diff() >= 0).all()
        assert relative_position_bucket(torch.tensor([0]), causal=False, **sizes).item() == 0

    @given(bucket_sizes(least=4))
    def test_one_direction_of_two_is_the_causal_case_with_half_the_buckets(self, sizes: dict[str, int]) -> None:
        half = sizes["num_buckets"] // 2
        if half % 2:
            return
        back = torch.arange(300)
        assert torch.equal(
            relative_position_bucket(back, causal=False, **sizes),
            relative_position_bucket(back, num_buckets=half, max_distance=sizes["max_distance"]),
        )


class TestPositions:
    @given(st.integers(0, 9), st.integers(1, 9), st.integers(-50, 50))
    def test_only_differences_count(self, slots: int, tokens: int, shift: int) -> None:
        positions = torch.arange(slots + tokens)
        distance = distances(positions[slots:], positions)
        assert torch.equal(distances(positions[slots:] + shift, positions + shift), distance)

    @given(st.integers(0, 9), st.integers(1, 9))
    def test_a_query_may_read_all_slots_and_its_segment_up_to_itself(self, slots: int, tokens: int) -> None:
        positions = torch.arange(slots + tokens)
        mask = causal_mask(distances(positions[slots:], positions))
        assert mask.sum(dim=1).tolist() == [slots + token + 1 for token in range(tokens)]
        assert (mask.int().diff(dim=1) <= 0).all()


class TestAttentionWeights:
    @given(seeds, st.integers(1, 3), st.integers(1, 5), st.integers(1, 7))
    def test_shares_of_what_is_allowed(self, seed: int, heads: int, queries: int, keys: int) -> None:
        mask = normal(seed, queries, keys) > 0
        mask[:, 0] = True
        weights = attention_weights(
            normal(seed, 2, heads, queries, 5),
            normal(seed + 1, 2, heads, keys, 5),
            bias=normal(seed + 2, heads, queries, keys),
            mask=mask,
        )
        assert_close(weights.sum(-1), torch.ones(2, heads, queries, dtype=torch.float64), 1e-12)
        assert torch.equal(weights > 0, mask.expand_as(weights))


class TestMixture:
    @given(seeds, st.integers(1, 9), st.floats(0, 20))
    def test_shares_sum_to_one(self, seed: int, layers: int, scale: float) -> None:
        """Layers that agree are left as they are, whatever the weights."""
        same = normal(seed, 1, 2, 3, 5).expand(layers, 2, 3, 5)
        assert_close(mix_layers(same, scale * normal(seed + 1, layers)), same[0], 1e-12)

    @given(seeds, st.integers(1, 9), st.floats(0, 20))
    def test_shares_read_off_one_layer_each_are_positive_and_sum_to_one(
        self, seed: int, layers: int, scale: float
    ) -> None:
        one_hot = torch.eye(layers, dtype=torch.float64)[:, None, None, :]
        shares = mix_layers(one_hot, scale * normal(seed, layers))[0, 0]
        assert (shares > 0).all()
        assert abs(shares.sum().item() - 1) < 1e-12

    @given(seeds, st.integers(1, 9), st.floats(-100, 100))
    def test_only_differences_of_weights_count(self, seed: int, layers: int, shift: float) -> None:
        hiddens, weights = normal(seed, layers, 2, 3, 5), normal(seed + 1, layers)
        assert_close(mix_layers(hiddens, weights + shift), mix_layers(hiddens, weights))

    @given(seeds, st.integers(1, 9))
    def test_nothing_leaves_the_range_of_the_layers(self, seed: int, layers: int) -> None:
        hiddens = normal(seed, layers, 2, 3, 5)
        mixed = mix_layers(hiddens, 3 * normal(seed + 1, layers))
        assert (mixed <= hiddens.amax(0) + 1e-12).all()
        assert (mixed >= hiddens.amin(0) - 1e-12).all()


def tagged(tags: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    keys = torch.tensor(tags, dtype=torch.float64)[None, :, None]
    return keys, -keys


def tags_of(memory: Memory) -> list[float]:
    assert torch.equal(memory.values, -memory.keys)
    return memory.keys[0, :, 0].tolist()


class TestQueue:
    @given(st.integers(1, 8), st.lists(st.integers(0, 10), max_size=8))
    def test_never_longer_than_its_size_and_always_the_newest_in_order(self, size: int, pushes: list[int]) -> None:
        memory, written = Memory(*tagged([])), 0
        for count in pushes:
            memory = memory.push(*tagged(list(range(written, written + count))), memory_size=size)
            written += count
            assert len(memory) == min(size, written)
            assert tags_of(memory) == list(range(written - len(memory), written))

    @given(st.integers(1, 8), st.integers(0, 10), st.integers(0, 10), st.integers(0, 10))
    def test_two_pushes_equal_one_of_both(self, size: int, before: int, first: int, second: int) -> None:
        start = Memory(*tagged([])).push(*tagged(list(range(before))), memory_size=size)
        one, two = list(range(100, 100 + first)), list(range(200, 200 + second))
        apart = start.push(*tagged(one), memory_size=size).push(*tagged(two), memory_size=size)
        assert tags_of(apart) == tags_of(start.push(*tagged(one + two), memory_size=size))

    @given(st.integers(1, 8), st.integers(0, 10), st.integers(0, 10))
    def test_push_leaves_the_old_memory_as_it_was(self, size: int, before: int, count: int) -> None:
        old = Memory(*tagged(list(range(before))))
        old.push(*tagged(list(range(50, 50 + count))), memory_size=size)
        assert tags_of(old) == list(range(before))
