"""The recurrence of segment length 1 as one function with its own backward pass; the loop in `model.py` is its oracle.

Four things make it fast, and none changes what is computed. All slots lie in one buffer, so that nothing is
concatenated. The gains and shifts of the norms and the scale of the scores are folded into the matrices behind them.
Attention weights are computed anew in the backward pass, so that what is held grows with the length, not with its
square. The gradients of the matrices wait until a block of steps is done, and become one large product.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, cat, stack

from feedback_lite.config import FeedbackConfig
from feedback_lite.engine.derivatives import refuse_second_derivative
from feedback_lite.memory import Memory

EPSILON = 1e-5
norm_backward = torch.ops.aten.native_layer_norm_backward.default
BLOCK = 16
"""Steps whose gradients are brought to the matrices, and to the slots before them, together."""


class Folded(NamedTuple):
    """The matrices of all layers, with what stands before them folded in; one axis more, the layers, in front."""

    to_queries: Float[Tensor, "layers he d"]
    query_shift: Float[Tensor, "layers 1 he"]
    to_output: Float[Tensor, "layers d he"]
    output_shift: Float[Tensor, "layers 1 d"]
    widen: Float[Tensor, "layers ff2 d"]
    widen_shift: Float[Tensor, "layers 1 ff2"]
    narrow: Float[Tensor, "layers d ff"]
    narrow_shift: Float[Tensor, "layers 1 d"]


def fold(config: FeedbackConfig, weights: Mapping[str, Tensor], dtype: torch.dtype) -> Folded:
    """Return the matrices with norms and scale folded in: ``W (g * x + s) + b = (W g) x + (W s + b)``.

    Args:
        config: the model's sizes.
        weights: the model's parameters by their names.
        dtype: in which to multiply; under autocast it is not the parameters' own.
    """

    def layers(name: str) -> Tensor:
        return stack([weights[f"blocks.{layer}.{name}"] for layer in range(config.num_layers)])

    def behind(norm: str, matrix: Tensor) -> tuple[Tensor, Tensor]:
        gain, shift = layers(f"{norm}.weight"), layers(f"{norm}.bias")
        return matrix * rearrange(gain, "l d -> l 1 d"), rearrange(
            matrix @ rearrange(shift, "l d -> l d 1"), "l o 1 -> l 1 o"
        )

    scale = config.head_dim**-0.5
    to_queries, query_shift = behind("attention_norm", layers("attention.to_queries.weight") * scale)
    widen, widen_shift = behind("feedforward_norm", layers("feedforward.widen.weight"))
    folded = Folded(
        to_queries,
        query_shift,
        layers("attention.to_output.weight"),
        rearrange(layers("attention.to_output.bias"), "l d -> l 1 d"),
        widen,
        widen_shift + rearrange(layers("feedforward.widen.bias"), "l o -> l 1 o"),
        layers("feedforward.narrow.weight"),
        rearrange(layers("feedforward.narrow.bias"), "l d -> l 1 d"),
    )
    return Folded(*(tensor.to(dtype) for tensor in folded))


def fold_memory(config: FeedbackConfig, weights: Mapping[str, Tensor], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the matrix that makes keys and values and a shift, the memory's norm folded in where there is one."""
    matrix = weights["to_keys_values.linear.weight"]
    shift = matrix.new_zeros(1, len(matrix))
    if config.memory_norm:
        shift = rearrange(matrix @ weights["memory_norm.bias"], "o -> 1 o")
        matrix = matrix * weights["memory_norm.weight"]
    return matrix.to(dtype), shift.to(dtype)


