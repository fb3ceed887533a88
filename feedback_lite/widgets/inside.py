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
from feedback_lite.widgets.live import LiveFigure, ball_of, drawn_game, exact_model, export

FIRST_LENGTH = 24  # of the game that is shown where none is given
MAX_TOKENS = 300  # of a game
MAX_SLOTS = 24  # of the memory, and of what can be deleted
MAX_DELETED = 24


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
    _css = join_style("check", "inside")

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
        told = [self._tell_answer(now), self._tell_reading(now), _tell_writing(now, self.step)]
        if changes:
            hidden = self._answer_is_hidden()
            trained = "" if hidden else f"; as trained, the model says {self._name(self._answer_as_trained())}"
            told.append(f"Changed: {changes}{trained}.")
        return " ".join(told)

    def _answer_is_hidden(self) -> bool:
        return self.hide_answer and self.shown != self.step

    def _answer_as_trained(self) -> list[Any]:
        return _answer(self._through(Interventions())[-1].logits)

    def _tell_answer(self, now: Step) -> str:
        vocabulary = self.models[0]["vocabulary"]
        token = f"Step {self.step}, {vocabulary[now.token]}"
        if self._answer_is_hidden():
            return f"{token}: the answer is hidden until you ask for it."
        ball, answer = ball_of(self.tokens[: self.step]), _answer(now.logits)
        link, verdict = ("and", "right") if answer[0] + 1 == ball else ("but", "wrong")
        name = self._name(answer)
        return f"{token}: the ball is under cup {ball}, {link} the model says {name}, which is {verdict}."

    def _name(self, answer: Sequence[Any]) -> str:
        token, share = answer
        swap = self.models[0]["vocabulary"][token]
        return f"{f'cup {token + 1}' if token < ShellGame().cups else swap}, {percent(share)}"

    def _tell_reading(self, now: Step) -> str:
        if not now.writers_before:
            return "The memory is empty, so attention adds nothing."
        told: list[str] = []
        short = False  # "reads ... the most" is said once
        for layer, weights in enumerate(now.weights.tolist(), start=1):
            # Equal slots can differ in the last digits, so weights are compared in millionths, and the newest is named.
            best = max(
                (int(1e6 * weight + 0.5), place, -head)
                for head, row in enumerate(weights)
                for place, weight in enumerate(row)
            )
            place, head = best[1], -best[2]
            if layer in self.silent_layers:
                told.append(f"layer {layer}'s attention is off")
            elif short:
                told.append(f"layer {layer} slot {now.writers_before[place]} ({_head(head, weights[head][place])})")
            else:
                slot = now.writers_before[place]
                told.append(f"layer {layer} reads slot {slot} the most ({_head(head, weights[head][place])})")
                short = True
        text = ", ".join(told)
        return f"{text[0].upper()}{text[1:]}."

    def _tell_changes(self) -> str:
        told = []
        if self.written == "uniform":
            told.append("equal shares of all layers are written")
        elif self.written != "mixture":
            told.append(f"{_layer_name(self.written)} alone is written")
        if self.memory_size != self.models[0]["config"]["memory_size"]:
            told.append("a memory of 1 slot" if self.memory_size == 1 else f"a memory of {self.memory_size} slots")
        if not self.memory_offset:
            told.append("the memory does not count in the positions")
        if self.silent_layers:
            told.append(f"no attention in layer {_joined(sorted(self.silent_layers))}")
        if len(self.deleted) == 1:
            told.append("slot {} deleted before step {} reads".format(*self.deleted[0]))
        elif self.deleted:
            told.append(f"slots {_joined(sorted(token for token, _ in self.deleted))} deleted")
        return ", ".join(told)

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
        return _within(proposal, 1, len(self.tokens)) if self.tokens else 1

    @traitlets.validate("shown")
    def _check_shown(self, proposal: traitlets.Bunch) -> int:
        return _within(proposal, 0, MAX_TOKENS)

    @traitlets.validate("memory_size")
    def _check_memory_size(self, proposal: traitlets.Bunch) -> int:
        return _within(proposal, 1, MAX_SLOTS)

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


def _tell_writing(now: Step, step: int) -> str:
    evicted = [slot for slot in now.writers_before if slot not in now.writers]
    if evicted:
        return f"The step writes slot {step} and evicts slot {evicted[0]}."
    return f"The step writes slot {step}."


def _head(head: int, weight: float) -> str:
    return f"head {head + 1}, {percent(weight)}"


def _layer_name(layer: int) -> str:
    return "the embedding" if layer == 0 else f"layer {layer}"


def _joined(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return str(numbers[0])
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _rounded(numbers: Tensor) -> Any:
    if numbers.ndim == 0:
        return round(numbers.item(), 6)
    return [_rounded(part) for part in numbers]


def _within(proposal: traitlets.Bunch, least: int, most: int) -> int:
    value: int = proposal["value"]
    if not least <= value <= most:
        raise traitlets.TraitError(f"{proposal['trait'].name} must be between {least} and {most}, got {value}")
    return value
