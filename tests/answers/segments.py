"""Right answers to the exercises of chapter 08, written differently from the chapter's own, and some that stop."""

from collections.abc import Callable
from typing import Any

import torch
from einops import rearrange, repeat

from feedback_lite import FeedbackTransformer, Memory


def numbers_repeated(num_tokens: int, segment_length: int) -> torch.Tensor:
    return repeat(torch.arange(num_tokens), "segment -> (segment place)", place=segment_length)[:num_tokens]


def numbers_in_a_list(num_tokens: int, segment_length: int) -> list[float]:
    return [float(token // segment_length) for token in range(num_tokens)]


def rounds_without_ceil(num_tokens: int, segment_length: int, num_layers: int) -> int:
    return -(-num_tokens // segment_length) * num_layers


def rounds_counted(num_tokens: int, segment_length: int, num_layers: int) -> torch.Tensor:
    return torch.tensor(len(torch.zeros(num_tokens).split(segment_length)) * num_layers)


def reads_in_loops(token: int, layer: int, num_tokens: int, segment_length: int, num_layers: int) -> list[list[bool]]:
    first = token - token % segment_length
    return [
        [past < first or (past <= token and depth == layer - 1) for depth in range(num_layers + 1)]
        for past in range(num_tokens)
    ]


def reads_by_comparison(token: int, layer: int, num_tokens: int, segment_length: int, num_layers: int) -> torch.Tensor:
    past = rearrange(torch.arange(num_tokens), "t -> t 1")
    depth = rearrange(torch.arange(num_layers + 1), "l -> 1 l")
    number, own_number = past // segment_length, token // segment_length
    inside = (number == own_number) & (past <= token) & (depth == layer - 1)
    return ((number < own_number) | inside).double()


def run_by_calls(model: FeedbackTransformer, tokens: torch.Tensor) -> torch.Tensor:
    """Every call on a whole segment, with the memory carried over, is right too."""
    memory, logits = None, []
    for start in range(0, tokens.shape[1], model.config.segment_length):
        part, memory = model(tokens[:, start : start + model.config.segment_length], memory)
        logits.append(part.float())
    return torch.cat(logits, dim=1)


def run_with_indices(model: FeedbackTransformer, tokens: torch.Tensor) -> torch.Tensor:
    embedded, length = model.embedding(tokens), model.config.segment_length
    memory = Memory(*model.to_keys_values(embedded[:, :0]))
    logits = torch.zeros(*tokens.shape, model.config.vocab_size, dtype=embedded.dtype)
    start = 0
    while start < tokens.shape[1]:
        hiddens, _ = model.read(embedded[:, start : start + length], memory)
        logits[:, start : start + length] = model.head(hiddens[-1])
        memory = model.write(hiddens, memory)
        start += length
    return logits


def run_writes_the_reading(model: FeedbackTransformer, tokens: torch.Tensor) -> torch.Tensor:
    """`.hiddens` is forgotten: `read` returns the attention weights too."""
    embedded = model.embedding(tokens)
    memory, tops = Memory(*model.to_keys_values(embedded[:, :0])), []
    for segment in embedded.split(model.config.segment_length, dim=1):
        hiddens: Any = model.read(segment, memory)
        memory = model.write(hiddens, memory)
        tops.append(hiddens[-1])
    return model.head(torch.cat(tops, dim=1))


def run_writes_the_last_layer(model: FeedbackTransformer, tokens: torch.Tensor) -> torch.Tensor:
    embedded = model.embedding(tokens)
    memory, tops = Memory(*model.to_keys_values(embedded[:, :0])), []
    for segment in embedded.split(model.config.segment_length, dim=1):
        tops.append(model.read(segment, memory).hiddens[-1])
        memory = model.write(tops[-1], memory)
    return model.head(torch.cat(tops, dim=1))


def run_keeps_the_reading(model: FeedbackTransformer, tokens: torch.Tensor) -> torch.Tensor:
    embedded = model.embedding(tokens)
    memory, tops = Memory(*model.to_keys_values(embedded[:, :0])), []
    for segment in embedded.split(model.config.segment_length, dim=1):
        reading: Any = model.read(segment, memory)
        memory = model.write(reading.hiddens, memory)
        tops.append(reading)
    return model.head(torch.cat(tops, dim=1))


def run_keeps_the_weights(model: FeedbackTransformer, tokens: torch.Tensor) -> torch.Tensor:
    """The last entry of what `read` returns is not the last layer."""
    embedded = model.embedding(tokens)
    memory, tops = Memory(*model.to_keys_values(embedded[:, :0])), []
    for segment in embedded.split(model.config.segment_length, dim=1):
        reading: Any = model.read(segment, memory)
        memory = model.write(reading.hiddens, memory)
        tops.append(reading[-1])
    return model.head(torch.cat(tops, dim=1))


def run_misnames_the_hiddens(model: FeedbackTransformer, tokens: torch.Tensor) -> torch.Tensor:
    embedded = model.embedding(tokens)
    reading: Any = model.read(embedded, Memory(*model.to_keys_values(embedded[:, :0])))
    return model.head(reading.hidden[-1])


def run_takes_hiddens_of_a_call(model: FeedbackTransformer, tokens: torch.Tensor) -> torch.Tensor:
    output: Any = model(tokens)
    return model.head(output.hiddens[-1])


def run_takes_hiddens_of_a_tensor(model: FeedbackTransformer, tokens: torch.Tensor) -> torch.Tensor:
    embedded = model.embedding(tokens)
    hiddens: Any
    hiddens, _ = model.read(embedded, Memory(*model.to_keys_values(embedded[:, :0])))
    return model.head(hiddens.hiddens[-1])


def run_starts_without_a_memory(model: FeedbackTransformer, tokens: torch.Tensor) -> torch.Tensor:
    nothing: Any = None
    return model.head(model.read(model.embedding(tokens), nothing).hiddens[-1])


def judge_by_lone_token(model: FeedbackTransformer) -> bool:
    length = model.config.segment_length
    tokens = torch.randint(7, (2, 2 * length + 2))
    alone = model(tokens[:, : length + 1]).logits[:, length]
    return bool(torch.isclose(alone, model(tokens).logits[:, length], atol=1e-6).all())


def judge_by_growing(model: FeedbackTransformer) -> bool:
    tokens = torch.randint(model.config.vocab_size, (1, 13))
    for length in range(2, 13):
        shorter, longer = model(tokens[:, :length])[0], model(tokens[:, : length + 1])[0]
        if (shorter - longer[:, :length]).abs().max() > 1e-6:
            return False
    return True


RIGHT_ANSWERS: dict[str, list[Callable[..., Any]]] = {
    "segment-numbers": [numbers_repeated, numbers_in_a_list],
    "rounds": [rounds_without_ceil, rounds_counted],
    "direct-reads": [reads_in_loops, reads_by_comparison],
    "run-in-segments": [run_by_calls, run_with_indices],
    "catch-lone-token": [judge_by_lone_token, judge_by_growing],
}

# Answers that stop with an error, and a part of the hint that has to follow.
STOPPING_ANSWERS: dict[str, list[tuple[Callable[..., Any], str]]] = {
    "run-in-segments": [
        (run_writes_the_reading, "takes all layers"),
        (run_writes_the_last_layer, "takes all layers"),
        (run_keeps_the_reading, "Keep the last layer"),
        (run_keeps_the_weights, "Keep the last layer"),
        (run_misnames_the_hiddens, "has the hidden vectors under the name `.hiddens`"),
        (run_takes_hiddens_of_a_call, "Only what `model.read` returns has `.hiddens`"),
        (run_takes_hiddens_of_a_tensor, "Only what `model.read` returns has `.hiddens`"),
        (run_starts_without_a_memory, "`empty_memory(model, embedded)`"),
    ],
}
