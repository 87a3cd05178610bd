"""Inputs and results of the ledger's use cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crewline_reporting.records.rules import Record


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of each record of a batch; every one is in exactly one of the lists.

    `added` was stored now and needs usage rows; `known` was there already with the same content;
    `conflicts` say something else than what is stored under their id, and were kept apart.
    """

    added: Sequence[Record]
    known: Sequence[Record]
    conflicts: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Correction:
    """A new version of a record, and the one that it replaces (for difference rows)."""

    previous: Record
    current: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFilter:
    """[from_at, to_at) over the instant that counts the contact: queue entry, or arrival if never queued.

    `wait_at_most_ms` is "within T", `wait_over_ms` "late", `wait_under_ms` "short";
    `not_within_ms` leaves out what was answered within it.
    """

    from_at: datetime
    to_at: datetime
    queue_id: UUID | None = None
    outcomes: tuple[str, ...] = ()
    channel: str | None = None
    agent_alias: str | None = None
    wait_at_most_ms: int | None = None
    wait_over_ms: int | None = None
    wait_under_ms: int | None = None
    in_hours: bool | None = None
    not_within_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page; the next page begins after it."""

    at: datetime
    contact_id: UUID


@dataclass(frozen=True, slots=True)
class ContactPage:
    """`next_after` is None on the last page."""

    contacts: Sequence[Record]
    next_after: Position | None
