"""Issue an invoice: number it, freeze its period, hand it its usage, and write the signed statement. All or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_billing.invoices import rules_statement, service, store
from crewline_billing.invoices.collecting import Collected, Correction, Ground, collect, corrections, ground
from crewline_billing.invoices.model import Invoice, StatementFile
from crewline_billing.invoices.rules import fingerprint
from crewline_billing.invoices.rules_state import Action, State, next_state
from crewline_billing.metering import service as metering
from crewline_infra.db import Tx
from crewline_infra.errors import Conflict, NotFound, Unavailable
from crewline_infra.i18n import gettext as _
from crewline_infra.periods import Period
from crewline_reporting.records.rules import Record
from crewline_reporting.statements.chain import FORMAT
from crewline_reporting.statements.keys import StatementKeys
from crewline_reporting.statements.rules import (
    Agreement,
    Bounds,
    CorrectedPeriod,
    Header,
    InvoiceName,
    QueueName,
    TenantName,
)
from crewline_reporting.statements.service import StatementWriter
from crewline_tenants.contracts.model import ContractVersion
from crewline_tenants.tenants import service as tenants

ISSUER = "main"
"""Numbers run without gaps per issuer; this installation has one so far."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What issuing needs besides the database: keys, the folder of statements, the operator's name, the time."""

    keys: StatementKeys
    folder: Path
    operator: str
    now: datetime


async def issue(tx: Tx, tenant_id: UUID, invoice_id: UUID, desk: Desk) -> Invoice:
    """Issue a reviewed invoice; a draft counts as reviewed by whoever issues it.

    Raises `NotFound`; `Conflict` when it is issued already, its month is not over, or its figures have changed since
    the draft was made. After the transaction fails nothing has happened, and no number is lost.
    """
    row = await store.by_id(tx, tenant_id, invoice_id, lock=True)
    if row is None:
        raise NotFound
    await _take_steps(tx, tenant_id, row, desk.now)
    base = await ground(tx, tenant_id, row.period)
    if desk.now < base.period.ends_at:
        sentence = _("{period} is not over: it ends at {end} UTC.")
        raise Conflict(sentence.format(period=row.period, end=f"{base.period.ends_at:%Y-%m-%d %H:%M}"))
    if base.agreed is None or base.agreed.hash != row.contract_hash:
        raise Conflict(_("Another contract version covers this month by now: run the draft again."), code="stale_draft")
    late = await corrections(tx, tenant_id, base.period)
    header = await _header(tx, tenant_id, base, desk)
    statement = StatementWriter(statement_path(desk.folder, tenant_id, invoice_id), tenant_id, desk.keys)
    usage_count = await store.usage_count(tx, tenant_id, base.period)
    try:
        collected = await _write_records(tx, tenant_id, base, late=late, header=header, statement=statement)
        if fingerprint(collected.bill) != row.hash:
            raise Conflict(_("The figures have changed since this draft was made: run it again."), code="stale_draft")
        await _hand_over(tx, tenant_id, invoice_id, base.period, collected)
        if await store.usage_count(tx, tenant_id, base.period) != usage_count:
            raise _changed()
        name = InvoiceName(id=invoice_id, number=await _next_number(tx))
        await statement.run(lambda lines: rules_statement.finish(lines, collected.bill, name, desk.keys.signing))
        await store.set_issued(tx, tenant_id, invoice_id, name.number, desk.now)
        await store.close_period(tx, tenant_id, row.period, desk.now)
        await _keep_statement(tx, tenant_id, (header, name), statement, desk)
    except BaseException:
        statement.abandon()
        raise
    detail = {"number": name.number, "total": str(row.total), "chain_head": statement.lines.head}
    await store.audit(tx, tenant_id, "invoice.issued", invoice_id, now=desk.now, detail=detail)
    return await service.get(tx, tenant_id, invoice_id)


async def statement_file(tx: Tx, tenant_id: UUID, invoice_id: UUID, folder: Path) -> tuple[StatementFile, Path]:
    """The statement of an issued invoice. Raises `NotFound`, or `Unavailable` when its file is not here."""
    invoice = await service.get(tx, tenant_id, invoice_id)
    if invoice.statement is None:
        raise NotFound
    path = statement_path(folder, tenant_id, invoice_id)
    if not path.is_file():
        raise Unavailable(
            _("The file of this statement is missing: bring back {name} from a backup.").format(name=path.name)
        )
    return invoice.statement, path


