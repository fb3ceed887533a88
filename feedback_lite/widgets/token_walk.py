"""One token's way through the assembled model, station by station, with the numbers of a real run."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import traitlets
from torch import Tensor

from feedback_lite.generation import Stepper
from feedback_lite.model import FeedbackTransformer
from feedback_lite.positions import distances
from feedback_lite.widgets.figure import Figure, join_script, join_style, percent

LIKELIEST = 5  # answers that the last station shows
WORDS = {"here": "Token {token}, {word}. {name}: {told}"}


@torch.no_grad()
def walks(model: FeedbackTransformer, tokens: Sequence[int], vocabulary: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Return, for each token in turn, what happens to it at every station.

    A station has a ``name``, a short one (``short``), a sentence (``tell``), vectors to draw (``rows``: name, kind and
    numbers) and shares or logits to draw (``bars``: name, numbers, words). The numbers are computed in float64 and then
    rounded, so that they are the same on every machine.

    Args:
        model: a feedback model with segments of one token.
        tokens: what it reads, at least one.
        vocabulary: the words of all tokens, which are the answers too.

    Raises:
        ValueError: the model norms its memory, which no station tells of.
    """
    if model.config.memory_norm:
        raise ValueError("model must have memory_norm=False: no station tells of a norm of the memory")
    exact = copy.deepcopy(model).double()
    stepper = Stepper(exact)
    return [_walk(exact, stepper, token, vocabulary) for token in tokens]


def _walk(model: FeedbackTransformer, stepper: Stepper, token: int, vocabulary: Sequence[str]) -> list[dict[str, Any]]:
    step = stepper.step(token)
    stations = [
        _station(
            "Embedding",
            "embed",
            f"the token's own vector of {step.hiddens.shape[1]} numbers. It is the hidden vector of layer 0.",
            [_row("layer 0", "layer", step.hiddens[0])],
        )
    ]
    slots = len(step.memory_before)
    queries = torch.tensor([slots])
    bias = model.bias(distances(queries, torch.arange(slots)))
    block: Any
    for layer, block in enumerate(model.blocks, start=1):
        hidden = step.hiddens[layer - 1][None, None]
        normed = block.attention_norm(hidden)
        read, weights = block.attention(normed, step.memory_before.keys, step.memory_before.values, bias=bias)
        between = hidden + read
        stations.append(_attention(layer, normed, block.attention.to_queries(normed), read, weights[0, :, 0], between))
        gated = block.feedforward(block.feedforward_norm(between))
        stations.append(
            _station(
                f"Layer {layer}, feed-forward",
                f"feed {layer}",
                f"the gated vector is added. The sum is the hidden vector of layer {layer}.",
                [
                    _row("came in", "layer", between),
                    _row("added", "query", gated),
                    _row(f"layer {layer}", "layer", between + gated),
                ],
            )
        )
    return [*stations, *_ending(model, step, vocabulary)]


def _attention(
    layer: int, normed: Tensor, query: Tensor, read: Tensor, weights: Tensor, between: Tensor
) -> dict[str, Any]:
    heads, slots = weights.shape
    came = between - read
    if slots == 0:
        tell = "the memory is empty, so attention adds nothing."
    else:
        places = weights.argmax(dim=1).tolist()
        most = [
            f"head {head + 1} reads slot {place + 1} the most, with {percent(weights[head, place].item())}"
            for head, place in enumerate(places)
        ]
        tell = f"{' and '.join(most)}. What was read is added."
    return _station(
        f"Layer {layer}, attention",
        f"read {layer}",
        tell,
        [
            _row("came in", "layer", came),
            _row("query", "query", query),
            _row("added", "memory", read),
            _row("goes on", "layer", between),
        ],
        _bars([f"slot {slot + 1}" for slot in range(slots)], weights.T, [f"head {head + 1}" for head in range(heads)]),
    )


