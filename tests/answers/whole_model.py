"""Right answers to the exercises of chapter 09, written differently from the chapter's own."""

from collections.abc import Callable
from typing import Any

import torch
from einops import einsum, reduce
from feedback_transformer_pytorch import FeedbackTransformer as Original

from feedback_lite import FeedbackConfig


def head_of_doubles(
    hidden: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, matrix: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    numbers = hidden.double()
    centred = numbers - reduce(numbers, "b n d -> b n 1", "mean")
    normed = centred / torch.sqrt(reduce(centred**2, "b n d -> b n 1", "mean") + 1e-5)
    return einsum(normed * scale + shift, matrix.double(), "b n d, v d -> b n v") + bias


def head_of_modules(
    hidden: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, matrix: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    norm, linear = torch.nn.LayerNorm(len(scale)), torch.nn.Linear(*matrix.T.shape)
    norm.load_state_dict({"weight": scale, "bias": shift})
    linear.load_state_dict({"weight": matrix, "bias": bias})
    return linear(norm(hidden))


def catches_by_two_changes(head: Callable[[torch.Tensor], torch.Tensor], hidden: torch.Tensor) -> bool:
    logits = head(hidden)
    changed = (head(hidden * 2), head(hidden - 5))
    return all((logits - other).abs().max().item() < 1e-3 for other in changed)


def catches_by_normalised_vectors(head: Callable[[torch.Tensor], torch.Tensor], hidden: torch.Tensor) -> bool:
    centred = hidden - hidden.mean(dim=-1, keepdim=True)
    normed = centred / centred.std(dim=-1, keepdim=True, unbiased=False)
    return torch.allclose(head(hidden), head(normed), atol=1e-3)


def keys_of_modules(
    hidden: torch.Tensor, memory_keys: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, matrix: torch.Tensor
) -> torch.Tensor:
    norm = torch.nn.LayerNorm(len(scale))
    norm.load_state_dict({"weight": scale, "bias": shift})
    return torch.cat([memory_keys, torch.nn.functional.linear(norm(hidden), matrix)], dim=1)


def keys_of_doubles(
    hidden: torch.Tensor, memory_keys: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, matrix: torch.Tensor
) -> list[list[list[float]]]:
    kept = []
    for tokens, slots in zip(hidden.double(), memory_keys.tolist(), strict=True):
        centred = tokens - tokens.mean(-1, keepdim=True)
        normed = scale * centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() + shift
        kept.append([*slots, *einsum(normed, matrix.double(), "n d, e d -> n e").tolist()])
    return kept


def whole_of_the_original(
    weights: dict[str, torch.Tensor],
    config: FeedbackConfig,
    tokens: torch.Tensor,
    memory: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> tuple[torch.Tensor, ...]:
    """The public implementation itself."""
    model = Original(
        num_tokens=config.vocab_size,
        dim=config.d_model,
        depth=config.num_layers,
        heads=config.num_heads,
        dim_head=config.head_dim,
        mem_len=config.memory_size,
        seq_len=config.segment_length,
    )
    model.load_state_dict(weights)
    logits, after = model(tokens, memory, return_memory=True)
    return logits, after.keys, after.values


def whole_with_einsum(
    weights: dict[str, torch.Tensor],
    config: FeedbackConfig,
    tokens: torch.Tensor,
    memory: tuple[torch.Tensor, torch.Tensor] | None,
) -> list[torch.Tensor]:
    """Slots in a Python list, one query and one head at a time, no mask, all in doubles."""
    exact = {name.replace("fn.", ""): kept.double() for name, kept in weights.items()}
    inner = config.num_heads * config.head_dim

    def norm(name: str, vectors: torch.Tensor) -> torch.Tensor:
        centred = vectors - vectors.mean(-1, keepdim=True)
        spread = (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
        return exact[name + "norm.weight"] * centred / spread + exact[name + "norm.bias"]

    def slots_of(vectors: list[torch.Tensor]) -> list[torch.Tensor]:
        """Key and value of each vector, one behind the other."""
        return [vector @ exact["shared_kv_proj.weight"].T for vector in vectors]

    def read(name: str, hiddens: list[torch.Tensor], slots: list[torch.Tensor] | None) -> list[torch.Tensor]:
        normed = [norm(name, hidden) for hidden in hiddens]
        added = []
        for place, vector in enumerate(normed):
            seen = slots
            if len(hiddens) > 1:
                seen = [*(slots or []), *slots_of(normed[: place + 1])]
            if seen is None:
                added.append(torch.zeros_like(vector))
                continue
            heads = []
            for head in range(config.num_heads):
                rows = slice(head * config.head_dim, (head + 1) * config.head_dim)
                query = vector @ exact[name + "to_q.weight"][rows].T
                powers, total = [], torch.zeros_like(query)
                for number, slot in enumerate(seen):
                    distance = max(place - number, 0)  # at most 19 here: each to 15 has a bucket, then 16 to 18 share
                    bias = exact["pos_emb.relative_attention_bias.weight"][_BUCKETS[distance], head]
                    score = einsum(query, slot[:, :inner][:, rows], "b e, b e -> b") / config.head_dim**0.5
                    powers.append((score + bias).exp())
                    total = total + powers[-1][:, None] * slot[:, inner:][:, rows]
                heads.append(total / sum(powers)[:, None] if powers else total)
            added.append(torch.cat(heads, dim=1) @ exact[name + "to_out.weight"].T + exact[name + "to_out.bias"])
        return added

    slots = None if memory is None else list(torch.cat(memory, dim=2).double().unbind(dim=1))
    logits = []
    for start in range(0, tokens.shape[1], config.segment_length):
        segment = tokens[:, start : start + config.segment_length]
        layers = [[exact["token_emb.weight"][token] for token in segment.T]]
        for layer in range(config.num_layers):
            first, second = f"layers.{layer}.0.", f"layers.{layer}.1."
            row = []
            for hidden, more in zip(layers[-1], read(first, layers[-1], slots), strict=True):
                widen = norm(second, hidden + more) @ exact[second + "net.0.weight"].T + exact[second + "net.0.bias"]
                value, gate = widen.chunk(2, dim=-1)
                gated = value * gate * (1 + torch.erf(gate / 2**0.5)) / 2
                row.append(hidden + more + gated @ exact[second + "net.3.weight"].T + exact[second + "net.3.bias"])
            layers.append(row)
        shares = exact["layer_weight"].softmax(0)
        mixtures = [einsum(shares, torch.stack(column), "l, l b d -> b d") for column in zip(*layers, strict=True)]
        slots = [*(slots or []), *slots_of(mixtures)][-config.memory_size :]
        for top in layers[-1]:
            centred = top - top.mean(-1, keepdim=True)
            normed = centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
            normed = exact["to_logits.0.weight"] * normed + exact["to_logits.0.bias"]
            logits.append(normed @ exact["to_logits.1.weight"].T + exact["to_logits.1.bias"])
    assert slots is not None
    return [torch.stack(logits, dim=1), *torch.stack(slots, dim=1).chunk(2, dim=-1)]


_BUCKETS = [*range(16), 16, 16, 16, 17]


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "output-head": [head_of_doubles, head_of_modules],
    "segment-keys": [keys_of_modules, keys_of_doubles],
    "catch-missing-norm": [catches_by_two_changes, catches_by_normalised_vectors],
    "assemble-model": [whole_of_the_original, whole_with_einsum],
}
