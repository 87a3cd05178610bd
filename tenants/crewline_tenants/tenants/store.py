"""SQL of the tenant registry. A tenant's own role sees its one row; the operator's roles see all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx
from crewline_tenants.tenants.model import Tenant

COLUMNS = "id, slug, name, name_zh_hans, name_zh_hant, time_zone, currency, locale, colour, state"


async def by_id(tx: Tx, tenant_id: UUID) -> Row[Any] | None:
    return await tx.row(f"select {COLUMNS} from tenant where id = $1", tenant_id)  # noqa: S608 - constant


async def by_slug(tx: Tx, slug: str) -> Row[Any] | None:
    return await tx.row(f"select {COLUMNS} from tenant where slug = $1", slug)  # noqa: S608 - constant


async def every(tx: Tx) -> Sequence[Row[Any]]:
    return await tx.rows(f"select {COLUMNS} from tenant order by name, id")  # noqa: S608 - constant


async def of_ids(tx: Tx, ids: list[UUID]) -> Sequence[Row[Any]]:
    return await tx.rows(
        f"select {COLUMNS} from tenant where id = any($1::uuid[]) order by name, id",  # noqa: S608 - constant
        ids,
    )


async def add(tx: Tx, tenant: Tenant, now: datetime) -> int:
    return await tx.run(
        "insert into tenant (id, slug, name, name_zh_hans, name_zh_hant, time_zone, currency, "
        "locale, colour, state, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
        "on conflict (slug) do nothing",
        tenant.id,
        tenant.slug,
        tenant.name,
        tenant.name_zh_hans,
        tenant.name_zh_hant,
        tenant.time_zone,
        tenant.currency,
        tenant.locale,
        tenant.colour,
        tenant.state,
        now,
    )
