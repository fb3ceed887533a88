"""Compile the loop on this machine at first use, keep it in the user's cache, and load it.

The key of a compiled file is made of the source, the compiler, the flags and what the compiler says of the processor.
So a changed source, a new compiler or a home folder that several machines share never meet an old file.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

SOURCE = Path(__file__).with_name("recurrence.cpp")
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fPIC", "-shared")
COMPILERS = ("c++", "g++", "clang++")
SECONDS = 600
CACHE = "The cache of the compiled loop"


class NativeUnavailable(RuntimeError):
    """The compiled loop cannot run here; the message is one sentence that says why."""


def library() -> ctypes.CDLL:
    """Return the compiled loop; the first call of a process finds or compiles it, and later ones repeat the outcome.

    Raises:
        NativeUnavailable: there is no compiler, it does not work, or the cache cannot be used.
    """
    found = outcome()
    if isinstance(found, str):
        raise NativeUnavailable(found)
    return found


@lru_cache(maxsize=1)
def outcome() -> ctypes.CDLL | str:
    """Return the compiled loop, or the sentence that says why there is none."""
    try:
        return compiled()
    except NativeUnavailable as error:
        return str(error)


def compiled() -> ctypes.CDLL:
    """Return the compiled loop from the cache, compiling it where the cache does not hold it."""
    if sys.platform == "win32":
        raise NativeUnavailable("The compiled loop is not built on Windows.")
    compiler = find_compiler()
    flags = (*FLAGS, processor_flag())
    target = cache_folder() / f"recurrence-{key(compiler, flags)}.so"
    if target.exists():
        check_private(target)
        try:
            return ctypes.CDLL(str(target))
        except OSError:  # damaged: made anew
            pass
    return make(compiler, flags, target)


def find_compiler() -> tuple[str, ...]:
    """Return the command of the C++ compiler: CXX where it is set, else the first of the usual names."""
    wanted = tuple(shlex.split(os.environ.get("CXX", "")))
    for name in wanted[:1] or COMPILERS:
        if path := shutil.which(name):
            return (path, *wanted[1:])
    if wanted:
        raise NativeUnavailable(f"The compiled loop needs a C++ compiler; CXX names {wanted[0]}, which is not there.")
    raise NativeUnavailable(f"The compiled loop needs a C++ compiler; none of {', '.join(COMPILERS)} is there.")


def processor_flag() -> str:
    """Return the flag that lets the compiler use all that this processor can do."""
    return "-mcpu=native" if platform.machine().lower() in ("arm64", "aarch64") else "-march=native"


def key(compiler: tuple[str, ...], flags: tuple[str, ...]) -> str:
    """Return a name for what this source, compiler and processor give; the compiler's macros tell the last two."""
    macros = run((*compiler, *flags, "-dM", "-E", "-x", "c++", os.devnull))
    parts = (SOURCE.read_bytes(), repr((compiler, flags, platform.machine())).encode(), macros)
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:24]


def cache_folder() -> Path:
    """Return the folder of compiled files, made where it is missing, usable by this user alone.

    Raises:
        NativeUnavailable: it cannot be made or written, or others could write what would be run from it.
    """
    usual = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    folder = Path(os.environ.get("XDG_CACHE_HOME") or usual) / "feedback-lite"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NativeUnavailable(f"{CACHE}, {folder}, cannot be made: {error.strerror}.") from None
    check_private(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NativeUnavailable(f"{CACHE}, {folder}, cannot be written.")
    return folder


def check_private(path: Path) -> None:
    """Raise unless a file or folder belongs to this user and nobody else can write it."""
    status = path.stat()
    if status.st_uid != os.getuid():
        raise NativeUnavailable(f"{CACHE}, {path}, belongs to another user.")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NativeUnavailable(f"{CACHE}, {path}, can be written by other users.")


def make(compiler: tuple[str, ...], flags: tuple[str, ...], target: Path) -> ctypes.CDLL:
    """Compile the source and load the result, which comes to its place whole and only if it can be loaded."""
    try:
        handle, name = tempfile.mkstemp(prefix=f"{target.stem}-", suffix=".part", dir=target.parent)
    except OSError as error:
        folder = target.parent
        raise NativeUnavailable(f"{CACHE}, {folder}, cannot be written: {error.strerror}.") from None
    os.close(handle)
    part = Path(name)
    try:
        run((*compiler, *flags, "-o", name, str(SOURCE)))
        part.chmod(0o700)
        loaded = ctypes.CDLL(name)
        part.replace(target)
        return loaded
    except OSError as error:
        raise NativeUnavailable(
            f"What {compiler[0]} made of the loop cannot be used: {one_line(str(error))}."
        ) from None
    finally:
        part.unlink(missing_ok=True)


def run(command: tuple[str, ...]) -> bytes:
    """Run the compiler and return what it printed."""
    try:
        result = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NativeUnavailable(f"The compiler {command[0]} did not run: {one_line(str(error))}.") from None
    if result.returncode != 0:
        said = one_line(result.stderr.decode(errors="replace")) or "it said nothing"
        raise NativeUnavailable(f"The compiler {command[0]} failed with exit status {result.returncode}: {said}.")
    return result.stdout


def one_line(text: str) -> str:
    """Return the first line of a text without its full stop; of a compiler's messages, the first error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line), lines[0] if lines else "").rstrip(".")
