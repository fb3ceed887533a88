"""Faults in the model's own files."""

from tests.faults.planting import Fault

PROPERTIES = "tests/properties"
CONFORMANCE = "tests/conformance"

FAULTS = (
    Fault(
        "mixture without softmax",
        "feedback_lite/memory.py",
        {"shares = layer_weights.softmax(dim=0)": "shares = layer_weights"},
        ("tests/unit/test_memory.py", PROPERTIES),
    ),
    Fault(
        "memory one too long",
        "feedback_lite/memory.py",
        {
            'check_size("memory_size", memory_size)': (
                'check_size("memory_size", memory_size)\n        memory_size += 1'
            )
        },
        ("tests/unit/test_memory.py", PROPERTIES),
    ),
    Fault(
        "newest evicted instead of oldest",
        "feedback_lite/memory.py",
        {
            "(self.keys, new.keys), dim=1)[:, -memory_size:]": "(self.keys, new.keys), dim=1)[:, :memory_size]",
            "(self.values, new.values), dim=1)[:, -memory_size:]": "(self.values, new.values), dim=1)[:, :memory_size]",
        },
        ("tests/unit/test_memory.py", PROPERTIES),
    ),
    Fault(
        "GEGLU halves swapped",
        "feedback_lite/feedforward.py",
        {"value, gate = doubled.chunk(2": "gate, value = doubled.chunk(2"},
        ("tests/unit/test_feedforward.py", CONFORMANCE),
    ),
    Fault(
        "bias off by one",
        "feedback_lite/positions.py",
        {"self.table.t()[:, buckets]": "self.table.t()[:, (buckets + 1).clamp(max=self.num_buckets - 1)]"},
        ("tests/unit/test_positions.py", CONFORMANCE),
    ),
    Fault(
        "far distances rounded into the nearest bucket",
        "feedback_lite/positions.py",
        {"(ratio * (num_buckets - exact)).long()": "(ratio * (num_buckets - exact)).round().long()"},
        ("tests/unit/test_positions.py", CONFORMANCE),
    ),
    Fault(
        "mask off by one",
        "feedback_lite/mask.py",
        {"return distance >= 0": "return distance >= -1"},
        ("tests/unit/test_mask.py", PROPERTIES),
    ),
    Fault(
        "no scale",
        "feedback_lite/attention.py",
        {"scale = queries.shape[-1] ** -0.5": "scale = 1.0"},
        ("tests/unit/test_attention.py", CONFORMANCE),
    ),
    Fault(
        "bias multiplied by the scale",
        "feedback_lite/attention.py",
        {"scores = scores + bias": "scores = scores + bias * scale"},
        ("tests/unit/test_attention.py", CONFORMANCE),
    ),
    Fault(
        "output bias where there is no key",
        "feedback_lite/attention.py",
        {"return hidden.new_zeros(hidden.shape), weights": "return self.to_output.bias.expand_as(hidden), weights"},
        ("tests/unit/test_attention.py", "tests/unit/test_model.py"),
    ),
    Fault(
        "residual around attention lost",
        "feedback_lite/block.py",
        {"hidden = hidden + read": "hidden = read"},
        ("tests/unit/test_block.py", CONFORMANCE),
    ),
    Fault(
        "attention reads what is not normalised",
        "feedback_lite/block.py",
        {"normed = self.attention_norm(hidden)": "normed = hidden"},
        ("tests/unit/test_block.py", CONFORMANCE),
    ),
    Fault(
        "projection not shared",
        "feedback_lite/model.py",
        {
            "for _ in range(config.num_layers))\n": (
                "for _ in range(config.num_layers))\n"
                "        self.own = nn.ModuleList(\n"
                "            KeyValueProjection.from_config(config) for _ in range(config.num_layers)\n"
                "        )\n"
            ),
            "for block in self.blocks:": "for block, own in zip(self.blocks, self.own):",
            "self.to_keys_values if reads_itself else None": "own if reads_itself else None",
        },
        ("tests/unit/test_model.py", CONFORMANCE),
    ),
    Fault(
        "last layer instead of mixture",
        "feedback_lite/model.py",
        {"else mix_layers(hiddens, self.layer_weights)": "else hiddens[-1]"},
        ("tests/unit/test_model.py", CONFORMANCE),
    ),
    Fault(
        "no norm of the memory",
        "feedback_lite/model.py",
        {"self.memory_norm(mixed) if self.config.memory_norm else mixed": "mixed"},
        ("tests/unit/test_model.py", PROPERTIES),
    ),
    Fault(
        "memory not counted in the positions",
        "feedback_lite/mask.py",
        {"return segment_length > 1, num_slots": "return segment_length > 1, 0"},
        ("tests/unit/test_model.py", PROPERTIES),
    ),
    Fault(
        "memory without a gradient",
        "feedback_lite/model.py",
        {"self.to_keys_values(self.mix(hiddens))": "self.to_keys_values(self.mix(hiddens.detach()))"},
        ("tests/unit/test_model.py", CONFORMANCE),
    ),
    Fault(
        "a lone last token does not read itself",
        "feedback_lite/mask.py",
        {"return segment_length > 1, num_slots": "return num_tokens > 1, num_slots"},
        ("tests/unit/test_model.py", PROPERTIES),
    ),
    Fault(
        "the ordinary model sees the future",
        "feedback_lite/baseline.py",
        {"bias=bias, mask=mask": "bias=bias, mask=None"},
        ("tests/unit/test_baseline.py", PROPERTIES),
    ),
    Fault(
        "dropout stays on while a model is asked",
        "feedback_lite/generation.py",
        {"    model.eval()\n    try:": "    try:"},
        ("tests/unit/test_generation.py",),
    ),
    Fault(
        "the ring writes one slot too far",
        "feedback_lite/engine/ring.py",
        {"len(memory), len(memory) % self.num_slots": "len(memory), (len(memory) + 1) % self.num_slots"},
        ("tests/unit/engine/test_ring.py",),
    ),
    Fault(
        "the ring's biases are cut off by one",
        "feedback_lite/engine/ring.py",
        {"first = self.num_slots - self.next_slot": "first = self.num_slots - self.next_slot - 1"},
        ("tests/unit/engine/test_ring.py",),
    ),
    Fault(
        "the ring never evicts: past its end it writes over the newest slot",
        "feedback_lite/engine/ring.py",
        {"(self.next_slot + 1) % self.num_slots": ("min(self.next_slot + 1, self.num_slots - 1) % self.num_slots")},
        ("tests/unit/engine/test_ring.py",),
    ),
    Fault(
        "the ring forgets the prompt's values",
        "feedback_lite/engine/ring.py",
        {
            "        self.values[:, : len(memory)] = rearrange(memory.values": (
                "        self.values[:, : len(memory)] = 0 * rearrange(memory.values"
            )
        },
        ("tests/unit/engine/test_ring.py",),
    ),
    Fault(
        "the prompt is settled with its last token, which the ring then reads again",
        "feedback_lite/generation.py",
        {"    memory = progress.memory\n": "    memory = progress.memory and model(prompt).memory\n"},
        ("tests/unit/engine/test_ring.py",),
    ),
    Fault(
        "a ring too short by one slot",
        "feedback_lite/engine/ring.py",
        {
            "min(config.memory_size, len(memory) + num_steps)": (
                "max(1, min(config.memory_size - 1, len(memory) + num_steps))"
            )
        },
        ("tests/unit/engine/test_ring.py",),
    ),
    Fault(
        "a ring gives the output bias where there is no key",
        "feedback_lite/engine/ring.py",
        {
            "            hidden = layer.feed_forward(hidden)": (
                "            else:\n"
                "                hidden = hidden + layer.output_bias\n"
                "            hidden = layer.feed_forward(hidden)"
            )
        },
        ("tests/unit/engine/test_ring.py",),
    ),
    Fault(
        "a ring passes hooks by",
        "feedback_lite/engine/__init__.py",
        {"if any(given[hooks] for hooks in HOOKS)": "if module is not model and any(given[hooks] for hooks in HOOKS)"},
        ("tests/unit/engine/test_choice.py", "tests/unit/test_generation.py"),
    ),
    Fault(
        "segments' biases are cut off by one",
        "feedback_lite/engine/segments.py",
        {"bias[:, :num_tokens, longest - start :]": "bias[:, :num_tokens, max(0, longest - start - 1) :]"},
        ("tests/unit/engine/test_segments.py",),
    ),
    Fault(
        "segments evict the newest of the older slots",
        "feedback_lite/engine/segments.py",
        {
            "older = older.newest(config.memory_size - recent.num_slots)": (
                "room = config.memory_size - recent.num_slots\n"
                "        older = Part(older.keys[:, :room], older.values[:, :room])"
            )
        },
        ("tests/unit/engine/test_segments.py",),
    ),
    Fault(
        "recent segments are joined before the older ones",
        "feedback_lite/engine/segments.py",
        {"older, recent = older.join(recent), recent": "older, recent = recent.join(older), recent"},
        ("tests/unit/engine/test_segments.py",),
    ),
    Fault(
        "segments keep joined keys for backward",
        "feedback_lite/engine/segments.py",
        {
            "    scores = torch.cat([queries @ keys.mT for keys, _ in parts], dim=-1) + biases": (
                "    scores = queries @ torch.cat([keys for keys, _ in parts], dim=1).mT + biases"
            )
        },
        ("tests/unit/engine/test_segments.py",),
    ),
    Fault(
        "an unfinished segment is taken for a finished one",
        "feedback_lite/generation.py",
        {"closes_segment = tokens.shape[1] % model.config.segment_length == 0": "closes_segment = True"},
        ("tests/unit/test_generation.py", PROPERTIES),
    ),
    Fault(
        "logits multiplied by the temperature",
        "feedback_lite/generation.py",
        {"logits.float() / temperature": "logits.float() * temperature"},
        ("tests/unit/test_generation.py",),
    ),
    Fault(
        "the stepper names the wrong writers",
        "feedback_lite/generation.py",
        {
            "(*writers_before, number)[-model.config.memory_size :]": (
                "(*writers_before, number)[: model.config.memory_size]"
            )
        },
        ("tests/unit/test_interventions.py",),
    ),
    Fault(
        "a slot is deleted one step late",
        "feedback_lite/interventions.py",
        {"if moment == step}": "if moment + 1 == step}"},
        ("tests/unit/test_interventions.py",),
    ),
    Fault(
        "another layer is silenced",
        "feedback_lite/interventions.py",
        {'f"blocks.{layer - 1}.attention.to_output"': 'f"blocks.{layer % config.num_layers}.attention.to_output"'},
        ("tests/unit/test_interventions.py",),
    ),
    Fault(
        "norms of attention and feed-forward exchanged in loading",
        "feedback_lite/lucidrains.py",
        {
            'names[f"{attention}.norm.{kind}"] = f"{block}.attention_norm.{kind}"': (
                'names[f"{attention}.norm.{kind}"] = f"{block}.feedforward_norm.{kind}"'
            ),
            'names[f"{feedforward}.norm.{kind}"] = f"{block}.feedforward_norm.{kind}"': (
                'names[f"{feedforward}.norm.{kind}"] = f"{block}.attention_norm.{kind}"'
            ),
        },
        (CONFORMANCE,),
    ),
    Fault(
        "copies of the shared projection are not compared",
        "feedback_lite/lucidrains.py",
        {"if not torch.equal(state_dict[name], shared)]": "if state_dict[name].shape != shared.shape]"},
        ("tests/unit/test_lucidrains.py",),
    ),
    Fault(
        "the original's missing offset is mended",
        "feedback_lite/lucidrains.py",
        {"return num_tokens > 1, 0": "return num_tokens > 1, num_slots"},
        (CONFORMANCE,),
    ),
    Fault(
        "the original's lone last token reads itself",
        "feedback_lite/lucidrains.py",
        {"return num_tokens > 1, 0": "return segment_length > 1, 0"},
        (CONFORMANCE,),
    ),
)
