"""Golden files: what the package's models compute in double precision, number by number, for the page to repeat."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import torch
from torch import Tensor

from feedback_lite import CausalTransformer, FeedbackTransformer, Interventions, Stepper, pretrained
from feedback_lite.generation import Step

NONE = Interventions()
INTERVENTIONS = {
    "none": NONE,
    "written: uniform": Interventions(written="uniform"),
    **{f"written: layer {layer}": Interventions(written=layer) for layer in (0, 1, 2)},
    **{f"memory size {size}": Interventions(memory_size=size) for size in (1, 5, 16, 24)},
    "deleted early": Interventions(deleted=((3, 7),)),
    "deleted after evictions": Interventions(deleted=((20, 25),)),
    "deleted twice": Interventions(deleted=((3, 7), (20, 25))),
    "deleted two at once": Interventions(deleted=((12, 20), (19, 20))),
    "deleted what was evicted": Interventions(deleted=((2, 30),)),
    "deleted all there was": Interventions(memory_size=1, deleted=((1, 2), (24, 25))),
    "offset on": Interventions(memory_offset=True),
    "offset off": Interventions(memory_offset=False),
    **{f"silent {layers}": Interventions(silent_layers=layers) for layers in ((1,), (2,), (1, 2))},
    "layer 0, short memory, silent": Interventions(written=0, memory_size=5, silent_layers=(1,)),
    "uniform, offset off, deleted": Interventions(written="uniform", memory_offset=False, deleted=((5, 9), (30, 33))),
    "all five": Interventions(
        written=1, memory_size=24, memory_offset=False, silent_layers=(2,), deleted=((10, 11), (10, 36), (15, 36))
    ),
}
# Those that must change nothing.
WITHOUT_EFFECT = {"memory size 16", "deleted what was evicted", "offset on"}


def varied_tokens(vocab_size: int, length: int = 40, seed: int = 0) -> list[int]:
    """Every token of the vocabulary once, then random ones: no game that the task would play."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(vocab_size, (length - vocab_size,), generator=generator)
    return torch.cat((torch.randperm(vocab_size, generator=generator), drawn)).tolist()


def make_golden(
    name: str, tokens: Sequence[int], interventions: Mapping[str, Interventions] = INTERVENTIONS
) -> dict[str, Any]:
    """All cases of one shipped model, with the checksum of the weights that gave them.

    An ordinary model has the one case "none". Every slot that was written stands once, by store and by the token that
    wrote it; a step names the writers that a store holds. A feedback model has one store, an ordinary one per layer.
    """
    weights = (files("feedback_lite") / "pretrained" / f"{name}.safetensors").read_bytes()
    model = pretrained.load(name).double()  # the float32 weights, each exact in float64
    if isinstance(model, CausalTransformer):
        cases = {"none": ordinary_case(model, tokens)}
    else:
        cases = {label: feedback_case(model, tokens, one) for label, one in interventions.items()}
    return {"name": name, "sha256": hashlib.sha256(weights).hexdigest(), "tokens": list(tokens), "cases": cases}


def feedback_case(model: FeedbackTransformer, tokens: Sequence[int], interventions: Interventions) -> dict[str, Any]:
    stepper = Stepper(model, interventions=interventions)
    steps = [stepper.step(token) for token in tokens]
    slots = [{"key": step.memory.keys[0, -1], "value": step.memory.values[0, -1]} for step in steps]
    for step in steps:
        check_slots(step, slots)
    return {
        "interventions": {} if interventions == NONE else asdict(interventions),
        "stores": [as_lists(slots)],
        "steps": [
            {
                "token": step.token,
                "held_before": [list(step.writers_before)],
                "held": [list(step.writers)],
                **as_lists({part: getattr(step, part) for part in ("hiddens", "weights", "mixture", "logits")}),
                "layerLogits": step.layer_logits.tolist(),
            }
            for step in steps
        ],
    }


def check_slots(step: Step, slots: Sequence[Mapping[str, Tensor]]) -> None:
    """Memory holds the very slots that were written, so each need stand in the file but once."""
    for memory, writers in ((step.memory_before, step.writers_before), (step.memory, step.writers)):
        assert len(memory) == len(writers)
        for place, writer in enumerate(writers):
            assert torch.equal(memory.keys[0, place], slots[writer - 1]["key"])
            assert torch.equal(memory.values[0, place], slots[writer - 1]["value"])


@torch.no_grad()
def ordinary_case(model: CausalTransformer, tokens: Sequence[int]) -> dict[str, Any]:
    """The whole sequence at once, as the package computes it, cut into steps."""
    embedded = model.embedding(torch.tensor([list(tokens)]))
    hiddens, weights = model.read(embedded)
    logits = model(torch.tensor([list(tokens)])).logits
    layer_logits = model.to_logits(model.output_norm(hiddens))
    stores = []
    for below, block, to_keys_values in zip(hiddens[:-1], model.blocks, model.to_keys_values, strict=True):
        keys, values = to_keys_values(block.attention_norm(below))
        pairs = zip(keys[0], values[0], strict=True)
        stores.append([{"key": key.tolist(), "value": value.tolist()} for key, value in pairs])
    return {
        "interventions": {},
        "stores": stores,
        "steps": [
            {
                "token": token,
                "held_before": [list(range(1, place + 1))] * len(stores),
                "held": [list(range(1, place + 2))] * len(stores),
                "hiddens": hiddens[:, 0, place].tolist(),
                "weights": [of_layer[0, :, place, : place + 1].tolist() for of_layer in weights],
                "logits": logits[0, place].tolist(),
                "layerLogits": layer_logits[:, 0, place].tolist(),
            }
            for place, token in enumerate(tokens)
        ],
    }


def as_lists(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: as_lists(one) for key, one in value.items()}
    return [as_lists(one) for one in value]
