"""The whole feedback model: its numbers, its state, its dtypes, its errors."""

import copy
import io
import pickle

import pytest
import torch
from torch import Tensor

from feedback_lite import FeedbackTransformer, Memory, Output
from tests.drawing import (
    assert_close,
    assert_learns_the_token_before_the_last,
    make_config,
    make_model,
    make_tokens,
    refused,
)
from tests.reference import feedback_logits

KINDS = [
    {"segment_length": segment_length, "memory_from": memory_from}
    for segment_length in (1, 2, 5)
    for memory_from in ("mixture", "last")
]
EVERY_KIND = [*KINDS, *({"segment_length": segment_length, "memory_norm": True} for segment_length in (1, 2))]


def kind_name(kind: dict[str, object]) -> str:
    return "-".join(map(str, kind.values()))


every_kind = pytest.mark.parametrize("kind", EVERY_KIND, ids=kind_name)


class TestNumbers:
    @every_kind
    @pytest.mark.parametrize("memory_size", [1, 4, 13, 19])
    def test_by_loops(self, kind: dict[str, object], memory_size: int) -> None:
        model = make_model(**kind, memory_size=memory_size)
        tokens = make_tokens(2, 13)
        logits, memory = model(tokens)
        for row in range(2):
            expected, slots = feedback_logits(tokens[row].tolist(), model.state_dict(), model.config)
            assert_close(logits[row].detach(), expected)
            assert_close(memory.keys[row].detach(), torch.stack([key for key, _ in slots]))
            assert_close(memory.values[row].detach(), torch.stack([value for _, value in slots]))

    def test_one_number_by_hand(self) -> None:
        """One layer, one head, width 1: a memory of one slot, followed to the last digit.

        Layer normalisation of a single number gives its bias, here 0 for the output and 2 for attention. Embeddings
        are 3 and 5; the feed-forward layer is switched off. Token 0 reads nothing: its layers are 3 and 3. Their
        mixture is 3, so key 3 * 1 and value 3 * 2. Token 1 reads that one slot whatever its score: 6 * 10 + 1 = 61.
        Its layers are 5 and 66. With shares 1/4 and 3/4 the mixture is 50.75, so key 50.75 and value 101.5.
        """
        model = FeedbackTransformer(
            make_config(vocab_size=2, d_model=1, num_layers=1, num_heads=1, head_dim=1, memory_size=2)
        ).double()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
            model.embedding.weight.copy_(torch.tensor([[3.0], [5.0]]))
            model.to_keys_values.linear.weight.copy_(torch.tensor([[1.0], [2.0]]))
            model.blocks[0].attention_norm.bias.fill_(2)
            model.blocks[0].attention.to_output.weight.fill_(10)
            model.blocks[0].attention.to_output.bias.fill_(1)
            model.layer_weights.copy_(torch.tensor([1.0, 3.0], dtype=torch.float64).log())
            hiddens = []
            model.blocks[0].register_forward_hook(lambda module, given, result: hiddens.append(result[0].item()))
            memory = model(torch.tensor([[0, 1]])).memory
        assert hiddens == [3.0, 66.0]
        assert_close(memory.keys, torch.tensor([[[3.0], [50.75]]], dtype=torch.float64))
        assert_close(memory.values, torch.tensor([[[6.0], [101.5]]], dtype=torch.float64))

    def test_a_normed_memory_by_hand(self) -> None:
        """Width 2, one layer of which nothing but the embedding is left: what memory holds is the normed embedding.

        The embedding (7, 3) has mean 5 and standard deviation 2, so (1, -1) but for the 1e-5 under the root. Gain 3 and
        shift (1, 2) make (4, -1) of it; the key is the sum, 3, and the value the difference, 5.
        """
        model = FeedbackTransformer(
            make_config(vocab_size=1, d_model=2, num_layers=1, num_heads=1, head_dim=1, memory_norm=True)
        ).double()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
            model.embedding.weight.copy_(torch.tensor([[7.0, 3.0]]))
            model.memory_norm.weight.fill_(3)
            model.memory_norm.bias.copy_(torch.tensor([1.0, 2.0]))
            model.to_keys_values.linear.weight.copy_(torch.tensor([[1.0, 1.0], [1.0, -1.0]]))
            memory = model(torch.tensor([[0]])).memory
        assert_close(memory.keys, torch.tensor([[[3.0]]], dtype=torch.float64), 1e-5)
        assert_close(memory.values, torch.tensor([[[5.0]]], dtype=torch.float64), 1e-5)

    def test_a_normed_memory_does_not_grow_where_another_does(self) -> None:
        """All matrices of attention and of keys and values times 6: what is stored has the size of the norm's gain."""
        stored = {}
        for norm in (False, True):
            torch.manual_seed(0)
            model = FeedbackTransformer(make_config(memory_norm=norm)).double()
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if "to_output.weight" in name or "keys_values" in name:
                        parameter.mul_(6)
                stored[norm] = model(make_tokens(1, 60)).memory.keys.abs().max().item()
        assert stored[False] > 1e6
        assert stored[True] < 100

    def test_the_first_token_gets_nothing_from_attention(self) -> None:
        """At segment length 1 there is no key for it: queries, output matrix and output bias do not matter."""
        model, tokens = make_model(), make_tokens(3, 1)
        before = model(tokens).logits
        with torch.no_grad():
            for block in model.blocks:
                block.attention.to_queries.weight.mul_(2)
                block.attention.to_output.weight.mul_(3)
                block.attention.to_output.bias.add_(5)
        assert torch.equal(model(tokens).logits, before)
        assert not torch.equal(model(make_tokens(3, 2)).logits[:, 1], make_model()(make_tokens(3, 2)).logits[:, 1])

    def test_a_lone_last_token_attends_to_itself_in_longer_segments(self) -> None:
        model, tokens = make_model(segment_length=3), make_tokens(2, 5)
        assert_close(model(tokens[:, :4]).logits[:, 3], model(tokens).logits[:, 3])
        assert_close(model(tokens[:, :1]).logits[:, 0], model(tokens).logits[:, 0])

    def test_memory_reaches_further_than_its_size(self) -> None:
        """Slots are made of slots: the first token still matters long after it was evicted."""
        model, tokens = make_model(memory_size=1), make_tokens(1, 9)
        changed = tokens.clone()
        changed[0, 0] = (changed[0, 0] + 1) % 17
        assert not torch.equal(model(tokens).logits[0, 8], model(changed).logits[0, 8])

    @every_kind
    def test_pieces_with_the_memory_carried_over_equal_the_whole(self, kind: dict[str, object]) -> None:
        model, tokens = make_model(**kind), make_tokens(2, 23)
        whole, last = model(tokens)
        first, memory = model(tokens[:, :10])
        second, memory = model(tokens[:, 10:], memory)
        assert_close(torch.cat((first, second), dim=1), whole)
        assert_close(memory.keys, last.keys)
        assert_close(memory.values, last.values)

    def test_a_piece_that_ends_elsewhere_closes_its_segment(self) -> None:
        """As the docstring says: what follows reads the early end through the memory."""
        model, tokens = make_model(segment_length=3), make_tokens(1, 6)
        first, memory = model(tokens[:, :2])
        second, _ = model(tokens[:, 2:], memory)
        whole = model(tokens).logits
        assert_close(first, whole[:, :2])
        assert not torch.allclose(second[:, 0], whole[:, 2])

    def test_dropout_works_in_training_alone(self) -> None:
        tokens = make_tokens(2, 9)
        for name in ("attn_dropout", "ff_dropout"):
            model = make_model(**{name: 0.5})
            torch.manual_seed(0)
            assert not torch.equal(model(tokens).logits, model(tokens).logits)
            model.eval()
            assert torch.equal(model(tokens).logits, model(tokens).logits)
            assert_close(model(tokens).logits, make_model()(tokens).logits)


