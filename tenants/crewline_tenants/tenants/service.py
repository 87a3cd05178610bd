"""Use cases of the tenant registry."""

from datetime import datetime
from uuid import UUID
from zoneinfo import available_timezones

from crewline_infra.db import Tx
from crewline_infra.errors import Conflict, Invalid, NotFound
from crewline_infra.i18n import gettext as _
from crewline_tenants.tenants import store
from crewline_tenants.tenants.model import Tenant


async def get_tenant(tx: Tx, tenant_id: UUID) -> Tenant:
    row = await store.by_id(tx, tenant_id)
    if row is None:
        raise NotFound
    return Tenant(**row._mapping)


async def tenant_by_slug(tx: Tx, slug: str) -> Tenant:
    row = await store.by_slug(tx, slug)
    if row is None:
        raise NotFound
    return Tenant(**row._mapping)


async def list_tenants(tx: Tx, only: list[UUID] | None = None) -> list[Tenant]:
    """All that this transaction's role sees, or those of `only`, by name."""
    rows = await (store.every(tx) if only is None else store.of_ids(tx, only))
    return [Tenant(**row._mapping) for row in rows]


async def create_tenant(tx: Tx, tenant: Tenant, now: datetime) -> Tenant:
    """Raises `Conflict` when the slug is taken."""
    if tenant.time_zone not in available_timezones():
        raise Invalid(_("The time zone is not in the IANA list."), field="time_zone")
    if not await store.add(tx, tenant, now):
        raise Conflict(_("This short name is taken."), code="slug_taken")
    return tenant
