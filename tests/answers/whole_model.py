"""Right answers to the exercises of chapter 09, written differently from the chapter's own."""

from collections.abc import Callable
from typing import Any

import torch
from einops import einsum, rearrange, reduce

from feedback_lite import Block, FeedbackConfig, FeedbackTransformer


def count_with_a_list(d_model: int, num_heads: int, head_dim: int, ff_mult: int) -> int:
    wide = ff_mult * d_model
    shapes = [
        (4, d_model),
        (2 * d_model, num_heads * head_dim),
        (1, d_model),
        (2 * wide, d_model + 1),
        (d_model, wide + 1),
    ]
    return sum(rows * columns for rows, columns in shapes)


def count_on_the_meta_device(d_model: int, num_heads: int, head_dim: int, ff_mult: int) -> torch.Tensor:
    with torch.device("meta"):
        sizes = {"d_model": d_model, "num_heads": num_heads, "head_dim": head_dim, "ff_mult": ff_mult}
        block = Block(FeedbackConfig(**sizes, vocab_size=5, num_layers=3, memory_size=2))
    return torch.tensor([kept.numel() for kept in block.state_dict().values()]).sum()


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


def whole_of_the_package(
    weights: dict[str, torch.Tensor], config: FeedbackConfig, tokens: torch.Tensor
) -> torch.Tensor:
    model = FeedbackTransformer(config)
    model.load_state_dict(weights)
    return model(tokens).logits


def whole_with_einsum(weights: dict[str, torch.Tensor], config: FeedbackConfig, tokens: torch.Tensor) -> torch.Tensor:
    """Heads on an axis of their own from the matrices on, slots in a Python list, all in doubles."""
    exact = {name: kept.double() for name, kept in weights.items()}

    def norm(name: str, vectors: torch.Tensor) -> torch.Tensor:
        centred = vectors - vectors.mean(-1, keepdim=True)
        spread = (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
        return exact[name + ".weight"] * centred / spread + exact[name + ".bias"]

    def read(block: str, hidden: torch.Tensor, slots: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
        if not slots:
            return torch.zeros_like(hidden)
        keys, values = (torch.stack(kept, dim=1) for kept in zip(*slots, strict=True))
        to_queries = rearrange(exact[block + "attention.to_queries.weight"], "(h e) d -> h e d", h=config.num_heads)
        queries = einsum(norm(block + "attention_norm", hidden), to_queries, "b d, h e d -> b h e")
        scores = einsum(queries, keys, "b h e, b m h e -> b h m") / config.head_dim**0.5
        for place in range(len(slots)):
            distance = len(slots) - place  # at most 7 here: buckets 0, 1, then 2 and 3 shared
            bucket = min(distance, 1) if distance < 2 else (2 if distance < 4 else 3)
            scores[:, :, place] += exact["bias.table"][bucket]
        read = einsum(scores.softmax(-1), values, "b h m, b m h e -> b h e")
        output = rearrange(exact[block + "attention.to_output.weight"], "d (h e) -> d h e", h=config.num_heads)
        return einsum(read, output, "b h e, d h e -> b d") + exact[block + "attention.to_output.bias"]

    slots: list[tuple[torch.Tensor, torch.Tensor]] = []
    logits = []
    for token in tokens.T:
        hiddens = [exact["embedding.weight"][token]]
        for layer in range(config.num_layers):
            block = f"blocks.{layer}."
            hidden = hiddens[-1] + read(block, hiddens[-1], slots)
            widen = norm(block + "feedforward_norm", hidden) @ exact[block + "feedforward.widen.weight"].T
            value, gate = (widen + exact[block + "feedforward.widen.bias"]).chunk(2, dim=-1)
            gated = value * gate * (1 + torch.erf(gate / 2**0.5)) / 2
            added = gated @ exact[block + "feedforward.narrow.weight"].T + exact[block + "feedforward.narrow.bias"]
            hiddens.append(hidden + added)
        mixture = einsum(exact["layer_weights"].softmax(0), torch.stack(hiddens), "l, l b d -> b d")
        both = rearrange(
            mixture @ exact["to_keys_values.linear.weight"].T, "b (two h e) -> two b h e", two=2, h=config.num_heads
        )
        slots = [*slots, (both[0], both[1])][-config.memory_size :]
        logits.append(norm("output_norm", hiddens[-1]) @ exact["to_logits.weight"].T + exact["to_logits.bias"])
    return torch.stack(logits, dim=1)


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "block-parameters": [count_with_a_list, count_on_the_meta_device],
    "output-head": [head_of_doubles, head_of_modules],
    "catch-missing-norm": [catches_by_two_changes, catches_by_normalised_vectors],
    "assemble-model": [whole_of_the_package, whole_with_einsum],
}
