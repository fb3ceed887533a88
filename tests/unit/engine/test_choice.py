"""Which engine runs a model, and what may hang on a model that a faster one would pass by."""

import contextvars
import threading
from collections.abc import Callable

import pytest
import torch
from torch import nn

from feedback_lite import CausalTransformer, FeedbackTransformer, engine
from feedback_lite.engine import Choice, EngineUnavailable, chosen, is_stock, native, parameter_shapes, use
from tests.drawing import make_config, make_model, make_tokens, randomise, refused

# The names that engines go by are checked by the package itself here, and not by the annotations.
pytestmark = pytest.mark.usefixtures("unchecked")


@pytest.mark.parametrize(
    "changes", [{}, {"memory_from": "last"}, {"memory_norm": True}, {"num_layers": 3, "ff_mult": 1}, {"head_dim": 3}]
)
def test_a_model_as_it_was_made_is_stock(changes: dict[str, object]) -> None:
    model = make_model(**changes)
    assert is_stock(model) is None
    shapes = {name: tuple(given.shape) for name, given in model.named_parameters()}
    for device in ("cpu", "meta"):
        assert parameter_shapes(type(model), model.config, device) == shapes


def test_a_large_model_is_not_made_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model, devices = make_model(), []
    monkeypatch.setattr(
        engine, "parameter_shapes", lambda *given: devices.append(given[-1]) or parameter_shapes(*given)
    )
    for large in (10**6, 10):
        monkeypatch.setattr(engine, "LARGE", large)
        assert is_stock(model) is None
    assert devices == ["cpu", "meta"]


class Other(nn.LayerNorm):
    """A class of one's own."""


def test_reasons_are_told() -> None:
    reasons = []
    for change in (
        lambda model: setattr(model.output_norm, "__class__", Other),
        lambda model: model.register_forward_hook(print),
        lambda model: model.blocks[1].register_forward_pre_hook(print),
        lambda model: model.blocks[1].register_full_backward_hook(print),
        lambda model: model.blocks[1].register_full_backward_pre_hook(print),
        lambda model: setattr(model, "write", print),
        lambda model: setattr(model.blocks[0].attention, "forward", print),
        lambda model: setattr(model.output_norm, "eps", 1e-6),
        lambda model: setattr(model.embedding, "max_norm", 1.0),
        lambda model: setattr(model.to_logits, "bias", None),
        lambda model: setattr(model.to_logits, "weight", nn.Parameter(torch.zeros(18, 7).double())),
        lambda model: model.to_logits.float(),
        lambda model: model.blocks.append(nn.Identity()),
        lambda model: setattr(model.blocks[0].attention.dropout, "p", 0.5),
        lambda model: setattr(model.blocks[1].feedforward.dropout, "p", 0.5),
        lambda model: setattr(model.to_logits, "weight", model.embedding.weight),
    ):
        model = make_model()
        change(model)
        reasons.append(is_stock(model))
    assert reasons == [
        "output_norm is a Other",
        "the model has a hook",
        "blocks.1 has a hook",
        "blocks.1 has a hook",
        "blocks.1 has a hook",
        "the model has a write of its own",
        "blocks.0.attention has a forward of its own",
        "output_norm has eps=1e-06",
        "embedding has max_norm=1.0",
        "to_logits.bias has the shape None, not (17,)",
        "to_logits.weight has the shape (18, 7), not (17, 7)",
        "its weights are torch.float32 on cpu, torch.float64 on cpu",
        "blocks.2 is a Identity",
        "blocks.0.attention.dropout has p=0.5",
        "blocks.1.feedforward.dropout has p=0.5",
        "to_logits.weight has the shape None, not (17, 7)",
    ]


def test_dropout_that_stays_on_in_a_model_that_is_asked() -> None:
    model = make_model(attn_dropout=0.3).eval()
    assert is_stock(model) is None
    model.blocks[1].attention.dropout.train()
    assert is_stock(model) == "blocks.1.attention.dropout is not in the model's mode"


def test_hooks_for_all_modules() -> None:
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        assert is_stock(make_model()) == "hooks are registered for all modules"
    finally:
        handle.remove()
    assert is_stock(make_model()) is None


class Mine(FeedbackTransformer):
    """A class of one's own."""


class Namesake(FeedbackTransformer):
    """Another class, under the name of the first."""


