"""Statements of the simulated engine: whom it can be, and where it can call."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx


async def numbers(tx: Tx) -> Sequence[Row[Any]]:
    """Operator-wide: the numbers that lead to active tenants."""
    return await tx.rows(
        """
        select e.address, t.id as tenant_id, t.slug, t.time_zone
          from entry_address e join tenant t on t.id = e.tenant_id
         where e.kind = 'number' and t.state = 'active' order by t.slug, e.address
        """
    )


async def phones(tx: Tx, tenant_id: UUID, limit: int) -> list[str]:
    """Numbers of some of the tenant's known customers."""
    rows = await tx.rows(
        "select phone from customer where tenant_id = $1 and phone is not null order by id limit $2",
        tenant_id,
        limit,
    )
    return [row.phone for row in rows]
