"""Use cases of invoices: preview, run, review, read, drill down. Issuing is in `closing`."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

from crewline_billing.invoices import store
from crewline_billing.invoices.collecting import collect, corrections, ground
from crewline_billing.invoices.model import Invoice, InvoiceSummary, StatementFile
from crewline_billing.invoices.rules import Bill, document, fingerprint
from crewline_billing.invoices.rules_state import FROZEN, Action, State, next_state
from crewline_infra.db import Tx
from crewline_infra.errors import Conflict, Invalid, NotFound
from crewline_infra.i18n import gettext as _
from crewline_infra.ids import new_id
from crewline_infra.periods import Period
from crewline_infra.tenancy import Role
from crewline_tenants.contracts.rules_terms import Contract

PAGE_MAX = 200


async def preview(tx: Tx, tenant_id: UUID, label: str, terms: Contract | None = None) -> Bill:
    """What the month would cost now, under the contract in force or under `terms`. Writes nothing."""
    base = await ground(tx, tenant_id, label, terms)
    late = await corrections(tx, tenant_id, base.period)
    return (await collect(tx, tenant_id, base, late)).bill


async def run(tx: Tx, tenant_id: UUID, label: str, *, now: datetime) -> Invoice:
    """Make the draft of a month, or make it anew: the same records and contract give the identical draft.

    Raises `Conflict` when the month is invoiced already, `Invalid` when no contract covers it.
    """
    base = await ground(tx, tenant_id, label)
    await store.open_period(tx, tenant_id, base.period)
    await _refuse_seams(tx, tenant_id, base.period)
    live = await store.live_of_period(tx, tenant_id, label)
    if live is not None:
        if State(live.state) in FROZEN:
            raise Conflict(
                _("{period} is invoiced already, as {number}; what comes late goes to the next invoice.").format(
                    period=label, number=live.number
                ),
                code="period_invoiced",
            )
        next_state(State(live.state), Action.REPLACE)
    late = await corrections(tx, tenant_id, base.period)
    bill = (await collect(tx, tenant_id, base, late)).bill
    if base.agreed is None:  # cannot be: ground() found it in the store
        raise Invalid("A draft needs a stored contract.")
    if live is not None and (live.hash, live.contract_hash) == (fingerprint(bill), base.agreed.hash):
        return await get(tx, tenant_id, live.id)
    invoice_id = new_id() if live is None else live.id
    draft = _draft(invoice_id, bill, contract=(base.agreed.id, base.agreed.hash), now=now)
    await store.replace_draft(tx, tenant_id, draft)
    detail = {"period": label, "total": str(bill.totals.total), "hash": draft["hash"]}
    await store.audit(tx, tenant_id, "invoice.drafted", invoice_id, now=now, detail=detail)
    return await get(tx, tenant_id, invoice_id)


async def review(tx: Tx, tenant_id: UUID, invoice_id: UUID, *, now: datetime) -> Invoice:
    """Say that a draft was looked at. Raises `NotFound`, or `Conflict` when it is no draft."""
    return await _step(tx, tenant_id, invoice_id, Action.REVIEW, now)


async def reopen(tx: Tx, tenant_id: UUID, invoice_id: UUID, *, now: datetime) -> Invoice:
    """Take a review back. Raises `NotFound`, or `Conflict` when it is not merely reviewed."""
    return await _step(tx, tenant_id, invoice_id, Action.REOPEN, now)


async def get(tx: Tx, tenant_id: UUID, invoice_id: UUID) -> Invoice:
    """The tenant's own people see an invoice once it is issued. Raises `NotFound`."""
    row = await store.by_id(tx, tenant_id, invoice_id)
    if row is None or (_frozen_only(tx) and State(row.state) not in FROZEN):
        raise NotFound
    return invoice_of(row, await store.statement_of(tx, tenant_id, invoice_id))


async def list_invoices(
    tx: Tx, tenant_id: UUID, *, period: str | None = None, after: UUID | None = None, limit: int = 50
) -> list[InvoiceSummary]:
    """Newest period first; `after` is the id of the last one seen."""
    if not 1 <= limit <= PAGE_MAX:
        raise Invalid(_("A page holds 1 to {most} invoices.").format(most=PAGE_MAX), field="limit")
    rows = await store.page(
        tx, tenant_id, frozen_only=_frozen_only(tx), period=period, after=str(after) if after else None, limit=limit
    )
    return [InvoiceSummary(**_summary(row)) for row in rows]


async def invoice_of_period(tx: Tx, tenant_id: UUID, label: str) -> Invoice:
    """The live invoice of a month (draft or issued). Raises `NotFound`."""
    rows = await list_invoices(tx, tenant_id, period=label)
    live = [row for row in rows if row.state is not State.VOID]
    if not live:
        raise NotFound(_("There is no invoice for {period}.").format(period=label))
    return await get(tx, tenant_id, live[0].id)


async def _refuse_seams(tx: Tx, tenant_id: UUID, period: Period) -> None:
    """No contact may fall between two invoiced months, or into both."""
    other = await store.unfitting_period(tx, tenant_id, period)
    if other is not None:
        sentence = _("{period} does not meet {other}, which is invoiced: keep the time zone {zone} in the contract.")
        invoiced = await store.invoiced_period(tx, tenant_id, other)
        zone = invoiced.zone if invoiced is not None else "?"
        raise Conflict(sentence.format(period=period.label, other=other, zone=zone), code="period_seam")


def invoice_of(row: Row[Any], statement: Row[Any] | None) -> Invoice:
    return Invoice(
        **_summary(row),
        bill=msgspec.convert(row.document, Bill),
        statement=None if statement is None else StatementFile(**statement._mapping),
    )


def _summary(row: Row[Any]) -> dict[str, Any]:
    values = {name: value for name, value in row._mapping.items() if name != "document"}
    return values | {"state": State(row.state)}


def _frozen_only(tx: Tx) -> bool:
    return tx.context.role is Role.TENANT


async def _step(tx: Tx, tenant_id: UUID, invoice_id: UUID, action: Action, now: datetime) -> Invoice:
    row = await store.by_id(tx, tenant_id, invoice_id, lock=True)
    if row is None:
        raise NotFound
    state = next_state(State(row.state), action)
    await store.set_state(tx, tenant_id, invoice_id, state.value)
    await store.audit(tx, tenant_id, f"invoice.{state.value}", invoice_id, now=now, detail={"hash": row.hash})
    return await get(tx, tenant_id, invoice_id)


def _draft(invoice_id: UUID, bill: Bill, *, contract: tuple[UUID, str], now: datetime) -> dict[str, Any]:
    contract_id, contract_hash = contract
    totals = bill.totals
    return {
        "id": invoice_id,
        "period": bill.period,
        "contract_id": contract_id,
        "contract_hash": contract_hash,
        "currency": bill.currency,
        "net": totals.net,
        "tax": totals.tax,
        "total": totals.total,
        "document": document(bill),
        "hash": fingerprint(bill),
        "created_at": now,
    }
