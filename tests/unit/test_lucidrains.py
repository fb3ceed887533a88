"""Reading checkpoints of the original: what is taken, and what is said about a wrong one.

What the loaded model computes is compared in tests/conformance.
"""

import re
from collections import OrderedDict
from types import MappingProxyType

import pytest
import torch
from feedback_transformer_pytorch import FeedbackTransformer as Original
from torch import Tensor

from feedback_lite import FeedbackTransformer, load_lucidrains
from tests.drawing import make_tokens, randomise, refused

State = dict[str, Tensor]

SHARED = "shared_kv_proj.weight"
TABLE = "pos_emb.relative_attention_bias.weight"
NARROW = "layers.0.1.fn.fn.net.3.weight"
FAR_TOO_LONG = "state_dict is not of feedback-transformer-pytorch 0.0.11"


def checkpoint(segment_length: int = 2, dtype: torch.dtype = torch.float32) -> State:
    """A state dict of the original: vocabulary 17, width 7, two layers, three heads of width 5."""
    model = Original(num_tokens=17, dim=7, depth=2, heads=3, dim_head=5, mem_len=11, seq_len=segment_length)
    return dict(randomise(model).to(dtype).state_dict())


def load(state: object, **options: object) -> FeedbackTransformer:
    return load_lucidrains(state, **({"memory_size": 11, "segment_length": 2} | options))  # type: ignore[arg-type]


def problems(state: State) -> list[str]:
    """The lines in which the loader lists what is wrong."""
    with pytest.raises(ValueError, match=re.escape("state_dict")) as caught:
        load(state)
    return str(caught.value).split("\n  ")[1:]


class TestSizes:
    def test_config(self) -> None:
        model = load(checkpoint(), memory_size=13, segment_length=3, memory_from="last", max_distance=64)
        config = model.config
        assert (config.vocab_size, config.d_model, config.num_layers, config.num_heads, config.head_dim) == (
            17,
            7,
            2,
            3,
            5,
        )
        assert (config.num_buckets, config.max_distance, config.ff_mult) == (32, 64, 4)
        assert (config.memory_size, config.segment_length, config.memory_from) == (13, 3, "last")
        assert (config.compat, config.attn_dropout, config.ff_dropout) == ("lucidrains", 0, 0)

    def test_defaults_are_the_original_s(self) -> None:
        config = load(checkpoint()).config
        assert (config.max_distance, config.memory_from) == (128, "mixture")

    def test_other_sizes_are_read_too(self) -> None:
        """Checkpoints of changed copies of the original: another factor, another number of buckets."""
        state = checkpoint()
        for layer in range(2):
            state[f"layers.{layer}.1.fn.fn.net.0.weight"] = torch.zeros(2 * 3 * 7, 7)
            state[f"layers.{layer}.1.fn.fn.net.0.bias"] = torch.zeros(2 * 3 * 7)
            state[f"layers.{layer}.1.fn.fn.net.3.weight"] = torch.zeros(7, 3 * 7)
        state[TABLE] = torch.zeros(8, 3)
        config = load(state).config
        assert (config.ff_mult, config.num_buckets) == (3, 8)

    @pytest.mark.parametrize("depth", [1, 2, 11])
    def test_number_of_layers(self, depth: int) -> None:
        original = Original(num_tokens=17, dim=7, depth=depth, heads=3, dim_head=5, mem_len=11)
        assert load(original.state_dict()).config.num_layers == depth


