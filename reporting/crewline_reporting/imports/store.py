"""SQL of an import beside its records: the names it meets, and the account of its run."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx

_ADD_QUEUE = """
insert into queue (tenant_id, id, slug, name, pool_id, created_at)
values ($1, $2, $3, $4, (select id from pool where slug = $5), $6) on conflict (tenant_id, slug) do nothing
"""
_START_RUN = """
insert into import_run (id, file_name, file_hash, mapping_hash, started_at) values ($1, $2, $3, $4, $5)
"""
_FINISH_RUN = """
update import_run set finished_at = $2, rows_read = $3, rows_imported = $4, rows_known = $5,
       rows_conflicting = $6, rows_rejected = $7
 where id = $1
"""


async def commit_lazily(tx: Tx) -> None:
    """Let the log of this transaction be flushed with a later one: a lost batch is imported again by repeating."""
    await tx.run("set local synchronous_commit = off")


async def queue_ids(tx: Tx, tenant_id: UUID) -> dict[str, UUID]:
    rows = await tx.rows("select slug, id from queue where tenant_id = $1", tenant_id)
    return {row.slug: row.id for row in rows}


async def add_queue(
    tx: Tx, tenant_id: UUID, queue_id: UUID, *, slug: str, name: str, pool: str | None, now: datetime
) -> None:
    await tx.run(_ADD_QUEUE, tenant_id, queue_id, slug, name, pool, now)


async def agent_ids(tx: Tx, aliases: list[str]) -> dict[str, UUID]:
    rows = await tx.rows("select alias, id from agent where alias = any($1::text[])", aliases)
    return {row.alias: row.id for row in rows}


async def add_agent(tx: Tx, agent_id: UUID, alias: str, now: datetime) -> None:
    await tx.run(
        "insert into agent (id, alias, created_at) values ($1, $2, $3) on conflict (alias) do nothing",
        agent_id,
        alias,
        now,
    )


async def add_pool(tx: Tx, pool_id: UUID, slug: str, name: str) -> None:
    await tx.run(
        "insert into pool (id, slug, name) values ($1, $2, $3) on conflict (slug) do nothing", pool_id, slug, name
    )


async def join_pool(tx: Tx, slug: str, agent_id: UUID) -> None:
    await tx.run(
        "insert into pool_member (pool_id, agent_id) select id, $2 from pool where slug = $1 "
        "on conflict (pool_id, agent_id) do nothing",
        slug,
        agent_id,
    )


async def tenant_by_slug(tx: Tx, slug: str) -> Row[Any] | None:
    return await tx.row("select id, slug from tenant where slug = $1", slug)


async def start_run(tx: Tx, run_id: UUID, *, file_name: str, file_hash: str, mapping_hash: str, now: datetime) -> None:
    await tx.run(_START_RUN, run_id, file_name, file_hash, mapping_hash, now)


async def finish_run(tx: Tx, run_id: UUID, now: datetime, counts: tuple[int, int, int, int, int]) -> None:
    """Counts: read, imported, known, conflicting, rejected."""
    await tx.run(_FINISH_RUN, run_id, now, *counts)
