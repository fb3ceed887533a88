"""The Feedback Transformer, small enough to read: `FeedbackTransformer` is the model, the rest its pieces."""

from feedback_lite.attention import (
    Attention,
    KeyValueProjection,
    attend,
    attention_weights,
    merge_heads,
    split_heads,
)
from feedback_lite.baseline import CausalTransformer
from feedback_lite.block import Block
from feedback_lite.config import FeedbackConfig
from feedback_lite.feedforward import FeedForward, geglu
from feedback_lite.generation import Stepper, generate
from feedback_lite.interventions import Interventions, intervene
from feedback_lite.lucidrains import load_lucidrains
from feedback_lite.mask import causal_mask
from feedback_lite.memory import Memory, mix_layers
from feedback_lite.model import FeedbackTransformer, Output
from feedback_lite.positions import RelativePositionBias, distances, relative_position_bucket

__version__ = "0.1.0"

__all__ = [
    "Attention",
    "Block",
    "CausalTransformer",
    "FeedForward",
    "FeedbackConfig",
    "FeedbackTransformer",
    "Interventions",
    "KeyValueProjection",
    "Memory",
    "Output",
    "RelativePositionBias",
    "Stepper",
    "attend",
    "attention_weights",
    "causal_mask",
    "distances",
    "geglu",
    "generate",
    "intervene",
    "load_lucidrains",
    "merge_heads",
    "mix_layers",
    "relative_position_bucket",
    "split_heads",
]
