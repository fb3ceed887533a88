"""Who takes part in the benchmark: how each is made, takes a training step, and generates."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from feedback_transformer_pytorch import FeedbackTransformer as Original
from torch import Tensor, nn

from feedback_lite import CausalTransformer, FeedbackConfig, engine, generate, load_lucidrains
from feedback_lite.training import RecurrentConfig, RecurrentNetwork
from tests.benchmarks.counting import Size

ENGINES = ("plain", "torch", "native")
# `make bench` installs it here: it is needed nowhere else, and its own requirements would bring another torch.
LABML = Path(__file__).parents[2] / "_build" / "labml"


class CannotTakePartError(Exception):
    """Why a contender is left out: one sentence."""


@dataclass
class Contender:
    """One implementation at one size.

    ``logits`` gives the scores of all tokens; ``write`` continues a first token one by one, or is the reason why that
    is not measured. Both run under ``engine``, which is this package's way to compute and none for the others.
    """

    name: str
    model: nn.Module
    logits: Callable[[Tensor], Tensor]
    write: Callable[[Tensor, int], Tensor] | str
    engine: str | None = None
    recurrent_width: int = 0

    def computing(self) -> AbstractContextManager[object]:
        """The context in which the contender's engine is the chosen one."""
        return nullcontext() if self.engine is None else engine.use(self.engine)

    def step(self, tokens: Tensor) -> None:
        """One forward and backward pass of next-token prediction."""
        self.model.zero_grad()
        with self.computing():
            logits = self.logits(tokens)
            loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
            loss.backward()

    def generate(self, prompt: Tensor, count: int) -> Tensor:
        """Tokens of greatest score after a first one, with what came before carried over."""
        if isinstance(self.write, str):
            raise CannotTakePartError(self.write)
        with self.computing():
            return self.write(prompt, count)


def make(name: str, size: Size) -> Contender:
    """A contender of this size, always with the same weights; those of the feedback models are lucidrains'.

    Raises:
        CannotTakePartError: it cannot run here.
    """
    torch.manual_seed(0)
    makers = {"lucidrains": lucidrains, "ordinary": ordinary, "lstm": lstm}
    if name in makers:
        return makers[name](size)
    return labml(name, size) if name.startswith("labml") else ours(name, size)


def lucidrains(size: Size) -> Contender:
    """The public implementation that most people find, feedback-transformer-pytorch 0.0.11."""
    model = Original(
        num_tokens=size.vocabulary,
        dim=size.width,
        depth=size.layers,
        mem_len=size.length,
        seq_len=1,
        heads=size.heads,
        dim_head=size.head_width,
    )

    @torch.inference_mode()
    def write(prompt: Tensor, count: int) -> Tensor:
        tokens, memory = [prompt], None
        for _ in range(count):
            logits, memory = model(tokens[-1], memory=memory, return_memory=True)
            tokens.append(logits[:, -1:].argmax(dim=-1))
        return torch.cat(tokens, dim=1)

    return Contender("lucidrains", model, model, write)


def ours(name: str, size: Size) -> Contender:
    """This package's model with lucidrains' weights, computed by one of the package's engines.

    Generation: "plain" calls the model token by token, with the memory handed on; "torch" is the package's `generate`.
    """
    weights = lucidrains(size).model.state_dict()
    model = load_lucidrains(weights, memory_size=size.length, segment_length=1)

    @torch.inference_mode()
    def write(prompt: Tensor, count: int) -> Tensor:
        tokens, memory = [prompt], None
        for _ in range(count):
            logits, memory = model(tokens[-1], memory)
            tokens.append(logits[:, -1:].argmax(dim=-1))
        return torch.cat(tokens, dim=1)

    ways: dict[str, Callable[[Tensor, int], Tensor] | str] = {
        "plain": write,
        "torch": lambda prompt, count: generate(model, prompt, count),
        "native": "the package generates in PyTorch: tokens that come one by one leave the lanes empty",
    }
    contender = Contender(name, model, lambda tokens: model(tokens).logits, ways[name], engine=name)
    tokens = torch.zeros(size.batch, min(size.length, 8), dtype=torch.long)
    try:
        with contender.computing():
            model(tokens)
    except engine.EngineUnavailable as error:
        raise CannotTakePartError(str(error)) from error
    return contender


