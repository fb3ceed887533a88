"""Made-up records of comparisons and ablations for the tests: small, quick to make, every number a different one."""

from typing import Any

Record = dict[str, Any]

KINDS = {
    "feedback": "feedback",
    "feedback, one slot": "feedback",
    "ordinary, 2 layers": "ordinary",
    "ordinary, 4 layers, larger": "ordinary",
    "LSTM": "recurrent",
}
RATES = (0.001, 0.01)
SEEDS = (0, 1, 2)
EVALUATION = {"sequences": 500, "seed": 1_000_003}
RECIPE = {
    "batch_size": 64,
    "length": 20,
    "warmup_steps": 100,
    "final_share": 0.05,
    "weight_decay": 0.01,
    "betas": [0.9, 0.98],
    "max_norm": 1.0,
}
VERSIONS = {"feedback_lite": "0.1.0", "torch": "2.13.0", "python": "3.11.7"}


def right_at(model: int, seed: int, *, length: int = 20, share: float = 1.0) -> float:
    """Return a share of right answers that differs from model to model, seed to seed and length to length."""
    return round(0.2 + share * (0.7 - 0.1 * model - 0.01 * seed) * 20 / length, 4)


def run(number: int, name: str, budget: str, seed: int) -> Record:
    """Return one run; with equal seconds the ordinary models and the LSTM get five times the updates."""
    quick = KINDS[name] != "feedback"
    steps = 500 if budget == "seconds" and quick else 100
    points = [steps // 4 * point for point in range(1, 5)]
    per_step = 0.04 if quick else 0.2 + 0.01 * seed
    return {
        "model": name,
        "budgets": [budget] if quick else ["examples", "seconds"],
        "steps": steps,
        "learning_rate": RATES[quick],
        "seed": seed,
        "cpu_seconds": round(per_step * steps, 2),
        "accuracy_by_length": {str(length): right_at(number, seed, length=length) for length in (20, 40, 80)},
        "curve": {
            "steps": points,
            "seconds": [round(per_step * step, 2) for step in points],
            "accuracy": [round(right_at(number, seed, share=step / steps), 3) for step in points],
        },
    }


def comparison(task: str = "shell-game", *, names: tuple[str, ...] = tuple(KINDS), **changes: Any) -> Record:
    """Return the record of a comparison, with changes."""
    models = [
        {"name": name, "kind": KINDS[name], "says": f"made up, {number}", "parameters": 26_000 + number, "config": {}}
        for number, name in enumerate(names)
    ]
    runs = [
        run(number, name, budget, seed)
        for number, name in enumerate(names)
        for budget in (("examples",) if KINDS[name] == "feedback" else ("examples", "seconds"))
        for seed in SEEDS
    ]
    sweep = [
        {"model": name, "budget": budget, "learning_rate": rate, "accuracy": 0.5 + rate}
        for name in names
        for budget in ("examples", "seconds")
        for rate in RATES
    ]
    record = {
        "task": task,
        "command": f"python -m feedback_lite.training compare {task}",
        "chance": 0.2,
        "heuristic": None,
        "trained_length": 20,
        "lengths": [20, 40, 80],
        "evaluation": EVALUATION,
        "learning_rates": list(RATES),
        "recipe": RECIPE,
        "models": models,
        "sweep": sweep,
        "runs": runs,
        "versions": VERSIONS,
    }
    return {**record, **changes}


def ablation(**changes: Any) -> Record:
    """Return the record of an ablation of two tasks, with changes; one of its settings has no learned shares."""
    settings = [
        {"name": name, "task": task, "parameters": 26_000 + number, "changes": {}, "surgery": None}
        for number, (name, task) in enumerate(
            (("shared", "shell-game"), ("one per layer", "shell-game"), ("echo: shared", "echo"))
        )
    ]
    runs = [
        {
            "setting": setting["name"],
            "steps": 500,
            "seed": seed,
            "cpu_seconds": 20.0 + number + seed,
            "accuracy_by_length": {str(length): right_at(number, seed, length=length) for length in (20, 40)},
            "layer_shares": None if number == 1 else [0.3, round(0.3 + 0.01 * seed, 3), round(0.4 - 0.01 * seed, 3)],
        }
        for number, setting in enumerate(settings)
        for seed in SEEDS
    ]
    record = {
        "ablation": "keys-values",
        "trained_length": 20,
        "lengths": [20, 40],
        "evaluation": EVALUATION,
        "recipe": {**RECIPE, "learning_rate": 0.003},
        "settings": settings,
        "chance": {"shell-game": 0.2, "echo": 0.125},
        "runs": runs,
        "versions": VERSIONS,
    }
    return {**record, **changes}


FEW = ("feedback", "ordinary, 2 layers", "LSTM")
HEURISTIC = {"20": 0.47, "40": 0.36, "80": 0.29}
RECORDS = {
    "compare-shell-game": comparison(),
    "compare-program": comparison("program", names=FEW, heuristic=HEURISTIC, trained_length=40),
    "ablate-keys-values": ablation(),
}
