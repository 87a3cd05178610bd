"""Queues over the API."""

from dataclasses import asdict
from decimal import Decimal
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from crewline_tenants.people.access import Db, Permission, Who, tenant_access
from crewline_tenants.queues import service


class QueueOut(msgspec.Struct, kw_only=True, frozen=True):
    id: UUID
    slug: str
    name: str
    threshold_ms: int
    short_abandon_ms: int
    target: Decimal
    state: str


@get("/api/v1/tenants/{tenant_id:uuid}/queues", summary="List a tenant's queues and their targets")
async def list_queues(tenant_id: FromPath[UUID], principal: Who, db: Db) -> list[QueueOut]:
    context = tenant_access(principal, tenant_id, Permission.QUEUE_READ)
    async with db.transaction(context) as tx:
        return [QueueOut(**asdict(queue)) for queue in await service.list_queues(tx, tenant_id)]


ROUTES = [list_queues]
