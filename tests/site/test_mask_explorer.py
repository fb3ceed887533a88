"""The mask explorer on the built page says and draws in every state what Python says."""

from feedback_lite.widgets import MaskExplorer
from tests.site.conftest import Visit
from tests.site.tables import FIGURES
from tests.site.test_figures import control, figures_of, look, stored_states, words

KIND = "mask-explorer"


def test_mask_explorer_speaks_as_in_python(stage: Visit) -> None:
    for page_name in {name for name, kind in FIGURES if kind == KIND}:
        page = stage(page_name)
        state = next(state for state in stored_states(page) if "most_slots" in state)
        twin = MaskExplorer(dict(zip(state["heads"], state["weights"], strict=True)))
        for figure in figures_of(page, KIND):
            assert look(figure, KIND)["sentence"] == words(twin.sentence)
            for slots, tokens in ((3, 1), (0, 1), (0, 3), (2, 4), (6, 4)):
                for name, key, presses in (("slots", "Home", slots), ("tokens", "Home", tokens - 1)):
                    control(figure, name).press(key)
                    for _ in range(presses):
                        control(figure, name).press("ArrowRight")
                keys = slots + (tokens if tokens > 1 else 0)
                future = sum(row.count(False) for row in twin.tables[f"{slots},{tokens}"]["mask"])
                twin.slots, twin.tokens = slots, tokens
                for query in range(tokens):
                    control(figure, "pair").press("Home")
                    for place in range(max(keys, 1)):
                        twin.set_state({"query": query, "key": place})
                        now = look(figure, KIND)
                        assert (now["sentence"], now["future"]) == (words(twin.sentence), future)
                        control(figure, "pair").press("ArrowRight")
                    control(figure, "pair").press("ArrowDown")
                for _ in range(tokens):
                    control(figure, "pair").press("ArrowUp")


def test_mask_explorer_draws_the_weights_of_every_head(stage: Visit) -> None:
    for page_name in {name for name, kind in FIGURES if kind == KIND}:
        page = stage(page_name)
        state = next(state for state in stored_states(page) if "most_slots" in state)
        for figure in figures_of(page, KIND):
            control(figure, "slots").press("End")
            for head, weights in zip(state["heads"], state["weights"], strict=True):
                control(figure, f"show {head}").click()
                drawn = figure.locator(".fl-pair .fl-number").all_text_contents()
                assert [words(text) for text in drawn] == [f"{int(100 * weight + 0.5)} %" for weight in weights[-1]]