class TestShapes:
    @every_kind
    def test_output(self, kind: dict[str, object]) -> None:
        output = make_model(**kind)(make_tokens(3, 23))
        assert isinstance(output, Output)
        logits, memory = output
        assert logits.shape == (3, 23, 17)
        assert isinstance(memory, Memory)
        assert memory.keys.shape == memory.values.shape == (3, 11, 10)

    @every_kind
    def test_empty_sequence(self, kind: dict[str, object]) -> None:
        model = make_model(**kind)
        logits, memory = model(make_tokens(3, 0))
        assert logits.shape == (3, 0, 17)
        assert memory.keys.shape == (3, 0, 10)
        _, memory = model(make_tokens(3, 5))
        logits, after = model(make_tokens(3, 0), memory)
        assert logits.shape == (3, 0, 17)
        assert torch.equal(after.keys, memory.keys)
        assert torch.equal(after.values, memory.values)

    @every_kind
    def test_empty_batch(self, kind: dict[str, object]) -> None:
        model = make_model(**kind)
        logits, memory = model(make_tokens(0, 13))
        assert logits.shape == (0, 13, 17)
        assert memory.keys.shape == (0, 11, 10)
        logits, memory = model(make_tokens(0, 3), memory)
        assert logits.shape == (0, 3, 17)

    @pytest.mark.parametrize("compat", [None, "lucidrains"])
    def test_empty_in_compat_mode_too(self, compat: str | None) -> None:
        model = make_model(compat=compat, segment_length=2)
        assert model(make_tokens(3, 0)).logits.shape == (3, 0, 17)
        assert model(make_tokens(0, 5)).logits.shape == (0, 5, 17)

    def test_int32_tokens(self) -> None:
        model, tokens = make_model(), make_tokens(2, 5)
        assert torch.equal(model(tokens.int()).logits, model(tokens).logits)


