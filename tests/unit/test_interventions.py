"""What is changed in a model, by hand: the copy, the original that stays, and the slots that go."""

import copy

import pytest
import torch
from torch import Tensor

from feedback_lite import CausalTransformer, FeedbackTransformer, Interventions, Memory, Stepper, intervene
from feedback_lite.generation import Step
from tests.drawing import assert_close, make_config, make_model, make_tokens, refused


def run(model: FeedbackTransformer, length: int = 9, **changes: object) -> list[Step]:
    stepper = Stepper(model, interventions=Interventions(**changes))
    return [stepper.step(token) for token in make_tokens(1, length)[0].tolist()]


def logits_of(steps: list[Step]) -> Tensor:
    return torch.stack([step.logits for step in steps])


def same(one: FeedbackTransformer, other: FeedbackTransformer) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


class TestWritten:
    @pytest.mark.parametrize("layer", [0, 1, 2])
    def test_one_layer(self, layer: int) -> None:
        for step in run(make_model(), written=layer):
            assert torch.equal(step.mixture, step.hiddens[layer])

    def test_uniform(self) -> None:
        for step in run(make_model(), written="uniform"):
            assert_close(step.mixture, step.hiddens.mean(dim=0))

    def test_mixture_is_what_was_learned(self) -> None:
        model, tokens = make_model(), make_tokens(1, 9)
        with torch.no_grad():
            assert_close(logits_of(run(model)), model(tokens).logits[0])

    def test_the_last_layer_is_the_model_that_stores_it(self) -> None:
        """Written by the top layer: the same as the model that was made with memory_from="last"."""
        twin, model = make_model(memory_from="last"), make_model()
        state = model.state_dict()
        twin.load_state_dict({name: state[name] for name in twin.state_dict()})
        assert_close(logits_of(run(model, written=2)), logits_of(run(twin)))

    def test_a_model_that_stores_the_last_layer(self) -> None:
        model = make_model(memory_from="last")
        assert_close(logits_of(run(model, written=2)), logits_of(run(model)))
        for step in run(model, written="uniform"):
            assert_close(step.mixture, step.hiddens.mean(dim=0))
        assert not hasattr(model, "layer_weights")


class TestMemorySize:
    @pytest.mark.parametrize("size", [1, 3, 11, 20])
    def test_it_is_the_model_that_was_made_with_it(self, size: int) -> None:
        changed = run(make_model(), 25, memory_size=size)
        assert_close(logits_of(changed), logits_of(run(make_model(memory_size=size), 25)))

    def test_writers_are_the_newest(self) -> None:
        steps = run(make_model(), 5, memory_size=2)
        assert [step.writers_before for step in steps] == [(), (1,), (1, 2), (2, 3), (3, 4)]
        assert [step.writers for step in steps] == [(1,), (1, 2), (2, 3), (3, 4), (4, 5)]


class TestMemoryOffset:
    @pytest.mark.parametrize("own", [None, "lucidrains"])
    @pytest.mark.parametrize(("offset", "wanted"), [(False, "lucidrains"), (True, None)])
    def test_it_is_the_model_that_was_made_so(self, own: str | None, offset: bool, wanted: str | None) -> None:
        changed = run(make_model(compat=own), memory_offset=offset)
        assert_close(logits_of(changed), logits_of(run(make_model(compat=wanted))))

    def test_it_matters(self) -> None:
        assert not torch.allclose(logits_of(run(make_model(), memory_offset=False)), logits_of(run(make_model())))


class TestSilentLayers:
    @pytest.mark.parametrize("layers", [(1,), (2,), (1, 2)])
    def test_attention_adds_nothing(self, layers: tuple[int, ...]) -> None:
        model = make_model()
        for step in run(model, silent_layers=layers):
            for layer, block in enumerate(model.blocks, start=1):
                below, above = step.hiddens[layer - 1][None, None], step.hiddens[layer]
                with torch.no_grad():
                    unattended = (below + block.feedforward(block.feedforward_norm(below)))[0, 0]
                assert torch.allclose(above, unattended) == (layer in layers or step.writers_before == ())

    def test_its_weights_are_still_there(self) -> None:
        for step in run(make_model(), silent_layers=(2,))[1:]:
            assert_close(step.weights.sum(-1), torch.ones(2, 2, dtype=torch.float64))


