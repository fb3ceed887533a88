"""Prepares what the kernels that nbval starts for the chapters inherit, and the order in which chapters run."""

import os
from pathlib import Path

import pytest

from book.tools.notebooks.run import KERNEL_ENVIRONMENT, KERNEL_ENVIRONMENT_DROPPED, build_font_cache


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment of this process: nbval has no setting for that of its kernels.

    It compares the text of a drawing, whose last digits are another machine's: a picture need only be there.
    """
    os.environ.update(KERNEL_ENVIRONMENT)
    for name in KERNEL_ENVIRONMENT_DROPPED:
        os.environ.pop(name, None)
    if config.getoption("nbval", default=False):
        config.option.nbval_sanitize_with = str(Path(__file__).with_name("pictures.cfg"))
        build_font_cache()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the longest files begin first: each stays on one worker, and the other should not wait for it at the end."""
    items.sort(key=lambda item: (item.path.name != "test_alone.py", item.path.suffix != ".ipynb"))
