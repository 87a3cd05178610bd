"""A tenant with a CRM that really answers, over a real socket."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from crewline_app.demo.crm_receiver import CrmReceiver, Desk
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.egress import Egress, Policy
from crewline_infra.ids import new_id
from crewline_infra.secrets import SecretBox
from crewline_infra.tenancy import Role
from crewline_tenants.crm import rules, service
from crewline_tenants.crm.events import ClosedContact
from crewline_tenants.crm.jobs import Courier
from tests.builders import Tenant, create_tenant

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POLICY = Policy(loopback=True)
BOX = SecretBox(b"k" * 32)
VAULT = service.Vault(BOX, POLICY)


def facts(customer: str = "C-1", version: int = 1, contact_id: UUID | None = None) -> ClosedContact:
    return ClosedContact(
        contact_id=contact_id or new_id(),
        version=version,
        channel="voice",
        direction="inbound",
        outcome="answered",
        customer_ref=customer,
        arrived_at=AT,
        ended_at=AT,
    )


@dataclass
class Scene:
    admin: asyncpg.Connection
    web: Database
    worker: Database
    clock: ManualClock
    receiver: CrmReceiver
    port: int
    keys: dict[str, bytes] = field(default_factory=dict)
    egress: Egress = field(default_factory=lambda: Egress(POLICY))

    def courier(self, *, timeout_ms: int = 2_000) -> Courier:
        return Courier(self.worker, self.egress, BOX, self.clock, spread=lambda: 0.0, timeout_ms=timeout_ms)

    async def tenant(self, slug: str = "aster") -> Tenant:
        """A new tenant whose CRM listens at /hooks/{slug}."""
        tenant = await create_tenant(self.admin, slug)
        self.keys[slug] = slug.encode().ljust(32, b".")
        async with self.worker.transaction(tenant.context(Role.WORKER)) as tx:
            url = f"http://127.0.0.1:{self.port}/hooks/{slug}"
            await service.add_endpoint(tx, tenant.id, VAULT, url, rules.encode_secret(self.keys[slug]))
        return tenant

    async def enqueue(self, tenant: Tenant, *contacts: ClosedContact) -> None:
        async with self.worker.transaction(tenant.context(Role.WORKER)) as tx:
            await service.enqueue(tx, tenant.id, contacts)

    async def round(self, courier: Courier | None = None) -> int:
        """Start everything that is due now, and wait for it."""
        courier = courier or self.courier()
        started = await courier.start_due()
        await courier.finish()
        return started

    async def drain(self) -> None:
        while await self.round():
            pass

    async def pass_time(self, ms: int) -> None:
        """Let every due time, lease and pause be so much nearer (they go by the database's own time)."""
        back = f"- interval '{ms} milliseconds'"
        await self.admin.execute(f"update crm_delivery set due_at = due_at {back}, leased_until = leased_until {back}")
        await self.admin.execute(
            f"update crm_endpoint set opens_at = opens_at {back}, failing_since = failing_since {back}"
        )

    async def delivery(self, contact: ClosedContact) -> asyncpg.Record:
        found = await self.admin.fetchrow("select * from crm_delivery where contact_id = $1", contact.contact_id)
        assert found is not None
        return found

    def desk(self, tenant: Tenant) -> Desk:
        return self.receiver.desk(tenant.slug)

    def told(self, tenant: Tenant) -> list[dict[str, Any]]:
        """What the tenant's CRM has taken, in order, each once."""
        return [payload["data"] for payload in self.desk(tenant).taken.values()]


@pytest.fixture
async def scene(
    admin: asyncpg.Connection, database: Database, worker_database: Database, clock: ManualClock
) -> AsyncIterator[Scene]:
    keys: dict[str, bytes] = {}
    receiver = CrmReceiver(keys.get, clock)
    made = Scene(admin, database, worker_database, clock, receiver, await receiver.start(), keys)
    yield made
    await made.egress.close()
    await receiver.stop()
