"""./dev: set up, run, test and measure (standard library only; everything else it installs itself)."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import system
from environment import PYTHON, dependencies, virtual_environment
from steps import BIN, ROOT, SetupError, call, run_steps, say

USAGE = """./dev COMMAND

  up     [ARGS]   set up what is missing and run the platform (ARGS go to `crewline up`)
  test   [ARGS]   set up what is missing and run the whole test suite (ARGS go to pytest: only those tests run)
  setup           set up only: environment, locked dependencies, web files, texts
  lint            formatting, lint, types, import directions
  bench  [NAMES]  the measurements, each beside its ceiling (--smoke for a hundredth of the size)
"""
# The database's own tests, run a second time on PostgreSQL 15; pages and browsers do not depend on the version.
BROWSER_TESTS = "tests/e2e"
ON_SECOND_SERVER = ["tests/infra", "tests/tenants", "tests/billing", "tests/reporting", "tests/platform/floor"]


def main(arguments: Sequence[str]) -> int:
    commands: dict[str, Callable[[list[str]], int]] = {
        "up": up,
        "test": test,
        "setup": setup,
        "lint": lint,
        "bench": bench,
    }
    command = commands.get(arguments[0]) if arguments else None
    if command is None:
        sys.stderr.write(USAGE)
        return 0 if arguments and arguments[0] in ("-h", "--help", "help") else 2
    try:
        return command(list(arguments[1:]))
    except SetupError as problem:
        sys.stderr.write(f"\ndev: {problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def setup(_arguments: list[str], level: str = "run") -> int:
    run_steps(
        [
            ("Virtual environment", virtual_environment),
            ("Locked dependencies", lambda: dependencies(level)),
            ("Web files", lambda: _script("web.py")),
            ("Texts in three languages", lambda: _script("i18n.py", "compile")),
        ]
    )
    return 0


def up(arguments: list[str]) -> int:
    setup([])
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(BIN / "crewline", [str(BIN / "crewline"), "up", *arguments])  # noqa: S606 - our own program


def lint(_arguments: list[str]) -> int:
    setup([], "dev")
    return _first_failure(_LINTS)


def test(arguments: list[str]) -> int:
    setup([], "dev")
    run_steps([("Chromium", system.browser), ("PostgreSQL 15 for the database tests", system.second_server)])
    if arguments:
        return _run([PYTHON, "-m", "pytest", *arguments])
    failed = _first_failure([*_LINTS, [*_IN_PARALLEL, f"--ignore={BROWSER_TESTS}"], [*_PYTEST, BROWSER_TESTS]])
    if failed or not system.SERVER_BINARIES.exists():
        return failed
    say("\nOnce more on PostgreSQL 15:")
    with system.running_second_server() as url:
        os.environ["CREWLINE_TEST_DATABASE_URL"] = url
        # One after another: a transaction open in any database of a server holds back the event feed of all of them.
        return _run([*_PYTEST, *ON_SECOND_SERVER])


def bench(arguments: list[str]) -> int:
    setup([], "dev")
    return _run([PYTHON, "-m", "tests.bench", *arguments])


_PYTEST: list[str | Path] = [PYTHON, "-m", "pytest", "-q"]
_IN_PARALLEL = [*_PYTEST, "-n", "2", "--dist", "loadfile"]
_LINTS: list[list[str | Path]] = [
    [BIN / "ruff", "format", "--check", "--quiet", "."],
    [BIN / "ruff", "check", "--quiet", "."],
    [BIN / "lint-imports", "--no-logo"],
    [BIN / "mypy"],
]


def _first_failure(commands: Sequence[Sequence[str | Path]]) -> int:
    for command in commands:
        code = _run(command)
        if code:
            return code
    return 0


def _run(command: Sequence[str | Path]) -> int:
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode


def _script(name: str, *arguments: str) -> str:
    call([PYTHON, ROOT / "infra" / "setup" / name, *arguments])
    return "ready"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
