"""The inside of a model: its sentences against what the model did, its state, and what it refuses."""

import gc
import json
import re
from typing import Any

import pytest
import torch
from traitlets import TraitError

from feedback_lite import Interventions, Stepper, intervene, pretrained
from feedback_lite.tasks import ShellGame
from feedback_lite.widgets import ModelInside
from feedback_lite.widgets.inside import FIRST_LENGTH
from feedback_lite.widgets.live import ball_of, drawn_game

GAME = [2, 5, 14, 6]  # ball under 3, swap 1 and 2, swap 4 and 5, swap 1 and 3
DRAWN = list(drawn_game(FIRST_LENGTH))


def model() -> Any:
    return pretrained.load("shell-feedback").double()


def logits(tokens: list[int], interventions: Interventions | None = None) -> torch.Tensor:
    """The last logits of the whole forward, which knows no stepper."""
    changed = model() if interventions is None else intervene(model(), interventions)
    with torch.no_grad():
        return changed(torch.tensor([tokens])).logits[0, -1]


def named(tokens: list[int], interventions: Interventions | None = None) -> str:
    share, cup = logits(tokens, interventions).softmax(0).max(0)
    return f"cup {int(cup) + 1}, {int(100 * share + 0.5)} %"


# ---- what it says


def test_starts_at_a_full_memory_that_has_evicted() -> None:
    figure = ModelInside()
    assert (len(figure.tokens), figure.step, figure.slot, figure.memory_size) == (24, 18, 17, 16)
    told = f"the ball is under cup 4, and the model says {named(DRAWN[:18])}, which is right."
    assert figure.sentence.startswith(f"Step 18, swap 3 and 5: {told}")
    assert figure.sentence.endswith(" The step writes slot 18 and evicts slot 2.")


def test_first_step_has_nothing_to_read() -> None:
    figure = ModelInside(tokens=GAME, step=1)
    assert figure.slot == 1
    assert figure.sentence == (
        f"Step 1, ball under 3: the ball is under cup 3, and the model says {named(GAME[:1])}, which is right. "
        "The memory is empty, so attention adds nothing. The step writes slot 1."
    )


def test_second_step_reads_the_only_slot() -> None:
    figure = ModelInside(tokens=GAME, step=2)
    assert figure.sentence == (
        f"Step 2, swap 1 and 2: the ball is under cup 3, and the model says {named(GAME[:2])}, which is right. "
        "Layer 1 reads slot 1 the most (head 1, 100 %), layer 2 slot 1 (head 1, 100 %). The step writes slot 2."
    )


def test_names_the_slot_and_the_head_that_read_the_most() -> None:
    figure, stepper = ModelInside(step=12), Stepper(model())
    weights = [stepper.step(token) for token in DRAWN[:12]][-1].weights
    told = []
    for layer in (0, 1):
        head, place = divmod(int(weights[layer].argmax()), weights.shape[-1])
        told.append((place + 1, head + 1, int(100 * weights[layer].max() + 0.5)))
    (slot, head, share), (other, other_head, other_share) = told
    assert (
        f" Layer 1 reads slot {slot} the most (head {head}, {share} %), "
        f"layer 2 slot {other} (head {other_head}, {other_share} %). " in figure.sentence
    )


def test_wrong_answer_is_called_wrong() -> None:
    changed = Interventions(written=0)
    figure = ModelInside(written=0)
    assert f"the ball is under cup 4, but the model says {named(DRAWN[:18], changed)}, which is wrong." in (
        figure.sentence
    )
    assert figure.sentence.endswith(
        f"Changed: the embedding alone is written; as trained, the model says {named(DRAWN[:18])}."
    )


def test_a_swap_as_an_answer_is_named_as_one() -> None:
    figure = ModelInside()
    assert figure._name([9, 0.254]) == "swap 2 and 3, 25 %"
    assert figure._name([4, 0.996]) == "cup 5, 100 %"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"written": "uniform"}, "equal shares of all layers are written"),
        ({"written": 2}, "layer 2 alone is written"),
        ({"memory_size": 1}, "a memory of 1 slot"),
        ({"memory_size": 24}, "a memory of 24 slots"),
        ({"memory_offset": False}, "the memory does not count in the positions"),
        ({"silent_layers": [2]}, "no attention in layer 2"),
        ({"silent_layers": [2, 1]}, "no attention in layer 1 and 2"),
        ({"deleted": [[12, 15]]}, "slot 12 deleted before step 15 reads"),
        ({"deleted": [[16, 18], [3, 5], [12, 15]]}, "slots 3, 12 and 16 deleted"),
        (
            {"written": 1, "memory_size": 8, "memory_offset": False, "silent_layers": [1], "deleted": [[17, 18]]},
            "layer 1 alone is written, a memory of 8 slots, the memory does not count in the positions, "
            "no attention in layer 1, slot 17 deleted before step 18 reads",
        ),
    ],
)
def test_changes_are_told_beside_the_answer_as_trained(changes: dict[str, Any], told: str) -> None:
    figure = ModelInside(**changes)
    trained = named(DRAWN[:18])
    assert figure.sentence.endswith(f" Changed: {told}; as trained, the model says {trained}.")
    assert figure.recorded["changes"] == told
    assert figure.recorded["trained"][0] == int(logits(DRAWN[:18]).argmax())


