"""crewline serve: the web process."""

import asyncio
import os

import rich_click as click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from crewline_app.processes import begin
from crewline_app.startup import ensure_port_free, ensure_ready

STOP_TIMEOUT_S = 4


@click.command()
@click.option("--host", help="The address to listen on (CREWLINE_HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on (CREWLINE_PORT).")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes to answer with (CREWLINE_WEB_WORKERS).")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve pages and API. Refuses to start while a wall between tenants has a hole."""
    given = {"CREWLINE_HOST": host, "CREWLINE_PORT": port, "CREWLINE_WEB_WORKERS": workers}
    # Worker processes read their settings from the environment: what was typed has to be there.
    os.environ |= {name: str(value) for name, value in given.items() if value is not None}
    settings = begin()
    ensure_port_free(settings.host, settings.port, "the web process", "CREWLINE_PORT")
    asyncio.run(ensure_ready(settings))
    Granian(
        "crewline_app.asgi:app_factory",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.web_workers,
        factory=True,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_TIMEOUT_S,
        log_level=LogLevels.warning,
    ).serve()


COMMANDS = [serve]
