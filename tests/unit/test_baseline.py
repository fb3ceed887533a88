"""The ordinary transformer of equal parts."""

import copy
import pickle

import pytest
import torch

from feedback_lite import CausalTransformer, FeedbackTransformer, Memory, Output
from tests.drawing import (
    assert_close,
    assert_learns_the_token_before_the_last,
    make_config,
    make_tokens,
    randomise,
    refused,
)
from tests.reference import causal_logits


def make_model(dtype: torch.dtype = torch.float64, **changes: object) -> CausalTransformer:
    model = CausalTransformer(make_config(**changes)).to(dtype)
    randomise(model)
    return model


def test_by_loops() -> None:
    model, tokens = make_model(), make_tokens(2, 13)
    logits = model(tokens).logits.detach()
    for row in range(2):
        assert_close(logits[row], causal_logits(tokens[row].tolist(), model.state_dict(), model.config))


def test_output_holds_an_empty_memory() -> None:
    output = make_model()(make_tokens(3, 23))
    assert isinstance(output, Output)
    assert output.logits.shape == (3, 23, 17)
    assert isinstance(output.memory, Memory)
    assert output.memory.keys.shape == output.memory.values.shape == (3, 0, 10)


def test_the_whole_sequence_is_in_view_whatever_the_memory_size() -> None:
    tokens = make_tokens(2, 13)
    assert torch.equal(make_model(memory_size=1)(tokens).logits, make_model(memory_size=50)(tokens).logits)
    changed = tokens.clone()
    changed[:, 0] = (changed[:, 0] + 1) % 17
    one_layer = make_model(num_layers=1)
    assert not torch.allclose(one_layer(tokens).logits[:, 12], one_layer(changed).logits[:, 12])


def test_no_feedback() -> None:
    """Layer 1 sees the embeddings of the past and nothing above them: changing block 2 leaves it as it was."""
    model, tokens = make_model(), make_tokens(2, 13)
    seen = []
    model.blocks[0].register_forward_hook(lambda module, given, result: seen.append(result[0]))
    model(tokens)
    with torch.no_grad():
        model.blocks[1].feedforward.narrow.bias.add_(1)
        model.to_keys_values[1].linear.weight.mul_(2)
    model(tokens)
    assert torch.equal(seen[0], seen[1])


def test_names_and_shapes() -> None:
    """Those of the feedback model, but for a projection per layer and no layer weights."""
    feedback = {name: entry.shape for name, entry in FeedbackTransformer(make_config()).state_dict().items()}
    causal = {name: entry.shape for name, entry in make_model().state_dict().items()}
    own = {f"to_keys_values.{layer}.linear.weight": feedback["to_keys_values.linear.weight"] for layer in range(2)}
    del feedback["to_keys_values.linear.weight"], feedback["layer_weights"]
    assert causal == feedback | own


def test_projections_are_not_shared() -> None:
    first, second = (projection.linear.weight for projection in make_model().to_keys_values)
    assert first is not second
    assert not torch.equal(first, second)


def test_start() -> None:
    assert not CausalTransformer(make_config()).bias.table.any()
    recency = CausalTransformer(make_config(bias_init="recency"))
    assert recency.bias.table[:, 1].tolist() == [-bucket for bucket in range(8)]


def test_empty_sequence_and_empty_batch() -> None:
    model = make_model()
    assert model(make_tokens(3, 0)).logits.shape == (3, 0, 17)
    assert model(make_tokens(0, 5)).logits.shape == (0, 5, 17)


def test_copies() -> None:
    model, tokens = make_model(), make_tokens(2, 9)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(twin(tokens).logits, model(tokens).logits)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.1)])
def test_lower_precision_stays_near(dtype: torch.dtype, tolerance: float) -> None:
    tokens = make_tokens(2, 13)
    logits, memory = make_model(dtype)(tokens)
    assert logits.dtype == memory.keys.dtype == dtype
    assert_close(logits.double(), make_model()(tokens).logits, tolerance)


def test_autocast() -> None:
    model, tokens = make_model(torch.float32), make_tokens(2, 13)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(tokens).logits
    assert_close(logits.float(), model(tokens).logits, 0.1)


def test_gradients_reach_every_parameter() -> None:
    model = make_model()
    model(make_tokens(3, 13)).logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_trains() -> None:
    torch.manual_seed(0)
    assert_learns_the_token_before_the_last(CausalTransformer(make_config(vocab_size=3, d_model=16, head_dim=8)))


def test_dropout_works_in_training_alone() -> None:
    tokens = make_tokens(2, 9)
    for name in ("attn_dropout", "ff_dropout"):
        model = make_model(**{name: 0.5})
        torch.manual_seed(0)
        assert not torch.equal(model(tokens).logits, model(tokens).logits)
        model.eval()
        assert_close(model(tokens).logits, make_model()(tokens).logits)


@pytest.mark.parametrize(
    ("option", "value", "neutral"),
    [
        ("segment_length", 2, "1"),
        ("memory_from", "last", "'mixture'"),
        ("memory_norm", True, "False"),
        ("compat", "lucidrains", "None"),
    ],
)
def test_options_that_only_feedback_has_are_refused(option: str, value: object, neutral: str) -> None:
    with refused(ValueError, f"{option} belongs to the feedback model", f"needs {neutral}", f"got {value!r}"):
        CausalTransformer(make_config(**{option: value}))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("config", [{"vocab_size": 17}, None])
def test_what_is_no_config(config: object) -> None:
    with refused(TypeError, f"config must be a FeedbackConfig, got {type(config).__name__}"):
        CausalTransformer(config)  # type: ignore[arg-type]


@pytest.mark.usefixtures("unchecked")
class TestBadInput:
    @pytest.mark.parametrize("wrong", [-1, 17])
    def test_out_of_range(self, wrong: int) -> None:
        tokens = make_tokens(2, 8)
        tokens[1, 3] = wrong
        with refused(ValueError, "tokens must lie from 0 to 16", f"got {wrong}"):
            make_model()(tokens)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.int16])
    def test_not_integers(self, dtype: torch.dtype) -> None:
        with refused(TypeError, "tokens must hold integers", f"got {dtype}"):
            make_model()(torch.ones(2, 3).to(dtype))

    def test_rank(self) -> None:
        with refused(ValueError, "tokens must have shape (batch, time)", "got shape (5,)"):
            make_model()(torch.zeros(5, dtype=torch.long))

    def test_a_memory_is_not_taken(self) -> None:
        with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
            make_model()(make_tokens(2, 3), Memory(torch.zeros(2, 0, 10), torch.zeros(2, 0, 10)))
