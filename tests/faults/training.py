"""Faults in training, in its processes and in its studies."""

from tests.faults.planting import Fault

TRAINING = "feedback_lite/training.py"
TESTS = ("tests/unit/test_training.py",)
STOPS = ("tests/unit/test_training_stops.py",)

FAULTS = (
    Fault(
        "the warm-up starts at nothing",
        TRAINING,
        {"return (step + 1) / self.warmup_steps": "return step / self.warmup_steps"},
        TESTS,
    ),
    Fault(
        "the cosine ends at nothing",
        TRAINING,
        {"return self.final_share + (1 - self.final_share) * 0.5": "return 0.5"},
        TESTS,
    ),
    Fault(
        "the data's seed ignored",
        TRAINING,
        {"torch.Generator().manual_seed(recipe.seed)": "torch.Generator().manual_seed(0)"},
        TESTS,
    ),
    Fault(
        "dropout the same in every update",
        TRAINING,
        {'f"{recipe.seed} {step} {rank()}"': 'f"{recipe.seed} {rank()}"'},
        TESTS,
    ),
    Fault(
        "gradients not clipped",
        TRAINING,
        {"self.model.parameters(), recipe.max_norm)": "self.model.parameters(), math.inf)"},
        TESTS,
    ),
    Fault(
        "positions without an answer counted",
        TRAINING,
        {"(examples.targets != IGNORED).sum().item()": "examples.targets.numel()"},
        TESTS,
    ),
    Fault(
        "gradients averaged over the processes",
        "feedback_lite/placement.py",
        {"dist.all_reduce(joined)": "dist.all_reduce(joined)\n    joined /= processes()"},
        ("tests/unit/test_training_processes.py",),
    ),
    Fault(
        "the data goes on from its beginning after a stop",
        TRAINING,
        {'        self.generator.set_state(state["generator"])\n': ""},
        STOPS,
    ),
    Fault(
        "the optimizer forgets its averages in a stop",
        TRAINING,
        {'        self.optimizer.load_state_dict(state["optimizer"])\n': ""},
        STOPS,
    ),
    Fault(
        "the losses before a stop are lost",
        TRAINING,
        {'self.losses = list(state["losses"])': "self.losses = []"},
        STOPS,
    ),
    Fault(
        "the checksum is that of half the weights",
        TRAINING,
        {"hashlib.sha256(serialized)": "hashlib.sha256(serialized[: len(serialized) // 2])"},
        TESTS,
    ),
    Fault(
        "the expected range is that of one accuracy",
        TRAINING,
        {"math.sqrt(2 / count)": "math.sqrt(1 / count)"},
        TESTS,
    ),
    Fault(
        "a failed study begins anew",
        "feedback_lite/comparison.py",
        {"for run in dict.fromkeys(runs) if run not in notes.results": "for run in dict.fromkeys(runs)"},
        ("tests/unit/test_comparison.py",),
    ),
    Fault(
        "the worst learning rate is chosen",
        "feedback_lite/comparison.py",
        {"best[key] = max(by_rate": "best[key] = min(by_rate"},
        ("tests/unit/test_comparison.py",),
    ),
    Fault(
        "every layer reads the first layer's memory",
        "feedback_lite/ablations.py",
        {"hiddens.append(block(hiddens[-1], memory, ": "hiddens.append(block(hiddens[-1], memories[0], "},
        ("tests/unit/test_ablations.py",),
    ),
)