Namesake.__qualname__ = "FeedbackTransformer"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be a compiler, whether there is one or not: nothing is run here."""
    monkeypatch.setattr(native, "unavailable", lambda: None)


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be no compiler."""
    monkeypatch.setattr(native, "unavailable", lambda: "no C++ compiler was found")


FEW = "fewer than 1024 tokens"
ALONE = "the compiled loop knows segment length 1 alone"
NORM = "the compiled loop knows no norm of the memory"
WIDE = "wider than 64, or of fewer than 16 sequences"
MANY = "it is the fastest at this size"


def causal(**changes: object) -> CausalTransformer:
    model = CausalTransformer(make_config(**changes)).double()
    randomise(model)
    return model


@pytest.mark.usefixtures("compiled")
class TestChoice:
    @pytest.mark.parametrize(
        ("model", "shape", "expected"),
        [
            (make_model(), (2, 5), ("torch", FEW)),
            (make_model(), (2, 511), ("torch", FEW)),
            (make_model(), (2, 512), ("native", MANY)),
            (make_model(), (3, 513), ("torch", "longer than 512 tokens")),
            (make_model(), (1024, 2), ("native", MANY)),
            (make_model(), (1024, 1), ("plain", "there is one token at most")),
            (make_model(), (1024, 0), ("plain", "there is one token at most")),
            (make_model(d_model=128), (7, 500), ("native", MANY)),
            (make_model(d_model=129), (7, 500), ("torch", "wider than 128, and fewer than 8 sequences")),
            (make_model(d_model=129), (8, 500), ("native", MANY)),
            (make_model(ff_dropout=0.1), (16, 500), ("torch", "the compiled loop knows no dropout")),
            (make_model(attn_dropout=0.1), (16, 500), ("torch", "the compiled loop knows no dropout")),
            (make_model(attn_dropout=0.1).eval(), (16, 500), ("native", MANY)),
            (
                make_model(dtype=torch.bfloat16),
                (16, 500),
                ("torch", "the compiled loop knows float32 and float64, not bfloat16"),
            ),
            (make_model(segment_length=2), (16, 500), ("torch", f"{ALONE}, not 2")),
            (make_model(memory_norm=True), (16, 500), ("torch", NORM)),
            (Mine(make_config()), (16, 500), ("plain", "it is a Mine, which may do otherwise")),
            (causal(), (16, 500), ("native", MANY)),
            (causal(), (15, 500), ("plain", f"an ordinary transformer {WIDE}")),
            (causal(d_model=65), (16, 500), ("plain", f"an ordinary transformer {WIDE}")),
            (causal(d_model=65), (15, 500), ("plain", "wider than 64, and fewer than 16 sequences")),
            (causal(), (2, 5), ("plain", FEW)),
        ],
    )
    def test_of_itself(self, model: nn.Module, shape: tuple[int, int], expected: tuple[str, str]) -> None:
        assert chosen(model, make_tokens(*shape)) == expected

    def test_under_autocast(self) -> None:
        with torch.autocast("cpu", torch.bfloat16):
            assert chosen(make_model(), make_tokens(16, 5)) == ("torch", "the compiled loop does not follow autocast")

    def test_within_a_transform(self) -> None:
        model, tokens, choices = make_model(), make_tokens(2, 5), []
        torch.func.grad(lambda number: choices.append(chosen(model, tokens)) or number)(torch.tensor(1.0))
        assert choices == [("plain", "a transform of torch.func is at work")]

    @pytest.mark.parametrize("name", ["torch", "native"])
    def test_asked_for(self, name: engine.Engine) -> None:
        model = make_model()
        for shape in ((2, 5), (100, 5), (2, 1), (2, 0)):
            with use(name):
                assert chosen(model, make_tokens(*shape)) == Choice(name, "asked for")
            with use("plain"):
                assert chosen(model, make_tokens(*shape)) == Choice("plain", "asked for")

    @pytest.mark.parametrize(
        ("name", "model", "reason"),
        [
            ("native", make_model(segment_length=2), f"engine 'native' cannot run this: {ALONE}, not 2"),
            ("native", make_model(memory_norm=True), f"engine 'native' cannot run this: {NORM}"),
            ("torch", causal(), "engine 'torch' cannot run this: an ordinary transformer has no recurrence"),
            (
                "native",
                make_model(ff_dropout=0.1),
                "engine 'native' cannot run this: the compiled loop knows no dropout",
            ),
            ("torch", Mine(make_config()), "engine 'torch' cannot run this: it is a Mine, which may do otherwise"),
        ],
    )
    def test_what_was_asked_for_cannot_run(self, name: engine.Engine, model: nn.Module, reason: str) -> None:
        with use(name):
            with refused(EngineUnavailable, reason):
                model(make_tokens(2, 5))
            with refused(EngineUnavailable, reason):
                chosen(model, make_tokens(2, 5))
        with use("plain"):
            model(make_tokens(2, 5))

    def test_another_class_of_the_same_name_is_another_class(self) -> None:
        assert chosen(Namesake(make_config()), make_tokens(2, 5)).name == "plain"


