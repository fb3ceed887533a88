"""Build the package's wheel or source archive, with what is installed and nothing from the network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]


def build(target: Literal["wheel", "sdist"], folder: Path, root: Path = ROOT) -> Path:
    """Build the package in `root` into an empty folder and return the file; the same sources give the same bytes."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the {target} cannot be built:\n{done.stdout}{done.stderr}")
    (built,) = folder.iterdir()
    return built
