"""The figures of the book: one class each, alive with a kernel in a notebook and without one on the page."""

from feedback_lite.widgets.figure import Figure
from feedback_lite.widgets.layer_mixture import LayerMixture, accuracy_key, mixtures, softmax
from feedback_lite.widgets.palette import PALETTE, layer_colours, matplotlib_style
from feedback_lite.widgets.predict import Predict

__all__ = [
    "Figure",
    "LayerMixture",
    "PALETTE",
    "Predict",
    "accuracy_key",
    "layer_colours",
    "matplotlib_style",
    "mixtures",
    "softmax",
]
