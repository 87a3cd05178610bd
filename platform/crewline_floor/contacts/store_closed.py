"""What is known of a closed contact beyond its record: who called, the note, the script's answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crewline_infra.db import Tx


@dataclass(frozen=True, slots=True)
class Closing:
    caller: str | None
    note: str | None
    script_version_id: UUID | None
    answers: dict[str, Any]


async def closings(tx: Tx, tenant_id: UUID, contact_ids: Sequence[UUID]) -> dict[UUID, Closing]:
    rows = await tx.rows(
        """
        select c.id, c.from_address, c.note, r.script_version_id, r.answers
          from contact c
          left join script_run r on r.tenant_id = $1 and r.contact_id = c.id
         where c.tenant_id = $1 and c.id = any($2)
        """,
        tenant_id,
        list(contact_ids),
    )
    return {row.id: Closing(row.from_address, row.note, row.script_version_id, row.answers or {}) for row in rows}
