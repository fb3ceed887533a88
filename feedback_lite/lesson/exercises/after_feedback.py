"""The exercises of chapter 13: the longest way of three wirings, one round of a scan, what two orders leave over."""

from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor

from feedback_lite.lesson.exercises.exercise import Case, Exercise, Mistake
from feedback_lite.tasks import GroupWord

# --- the longest way of three wirings -----------------------------------------------------------------------------

WIRINGS = ("ordinary", "own layer", "all layers")


def _way_cases(generator: torch.Generator) -> list[Case]:
    sizes = [(1, 2), (2, 2), (3, 2), (5, 4)]
    drawn = torch.randint(3, 30, (2, 2), generator=generator).tolist()
    return [(wiring, *size) for size in [*sizes, *drawn] for wiring in WIRINGS]


def _way_by_cells(wiring: str, num_tokens: int, num_layers: int) -> int:
    """Fill the cells in order, each with one more than the largest of those it reads."""
    lengths = [[0] * (num_layers + 1) for _ in range(num_tokens)]
    for token in range(num_tokens):
        for layer in range(1, num_layers + 1):
            reads = [lengths[token][layer - 1]]
            for past in range(token):
                if wiring == "all layers":
                    reads += lengths[past]
                else:
                    reads.append(lengths[past][layer if wiring == "own layer" else layer - 1])
            lengths[token][layer] = 1 + max(reads)
    return lengths[-1][-1]


def _way(wiring: str, num_tokens: int, num_layers: int) -> int:
    if wiring == "ordinary":
        return num_layers
    if wiring == "own layer":
        return num_tokens + num_layers - 1
    return num_tokens * num_layers


def _way_with_own(own: int, wiring: str, num_tokens: int, num_layers: int) -> int:
    """The right answer but for the wiring in which each layer reads itself."""
    return own if wiring == "own layer" else _way(wiring, num_tokens, num_layers)


def _way_with_embeddings(wiring: str, num_tokens: int, num_layers: int) -> int:
    """Cells instead of stages: the embedding is taken for one more layer."""
    return _way(wiring, num_tokens, num_layers + 1)


LONGEST_WAY = Exercise(
    specification=_way_by_cells,
    make_cases=_way_cases,
    solution=_way,
    mistakes=(
        Mistake(
            answer=lambda wiring, num_tokens, num_layers: num_layers,
            message="You gave the number of layers for every wiring. That is right for the ordinary one alone: where a "
            "layer can read what it or a higher one made of earlier tokens, the way grows with every token.",
        ),
        Mistake(
            answer=lambda wiring, num_tokens, num_layers: (
                num_layers if wiring == "ordinary" else num_tokens * num_layers
            ),
            message="Where each layer reads only itself, a way can never come down again. It goes one token to the "
            "right or one layer up: it cannot use all layers of every token.",
        ),
        Mistake(
            answer=lambda wiring, num_tokens, num_layers: _way_with_own(
                num_tokens + num_layers, wiring, num_tokens, num_layers
            ),
            message="One too many for the own layer. The way begins at token 1, layer 1: one stage, not two.",
        ),
        Mistake(
            answer=lambda wiring, num_tokens, num_layers: _way_with_own(num_tokens, wiring, num_tokens, num_layers),
            message="For the own layer you counted the tokens alone. The way also climbs from layer 1 to the last one.",
        ),
        Mistake(
            answer=lambda wiring, num_tokens, num_layers: _way_with_own(num_layers, wiring, num_tokens, num_layers),
            message="With the own layer, too, the way grows with the tokens: what a layer made of a token rests on "
            "what it made of the token before.",
        ),
        Mistake(
            answer=lambda wiring, num_tokens, num_layers: (
                num_tokens + num_layers - 1 if wiring == "all layers" else _way(wiring, num_tokens, num_layers)
            ),
            message="For all layers your way only moves right and up. But the first layer may read the last one of the "
            "token before: the way comes down again, and uses all layers of every token.",
        ),
        Mistake(
            answer=_way_with_embeddings,
            message="You counted embeddings as stages. An embedding has length 0: only layers at work count.",
        ),
        Mistake(
            answer=lambda wiring, num_tokens, num_layers: _way(wiring, num_layers, num_layers),
            message="The number of tokens does not come in. It is right where there are as many tokens as layers, as "
            "in the three tables, but nowhere else.",
        ),
        Mistake(
            answer=lambda wiring, num_tokens, num_layers: _way(wiring, 3, 3),
            message="These are the answers for three tokens and three layers, whatever was asked. Look how the tables "
            "grow from token to token, and from layer to layer.",
        ),
    ),
    otherwise="Fill a table on paper, one column per token, one row per layer: each cell is one more than the largest "
    "of the cells that it reads. The last cell is the answer.",
)


