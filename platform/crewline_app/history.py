"""Where the bulk path of an import meets usage: record, roll-up and usage rows of a batch, in one transaction.

The live path is `crewline_app.subscriptions.record_batch`; tests hold the two to the same rows. History does not flow
to a tenant's CRM: its systems knew these contacts when they happened.
"""

from uuid import UUID

from crewline_billing.metering import service as metering
from crewline_infra.db import Tx
from crewline_reporting.records import bulk


async def append_history(tx: Tx, tenant_id: UUID, packed: bulk.Packed) -> bulk.BulkResult:
    """Raises `Conflict` when somebody else stored one of the contacts at this very moment: repeat."""
    result = await bulk.append_packed(tx, tenant_id, packed)
    if result.added:
        await metering.append_staged(tx, tenant_id, packed.recorded_at)
    return result
