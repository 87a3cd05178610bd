"""The composition root: settings become a database, a clock and the secrets of this installation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from crewline_infra.db import Database
from crewline_infra.embedded import EmbeddedServer
from crewline_infra.errors import Unavailable
from crewline_infra.migrate import Logins, login_url, migrate
from crewline_infra.secrets import secret_file
from crewline_infra.settings import Settings


@asynccontextmanager
async def administrator_url(settings: Settings) -> AsyncIterator[str]:
    """The administrator's address; the embedded server runs for as long as somebody is inside."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    server = EmbeddedServer(settings.home)
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        url = await asyncio.to_thread(server.acquire)
    except OSError as problem:
        raise Unavailable(f"{settings.home} cannot be used: {problem.strerror}.") from problem
    try:
        yield url
    finally:
        await asyncio.to_thread(server.release)


def ensure_installed(settings: Settings) -> None:
    """Raises `Unavailable` on a home without a database: a command in the wrong folder must not begin one there."""
    if settings.database_url is None and not EmbeddedServer(settings.home).exists:
        raise Unavailable(
            f"There is no installation in {settings.home}; set CREWLINE_HOME to one, or make it by `crewline up`."
        )


@asynccontextmanager
async def open_database(settings: Settings, login: str = "web", *, pool_size: int = 10) -> AsyncIterator[Database]:
    """Connections under one login ('web' or 'worker'). The schema must be there: see `migrate_database`."""
    ensure_installed(settings)
    async with administrator_url(settings) as url:
        database = Database(_login_url(settings, url, login), pool_size=pool_size)
        try:
            yield database
        finally:
            await database.close()


async def migrate_database(settings: Settings) -> None:
    async with administrator_url(settings) as url:
        await migrate(url, logins(settings))


def logins(settings: Settings) -> Logins:
    return Logins(web=_password(settings, "web"), worker=_password(settings, "worker"))


def _login_url(settings: Settings, admin_url: str, login: str) -> str:
    return login_url(admin_url, login, _password(settings, login))


def _password(settings: Settings, login: str) -> str:
    return secret_file(settings.secrets_folder, f"pg_{login}").hex()
