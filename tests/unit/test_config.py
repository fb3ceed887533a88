"""Sizes and options: what a config takes, and what it says to everything else."""

import dataclasses
import math

import pytest

from feedback_lite import FeedbackConfig
from feedback_lite.training import records
from tests.drawing import make_config, refused

REQUIRED = {
    "vocab_size": 17,
    "d_model": 7,
    "num_layers": 2,
    "num_heads": 3,
    "head_dim": 5,
    "memory_size": 11,
}
SIZE_NAMES = (*REQUIRED, "segment_length", "ff_mult", "num_buckets", "max_distance")


def test_defaults_are_those_of_the_paper_and_the_original() -> None:
    config = FeedbackConfig(**REQUIRED)
    assert dataclasses.asdict(config) == REQUIRED | {
        "segment_length": 1,
        "num_buckets": 32,
        "max_distance": 128,
        "ff_mult": 4,
        "attn_dropout": 0.0,
        "ff_dropout": 0.0,
        "memory_from": "mixture",
        "memory_norm": False,
        "bias_init": "zeros",
        "compat": None,
    }


def test_config_cannot_be_changed() -> None:
    config = make_config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.d_model = 8  # type: ignore[misc]


def test_equal_configs_are_equal_and_can_be_dictionary_keys() -> None:
    assert make_config() == make_config()
    assert make_config() != make_config(d_model=8)
    assert len({make_config(), make_config(), make_config(d_model=8)}) == 2


@pytest.mark.parametrize("name", REQUIRED)
def test_every_required_size_is_named_when_it_is_missing(name: str) -> None:
    given = {other: value for other, value in REQUIRED.items() if other != name}
    with pytest.raises(TypeError, match=name):
        FeedbackConfig(**given)


@pytest.mark.parametrize("name", ["depth", "heads", "dim", "mem_len", "seq_len"])
def test_an_unknown_option_is_named(name: str) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        FeedbackConfig(**REQUIRED, **{name: 3})


def test_sizes_must_be_named() -> None:
    with pytest.raises(TypeError, match="positional"):
        FeedbackConfig(17, 7, 2, 3, 5, 11)  # type: ignore[misc, call-arg]


@pytest.mark.usefixtures("unchecked")
class TestImpossibleValues:
    @pytest.mark.parametrize("name", SIZE_NAMES)
    @pytest.mark.parametrize("value", [True, False, 2.0, "3", None, [3]])
    def test_sizes_of_the_wrong_type(self, name: str, value: object) -> None:
        with refused(TypeError, f"{name} must be an integer of at least ", f"got {value!r}"):
            FeedbackConfig(**(REQUIRED | {name: value}))

    @pytest.mark.parametrize("name", SIZE_NAMES)
    @pytest.mark.parametrize("value", [0, -1, -7])
    def test_sizes_too_small(self, name: str, value: int) -> None:
        with refused(ValueError, f"{name} must be at least ", f"got {value}"):
            FeedbackConfig(**(REQUIRED | {name: value}))

    def test_one_bucket(self) -> None:
        with refused(ValueError, "num_buckets must be at least 2, got 1"):
            FeedbackConfig(**REQUIRED, num_buckets=1)

    @pytest.mark.parametrize("value", [3, 31])
    def test_odd_number_of_buckets(self, value: int) -> None:
        with refused(ValueError, f"num_buckets must be even and at least 2, got {value}"):
            FeedbackConfig(**REQUIRED, num_buckets=value)

    @pytest.mark.parametrize("value", [1, 15, 16])
    def test_far_distance_within_the_exact_buckets(self, value: int) -> None:
        with refused(ValueError, "max_distance must be greater than the 16 exact buckets of 32", f"got {value}"):
            FeedbackConfig(**REQUIRED, max_distance=value)

    @pytest.mark.parametrize("name", ["attn_dropout", "ff_dropout"])
    @pytest.mark.parametrize("value", [-0.1, 1.0, 1, 2.5, math.nan, math.inf])
    def test_dropout_out_of_range(self, name: str, value: float) -> None:
        with refused(ValueError, f"{name} must lie from 0 up to but not including 1, got {value}"):
            FeedbackConfig(**REQUIRED, **{name: value})

    @pytest.mark.parametrize("name", ["attn_dropout", "ff_dropout"])
    @pytest.mark.parametrize("value", [True, "0.1", None, 0.1j])
    def test_dropout_of_the_wrong_type(self, name: str, value: object) -> None:
        with refused(TypeError, f"{name} must be a number from 0 up to but not including 1, got {value!r}"):
            FeedbackConfig(**REQUIRED, **{name: value})

    @pytest.mark.parametrize("value", [0, 1, None, "True"])
    def test_memory_norm_of_the_wrong_type(self, value: object) -> None:
        with refused(TypeError, f"memory_norm must be True or False, got {value!r}"):
            FeedbackConfig(**REQUIRED, memory_norm=value)  # type: ignore[arg-type]

    def test_the_original_norms_no_memory(self) -> None:
        with refused(ValueError, "memory_norm must be False with compat='lucidrains'", "got True"):
            FeedbackConfig(**REQUIRED, memory_norm=True, compat="lucidrains")

    @pytest.mark.parametrize(
        ("name", "value", "allowed"),
        [
            ("memory_from", "first", "'mixture', 'last'"),
            ("memory_from", None, "'mixture', 'last'"),
            ("memory_from", ["last"], "'mixture', 'last'"),
            ("bias_init", "random", "'zeros', 'recency'"),
            ("bias_init", 0, "'zeros', 'recency'"),
            ("compat", "lucid", "None, 'lucidrains'"),
            ("compat", False, "None, 'lucidrains'"),
        ],
    )
    def test_unknown_choices(self, name: str, value: object, allowed: str) -> None:
        with refused(ValueError, f"{name} must be one of {allowed}, got {value!r}"):
            FeedbackConfig(**REQUIRED, **{name: value})


@pytest.mark.parametrize(
    "options",
    [
        {"num_buckets": 2, "max_distance": 2},
        {"num_buckets": 32, "max_distance": 17},
        {"attn_dropout": 0, "ff_dropout": 0.999},
        {"memory_size": 1, "segment_length": 100},
        {"memory_from": "last", "bias_init": "recency", "compat": "lucidrains"},
        {"memory_from": "last", "memory_norm": True},
        dict.fromkeys(REQUIRED, 1),
    ],
)
def test_values_at_the_edge_of_what_is_allowed(options: dict[str, object]) -> None:
    config = FeedbackConfig(**(REQUIRED | options))
    assert {name: getattr(config, name) for name in options} == options


def test_the_start_of_the_position_table_is_told_as_it_was_measured() -> None:
    told = " ".join((FeedbackConfig.__doc__ or "").split())
    sentences = {
        "feedback, no recency start": "{copy} and follows the shell game over 80 tokens in {shell}",
        "feedback": 'from "recency", {copy} and {shell}',
    }
    for name, says in sentences.items():
        reached = {
            "copy": mean_of("compare-copy", name, "20"),
            "shell": mean_of("compare-shell-game", name, "80"),
        }
        assert says.format(**reached) in told


def mean_of(record: str, model: str, length: str) -> str:
    runs = [
        run["accuracy_by_length"][length]
        for run in records.load(record)["runs"]
        if run["model"] == model and "examples" in run["budgets"]
    ]
    assert len(runs) >= 3
    return f"{sum(runs) / len(runs):.0%}".replace("%", " %")
