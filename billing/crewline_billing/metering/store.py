"""Usage rows in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from crewline_billing.metering.rules import COLUMNS, METERS, Scope
from crewline_billing.rating.rules_lines import ContactUsage
from crewline_infra.db import Tx
from crewline_infra.periods import Period
from crewline_reporting.records.rules import Record, is_offered
from crewline_tenants.contracts.rules_terms import Filter

# ruff: noqa: S608 - statements are put together from the column names of the meters
_QUANTITIES = ", ".join(COLUMNS.values())
_METERS = ", ".join(f"('{meter}', u.{column}, '{METERS[meter]}')" for meter, column in COLUMNS.items())
_INSERT = f"""
insert into usage_row (tenant_id, contact_id, version, sign, {_QUANTITIES}, billed_at, queue_id, channel, recorded_at)
"""

# One array per column and one row per record. Only offered contacts use anything: the handled ones are some of them,
# and time is used by the handled alone. A test holds this statement to `rules.usage_rows`.
APPEND = f"""
{_INSERT}
select $1, r.contact_id, r.version, 1, r.handled, r.offered, r.handled * r.talk_ms, r.handled * r.hold_ms,
       r.handled * r.wrap_ms, r.billed_at, r.queue_id, r.channel, r.recorded_at
from unnest($2::uuid[], $3::int[], $4::timestamptz[], $5::uuid[], $6::text[], $7::timestamptz[],
            $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
     as r (contact_id, version, billed_at, queue_id, channel, recorded_at, handled, offered, talk_ms, hold_ms, wrap_ms)
where r.offered > 0
on conflict do nothing
"""

# The same for the bulk path: the staging table of `crewline_reporting.records.bulk` holds the new records.
APPEND_STAGED = f"""
{_INSERT}
select $1, r.contact_id, 1, 1, a.handled, 1, a.handled * r.talk_ms, a.handled * r.hold_ms, a.handled * r.wrap_ms,
       r.ended_at, r.queue_id, r.channel, $2
from record_bulk r
cross join lateral (select (r.outcome = 'answered')::int as handled) a
where r.outcome in ('answered', 'abandoned', 'flowed_out', 'callback')
"""

# A correction takes back the version before it, whole.
TAKE_BACK = f"""
{_INSERT}
select $1, u.contact_id, c.version, -1, {", ".join(f"u.{column}" for column in COLUMNS.values())},
       u.billed_at, u.queue_id, u.channel, c.recorded_at
from unnest($2::uuid[], $3::int[], $4::timestamptz[]) as c (contact_id, version, recorded_at)
join usage_row u on u.tenant_id = $1 and u.contact_id = c.contact_id and u.version = c.version - 1 and u.sign = 1
on conflict do nothing
"""

# A contact's usage in a period is the sum of its rows there; what it was (outcome, disposition) is told by the
# version that these rows end with. $4 limits the rows to one invoice, $5 to rows that no invoice has yet.
# The sum of an interval keeps the planner from reading the whole month anew for each contact where it has no
# statistics yet (just after an import): a contact's rows are found by its key.
READ = f"""
select r.contact_id, r.version, r.ended_at, coalesce(q.slug, r.queue_id::text, '') as queue, r.channel, r.outcome,
       coalesce(r.disposition, '') as disposition, r.in_hours, u.handled, u.offered, u.talk_ms, u.hold_ms, u.wrap_ms
from record r
cross join lateral (
  select max(u.version) filter (where u.sign = 1) as version,
         {", ".join(f"coalesce(sum(u.sign * u.{column}), 0)::bigint as {column}" for column in COLUMNS.values())}
  from usage_row u
  where u.tenant_id = $1 and u.contact_id = r.contact_id
    and u.billed_at + interval '0' >= $2 and u.billed_at + interval '0' < $3
    and ($4::uuid is null or u.invoice_id = $4) and (not $5 or u.invoice_id is null)
) u
left join queue q on q.tenant_id = $1 and q.id = r.queue_id
where r.tenant_id = $1 and r.ended_at >= $2 and r.ended_at < $3 and u.version = r.version
  and (u.handled <> 0 or u.offered <> 0 or u.talk_ms <> 0 or u.hold_ms <> 0 or u.wrap_ms <> 0)
"""

PAGE = f"""
select * from ({READ}) used
where ($6::text[] is null or used.queue = any($6)) and ($7::text[] is null or used.channel = any($7))
  and ($8::text[] is null or used.outcome = any($8)) and ($9::text[] is null or used.disposition = any($9))
  and ($10::boolean is null or used.in_hours = $10)
  and used.handled * $11 + used.offered * $12 + used.talk_ms * $13 + used.hold_ms * $14 + used.wrap_ms * $15 > 0
  and ($16::timestamptz is null or (used.ended_at, used.contact_id) > ($16, $17::uuid))
order by used.ended_at, used.contact_id
limit $18
"""

ATTACH = """
update usage_row set invoice_id = $4
where tenant_id = $1 and billed_at >= $2 and billed_at < $3 and invoice_id is null
"""
RELEASE = "update usage_row set invoice_id = null where tenant_id = $1 and invoice_id = $2"

TOTALS = f"""
select m.meter, m.unit, sum(u.sign * m.quantity)::bigint as quantity, count(distinct u.contact_id) as contacts,
       coalesce(sum(u.sign * m.quantity) filter (where u.invoice_id is null), 0)::bigint as pending
from usage_row u cross join lateral (values {_METERS}) as m (meter, quantity, unit)
where u.tenant_id = $1 and u.billed_at >= $2 and u.billed_at < $3 and m.quantity > 0
group by m.meter, m.unit order by m.meter
"""

OF_CONTACT = f"""
select u.version, m.meter, u.sign, m.quantity, m.unit, u.billed_at, u.invoice_id
from usage_row u cross join lateral (values {_METERS}) as m (meter, quantity, unit)
where u.tenant_id = $1 and u.contact_id = $2 and m.quantity > 0
order by u.version, u.sign, m.meter
"""


class Weights(NamedTuple):
    """1 for each meter that a line looks at, else 0."""

    handled: int = 0
    offered: int = 0
    talk: int = 0
    hold: int = 0
    wrap: int = 0


async def append(tx: Tx, tenant_id: UUID, records: Sequence[Record]) -> int:
    """Rows of these versions; returns how many were new."""
    columns = [
        [record.contact_id for record in records],
        [record.version for record in records],
        [record.ended_at for record in records],
        [record.queue_id for record in records],
        [record.channel for record in records],
        [record.recorded_at for record in records],
        [1 if record.outcome == "answered" else 0 for record in records],
        [1 if is_offered(record) else 0 for record in records],
        [record.talk_ms for record in records],
        [record.hold_ms for record in records],
        [record.wrap_ms for record in records],
    ]
    return await tx.run(APPEND, tenant_id, *columns)


async def append_staged(tx: Tx, tenant_id: UUID, recorded_at: datetime) -> int:
    return await tx.run(APPEND_STAGED, tenant_id, recorded_at)


async def take_back(tx: Tx, tenant_id: UUID, corrections: Sequence[Record]) -> int:
    """Negative rows for the versions that these corrections replace; returns how many were new."""
    return await tx.run(
        TAKE_BACK,
        tenant_id,
        [record.contact_id for record in corrections],
        [record.version for record in corrections],
        [record.recorded_at for record in corrections],
    )


async def read(tx: Tx, tenant_id: UUID, period: Period, scope: Scope) -> list[ContactUsage]:
    sql = f"{READ} order by r.ended_at, r.contact_id"
    rows = await tx.rows(sql, tenant_id, period.starts_at, period.ends_at, *scope)
    return [_usage(row) for row in rows]


async def page(
    tx: Tx,
    tenant_id: UUID,
    period: Period,
    scope: Scope,
    *,
    terms: Filter,
    weights: Weights,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ContactUsage]:
    rows = await tx.rows(
        PAGE,
        tenant_id,
        period.starts_at,
        period.ends_at,
        *scope,
        *_filter_arguments(terms),
        *weights,
        *(after or (None, None)),
        limit,
    )
    return [_usage(row) for row in rows]


async def totals(tx: Tx, tenant_id: UUID, period: Period) -> Sequence[Any]:
    return await tx.rows(TOTALS, tenant_id, period.starts_at, period.ends_at)


async def attach(tx: Tx, tenant_id: UUID, period: Period, invoice_id: UUID) -> int:
    return await tx.run(ATTACH, tenant_id, period.starts_at, period.ends_at, invoice_id)


async def release(tx: Tx, tenant_id: UUID, invoice_id: UUID) -> int:
    return await tx.run(RELEASE, tenant_id, invoice_id)


def _filter_arguments(terms: Filter) -> tuple[Any, ...]:
    texts = (terms.queue, terms.channel, terms.outcome, terms.disposition)
    return (*(list(values) or None for values in texts), terms.in_hours)


def _usage(row: Any) -> ContactUsage:
    return ContactUsage(**row._mapping)


async def of_contact(tx: Tx, tenant_id: UUID, contact_id: UUID) -> Sequence[Any]:
    return await tx.rows(OF_CONTACT, tenant_id, contact_id)
