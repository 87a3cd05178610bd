"""One scene per module: built once, looked at by many tests that leave it as it was."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
from litestar import Litestar

from crewline_app.asgi import create_app
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database, driver_url
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people import service as people
from tests.conftest import Server
from tests.security.scene import NOW, Scene, build

ORIGIN = "http://testserver"
COOKIE = "crewline"
PEOPLE = {
    "agent": "agent@operator.example",
    "supervisor": "supervisor@operator.example",
    "finance": "finance@operator.example",
    "admin": "admin@operator.example",
    "manager": "manager@ours.example",
    "viewer": "viewer@ours.example",
    "outsider": "manager@theirs.example",
}


@dataclass(frozen=True)
class Session:
    token: str
    csrf: str


@dataclass(frozen=True)
class Stage:
    """A scene that stays for a module, and a session of each of its people."""

    scene: Scene
    sessions: dict[str, Session]
    urls: dict[str, str]
    home: Path

    def settings(self) -> Settings:
        return Settings(home=self.home, allow_loopback_webhooks=True)

    def browser(self, app: Litestar, who: str, **headers: str) -> httpx.AsyncClient:
        """`who` of PEOPLE, or 'nobody'."""
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # another ASGI typing
        accept = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "en"}
        client = httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={**accept, **headers})
        if who in self.sessions:
            client.cookies.set(COOKIE, self.sessions[who].token)
        return client

    async def snapshot(self) -> dict[str, str]:
        """Every table's content as a digest; sessions, attempts to log in and keys note their use."""
        admin = await asyncpg.connect(self.urls["admin"])
        try:
            names = await admin.fetch("select tablename from pg_tables where schemaname in ('public', 'jobs')")
            return {
                name: await admin.fetchval(f"select md5(string_agg(t::text, chr(10) order by t::text)) from {name} t")
                for name in sorted({row["tablename"] for row in names} - {"session", "login_attempt"})
                if await admin.fetchval("select to_regclass($1)", name)
            }
        finally:
            await admin.close()


@pytest.fixture(scope="module")
def stage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    name = f"crewline_test_{uuid4().hex[:16]}"
    asyncio.run(_as_admin(server.admin_url, f'create database "{name}" template "{server.template}"'))
    urls = {"admin": server.url(name), "web": server.login("web", name), "worker": server.login("worker", name)}
    yield asyncio.run(_build(urls, tmp_path_factory.mktemp("home")))
    asyncio.run(_as_admin(server.admin_url, f'drop database "{name}" with (force)'))


async def _as_admin(url: str, sql: str) -> None:
    connection = await asyncpg.connect(driver_url(url))
    await connection.execute(sql)
    await connection.close()


async def _build(urls: dict[str, str], home: Path) -> Stage:
    admin = await asyncpg.connect(urls["admin"])
    web, worker = Database(urls["web"]), Database(urls["worker"])
    clock = ManualClock(NOW)
    try:
        scene = await build(admin, web, worker, clock, home)
        sessions = {who: await open_session(web, email, clock) for who, email in PEOPLE.items()}
    finally:
        await web.close()
        await worker.close()
        await admin.close()
    return Stage(scene, sessions, urls, home)


async def open_session(database: Database, email: str, clock: ManualClock) -> Session:
    async with database.transaction(Context(Role.AUTH)) as tx:
        entering = await people.candidate(tx, email, "10.0.0.1", clock.now())
        made = await people.open_session(
            tx, entering, address="10.0.0.1", user_agent="test", previous_token=None, now=clock.now()
        )
    return Session(made.token, made.csrf)


@pytest.fixture
async def staged(stage: Stage) -> AsyncIterator[Litestar]:
    """The application over the module's scene."""
    database = Database(stage.urls["web"], pool_size=5)
    yield create_app(stage.settings(), database, clock=ManualClock(NOW))
    await database.close()
