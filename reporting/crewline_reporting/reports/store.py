"""SQL of the reports that is not the roll-up's."""

from uuid import UUID

from crewline_infra.db import Tx


async def queue_id(tx: Tx, tenant_id: UUID, slug: str) -> UUID | None:
    found: UUID | None = await tx.value("select id from queue where tenant_id = $1 and slug = $2", tenant_id, slug)
    return found


async def queue_exists(tx: Tx, tenant_id: UUID, wanted: UUID) -> bool:
    return await tx.value("select 1 from queue where tenant_id = $1 and id = $2", tenant_id, wanted) is not None
