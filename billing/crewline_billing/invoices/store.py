"""SQL of invoices, their periods and statements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_billing.invoices.model import LateContact
from crewline_billing.invoices.rules_state import FROZEN
from crewline_infra.db import Tx
from crewline_infra.ids import new_id
from crewline_infra.periods import Period

_SUMMARY = (
    "id, tenant_id, period, number, state, currency, net, tax, total, contract_id, contract_hash, hash, "
    "created_at, issued_at"
)
_FROZEN = sorted(state.value for state in FROZEN)
_LIVE = "state in ('draft', 'reviewed', 'issued', 'paid', 'uncollectible')"


async def page(
    tx: Tx, tenant_id: UUID, *, frozen_only: bool, period: str | None, after: str | None, limit: int
) -> Sequence[Row[Any]]:
    """By period, the newest first; `after` is the id of the last one seen."""
    return await tx.rows(
        f"select {_SUMMARY} from invoice where tenant_id = $1 and (not $2 or state = any($3)) "  # noqa: S608 - constant
        "and ($4::text is null or period = $4) and ($5::uuid is null or (period, id) < "
        "(select period, id from invoice where tenant_id = $1 and id = $5)) "
        "order by period desc, id desc limit $6",
        tenant_id,
        frozen_only,
        _FROZEN,
        period,
        after,
        limit,
    )


async def by_id(tx: Tx, tenant_id: UUID, invoice_id: UUID, *, lock: bool = False) -> Row[Any] | None:
    return await tx.row(
        f"select {_SUMMARY}, document from invoice where tenant_id = $1 and id = $2"  # noqa: S608 - constant
        + (" for update" if lock else ""),
        tenant_id,
        invoice_id,
    )


async def live_of_period(tx: Tx, tenant_id: UUID, period: str) -> Row[Any] | None:
    """The draft or frozen invoice of a period; a void one does not count."""
    return await tx.row(
        f"select {_SUMMARY}, document from invoice where tenant_id = $1 and period = $2 and {_LIVE} for update",  # noqa: S608 - constant
        tenant_id,
        period,
    )


async def open_period(tx: Tx, tenant_id: UUID, period: Period) -> str:
    """Make sure that the period is there, and lock it; returns its state."""
    await tx.run(
        "insert into billing_period (tenant_id, label, starts_at, ends_at, zone) values ($1, $2, $3, $4, $5) "
        "on conflict (tenant_id, label) do update set starts_at = $3, ends_at = $4, zone = $5 "
        "where billing_period.state = 'open'",
        tenant_id,
        period.label,
        period.starts_at,
        period.ends_at,
        period.zone,
    )
    state: str = await tx.value(
        "select state from billing_period where tenant_id = $1 and label = $2 for update", tenant_id, period.label
    )
    return state


async def unfitting_period(tx: Tx, tenant_id: UUID, period: Period) -> str | None:
    """A closed month that this one overlaps, or leaves a gap to: its contract had another time zone."""
    found: str | None = await tx.value(
        "select label from billing_period where tenant_id = $1 and state = 'closed' and label <> $2 "
        "and ((starts_at < $4 and ends_at > $3) "
        "or (label = to_char(($2 || '-01')::date - interval '1 month', 'YYYY-MM') and ends_at <> $3) "
        "or (label = to_char(($2 || '-01')::date + interval '1 month', 'YYYY-MM') and starts_at <> $4)) "
        "order by label limit 1",
        tenant_id,
        period.label,
        period.starts_at,
        period.ends_at,
    )
    return found


async def close_period(tx: Tx, tenant_id: UUID, label: str, now: datetime) -> None:
    await tx.run(
        "update billing_period set state = 'closed', closed_at = $3 where tenant_id = $1 and label = $2",
        tenant_id,
        label,
        now,
    )


async def replace_draft(tx: Tx, tenant_id: UUID, draft: dict[str, Any]) -> None:
    """Write the draft with this id, in place of what it said before."""
    await tx.run(
        "delete from invoice_line where tenant_id = $1 and invoice_id = $2",
        tenant_id,
        draft["id"],
    )
    await tx.run(
        "insert into invoice (tenant_id, id, period, contract_id, contract_hash, state, currency, net, tax, total, "
        "document, hash, created_at, created_by) values ($1, $2, $3, $4, $5, 'draft', $6, $7, $8, $9, $10, $11, "
        "$12, $13) on conflict (tenant_id, id) do update set contract_id = $4, contract_hash = $5, state = 'draft', "
        "currency = $6, net = $7, tax = $8, total = $9, document = $10, hash = $11",
        tenant_id,
        draft["id"],
        draft["period"],
        draft["contract_id"],
        draft["contract_hash"],
        draft["currency"],
        draft["net"],
        draft["tax"],
        draft["total"],
        draft["document"],
        draft["hash"],
        draft["created_at"],
        tx.context.actor_id,
    )
    await add_lines(tx, tenant_id, draft["id"], draft["document"]["lines"])


async def add_lines(tx: Tx, tenant_id: UUID, invoice_id: UUID, lines: list[dict[str, Any]]) -> None:
    """`lines` as they stand in the invoice's document."""
    await tx.run(
        "insert into invoice_line (tenant_id, invoice_id, position, kind, item_id, label, meter, quantity, unit, "
        "amount, tax_code, arithmetic, original_period) "
        "select $1, $2, (l ->> 'position')::int, l ->> 'kind', l ->> 'item', "
        "coalesce(l -> 'labels' ->> 'en', (select value from jsonb_each_text(l -> 'labels') limit 1)), "
        "l ->> 'meter', (l ->> 'quantity')::numeric, l ->> 'unit', (l ->> 'amount')::numeric, l ->> 'tax', "
        "l -> 'arithmetic', l ->> 'original_period' from jsonb_array_elements($3::jsonb) l",
        tenant_id,
        invoice_id,
        lines,
    )


