"""crewline up: everything on one machine."""

import asyncio
import os

import rich_click as click

from crewline_app.up import up as run
from crewline_app.up_lock import only_one_here
from crewline_infra.settings import load_settings


@click.command()
@click.option("--host", help="The address to listen on (CREWLINE_HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="The port of the pages (CREWLINE_PORT).")
@click.option("--no-demo", is_flag=True, help="No demonstration data, no simulated customers, no demonstration CRM.")
def up(host: str | None, port: int | None, no_demo: bool) -> None:
    """Start the database, the web, the worker and the dispatcher; Ctrl-C stops all of them."""
    given = {"CREWLINE_HOST": host, "CREWLINE_PORT": port}
    os.environ |= {name: str(value) for name, value in given.items() if value is not None}
    settings = load_settings()
    with only_one_here(settings):
        asyncio.run(run(settings, demo=not no_demo))


COMMANDS = [up]
