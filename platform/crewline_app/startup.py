"""What a process makes sure of before it serves anybody."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory

from crewline_app import store
from crewline_app.wiring import administrator_url, open_database
from crewline_infra import catalogue
from crewline_infra.db import Database, driver_url
from crewline_infra.errors import Conflict, Unavailable
from crewline_infra.migrate import folder
from crewline_infra.settings import Settings


async def ensure_ready(settings: Settings) -> None:
    """Raises `Unavailable` when the schema is another version's or a wall between tenants has a hole."""
    async with administrator_url(settings) as url:
        connection = await asyncpg.connect(driver_url(url), timeout=10)
        try:
            if await store.installed_revision(connection) != newest_revision():
                raise Unavailable("The database is not at this version; run `crewline migrate`.")
            holes = await catalogue.violations(connection)
        finally:
            await connection.close()
    if holes:
        raise Unavailable(f"{len(holes)} walls between tenants have holes, so nothing is started: {holes[0]}")


@asynccontextmanager
async def ready_database(settings: Settings, login: str, *, pool_size: int) -> AsyncIterator[Database]:
    """Connections for a process that does not begin before `ensure_ready` has passed."""
    async with open_database(settings, login, pool_size=pool_size) as database:
        await ensure_ready(settings)
        yield database


def newest_revision() -> str | None:
    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    return ScriptDirectory.from_config(config).get_current_head()


def ensure_port_free(host: str, port: int, purpose: str, variable: str) -> None:
    """Raises `Conflict` with what to change."""
    if not port_is_free(host, port):
        raise Conflict(f"Port {port} is in use, and {purpose} needs one; stop what uses it or set {variable}.")


def port_is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
