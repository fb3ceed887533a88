"""What the properties are tried on: small random models in double precision, and tokens for them."""

from hypothesis import strategies as st
from torch import Tensor

from feedback_lite import CausalTransformer, FeedbackConfig, FeedbackTransformer
from tests.drawing import make_config, make_tokens, randomise

seeds = st.integers(0, 2**31 - 1)


@st.composite
def configs(draw: st.DrawFn, **fixed: object) -> FeedbackConfig:
    """A small feedback config; what is given by name stays as given."""
    sizes = {
        "vocab_size": draw(st.integers(2, 7)),
        "d_model": draw(st.sampled_from([4, 7])),
        "num_layers": draw(st.integers(1, 3)),
        "num_heads": draw(st.integers(1, 3)),
        "head_dim": draw(st.sampled_from([2, 5])),
        "memory_size": draw(st.integers(1, 9)),
        "segment_length": draw(st.integers(1, 4)),
        "num_buckets": draw(st.sampled_from([4, 8, 32])),
        "ff_mult": draw(st.integers(1, 2)),
        "memory_from": draw(st.sampled_from(["mixture", "last"])),
        "memory_norm": "compat" not in fixed and draw(st.booleans()),
    }
    return make_config(**(sizes | fixed))


@st.composite
def models(draw: st.DrawFn, **fixed: object) -> FeedbackTransformer:
    """A feedback model with random weights everywhere."""
    model = FeedbackTransformer(draw(configs(**fixed))).double()
    randomise(model, draw(seeds))
    return model


@st.composite
def causal_models(draw: st.DrawFn) -> CausalTransformer:
    """An ordinary model with random weights everywhere."""
    model = CausalTransformer(draw(configs(segment_length=1, memory_from="mixture", memory_norm=False))).double()
    randomise(model, draw(seeds))
    return model


def tokens_for(model: FeedbackTransformer | CausalTransformer, batch: int, length: int, seed: int) -> Tensor:
    return make_tokens(batch, length, vocab_size=model.config.vocab_size, seed=seed)