# --- one round of a scan ------------------------------------------------------------------------------------------

Products = Int[Tensor, "tokens"]
Table = Int[Tensor, "newest product"]


@cache
def _table() -> Table:
    """How permutations of three things are combined: an example in which the order matters."""
    return GroupWord(degree=3).table


def _scan_cases(generator: torch.Generator) -> list[Case]:
    sizes = [(3, 1), (4, 2), (7, 4), (9, 1), (2, 2), (16, 8)]
    return [(torch.randint(6, (tokens,), generator=generator), reach, _table()) for tokens, reach in sizes]


def _round_by_loop(products: Products, reach: int, table: Table) -> Products:
    """One helper after another, all from the old products."""
    combined = []
    for helper in range(len(products)):
        own = int(products[helper])
        if helper >= reach:
            own = int(table[own, int(products[helper - reach])])
        combined.append(own)
    return torch.tensor(combined)


def _round(products: Products, reach: int, table: Table) -> Products:
    later, earlier = products[reach:], products[:-reach]
    return torch.cat((products[:reach], table[later, earlier]))


def _round_in_place(products: Products, reach: int, table: Table) -> Products:
    for helper in range(reach, len(products)):
        products[helper] = table[products[helper], products[helper - reach]]
    return products


def _round_to_the_right(products: Products, reach: int, table: Table) -> Products:
    return torch.cat((table[products[:-reach], products[reach:]], products[-reach:]))


def _round_too_short(products: Products, reach: int, table: Table) -> Products:
    return torch.cat((products[: reach + 1], table[products[reach + 1 :], products[1:-reach]]))


def _all_rounds(products: Products, reach: int, table: Table) -> Products:
    reach = 1
    while reach < len(products):
        products, reach = _round(products, reach, table), 2 * reach
    return products


def _round_in_circles(products: Products, reach: int, table: Table) -> Products:
    return table[products, products.roll(reach)]


