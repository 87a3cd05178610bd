"""How commands reach one tenant: by its short name, in one transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import rich_click as click

from crewline_app.wiring import open_database
from crewline_infra.db import Tx
from crewline_infra.errors import Invalid, NotFound
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context, Role
from crewline_tenants.tenants.model import Tenant
from crewline_tenants.tenants.service import tenant_by_slug

tenant_option = click.option("--tenant", required=True, metavar="SLUG", help="Short name of the tenant.")
period_option = click.option("--period", required=True, metavar="MONTH", help="Such as 1999-03.")


@asynccontextmanager
async def tenant_transaction(settings: Settings, slug: str, role: Role) -> AsyncIterator[tuple[Tenant, Tx]]:
    """Raises `Invalid` for a tenant that is not there."""
    async with open_database(settings, pool_size=1) as database:
        async with database.transaction(Context(role)) as tx:
            tenant = await tenant_of(tx, slug)
        async with database.transaction(Context(role, tenant_id=tenant.id)) as tx:
            yield tenant, tx


async def tenant_of(tx: Tx, slug: str) -> Tenant:
    """Raises `Invalid` for a tenant that is not there."""
    try:
        return await tenant_by_slug(tx, slug)
    except NotFound as problem:
        raise Invalid(f"There is no tenant {slug!r}.", field="tenant") from problem
