"""The benchmark measures what it says, on sizes that take no time."""

import pytest
import torch

from tests.benchmarks import training_step as bench


def test_the_feedback_models_are_the_same_function():
    models = bench.make_models(length=7)
    tokens = torch.randint(bench.VOCABULARY, (2, 7))
    torch.testing.assert_close(models["feedback_lite"](tokens).logits, models["original"](tokens), rtol=1e-4, atol=1e-4)


def test_a_step_gives_every_weight_a_gradient():
    model = bench.make_models(length=5)["feedback_lite"]
    assert bench.training_step(model, torch.randint(bench.VOCABULARY, (2, 5))) > 0
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_table_compares_with_the_first():
    lines = bench.report(64, {"original": 0.2, "other": 0.1})
    assert [line.split() for line in lines] == [
        ["64", "original", "200.0", "ms", "1.00"],
        ["64", "other", "100.0", "ms", "2.00"],
    ]


def test_the_command_prints_a_line_per_model(capsys):
    assert bench.main(["--lengths", "3", "--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(" ms " in line for line in lines[1:])


def test_a_length_of_one_is_refused(capsys):
    with pytest.raises(SystemExit):
        bench.main(["--lengths", "1"])
    assert "--lengths must be at least 2" in capsys.readouterr().err
