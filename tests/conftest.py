"""What all tests share: shape checks on, one thread, repeatable random examples."""

from collections.abc import Iterator

import hypothesis
import jaxtyping
import pytest
import torch

# From here on every import of the package gets its annotations checked, shapes included. Tests that run the package
# in another process (chapters, the site) are not touched by this. An integer may stand for a float.
jaxtyping.install_import_hook("feedback_lite", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

torch.set_num_threads(1)

# The same examples on every run: a red test must stay red for whoever looks at it next.
hypothesis.settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, max_examples=40, print_blob=True
)
# pytest --hypothesis-profile=explore: fresh examples, and many more of them.
hypothesis.settings.register_profile("explore", deadline=None, max_examples=500)
hypothesis.settings.load_profile("repeatable")


def without_checks() -> Iterator[None]:
    """Switch the shape checks off for as long as the fixture lasts."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


unchecked = pytest.fixture(without_checks)
"""For tests of bad input: the package's own errors speak."""

unchecked_module = pytest.fixture(without_checks, scope="module")
"""For files that compare many numbers, or train: the checks would take half the time and find nothing new."""
