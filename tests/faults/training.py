"""Faults in training, in its processes and in its studies."""

from tests.faults.planting import Fault

LOOP = "feedback_lite/training/loop.py"
TESTS = ("tests/unit/training/test_loop.py",)
FAMILY = "feedback_lite/training/family.py"
FAMILY_TESTS = ("tests/unit/training/test_family.py",)
SHORTCUTS = "feedback_lite/training/shortcuts.py"
SHORTCUT_TESTS = ("tests/unit/training/test_shortcuts.py",)
STAGES = ("tests/unit/training/test_stages.py",)
PROGRAMS = ("tests/unit/training/test_programs.py",)
STOPS = ("tests/unit/training/test_checkpoint.py",)

FAULTS = (
    Fault(
        "the warm-up starts at nothing",
        LOOP,
        {"return (step + 1) / self.warmup_steps": "return step / self.warmup_steps"},
        TESTS,
    ),
    Fault(
        "the cosine ends at nothing",
        LOOP,
        {"return self.final_share + (1 - self.final_share) * 0.5": "return 0.5"},
        TESTS,
    ),
    Fault(
        "the data's seed ignored",
        LOOP,
        {"torch.Generator().manual_seed(recipe.seed)": "torch.Generator().manual_seed(0)"},
        TESTS,
    ),
    Fault(
        "dropout the same in every update",
        LOOP,
        {'f"{recipe.seed} {step} {rank()}"': 'f"{recipe.seed} {rank()}"'},
        TESTS,
    ),
    Fault(
        "gradients not clipped",
        LOOP,
        {"self.model.parameters(), recipe.max_norm)": "self.model.parameters(), math.inf)"},
        TESTS,
    ),
    Fault(
        "positions without an answer counted",
        LOOP,
        {"(examples.targets != IGNORED).sum().item()": "examples.targets.numel()"},
        ("tests/unit/training/test_evaluation.py", *TESTS),
    ),
    Fault(
        "the task of a stage is the usual one",
        LOOP,
        {"task, length = change(self.task, stage.task), ": "task, length = self.task, "},
        STAGES,
    ),
    Fault(
        "a stage lasts one update too long",
        LOOP,
        {"if step < stage.steps:": "if step <= stage.steps:"},
        STAGES,
    ),
    Fault(
        "memory not carried along a stream",
        "feedback_lite/training/programs.py",
        {"logits, memory = model(piece, memory)": "logits, memory = model(piece)"},
        PROGRAMS,
    ),
    Fault(
        "what comes after END counted in the first program",
        "feedback_lite/training/programs.py",
        {".cumsum(dim=1) == 0": ".cumsum(dim=1) <= 1"},
        PROGRAMS,
    ),
    Fault(
        "gradients averaged over the processes",
        "feedback_lite/training/processes.py",
        {"dist.all_reduce(joined)": "dist.all_reduce(joined)\n    joined /= processes()"},
        ("tests/unit/training/test_processes.py",),
    ),
    Fault(
        "the data goes on from its beginning after a stop",
        LOOP,
        {'        self.generator.set_state(state["generator"])\n': ""},
        STOPS,
    ),
    Fault(
        "the optimizer forgets its averages in a stop",
        LOOP,
        {'        self.optimizer.load_state_dict(state["optimizer"])\n': ""},
        STOPS,
    ),
    Fault(
        "the losses before a stop are lost",
        LOOP,
        {'self.losses = list(state["losses"])': "self.losses = []"},
        STOPS,
    ),
    Fault(
        "the checksum is that of half the weights",
        "feedback_lite/training/cards.py",
        {"hashlib.sha256(serialized)": "hashlib.sha256(serialized[: len(serialized) // 2])"},
        ("tests/unit/training/test_cards.py",),
    ),
    Fault(
        "the expected range is that of one accuracy",
        "feedback_lite/training/evaluation.py",
        {"math.sqrt(2 / count)": "math.sqrt(1 / count)"},
        ("tests/unit/training/test_evaluation.py",),
    ),
    Fault(
        "a failed study begins anew",
        "feedback_lite/training/comparison.py",
        {"for run in dict.fromkeys(runs) if run not in notes.results": "for run in dict.fromkeys(runs)"},
        ("tests/unit/training/test_comparison.py", "-k", "interrupted"),
    ),
    Fault(
        "the worst learning rate is chosen",
        "feedback_lite/training/comparison.py",
        {"best = {key: max(accuracy": "best = {key: min(accuracy"},
        ("tests/unit/training/test_comparison.py", "-k", "best_selection"),
    ),
    Fault(
        "a sweep of learning rates ends at an end that is still the best",
        "feedback_lite/training/comparison.py",
        {"if not any(further.values())": "if True"},
        ("tests/unit/training/test_comparison.py", "-k", "extends_itself"),
    ),
    Fault(
        "every layer reads the first layer's memory",
        "feedback_lite/training/opponents.py",
        {"hiddens.append(block(hiddens[-1], memory, ": "hiddens.append(block(hiddens[-1], memories[0], "},
        ("tests/unit/training/test_ablations.py",),
    ),
    Fault(
        "the memory not detached at a cut",
        SHORTCUTS,
        {"None if memory is None else memory.detach()": "memory"},
        SHORTCUT_TESTS,
    ),
    Fault(
        "a curriculum that begins at full length",
        SHORTCUTS,
        {"share = self.shares[step * len(self.shares) // whole.steps]": "share = self.shares[-1]"},
        SHORTCUT_TESTS,
    ),
    Fault(
        "a warm start from the last layer's keys and values alone",
        SHORTCUTS,
        {"torch.stack(layers).mean(dim=0)": "layers[-1]"},
        SHORTCUT_TESTS,
    ),
    Fault(
        "a warm start that watches from nothing again",
        SHORTCUTS,
        {"watch(first + step)": "watch(step)"},
        SHORTCUT_TESTS,
    ),
    Fault(
        "answers that are asked for too early",
        SHORTCUTS,
        {"(torch.arange(length) + 1) % self.every": "torch.arange(length) % self.every"},
        SHORTCUT_TESTS,
    ),
    Fault(
        "a layer's own results are those of the layer below",
        FAMILY,
        {"self.slots(maps.keys_values, normed(hidden), tokens)": "self.slots(maps.keys_values, query, tokens)"},
        (*FAMILY_TESTS, "-k", "moving"),
    ),
    Fault(
        "every relative hands on its last layer",
        FAMILY,
        {"handed = hiddens[relative.hands - relative.free]": "handed = hiddens[-1]"},
        (*FAMILY_TESTS, "-k", "moving"),
    ),
    Fault(
        "gradients flow through the cache",
        FAMILY,
        {"part.detach() for part in past.newest": "part for part in past.newest"},
        (*FAMILY_TESTS, "-k", "gradient"),
    ),
    Fault(
        "models trained together share one learning rate",
        FAMILY,
        {'group["lr"] = recipe.learning_rate *': 'group["lr"] = shared.learning_rate *'},
        (*FAMILY_TESTS, "-k", "together"),
    ),
)
