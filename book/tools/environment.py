"""Make `.venv` and install into it what the book, the tests or the lab need.

`make` runs this file with the system's Python: `python3 book/tools/environment.py book test`.
It uses the standard library alone. Its syntax stays old (annotations in quotes) so that an old
Python reads it and answers with a sentence instead of a syntax error.
"""

import argparse
import collections
import errno
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MINIMUM = (3, 11)
EXTRAS = ("book", "test", "lab", "audit")
# Chosen for the environment with the CPU build of torch, the smallest one.
BYTES_NEEDED = 2_500_000_000
SECONDS_BETWEEN_REPORTS = 10.0
LINES_SHOWN = 12

NETWORK_SIGNS = (
    "name resolution",
    "failed to establish a new connection",
    "max retries exceeded",
    "connection refused",
    "connection reset",
    "connection broken",
    "connecttimeout",
    "connection to",
    "read timed out",
    "network is unreachable",
    "cannot connect to proxy",
    "getaddrinfo failed",
    "nodename nor servname",
)
DISK_SIGNS = ("no space left on device", "disk quota exceeded", "not enough space")


class SetUpError(Exception):
    """One sentence for the user, and the last lines of the program that failed."""

    def __init__(self, sentence: str, output: "list[str] | None" = None) -> None:
        super().__init__(sentence)
        self.output = output or []


def require_python(version: "tuple[int, ...]", executable: str) -> None:
    """Refuse a Python that is too old."""
    if version[:2] < MINIMUM:
        have, need = (".".join(map(str, numbers)) for numbers in (version[:3], MINIMUM))
        raise SetUpError(
            f"Python {need} or newer is needed, but {executable} is Python {have}: "
            f"install a newer one, or name one, as in `make book PYTHON=/path/to/python{need}`."
        )