SCAN_ROUND = Exercise(
    specification=_round_by_loop,
    make_cases=_scan_cases,
    solution=_round,
    mistakes=(
        Mistake(
            answer=lambda products, reach, table: torch.cat(
                (products[:reach], table[products[:-reach], products[reach:]])
            ),
            message="The order is turned round. The row of the table is what acts last: what the later helper held.",
        ),
        Mistake(
            answer=lambda products, reach, table: _round(products, 1, table),
            message="You always combined with the neighbour on the left. This round looks `reach` to the left.",
        ),
        Mistake(
            answer=_round_in_place,
            message="Some helpers read results of this very round. All work side by side: they read the old "
            "products. Make a new tensor.",
        ),
        Mistake(
            answer=_round_in_circles,
            message="The first helpers were combined with the last ones. `roll` goes round in a circle; nothing comes "
            "before the first token.",
        ),
        Mistake(
            answer=lambda products, reach, table: table[products[reach:], products[:-reach]],
            message="The first `reach` helpers are missing. They have nothing to combine with, and stay as they are.",
        ),
        Mistake(
            answer=_round_to_the_right,
            message="Your helpers look to the right. Each one looks to its left: helper `i` at helper `i - reach`.",
        ),
        Mistake(
            answer=_round_too_short,
            message="Helper number `reach` was left out. On its left, `reach` places away, is helper 0: they combine.",
        ),
        Mistake(
            answer=lambda products, reach, table: torch.cat((products[:reach], products[reach:] + products[:-reach])),
            message="You added the numbers. They are names of permutations: only the table says what two of them make.",
        ),
        Mistake(
            answer=_all_rounds,
            message="This is the whole scan. One round was asked for: all helpers combine once.",
        ),
    ),
    otherwise="Helper number `i` holds what a stretch of tokens does, up to its own. From `reach` on, it is combined "
    "with what helper `i - reach` holds: first the earlier one, then its own.",
    error_hints={
        "out of bounds for dimension 0": "Look up pairs in one pair of brackets: `table[own, other]`. "
        "`table[own][other]` takes whole rows first. And no helper stands beyond the last one.",
        "shape mismatch": "Two parts do not fit. The later ones are `products[reach:]`, the earlier ones "
        "`products[:-reach]`.",
    },
)


# --- what two orders leave over -----------------------------------------------------------------------------------

Places = Int[Tensor, "things"]


def _pair_cases(generator: torch.Generator) -> list[Case]:
    examples = [((1, 0, 2), (0, 2, 1)), ((1, 0, 2, 3), (0, 1, 3, 2)), ((1, 2, 0), (2, 0, 1))]
    drawn = [tuple(torch.randperm(5, generator=generator) for _ in range(2)) for _ in range(4)]
    return [*((torch.tensor(first), torch.tensor(second)) for first, second in examples), *drawn]


def _commutator_by_hand(first: Places, second: Places) -> Places:
    places = []
    for thing in range(len(first)):
        place = int(second[int(first[thing])])
        place = first.tolist().index(place)  # undo the first
        place = second.tolist().index(place)
        places.append(place)
    return torch.tensor(places)


COMMUTATOR = Exercise(
    specification=_commutator_by_hand,
    make_cases=_pair_cases,
    solution=lambda first, second: second.argsort()[first.argsort()[second[first]]],
    mistakes=(
        Mistake(
            answer=lambda first, second: first.argsort()[second.argsort()[second[first]]],
            message="Your table leaves everything in its place, whatever the two are: what was done last was undone "
            "first. The order is `first`, `second`, the undoing of `first`, the undoing of `second`.",
        ),
        Mistake(
            answer=lambda first, second: second[first],
            message="This is only the first half: both are done, and neither is undone.",
        ),
        Mistake(
            answer=lambda first, second: second[first[second[first]]],
            message="You did both a second time instead of undoing them. The table that undoes `first` is "
            "`first.argsort()`.",
        ),
        Mistake(
            answer=lambda first, second: first.argsort()[second[first]],
            message="The first one is undone, the second one is not yet.",
        ),
        Mistake(
            answer=lambda first, second: first.argsort()[second.argsort()[first[second]]],
            message="You began with the second one. Where the content of place 0 goes first, `first[0]` says.",
        ),
        Mistake(
            answer=lambda first, second: first[second[first.argsort()[second.argsort()]]],
            message="Your four tables act in the opposite order. The innermost acts first, so `first` stands there.",
        ),
        Mistake(
            answer=lambda first, second: second[first[second.argsort()[first.argsort()]]],
            message="You undid both before you did them. The innermost table acts first, and that is `first`.",
        ),
        Mistake(
            answer=lambda first, second: first[second],
            message="This is only one half, and `second` acts first in it: in `another[one]`, `one` acts first.",
        ),
    ),
    otherwise="Follow one thing through all four tables: `first`, `second`, the one that undoes `first`, the one that "
    "undoes `second`.",
)
