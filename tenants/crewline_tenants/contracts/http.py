"""Contracts over the API: the same terms for both parties."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from crewline_tenants.contracts import service
from crewline_tenants.contracts.model import ContractVersion
from crewline_tenants.people.access import Db, Permission, Who, tenant_access


class ContractSummary(msgspec.Struct, kw_only=True, frozen=True):
    id: UUID
    version: int
    name: str
    hash: str
    effective_from: date
    created_at: datetime


class ContractOut(ContractSummary, kw_only=True, frozen=True):
    """`document` is what was agreed, in the contract language, with every default written out."""

    document: dict[str, Any]
    source_text: str


@get("/api/v1/tenants/{tenant_id:uuid}/contracts", summary="List the versions of a contract")
async def list_contracts(tenant_id: FromPath[UUID], principal: Who, db: Db) -> list[ContractSummary]:
    context = tenant_access(principal, tenant_id, Permission.CONTRACT_READ)
    async with db.transaction(context) as tx:
        return [_summary(version) for version in await service.list_versions(tx, tenant_id)]


@get(
    "/api/v1/tenants/{tenant_id:uuid}/contracts/{contract_id:uuid}",
    summary="Read one version of a contract",
)
async def read_contract(tenant_id: FromPath[UUID], contract_id: FromPath[UUID], principal: Who, db: Db) -> ContractOut:
    context = tenant_access(principal, tenant_id, Permission.CONTRACT_READ)
    async with db.transaction(context) as tx:
        found = await service.get_version(tx, tenant_id, contract_id)
    return ContractOut(
        **msgspec.structs.asdict(_summary(found)),
        document=found.document,
        source_text=found.source_text,
    )


ROUTES = [list_contracts, read_contract]


def _summary(found: ContractVersion) -> ContractSummary:
    return ContractSummary(
        id=found.id,
        version=found.version,
        name=found.name,
        hash=found.hash,
        effective_from=found.effective_from,
        created_at=found.created_at,
    )