class TestState:
    def test_names_and_shapes(self) -> None:
        # d = 7, inner width 2 * 5 = 10, feed-forward 4 * 7 = 28.
        block = {
            "attention_norm.weight": (7,),
            "attention_norm.bias": (7,),
            "attention.to_queries.weight": (10, 7),
            "attention.to_output.weight": (7, 10),
            "attention.to_output.bias": (7,),
            "feedforward_norm.weight": (7,),
            "feedforward_norm.bias": (7,),
            "feedforward.widen.weight": (56, 7),
            "feedforward.widen.bias": (56,),
            "feedforward.narrow.weight": (7, 28),
            "feedforward.narrow.bias": (7,),
        }
        expected = {
            "layer_weights": (3,),
            "embedding.weight": (17, 7),
            "bias.table": (8, 2),
            "to_keys_values.linear.weight": (20, 7),
            "output_norm.weight": (7,),
            "output_norm.bias": (7,),
            "to_logits.weight": (17, 7),
            "to_logits.bias": (17,),
        } | {f"blocks.{layer}.{name}": shape for layer in range(2) for name, shape in block.items()}
        assert {name: tuple(tensor.shape) for name, tensor in make_model().state_dict().items()} == expected

    def test_the_shared_projection_is_there_once_however_many_layers(self) -> None:
        model = make_model(num_layers=5)
        assert [name for name in model.state_dict() if "keys_values" in name] == ["to_keys_values.linear.weight"]
        assert len(list(model.parameters())) == len(model.state_dict())

    def test_names_and_shapes_do_not_depend_on_compat(self) -> None:
        for kind in KINDS:
            own, compat = (make_model(**kind, compat=compat).state_dict() for compat in (None, "lucidrains"))
            assert {name: entry.shape for name, entry in own.items()} == {
                name: entry.shape for name, entry in compat.items()
            }

    def test_last_has_no_layer_weights_and_differs_in_nothing_else(self) -> None:
        mixture, last = make_model().state_dict(), make_model(memory_from="last").state_dict()
        assert set(mixture) - set(last) == {"layer_weights"}
        assert set(last) - set(mixture) == set()

    def test_a_norm_of_the_memory_has_two_vectors_more_and_differs_in_nothing_else(self) -> None:
        without, normed = make_model().state_dict(), make_model(memory_norm=True).state_dict()
        assert {name: normed[name].shape for name in set(normed) - set(without)} == {
            "memory_norm.weight": (7,),
            "memory_norm.bias": (7,),
        }
        assert set(without) - set(normed) == set()

    def test_start(self) -> None:
        model = FeedbackTransformer(make_config())
        assert torch.equal(model.layer_weights, torch.zeros(3))
        assert torch.equal(model.bias.table, torch.zeros(8, 2))
        recency = FeedbackTransformer(make_config(bias_init="recency"))
        assert recency.bias.table.tolist() == [[-bucket, -bucket] for bucket in range(8)]
        # All else as PyTorch starts it.
        assert torch.equal(model.output_norm.weight, torch.ones(7))
        assert model.embedding.weight.std() > 0.5
        assert model.to_keys_values.linear.weight.abs().max() <= 7**-0.5

    def test_the_seed_alone_decides(self) -> None:
        models = []
        for _ in range(2):
            torch.manual_seed(5)
            models.append(FeedbackTransformer(make_config()).state_dict())
        assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])

    def test_config_is_kept(self) -> None:
        config = make_config()
        assert FeedbackTransformer(config).config is config

    def test_copies(self) -> None:
        model, tokens = make_model(segment_length=2), make_tokens(2, 9)
        buffer = io.BytesIO()
        torch.save(model.state_dict(), buffer)
        buffer.seek(0)
        loaded = FeedbackTransformer(model.config).double()
        loaded.load_state_dict(torch.load(buffer, weights_only=True))
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), loaded):
            assert twin.config == model.config
            assert torch.equal(twin(tokens).logits, model(tokens).logits)

    def test_a_copy_shares_nothing(self) -> None:
        model, tokens = make_model(), make_tokens(2, 9)
        before = model(tokens).logits
        twin = copy.deepcopy(model)
        with torch.no_grad():
            twin.to_keys_values.linear.weight.add_(1)
        assert torch.equal(model(tokens).logits, before)
        assert not torch.equal(twin(tokens).logits, before)


