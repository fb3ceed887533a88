"""Build the package's wheel or source archive, with what is installed and nothing from the network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]


def build(target: Literal["wheel", "sdist"], folder: Path) -> Path:
    """Build the checkout's package into an empty folder and return the file; the same sources give the same bytes."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the {target} cannot be built:\n{done.stdout}{done.stderr}")
    (built,) = folder.iterdir()
    return built
