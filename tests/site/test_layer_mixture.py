"""The layer mixture on its page: its mathematics is torch's, and its picture draws what that gives."""

import math

import torch
from playwright.sync_api import Locator, Page, expect

from feedback_lite import mix_layers
from feedback_lite.widgets import LayerMixture
from tests.kind import minus
from tests.kinds import KINDS
from tests.site.conftest import Visit
from tests.site.looking import control, figures_of, look, stored_of, wait_for, words

KIND = "layer-mixture"
PAGE = KINDS[KIND].pages[0]


def mixtures_on(page: Page) -> list[tuple[Locator, LayerMixture]]:
    """Each layer mixture with one made in Python from the same state."""
    states = {words(state["sentence"]): state for state in stored_of(page, KIND)}
    found = []
    for figure in figures_of(page, KIND):
        state = states[look(figure, KIND)["sentence"]]
        twin = KINDS[KIND].twin(state)
        assert isinstance(twin, LayerMixture)
        twin.step = state["step"]
        found.append((figure, twin))
    return found


def test_learned_weights_move_to_the_next_whole_one(stage: Visit) -> None:
    for figure, twin in mixtures_on(stage(PAGE, fresh=True)):
        for key, nearest in (("ArrowRight", math.ceil), ("ArrowLeft", math.floor)):
            learned = twin.layer_weights[1]
            control(figure, "weight 1").press(key)
            wait_for(figure, KIND, {"weight 1": minus(str(max(-3, min(3, nearest(learned)))))})
            control(figure, "preset learned").click()
            wait_for(figure, KIND, {"weight 1": minus(f"{learned:.2f}")})


def test_learned_weights_cannot_be_chosen_twice(stage: Visit) -> None:
    for figure in figures_of(stage(PAGE, fresh=True), KIND):
        assert control(figure, "preset learned").is_disabled()


def test_live_mathematics_equals_torch(stage: Visit) -> None:
    page = stage(PAGE)
    script = stored_of(page, KIND)[0]["_esm"]
    generator = torch.Generator().manual_seed(7)
    for layers, width, spread in ((2, 3, 1.0), (3, 5, 10.0), (5, 7, 300.0), (3, 2, 1e4)):
        hiddens = torch.randn(layers, 1, 1, width, generator=generator, dtype=torch.float64)
        weights = spread * torch.randn(layers, generator=generator, dtype=torch.float64)
        shares, vector = page.evaluate(
            """async ([script, hiddens, weights]) => {
                const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
                const { softmax, mixLayers } = await import(address);
                return [softmax(weights), mixLayers(hiddens, weights)];
            }""",
            [script, hiddens[:, 0, 0].tolist(), weights.tolist()],
        )
        torch.testing.assert_close(torch.tensor(shares, dtype=torch.float64), weights.softmax(0), rtol=0, atol=1e-12)
        expected = mix_layers(hiddens, weights)[0, 0]
        torch.testing.assert_close(torch.tensor(vector, dtype=torch.float64), expected, rtol=0, atol=1e-12)


def test_picture_draws_the_mixture(stage: Visit) -> None:
    """The cells of the memory row and of its slot are as strong as the mixture that Python computes."""
    for figure, twin in mixtures_on(stage(PAGE, fresh=True)):
        hiddens = torch.tensor(twin.hiddens, dtype=torch.float64)[:, :, None, None]
        weights = torch.tensor(twin.layer_weights, dtype=torch.float64)
        strength = (mix_layers(hiddens[twin.step - 1], weights)[0, 0] / twin.scale).abs().clamp(max=1)
        for place in (".fl-memory-row", "[data-present]"):
            drawn = figure.locator(f"{place} .fl-cell").evaluate_all(
                "(cells) => cells.map((cell) => Number(cell.getAttribute('fill-opacity')))"
            )
            torch.testing.assert_close(torch.tensor(drawn, dtype=torch.float64), strength, rtol=0, atol=6e-4)


def test_a_screen_reader_hears_the_number_that_is_stepped_to_and_nothing_twice(stage: Visit) -> None:
    for figure in figures_of(stage(PAGE, fresh=True), KIND):
        told = figure.locator(".fl-one-number [aria-live]")
        before = told.inner_text()
        control(figure, "number after").click()
        expect(told).to_have_attribute("aria-live", "polite")
        expect(told).not_to_have_text(before)
        control(figure, "preset equal shares").click()
        expect(told).to_have_attribute("aria-live", "off")  # the sentence is live
