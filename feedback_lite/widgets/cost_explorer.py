"""What keys and values cost a model: one projection for all layers beside one per layer."""

from collections.abc import Mapping
from typing import Any

import traitlets

from feedback_lite.widgets.figure import Figure, join_script, join_style

CHOICES: dict[str, tuple[int, ...]] = {
    "layers": (1, 2, 4, 8, 12, 24),
    "width": (16, 32, 64, 128, 256, 512),
    "heads": (1, 2, 4, 8),
    "head width": (16, 32, 64, 128),
    "slots": (16, 64, 256, 1024, 8192),
}
ONE_FOR_ALL, ONE_PER_LAYER = "one vector for all layers", "a vector per layer"
FEWEST_IN_MEGABYTES = 100_000  # bytes
WORDS = {
    "layers": ["1 layer", "{count} layers"],
    "heads": ["1 head", "{count} heads"],
    "bytes": "{size} bytes",
    "megabytes": "{size} MB",
    "sizes": "{layers} of width {width}, {heads} of width {head_width}, {slots} slots, {vectors}.",
    "shared": (
        "One matrix for all layers: {parameters} parameters, {kept} numbers ({room}) in a full memory, "
        "{made} computed per token."
    ),
    "each": "One matrix per layer: {parameters} parameters, {kept} numbers ({room}), {made} per token.",
}


def projection_parameters(*, width: int, heads: int, head_width: int) -> int:
    """Return the numbers in one matrix that makes a key and a value of a vector."""
    return 2 * heads * head_width * width


def pair_numbers(*, heads: int, head_width: int) -> int:
    """Return the numbers in one key and one value."""
    return 2 * heads * head_width


def cost_tables() -> dict[str, Any]:
    """Return the costs of every setting, nested in the order of ``CHOICES``, for one layer and more.

    ``parameters`` goes by layers, width, heads and head width, ``memory`` by layers, heads, head width and slots,
    ``pairs`` by layers, heads and head width. What a shared projection costs stands under one layer.
    """
    layers, widths, heads, head_widths, slots = CHOICES.values()

    def pair(head: int, size: int) -> int:
        return pair_numbers(heads=head, head_width=size)

    return {
        "parameters": [
            [
                [
                    [n * projection_parameters(width=width, heads=head, head_width=size) for size in head_widths]
                    for head in heads
                ]
                for width in widths
            ]
            for n in layers
        ],
        "memory": [
            [[[n * m * pair(head, size) for m in slots] for size in head_widths] for head in heads] for n in layers
        ],
        "pairs": [[[n * pair(head, size) for size in head_widths] for head in heads] for n in layers],
    }


class CostExplorer(Figure):
    """Three costs of keys and values: parameters, what memory keeps, and what is computed for every token.

    Args:
        models: sizes of models to start from, by name; each has the keys of ``CHOICES``, and its sizes are among
            the choices. The first one is shown at the start.

    Raises:
        ValueError: no model, or sizes that are missing, unknown or not among the choices.
    """

    _esm = join_script("cost_explorer")
    _css = join_style("cost_explorer")

    words = traitlets.Dict(WORDS, read_only=True).tag(sync=True)
    names = traitlets.List(list(CHOICES), read_only=True, help="what can be set").tag(sync=True)
    choices: Any = traitlets.List([list(each) for each in CHOICES.values()], read_only=True).tag(sync=True)
    costs = traitlets.Dict(cost_tables(), read_only=True, help="every cost, computed here").tag(sync=True)
    models: Any = traitlets.List(help="name and places of each model to start from").tag(sync=True)
    places = traitlets.List(traitlets.Int(), help="which choice is made of each size, counted from 0").tag(sync=True)
    inputs = traitlets.List([ONE_FOR_ALL, ONE_PER_LAYER], read_only=True, help="what can be projected").tag(sync=True)
    fewest_in_megabytes = traitlets.Int(FEWEST_IN_MEGABYTES, read_only=True).tag(sync=True)
    vectors = traitlets.Enum([ONE_FOR_ALL, ONE_PER_LAYER], ONE_FOR_ALL, help="what is projected").tag(sync=True)

    def __init__(self, models: Mapping[str, Mapping[str, int]]) -> None:
        if not models:
            raise ValueError("models must hold at least one model, got none")
        found = [[name, _places(name, sizes)] for name, sizes in models.items()]
        super().__init__(models=found, places=found[0][1])

    def sizes(self) -> dict[str, int]:
        """Return the sizes that are shown."""
        return {name: CHOICES[name][place] for name, place in zip(CHOICES, self.places, strict=True)}

    def shown_costs(self) -> dict[str, tuple[int, int]]:
        """Return, for each cost, that of one matrix for all layers and that of one matrix per layer."""
        sizes = self.sizes()
        layers, slots = sizes["layers"], sizes["slots"]
        pair = pair_numbers(heads=sizes["heads"], head_width=sizes["head width"])
        one = projection_parameters(width=sizes["width"], heads=sizes["heads"], head_width=sizes["head width"])
        pairs = 1 if self.vectors == ONE_FOR_ALL else layers
        return {
            "parameters": (one, layers * one),
            "memory": (pairs * slots * pair, layers * slots * pair),
            "pairs": (pairs * pair, layers * pair),
        }

    def describe(self) -> str:
        """Return the sizes and the costs that are shown."""
        sizes = self.sizes()
        told = self.tell(
            "sizes",
            layers=self.tell("layers", count=sizes["layers"]),
            width=sizes["width"],
            heads=self.tell("heads", count=sizes["heads"]),
            head_width=sizes["head width"],
            slots=f"{sizes['slots']:,}",
            vectors=self.vectors,
        )
        return f"{told} {self._tell_costs('shared', 0)} {self._tell_costs('each', 1)}"

    def _tell_costs(self, name: str, which: int) -> str:
        parameters, kept, made = (pair[which] for pair in self.shown_costs().values())
        return self.tell(name, parameters=f"{parameters:,}", kept=f"{kept:,}", room=self._room(kept), made=f"{made:,}")

    def _room(self, numbers: int) -> str:
        """Return how much room float32 numbers take: four bytes each."""
        size = 4 * numbers
        if size < self.fewest_in_megabytes:
            return self.tell("bytes", size=f"{size:,}")
        return self.tell("megabytes", size=f"{size / 1e6:,.1f}")

    @traitlets.validate("places")
    def _check_places(self, proposal: traitlets.Bunch) -> list[int]:
        places: list[int] = proposal["value"]
        reach = [len(choices) for choices in CHOICES.values()]
        if len(places) != len(reach) or any(not 0 <= at < most for at, most in zip(places, reach, strict=True)):
            raise traitlets.TraitError(f"places must be {len(reach)} whole numbers from 0, below {reach}, got {places}")
        return places


def _places(model: str, sizes: Mapping[str, int]) -> list[int]:
    if set(sizes) != set(CHOICES):
        raise ValueError(f"models[{model!r}] must have the sizes {list(CHOICES)}, got {list(sizes)}")
    for name, choices in CHOICES.items():
        if sizes[name] not in choices:
            raise ValueError(f"models[{model!r}][{name!r}] must be one of {choices}, got {sizes[name]!r}")
    return [choices.index(sizes[name]) for name, choices in CHOICES.items()]
