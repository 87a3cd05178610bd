"""The lines of a statement as typed data; docs/statement-format.md describes them for strangers."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from crewline_reporting.records.rules import Record

HEADER, RECORD, USAGE = "header", "record", "usage"
SERVICE_LEVEL, UNITS = "service_level", "units"
INVOICE, INVOICE_LINE, TOTALS = "invoice", "invoice_line", "totals"
CORRECTED = "corrected_period"
ORDER = (HEADER, CORRECTED, RECORD, USAGE, SERVICE_LEVEL, UNITS, INVOICE, INVOICE_LINE, TOTALS, "seal")
"""Kinds in the order in which they must come; header, invoice, totals and seal exactly once."""

Part = Literal["period", "before", "after"]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every value: an unknown member is an error, so that nothing hides in a statement."""


class TenantName(Line, frozen=True):
    id: UUID
    slug: str
    name: str


class QueueName(Line, frozen=True):
    id: UUID
    slug: str


class Bounds(Line, frozen=True):
    """[starts_at, ends_at): the midnights of `zone` that begin and end the period."""

    label: str
    zone: str
    starts_at: datetime
    ends_at: datetime


class Agreement(Line, frozen=True):
    """`hash` is the SHA-256 of the canonical JSON of `document`."""

    version: int
    hash: str
    document: dict[str, Any]


class InvoiceName(Line, frozen=True):
    """After the records, because numbers run without gaps: one is taken when all else is known to be good."""

    id: UUID
    number: str


class Header(Line, frozen=True):
    format: str
    operator: str
    tenant: TenantName
    period: Bounds
    currency: str
    contract: Agreement
    queues: list[QueueName]
    product_version: str
    generated_at: datetime
    public_key_id: str


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecordLine(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record without what would name a customer; a member that is absent has its default.

    `part`: `period` for the contacts of the period; `before` and `after` are the two accounts of a
    contact of an earlier period that was corrected after its invoice (`of` names that period).
    """

    tenant_id: UUID = UUID(int=0)
    source: str = "statement"
    external_id: str = "-"
    recorded_at: datetime = _EPOCH
    part: Part = "period"
    of: str | None = None


STATED = tuple(
    name
    for name in RecordLine.__struct_fields__
    if name not in {"tenant_id", "source", "external_id", "recorded_at", "customer_id", "agent_id"}
)
"""The members that a record line may have, in the order of the document."""
_DEFAULTS: dict[str, Any] = {field.name: field.default for field in msgspec.structs.fields(RecordLine)} | {"flags": []}


def stated_record(record: Record, customer: str | None, **more: Any) -> dict[str, Any]:
    """The value of a record line; `customer` is the keyed reference that stands for the customer."""
    value = {name: getattr(record, name) for name in STATED if hasattr(record, name)}
    value["customer_ref"] = customer
    value |= more
    return {name: item for name, item in value.items() if item != _DEFAULTS[name]}


class UsageLine(Line, frozen=True):
    """What the records of the period come to under one meter, before any contract."""

    meter: str
    unit: str
    contacts: int
    quantity: int


class ServiceLevelLine(Line, frozen=True):
    """A clause of the contract over the whole period; `percent` is shown at two places, and absent (null) when no
    contact counted. A credit that is owed for it is an invoice line of kind `credit` with the clause's id.
    """

    clause: str
    labels: dict[str, str]
    metric: str
    threshold_s: int
    short_abandon_s: int
    numerator: int
    denominator: int
    offered: int
    percent: Decimal | None
    target_percent: Decimal
    verdict: str


class UnitsLine(Line, frozen=True):
    """What is billed for a period once this statement is: contacts, or chargeable milliseconds before a rounding on
    the total, by the id of each item with a meter. Corrections in later statements start from here.
    """

    period: str
    items: dict[str, int]


class StepLine(Line, frozen=True):
    """One step of a line's arithmetic; the amounts of all steps add up to the line's amount."""

    code: str
    words: str
    amount: Decimal
    quantity: Decimal | None = None
    unit_price: Decimal | None = None


class InvoiceLine(Line, frozen=True):
    """`original_period` is set on corrections of an earlier period; the amount of a credit is negative."""

    position: int
    kind: str
    item: str
    labels: dict[str, str]
    meter: str | None
    contacts: int
    quantity: Decimal
    unit: str
    amount: Decimal
    tax: str | None
    original_period: str | None
    arithmetic: list[StepLine]


class TaxLine(Line, frozen=True):
    """`base` is the sum of the amounts under this tax; `amount` is rounded once. Corrections are taxed as the
    contract of their original period says.
    """

    code: str
    labels: dict[str, str]
    rate_percent: Decimal
    base: Decimal
    amount: Decimal
    original_period: str | None


class Totals(Line, frozen=True):
    net: Decimal
    taxes: list[TaxLine]
    tax: Decimal
    total: Decimal


class CorrectedPeriod(Line, frozen=True):
    """Where corrections of an earlier period start from: its contract, and the units billed so far by item
    (contacts, or milliseconds before a rounding on the total). `statement` is the chain head that billed them.
    """

    period: Bounds
    statement: str | None
    contract: Agreement
    billed: dict[str, int]


def plain_line(value: Line) -> dict[str, Any]:
    """A line's value for the writer."""
    return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, Line):
        return plain_line(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