def require_venv() -> None:
    """Refuse a Python that cannot make a virtual environment (Debian ships that part separately)."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        version = ".".join(map(str, sys.version_info[:2]))
        raise SetUpError(
            f"{sys.executable} has no module {' and no module '.join(missing)}, so it cannot make a virtual "
            f"environment: on Debian or Ubuntu install python{version}-venv "
            f"(`apt-get install python3-venv`), elsewhere a complete Python {version}."
        )


def require_space(folder: Path) -> None:
    """Refuse to begin an installation that cannot fit."""
    free = shutil.disk_usage(folder).free
    if free < BYTES_NEEDED:
        raise SetUpError(
            f"The disk is too full: {folder} has {free / 1e9:.1f} GB free, "
            f"and the environment needs about {BYTES_NEEDED / 1e9:.1f} GB."
        )


def explain_failure(step: str, output: "list[str]") -> str:
    """Return the sentence that fits what a failing pip printed."""
    text = "\n".join(output).lower()
    if any(sign in text for sign in DISK_SIGNS):
        return (
            f"{step} failed because the disk is full: free about {BYTES_NEEDED / 1e9:.1f} GB "
            "(in the folder for temporary files too, which TMPDIR names) and run the same command again."
        )
    if any(sign in text for sign in NETWORK_SIGNS):
        return (
            f"{step} failed because the package index could not be reached: "
            "check the network, or pip's settings for a proxy or a mirror, and run the same command again."
        )
    return f"{step} failed; the last lines below say why. The same command may be run again."


def run_reporting(command: "list[str]", folder: Path, variables: "dict[str, str]") -> "tuple[int, list[str]]":
    """Run a command, say every few seconds what it is doing, and return its status and last lines."""
    lines: "collections.deque[str]" = collections.deque(maxlen=400)
    begin = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=str(folder),
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        reader = threading.Thread(target=collect_lines, args=(process, lines), daemon=True)
        reader.start()
        try:
            while True:
                reader.join(SECONDS_BETWEEN_REPORTS)
                if not reader.is_alive():
                    break
                doing = lines[-1].strip()[:90] if lines else "starting"
                print(f"  {time.monotonic() - begin:4.0f} s: {doing}", flush=True)
        except BaseException:
            process.terminate()
            raise
    return process.returncode, list(lines)


def collect_lines(process: "subprocess.Popen[str]", lines: "collections.deque[str]") -> None:
    """Keep the newest lines that a process prints, until it closes its output."""
    assert process.stdout is not None
    lines.extend(line.rstrip() for line in process.stdout if line.strip())


def run_step(step: str, usual: str, command: "list[str]", folder: Path, variables: "dict[str, str]") -> None:
    """Run one step of the set-up, announced; a failure becomes a sentence."""
    print(f"{step} ({usual}) ...", flush=True)
    status, output = run_reporting(command, folder, variables)
    if status:
        raise SetUpError(explain_failure(step, output), output[-LINES_SHOWN:])


def clean_variables() -> "dict[str, str]":
    """Return the caller's environment variables, without those that bend Python's search path."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def pip_variables() -> "dict[str, str]":
    """Return the variables with our constraints in pip's settings, for packages and for what builds packages.

    pip splits these values at spaces, so the file is named relative to the folder that pip runs in.
    """
    variables = clean_variables()
    for name in ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"):
        variables[name] = " ".join(filter(None, [variables.get(name, ""), "constraints.txt"]))
    variables["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    variables["PIP_NO_INPUT"] = "1"
    return variables


class Environment:
    """The virtual environment of one checkout, and the stamp that says what was installed into it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.stamp = self.folder / "set-up.json"

    def fingerprint(self) -> str:
        """Return what changes with the wanted packages and with the place of the checkout."""
        digest = hashlib.sha256(str(self.root).encode())
        for name in ("pyproject.toml", "constraints.txt"):
            digest.update((self.root / name).read_bytes())
        return digest.hexdigest()

    def installed(self) -> "set[str]":
        """Return the groups that a finished installation of this very fingerprint left here."""
        try:
            stamp = json.loads(self.stamp.read_text(encoding="utf-8"))
            return set(stamp["extras"]) if stamp["fingerprint"] == self.fingerprint() else set()
        except (OSError, ValueError, KeyError, TypeError):
            return set()

    def works(self) -> bool:
        """Return whether its Python starts, is new enough and has pip: an upgrade or an interruption breaks that."""
        check = f"import pip, sys; sys.exit(sys.version_info < {MINIMUM})"
        try:
            return not subprocess.call(
                [str(self.python), "-I", "-c", check],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return False

    def made_here(self) -> bool:
        """Return whether its scripts name this folder: a copied or moved one still names the old one."""
        try:
            script = (self.folder / "bin" / "activate").read_text(encoding="utf-8")
        except (OSError, ValueError):
            return False
        return str(self.folder) in script or shlex.quote(str(self.folder)) in script

    def create(self) -> None:
        """Make the environment anew; what a link leads to is somebody else's and stays."""
        if self.folder.is_symlink():
            raise SetUpError(
                f"{self.folder} is a link to {self.folder.resolve()}, an environment of another folder: "
                "remove the link and run the same command again."
            )
        require_venv()
        command = [sys.executable, "-m", "venv", "--clear", str(self.folder)]
        run_step("Making the environment .venv", "10 to 30 seconds", command, self.root, clean_variables())

    def install(self, extras: "set[str]") -> None:
        """Install the project, editable, with these groups; the stamp is written at the very end."""
        if self.stamp.exists():
            self.stamp.unlink()
        target = ".[{}]".format(",".join(sorted(extras)))
        command = [str(self.python), "-m", "pip", "install", "--progress-bar", "off", "--editable", target]
        step = f"Installing the packages for {' and '.join(sorted(extras))} into .venv"
        run_step(step, "2 to 10 minutes the first time", command, self.root, pip_variables())
        stamp = {"fingerprint": self.fingerprint(), "extras": sorted(extras)}
        self.stamp.write_text(json.dumps(stamp) + "\n", encoding="utf-8")

    def set_up(self, extras: "set[str]") -> None:
        """Bring the environment to a state that has these groups; do nothing when it has them."""
        usable = self.works() and self.made_here()
        present = self.installed() if usable else set()
        if extras <= present:
            return
        if not present:
            require_space(self.root)
        if not usable:
            self.create()
        self.install(extras | present)
        print("The environment .venv is ready.", flush=True)


def main(arguments: "list[str]") -> int:
    """Set up the groups that are named and return the exit status."""
    try:
        require_python(sys.version_info[:3], sys.executable)
        parser = argparse.ArgumentParser(prog="environment.py", description="Set up .venv for this project.")
        parser.add_argument("extras", nargs="+", choices=EXTRAS, help="what the environment is for")
        Environment(ROOT).set_up(set(parser.parse_args(arguments).extras))
    except SetUpError as error:
        for line in error.output:
            print(f"  | {line}", file=sys.stderr)
        print(f"Set-up: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"Set-up: {explain_failure('Writing to .venv', [os.strerror(errno.ENOSPC)])}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Set-up: interrupted; the same command takes it up again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
