"""SQL that sets the demonstration's stage. Everything may be repeated: what is there stays as it is."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from crewline_infra.db import Tx
from crewline_infra.ids import new_id


async def tenant_ids(tx: Tx) -> dict[str, UUID]:
    return {row.slug: row.id for row in await tx.rows("select slug, id from tenant")}


async def add_pool(tx: Tx, slug: str, name: str) -> UUID:
    await tx.run(
        "insert into pool (id, slug, name) values ($1, $2, $3) on conflict (slug) do nothing", new_id(), slug, name
    )
    return UUID(str(await tx.value("select id from pool where slug = $1", slug)))


async def add_skill(tx: Tx, name: str) -> UUID:
    await tx.run("insert into skill (id, name) values ($1, $2) on conflict (name) do nothing", new_id(), name)
    return UUID(str(await tx.value("select id from skill where name = $1", name)))


async def share_pool(
    tx: Tx, pool_id: UUID, tenant_id: UUID, *, share: Decimal, floor_seats: int, cap_seats: int | None
) -> None:
    await tx.run(
        "insert into pool_share (pool_id, tenant_id, share, floor_seats, cap_seats) values ($1, $2, $3, $4, $5) "
        "on conflict (pool_id, tenant_id) do nothing",
        pool_id,
        tenant_id,
        share,
        floor_seats,
        cap_seats,
    )


async def add_agent(tx: Tx, alias: str, *, simulated: bool, user_id: UUID | None, now: datetime) -> UUID:
    await tx.run(
        "insert into agent (id, user_id, alias, simulated, created_at) values ($1, $2, $3, $4, $5) "
        "on conflict (alias) do nothing",
        new_id(),
        user_id,
        alias,
        simulated,
        now,
    )
    return UUID(str(await tx.value("select id from agent where alias = $1", alias)))


async def join_pool(tx: Tx, pool_id: UUID, agent_id: UUID) -> None:
    await tx.run(
        "insert into pool_member (pool_id, agent_id) values ($1, $2) on conflict (pool_id, agent_id) do nothing",
        pool_id,
        agent_id,
    )


async def certify(tx: Tx, agent_id: UUID, tenant_id: UUID, now: datetime) -> None:
    await tx.run(
        "insert into agent_certification (agent_id, tenant_id, since) values ($1, $2, $3) "
        "on conflict (agent_id, tenant_id) do nothing",
        agent_id,
        tenant_id,
        now,
    )


async def give_skill(tx: Tx, agent_id: UUID, skill_id: UUID, level: int) -> None:
    await tx.run(
        "insert into agent_skill (agent_id, skill_id, level) values ($1, $2, $3) "
        "on conflict (agent_id, skill_id) do nothing",
        agent_id,
        skill_id,
        level,
    )


async def add_queue(
    tx: Tx,
    tenant_id: UUID,
    *,
    slug: str,
    name: str,
    pool_id: UUID,
    script_id: UUID | None,
    target: Decimal,
    now: datetime,
) -> UUID:
    await tx.run(
        "insert into queue (tenant_id, id, slug, name, pool_id, script_id, target, created_at) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (tenant_id, slug) do nothing",
        tenant_id,
        new_id(),
        slug,
        name,
        pool_id,
        script_id,
        target,
        now,
    )
    return UUID(str(await tx.value("select id from queue where tenant_id = $1 and slug = $2", tenant_id, slug)))


async def require_skill(tx: Tx, tenant_id: UUID, queue_id: UUID, skill_id: UUID, level: int) -> None:
    await tx.run(
        "insert into queue_skill (tenant_id, queue_id, skill_id, level) values ($1, $2, $3, $4) "
        "on conflict (tenant_id, queue_id, skill_id) do nothing",
        tenant_id,
        queue_id,
        skill_id,
        level,
    )


async def add_number(tx: Tx, tenant_id: UUID, queue_id: UUID, *, address: str, name: str, now: datetime) -> None:
    await tx.run(
        "insert into entry_point (tenant_id, id, kind, address, name, queue_id, created_at) "
        "values ($1, $2, 'number', $3, $4, $5, $6) on conflict (tenant_id, kind, address) do nothing",
        tenant_id,
        new_id(),
        address,
        name,
        queue_id,
        now,
    )
    await tx.run(
        "insert into entry_address (kind, address, tenant_id, entry_point_id) "
        "select 'number', address, tenant_id, id from entry_point "
        "where tenant_id = $1 and kind = 'number' and address = $2 on conflict (kind, address) do nothing",
        tenant_id,
        address,
    )


async def add_customer(tx: Tx, tenant_id: UUID, *, name: str, phone: str, reference: str, now: datetime) -> None:
    await tx.run(
        "insert into customer (tenant_id, id, name, phone, external_ref, created_at) values ($1, $2, $3, $4, $5, $6) "
        "on conflict (tenant_id, external_ref) do nothing",
        tenant_id,
        new_id(),
        name,
        phone,
        reference,
        now,
    )


async def finished_import(tx: Tx, file_hash: str) -> bool:
    """Whether a file of this content was imported to its end (any mapping)."""
    return bool(
        await tx.value("select count(*) from import_run where file_hash = $1 and finished_at is not null", file_hash)
    )


async def user_id_of(tx: Tx, email: str) -> UUID | None:
    found = await tx.value("select id from app_user where email = $1", email)
    return None if found is None else UUID(str(found))