class TestWeights:
    @pytest.mark.parametrize("saved", [1, 2])
    @pytest.mark.parametrize("asked", [1, 2, 5])
    def test_every_entry_arrives_whatever_the_segment_mode(self, saved: int, asked: int) -> None:
        state = checkpoint(saved)
        assert ("layers.0.0.fn.fn.fn.to_q.weight" in state) == (saved == 1)
        loaded = load(state, segment_length=asked).state_dict()
        fn = "fn.fn" if saved == 1 else "fn"
        pairs = {
            "embedding.weight": "token_emb.weight",
            "bias.table": TABLE,
            "layer_weights": "layer_weight",
            "to_keys_values.linear.weight": SHARED,
            "output_norm.weight": "to_logits.0.weight",
            "output_norm.bias": "to_logits.0.bias",
            "to_logits.weight": "to_logits.1.weight",
            "to_logits.bias": "to_logits.1.bias",
        }
        for layer in range(2):
            for own, theirs in {
                "attention_norm.weight": f"0.{fn}.norm.weight",
                "attention_norm.bias": f"0.{fn}.norm.bias",
                "attention.to_queries.weight": f"0.{fn}.fn.to_q.weight",
                "attention.to_output.weight": f"0.{fn}.fn.to_out.weight",
                "attention.to_output.bias": f"0.{fn}.fn.to_out.bias",
                "feedforward_norm.weight": "1.fn.norm.weight",
                "feedforward_norm.bias": "1.fn.norm.bias",
                "feedforward.widen.weight": "1.fn.fn.net.0.weight",
                "feedforward.widen.bias": "1.fn.fn.net.0.bias",
                "feedforward.narrow.weight": "1.fn.fn.net.3.weight",
                "feedforward.narrow.bias": "1.fn.fn.net.3.bias",
            }.items():
                pairs[f"blocks.{layer}.{own}"] = f"layers.{layer}.{theirs}"
        assert set(loaded) == set(pairs)
        for own, theirs in pairs.items():
            assert torch.equal(loaded[own], state[theirs]), own

    def test_last_leaves_the_layer_weights_out(self) -> None:
        assert "layer_weights" not in load(checkpoint(), memory_from="last").state_dict()

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
    def test_dtype_is_kept(self, dtype: torch.dtype) -> None:
        model = load(checkpoint(dtype=dtype))
        assert {parameter.dtype for parameter in model.parameters()} == {dtype}
        assert model(make_tokens(2, 5)).logits.dtype == dtype

    def test_the_model_is_independent_of_the_state_dict(self) -> None:
        state = checkpoint()
        model, tokens = load(state), make_tokens(2, 5)
        before = model(tokens).logits
        for entry in state.values():
            entry.zero_()
        assert torch.equal(model(tokens).logits, before)
        assert all(parameter.requires_grad for parameter in model.parameters())

    @pytest.mark.parametrize("wrap", [OrderedDict, MappingProxyType, dict])
    def test_any_mapping(self, wrap: type) -> None:
        load(wrap(checkpoint()))


