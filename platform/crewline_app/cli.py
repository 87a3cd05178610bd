"""The `crewline` command: each command lies in a module of `crewline_app.commands`, loaded when it is asked for."""

import os
import sys
from importlib import import_module

import rich_click as click
from click import Abort, ClickException
from click.exceptions import Exit

from crewline_infra.errors import CrewlineError

BAD_INPUT = 2
INTERRUPTED = 130
COMMANDS = {
    "bill": "bill",
    "contract": "contract",
    "demo-crm": "demo_crm",
    "dispatcher": "dispatcher",
    "doctor": "doctor",
    "generate": "generate",
    "import": "imports",
    "migrate": "migrate",
    "people": "people",
    "rate": "rate",
    "report": "report",
    "serve": "serve",
    "simulate": "dispatcher",
    "statement": "statement",
    "tenant": "tenant",
    "up": "up",
    "verify": "verify",
    "worker": "worker",
}
"""Command name -> module. `crewline verify` must not wait for the web framework to load."""


class Commands(click.RichGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = import_module(f"crewline_app.commands.{module}").COMMANDS
        return next((command for command in found if command.name == cmd_name), None)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crewline", prog_name="crewline")
def crewline() -> None:
    """One crew, many lines: the platform of an outsourced contact centre."""


def main() -> None:
    """Exit codes: 0 done, 1 the answer is no (does not verify, unhealthy), 2 bad input: nothing was changed."""
    try:
        code = crewline.main(standalone_mode=False)
    except CrewlineError as problem:
        _stop(problem.message)
    except Exit as done:
        sys.exit(done.exit_code)
    except ClickException as problem:
        _stop(problem.format_message())
    except (Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _stop(sentence: str) -> None:
    sys.stderr.write(f"crewline: {sentence}\n")
    sys.exit(BAD_INPUT)
