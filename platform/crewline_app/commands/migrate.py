"""crewline migrate: bring the database to this version."""

import asyncio
import sys

import rich_click as click

from crewline_app.wiring import migrate_database
from crewline_infra.settings import load_settings


@click.command()
def migrate() -> None:
    """Bring the database to this version (safe to repeat)."""
    asyncio.run(migrate_database(load_settings()))
    sys.stdout.write("The database is at this version.\n")


COMMANDS = [migrate]
