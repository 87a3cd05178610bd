"""SQL of the bulk path: a staging table of this connection, and set-based statements over it."""

# ruff: noqa: S608 - statements are put together from the column names below
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import asyncpg

COLUMNS = (
    ("n", "integer"),
    ("contact_id", "uuid"),
    ("external_id", "text"),
    ("content_hash", "text"),
    ("channel", "text"),
    ("direction", "text"),
    ("entry_point", "text"),
    ("queue_id", "uuid"),
    ("customer_ref", "text"),
    ("agent_id", "uuid"),
    ("agent_alias", "text"),
    ("priority", "integer"),
    ("outcome", "text"),
    ("disposition", "text"),
    ("exclusion", "text"),
    ("arrived_at", "timestamptz"),
    ("queued_at", "timestamptz"),
    ("offered_at", "timestamptz"),
    ("answered_at", "timestamptz"),
    ("ended_at", "timestamptz"),
    ("wrapped_at", "timestamptz"),
    ("counted_at", "timestamptz"),
    ("menu_ms", "bigint"),
    ("wait_ms", "bigint"),
    ("ring_ms", "bigint"),
    ("talk_ms", "bigint"),
    ("hold_ms", "bigint"),
    ("wrap_ms", "bigint"),
    ("in_hours", "boolean"),
    ("flags", "text[]"),
)
"""Of the staging table and of the payload, in this order."""

TABLE = "record_bulk"
_STORED = ", ".join(name for name, _ in COLUMNS[1:])
_STAGE = f"""
create temporary table if not exists {TABLE} ({", ".join(f"{name} {kind}" for name, kind in COLUMNS)})
on commit delete rows
"""
_INSERT = f"""
insert into record (tenant_id, version, source, recorded_at, {_STORED})
select $1, 1, $2, $3, {_STORED} from {TABLE}
"""
_MET = f"""
select s.n, bool_or(r.same) as known from {TABLE} s
 cross join lateral (
   select r.content_hash = s.content_hash as same from record r
    where r.tenant_id = $1 and r.source = $2 and r.external_id = s.external_id
    union all
   select false from record r where r.tenant_id = $1 and r.contact_id = s.contact_id
 ) r
 group by s.n
"""


async def stage(connection: asyncpg.Connection, payload: AsyncIterator[bytes]) -> None:
    """Fill the staging table of this connection, emptied first."""
    await connection.execute(_STAGE)
    await connection.execute(f"truncate {TABLE}")
    await connection.copy_to_table(TABLE, source=payload, format="binary")


async def insert_new(connection: asyncpg.Connection, tenant_id: UUID, source: str, recorded_at: datetime) -> int:
    """Store all that is staged. Raises asyncpg's `UniqueViolationError` when one is known already."""
    status: str = await connection.execute(_INSERT, tenant_id, source, recorded_at)
    return int(status.rpartition(" ")[2])


async def met(connection: asyncpg.Connection, tenant_id: UUID, source: str) -> dict[int, bool]:
    """Of the staged records those met before, by position: True with the same content, False with other."""
    return {row["n"]: row["known"] for row in await connection.fetch(_MET, tenant_id, source)}


async def unstage(connection: asyncpg.Connection, positions: list[int]) -> None:
    await connection.execute(f"delete from {TABLE} where n = any($1::integer[])", positions)
