"""Use cases of contracts: add a version, list them, find the one in force."""

from datetime import date, datetime
from uuid import UUID

from crewline_infra.db import Tx
from crewline_infra.errors import Conflict, NotFound
from crewline_infra.ids import new_id
from crewline_infra.periods import local_date, month_period
from crewline_tenants.contracts import rules, store
from crewline_tenants.contracts.model import ContractVersion


async def add_version(
    tx: Tx, tenant_id: UUID, *, source_text: str, now: datetime, actor_id: UUID | None = None
) -> ContractVersion:
    """Check and store a contract. The same terms twice change nothing and give the version that is there.

    Raises `Invalid` for text that is no contract, `Conflict` when somebody adds another version at the same moment.
    """
    terms = rules.parse(source_text)
    known = await store.by_hash(tx, tenant_id, rules.fingerprint(terms))
    if known is not None:
        return ContractVersion(**known._mapping)
    contract = ContractVersion(
        tenant_id=tenant_id,
        id=new_id(),
        version=await store.last_version(tx, tenant_id) + 1,
        name=terms.name,
        document=rules.document(terms),
        source_text=source_text,
        hash=rules.fingerprint(terms),
        effective_from=terms.effective_from,
        created_at=now,
        created_by=actor_id,
    )
    if not await store.add(tx, contract):
        raise Conflict("Somebody else has just added a version of this contract; look at it first.")
    return contract


async def list_versions(tx: Tx, tenant_id: UUID) -> list[ContractVersion]:
    """All versions, the one that begins last first."""
    return [ContractVersion(**row._mapping) for row in await store.every(tx, tenant_id)]


async def get_version(tx: Tx, tenant_id: UUID, contract_id: UUID) -> ContractVersion:
    row = await store.by_id(tx, tenant_id, contract_id)
    if row is None:
        raise NotFound
    return ContractVersion(**row._mapping)


async def in_force(tx: Tx, tenant_id: UUID, day: date) -> ContractVersion | None:
    """The version that covers a local date: the latest to begin by then; of two that begin together, the newer."""
    row = await store.in_force(tx, tenant_id, day)
    return None if row is None else ContractVersion(**row._mapping)


async def for_month(tx: Tx, tenant_id: UUID, label: str) -> ContractVersion | None:
    """The version that bills the month '1999-03'. Versions begin on first days, so a month never has two."""
    first = local_date(month_period(label, "UTC").starts_at, "UTC")
    return await in_force(tx, tenant_id, first)
