"""What a process makes sure of before it serves anybody."""

import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory

from crewline_app import store
from crewline_app.wiring import administrator_url, ensure_installed, open_database
from crewline_infra import catalogue
from crewline_infra.db import Database, driver_url
from crewline_infra.errors import Conflict, Invalid, Unavailable
from crewline_infra.migrate import folder
from crewline_infra.settings import Settings


async def ensure_ready(settings: Settings) -> None:
    """Raises `Unavailable` when the schema is another version's or a wall between tenants has a hole."""
    ensure_installed(settings)
    async with administrator_url(settings) as url:
        connection = await _administrator(url)
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


async def _administrator(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(driver_url(url), timeout=10)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as problem:
        reason = (str(problem) or type(problem).__name__).rstrip(".")
        raise Unavailable(f"The database cannot be reached: {reason}.") from problem


def newest_revision() -> str | None:
    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    return ScriptDirectory.from_config(config).get_current_head()


def ensure_port_free(host: str, port: int, purpose: str, variable: str) -> None:
    """Raises `Conflict` for a busy port, `Invalid` for an address that this machine cannot listen on."""
    problem = port_problem(host, port)
    if problem is None:
        return
    if problem.errno == errno.EADDRINUSE:
        raise Conflict(f"Port {port} is in use, and {purpose} needs one; stop what uses it or set {variable}.")
    if problem.errno == errno.EACCES:
        raise Invalid(f"Port {port} is not open to this user, and {purpose} needs one; set {variable} above 1023.")
    reason = problem.strerror or type(problem).__name__
    raise Invalid(f"{purpose} cannot listen on {host!r}: {reason}; set CREWLINE_HOST.".replace("the", "The", 1))


def port_problem(host: str, port: int) -> OSError | None:
    """What stands in the way of listening there; None when nothing does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            return problem
    return None
