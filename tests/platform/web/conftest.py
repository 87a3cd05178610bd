"""A browser for tests: the real application over the test's database, without a network."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import httpx
import pytest
from litestar import Litestar

from crewline_app.asgi import create_app
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.settings import Settings
from crewline_tenants.people.passwords import hash_password
from tests.builders import Tenant, create_user

PASSWORD = "correct horse battery"  # noqa: S105 - a test's own
ORIGIN = "http://testserver"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def app(settings: Settings, database: Database, clock: ManualClock) -> Litestar:
    """Given a database, the application has nothing to do at its start and its end."""
    return create_app(settings, database, clock=clock)


def browser(app: Litestar, **headers: str) -> httpx.AsyncClient:
    """Use it with `async with`."""
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # another ASGI typing
    accept = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "en"}
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={**accept, **headers})


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app) as opened:
        yield opened


LogIn = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def log_in(app: Litestar, admin: asyncpg.Connection) -> AsyncIterator[LogIn]:
    """`await log_in("lin@aster.example", ("manager", tenant))` makes the person and opens their browser."""
    opened: list[httpx.AsyncClient] = []

    async def enter(email: str, *roles: tuple[str, Tenant | None]) -> httpx.AsyncClient:
        await create_user(admin, email, *roles, password_hash=await hash_password(PASSWORD))
        client = browser(app)
        opened.append(client)
        answer = await client.post("/login", data={"login": email, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    yield enter
    for client in opened:
        await client.aclose()


def csrf_of(html: str) -> str:
    return html.partition('name="csrf-token" content="')[2].partition('"')[0]