def test_silent_layers_are_said_to_be_off() -> None:
    assert " Layer 1's attention is off, layer 2 reads slot " in ModelInside(silent_layers=[1]).sentence
    sentence = ModelInside(silent_layers=[2]).sentence
    assert re.search(r" Layer 1 reads slot 1\d the most \(head \d, \d\d %\), layer 2's attention is off\. ", sentence)
    assert " Layer 1's attention is off, layer 2's attention is off. " in ModelInside(silent_layers=[1, 2]).sentence


def test_equal_weights_name_the_newest_slot() -> None:
    """Where the embedding is written and positions do not count, the same token twice gives the same weight."""
    figure = ModelInside(tokens=[0, 7, 7, 7, 7], step=5, written=0, memory_offset=False)
    now = figure.steps()[-1]
    torch.testing.assert_close(now.weights[..., 1:], now.weights[..., -1:].expand(2, 2, 3), rtol=0, atol=1e-12)
    head = int((now.weights[1, :, -1]).argmax())
    slots = [int(found) for found in re.findall(r"slot (\d)", figure.sentence.split("which is")[1])]
    assert slots[0] in (1, 4)
    assert slots[1] in (1, 4)
    assert f"head {head + 1}" in figure.sentence


def test_hidden_answers_are_in_no_sentence() -> None:
    figure = ModelInside(hide_answer=True, written=0)
    assert figure.sentence.startswith("Step 18, swap 3 and 5: the answer is hidden until you ask for it. Layer 1 ")
    assert "cup" not in figure.sentence
    assert figure.sentence.endswith("Changed: the embedding alone is written.")
    figure.shown = 18
    assert "the ball is under cup 4, but the model says cup 3" in figure.sentence
    figure.step = 19
    assert "cup" not in figure.sentence


def test_an_emptied_memory_is_said_to_be_empty() -> None:
    figure = ModelInside(tokens=GAME, step=3, memory_size=1, deleted=[[2, 3]])
    assert "The memory is empty, so attention adds nothing. The step writes slot 3. Changed: " in figure.sentence


def test_a_kernel_moves_the_figure() -> None:
    figure = ModelInside(tokens=GAME, step=4)
    figure.tokens = [0, 5]
    assert (figure.step, figure.slot) == (2, 2)
    assert figure.sentence.startswith("Step 2, swap 1 and 2: the ball is under cup 2")
    figure.set_state({"tokens": GAME, "step": 3, "slot": 1, "silent_layers": [1]})
    assert figure.sentence.startswith("Step 3, swap 4 and 5: the ball is under cup 3")
    assert figure.interventions == Interventions(silent_layers=(1,))
    assert [step.token for step in figure.steps()] == GAME[:3]
    # Back and forth, and another game from its beginning on: always what a fresh run gives.
    for tokens, step in ((GAME, 4), (GAME, 2), ([2, 5, 14, 7, 8], 5), (GAME, 4)):
        figure.set_state({"tokens": tokens, "step": step, "slot": 1})
        expected = logits(tokens[:step], Interventions(silent_layers=(1,)))
        torch.testing.assert_close(figure.steps()[-1].logits, expected, rtol=0, atol=1e-12)


def test_ball_is_followed_as_in_the_task() -> None:
    examples = ShellGame().sample(batch_size=5, length=9, generator=torch.Generator().manual_seed(2))
    for tokens, places in zip(examples.tokens.tolist(), examples.targets.tolist(), strict=True):
        assert [ball_of(tokens[:length]) - 1 for length in range(1, 10)] == places


# ---- what it records


