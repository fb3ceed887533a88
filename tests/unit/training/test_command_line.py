"""The command line of training: what it writes, repeats and takes up again, and its errors in one sentence."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import feedback_lite
from feedback_lite import CausalTransformer, engine, tasks
from feedback_lite.training import Recipe, Stage, evaluation, from_card, loop, programs
from feedback_lite.training import __main__ as command_line
from feedback_lite.training.__main__ import check_writable, main

# Trainings, which shape checks slow down; what is trained is checked with the model's own tests.
pytestmark = pytest.mark.usefixtures("unchecked_module")

QUICK = ("--length", "3", "--batch-size", "2")
ROOT = Path(feedback_lite.__file__).parents[1]


def card_of(path: Path) -> dict[str, Any]:
    """Return a card without the seconds, which alone differ between runs."""
    card = json.loads(path.with_suffix(".json").read_bytes())
    assert card.pop("cpu_seconds") >= 0
    return card


def assert_same_results(one: Path, other: Path) -> None:
    assert card_of(one) == card_of(other)
    assert one.with_suffix(".safetensors").read_bytes() == other.with_suffix(".safetensors").read_bytes()


def test_it_trains_writes_and_repeats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, again = tmp_path / "mine", tmp_path / "again"
    assert main(["train", "shell-game", "--model", "ordinary", "--steps", "3", *QUICK, "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "accuracy_by_length" in printed.out
    assert "training on shell-game: 100%" in printed.err  # the progress bar
    assert main(["repeat", f"{out}.json", "--out", str(again)]) == 0
    assert f"the weights are those of {out}.json" in capsys.readouterr().out
    assert_same_results(out, again)
    model = CausalTransformer(from_card(card_of(out))[2])
    model.load_state_dict(safetensors.torch.load_file(tmp_path / "mine.safetensors"))
    names = {f"{name}.{suffix}" for name in ("mine", "again") for suffix in ("json", "safetensors")}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_repeat_tells_where_the_weights_are_not_those_of_the_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    main(["train", "parity", "--model", "recurrent", "--steps", "2", *QUICK, "--out", str(out)])
    (tmp_path / "mine.json").write_text(json.dumps({**card_of(out), "sha256": "another machine's"}))
    assert main(["repeat", f"{out}.json", "--out", str(tmp_path / "again")]) == 0
    assert f"the weights are not bit for bit those of {out}.json" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["plain", "torch"])
def test_repeat_takes_the_engine_of_the_card(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, again = tmp_path / "mine", tmp_path / "again"
    with engine.use(name):
        main(["train", "parity", "--steps", "3", *QUICK, "--out", str(out)])
    assert card_of(out)["engine"] == name
    assert main(["repeat", f"{out}.json", "--out", str(again)]) == 0
    assert f"the weights are those of {out}.json" in capsys.readouterr().out
    assert card_of(again)["engine"] == name


def test_a_card_without_an_engine_is_from_the_time_of_the_plain_loop(tmp_path: Path) -> None:
    out, again = tmp_path / "mine", tmp_path / "again"
    main(["train", "parity", "--steps", "2", *QUICK, "--out", str(out)])
    card = card_of(out)
    assert card.pop("engine") == "torch"
    out.with_suffix(".json").write_text(json.dumps(card))
    main(["repeat", f"{out}.json", "--out", str(again)])
    assert card_of(again)["engine"] == "plain"


def test_an_engine_that_cannot_run_here_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mine"
    main(["train", "parity", "--model", "ordinary", "--steps", "2", *QUICK, "--out", str(out)])
    out.with_suffix(".json").write_text(json.dumps({**card_of(out), "engine": "torch"}))
    assert main(["repeat", f"{out}.json", "--out", str(tmp_path / "again")]) == 1
    assert "engine 'torch' cannot run this: an ordinary transformer has no recurrence" in capsys.readouterr().err


def test_the_options_reach_the_card(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    options = ("--memory-size", "5", "--learning-rate", "0.01", "--seed", "4")
    assert main(["train", "parity", "--steps", "2", *QUICK, *options, "--out", str(out)]) == 0
    card = card_of(out)
    assert (card["task"], card["model"], card["config"]["memory_size"]) == ("parity", "feedback", 5)
    expected = {"steps": 2, "batch_size": 2, "length": 3, "learning_rate": 0.01, "seed": 4}
    assert {name: card["recipe"][name] for name in expected} == expected
    assert set(card["accuracy_by_length"]) == {"3", "6", "12"}


def test_a_staged_training_has_the_models_and_the_stages_of_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = (
        Stage(steps=2, batch_size=3, length=20, task={"answers": "every"}),
        Stage(steps=1, batch_size=2, length=40),
    )
    monkeypatch.setattr(programs, "stages", lambda: short)
    for kind, expected in (("feedback", programs.USUAL.config), ("ordinary", programs.of_kind("ordinary").config)):
        out = tmp_path / kind
        options = ("--model", kind, "--seed", "4", "--learning-rate", "0.01")
        assert main(["train", "printed-program", "--staged", *options, "--out", str(out)]) == 0
        recipe = Recipe.of_stages(short, learning_rate=0.01, seed=4)
        assert from_card(card_of(out))[2:] == (expected, recipe)
        assert set(card_of(out)["accuracy_by_length"]) == {"20", "40"}


class Case:
    """Trainings of one kind, whole and stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.whole, self.stopped = folder / "whole", folder / "my model"
        self.arguments = ("train", "parity", "--model", "recurrent", "--steps", "7", *QUICK)
        self.checkpoint = folder / "my model.checkpoint"

    def train(self, out: Path, *options: str) -> int:
        return main([*self.arguments, *options, "--out", str(out)])

    def assert_resumes(self) -> None:
        """Go on, and find what a training without a stop gives, and no checkpoint any more."""
        assert main(["resume", str(self.checkpoint)]) == 0
        assert self.train(self.whole) == 0
        assert_same_results(self.stopped, self.whole)
        assert not self.checkpoint.exists()


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def in_call(number: int, function: Callable[..., Any], action: Callable[[], None]) -> Callable[..., Any]:
    """Return a function that also acts when it is called for this time."""
    calls = 0

    def acting(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            action()
        return function(*arguments, **options)

    return acting


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests run in the background of a shell, which then has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_control_c() -> None:
    signal.raise_signal(signal.SIGINT)


def in_draw(number: int, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen when examples are drawn for the n-th time, for training or for evaluation."""
    draw = in_call(number, tasks.draw, act)
    for module in (loop, evaluation):
        monkeypatch.setattr(module, "draw", draw)


def test_control_c_within_an_update_stops_after_it(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    in_draw(3, press_control_c, monkeypatch)
    assert case.train(case.stopped) == 130
    monkeypatch.undo()
    sentence = "stopped after 3 of 7 updates; go on with: python -m feedback_lite.training resume "
    assert f"{sentence}'{case.checkpoint}'" in capsys.readouterr().err
    assert list(case.folder.iterdir()) == [case.checkpoint]
    assert signal.getsignal(signal.SIGINT) is handler
    case.assert_resumes()


@pytest.mark.parametrize("number", [7, 8])  # in the last update, and while accuracy is measured
def test_control_c_at_the_end_loses_nothing(
    number: int, case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_draw(number, press_control_c, monkeypatch)
    assert case.train(case.stopped) == 130
    monkeypatch.undo()
    assert "stopped after 7 of 7 updates; go on with:" in capsys.readouterr().err
    case.assert_resumes()


def test_a_training_can_be_stopped_again_and_again(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in ([*case.arguments, "--out", str(case.stopped)], *[["resume", str(case.checkpoint)]] * 2):
        in_draw(2, press_control_c, monkeypatch)
        assert main(arguments) == 130
        monkeypatch.undo()
    assert len(torch.load(case.checkpoint, weights_only=True)["training"]["losses"]) == 6
    case.assert_resumes()


def test_control_c_before_the_first_update_leaves_nothing(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "make_model", in_call(1, command_line.make_model, press_control_c))
    assert case.train(case.stopped) == 130
    assert "stopped before the first update; nothing was written" in capsys.readouterr().err
    assert list(case.folder.iterdir()) == []


class PowerCut(BaseException):
    """Nothing in the package catches it."""


def test_a_checkpoint_now_and_then_outlives_a_power_cut(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut() -> None:
        raise PowerCut

    in_draw(6, cut, monkeypatch)
    with pytest.raises(PowerCut):
        case.train(case.stopped, "--checkpoint-every", "2")
    monkeypatch.undo()
    assert len(torch.load(case.checkpoint, weights_only=True)["training"]["losses"]) == 4
    case.assert_resumes()


def test_a_checkpoint_now_and_then_is_gone_at_the_end(case: Case) -> None:
    assert case.train(case.stopped, "--checkpoint-every", "2") == 0
    assert {path.name for path in case.folder.iterdir()} == {"my model.json", "my model.safetensors"}


def test_a_stopped_training_is_not_overwritten(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.checkpoint.write_bytes(b"of another training")
    assert case.train(case.stopped) == 1
    assert "holds a training that was stopped: go on with `resume" in capsys.readouterr().err
    assert case.checkpoint.read_bytes() == b"of another training"


def test_a_loss_that_is_not_finite_leaves_no_file(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert case.train(case.stopped, "--learning-rate", "1e38") == 1
    sentence = r"error: the (loss|gradient) became (inf|nan) in update \d of 7: try a smaller learning_rate than 1e\+38"
    assert re.search(sentence, capsys.readouterr().err)
    assert list(case.folder.iterdir()) == []


def test_a_checkpoint_that_does_not_fit_together_is_told(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_draw(2, press_control_c, monkeypatch)
    case.train(case.stopped)
    monkeypatch.undo()
    kept = torch.load(case.checkpoint, weights_only=True)
    del kept["training"]["model"]["to_logits.bias"]
    for broken in (kept, {**kept, "model": "unknown"}, {**kept, "training": {}}, {"format": kept["format"]}):
        torch.save(broken, case.checkpoint)
        capsys.readouterr()
        assert main(["resume", str(case.checkpoint)]) == 1
        assert f"error: {case.checkpoint} is a broken checkpoint" in capsys.readouterr().err
        assert list(case.folder.iterdir()) == [case.checkpoint]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "shell-game", "--out", "{}/no/such/model"], "--out must lie in an existing folder"),
        (["train", "shell-game", "--steps", "-1", "--out", "{}/m"], "steps must be at least 1, got -1"),
        (["train", "shell-game", "--checkpoint-every", "0", "--out", "{}/m"], "--checkpoint-every must be at least 1"),
        (["train", "shell-game", "--device", "tpu", "--out", "{}/m"], "device must be 'cpu', 'cuda', a numbered one"),
        (["train", "echo", "--length", "4", "--out", "{}/m"], "no position of 64 sequences of echo has an answer"),
        (
            ["train", "shell-game", "--model", "ordinary", "--memory-size", "3", "--out", "{}/m"],
            "--memory-size belongs to the model 'feedback': the model 'ordinary' has no memory",
        ),
        (["train", "echo", "--staged", "--out", "{}/m"], "--staged belongs to the task 'printed-program': 'echo' has"),
        (
            ["train", "printed-program", "--staged", "--batch-size", "3", "--out", "{}/m"],
            "--batch-size is set by the stages: leave it out, or leave out --staged",
        ),
        (["repeat", "{}/none.json", "--out", "{}/m"], "No such file"),
        (["resume", "{}/none.checkpoint"], "No such file"),
        (["resume", "{}/none"], "the name of a checkpoint ends in .checkpoint, got"),
    ],
)
def test_errors_end_with_a_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([argument.format(tmp_path) for argument in arguments]) == 1
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", "\xff", '{"model": "feedback", "task": "parity"}'])
def test_a_file_that_is_no_card_is_told(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(text.encode("latin-1"))
    assert main(["repeat", str(path), "--out", str(tmp_path / "again")]) == 1
    assert f"error: {path} is not the card of a model" in capsys.readouterr().err


def test_a_process_that_gets_control_c_stops_and_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    arguments = ("train", "parity", "--model", "recurrent", "--steps", "250", *QUICK)
    process = subprocess.Popen(
        [sys.executable, "-m", "feedback_lite.training", *arguments, "--out", str(stopped)],
        stderr=subprocess.PIPE,
        # A bar drawn in every update fills a small pipe, and then waits for this test: so the process cannot run ahead.
        pipesize=4096,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TQDM_MININTERVAL": "0"},
    )
    assert process.stderr is not None
    seen = ""
    while not re.search(r" [1-9]\d*/250 ", seen):  # the bar shows that updates are done
        read = process.stderr.read1().decode()
        assert read, seen
        seen += read
    process.send_signal(signal.SIGINT)
    seen += process.communicate(timeout=300)[1].decode()
    assert process.returncode == 130, seen
    told = re.search(r"stopped after (\d+) of 250 updates; go on with: python -m feedback_lite.training (.*)\n", seen)
    assert told is not None, seen
    assert 0 < int(told[1]) < 250
    assert main(told[2].split()) == 0
    assert main([*arguments, "--out", str(whole)]) == 0
    assert_same_results(stopped, whole)


STUDIES_IN_SHORT = [("compare", "shell-game"), ("ablate", "segments")]


@pytest.mark.parametrize(("command", "subject"), STUDIES_IN_SHORT)
def test_a_study_writes_its_record_and_drops_its_notes(
    command: str, subject: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_record(subject: object, *, out: Path, jobs: int) -> dict[str, Any]:
        out.with_suffix(".notes").touch()
        return {"subject": getattr(subject, "task", subject), "jobs": jobs}

    monkeypatch.setattr(command_line, command, make_record)
    assert main([command, subject, "--jobs", "2", "--out", str(tmp_path / "record.json")]) == 0
    assert json.loads((tmp_path / "record.json").read_text()) == {"subject": subject, "jobs": 2}
    assert list(tmp_path.iterdir()) == [tmp_path / "record.json"]


@pytest.mark.parametrize(("command", "subject"), STUDIES_IN_SHORT)
def test_a_study_that_is_stopped_keeps_its_notes(
    command: str, subject: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make_record(_: object, *, out: Path, **__: object) -> None:
        out.with_suffix(".notes").touch()
        press_control_c()

    monkeypatch.setattr(command_line, command, make_record)
    assert main([command, subject, "--out", str(tmp_path / "record.json")]) == 130
    assert f"stopped; the same command goes on with what {tmp_path / 'record.notes'} holds" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "record.notes"]


def test_the_bench_of_the_relatives_is_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_line, "family", lambda bench, *, out: {"tasks": list(bench.steps), "out": out.name})
    assert main(["family", "--out", str(tmp_path / "family.json")]) == 0
    record = json.loads((tmp_path / "family.json").read_text())
    assert record == {"tasks": list(command_line.FAMILY.steps), "out": "family.json"}


def test_a_record_is_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "shell-game", "--out", str(tmp_path / "record")]) == 1
    assert "--out must end in .json" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_writable(tmp_path / "model.json")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="--out must lie in an existing folder, got"):
        check_writable(tmp_path / "none" / "model.json")
    (tmp_path / "model.json").mkdir()
    with pytest.raises(OSError, match=r"--out must leave the names of its files free, but .*model\.json is a folder"):
        check_writable(tmp_path / "model.json")

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    # Root, as whom tests may run, may write anywhere.
    monkeypatch.setattr(command_line.tempfile, "TemporaryFile", refuse)
    with pytest.raises(OSError, match=r"--out must lie in a folder that can be written to: .*Permission denied"):
        check_writable(tmp_path / "other.json")
