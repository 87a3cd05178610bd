"""Numbered set-up steps with their time, and the commands behind them (standard library only)."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
BOOT = ROOT / ".boot"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
TAIL_LINES = 15


class SetupError(Exception):
    """A sentence for the person at the terminal."""


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run_steps(steps: Sequence[tuple[str, Callable[[], str]]]) -> None:
    """Run each step in turn; a step returns what it did in a few words."""
    for number, (title, step) in enumerate(steps, 1):
        sys.stdout.write(f"[{number}/{len(steps)}] {title} … ")
        sys.stdout.flush()
        begun = time.monotonic()
        outcome = step()
        say(f"{outcome} ({time.monotonic() - begun:.1f} s)")


def call(command: Sequence[str | Path], *, env: dict[str, str] | None = None, cwd: Path = ROOT) -> None:
    """Run a command quietly; what it printed is shown only when it fails."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if result.returncode != 0:
        tail = result.stdout.decode(errors="replace").strip().splitlines()[-TAIL_LINES:]
        raise SetupError(f"{Path(str(command[0])).name} failed:\n  " + "\n  ".join(tail))


def fingerprint(*paths: Path, extra: str = "") -> str:
    digest = hashlib.sha256(extra.encode())
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def stamped(name: str, value: str) -> bool:
    path = VENV / f"stamp-{name}"
    return path.exists() and path.read_text(encoding="ascii") == value


def stamp(name: str, value: str) -> None:
    (VENV / f"stamp-{name}").write_text(value, encoding="ascii")