class TestDeleted:
    def test_a_slot_goes_and_older_ones_stand_nearer(self) -> None:
        steps = run(make_model(), 7, deleted=((2, 5),))
        assert [step.writers_before for step in steps[3:]] == [(1, 2, 3), (1, 3, 4), (1, 3, 4, 5), (1, 3, 4, 5, 6)]
        assert steps[4].weights.shape[-1] == 3
        whole, before = steps[3].memory, steps[4].memory_before
        assert torch.equal(before.keys, whole.keys[:, [0, 2, 3]])
        assert torch.equal(before.values, whole.values[:, [0, 2, 3]])

    def test_the_step_is_that_of_a_forward_on_what_is_left(self) -> None:
        model, tokens = make_model(), make_tokens(1, 9)
        steps = run(model, deleted=((2, 5),))
        with torch.no_grad():
            memory = model(tokens[:, :4]).memory
            left = Memory(memory.keys[:, [0, 2, 3]], memory.values[:, [0, 2, 3]])
            assert_close(logits_of(steps[4:]), model(tokens[:, 4:], left).logits[0])

    def test_room_that_it_leaves_is_filled_before_anything_is_evicted(self) -> None:
        steps = run(make_model(), 6, memory_size=3, deleted=((3, 5),))
        assert [step.writers for step in steps] == [(1,), (1, 2), (1, 2, 3), (2, 3, 4), (2, 4, 5), (4, 5, 6)]

    def test_several_at_one_step_down_to_nothing(self) -> None:
        steps = run(make_model(), 4, deleted=((1, 3), (2, 3)))
        assert (len(steps[2].memory_before), steps[2].writers_before, steps[2].writers) == (0, (), (3,))
        assert steps[2].memory_before.keys.shape == (1, 0, 10)

    def test_a_slot_that_is_gone_already(self) -> None:
        """Evicted before, or deleted before: the second time does nothing."""
        evicted = run(make_model(), memory_size=2, deleted=((1, 5),))
        assert torch.equal(logits_of(evicted), logits_of(run(make_model(), memory_size=2)))
        twice = run(make_model(), deleted=((3, 5), (3, 7)))
        assert torch.equal(logits_of(twice), logits_of(run(make_model(), deleted=((3, 5),))))

    def test_slots_that_were_brought_in_keep_their_numbers_apart(self) -> None:
        model = make_model()
        with torch.no_grad():
            memory = model(make_tokens(1, 3)).memory
        stepper = Stepper(model, memory, interventions=Interventions(deleted=((1, 3),)))
        steps = [stepper.step(token) for token in (4, 5, 6)]
        assert [step.writers_before for step in steps] == [(-2, -1, 0), (-2, -1, 0, 1), (-2, -1, 0, 2)]

    @pytest.mark.usefixtures("unchecked")
    def test_a_refused_token_does_not_count(self) -> None:
        stepper = Stepper(make_model(), interventions=Interventions(deleted=((1, 3),)))
        stepper.step(1)
        stepper.step(2)
        with refused(ValueError, "got 17"):
            stepper.step(17)
        assert stepper.writers == (1, 2)
        assert stepper.step(3).writers_before == (2,)


class TestCopy:
    EVERYTHING = Interventions(written=1, memory_size=2, memory_offset=False, silent_layers=(1,))

    @pytest.mark.parametrize("source", ["mixture", "last"])
    def test_the_model_stays_as_it_was(self, source: str) -> None:
        model = make_model(memory_from=source)
        before, config = copy.deepcopy(model), model.config
        changed = intervene(model, self.EVERYTHING)
        assert same(model, before)
        assert model.config is config
        assert changed is not model
        assert changed.config.memory_size == 2
        assert changed.config.memory_from == "mixture"
        assert not {id(one) for one in model.parameters()} & {id(one) for one in changed.parameters()}

    def test_no_intervention_changes_nothing(self) -> None:
        for model in (make_model(), make_model(memory_from="last"), make_model(compat="lucidrains", segment_length=3)):
            changed = intervene(model, Interventions())
            assert same(model, changed)
            assert model.config == changed.config

    def test_mode_and_dtype_are_kept(self) -> None:
        for training in (True, False):
            changed = intervene(make_model(dtype=torch.float32).train(training), self.EVERYTHING)
            assert {parameter.dtype for parameter in changed.parameters()} == {torch.float32}
            assert all(module.training is training for module in changed.modules())

    def test_segments(self) -> None:
        """All but the offset holds for longer segments too."""
        model, tokens = make_model(segment_length=3), make_tokens(2, 9)
        changed = intervene(model, Interventions(memory_size=2))
        assert_close(changed(tokens).logits, make_model(segment_length=3, memory_size=2)(tokens).logits)


