"""Which tenant's portal this is, and in which context the person may look at it."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from crewline_infra.clock import Clock
from crewline_infra.db import Database, Tx
from crewline_infra.periods import local_date
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people.access import Permission, Principal, tenant_access
from crewline_tenants.queues import service as queues
from crewline_tenants.queues.model import Queue
from crewline_tenants.tenants import service as tenants
from crewline_tenants.tenants.model import Tenant


@dataclass(frozen=True, slots=True)
class Scope:
    """What every page of a portal knows. `today` is the tenant's own date."""

    tenant: Tenant
    queues: tuple[Queue, ...]
    today: date

    def queue_name(self, queue_id: UUID | None) -> str:
        return next((queue.name for queue in self.queues if queue.id == queue_id), "")


async def portal_context(db: Database, principal: Principal, slug: str, permission: Permission) -> Context:
    """Raises `NotFound` for an outsider and for a tenant that is not there, in the same words."""
    return tenant_access(principal, await _tenant_id(db, principal, slug), permission)


async def read_scope(tx: Tx, clock: Clock) -> Scope:
    """The tenant of this transaction."""
    tenant_id = tx.context.tenant_id
    if tenant_id is None:
        raise ValueError("a portal's transaction has a tenant")
    tenant = await tenants.get_tenant(tx, tenant_id)
    found = await queues.list_queues(tx, tenant_id)
    return Scope(tenant, tuple(found), local_date(clock.now(), tenant.time_zone))


async def _tenant_id(db: Database, principal: Principal, slug: str) -> UUID:
    for membership in principal.memberships:
        if membership.slug == slug:
            return membership.tenant_id
    context = Context(role=Role.AUTH, actor_id=principal.user_id, request_id=principal.request_id)
    async with db.transaction(context) as tx:
        return (await tenants.tenant_by_slug(tx, slug)).id