async def set_state(tx: Tx, tenant_id: UUID, invoice_id: UUID, state: str) -> None:
    await tx.run("update invoice set state = $3 where tenant_id = $1 and id = $2", tenant_id, invoice_id, state)


async def set_issued(tx: Tx, tenant_id: UUID, invoice_id: UUID, number: str, now: datetime) -> None:
    await tx.run(
        "update invoice set state = 'issued', number = $3, issued_at = $4, issued_by = $5 "
        "where tenant_id = $1 and id = $2",
        tenant_id,
        invoice_id,
        number,
        now,
        tx.context.actor_id,
    )


async def next_number(tx: Tx, issuer: str) -> int:
    """The issuer's next number. The counter's row stays locked until the end, so a rolled back issue leaves no gap."""
    number: int = await tx.value(
        "insert into invoice_counter (issuer, last_number) values ($1, 1) "
        "on conflict (issuer) do update set last_number = invoice_counter.last_number + 1 returning last_number",
        issuer,
    )
    return number


async def queue_slugs(tx: Tx, tenant_id: UUID) -> dict[UUID, str]:
    rows = await tx.rows("select id, slug from queue where tenant_id = $1 order by slug", tenant_id)
    return {row.id: row.slug for row in rows}


# A contact's version counts in a period when it was added there and not taken back since: the last version with rows
# there has a positive one. Rows of one version are always handed to an invoice together.
_LATE = """
with changed as (
  select p.label, p.starts_at, p.ends_at, u.contact_id, min(u.version) as first, max(u.version) as last
    from usage_row u
    join billing_period p on p.tenant_id = $1 and u.billed_at >= p.starts_at and u.billed_at < p.ends_at
   where u.tenant_id = $1 and u.invoice_id is not distinct from $2::uuid
     and u.billed_at < $3 and p.state = 'closed' and p.starts_at < $3
   group by p.label, p.starts_at, p.ends_at, u.contact_id
), versions as (
  select c.label, c.contact_id, c.last,
         max(u.version) filter (where u.version < c.first) as before_any,
         max(u.version) filter (where u.version < c.first and u.sign = 1) as before_added,
         max(u.version) as after_any,
         max(u.version) filter (where u.sign = 1) as after_added
    from changed c
    join usage_row u on u.tenant_id = $1 and u.contact_id = c.contact_id and u.version <= c.last
     and u.billed_at >= c.starts_at and u.billed_at < c.ends_at
   group by c.label, c.contact_id, c.last
)
select label as period, contact_id, last as upto,
       case when before_added = before_any then before_added end as before,
       case when after_added = after_any then after_added end as after
  from versions order by label, contact_id
"""


