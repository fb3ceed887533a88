"""The trained models as JSON for the page, and the figure that carries them."""

import hashlib
import json
from base64 import b64decode
from importlib.resources import files

import numpy as np
import pytest
import torch
import traitlets

from feedback_lite import pretrained
from feedback_lite.tasks import make_task
from feedback_lite.widgets import LiveFigure, export
from feedback_lite.widgets.figure import join_script
from tests.drawing import make_model, refused

every_model = pytest.mark.parametrize("name", pretrained.names())


class Empty(LiveFigure):
    _esm = join_script("live") + "export default { render() {} };"

    def describe(self) -> str:
        return f"{len(self.models)} models."


@every_model
def test_weights_are_those_of_the_model_bit_by_bit(name: str) -> None:
    state, weights = pretrained.load(name).state_dict(), export(name)["weights"]
    assert list(weights) == list(state)
    for key, weight in weights.items():
        numbers = np.frombuffer(b64decode(weight["base64"]), dtype="i1" if "unit" in weight else "<f4")
        values = torch.from_numpy(numbers.reshape(weight["shape"]).copy()) * weight.get("unit", 1)
        assert torch.equal(values, state[key])


@every_model
def test_bias_by_distance(name: str) -> None:
    """The table holds every distance to max_distance exactly, and its last entry serves all beyond."""
    model, table = pretrained.load(name), torch.tensor(export(name)["bias"])
    distances = torch.arange(10 * model.config.max_distance)
    assert table.shape == (model.config.num_heads, model.config.max_distance + 1)
    assert torch.equal(model.bias(distances[None])[:, 0], table[:, distances.clamp(max=table.shape[1] - 1)])


@every_model
def test_what_comes_with_the_weights(name: str) -> None:
    exported, card = export(name), pretrained.card(name)
    assert exported["name"] == name
    assert exported["kind"] == card["model"]
    assert exported["config"] == card["config"]
    assert exported["vocabulary"] == list(make_task(card["task"]).vocabulary)
    assert exported["trained_length"] == card["recipe"]["length"]
    file = files("feedback_lite") / "pretrained" / f"{name}.safetensors"
    assert exported["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


@every_model
def test_it_is_small_and_json(name: str) -> None:
    text = json.dumps(export(name), allow_nan=False)
    assert json.loads(text) == export(name)
    assert len(text) < 16 / 3 * pretrained.card(name)["parameters"] + 20_000  # four bytes each, in base 64
    assert "</" not in text


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"name must be one of 'echo-with-offset', .*, got 'shell'"):
        export("shell")


def test_a_model_that_norms_its_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "load", lambda name: make_model(memory_norm=True))
    with refused(
        ValueError, "name must be a model that the page can run, which knows no memory_norm, got 's3-feedback'"
    ):
        export("s3-feedback")


def test_a_figure_carries_models_to_the_page() -> None:
    models = [export(name) for name in pretrained.names()]
    figure = Empty(models=models)
    assert figure.get_state()["models"] == models
    assert figure.sentence == f"{len(models)} models."
    with pytest.raises(traitlets.TraitError, match="models"):
        Empty(models=["shell-feedback"])


def test_the_runtime_is_one_script_and_small() -> None:
    script = join_script("live")
    assert "import " not in script
    assert [script.count(f"function {name}(") for name in ("softmax", "mixLayers", "readWeights", "run")] == [1] * 4
    assert len(script) < 16_000
    assert "FeedbackTransformer" not in join_script("layer_mixture")
