"""Small scenes for tests, made behind the walls: no use case under test builds its own stage."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from crewline_infra.ids import new_id
from crewline_infra.tenancy import Context, Role

CREATED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tenant:
    id: UUID
    slug: str

    def context(self, role: Role = Role.TENANT) -> Context:
        return Context(role, tenant_id=self.id)


async def create_tenant(
    admin: asyncpg.Connection,
    slug: str = "aster",
    *,
    name: str | None = None,
    time_zone: str = "Asia/Shanghai",
    currency: str = "CNY",
) -> Tenant:
    tenant = Tenant(new_id(), slug)
    await admin.execute(
        "insert into tenant (id, slug, name, time_zone, currency, created_at) values ($1, $2, $3, $4, $5, $6)",
        tenant.id,
        slug,
        name or slug.title(),
        time_zone,
        currency,
        CREATED,
    )
    return tenant


async def create_user(
    admin: asyncpg.Connection, email: str, *roles: tuple[str, Tenant | None], password_hash: str | None = None
) -> UUID:
    """Roles are pairs: ('manager', tenant) or ('finance', None)."""
    user_id = new_id()
    await admin.execute(
        "insert into app_user (id, email, name, password_hash, created_at) values ($1, $2, $3, $4, $5)",
        user_id,
        email,
        email.partition("@")[0].title(),
        password_hash,
        CREATED,
    )
    for role, tenant in roles:
        await admin.execute(
            "insert into membership (user_id, role, tenant_id, created_at) values ($1, $2, $3, $4)",
            user_id,
            role,
            tenant.id if tenant else None,
            CREATED,
        )
    return user_id


async def create_pool(admin: asyncpg.Connection, slug: str = "main") -> UUID:
    pool_id = new_id()
    await admin.execute("insert into pool (id, slug, name) values ($1, $2, $3)", pool_id, slug, slug.title())
    return pool_id


async def share_pool(
    admin: asyncpg.Connection,
    pool_id: UUID,
    tenant: Tenant,
    *,
    share: str = "1",
    floor_seats: int = 0,
    cap_seats: int | None = None,
) -> None:
    await admin.execute(
        "insert into pool_share (pool_id, tenant_id, share, floor_seats, cap_seats) values ($1, $2, $3, $4, $5)",
        pool_id,
        tenant.id,
        Decimal(share),
        floor_seats,
        cap_seats,
    )


async def create_queue(
    admin: asyncpg.Connection, tenant: Tenant, slug: str = "main", *, pool_id: UUID | None = None
) -> UUID:
    queue_id = new_id()
    await admin.execute(
        "insert into queue (tenant_id, id, slug, name, pool_id, created_at) values ($1, $2, $3, $4, $5, $6)",
        tenant.id,
        queue_id,
        slug,
        slug.title(),
        pool_id,
        CREATED,
    )
    return queue_id


async def create_agent(
    admin: asyncpg.Connection,
    alias: str = "Agent 1",
    *,
    user_id: UUID | None = None,
    pool_id: UUID | None = None,
    tenants: tuple[Tenant, ...] = (),
    simulated: bool = False,
) -> UUID:
    """An agent, a member of the pool, certified for the tenants."""
    agent_id = new_id()
    await admin.execute(
        "insert into agent (id, user_id, alias, simulated, created_at) values ($1, $2, $3, $4, $5)",
        agent_id,
        user_id,
        alias,
        simulated,
        CREATED,
    )
    if pool_id is not None:
        await admin.execute("insert into pool_member (pool_id, agent_id) values ($1, $2)", pool_id, agent_id)
    for tenant in tenants:
        await admin.execute(
            "insert into agent_certification (agent_id, tenant_id, since) values ($1, $2, $3)",
            agent_id,
            tenant.id,
            CREATED,
        )
    return agent_id
