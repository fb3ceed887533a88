"""The hidden vectors of all layers, mixed by learned weights into the one vector that memory keeps of a step."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import traitlets

from feedback_lite.widgets.figure import Figure, join_script, join_style, percent

REACH = 3  # the sliders go from -REACH to REACH
LEARNED, EMBEDDING, LAST = "learned", "embedding only", "last layer only"
SLIDERS = "sliders"  # the mixture that the reader has set
MIXTURES = (LEARNED, EMBEDDING, LAST, SLIDERS)
WORDS = {
    "made": "Step {step}, {token}: the memory vector is made of {parts}.",
    "learned": "With the learned mixture the trained model {does} in {accuracy} of the steps.",
    "other": "With this mixture the trained model {does} in {accuracy} of the steps.",
}
CAPTIONS = (
    "Each row is one layer, each square one number of its hidden vector. Grey with a dash is negative.",
    "The bands are shares: so much of each layer goes into the one memory vector of this step.",
    "Move the sliders: raw weights become shares, and the large number says what the model still can.",
)


def softmax(weights: Sequence[float]) -> list[float]:
    """Return the shares of raw weights; a weight of minus infinity gets a share of exactly 0."""
    largest = max(weights)
    powers = [math.exp(weight - largest) for weight in weights]
    return [power / sum(powers) for power in powers]


def accuracy_key(weights: Iterable[int]) -> str:
    """Return the name of a mixture of whole weights, such as "0,2,5".

    A softmax sees differences alone: adding the same number to all weights changes nothing. So the key counts from
    the smallest weight.
    """
    whole = list(weights)
    return ",".join(str(weight - min(whole)) for weight in whole)


def mixtures(layer_weights: Any) -> dict[str, list[float]]:
    """Return the raw weights of every mixture that the figure can show, by the key of its accuracy.

    These are the learned mixture, the embedding alone, the last layer alone (minus infinity for all others) and every
    setting of the sliders; settings with equal shares come once.
    """
    learned = [float(weight) for weight in _nested(layer_weights)]
    layers = range(len(learned))
    first, last = ([0.0 if layer == only else -math.inf for layer in layers] for only in (0, len(learned) - 1))
    settings = (list(setting) for setting in product(range(2 * REACH + 1), repeat=len(learned)) if min(setting) == 0)
    whole = {accuracy_key(setting): [float(weight) for weight in setting] for setting in settings}
    return {LEARNED: learned, EMBEDDING: first, LAST: last, **whole}


class LayerMixture(Figure):
    """The layer weights, their softmax, and the memory vector that comes of them, step by step.

    Args:
        hiddens: the hidden vectors of a trained model, steps x layers x width, layer 0 the embedding.
        layer_weights: the raw weights that the model has learned, one per layer.
        tokens: what is read at each step, in words.
        layer_names: what the layers are called, from the embedding up.
        accuracy: the model's measured accuracy, 0 to 1, with each mixture of ``mixtures(layer_weights)``.
        does: what the model does in the stated share of steps.
        step: the step that is shown first, counted from 1.

    Raises:
        ValueError: sizes that do not agree, a mixture without accuracy or an accuracy without mixture.
    """

    _esm = join_script("layer_mixture")
    _css = join_style("layer_mixture")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    captions = traitlets.List(list(CAPTIONS), read_only=True).tag(sync=True)
    choices = traitlets.List(list(MIXTURES), read_only=True, help="of `mixture`").tag(sync=True)
    hiddens: Any = traitlets.List().tag(sync=True)
    layer_weights = traitlets.List(traitlets.Float()).tag(sync=True)
    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    layer_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    accuracy = traitlets.Dict().tag(sync=True)
    does = traitlets.Unicode().tag(sync=True)
    reach = traitlets.Int(REACH, read_only=True, help="how far the sliders go").tag(sync=True)
    scale = traitlets.Float(help="the value that is drawn in full colour").tag(sync=True)
    step = traitlets.Int(1, help="the step that is shown, counted from 1").tag(sync=True)
    mixture = traitlets.Enum(MIXTURES, LEARNED).tag(sync=True)
    weights = traitlets.List(traitlets.Int(), help="where the sliders stand").tag(sync=True)

    def __init__(
        self,
        hiddens: Any,
        layer_weights: Any,
        tokens: Sequence[str],
        layer_names: Sequence[str],
        accuracy: Mapping[str, float],
        *,
        does: str = "finds the ball",
        step: int = 5,
    ) -> None:
        vectors, learned = _nested(hiddens), _nested(layer_weights)
        _check_sizes(vectors, learned, tokens, layer_names)
        _check_accuracy(accuracy, mixtures(learned))
        super().__init__(
            hiddens=[[[round(value, 3) for value in vector] for vector in layers] for layers in vectors],
            layer_weights=[round(weight, 4) for weight in learned],
            tokens=list(tokens),
            layer_names=list(layer_names),
            accuracy={key: round(float(accuracy[key]), 3) for key in mixtures(learned)},
            does=does,
            scale=_full_colour(vectors),
            step=min(step, len(tokens)),
            weights=[_nearest_notch(weight) for weight in learned],
        )

    def raw_weights(self) -> list[float]:
        """Return the raw weights of the mixture that is shown."""
        if self.mixture == SLIDERS:
            return [float(weight) for weight in self.weights]
        return mixtures(self.layer_weights)[self.mixture]

    def describe(self) -> str:
        """Return the step, the shares of the layers in its memory vector, and what the model can do with them."""
        shares = softmax(self.raw_weights())
        parts = ", ".join(f"{name} {percent(share)}" for name, share in zip(self.layer_names, shares, strict=True))
        key = accuracy_key(self.weights) if self.mixture == SLIDERS else self.mixture
        made = self.tell("made", step=self.step, token=self.tokens[self.step - 1], parts=parts)
        which = "learned" if self.mixture == LEARNED else "other"
        return f"{made} {self.tell(which, does=self.does, accuracy=percent(self.accuracy[key]))}"

    @traitlets.validate("step")
    def _check_step(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 1, len(self.tokens))

    @traitlets.validate("weights")
    def _check_weights(self, proposal: traitlets.Bunch) -> list[int]:
        weights: list[int] = proposal["value"]
        if len(weights) != len(self.layer_weights) or any(abs(weight) > REACH for weight in weights):
            raise traitlets.TraitError(
                f"weights must be {len(self.layer_weights)} whole numbers from {-REACH} to {REACH}, got {weights}"
            )
        return weights


def _nested(values: Any) -> list[Any]:
    """Return tensors and arrays as nested lists; lists stay what they are."""
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _nearest_notch(weight: float) -> int:
    return max(-REACH, min(REACH, math.floor(weight + 0.5)))


def _full_colour(vectors: list[Any]) -> float:
    """Return the size below which 98 of 100 values lie, so that a few large ones do not make all others pale."""
    sizes = sorted(abs(value) for layers in vectors for vector in layers for value in vector)
    return max(round(sizes[math.floor(0.98 * (len(sizes) - 1))], 1), 0.1)


def _check_sizes(vectors: list[Any], learned: list[float], tokens: Sequence[str], layer_names: Sequence[str]) -> None:
    layers, steps = len(learned), len(tokens)
    if layers < 2:
        raise ValueError(f"layer_weights must hold the embedding and at least one layer, got {layers} weights")
    if len(layer_names) != layers:
        raise ValueError(f"layer_names must name all {layers} layers, got {list(layer_names)}")
    if len(vectors) != steps or steps == 0:
        raise ValueError(f"hiddens and tokens must have the same number of steps, got {len(vectors)} and {steps}")
    widths = {len(vector) for step in vectors for vector in step}
    if any(len(step) != layers for step in vectors) or len(widths) != 1:
        counts = sorted({len(step) for step in vectors})
        raise ValueError(f"hiddens must be steps x {layers} x width, got {counts} layers of widths {sorted(widths)}")
    numbers = [*learned, *(value for step in vectors for vector in step for value in vector)]
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError("hiddens and layer_weights must be finite, got infinity or not a number among them")


def _check_accuracy(accuracy: Mapping[str, float], allowed: Mapping[str, list[float]]) -> None:
    missing = [key for key in allowed if key not in accuracy]
    unknown = [key for key in accuracy if key not in allowed]
    if missing or unknown:
        raise ValueError(
            f"accuracy must have the keys of mixtures(layer_weights): missing {missing}, unknown {unknown}"
        )
    outside = {key: value for key, value in accuracy.items() if not 0 <= value <= 1}
    if outside:
        raise ValueError(f"accuracy must lie between 0 and 1, got {outside}")
