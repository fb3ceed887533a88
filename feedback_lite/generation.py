"""One token at a time: sampling, and a stepper that shows everything that happens in a step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from feedback_lite.baseline import CausalTransformer
from feedback_lite.config import check_size, check_type
from feedback_lite.engine.ring import Ring, reason_against
from feedback_lite.interventions import Interventions, check_fit, intervene
from feedback_lite.memory import Memory
from feedback_lite.model import FeedbackTransformer, check_tokens


@torch.no_grad()
def generate(
    model: FeedbackTransformer | CausalTransformer,
    prompt: Int[Tensor, "b t"],
    max_new_tokens: int,
    *,
    temperature: float = 0.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "b t_new"]:
    """Continue a prompt token by token and return prompt and new tokens together.

    Every token is chosen from the logits that a forward on the whole prefix gives. Finished segments are kept as
    memory; an unfinished one is computed again from the memory at its start. Dropout is off meanwhile.

    Args:
        model: the model to ask.
        prompt: token numbers, at least one per row.
        max_new_tokens: number of tokens to add.
        temperature: 0 takes the likeliest token; otherwise logits are divided by it and a token is drawn.
        top_k: draw among this many likeliest tokens alone.
        generator: source of randomness for the draws.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: an argument is not allowed; the message names it, its value and what is allowed.
    """
    check_request(model, prompt, max_new_tokens, temperature, top_k, generator)
    tokens = prompt
    with evaluating(model):
        progress = begin(model, prompt, num_steps=max_new_tokens)
        for _ in range(max_new_tokens):
            logits, progress = progress.advance(model, tokens)
            chosen = choose(logits, temperature=temperature, top_k=top_k, generator=generator)
            tokens = torch.cat((tokens, chosen[:, None]), dim=1)
    return tokens


def begin(
    model: FeedbackTransformer | CausalTransformer, prompt: Int[Tensor, "b t"], *, num_steps: int
) -> "Progress | Ring":
    """Settle all but the last token of a prompt: in a ring where the steps can be made on one, else as a memory."""
    progress = Progress.after_finished_segments(model, prompt)
    memory = progress.memory
    if not num_steps or memory is None or not isinstance(model, FeedbackTransformer) or reason_against(model, memory):
        return progress
    return Ring(model, memory, num_steps=num_steps)


class Progress(NamedTuple):
    """How far a prefix is settled: the memory after its first ``num_tokens`` tokens, all in finished segments."""

    memory: Memory | None
    num_tokens: int

    @classmethod
    def after_finished_segments(
        cls, model: FeedbackTransformer | CausalTransformer, tokens: Int[Tensor, "b t"]
    ) -> "Progress":
        """Settle what the last token does not touch, so that an unfinished segment alone is computed again."""
        if isinstance(model, CausalTransformer):
            return cls(None, 0)
        unfinished = (tokens.shape[1] - 1) % model.config.segment_length + 1
        finished = tokens.shape[1] - unfinished
        return cls(model(tokens[:, :finished]).memory, finished)

    def advance(
        self, model: FeedbackTransformer | CausalTransformer, tokens: Int[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b v"], "Progress"]:
        """Return the logits after the last token, and the progress that holds once it is known."""
        if isinstance(model, CausalTransformer):
            return model(tokens).logits[:, -1], self
        logits, memory = model(tokens[:, self.num_tokens :], self.memory)
        closes_segment = tokens.shape[1] % model.config.segment_length == 0
        return logits[:, -1], Progress(memory, tokens.shape[1]) if closes_segment else self


def choose(
    logits: Float[Tensor, "b v"],
    *,
    temperature: float,
    top_k: int | None,
    generator: torch.Generator | None,
) -> Int[Tensor, "b"]:
    """Pick one token per row: the likeliest at temperature 0, else a draw from ``softmax(logits / temperature)``."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    if top_k is not None:
        kept = logits.topk(top_k)
        logits = torch.full_like(logits, float("-inf")).scatter(-1, kept.indices, kept.values)
    shares = (logits.float() / temperature).softmax(dim=-1)
    return torch.multinomial(shares, num_samples=1, generator=generator)[:, 0]