def ordinary(size: Size) -> Contender:
    """A transformer of the same width and depth without feedback."""
    config = FeedbackConfig(
        vocab_size=size.vocabulary,
        d_model=size.width,
        num_layers=size.layers,
        num_heads=size.heads,
        head_dim=size.head_width,
        memory_size=size.length,
    )
    model = CausalTransformer(config)
    return Contender(
        "ordinary",
        model,
        lambda tokens: model(tokens).logits,
        lambda prompt, count: generate(model, prompt, count),
        engine="plain",
    )


def lstm(size: Size) -> Contender:
    """An LSTM of as many layers, as wide as brings it nearest to lucidrains' number of parameters."""
    wanted = count_parameters(lucidrains(size).model)

    def of_width(width: int) -> RecurrentNetwork:
        return RecurrentNetwork(RecurrentConfig(vocab_size=size.vocabulary, d_model=width, num_layers=size.layers))

    width = min(range(4, 4 * size.width, 4), key=lambda width: abs(lstm_parameters(width, size) - wanted))
    model = of_width(width)

    @torch.inference_mode()
    def write(prompt: Tensor, count: int) -> Tensor:
        tokens, state = [prompt], None
        for _ in range(count):
            states, state = model.cell(model.embedding(tokens[-1]), state)
            tokens.append(model.to_logits(states[:, -1:]).argmax(dim=-1))
        return torch.cat(tokens, dim=1)

    return Contender("lstm", model, lambda tokens: model(tokens).logits, write, recurrent_width=width)


def lstm_parameters(width: int, size: Size) -> int:
    """How many parameters an LSTM of this width has: two matrices and two biases of four gates, tokens in and out."""
    return size.layers * (8 * width**2 + 8 * width) + 2 * width * size.vocabulary + size.vocabulary


class LabmlModel(nn.Module):
    """An embedding, labml's feedback transformer, which puts time first, and a layer that gives logits."""

    def __init__(self, core: nn.Module, size: Size) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size.vocabulary, size.width)
        self.core = core
        self.to_logits = nn.Linear(size.width, size.vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.to_logits(self.core(self.embedding(tokens.T))).transpose(0, 1)


def labml(name: str, size: Size) -> Contender:
    """labml-nn's model, which keeps mixtures as memory; "labml-shared" keeps keys and values that layers share.

    Both have gated feed-forward layers of the others' width, no dropout, and relative positions of their own kind.
    """
    if size.heads * size.head_width != size.width:
        raise CannotTakePartError("its heads must share the width among them")
    if not LABML.is_dir():
        raise CannotTakePartError("labml-nn is not installed: `make bench` puts it into _build/labml")
    if str(LABML) not in sys.path:
        sys.path.append(str(LABML))
    try:
        with warnings.catch_warnings():
            # Its texts have backslashes that newer Pythons warn of when they compile it.
            warnings.simplefilter("ignore")
            from labml_nn.transformers import feedback
            from labml_nn.transformers.feed_forward import FeedForward
    except ImportError as error:
        raise CannotTakePartError(f"labml-nn does not load: {error}") from error
    shared = name == "labml-shared"
    layer = feedback.FeedbackTransformerLayer(
        d_model=size.width,
        attn=feedback.FeedbackAttention(size.heads, size.width, 0.0, is_kv_precomputed=shared),
        feed_forward=FeedForward(size.width, 4 * size.width, 0.0, activation=nn.GELU(), is_gated=True),
        dropout_prob=0.0,
    )
    if shared:
        core = feedback.FeedbackTransformerKV(layer, size.layers, size.width, size.heads)
        # It is made for 512 tokens: longer ones would not fit, and shorter ones would pay for what they do not use.
        core.mem_key, core.mem_value = feedback.Stack(size.length), feedback.Stack(size.length)
    else:
        core = feedback.FeedbackTransformer(layer, size.layers)
    model = LabmlModel(core, size)
    return Contender(
        name, model, model, "it has no incremental way: it would compute all tokens again for every new one"
    )


def count_parameters(model: nn.Module) -> int:
    """How many numbers a model learns."""
    return sum(parameter.numel() for parameter in model.parameters())


def check_same(contender: Contender, reference: Contender, tokens: Tensor) -> None:
    """Raise unless a contender that has the reference's weights gives the reference's logits."""
    with contender.computing():
        given = contender.logits(tokens)
    expected = reference.logits(tokens)
    torch.testing.assert_close(
        given, expected, rtol=1e-3, atol=1e-3, msg=lambda text: f"{contender.name} computes something else. {text}"
    )
