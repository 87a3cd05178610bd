"""All SQL of the ledger. Only the worker's role may write it; nothing is ever changed but `current`."""

# ruff: noqa: S608 - statements are put together from the column names below
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import Row

from crewline_infra.db import Tx
from crewline_reporting.records.model import ContactFilter, Position
from crewline_reporting.records.rules import Record, interval_instant

FIELDS = Record.__struct_fields__
_FIELD_LIST = ", ".join(FIELDS)
_STORED_LIST = f"{_FIELD_LIST}, content_hash, counted_at"
_values = attrgetter(*FIELDS)
_STAGED = tuple(name for name in FIELDS if name not in ("tenant_id", "version"))
_STAGE_COLUMNS = ("n", *_STAGED, "content_hash", "counted_at")
_staged_values = attrgetter(*_STAGED)

_STAGE = """
create temporary table if not exists record_stage (
  n integer not null, contact_id uuid, source text, external_id text,
  channel text, direction text, entry_point text, queue_id uuid, customer_id uuid, customer_ref text,
  agent_id uuid, agent_alias text, priority integer, outcome text, disposition text, script_version_id uuid,
  arrived_at timestamptz, queued_at timestamptz, offered_at timestamptz, answered_at timestamptz,
  ended_at timestamptz, wrapped_at timestamptz, menu_ms bigint, wait_ms bigint, ring_ms bigint, talk_ms bigint,
  hold_ms bigint, wrap_ms bigint, in_hours boolean, exclusion text, flags text[], recorded_at timestamptz,
  content_hash text, counted_at timestamptz
) on commit delete rows
"""
_MET = """
select s.n, bool_or(r.same) as known from record_stage s
 cross join lateral (
   select r.content_hash = s.content_hash as same from record r
    where r.tenant_id = $1 and r.source = s.source and r.external_id = s.external_id
    union all
   select false from record r where r.tenant_id = $1 and r.contact_id = s.contact_id
 ) r
 group by s.n
"""
_UNSTAGE = "delete from record_stage where n = any($1::integer[])"
_INSERT = f"""
insert into record (tenant_id, version, {", ".join(_STAGE_COLUMNS[1:])})
select $1, 1, {", ".join(_STAGE_COLUMNS[1:])} from record_stage
on conflict do nothing
"""
_INSERT_ONE = f"""
insert into record ({_STORED_LIST})
values ({", ".join(f"${position + 1}" for position in range(len(FIELDS) + 2))})
"""
_CONFLICT = """
insert into record_conflict (tenant_id, id, source, external_id, content_hash, document, at)
values ($1, $2, $3, $4, $5, $6, $7) on conflict (tenant_id, source, external_id, content_hash) do nothing
"""


async def stage(tx: Tx, records: Sequence[tuple[Record, str]]) -> None:
    """Copy new records with their content hashes into this connection's staging table, emptied first."""
    connection = await tx.driver()
    await connection.execute(_STAGE)
    await connection.execute("truncate record_stage")
    await connection.copy_records_to_table(
        "record_stage",
        columns=_STAGE_COLUMNS,
        records=[
            (n, *_staged_values(record), content_hash, interval_instant(record))
            for n, (record, content_hash) in enumerate(records)
        ],
    )


async def met(tx: Tx, tenant_id: UUID) -> dict[int, bool]:
    """Of the staged records those met before, by position: True with the same content, False with other."""
    return {row.n: row.known for row in await tx.rows(_MET, tenant_id)}


async def insert_staged(tx: Tx, tenant_id: UUID) -> int:
    """Insert what is staged; returns how many rows were new."""
    return await tx.run(_INSERT, tenant_id)


async def insert_all_staged(tx: Tx, tenant_id: UUID, expected: int) -> bool:
    """Insert what is staged if every row of it is new; otherwise undo, and say False."""
    connection = await tx.driver()
    savepoint = connection.transaction()
    await savepoint.start()
    if await insert_staged(tx, tenant_id) == expected:
        await savepoint.commit()
        return True
    await savepoint.rollback()
    return False


async def unstage(tx: Tx, positions: list[int]) -> None:
    await tx.run(_UNSTAGE, positions)


async def insert_version(tx: Tx, record: Record, content_hash: str) -> None:
    await tx.run(_INSERT_ONE, *_values(record), content_hash, interval_instant(record))


