"""Finding the compiler, the cache, and what is said where the loop cannot be compiled."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from feedback_lite.engine import native
from feedback_lite.engine.native import build

FAST = ("-std=c++17", "-fPIC", "-shared")  # without optimisation the source is compiled in a moment
needs_a_compiler = pytest.mark.skipif(native.unavailable() is not None, reason=str(native.unavailable()))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, a process that has tried nothing yet, and a small source in place of the loop."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(build, "FLAGS", FAST)
    source = tmp_path / "small.cpp"
    source.write_text('extern "C" int answer() { return 42; }\n')
    monkeypatch.setattr(build, "SOURCE", source)
    build.outcome.cache_clear()
    yield tmp_path / "caches" / "feedback-lite"
    build.outcome.cache_clear()


def compiler(folder: Path, script: str) -> Path:
    """A compiler that runs a few lines of shell."""
    path = folder / "compiler"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def said() -> str:
    """The sentence that stands where the loop cannot run; asking twice does not change it."""
    reason = native.unavailable()
    assert reason is not None
    assert reason == native.unavailable()
    assert reason.endswith(".")
    assert "\n" not in reason
    with pytest.raises(native.NativeUnavailable) as caught:
        build.library()
    assert str(caught.value) == reason
    return reason


@needs_a_compiler
def test_compiled_once(cache: Path) -> None:
    assert build.library().answer() == 42
    (compiled,) = cache.iterdir()
    before = compiled.stat().st_mtime_ns
    build.outcome.cache_clear()
    assert build.library().answer() == 42
    assert [path.stat().st_mtime_ns for path in cache.iterdir()] == [before]
    assert cache.stat().st_mode & 0o777 == 0o700


@needs_a_compiler
def test_another_source_or_other_flags_are_compiled_anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.library()
    build.SOURCE.write_text('extern "C" int answer() { return 43; }\n')
    build.outcome.cache_clear()
    assert build.library().answer() == 43
    monkeypatch.setattr(build, "FLAGS", (*FAST, "-O1"))
    build.outcome.cache_clear()
    build.library()
    assert len(list(cache.iterdir())) == 3


@needs_a_compiler
def test_a_damaged_file_is_made_anew(cache: Path) -> None:
    cache.mkdir(parents=True, mode=0o700)
    command = build.find_compiler()
    flags = (*FAST, build.processor_flag())
    (cache / f"recurrence-{build.key(command, flags)}.so").write_bytes(b"half a library")
    assert build.library().answer() == 42


def test_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert said() == "The compiled loop needs a C++ compiler; none of c++, g++, clang++ is there."


def test_a_named_compiler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler --flag")
    assert said() == "The compiled loop needs a C++ compiler; CXX names no-such-compiler, which is not there."


def test_a_compiler_that_fails(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = compiler(tmp_path, "echo ran >> ran; echo first >&2; echo 'error: out of order.' >&2; exit 1")
    monkeypatch.setenv("CXX", str(path))
    monkeypatch.chdir(tmp_path)
    assert said() == f"The compiler {path} failed with exit status 1: error: out of order."
    assert (tmp_path / "ran").read_text() == "ran\n", "asked once per process"
    assert not list(cache.iterdir())


def test_a_compiler_that_writes_garbage(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'while [ $# -gt 0 ]; do if [ "$1" = -o ]; then echo garbage > "$2"; fi; shift; done'
    monkeypatch.setenv("CXX", str(compiler(tmp_path, script)))
    assert "compiler made of the loop cannot be used: " in said()
    assert not list(cache.iterdir()), "nothing is left behind"


def test_a_compiler_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = compiler(tmp_path, "")
    path.write_bytes(b"\x7fELF not a program")
    monkeypatch.setenv("CXX", str(path))
    assert "did not run" in said()


@needs_a_compiler
def test_a_cache_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "caches").write_text("a file")
    assert (
        said() == f"The cache of the compiled loop, {tmp_path}/caches/feedback-lite, cannot be made: Not a directory."
    )


@needs_a_compiler
def test_a_cache_that_cannot_be_written(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir(parents=True, mode=0o700)
    access = os.access  # root, whom the tests may run as, may write anywhere
    monkeypatch.setattr(os, "access", lambda path, mode: path != cache and access(path, mode))
    assert said() == f"The cache of the compiled loop, {cache}, cannot be written."


@needs_a_compiler
def test_a_full_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build.tempfile, "mkstemp", full)
    assert said() == f"The cache of the compiled loop, {cache}, cannot be written: No space left on device."


@needs_a_compiler
@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_cache_that_others_can_write(cache: Path, mode: int) -> None:
    cache.mkdir(parents=True)
    cache.chmod(mode)
    assert said() == f"The cache of the compiled loop, {cache}, can be written by other users."


@needs_a_compiler
def test_a_file_that_others_can_write(cache: Path) -> None:
    build.library()
    (compiled,) = cache.iterdir()
    compiled.chmod(0o777)
    build.outcome.cache_clear()
    assert said() == f"The cache of the compiled loop, {compiled}, can be written by other users."


@needs_a_compiler
def test_a_cache_of_another_user(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    assert said() == f"The cache of the compiled loop, {cache}, belongs to another user."


def test_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert said() == "The compiled loop is not built on Windows."


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(sys, "platform", "linux")
    assert build.cache_folder() == tmp_path / ".cache/feedback-lite"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert build.cache_folder() == tmp_path / "Library/Caches/feedback-lite"


@needs_a_compiler
def test_two_processes_at_once(cache: Path) -> None:
    """Both find an empty cache, both compile, both can use the result, and one file is left."""
    program = f"""
import pathlib
from feedback_lite.engine.native import build
build.SOURCE, build.FLAGS = pathlib.Path({str(build.SOURCE)!r}), {FAST!r}
assert not list(build.cache_folder().iterdir())
print("ready", flush=True)
input()
assert build.library().answer() == 42
"""
    root = Path(build.__file__).parents[2]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert len(list(cache.iterdir())) == 1
