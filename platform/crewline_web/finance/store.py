"""Read-only statements of finance's pages."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx


async def months(tx: Tx, tenant_id: UUID, zone: str) -> Sequence[Row[Any]]:
    """Local months with contacts, newest first: `month`, `offered`, `answered`."""
    return await tx.rows(
        """
        select to_char(starts_at at time zone $2, 'YYYY-MM') as month,
               sum(offered)::bigint as offered, sum(answered)::bigint as answered
          from queue_interval where tenant_id = $1
         group by 1 order by 1 desc
        """,
        tenant_id,
        zone,
    )