class TestPrecision:
    @pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.1)])
    @every_kind
    def test_lower_precision_stays_near(self, dtype: torch.dtype, tolerance: float, kind: dict[str, object]) -> None:
        tokens = make_tokens(2, 13)
        logits, memory = make_model(**kind, dtype=dtype)(tokens)
        expected, expected_memory = make_model(**kind)(tokens)
        assert logits.dtype == memory.keys.dtype == memory.values.dtype == dtype
        assert_close(logits.double(), expected, tolerance)
        assert_close(memory.keys.double(), expected_memory.keys, tolerance)

    @every_kind
    def test_autocast(self, kind: dict[str, object]) -> None:
        model, tokens = make_model(**kind, dtype=torch.float32), make_tokens(2, 20)
        expected = model(tokens).logits
        with torch.autocast("cpu", dtype=torch.bfloat16):
            first, memory = model(tokens[:, :10])
            second, memory = model(tokens[:, 10:], memory)
        assert memory.keys.dtype == memory.values.dtype == torch.bfloat16
        assert_close(torch.cat((first, second), dim=1).float(), expected, 0.1)
        second.float().sum().backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
        assert all(parameter.grad.dtype == torch.float32 for parameter in model.parameters())

    def test_empty_under_autocast(self) -> None:
        model = make_model(dtype=torch.float32)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert model(make_tokens(2, 0)).memory.keys.dtype == torch.bfloat16
            assert model(make_tokens(0, 3)).logits.shape == (0, 3, 17)


