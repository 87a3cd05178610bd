"""Invoices as use cases hand them out."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from crewline_billing.invoices.rules import Bill
from crewline_billing.invoices.rules_state import State
from crewline_infra.periods import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSummary:
    """`number` is None until the invoice is issued; `hash` is the fingerprint of its bill."""

    id: UUID
    tenant_id: UUID
    period: str
    number: str | None
    state: State
    currency: str
    net: Decimal
    tax: Decimal
    total: Decimal
    contract_id: UUID
    contract_hash: str
    hash: str
    created_at: datetime
    issued_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFile:
    """Where the signed account of an issued invoice lies: `file_name` is what a download is called."""

    id: UUID
    invoice_id: UUID
    file_name: str
    file_hash: str
    line_count: int
    chain_head: str
    key_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice(InvoiceSummary):
    bill: Bill
    statement: StatementFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LateContact:
    """A contact of an invoiced period that changed: the version billed so far and the one to bill, None for none."""

    period: str
    contact_id: UUID
    before: int | None
    after: int | None
    upto: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoiced:
    """An invoiced period: its contract, and the units billed so far with the chain head of the statement that did."""

    period: Period
    contract_id: UUID
    billed: dict[str, int]
    chain_head: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineContact:
    """A contact behind a line. `billed` adds up, over all contacts, to the line's quantity: 1 for a contact, or
    milliseconds; on a correction it is the difference that the contact makes. `unit` is 'contact' or 'ms'.
    """

    contact_id: UUID
    version: int
    ended_at: datetime | None
    queue: str
    channel: str
    outcome: str
    disposition: str
    talk_ms: int
    hold_ms: int
    wrap_ms: int
    billed: int
    unit: str
