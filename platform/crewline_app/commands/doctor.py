"""crewline doctor: is this installation well, and what mends it."""

import asyncio
import sys
from dataclasses import asdict

import rich_click as click

from crewline_app.commands.output import emit, format_option
from crewline_app.doctor import examine
from crewline_infra.clock import SystemClock
from crewline_infra.settings import load_settings

UNHEALTHY = 1


@click.command()
@format_option
def doctor(output_format: str) -> None:
    """Check this installation; each line says what mends it. Exit code 1 when a check fails."""
    found = asyncio.run(examine(load_settings(), SystemClock()))
    emit([asdict(finding) for finding in found], ["check", "status", "detail", "fix"], output_format)
    if any(finding.status == "fail" for finding in found):
        sys.exit(UNHEALTHY)


COMMANDS = [doctor]