def test_records_the_first_picture() -> None:
    figure = ModelInside(slot=5, deleted=[[5, 9], [16, 19]])
    steps, found = figure.steps(), figure.recorded
    assert found["sentence"] == figure.sentence
    assert found["before"] == [1, 2, 3, 4, *range(6, 18)]
    assert found["after"] == [2, 3, 4, *range(6, 19)]
    assert found["struck"] == [5]  # and slot 16 is still there: it goes before step 19
    assert [read["step"] for read in found["trace"]] == [6, 7, 8]
    for read in found["trace"]:
        expected = steps[read["step"] - 1].weights[..., 4]
        torch.testing.assert_close(torch.tensor(read["weights"], dtype=torch.float64), expected, rtol=0, atol=1e-6)
    weights = torch.tensor(found["weights"], dtype=torch.float64)
    torch.testing.assert_close(weights, steps[-1].weights, rtol=0, atol=1e-6)
    assert [token for token, _ in found["answers"]] == steps[-1].layer_logits.argmax(-1).tolist()
    assert sum(found["shares"]) == pytest.approx(1, abs=1e-5)


def test_a_slot_that_was_evicted_before_is_not_struck() -> None:
    figure = ModelInside(memory_size=3, slot=5, deleted=[[5, 12]])
    assert figure.recorded["struck"] == []
    assert [read["step"] for read in figure.recorded["trace"]] == [6, 7, 8]


def test_state_is_json_and_the_script_stands_alone() -> None:
    figure = ModelInside(written=2, deleted=[(3, 5)])
    state = {key: value for key, value in figure.get_state().items() if key != "_dom_classes"}
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert re.search(r"^\s*import\b", figure._esm, re.MULTILINE) is None
    assert figure._esm.count("export default") == 1
    assert len(figure._esm) < 76_000
    assert "</script" not in figure._esm
    assert "<!--" not in figure._esm


def test_a_figure_can_be_forgotten() -> None:
    ModelInside(tokens=GAME).close()
    gc.collect()


# ---- what it refuses


@pytest.mark.parametrize("name", ["shell-ordinary", "no-such-model"])
def test_other_models_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name must be"):
        ModelInside(name)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tokens", [], "tokens must hold 1 to 300 numbers, got 0"),
        ("tokens", [0] + [5] * 300, "tokens must hold 1 to 300 numbers, got 301"),
        ("tokens", [5, 5], "tokens must begin with the ball's cup, 0 to 4, got 5"),
        ("tokens", [0, 4], "tokens after the first must be swaps, 5 to 14, got 4"),
        ("tokens", [0, 15], "tokens after the first must be swaps, 5 to 14, got 15"),
        ("step", 0, "step must be between 1 and 4, got 0"),
        ("step", 5, "step must be between 1 and 4, got 5"),
        ("slot", 5, "slot must be between 1 and 4, got 5"),
        ("shown", -1, "shown must be between 0 and 300, got -1"),
        ("memory_size", 0, "memory_size must be between 1 and 24, got 0"),
        ("memory_size", 25, "memory_size must be between 1 and 24, got 25"),
        ("written", 3, "written must be 'mixture', 'uniform' or a layer from 0 to 2, got 3"),
        ("written", True, "written must be 'mixture', 'uniform' or a layer from 0 to 2, got True"),
        ("written", "last", "written must be 'mixture', 'uniform' or a layer from 0 to 2, got 'last'"),
        ("silent_layers", [0], r"silent_layers must hold layers from 1 to 2, each once, got \[0\]"),
        ("silent_layers", [1, 1], r"silent_layers must hold layers from 1 to 2, each once, got \[1, 1\]"),
        ("deleted", [[2, 2]], r"deleted must hold pairs of a slot and a later step, got \[2, 2\]"),
        ("deleted", [[1, 302]], r"deleted must hold pairs of a slot and a later step, got \[1, 302\]"),
        ("deleted", [[1]], r"deleted must hold pairs of a slot and a later step, got \[1\]"),
        ("deleted", [3], r"deleted must hold pairs of a slot and a later step, got \[3\]"),
        ("deleted", [[1, 2], [1, 3]], "deleted must name each slot once"),
        ("deleted", [[slot, 30] for slot in range(1, 26)], "deleted must hold at most 24 pairs, got 25"),
        ("models", [], "models must hold one feedback model, got 0"),
    ],
)
def test_impossible_states_are_refused(name: str, value: object, message: str) -> None:
    figure = ModelInside(tokens=GAME)
    before = figure.sentence
    with pytest.raises(TraitError, match=message):
        setattr(figure, name, value)
    assert figure.sentence == before


def test_impossible_beginnings_are_refused() -> None:
    with pytest.raises(TraitError, match="step must be between 1 and 4, got 9"):
        ModelInside(tokens=GAME, step=9)
    with pytest.raises(TraitError, match="tokens must hold 1 to 300 numbers, got 0"):
        ModelInside(tokens=[])