@pytest.mark.usefixtures("unchecked")
class TestWrongEntries:
    @pytest.mark.parametrize("saved", [1, 2])
    def test_each_missing_entry_is_listed_and_nothing_else(self, saved: int) -> None:
        state = checkpoint(saved)
        for name in state:
            without = {other: entry for other, entry in state.items() if other != name}
            assert problems(without) == [f"missing: {name}"]

    def test_all_missing_entries_are_listed(self) -> None:
        state = checkpoint()
        gone = ["token_emb.weight", "layers.1.0.fn.norm.bias", "to_logits.1.bias"]
        for name in gone:
            del state[name]
        assert sorted(problems(state)) == sorted(f"missing: {name}" for name in gone)

    def test_all_extra_entries_are_listed(self) -> None:
        state = checkpoint() | {"extra": torch.zeros(1), "layers.1.0.fn.fn.rotary": torch.zeros(1)}
        assert sorted(problems(state)) == ["unexpected: extra", "unexpected: layers.1.0.fn.fn.rotary"]

    def test_missing_and_extra_entries_are_listed_together(self) -> None:
        state = checkpoint()
        state["layer_weights"] = state.pop("layer_weight")
        assert sorted(problems(state)) == ["missing: layer_weight", "unexpected: layer_weights"]

    def test_a_missing_layer_is_listed_whole(self) -> None:
        state = {name: entry for name, entry in checkpoint().items() if not name.startswith("layers.0.")}
        listed = problems(state)
        assert len(listed) == 12
        assert all(problem.startswith("missing: layers.0.") for problem in listed)

    def test_a_state_dict_of_this_package_is_refused(self) -> None:
        listed = problems(dict(load(checkpoint()).state_dict()))
        assert "missing: token_emb.weight" in listed
        assert "unexpected: embedding.weight" in listed

    def test_an_empty_mapping(self) -> None:
        assert "missing: token_emb.weight" in problems({})

    def test_all_misshapen_entries_are_listed(self) -> None:
        state = checkpoint()
        state["layer_weight"] = torch.ones(4)
        state["layers.1.0.fn.fn.to_q.weight"] = torch.zeros(7, 15)
        state["to_logits.1.bias"] = torch.zeros(18)
        assert sorted(problems(state)) == [
            "layer_weight: got (4,), expected (3,)",
            "layers.1.0.fn.fn.to_q.weight: got (7, 15), expected (15, 7)",
            "to_logits.1.bias: got (18,), expected (17,)",
        ]

    def test_layer_weights_that_are_not_used_are_checked_too(self) -> None:
        with refused(ValueError, "layer_weight: got (4,), expected (3,)"):
            load(checkpoint() | {"layer_weight": torch.ones(4)}, memory_from="last")

    def test_every_entry_of_the_wrong_shape_is_named(self) -> None:
        state = checkpoint()
        for name, entry in state.items():
            with pytest.raises(ValueError, match=re.escape(name)):
                load(state | {name: entry[None]})

    @pytest.mark.parametrize(
        ("name", "shape", "message"),
        [
            (SHARED, (31, 7), "got 31 rows"),
            (SHARED, (0, 7), "head_dim must be at least 1, got 0"),
            (NARROW, (7, 29), "must be a multiple of 7 wide, got 29"),
            (TABLE, (31, 3), "num_buckets must be even and at least 2, got 31"),
            (TABLE, (32, 0), "got 30 rows"),
            ("token_emb.weight", (17, 0), "got 28"),
            ("token_emb.weight", (17,), "token_emb.weight must be a matrix, got shape (17,)"),
        ],
    )
    def test_shapes_from_which_no_size_follows(self, name: str, shape: tuple[int, ...], message: str) -> None:
        with refused(ValueError, message):
            load(checkpoint() | {name: torch.zeros(shape)})

    def test_copies_of_the_shared_projection_must_agree(self) -> None:
        state = checkpoint()
        name = "layers.1.0.fn.fn.to_kv.weight"
        state[name] = state[name] + 1
        with refused(ValueError, f"state_dict: {name} must equal {SHARED}"):
            load(state)

    def test_mixed_dtypes(self) -> None:
        state = checkpoint()
        with refused(ValueError, "one dtype", "torch.float32 on cpu", "torch.float64 on cpu"):
            load(state | {"layer_weight": state["layer_weight"].double()})

    def test_mixed_devices(self) -> None:
        state = checkpoint()
        with refused(ValueError, "one device", "torch.float32 on cpu", "torch.float32 on meta"):
            load(state | {"layer_weight": state["layer_weight"].to("meta")})

    def test_integers(self) -> None:
        with refused(TypeError, "layer_weight must be a floating-point tensor, got torch.int64"):
            load(checkpoint() | {"layer_weight": torch.ones(3, dtype=torch.long)})

    @pytest.mark.parametrize("entry", [None, [1.0, 2.0, 3.0], "weights"])
    def test_entries_that_are_no_tensors(self, entry: object) -> None:
        with refused(TypeError, "layer_weight must be a floating-point tensor", f"got {type(entry).__name__}"):
            load(checkpoint() | {"layer_weight": entry})

    def test_names_that_are_no_strings(self) -> None:
        with refused(TypeError, "state_dict must map names to tensors", "got the name 3"):
            load(checkpoint() | {3: torch.zeros(1)})

    @pytest.mark.parametrize("state", [None, [], "model.pt", torch.zeros(3)])
    def test_not_a_mapping(self, state: object) -> None:
        with refused(TypeError, "state_dict must map names to tensors", f"got {type(state).__name__}"):
            load(state)

    def test_the_model_itself_is_not_its_state(self) -> None:
        with refused(TypeError, "state_dict must map names to tensors", "got FeedbackTransformer"):
            load(load(checkpoint()))


@pytest.mark.usefixtures("unchecked")
class TestWrongOptions:
    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"memory_size": 0}, ValueError, "memory_size must be at least 1, got 0"),
            ({"memory_size": True}, TypeError, "memory_size must be an integer of at least 1, got True"),
            ({"segment_length": -1}, ValueError, "segment_length must be at least 1, got -1"),
            ({"segment_length": 1.0}, TypeError, "segment_length must be an integer of at least 1, got 1.0"),
            ({"memory_from": "first"}, ValueError, "memory_from must be one of 'mixture', 'last', got 'first'"),
            ({"max_distance": 16}, ValueError, "max_distance must be greater than the 16 exact buckets"),
            ({"max_distance": None}, TypeError, "max_distance must be an integer of at least 1, got None"),
        ],
    )
    def test_values(self, options: dict[str, object], error: type[Exception], message: str) -> None:
        with refused(error, message):
            load(checkpoint(), **options)

    @pytest.mark.parametrize("name", ["memory_size", "segment_length"])
    def test_what_shapes_do_not_tell_must_be_given(self, name: str) -> None:
        options = {"memory_size": 11, "segment_length": 2}
        del options[name]
        with pytest.raises(TypeError, match=name):
            load_lucidrains(checkpoint(), **options)

    @pytest.mark.parametrize("name", ["mem_len", "num_heads"])
    def test_an_unknown_option_is_named(self, name: str) -> None:
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
            load(checkpoint(), **{name: 3})
