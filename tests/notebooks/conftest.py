"""Prepares what the kernels that nbval starts for the chapters inherit: nbval has no setting for it."""

import os

import pytest

from book.tools.notebooks.run import KERNEL_ENVIRONMENT, KERNEL_ENVIRONMENT_DROPPED, build_font_cache


def pytest_configure(config: pytest.Config) -> None:
    os.environ.update(KERNEL_ENVIRONMENT)
    for name in KERNEL_ENVIRONMENT_DROPPED:
        os.environ.pop(name, None)
    if config.getoption("nbval", default=False):
        build_font_cache()