@pytest.mark.usefixtures("unchecked")
class TestBadRequests:
    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"written": "last"}, ValueError, "written must be one of 'mixture', 'uniform', got 'last'"),
            ({"written": -1}, ValueError, "written must be at least 0, got -1"),
            ({"written": True}, TypeError, "written must be 'mixture', 'uniform' or a layer, got True"),
            ({"written": None}, TypeError, "written must be 'mixture', 'uniform' or a layer, got None"),
            ({"written": 1.0}, TypeError, "written must be 'mixture', 'uniform' or a layer, got 1.0"),
            ({"memory_size": 0}, ValueError, "memory_size must be at least 1, got 0"),
            ({"memory_size": 2.0}, TypeError, "memory_size must be an integer of at least 1, got 2.0"),
            ({"memory_offset": 1}, TypeError, "memory_offset must be True, False or None, got 1"),
            ({"silent_layers": [1]}, TypeError, "silent_layers must be a tuple of layers, got [1]"),
            ({"silent_layers": (0,)}, ValueError, "a layer of silent_layers must be at least 1, got 0"),
            ({"silent_layers": ("1",)}, TypeError, "silent_layers must be an integer of at least 1, got '1'"),
            ({"deleted": (1, 2)}, TypeError, "deleted must be a tuple of pairs (token, step), got (1, 2)"),
            ({"deleted": [(1, 2)]}, TypeError, "deleted must be a tuple of pairs (token, step), got [(1, 2)]"),
            ({"deleted": ((0, 2),)}, ValueError, "a token of deleted must be at least 1, got 0"),
            (
                {"deleted": ((4, 4),)},
                ValueError,
                "the step that deletes the slot of token 4 must be at least 5, got 4",
            ),
        ],
    )
    def test_alone(self, changes: dict[str, object], error: type[Exception], message: str) -> None:
        with refused(error, message):
            Interventions(**changes)  # type: ignore[arg-type]

    def test_position(self) -> None:
        with pytest.raises(TypeError, match="positional"):
            Interventions("uniform")  # type: ignore[misc]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"written": 3}, "written must be a layer from 0 to 2, 'mixture' or 'uniform', got 3"),
            ({"silent_layers": (1, 3)}, "silent_layers must hold layers from 1 to 2, got 3"),
            ({"deleted": ((1, 2),)}, "deleted must be empty here, since only a Stepper can delete, got ((1, 2),)"),
        ],
    )
    def test_what_does_not_fit_the_model(self, changes: dict[str, object], message: str) -> None:
        with refused(ValueError, message):
            intervene(make_model(), Interventions(**changes))  # type: ignore[arg-type]

    def test_offset_of_longer_segments(self) -> None:
        with refused(ValueError, "memory_offset must be None for a model with segment_length=3"):
            intervene(make_model(segment_length=3), Interventions(memory_offset=False))

    def test_the_original_s_offset_in_a_model_that_norms_its_memory(self) -> None:
        model = make_model(memory_norm=True)
        with refused(ValueError, "memory_offset must not be False for a model with memory_norm=True"):
            intervene(model, Interventions(memory_offset=False))
        assert intervene(model, Interventions(memory_offset=True)).config == model.config

    def test_other_types(self) -> None:
        with refused(TypeError, "model must be a FeedbackTransformer, got CausalTransformer"):
            intervene(CausalTransformer(make_config()), Interventions())  # type: ignore[arg-type]
        with refused(TypeError, "interventions must be an Interventions, got dict"):
            intervene(make_model(), {"written": 1})  # type: ignore[arg-type]
        with refused(TypeError, "interventions must be an Interventions, got dict"):
            Stepper(make_model(), interventions={"written": 1})  # type: ignore[arg-type]

    def test_a_memory_that_is_too_long_for_the_intervention(self) -> None:
        model = make_model()
        with refused(ValueError, "memory must hold at most memory_size=2 slots, got 3"):
            Stepper(model, model(make_tokens(1, 3)).memory, interventions=Interventions(memory_size=2))
