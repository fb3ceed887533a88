"""Right answers to the exercises of chapter 10, written differently from the chapter's own."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from feedback_lite import FeedbackConfig, FeedbackTransformer, generate


def probabilities_in_loops(logits: torch.Tensor, temperature: float) -> list[list[float]]:
    rows = []
    for row in logits.tolist():
        powers = [math.exp(logit / temperature) for logit in row]
        rows.append([power / sum(powers) for power in powers])
    return rows


def probabilities_by_roots(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    powers = logits.softmax(dim=-1) ** (1 / temperature)
    return powers / powers.sum(dim=-1, keepdim=True)


def steps_by_formula(prompt: int, num_new: int) -> list[int]:
    return [num_new * (2 * prompt + num_new - 1) // 2, prompt + num_new - 1]


def steps_by_reading(prompt: int, num_new: int) -> tuple[torch.Tensor, int]:
    lengths = torch.arange(num_new) + prompt
    return lengths.sum(), int(lengths[-1])


def carry_token_by_token(model: FeedbackTransformer, prompt: torch.Tensor, num_new: int) -> torch.Tensor:
    """The prompt too is read one token at a time, and the last new token is not read."""
    tokens, memory = prompt, None
    for place in range(prompt.shape[1] + num_new - 1):
        logits, memory = model(tokens[:, place : place + 1], memory)
        if place >= prompt.shape[1] - 1:
            tokens = torch.cat((tokens, logits.argmax(dim=-1)), dim=1)
    return tokens


def carry_in_a_list(model: FeedbackTransformer, prompt: torch.Tensor, num_new: int) -> list[list[int]]:
    rows: list[list[int]] = prompt.tolist()
    output = model(prompt)
    for number in range(num_new):
        chosen = [row.index(max(row)) for row in output.logits[:, -1].tolist()]
        rows = [[*row, word] for row, word in zip(rows, chosen, strict=True)]
        if number < num_new - 1:
            output = model(torch.tensor(chosen)[:, None], output.memory)
    return rows


def carry_by_the_package(model: FeedbackTransformer, prompt: torch.Tensor, num_new: int) -> torch.Tensor:
    return generate(model, prompt, num_new).int()


def top_k_by_threshold(logits: torch.Tensor, k: int) -> torch.Tensor:
    least = logits.sort(dim=-1, descending=True).values[:, k - 1 : k]
    return F.softmax(logits.masked_fill(logits < least, -math.inf), dim=-1)


def top_k_of_probabilities(logits: torch.Tensor, k: int) -> torch.Tensor:
    kept = logits.softmax(dim=-1).topk(k)
    shares = kept.values / kept.values.sum(dim=-1, keepdim=True)
    return torch.zeros_like(logits).scatter(-1, kept.indices, shares).double()


def make_model(memory_size: int, seed: int) -> FeedbackTransformer:
    config = FeedbackConfig(vocab_size=9, d_model=8, num_layers=1, num_heads=2, head_dim=4, memory_size=memory_size)
    model = FeedbackTransformer(config).double().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


Loop = Callable[[FeedbackTransformer, torch.Tensor, int], torch.Tensor]


def judge_by_the_package(loop: Loop) -> bool:
    for seed in range(1, 3):
        model, prompt = make_model(2, seed), torch.randint(9, (3, 6), generator=torch.Generator().manual_seed(seed))
        if not torch.equal(loop(model, prompt, 6), generate(model, prompt, 6)):
            return False
    return True


def judge_step_by_step(loop: Loop) -> bool:
    for seed in range(1, 3):
        model, prompt = make_model(4, seed), torch.randint(9, (3, 7), generator=torch.Generator().manual_seed(seed))
        tokens = loop(model, prompt, 6)
        for place in range(7, 13):
            if (model(tokens[:, :place]).logits[:, -1].argmax(-1) != tokens[:, place]).any():
                return False
    return True


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "temperature": [probabilities_in_loops, probabilities_by_roots],
    "steps-computed": [steps_by_formula, steps_by_reading],
    "carry-on": [carry_token_by_token, carry_in_a_list, carry_by_the_package],
    "top-k": [top_k_by_threshold, top_k_of_probabilities],
    "catch-wrong-loop": [judge_by_the_package, judge_step_by_step],
}
