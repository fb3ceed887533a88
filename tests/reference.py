"""Both models once more, one token, one head and one key at a time, from the state dict alone.

Slow and plain on purpose: no batch axis, no segments side by side, no mask, no einsum. A key that may not be read is
not in the list.
"""

import math

import torch
from torch import Tensor

from feedback_lite import FeedbackConfig

State = dict[str, Tensor]
Vectors = list[Tensor]


def layer_norm(hidden: Tensor, state: State, name: str) -> Tensor:
    centred = hidden - hidden.sum() / len(hidden)
    deviation = math.sqrt(sum(entry**2 for entry in centred.tolist()) / len(hidden) + 1e-5)
    return state[f"{name}.weight"] * centred / deviation + state[f"{name}.bias"]


def bucket(distance: int, config: FeedbackConfig) -> int:
    exact = config.num_buckets // 2
    if distance < exact:
        return distance
    share = math.log(distance / exact) / math.log(config.max_distance / exact)
    return min(config.num_buckets - 1, exact + math.floor(share * (config.num_buckets - exact)))


def softmax(scores: list[float]) -> list[float]:
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def attention(normed: Tensor, past: list[tuple[int, Tensor, Tensor]], state: State, name: str, config: FeedbackConfig):
    """What a token reads from a past of (distance, key, value)."""
    if not past:
        return torch.zeros_like(normed)
    query = state[f"{name}.to_queries.weight"] @ normed
    read = []
    for head in range(config.num_heads):
        part = slice(head * config.head_dim, (head + 1) * config.head_dim)
        scores = [
            query[part].dot(key[part]).item() / math.sqrt(config.head_dim)
            + state["bias.table"][bucket(distance, config), head].item()
            for distance, key, _ in past
        ]
        shares = softmax(scores)
        read.append(sum(share * value[part] for share, (_, _, value) in zip(shares, past, strict=True)))
    return state[f"{name}.to_output.weight"] @ torch.cat(read) + state[f"{name}.to_output.bias"]


def feed_forward(normed: Tensor, state: State, name: str) -> Tensor:
    wide = state[f"{name}.widen.weight"] @ normed + state[f"{name}.widen.bias"]
    half = len(wide) // 2
    gated = [
        wide[unit] * wide[half + unit] * (1 + math.erf(wide[half + unit].item() / math.sqrt(2))) / 2
        for unit in range(half)
    ]
    return state[f"{name}.narrow.weight"] @ torch.stack(gated) + state[f"{name}.narrow.bias"]


def key_and_value(vector: Tensor, projection: Tensor) -> tuple[Tensor, Tensor]:
    both = projection @ vector
    return both[: len(both) // 2], both[len(both) // 2 :]


def block(hidden: Tensor, past: list[tuple[int, Tensor, Tensor]], state: State, name: str, config: FeedbackConfig):
    hidden = hidden + attention(
        layer_norm(hidden, state, f"{name}.attention_norm"), past, state, f"{name}.attention", config
    )
    return hidden + feed_forward(layer_norm(hidden, state, f"{name}.feedforward_norm"), state, f"{name}.feedforward")


def logits_of(hidden: Tensor, state: State) -> Tensor:
    return state["to_logits.weight"] @ layer_norm(hidden, state, "output_norm") + state["to_logits.bias"]


def feedback_logits(
    tokens: list[int], state: State, config: FeedbackConfig
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Logits of one row, and the keys and values in memory, oldest first."""
    projection = state["to_keys_values.linear.weight"]
    memory: list[tuple[Tensor, Tensor]] = []
    logits = []
    for start in range(0, len(tokens), config.segment_length):
        layers: list[Vectors] = [
            [state["embedding.weight"][token] for token in tokens[start : start + config.segment_length]]
        ]
        for layer in range(config.num_layers):
            below, name = layers[-1], f"blocks.{layer}"
            own = [key_and_value(layer_norm(vector, state, f"{name}.attention_norm"), projection) for vector in below]
            above = []
            for place, hidden in enumerate(below):
                past = [(len(memory) - slot + place, *pair) for slot, pair in enumerate(memory)]
                if config.segment_length > 1:
                    past += [(place - other, *own[other]) for other in range(place + 1)]
                above.append(block(hidden, past, state, name, config))
            layers.append(above)
        for place, hidden in enumerate(layers[-1]):
            logits.append(logits_of(hidden, state))
            stored = hidden
            if config.memory_from == "mixture":
                shares = softmax(state["layer_weights"].tolist())
                stored = sum(share * vectors[place] for share, vectors in zip(shares, layers, strict=True))
            if config.memory_norm:
                stored = layer_norm(stored, state, "memory_norm")
            memory.append(key_and_value(stored, projection))
        memory = memory[max(0, len(memory) - config.memory_size) :]
    return torch.stack(logits), memory


def causal_logits(tokens: list[int], state: State, config: FeedbackConfig) -> Tensor:
    """Logits of one row of the ordinary model."""
    hiddens = [state["embedding.weight"][token] for token in tokens]
    for layer in range(config.num_layers):
        name = f"blocks.{layer}"
        projection = state[f"to_keys_values.{layer}.linear.weight"]
        pairs = [key_and_value(layer_norm(hidden, state, f"{name}.attention_norm"), projection) for hidden in hiddens]
        hiddens = [
            block(hidden, [(here - there, *pairs[there]) for there in range(here + 1)], state, name, config)
            for here, hidden in enumerate(hiddens)
        ]
    return torch.stack([logits_of(hidden, state) for hidden in hiddens])
