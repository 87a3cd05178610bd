"""Statements of the processes themselves: which tenants there are, and how the installation is."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy import Row

from crewline_infra.db import Tx


async def tenants(tx: Tx) -> Sequence[Row[Any]]:
    """Id and slug of all of them."""
    return await tx.rows("select id, slug from tenant order by slug")


async def installed_revision(connection: asyncpg.Connection) -> str | None:
    """None where nothing was ever migrated."""
    if await connection.fetchval("select to_regclass('public.alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("select version_num from alembic_version")
    return found


async def events_ahead(connection: asyncpg.Connection) -> int:
    """Events whose transaction number this cluster has not reached: they came from another one."""
    count: int = await connection.fetchval(
        "select count(*) from outbox where xid >= pg_snapshot_xmax(pg_current_snapshot())"
    )
    return count


async def jobs_held(connection: asyncpg.Connection) -> int:
    count: int = await connection.fetchval("select count(*) from job_run where state = 'held'")
    return count
