"""The command line: every command is reachable, loads only what it needs, and says what is wrong in one sentence."""

import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from crewline_app import cli, commands

CREWLINE = str(Path(sys.executable).with_name("crewline"))


def test_the_table_names_every_command_and_no_other() -> None:
    modules = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    found = {
        command.name: module
        for module in modules
        for command in getattr(import_module(f"crewline_app.commands.{module}"), "COMMANDS", ())
    }
    assert found == cli.COMMANDS


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = subprocess.run([CREWLINE, name, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_verify_loads_no_database_and_no_web_framework() -> None:
    script = (
        "import sys, crewline_app.commands.verify; "
        "print(sorted({'sqlalchemy', 'asyncpg', 'litestar', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["bogus"], "No such command 'bogus'."),
        (["verify", "/nowhere"], "The file /nowhere cannot be read: No such file or directory."),
        (["rate", "/nowhere"], "/nowhere cannot be read: No such file or directory."),
        (["report", "service-level"], "Missing option '--tenant'."),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: list[str], sentence: str) -> None:
    done = subprocess.run([CREWLINE, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"crewline: {sentence}\n")