def _ending(model: FeedbackTransformer, step: Any, vocabulary: Sequence[str]) -> list[dict[str, Any]]:
    hiddens = step.hiddens
    # A model that stores its last layer alone gives it the whole share.
    last_alone = torch.tensor([0.0] * (len(hiddens) - 1) + [1.0])
    shares = model.layer_weights.softmax(dim=0) if model.config.memory_from == "mixture" else last_alone
    names = ["layer 0", *(f"layer {layer}" for layer in range(1, len(hiddens)))]
    parts = ", ".join(f"{percent(share)} of {name}" for name, share in zip(names, shares.tolist(), strict=True))
    slots = len(step.memory_before)
    place = "the only slot" if len(step.memory) == 1 else f"the newest of {len(step.memory)} slots"
    wrote = f"made from the memory vector by one matrix, they become {place}."
    if len(step.memory) == slots:
        wrote += " The oldest slot is evicted."
    probabilities = step.logits.softmax(dim=-1)
    best = step.logits.topk(min(LIKELIEST, len(step.logits))).indices.tolist()
    mixed = [_row(name, "layer", hidden) for name, hidden in zip(names, hiddens, strict=True)]
    return [
        _station(
            "Output norm",
            "norm",
            "the last layer's vector gets mean 0 and variance 1, then scale and shift.",
            [
                _row("last layer", "layer", hiddens[-1]),
                _row("normed", "query", model.output_norm(hiddens[-1])),
            ],
        ),
        _station(
            "Logits",
            "logits",
            f'the largest logit is {step.logits[best[0]].item():.1f}, for "{vocabulary[best[0]]}". This is the answer, '
            f"with a probability of {percent(probabilities[best[0]].item())}.",
            [],
            _bars([vocabulary[word] for word in best], step.logits[best][:, None], ["logit"], unit="logit"),
        ),
        _station(
            "Mixture",
            "mix",
            f"the memory vector is made of {parts}.",
            [
                *mixed,
                _row("memory vector", "memory", step.mixture),
            ],
        ),
        _station(
            "Key and value",
            "slot",
            wrote,
            [
                _row("key", "key", step.memory.keys[0, -1]),
                _row("value", "key", step.memory.values[0, -1]),
            ],
        ),
    ]


def _station(
    name: str, short: str, tell: str, rows: list[dict[str, Any]], bars: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {"name": name, "short": short, "tell": tell, "rows": rows, "bars": bars or _bars([], torch.zeros(0, 1), [])}


def _row(name: str, kind: str, vector: Tensor) -> dict[str, Any]:
    return {"name": name, "kind": kind, "numbers": [round(number, 2) for number in vector.flatten().tolist()]}


def _bars(names: list[str], numbers: Tensor, series: list[str], *, unit: str = "share") -> dict[str, Any]:
    rounded = [[round(number, 3) for number in row] for row in numbers.tolist()]
    return {"names": names, "numbers": rounded, "series": series, "unit": unit}


class TokenWalk(Figure):
    """One token at one station of the model: the vectors that come in, what is added, and what goes on.

    Args:
        walks: what ``walks(model, tokens, vocabulary)`` returns.
        tokens: what is read at each step, in words.
        token: the token that is shown first, counted from 1.
        station: the station that is shown first, counted from 1.

    Raises:
        ValueError: no walk at all, walks with different stations, or another number of tokens than of walks.
    """

    _esm = join_script("token_walk")
    _css = join_style("token_walk")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    walks: Any = traitlets.List(help="stations by token").tag(sync=True)
    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    token = traitlets.Int(1, help="the token that is shown, counted from 1").tag(sync=True)
    station = traitlets.Int(1, help="the station that is shown, counted from 1").tag(sync=True)

    def __init__(
        self,
        walks: Sequence[Sequence[Mapping[str, Any]]],
        tokens: Sequence[str],
        *,
        token: int = 1,
        station: int = 1,
    ) -> None:
        if not walks or len(walks) != len(tokens):
            raise ValueError(f"walks must have one list of stations per token, {len(tokens)}, got {len(walks)}")
        names = [[station["name"] for station in walk] for walk in walks]
        if any(other != names[0] for other in names) or not names[0]:
            raise ValueError(f"walks must lead through the same stations for every token, got {names}")
        super().__init__(
            walks=[[dict(station) for station in walk] for walk in walks],
            tokens=list(tokens),
            token=token,
            station=station,
        )

    def describe(self) -> str:
        """Return which token is at which station, and what happens there."""
        here = self.walks[self.token - 1][self.station - 1]
        word = self.tokens[self.token - 1]
        return self.tell("here", token=self.token, word=word, name=here["name"], told=here["tell"])

    @traitlets.validate("token")
    def _check_token(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 1, len(self.tokens))

    @traitlets.validate("station")
    def _check_station(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 1, len(self.walks[0]))
