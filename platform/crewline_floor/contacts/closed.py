"""Reading closed contacts, for the parts that come after the floor."""

from collections.abc import Sequence
from uuid import UUID

from crewline_floor.contacts import store_closed
from crewline_floor.contacts.store_closed import Closing
from crewline_infra.db import Tx


async def closings(tx: Tx, tenant_id: UUID, contact_ids: Sequence[UUID]) -> dict[UUID, Closing]:
    """Caller, note and script answers of those contacts that the floor has handled (imported ones have none)."""
    return await store_closed.closings(tx, tenant_id, contact_ids) if contact_ids else {}
