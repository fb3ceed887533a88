"""Plant faults in a copy of the package, one at a time, and see which test tells.

Run as ``python -m tests.faults``; it takes a few minutes. For every fault it prints the first test that fails in each
suite. It exits with 1 if a fault passes unnoticed, or if one of those tests fails on the package as it is.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# From the smallest piece to the whole, so that the first test to fail is the one nearest to the fault.
MODULES = (
    *("config", "positions", "mask", "attention", "memory", "feedforward", "block"),
    *("model", "baseline", "generation", "lucidrains"),
)
SUITES = {
    "unit": [f"tests/unit/test_{module}.py" for module in MODULES],
    "properties": ["tests/properties"],
    "conformance": ["tests/conformance"],
}


@dataclass(frozen=True)
class Fault:
    """A fault, and the edits that plant it: file, text as it is, text with the fault."""

    name: str
    edits: tuple[tuple[str, str, str], ...]


FAULTS = (
    Fault(
        "mixture without softmax",
        (("memory.py", "shares = layer_weights.softmax(dim=0)", "shares = layer_weights"),),
    ),
    Fault(
        "GEGLU halves swapped",
        (("feedforward.py", "value, gate = doubled.chunk(2", "gate, value = doubled.chunk(2"),),
    ),
    Fault(
        "bias off by one",
        (
            (
                "positions.py",
                "self.table.t()[:, buckets]",
                "self.table.t()[:, (buckets + 1).clamp(max=self.num_buckets - 1)]",
            ),
        ),
    ),
    Fault(
        "memory one too long",
        (
            (
                "memory.py",
                'check_size("memory_size", memory_size)',
                'check_size("memory_size", memory_size)\n        memory_size += 1',
            ),
        ),
    ),
    Fault(
        "mask off by one",
        (("mask.py", "return distance >= 0", "return distance >= -1"),),
    ),
    Fault(
        "projection not shared",
        (
            (
                "model.py",
                "self.blocks = make_blocks(config)",
                "self.blocks = make_blocks(config)\n"
                "        self.own_projections = nn.ModuleList(\n"
                "            KeyValueProjection(\n"
                "                d_model=config.d_model, num_heads=config.num_heads, head_dim=config.head_dim\n"
                "            )\n"
                "            for _ in range(config.num_layers)\n"
                "        )",
            ),
            ("model.py", "for block in self.blocks:", "for block, own in zip(self.blocks, self.own_projections):"),
            ("model.py", "self.to_keys_values if reads_itself else None", "own if reads_itself else None"),
        ),
    ),
    Fault(
        "no scale",
        (("attention.py", "scale = queries.shape[-1] ** -0.5", "scale = 1.0"),),
    ),
    Fault(
        "bias multiplied by the scale",
        (("attention.py", "scores = scores + bias", "scores = scores + bias * scale"),),
    ),
    Fault(
        "newest evicted instead of oldest",
        (
            (
                "memory.py",
                "(self.keys, new.keys), dim=1)[:, -memory_size:]",
                "(self.keys, new.keys), dim=1)[:, :memory_size]",
            ),
            (
                "memory.py",
                "(self.values, new.values), dim=1)[:, -memory_size:]",
                "(self.values, new.values), dim=1)[:, :memory_size]",
            ),
        ),
    ),
    Fault(
        "last layer instead of mixture",
        (("model.py", "return mix_layers(hiddens, self.layer_weights)", "return hiddens[-1]"),),
    ),
)


def main() -> int:
    witnesses: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, fault in enumerate(FAULTS, start=1):
            copy = Path(folder) / str(number)
            make_copy(copy)
            plant(fault, copy)
            print(f"{number:2}. {fault.name}", flush=True)
            witnesses[fault.name] = []
            for suite, paths in SUITES.items():
                test = first_failure(copy, paths)
                print(f"      {suite + ':':13}{test or 'does not tell'}", flush=True)
                if test:
                    witnesses[fault.name].append(test)
        clean = Path(folder) / "clean"
        make_copy(clean)
        innocent = run(clean, *sorted({test for tests in witnesses.values() for test in tests}))
    unnoticed = [name for name, tests in witnesses.items() if not tests]
    if unnoticed:
        print(f"{len(unnoticed)} of {len(FAULTS)} faults pass unnoticed: {', '.join(unnoticed)}")
        return 1
    if innocent.returncode:
        print(f"Some of these tests fail without a fault too:\n{innocent.stdout}{innocent.stderr}")
        return 1
    print(f"All {len(FAULTS)} faults are caught, by tests that pass without them.")
    return 0


def make_copy(folder: Path) -> None:
    """Copy the package, its tests and their settings."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("feedback_lite", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)


def plant(fault: Fault, folder: Path) -> None:
    """Make the edits; each text must stand in its file exactly once."""
    for name, good, bad in fault.edits:
        path = folder / "feedback_lite" / name
        source = path.read_text(encoding="utf-8")
        found = source.count(good)
        if found != 1:
            raise SystemExit(f"{fault.name}: {good!r} must stand once in {name}, it stands there {found} times")
        path.write_text(source.replace(good, bad), encoding="utf-8")


def first_failure(folder: Path, paths: list[str]) -> str | None:
    """Run some tests up to the first that fails; return its name."""
    result = run(folder, "-x", *paths)
    if result.returncode == 0:
        return None
    failed = re.search(r"^FAILED (\S.*?)(?: - |$)", result.stdout, flags=re.MULTILINE)
    if result.returncode != 1 or not failed:
        raise SystemExit(f"the tests could not be run:\n{result.stdout}{result.stderr}")
    return failed[1]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a copy, whose package stands before any installed one."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