def statements_folder(home: Path) -> Path:
    return home / "statements"


def statement_path(folder: Path, tenant_id: UUID, invoice_id: UUID) -> Path:
    return folder / str(tenant_id) / f"{invoice_id}.jsonl.gz"


async def _take_steps(tx: Tx, tenant_id: UUID, row: Row[Any], now: datetime) -> None:
    state = State(row.state)
    if state is State.DRAFT:
        state = next_state(state, Action.REVIEW)
        await store.audit(tx, tenant_id, "invoice.reviewed", row.id, now=now, detail={"hash": row.hash})
    next_state(state, Action.ISSUE)


async def _next_number(tx: Tx) -> str:
    """Taken last: the counter's row stays locked until the end of the transaction, and others wait for it."""
    return f"CL-{await store.next_number(tx, ISSUER):06d}"


async def _write_records(
    tx: Tx, tenant_id: UUID, base: Ground, *, late: Sequence[Correction], header: Header, statement: StatementWriter
) -> Collected:
    """Collect the bill and write the records in one pass over them, so that both say the same."""
    await statement.run(lambda lines: rules_statement.begin(lines, header, [_corrected(one) for one in late]))
    for correction in late:
        label = correction.invoiced.period.label
        await statement.records(correction.before, part="before", of=label)
        await statement.records(correction.after, part="after", of=label)

    async def write(records: Sequence[Record]) -> None:
        await statement.records(records)

    return await collect(tx, tenant_id, base, late, write)


async def _hand_over(tx: Tx, tenant_id: UUID, invoice_id: UUID, period: Period, collected: Collected) -> None:
    """The usage rows go to the invoice, and must come to what was just billed: a record that arrived meanwhile
    would be on no invoice and in no statement.
    """
    await metering.attach(tx, tenant_id, period, invoice_id)
    late = [contact for correction in collected.corrections for contact in correction.contacts]
    await store.attach_late(tx, tenant_id, late, invoice_id)
    held = {total.meter: total for total in await metering.read_totals(tx, tenant_id, period)}
    for meter, (_contacts, quantity) in collected.facts.meters.items():
        total = held.get(meter)
        if (total.quantity if total else 0) != quantity or (total and total.pending):
            raise _changed()


def _changed() -> Conflict:
    return Conflict(_("Records of this month have just changed: run the draft again."), code="stale_draft")


async def _keep_statement(
    tx: Tx,
    tenant_id: UUID,
    about: tuple[Header, InvoiceName],
    statement: StatementWriter,
    desk: Desk,
) -> None:
    file_hash = await statement.complete()
    header, name = about
    label = header.period.label
    values = {
        "invoice_id": name.id,
        "period": label,
        "file_name": f"statement-{header.tenant.slug}-{label}-{name.number}.jsonl.gz",
        "file_hash": file_hash,
        "line_count": statement.lines.number,
        "chain_head": statement.lines.head,
        "key_id": desk.keys.public_id,
        "created_at": desk.now,
    }
    await store.add_statement(tx, tenant_id, values)


async def _header(tx: Tx, tenant_id: UUID, base: Ground, desk: Desk) -> Header:
    tenant = await tenants.get_tenant(tx, tenant_id)
    if base.agreed is None:
        raise Conflict("A statement needs a stored contract.")
    return Header(
        format=FORMAT,
        operator=desk.operator,
        tenant=TenantName(id=tenant.id, slug=tenant.slug, name=tenant.name),
        period=_bounds(base.period),
        currency=base.terms.currency,
        contract=_agreement(base.agreed),
        queues=[QueueName(id=queue_id, slug=slug) for queue_id, slug in base.queues.items()],
        product_version=version("crewline"),
        generated_at=desk.now,
        public_key_id=desk.keys.public_id,
    )


def _corrected(correction: Correction) -> CorrectedPeriod:
    invoiced = correction.invoiced
    return CorrectedPeriod(
        period=_bounds(invoiced.period),
        statement=invoiced.chain_head,
        contract=_agreement(correction.agreed),
        billed=invoiced.billed,
    )


def _bounds(period: Period) -> Bounds:
    return Bounds(label=period.label, zone=period.zone, starts_at=period.starts_at, ends_at=period.ends_at)


def _agreement(agreed: ContractVersion) -> Agreement:
    return Agreement(version=agreed.version, hash=agreed.hash, document=agreed.document)
