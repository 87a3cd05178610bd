"""SQL that reads queues."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx


async def every(tx: Tx, tenant_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(
        "select id, slug, name, threshold_ms, short_abandon_ms, target, state from queue "
        "where tenant_id = $1 order by name, id",
        tenant_id,
    )
