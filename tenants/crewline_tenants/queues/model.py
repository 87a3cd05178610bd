"""A queue's name and what it promises."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """`target` is the share (0 to 1) of contacts to be answered within `threshold_ms`."""

    id: UUID
    slug: str
    name: str
    threshold_ms: int
    short_abandon_ms: int
    target: Decimal
    state: str
