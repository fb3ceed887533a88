"""Faults in the recurrence, most of them in its backward pass: at least one in every term."""

from tests.faults.planting import Fault

FILE = "feedback_lite/engine/recurrence.py"
TESTS = ("tests/unit/engine/test_recurrence.py",)
DROPOUT, BACKWARD, PRECISION = (f"{TESTS[0]}::Test{name}" for name in ("Dropout", "Backward", "Precision"))
HELD = f"{TESTS[0]}::test_what_is_held_grows_with_the_length"
ENGINE = "feedback_lite/engine/__init__.py"


def fault(name: str, good: str, bad: str, file: str = FILE, suspects: tuple[str, ...] = TESTS) -> Fault:
    return Fault(name, file, {good: bad}, suspects)


FAULTS = (
    fault(
        "backward: the bias gets the gradient of the last layer alone",
        "to_nearness[:, :, near] += self.amounts[0, :, place, :, seen].sum(dim=1, keepdim=True)",
        "to_nearness[:, :, near] += self.amounts[0, :, place, -1:, seen]",
    ),
    fault(
        "backward: the bias gets its gradient at the oldest columns",
        "to_nearness[:, :, near] +=",
        "to_nearness[:, :, : end - start] +=",
    ),
    fault(
        "backward: the shares forget the embedding",
        "sums[1] += (self.hiddens * self.to_mixtures).sum(dim=(1, 2, 3))",
        "sums[1][1:] += (self.hiddens[1:] * self.to_mixtures).sum(dim=(1, 2, 3))",
    ),
    fault(
        "backward: keys and values of later steps in the block are not pulled",
        "to_slot = to_slot + torch.bmm(amounts.contiguous().unsqueeze(1), senders).view_as(to_slot)",
        "pass",
    ),
    fault(
        "backward: a pulled key misses the step right after it",
        "amounts = self.amounts[:, :, later, :, self.before + place - self.oldest]",
        "amounts = self.amounts[:, :, later, :, self.before + place - self.oldest].clone()\n"
        "            amounts[0, :, 0] = 0\n"
        "            amounts = amounts",
    ),
    fault(
        "backward: a pulled value gets the queries in place of what was sent to the reads",
        "self.senders[1, :, place] = cat(to_reads[::-1], dim=1)",
        "self.senders[1, :, place] = self.senders[0, :, place]",
    ),
    fault(
        "backward: nothing is pushed to the keys of earlier blocks",
        "sent = amounts @ ",
        "amounts[: len(amounts) // 2] = 0\n        sent = amounts @ ",
    ),
    fault(
        "backward: nothing is pushed to the values of earlier blocks",
        "sent = amounts @ ",
        "amounts[len(amounts) // 2 :] = 0\n        sent = amounts @ ",
    ),
    fault(
        "backward: the layers' scores go to the slots in reverse",
        "cat(to_scores[::-1], dim=1)",
        "cat(to_scores, dim=1)",
    ),
    fault(
        "backward: the softmax as if weights did not compete",
        "return torch._softmax_backward_data(to_weights, weights, -1, weights.dtype)",
        "return to_weights * weights",
    ),
    fault(
        "backward: the norm as if it only scaled",
        "return norm_backward(to_normed.to(hidden.dtype), hidden, sizes, mean, scale, None, None, wanted)[0]",
        "return to_normed * scale",
    ),
    fault(
        "backward: the slope of gelu is that of relu's share",
        "slope = share + gate * torch.exp(-0.5 * gate**2) / math.sqrt(2 * math.pi)",
        "slope = share",
    ),
    fault(
        "backward: value and gate exchanged",
        "stack((gate * share, value * slope), dim=-2)",
        "stack((value * slope, gate * share), dim=-2)",
    ),
    fault(
        "backward: the feed-forward layer without its residual",
        "to_hidden = torch.add(to_hidden, through, out=self.middles_at[layer][place])",
        "to_hidden = self.middles_at[layer][place].copy_(through)",
    ),
    fault(
        "backward: attention without its residual",
        "to_hidden = to_hidden + through_norm(to_normed, *self.before_reading[layer][place])",
        "to_hidden = through_norm(to_normed, *self.before_reading[layer][place])",
    ),
    fault(
        "backward: the output's shift gets a gradient at a step that read nothing",
        "self.to_middles[:, 0] = 0",
        "self.to_middles[:, 0] += 0",
    ),
    fault(
        "backward: memory sends nothing to the embedding",
        "torch.add(to_hidden, from_memory[0], out=to_embedded)",
        "to_embedded.copy_(to_hidden)",
    ),
    fault(
        "backward: memory sends a layer's gradient to the layer below",
        "torch.add(to_hidden, from_memory[layer + 1], out=",
        "torch.add(to_hidden, from_memory[layer], out=",
    ),
    fault(
        "backward: the matrix of keys and values gets the steps in reverse",
        "sums[2] += rearrange(self.to_written, ",
        "sums[2] += rearrange(self.to_written.flip(0), ",
    ),
    fault(
        "backward: the matrix of keys and values is multiplied by what was not normed",
        "            self.mixtures, *moments = normalise(mixtures)",
        "            _, *moments = normalise(mixtures)",
    ),
    fault(
        "backward: the memory's norm as if it were none",
        "            to_mixture = through_norm(to_mixture, *self.before_writing[place])",
        "            pass",
    ),
    fault(
        "backward: the shift of a normed memory gets no gradient",
        "        sums[3] += self.to_written.sum(dim=(0, 1))\n",
        "",
    ),
    fault(
        "the memory's norm without its gain",
        '        matrix = matrix * weights["memory_norm.weight"]\n',
        "",
    ),
    fault(
        "backward: widen is multiplied by what was not normalised",
        "self.fed_normed.to(self.dtype), self.gated)",
        "self.middles.to(self.dtype), self.gated)",
    ),
    fault(
        "backward: narrow is multiplied by what was not gated",
        "self.fed_normed.to(self.dtype), self.gated)",
        "self.fed_normed.to(self.dtype), self.gated * 0 + self.past.kept.widened[:, self.steps.start : self.steps.stop]"
        ".chunk(2, dim=-1)[0])",
    ),
    fault(
        "backward: queries are multiplied by what was not normalised",
        "inputs = (self.read_normed.to(self.dtype), ",
        "inputs = (self.hiddens[:-1].to(self.dtype), ",
    ),
    fault(
        "backward: the output matrix is multiplied by the queries",
        "inputs = (self.read_normed.to(self.dtype), self.reads",
        "inputs = (self.read_normed.to(self.dtype), self.past.kept.queries[:, self.steps.start : self.steps.stop]",
    ),
    fault(
        "backward: a shift gets the gradient of the first sequence alone",
        "sums[5 + 2 * number] += to_output.sum(dim=2)[:, None]",
        "sums[5 + 2 * number] += to_output[..., :: max(1, outgoing.shape[2])].sum(dim=2)[:, None]",
    ),
    fault(
        "backward: memory that came in gets no gradient for its values",
        "to_incoming = to_slots[:, :, :num_incoming]",
        "to_incoming = to_slots[:, :, :num_incoming]\n        to_incoming[1] = 0",
    ),
    fault(
        "backward: slots that were evicted are read",
        "        start, _ = window(config, end)\n",
        "        start = self.oldest\n",
    ),
    fault(
        "backward: the gradient that comes with memory is written over",
        "torch.zeros_like(slots) if to_slots is None else to_slots.clone()",
        "torch.zeros_like(slots) if to_slots is None else to_slots",
        suspects=(BACKWARD, *TESTS),
    ),
    fault(
        "backward: memory's own gradient is lost where there is one of the tops",
        "to_slots = torch.zeros_like(slots) if to_slots is None else",
        "to_slots = torch.zeros_like(slots) if to_slots is None or to_tops.any() else",
    ),
    fault(
        "backward: dropped attention weights send gradients",
        "to_weights = to_weights * weights_kept[:, layer, None]",
        "pass",
        suspects=(DROPOUT, *TESTS),
    ),
    fault(
        "backward: values get gradients of attention weights that were dropped",
        "seen] = weights if weights_kept is None else weights * weights_kept",
        "seen] = weights",
        suspects=(DROPOUT, *TESTS),
    ),
    fault(
        "backward: narrow gets gradients of units that were dropped",
        "            self.gated[:, place] *= units_kept\n",
        "",
        suspects=(DROPOUT, *TESTS),
    ),
    fault(
        "backward: dropped units send gradients",
        "            self.factors[:, place] *= units_kept[:, :, None]\n",
        "",
        suspects=(DROPOUT, *TESTS),
    ),
    fault(
        "backward: dropout is drawn anew",
        "draw_kept(config, past.seed, self.steps[place], keys, to_top)",
        "draw_kept(config, past.seed and past.seed + 1, self.steps[place], keys, to_top)",
        suspects=(DROPOUT, *TESTS),
    ),
    fault(
        "dropout draws the same in every step",
        "manual_seed(seed + step)",
        "manual_seed(seed)",
        suspects=(DROPOUT, *TESTS),
    ),
    fault(
        "dropout does not scale what it keeps",
        "generator=generator) / (1 - probability)",
        "generator=generator)",
        suspects=(DROPOUT, *TESTS),
    ),
    fault(
        "a gradient may be differentiated again, wrongly",
        'refuse_second_derivative("torch")',
        "pass",
        suspects=(BACKWARD, *TESTS),
    ),
    fault(
        "a backward pass under autocast is rounded",
        "enabled=False):\n            for first",
        "enabled=torch.is_autocast_enabled('cpu')):\n            for first",
        suspects=(PRECISION, *TESTS),
    ),
    Fault(
        "something is kept that grows with the square of the length",
        FILE,
        {
            "written_shift, *matrices, *kept)": (
                "written_shift, *matrices, *kept, slots.new_zeros(len(tops), slots.shape[2], 32))"
            ),
            "Kept(*rest[8:])": "Kept(*rest[8:13])",
        },
        (HELD,),
    ),
    fault(
        "forward: the window begins one slot late",
        "return max(0, end - config.memory_size), end",
        "return max(0, end - config.memory_size + 1), end",
    ),
    fault(
        "forward: the bias is taken from the oldest columns",
        "near = nearness[:, :, nearness.shape[2] - (stop - start) :]",
        "near = nearness[:, :, : stop - start]",
    ),
    fault(
        "the engine takes a model whose dropout was changed",
        "            if module.p != probability:",
        "            if False:",
        ENGINE,
        ("tests/unit/engine/test_choice.py", *TESTS),
    ),
    fault(
        "the engine runs within a transform of torch.func",
        "if torch._C._are_functorch_transforms_active():",
        "if False:",
        ENGINE,
        ("tests/unit/engine/test_choice.py", *TESTS),
    ),
    fault(
        "the engine is not put back after an error",
        "    try:\n        yield\n    finally:\n        wanted.reset(before)",
        "    yield\n    wanted.reset(before)",
        ENGINE,
        ("tests/unit/engine/test_choice.py",),
    ),
    fault(
        "looking at how a model is made draws random numbers",
        "with torch.random.fork_rng(devices=()), ",
        "with ",
        ENGINE,
        TESTS,
    ),
)
