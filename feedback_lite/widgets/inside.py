"""The inside of a trained feedback model, token by token: what it writes, reads and evicts, and what can be changed."""

from collections.abc import Iterable, Sequence
from typing import Any

import traitlets
from torch import Tensor

from feedback_lite import pretrained
from feedback_lite.generation import Step, Stepper
from feedback_lite.interventions import Interventions, Written
from feedback_lite.model import FeedbackTransformer
from feedback_lite.tasks import ShellGame
from feedback_lite.widgets.figure import join_script, join_style, percent
from feedback_lite.widgets.live import LiveFigure, ball_of, drawn_game, exact_model, export, shell_rules

FIRST_LENGTH = 24  # of the game that is shown where none is given
MAX_TOKENS = 300  # of a game
MAX_SLOTS = 24  # of the memory, and of what can be deleted
MAX_DELETED = 24

WORDS = {
    "hidden": "Step {step}, {token}: the answer is hidden until you ask for it.",
    "right": "Step {step}, {token}: the ball is under cup {cup}, and the model says {answer}, which is right.",
    "wrong": "Step {step}, {token}: the ball is under cup {cup}, but the model says {answer}, which is wrong.",
    "empty": "The memory is empty, so attention adds nothing.",
    "off": "layer {layer}'s attention is off",
    "reads": "layer {layer} reads slot {slot} the most (head {head}, {share})",
    "reads too": "layer {layer} slot {slot} (head {head}, {share})",
    "writes": "The step writes slot {step}.",
    "evicts": "The step writes slot {step} and evicts slot {evicted}.",
    "changed": "Changed: {changes}.",
    "changed from": "Changed: {changes}; as trained, the model says {answer}.",
    "uniform": "equal shares of all layers are written",
    "embedding alone": "the embedding alone is written",
    "layer alone": "layer {layer} alone is written",
    "size": ["a memory of 1 slot", "a memory of {count} slots"],
    "no offset": "the memory does not count in the positions",
    "silent": "no attention in layer {layers}",
    "one deleted": "slot {slot} deleted before step {step} reads",
    "deleted": "slots {slots} deleted",
    "and": "{rest} and {last}",
}
CAPTIONS = (
    "Rings: the token now, one hidden vector a layer. Beside each, what it would answer.",
    "All layers are mixed into one vector. It fills one slot, all that is left of the token; the oldest leaves.",
    "Every layer reads the same slots: the darker the blue, the more a head reads there.",
)


