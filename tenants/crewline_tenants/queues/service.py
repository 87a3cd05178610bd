"""Use cases that read queues."""

from uuid import UUID

from crewline_infra.db import Tx
from crewline_tenants.queues import store
from crewline_tenants.queues.model import Queue


async def list_queues(tx: Tx, tenant_id: UUID) -> list[Queue]:
    return [Queue(**row._mapping) for row in await store.every(tx, tenant_id)]