def recur(
    config: FeedbackConfig,
    weights: Mapping[str, Tensor],
    embedded: Float[Tensor, "b t d"],
    memory: Memory,
    bias: Float[Tensor, "h m"],
    shares: Float[Tensor, "l"],
    *,
    training: bool = False,
) -> tuple[Float[Tensor, "b t d"], Memory]:
    """Work through a sequence token by token and return the hidden vectors of the last layer, and the memory after it.

    Args:
        config: the model's sizes, of segment length 1.
        weights: the model's parameters by their names.
        embedded: hidden vectors of layer 0.
        memory: what the first token may read.
        bias: position bias of the longest memory that the sequence meets, oldest slot first.
        shares: what every layer adds to a memory vector, embedding first.
        training: whether dropout is on.
    """
    dropout = training and (config.attn_dropout > 0 or config.ff_dropout > 0)
    seed = int(torch.randint(2**62, ())) if dropout else None
    folded = fold(config, weights, memory.keys.dtype)
    written = fold_memory(config, weights, memory.keys.dtype)
    slots = rearrange([memory.keys, memory.values], "two b m (h e) -> two (b h) m e", h=config.num_heads)
    nearness = repeat(bias.to(slots.dtype), "h m -> (b h) 1 m", b=len(embedded))
    inputs = (rearrange(embedded, "b t d -> t b d"), slots, nearness, shares, *written, *folded)
    keeps = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    with torch.autocast(embedded.device.type, enabled=False):
        tops, slots = Recurrence.apply(config, seed, keeps, *inputs)  # type: ignore[no-untyped-call]
    newest = slots[:, :, -config.memory_size :]
    keys, values = rearrange(newest, "two (b h) m e -> two b m (h e)", h=config.num_heads)
    return rearrange(tops, "t b d -> b t d"), Memory(keys, values)


class Kept(NamedTuple):
    """What the backward pass needs of every step; nothing here grows with the square of the length."""

    hiddens: Float[Tensor, "l t b d"]
    queries: Float[Tensor, "layers t b he"]
    reads: Float[Tensor, "layers t b he"]
    middles: Float[Tensor, "layers t b d"]
    widened: Float[Tensor, "layers t b ff2"]

    @classmethod
    def empty(cls, config: FeedbackConfig, embedded: Float[Tensor, "t b d"], steps: int, dtype: torch.dtype) -> "Kept":
        """Return room for so many steps."""
        layers, inner = config.num_layers, config.num_heads * config.head_dim

        def room(layers: int, width: int, dtype: torch.dtype) -> Tensor:
            return embedded.new_empty(layers, steps, embedded.shape[1], width, dtype=dtype)

        return cls(
            room(layers + 1, config.d_model, embedded.dtype),
            room(layers, inner, dtype),
            room(layers, inner, dtype),
            room(layers, config.d_model, embedded.dtype),
            room(layers, 2 * config.ff_mult * config.d_model, dtype),
        )