@pytest.mark.usefixtures("uncompiled")
class TestWithoutCompiler:
    def test_the_choice_is_another(self) -> None:
        assert chosen(make_model(), make_tokens(16, 500)) == ("torch", "no C++ compiler was found")
        assert chosen(causal(), make_tokens(16, 500)).name == "plain"

    def test_the_compiled_loop_is_refused(self) -> None:
        with use("native"), refused(EngineUnavailable, "engine 'native' cannot run here: no C++ compiler was found"):
            make_model()(make_tokens(16, 500))

    def test_nobody_looks_for_a_compiler_in_vain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A small batch, a wide model or another engine does not set the compiler to work."""
        monkeypatch.setattr(native, "unavailable", lambda: pytest.fail("it was looked for"))
        assert chosen(make_model(), make_tokens(2, 5)).name == "torch"
        assert chosen(make_model(d_model=129), make_tokens(7, 500)).name == "torch"
        for name in ("plain", "torch"):
            with use(name):
                assert chosen(make_model(), make_tokens(16, 500)).name == name


class TestUse:
    def now(self) -> str:
        return engine.wanted.get()

    def test_nests_and_restores(self) -> None:
        assert self.now() == "auto"
        with use("torch"):
            with use("plain"):
                with use("auto"):
                    assert self.now() == "auto"
                assert self.now() == "plain"
            assert self.now() == "torch"
        assert self.now() == "auto"

    def test_restores_after_an_error(self) -> None:
        with use("plain"):
            with pytest.raises(ZeroDivisionError), use("torch"):
                raise ZeroDivisionError
            assert self.now() == "plain"
            with pytest.raises(ValueError, match="engine must be"), use("other"):  # type: ignore[arg-type]
                pass
            assert self.now() == "plain"
        assert self.now() == "auto"

    @pytest.mark.parametrize("name", ["fast", "", None, "Torch", 1])
    def test_an_unknown_name(self, name: object) -> None:
        fragments = "engine must be one of 'auto', 'plain', 'torch', 'native'", f"got {name!r}"
        with refused(ValueError, *fragments), use(name):  # type: ignore[arg-type]
            pytest.fail("the block was entered")

    def test_another_thread_is_not_touched(self) -> None:
        seen = []

        def look() -> None:
            seen.append(self.now())
            with use("plain"):
                entered.set()
                leave.wait(10)

        entered, leave = threading.Event(), threading.Event()
        thread = threading.Thread(target=look)
        with use("torch"):
            thread.start()
            assert entered.wait(10)
            assert self.now() == "torch"
        leave.set()
        thread.join()
        assert seen == ["auto"]

    def test_nor_is_another_context(self) -> None:
        """Every task of asyncio has one of its own."""
        before = contextvars.copy_context()
        with use("plain"):
            assert before.run(self.now) == "auto"
            assert contextvars.copy_context().run(self.now) == "plain"

    def test_the_model_follows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What `chosen` says is what is run."""
        ran: list[str] = []

        def note(run: Callable[..., object]) -> Callable[..., object]:
            def noted(model: nn.Module, name: str, *given: object) -> object:
                ran.append(name)
                return run(model, name, *given)

            return noted

        monkeypatch.setattr(engine, "run", note(engine.run))
        model = make_model()
        for name in ("plain", "torch"):
            with use(name):
                model(make_tokens(2, 5))
        model(make_tokens(2, 5))
        model(make_tokens(2, 1))
        assert ran == ["torch", "torch"]
