"""SQL of contract versions. They are only ever added."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx
from crewline_tenants.contracts.model import ContractVersion

COLUMNS = "tenant_id, id, version, name, document, source_text, hash, effective_from, created_at, created_by"
_READ = f"select {COLUMNS} from contract where tenant_id = $1"  # noqa: S608 - constant


async def by_id(tx: Tx, tenant_id: UUID, contract_id: UUID) -> Row[Any] | None:
    return await tx.row(f"{_READ} and id = $2", tenant_id, contract_id)


async def by_hash(tx: Tx, tenant_id: UUID, fingerprint: str) -> Row[Any] | None:
    return await tx.row(f"{_READ} and hash = $2", tenant_id, fingerprint)


async def every(tx: Tx, tenant_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(f"{_READ} order by effective_from desc, version desc", tenant_id)


async def in_force(tx: Tx, tenant_id: UUID, day: date) -> Row[Any] | None:
    return await tx.row(
        f"{_READ} and effective_from <= $2 order by effective_from desc, version desc limit 1",
        tenant_id,
        day,
    )


async def last_version(tx: Tx, tenant_id: UUID) -> int:
    found: int = await tx.value("select coalesce(max(version), 0) from contract where tenant_id = $1", tenant_id)
    return found


async def add(tx: Tx, contract: ContractVersion) -> int:
    """1, or 0 when this version number or this document is there already."""
    return await tx.run(
        "insert into contract (tenant_id, id, version, name, document, source_text, hash, effective_from, "
        "created_at, created_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing",
        contract.tenant_id,
        contract.id,
        contract.version,
        contract.name,
        contract.document,
        contract.source_text,
        contract.hash,
        contract.effective_from,
        contract.created_at,
        contract.created_by,
    )
