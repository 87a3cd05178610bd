"""The tenant registry over the API."""

from dataclasses import asdict
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from crewline_infra.tenancy import Context, Role
from crewline_tenants.people.access import (
    Db,
    Permission,
    PersonRole,
    Principal,
    Who,
    tenant_access,
)
from crewline_tenants.tenants import service
from crewline_tenants.tenants.model import Tenant


class TenantOut(msgspec.Struct, kw_only=True, frozen=True):
    id: UUID
    slug: str
    name: str
    name_zh_hans: str | None
    name_zh_hant: str | None
    time_zone: str
    currency: str
    locale: str
    colour: int
    state: str


@get("/api/v1/tenants", summary="List the tenants that you may see")
async def list_tenants(principal: Who, db: Db) -> list[TenantOut]:
    async with db.transaction(_registry(principal)) as tx:
        return [_out(tenant) for tenant in await service.list_tenants(tx, _own(principal))]


@get("/api/v1/tenants/{tenant_id:uuid}", summary="Read a tenant")
async def read_tenant(tenant_id: FromPath[UUID], principal: Who, db: Db) -> TenantOut:
    context = tenant_access(principal, tenant_id, Permission.TENANT_READ)
    async with db.transaction(context) as tx:
        return _out(await service.get_tenant(tx, tenant_id))


ROUTES = [list_tenants, read_tenant]


def _registry(principal: Principal) -> Context:
    """Names and zones only: the role that knows who people are reads the registry for all of them."""
    return Context(role=Role.AUTH, actor_id=principal.user_id, request_id=principal.request_id)


def _own(principal: Principal) -> list[UUID] | None:
    """None means all: operator staff other than agents."""
    staff = principal.operator_role
    if staff is not None and staff is not PersonRole.AGENT:
        return None
    return [membership.tenant_id for membership in principal.memberships]


def _out(tenant: Tenant) -> TenantOut:
    return TenantOut(**asdict(tenant))
