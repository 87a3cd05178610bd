"""What every test can ask for: a migrated database of its own, a clock, the published history where it lies."""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import settings as hypothesis_settings

from crewline_infra.clock import ManualClock
from crewline_infra.db import Database, driver_url
from crewline_infra.embedded import EmbeddedServer
from crewline_infra.migrate import Logins, login_name, migrate

REPOSITORY = Path(__file__).resolve().parent.parent
LOGINS = Logins(web="test-web-password", worker="test-worker-password")
# Examples are not timed: a busy machine is no counterexample.
hypothesis_settings.register_profile("crewline", deadline=None)
hypothesis_settings.load_profile("crewline")
REAL_DATA_MISSING = "the published call histories are not here (CREWLINE_REAL_DATA)"


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server for tests and the database that each test's own is copied from."""

    admin_url: str
    template: str

    def url(self, database: str) -> str:
        return urlunsplit(urlsplit(driver_url(self.admin_url))._replace(path=f"/{database}"))

    def login(self, login: str, database: str) -> str:
        name = login_name(login, self.template)
        password = LOGINS.web if login == "web" else LOGINS.worker
        host = urlsplit(driver_url(self.admin_url)).netloc.rpartition("@")[2]
        return f"postgresql://{name}:{password}@{host}/{database}"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """CREWLINE_TEST_DATABASE_URL names a server (an administrator's address); else an embedded one is started."""
    given = os.environ.get("CREWLINE_TEST_DATABASE_URL")
    if given:
        yield from _templated(given)
        return
    home = Path(tempfile.mkdtemp(prefix="crewline-test-"))
    home.chmod(0o755)
    embedded = EmbeddedServer(home)
    try:
        url = embedded.acquire()
        asyncio.run(_hasten(url))
        yield from _templated(url)
    finally:
        embedded.release()
        shutil.rmtree(home, ignore_errors=True)


def _templated(admin_url: str) -> Iterator[Server]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    made = Server(admin_url, f"crewline_template_{worker}_{os.getpid()}")
    asyncio.run(_build_template(made))
    yield made
    asyncio.run(_admin(made.admin_url, f'drop database if exists "{made.template}" with (force)'))


async def _build_template(made: Server) -> None:
    await _admin(made.admin_url, f'create database "{made.template}"')
    # Roles belong to the whole server: test processes that share one take turns.
    with (Path(tempfile.gettempdir()) / "crewline-test-roles.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        await migrate(made.url(made.template), LOGINS)


async def _hasten(url: str) -> None:
    """A test's data need not survive a power cut."""
    await _admin(url, "alter system set fsync = off")
    await _admin(url, "select pg_reload_conf()")


async def _admin(url: str, statement: str) -> None:
    connection = await asyncpg.connect(driver_url(url))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def admin_url(server: Server) -> AsyncIterator[str]:
    """The administrator's address of this test's own, freshly migrated database."""
    name = f"crewline_test_{uuid4().hex[:16]}"
    await _admin(server.admin_url, f'create database "{name}" template "{server.template}"')
    yield server.url(name)
    await _admin(server.admin_url, f'drop database "{name}" with (force)')


@pytest.fixture
async def database(server: Server, admin_url: str) -> AsyncIterator[Database]:
    """Connections under the web login, to a database of this test's own."""
    opened = Database(server.login("web", urlsplit(admin_url).path[1:]), pool_size=5)
    yield opened
    await opened.close()


@pytest.fixture
async def worker_database(server: Server, admin_url: str) -> AsyncIterator[Database]:
    """Connections under the worker login, to the same database as `database`."""
    opened = Database(server.login("worker", urlsplit(admin_url).path[1:]), pool_size=5)
    yield opened
    await opened.close()


@pytest.fixture
async def admin(admin_url: str) -> AsyncIterator[asyncpg.Connection]:
    """An administrator's connection: for setting a scene and for reading behind the walls."""
    connection = await asyncpg.connect(admin_url)
    yield connection
    await connection.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the published monthly files; skips, saying so, where it is absent and always in CI."""
    folder = Path(os.environ.get("CREWLINE_REAL_DATA", REPOSITORY.parent / "shared" / "data" / "anonymous_bank"))
    if os.environ.get("CI") or not folder.is_dir():
        pytest.skip(REAL_DATA_MISSING)
    return folder
