"""The reporting routes over a test's own database, asked by people whom the test names."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import httpx
import pytest
from litestar import Litestar, Request
from litestar.di import Provide

from crewline_app.problems import exception_handlers
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.ids import new_id
from crewline_reporting.metrics import http as metrics
from crewline_reporting.records import http as records
from crewline_reporting.reports import http as reports
from crewline_tenants.people.rules import Membership, PersonRole, Principal
from tests.builders import Tenant, create_tenant


@dataclass(frozen=True)
class Scene:
    """Two tenants; people are named 'aster-manager', 'aster-viewer', 'birch-manager', 'supervisor', 'agent', …"""

    aster: Tenant
    birch: Tenant
    client: httpx.AsyncClient

    async def get(self, person: str, path: str, **params: str) -> httpx.Response:
        return await self.client.get(path, params=params, headers={"x-person": person})

    @property
    def outsiders(self) -> dict[str, int]:
        """Who gets which status on every route of aster."""
        return {"birch-manager": 404, "agent": 404}


@pytest.fixture
async def scene(admin: asyncpg.Connection, database: Database, clock: ManualClock) -> AsyncIterator[Scene]:
    aster, birch = await create_tenant(admin), await create_tenant(admin, "birch")
    people = {role.value: _person(operator_role=role) for role in PersonRole}
    for tenant in (aster, birch):
        for role in (PersonRole.MANAGER, PersonRole.VIEWER):
            membership = Membership(tenant_id=tenant.id, slug=tenant.slug, name=tenant.slug, role=role)
            people[f"{tenant.slug}-{role.value}"] = _person(memberships=(membership,))

    def who(request: Request) -> Principal:
        return people[request.headers["x-person"]]

    app = Litestar(
        route_handlers=[*reports.ROUTES, *records.ROUTES, *metrics.ROUTES],
        dependencies={
            "db": Provide(lambda: database, sync_to_thread=False),
            "clock": Provide(lambda: clock, sync_to_thread=False),
            "principal": Provide(who, sync_to_thread=False),
        },
        exception_handlers=exception_handlers(),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield Scene(aster, birch, client)


def _person(**about) -> Principal:
    return Principal(user_id=new_id(), login="x@example.com", name="X", **about)
