"""People at the floor's addresses: agents, a supervisor, a tenant's manager."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from crewline_infra.clock import ManualClock
from crewline_infra.db import Database, set_codecs
from crewline_infra.tenancy import Context, Role
from crewline_tenants.scripts import service as scripts
from tests.platform.floor.scene import Floor, floor
from tests.platform.web.conftest import LogIn, app, browser, log_in, settings
from tests.tenants.scripts.test_script_language import EXAMPLE

__all__ = ("Person", "app", "browser", "log_in", "settings")


@dataclass
class Person:
    """A logged-in browser that calls the API with its CSRF token."""

    client: httpx.AsyncClient
    csrf: str

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path, headers={"accept": "application/json"})

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"accept": "application/json", "x-csrf-token": self.csrf, "origin": "http://testserver"}
        return await self.client.request(method, path, json=body, headers=headers)


@pytest.fixture
async def scene(database: Database, admin: asyncpg.Connection, clock: ManualClock) -> Floor:
    """Two tenants, two agents; the first tenant has a script and a known customer."""
    await set_codecs(admin)
    made = await floor(database, admin, clock, available=False)
    tenant = made.tenants[0]
    async with database.transaction(Context(Role.OPS, tenant.id)) as tx:
        await scripts.publish(tx, tenant.id, "move", EXAMPLE, at=clock.now())
    await admin.execute("update queue set script_id = (select id from script) where tenant_id = $1", tenant.id)
    return made


async def person(log_in: LogIn, email: str, role: str, scene: Floor, tenant: int | None = None) -> Person:
    client = await log_in(email, (role, None if tenant is None else scene.tenants[tenant]))
    csrf = await scene.admin.fetchval(
        "select csrf_token from session where user_id = (select id from app_user where email = $1)", email
    )
    return Person(client, csrf)


async def desk_of(log_in: LogIn, scene: Floor, n: int) -> Person:
    someone = await person(log_in, f"agent{n}@op.example", "agent", scene)
    await scene.admin.execute(
        "update agent set user_id = (select id from app_user where email = $2) where id = $1",
        scene.agents[n],
        f"agent{n}@op.example",
    )
    return someone


@pytest.fixture
async def desks(log_in: LogIn, scene: Floor) -> tuple[Person, Person]:
    return await desk_of(log_in, scene, 0), await desk_of(log_in, scene, 1)


async def customer(scene: Floor, tenant: int, phone: str, name: str) -> UUID:
    found: UUID = await scene.admin.fetchval(
        """
        insert into customer (tenant_id, id, name, phone, created_at)
        values ($1, gen_random_uuid(), $2, $3, now()) returning id
        """,
        scene.tenants[tenant].id,
        name,
        phone,
    )
    return found