class ModelInside(LiveFigure):
    """A trained model on a shell game, step by step: its memory, what every layer reads, and what it answers.

    The trained model runs in the page. Here, in Python, the package's own model says the same in the state sentence.

    Args:
        name: a feedback model that ships with the package and plays the shell game.
        tokens: the game: the ball's cup, then swaps, as numbers of the model's vocabulary. None for a game of 24
            tokens drawn with seed 0.
        step: the step that is shown first, counted from 1; None for step 18, or the last one of a shorter game.
        slot: the chosen slot, named by the token that wrote it; None for the newest that the step can read.
        written: what is written to memory: "mixture" as learned, "uniform" or the number of one layer.
        memory_size: the number of slots; None for the model's own.
        memory_offset: whether the slots count in the positions.
        silent_layers: layers, counted from 1, whose attention is switched off.
        deleted: pairs (token, step): the slot that this token wrote is taken out before this step reads.
        hide_answer: whether what the model says is hidden until it is asked for.

    Raises:
        ValueError: there is no such model, or it is no feedback model of the shell game.
        traitlets.TraitError: a value is not allowed; the message names it and what is allowed.
    """

    _esm = join_script("inside")
    _css = join_style("inside")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    captions = traitlets.List(list(CAPTIONS), read_only=True).tag(sync=True)
    rules = traitlets.Dict(shell_rules(), read_only=True, help="of the shell game").tag(sync=True)
    limits = traitlets.Dict({"tokens": MAX_TOKENS, "slots": MAX_SLOTS, "deleted": MAX_DELETED}, read_only=True).tag(
        sync=True
    )
    tokens = traitlets.List(traitlets.Int(), help="the game, as numbers of the vocabulary").tag(sync=True)
    step = traitlets.Int(1, help="the step that is shown, counted from 1").tag(sync=True)
    slot = traitlets.Int(1, help="the chosen slot, named by the token that wrote it").tag(sync=True)
    written: Any = traitlets.Any("mixture", help="what is written to memory").tag(sync=True)
    memory_size = traitlets.Int(1, help="the number of slots").tag(sync=True)
    memory_offset = traitlets.Bool(True, help="whether the slots count in the positions").tag(sync=True)
    silent_layers = traitlets.List(traitlets.Int(), help="layers without attention").tag(sync=True)
    deleted: Any = traitlets.List(help="pairs: a slot, and the step before which it is taken out").tag(sync=True)
    hide_answer = traitlets.Bool(False, help="whether answers are hidden until they are asked for").tag(sync=True)
    shown = traitlets.Int(0, help="the step whose answer was asked for, 0 for none").tag(sync=True)
    recorded: Any = traitlets.Dict(help="the first picture, for a page that cannot run the model").tag(sync=True)

    def __init__(
        self,
        name: str = "shell-feedback",
        *,
        tokens: Iterable[int] | None = None,
        step: int | None = None,
        slot: int | None = None,
        written: Written = "mixture",
        memory_size: int | None = None,
        memory_offset: bool = True,
        silent_layers: Sequence[int] = (),
        deleted: Sequence[Sequence[int]] = (),
        hide_answer: bool = False,
    ) -> None:
        exported = export(name)
        if exported["kind"] != "feedback" or pretrained.card(name)["task"] != ShellGame.name:
            raise ValueError(f"name must be a feedback model of the shell game, got {name!r}")
        game = list(drawn_game(FIRST_LENGTH) if tokens is None else tokens)
        step = min(18, len(game)) if step is None else step
        self._runs: dict[Interventions, _Run] = {}
        super().__init__(
            models=[exported],
            tokens=game,
            step=step,
            slot=max(1, min(step - 1, len(game))) if slot is None else slot,
            written=written,
            memory_size=exported["config"]["memory_size"] if memory_size is None else memory_size,
            memory_offset=memory_offset,
            silent_layers=list(silent_layers),
            deleted=[list(pair) for pair in deleted],
            hide_answer=hide_answer,
        )
        self.recorded = self._record()

    # ---- what is shown

    @property
    def interventions(self) -> Interventions:
        """The changes of the model that are shown now."""
        own = self.models[0]["config"]["memory_size"]
        return Interventions(
            written=self.written,
            memory_size=None if self.memory_size == own else self.memory_size,
            memory_offset=None if self.memory_offset else False,
            silent_layers=tuple(self.silent_layers),
            deleted=tuple((token, step) for token, step in self.deleted),
        )

    def steps(self) -> list[Step]:
        """Return everything that the shown model did up to the present step, as `Stepper` gives it, in float64."""
        return self._through(self.interventions)

    def _through(self, interventions: Interventions) -> list[Step]:
        if interventions not in self._runs:
            if len(self._runs) >= 4:
                self._runs.pop(next(iter(self._runs)))
            self._runs[interventions] = _Run(self.models[0]["name"], interventions)
        return self._runs[interventions].through(self.tokens[: self.step])

    def describe(self) -> str:
        """Return token and answer, what each layer reads the most, what is written and evicted, and what is changed."""
        now, changes = self.steps()[-1], self._tell_changes()
        told = [self._tell_answer(now), self._tell_reading(now), self._tell_writing(now)]
        if changes and self._answer_is_hidden():
            told.append(self.tell("changed", changes=changes))
        elif changes:
            told.append(self.tell("changed from", changes=changes, answer=self._name(self._answer_as_trained())))
        return " ".join(told)

    def _answer_is_hidden(self) -> bool:
        return self.hide_answer and self.shown != self.step

    def _answer_as_trained(self) -> list[Any]:
        return _answer(self._through(Interventions())[-1].logits)

    def _tell_answer(self, now: Step) -> str:
        token = self.models[0]["vocabulary"][now.token]
        if self._answer_is_hidden():
            return self.tell("hidden", step=self.step, token=token)
        ball, answer = ball_of(self.tokens[: self.step]), _answer(now.logits)
        verdict = "right" if answer[0] + 1 == ball else "wrong"
        return self.tell(verdict, step=self.step, token=token, cup=ball, answer=self._name(answer))

    def _name(self, answer: Sequence[Any]) -> str:
        token, share = answer
        swap = self.models[0]["vocabulary"][token]
        return f"{f'cup {token + 1}' if token < ShellGame().cups else swap}, {percent(share)}"

    def _tell_reading(self, now: Step) -> str:
        """Return what each layer reads the most. That it reads is said of the first one that does."""
        if not now.writers_before:
            return self.tell("empty")
        layers = range(1, len(now.weights) + 1)
        first = next((layer for layer in layers if layer not in self.silent_layers), None)
        told: list[str] = []
        for layer, weights in zip(layers, now.weights.tolist(), strict=True):
            if layer in self.silent_layers:
                told.append(self.tell("off", layer=layer))
                continue
            head, place = _most_read(weights)
            read = {"layer": layer, "slot": now.writers_before[place], "head": head + 1}
            name = "reads" if layer == first else "reads too"
            told.append(self.tell(name, **read, share=percent(weights[head][place])))
        text = ", ".join(told)
        return f"{text[0].upper()}{text[1:]}."

    def _tell_writing(self, now: Step) -> str:
        evicted = next((slot for slot in now.writers_before if slot not in now.writers), None)
        return self.tell("writes" if evicted is None else "evicts", step=self.step, evicted=evicted)

    def _tell_changes(self) -> str:
        told = []
        if self.written == "uniform":
            told.append(self.tell("uniform"))
        elif self.written == 0:
            told.append(self.tell("embedding alone"))
        elif self.written != "mixture":
            told.append(self.tell("layer alone", layer=self.written))
        if self.memory_size != self.models[0]["config"]["memory_size"]:
            told.append(self.tell("size", count=self.memory_size))
        if not self.memory_offset:
            told.append(self.tell("no offset"))
        if self.silent_layers:
            told.append(self.tell("silent", layers=self._joined(self.silent_layers)))
        if len(self.deleted) == 1:
            slot, step = self.deleted[0]
            told.append(self.tell("one deleted", slot=slot, step=step))
        elif self.deleted:
            told.append(self.tell("deleted", slots=self._joined([token for token, _ in self.deleted])))
        return ", ".join(told)

    def _joined(self, numbers: Sequence[int]) -> str:
        *rest, last = map(str, sorted(numbers))
        return self.tell("and", rest=", ".join(rest), last=last) if rest else last

    def _record(self) -> dict[str, Any]:
        """Return the present picture in numbers, in the same form as ``momentOf`` of the script."""
        steps = self.steps()
        now, slot = steps[-1], self.slot
        trace = [
            {"step": number, "weights": _rounded(step.weights[..., step.writers_before.index(slot)])}
            for number, step in enumerate(steps, start=1)
            if slot in step.writers_before
        ]
        struck = [
            token
            for token, moment in self.deleted
            if token < moment <= self.step and token in steps[moment - 2].writers
        ]
        changes = self._tell_changes()
        return {
            "tokens": self.tokens,
            "step": self.step,
            "slot": slot,
            "size": self.memory_size,
            "written": self.written,
            "silent": self.silent_layers,
            "deleted": self.deleted,
            "struck": struck,
            "hidden": self._answer_is_hidden(),
            "answers": [[token, round(share, 6)] for token, share in map(_answer, now.layer_logits)],
            "trained": self._answer_as_trained() if changes else None,
            "changes": changes,
            "shares": _rounded(self._runs[self.interventions].model.layer_weights.detach().softmax(dim=0)),
            "before": list(now.writers_before),
            "after": list(now.writers),
            "weights": _rounded(now.weights),
            "trace": trace,
            "sentence": self.describe(),
            "vocabulary": self.models[0]["vocabulary"],
        }

    # ---- what is allowed

    @traitlets.validate("models")
    def _check_models(self, proposal: traitlets.Bunch) -> list[dict[str, Any]]:
        models: list[dict[str, Any]] = proposal["value"]
        if len(models) != 1 or models[0].get("kind") != "feedback":
            raise traitlets.TraitError(f"models must hold one feedback model, got {len(models)}")
        return models

    @traitlets.validate("tokens")
    def _check_tokens(self, proposal: traitlets.Bunch) -> list[int]:
        tokens: list[int] = proposal["value"]
        cups, last = ShellGame().cups, len(ShellGame().vocabulary) - 1
        if len(tokens) not in range(1, MAX_TOKENS + 1):
            raise traitlets.TraitError(f"tokens must hold 1 to {MAX_TOKENS} numbers, got {len(tokens)}")
        if tokens[0] not in range(cups):
            raise traitlets.TraitError(f"tokens must begin with the ball's cup, 0 to {cups - 1}, got {tokens[0]}")
        for token in tokens[1:]:
            if token not in range(cups, last + 1):
                raise traitlets.TraitError(f"tokens after the first must be swaps, {cups} to {last}, got {token}")
        return tokens

    @traitlets.observe("tokens")
    def _keep_within(self, change: traitlets.Bunch) -> None:
        for name in ("step", "slot"):
            setattr(self, name, min(getattr(self, name), len(self.tokens)))

    @traitlets.validate("step", "slot")
    def _check_place(self, proposal: traitlets.Bunch) -> int:
        # Without tokens it is they that are refused, with a message of their own.
        return self.within(proposal, 1, len(self.tokens)) if self.tokens else 1

    @traitlets.validate("shown")
    def _check_shown(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 0, MAX_TOKENS)

    @traitlets.validate("memory_size")
    def _check_memory_size(self, proposal: traitlets.Bunch) -> int:
        return self.within(proposal, 1, MAX_SLOTS)

    @traitlets.validate("written")
    def _check_written(self, proposal: traitlets.Bunch) -> Written:
        value, top = proposal["value"], self.models[0]["config"]["num_layers"]
        if value in ("mixture", "uniform") or (type(value) is int and value in range(top + 1)):
            return value
        raise traitlets.TraitError(f"written must be 'mixture', 'uniform' or a layer from 0 to {top}, got {value!r}")

    @traitlets.validate("silent_layers")
    def _check_silent_layers(self, proposal: traitlets.Bunch) -> list[int]:
        layers: list[int] = proposal["value"]
        top = self.models[0]["config"]["num_layers"]
        if len(set(layers)) != len(layers) or any(layer not in range(1, top + 1) for layer in layers):
            raise traitlets.TraitError(f"silent_layers must hold layers from 1 to {top}, each once, got {layers}")
        return layers

    @traitlets.validate("deleted")
    def _check_deleted(self, proposal: traitlets.Bunch) -> list[list[int]]:
        pairs = [list(pair) if isinstance(pair, list | tuple) else [pair] for pair in proposal["value"]]
        if len(pairs) > MAX_DELETED:
            raise traitlets.TraitError(f"deleted must hold at most {MAX_DELETED} pairs, got {len(pairs)}")
        for pair in pairs:
            whole = len(pair) == 2 and all(type(number) is int for number in pair)
            if not whole or not 1 <= pair[0] < pair[1] <= MAX_TOKENS + 1:
                raise traitlets.TraitError(f"deleted must hold pairs of a slot and a later step, got {pair}")
        if len({token for token, _ in pairs}) != len(pairs):
            raise traitlets.TraitError(f"deleted must name each slot once, got {pairs}")
        return pairs


