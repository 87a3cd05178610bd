"""SQL of statements: the records that stand in them beside those that ended in the period."""

# ruff: noqa: S608 - statements are put together from column names
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx
from crewline_infra.periods import Period
from crewline_reporting.records.rules import Record

FIELDS = Record.__struct_fields__
_COLUMNS = ", ".join(f"r.{name}" for name in FIELDS)


async def counted_only(tx: Tx, tenant_id: UUID, period: Period) -> list[Record]:
    """Contacts that entered a queue in the period and ended after it: the SLA counts them, the invoice does not yet."""
    rows = await tx.rows(
        f"select {_COLUMNS} from record r where r.tenant_id = $1 and r.current "
        "and r.counted_at >= $2 and r.counted_at < $3 and r.ended_at >= $3 order by r.ended_at, r.contact_id",
        tenant_id,
        period.starts_at,
        period.ends_at,
    )
    return [_record(row) for row in rows]


async def versions(tx: Tx, tenant_id: UUID, wanted: Sequence[tuple[UUID, int]]) -> list[Record]:
    """These versions of these contacts."""
    rows = await tx.rows(
        f"select {_COLUMNS} from unnest($2::uuid[], $3::int[]) as w (contact_id, version) "
        "join record r on r.tenant_id = $1 and r.contact_id = w.contact_id and r.version = w.version "
        "order by r.ended_at, r.contact_id",
        tenant_id,
        [contact_id for contact_id, _version in wanted],
        [version for _contact_id, version in wanted],
    )
    return [_record(row) for row in rows]


def _record(row: Row[Any]) -> Record:
    return Record(**dict(zip(FIELDS, row, strict=True)))