class Recurrence(torch.autograd.Function):
    """All steps of a call.

    ``n`` counts the heads of all sequences, ``s`` all slots: those that came in, and one for every step.
    """

    @staticmethod
    def forward(
        ctx: Any,
        config: FeedbackConfig,
        seed: int | None,
        keeps: bool,
        embedded: Float[Tensor, "t b d"],
        incoming: Float[Tensor, "2 n m e"],
        nearness: Float[Tensor, "n 1 longest"],
        shares: Float[Tensor, "l"],
        to_keys_values: Float[Tensor, "he2 d"],
        written_shift: Float[Tensor, "1 he2"],
        *matrices: Tensor,
    ) -> tuple[Float[Tensor, "t b d"], Float[Tensor, "2 n s e"]]:
        """Return the hidden vectors of the last layer, and all slots: keys, then values."""
        dtype, size = to_keys_values.dtype, config.head_dim
        kept = Kept.empty(config, embedded, len(embedded) if keeps else 1, dtype)
        room = incoming.new_empty(2, incoming.shape[1], len(embedded), size)
        slots, tops = cat((incoming, room), dim=2), torch.empty_like(embedded)
        columns = in_columns(slots[0])
        layers = list(zip(*(matrix.unbind() for matrix in transposed(Folded(*matrices))), strict=True))
        hiddens, queries, reads, middles, widened = (views(part) for part in kept)
        query_rows, read_rows = (views(in_rows(part, size)) for part in (kept.queries, kept.reads))
        for step in range(len(embedded)):
            place = step if keeps else 0
            start, stop = window(config, incoming.shape[2] + step)
            keys, values = columns[:, :, start:stop], slots[1, :, start:stop]
            near = nearness[:, :, nearness.shape[2] - (stop - start) :]
            weights_kept, units_kept = draw_kept(config, seed, step, values, embedded[step])
            hidden = hiddens[0][place].copy_(embedded[step])
            for layer, folded in enumerate(layers):
                middle = middles[layer][place]
                if stop > start:
                    torch.addmm(folded[1], normalise(hidden)[0].to(dtype), folded[0], out=queries[layer][place])
                    weights = torch.baddbmm(near, query_rows[layer][place], keys).softmax(dim=-1)
                    if weights_kept is not None:
                        weights = weights * weights_kept[:, layer, None]
                    torch.bmm(weights, values, out=read_rows[layer][place])
                    torch.add(hidden, torch.addmm(folded[3], reads[layer][place], folded[2]), out=middle)
                else:
                    queries[layer][place].zero_()
                    reads[layer][place].zero_()
                    middle.copy_(hidden)
                doubled = torch.addmm(folded[5], normalise(middle)[0].to(dtype), folded[4], out=widened[layer][place])
                value, gate = doubled.chunk(2, dim=-1)
                gated = value * F.gelu(gate)
                if units_kept is not None:
                    gated = gated * units_kept[layer]
                added = torch.addmm(folded[7], gated, folded[6])
                hidden = torch.add(middle, added, out=hiddens[layer + 1][place])
            tops[step] = hidden
            mixture = (shares[:, None, None] * kept.hiddens[:, place]).sum(dim=0)
            if config.memory_norm:
                mixture = normalise(mixture)[0]
            written = torch.addmm(written_shift, mixture.to(dtype), to_keys_values.t())
            slots[:, :, stop] = rearrange(written, "b (two h e) -> two (b h) e", two=2, e=size)
            columns[:, :, stop] = slots[0, :, stop]
        if keeps:
            ctx.config, ctx.seed = config, seed
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(slots, nearness, shares, to_keys_values, written_shift, *matrices, *kept)
        return tops, slots

    @staticmethod
    def backward(ctx: Any, to_tops: Tensor | None, to_slots: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the gradients of what `forward` took; ``to_x`` is always the gradient with respect to ``x``.

        Raises:
            RuntimeError: the gradient is to be differentiated once more.
        """
        refuse_second_derivative("torch")
        slots, nearness, shares, to_keys_values, written_shift, *rest = ctx.saved_tensors
        matrices, kept, columns = Folded(*rest[:8]), Kept(*rest[8:]), in_columns(slots)
        past = Past(ctx.config, ctx.seed, slots, columns, nearness, shares, to_keys_values, matrices, kept)
        to_tops = torch.zeros_like(past.kept.hiddens[-1]) if to_tops is None else to_tops
        to_slots = torch.zeros_like(slots) if to_slots is None else to_slots.clone()
        to_embedded = torch.empty_like(to_tops)
        inputs = (nearness, shares, to_keys_values, written_shift, *past.folded)
        # Sums over many steps are taken in float32 at least.
        sums = [torch.zeros_like(part, dtype=torch.promote_types(part.dtype, torch.float32)) for part in inputs]
        num_incoming = slots.shape[2] - len(to_tops)
        with torch.autocast(slots.device.type, enabled=False):
            for first in reversed(range(0, len(to_tops), BLOCK)):
                steps = range(first, min(first + BLOCK, len(to_tops)))
                block = Block(past, steps, num_incoming)
                for place, step in reversed(list(enumerate(steps))):
                    block.step(place, to_tops[step], to_slots, to_embedded[step], sums[0])
                block.add_to(sums, to_slots)
        to_incoming = to_slots[:, :, :num_incoming]
        to_inputs = (total.to(part.dtype) for total, part in zip(sums, inputs, strict=True))
        return (None, None, None, to_embedded, to_incoming, *to_inputs)


class Past(NamedTuple):
    """All that a backward pass looks back on."""

    config: FeedbackConfig
    seed: int | None
    slots: Float[Tensor, "2 n s e"]
    columns: Float[Tensor, "2 n e s"]
    nearness: Float[Tensor, "n 1 longest"]
    shares: Float[Tensor, "l"]
    to_keys_values: Float[Tensor, "he2 d"]
    folded: Folded
    kept: Kept


class Block:
    """A block of steps on the way back. ``to_x`` is the gradient with respect to ``x``.

    When a step's turn comes, its slot has been read by later steps alone. Later blocks have added their part to
    ``to_slots``; that of this block is one product over steps and layers: what they send back (``senders``) times how
    much of it goes to the slot (``amounts``). Index 0 of both serves keys, index 1 values.
    """

    def __init__(self, past: Past, steps: range, num_incoming: int) -> None:
        config, kept, block = past.config, past.kept, slice(steps.start, steps.stop)
        self.past, self.steps, self.dtype = past, steps, past.to_keys_values.dtype
        self.before = num_incoming + steps.start
        self.oldest, _ = window(config, self.before)
        self.hiddens, self.middles, self.reads = kept.hiddens[:, block], kept.middles[:, block], kept.reads[:, block]

        # What all steps need and can have at once.
        self.read_normed, *read_moments = normalise(self.hiddens[:-1])
        self.fed_normed, *fed_moments = normalise(self.middles)
        self.before_reading = together(self.hiddens[:-1], *read_moments)
        self.before_feeding = together(self.middles, *fed_moments)
        self.mixtures = (past.shares[:, None, None, None] * self.hiddens).sum(dim=0)
        if config.memory_norm:
            mixtures = self.mixtures
            self.mixtures, *moments = normalise(mixtures)
            self.before_writing = list(zip(*(part.unbind() for part in (mixtures, *moments)), strict=True))
        value, gate = kept.widened[:, block].chunk(2, dim=-1)
        share = 0.5 * (1 + torch.erf(gate / math.sqrt(2)))
        slope = share + gate * torch.exp(-0.5 * gate**2) / math.sqrt(2 * math.pi)
        self.gated, self.factors = value * gate * share, stack((gate * share, value * slope), dim=-2)

        # What the steps leave for the products at the end.
        self.to_queries, self.to_middles, self.to_widened, self.to_hiddens = (
            torch.zeros_like(part[:, block]) for part in (kept.queries, kept.middles, kept.widened, kept.middles)
        )
        self.to_mixtures = torch.empty_like(self.hiddens[0])
        self.to_written = past.slots.new_empty(len(steps), self.hiddens.shape[2], len(past.to_keys_values))
        shape = (2, past.slots.shape[1], len(steps), config.num_layers)
        self.amounts = past.slots.new_empty(*shape, self.before + len(steps) - self.oldest)
        # What steps write is all between these ends: slots that were evicted before a step, or are written after it.
        self.amounts[..., : len(steps)] = self.amounts[..., -len(steps) :] = 0
        self.senders = past.slots.new_zeros(*shape, config.head_dim)
        self.senders[0] = rearrange(kept.queries[:, block], "l t b (h e) -> (b h) t l e", e=config.head_dim)

        self.matrices = list(zip(*(matrix.unbind() for matrix in past.folded), strict=True))
        self.queries_at, self.middles_at, self.widened_at, self.hiddens_at = (
            views(part) for part in (self.to_queries, self.to_middles, self.to_widened, self.to_hiddens)
        )
        self.query_rows_at = views(in_rows(self.to_queries, config.head_dim))
        self.halves_at = views(self.to_widened.view(self.factors.shape))
        self.factors_at = views(self.factors)

    def step(
        self,
        place: int,
        to_top: Float[Tensor, "b d"],
        to_slots: Float[Tensor, "2 n s e"],
        to_embedded: Float[Tensor, "b d"],
        to_nearness: Float[Tensor, "n 1 longest"],
    ) -> None:
        """Go back through one step; its place is counted from the block's first."""
        past, config = self.past, self.past.config
        end = self.before + place
        start, _ = window(config, end)
        keys, key_columns, value_columns = past.slots[0, :, start:end], *past.columns[:, :, :, start:end]
        near = slice(past.nearness.shape[2] - (end - start), None)
        weights_kept, units_kept = draw_kept(config, past.seed, self.steps[place], keys, to_top)
        if units_kept is not None:
            self.gated[:, place] *= units_kept
            self.factors[:, place] *= units_kept[:, :, None]
        from_memory = self.through_memory(place, to_slots[:, :, end])
        if end > start:
            seen = slice(start - self.oldest, end - self.oldest)
            scores = torch.baddbmm(past.nearness[:, :, near], self.senders[0, :, place], key_columns)
            weights = scores.softmax(dim=-1)
            self.amounts[1, :, place, :, seen] = weights if weights_kept is None else weights * weights_kept
            weights_at = weights.chunk(config.num_layers, dim=1)
        to_reads, to_scores = [], []
        to_hidden = to_top
        for layer in reversed(range(config.num_layers)):
            to_query_matrix, _, to_output_matrix, _, widen, _, narrow, _ = self.matrices[layer]
            to_hidden = torch.add(to_hidden, from_memory[layer + 1], out=self.hiddens_at[layer][place])
            to_gated = torch.mm(to_hidden.to(self.dtype), narrow).unsqueeze(1)
            torch.mul(to_gated, self.factors_at[layer][place], out=self.halves_at[layer][place])
            to_normed = torch.mm(self.widened_at[layer][place], widen)
            through = through_norm(to_normed, *self.before_feeding[layer][place])
            to_hidden = torch.add(to_hidden, through, out=self.middles_at[layer][place])
            if end > start:
                to_read = torch.mm(to_hidden.to(self.dtype), to_output_matrix).view(-1, 1, config.head_dim)
                to_weights = torch.bmm(to_read, value_columns)
                if weights_kept is not None:
                    to_weights = to_weights * weights_kept[:, layer, None]
                to_score = through_softmax(to_weights, weights_at[layer])
                torch.bmm(to_score, keys, out=self.query_rows_at[layer][place])
                to_normed = torch.mm(self.queries_at[layer][place], to_query_matrix)
                to_hidden = to_hidden + through_norm(to_normed, *self.before_reading[layer][place])
                to_reads.append(to_read)
                to_scores.append(to_score)
        torch.add(to_hidden, from_memory[0], out=to_embedded)
        if end > start:
            self.senders[1, :, place] = cat(to_reads[::-1], dim=1)
            self.amounts[0, :, place, :, seen] = cat(to_scores[::-1], dim=1)
            to_nearness[:, :, near] += self.amounts[0, :, place, :, seen].sum(dim=1, keepdim=True)

    def through_memory(self, place: int, to_slot: Float[Tensor, "2 n e"]) -> tuple[Float[Tensor, "b d"], ...]:
        """Return what comes back from memory to every layer of a step, given what later blocks sent to its slot."""
        later = slice(place + 1, None)
        if place + 1 < len(self.steps):
            amounts = self.amounts[:, :, later, :, self.before + place - self.oldest].flatten(2).flatten(0, 1)
            senders = self.senders[:, :, later].flatten(2, 3).flatten(0, 1)
            to_slot = to_slot + torch.bmm(amounts.contiguous().unsqueeze(1), senders).view_as(to_slot)
        written = self.to_written[place]
        shape = (len(written), self.past.config.num_heads, self.past.config.head_dim)
        written.view(shape[0], 2, *shape[1:]).copy_(to_slot.view(2, *shape).transpose(0, 1))
        to_mixture = torch.mm(written, self.past.to_keys_values)
        if self.past.config.memory_norm:
            to_mixture = through_norm(to_mixture, *self.before_writing[place])
        self.to_mixtures[place] = to_mixture
        return (self.past.shares[:, None, None] * self.to_mixtures[place]).unbind()

    def add_to(self, sums: list[Tensor], to_slots: Float[Tensor, "2 n s e"]) -> None:
        """Add what the block sends to the shares, to the matrices and to the slots before it."""
        if self.before == 0:
            self.to_middles[:, 0] = 0  # the first step read nothing, so it got no shift of the output either
        sums[1] += (self.hiddens * self.to_mixtures).sum(dim=(1, 2, 3))
        mixtures = rearrange(self.mixtures.to(self.dtype), "t b d -> (t b) d")
        sums[2] += rearrange(self.to_written, "t b o -> o (t b)") @ mixtures
        sums[3] += self.to_written.sum(dim=(0, 1))
        inputs = (self.read_normed.to(self.dtype), self.reads, self.fed_normed.to(self.dtype), self.gated)
        outputs = (self.to_queries, self.to_middles, self.to_widened, self.to_hiddens)
        for number, (incoming, outgoing) in enumerate(zip(inputs, outputs, strict=True)):
            to_output = rearrange(outgoing.to(self.dtype), "l t b o -> l o (t b)")
            sums[4 + 2 * number] += to_output @ rearrange(incoming, "l t b i -> l (t b) i")
            sums[5 + 2 * number] += to_output.sum(dim=2)[:, None]
        amounts = rearrange(self.amounts[..., : self.before - self.oldest], "two n t l s -> (two n) s (t l)")
        sent = amounts @ rearrange(self.senders, "two n t l e -> (two n) (t l) e")
        to_slots[:, :, self.oldest : self.before] += rearrange(sent, "(two n) s e -> two n s e", two=2)


def window(config: FeedbackConfig, end: int) -> tuple[int, int]:
    """Return the first and the last slot, the latter excluded, that are in memory when ``end`` have been written."""
    return max(0, end - config.memory_size), end


def in_rows(part: Float[Tensor, "layers t b he"], head_dim: int) -> Float[Tensor, "layers t n 1 e"]:
    """Return a view in which every head of every sequence has a matrix of one row."""
    layers, steps, batch, width = part.shape
    return part.view(layers, steps, batch * width // head_dim, 1, head_dim)


def in_columns(slots: Float[Tensor, "*n s e"]) -> Float[Tensor, "*n e s"]:
    """Return the slots one per column: a row times such a matrix runs along its rows, which is twice as fast.

    Rows begin an odd multiple of 16 numbers apart, since at powers of two they would share places in the cache.
    """
    *rows, num_slots, width = slots.shape
    room = slots.new_empty(*rows, width, (num_slots + 31) // 32 * 32 + 16)
    columns = room[..., :num_slots]
    return columns.copy_(slots.transpose(-1, -2))


def together(*parts: Float[Tensor, "layers t ..."]) -> list[list[tuple[Tensor, ...]]]:
    """Return the `views` of several parts as tuples that belong to the same layer and step."""
    return [list(zip(*of_a_layer, strict=True)) for of_a_layer in zip(*map(views, parts), strict=True)]


def views(part: Float[Tensor, "layers t ..."]) -> list[list[Tensor]]:
    """Return views of what belongs to a layer and a step as ``views(part)[layer][step]``; a list is quick to index."""
    return [list(layer.unbind()) for layer in part.unbind()]


def transposed(folded: Folded) -> Folded:
    """Return the matrices as they multiply a row vector from the right."""
    return Folded(*(part if number % 2 else part.transpose(1, 2) for number, part in enumerate(folded)))


def normalise(hidden: Float[Tensor, "... d"]) -> tuple[Tensor, Tensor, Tensor]:
    """Return vectors of mean 0 and variance 1, the means, and the inverse standard deviations."""
    return torch.native_layer_norm(hidden, hidden.shape[-1:], None, None, EPSILON)


def through_norm(to_normed: Tensor, hidden: Tensor, mean: Tensor, scale: Tensor) -> Float[Tensor, "b d"]:
    """Return ``scale * (g - mean(g) - normed * mean(g * normed))`` for ``g`` the gradient of what `normalise` gave."""
    sizes, wanted = hidden.shape[-1:], (True, False, False)
    return norm_backward(to_normed.to(hidden.dtype), hidden, sizes, mean, scale, None, None, wanted)[0]


def through_softmax(to_weights: Float[Tensor, "n 1 m"], weights: Float[Tensor, "n 1 m"]) -> Float[Tensor, "n 1 m"]:
    """Return ``weights * (g - sum(g * weights))`` for ``g`` the gradient of the weights."""
    return torch._softmax_backward_data(to_weights, weights, -1, weights.dtype)


def draw_kept(
    config: FeedbackConfig, seed: int | None, step: int, slots: Float[Tensor, "n m e"], hidden: Float[Tensor, "b d"]
) -> tuple[Float[Tensor, "n layers m"] | None, Float[Tensor, "layers b ff"] | None]:
    """Return the factors of dropout of one step, 0 or ``1 / (1 - p)``: the same ones whenever the step is asked for."""
    if seed is None:
        return None, None
    generator = torch.Generator(slots.device).manual_seed(seed + step)

    def draw(probability: float, *shape: int) -> Tensor:
        kept = torch.empty(shape, dtype=slots.dtype, device=slots.device)
        return kept.bernoulli_(1 - probability, generator=generator) / (1 - probability)

    width = config.ff_mult * config.d_model
    return (
        draw(config.attn_dropout, slots.shape[0], config.num_layers, slots.shape[1]) if config.attn_dropout else None,
        draw(config.ff_dropout, config.num_layers, len(hidden), width) if config.ff_dropout else None,
    )