class _Run:
    """A model under interventions, and what it did on the tokens so far."""

    def __init__(self, name: str, interventions: Interventions) -> None:
        self.name = name
        self.interventions = interventions
        self._begin()

    def _begin(self) -> None:
        model = exact_model(self.name)
        assert isinstance(model, FeedbackTransformer)
        self.stepper = Stepper(model, interventions=self.interventions)
        self.steps: list[Step] = []

    @property
    def model(self) -> FeedbackTransformer:
        return self.stepper.model

    def through(self, tokens: Sequence[int]) -> list[Step]:
        if any(step.token != token for step, token in zip(self.steps, tokens, strict=False)):
            self._begin()
        self.steps += [self.stepper.step(token) for token in tokens[len(self.steps) :]]
        return self.steps[: len(tokens)]


def _answer(logits: Tensor) -> list[Any]:
    """Return the likeliest token and its probability."""
    share, token = logits.softmax(dim=-1).max(dim=-1)
    return [int(token), share.item()]


def _most_read(weights: list[list[float]]) -> tuple[int, int]:
    """Return head and place of the largest weight.

    Equal slots can differ in the last digits, so weights are compared in millionths, and the newest slot is named.
    """
    _, place, head = max(
        (int(1e6 * weight + 0.5), place, -head) for head, row in enumerate(weights) for place, weight in enumerate(row)
    )
    return -head, place


def _rounded(numbers: Tensor) -> Any:
    if numbers.ndim == 0:
        return round(numbers.item(), 6)
    return [_rounded(part) for part in numbers]