def check_request(
    model: FeedbackTransformer | CausalTransformer,
    prompt: Tensor,
    max_new_tokens: int,
    temperature: object,
    top_k: int | None,
    generator: torch.Generator | None,
) -> None:
    """Raise where `generate` is asked for something impossible."""
    check_type("model", model, FeedbackTransformer, CausalTransformer)
    if generator is not None:
        check_type("generator", generator, torch.Generator)
    check_size("max_new_tokens", max_new_tokens, least=0)
    check_tokens(prompt, vocab_size=model.config.vocab_size, name="prompt")
    if prompt.shape[1] == 0:
        raise ValueError(
            f"prompt must have shape (batch, time) with at least one token, got shape {tuple(prompt.shape)}"
        )
    allowed = "temperature must be a finite number of at least 0"
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        raise TypeError(f"{allowed}, got {temperature!r}")
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"{allowed}, got {temperature}")
    if top_k is not None:
        check_size("top_k", top_k)
        if top_k > model.config.vocab_size:
            raise ValueError(f"top_k must be at most vocab_size={model.config.vocab_size}, got {top_k}")


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode and give each of its parts its own mode back afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, was_training in modes:
            module.training = was_training


class Step(NamedTuple):
    """Everything that one token caused, without a batch axis. ``writers`` numbers the tokens that wrote the slots."""

    token: int
    hiddens: Float[Tensor, "l d"]
    weights: Float[Tensor, "layers h m"]
    layer_logits: Float[Tensor, "l v"]
    mixture: Float[Tensor, "d"]
    logits: Float[Tensor, "v"]
    memory_before: Memory
    memory: Memory
    writers_before: tuple[int, ...]
    writers: tuple[int, ...]


class Stepper:
    """Feed a model one token at a time and see every intermediate.

    Attention weights belong to the memory *before* the step: their last axis counts its slots, oldest first.
    ``layer_logits`` is what each layer would answer if it were the last one. Tokens are counted from 1, and
    ``writers`` names the token that wrote each slot; slots that were brought in count 0, -1, ... from the newest.

    Args:
        model: a feedback model of segment length 1.
        memory: memory to begin with; none means an empty one. Batch 1.
        interventions: changes under which the model is stepped; ``stepper.model`` is then a changed copy.

    Raises:
        TypeError: the model is not a `FeedbackTransformer`.
        ValueError: the model's segments are longer than one token, or the memory or an intervention does not fit.
    """

    def __init__(
        self, model: FeedbackTransformer, memory: Memory | None = None, *, interventions: Interventions | None = None
    ) -> None:
        check_type("model", model, FeedbackTransformer)
        if model.config.segment_length != 1:
            raise ValueError(f"model must have segment_length=1 to be stepped, got {model.config.segment_length}")
        self.model, self.interventions = model, Interventions()
        if interventions is not None:
            check_fit(model, interventions)
            self.model, self.interventions = intervene(model, replace(interventions, deleted=())), interventions
        with torch.no_grad():
            self.memory = self.model(torch.empty(1, 0, dtype=torch.long, device=device_of(model)), memory).memory
        self.writers = tuple(range(1 - len(self.memory), 1))
        self.num_tokens = 0

    @torch.no_grad()
    def step(self, token: int) -> Step:
        """Read the memory, answer, write the memory; return all that was computed on the way."""
        check_size("token", token, least=0)
        model, number = self.model, self.num_tokens + 1
        before, writers_before = self.interventions.delete(self.memory, self.writers, step=number)
        tokens = torch.tensor([[token]], device=device_of(model))
        with evaluating(model):
            logits, self.memory = model(tokens, before)
            hiddens, weights = model.read(model.embedding(tokens), before)
            layer_logits = model.head(rearrange(hiddens, "l 1 1 d -> 1 l d"))
        self.num_tokens, self.writers = number, (*writers_before, number)[-model.config.memory_size :]
        return Step(
            token=token,
            hiddens=rearrange(hiddens, "l 1 1 d -> l d"),
            weights=rearrange(torch.stack(weights), "layers 1 h 1 m -> layers h m"),
            layer_logits=rearrange(layer_logits, "1 l v -> l v"),
            mixture=rearrange(model.mix(hiddens), "1 1 d -> d"),
            logits=rearrange(logits, "1 1 v -> v"),
            memory_before=before,
            memory=self.memory,
            writers_before=writers_before,
            writers=self.writers,
        )


def device_of(model: nn.Module) -> torch.device:
    """Return the device that a model's parameters lie on; the CPU where it has none."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