async def keep_conflict(tx: Tx, conflict_id: UUID, record: Record, content_hash: str) -> None:
    await tx.run(
        _CONFLICT,
        record.tenant_id,
        conflict_id,
        record.source,
        record.external_id,
        content_hash,
        msgspec.to_builtins(record),
        record.recorded_at,
    )


async def lock_current(tx: Tx, tenant_id: UUID, contact_id: UUID) -> Record | None:
    """The current version, locked against another correction of the contact.

    The lock is on version 1, which is there for ever: who waited for it sees the version that came meanwhile.
    """
    await tx.run(
        "select 1 from record where tenant_id = $1 and contact_id = $2 and version = 1 for update",
        tenant_id,
        contact_id,
    )
    row = await tx.row(
        f"select {_FIELD_LIST} from record where tenant_id = $1 and contact_id = $2 and current",
        tenant_id,
        contact_id,
    )
    return None if row is None else _record(row)


async def retire(tx: Tx, tenant_id: UUID, contact_id: UUID, version: int) -> None:
    await tx.run(
        "update record set current = false where tenant_id = $1 and contact_id = $2 and version = $3",
        tenant_id,
        contact_id,
        version,
    )


async def versions(tx: Tx, tenant_id: UUID, contact_id: UUID) -> list[Record]:
    """Newest first."""
    rows = await tx.rows(
        f"select {_FIELD_LIST} from record where tenant_id = $1 and contact_id = $2 order by version desc",
        tenant_id,
        contact_id,
    )
    return [_record(row) for row in rows]


_WANTED = """
from record r where r.tenant_id = $1 and r.current
   and r.counted_at >= $2 and r.counted_at < $3
   and ($4::uuid is null or r.queue_id = $4)
   and ($5::text[] is null or r.outcome = any($5))
   and ($6::text is null or r.channel = $6)
   and ($7::text is null or r.agent_alias = $7)
   and ($8::bigint is null or r.wait_ms <= $8)
   and ($9::bigint is null or r.wait_ms > $9)
   and ($10::bigint is null or r.wait_ms < $10)
   and ($11::boolean is null or r.in_hours = $11)
   and ($12::bigint is null or r.outcome <> 'answered' or r.wait_ms > $12)
"""
_PAGE = f"""
select {_FIELD_LIST} {_WANTED}
   and ($13::timestamptz is null or (r.counted_at, r.contact_id) > ($13, $14::uuid))
 order by r.counted_at, r.contact_id limit $15
"""
_COUNT = f"select count(*) {_WANTED}"


async def page(tx: Tx, tenant_id: UUID, wanted: ContactFilter, after: Position | None, limit: int) -> list[Record]:
    """Current versions in the order of (counted instant, contact)."""
    position = (after.at, after.contact_id) if after else (None, None)
    rows = await tx.rows(_PAGE, tenant_id, *_conditions(wanted), *position, limit)
    return [_record(row) for row in rows]


async def count(tx: Tx, tenant_id: UUID, wanted: ContactFilter) -> int:
    return int(await tx.value(_COUNT, tenant_id, *_conditions(wanted)))


def _conditions(wanted: ContactFilter) -> tuple[Any, ...]:
    return (
        wanted.from_at,
        wanted.to_at,
        wanted.queue_id,
        list(wanted.outcomes) or None,
        wanted.channel,
        wanted.agent_alias,
        wanted.wait_at_most_ms,
        wanted.wait_over_ms,
        wanted.wait_under_ms,
        wanted.in_hours,
        wanted.not_within_ms,
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """[from_at, to_at) over the instant that is named by `by`."""

    by: Literal["ended", "counted"]
    from_at: datetime
    to_at: datetime


async def between(tx: Tx, tenant_id: UUID, stretch: Stretch, *, after: Position | None, limit: int) -> list[Record]:
    """Current versions in the order of (the stretch's instant, contact)."""
    instant = "r.ended_at" if stretch.by == "ended" else "r.counted_at"
    sql = f"""
select {_FIELD_LIST} from record r where r.tenant_id = $1 and r.current
   and {instant} >= $2 and {instant} < $3
   and ($4::timestamptz is null or ({instant}, r.contact_id) > ($4, $5::uuid))
 order by {instant}, r.contact_id limit $6
"""
    position = (after.at, after.contact_id) if after else (None, None)
    rows = await tx.rows(sql, tenant_id, stretch.from_at, stretch.to_at, *position, limit)
    return [_record(row) for row in rows]


def _record(row: Row[Any]) -> Record:
    return Record(**dict(zip(FIELDS, row, strict=True)))
