"""The `crewline` command: every module of `crewline_app.commands` adds its own."""

import os
import pkgutil
import sys
from importlib import import_module

import rich_click as click

from crewline_app import commands
from crewline_infra.errors import CrewlineError

BAD_INPUT = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crewline", prog_name="crewline")
def crewline() -> None:
    """One crew, many lines: the platform of an outsourced contact centre."""


def _register() -> None:
    for module in pkgutil.iter_modules(commands.__path__, commands.__name__ + "."):
        for command in getattr(import_module(module.name), "COMMANDS", ()):
            crewline.add_command(command)


def main() -> None:
    """Exit codes: 0 done, 1 the answer is no (does not verify, unhealthy), 2 bad input: nothing was changed."""
    _register()
    try:
        crewline.main(standalone_mode=False)
    except CrewlineError as problem:
        _stop(problem.message)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as problem:
        _stop(problem.format_message())
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop(sentence: str) -> None:
    sys.stderr.write(f"crewline: {sentence}\n")
    sys.exit(BAD_INPUT)
