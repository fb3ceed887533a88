"""What can be changed in a trained feedback model, to see what its parts are good for."""

import copy
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn

from feedback_lite.config import check_choice, check_size, check_type
from feedback_lite.memory import Memory
from feedback_lite.model import FeedbackTransformer

Written = Literal["mixture", "uniform"] | int


@dataclass(frozen=True, kw_only=True)
class Interventions:
    """Changes that hold for a whole run, as if it had been so from the start; only ``deleted`` has a moment.

    Args:
        written: what memory takes its keys and values from. "mixture" is what the model has learned to write,
            "uniform" are equal shares of all layers, and a number is that layer alone, 0 the embedding. A model with
            ``memory_from="last"`` has no learned mixture: with "mixture" it goes on writing its last layer.
        memory_size: number of slots; None for the model's own.
        memory_offset: whether distances count the slots between a key and the query, as they should. False gives
            the buckets of ``compat="lucidrains"``: every slot has that of distance 0. None for the model's own.
        silent_layers: layers, counted from 1, whose attention adds nothing to their hidden vectors.
        deleted: pairs (token, step), both counted from 1: the slot that this token wrote is taken out before this
            step reads. Older slots then stand one step nearer. Nothing happens where it is no longer in memory.

    Raises:
        TypeError: a value has the wrong type.
        ValueError: a value is not allowed; the message names the argument, the value and what is allowed.
    """

    written: Written = "mixture"
    memory_size: int | None = None
    memory_offset: bool | None = None
    silent_layers: tuple[int, ...] = ()
    deleted: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.written, bool) or not isinstance(self.written, str | int):
            raise TypeError(f"written must be 'mixture', 'uniform' or a layer, got {self.written!r}")
        if isinstance(self.written, int):
            check_size("written", self.written, least=0)
        else:
            check_choice("written", self.written, ("mixture", "uniform"))
        if self.memory_size is not None:
            check_size("memory_size", self.memory_size)
        if not (self.memory_offset is None or isinstance(self.memory_offset, bool)):
            raise TypeError(f"memory_offset must be True, False or None, got {self.memory_offset!r}")
        if not isinstance(self.silent_layers, tuple):
            raise TypeError(f"silent_layers must be a tuple of layers, got {self.silent_layers!r}")
        for layer in self.silent_layers:
            check_size("a layer of silent_layers", layer)
        if not isinstance(self.deleted, tuple) or not all(isinstance(p, tuple) and len(p) == 2 for p in self.deleted):
            raise TypeError(f"deleted must be a tuple of pairs (token, step), got {self.deleted!r}")
        for token, step in self.deleted:
            check_size("a token of deleted", token)
            check_size(f"the step that deletes the slot of token {token}", step, least=token + 1)

    def delete(self, memory: Memory, writers: tuple[int, ...], *, step: int) -> tuple[Memory, tuple[int, ...]]:
        """Return the memory and the writers of its slots without what is deleted before a step.

        Args:
            memory: the memory after the step before.
            writers: which token wrote each of its slots, counted from 1.
            step: the step that is to read next, counted from 1.
        """
        gone = {token for token, moment in self.deleted if moment == step}
        kept = [slot for slot, writer in enumerate(writers) if writer not in gone]
        if len(kept) == len(writers):
            return memory, writers
        return Memory(memory.keys[:, kept], memory.values[:, kept]), tuple(writers[slot] for slot in kept)


@torch.no_grad()
def intervene(model: FeedbackTransformer, interventions: Interventions) -> FeedbackTransformer:
    """Return a copy of a model in which the interventions hold; the model itself stays as it is.

    A slot can be deleted only between two steps, so ``deleted`` is for a `Stepper`.

    Raises:
        TypeError: the model is not a `FeedbackTransformer`, or ``interventions`` are no `Interventions`.
        ValueError: an intervention does not fit the model; the message says what would.
    """
    check_fit(model, interventions)
    if interventions.deleted:
        raise ValueError(f"deleted must be empty here, since only a Stepper can delete, got {interventions.deleted}")
    changed, config = copy.deepcopy(model), model.config
    if interventions.memory_size is not None:
        config = replace(config, memory_size=interventions.memory_size)
    if interventions.memory_offset is not None:
        config = replace(config, compat=None if interventions.memory_offset else "lucidrains")
    changed.config = config
    if interventions.written != "mixture":
        layer = None if interventions.written == "uniform" else interventions.written
        set_layer_weights(changed, layer=layer)
    for layer in interventions.silent_layers:
        for parameter in changed.get_submodule(f"blocks.{layer - 1}.attention.to_output").parameters():
            parameter.zero_()
    return changed


@torch.no_grad()
def set_layer_weights(model: FeedbackTransformer, *, layer: int | None) -> None:
    """Let a model write equal shares of all layers to memory, or one layer alone (0 is the embedding)."""
    weights = model.to_keys_values.linear.weight.new_zeros(model.config.num_layers + 1)
    if layer is not None:
        weights.fill_(float("-inf"))
        weights[layer] = 0
    model.config = replace(model.config, memory_from="mixture")
    model.layer_weights = nn.Parameter(weights)


def check_fit(model: FeedbackTransformer, interventions: Interventions) -> None:
    """Raise where the interventions are not possible in this model."""
    check_type("model", model, FeedbackTransformer)
    check_type("interventions", interventions, Interventions)
    top, written = model.config.num_layers, interventions.written
    if isinstance(written, int) and written > top:
        raise ValueError(f"written must be a layer from 0 to {top}, 'mixture' or 'uniform', got {written}")
    for layer in interventions.silent_layers:
        if layer > top:
            raise ValueError(f"silent_layers must hold layers from 1 to {top}, got {layer}")
    if interventions.memory_offset is not None and model.config.segment_length != 1:
        raise ValueError(
            f"memory_offset must be None for a model with segment_length={model.config.segment_length}: "
            "in longer segments the original differs in more than the offset"
        )
    if interventions.memory_offset is False and model.config.memory_norm:
        raise ValueError(
            "memory_offset must not be False for a model with memory_norm=True: the original has no such norm"
        )
