"""Books of a tenant in a real database: records metered by the worker, a contract, and the desk that issues."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
from msgspec.structs import replace

from crewline_billing.invoices.closing import Desk
from crewline_billing.metering import service as metering
from crewline_infra.db import Database
from crewline_infra.tenancy import Context, Role
from crewline_reporting.records import service as records
from crewline_reporting.records.rules import Record
from crewline_reporting.statements.keys import StatementKeys
from crewline_tenants.contracts import service as contracts
from tests.billing.scene import CONTRACT, KEY, SALES, SUPPORT, ZONE, month
from tests.builders import Tenant, create_queue, create_tenant

NOW = datetime(1999, 4, 2, 8, 0, tzinfo=UTC)
LATER = datetime(1999, 5, 2, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Books:
    tenant: Tenant
    queues: dict[UUID, UUID]
    database: Database
    worker: Database
    folder: Path

    @property
    def finance(self) -> Context:
        return self.tenant.context(Role.FINANCE)

    def desk(self, now: datetime = NOW) -> Desk:
        return Desk(StatementKeys(KEY, b"reference"), self.folder, "Crew GmbH", now)

    def mine(self, record: Record) -> Record:
        """The scene's record, as one of this tenant and its queues."""
        queue_id = record.queue_id and self.queues[record.queue_id]
        return replace(record, tenant_id=self.tenant.id, queue_id=queue_id)

    async def load(self, found: Sequence[Record]) -> None:
        async with self.worker.transaction(self.tenant.context(Role.WORKER)) as tx:
            added = await records.append(tx, self.tenant.id, [self.mine(record) for record in found])
            await metering.append(tx, self.tenant.id, added.added)

    async def correct(self, record: Record) -> None:
        async with self.worker.transaction(self.tenant.context(Role.WORKER)) as tx:
            correction = await records.correct(tx, self.tenant.id, self.mine(record))
            assert correction is not None
            await metering.append(tx, self.tenant.id, [correction.current])

    async def agree(self, text: str = CONTRACT) -> None:
        async with self.database.transaction(self.finance) as tx:
            await contracts.add_version(tx, self.tenant.id, source_text=text, now=NOW)


async def open_books(
    admin: asyncpg.Connection, database: Database, worker: Database, folder: Path, slug: str = "aster"
) -> Books:
    tenant = await create_tenant(admin, slug, time_zone=ZONE, currency="ILS")
    queues = {
        SALES: await create_queue(admin, tenant, "sales"),
        SUPPORT: await create_queue(admin, tenant, "support"),
    }
    return Books(tenant, queues, database, worker, folder)


async def full_books(
    admin: asyncpg.Connection, database: Database, worker: Database, folder: Path, slug: str = "aster"
) -> Books:
    books = await open_books(admin, database, worker, folder, slug)
    await books.agree()
    await books.load(month())
    return books
