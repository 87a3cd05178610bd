"""What a record uses. The same in the database and in a statement that a tenant recomputes."""

from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

from crewline_billing.rating.rules_lines import ContactUsage
from crewline_reporting.records.rules import Record, is_offered

Unit: TypeAlias = Literal["contact", "ms"]
HANDLED, OFFERED = "contact.handled", "contact.offered"
TALK, HOLD, WRAP = "time.talk", "time.hold", "time.wrap"
METERS: dict[str, Unit] = {
    HANDLED: "contact",
    OFFERED: "contact",
    TALK: "ms",
    HOLD: "ms",
    WRAP: "ms",
}


COLUMNS = {HANDLED: "handled", OFFERED: "offered", TALK: "talk_ms", HOLD: "hold_ms", WRAP: "wrap_ms"}
"""Where each meter's quantity stands: the column of `usage_row`, and the field of a contact's usage."""


class UsageRow(NamedTuple):
    """What one version of a contact uses, meter by meter (`COLUMNS`). Its usage is `sign` times the quantities.

    The quantities themselves are never negative. `billed_at` is the end of the contact: it decides the period, also
    of a correction.
    """

    contact_id: UUID
    version: int
    sign: Literal[1, -1]
    handled: int
    offered: int
    talk_ms: int
    hold_ms: int
    wrap_ms: int
    billed_at: datetime
    queue_id: UUID | None
    channel: str


class Scope(NamedTuple):
    """Which rows of a period: all, those of one invoice, or those that no invoice has yet."""

    invoice_id: UUID | None = None
    pending: bool = False


def contact_usage(record: Record, queue: str) -> ContactUsage:
    """What rating needs to know of a record; `queue` is the slug of its queue ('' when it never reached one).

    Only answered contacts use time: seconds on a contact that nobody answered are a fault of the source.
    """
    answered = record.outcome == "answered"
    return ContactUsage(
        contact_id=record.contact_id,
        version=record.version,
        ended_at=record.ended_at,
        queue=queue,
        channel=record.channel,
        outcome=record.outcome,
        disposition=record.disposition or "",
        in_hours=record.in_hours,
        handled=int(answered),
        offered=int(is_offered(record)),
        talk_ms=record.talk_ms if answered else 0,
        hold_ms=record.hold_ms if answered else 0,
        wrap_ms=record.wrap_ms if answered else 0,
    )


def usage_rows(record: Record) -> list[UsageRow]:
    """The row of a record; none when it used nothing."""
    return _rows(record, record.version, 1)


def difference_rows(previous: Record, record: Record) -> list[UsageRow]:
    """The rows of a correction: the previous version taken back whole, then the new one. Nothing is ever edited."""
    return [*_rows(previous, record.version, -1), *_rows(record, record.version, 1)]


def _rows(record: Record, version: int, sign: Literal[1, -1]) -> list[UsageRow]:
    used = contact_usage(record, "")
    quantities = (used.handled, used.offered, used.talk_ms, used.hold_ms, used.wrap_ms)
    if not any(quantities):
        return []
    row = UsageRow(record.contact_id, version, sign, *quantities, record.ended_at, record.queue_id, record.channel)
    return [row]