class TestLearning:
    @pytest.mark.parametrize(
        "kind", [*EVERY_KIND, *({**kind, "compat": "lucidrains"} for kind in KINDS)], ids=kind_name
    )
    def test_gradients_reach_every_parameter(self, kind: dict[str, object]) -> None:
        model = make_model(**kind)
        model(make_tokens(3, 13)).logits.square().sum().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.any(), name

    def test_gradients_reach_the_far_past_through_the_memory(self) -> None:
        """Token 2 occurs at the first place alone; its slot is long gone when the loss is taken."""
        model = make_model(memory_size=2)
        tokens = torch.tensor([[2] + [3] * 9])
        model(tokens).logits[:, -1].sum().backward()
        assert model.embedding.weight.grad is not None
        assert model.embedding.weight.grad[2].any()

    def test_detached_memory_stops_them(self) -> None:
        model = make_model()
        _, memory = model(torch.tensor([[2, 2]]))
        model(torch.tensor([[3, 3]]), memory.detach()).logits.sum().backward()
        assert model.embedding.weight.grad is not None
        assert not model.embedding.weight.grad[2].any()
        model(torch.tensor([[3, 3]]), memory).logits.sum().backward()
        assert model.embedding.weight.grad[2].any()

    def test_gradient_agrees_with_differences(self) -> None:
        model, tokens = make_model(segment_length=2), make_tokens(1, 5)
        weighting = torch.randn(1, 5, 17, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        (model(tokens).logits * weighting).sum().backward()
        for name in ("layer_weights", "bias.table", "to_keys_values.linear.weight"):
            parameter = model.get_parameter(name)
            entry = (0,) * parameter.ndim if name != "bias.table" else (1, 0)
            losses = []
            for change in (1e-6, -2e-6):
                with torch.no_grad():
                    parameter[entry] += change
                    losses.append((model(tokens).logits * weighting).sum())
            assert parameter.grad is not None
            assert (losses[0] - losses[1]).item() / 2e-6 == pytest.approx(parameter.grad[entry].item(), rel=1e-5)

    @pytest.mark.usefixtures("unchecked")
    @pytest.mark.parametrize("kind", [EVERY_KIND[0], EVERY_KIND[-1]], ids=kind_name)
    def test_trains(self, kind: dict[str, object]) -> None:
        torch.manual_seed(0)
        sizes = {"vocab_size": 3, "d_model": 16, "head_dim": 8}
        assert_learns_the_token_before_the_last(FeedbackTransformer(make_config(**sizes, **kind)))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("config", [{"vocab_size": 17}, None, make_model()])
def test_what_is_no_config(config: object) -> None:
    with refused(TypeError, f"config must be a FeedbackConfig, got {type(config).__name__}"):
        FeedbackTransformer(config)  # type: ignore[arg-type]


@pytest.mark.usefixtures("unchecked")
class TestBadTokens:
    @pytest.mark.parametrize("model", [make_model(), make_model(segment_length=3)], ids=["single", "segments"])
    @pytest.mark.parametrize("wrong", [-1, -17, 17, 1000])
    @pytest.mark.parametrize("place", [0, 7])
    def test_out_of_range(self, model: FeedbackTransformer, wrong: int, place: int) -> None:
        tokens = make_tokens(2, 8)
        tokens[1, place] = wrong
        with refused(ValueError, "tokens must lie from 0 to 16", f"got {wrong}"):
            model(tokens)

    @pytest.mark.parametrize(
        "dtype",
        [
            torch.float32,
            torch.float64,
            torch.bfloat16,
            torch.complex64,
            torch.bool,
            torch.int16,
            torch.int8,
            torch.uint8,
        ],
    )
    def test_not_integers_that_an_embedding_takes(self, dtype: torch.dtype) -> None:
        with refused(TypeError, "tokens must hold integers", f"got {dtype}"):
            make_model()(torch.ones(2, 3).to(dtype))

    @pytest.mark.parametrize("shape", [(), (5,), (2, 3, 1), (0,)])
    def test_rank(self, shape: tuple[int, ...]) -> None:
        with refused(ValueError, "tokens must have shape (batch, time)", f"got shape {shape}"):
            make_model()(torch.zeros(shape, dtype=torch.long))

    @pytest.mark.parametrize("tokens", [[[1, 2]], None, "text", 3])
    def test_not_a_tensor(self, tokens: object) -> None:
        with refused(TypeError, "tokens must be an integer tensor", f"got {type(tokens).__name__}"):
            make_model()(tokens)


@pytest.mark.usefixtures("unchecked")
class TestBadMemory:
    def make_memory(self, *shape: int, dtype: torch.dtype = torch.float64, device: str = "cpu") -> Memory:
        return Memory(torch.zeros(shape, dtype=dtype, device=device), torch.zeros(shape, dtype=dtype, device=device))

    def test_as_many_slots_as_fit_are_fine(self) -> None:
        make_model()(make_tokens(2, 3), self.make_memory(2, 11, 10))

    def test_too_many_slots(self) -> None:
        with refused(ValueError, "memory must hold at most memory_size=11 slots, got 12"):
            make_model()(make_tokens(2, 3), self.make_memory(2, 12, 10))

    @pytest.mark.parametrize(
        ("memory", "came"),
        [
            (((3, 5, 10), {}), "shape (3, 5, 10), torch.float64, on cpu"),
            (((1, 5, 10), {}), "shape (1, 5, 10), torch.float64, on cpu"),
            (((2, 5, 9), {}), "shape (2, 5, 9), torch.float64, on cpu"),
            (((2, 0, 9), {}), "shape (2, 0, 9), torch.float64, on cpu"),
            (((2, 5, 10), {"dtype": torch.float32}), "shape (2, 5, 10), torch.float32, on cpu"),
            (((2, 0, 10), {"dtype": torch.float32}), "shape (2, 0, 10), torch.float32, on cpu"),
            (((2, 5, 10), {"device": "meta"}), "shape (2, 5, 10), torch.float64, on meta"),
        ],
        ids=["batch", "batch of 1", "width", "width, empty", "dtype", "dtype, empty", "device"],
    )
    def test_does_not_fit(self, memory: tuple[tuple[int, ...], dict[str, object]], came: str) -> None:
        shape, options = memory
        with refused(ValueError, "memory must fit this call: batch 2, width 10, torch.float64, on cpu", f"got {came}"):
            make_model()(make_tokens(2, 3), self.make_memory(*shape, **options))  # type: ignore[arg-type]

    def test_dtype_under_autocast(self) -> None:
        model = make_model(dtype=torch.float32)
        _, plain = model(make_tokens(2, 3))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            _, cast = model(make_tokens(2, 3))
            with refused(ValueError, "memory must fit this call", "torch.bfloat16, on cpu", "got", "torch.float32"):
                model(make_tokens(2, 3), plain)
        with refused(ValueError, "memory must fit this call", "torch.float32, on cpu", "got", "torch.bfloat16"):
            model(make_tokens(2, 3), cast)

    @pytest.mark.parametrize("memory", [(torch.zeros(2, 5, 10),) * 2, torch.zeros(2, 5, 10), False, "memory"])
    def test_not_a_memory(self, memory: object) -> None:
        with refused(TypeError, "memory must be a Memory", f"got {type(memory).__name__}"):
            make_model()(make_tokens(2, 3), memory)

    def test_a_refused_memory_is_told_before_any_work(self) -> None:
        model = make_model()
        calls = []
        model.blocks[0].register_forward_hook(lambda *_: calls.append(1))
        with refused(ValueError, "memory must hold at most"):
            model(make_tokens(2, 3), self.make_memory(2, 12, 10))
        assert calls == []


@pytest.mark.usefixtures("unchecked")
def test_an_unknown_argument_is_named() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'return_memory'"):
        make_model()(make_tokens(2, 3), return_memory=True)


def test_meta_device() -> None:
    """Nothing in the way of a forward depends on where tensors lie, but for the check of token numbers."""
    model = FeedbackTransformer(make_config(segment_length=2)).to("meta")
    embedded = torch.empty(2, 2, 7, device="meta")
    memory = Memory(torch.empty(2, 3, 10, device="meta"), torch.empty(2, 3, 10, device="meta"))
    hiddens = model.read(embedded, memory).hiddens
    assert hiddens.device.type == "meta"
    assert model.write(hiddens, memory).keys.shape == (2, 5, 10)


def test_logits_are_a_tensor_of_the_graph() -> None:
    logits: Tensor = make_model()(make_tokens(2, 3)).logits
    assert logits.requires_grad
    with torch.no_grad():
        assert not make_model()(make_tokens(2, 3)).logits.requires_grad
