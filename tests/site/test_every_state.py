"""Every figure says and shows in every state what its Python class says.

The script that the page has stored runs on a model of the test's own, state after state, beside a twin in Python that
is made from the same stored state. That the controls reach these states is tested in ``test_controls.py``.
"""

import pytest

from feedback_lite.widgets import Figure
from tests.kind import State
from tests.kinds import FIGURES, KINDS
from tests.site.conftest import Visit
from tests.site.looking import stored_of, words
from tests.site.page_model import run_through

# What the picture shows and says, less what stands for the picture as a whole.
SEEN = """(place) => {{
    const {{ picture, ...seen }} = ({look})(place.querySelector("[data-figure]"));
    return {{ ...seen, sentence: place.querySelector(".fl-sentence").textContent }};
}}"""


FEW = 80
"""So many states are gone through on every page."""


def put(twin: Figure, state: State) -> None:
    """Set a state all at once; what one part of it takes back of another, such as a guess, is set again."""
    twin.set_state(state)
    if any(getattr(twin, name) != value for name, value in state.items()):
        twin.set_state(state)


@pytest.mark.usefixtures("unchecked")  # the package's own shapes are checked by its own tests; here it computes much
@pytest.mark.parametrize(("page_name", "kind"), FIGURES)
def test_figure_speaks_and_shows_as_in_python(page_name: str, kind: str, stage: Visit) -> None:
    """In all states on the first page of a kind, in every eighth on others, where the same script runs."""
    row, page = KINDS[kind], stage(page_name)
    for state in stored_of(page, kind):
        twin = row.twin(state)
        twin.set_state({trait: state[trait] for trait in row.figure.class_own_traits(sync=True)})
        assert twin.sentence == state["sentence"]
        states = list(row.states(twin))
        if page_name != row.pages[0] and len(states) > FEW:
            states = states[::8]
        assert len(states) >= 2
        seen_in_page = run_through(page, state, states, SEEN.format(look=row.look))
        for changes, told in zip(states, seen_in_page, strict=True):
            put(twin, changes)
            expected = {**row.shows(twin), "sentence": words(twin.sentence)}
            seen = {key: words(value) if key == "sentence" else value for key, value in told.items() if key in expected}
            assert seen == expected, changes