async def late_contacts(tx: Tx, tenant_id: UUID, before: datetime, invoice_id: UUID | None = None) -> list[LateContact]:
    """Contacts of periods closed before `before` whose changed usage no invoice holds yet, or that invoice holds."""
    rows = await tx.rows(_LATE, tenant_id, invoice_id, before)
    return [LateContact(**row._mapping) for row in rows]


async def attach_late(tx: Tx, tenant_id: UUID, late: Sequence[LateContact], invoice_id: UUID) -> int:
    """Hand the pending rows of these contacts, up to the version that was billed, to an invoice."""
    return await tx.run(
        "update usage_row u set invoice_id = $5 "
        "from unnest($2::text[], $3::uuid[], $4::int[]) as l (period, contact_id, upto) "
        "join billing_period p on p.tenant_id = $1 and p.label = l.period "
        "where u.tenant_id = $1 and u.contact_id = l.contact_id and u.version <= l.upto "
        "and u.invoice_id is null and u.billed_at >= p.starts_at and u.billed_at < p.ends_at",
        tenant_id,
        [one.period for one in late],
        [one.contact_id for one in late],
        [one.upto for one in late],
        invoice_id,
    )


async def invoiced_period(tx: Tx, tenant_id: UUID, label: str) -> Row[Any] | None:
    """A closed period with the contract of its invoice, the units billed last for it, and by which statement."""
    return await tx.row(
        "select p.label, p.starts_at, p.ends_at, p.zone, i.contract_id, b.items, b.chain_head "
        "from billing_period p join invoice i on i.tenant_id = $1 and i.period = p.label "
        "and i.state in ('issued', 'paid', 'uncollectible') "
        "cross join lateral (select u -> 'items' as items, s.chain_head from invoice n "
        "cross join lateral jsonb_array_elements(n.document -> 'units') u "
        "left join statement s on s.tenant_id = $1 and s.invoice_id = n.id "
        "where n.tenant_id = $1 and n.state in ('issued', 'paid', 'uncollectible') and u ->> 'period' = p.label "
        "order by n.issued_at desc, n.period desc limit 1) b "
        "where p.tenant_id = $1 and p.label = $2",
        tenant_id,
        label,
    )


async def usage_count(tx: Tx, tenant_id: UUID, period: Period) -> int:
    """Usage is only ever appended: while this number stays, no contact of the period has changed."""
    count: int = await tx.value(
        "select count(*) from usage_row where tenant_id = $1 and billed_at >= $2 and billed_at < $3",
        tenant_id,
        period.starts_at,
        period.ends_at,
    )
    return count


async def add_statement(tx: Tx, tenant_id: UUID, values: dict[str, Any]) -> None:
    await tx.run(
        "insert into statement (tenant_id, id, invoice_id, period, file_name, file_hash, line_count, chain_head, "
        "key_id, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        tenant_id,
        new_id(),
        values["invoice_id"],
        values["period"],
        values["file_name"],
        values["file_hash"],
        values["line_count"],
        values["chain_head"],
        values["key_id"],
        values["created_at"],
    )


async def statement_of(tx: Tx, tenant_id: UUID, invoice_id: UUID) -> Row[Any] | None:
    return await tx.row(
        "select id, invoice_id, file_name, file_hash, line_count, chain_head, key_id, created_at from statement "
        "where tenant_id = $1 and invoice_id = $2",
        tenant_id,
        invoice_id,
    )


async def audit(tx: Tx, tenant_id: UUID, action: str, subject: UUID, *, now: datetime, detail: dict[str, Any]) -> None:
    await tx.run(
        "insert into audit_entry (tenant_id, id, at, actor_id, action, subject, detail, request_id) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8)",
        tenant_id,
        new_id(),
        now,
        tx.context.actor_id,
        action,
        str(subject),
        detail,
        tx.context.request_id,
    )
