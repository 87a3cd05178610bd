"""What rating takes and gives: usage, rated lines, their steps."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias
from uuid import UUID

import msgspec

from crewline_infra.money import plain

LineKind: TypeAlias = Literal["usage", "fixed", "true_up", "credit"]
"""As stored on an invoice line: `fixed` is a flat fee, a percentage or the rounding of an invoice's sum."""

StepCode: TypeAlias = Literal[
    "measured",
    "included",
    "flat",
    "waived",
    "unit",
    "tier",
    "fee",
    "package",
    "percentage",
    "cap",
    "commitment",
    "billed",
    "rounding",
]


class ContactUsage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one contact used: the sum of its usage rows, or the same read from a record of a statement.

    `handled` and `offered` are 1 or 0. `queue` is the queue's slug. `ended_at` decides the period.
    """

    contact_id: UUID
    version: int = 1
    ended_at: datetime | None = None
    queue: str = ""
    channel: str = "voice"
    outcome: str = "answered"
    disposition: str = ""
    in_hours: bool = True
    handled: int = 0
    offered: int = 0
    talk_ms: int = 0
    hold_ms: int = 0
    wrap_ms: int = 0


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """The usage of one period: contacts, or bare quantities by meter (in the unit that the item prices)."""

    contacts: Sequence[ContactUsage] = ()
    quantities: Mapping[str, Decimal] = {}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the arithmetic. The amounts of a line's steps add up to the line's amount exactly."""

    code: StepCode
    words: str
    amount: Decimal
    quantity: Decimal | None = None
    unit_price: Decimal | None = None


class RatedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One priced line, before tax. `contacts` is how many contacts stand behind it; amounts of credits are negative."""

    item_id: str
    kind: LineKind
    labels: dict[str, str]
    amount: Decimal
    steps: tuple[Step, ...]
    meter: str | None = None
    unit: str = ""
    quantity: Decimal = Decimal(0)
    contacts: int = 0
    tax: str | None = None


class TaxLine(msgspec.Struct, frozen=True, kw_only=True):
    """Tax of one code: `amount` is `rate_percent` of `base`, rounded once."""

    code: str
    labels: dict[str, str]
    rate_percent: Decimal
    base: Decimal
    amount: Decimal


def plain_steps(line: RatedLine) -> list[dict[str, Any]]:
    """The steps as JSON data (numbers as text without exponents), in the form that is stored, printed and hashed."""
    return [
        {
            "code": step.code,
            "words": step.words,
            "quantity": None if step.quantity is None else plain(step.quantity),
            "unit_price": None if step.unit_price is None else plain(step.unit_price),
            "amount": plain(step.amount),
        }
        for step in line.steps
    ]
